from __future__ import annotations

from typing import Any

import pytest
from judged import (
    in_hdf5,
    make_artifact,
    make_comparison,
    make_content,
    make_dense,
    make_fingerprint,
    make_functional,
    make_input,
    make_keras,
    make_layer,
    make_reading,
    say,
)

from envlock.facts import KERAS_LOADER, WEIGHTS_LOADER, Python, TensorSpec, Unknown
from envlock.knowledge import Comparison, Finding, explain, judge
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import release

# The beginning of `lambda x: x * 2.5 + 1.0`, compiled by Python 3.11.
CODE = "4wEAAAAAAAAAAAAAAAIAAAATAAAA8xIAAACXAHwAZAF6BQAAZAJ6AAAAUwApA07nAAAAAAAAAEBn"
BYTECODE = make_layer(
    "Lambda",
    name="squeeze",
    function={"class_name": "__lambda__", "config": {"code": CODE, "defaults": None, "closure": None}},
    arguments={},
)
LEGACY_BYTECODE = make_layer("Lambda")
LEGACY_BYTECODE["config"] |= {
    "name": "squeeze",
    "function": [CODE, None, None],
    "function_type": "lambda",
    "module": "mine",
    "output_shape": None,
    "output_shape_type": "raw",
    "output_shape_module": None,
    "arguments": {},
}
POLICY_2 = make_layer("Policy", "keras.mixed_precision", name="mixed_float16")
POLICY_3 = make_layer("DTypePolicy", "keras", name="mixed_float16")
MOVING = {"name": "flip", "trainable": True, "dtype": "float32", "mode": "horizontal", "seed": 1}


def seen_by(
    keras: str, *layers: dict[str, Any], kind: str = "keras", writer: str = "3.5.0", compiled: Any = None
) -> Comparison:
    """A model of these layers that `writer` wrote, in front of that Keras."""
    content = make_content(make_input(writer), *layers, compile_config=compiled)
    is_three = release(keras) >= (3,)
    return make_comparison(
        artifact=make_artifact(kind, writer),
        content=in_hdf5(content) if kind == "hdf5" else content,
        **make_reading(keras, "2.17.0" if is_three else keras),
    )


def python(version: str, *layers: dict[str, Any]) -> Comparison:
    """A model saved under Python 3.11.7, in front of that Python."""
    current = make_fingerprint(python=Python(version=version, implementation="cpython"))
    return make_comparison(content=make_content(make_input(), *layers), current=current)


def compiled_with(**settings: Any) -> dict[str, Any]:
    """The settings of an HDF5 file."""
    optimizer = {
        "class_name": "SGD",
        "config": {"name": "SGD", "learning_rate": 0.01},
    }
    given = {"loss": None, "metrics": None, "weighted_metrics": None, "loss_weights": None}
    return given | {"optimizer_config": optimizer} | settings


def codes(seen: Comparison) -> list[str]:
    """What keeps `load_model` from the model."""
    told = [item for item in judge(seen) if KERAS_LOADER in item.loaders]
    return [item.code for item in told if item.code.startswith("EL1")]


def test_an_older_keras_does_not_accept_a_key_of_a_newer_one() -> None:
    layer = make_layer("RandomFlip", **MOVING, data_format=None)

    said = say("EL108", seen_by("3.5.0", layer, writer="3.6.0"))

    assert said == [
        ("RandomFlip 'flip'", "RandomFlip 'flip' carries `data_format`, which Keras 3.5.0 does not accept")
    ]


def test_keras_3_does_not_find_a_class_that_it_dropped() -> None:
    layer = make_layer("ThresholdedReLU", name="relu", theta=1.0)

    said = say("EL123", seen_by("3.5.0", layer, kind="hdf5", writer="2.15.0"))

    assert said == [
        (
            "ThresholdedReLU 'relu'",
            "ThresholdedReLU 'relu' is a class that Keras 3.5.0 does not find in an .h5 file",
        ),
    ]


def test_the_same_object_is_told_of_once() -> None:
    layer = make_layer("RandomFlip", **MOVING, data_format=None)

    said = say("EL108", seen_by("3.5.0", layer, layer, writer="3.6.0"))

    assert said == [
        ("RandomFlip 'flip'", "RandomFlip 'flip' carries `data_format`, which Keras 3.5.0 does not accept")
    ]


def test_a_key_is_accepted_from_its_first_release_on() -> None:
    layer = make_layer("RandomFlip", **MOVING, data_format=None)

    assert codes(seen_by("3.6.0", layer, writer="3.6.0")) == []


def test_a_release_candidate_accepts_what_its_release_does() -> None:
    layer = make_layer("RandomFlip", **MOVING, data_format=None)

    assert codes(seen_by("3.6.0rc1", layer, writer="3.6.0")) == []


def test_a_file_of_keras_3_carries_keys_that_keras_2_does_not_accept() -> None:
    said = say("EL108", seen_by("2.15.0", make_dense("3.6.0"), writer="3.6.0"))

    assert said[0] == (
        "InputLayer 'features'",
        "InputLayer 'features' carries `batch_shape`, which Keras 2.15.0 does not accept",
    )


def test_of_some_keras_3_what_holds_for_the_newest_is_said() -> None:
    current = make_layer("RandomFlip", **MOVING, data_format=None)
    strange = make_layer("Dense", name="dense", units=2, twist=1)
    reader = make_reading(keras=make_keras(Unknown("the list names no Keras")))

    seen = [
        make_comparison(content=make_content(make_input(), layer), **reader) for layer in (current, strange)
    ]

    assert [[subject for subject, _ in say("EL108", one)] for one in seen] == [[], ["Dense 'dense'"]]


def test_safe_mode_refuses_bytecode_in_an_archive() -> None:
    said = say("EL109", seen_by("3.5.0", make_dense(), BYTECODE))

    assert said == [
        ("Lambda 'squeeze'", "Lambda 'squeeze' holds bytecode, which Keras 3.5.0 refuses in safe mode")
    ]


def test_what_safe_mode_refuses_can_be_allowed() -> None:
    (found,) = judge(seen_by("3.5.0", make_dense(), BYTECODE))[:1]

    assert (found.code, found.avoided_by, found.remedy) == (
        "EL109",
        "safe_mode=False",
        "pass safe_mode=False if you trust the file, or save a named function instead",
    )


def test_safe_mode_refuses_bytecode_in_hdf5_from_3_11_3_on() -> None:
    said = say("EL109", seen_by("3.11.3", LEGACY_BYTECODE, kind="hdf5", writer="2.15.0"))

    assert said == [
        ("Lambda 'squeeze'", "Lambda 'squeeze' holds bytecode, which Keras 3.11.3 refuses in safe mode")
    ]


@pytest.mark.parametrize("reader", ["2.12.0", "2.13.1"])
def test_safe_mode_came_with_the_archives(reader: str) -> None:
    said = say("EL109", seen_by(reader, LEGACY_BYTECODE, writer="2.12.0"))

    assert said == [
        ("Lambda 'squeeze'", f"Lambda 'squeeze' holds bytecode, which Keras {reader} refuses in safe mode")
    ]


@pytest.mark.parametrize("reader", ["3.11.2", "2.12.0", "2.15.0"])
def test_bytecode_is_taken_from_hdf5_before_safe_mode_reached_it(reader: str) -> None:
    assert codes(seen_by(reader, LEGACY_BYTECODE, kind="hdf5", writer="2.12.0")) == []


def test_a_lambda_layer_of_a_named_function_holds_no_bytecode() -> None:
    layer = make_layer("Lambda", name="squeeze", function="squeeze", function_type="function")

    assert say("EL109", seen_by("3.5.0", layer)) == []


def test_bytecode_is_not_judged_for_a_python_that_is_not_known() -> None:
    current = make_fingerprint(python=Unknown("the list names no Python"))
    content = make_content(make_input(), BYTECODE)

    assert say("EL110", make_comparison(content=content, current=current)) == []


@pytest.mark.parametrize("version", ["3.10.12", "3.13.0"])
def test_bytecode_of_another_python_does_not_run(version: str) -> None:
    said = say("EL110", python(version, BYTECODE))

    assert said == [
        (
            "Lambda 'squeeze'",
            f"Lambda 'squeeze' holds bytecode of Python 3.11 to 3.12, the target has {version}",
        )
    ]


@pytest.mark.parametrize("version", ["3.11.9", "3.12.1"])
def test_bytecode_runs_in_pythons_of_its_family(version: str) -> None:
    assert say("EL110", python(version, BYTECODE)) == []


def test_another_python_does_not_matter_without_bytecode() -> None:
    assert say("EL110", python("3.13.0", make_dense())) == []


@pytest.mark.parametrize("loss", ["mse", "mae"])
def test_an_hdf5_file_names_its_loss_by_an_alias_that_keras_3_does_not_find(loss: str) -> None:
    seen = seen_by(
        "3.5.0", make_dense("2.15.0"), kind="hdf5", writer="2.15.0", compiled=compiled_with(loss=loss)
    )

    (found,) = [finding for finding in judge(seen) if finding.code == "EL111"]

    assert (found.subject, found.avoided_by) == (loss, "compile=False")
    assert found.message == f"the loss {loss!r} is an alias, which Keras 3.5.0 does not find in an .h5 file"


def test_a_metric_by_an_alias_stands_for_a_class_that_keras_3_finds() -> None:
    settings = compiled_with(metrics=[["mae", "mse"]])

    seen = seen_by("3.5.0", make_dense("2.15.0"), kind="hdf5", writer="2.15.0", compiled=settings)

    assert codes(seen) == []


@pytest.mark.parametrize(
    ("keras", "kind", "loss"),
    [("2.15.0", "hdf5", "mse"), ("3.5.0", "keras", "mse"), ("3.5.0", "hdf5", "mean_squared_error")],
)
def test_losses_are_found_by_keras_2_in_archives_and_under_long_names(
    keras: str, kind: str, loss: str
) -> None:
    settings = compiled_with(loss=loss) if kind == "hdf5" else {"loss": loss}
    seen = seen_by(keras, make_dense("2.15.0"), kind=kind, writer="2.15.0", compiled=settings)

    assert codes(seen) == []


def test_keras_3_does_not_know_the_policies_of_keras_2() -> None:
    said = say("EL112", seen_by("3.5.0", make_dense("2.15.0", dtype=POLICY_2), writer="2.15.0"))

    assert said == [
        (
            "Dense 'dense'",
            "Dense 'dense' carries the dtype policy Policy, which Keras 3.5.0 does not know",
        )
    ]


def test_keras_3_does_not_find_its_own_cast_in_hdf5() -> None:
    cast = make_layer("Cast", name="cast", dtype="float16")
    content = make_functional(make_input(), cast, make_dense(dtype=POLICY_3))

    seen = make_comparison(artifact=make_artifact("hdf5"), content=in_hdf5(content))

    assert say("EL123", seen) == [
        ("Cast 'cast'", "Cast 'cast' is a class that Keras 3.5.0 does not find in an .h5 file")
    ]


def test_keras_3_knows_its_own_policies() -> None:
    assert codes(seen_by("3.5.0", make_dense(dtype=POLICY_3))) == []


def test_keras_2_knows_its_own_policies() -> None:
    assert codes(seen_by("2.15.0", make_dense("2.15.0", dtype=POLICY_2), writer="2.15.0")) == []


def test_hard_sigmoid_of_keras_2_is_another_function_in_keras_3() -> None:
    layer = make_layer("LSTM", name="lstm", units=2, activation="tanh", recurrent_activation="hard_sigmoid")

    said = say("EL113", seen_by("3.5.0", layer, writer="2.15.0"))

    sentence = "uses hard_sigmoid as recurrent_activation, which Keras 3.5.0 defines anew"
    assert said == [("LSTM 'lstm'", f"LSTM 'lstm' {sentence}")]


@pytest.mark.parametrize(("writer", "reader"), [("2.15.0", "3.5.0"), ("3.5.0", "2.15.0")])
def test_weights_of_hard_sigmoid_compute_otherwise_in_the_other_generation(writer: str, reader: str) -> None:
    layer = make_dense(writer, activation="hard_sigmoid")

    found = judge(seen_by(reader, layer, kind="hdf5", writer=writer))

    assert [item.code for item in found if WEIGHTS_LOADER in item.loaders and item.code == "EL113"]


@pytest.mark.parametrize("keras", [None, make_keras(Unknown("not named"), provider="tf-keras")])
def test_nothing_is_said_of_hard_sigmoid_to_a_keras_that_is_not_known(keras: object) -> None:
    layer = make_layer("Activation", name="gate", activation="hard_sigmoid")
    content = make_content(make_input("2.15.0"), layer)

    seen = make_comparison(
        artifact=make_artifact(keras_version="2.15.0"), content=content, **make_reading(keras=keras)
    )

    assert say("EL113", seen) == []


def test_hard_sigmoid_is_the_same_within_a_generation() -> None:
    layer = make_layer("Activation", name="gate", activation="hard_sigmoid")

    assert say("EL113", seen_by("3.15.1", layer)) == []


def test_other_activations_cross_the_generations() -> None:
    layer = make_layer("Activation", name="gate", activation="sigmoid")

    assert codes(seen_by("3.5.0", layer, writer="2.15.0")) == []


ADAM = {"name": "Adam", "learning_rate": 0.001, "is_legacy_optimizer": False}


def test_keras_before_2_11_does_not_know_the_optimizers_registered_anew() -> None:
    settings = compiled_with(optimizer_config={"class_name": "Custom>Adafactor", "config": ADAM})
    seen = seen_by("2.10.0", make_dense("2.11.0"), kind="hdf5", writer="2.11.0", compiled=settings)

    (found,) = [finding for finding in judge(seen) if finding.code == "EL117"]

    assert (found.subject, found.avoided_by) == ("Custom>Adafactor", "compile=False")
    assert found.message == (
        "Custom>Adafactor is the optimizer that the model was compiled with, "
        "and Keras 2.10.0 does not have it"
    )


@pytest.mark.parametrize(
    ("keras", "optimizer", "told"),
    [
        ("2.7.0", "Adam", ["EL117"]),
        ("2.10.0", "Adam", []),
        ("2.10.0", "Lion", ["EL117"]),
        ("2.13.1", "Lion", []),
    ],
)
def test_optimizers_were_registered_anew_one_after_the_other(
    keras: str, optimizer: str, told: list[str]
) -> None:
    settings = compiled_with(optimizer_config={"class_name": f"Custom>{optimizer}", "config": ADAM})

    seen = seen_by(keras, make_dense("2.7.0"), kind="hdf5", writer="2.11.0", compiled=settings)

    assert [code for code in codes(seen) if code == "EL117"] == told


@pytest.mark.parametrize(("keras", "optimizer"), [("2.11.0", "Custom>Adam"), ("2.10.0", "Adam")])
def test_keras_knows_the_optimizers_of_its_time(keras: str, optimizer: str) -> None:
    settings = compiled_with(optimizer_config={"class_name": optimizer, "config": {"name": "Adam"}})

    assert codes(seen_by(keras, make_dense(keras), kind="hdf5", writer=keras, compiled=settings)) == []


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


def test_keras_3_before_3_6_does_not_apply_a_normalization_from_hdf5() -> None:
    layer = make_layer("Normalization", name="scale", axis=[-1], mean=None, variance=None)

    said = say("EL119", seen_by("3.5.0", layer, kind="hdf5"))

    assert said == [
        (
            "Normalization 'scale'",
            "Normalization 'scale' has a learnt mean, which Keras 3.5.0 does not apply from .h5",
        )
    ]


@pytest.mark.parametrize(
    ("keras", "kind", "mean"), [("3.6.0", "hdf5", None), ("3.5.0", "keras", None), ("3.5.0", "hdf5", [0.5])]
)
def test_a_normalization_is_applied_from_3_6_on_in_archives_and_from_its_settings(
    keras: str, kind: str, mean: list[float] | None
) -> None:
    layer = make_layer("Normalization", name="scale", axis=[-1], mean=mean, variance=mean)

    assert say("EL119", seen_by(keras, layer, kind=kind)) == []


ATTENTION = {"name": "attention", "num_heads": 2, "key_dim": 4}
SHAPES = {key: [None, 4, 8] for key in ("query_shape", "key_shape", "value_shape")}


def test_attention_of_keras_2_4_does_not_record_the_shapes_that_2_8_needs() -> None:
    layer = make_layer("MultiHeadAttention", **ATTENTION)

    said = say("EL124", seen_by("2.8.0", layer, kind="hdf5", writer="2.4.0"))

    missing = "`key_shape`, `query_shape` and `value_shape`, which Keras 2.8.0 needs"
    assert said == [
        ("MultiHeadAttention 'attention'", f"MultiHeadAttention 'attention' does not carry {missing}")
    ]


def test_attention_that_records_its_shapes_is_built() -> None:
    layer = make_layer("MultiHeadAttention", **ATTENTION, **SHAPES)

    assert codes(seen_by("2.8.0", layer, kind="hdf5", writer="2.8.0")) == []


def test_attention_needs_no_shapes_where_it_records_none() -> None:
    layer = make_layer("MultiHeadAttention", **ATTENTION)

    assert codes(seen_by("2.4.0", layer, kind="hdf5", writer="2.4.0")) == []


SWISH_OF_OURS = {
    "module": "builtins",
    "class_name": "function",
    "config": "swish_of_ours",
    "registered_name": "function",
}


@pytest.mark.parametrize("keras", ["2.12.0", "2.15.0"])
def test_keras_2_does_not_find_a_function_of_the_newer_form_in_hdf5(keras: str) -> None:
    layer = make_dense("2.15.0", name="gate", activation=SWISH_OF_OURS)

    said = say("EL121", seen_by(keras, layer, kind="hdf5", writer="2.15.0"))

    form = f"written as an object, which Keras {keras} does not resolve there"
    assert said == [("swish_of_ours", f"Dense 'gate' asks for the function swish_of_ours, {form}")]


@pytest.mark.parametrize(("keras", "kind"), [("3.0.0", "hdf5"), ("2.15.0", "keras")])
def test_a_function_of_the_newer_form_is_found_by_keras_3_and_in_archives(keras: str, kind: str) -> None:
    layer = make_layer("Activation", name="gate", activation=SWISH_OF_OURS)

    assert say("EL121", seen_by(keras, layer, kind=kind, writer="2.15.0")) == []


def test_a_built_in_activation_is_no_function_of_the_user() -> None:
    layer = make_layer("Activation", name="gate", activation="relu")

    assert codes(seen_by("2.15.0", layer, kind="hdf5", writer="2.15.0")) == []


def compiled_by(optimizer: dict[str, Any], reader: str, writer: str = "3.5.0") -> list[tuple[str, str, str]]:
    """What is said of an optimizer in the compile settings of an archive: code, message, error."""
    seen = seen_by(reader, make_dense(writer), writer=writer, compiled={"optimizer": optimizer})
    return [
        (item.code, item.message, item.error)
        for item in judge(seen)
        if item.avoided_by == "compile=False" and item.code != "EL108"
    ]


@pytest.mark.parametrize(
    ("reader", "error"),
    [
        ("3.5.0", "TypeError: Unable to reconstruct an instance of 'Adam' because the class is missing a"),
        ("3.15.1", "ValueError: Could not deserialize 'keras.optimizers.legacy.Adam' because it is not a "),
    ],
)
def test_keras_3_has_only_the_names_of_legacy_optimizers(reader: str, error: str) -> None:
    legacy = make_layer("Adam", "keras.optimizers.legacy", name="Adam") | {"registered_name": "Adam"}

    ((code, message, said),) = compiled_by(legacy, reader, "2.15.0")

    assert (code, said.startswith(error)) == ("EL123", True)
    assert message == (
        "the compile settings asks for Adam of keras.optimizers.legacy, "
        f"which Keras {reader} does not have there"
    )


@pytest.mark.parametrize(("reader", "expected"), [("3.10.0", []), ("3.11.3", ["EL123"])])
def test_a_schedule_by_its_private_module_is_refused_since_3_11(reader: str, expected: list[str]) -> None:
    module = "keras.src.optimizers.schedules.learning_rate_schedule"
    rate = make_layer("CosineDecay", module, initial_learning_rate=0.1, decay_steps=9)
    optimizer = make_layer("SGD", "keras.optimizers", learning_rate=rate | {"registered_name": "CosineDecay"})

    assert [code for code, _, _ in compiled_by(optimizer, reader)] == expected


@pytest.mark.parametrize(("reader", "expected"), [("3.10.0", []), ("3.11.3", ["EL121"])])
def test_a_function_that_fetches_files_is_not_called_while_loading(reader: str, expected: list[str]) -> None:
    function = {"module": "keras.utils", "class_name": "function", "config": "get_file"}
    fetching = make_layer("Lambda", name="fetch", function=function | {"registered_name": "get_file"})

    said = [item for item in judge(seen_by(reader, fetching)) if item.code == "EL121"]

    assert [item.code for item in said] == expected
    assert [item.message.partition(" names ")[2] for item in said] == [
        f"get_file of keras.utils, which Keras {reader} does not call while it loads" for _ in expected
    ]


@pytest.mark.parametrize("reader", ["3.2.1", "3.3.3"])
def test_before_3_3_nothing_avoids_the_compile_settings_of_an_h5_file(reader: str) -> None:
    seen = seen_by(
        reader, make_dense("2.15.0"), kind="hdf5", writer="2.15.0", compiled=compiled_with(loss="mse")
    )

    (found,) = [item for item in judge(seen) if item.code == "EL111"]

    assert found.avoided_by == ("" if reader == "3.2.1" else "compile=False")


@pytest.mark.parametrize(
    ("writer", "reader", "what"),
    [("2.15.0", "3.5.0", "arrays of NumPy"), ("3.5.0", "3.7.0", "arrays of objects")],
)
def test_text_from_numpy_is_noted(writer: str, reader: str, what: str) -> None:
    words = make_input(writer, name="words", dtype="string")
    seen = make_comparison(
        artifact=make_artifact("keras", writer), content=make_content(words), **make_reading(reader)
    )

    assert say("EL136", seen) == [
        ("InputLayer 'words'", f"InputLayer 'words' takes text, and predict() of Keras {reader} no {what}")
    ]


@pytest.mark.parametrize(("writer", "reader"), [("3.3.3", "3.6.0"), ("3.7.0", "3.15.1"), ("2.4.0", "2.15.0")])
def test_text_that_is_taken_as_before_is_not_noted(writer: str, reader: str) -> None:
    words = make_input(writer, name="words", dtype="string")
    seen = make_comparison(
        artifact=make_artifact("keras", writer), content=make_content(words), **make_reading(reader)
    )

    assert say("EL136", seen) == []


def with_arrays(writer: str, reader: str, **arrays: str) -> Comparison:
    """An archive that holds these arrays, each of a type."""
    specs = tuple(TensorSpec(name=name, shape=(2,), dtype=dtype) for name, dtype in arrays.items())
    content = make_content(make_input(writer), weights=specs)
    return make_comparison(artifact=make_artifact("keras", writer), content=content, **make_reading(reader))


NESTED = "layers/gate/blocks/container_1/dense/vars/0"


@pytest.mark.parametrize(
    ("writer", "reader", "name", "dtype", "expected"),
    [
        ("3.15.1", "3.14.1", NESTED, "float32", ["EL107"]),
        ("3.12.4", "3.13.2", NESTED, "float32", ["EL107"]),
        ("3.15.1", "3.12.4", NESTED, "float32", []),
        ("3.5.0", "3.14.1", NESTED, "float32", []),
        ("3.15.1", "3.14.1", "layers/gate/my_container/vars/0", "float32", []),
        ("3.1.1", "3.0.4", "layers/dense/vars/0", "bfloat16", ["EL128"]),
        ("3.1.1", "3.0.5", "layers/dense/vars/0", "bfloat16", []),
    ],
)
def test_arrays_that_a_release_does_not_look_for_or_read(
    writer: str, reader: str, name: str, dtype: str, expected: list[str]
) -> None:
    found = judge(with_arrays(writer, reader, **{name: dtype}))

    assert [item.code for item in found if item.subject == name] == expected


def told(code: str, error: str) -> Finding:
    """The finding that a rule makes of a walk's problem with this error."""
    problem = Problem(code=code, subject="layer", message="it fails", error=error)
    return next(explain(code).findings(make_comparison(problems=(problem,))))


def test_a_mask_that_an_older_numpy_makes_is_mended_by_that() -> None:
    assert told("EL129", "module 'numpy' has no attribute 'bool'").remedy.startswith("install numpy<1.24")
    assert "numpy" not in told("EL129", "ValueError").remedy


def test_a_load_that_does_not_end_says_nothing() -> None:
    assert told("EL127", "the process ended").error.startswith("nothing: load_model does not come back")
