"""
Keep what really happened to models as a fixture for the tests.

    python tools/record_outcomes.py OUT.jsonl.xz ARTIFACTS RESULTS.csv [...] [--rows N]

RESULTS and ARTIFACTS are as those of `benchmarks/score.py`, with a folder for each group. Each line of
OUT is one saved model: what its reader says of it, and under each action and environment what happened. Of
the rows, N are drawn with a fixed seed.
"""

from __future__ import annotations

import argparse
import json
import lzma
import random
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from score import FILES, OBSERVED, Row, rows  # noqa: E402

from envlock import artifacts, codec, lockfile  # noqa: E402


def described(path: Path, observed: dict[str, dict[str, str]], row: Row) -> dict:
    """One saved model."""
    reading = artifacts.read(path)
    said, _, _ = codec.encode(reading.artifact(path.name, ()))
    return {
        "saved": row["save_env"],
        "family": f"{row['group']}/{row['family']}",
        "artifact": said,
        "content": json.loads(lockfile.content_text(reading.content)),
        "observed": observed,
    }


def main() -> None:
    """Write the fixture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("artifacts", type=Path)
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--rows", type=int, default=3000)
    given = parser.parse_args()
    found = {
        (row["save_env"], row["family"], row["format"], row["action"], row["load_env"]): row
        for path in given.results
        for row in rows(path, [])
        # A process that was killed may only have been slow.
        if row["outcome"] in OBSERVED and row["outcome"] != "process_crash"
    }
    drawn = random.Random(7).sample(sorted(found), min(given.rows, len(found)))
    grouped: dict[tuple[str, str, str], dict] = defaultdict(lambda: defaultdict(dict))
    for save_env, family, kind, action, load_env in sorted(drawn):
        row = found[save_env, family, kind, action, load_env]
        grouped[save_env, family, kind][action][load_env] = OBSERVED[row["outcome"]]
    lines = []
    for (save_env, family, kind), observed in grouped.items():
        row = next(item for key, item in found.items() if key[:3] == (save_env, family, kind))
        path = given.artifacts / row["group"] / save_env / family / FILES[kind]
        lines.append(json.dumps(described(path, observed, row), sort_keys=True, separators=(",", ":")))
    given.out.write_bytes(lzma.compress(("\n".join(lines) + "\n").encode(), preset=9))
    print(f"{len(lines)} models, {len(drawn)} rows, {given.out.stat().st_size} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
