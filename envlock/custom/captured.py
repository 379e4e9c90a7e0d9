"""The source that custom objects need, stored beside the lock; never one that seems to hold a secret."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

from envlock import redact
from envlock.custom import source
from envlock.facts import CustomObject, Maybe, Unknown
from envlock.values import replace

__all__ = ["copy"]


def copy(objects: Maybe[tuple[CustomObject, ...]], folder: Path) -> Maybe[tuple[CustomObject, ...]]:
    """
    Copy the local modules that custom objects need into `folder`, under the names they are imported by.

    The objects come back. Where the source of one seems to hold a secret, none of its modules is copied,
    they are unknown with the reason, and a warning names file and line.
    """
    if isinstance(objects, Unknown):
        return objects
    files = {module: file for module in _modules(objects) if (file := source.locate(module))}
    refused = {module: reason for module, file in files.items() if (reason := _refusal(file))}
    kept = tuple(_without(item, refused) for item in objects)
    for module in _modules(kept):
        if module in files:
            _copy(files[module], folder / module.replace(".", "/"))
    for reason in sorted(set(refused.values())):
        hint = "move it out of the code, or end its line with `# pragma: allowlist secret`"
        warnings.warn(f"{reason}; {hint}", stacklevel=6)
    return kept


def _modules(objects: tuple[CustomObject, ...]) -> list[str]:
    known = (item.modules for item in objects if isinstance(item.modules, tuple))
    return sorted({module for modules in known for module in modules})


def _copy(file: Path, target: Path) -> None:
    target = target / "__init__.py" if file.name == "__init__.py" else target.with_suffix(".py")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(file.read_bytes())


def _refusal(file: Path) -> str:
    """Why a source file is not stored, empty when it may be."""
    hits = redact.secrets(file.read_text(encoding="utf-8", errors="replace"))
    if not hits:
        return ""
    where = f"line {hits[0].line} of {file.name}"
    return f"{where} holds what looks like a secret ({hits[0].kind}), so its source was not stored"


def _without(item: CustomObject, refused: Mapping[str, str]) -> CustomObject:
    modules = item.modules if isinstance(item.modules, tuple) else ()
    reason = next((refused[module] for module in modules if module in refused), None)
    return replace(item, modules=Unknown(reason)) if reason else item
