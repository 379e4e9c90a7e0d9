from __future__ import annotations

import pytest
from judged import make_finding, make_report

from envlock.changes import Change
from envlock.facts import KERAS_LOADER, SAVED_MODEL_LOADER
from envlock.knowledge import Severity
from envlock.report import verdict_of

CHANGE = Change("python.version", "3.11.7", "3.12.1")


def test_nothing_that_differs_is_the_same() -> None:
    assert verdict_of((), KERAS_LOADER, differs=False) == "same"


def test_changes_without_findings_are_compatible() -> None:
    assert verdict_of((), KERAS_LOADER, differs=True) == "compatible"


@pytest.mark.parametrize(
    ("worst", "verdict"),
    [(Severity.NOTE, "compatible"), (Severity.WARNING, "drifts"), (Severity.ERROR, "breaks")],
)
def test_the_verdict_is_the_worst_finding(worst: Severity, verdict: str) -> None:
    findings = (make_finding(Severity.NOTE), make_finding(worst), make_finding(Severity.NOTE))

    assert verdict_of(findings, KERAS_LOADER, differs=True) == verdict


def test_an_error_needs_no_change_to_break() -> None:
    assert verdict_of((make_finding(Severity.ERROR),), KERAS_LOADER, differs=False) == "breaks"


def test_a_finding_counts_only_for_its_loaders() -> None:
    findings = (make_finding(Severity.ERROR, loaders=(SAVED_MODEL_LOADER,)), make_finding(Severity.NOTE))

    verdicts = [verdict_of(findings, loader, differs=True) for loader in (KERAS_LOADER, SAVED_MODEL_LOADER)]

    assert verdicts == ["compatible", "breaks"]


def test_the_worst_of_a_report_without_differences_is_nothing() -> None:
    assert make_report().worst is None


def test_the_worst_of_a_report_with_changes_is_at_least_a_note() -> None:
    assert make_report(changes=(CHANGE,)).worst is Severity.NOTE


def test_the_worst_of_a_report_is_that_of_its_loader() -> None:
    findings = (
        make_finding(Severity.ERROR, loaders=(SAVED_MODEL_LOADER,)),
        make_finding(Severity.WARNING, loaders=(KERAS_LOADER,)),
    )

    assert make_report(findings=findings).worst is Severity.WARNING
