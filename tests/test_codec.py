from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders import artifact, package, python

from envlock import codec
from envlock.errors import InvalidLock
from envlock.facts import Artifact, Content, Cpu, Maybe, Package, Python, Unknown
from envlock.values import frozen


@frozen(kw_only=True)
class House:
    """One field of each kind that a lock can hold."""

    name: str
    rooms: int
    price: float
    sold: bool
    front_door: Maybe[str | None]
    tags: tuple[str, ...]
    owners: dict[str, str]
    parts: tuple[Package, ...]
    notes: str = "none"


HOUSE = House(
    name="hut",
    rooms=3,
    price=1.5,
    sold=True,
    front_door="red",
    tags=("a", "b"),
    owners={"first": "Ada"},
    parts=(package("keras"), package("numpy")),
)


def _plain(**overrides: Any) -> dict[str, Any]:
    """`HOUSE` as plain data, the same but for `overrides`."""
    data, _, _ = codec.encode(HOUSE)
    return {**data, **overrides}


def test_facts_are_encoded_as_what_toml_and_json_can_hold() -> None:
    data, absent, unknown = codec.encode(HOUSE)

    assert data == {
        "name": "hut",
        "rooms": 3,
        "price": 1.5,
        "sold": True,
        "front-door": "red",
        "tags": ["a", "b"],
        "owners": {"first": "Ada"},
        "parts": [
            {"name": "keras", "version": "1.26.4", "role": "runtime", "requires": []},
            {"name": "numpy", "version": "1.26.4", "role": "runtime", "requires": []},
        ],
        "notes": "none",
    }
    assert (absent, unknown) == ((), {})


def test_what_was_encoded_is_decoded_to_the_same_value() -> None:
    data, absent, unknown = codec.encode(HOUSE)

    decoded = codec.decode(House, data, absent=absent, unknown=unknown)

    assert decoded == HOUSE


def test_an_absent_value_is_listed_by_its_path_and_left_out_of_the_data() -> None:
    encoded = codec.encode(artifact(keras_version=None, tensorflow_version=None, files=()))

    assert encoded == (
        {"name": "house.keras", "format": "keras", "files": []},
        ("keras-version", "tensorflow-version"),
        {},
    )


def test_an_unknown_value_is_listed_with_its_reason_and_left_out_of_the_data() -> None:
    encoded = codec.encode(python(implementation=Unknown("nobody looked")))

    assert encoded == ({"version": "3.11.7"}, (), {"implementation": "nobody looked"})


def test_an_item_of_a_sequence_is_named_in_a_path_by_its_name() -> None:
    parts = (package("keras", Unknown("no metadata")), package("numpy"))

    _, _, unknown = codec.encode(replace(HOUSE, parts=parts))

    assert unknown == {"parts.keras.version": "no metadata"}


def test_an_absent_value_is_decoded_to_none() -> None:
    decoded = codec.decode(House, _without("front-door"), absent=["front-door"])

    assert decoded.front_door is None


def test_an_unknown_value_is_decoded_to_its_reason() -> None:
    decoded = codec.decode(House, _without("front-door"), unknown={"front-door": "locked"})

    assert decoded.front_door == Unknown("locked")


def test_an_unknown_value_inside_a_sequence_is_found_by_the_name_of_its_item() -> None:
    data = _plain(parts=[{"name": "keras"}])

    decoded = codec.decode(House, data, unknown={"parts.keras.version": "no metadata"})

    assert decoded.parts == (Package(name="keras", version=Unknown("no metadata")),)


def test_a_value_that_is_there_wins_over_a_list_that_calls_it_absent() -> None:
    decoded = codec.decode(House, _plain(), absent=["front-door"], unknown={"front-door": "locked"})

    assert decoded == HOUSE


def test_a_missing_value_takes_its_default() -> None:
    decoded = codec.decode(House, _without("notes"))

    assert decoded == HOUSE


def test_a_key_that_this_envlock_does_not_know_is_passed_over() -> None:
    decoded = codec.decode(House, _plain(colour="green"))

    assert decoded == HOUSE


def test_a_whole_number_is_accepted_where_a_number_is_expected() -> None:
    decoded = codec.decode(House, _plain(price=2))

    assert repr(decoded.price) == "2.0"


def test_a_table_of_anything_is_kept_as_it_is() -> None:
    config = {"layers": [{"units": 3, "name": None}], "deep": {"a": [1.5, True]}}

    decoded = codec.decode(Content, {"config": config}, absent=["compile-config"])

    assert decoded == Content(config=config, compile_config=None)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_nothing_measures_is_refused(value: float) -> None:
    with pytest.raises(InvalidLock, match=r"Expected a finite number, found -?(nan|inf) at price"):
        codec.decode(House, _plain(price=value))


@pytest.mark.parametrize("key", ["rooms", "price"])
def test_a_whole_number_of_hundreds_of_digits_is_refused(key: str) -> None:
    with pytest.raises(InvalidLock, match=f"at most 64 bits, found a longer one at {key}"):
        codec.decode(House, _plain(**{key: 10**400}))


def test_items_of_one_name_are_told_apart_in_paths() -> None:
    parts = (package("numpy", Unknown("first")), package("numpy", Unknown("second")), package("numpy", "1.0"))

    data, absent, unknown = codec.encode(replace(HOUSE, parts=parts))

    assert unknown == {"parts.0.version": "first", "parts.1.version": "second"}
    assert codec.decode(House, data, absent=absent, unknown=unknown).parts == parts


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"name": 3}, "Expected a string, found 3 at name"),
        ({"rooms": "3"}, "Expected a whole number, found '3' at rooms"),
        ({"rooms": True}, "Expected a whole number, found True at rooms"),
        ({"price": "dear"}, "Expected a number, found 'dear' at price"),
        ({"price": False}, "Expected a number, found False at price"),
        ({"sold": 1}, "Expected true or false, found 1 at sold"),
        ({"front-door": 1}, "Expected a string, found 1 at front-door"),
        ({"tags": "a"}, "Expected an array, found 'a' at tags"),
        ({"tags": ["a", 2]}, "Expected a string, found 2 at tags[1]"),
        ({"owners": []}, "Expected a table, found [] at owners"),
        ({"owners": {"first": 1}}, "Expected a string, found 1 at owners.first"),
        ({"parts": ["keras"]}, "Expected a table, found 'keras' at parts[0]"),
        ({"parts": [{"name": "keras"}]}, "Expected a value, found none at parts[0].version"),
        (
            {"parts": [{"name": "keras", "version": "3"}, {"name": "numpy", "version": 3}]},
            "Expected a string, found 3 at parts[1].version",
        ),
        ({"rooms": "x" * 38}, f"Expected a whole number, found '{'x' * 38}' at rooms"),
        ({"rooms": "x" * 39}, "Expected a whole number, found a string at rooms"),
        ({"name": list(range(60))}, "Expected a string, found an array at name"),
    ],
)
def test_an_error_says_what_was_expected_what_was_found_and_where(
    overrides: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidLock) as caught:
        codec.decode(House, _plain(**overrides))

    assert str(caught.value) == message


def test_a_value_that_is_needed_and_missing_is_refused() -> None:
    with pytest.raises(InvalidLock) as caught:
        codec.decode(House, _without("front-door"))

    assert str(caught.value) == "Expected a value, found none at front-door"


def test_a_value_that_must_be_there_cannot_be_absent() -> None:
    with pytest.raises(InvalidLock) as caught:
        codec.decode(Artifact, {"name": "a", "files": []}, absent=["format"])

    assert str(caught.value) == "Expected a value, found absent at format"


def test_a_value_that_must_be_known_cannot_be_unknown() -> None:
    with pytest.raises(InvalidLock) as caught:
        codec.decode(Python, {"implementation": "cpython"}, unknown={"version": "nobody looked"})

    assert str(caught.value) == "Expected a value, found unknown at version"


def test_a_value_that_can_be_unknown_need_not_be_allowed_to_be_absent() -> None:
    with pytest.raises(InvalidLock) as caught:
        codec.decode(Cpu, {"model": "Xeon"}, absent=["features"])

    assert str(caught.value) == "Expected a value, found absent at features"


@pytest.mark.parametrize(
    ("absent", "unknown", "message"),
    [
        ("front-door", {}, "Expected an array, found 'front-door' at absent"),
        ([3], {}, "Expected a string, found 3 at absent[0]"),
        ((), ["front-door"], "Expected a table, found ['front-door'] at unknown"),
        ((), {"front-door": 3}, "Expected a string, found 3 at unknown.front-door"),
    ],
)
def test_the_lists_of_what_is_missing_are_checked_too(absent: object, unknown: object, message: str) -> None:
    with pytest.raises(InvalidLock) as caught:
        codec.decode(House, _plain(), absent=absent, unknown=unknown)

    assert str(caught.value) == message


def test_what_is_no_table_is_refused_at_the_top() -> None:
    with pytest.raises(InvalidLock) as caught:
        codec.decode(House, [])

    assert str(caught.value) == "Expected a table, found []"


def test_a_field_is_written_outside_with_hyphens() -> None:
    assert codec.outside("image_data_format") == "image-data-format"


def _without(key: str) -> dict[str, Any]:
    return {name: value for name, value in _plain().items() if name != key}
