from __future__ import annotations

import sys
from pathlib import Path

from envlock import resources

ROOT = Path(__file__).parent.parent.parent


def test_the_packed_tables_are_those_that_people_edit(monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    sys.modules.pop("pack_tables", None)
    import pack_tables

    assert resources.text("knowledge/tables.json") == pack_tables.packed(), "run: python tools/pack_tables.py"
