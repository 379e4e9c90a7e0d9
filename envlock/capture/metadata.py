"""
The installed distributions, by a scan of their metadata.

The rules are those of `importlib.metadata` (all of `sys.path`, the first one wins, names
normalised), read by hand because that module costs several times more than the rest of a diff.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from envlock.facts import Maybe, Unknown
from envlock.values import frozen

__all__ = ["Distribution", "folder_name", "installed", "normalised"]


@frozen
class Distribution:
    """An installed distribution: its folder of metadata and what its head says."""

    name: str
    version: Maybe[str]
    info: Path
    requires_dist: tuple[str, ...]

    @property
    def files(self) -> Path:
        """The folder that its modules were installed into."""
        return self.info.parent

    def is_project(self) -> bool:
        """Whether it is the user's own code: installed from a local folder (PEP 610)."""
        from envlock.capture import origins  # a diff asks no distribution where it came from

        return origins.is_local(self.info)


def normalised(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed(path: Sequence[str] | None = None) -> dict[str, Distribution]:
    """
    Every distribution on `path` (default: `sys.path`) by its normalised name, sorted.

    A folder without readable metadata, of which `importlib.metadata` tells no version, counts only
    where nothing else has its name: it is what an uninstallation left.
    """
    found: dict[str, Distribution] = {}
    hollow: dict[str, Distribution] = {}
    for entry in dict.fromkeys(str(entry) or os.curdir for entry in (sys.path if path is None else path)):
        for info, head in () if entry.endswith(_BUNDLED) else _metadata(entry):
            distribution = _distribution(info, head)
            if distribution:
                (found if head else hollow).setdefault(distribution.name, distribution)
    return dict(sorted((hollow | found).items()))


def folder_name(info: Path) -> str:
    """What a folder of metadata is called in a message; never with the path to it."""
    name = info.parent.name if info.name.upper() == "EGG-INFO" else info.name
    return name.encode("ascii", "backslashreplace").decode("ascii")


# setuptools puts its bundled copies on sys.path when it is imported; nothing is installed by it.
_BUNDLED = tuple(f"{package}{os.sep}_vendor" for package in ("setuptools", "pkg_resources"))

# https://packaging.python.org/en/latest/specifications/name-normalization/
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+!_-]{0,127}")

# A head begins with a line end, so that the pattern has a literal to be searched for. The lines
# of a folded header begin with a blank.
_FIELD = re.compile(rb"\n((?i:Name|Version|Requires-Dist)):[ \t]*([^\n]*(?:\n[ \t][^\n]*)*)")
_LONGEST_HEAD = 1 << 20  # bytes; the longest of the index are a few dozen thousand

_Fields = tuple[tuple[str, str], ...]


def _distribution(info: Path, head: _Fields) -> Distribution | None:
    label = info.parent.name if info.name.upper() == "EGG-INFO" else info.name
    if label.startswith(("~", "-")):  # what pip leaves behind when it is interrupted
        return None
    from_folder, version, *_ = [*label.rpartition(".")[0].split("-"), ""]
    name = next((value for key, value in head if key == "name" and _NAME.fullmatch(value)), from_folder)
    version = next((value for key, value in head if key == "version" and value), version)
    if not _NAME.fullmatch(name) or not (head or version):
        return None
    stated = version if _VERSION.fullmatch(version) else _no_version(info)
    requires = tuple(value for key, value in head if key == "requires-dist")
    return Distribution(normalised(name), stated, info, requires)


def _no_version(info: Path) -> Unknown:
    return Unknown(f"{folder_name(info)} names no usable version")


def _metadata(entry: str) -> Iterator[tuple[Path, _Fields]]:
    """
    The metadata that lies in an entry of the path, with the fields of their heads.

    They come in the order of the file system: of two versions in one folder the same one wins as
    in `importlib.metadata`, which the programs ask that run here.
    """
    try:
        names = [item.name for item in os.scandir(entry) if _is_metadata(item.name, entry)]
    except NotADirectoryError:
        yield from _zipped(entry)
        return
    except (OSError, ValueError):  # an entry of sys.path need not exist, nor be a path at all
        return
    for name in names:
        info = f"{entry}/{name}"
        yield Path(info), _head(f"{info}/METADATA") or _head(f"{info}/PKG-INFO") or _head(info)


def _is_metadata(name: str, entry: str) -> bool:
    lowered = name.lower()
    # https://setuptools.pypa.io/en/latest/deprecated/python_eggs.html: an egg keeps it in EGG-INFO.
    return lowered.endswith((".dist-info", ".egg-info")) or (
        lowered == "egg-info" and entry.lower().endswith(".egg")
    )


def _zipped(entry: str) -> Iterator[tuple[Path, _Fields]]:
    """The same for a zip file on the path, such as an egg."""
    import lzma
    import zlib
    from zipfile import BadZipFile, ZipFile  # costs a diff more than the scan

    try:
        with ZipFile(entry) as archive:
            members = archive.namelist()
            for name in dict.fromkeys(member.partition("/")[0] for member in members):
                if _is_metadata(name, entry):
                    heads = [name + part for part in ("/METADATA", "/PKG-INFO", "") if name + part in members]
                    data = archive.open(heads[0]).read(_LONGEST_HEAD) if heads else b""
                    yield Path(entry, name), _fields(data)
    # An entry that is no zip file, is damaged, encrypted or compressed in a way unknown here:
    # Python cannot import from it either.
    except (OSError, ValueError, BadZipFile, EOFError, RuntimeError, zlib.error, lzma.LZMAError):
        return


def _head(path: str) -> _Fields:
    """The fields of a metadata file that we use, none where there is none; read again when it changed."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path costs more than the call
        return _fields_of(path, status.st_mtime_ns, status.st_size)
    except OSError:
        return ()


@lru_cache(maxsize=4096)
def _fields_of(path: str, _changed: int, _size: int) -> _Fields:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - so does it here
        data = file.read(16384)
        if b"\n\n" not in data and b"\n\r\n" not in data and len(data) == 16384:
            data += file.read(_LONGEST_HEAD)
    return _fields(data)


def _fields(data: bytes) -> _Fields:
    """The name, version and requirements in the head of a metadata file, keys in lower case."""
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    head = b"\n" + data.partition(b"\n\n")[0]
    return tuple(
        (key.lower().decode("ascii"), " ".join(value.decode("utf-8", "replace").split()))
        for key, value in _FIELD.findall(head)
    )
