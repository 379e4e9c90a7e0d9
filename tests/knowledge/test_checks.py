from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envlock.knowledge.checks import refusals

PADDING = ["arg", "padding", ["is", "valid"]]
UNITS = ["arg", "units", None]
TRUE, FALSE = ["is", True], ["is", False]
# A key whose value nothing tells.
UNTOLD = ["arg", "nowhere", None]


def holds(condition: Any, /, **config: Any) -> bool:
    return list(refusals([(condition, "no")], config)) != []


def test_a_refused_value_is_told_with_its_key_and_the_words_of_the_constructor() -> None:
    condition = ["not", ["in", PADDING, ["is", ["valid", "same"]]]]
    rows = [(condition, "ValueError: Unknown padding {padding} of {nobody}")]

    assert list(refusals(rows, {"padding": "left"})) == [
        (("padding",), "ValueError: Unknown padding 'left' of …")
    ]


def test_a_key_that_the_configuration_lacks_has_its_default() -> None:
    assert holds(["==", PADDING, ["is", "valid"]])
    assert not holds(["==", PADDING, ["is", "valid"]], padding="same")


def test_a_key_without_a_default_cannot_be_told() -> None:
    condition = ["==", UNITS, ["is", None]]

    assert [holds(condition), holds(condition, units=None)] == [False, True]


def test_what_may_have_any_value_is_never_told_of() -> None:
    condition = ["==", PADDING, ["is", "left"]]

    assert list(refusals([(condition, "no")], {"padding": "left"}, unknown={"padding"})) == []


def test_an_object_may_have_any_value() -> None:
    condition = ["not", ["isinstance", ["arg", "rate", None], ["float"]]]

    assert [holds(condition, rate={"class_name": "Rate"}), holds(condition, rate="fast")] == [False, True]


def test_each_key_is_named_once_in_the_order_of_the_condition() -> None:
    condition = ["and", ["<", UNITS, PADDING], ["<", UNITS, ["is", 9]]]

    (found,) = refusals([(condition, "no")], {"units": 1, "padding": 2})

    assert found == (("units", "padding"), "no")


def test_every_row_that_holds_is_told() -> None:
    rows = [(TRUE, "one"), (FALSE, "two"), (TRUE, "three")]

    assert [words for _, words in refusals(rows, {})] == ["one", "three"]


def test_long_values_are_cut() -> None:
    condition = ["==", PADDING, PADDING]

    ((_, words),) = refusals([(condition, "got {padding}")], {"padding": "a" * 99})

    assert words == f"got '{'a' * 57} …"


@pytest.mark.parametrize(
    ("condition", "config"),
    [
        (TRUE, {}),
        (["not", FALSE], {}),
        (["in", PADDING, ["is", ["same", "causal"]]], {"padding": "causal"}),
        (["==", UNITS, ["is", 3]], {"units": 3}),
        (["<", UNITS, ["is", 4]], {"units": 3}),
        (["<=", UNITS, ["is", 3]], {"units": 3}),
        (["==", ["len", UNITS], ["is", 2]], {"units": [1, 2]}),
        (["bool", UNITS], {"units": "set"}),
        (["not", ["callable", UNITS]], {"units": "relu"}),
        (["==", ["lower", PADDING], ["is", "same"]], {"padding": "SAME"}),
        (["==", ["upper", PADDING], ["is", "SAME"]], {"padding": "same"}),
        (["isinstance", UNITS, ["int"]], {"units": True}),
        (["isinstance", UNITS, ["list", "tuple"]], {"units": []}),
        (["not", ["isinstance", UNITS, ["str", "int"]]], {"units": None}),
        (["if", ["==", UNITS, ["is", 1]], TRUE, FALSE], {"units": 1}),
        (["if", ["==", UNITS, ["is", 1]], FALSE, TRUE], {"units": 2}),
    ],
)
def test_a_condition_that_surely_holds_is_told(condition: Any, config: dict[str, Any]) -> None:
    assert holds(condition, **config)
    assert not holds(["not", condition], **config)


@pytest.mark.parametrize(
    "condition",
    [
        UNTOLD,
        ["not", UNTOLD],
        ["in", UNTOLD, ["is", ["valid"]]],
        ["==", UNTOLD, UNTOLD],
        ["<", UNTOLD, ["is", 3]],
        ["<=", ["is", 3], UNTOLD],
        ["len", UNTOLD],
        ["bool", UNTOLD],
        ["callable", UNTOLD],
        ["lower", UNTOLD],
        ["isinstance", UNTOLD, ["str"]],
        ["if", UNTOLD, TRUE, TRUE],
        ["and", TRUE, UNTOLD],
        ["or", FALSE, UNTOLD],
    ],
)
def test_what_cannot_be_told_is_neither_so_nor_not_so(condition: Any) -> None:
    assert [holds(condition), holds(["not", condition])] == [False, False]


@pytest.mark.parametrize(
    ("condition", "answer"),
    [(["and", UNTOLD, FALSE], False), (["and", FALSE, UNTOLD], False), (["or", UNTOLD, TRUE], True)],
)
def test_one_part_that_decides_is_enough(condition: Any, *, answer: bool) -> None:
    assert [holds(condition), holds(["not", condition])] == [answer, not answer]


@pytest.mark.parametrize(
    ("condition", "config"),
    [
        (["<", UNITS, ["is", 3]], {"units": "three"}),
        (["in", ["is", 1], UNITS], {"units": 7}),
        (["len", UNITS], {"units": 7}),
        (["lower", UNITS], {"units": 7}),
        (["in", UNITS, ["is", "text"]], {"units": []}),
        (["unheard-of", UNITS], {"units": 7}),
    ],
)
def test_an_operator_that_a_value_does_not_bear_cannot_be_told(
    condition: Any, config: dict[str, Any]
) -> None:
    assert [holds(condition, **config), holds(["not", condition], **config)] == [False, False]


def nested(depth: int) -> Any:
    condition = TRUE
    for _ in range(depth):
        condition = ["not", condition]
    return condition


def test_a_condition_is_followed_only_so_deep() -> None:
    assert [holds(nested(60)), holds(nested(62)), holds(["not", nested(62)])] == [True, False, False]


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=4)
    | st.lists(st.text(max_size=2), max_size=3)
)
ARGUMENTS = st.builds(
    lambda name, default: ["arg", name, default],
    st.sampled_from(["units", "padding"]),
    st.none() | st.builds(lambda value: ["is", value], PLAIN),
)
ONE = ("not", "len", "bool", "callable", "lower", "upper", "unheard-of")
TWO = ("in", "==", "<", "<=", "and", "or")
CONDITIONS = st.recursive(
    ARGUMENTS | st.builds(lambda value: ["is", value], PLAIN),
    lambda inner: st.one_of(
        st.builds(lambda name, part: [name, part], st.sampled_from(ONE), inner),
        st.builds(lambda name, one, other: [name, one, other], st.sampled_from(TWO), inner, inner),
        st.builds(lambda *parts: ["if", *parts], inner, inner, inner),
        st.builds(lambda part: ["isinstance", part, ["str", "int"]], inner),
    ),
    max_leaves=10,
)


@given(CONDITIONS, st.dictionaries(st.sampled_from(["units", "padding"]), ANY))
def test_no_configuration_makes_a_condition_fail(condition: Any, config: dict[str, Any]) -> None:
    for keys, words in refusals([(condition, "got {units}")], config):
        assert set(keys) <= {"units", "padding"}
        assert len(words) < 70


@given(CONDITIONS, st.dictionaries(st.sampled_from(["units", "padding"]), ANY))
def test_a_condition_and_its_opposite_never_both_hold(condition: Any, config: dict[str, Any]) -> None:
    assert not (holds(condition, **config) and holds(["not", condition], **config))
