from __future__ import annotations

from typing import Any

import pytest
from judged import (
    make_artifact,
    make_comparison,
    make_content,
    make_fingerprint,
    make_keras,
    make_layer,
    make_reading,
    say,
)

from envlock.facts import Python, Unknown
from envlock.knowledge import Comparison

DENSE = make_layer("Dense", name="dense")
BYTECODE = make_layer(
    "Lambda", name="squeeze", function={"class_name": "__lambda__", "config": {"code": "4wEA"}}
)
LEGACY_BYTECODE = make_layer("Lambda", name="squeeze", function=["4wEA", None, None], function_type="lambda")
POLICY_2 = {"class_name": "Policy", "config": {"name": "mixed_float16"}}
POLICY_3 = {"class_name": "DTypePolicy", "config": {"name": "mixed_float16"}}


def seen_by(
    keras: str, *layers: dict[str, Any], kind: str = "keras", writer: str = "3.5.0", compiled: Any = None
) -> Comparison:
    """A model of these layers that `writer` wrote, in front of that Keras."""
    return make_comparison(
        artifact=make_artifact(kind, writer),
        content=make_content(*layers, compile_config=compiled),
        **make_reading(keras, "2.17.0"),
    )


def python(version: str, *layers: dict[str, Any]) -> Comparison:
    """A model saved under Python 3.11.7, in front of that Python."""
    current = make_fingerprint(python=Python(version=version, implementation="cpython"))
    return make_comparison(content=make_content(*layers), current=current)


def test_an_older_keras_does_not_accept_a_key_of_a_newer_one() -> None:
    layer = make_layer("RandomFlip", name="flip", data_format=None)

    said = say("EL108", seen_by("3.5.0", layer, writer="3.6.0"))

    assert said == [
        ("RandomFlip 'flip'", "RandomFlip 'flip' carries `data_format` that Keras 3.5.0 does not accept")
    ]


def test_keras_3_does_not_accept_a_class_that_it_dropped() -> None:
    layer = make_layer("ThresholdedReLU", name="relu")

    said = say("EL108", seen_by("3.5.0", layer, kind="hdf5", writer="2.15.0"))

    assert said == [
        (
            "ThresholdedReLU 'relu'",
            "ThresholdedReLU 'relu' is a class that Keras 3.5.0 does not accept",
        )
    ]


def test_the_same_object_is_told_of_once() -> None:
    layer = make_layer("RandomFlip", name="flip", data_format=None)

    said = say("EL108", seen_by("3.5.0", layer, layer, writer="3.6.0"))

    assert said == [
        ("RandomFlip 'flip'", "RandomFlip 'flip' carries `data_format` that Keras 3.5.0 does not accept")
    ]


def test_a_key_is_accepted_from_its_first_release_on() -> None:
    layer = make_layer("RandomFlip", name="flip", data_format=None)

    assert say("EL108", seen_by("3.6.0", layer, writer="3.6.0")) == []


def test_a_release_candidate_accepts_what_its_release_does() -> None:
    layer = make_layer("RandomFlip", name="flip", data_format=None)

    assert say("EL108", seen_by("3.6.0rc1", layer, writer="3.6.0")) == []


def test_keys_of_keras_3_are_not_told_of_where_the_whole_file_is_refused() -> None:
    layer = make_layer("RandomFlip", name="flip", data_format=None)

    assert say("EL108", seen_by("2.15.0", layer, writer="3.6.0")) == []


def test_nothing_is_said_of_keys_to_a_keras_that_is_only_known_as_3() -> None:
    layer = make_layer("RandomFlip", name="flip", data_format=None)
    reader = make_reading(keras=make_keras(Unknown("the list names no Keras")))

    assert say("EL108", make_comparison(content=make_content(layer), **reader)) == []


def test_safe_mode_refuses_bytecode_in_an_archive() -> None:
    said = say("EL109", seen_by("3.5.0", DENSE, BYTECODE))

    assert said == [
        ("Lambda 'squeeze'", "Lambda 'squeeze' holds bytecode, which Keras 3.5.0 refuses in safe mode")
    ]


def test_safe_mode_refuses_bytecode_in_hdf5_from_3_11_3_on() -> None:
    said = say("EL109", seen_by("3.11.3", LEGACY_BYTECODE, kind="hdf5", writer="2.15.0"))

    assert said == [
        ("Lambda 'squeeze'", "Lambda 'squeeze' holds bytecode, which Keras 3.11.3 refuses in safe mode")
    ]


def test_safe_mode_came_with_2_13() -> None:
    said = say("EL109", seen_by("2.13.1", LEGACY_BYTECODE, writer="2.12.0"))

    assert said == [
        ("Lambda 'squeeze'", "Lambda 'squeeze' holds bytecode, which Keras 2.13.1 refuses in safe mode")
    ]


@pytest.mark.parametrize(("keras", "kind"), [("3.11.2", "hdf5"), ("2.12.0", "keras")])
def test_bytecode_is_taken_before_safe_mode_reached_the_format(keras: str, kind: str) -> None:
    assert say("EL109", seen_by(keras, LEGACY_BYTECODE, kind=kind, writer="2.12.0")) == []


def test_a_lambda_layer_of_a_named_function_holds_no_bytecode() -> None:
    layer = make_layer("Lambda", name="squeeze", function="squeeze", function_type="function")

    assert say("EL109", seen_by("3.5.0", layer)) == []


def test_bytecode_is_not_judged_for_a_python_that_is_not_known() -> None:
    current = make_fingerprint(python=Unknown("the list names no Python"))

    assert say("EL110", make_comparison(content=make_content(BYTECODE), current=current)) == []


@pytest.mark.parametrize("version", ["3.10.12", "3.13.0"])
def test_bytecode_of_another_python_does_not_run(version: str) -> None:
    said = say("EL110", python(version, BYTECODE))

    assert said == [("Lambda", f"a Lambda layer holds bytecode of Python 3.11.7, the target has {version}")]


@pytest.mark.parametrize("version", ["3.11.9", "3.12.1"])
def test_bytecode_runs_in_pythons_of_its_family(version: str) -> None:
    assert say("EL110", python(version, BYTECODE)) == []


def test_another_python_does_not_matter_without_bytecode() -> None:
    assert say("EL110", python("3.13.0", DENSE)) == []


def test_an_hdf5_file_names_its_losses_by_aliases_that_keras_3_does_not_find() -> None:
    compiled = {"loss": "mse", "metrics": [["mae", "mse"]], "optimizer": "adam"}

    said = say("EL111", seen_by("3.5.0", DENSE, kind="hdf5", writer="2.15.0", compiled=compiled))

    assert said == [
        ("mae", "compiled with 'mae', which Keras 3.5.0 does not find in an .h5 file"),
        ("mse", "compiled with 'mse', which Keras 3.5.0 does not find in an .h5 file"),
    ]


@pytest.mark.parametrize(
    ("keras", "kind", "loss"),
    [("2.15.0", "hdf5", "mse"), ("3.5.0", "keras", "mse"), ("3.5.0", "hdf5", "mean_squared_error")],
)
def test_losses_are_found_by_keras_2_in_archives_and_under_long_names(
    keras: str, kind: str, loss: str
) -> None:
    assert say("EL111", seen_by(keras, DENSE, kind=kind, writer="2.15.0", compiled={"loss": loss})) == []


def test_keras_3_does_not_know_the_policies_of_keras_2() -> None:
    layer = make_layer("Dense", name="dense", dtype=POLICY_2)

    said = say("EL112", seen_by("3.5.0", layer, writer="2.15.0"))

    assert said == [
        (
            "Dense 'dense'",
            "Dense 'dense' carries a dtype policy of Keras 2, which Keras 3.5.0 does not know",
        )
    ]


def test_keras_3_does_not_find_its_own_cast_in_hdf5() -> None:
    layer = make_layer("Cast", name="cast")

    said = say("EL112", seen_by("3.5.0", layer, kind="hdf5"))

    assert said == [("Cast 'cast'", "Cast 'cast' is a class that Keras 3.5.0 does not find in an .h5 file")]


def test_keras_3_knows_its_own_policies() -> None:
    layer = make_layer("Dense", name="dense", dtype=POLICY_3)

    assert say("EL112", seen_by("3.5.0", layer)) == []


def test_keras_2_knows_its_own_policies() -> None:
    layer = make_layer("Dense", name="dense", dtype=POLICY_2)

    assert say("EL112", seen_by("2.15.0", layer, writer="2.15.0")) == []


@pytest.mark.parametrize(("writer", "reader"), [("2.15.0", "3.5.0"), ("3.5.0", "2.15.0")])
def test_hard_sigmoid_is_another_function_across_the_generations(writer: str, reader: str) -> None:
    layer = make_layer("LSTM", name="lstm", activation="tanh", recurrent_activation="hard_sigmoid")

    said = say("EL113", seen_by(reader, layer, writer=writer))

    sentence = f"uses hard_sigmoid as recurrent_activation, which Keras {reader} defines differently"
    assert said == [("LSTM 'lstm'", f"LSTM 'lstm' {sentence}")]


@pytest.mark.parametrize("keras", [None, make_keras(Unknown("not named"), provider="tf-keras")])
def test_nothing_is_said_of_hard_sigmoid_to_a_keras_that_is_not_known(keras: object) -> None:
    layer = make_layer("Activation", name="gate", activation="hard_sigmoid")

    seen = make_comparison(content=make_content(layer), **make_reading(keras=keras))

    assert say("EL113", seen) == []


def test_hard_sigmoid_is_the_same_within_a_generation() -> None:
    layer = make_layer("Activation", name="gate", activation="hard_sigmoid")

    assert say("EL113", seen_by("3.15.1", layer)) == []


def test_other_activations_cross_the_generations() -> None:
    layer = make_layer("Activation", name="gate", activation="sigmoid")

    assert say("EL113", seen_by("3.5.0", layer, writer="2.15.0")) == []


def test_keras_before_2_11_does_not_know_the_optimizers_registered_anew() -> None:
    compiled = {"optimizer_config": {"class_name": "Custom>Adam", "config": {}}}

    said = say("EL117", seen_by("2.10.0", DENSE, kind="hdf5", writer="2.11.0", compiled=compiled))

    assert said == [
        ("Custom>Adam", "the optimizer is written as Custom>Adam, which Keras 2.10.0 does not know")
    ]


@pytest.mark.parametrize(("keras", "optimizer"), [("2.11.0", "Custom>Adam"), ("2.10.0", "Adam")])
def test_keras_knows_the_optimizers_of_its_time(keras: str, optimizer: str) -> None:
    compiled = {"optimizer_config": {"class_name": optimizer, "config": {}}}

    assert say("EL117", seen_by(keras, DENSE, kind="hdf5", writer="2.11.0", compiled=compiled)) == []


def test_a_vocabulary_is_not_in_an_hdf5_file() -> None:
    layer = make_layer("StringLookup", name="words", vocabulary=None)

    said = say("EL118", seen_by("3.5.0", layer, kind="hdf5"))

    assert said == [
        (
            "StringLookup 'words'",
            "StringLookup 'words' has no vocabulary in the file, and Keras 3.5.0 takes it from there",
        )
    ]


@pytest.mark.parametrize(
    ("keras", "kind", "vocabulary"),
    [("3.5.0", "hdf5", ["red", "green"]), ("3.5.0", "keras", None), ("2.15.0", "hdf5", None)],
)
def test_a_vocabulary_is_had_from_the_file_or_the_archive_or_keras_2(
    keras: str, kind: str, vocabulary: list[str] | None
) -> None:
    layer = make_layer("StringLookup", name="words", vocabulary=vocabulary)

    assert say("EL118", seen_by(keras, layer, kind=kind, writer="2.15.0")) == []


def test_keras_3_before_3_7_does_not_apply_a_normalization_from_hdf5() -> None:
    layer = make_layer("Normalization", name="scale", mean=None)

    said = say("EL119", seen_by("3.6.0", layer, kind="hdf5"))

    assert said == [
        (
            "Normalization 'scale'",
            "Keras 3.6.0 does not apply the mean and variance of Normalization 'scale' from an .h5 file",
        )
    ]


@pytest.mark.parametrize(
    ("keras", "kind", "mean"), [("3.7.0", "hdf5", None), ("3.6.0", "keras", None), ("3.6.0", "hdf5", [0.5])]
)
def test_a_normalization_is_applied_from_3_7_on_in_archives_and_from_its_settings(
    keras: str, kind: str, mean: list[float] | None
) -> None:
    layer = make_layer("Normalization", name="scale", mean=mean)

    assert say("EL119", seen_by(keras, layer, kind=kind)) == []


def test_attention_of_keras_2_4_does_not_record_the_shapes_that_2_8_needs() -> None:
    layer = make_layer("MultiHeadAttention", name="attention", num_heads=2)

    said = say("EL120", seen_by("2.8.0", layer, kind="hdf5", writer="2.4.0"))

    assert said == [
        (
            "MultiHeadAttention 'attention'",
            "MultiHeadAttention 'attention' does not record its shapes, and Keras 2.8.0 needs them",
        )
    ]


def test_attention_that_records_its_shapes_is_built() -> None:
    layer = make_layer("MultiHeadAttention", name="attention", query_shape=[None, 4, 8])

    assert say("EL120", seen_by("2.8.0", layer, kind="hdf5", writer="2.4.0")) == []


def test_attention_needs_no_shapes_before_2_8() -> None:
    layer = make_layer("MultiHeadAttention", name="attention", num_heads=2)

    assert say("EL120", seen_by("2.7.0", layer, kind="hdf5", writer="2.4.0")) == []


def test_keras_2_does_not_find_a_function_of_the_newer_form_in_hdf5() -> None:
    function = {"class_name": "function", "config": "swish_of_ours", "registered_name": "swish_of_ours"}
    layer = make_layer("Activation", name="gate", activation=function)

    said = say("EL121", seen_by("2.15.0", layer, kind="hdf5", writer="2.15.0"))

    assert said == [
        (
            "swish_of_ours",
            "swish_of_ours is a function, which Keras 2.15.0 does not find in an .h5 file",
        )
    ]


@pytest.mark.parametrize(("keras", "kind"), [("3.0.0", "hdf5"), ("2.15.0", "keras")])
def test_a_function_of_the_newer_form_is_found_by_keras_3_and_in_archives(keras: str, kind: str) -> None:
    layer = make_layer(
        "Activation", name="gate", activation={"class_name": "function", "config": "swish_of_ours"}
    )

    assert say("EL121", seen_by(keras, layer, kind=kind, writer="2.15.0")) == []


def test_a_built_in_activation_is_no_function_of_the_user() -> None:
    layer = make_layer("Activation", name="gate", activation="relu")

    assert say("EL121", seen_by("2.15.0", layer, kind="hdf5", writer="2.15.0")) == []
