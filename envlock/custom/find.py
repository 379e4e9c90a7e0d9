"""The classes and functions of the user that a saved model asks for."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FunctionType
from typing import Any

from envlock.capture.packages import Distribution, normalised
from envlock.custom import source
from envlock.facts import Content, CustomObject, Maybe, Unknown

__all__ = ["custom_objects", "referenced"]

_FRAMEWORKS = {"keras", "tf_keras", "tensorflow", "builtins", "numpy", "jax", "torch"}
_VISIT_LIMIT = 200_000

Named = Callable[[Any], str]


def custom_objects(
    model: Any,
    content: Content,
    *,
    name_of: Named,
    passed: Mapping[str, Any],
    distributions: Mapping[str, Distribution],
) -> Maybe[tuple[CustomObject, ...]]:
    """
    What the architecture in `content` asks for that is not Keras' own, sorted by name.

    `model` is the live model it was saved from, `name_of` gives the name under which Keras
    serialises a class or function, `passed` holds objects that the caller named.
    """
    if isinstance(content.config, Unknown):
        return content.config
    asked = set(referenced([content.config, content.compile_config]))
    found: dict[str, CustomObject] = {}
    for name, kind in [*((name_of(kind), kind) for kind in _live(model)), *passed.items()]:
        if isinstance(kind, (FunctionType, type)) and {name, kind.__name__} & asked:
            found[name] = _describe(name, kind, distributions)
    return tuple(found[name] for name in sorted(found))


def referenced(data: object) -> Iterator[str]:
    """Every string in an architecture: among them all names of classes and functions."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for item in data.values():
            yield from referenced(item)
    elif isinstance(data, (list, tuple)):
        for item in data:
            yield from referenced(item)


def _live(model: Any) -> Iterator[Any]:
    """The user's classes and functions that a live model holds, each once."""
    seen: set[int] = set()
    waiting = [model, *(getattr(model, name, None) for name in ("optimizer", "loss", "metrics"))]
    kinds: set[int] = set()
    while waiting and len(seen) < _VISIT_LIMIT:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        kind = item if isinstance(item, (FunctionType, type)) else type(item)
        if _is_users(kind) and id(kind) not in kinds:
            kinds.add(id(kind))
            yield kind
        waiting.extend(_held(item))


def _held(item: Any) -> list[Any]:
    if isinstance(item, dict):
        return list(item.values())
    if isinstance(item, (list, tuple, set, frozenset)):
        return list(item)
    root = type(item).__module__.partition(".")[0]
    if root in {"keras", "tf_keras"} or hasattr(item, "get_config"):
        return list(getattr(item, "__dict__", {}).values())
    return []


def _is_users(kind: Any) -> bool:
    module = getattr(kind, "__module__", None) or ""
    if module.partition(".")[0] in _FRAMEWORKS or kind.__name__ == "<lambda>":
        return False
    return isinstance(kind, FunctionType) or hasattr(kind, "get_config")


def _describe(name: str, kind: Any, distributions: Mapping[str, Distribution]) -> CustomObject:
    module, qualname = kind.__module__, kind.__qualname__
    file = _file_of(kind)
    local = source.local_closure(module) if module != "__main__" else []
    wanted: set[str] = set()
    for part in local:
        wanted |= source.top_level(part)
    # The frameworks come under several names; they are facts of their own.
    wanted -= {part.name.partition(".")[0] for part in local} | _FRAMEWORKS
    return CustomObject(
        name=name,
        kind="function" if isinstance(kind, FunctionType) else "class",
        module=module,
        qualname=qualname,
        digest=_digest(file, module, qualname),
        distribution=None
        if local or module == "__main__"
        else _owner(module.partition(".")[0], distributions),
        modules=tuple(part.name for part in local),
        imports=tuple(sorted({owner for top in wanted if (owner := _owner(top, distributions))})),
    )


def _digest(file: Path | None, module: str, qualname: str) -> Maybe[str]:
    if file is None:
        return Unknown("its source is in no file")
    found = source.digest(file, qualname) if module == "__main__" else source.meaning(module, qualname)
    return Unknown(f"{file.name} does not define it by that name") if found is None else found


def _file_of(kind: Any) -> Path | None:
    try:
        name = inspect.getsourcefile(kind)
    except (TypeError, OSError):  # built in, or typed into an interpreter
        return None
    return Path(name) if name and Path(name).is_file() else None


def _owner(top: str, distributions: Mapping[str, Distribution]) -> str | None:
    """
    The distribution that installs the top-level module `top`, `None` where none does.

    Most are called as their module; the others are found by the list of files that each installed.
    """
    module = sys.modules.get(top)
    at = source.locate(top) or Path(getattr(module, "__file__", None) or "")
    if at.name and source.is_local(at):
        return None
    likely = normalised(top)
    names = [likely, *(name for name in distributions if name != likely)]
    return next(
        (name for name in names if name in distributions and _installs(distributions[name], top)), None
    )


def _installs(distribution: Distribution, top: str) -> bool:
    for listing in ("RECORD", "installed-files.txt"):
        try:
            text = (distribution.info / listing).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        return any(line.startswith((f"{top}/", f"{top}.")) for line in text.splitlines())
    return False
