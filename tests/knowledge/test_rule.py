from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from judged import make_artifact, make_comparison, make_keras, make_reading, make_tensorflow

from envlock.facts import KERAS_LOADER, WEIGHTS_LOADER, Content, Unknown
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import Case, Comparison, Finding, Release, Rule, Severity, release, rule, written


@pytest.mark.parametrize(
    ("version", "numbers"),
    [
        ("2.0.0rc1", (2, 0, 0)),
        ("2.17", (2, 17)),
        ("1!3.5.0+local.1", (3, 5, 0)),
        ("2.21.0-dev20260101", (2, 21, 0)),
        ("nightly", ()),
        ("", ()),
    ],
)
def test_release_numbers_are_all_that_counts_of_a_version(version: str, numbers: Release) -> None:
    assert release(version) == numbers


def colour_changed(seen: Comparison) -> Iterator[Case]:
    """
    The colour changed.

    Nobody knows why.
    Nobody asks.
    """
    yield seen.artifact.name, "it was red"


def test_a_rule_is_made_of_a_function_and_its_docstring() -> None:
    made = rule(
        "EL999", Severity.NOTE, source="https://example.org/", remedy="paint it", loaders=(KERAS_LOADER,)
    )(colour_changed)

    assert made == Rule(
        code="EL999",
        severity=Severity.NOTE,
        title="The colour changed.",
        explanation="Nobody knows why.\nNobody asks.",
        source="https://example.org/",
        remedy="paint it",
        avoided_by="",
        loaders=(KERAS_LOADER,),
        check=colour_changed,
    )


def test_a_finding_carries_what_its_rule_says() -> None:
    made = rule(
        "EL999", Severity.NOTE, source="https://example.org/", remedy="paint it", loaders=(KERAS_LOADER,)
    )(colour_changed)

    found = list(made.findings(make_comparison()))

    assert found == [
        Finding(
            code="EL999",
            severity=Severity.NOTE,
            subject="house.keras",
            message="it was red",
            remedy="paint it",
            avoided_by="",
            loaders=(KERAS_LOADER,),
        )
    ]


@pytest.mark.parametrize(
    ("tensorflow", "keras"), [("2.15.1", (2, 15)), ("2.16.1", (3,)), ("2.21.0", (3,)), ("2.4.4", (2, 4))]
)
def test_a_tensorflow_tells_which_keras_it_brings(tensorflow: str, keras: Release) -> None:
    reader = make_reading(keras=make_keras(Unknown("not named")), tensorflow=make_tensorflow(tensorflow))

    assert make_comparison(**reader).reader == keras


def test_a_tensorflow_does_not_tell_which_tf_keras_there_is() -> None:
    reader = make_reading(keras=make_keras(Unknown("not named"), provider="tf-keras"))

    assert make_comparison(**reader).reader == ()


@pytest.mark.parametrize("keras", [None, Unknown("not named")])
def test_without_a_keras_there_is_no_reader(keras: Unknown | None) -> None:
    assert make_comparison(**make_reading(keras=keras)).reader == ()


def test_the_file_itself_says_what_wrote_it() -> None:
    assert (
        written(make_comparison(artifact=make_artifact(keras_version="2.15.0"))) == "a file of Keras 2.15.0"
    )


def test_an_architecture_that_could_not_be_read_has_no_nodes() -> None:
    seen = make_comparison(content=Content(config=Unknown("h5py is not installed")))

    assert list(seen.nodes()) == []


def passed_on(severity: Severity = Severity.ERROR, **facts: Any) -> Finding:
    """What a rule makes of a problem that a walk found."""
    given: dict[str, Any] = {"code": "EL999", "subject": "Dense 'dense'", "message": "it was red"}
    problem = Problem(**given | facts)

    def colours(_: Comparison) -> Iterator[Problem]:
        """The colour changed."""
        yield problem

    made = rule("EL999", severity, source="https://example.org/", remedy="paint it", avoided_by="paint")
    (found,) = made(colours).findings(make_comparison())
    return found


def test_a_problem_is_passed_on_with_what_the_walk_says_of_it() -> None:
    found = passed_on(error="ValueError: red", loaders=(WEIGHTS_LOADER,))

    assert found == Finding(
        code="EL999",
        severity=Severity.ERROR,
        subject="Dense 'dense'",
        message="it was red",
        remedy="paint it",
        error="ValueError: red",
        loaders=(WEIGHTS_LOADER,),
        avoided_by="",
    )


@pytest.mark.parametrize(
    ("avoided_by", "remedy"),
    [
        ("", "paint it"),
        ("compile=False", "pass compile=False to load_model and compile the model anew"),
        (
            "safe_mode=False",
            "pass safe_mode=False if you trust the file, or save a named function instead",
        ),
    ],
)
def test_what_avoids_a_problem_is_its_remedy(avoided_by: str, remedy: str) -> None:
    found = passed_on(avoided_by=avoided_by)

    assert (found.avoided_by, found.remedy) == (avoided_by, remedy)


@pytest.mark.parametrize("severity", Severity)
def test_a_problem_that_is_told_is_as_bad_as_its_rule(severity: Severity) -> None:
    assert passed_on(severity).severity is severity


@pytest.mark.parametrize(
    ("avoided_by", "severity"),
    [
        ("", Severity.WARNING),
        ("safe_mode=False", Severity.WARNING),
        ("compile=False", Severity.NOTE),
    ],
)
def test_a_silent_problem_never_breaks_and_of_the_settings_alone_is_a_note(
    avoided_by: str, severity: Severity
) -> None:
    assert passed_on(is_silent=True, avoided_by=avoided_by).severity is severity


def test_a_case_may_tell_what_the_loader_would_say() -> None:
    def colours(_: Comparison) -> Iterator[Case]:
        """The colour changed."""
        yield "house", "it was red", "ValueError: red"
        yield "garden", "it was green"

    made = rule("EL999", Severity.NOTE, source="https://example.org/", remedy="paint it")(colours)

    assert [(item.subject, item.error) for item in made.findings(make_comparison())] == [
        ("house", "ValueError: red"),
        ("garden", ""),
    ]
