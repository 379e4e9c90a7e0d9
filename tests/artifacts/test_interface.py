from __future__ import annotations

from typing import Any

import pytest

from envlock.artifacts import interface
from envlock.facts import TensorSpec, Unknown


def _input(name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": "InputLayer", "name": name, "config": {"name": name, **config}}


AGE = _input("age", batch_shape=[None, 1], dtype="int64")
ROOMS = _input("rooms", batch_input_shape=[8, None, 4], dtype="float32")
AGE_SPEC = TensorSpec(name="age", shape=(-1, 1), dtype="int64")
ROOMS_SPEC = TensorSpec(name="rooms", shape=(8, -1, 4), dtype="float32")


def _functional(named: object, *layers: dict[str, Any]) -> dict[str, Any]:
    return {"class_name": "Functional", "config": {"layers": list(layers), "input_layers": named}}


def _sequential(*layers: dict[str, Any]) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": {"layers": list(layers)}}


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (["age", 0, 0], (AGE_SPEC,)),
        ([["rooms", 0, 0], ["age", 0, 0]], (ROOMS_SPEC, AGE_SPEC)),
        ([["rooms", 0, 0], [["age", 0, 0]]], (ROOMS_SPEC, AGE_SPEC)),
        ({"z": ["age", 0, 0], "a": ["rooms", 0, 0]}, (ROOMS_SPEC, AGE_SPEC)),
        ({"z": [["age", 0, 0]], "a": {"b": ["rooms", 0, 0]}}, (ROOMS_SPEC, AGE_SPEC)),
    ],
)
def test_a_functional_model_names_its_inputs_in_any_structure(
    named: object, expected: tuple[TensorSpec, ...]
) -> None:
    assert interface.inputs(_functional(named, AGE, ROOMS)) == expected


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (AGE, AGE_SPEC),
        (
            {
                "class_name": "Dense",
                "config": {"name": "d", "batch_input_shape": [None, 4], "dtype": "float32"},
            },
            TensorSpec(name="d", shape=(-1, 4), dtype="float32"),
        ),
        (
            _input(
                "half",
                batch_shape=[None],
                dtype={"class_name": "Policy", "config": {"name": "mixed_float16"}},
            ),
            TensorSpec(name="half", shape=(-1,), dtype="float32"),
        ),
        (_sequential(AGE), AGE_SPEC),
        (_functional([["age", 0, 0]], AGE), AGE_SPEC),
    ],
)
def test_a_sequential_model_takes_what_its_first_layer_does(
    layer: dict[str, Any], expected: TensorSpec
) -> None:
    assert interface.inputs(_sequential(layer, {"class_name": "Flatten", "config": {}})) == (expected,)


def test_the_oldest_sequential_is_a_list_of_layers() -> None:
    assert interface.inputs({"class_name": "Sequential", "config": [AGE]}) == (AGE_SPEC,)


NOT_BUILT = "the architecture does not state the inputs; the model was not built, or by its code"


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (None, "the file holds no architecture"),
        ({}, "the model is no network of layers; its inputs are stated by its own code"),
        (
            {"class_name": "Houses", "config": {"units": 3}},
            "Houses is no network of layers; its inputs are stated by its own code",
        ),
        (_sequential(), "the model has no layers"),
        (_sequential({"class_name": "Dense", "config": {"name": "d", "dtype": "float32"}}), NOT_BUILT),
        (_sequential(_input("x", batch_shape=[None, "4"], dtype="float32")), NOT_BUILT),
        (_sequential(_input("x", batch_shape=[None, 4])), NOT_BUILT),
        (_functional([], AGE), "the architecture names no inputs"),
        (
            _functional([["gone", 0, 0]], AGE),
            "the architecture does not state the shape and type of the input 'gone'",
        ),
    ],
)
def test_inputs_that_are_not_told_are_unknown(config: dict[str, Any] | None, reason: str) -> None:
    assert interface.inputs(config) == Unknown(reason)


def test_models_in_models_without_end_are_unknown() -> None:
    model = _sequential(AGE)
    for _ in range(100):
        model = _sequential(model)

    assert interface.inputs(model) == Unknown(NOT_BUILT)
