from __future__ import annotations

from collections.abc import Iterator

import pytest
from judged import make_artifact, make_comparison, make_keras, make_reading, make_tensorflow

from envlock.facts import KERAS_LOADER, Content, Unknown
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
