"""
Verdicts against what really happened, on models that the rules were not written with.

`README.md` here says how the fixture came about. A verdict that was right once is to stay right.
"""

from __future__ import annotations

import json
import lzma
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from envlock import codec, judging, lockfile, targets
from envlock.custom import named
from envlock.facts import Artifact, Content
from envlock.report import BREAKS, COMPATIBLE, DRIFTS

HERE = Path(__file__).parent
UNTOLD = "untold"
sys.path.insert(0, str(HERE.parent.parent / "benchmarks"))

from score import ACTIONS, is_untold, verdict  # noqa: E402


@cache
def models() -> tuple[dict[str, Any], ...]:
    text = lzma.decompress((HERE / "outcomes.jsonl.xz").read_bytes()).decode()
    return tuple(json.loads(line) for line in text.splitlines())


@cache
def environments() -> dict[str, str]:
    known = json.loads((HERE.parent / "knowledge" / "environments.json").read_text(encoding="utf-8"))
    return {name: listed(found) for name, found in known.items()}


def listed(found: dict[str, Any]) -> str:
    variables = [f"{name}={value}" for name, value in found["variables"].items()]
    return ",".join([f"python=={found['python']}", *found["packages"].split(), *variables])


def subject(model: dict[str, Any]) -> judging.Subject:
    content = dict(model["content"])
    absent, unknown = content.pop("absent", []), content.pop("unknown", {})
    stated = model["artifact"]
    artifact = Artifact(
        name=stated["name"],
        format=stated["format"],
        files=(),
        keras_version=stated.get("keras-version"),
        tensorflow_version=stated.get("tensorflow-version"),
    )
    described = codec.decode(Content, content, absent=absent, unknown=unknown)
    place = lockfile.place(Path(artifact.name))
    return judging.Subject(place, None, artifact, described, named.stated(described, artifact.keras_version))


@cache
def counted() -> Counter[tuple[str, str]]:
    """How often each verdict met each outcome."""
    found: Counter[tuple[str, str]] = Counter()
    for model in models():
        seen = subject(model)
        for action, outcomes in model["observed"].items():
            for environment, outcome in outcomes.items():
                told = said(seen, action, environments()[environment])
                # What is in no file, and is said to be in none, is nothing that could be foretold.
                if not (outcome == DRIFTS and told == UNTOLD):
                    found[COMPATIBLE if told == UNTOLD else told, outcome] += 1
    return found


def said(seen: judging.Subject, action: str, against: str) -> str:
    loader, code, given = ACTIONS[action]
    report = judging.judge(seen, targets.target(against, seen.fingerprint), custom_objects=code)
    told = verdict(report, loader, given)[0]
    return UNTOLD if told == COMPATIBLE and is_untold(report) else told


def total(*, said: str | None = None, seen: str | None = None) -> int:
    return sum(
        number for (told, was), number in counted().items() if said in {None, told} and seen in {None, was}
    )


def test_there_are_models_of_many_families_from_many_environments() -> None:
    assert len({model["family"] for model in models()}) > 150
    assert len({model["saved"] for model in models()}) > 5
    assert total() > 4000


def test_nearly_every_verdict_is_right() -> None:
    right = sum(counted()[verdict, verdict] for verdict in (COMPATIBLE, DRIFTS, BREAKS))

    assert right / total() >= 0.99


def test_what_breaks_is_foretold() -> None:
    assert counted()[BREAKS, BREAKS] / total(seen=BREAKS) >= 0.99


def test_what_is_said_to_break_breaks() -> None:
    assert counted()[BREAKS, BREAKS] / total(said=BREAKS) >= 0.99


def test_most_silent_changes_are_told() -> None:
    silent = total(seen=DRIFTS)
    if not silent:
        pytest.skip("no row of the fixture drifts")

    assert counted()[DRIFTS, DRIFTS] / silent >= 0.9
