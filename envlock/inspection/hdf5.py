"""The arrays and settings of HDF5 files, alone or inside another file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from envlock.artifacts import hdf5_layout, hdf5_stored
from envlock.artifacts.hdf5_stored import Outside, Stored
from envlock.facts import Unknown
from envlock.inspection.found import Found, Refused, shown
from envlock.values import frozen

if TYPE_CHECKING:
    from envlock.artifacts import hdf5_links

__all__ = ["Seen", "arrays"]

_SETTINGS = ("keras_version", "backend", "model_config", "training_config")
_FREE = 64 << 20
_MOST_RATIO = 200


@frozen(kw_only=True)
class Seen:
    """What stands in a file: the sizes that occur in the shapes of its arrays, and the texts at its root."""

    sizes: frozenset[int]
    texts: dict[str, str]


def arrays(path: Path, start: int, size: int, found: Found, *, subject: str) -> Seen:
    """What is in a file, once it is noted what of it lies elsewhere, or declares more than it holds."""
    with path.open("rb") as file:
        if file.seek(start) is None or file.read(8) != b"\x89HDF\r\n\x1a\n":
            raise Refused(f"{subject} is no HDF5 file")
        if hdf5_layout.is_cut(file, start, size):
            raise Refused(f"{subject} is cut short")
        objects: Iterable[Stored | Outside] | None = hdf5_stored.stored(file, start, size)
        texts = None if objects is None else hdf5_stored.texts(file, start, size, _SETTINGS)
    if objects is None or texts is None:
        looked = _by_child(path, start, size, subject)
        objects, texts = looked.objects, looked.texts
    _note(objects, size, found, subject)
    sizes = {size for item in objects if isinstance(item, Stored) for size in item.shape}
    return Seen(sizes=frozenset(sizes), texts=texts)


def _by_child(path: Path, start: int, size: int, subject: str) -> hdf5_links.Looked:
    from envlock.artifacts import hdf5_links  # what Keras writes needs no child process

    looked = hdf5_links.looked(path, start, size)
    if isinstance(looked, Unknown):
        raise Refused(f"{subject} could not be inspected: {looked.reason}", code="EL602")
    if looked.odd:
        raise Refused(f"{subject}: {shown(looked.odd[0])}", code="EL601")
    return looked


def _note(objects: Iterable[Stored | Outside], size: int, found: Found, subject: str) -> None:
    total = 0
    for item in objects:
        if isinstance(item, Outside):
            found.hazard("EL613", shown(item.name), f"{shown(item.name)} in {subject} is {item.what}")
            continue
        total += item.declared
        if item.declared > max(_FREE, _MOST_RATIO * item.held):
            told = f"{shown(item.name)} in {subject} declares {item.declared} bytes and holds {item.held}"
            found.hazard("EL615", shown(item.name), told)
    if total > max(_FREE, _MOST_RATIO * size):
        found.hazard("EL615", subject, f"the arrays in {subject} declare {total} bytes; it has {size}")
