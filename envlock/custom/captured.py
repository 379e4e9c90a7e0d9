"""The source that custom objects need, stored beside the lock; never one that seems to hold a secret."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from envlock import redact
from envlock.custom import program, source
from envlock.custom.meaning import Sources, reached
from envlock.custom.reach import PROGRAM
from envlock.facts import CustomObject, Maybe, Unknown
from envlock.values import replace

__all__ = ["copy"]

_ROOTS = ("pyproject.toml", "setup.py", "setup.cfg", ".git", ".hg")


def copy(
    objects: Maybe[tuple[CustomObject, ...]], folder: Path, sources: Sources
) -> Maybe[tuple[CustomObject, ...]]:
    """
    Copy the local modules that custom objects need into `folder`, under the names they are imported by.

    Of the running program only what they reach is taken. The objects come back. Where the source of one
    cannot be stored, none of its modules is copied: they are unknown, and the reason says why.
    """
    if isinstance(objects, Unknown):
        return objects
    files = {name: file for name in _modules(objects) if name != PROGRAM and (file := source.locate(name))}
    objects = tuple(_inside_project(_of_program(item, sources), files, sources) for item in objects)
    read = {module: _read(file) for module, file in files.items()}
    refused = {module: found.reason for module, found in read.items() if isinstance(found, Unknown)}
    kept = tuple(_without(item, refused) for item in objects)
    for module in _modules(kept):
        found = read.get(module)
        if isinstance(found, bytes):
            _write(found, folder / module.replace(".", "/"), is_package=files[module].name == "__init__.py")
    return _with_program(kept, folder, sources)


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
    return _without_secrets(data, file.name)


def _without_secrets(data: bytes, name: str) -> Maybe[bytes]:
    hits = redact.secrets(data.decode("utf-8", "replace"))
    if not hits:
        return data
    where = f"line {hits[0].line} of {name}"
    return Unknown(
        f"{where} holds what looks like a secret ({hits[0].kind}), so its source was not stored: move it out "
        "of the code, or end its line with `# pragma: allowlist secret`"
    )


def _inside_project(item: CustomObject, files: Mapping[str, Path], sources: Sources) -> CustomObject:
    """Refuse what lies outside the project that an object's own module belongs to."""
    own = _program_file(sources) if item.module == PROGRAM else files.get(item.module)
    if own is None or not isinstance(item.modules, tuple):
        return item
    root = _project(own, item.module)
    outside = [name for name in item.modules if name in files and not _is_inside(files[name], root)]
    if not outside:
        return item
    return replace(item, modules=Unknown(f"module {outside[0]} lies outside its project; none was stored"))


def _program_file(sources: Sources) -> Path:
    """Where the running program lies; a notebook is taken to lie where it runs."""
    found = sources.find(PROGRAM)
    return Path.cwd() / "notebook" if found is None or found.file is None else found.file.absolute()


def _is_inside(file: Path, folder: Path) -> bool:
    # The path that modules are found on may be resolved, and the one that a program was started by not.
    return file.is_relative_to(folder) or file.resolve().is_relative_to(folder.resolve())


def _project(file: Path, module: str) -> Path:
    """The folder of the project that a module belongs to; without signs of one, where it is imported from."""
    depth = module.count(".") + (file.name == "__init__.py")
    base = file.parents[min(depth, len(file.parents) - 1)]
    marked = (folder for folder in (base, *base.parents) if any((folder / name).exists() for name in _ROOTS))
    return next(marked, base)


def _of_program(item: CustomObject, sources: Sources) -> CustomObject:
    """Refuse what the program computed and an object of it uses, and what is inside a function."""
    if item.module != PROGRAM:
        return item
    found, text = reached(sources, PROGRAM, item.qualname), sources.find(PROGRAM)
    if found is None or text is None:
        reason = "it was defined in the program itself, whose source is in no file"
        return replace(item, modules=Unknown(f"{reason}; move it to a module"))
    left_out = program.extract(text, [found], _values()).left_out
    if left_out:
        name, what = next(iter(left_out.items()))
        return replace(item, modules=Unknown(f"it uses {name}, {what}, so its source was not stored"))
    return item


def _values() -> dict[str, object]:
    return dict(vars(sys.modules[PROGRAM]))


def _with_program(
    objects: tuple[CustomObject, ...], folder: Path, sources: Sources
) -> tuple[CustomObject, ...]:
    """Store what the objects of the running program need of it, as one module."""
    own = [item for item in objects if item.module == PROGRAM and isinstance(item.modules, tuple)]
    text = sources.find(PROGRAM)
    pieces = [found for item in own if (found := reached(sources, PROGRAM, item.qualname))]
    if text is None or not pieces:
        return objects
    data = program.extract(text, pieces, _values()).text.encode()
    checked = _without_secrets(data, "the program")
    if isinstance(checked, Unknown):
        return tuple(replace(item, modules=checked) if item in own else item for item in objects)
    _write(data, folder / PROGRAM, is_package=False)
    return objects


def _without(item: CustomObject, refused: Mapping[str, str]) -> CustomObject:
    modules = item.modules if isinstance(item.modules, tuple) else ()
    reasons = dict.fromkeys(refused[module] for module in modules if module in refused)
    return replace(item, modules=Unknown("; ".join(reasons))) if reasons else item
