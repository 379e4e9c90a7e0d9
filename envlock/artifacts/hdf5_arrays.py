"""
Names, shapes and types of the arrays in a file of weights, without HDF5's library and a process for it.

It reads the old layout of groups alone, which h5py writes unless it is told otherwise, and says nothing of a
file with anything else in it. The layout is that of
https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html, sections II.A, III.A to III.D and IV.A.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from envlock.facts import TensorSpec

__all__ = ["arrays"]

_MOST_OBJECTS = 20_000
_MOST_BYTES = 1 << 20
_MOST_READ = 32 << 20
_MOST_NAME = 1000
_MOST_PARTS = 64

# The beginning of superblock 0, and where the address of the root group stands in it.
_BEGINNING = b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0"
_ROOT = 64
_DATASPACE, _DATATYPE, _CONTINUED, _TABLE = 0x01, 0x03, 0x10, 0x11
_INTEGER, _FLOAT, _OPAQUE = 0, 1, 5

_Messages = dict[int, bytes]


class _OddError(Exception):
    """The file holds something that is not read here."""


def arrays(file: BinaryIO, start: int, size: int) -> tuple[TensorSpec, ...] | None:
    """The arrays of an HDF5 file that lies in another one from `start` on; `None` if it is not read here."""
    try:
        found = list(_Walk(file, start, size).arrays())
    except (_OddError, struct.error, UnicodeDecodeError, OSError):
        return None
    return tuple(sorted(found, key=lambda spec: spec.name))


class _Walk:
    """One pass through the groups of a file, which looks at no object twice."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size = file, start, size
        self._met: set[int] = set()
        self._left = _MOST_READ

    def arrays(self) -> Iterator[TensorSpec]:
        """Every array below the root group."""
        if self._bytes(0, len(_BEGINNING)) != _BEGINNING:
            raise _OddError
        waiting = [("", self._number(_ROOT))]
        while waiting:
            name, address = waiting.pop()
            if len(name) > _MOST_NAME:
                raise _OddError
            if not self._is_new(address):
                continue
            messages = self._messages(address)
            if _TABLE in messages:
                within = f"{name}/" if name else ""
                waiting += [(within + inner, at) for inner, at in self._entries(messages[_TABLE])]
            else:
                yield TensorSpec(name=name, shape=_shape(messages), dtype=_dtype(messages))

    def _is_new(self, address: int) -> bool:
        if address in self._met:
            return False
        self._met.add(address)
        if len(self._met) > _MOST_OBJECTS:
            raise _OddError
        return True

    def _bytes(self, address: int, count: int) -> bytes:
        self._left -= count
        if count > _MOST_BYTES or address + count > self._size or self._left < 0:
            raise _OddError
        self._file.seek(self._start + address)
        return self._file.read(count)

    def _number(self, address: int) -> int:
        return int.from_bytes(self._bytes(address, 8), "little")

    def _messages(self, address: int) -> _Messages:
        """What the header of an object says, by the kinds of its messages, the last of each kind."""
        version, _, _, _, size = struct.unpack("<BBHII", self._bytes(address, 12))
        if version != 1:
            raise _OddError
        found: _Messages = {}
        parts = [(address + 16, size)]
        for at, length in parts:
            data, place = self._bytes(at, length), 0
            while place + 8 <= length:
                kind, count = struct.unpack_from("<HH", data, place)
                found[kind] = data[place + 8 : place + 8 + count]
                if kind == _CONTINUED and len(parts) < _MOST_PARTS:
                    parts.append(struct.unpack("<QQ", found[kind]))
                place += 8 + count
        return found

    def _entries(self, table: bytes) -> Iterator[tuple[str, int]]:
        """The names in a group and where the headers of what they name are."""
        tree, heap = struct.unpack_from("<QQ", table)
        mark, size, _, names_at = struct.unpack("<4s4xQQQ", self._bytes(heap, 32))
        if mark != b"HEAP":
            raise _OddError
        names = self._bytes(names_at, size)
        waiting = [tree]
        while waiting:
            node = waiting.pop()
            if not self._is_new(node):
                raise _OddError
            mark, _, level, used = struct.unpack("<4sBBH", self._bytes(node, 8))
            if mark != b"TREE":
                raise _OddError
            pairs = struct.unpack(f"<{2 * used}Q", self._bytes(node + 24, 16 * used))
            if level:
                waiting += pairs[1::2]
            else:
                for leaf in pairs[1::2]:
                    yield from self._symbols(leaf, names)

    def _symbols(self, leaf: int, names: bytes) -> Iterator[tuple[str, int]]:
        mark, count = struct.unpack("<4s2xH", self._bytes(leaf, 8))
        if mark != b"SNOD":
            raise _OddError
        for name_at, header, kind in struct.iter_unpack("<QQI20x", self._bytes(leaf + 8, 40 * count)):
            if kind > 1:  # a link to elsewhere
                continue
            end = names.find(b"\0", name_at, name_at + _MOST_NAME)
            if end < 0:
                raise _OddError
            yield names[name_at:end].decode(), header


def _shape(messages: _Messages) -> tuple[int, ...]:
    data = messages.get(_DATASPACE, b"")
    if len(data) < 4 or data[0] not in {1, 2}:
        raise _OddError
    return struct.unpack_from(f"<{data[1]}Q", data, 8 if data[0] == 1 else 4)


def _dtype(messages: _Messages) -> str:
    """The plain types of NumPy; of a file with any other the library tells."""
    data = messages.get(_DATATYPE, b"")
    if len(data) < 8:
        raise _OddError
    kind, bits = data[0] & 15, 8 * int.from_bytes(data[4:8], "little")
    if data[1] & 1 or (kind == _FLOAT and data[1] & 64):  # not little-endian
        raise _OddError
    if kind == _FLOAT and bits in {16, 32, 64}:
        return f"float{bits}"
    if kind == _INTEGER and bits in {8, 16, 32, 64}:
        return f"int{bits}" if data[1] & 8 else f"uint{bits}"
    if kind == _OPAQUE and bits == 16:  # NumPy has no bfloat16 of its own
        return "bfloat16"
    raise _OddError
