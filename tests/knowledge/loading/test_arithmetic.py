"""What computes otherwise in another release, whatever loader brings the weights."""

from __future__ import annotations

from typing import Any

import pytest
from judged import make_artifact, make_comparison, make_content, make_layer, make_reading

from envlock.facts import KERAS_LOADER, WEIGHTS_LOADER
from envlock.knowledge.loading import arithmetic


def told(writer: str, reader: str, *layers: dict[str, Any]) -> list[tuple[str, bool, tuple[str, ...]]]:
    """Subjects, whether silent, and loaders, for a Sequential of these layers in `.h5`."""
    seen = make_comparison(
        artifact=make_artifact("hdf5", writer),
        content=make_content(*layers),
        **make_reading(reader, "2.17.0"),
    )
    return [(item.subject, item.is_silent, item.loaders) for item in arithmetic.problems(seen)]


def pictures(dtype: str = "uint8") -> dict[str, Any]:
    return make_layer("InputLayer", name="picture", batch_shape=[None, 6, 5, 3], dtype=dtype)


def resizing(interpolation: str = "bilinear") -> dict[str, Any]:
    return make_layer("Resizing", name="resizing", height=8, width=8, interpolation=interpolation)


def test_hard_sigmoid_is_another_function_in_the_other_generation() -> None:
    layer = make_layer("LSTM", name="lstm", recurrent_activation="hard_sigmoid")

    assert told("2.15.0", "3.7.0", layer) == [("LSTM 'lstm'", True, (KERAS_LOADER, WEIGHTS_LOADER))]
    assert told("2.10.0", "2.15.0", layer) == []


def test_a_function_written_as_an_object_is_hard_sigmoid_too() -> None:
    function = {"class_name": "function", "module": "builtins", "config": "hard_sigmoid"}
    layer = make_layer("Activation", name="gate", activation=function)

    assert [subject for subject, *_ in told("2.15.0", "3.7.0", layer)] == ["Activation 'gate'"]


@pytest.mark.parametrize(
    ("writer", "reader", "moves"),
    [
        ("2.15.0", "3.3.3", True),
        ("3.3.3", "3.7.0", True),
        ("3.5.0", "3.6.0", True),
        ("3.6.0", "3.15.1", False),
        ("2.10.0", "2.15.0", False),
    ],
)
def test_whole_numbers_are_resized_otherwise(writer: str, reader: str, *, moves: bool) -> None:
    assert bool(told(writer, reader, pictures(), resizing())) is moves


@pytest.mark.parametrize("layers", [(pictures("float32"), resizing()), (pictures(), resizing("nearest"))])
def test_floats_and_copied_numbers_are_resized_alike(layers: tuple[dict[str, Any], ...]) -> None:
    assert told("2.15.0", "3.15.1", *layers) == []


def test_only_what_the_whole_numbers_go_into_is_told() -> None:
    between = make_layer("Rescaling", name="rescaling", scale=0.5)

    assert told("2.15.0", "3.15.1", pictures(), between, resizing()) == []


@pytest.mark.parametrize(
    "nodes",
    [
        [[["picture", 0, 0, {}]]],
        [{"args": [{"class_name": "__keras_tensor__", "config": {"keras_history": ["picture", 0, 0]}}]}],
    ],
)
def test_a_connection_is_read_in_either_notation(nodes: list[Any]) -> None:
    between = make_layer("Rescaling", name="rescaling", scale=0.5)

    found = told("2.15.0", "3.15.1", pictures(), between, resizing() | {"inbound_nodes": nodes})

    assert [subject for subject, *_ in found] == ["Resizing 'resizing'"]


@pytest.mark.parametrize("dtype", [None, 7, [], {}])
def test_an_input_of_no_stated_type_is_passed_over(dtype: Any) -> None:
    layer = make_layer("InputLayer", name="picture", dtype=dtype)

    assert told("2.15.0", "3.15.1", layer, resizing()) == []


@pytest.mark.parametrize(("writer", "reader"), [("2.10.0", "2.8.0"), ("2.8.0", "2.10.0"), ("2.8.0", "3.7.0")])
def test_bfloat16_is_rounded_otherwise_since_2_9(writer: str, reader: str) -> None:
    policy = {"class_name": "Policy", "config": {"name": "mixed_bfloat16"}}
    dense = make_layer("Dense", name="dense", units=2, dtype=policy)

    assert told(writer, reader, dense) == [("Dense 'dense'", True, (KERAS_LOADER, WEIGHTS_LOADER))]
    assert told(writer, writer, dense) == []


@pytest.mark.parametrize(
    ("class_name", "config", "same", "other"),
    [
        ("RandomCrop", {}, ("2.7.0", "3.5.0"), "3.6.0"),
        ("RandomCrop", {}, ("3.6.0", "3.7.0"), "3.8.0"),
        ("RandomCrop", {}, ("2.4.0", "2.6.0"), "2.7.0"),
        ("LayerNormalization", {"dtype": "float16"}, ("2.15.0", "3.5.0"), "3.6.0"),
        ("LayerNormalization", {"dtype": "mixed_bfloat16"}, ("3.6.0", "3.15.1"), "3.3.3"),
        ("BatchNormalization", {"dtype": "bfloat16"}, ("3.0.0", "3.15.1"), "2.15.0"),
        ("Softmax", {"dtype": "bfloat16"}, ("2.12.0", "2.15.0"), "2.10.0"),
        ("Dense", {"dtype": "bfloat16", "activation": "softmax"}, ("2.11.0", "2.15.0"), "2.10.0"),
        ("UpSampling2D", {"dtype": "bfloat16", "interpolation": "bilinear"}, ("3.3.3", "3.15.1"), "2.15.0"),
        ("TFOpLambda", {"dtype": "bfloat16", "function": "math.reduce_mean"}, ("2.16.0", "2.21.0"), "2.15.0"),
        ("GlobalAveragePooling2D", {"dtype": "bfloat16"}, ("2.16.0", "3.3.3"), "2.15.0"),
        ("Normalization", {"invert": True}, ("2.13.0", "2.15.0"), "2.10.0"),
        ("CategoryEncoding", {"output_mode": "one_hot"}, ("2.15.0", "3.5.0"), "3.3.3"),
        ("Discretization", {"output_mode": "one_hot"}, ("3.0.0", "3.3.3"), "3.4.0"),
        ("TextVectorization", {"output_mode": "multi_hot"}, ("2.15.0", "3.6.0"), "3.5.0"),
    ],
)
def test_a_layer_that_changed(
    class_name: str, config: dict[str, Any], same: tuple[str, str], other: str
) -> None:
    layer = make_layer(class_name, name="one", **config)

    assert told(*same, layer) == []
    assert [told(one, other, layer) for one in same] == [
        [(f"{class_name} 'one'", True, (KERAS_LOADER, WEIGHTS_LOADER))]
    ] * 2
    assert [subject for subject, *_ in told(other, same[0], layer)] == [f"{class_name} 'one'"]


@pytest.mark.parametrize(
    ("class_name", "config"),
    [
        ("LayerNormalization", {"dtype": "mixed_float16"}),
        ("Softmax", {"dtype": "float32"}),
        ("Normalization", {"invert": False}),
        ("CategoryEncoding", {"output_mode": "multi_hot"}),
        ("LayerNormalization", {"dtype": {"class_name": "Policy", "config": {"name": 7}}}),
    ],
)
def test_a_layer_that_does_not_ask_for_what_changed(class_name: str, config: dict[str, Any]) -> None:
    layer = make_layer(class_name, name="one", **config)

    assert all(told(one, other, layer) == [] for one in ("2.10.0", "3.3.3") for other in ("2.15.0", "3.15.1"))


def test_several_values_at_once_are_encoded_alike() -> None:
    several = make_layer("InputLayer", name="picture", batch_shape=[None, 5], dtype="float32")
    layer = make_layer("CategoryEncoding", name="one", output_mode="one_hot")

    single = several | {"config": several["config"] | {"batch_shape": [None, 1]}}
    bins = make_layer("Discretization", name="bins", output_mode="int")
    flat = make_layer("Flatten", name="flat")

    assert told("2.15.0", "3.3.3", several, layer) == []
    assert told("2.15.0", "3.3.3", several, bins, layer) == []
    assert told("2.15.0", "3.3.3", single, bins, layer, flat) == []
    assert told("2.15.0", "3.3.3", single, layer)
    assert told("2.15.0", "3.3.3", single, bins, layer)


@pytest.mark.parametrize(
    ("class_name", "dtype", "works", "fails"),
    [
        ("UnitNormalization", "int32", ("2.15.0", "3.5.0"), ("3.6.0", "3.15.1")),
        ("BatchNormalization", "uint8", ("2.15.0", "3.6.0"), ("3.0.3", "3.5.0")),
        ("CategoryEncoding", "uint8", ("3.3.3", "3.5.0"), ("3.6.0", "3.15.1")),
        ("RandomHeight", "int64", ("2.10.0", "2.15.0"), ("3.0.0", "3.15.1")),
    ],
)
def test_a_layer_that_takes_no_whole_numbers(
    class_name: str, dtype: str, works: tuple[str, str], fails: tuple[str, str]
) -> None:
    layer = make_layer(class_name, name="one")

    assert [told("2.15.0", reader, pictures(dtype), layer) for reader in works] == [[], []]
    found = [told("2.15.0", reader, pictures(dtype), layer) for reader in fails]
    assert found == [[(f"{class_name} 'one'", False, (KERAS_LOADER, WEIGHTS_LOADER))]] * 2
    assert [told("2.15.0", reader, pictures("float32"), layer) for reader in fails] == [[], []]
