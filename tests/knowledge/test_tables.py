from __future__ import annotations

import pytest
from judged import make_fingerprint

from envlock import targets
from envlock.facts import Keras, TensorFlow
from envlock.knowledge import operations, releases
from envlock.knowledge.rule import release
from envlock.knowledge.tables import Environment, environments

ROWS = environments()

each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: ",".join(row.pins()))


def row(**facts: object) -> Environment:
    given = {"tensorflow": "2.17.1", "keras": "3.5.0", "python": ((3, 9), (3, 12)), "is_legacy": False}
    return Environment(**given | facts)


def test_the_rows_are_sorted_by_tensorflow_and_keras() -> None:
    order = [(release(row.tensorflow), row.is_legacy, release(row.keras)) for row in ROWS]

    assert [key[0] for key in order] == sorted(key[0] for key in order)
    assert sorted(order) == sorted(set(order))


def test_every_tensorflow_from_2_4_on_has_a_row() -> None:
    found = [release(row.tensorflow)[:2] for row in ROWS]

    assert sorted(set(found)) == [(2, minor) for minor in range(4, max(found)[1] + 1)]


@each_row
def test_the_pythons_of_a_row_follow_each_other(row: Environment) -> None:
    first, last = row.python

    assert (3, 6) <= first < last
    assert {len(first), len(last)} == {2}


def test_pythons_come_and_go_with_newer_releases() -> None:
    pythons = [row.python for row in ROWS]

    assert [first for first, _ in pythons] == sorted(first for first, _ in pythons)
    assert [last for _, last in pythons] == sorted(last for _, last in pythons)


@each_row
def test_a_row_names_a_keras_of_its_generation(row: Environment) -> None:
    assert bool(row.keras) is (release(row.tensorflow) >= (2, 6))
    is_three = not row.is_legacy and release(row.tensorflow) >= (2, 16)
    assert not row.keras or (release(row.keras) >= (3,)) is is_three


@each_row
def test_the_keras_of_a_row_is_in_the_tables(row: Environment) -> None:
    provider = "tf-keras" if row.is_legacy else "keras" if row.keras else "tensorflow"

    found = releases.keras(provider, release(row.keras or row.tensorflow))

    assert found is not None
    assert (found.version, found.is_exact) == (row.keras or row.tensorflow, True)


@each_row
def test_the_tensorflow_of_a_row_is_in_the_table_of_operations(row: Environment) -> None:
    found = operations.tensorflow(release(row.tensorflow))

    assert found is not None
    assert found.is_exact


@each_row
def test_the_pins_of_a_row_are_read_as_what_they_say(row: Environment) -> None:
    found = targets.target(",".join(row.pins()), make_fingerprint()).fingerprint

    assert isinstance(found.tensorflow, TensorFlow)
    assert isinstance(found.keras, Keras)
    assert found.tensorflow.version == row.tensorflow
    assert found.keras.provider == ("tf-keras" if row.is_legacy else "keras")
    assert not row.keras or found.keras.version == row.keras


@pytest.mark.parametrize(
    ("given", "pins"),
    [
        (row(), ("tensorflow==2.17.1", "keras==3.5.0")),
        (row(tensorflow="2.4.4", keras=""), ("tensorflow==2.4.4",)),
        (
            row(keras="2.17.0", is_legacy=True),
            ("tensorflow==2.17.1", "tf-keras==2.17.0", "TF_USE_LEGACY_KERAS=1"),
        ),
    ],
)
def test_pins_say_what_to_install_and_what_to_set(given: Environment, pins: tuple[str, ...]) -> None:
    assert given.pins() == pins


@pytest.mark.parametrize(
    ("python", "has"),
    [("3.8.18", False), ("3.9", True), ("3.12.1", True), ("3.13.0", False), ("", False), ("strange", False)],
)
def test_a_tensorflow_has_wheels_for_some_pythons(python: str, has: bool) -> None:
    assert row().has_wheels_for(python) is has
