"""The files that a model carries beside its own: of whatever name, none may run something when it is read."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from envlock.artifacts.hdf5 import Part
from envlock.inspection import archive, numpy_file
from envlock.inspection.found import Found, Refused, shown
from envlock.inspection.pickles import is_running

__all__ = ["note"]

_MOST_READ = 4 << 20
_MOST_IN_DOUBT = 64 << 20
_MOST_MEMBERS = 2000
_BLOCK = 512
_PYTHON = b"\r\n"
_LONG_HEAD = 16


def note(path: Path, start: int, size: int, name: str, found: Found) -> None:
    """Note a carried file that lies in another one from `start` on, and is a pickle or holds one."""
    with path.open("rb") as file:
        part: Any = Part(file, start, size)
        head = bytes(part.read(_MOST_READ))
        if len(head) < size and is_running(head, is_whole=False):
            part.seek(0)
            head = bytes(part.read(_MOST_IN_DOUBT))
        _look(head, size, name, found)
        if head.startswith(b"PK\x03\x04"):
            for inner, data, length in _members(part, size, name):
                _look(data, length, f"{inner} in {name}", found)


def _look(head: bytes, size: int, name: str, found: Found) -> None:
    what = shown(name)
    for data, whole in _layers(head, size):
        if data.startswith(numpy_file.MAGIC):
            numpy_file.array(data[: numpy_file.MOST_HEADER + 20], whole, what, found)
        elif is_running(data, is_whole=len(data) == whole):
            found.hazard("EL605", what, f"{what} is a pickle; reading it runs what it says")
        elif _is_bytecode(data):
            found.hazard("EL605", what, f"{what} is Python's bytecode")


def _layers(head: bytes, size: int) -> Iterator[tuple[bytes, int]]:
    """The beginning of a file, of what it is compressed from, and of the files that it strings together."""
    yield head, size
    inner = _unpacked(head)
    if inner is not None:
        yield inner, len(inner) if len(inner) < _MOST_READ else len(inner) + 1
    listed = head if inner is None else inner
    if listed[257:262] == b"ustar":
        yield from _strung(listed)


def _unpacked(head: bytes) -> bytes | None:
    """What compressed bytes begin with, by the programs that Python brings."""
    for mark, opened in _PACKERS:
        if head.startswith(mark):
            try:
                return opened(head)
            except (zlib.error, OSError, EOFError, ValueError, ImportError):
                continue
    return None


def _inflated(head: bytes) -> bytes:
    """Gzip or zlib, whichever it is."""
    return zlib.decompressobj(47).decompress(head, _MOST_READ)


def _bzip2(head: bytes) -> bytes:
    import bz2

    return bz2.BZ2Decompressor().decompress(head, _MOST_READ)


def _lzma(head: bytes) -> bytes:
    import lzma

    return lzma.LZMADecompressor(memlimit=64 << 20).decompress(head, _MOST_READ)


_PACKERS: tuple[tuple[bytes, Callable[[bytes], bytes]], ...] = (
    (b"\x1f\x8b", _inflated), (b"\x78\x01", _inflated), (b"\x78\x5e", _inflated), (b"\x78\x9c", _inflated),
    (b"\x78\xda", _inflated), (b"BZh", _bzip2), (b"\xfd7zXZ", _lzma), (b"\x5d\x00\x00", _lzma),
)  # fmt: skip


def _strung(data: bytes) -> Iterator[tuple[bytes, int]]:
    """The files in a tape archive: https://www.gnu.org/software/tar/manual/html_node/Standard.html."""
    place = 0
    for _ in range(_MOST_MEMBERS):
        head = data[place : place + _BLOCK]
        digits = head[124:135].strip(b" \0")
        if head[257:262] != b"ustar" or not digits.isdigit():
            return
        size = int(digits, 8) if set(digits) <= set(b"01234567") else 0
        held = data[place + _BLOCK : place + _BLOCK + size]
        if held:
            yield held, size
        place += _BLOCK + size + -size % _BLOCK


def _members(part: Any, size: int, name: str) -> Iterator[tuple[str, bytes, int]]:
    """The members of an archive in an archive, each as far as it is read."""
    try:
        listed = archive.members(part, size)
    except Refused as error:
        raise Refused(f"{shown(name)}: {error.message}", subject=shown(name), code=error.code) from None
    left = _MOST_READ
    for item in listed[:_MOST_MEMBERS]:
        part.seek(item.at)
        data = bytes(part.read(min(item.stored, _MOST_READ)))
        if item.is_deflated:
            try:
                data = zlib.decompressobj(-15).decompress(data, max(left, _BLOCK))
            except zlib.error:
                raise Refused(f"{shown(item.name)} in {shown(name)} is damaged") from None
            left -= len(data)
        yield item.name, data, item.size


def _is_bytecode(data: bytes) -> bool:
    """A compiled module: https://github.com/python/cpython/blob/main/Lib/importlib/_bootstrap_external.py."""
    return (
        len(data) > _LONG_HEAD
        and data[2:4] == _PYTHON
        and data[1] in range(10, 16)
        and data[16] & 0x7F == 0x63
    )
