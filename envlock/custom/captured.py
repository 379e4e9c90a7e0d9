"""The source that custom objects need, stored beside the lock; never one that seems to hold a secret."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

from envlock import redact
from envlock.custom import source
from envlock.facts import CustomObject, Maybe, Unknown
from envlock.values import replace

__all__ = ["copy", "warn_of_refused"]


def copy(objects: Maybe[tuple[CustomObject, ...]], folder: Path) -> Maybe[tuple[CustomObject, ...]]:
    """
    Copy the local modules that custom objects need into `folder`, under the names they are imported by.

    The objects come back. Where the source of one seems to hold a secret, none of its modules is copied:
    they are unknown, and the reason names file and line.
    """
    if isinstance(objects, Unknown):
        return objects
    files = {module: file for module in _modules(objects) if (file := source.locate(module))}
    objects = tuple(_of_program(item) for item in objects)
    read = {module: _read(file) for module, file in files.items()}
    refused = {module: found.reason for module, found in read.items() if isinstance(found, Unknown)}
    kept = tuple(_without(item, refused) for item in objects)
    for module in _modules(kept):
        found = read.get(module)
        if isinstance(found, bytes):
            _write(found, folder / module.replace(".", "/"), is_package=files[module].name == "__init__.py")
    return kept


def warn_of_refused(objects: Maybe[tuple[CustomObject, ...]], *, stacklevel: int) -> None:
    """Say which source was not stored, once for each reason, and what to do."""
    listed = () if isinstance(objects, Unknown) else objects
    reasons = {
        item.modules.reason
        for item in listed
        if isinstance(item.modules, Unknown) and item.module != "__main__"  # of notebooks that is the rule
    }
    hint = "move it out of the code, or end its line with `# pragma: allowlist secret`"
    for reason in sorted(reasons):
        warnings.warn(f"{reason}; {hint}" if "secret" in reason else reason, stacklevel=stacklevel + 1)


def _modules(objects: tuple[CustomObject, ...]) -> list[str]:
    known = (item.modules for item in objects if isinstance(item.modules, tuple))
    return sorted({module for modules in known for module in modules})


def _write(data: bytes, target: Path, *, is_package: bool) -> None:
    target = target / "__init__.py" if is_package else target.with_suffix(".py")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)


def _read(file: Path) -> Maybe[bytes]:
    """A source file, unknown where it may not be stored or cannot be read."""
    try:
        data = file.read_bytes()
    except OSError as error:
        return Unknown(f"{file.name} cannot be read, so its source was not stored: {error.strerror}")
    hits = redact.secrets(data.decode("utf-8", "replace"))
    if not hits:
        return data
    where = f"line {hits[0].line} of {file.name}"
    return Unknown(f"{where} holds what looks like a secret ({hits[0].kind}), so its source was not stored")


def _of_program(item: CustomObject) -> CustomObject:
    if item.module != "__main__":
        return item
    reason = "it was defined in the program itself, so its source was not stored; move it to a module"
    return replace(item, modules=Unknown(reason))


def _without(item: CustomObject, refused: Mapping[str, str]) -> CustomObject:
    modules = item.modules if isinstance(item.modules, tuple) else ()
    reasons = dict.fromkeys(refused[module] for module in modules if module in refused)
    return replace(item, modules=Unknown("; ".join(reasons))) if reasons else item
