from __future__ import annotations

import pytest
from judged import make_finding, make_report

from envlock.changes import Change
from envlock.facts import KERAS_LOADER, SAVED_MODEL_LOADER
from envlock.knowledge import Severity
from envlock.report import verdict_of, ways_here

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


@pytest.mark.parametrize(
    ("avoided_by", "ways"),
    [
        (["compile=False"], ("compile=False",)),
        (["safe_mode=False"], ("safe_mode=False",)),
        (["compile=False", "safe_mode=False"], ("compile=False, safe_mode=False",)),
        (["compile=False", ""], ()),
    ],
)
def test_the_arguments_that_mend_all_are_a_way_here(avoided_by: list[str], ways: tuple[str, ...]) -> None:
    findings = tuple(make_finding(avoided_by=item) for item in avoided_by)

    assert ways_here(make_report(findings=findings, verdict="breaks")) == ways


def test_a_tf_keras_that_lies_there_is_a_way_here() -> None:
    findings = (make_finding(), make_finding(Severity.NOTE, code="EL329"))

    assert ways_here(make_report(findings=findings, verdict="breaks")) == ("TF_USE_LEGACY_KERAS=1",)


def test_what_loads_needs_no_way() -> None:
    assert ways_here(make_report()) == ()
