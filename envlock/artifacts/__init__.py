"""
What a saved model says of itself, read without TensorFlow or Keras.

To add a reader: a module with `matches(path)`, which looks at content and not at the name, `read(path)`,
which trusts nothing, and `weights(path)`, which may take its time; a line in `READERS`.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

from envlock.artifacts import hdf5, keras_zip, saved_model
from envlock.artifacts.reading import Reading
from envlock.errors import ArtifactError
from envlock.facts import Maybe, TensorSpec

__all__ = ["READERS", "Reading", "Stamp", "read", "reader", "stamp", "weights"]

# Of each file: its path, its number on the disk, its size, when it was changed and when its entry was.
Stamp = tuple[tuple[str, int, int, int, int], ...]

READERS: tuple[ModuleType, ...] = (keras_zip, hdf5, saved_model)


def reader(path: Path) -> ModuleType:
    """The reader for the saved model at `path`; `ArtifactError` when it is none."""
    if not path.exists():
        raise ArtifactError(f"{path} does not exist")
    for candidate in READERS:
        if candidate.matches(path):
            return candidate
    kinds = "a .keras archive, an HDF5 file or a SavedModel folder"
    raise ArtifactError(f"{path.name} is no saved model; expected {kinds}")


def read(path: Path) -> Reading:
    """What the saved model at `path` says of itself."""
    result: Reading = reader(path).read(path)
    return result


def stamp(path: Path) -> Stamp:
    """What is another one as soon as a file of the model, or a folder in it, is another one."""
    inside = (place for place, _, _ in os.walk(path)) if path.is_dir() else ()
    entries = (entry.path for place in inside for entry in os.scandir(place))
    names = sorted([str(path), *entries])
    return tuple((name, *_times(name)) for name in names)


def _times(name: str) -> tuple[int, int, int, int]:
    """Of what a link leads to, where it leads anywhere."""
    try:
        seen = Path(name).stat()
    except OSError:
        seen = Path(name).lstat()
    return seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns


def weights(path: Path) -> Maybe[tuple[TensorSpec, ...]]:
    """
    The arrays of the saved model at `path`, by their paths, sorted.

    `read` has them already where they cost nothing more; of a `.keras` file they need a child process,
    which a diff does without.
    """
    result: Maybe[tuple[TensorSpec, ...]] = reader(path).weights(path)
    return result
