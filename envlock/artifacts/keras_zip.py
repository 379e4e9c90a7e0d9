"""The `.keras` archive of Keras 3 and of Keras 2 from 2.12 on, and the folder that Keras 3.4 makes of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from envlock.artifacts import hdf5, hdf5_layout, interface
from envlock.artifacts.reading import MAX_CONFIG, Reading, files_below, parse_object, shortened
from envlock.errors import ArtifactError
from envlock.facts import Content, Maybe, TensorSpec, Unknown
from envlock.values import replace

if TYPE_CHECKING:
    import zipfile

__all__ = ["matches", "read", "weights"]

_WEIGHTS = "model.weights.h5"
_INPUT = re.compile(r"(.+)/(?:layers|_layer_checkpoint_dependencies)/input_layer(?:_\d+)?/vars")
_NEEDED = ("metadata.json", "config.json")
_MAX_DIRECTORY = 16 << 20


def matches(path: Path) -> bool:
    """Whether `path` is a zip archive, or one unpacked; looks at content, not at the name."""
    if path.is_dir():
        return all((path / name).is_file() for name in _NEEDED)
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def read(path: Path) -> Reading:
    """Version, architecture, compile settings and assets by the archive's own account."""
    if path.is_dir():
        held = {item.name for item in path.iterdir()}
        found = _reading(path, lambda name: _beginning(path / name), files_below(path, ("assets",)), held)
        file = path / _WEIGHTS
        if file.is_file():
            found = _with_arrays(found, file, 0, file.stat().st_size)
        return replace(found, stamps={"unpacked": "yes"})
    import zipfile  # a diff of a locked model opens no archive, and does without
    import zlib

    # What the standard library raises for an archive that is cut, garbled, encrypted or crafted.
    damage = (zipfile.BadZipFile, zlib.error, ValueError, RuntimeError, OSError, EOFError)
    try:
        _refuse_long_directory(path)
        with zipfile.ZipFile(path) as archive:
            held = {item.filename for item in archive.infolist()}
            found = _reading(path, lambda name: _member(archive, name), _assets(archive), held)
            item = archive.getinfo(_WEIGHTS) if _WEIGHTS in held else None
            if item is None or item.compress_type != zipfile.ZIP_STORED:
                return found
            return _with_arrays(found, path, _start(path, item), item.file_size)
    except damage as error:
        raise ArtifactError(f"{path.name} is a damaged zip archive: {shortened(error)}") from None
    except KeyError as error:
        name = error.args[0]
        raise ArtifactError(f"{path.name} is a zip archive without {name}; Keras did not write it") from None


def weights(path: Path) -> Maybe[tuple[TensorSpec, ...]]:
    """The arrays of the model, by their paths; their file is read where it lies, in a child process."""
    if path.is_dir():
        file = path / _WEIGHTS
        if not file.is_file():
            return Unknown(f"the folder holds no {_WEIGHTS}")
        return hdf5.weights_inside(file, 0, file.stat().st_size)
    import zipfile

    try:
        _refuse_long_directory(path)
        with zipfile.ZipFile(path) as archive:
            item = archive.getinfo(_WEIGHTS)
            with archive.open(item):  # compares the two headers, so that the offset is not a lie
                pass
            start = _start(path, item)
    except KeyError:
        return Unknown(f"the archive holds no {_WEIGHTS}")
    except (zipfile.BadZipFile, ValueError, RuntimeError, OSError, EOFError) as error:
        return Unknown(f"the archive is damaged: {shortened(error)}")
    if item.compress_type != zipfile.ZIP_STORED:
        return Unknown(f"{_WEIGHTS} is compressed, which Keras does not do")
    return hdf5.weights_inside(path, start, item.file_size)


def _with_arrays(found: Reading, path: Path, start: int, size: int) -> Reading:
    """The same with what the file of weights holds, where no library is needed to tell."""
    with path.open("rb") as file:
        if hdf5_layout.is_cut(file, start, size):
            raise ArtifactError(f"{path.name} is damaged: {_WEIGHTS} in it is cut short")
        listed = hdf5_layout.arrays_and_empty(file, start, size)
    if listed is None:
        return found
    return replace(
        found, content=replace(found.content, weights=listed[0], functional=_functional(listed[1]))
    )


def _functional(empty: tuple[str, ...]) -> tuple[str, ...]:
    """The models inside a model that have a layer for their input, which has no weights and yet its place."""
    found = (_INPUT.fullmatch(name) for name in empty)
    return tuple(dict.fromkeys(match[1] for match in found if match))


def _reading(
    path: Path, member: Callable[[str], bytes], assets: Maybe[tuple[str, ...]], held: set[str]
) -> Reading:
    metadata, config = (parse_object(member(name), where=f"{name} in {path.name}") for name in _NEEDED)
    match metadata:
        case {"keras_version": str(version)}:
            pass
        case _:
            raise ArtifactError(f"metadata.json in {path.name} names no keras_version")
    compiled = config.get("compile_config")
    return Reading(
        format="keras",
        keras_version=version,
        tensorflow_version=None,
        content=Content(
            config=config,
            # Keras 3 writes an empty one for a model that is not compiled.
            compile_config=compiled if isinstance(compiled, dict) and compiled else None,
            assets=assets,
            # Keras 3.10 also writes them as shards with an index, and as an archive of NumPy's.
            missing=() if any(name.startswith("model.weights.") for name in held) else (_WEIGHTS,),
        ),
        inputs=interface.inputs(config),
    )


def _beginning(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_CONFIG + 1)
    except OSError as error:
        raise ArtifactError(f"{file.name} in {file.parent.name} cannot be read: {error.strerror}") from None


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    import zipfile

    try:
        item = archive.getinfo(name)
    except KeyError:
        raise KeyError(name) from None
    if sum(other.filename == name for other in archive.infolist()) > 1:
        raise ValueError(f"it holds {name} more than once")
    # Other methods ask for memory as their header says; Keras stores, and other tools deflate.
    if item.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise ValueError("That compression method is not supported")
    with archive.open(item) as member:
        return member.read(MAX_CONFIG + 1)


def _assets(archive: zipfile.ZipFile) -> tuple[str, ...]:
    names = {item.filename for item in archive.infolist()}
    return tuple(sorted(name for name in names if name.startswith("assets/") and not name.endswith("/")))


def _refuse_long_directory(path: Path) -> None:
    """
    Refuse an archive whose list of members alone would fill the memory, before it is read.

    The end record as https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT has it, 4.3.14 to 16.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - (1 << 16) - 120))
        tail = file.read()
    is_last = tail[-22:-18] == b"PK\x05\x06" and tail[-2:] == b"\0\0"
    at = len(tail) - 22 if is_last else tail.rfind(b"PK\x05\x06")
    length = int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0
    if at >= 76 and tail[at - 76 : at - 72] == b"PK\x06\x06":  # the record of an archive over 4 GB
        length = int.from_bytes(tail[at - 36 : at - 28], "little")
    if min(length, size) > _MAX_DIRECTORY:
        raise ValueError(f"the list of its members takes {length} bytes; at most {_MAX_DIRECTORY} are read")


def _start(path: Path, item: zipfile.ZipInfo) -> int:
    """Where the bytes of a stored member begin: behind its own header, with two lengths in that."""
    with path.open("rb") as file:
        file.seek(item.header_offset)
        header = file.read(30)
    return (
        item.header_offset
        + 30
        + int.from_bytes(header[26:28], "little")
        + int.from_bytes(header[28:30], "little")
    )
