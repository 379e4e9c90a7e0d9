"""
Storing the tables of all releases of a family as one file.

A line of JSON, then one compressed text for each section. A text is blocks with an empty line between; the
first line of a block is what it is about, each other line holds for the releases whose bits its first field
sets (hexadecimal, the oldest release is bit 0).
"""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

SECTIONS = ("classes", "modules", "public", "lookup")


def packed(tables: list[dict[str, Any]], *, provider: str, date: str) -> bytes:
    """The file of a family; `tables` from the oldest to the newest."""
    texts = {
        "classes": _classes(tables),
        "modules": _names({bit: table["modules"] for bit, table in enumerate(tables)}),
        "public": _names({bit: _by_package(table["public"]) for bit, table in enumerate(tables)}),
        "lookup": _names({bit: table["lookup"] for bit, table in enumerate(tables)}),
    }
    streams = {name: zlib.compress(texts[name].encode(), 9) for name in SECTIONS}
    header = {
        "provider": provider,
        "releases": [table["version"] for table in tables],
        "sources": sorted({f"{table['distribution']} {table['version']}" for table in tables}),
        "made": "tools/harvest_api.py: syntax trees of the released wheels' sources, nothing imported",
        "date": date,
        "sections": {name: len(stream) for name, stream in streams.items()},
    }
    return json.dumps(header, separators=(",", ":")).encode() + b"\n" + b"".join(streams.values())


def _classes(tables: list[dict[str, Any]]) -> str:
    masks: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for bit, table in enumerate(tables):
        for name, record in table["classes"].items():
            masks[name][json.dumps(record, separators=(",", ":"))] |= 1 << bit
    return _blocks(
        (name, [f"{mask:x}\t{text}" for text, mask in held.items()]) for name, held in masks.items()
    )


def _names(releases: dict[int, dict[str, dict[str, str]]]) -> str:
    """Blocks of names; the first line, without a name, says which releases have the block at all."""
    masks: dict[str, dict[tuple[str, str], int]] = defaultdict(lambda: defaultdict(int))
    for bit, blocks in releases.items():
        for block, held in blocks.items():
            masks[block]["", ""] |= 1 << bit
            for name, found in held.items():
                masks[block][name, "" if found == f"{block}.{name}" else found] |= 1 << bit
    return _blocks(
        (
            block,
            [f"{mask:x}\t{name}\t{found}".rstrip("\t") for (name, found), mask in sorted(held.items())],
        )
        for block, held in masks.items()
    )


def _by_package(paths: dict[str, str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for path, name in paths.items():
        package, _, last = path.rpartition(".")
        found[package][last] = name
    return found


def _blocks(blocks: Iterable[tuple[str, list[str]]]) -> str:
    return "\n\n".join("\n".join([name, *lines]) for name, lines in sorted(blocks))
