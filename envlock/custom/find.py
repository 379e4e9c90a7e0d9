"""The classes and functions of the user that a saved model asks for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import FunctionType
from typing import Any

from envlock.artifacts.config import Custom, inventory
from envlock.capture.packages import Distribution, normalised
from envlock.custom import source
from envlock.custom.isolated import original_name
from envlock.custom.meaning import Sources, meaning, reached
from envlock.custom.reach import PROGRAM
from envlock.facts import Constructor, Content, CustomObject, Maybe, Unknown
from envlock.values import frozen

__all__ = [
    "FRAMEWORKS",
    "Asked",
    "asked_for",
    "described",
    "modules_named",
    "owner",
    "referenced",
    "users_objects",
]

# What every model has, or nobody's model needs; of these no module is the user's.
FRAMEWORKS = {"envlock", "keras", "tf_keras", "tensorflow", "builtins", "numpy", "jax", "torch"}
# Keras' own classes whose `from_config` hands the configuration on as it is.
_PLAIN_MAKERS = {
    *("Layer", "Model", "Operation", "Functional", "Loss", "Metric", "Regularizer", "Constraint"),
    *("LearningRateSchedule", "object"),
}
# What the constructors of functional models take, in Keras 3 and 2.
_OF_FUNCTIONAL = {("inputs", "outputs", "name"), ("inputs", "outputs", "name", "trainable")}
_VISIT_LIMIT = 200_000

Named = Callable[[Any], str]
Known = Callable[[str], Any]


@frozen
class Asked:
    """
    What a saved model asks for: the user's objects by the names it has for them, and what was not found.

    Of the latter each comes with those that ask for it. `alike` holds those that the file calls the same.
    """

    kinds: dict[str, Any]
    lost: tuple[Custom, ...]
    alike: dict[str, tuple[str, ...]]


def asked_for(
    model: Any, content: Content, *, name_of: Named, known: Known, passed: Mapping[str, Any]
) -> Maybe[Asked]:
    """
    The live classes and functions behind all names in `content` that are not Keras' own.

    `model` is the live model it was saved from, `name_of` gives the name under which Keras serialises a
    class or function, `known` what Keras has registered under a name; `passed` holds objects that the
    caller named.
    """
    if isinstance(content.config, Unknown):
        return content.config
    texts = set(referenced([content.config, content.compile_config]))
    held = [(name_of(kind), kind) for kind in users_objects(model)]
    found = {
        name: kind
        for name, kind in (*held, *passed.items())
        if isinstance(kind, (FunctionType, type)) and {name, kind.__name__} & texts
    }
    places = {name: _places(name, held, content) for name in found}
    alike = {name: several for name, several in places.items() if len(several) > 1}
    meant = {own: kind for own, kind in held if own not in passed and places.get(own) == (_place(kind),)}
    found = {name: meant.get(name, kind) for name, kind in found.items() if name not in alike}
    listed = inventory(content)
    lost = []
    for item in () if isinstance(listed, Unknown) else listed.custom:
        if _short(item.name) in {_short(name) for name in (*found, *alike)}:
            continue
        kind = known(item.name) or _in_module(item)
        if isinstance(kind, (FunctionType, type)) and is_users(kind):
            found[item.name] = kind
        else:
            lost.append(item)
    return Asked({name: found[name] for name in sorted(found)}, tuple(lost), alike)


def _places(name: str, held: Iterable[tuple[str, Any]], content: Content) -> tuple[str, ...]:
    """Where all that a file means by one name was defined."""
    places = {_place(kind): kind for own, kind in held if own == name}
    if len(places) > 1:
        # What an object holds inside is not in the file; a file that tells modules says which it means.
        told = modules_named(name, content)
        places = {place: kind for place, kind in places.items() if not told or kind.__module__ in told}
    return tuple(sorted(places))


def _place(kind: Any) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def modules_named(name: str, content: Content) -> tuple[str, ...]:
    """The modules that a file gives with a name, none where it gives names alone."""
    asking = _asking(name, [content.config, content.compile_config])
    return tuple(sorted({str(item["module"]) for item in asking if item.get("module")}))


def _asking(name: str, data: object) -> Iterator[dict[str, Any]]:
    """The parts of an architecture that name a class or function."""
    waiting = [data]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend(item.values())
            registered = _text(item, "registered_name")
            bare = () if ">" in registered else (_text(item, "class_name"), _text(item, "config"))
            if name in {registered, *bare}:
                yield item
        elif isinstance(item, (list, tuple)):
            waiting.extend(item)


def _text(item: Mapping[str, Any], key: str) -> str:
    value = item.get(key)
    return value if isinstance(value, str) else ""


def _short(name: str) -> str:
    return name.rpartition(">")[2].rpartition(".")[2]


def _in_module(item: Custom) -> Any:
    """What the module that a configuration names has under that name, if the program has imported it."""
    value: Any = sys.modules.get(item.module or "")
    for part in _short(item.name).split("."):
        value = getattr(value, part, None)
    return value


def referenced(data: object) -> Iterator[str]:
    """Every string in an architecture: among them all names of classes and functions."""
    waiting = [data]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, (list, tuple)):
            waiting.extend(item)


def users_objects(model: Any, *, instances: bool = False) -> Iterator[Any]:
    """
    The user's classes and functions that a live model holds, each once.

    With `instances` the objects of these classes instead.
    """
    seen: set[int] = set()
    waiting = [model, *(getattr(model, name, None) for name in ("optimizer", "loss", "metrics"))]
    kinds: set[int] = set()
    while waiting and len(seen) < _VISIT_LIMIT:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        kind = item if isinstance(item, (FunctionType, type)) else type(item)
        if is_users(kind) and kind.__name__ != "<lambda>" and (instances or id(kind) not in kinds):
            kinds.add(id(kind))
            yield item if instances else kind
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


def is_users(kind: Any) -> bool:
    module = getattr(kind, "__module__", None) or ""
    if module.partition(".")[0] in FRAMEWORKS:
        return False
    return isinstance(kind, FunctionType) or hasattr(kind, "get_config")


def described(
    kinds: Mapping[str, Any], sources: Sources, distributions: Mapping[str, Distribution]
) -> tuple[CustomObject, ...]:
    """Each class or function by the name that the model asks for, as it is recorded."""
    return tuple(_describe(name, kinds[name], sources, distributions) for name in sorted(kinds))


def _describe(
    name: str, kind: Any, sources: Sources, distributions: Mapping[str, Distribution]
) -> CustomObject:
    module, qualname = kind.__module__, kind.__qualname__
    local = _local_modules(sources, module, qualname)
    wanted: set[str] = set()
    for part in local:
        wanted |= source.top_level(part)
    # The frameworks come under several names; they are facts of their own.
    wanted -= {part.name.partition(".")[0] for part in local} | FRAMEWORKS
    is_own = bool(local) or module == PROGRAM
    if original_name(module) != module:
        return _from_stored(name, kind, module)
    return CustomObject(
        name=name,
        kind="function" if isinstance(kind, FunctionType) else "class",
        module=module,
        qualname=qualname,
        digest=_digest(kind, sources),
        distribution=None if is_own else owner(module.partition(".")[0], distributions),
        modules=tuple(part.name for part in local),
        imports=tuple(sorted({own for top in wanted if (own := owner(top, distributions))})),
        constructor=_constructor(kind),
    )


def _constructor(kind: Any) -> Constructor | None:
    """What a class takes when it is made from its configuration, where its own constructor does that."""
    import inspect

    if not isinstance(kind, type) or not _is_frameworks(kind, "from_config"):
        return None
    if _is_frameworks(kind, "__init__") or _holder(kind, "from_config").__name__ not in _PLAIN_MAKERS:
        return None
    try:
        spec = inspect.getfullargspec(vars(_holder(kind, "__init__"))["__init__"])
    except TypeError:
        return None
    named = tuple(spec.args[1:])
    optional = {*named[len(named) - len(spec.defaults or ()) :], *(spec.kwonlydefaults or ())}
    takes = (*named, *spec.kwonlyargs)
    return Constructor(
        takes=takes,
        needs=tuple(name for name in takes if name not in optional),
        takes_any=spec.varkw is not None,
        takes_tensors=spec.varargs is not None or {"inputs", "outputs"} <= set(takes),
        # Keras goes by these very names.
        is_functional=(spec.varargs, spec.varkw) == ("args", "kwargs") or named in _OF_FUNCTIONAL,
    )


def _is_frameworks(kind: type, name: str) -> bool:
    """Whether a method of a class is that of Keras or TensorFlow; one that it does not have is too."""
    by = _holder(kind, name)
    return by is object or by.__module__.partition(".")[0] in FRAMEWORKS


def _holder(kind: type, name: str) -> type:
    """The class that a method comes from."""
    return next((part for part in kind.__mro__ if name in vars(part)), object)


def _from_stored(name: str, kind: Any, module: str) -> CustomObject:
    """An object whose own source came with another model, and is in no file of this program."""
    reason = "it was loaded from source stored with a model; save from where that source is at home"
    return CustomObject(
        name=name,
        kind="function" if isinstance(kind, FunctionType) else "class",
        module=original_name(module),
        qualname=kind.__qualname__,
        digest=Unknown(reason),
        distribution=None,
        modules=Unknown(reason),
        imports=(),
    )


def _local_modules(sources: Sources, module: str, qualname: str) -> list[source.Module]:
    """The user's modules that are imported with an object; of the program itself those that it reaches."""
    if module != PROGRAM:
        return source.local_closure(module)
    pieces = reached(sources, module, qualname)
    found = {
        part.name: part for name in (pieces.modules if pieces else ()) for part in source.local_closure(name)
    }
    program = sources.find(PROGRAM)
    own = [program] if program is not None and pieces is not None else []
    return [*own, *(found[name] for name in sorted(found))]


def _digest(kind: Any, sources: Sources) -> Maybe[str]:
    found = meaning(sources, kind.__module__, kind.__qualname__)
    if isinstance(found, str):
        return found
    file = _file_of(kind)
    if file is None:
        return Unknown("its source is in no file")
    return found or Unknown(f"{file.name} does not define it by that name")


def _file_of(kind: Any) -> Path | None:
    import inspect

    try:
        name = inspect.getsourcefile(kind)
    except (TypeError, OSError):  # built in, or typed into an interpreter
        return None
    return Path(name) if name and Path(name).is_file() else None


def owner(top: str, distributions: Mapping[str, Distribution]) -> str | None:
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
