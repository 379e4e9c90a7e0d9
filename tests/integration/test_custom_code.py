"""The table of scenarios for the user's own code, each save and each load in a process of its own."""

from __future__ import annotations

import re

import pytest
from scenarios.play import Playing
from scenarios.rows import ROWS
from scenarios.sources import SOURCES

pytestmark = [pytest.mark.tensorflow]

PLAYED = "test_a_scenario_ends_as_the_table_says"
SAVED = {source.name: source for source in SOURCES}


@pytest.fixture(scope="session")
def playing(request, tmp_path_factory):
    """`playing(environment)`: the selected scenarios under it, which all run side by side."""
    asked = {}
    for item in request.session.items:
        if getattr(item, "originalname", "") == PLAYED:
            asked.setdefault(item.callspec.params["environment"], []).append(item.callspec.params["row"])
    started = {}
    for name, rows in asked.items():
        try:
            python = request.getfixturevalue(name).python
        except pytest.skip.Exception:
            continue
        played = [row.under(name) for row in rows]
        started[name] = Playing(python, tmp_path_factory.mktemp(name), played)
    yield lambda environment: started[environment.name]
    for process in started.values():
        process.close()


def misses(parts, texts):
    """What was expected and not said, and what was said and not expected."""
    pairs = [*zip(parts, texts, strict=False)]
    wrong = [part for part, text in pairs if part not in text]
    return [*wrong, *parts[len(pairs) :], *texts[len(pairs) :]]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_a_scenario_ends_as_the_table_says(environment, playing, row):
    source, row = SAVED[row.source], row.under(environment.name)

    saved = playing(environment).told("save", source.name)
    loaded = playing(environment).told("load", row.key)

    assert saved["error"] == ""
    assert not misses(source.under(environment.name).said, saved["said"])
    assert not misses(row.said, loaded["said"])
    assert bool(row.error) == bool(loaded["error"])
    assert not [part for part in row.error if part not in loaded["error"]]
    assert (loaded["loads"], loaded["equal"]) == (not row.error, not row.error and row.is_equal)
    assert tuple(re.sub(r"envlock_captured_\w+", "captured", name) for name in loaded["ran"]) == row.ran
    assert loaded["checks"] == row.checks
