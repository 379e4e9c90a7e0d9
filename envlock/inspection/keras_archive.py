"""The `.keras` archive, packed or as a folder, and the archives of arrays that NumPy writes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from envlock.artifacts.hdf5 import Part
from envlock.inspection import archive as zips
from envlock.inspection import carried, hdf5, numpy_file
from envlock.inspection.archive import Member
from envlock.inspection.found import Found, Refused, shown
from envlock.inspection.paths import is_bad_name
from envlock.inspection.strict import MOST_BYTES, parsed
from envlock.values import frozen

__all__ = ["Held", "archive", "arrays", "folder", "holds_arrays"]

_ALLOWED = re.compile(
    r"(?:metadata\.json|config\.json|model\.weights\.(?:h5|npz|json)|model_\d{5}\.weights\.h5|assets/.*)\Z",
    re.DOTALL,
)
_ASSETS = "assets/"
_CONFIG, _METADATA, _SHARDS = "config.json", "metadata.json", "model.weights.json"
_BLOCK = 1 << 20
_PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth")


@frozen(kw_only=True)
class Held:
    """
    What a `.keras` archive holds: its settings, the names of its assets, the bytes of its weights.

    `sizes` are those that occur in the shapes of these.
    """

    config: dict[str, Any]
    metadata: dict[str, Any]
    assets: frozenset[str]
    stored: int
    sizes: frozenset[int]


def archive(path: Path, size: int, found: Found) -> Held:
    """An archive of Keras', its arrays inspected."""
    with path.open("rb") as file:
        members = {item.name: item for item in _listed(file, size, path.name)}
        files = {name: item for name, item in members.items() if not name.endswith("/")}
        _refuse_unknown(set(members), path.name)
        settings = [
            parsed(zips.content(file, files[name], MOST_BYTES), f"{name} in {path.name}")
            for name in (_CONFIG, _METADATA)
        ]
        sizes: set[int] = set()
        for name, item in files.items():
            if name.startswith(_ASSETS):
                with _plain(path, file, item) as (place, start):
                    carried.note(place, start, item.size, name, found)
            elif ".weights." in name:
                with _plain(path, file, item) as (place, start):
                    sizes |= _weights(place, start, item.size, name, set(files), found)
    return _held(settings, {name: item.size for name, item in files.items()}, sizes)


def folder(path: Path, found: Found) -> Held:
    """The same that lies unpacked in a folder."""
    files = {item.relative_to(path).as_posix(): item for item in sorted(path.rglob("*")) if item.is_file()}
    for name in files:
        if is_bad_name(name):
            raise Refused(f"{shown(name)} leads out of the folder", subject=shown(name), code="EL603")
    _refuse_unknown(set(files), path.name)
    settings = [parsed(_read(files[name]), f"{name} in {path.name}") for name in (_CONFIG, _METADATA)]
    lengths = {name: item.stat().st_size for name, item in files.items()}
    sizes: set[int] = set()
    for name, item in files.items():
        if name.startswith(_ASSETS):
            carried.note(item, 0, lengths[name], name, found)
        elif ".weights." in name:
            sizes |= _weights(item, 0, lengths[name], name, set(files), found)
    return _held(settings, lengths, sizes)


def _held(settings: list[dict[str, Any]], lengths: dict[str, int], sizes: set[int]) -> Held:
    assets = {name for name in lengths if name.startswith(_ASSETS)}
    return Held(
        config=settings[0],
        metadata=settings[1],
        assets=frozenset(assets | {name.rpartition("/")[2] for name in assets}),
        stored=sum(length for name, length in lengths.items() if ".weights." in name and name not in assets),
        sizes=frozenset(sizes),
    )


def _read(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(MOST_BYTES + 1)


def _listed(file: BinaryIO, size: int, name: str) -> list[Member]:
    try:
        found = zips.members(file, size)
        zips.refuse_excess(found, size)
    except Refused as error:
        told = f"{name}: {error.message}"
        raise Refused(told, subject=error.subject or name, code=error.code) from None
    return found


def _refuse_unknown(names: set[str], where: str) -> None:
    for name in sorted(names):
        if not _ALLOWED.match(name) and name != "assets/":
            code = "EL605" if name.endswith(_PICKLES) else "EL601"
            told = f"{where} holds {shown(name)}, which Keras does not write"
            raise Refused(told, subject=shown(name), code=code)
    missing = {_CONFIG, _METADATA} - names
    if missing:
        raise Refused(f"{where} lacks {', '.join(sorted(missing))}; Keras did not write it")
    weights = names & {"model.weights.h5", "model.weights.npz", _SHARDS}
    if len(weights) != 1:
        raise Refused(f"{where} holds {len(weights)} files of weights, where a loader takes one")


@contextmanager
def _plain(path: Path, file: BinaryIO, item: Member) -> Iterator[tuple[Path, int]]:
    """A file and the place in it where a member lies that is not compressed."""
    if not item.is_deflated:
        yield path, item.at
        return
    import tempfile  # Keras packs nothing
    import zlib

    with tempfile.NamedTemporaryFile(prefix="envlock-") as copy:
        stream, left, written = zlib.decompressobj(-15), item.stored, 0
        file.seek(item.at)
        while left and not stream.eof:
            data = file.read(min(_BLOCK, left))
            left -= len(data)
            try:
                while data and not stream.eof:
                    block = stream.decompress(data, 4 * _BLOCK)
                    written += len(block)
                    copy.write(block)
                    data = stream.unconsumed_tail
                    if written > item.size:
                        raise Refused(f"{item.name} is longer than it says")
            except zlib.error:
                raise Refused(f"{item.name} is damaged") from None
        if written != item.size or left or not stream.eof:
            raise Refused(f"{item.name} is damaged")
        copy.flush()
        yield Path(copy.name), 0


def _weights(path: Path, start: int, size: int, name: str, names: set[str], found: Found) -> frozenset[int]:
    """The sizes in the shapes of the weights, once it is noted what is wrong with these."""
    if name.endswith(".h5"):
        return hdf5.arrays(path, start, size, found, subject=name).sizes
    if name.endswith(".npz"):
        return arrays(path, start, size, name, found)
    with path.open("rb") as file:
        file.seek(start)
        _shards(parsed(file.read(size), name), name, names)
    return frozenset()


def _shards(index: dict[str, Any], name: str, names: set[str]) -> None:
    """The index of weights in several files may name these alone."""
    waiting: list[Any] = [index.get("weight_map", {})]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str) and (item not in names or ".weights.h5" not in item):
            raise Refused(f"{name} names {shown(item)}, which is not in the archive", code="EL603")
        if isinstance(item, (dict, list)):
            waiting += item.values() if isinstance(item, dict) else item


def holds_arrays(path: Path, size: int) -> bool:
    """Whether the first member of an archive is an array of NumPy's."""
    with path.open("rb") as file:
        file.seek(26)
        lengths = file.read(4)
        file.seek(30 + int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little"))
        return size > 40 and file.read(6) == numpy_file.MAGIC


def arrays(path: Path, start: int, size: int, name: str, found: Found) -> frozenset[int]:
    """The same of an archive of arrays that lies in another file from `start` on."""
    sizes: set[int] = set()
    with path.open("rb") as opened:
        file: Any = Part(opened, start, size)
        for item in _listed(file, size, name):
            if not item.name.endswith(".npy"):
                raise Refused(f"{name} holds {shown(item.name)}, which is no array", subject=shown(item.name))
            sizes.update(numpy_file.array(_head(file, item), item.size, shown(item.name), found))
    return frozenset(sizes)


def _head(file: Any, item: Member) -> bytes:
    file.seek(item.at)
    if not item.is_deflated:
        return bytes(file.read(min(item.size, numpy_file.MOST_HEADER + 20)))
    import zlib

    try:
        return zlib.decompressobj(-15).decompress(
            file.read(min(item.stored, _BLOCK)), numpy_file.MOST_HEADER + 20
        )
    except zlib.error:
        raise Refused(f"{shown(item.name)} is damaged") from None
