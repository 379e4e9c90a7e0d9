"""
What every array of an HDF5 file is made of: how many bytes it declares, and how many are stored.

Like `hdf5_layout` it reads the old layout alone, without HDF5's library, and says nothing of a file with
anything else in it; but it tells of the links and of the arrays that lie outside the file.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Collection, Iterator
from typing import BinaryIO

from envlock.artifacts.hdf5_layout import Messages, OddError, Walk
from envlock.values import frozen

__all__ = ["Outside", "Stored", "stored", "texts"]

_UNDEFINED = 0xFFFFFFFFFFFFFFFF
_MOST_CHUNKS = 100_000
_MOST_DEPTH = 64
_SHARED = 2

# The kinds of messages, section IV.A.2, and those that a group and an array may have.
_SPACE, _TYPE, _OLD_FILL, _FILL, _LINK, _EXTERNAL, _LAYOUT = 0x01, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08
_FILTERS, _ATTRIBUTE, _CONTINUED, _TABLE, _CHANGED = 0x0B, 0x0C, 0x10, 0x11, 0x12
_OF_GROUPS = {0, _ATTRIBUTE, _CONTINUED, _TABLE, _CHANGED}
_OF_ARRAYS = {0, _SPACE, _TYPE, _OLD_FILL, _FILL, _LAYOUT, _FILTERS, _ATTRIBUTE, _CONTINUED, _CHANGED}
_ONCE = (_SPACE, _TYPE, _LAYOUT, _FILTERS, _TABLE, _FILL)

_COMPACT, _CONTIGUOUS, _CHUNKED, _VIRTUAL = 0, 1, 2, 3
# Gzip, shuffle, checksums, and lzf, which h5py brings.
_KNOWN_FILTERS = {1, 2, 3, 32000}
_INTEGER, _FLOAT, _TEXT, _BITS, _OPAQUE, _VARYING = 0, 1, 3, 4, 5, 9


@frozen(kw_only=True)
class Stored:
    """An array: the bytes that its shape and type make, those that the file holds of it, and its shape."""

    name: str
    declared: int
    held: int
    shape: tuple[int, ...] = ()


@frozen(kw_only=True)
class Outside:
    """What is read from elsewhere: a link, or an array whose bytes lie in another file."""

    name: str
    what: str


def stored(file: BinaryIO, start: int, size: int) -> list[Stored | Outside] | None:
    """The arrays of an HDF5 file that lies in another one from `start` on; `None` if it is not read here."""
    try:
        return list(_Strict(file, start, size).objects())
    except (OddError, struct.error, IndexError, UnicodeDecodeError, OSError):
        return None


def texts(file: BinaryIO, start: int, size: int, names: Collection[str]) -> dict[str, str] | None:
    """The attributes of the root group with these names; `None` if one is no text, or not read here."""
    try:
        return dict(_Strict(file, start, size).texts(set(names)))
    except (OddError, struct.error, IndexError, UnicodeDecodeError, OSError):
        return None


class _Strict(Walk):
    """One pass that stops at whatever Keras does not write."""

    def objects(self) -> Iterator[Stored | Outside]:
        """Every array, and every link that is no part of the file's own tree."""
        if self._number(24) or self._number(40) != self._size or self._number(48) != _UNDEFINED:
            raise OddError
        waiting = [("", self._root(), 0)]
        while waiting:
            name, address, depth = waiting.pop()
            if depth > _MOST_DEPTH:
                raise OddError
            if not self._is_new(address):
                continue
            messages = self._checked(address)
            if _TABLE in messages:
                for inner, at, kind in self._linked(messages[_TABLE][0]):
                    below = f"{name}/{inner}" if name else inner
                    if kind > 1:
                        yield Outside(name=below, what="a soft link")
                    else:
                        waiting.append((below, at, depth + 1))
            else:
                yield from self._array(name, messages)

    def _checked(self, address: int) -> Messages:
        """What the header of an object says, if it is one that Keras writes or that we tell something of."""
        messages = self._messages(address)
        if any(len(messages.get(kind, ())) > 1 for kind in _ONCE):
            raise OddError
        if _TABLE in messages and messages.keys() - _OF_GROUPS:
            raise OddError
        named = [_plain_attribute(data) for data in messages.get(_ATTRIBUTE, ())]
        if len(set(named)) < len(named):
            raise OddError
        return messages

    def _new_group(self, name: str, messages: Messages) -> Iterator[Outside]:
        """A group in the newer layout, of which the links alone are looked at."""
        # Section IV.A.2.g: the kind is left out for hard links; 1 is soft, 64 external.
        if not any(data[1] & 8 and data[2] in {1, 64} for data in messages[_LINK]):
            raise OddError
        yield Outside(name=name or "the root", what="a group with a soft or external link")

    def _array(self, name: str, messages: Messages) -> Iterator[Stored | Outside]:
        if _EXTERNAL in messages:
            yield Outside(name=name, what="kept in another file")
            return
        if _LINK in messages:
            yield from self._new_group(name, messages)
            return
        if messages.keys() - _OF_ARRAYS or not {_SPACE, _TYPE, _LAYOUT} <= messages.keys():
            raise OddError
        shape = _shape(messages[_SPACE][0])
        declared = math.prod(shape) * _width(messages[_TYPE][0])
        data = messages[_LAYOUT][0]
        version, kind = data[0], data[1]
        if version == 4 and kind == _VIRTUAL:
            yield Outside(name=name, what="made of other arrays")
            return
        if version != 3:
            raise OddError
        held = self._held(kind, data, declared, messages)
        yield Stored(name=name, declared=declared, held=held, shape=shape)

    def _held(self, kind: int, data: bytes, declared: int, messages: Messages) -> int:
        if kind == _COMPACT:
            return declared
        if kind == _CONTIGUOUS:
            address, count = struct.unpack_from("<QQ", data, 2)
            if address == _UNDEFINED:
                return 0
            if count != declared or address + count > self._size:
                raise OddError
            return int(count)
        if kind != _CHUNKED:
            raise OddError
        _refuse_filters(messages.get(_FILTERS, [b""])[0])
        (address,) = struct.unpack_from("<Q", data, 3)
        return 0 if address == _UNDEFINED else self._chunks(address, data[2])

    def _chunks(self, tree: int, axes: int) -> int:
        """The bytes of all chunks of an array, by the tree that lists them, section III.A.1."""
        held = counted = 0
        waiting = [tree]
        step = 16 + 8 * axes
        while waiting:
            node = waiting.pop()
            if not self._is_new(node):
                raise OddError
            mark, kind, level, used = struct.unpack("<4sBBH", self._bytes(node, 8))
            counted += used
            if mark != b"TREE" or kind != 1 or counted > _MOST_CHUNKS:
                raise OddError
            data = self._bytes(node + 24, used * step)
            for place in range(0, used * step, step):
                (address,) = struct.unpack_from("<Q", data, place + step - 8)
                if level:
                    waiting.append(address)
                    continue
                (count,) = struct.unpack_from("<I", data, place)
                if address + count > self._size:
                    raise OddError
                held += count
        return held

    def _pass_over(self) -> None:
        raise OddError

    def _look_at(self, flags: int) -> None:
        if flags & _SHARED:
            raise OddError


def _shape(space: bytes) -> tuple[int, ...]:
    if space[0] not in {1, 2}:
        raise OddError
    return struct.unpack_from(f"<{space[1]}Q", space, 8 if space[0] == 1 else 4)


def _width(kind: bytes) -> int:
    """The bytes of one element; those of varying length are left to the library."""
    if kind[0] & 15 not in {_INTEGER, _FLOAT, _TEXT, _BITS, _OPAQUE}:
        raise OddError
    return int.from_bytes(kind[4:8], "little")


def _refuse_filters(data: bytes) -> None:
    """Stop at a filter that is not one of HDF5's own, section IV.A.2.l."""
    if not data:
        return
    version, count = data[0], data[1]
    if version != 1:
        raise OddError
    place = 8
    for _ in range(count):
        number, named, _, values = struct.unpack_from("<HHHH", data, place)
        if number not in _KNOWN_FILTERS:
            raise OddError
        place += 8 + named + -named % 8 + 4 * (values + values % 2)


def _plain_attribute(data: bytes) -> bytes:
    """The name of an attribute; one that is neither text nor number is left to the library."""
    version, _, named, typed, _ = struct.unpack_from("<BBHHH", data)
    begin = 9 if version == 3 else 8
    place = begin + (named + -named % 8 if version == 1 else named)
    kind = data[place : place + 8]
    if version not in {1, 2, 3} or len(kind) < 8 or typed < 8:
        raise OddError
    if kind[0] & 15 != _VARYING or kind[1] & 15 != 1:
        _width(kind)
    return data[begin : begin + named].rstrip(b"\0")
