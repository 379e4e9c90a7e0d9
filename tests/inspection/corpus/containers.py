"""Archives that two readers read differently."""

from __future__ import annotations

import io
import json
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from . import payloads
from .case import CODE, READ, REFUSE, SIZE, Bench, Case
from .configs import Config, dense, sequential
from .files import archive, dense_weights, h5, keras, members, weights

PARSER = "1.2 parser differential"
DIFFER = CODE | REFUSE
PREFIXES = (("text", b"#!/bin/sh\nexit\n"), ("zeros", bytes(512)), ("hdf5", b"\x89HDF\r\n\x1a\n"))


def hostile(bench: Bench) -> Config:
    return sequential(bench, payloads.lambda_layer(bench))


def honest(bench: Bench) -> Config:
    return sequential(bench, dense())


def honest_members(bench: Bench) -> list[tuple[str, bytes]]:
    return members(bench, honest(bench), weights(dense_weights()))


def twice(bench: Bench, *, last: bool) -> Path:
    """Two members of one name; the hostile one is the last or the first."""
    first, second = (honest(bench), hostile(bench)) if last else (hostile(bench), honest(bench))
    parts = members(bench, first)
    parts.append(("config.json", json.dumps(second).encode("ascii")))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return archive(bench.path("model.keras"), parts)


def same_key(bench: Bench, key: str, *, last: bool) -> Path:
    """One object with the same key twice."""
    item = payloads.lambda_layer(bench)
    plain = dense(name="evil")
    values = [json.dumps(plain[key]), json.dumps(item[key])]
    first, second = values if last else values[::-1]
    rest = {name: value for name, value in item.items() if name != key}
    text = json.dumps(sequential(bench, {"marked": 1}))
    twin = f'{{"{key}": {first}, "{key}": {second}, {json.dumps(rest)[1:]}'
    return keras(bench, text.replace('{"marked": 1}', twin).encode("ascii"))


def prefixed(bench: Bench, prefix: bytes) -> Path:
    path = keras(bench, hostile(bench))
    path.write_bytes(prefix + path.read_bytes())
    return path


def honest_in_front(bench: Bench) -> Path:
    front = archive(bench.path("outside/front.zip"), honest_members(bench)).read_bytes()
    return prefixed(bench, front)


def two_directories(bench: Bench) -> Path:
    """Two archives in one file, each with its own directory; the comment of the first holds the second."""
    first = bytearray(archive(bench.path("model.keras"), members(bench, hostile(bench))).read_bytes())
    second = archive(bench.path("outside/second.zip"), honest_members(bench)).read_bytes()
    struct.pack_into("<H", first, len(first) - 2, min(len(second), 0xFFFF))
    bench.path("model.keras").write_bytes(first + second)
    return bench.path("model.keras")


def encoded(bench: Bench, encoding: str) -> Path:
    """A configuration in an encoding that Python's reader guesses."""
    return keras(bench, json.dumps(hostile(bench)).encode(encoding))


def patched(bench: Bench, change: Callable[[bytearray, int, int], None]) -> Path:
    """An honest archive with one header of `config.json` changed: at these two offsets."""
    path = archive(bench.path("model.keras"), honest_members(bench))
    data = bytearray(path.read_bytes())
    local = data.index(b"config.json") - 30
    central = data.rindex(b"config.json") - 46
    change(data, local, central)
    path.write_bytes(bytes(data))
    return path


def _rename_local(data: bytearray, local: int, _: int) -> None:
    data[local + 30 : local + 41] = b"confiG.json"


def _encrypt(data: bytearray, local: int, central: int) -> None:
    data[local + 6] |= 1
    data[central + 8] |= 1


def _strange_method(data: bytearray, local: int, central: int) -> None:
    data[local + 8 : local + 10] = data[central + 10 : central + 12] = struct.pack("<H", 93)


def _wrong_checksum(data: bytearray, local: int, central: int) -> None:
    data[local + 14 : local + 18] = data[central + 16 : central + 20] = b"\0\1\2\3"


def _wrong_size(data: bytearray, _: int, central: int) -> None:
    data[central + 24 : central + 28] = struct.pack("<I", 0xFFFFFFF0)


def _local_size(data: bytearray, local: int, _: int) -> None:
    data[local + 18 : local + 26] = struct.pack("<II", 7, 7)


def _outside_offset(data: bytearray, _: int, central: int) -> None:
    data[central + 42 : central + 46] = struct.pack("<I", 0x7FFFFFF0)


def _link(data: bytearray, _: int, central: int) -> None:
    data[central + 5] = 3
    data[central + 38 : central + 42] = struct.pack("<I", 0o120777 << 16)


PATCHES: tuple[tuple[str, frozenset[str], Callable[[bytearray, int, int], None]], ...] = (
    ("local-name", REFUSE, _rename_local),
    ("encrypted", REFUSE, _encrypt),
    ("method-93", REFUSE, _strange_method),
    ("checksum", REFUSE, _wrong_checksum),
    ("central-size", REFUSE | SIZE, _wrong_size),
    ("local-size", REFUSE, _local_size),
    ("offset", REFUSE, _outside_offset),
    ("link", REFUSE, _link),
)


def method(bench: Bench, number: int) -> Path:
    return archive(bench.path("model.keras"), honest_members(bench), method=number)


NAMES = (
    ("parent", "assets/../../fired"),
    ("parent-first", "../fired"),
    ("absolute", "/tmp/envlock-fired"),
    ("backslash", "assets\\..\\..\\fired"),
    ("drive", "C:/fired"),
    ("newline", "assets/a\nb"),
    ("escape", "assets/\x1b[2Jname"),
    ("case-twin", "Config.json"),
    ("dot", "./config.json"),
    ("folder-twin", "config.json/"),
    ("python", "assets/../sitecustomize.py"),
    ("stray-code", "__init__.py"),
    ("long", "assets/" + "a" * 5000),
)


def named(bench: Bench, name: str) -> Path:
    return archive(bench.path("model.keras"), [*honest_members(bench), (name, b"fired")])


def linked_member(bench: Bench) -> Path:
    """An asset that is a symbolic link to a file outside."""
    path = archive(bench.path("model.keras"), honest_members(bench))
    link = zipfile.ZipInfo("assets/layers/x/vocabulary.txt")
    link.create_system = 3
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(link, str(bench.secret()))
    return path


def many_members(bench: Bench) -> Path:
    more = [(f"assets/{index}", b"") for index in range(30_000)]
    return archive(bench.path("model.keras"), [*honest_members(bench), *more])


def overlapping(bench: Bench) -> Path:
    """Many members that share one compressed body."""
    body = zlib.compress(bytes(20_000_000), 9)[2:-4]
    checksum = zlib.crc32(bytes(20_000_000))
    out = io.BytesIO()
    names = ["metadata.json", "config.json", "model.weights.h5"] + [f"assets/{n}" for n in range(200)]
    directory = b""
    sizes = (checksum, len(body), 20_000_000)
    out.write(struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0, 33, *sizes, len(names[1]), 0))
    out.write(names[1].encode() + body)
    for name in names:
        fields = (20, 20, 0, 8, 0, 33, *sizes, len(name), 0, 0, 0, 0, 0, 0)
        directory += struct.pack("<4s6H3I5H2I", b"PK\1\2", *fields) + name.encode()
    start = out.tell()
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, len(names), len(names), len(directory), start, 0)
    path = bench.path("model.keras")
    path.write_bytes(out.getvalue() + directory + end)
    return path


def h5_with_archive(bench: Bench, name: str) -> Path:
    """An HDF5 model with an honest archive behind it: a zip file to one reader, HDF5 to the other."""
    path = h5(bench, hostile(bench), name=name)
    behind = archive(bench.path("outside/behind.zip"), honest_members(bench)).read_bytes()
    path.write_bytes(path.read_bytes() + behind)
    return path


def h5_called_keras(bench: Bench) -> Path:
    return h5(bench, hostile(bench), name="model.keras")


def archive_called_h5(bench: Bench) -> Path:
    return keras(bench, hostile(bench), name="model.h5")


def cases() -> Iterator[Case]:
    """Archives with two meanings, and archives that are none."""
    for last in (True, False):
        side = "last" if last else "first"
        yield Case(f"duplicate-member-{side}", PARSER, DIFFER, partial(twice, last=last))
        for key in ("class_name", "config"):
            yield Case(f"duplicate-key-{key}-{side}", PARSER, DIFFER, partial(same_key, key=key, last=last))
    for name, prefix in PREFIXES:
        yield Case(f"prefix-{name}", PARSER, DIFFER, partial(prefixed, prefix=prefix))
    for encoding in ("utf-16", "utf-32", "utf-8-sig"):
        yield Case(f"config-{encoding}", PARSER, DIFFER, partial(encoded, encoding=encoding))
    for name, expected, change in PATCHES:
        yield Case(f"zip-{name}", PARSER, expected, partial(patched, change=change))
    for number in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        yield Case(f"zip-method-{number}", PARSER, REFUSE, partial(method, number=number))
    for name, member in NAMES:
        yield Case(f"member-{name}", "GHSA-hqp4 names", REFUSE, partial(named, name=member))
    for name in ("model.h5", "model.keras"):
        yield Case(f"h5-and-archive-{name[6:]}", PARSER, DIFFER, partial(h5_with_archive, name=name))
    yield from (Case(*row) for row in SINGLE)


SINGLE: tuple[tuple[str, str, frozenset[str], Callable[[Bench], Path]], ...] = (
    ("prefix-honest-archive", PARSER, DIFFER, honest_in_front),
    ("two-directories", PARSER, DIFFER, two_directories),
    ("member-link", "1.1 (3.12.3) links", REFUSE | READ, linked_member),
    ("many-members", "1.4 budgets", REFUSE | SIZE, many_members),
    ("overlapping-members", "1.1 (3.12.3) zip bombs", REFUSE | SIZE, overlapping),
    ("h5-called-keras", "CVE-2025-9905 legacy HDF5", DIFFER, h5_called_keras),
    ("archive-called-h5", PARSER, DIFFER, archive_called_h5),
)
