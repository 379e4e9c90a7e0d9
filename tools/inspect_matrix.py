"""
Inspect every artifact of a matrix and say how many are of which class.

    python tools/inspect_matrix.py ARTIFACTS

`ARTIFACTS` is any folder that holds `.keras`, `.h5` and `.hdf5` files and SavedModels, such as the one
packed in the matrix. Each alarm is printed with its hazards; the exit status is 1 if there is one that
is about anything but a Lambda, which a matrix of honest models does hold.
"""

from __future__ import annotations

import collections
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from envlock.inspection import inspect

SUFFIXES = (".keras", ".h5", ".hdf5")
QUIET = {"clean", "custom"}


def artifacts(root: Path) -> Iterator[Path]:
    """Files by their suffix, and folders that are models."""
    for folder, folders, files in os.walk(root):
        folders.sort()
        here = Path(folder)
        if "saved_model.pb" in files or {"config.json", "metadata.json"} <= set(files):
            folders.clear()
            yield here
            continue
        yield from (here / name for name in sorted(files) if name.endswith(SUFFIXES))


def kind(path: Path) -> str:
    """The format, by the suffix."""
    return path.suffix.removeprefix(".") or "folder"


def main() -> int:
    """Inspect them all and print the alarms and the counts."""
    root = Path(sys.argv[1])
    counts: collections.Counter[tuple[str, str]] = collections.Counter()
    slowest, unexpected = 0.0, 0
    for path in artifacts(root):
        start = time.perf_counter()
        seen = inspect(path)
        slowest = max(slowest, time.perf_counter() - start)
        counts[kind(path), str(seen.verdict)] += 1
        if str(seen.verdict) in QUIET:
            continue
        unexpected += any("Lambda" not in str(hazard) for hazard in seen.hazards)
        print(f"{seen.verdict:10} {path.relative_to(root)}")
        for hazard in list(seen.hazards)[:5]:
            print(f"           {hazard}")
    for (form, verdict), number in sorted(counts.items()):
        print(f"{form:8} {verdict:10} {number:6}")
    print(f"{sum(counts.values())} artifacts, {unexpected} unexpected alarms, slowest {slowest:.3f} s")
    return int(unexpected > 0)


if __name__ == "__main__":
    sys.exit(main())
