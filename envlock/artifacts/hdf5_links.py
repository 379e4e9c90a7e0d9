"""
What `hdf5_stored` tells, of a file in any layout: HDF5's library reads it, in a child process with limits.

No link is followed and no array is read. h5py comes with Keras; elsewhere it is the extra `[h5]`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from envlock import process
from envlock.artifacts.hdf5 import Part, limit_this_process
from envlock.artifacts.hdf5_stored import Outside, Stored
from envlock.artifacts.reading import MAX_CONFIG, shortened
from envlock.errors import ToolError
from envlock.facts import Unknown
from envlock.values import frozen

__all__ = ["Looked", "child", "looked"]

# The folder that a program is started in comes first on its path: an h5py.py lying there is not ours.
_CHILD = (
    "import sys; sys.path[:] = filter(None, sys.path)\n"
    "from envlock.artifacts.hdf5_links import child; child()"
)
_ATTRIBUTES = ("keras_version", "backend", "model_config", "training_config")
_MOST_OBJECTS = 200_000
_MOST_NAME = 1000
_MOST_DEPTH = 64
_KNOWN_FILTERS = {1, 2, 3, 32000}


@frozen(kw_only=True)
class Looked:
    """What the child saw: arrays and what lies outside, the texts at the root, and what it could not tell."""

    objects: tuple[Stored | Outside, ...]
    texts: dict[str, str]
    odd: tuple[str, ...]


def looked(path: Path, start: int, size: int) -> Looked | Unknown:
    """What stands in an HDF5 file that lies in another one from `start` on."""
    from importlib.util import find_spec

    if find_spec("h5py") is None:
        return Unknown("h5py is not installed; envlock-tf[h5] brings it")
    command = [sys.executable, "-c", _CHILD, str(start), str(size), str(path.resolve())]
    try:
        return _looked(json.loads(process.run(command, seconds=20)))
    except (ToolError, ValueError, RecursionError, TypeError, KeyError) as error:
        # What a broken library says of itself names folders of this machine.
        told = re.sub(r"[^ ]*[/\\][^ ]*", "…", shortened(error))
        return Unknown(f"it could not be read: {told}")


def _looked(data: Any) -> Looked | Unknown:
    """What the child says; it read a file that nobody vouches for."""
    if "damaged" in data:
        return Unknown(f"it is damaged: {shortened(data['damaged'])}")
    arrays = [
        Stored(name=str(name), declared=int(all_), held=int(held), shape=tuple(int(size) for size in shape))
        for name, all_, held, shape in data["arrays"]
    ]
    outside = [Outside(name=str(name), what=str(what)) for name, what in data["outside"]]
    texts = {str(key): str(text) for key, text in data["texts"].items()}
    return Looked(objects=(*arrays, *outside), texts=texts, odd=tuple(str(item) for item in data["odd"]))


def child() -> None:
    """The program that the child process runs: what stands in a part of a file, as JSON."""
    import h5py

    limit_this_process()
    start, size, name = sys.argv[1:]
    with Path(name).open("rb") as file:
        try:
            with h5py.File(Part(file, int(start), int(size)), "r") as opened:
                found = _Walk(opened).found()
        except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
            found = {"damaged": shortened(error)}
    sys.stdout.write(json.dumps(found))


class _Walk:
    def __init__(self, opened: Any) -> None:
        self._opened = opened
        self._arrays: list[list[Any]] = []
        self._outside: list[list[str]] = []
        self._odd: list[str] = []
        self._met: set[Any] = set()

    def found(self) -> dict[str, Any]:
        """Everything in the file, each object once."""
        waiting = [("", self._opened, 0)]
        while waiting:
            name, item, depth = waiting.pop()
            if depth > _MOST_DEPTH or len(self._met) > _MOST_OBJECTS or len(name) > _MOST_NAME:
                self._odd.append("it is deeper or larger than any model")
                break
            if not self._is_new(item):
                continue
            self._attributes(name, item)
            if hasattr(item, "keys"):
                waiting += [(below, held, depth + 1) for below, held in self._held(name, item)]
            else:
                self._array(name, item)
        texts = dict(self._texts())
        parts = {"arrays": self._arrays, "outside": self._outside, "odd": self._odd[:100]}
        return {**parts, "texts": texts}

    def _is_new(self, item: Any) -> bool:
        import h5py

        about = h5py.h5o.get_info(item.id)
        key = (about.fileno, about.addr)
        if key in self._met:
            return False
        self._met.add(key)
        return True

    def _held(self, name: str, group: Any) -> list[tuple[str, Any]]:
        import h5py

        found = []
        for key in group:
            below = f"{name}/{key}" if name else key
            link = group.get(key, getlink=True)
            if isinstance(link, h5py.HardLink):
                found.append((below, group[key]))
            else:
                kind = "an external link" if isinstance(link, h5py.ExternalLink) else "a soft link"
                self._outside.append([below, kind])
        return found

    def _array(self, name: str, item: Any) -> None:
        import h5py

        if not isinstance(item, h5py.Dataset):
            self._odd.append(f"{name} is neither a group nor an array")
            return
        plan = item.id.get_create_plist()
        if plan.get_external_count():
            self._outside.append([name, "kept in another file"])
        elif plan.get_layout() == h5py.h5d.VIRTUAL:
            self._outside.append([name, "made of other arrays"])
        elif {plan.get_filter(number)[0] for number in range(plan.get_nfilters())} - _KNOWN_FILTERS:
            self._odd.append(f"{name} is packed by a filter that is not HDF5's own")
        elif not _is_plain(item.dtype):
            self._odd.append(f"{name} holds references or what has no plain type")
        else:
            space = item.id.get_space()
            declared = int(space.get_simple_extent_npoints()) * item.id.get_type().get_size()
            shape = [int(size) for size in item.shape or ()]
            self._arrays.append([name, declared, item.id.get_storage_size(), shape])

    def _attributes(self, name: str, item: Any) -> None:
        import h5py

        for number in range(h5py.h5a.get_num_attrs(item.id)):
            attribute = h5py.h5a.open(item.id, index=number)
            kind = attribute.get_type().get_class()
            if kind in {h5py.h5t.REFERENCE, h5py.h5t.COMPOUND}:
                self._odd.append(f"an attribute of {name or 'the root'} is a reference")
            count = int(attribute.get_space().get_simple_extent_npoints())
            if count * attribute.get_type().get_size() > MAX_CONFIG:
                self._odd.append(f"an attribute of {name or 'the root'} is longer than is read")

    def _texts(self) -> Iterator[tuple[str, str]]:
        """The settings at the root; one that is there and no text is told of as odd."""
        for key in _ATTRIBUTES:
            if key not in self._opened.attrs:
                continue
            value = self._opened.attrs[key]
            try:
                text = value.decode("utf-8") if isinstance(value, bytes) else value
            except UnicodeDecodeError:
                text = None
            if isinstance(text, str) and len(text) <= MAX_CONFIG:
                yield key, text
            else:
                self._odd.append(f"its {key} is no text")


def _is_plain(dtype: Any) -> bool:
    import h5py

    return (dtype.kind in "biufSV" and dtype.subdtype is None and not dtype.fields) or (
        h5py.check_string_dtype(dtype) is not None
    )  # fmt: skip
