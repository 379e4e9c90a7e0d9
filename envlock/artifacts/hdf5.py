"""
HDF5 files: a model of Keras 2 and, as a legacy format, of Keras 3; and files of weights alone.

What Keras writes is read without HDF5's C library. That can crash or hang on a crafted file, so where it is
needed, a file that we did not just write is read in a child process with limits. h5py comes with Keras;
elsewhere it is the extra `[h5]`.
"""

from __future__ import annotations

import io
import json
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from envlock import process
from envlock.artifacts import hdf5_layout, interface
from envlock.artifacts.reading import MAX_CONFIG, Reading, parse_object, shortened
from envlock.errors import ArtifactError, ToolError
from envlock.facts import Content, Maybe, TensorSpec, Unknown

__all__ = [
    "Part",
    "child",
    "limit_this_process",
    "matches",
    "read",
    "read_trusted",
    "weights",
    "weights_inside",
]

# The folder that a program is started in comes first on its path: an h5py.py lying there is not ours.
_CHILD = "import sys; sys.path[:] = filter(None, sys.path); from envlock.artifacts.hdf5 import child; child()"

_ATTRIBUTES = ("keras_version", "backend", "model_config", "training_config")

_MAX_OBJECTS = 200_000
_MAX_NAME = 1000


def matches(path: Path) -> bool:
    """Whether `path` is an HDF5 file; looks at content, not at the name."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(8) == b"\x89HDF\r\n\x1a\n"


def read(path: Path) -> Reading:
    """Version, architecture, compile settings and weights; what needs the library in a child process."""
    size = path.stat().st_size
    return _reading(path, _found_plainly(path, size) or _found_by_child(path, 0, size))


def read_trusted(path: Path) -> Reading:
    """The same without a child process, for a file that this process has just written."""
    with path.open("rb") as file:
        return _reading(path, _found(file))


def weights(path: Path) -> Maybe[tuple[TensorSpec, ...]]:
    """The arrays in the file, by their paths, in the order of these."""
    return read(path).content.weights


def weights_inside(path: Path, start: int, size: int) -> Maybe[tuple[TensorSpec, ...]]:
    """The arrays of an HDF5 file that lies inside another file, from `start` on."""
    try:
        found = _found_by_child(path, start, size)
    except ArtifactError as error:
        return Unknown(error.message)
    return found if isinstance(found, Unknown) else _weights(found)


def _found_plainly(path: Path, size: int) -> dict[str, Any] | None:
    """What the child would find, without HDF5's library; `None` where that is needed."""
    with path.open("rb") as file:
        if hdf5_layout.is_cut(file, 0, size):
            raise ArtifactError(f"{path.name} is a damaged HDF5 file: it is truncated")
        texts = hdf5_layout.texts(file, 0, size, _ATTRIBUTES)
        specs = None if texts is None else hdf5_layout.arrays(file, 0, size)
    if texts is None or specs is None:
        return None
    rows = [[spec.name, list(spec.shape), spec.dtype] for spec in specs]
    return {**texts, "weights": rows, "objects": len(rows)}


def _found_by_child(path: Path, start: int, size: int) -> Maybe[dict[str, Any]]:
    from importlib.util import find_spec

    if find_spec("h5py") is None:
        return Unknown("h5py is not installed; envlock-tf[h5] brings it")
    command = [sys.executable, "-c", _CHILD, str(start), str(size), str(path.resolve())]
    try:
        found = json.loads(process.run(command, seconds=20))
    except (ToolError, ValueError, RecursionError) as error:
        # What a broken library says of itself names folders of this machine.
        told = re.sub(r"[^ ]*[/\\][^ ]*", "…", shortened(error))
        return Unknown(f"the file could not be read: {told}")
    match found:
        case {"damaged": str(told)}:
            raise ArtifactError(f"{path.name} is a damaged HDF5 file: {told}")
        case dict():
            return found
    return Unknown("the file could not be read: no attributes came back")


def _reading(path: Path, found: Maybe[dict[str, Any]]) -> Reading:
    if isinstance(found, Unknown):
        content = Content(config=found, compile_config=found, weights=found)
        return Reading(
            format="hdf5",
            keras_version=found,
            tensorflow_version=None,
            content=content,
            inputs=found,
            outputs=found,
            stamps=found,
        )
    config = found.get("model_config")
    if not config and not found.get("objects"):
        raise ArtifactError(f"{path.name} is an HDF5 file that holds neither a model nor weights")
    version, backend = found.get("keras_version"), found.get("backend")
    described = _object(config, f"model_config in {path.name}")
    return Reading(
        format="hdf5" if described is not None else "weights",
        keras_version=version if isinstance(version, str) else None,
        tensorflow_version=None,
        content=Content(
            config=described,
            compile_config=_object(found.get("training_config"), f"training_config in {path.name}"),
            weights=_weights(found),
        ),
        inputs=interface.inputs(described),
        stamps={"backend": backend} if isinstance(backend, str) else {},
    )


def _object(text: object, where: str) -> dict[str, Any] | None:
    return parse_object(text, where=where) if isinstance(text, str) and text else None


def _weights(found: dict[str, Any]) -> Maybe[tuple[TensorSpec, ...]]:
    """What the child says of the arrays; it read a file that nobody vouches for."""
    specs = []
    for row in found.get("weights", ()):
        match row:
            case [str(name), [*sizes], str(dtype)] if all(type(size) is int for size in sizes):
                specs.append(TensorSpec(name=name, shape=tuple(sizes), dtype=dtype))
            case _:
                return Unknown("the file could not be read: its arrays came back garbled")
    if found.get("objects", 0) > _MAX_OBJECTS:
        return Unknown(f"the file holds more than {_MAX_OBJECTS} groups and arrays")
    return tuple(sorted(specs, key=lambda spec: spec.name))


def _found(file: Any) -> dict[str, Any]:
    """Attributes, arrays and the number of objects; links out of the file are not followed."""
    import h5py

    with h5py.File(file, "r") as opened:
        result: dict[str, Any] = {name: text for name in _ATTRIBUTES if (text := _attribute(opened, name))}
        rows: list[Any] = []
        counted = 0

        def look(name: str, item: Any) -> bool | None:
            nonlocal counted
            counted += 1
            if isinstance(item, h5py.Dataset) and len(name) <= _MAX_NAME:
                rows.append([name, list(item.shape or ()), _dtype(item)])
            return True if counted > _MAX_OBJECTS else None

        # Visits what is linked hard, each once: no soft link, no external one, no circle.
        opened.visititems(look)
    return {**result, "weights": rows, "objects": counted}


def _attribute(opened: Any, name: str) -> str | None:
    value = opened.attrs.get(name)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value if isinstance(value, str) and len(value) <= MAX_CONFIG else None


def _dtype(item: Any) -> str:
    import h5py

    # What NumPy has no type for, Keras 3 writes as bytes and names beside them.
    named = _attribute(item, "dtype")
    if named and len(named) <= _MAX_NAME:
        return named.encode("utf-8", "replace").decode()  # it may be half of a character
    if h5py.check_string_dtype(item.dtype):
        return "string"
    # NumPy has no bfloat16 of its own, and h5py writes it as two bytes without a meaning.
    return "bfloat16" if item.dtype.str == "|V2" else str(item.dtype)


class Part(io.RawIOBase):
    """A file that lies inside another one, uncompressed."""

    def __init__(self, file: Any, start: int, size: int) -> None:
        super().__init__()
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place, counted from where the part begins."""
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as the part goes."""
        self._file.seek(self._start + self._at)
        data = self._file.read(max(0, min(len(buffer), self._size - self._at)))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def limit_this_process() -> None:
    """Bound the time and the memory of this process, where the system has such bounds."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows has no such limits; the time limit of the parent stays
        return
    for kind, wanted in ((resource.RLIMIT_CPU, 15), (resource.RLIMIT_AS, 2 << 30)):
        # Some systems have lower limits already, and some do not let this one be set.
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (wanted, resource.getrlimit(kind)[1]))


def child() -> None:
    """The program that the child process runs: what stands in a part of a file, as JSON."""
    import h5py  # noqa: F401 - first, since its libraries take more room to load than a file should

    limit_this_process()
    start, size, name = sys.argv[1:]
    with Path(name).open("rb") as file:
        try:
            found = _found(Part(file, int(start), int(size)))
        except OSError as error:  # so h5py says that the library cannot open it
            found = {"damaged": shortened(error)}
        sys.stdout.write(json.dumps(found))
