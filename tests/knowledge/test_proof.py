from __future__ import annotations

import pytest
from judged import make_comparison, say

from envlock.knowledge.proof import load_failed, outputs_differ
from envlock.knowledge.rule import ALL_LOADERS, Finding, Rule, Severity


def test_a_damaged_file_is_told_with_what_is_wrong_with_it() -> None:
    seen = make_comparison(damage={"house.keras": "is missing", "canary.npz": "has 3 bytes, 4 were locked"})

    said = say("EL001", seen)

    assert said == [
        ("canary.npz", "canary.npz has 3 bytes, 4 were locked"),
        ("house.keras", "house.keras is missing"),
    ]


def test_a_model_as_it_was_locked_is_not_told() -> None:
    assert say("EL001", make_comparison()) == []


@pytest.mark.parametrize("code", ["EL002", "EL003"])
def test_what_only_a_load_shows_is_never_judged(code: str) -> None:
    assert say(code, make_comparison(damage={"house.keras": "is missing"})) == []


@pytest.mark.parametrize(("rule", "code"), [(load_failed, "EL002"), (outputs_differ, "EL003")])
def test_what_a_load_shows_is_a_finding(rule: Rule, code: str) -> None:
    found = rule.finding("canary", "it was seen")

    assert found == Finding(
        code=code,
        severity=Severity.ERROR,
        subject="canary",
        message="it was seen",
        remedy=rule.remedy,
        loaders=ALL_LOADERS,
    )
