"""
Every breakage that is known of saved models: by what envlock tells it, or why it tells nothing of it.

`breakages.toml` has a row for each. A row with codes is proved here: the model of its case is judged on both
sides of the boundary, and what is found on the one is not found on the other.
"""

from __future__ import annotations

from typing import Any

import pytest
from cases import REASONS, ROWS, said

from envlock import knowledge

TOLD = [row for row in ROWS if "codes" in row]
CODES = {rule.code for rule in knowledge.RULES}


def test_every_breakage_has_one_place() -> None:
    ids = [row["id"] for row in ROWS]

    assert len(ids) == len(set(ids)) == 160
    assert [row["id"] for row in ROWS if ("codes" in row) == ("reason" in row)] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_a_row_says_what_happens_and_who_tells_it(row: dict[str, Any]) -> None:
    keys = {"id", "what", "reason"} if "reason" in row else {"id", "what", "by", "codes", "case"}

    assert set(row) - {"note"} == keys
    assert row.get("reason", "saving") in REASONS
    assert row.get("by", "rule") in {"table", "walk", "rule"}
    assert set(row.get("codes", ())) <= CODES


@pytest.mark.parametrize("row", TOLD, ids=lambda row: row["id"])
def test_a_breakage_is_told_on_one_side_of_its_boundary_alone(row: dict[str, Any]) -> None:
    told, silent = (
        {finding.code for finding in said(row["case"], side)} & set(row["codes"])
        for side in ("told", "silent")
    )

    assert (told, silent) == (set(row["codes"]), set())


@pytest.mark.parametrize("row", TOLD, ids=lambda row: row["id"])
def test_the_two_sides_of_a_case_differ(row: dict[str, Any]) -> None:
    case = row["case"]

    assert case["told"] != case["silent"] or "when_told" in case or "when_silent" in case
