"""What an installer leaves beside the metadata: which wheel it was, what is in it, and who installed it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from envlock.capture.metadata import folder_name
from envlock.facts import Maybe, Unknown

__all__ = ["file_name", "installer", "is_requested", "record", "record_digest"]


def file_name(info: Path) -> Maybe[str | None]:
    """
    The file name of the wheel, put together from its tags; `None` where it was no wheel.

    The set of tags is exact. Their order in the name is told nowhere; it is that of most builders.
    """
    data = _content(info, "WHEEL")
    if data is None or isinstance(data, Unknown):
        return data
    fields = _FIELD.findall(data.decode("utf-8", "replace"))
    generator = next((value for key, value in fields if key == "Generator"), "")
    tags = _compressed([value for key, value in fields if key == "Tag"], generator)
    builds = [value for key, value in fields if key == "Build" and value]
    name = "-".join([info.name.removesuffix(".dist-info"), *builds[:1], tags or ""]) + ".whl"
    if tags is None or len(name) > _MAX_NAME or not _WHEEL_NAME.fullmatch(name):
        return Unknown(f"WHEEL in {folder_name(info)} makes no file name")
    return name


def record(info: Path) -> Maybe[str | None]:
    """The digest of RECORD, `None` where there is none: what was no wheel has none."""
    try:
        status = (info / "RECORD").stat()
    except OSError:  # reading it says why
        return _record(info)
    return _record_of(info, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4096)
def _record_of(info: Path, _changed: int, _size: int) -> Maybe[str | None]:
    """The same once for each state of the file: a program may save often."""
    return _record(info)


def _record(info: Path) -> Maybe[str | None]:
    data = _content(info, "RECORD")
    if data is None or isinstance(data, Unknown):
        return data
    try:
        digest = record_digest(data)
    except ValueError as error:
        return Unknown(f"RECORD in {folder_name(info)} is damaged: {error}")
    return digest or Unknown(f"RECORD in {folder_name(info)} holds no digests")


def record_digest(data: bytes) -> str | None:
    """
    The sha256, in hex, over the sorted rows `path,digest` of a RECORD, each with a line end.

    Rows are left out that an installer adds or changes: those without a digest, compiled modules,
    scripts and all else outside the folder of modules, and the installer's own notes. So it is the same
    whatever installed the wheel, and that of the RECORD inside the wheel. `None` without any row;
    `ValueError` where it is no table.
    """
    from hashlib import sha256  # a diff reads no RECORD

    data = _uniform(data)
    rows = dict.fromkeys(sorted(_inside(data)))
    for row in _marked(data):
        if b".pyc," in row or _NOTES.match(row) or _ELSEWHERE.match(row):
            rows.pop(row, None)
    return sha256(b"\n".join([*rows, b""])).hexdigest() if rows else None


def installer(info: Path) -> Maybe[str | None]:
    """What installed it, by its own account: `pip`, `uv`, `conda`; `None` where it left no name."""
    data = _content(info, "INSTALLER")
    if data is None or isinstance(data, Unknown):
        return data
    first = data.decode("utf-8", "replace").partition("\n")[0].strip()
    if first and not _INSTALLER.fullmatch(first):
        return Unknown(f"INSTALLER in {folder_name(info)} is no name")
    return first or None


def is_requested(info: Path) -> bool:
    """Whether a user asked for it by name (PEP 376), and no other distribution alone."""
    return (info / "REQUESTED").is_file()


_FIELD = re.compile(r"^(Tag|Build|Generator):[ \t]*(.*?)[ \t\r]*$", re.MULTILINE)
_INSTALLER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_MAX_NAME = 400  # of the longest wheel, which lists a dozen tags, about a third
_WHEEL_NAME = re.compile(r"[A-Za-z0-9_.]+-[A-Za-z0-9_.+!]+(-[0-9][A-Za-z0-9_.]*)?(-[A-Za-z0-9_.]+){3}\.whl")

# What every row holds that may be the installer's, though it has a digest and lies inside. Looking
# for these in the whole file is many times faster than looking at each of tens of thousands of rows.
_MARKS = (b".pyc,", b".dist-info/", b".data/")
_NOTES = re.compile(
    rb"[^/]+\.dist-info/(?:RECORD(?:\.jws|\.p7s)?|INSTALLER|REQUESTED|(?:uv_[^/]*|direct_url|provenance_url)\.json),"
)
# https://packaging.python.org/en/latest/specifications/binary-distribution-format/: below *.data/
# lies, inside a wheel, what is installed elsewhere.
_ELSEWHERE = re.compile(rb"[^/]+\.data/(?:scripts|headers|data)/")
_IN_DATA = re.compile(rb"^[^/\n]+\.data/(?:purelib|platlib)/", re.MULTILINE)


def _uniform(data: bytes) -> bytes:
    """A RECORD with slashes, without quotes, each row after a line end."""
    if b'"' in data:  # a path that holds a comma
        data = b"\n".join(_unquoted(data))
    if b"\\" in data:  # written by old tools on Windows
        data = data.replace(b"\\", b"/")
    if b".data/" in data:
        data = _IN_DATA.sub(b"", data)
    return b"\n" + data


def _unquoted(data: bytes) -> Iterator[bytes]:
    import csv

    lines = data.replace(b"\r\n", b"\n").decode("utf-8", "surrogateescape").split("\n")
    try:
        for row in csv.reader(lines):
            yield ",".join(row).encode("utf-8", "surrogateescape")
    except csv.Error as error:
        raise ValueError(str(error)) from error


def _inside(data: bytes) -> list[bytes]:
    """The rows `path,digest` that have a digest and a path inside the folder of modules."""
    rows = [line.rpartition(b",")[0] for line in data.split(b"\n")]
    return [
        row
        for row in rows
        if row and row[-1:] != b"," and row[:1] != b"/" and row[:3] != b"../" and row[1:3] != b":/"
    ]


def _marked(data: bytes) -> Iterator[bytes]:
    """The rows `path,digest` that hold one of the marks."""
    for mark in _MARKS:
        at = data.find(mark)
        while at >= 0:
            start, end = data.rfind(b"\n", 0, at + 1) + 1, data.find(b"\n", at + 1)
            yield data[start : end if end >= 0 else len(data)].rpartition(b",")[0]
            at = data.find(mark, end) if end >= 0 else -1


def _content(info: Path, name: str) -> Maybe[bytes | None]:
    """A file beside the metadata, `None` where there is none."""
    try:
        with (info / name).open("rb", buffering=0) as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return Unknown(f"{name} in {folder_name(info)} cannot be read: {error.strerror}")


def _compressed(tags: list[str], generator: str) -> str | None:
    """
    The tags as a file name has them, `None` where they are those of no file name.

    > for x in pytag.split('.'): for y in abitag.split('.'): for z in platformtag.split('.'):
    >     yield '-'.join((x, y, z))                                                      (PEP 425)
    """
    parts = [tag.split("-") for tag in dict.fromkeys(tags)]
    if not parts or any(len(part) != 3 for part in parts):
        return None
    pythons, abis, platforms = (list(dict.fromkeys(column)) for column in zip(*parts, strict=True))
    if len(pythons) * len(abis) * len(platforms) != len(parts):
        return None
    if _names_are_sorted(generator):
        platforms.sort()
    return "-".join(".".join(column) for column in (pythons, abis, platforms))


def _names_are_sorted(generator: str) -> bool:
    """
    Whether the platforms stand sorted in the file name, unlike in WHEEL.

    auditwheel does so since June 2025 and leaves no mark (https://github.com/pypa/auditwheel/issues/583).
    What it repairs is mostly built by setuptools, whose version tells the time.
    """
    found = re.match(r"setuptools \((\d+)\.", generator)
    return found is not None and int(found[1]) >= 77
