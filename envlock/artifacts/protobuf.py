"""
Protocol buffers read by their field numbers, with limits.

The wire format: https://protobuf.dev/programming-guides/encoding/. A field that stands twice is read as
TensorFlow reads it: numbers and texts, the last one counts; messages are merged, which is the same as
reading one behind the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

__all__ = ["Fields", "Malformed", "Message", "content", "signed"]

Message = memoryview

MAX_FIELDS = 10_000_000
# What a protocol buffer may have by its own rules: https://protobuf.dev/programming-guides/proto-limits/
_MAX_BYTES = 2 << 30
_MAX_MERGED = 64 << 20
_IN_MEMORY = 16 << 20
_HAS_LENGTH = 2
_ONE_BYTE = 0x80
# The least that the first byte of a field may be.
_FIRST = 1 << 3


class Malformed(Exception):
    """The bytes are no protocol buffer of the kind expected, or more than is read."""


def content(path: Path) -> Message:
    """The bytes of a file; a large one is mapped, so that only what is looked at takes memory."""
    size = path.stat().st_size
    if size > _MAX_BYTES:
        raise Malformed(f"it has {size} bytes; at most {_MAX_BYTES} are read")
    with path.open("rb") as file:
        if size <= _IN_MEMORY:
            return memoryview(file.read(_IN_MEMORY))
        import mmap

        return memoryview(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ))


class Fields:
    """
    The fields of messages, counted against one limit.

    One object reads one file: work that a crafted file asks for ends at the limit.
    """

    def __init__(self) -> None:
        self._left = MAX_FIELDS

    def of(self, data: Message) -> Iterator[tuple[int, int | Message]]:
        """Field numbers and values: whole numbers, or the bytes of what has a length."""
        return ((number, value) for number, value, _ in self._kinds(data))

    def _kinds(self, data: Message) -> Iterator[tuple[int, int | Message, int]]:
        """The same with the wire types: what has another one than a message wants is no part of it."""
        at, end = 0, len(data)
        while at < end:
            self._left -= 1
            if self._left < 0:
                raise Malformed(f"it has more than {MAX_FIELDS} fields")
            key = data[at]
            if key < _ONE_BYTE:  # most numbers are of one byte, which is read here for speed
                at += 1
            else:
                key, at = _varint(data, at)
            kind = key & 7
            if key < 1 << 3:
                raise Malformed("a field has the number 0")
            if kind == 0:
                value, at = _varint(data, at)
                yield key >> 3, value, 0
                continue
            if kind == _HAS_LENGTH and at < end and data[at] < _ONE_BYTE:
                size = data[at]
                at += 1
            else:
                size, at = _size(data, at, kind)
            start, at = at, at + size
            if at > end:
                raise Malformed("it ends in the middle of a field")
            yield key >> 3, data[start:at], kind

    def messages(self, data: Message, field: int) -> Iterator[Message]:
        """The values of a repeated field."""
        return (
            value
            for number, value, kind in self._kinds(data)
            if number == field and kind == _HAS_LENGTH and isinstance(value, memoryview)
        )

    def message(self, data: Message, field: int) -> Message:
        """The value of a single field, empty where it is missing."""
        return self.several(data, (field,))[field]

    def several(self, data: Message, wanted: tuple[int, ...]) -> dict[int, Message]:
        """The values of single fields, in one pass; empty where one is missing."""
        return {number: _merged(parts) for number, parts in self.all(data, wanted).items()}

    def all(self, data: Message, wanted: tuple[int, ...]) -> dict[int, list[Message]]:
        """The values of repeated fields, in one pass."""
        found: dict[int, list[Message]] = {number: [] for number in wanted}
        for number, value, kind in self._kinds(data[self._plainly(data, found) :]):
            if number in found and kind == _HAS_LENGTH and isinstance(value, memoryview):
                found[number].append(value)
        return found

    def _plainly(self, data: Message, found: dict[int, list[Message]]) -> int:
        """
        Where the first field begins that is not plain: of a small number, and of a length below 16384.

        Those before it are put into `found`; there are many of them, and this takes half the time.
        """
        at, end, met = 0, len(data), 0
        while at + 1 < end and met < self._left:
            key, size, start = data[at], data[at + 1], at + 2
            if size >= _ONE_BYTE:
                if start >= end or data[start] >= _ONE_BYTE:
                    break
                size, start = size & 0x7F | data[start] << 7, start + 1
            if key & 7 != _HAS_LENGTH or not _FIRST <= key < _ONE_BYTE or start + size > end:
                break
            at, met = start + size, met + 1
            values = found.get(key >> 3)
            if values is not None:
                values.append(data[start:at])
        self._left -= met
        return at

    def text(self, data: Message, field: int) -> str:
        """A text, empty where it is missing."""
        return self.texts(data, (field,))[field]

    def texts(self, data: Message, wanted: tuple[int, ...]) -> dict[int, str]:
        """Several texts in one pass; empty where one is missing."""
        found = dict.fromkeys(wanted, memoryview(b""))
        for number, value, kind in self._kinds(data):
            if number in found and kind == _HAS_LENGTH and isinstance(value, memoryview):
                found[number] = value
        return {number: bytes(value).decode("utf-8", "replace") for number, value in found.items()}

    def number(self, data: Message, field: int) -> int:
        """A whole number, 0 where it is missing, as protocol buffers have it."""
        found = 0
        for number, value in self.of(data):
            if number == field and isinstance(value, int):
                found = value
        return found


def signed(value: int) -> int:
    """A whole number that may be negative, from the bits it was written as."""
    return value - (1 << 64) if value >= 1 << 63 else value


def _size(data: Message, at: int, kind: int) -> tuple[int, int]:
    match kind:
        case 1:
            return 8, at
        case 2:
            return _varint(data, at)
        case 5:
            return 4, at
    raise Malformed(f"a field has the unknown wire type {kind}")


def _varint(data: Message, at: int) -> tuple[int, int]:
    value, end = 0, len(data)
    for shift in range(0, 70, 7):
        if at >= end:
            raise Malformed("it ends in the middle of a number")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
    raise Malformed("a number is longer than ten bytes")


def _merged(parts: list[Message]) -> Message:
    if len(parts) <= 1:
        return parts[0] if parts else memoryview(b"")
    size = sum(len(part) for part in parts)
    if size > _MAX_MERGED:
        raise Malformed(f"a field stands {len(parts)} times, with {size} bytes together")
    return memoryview(b"".join(parts))
