"""Environments in which models really were saved and loaded, judged by the rules about environments alone."""

from __future__ import annotations

import itertools
import json
from functools import cache
from pathlib import Path

import pytest
from judged import make_artifact, make_comparison, make_content, make_fingerprint, make_layer

from envlock import targets
from envlock.facts import Fingerprint
from envlock.knowledge import Severity, builds, hardware, numerics, packages, providers

# What was installed in each: the environments of the matrix, all of which import, load and predict.
ENVIRONMENTS = json.loads((Path(__file__).parent / "environments.json").read_text(encoding="utf-8"))
RULES = tuple(rule for module in (builds, packages, hardware, numerics, providers) for rule in module.RULES)
CONTENT = make_content(make_layer("LSTM", name="lstm", units=3), make_layer("Dense", name="dense", units=2))


@cache
def environment(name: str) -> Fingerprint:
    """One of them, as it is named by a list."""
    row = ENVIRONMENTS[name]
    variables = [f"{key}={value}" for key, value in row["variables"].items()]
    text = ",".join([f"python=={row['python']}", *row["packages"].split(), *variables])
    return targets.target(text, make_fingerprint(packages=())).fingerprint


def test_there_are_sixteen_of_them() -> None:
    assert len(ENVIRONMENTS) == 16


@pytest.mark.parametrize("kind", ["hdf5", "keras", "saved-model"])
@pytest.mark.parametrize(("saved", "there"), list(itertools.product(sorted(ENVIRONMENTS), repeat=2)))
def test_nothing_is_said_against_an_environment_that_worked(saved: str, there: str, kind: str) -> None:
    seen = make_comparison(
        locked=environment(saved),
        current=environment(there),
        artifact=make_artifact(kind, name="house"),
        content=CONTENT,
    )

    found = [item for rule in RULES for item in rule.findings(seen) if item.severity > Severity.NOTE]

    assert found == []
