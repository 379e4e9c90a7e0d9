"""The user's own objects again, for Keras to use."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from envlock.capture.packages import Distribution
from envlock.custom import source
from envlock.custom.find import FRAMEWORKS, is_users, owner
from envlock.custom.isolated import Captured
from envlock.custom.meaning import Sources, meaning
from envlock.custom.reach import PROGRAM
from envlock.custom.states import names_of
from envlock.errors import CustomObjectError
from envlock.facts import CustomObject
from envlock.store import sha256_of
from envlock.values import frozen

__all__ = ["Resolver", "captured"]

_KERAS = {"keras", "tf_keras", "tensorflow"}
_CODE = "code/"


def captured(objects: Iterable[CustomObject], folder: Path, digests: Mapping[str, str]) -> Captured:
    """
    The source that was captured with a model, ready to be run.

    `folder` holds the attachments, `digests` the locked sha256 of each file below it.
    `CustomObjectError` names a file that is not as it was locked.
    """
    texts: dict[str, bytes] = {}
    packages = []
    for name in sorted(
        {name for item in objects if isinstance(item.modules, tuple) for name in item.modules}
    ):
        for ending in (".py", "/__init__.py"):
            relative = f"{_CODE}{name.replace('.', '/')}{ending}"
            if relative in digests:
                texts[name] = _checked(folder / relative, digests[relative])
                packages += [name] if ending != ".py" else []
    key = sha256_of("\n".join(f"{name} {sha256_of(text)}" for name, text in texts.items()).encode())
    return Captured(key[:12], texts, packages)


def _checked(file: Path, expected: str) -> bytes:
    try:
        data = file.read_bytes()
    except OSError:
        data = b""
    if sha256_of(data) != expected:
        raise CustomObjectError(
            f"captured source {file.name} is not as it was locked", hint="restore it or save again"
        )
    return data


@frozen(kw_only=True)
class Resolver:
    """
    Finds a model's own objects, in this order, and runs nothing that was not trusted.

    `given` is what the caller passes; `registered` tells what Keras knows under a name; then comes the
    recorded module, which is imported only if it is the user's own or of the distribution that was recorded,
    and is not found in a folder `beside`, where the model lies; last `stored`, the captured source, where
    the caller trusts it. It runs inside `apart`.
    """

    given: Mapping[str, Any]
    registered: Callable[[str], Any]
    beside: frozenset[Path]
    distributions: Callable[[], Mapping[str, Distribution]]
    stored: Captured | None = None
    apart: Callable[[], AbstractContextManager[Any]] = nullcontext

    def objects(self, items: Iterable[CustomObject]) -> tuple[dict[str, Any], dict[str, str]]:
        """The objects by every name that Keras may ask for, and of those that cannot be had the reason."""
        found: dict[str, Any] = {}
        short: dict[str, Any] = {}
        lost: dict[str, str] = {}
        items = tuple(items)
        for item in items:
            others = {other.name for other in items} - {item.name}
            value, reason = self._one(item, others)
            if value is None:
                lost[item.name] = reason
            else:
                found[item.name] = short[item.qualname.rpartition(".")[2]] = value
        return short | found | dict(self.given), lost

    def _one(self, item: CustomObject, others: set[str]) -> tuple[Any, str]:
        """An object, or why it cannot be had; what is given under a name of the `others` is not for it."""
        names = (name for name in names_of(item) if name not in others)
        given = next((self.given[name] for name in names if name in self.given), None)
        if given is not None:
            return given, ""
        value = self.registered(item.name)
        if value is not None:
            return value, ""
        value, reason = self._recorded(item)
        return (value, "") if value is not None else self._stored(item, reason)

    def _recorded(self, item: CustomObject) -> tuple[Any, str]:
        """What the recorded module has, or why it is not asked."""
        if item.module == PROGRAM:
            return _own(sys.modules.get(PROGRAM), item), "it was defined in the program that saved the model"
        reason = self.refused(item)
        if reason:
            return None, reason
        module, failed = _imported(
            lambda: sys.modules.get(item.module) or importlib.import_module(item.module)
        )
        return _own(module, item), f"module {item.module} {failed or 'does not define it'}"

    def refused(self, item: CustomObject) -> str:
        """Why the recorded module is not asked for an object, empty where it may be; it is not imported."""
        if item.module == PROGRAM:
            return ""
        where, file = f"module {item.module}", source.locate(item.module)
        if file is None:
            return f"{where} is not here"
        if "<locals>" in item.qualname or not isinstance(source.digest(file, item.qualname), str):
            return f"{where} does not define it"
        reason = self._forbidden(item, file)
        loaded = getattr(sys.modules.get(item.module), "__file__", None)
        if not reason and loaded and not _is_same(loaded, file):
            reason = "is imported already, from another file"
        return f"{where} {reason}" if reason else ""

    def _forbidden(self, item: CustomObject, file: Path) -> str:
        """Why a lock may not have this module imported, empty where it may."""
        top = item.module.partition(".")[0]
        if top in sys.stdlib_module_names:
            return "is of Python's own library"
        if top in FRAMEWORKS:
            return "is no code of the user's"
        is_imported = item.module in sys.modules
        if not is_imported and any(folder in file.resolve().parents for folder in self.beside):
            return "lies with the model, and may have come with it: import it yourself first"
        is_local, uses_keras = source.is_local(file), _uses_keras(item.module, file)
        if uses_keras and (is_local or self._is_of(item, top)):
            return ""
        # What an installed module means is known to everybody, what one of the user's own means is not.
        is_same = meaning(Sources(), item.module, item.qualname) == item.digest
        if is_local:
            return "" if is_same or is_imported else "is not as it was recorded, and does not use Keras"
        if not uses_keras:
            return "does not use Keras"
        return "" if is_same else "is of another package than at save"

    def _is_of(self, item: CustomObject, top: str) -> bool:
        return item.distribution is not None and owner(top, self.distributions()) == item.distribution

    def _stored(self, item: CustomObject, reason: str) -> tuple[Any, str]:
        """What the captured source has, if it is trusted; else the reason that was found before."""
        stored, modules = self.stored, item.modules if isinstance(item.modules, tuple) else ()
        if stored is None or item.module not in modules or not stored.has(item.module):
            return None, reason
        with self.apart():
            module, failed = _imported(lambda: stored.module(item.module))
        return _own(module, item), f"its stored source {failed}" if failed else reason


def _imported(module: Callable[[], ModuleType]) -> tuple[ModuleType | None, str]:
    """A module, or what its import raised."""
    try:
        return module(), ""
    except Exception as error:  # noqa: BLE001 - a module of the user's may raise anything
        said = " ".join(str(error).split())[:200]
        return None, f"cannot be imported: {type(error).__name__}: {said}"


def _is_same(loaded: str, file: Path) -> bool:
    try:
        return Path(loaded).samefile(file)
    except OSError:  # it is gone since, or never was a file
        return False


def _own(module: ModuleType | None, item: CustomObject) -> Any:
    """
    What a module has under an object's name, if it defines it itself.

    Keras calls what it is given with arguments from the file: no other function is handed over.
    """
    value: Any = module
    for part in item.qualname.split("."):
        value = getattr(value, part, None)
    is_own = module is not None and getattr(value, "__module__", None) == module.__name__
    return value if is_own and isinstance(value, (FunctionType, type)) and is_users(value) else None


def _uses_keras(name: str, file: Path) -> bool:
    """Whether a module, or a local one that it imports, works with Keras."""
    modules = source.local_closure(name) or [source.Module.at(name, file)]
    return any(source.top_level(module) & _KERAS for module in modules)
