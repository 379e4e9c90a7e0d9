"""
Write `envlock/knowledge/tables.json` from the tables that people edit beside it.

    python tools/pack_tables.py

JSON is read ten times as fast as TOML, which a cold `envlock diff` feels.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from envlock import toml  # noqa: E402

KNOWLEDGE = ROOT / "envlock" / "knowledge"
NAMES = ("packages", "providers", "wheels")


def packed() -> str:
    """The tables as one JSON object by their names; dates become text."""
    tables = {name: toml.loads((KNOWLEDGE / f"{name}.toml").read_text(encoding="utf-8")) for name in NAMES}
    return json.dumps(tables, sort_keys=True, separators=(",", ":"), default=str) + "\n"


if __name__ == "__main__":
    (KNOWLEDGE / "tables.json").write_text(packed(), encoding="utf-8", newline="\n")
