"""The user's code again: is it here, is it what it was, and the objects themselves."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from envlock.custom import source
from envlock.errors import CustomObjectError
from envlock.facts import CustomObject, Unknown
from envlock.store import sha256

__all__ = ["CAPTURED", "import_path", "resolve", "states", "trust_captured"]

CAPTURED = "captured"

PRESENT = "present"
CHANGED = "changed"
MISSING = "missing"


def import_path() -> list[str]:
    """Where modules are looked for: the path of this Python, and last the folder one works in."""
    return [*sys.path, str(Path.cwd())]


def states(objects: Iterable[CustomObject], *, path: Sequence[str] | None = None) -> dict[str, str]:
    """
    For each object by name: `present` as it was locked, `changed`, or `missing`.

    Its recorded module is looked up on `path` and read, not imported.
    """
    return {item.name: _state(item, path) for item in objects}


def resolve(objects: Iterable[CustomObject], *, given: Mapping[str, Any]) -> dict[str, Any]:
    """
    The objects under every name that Keras may ask for, what the caller gave first.

    Each recorded module is imported only if its file defines the object and is the user's own or uses
    Keras, so that a lock cannot have just any module imported or function called. What is not to be
    had is left out: Keras says so in its own words.
    """
    found: dict[str, Any] = {}
    for item in objects:
        short = item.qualname.rpartition(".")[2]
        if item.name in given or short in given:
            continue
        value = _value(item)
        if value is not None:
            found[item.name] = found[short] = value
    return found | dict(given)


def trust_captured(objects: Iterable[CustomObject], folder: Path, digests: Mapping[str, str]) -> None:
    """
    Let the source that was captured with the model stand in for modules that are not here.

    `folder` holds the captured modules, `digests` the locked sha256 of each file below it.
    `CustomObjectError` names a file that is not as it was locked.
    """
    files: dict[str, Path] = {}
    for name in {module for item in objects if isinstance(item.modules, tuple) for module in item.modules}:
        for relative in (f"{name.replace('.', '/')}.py", f"{name.replace('.', '/')}/__init__.py"):
            if relative in digests:
                files[name] = _checked(folder / relative, digests[relative])
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Captured)]
    sys.meta_path.append(_Captured(folder, files))


class _Captured:
    """Finds captured modules, last of all: what is installed here is never shadowed."""

    def __init__(self, folder: Path, files: Mapping[str, Path]) -> None:
        self.folder = folder
        self.files = files

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - the protocol's
        target: ModuleType | None = None,  # noqa: ARG002 - the protocol's
    ) -> ModuleSpec | None:
        file = self.files.get(fullname)
        if file is None:
            # The folders above a captured module hold nothing of their own.
            above = any(name.startswith(f"{fullname}.") for name in self.files)
            return ModuleSpec(fullname, None, is_package=True) if above else None
        from importlib.util import spec_from_file_location

        packages = [str(file.parent)] if file.name == "__init__.py" else None
        return spec_from_file_location(fullname, file, submodule_search_locations=packages)


def _checked(file: Path, expected: str) -> Path:
    if not file.is_file() or sha256(file) != expected:
        raise CustomObjectError(
            f"captured source {file.name} is not as it was locked", hint="restore it or save again"
        )
    return file


def _state(item: CustomObject, path: Sequence[str] | None) -> str:
    file = _file(item, path)
    if file is None or source.digest(file, item.qualname) is None:
        return MISSING
    if item.module == "__main__":
        found = source.digest(file, item.qualname)
    else:
        search = list(sys.path if path is None else path)
        found = source.meaning(item.module, item.qualname, [*search, *_captured_folders()])
    # A digest that is unknown on either side compares with nothing; the object is there.
    if not isinstance(found, str) or isinstance(item.digest, Unknown):
        return PRESENT
    return PRESENT if found == item.digest else CHANGED


def _captured_folders() -> list[str]:
    return [str(finder.folder) for finder in sys.meta_path if isinstance(finder, _Captured)]


def _file(item: CustomObject, path: Sequence[str] | None) -> Path | None:
    loaded = sys.modules.get(item.module)
    if loaded is not None and item.module == "__main__":
        name = getattr(loaded, "__file__", None)
        return Path(name) if name else None
    return source.locate(item.module, path) or _captured(item.module)


def _captured(module: str) -> Path | None:
    """The captured source that the caller trusts for a module that is not here."""
    finders = [finder for finder in sys.meta_path if isinstance(finder, _Captured)]
    return finders[0].files.get(module) if finders else None


def _value(item: CustomObject) -> Any:
    file = _file(item, None)
    if file is None or not _is_plausible(item, file):
        return None
    module = sys.modules.get(item.module)
    loaded = getattr(module, "__file__", None)
    if loaded and not Path(loaded).samefile(file):
        raise CustomObjectError(
            f"module {item.module} is already imported from another file than {item.qualname} is in"
        )
    value: Any = module or importlib.import_module(item.module)
    for part in item.qualname.split("."):
        value = getattr(value, part, None)
    own = getattr(value, "__module__", None) == item.module
    # Keras calls what it is given with arguments from the file: only what the module itself defines is given.
    return value if own and (isinstance(value, (FunctionType, type))) else None


def _is_plausible(item: CustomObject, file: Path) -> bool:
    """Whether a file can hold code of a model: the user's own, or installed code that uses Keras."""
    if item.module.partition(".")[0] in sys.stdlib_module_names or not isinstance(
        source.digest(file, item.qualname), str
    ):
        return False
    if source.is_local(file):
        return True
    try:
        return bool(source.top_level(source.Module(item.module, file)) & {"keras", "tf_keras", "tensorflow"})
    except (OSError, SyntaxError, ValueError):
        return False
