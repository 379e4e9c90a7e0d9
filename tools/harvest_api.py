"""
Write the tables of what each released Keras holds, from sources.

    python tools/harvest_api.py FOLDER [--tables CACHE] [--out envlock/knowledge/data] [--date 2026-11-21]

FOLDER holds one folder for each release, `keras-3.7.0`, `tf-keras-2.16.0`, `tensorflow-cpu-2.4.4`, with the
Python files of its wheel. Nothing is imported. CACHE keeps the table of each release as JSON; those that are
there are not made again. A TensorFlow from 2.6 on is left out: it holds a dead copy of Keras.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

from harvest.packing import packed
from harvest.release import Source, table

FAMILIES = {
    "keras-3": ("keras", (3,)),
    "keras-2": ("keras", (2,)),
    "tf-keras": ("tf-keras", (2,)),
    "tensorflow": ("tensorflow", (2,)),
}


def release(version: str) -> tuple[int, ...]:
    """The numbers of a version."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def sources(folder: Path) -> list[Source]:
    """The releases whose sources lie in a folder."""
    found = [
        Source.found(path) for path in sorted(folder.iterdir()) if re.search(r"-\d+(\.\d+)+$", path.name)
    ]
    return [item for item in found if item.provider != "tensorflow" or release(item.version) < (2, 6)]


def harvested(source: Source, cache: Path) -> dict[str, Any]:
    """The table of one release, from the cache if it is there."""
    kept = cache / f"{source.distribution}-{source.version}.json"
    if not kept.exists():
        print(source.distribution, source.version, file=sys.stderr)
        kept.write_text(json.dumps(table(source), separators=(",", ":")), encoding="utf-8")
    found: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
    return found


def main() -> None:
    """Harvest what is missing, and write the files of the families."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tables", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("envlock/knowledge/data"))
    parser.add_argument("--date", required=True)
    parser.add_argument("--only", default="", help="a regular expression for the releases to harvest")
    options = parser.parse_args()
    options.tables.mkdir(parents=True, exist_ok=True)
    options.out.mkdir(parents=True, exist_ok=True)
    found = [item for item in sources(options.folder) if re.search(options.only, item.folder.name)]
    for family, (provider, majors) in FAMILIES.items():
        members = [item for item in found if item.provider == provider and release(item.version)[0] in majors]
        if members:
            members.sort(key=lambda item: release(item.version))
            tables = [harvested(item, options.tables) for item in members]
            made = packed(tables, provider=provider, date=options.date)
            (options.out / f"{family}.tables").write_bytes(made)
            print(family, len(members), len(made), file=sys.stderr)


if __name__ == "__main__":
    main()
