"""The zip archives that Keras and NumPy write, read by their two lists of members, which must agree."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from envlock.inspection.found import Refused, shown
from envlock.values import frozen, replace

__all__ = ["Member", "content", "members", "refuse_excess"]

# https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.7, 4.3.12 to 4.3.16, 4.5.3
_LOCAL, _CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
_END, _END_64, _LOCATOR = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_STORED, _DEFLATED = 0, 8
_NO_NUMBER, _NO_SHORT = 0xFFFFFFFF, 0xFFFF
_DESCRIBED, _IN_UTF8 = 0x8, 0x800
# Sizes of more than four bytes, times, owners; 4.5.2 and 4.6.1.
_EXTRAS = {0x0001, 0x5455, 0x7875}
_LEVELS = 0x6  # how well it was compressed

_MOST_MEMBERS = 20_000
_MOST_DIRECTORY = 16 << 20
_MOST_NAME = 1000
_MOST_RATIO = 200
_FREE = 1 << 20
_BAD = re.compile(r"[\x00-\x1f\x7f\\]")


@frozen(kw_only=True)
class Member:
    """One member: where its bytes begin, how many there are, and how many they become."""

    name: str
    at: int
    stored: int
    size: int
    crc: int
    is_deflated: bool


def members(file: BinaryIO, size: int) -> list[Member]:
    """The members of an archive in the order of their bytes; `Refused` where anything is odd."""
    start, length, count = _directory(file, size)
    file.seek(start)
    data = file.read(length)
    try:
        found = sorted(_central(data, count), key=lambda item: item[0])
        return _checked(file, found, start)
    except (struct.error, IndexError, UnicodeDecodeError):
        raise Refused("its list of members is damaged") from None


def refuse_excess(found: list[Member], size: int) -> None:
    """Refuse what becomes far more than it is."""
    for item in found:
        if item.size > _FREE and item.size > _MOST_RATIO * item.stored:
            told = f"{shown(item.name)} has {item.stored} bytes that become {item.size}"
            raise Refused(told, subject=shown(item.name), code="EL615")
    total = sum(item.size for item in found)
    if total > max(64 << 20, 20 * size):
        raise Refused(f"{size} bytes become {total}", code="EL615")


def content(file: BinaryIO, item: Member, most: int) -> bytes:
    """The bytes of a member; `Refused` where they are not those that were promised."""
    if item.size > most:
        raise Refused(f"{shown(item.name)} is {item.size} bytes long; at most {most} are read", code="EL602")
    file.seek(item.at)
    data = file.read(item.stored)
    if item.is_deflated:
        data = _inflated(data, item)
    if len(data) != item.size or zlib.crc32(data) != item.crc:
        raise Refused(f"{shown(item.name)} is damaged")
    return data


def _inflated(data: bytes, item: Member) -> bytes:
    stream = zlib.decompressobj(-15)
    try:
        found = stream.decompress(data, item.size + 1)
    except zlib.error:
        raise Refused(f"{shown(item.name)} is damaged") from None
    if len(found) <= item.size and (not stream.eof or stream.unused_data):
        raise Refused(f"{shown(item.name)} is damaged")
    return found


def _directory(file: BinaryIO, size: int) -> tuple[int, int, int]:
    """Where the list of members begins, how long it is and how many it names; it must end the file."""
    file.seek(max(0, size - 98))
    tail = file.read()
    if len(tail) < 22 or tail[-22:-18] != _END or tail[-2:] != b"\0\0":
        raise Refused("it does not end with its list of members")
    disk, first, here, count, length, start = struct.unpack("<HHHHII", tail[-18:-2])
    end = size - 22
    if tail[-42:-38] == _LOCATOR:
        if len(tail) < 98 or tail[-98:-94] != _END_64:
            raise Refused("its list of members is damaged")
        here, count, length, start = struct.unpack("<QQQQ", tail[-98 + 24 : -98 + 56])
        end = size - 98
    if disk or first or here != count or start + length != end:
        raise Refused("its list of members does not lie where it should")
    if count > _MOST_MEMBERS or length > _MOST_DIRECTORY:
        raise Refused(f"it has {count} members; at most {_MOST_MEMBERS} are read", code="EL615")
    return start, length, count


def _central(data: bytes, count: int) -> Iterator[tuple[int, Member, int]]:
    """Each member by the list at the end: where its own header lies, what it is, and its flags."""
    place = 0
    names: set[str] = set()
    for _ in range(count):
        if data[place : place + 4] != _CENTRAL:
            raise Refused("its list of members is damaged")
        head = struct.unpack_from("<HHHHHHIIIHHHHHII", data, place + 4)
        _, _, flags, method, _, _, crc, stored, size, named, extra, comment, disk, _, mode, offset = head
        after = place + 46 + named
        name = _name(data[place + 46 : after], flags)
        fields = _extra(data[after : after + extra], name)
        size, stored, offset = _large(fields, size, stored, offset)
        _refuse_odd(name, flags, method, mode, disk + comment)
        if name.lower() in names:
            raise Refused(f"it holds {shown(name)} more than once", subject=shown(name))
        names.add(name.lower())
        is_deflated = method == _DEFLATED
        yield (
            offset,
            Member(name=name, at=0, stored=stored, size=size, crc=crc, is_deflated=is_deflated),
            flags,
        )
        place = after + extra
    if place != len(data):
        raise Refused("its list of members is longer than it says")


def _name(data: bytes, flags: int) -> str:
    text = data.decode("utf-8" if flags & _IN_UTF8 else "ascii")
    if not text or len(text) > _MOST_NAME:
        raise Refused("a member has no name, or one without end")
    return text


def _extra(data: bytes, name: str) -> dict[int, bytes]:
    """The extra fields of a member; one of them can name it anew, and is refused as all unknown ones are."""
    found: dict[int, bytes] = {}
    place = 0
    while place + 4 <= len(data):
        kind, length = struct.unpack_from("<HH", data, place)
        if kind not in _EXTRAS or kind in found or place + 4 + length > len(data):
            raise Refused(f"{shown(name)} has an extra field that Keras does not write", subject=shown(name))
        found[kind] = data[place + 4 : place + 4 + length]
        place += 4 + length
    if place != len(data):
        raise Refused(f"{shown(name)} has an extra field that is cut short", subject=shown(name))
    return found


def _large(fields: dict[int, bytes], *numbers: int) -> list[int]:
    """The numbers of more than four bytes, which stand in an extra field."""
    held = iter(struct.unpack(f"<{len(fields.get(1, b'')) // 8}Q", fields.get(1, b"")))
    return [next(held, _NO_NUMBER) if number == _NO_NUMBER else number for number in numbers]


def _refuse_odd(name: str, flags: int, method: int, mode: int, others: int) -> None:
    kind = mode >> 28
    if flags & ~(_DESCRIBED | _IN_UTF8 | _LEVELS) or method not in {_STORED, _DEFLATED} or others:
        raise Refused(f"{shown(name)} is encrypted or packed as Keras packs nothing", subject=shown(name))
    if kind not in {0, 4, 8} or (kind == 4) != (name.endswith("/") and kind != 0):
        raise Refused(f"{shown(name)} is a link or no plain file", subject=shown(name))
    parts = name.removesuffix("/").split("/")
    if _BAD.search(name) or ":" in parts[0] or {"", ".", ".."} & set(parts):
        told = f"{shown(name)} leads out of the folder that it is unpacked in"
        raise Refused(told, subject=shown(name), code="EL603")


def _checked(file: BinaryIO, found: list[tuple[int, Member, int]], end: int) -> list[Member]:
    """The same with where their bytes begin; their own headers must agree, and leave no gaps."""
    place = 0
    checked = []
    for offset, item, flags in found:
        if offset != place:
            raise Refused(f"there are bytes before {shown(item.name)} that belong to nothing")
        at = _agreed(file, offset, item, flags)
        place = at + item.stored + (_descriptor(file, at + item.stored, item) if flags & _DESCRIBED else 0)
        checked.append(replace(item, at=at))
        if not item.is_deflated and item.stored != item.size:
            raise Refused(f"{shown(item.name)} has two sizes", subject=shown(item.name))
    if place != end:
        raise Refused("there are bytes before its list of members that belong to nothing")
    return checked


def _agreed(file: BinaryIO, offset: int, item: Member, flags: int) -> int:
    """Where the bytes of a member begin, once its own header says the same as the list."""
    file.seek(offset)
    head = file.read(30)
    if head[:4] != _LOCAL:
        raise Refused(f"{shown(item.name)} does not lie where the list says")
    _, own_flags, method, _, _, crc, stored, size, named, extra = struct.unpack("<HHHHHIIIHH", head[4:])
    rest = file.read(named + extra)
    size, stored = _large(_extra(rest[named:], item.name), size, stored)
    said = (crc, stored, size)
    is_same = said == (item.crc, item.stored, item.size) or (flags & _DESCRIBED and not any(said))
    if (
        rest[:named].decode() != item.name
        or own_flags != flags
        or (method == _DEFLATED) != item.is_deflated
        or not is_same
    ):
        raise Refused(f"{shown(item.name)} is described in two ways", subject=shown(item.name))
    return offset + 30 + int(named) + int(extra)


def _descriptor(file: BinaryIO, at: int, item: Member) -> int:
    """How long the numbers behind a member are that was written before these were known."""
    file.seek(at)
    data = file.read(24)
    is_large = max(item.size, item.stored) > _NO_NUMBER
    for form in ("<IQQ",) if is_large else ("<III", "<IQQ"):
        numbers = struct.pack(form, item.crc, item.stored, item.size)
        for expected in (b"PK\x07\x08" + numbers, numbers):
            if data.startswith(expected):
                return len(expected)
    raise Refused(f"{shown(item.name)} is described in two ways", subject=shown(item.name))
