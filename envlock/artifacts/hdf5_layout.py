"""
The arrays of an HDF5 file and the texts at its root, without HDF5's library and a process for it.

It reads the old layout of groups alone, which h5py writes unless it is told otherwise, and says nothing of a
file with anything else in it. The layout is that of
https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html, sections II.A, III.A to III.E and IV.A.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from typing import BinaryIO

from envlock.artifacts.reading import MAX_CONFIG
from envlock.facts import TensorSpec

__all__ = ["Messages", "OddError", "Walk", "arrays", "is_cut", "texts"]

_MOST_OBJECTS = 20_000
_MOST_BYTES = 1 << 20
_MOST_READ = 32 << 20
_MOST_NAME = 1000
_MOST_PARTS = 64

# The beginning of superblock 0, and where the address of the root group stands in it.
_BEGINNING = b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0"
_ROOT = 64
_END = 40
_DATASPACE, _DATATYPE, _ATTRIBUTE, _CONTINUED, _TABLE = 0x01, 0x03, 0x0C, 0x10, 0x11
_INTEGER, _FLOAT, _TEXT, _OPAQUE, _VARYING = 0, 1, 3, 5, 9

Messages = dict[int, list[bytes]]


class OddError(Exception):
    """The file holds something that is not read here."""


def arrays(file: BinaryIO, start: int, size: int) -> tuple[TensorSpec, ...] | None:
    """The arrays of an HDF5 file that lies in another one from `start` on; `None` if it is not read here."""
    found = arrays_and_empty(file, start, size)
    return None if found is None else found[0]


def arrays_and_empty(
    file: BinaryIO, start: int, size: int
) -> tuple[tuple[TensorSpec, ...], tuple[str, ...]] | None:
    """The same, and the groups that hold nothing."""
    walk = Walk(file, start, size)
    try:
        found = list(walk.arrays())
    except (OddError, struct.error, UnicodeDecodeError, OSError):
        return None
    return tuple(sorted(found, key=lambda spec: spec.name)), tuple(sorted(walk.empty))


def texts(file: BinaryIO, start: int, size: int, names: Collection[str]) -> dict[str, str] | None:
    """The attributes of the root group with these names that are texts; `None` if they are not read here."""
    try:
        return dict(Walk(file, start, size).texts(set(names)))
    except (OddError, struct.error, UnicodeDecodeError, OSError):
        return None


def is_cut(file: BinaryIO, start: int, size: int) -> bool:
    """Whether a file ends before the place where it says that it ends."""
    file.seek(start)
    head = file.read(_END + 8)
    return head.startswith(_BEGINNING) and int.from_bytes(head[_END:], "little") > size


class Walk:
    """One pass through the groups of a file, which looks at no object twice."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size = file, start, size
        self._met: set[int] = set()
        self._left = _MOST_READ
        self.empty: list[str] = []

    def arrays(self) -> Iterator[TensorSpec]:
        """Every array below the root group."""
        waiting = [("", self._root())]
        while waiting:
            name, address = waiting.pop()
            if len(name) > _MOST_NAME:
                raise OddError
            if not self._is_new(address):
                continue
            messages = self._messages(address)
            if _TABLE in messages:
                within = f"{name}/" if name else ""
                met = len(waiting)
                for inner, at in self._entries(messages[_TABLE][-1]):
                    waiting.append((within + inner, at))
                    if len(waiting) > _MOST_OBJECTS:  # the same few bytes may be listed again and again
                        raise OddError
                if len(waiting) == met:
                    self.empty.append(name)
            else:
                yield TensorSpec(name=name, shape=_shape(messages), dtype=_dtype(messages))

    def texts(self, wanted: set[str]) -> Iterator[tuple[str, str]]:
        """The attributes of the root group with these names that are texts, one each."""
        for data in self._messages(self._root()).get(_ATTRIBUTE, ()):
            name, kind, space, held = _attribute(data)
            if name not in wanted:
                continue
            wanted.remove(name)
            if not _is_single(space):
                self._pass_over()
            elif kind[0] & 15 == _TEXT:
                yield name, held[: int.from_bytes(kind[4:8], "little")].rstrip(b"\0").decode()
            elif kind[0] & 15 == _VARYING and kind[1] & 15 == 1:
                yield name, self._heaped(*struct.unpack_from("<IQI", held)).decode()
            else:
                self._pass_over()

    def _pass_over(self) -> None:
        """What else a pass makes of a setting that is no text."""

    def _heaped(self, size: int, heap: int, number: int) -> bytes:
        """A text of the global heap, where those of no fixed length lie."""
        mark, length = struct.unpack("<4s4xQ", self._bytes(heap, 16))
        if mark != b"GCOL":
            raise OddError
        place = heap + 16
        while place + 16 <= heap + length:
            found, count = struct.unpack("<H6xQ", self._bytes(place, 16))
            if found == number and size <= count:
                self._left += size  # what is wanted of a file is no part of what it takes to find it
                return self._bytes(place + 16, size, most=MAX_CONFIG)
            if not found:
                break
            place += 16 + count + -count % 8
        raise OddError

    def _root(self) -> int:
        if self._bytes(0, len(_BEGINNING)) != _BEGINNING:
            raise OddError
        return self._number(_ROOT)

    def _is_new(self, address: int) -> bool:
        if address in self._met:
            return False
        self._met.add(address)
        if len(self._met) > _MOST_OBJECTS:
            raise OddError
        return True

    def _bytes(self, address: int, count: int, *, most: int = _MOST_BYTES) -> bytes:
        self._left -= count
        if count > most or address + count > self._size or self._left < 0:
            raise OddError
        self._file.seek(self._start + address)
        return self._file.read(count)

    def _number(self, address: int) -> int:
        return int.from_bytes(self._bytes(address, 8), "little")

    def _messages(self, address: int) -> Messages:
        """What the header of an object says, by the kinds of its messages."""
        version, _, _, _, size = struct.unpack("<BBHII", self._bytes(address, 12))
        if version != 1:
            raise OddError
        found: Messages = {}
        parts = [(address + 16, size)]
        for at, length in parts:
            data, place = self._bytes(at, length), 0
            while place + 8 <= length:
                kind, count, flags = struct.unpack_from("<HHB", data, place)
                message = data[place + 8 : place + 8 + count]
                self._look_at(flags)
                found.setdefault(kind, []).append(message)
                if kind == _CONTINUED and len(parts) < _MOST_PARTS:
                    parts.append(struct.unpack("<QQ", message))
                place += 8 + count
        return found

    def _look_at(self, flags: int) -> None:
        """What else a pass asks of the flags of a message."""

    def _entries(self, table: bytes) -> Iterator[tuple[str, int]]:
        """The names in a group and where what they name begins; links to elsewhere are left out."""
        return ((name, header) for name, header, kind in self._linked(table) if kind <= 1)

    def _linked(self, table: bytes) -> Iterator[tuple[str, int, int]]:
        """The names in a group, where the headers are, and of what kind each is: from 2 on a link."""
        tree, heap = struct.unpack_from("<QQ", table)
        mark, size, _, names_at = struct.unpack("<4s4xQQQ", self._bytes(heap, 32))
        if mark != b"HEAP":
            raise OddError
        names = self._bytes(names_at, size)
        waiting = [tree]
        while waiting:
            node = waiting.pop()
            if not self._is_new(node):
                raise OddError
            mark, _, level, used = struct.unpack("<4sBBH", self._bytes(node, 8))
            if mark != b"TREE":
                raise OddError
            pairs = struct.unpack(f"<{2 * used}Q", self._bytes(node + 24, 16 * used))
            if level:
                waiting += pairs[1::2]
            else:
                for leaf in pairs[1::2]:
                    yield from self._symbols(leaf, names)

    def _symbols(self, leaf: int, names: bytes) -> Iterator[tuple[str, int, int]]:
        mark, count = struct.unpack("<4s2xH", self._bytes(leaf, 8))
        if mark != b"SNOD":
            raise OddError
        for name_at, header, kind in struct.iter_unpack("<QQI20x", self._bytes(leaf + 8, 40 * count)):
            end = names.find(b"\0", name_at, name_at + _MOST_NAME)
            if end < 0:
                raise OddError
            yield names[name_at:end].decode(), header, kind


def _attribute(data: bytes) -> tuple[str, bytes, bytes, bytes]:
    """Name, type, space and value of an attribute; the first version fills each part up to eight bytes."""
    version, flags, *sizes = struct.unpack_from("<BBHHH", data)
    if version not in {1, 2, 3} or (flags and version > 1):
        raise OddError
    place, parts = 9 if version == 3 else 8, []
    for size in sizes:
        parts.append(data[place : place + size])
        place += size + (-size % 8 if version == 1 else 0)
    name, kind, space = parts
    if len(kind) < 8:
        raise OddError
    return name.rstrip(b"\0").decode(), kind, space, data[place:]


def _is_single(space: bytes) -> bool:
    """Whether a space is of one value, section IV.A.2.b: it has no axes, and in version 2 it is not empty."""
    return len(space) >= 4 and not space[1] and (space[0] == 1 or (space[0] == 2 and not space[3]))


def _shape(messages: Messages) -> tuple[int, ...]:
    data = messages.get(_DATASPACE, [b""])[-1]
    if len(data) < 4 or data[0] not in {1, 2}:
        raise OddError
    return struct.unpack_from(f"<{data[1]}Q", data, 8 if data[0] == 1 else 4)


def _dtype(messages: Messages) -> str:
    """The plain types of NumPy; of a file with any other the library tells."""
    data = messages.get(_DATATYPE, [b""])[-1]
    if len(data) < 8:
        raise OddError
    kind, bits = data[0] & 15, 8 * int.from_bytes(data[4:8], "little")
    if data[1] & 1 or (kind == _FLOAT and data[1] & 64):  # not little-endian
        raise OddError
    if kind == _FLOAT and bits in {16, 32, 64}:
        return f"float{bits}"
    if kind == _INTEGER and bits in {8, 16, 32, 64}:
        return f"int{bits}" if data[1] & 8 else f"uint{bits}"
    if kind == _OPAQUE and bits == 16:  # NumPy has no bfloat16 of its own
        return "bfloat16"
    raise OddError
