"""Masks on their way through merging layers, and the layers that fail at them."""

from __future__ import annotations

from typing import Any

import pytest
from judged import make_artifact, make_comparison, make_content, make_layer, make_reading

from envlock.knowledge.loading import masks

TOKENS = make_layer("InputLayer", name="tokens", dtype="int32", batch_shape=[None, 5])
EMBEDDING = make_layer("Embedding", name="words", mask_zero=True)
LSTM = make_layer("LSTM", name="lstm", return_sequences=False)
ADD = make_layer("Add", name="add")


def behind(layer: dict[str, Any], *names: str, is_three: bool = False) -> dict[str, Any]:
    """The same layer, called on the outputs of these."""
    if is_three:
        tensors = [
            {"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}} for name in names
        ]
        return layer | {"inbound_nodes": [{"args": [tensors], "kwargs": {"mask": None}}]}
    return layer | {"inbound_nodes": [[[name, 0, 0, {}] for name in names]]}


def told(writer: str, reader: str, *layers: dict[str, Any]) -> list[tuple[str, str]]:
    seen = make_comparison(
        artifact=make_artifact("hdf5", writer), content=make_content(*layers), **make_reading(reader)
    )
    return [(item.code, item.subject) for item in masks.problems(seen)]


def merged(*, one: str = "words", other: str = "plain", is_three: bool = False) -> tuple[dict[str, Any], ...]:
    """Masked steps and others, merged before they go into an LSTM."""
    return (
        behind(EMBEDDING, "tokens", is_three=is_three),
        behind(make_layer("Conv1D", name="plain"), "words", is_three=is_three),
        behind(make_layer("Dense", name="masked"), "words", is_three=is_three),
        behind(ADD, one, other, is_three=is_three),
        behind(LSTM, "add", is_three=is_three),
    )


@pytest.mark.parametrize("is_three", [False, True])
@pytest.mark.parametrize(
    ("other", "changes"),
    [
        ("plain", [("2.15.0", "3.3.3"), ("2.15.0", "3.15.1")]),
        ("masked", [("2.15.0", "3.3.3"), ("3.3.3", "3.15.1")]),
    ],
)
def test_a_merged_mask_that_is_heeded_on_one_side_alone(
    other: str, changes: list[tuple[str, str]], *, is_three: bool
) -> None:
    layers = merged(other=other, is_three=is_three)
    every = [("2.15.0", "3.3.3"), ("3.3.3", "3.15.1"), ("2.15.0", "3.15.1"), ("2.10.0", "2.15.0")]

    found = {pair: told(*pair, *layers) for pair in every}

    assert {pair for pair in every if found[pair]} == set(changes)
    assert {item for pair in changes for item in found[pair]} == {("EL113", "LSTM 'lstm'")}


def test_a_mask_that_nothing_heeds_changes_nothing() -> None:
    assert told("2.15.0", "3.3.3", *merged()[:-1], behind(make_layer("Conv1D", name="end"), "add")) == []


def test_steps_that_none_masks_are_merged_alike() -> None:
    layers = merged()

    unmasked = (behind(make_layer("Embedding", name="words", mask_zero=False), "tokens"), *layers[1:])
    assert told("2.15.0", "3.3.3", *unmasked) == []


@pytest.mark.parametrize("class_name", ["Attention", "AdditiveAttention"])
def test_attention_fails_at_masked_values(class_name: str) -> None:
    attention = make_layer(class_name, name="one")
    masked = (behind(EMBEDDING, "tokens"), behind(attention, "tokens", "words"))
    asking = (behind(EMBEDDING, "tokens"), behind(attention, "words", "tokens"))

    fails = [("EL129", f"{class_name} 'one'")]
    assert [told("2.15.0", reader, *masked) for reader in ("3.0.4", "3.0.5", "3.11.3", "3.12.0")] == [
        [],
        fails,
        fails,
        [],
    ]
    assert told("2.15.0", "3.5.0", *asking) == []


def test_masks_of_concatenated_steps_are_joined_by_operations() -> None:
    named = (
        behind(EMBEDDING, "tokens"),
        behind(make_layer("Concatenate", name="both"), "words", "words"),
        behind(LSTM, "both"),
    )
    default = (
        behind(EMBEDDING, "tokens"),
        behind(make_layer("Concatenate", name="concatenate"), "words", "words"),
        behind(LSTM, "concatenate"),
    )

    assert [told("2.15.0", reader, *named) for reader in ("3.4.0", "3.11.3", "3.12.0")] == [
        [("EL129", "Concatenate 'both'")],
        [("EL129", "Concatenate 'both'")],
        [],
    ]
    assert [told("2.15.0", reader, *default) for reader in ("3.4.0", "3.15.1")] == [
        [("EL126", "Concatenate 'concatenate'")]
    ] * 2
    assert told("2.15.0", "3.5.0", *default[:-1]) == []


@pytest.mark.parametrize(("between", "fails"), [("Dense", [("EL129", "Concatenate 'both'")]), ("Conv1D", [])])
def test_joined_masks_are_heeded_past_what_hands_them_on(between: str, fails: list[tuple[str, str]]) -> None:
    layers = (
        behind(EMBEDDING, "tokens"),
        behind(make_layer("Concatenate", name="both"), "words", "words"),
        behind(make_layer(between, name="between"), "both"),
        behind(LSTM, "between"),
    )

    assert told("3.5.0", "3.5.0", *layers) == fails


@pytest.mark.parametrize("nodes", [[], [[]], [[None]], [{"args": 1}], [[[["words"]]]], [["words", 0]]])
def test_connections_that_say_nothing_are_passed_over(nodes: Any) -> None:
    assert told("2.15.0", "3.3.3", EMBEDDING, ADD | {"inbound_nodes": nodes}, LSTM) == []
