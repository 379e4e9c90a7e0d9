from __future__ import annotations

import base64
from typing import Any

import pytest
from judged import (
    make_artifact,
    make_comparison,
    make_content,
    make_fingerprint,
    make_keras,
    make_layer,
    make_tensorflow,
)

from envlock.facts import KERAS_LOADER, Content, Device, Gpu, Python, TensorSpec
from envlock.knowledge import releases
from envlock.knowledge.loading import keras2
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import Comparison
from envlock.values import replace

PYTHON_39 = "4wEAAAAAAAAAAAAAAAEAAAACAAAAUwAAAHMMAAAAfABkARQAZAIXAFMAKQNO5wAA"
PYTHON_311 = "4wEAAAAAAAAAAAAAAAIAAAATAAAA8xIAAACXAHwAZAF6BQAAZAJ6AAAAUwApA07n"

DENSE = make_layer("Dense", name="dense", units=2)
INPUT = make_layer("InputLayer", name="in", batch_input_shape=[None, 4], dtype="float32")


def seen_by(
    reader: str,
    *layers: dict[str, Any],
    writer: str = "2.15.0",
    tensorflow: str = "",
    provider: str = "keras",
    **facts: Any,
) -> Comparison:
    """A Sequential of these layers that `writer` wrote, in front of that release."""
    facts = {"content": make_content(*layers)} | facts
    current = make_fingerprint(
        keras=make_keras(reader, provider=provider), tensorflow=make_tensorflow(tensorflow or reader)
    )
    kind = facts.pop("kind", "hdf5")
    return make_comparison(artifact=make_artifact(kind, writer), current=current, **facts)


def problems(seen: Comparison, provider: str = "keras") -> list[Problem]:
    api = releases.keras("tensorflow" if seen.reader < (2, 6) else provider, seen.reader)
    assert api is not None
    walk = keras2.archive if seen.artifact.format == "keras" else keras2.hdf5
    return list(walk(seen, api))


def told(seen: Comparison, provider: str = "keras") -> list[tuple[str, str]]:
    """The codes and what Keras would say."""
    return [(problem.code, problem.error) for problem in problems(seen, provider)]


def codes(seen: Comparison, provider: str = "keras") -> list[str]:
    return [problem.code for problem in problems(seen, provider)]


def compiled(*layers: dict[str, Any], **settings: Any) -> Content:
    given = {"optimizer_config": {"class_name": "SGD", "config": {}}, "loss": None, "loss_weights": None}
    return make_content(*layers, compile_config=given | settings)


def make_lambda(code: str) -> dict[str, Any]:
    """A Lambda layer as Keras 2 writes it, with the beginning of its bytecode."""
    config = {"name": "squeeze", "function": [code, None, None], "function_type": "lambda", "module": "mine"}
    output: dict[str, Any] = {
        "output_shape": None,
        "output_shape_type": "raw",
        "output_shape_module": None,
        "arguments": {},
    }
    return {"class_name": "Lambda", "config": config | output}


def optimizer(name: str, **config: Any) -> Content:
    return compiled(INPUT, DENSE, optimizer_config={"class_name": name, "config": config})


@pytest.mark.parametrize("reader", ["2.4.0", "2.8.0", "2.12.0", "2.15.0"])
def test_a_plain_model_loads(reader: str) -> None:
    assert problems(seen_by(reader, INPUT, DENSE)) == []


def test_a_key_of_a_newer_release_is_refused() -> None:
    pool = make_layer("GlobalAveragePooling2D", name="pool", data_format="channels_last", keepdims=False)

    (found,) = problems(seen_by("2.4.0", INPUT, pool))

    assert found.code == "EL108"
    assert found.message == (
        "GlobalAveragePooling2D 'pool' carries `keepdims`, which Keras 2.4.0 does not accept"
    )


def test_a_file_of_keras_3_fails_at_its_inputs() -> None:
    given = make_layer("InputLayer", name="in", batch_shape=[None, 4], dtype="float32")

    assert codes(seen_by("2.15.0", given, DENSE, writer="3.5.0")) == ["EL108"]


def test_a_key_that_an_older_release_did_not_write_is_missed() -> None:
    attention = make_layer("MultiHeadAttention", name="mha", num_heads=2, key_dim=4)

    assert codes(seen_by("2.8.0", INPUT, attention, writer="2.4.0")) == ["EL124"]


def test_a_class_of_a_newer_release_is_unknown() -> None:
    noop = make_layer("Identity", name="noop")

    assert told(seen_by("2.10.0", INPUT, noop)) == [("EL123", "Unknown layer: Identity")]


def test_an_activation_of_a_newer_release_is_unknown() -> None:
    dense = make_layer("Dense", name="dense", units=2, activation="mish")

    assert told(seen_by("2.10.0", INPUT, dense)) == [("EL123", "Unknown activation function: mish")]


def test_code_of_the_users_is_supposed_to_be_found() -> None:
    gate = make_layer("Gate", module="mine", name="gate")

    assert codes(seen_by("2.15.0", INPUT, gate)) == []


def test_code_of_the_users_that_is_missing_is_asked_for() -> None:
    gate = {"class_name": "Gate", "config": {"name": "gate"}}

    assert told(seen_by("2.10.0", INPUT, gate, is_code_missing=True)) == [("EL201", "Unknown layer: Gate")]


def test_a_function_of_the_users_in_a_slot_is_asked_for() -> None:
    dense = make_layer("Dense", name="dense", units=2, activation="my_bend")

    assert codes(seen_by("2.10.0", INPUT, dense, is_code_missing=True)) == ["EL201"]
    assert codes(seen_by("2.10.0", INPUT, dense)) == []


def test_a_function_written_as_an_object_is_not_resolved_in_hdf5() -> None:
    bend = {"module": "builtins", "class_name": "function", "config": "bend", "registered_name": "function"}
    dense = make_layer("Dense", name="dense", units=2, activation=bend)

    assert codes(seen_by("2.15.0", INPUT, dense)) == ["EL121"]
    assert codes(seen_by("2.15.0", INPUT, dense, kind="keras")) == []


def test_a_policy_of_keras_3_is_unknown() -> None:
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}}
    model = {"class_name": "Mine", "module": "mine", "registered_name": "Mine", "config": {"dtype": policy}}
    content = Content(config=model, compile_config=None)

    assert "EL112" in codes(seen_by("2.15.0", writer="3.15.0", content=content, kind="keras"))


def test_a_policy_of_keras_2_is_understood() -> None:
    policy = {"class_name": "Policy", "config": {"name": "mixed_float16"}}
    dense = make_layer("Dense", name="dense", units=2, dtype=policy)

    assert codes(seen_by("2.10.0", INPUT, dense)) == []


def test_archives_are_unknown_before_2_12() -> None:
    assert codes(seen_by("2.11.0", INPUT, DENSE, kind="keras")) == ["EL102"]


@pytest.mark.parametrize(
    ("reader", "provider", "module", "error"),
    [
        ("2.13.1", "keras", "keras.engine.functional", "keras.engine.functional cannot be imported"),
        ("2.15.0", "keras", "tf_keras.src.engine.functional", "tf_keras.src.engine.functional cannot"),
        ("2.16.0", "tf-keras", "keras.src.models.functional", "tf_keras.src.models.functional cannot"),
    ],
)
def test_a_model_of_a_module_that_the_reader_does_not_have_is_not_found(
    reader: str, provider: str, module: str, error: str
) -> None:
    model = make_layer("Functional", module=module, name="model", layers=[])
    content = Content(config=model, compile_config=None)
    seen = seen_by(reader, writer=reader, content=content, kind="keras", provider=provider)

    (found,) = problems(seen, provider)

    assert found.code == "EL106"
    assert error in found.error


def test_tf_keras_reads_the_module_of_keras_2_15() -> None:
    model = make_layer("Functional", module="keras.src.engine.functional", name="model", layers=[])
    content = Content(config=model, compile_config=None)
    seen = seen_by("2.16.0", content=content, kind="keras", provider="tf-keras")

    assert problems(seen, "tf-keras") == []


@pytest.mark.parametrize(
    ("writer", "reader"), [("2.14.0", "2.15.0"), ("2.15.0", "2.13.1"), ("2.12.0", "2.15.0")]
)
def test_weights_lie_elsewhere_across_2_15(writer: str, reader: str) -> None:
    assert codes(seen_by(reader, INPUT, DENSE, writer=writer, kind="keras")) == ["EL107"]


def test_weights_of_a_repeated_class_are_numbered_otherwise_before_2_14() -> None:
    twice = (INPUT, DENSE, make_layer("Dense", name="dense_1", units=2))

    assert codes(seen_by("2.14.0", *twice, writer="2.13.1", kind="keras")) == ["EL107"]
    assert codes(seen_by("2.14.0", INPUT, DENSE, writer="2.13.1", kind="keras")) == []


def test_a_model_without_weights_is_not_looked_for_elsewhere() -> None:
    flat = make_layer("Flatten", name="flat")

    assert codes(seen_by("2.15.0", INPUT, flat, writer="2.14.0", kind="keras")) == []


def test_a_subclassed_model_of_keras_3_keeps_its_weights_as_2_13_does() -> None:
    model = {"class_name": "Mine", "module": "mine", "registered_name": "Mine", "config": {"units": 4}}
    held = (TensorSpec(name="layers/dense_1/vars/0", shape=(4, 2), dtype="float32"),)
    content = Content(config=model, compile_config=None, weights=held)

    def by(reader: str) -> list[str]:
        return codes(seen_by(reader, writer="3.5.0", content=content, kind="keras"))

    assert [by("2.13.1"), by("2.14.0"), by("2.15.0")] == [[], ["EL107"], ["EL107"]]


@pytest.mark.parametrize(
    ("names", "codes_there"),
    [
        (["dense", "dense_1", "conv2d"], []),
        (["dense", "dense_2"], ["EL107"]),
        (["conv2d"], []),
    ],
)
def test_a_subclassed_model_whose_layers_were_counted_once_is_read_by_2_14(
    names: list[str], codes_there: list[str]
) -> None:
    model = {"class_name": "Mine", "module": "mine", "registered_name": "Mine", "config": {"units": 4}}
    held = tuple(TensorSpec(name=f"layers/{name}/vars/0", shape=(4, 2), dtype="float32") for name in names)
    content = Content(config=model, compile_config=None, weights=held)

    assert codes(seen_by("2.14.0", writer="2.13.1", content=content, kind="keras")) == codes_there
    assert codes(seen_by("2.13.1", writer="2.14.0", content=content, kind="keras")) == codes_there


def test_a_subclassed_model_has_no_layers_to_take_weights_from_hdf5() -> None:
    content = Content(config={"class_name": "Mine", "config": {"units": 4}}, compile_config=None)

    assert codes(seen_by("2.15.0", writer="3.5.0", content=content)) == ["EL128"]


def test_bytecode_is_refused_in_the_safe_mode_of_archives_alone() -> None:
    squeeze = make_lambda(PYTHON_311)

    (found,) = problems(seen_by("2.15.0", INPUT, squeeze, kind="keras"))

    assert (found.code, found.avoided_by) == ("EL109", "safe_mode=False")
    assert problems(seen_by("2.15.0", INPUT, squeeze)) == []


def test_bytecode_of_another_python_is_told_by_its_beginning() -> None:
    (found,) = problems(seen_by("2.15.0", INPUT, make_lambda(PYTHON_39), writer="2.10.0"))

    assert found.code == "EL110"
    assert found.message == "Lambda 'squeeze' holds bytecode of Python 3.8 to 3.10, the target has 3.11"


def test_bytecode_of_the_same_family_is_read() -> None:
    seen = seen_by("2.10.0", INPUT, make_lambda(PYTHON_39), writer="2.4.0")
    current = replace(seen.current, python=Python(version="3.9.18", implementation="cpython"))

    assert codes(replace(seen, current=current)) == []


def test_an_optimizer_that_was_registered_anew_is_unknown_before() -> None:
    seen = seen_by("2.4.0", content=optimizer("Custom>Adam", learning_rate=0.1, is_legacy_optimizer=False))

    (found,) = problems(seen)

    assert (found.code, found.avoided_by) == ("EL117", "compile=False")
    assert found.error == "Unknown optimizer: Custom>Adam"


def test_the_experimental_optimizer_of_2_10_refuses_weight_decay() -> None:
    content = optimizer("Custom>Adam", weight_decay=None, is_legacy_optimizer=False)

    assert codes(seen_by("2.10.0", content=content)) == ["EL108"]
    assert codes(seen_by("2.12.0", content=content)) == []


def test_an_optimizer_of_before_2_11_stays_one() -> None:
    content = optimizer("Adam", learning_rate=0.1, decay=0.0)

    assert codes(seen_by("2.10.0", content=content)) == []
    assert codes(seen_by("2.15.0", content=content)) == []


def test_a_loss_of_the_users_that_is_missing_is_avoided_by_not_compiling() -> None:
    seen = seen_by("2.15.0", content=compiled(INPUT, DENSE, loss="my_loss"), is_code_missing=True)

    (found,) = problems(seen)

    assert (found.code, found.avoided_by) == ("EL201", "compile=False")


def test_losses_by_short_names_are_found() -> None:
    content = compiled(INPUT, DENSE, loss={"a": "mse", "b": ["mae"]}, metrics=["accuracy", "mse"])

    assert codes(seen_by("2.15.0", content=content)) == []


def test_a_function_of_tensorflows_that_the_reader_lacks_is_told() -> None:
    op = make_layer("TFOpLambda", name="tf.fftnd", function="signal.fftnd")

    assert codes(seen_by("2.10.0", INPUT, op)) == ["EL114"]
    assert codes(seen_by("2.15.0", INPUT, op)) == []


def test_an_argument_that_a_layer_does_not_take_yet_is_told() -> None:
    attention = make_layer("MultiHeadAttention", name="mha", num_heads=2, key_dim=4) | {
        "inbound_nodes": [[["in", 0, 0, {"value": ["in", 0, 0], "use_causal_mask": True}]]]
    }

    assert "EL126" in codes(seen_by("2.4.0", INPUT, attention))


def test_a_value_that_only_newer_releases_know_is_told() -> None:
    up = make_layer("UpSampling2D", name="up", interpolation="bicubic")

    assert codes(seen_by("2.8.0", INPUT, up)) == ["EL125"]
    assert codes(seen_by("2.9.0", INPUT, up)) == []


def test_channels_first_need_a_gpu_before_onednn() -> None:
    conv = make_layer("Conv2D", name="conv", filters=2, kernel_size=3, data_format="channels_first")

    assert codes(seen_by("2.8.0", INPUT, conv, tensorflow="2.8.4")) == ["EL129"]
    assert codes(seen_by("2.10.0", INPUT, conv, tensorflow="2.10.1")) == []


def test_attention_heeds_masks_since_2_10() -> None:
    attention = make_layer("MultiHeadAttention", name="mha", num_heads=2, key_dim=4)
    attention["config"] |= {key: [None, 3, 4] for key in ("query_shape", "key_shape", "value_shape")}
    embedding = make_layer("Embedding", name="words", input_dim=9, output_dim=4, mask_zero=True)

    (found,) = problems(seen_by("2.8.0", INPUT, embedding, attention, writer="2.10.0"))

    assert (found.code, found.is_silent) == ("EL113", True)


def test_a_wrapped_array_is_not_unwrapped() -> None:
    ceiling = {"class_name": "__numpy__", "config": {"value": 6.0, "dtype": "float32"}}
    relu = make_layer("ReLU", name="relu", max_value=ceiling)

    assert codes(seen_by("2.12.0", INPUT, relu, writer="2.12.0", kind="keras")) == ["EL125"]


def test_a_loss_carries_its_function_since_2_13() -> None:
    loss = {"class_name": "MeanSquaredError", "config": {"reduction": "auto", "fn": "mean_squared_error"}}

    (found,) = problems(seen_by("2.10.0", content=compiled(INPUT, DENSE, loss=loss)))

    assert (found.code, found.avoided_by) == ("EL108", "compile=False")
    assert codes(seen_by("2.13.1", content=compiled(INPUT, DENSE, loss=loss))) == []


def test_a_lambda_as_loss_has_no_name_to_be_found_by() -> None:
    assert codes(seen_by("2.15.0", content=compiled(INPUT, DENSE, loss="<lambda>"))) == ["EL111"]


def test_an_optimizer_of_the_users_has_another_base_class_since_2_11() -> None:
    content = optimizer("mine>Walk", learning_rate=0.1, weight_decay=None, is_legacy_optimizer=False)

    assert codes(seen_by("2.10.0", content=content)) == ["EL117"]
    assert codes(seen_by("2.12.0", content=content)) == []


def test_a_schedule_is_found_by_its_bare_name() -> None:
    config = {"initial_learning_rate": 0.1, "decay_steps": 9, "warmup_target": None}
    schedule = {"module": "keras.optimizers.schedules", "class_name": "CosineDecay", "config": config}

    assert codes(seen_by("2.8.0", content=optimizer("Adam", learning_rate=schedule))) == ["EL108"]


def test_settings_of_an_archive_are_found_by_module() -> None:
    def by(name: str) -> list[str]:
        loss: dict[str, Any] = {
            "module": "keras.losses",
            "class_name": name,
            "config": {},
            "registered_name": None,
        }
        content = make_content(INPUT, DENSE, compile_config={"loss": loss})
        return codes(seen_by("2.15.0", content=content, kind="keras"))

    assert [by("MeanSquaredError"), by("Dice")] == [[], ["EL123"]]


def test_texts_in_the_settings_of_an_archive_are_not_looked_up() -> None:
    content = make_content(INPUT, DENSE, compile_config={"loss": "nobody_knows"})

    assert codes(seen_by("2.15.0", content=content, kind="keras", is_code_missing=True)) == []


def test_a_function_that_takes_any_number_of_tensors_loses_them() -> None:
    op = make_layer("TFOpLambda", name="tf.einsum", function="einsum")

    assert codes(seen_by("2.15.0", INPUT, op)) == ["EL126"]


def test_hashing_of_2_4_writes_a_salt_that_it_did_not_have() -> None:
    hashing = make_layer("Hashing", name="hash", num_bins=7, salt=[0xDECAFCAFFE, 0xDECAFCAFFE])

    (found,) = problems(seen_by("2.10.0", INPUT, hashing, writer="2.4.0"))

    assert (found.code, found.is_silent) == ("EL113", True)


def test_learnt_boundaries_are_not_applied_from_an_archive() -> None:
    bins = make_layer("Discretization", name="bins", num_bins=4, bin_boundaries=None)

    (found,) = problems(seen_by("2.15.0", INPUT, bins, kind="keras"))

    assert (found.code, found.is_silent) == ("EL119", True)
    assert problems(seen_by("2.15.0", INPUT, bins)) == []


def test_a_crop_is_compared_with_its_input_before_2_7() -> None:
    image = make_layer("InputLayer", name="in", batch_input_shape=[None, 4, 4, 3], dtype="float32")
    crop = make_layer("CenterCrop", name="crop", height=6, width=4)

    assert codes(seen_by("2.4.0", image, crop)) == ["EL129"]
    assert codes(seen_by("2.8.0", image, crop)) == []


def test_a_virtual_batch_leaves_an_axis_that_does_not_exist() -> None:
    norm = make_layer("BatchNormalization", name="norm", axis=[2], virtual_batch_size=2)

    assert codes(seen_by("2.10.0", INPUT, norm)) == ["EL125"]


def test_an_archive_under_another_name_is_taken_for_hdf5() -> None:
    seen = seen_by("2.15.0", INPUT, DENSE, kind="keras")
    misnamed = replace(seen, artifact=replace(seen.artifact, name="house.h5"))

    assert codes(misnamed) == ["EL103"]


def test_channels_first_are_computed_on_a_gpu() -> None:
    conv = make_layer("Conv2D", name="conv", filters=2, kernel_size=3, data_format="channels_first")
    seen = seen_by("2.8.0", INPUT, conv, tensorflow="2.8.4")
    card = Gpu(driver="550.1", devices=(Device(name="A100"),), cuda=None, cudnn=None)

    assert codes(replace(seen, current=replace(seen.current, gpu=card))) == []


@pytest.mark.parametrize(
    "config", [{"class_name": "Dense"}, {"class_name": 3}, {"config": []}, {"layers": 1}]
)
def test_what_is_no_architecture_does_no_harm(config: dict[str, Any]) -> None:
    content = Content(config=config, compile_config={"loss": 3, "metrics": {"a": None}})

    for kind in ("keras", "hdf5"):
        assert isinstance(problems(seen_by("2.15.0", content=content, kind=kind)), list)


def make_attention(mask: object) -> dict[str, Any]:
    given = {"value": ["in", 0, 0], "attention_mask": mask}
    config = {"name": "mha", "num_heads": 2, "key_dim": 4, "query_shape": [None, 4, 4]}
    shapes = {"value_shape": [None, 4, 4], "key_shape": [None, 4, 4]}
    attention = make_layer("MultiHeadAttention", **config, **shapes)
    return attention | {"name": "mha", "inbound_nodes": [[["in", 0, 0, given]]]}


@pytest.mark.parametrize(
    ("mask", "expected"),
    [([[[True, False], [True, True]]], ["EL126"]), (["mask", 0, 0], []), ([], []), ([[]], []), (None, [])],
)
def test_an_array_as_a_mask_comes_back_as_a_list(mask: object, expected: list[str]) -> None:
    assert codes(seen_by("2.15.0", INPUT, make_attention(mask))) == expected


@pytest.mark.parametrize(("reader", "expected"), [("2.13.1", ["EL117"]), ("2.15.0", [])])
def test_a_legacy_optimizer_in_an_archive_cannot_be_built(reader: str, expected: list[str]) -> None:
    adam = make_layer("Adam", module="keras.optimizers.legacy", name="Adam", learning_rate=0.01)
    content = make_content(INPUT, make_layer("Flatten", name="flat"), compile_config={"optimizer": adam})

    found = problems(seen_by(reader, writer=reader, content=content, kind="keras"))

    assert [problem.code for problem in found] == expected
    assert {problem.avoided_by for problem in found} <= {"compile=False"}


@pytest.mark.parametrize("name", ["dense", "other"])
def test_a_dynamic_layer_has_no_place_for_its_weights_yet(name: str) -> None:
    dense = make_layer("Dense", name="dense", units=2, dynamic=True)
    held = (TensorSpec(name=f"model_weights/{name}/kernel:0", shape=(4, 2), dtype="float32"),)
    content = replace(make_content(INPUT, dense), weights=held)

    assert codes(seen_by("2.15.0", content=content)) == (["EL128"] if name == "dense" else [])


def test_a_vocabulary_is_looked_for_among_the_assets() -> None:
    words = make_layer("StringLookup", name="words")

    (found,) = problems(seen_by("2.15.0", INPUT, words, writer="2.13.1", kind="keras"))

    assert (found.code, found.error[:9]) == ("EL107", "TypeError")


def test_bytecode_of_a_loss_does_no_harm_without_compiling() -> None:
    loss = {"class_name": "__lambda__", "config": {"value": PYTHON_39}}
    content = make_content(INPUT, make_layer("Flatten", name="flat"), compile_config={"loss": loss})

    found = problems(seen_by("2.15.0", content=content, kind="keras"))

    assert {problem.avoided_by for problem in found} == {"compile=False"}


def called(layer: dict[str, Any], *sources: str) -> dict[str, Any]:
    """A layer of a functional model, called once on these."""
    nodes = [[[name, 0, 0, {}] for name in sources]] if sources else []
    return layer | {"name": layer["config"]["name"], "inbound_nodes": nodes}


def functional(name: str, *layers: dict[str, Any], **facts: Any) -> dict[str, Any]:
    model = make_layer(
        "Functional",
        name=name,
        layers=list(layers),
        input_layers=[["in", 0, 0]],
        output_layers=[[layers[-1]["config"]["name"], 0, 0]],
    )
    return model | facts


def test_a_call_on_a_layer_of_another_model_is_not_found() -> None:
    model = functional("model", called(INPUT), called(DENSE, "elsewhere"))
    content = Content(config=model, compile_config=None)

    assert told(seen_by("2.15.0", content=content)) == [("EL126", "KeyError: 'elsewhere'")]
    assert (
        told(seen_by("2.15.0", content=Content(config=functional("m", called(INPUT)), compile_config=None)))
        == []
    )


def test_a_constant_stands_for_no_layer() -> None:
    add = called(make_layer("Add", name="add"), "in")
    add["inbound_nodes"][0].append(["_CONSTANT_VALUE", -1, 2.0, {}])
    content = Content(config=functional("model", called(INPUT), add), compile_config=None)

    assert codes(seen_by("2.15.0", content=content)) == []


@pytest.mark.parametrize(("reader", "is_lost"), [("2.12.0", False), ("2.13.1", True)])
def test_a_layer_that_two_models_share_is_made_twice_from_an_archive(reader: str, *, is_lost: bool) -> None:
    first = functional("one", called(INPUT), called(DENSE, "in"))
    second = functional("two", called(INPUT), called(DENSE | {"shared_object_id": 7}, "in"))
    whole = functional("model", called(INPUT), called(first, "in"), called(second, "one"))
    content = Content(config=whole, compile_config=None)

    found = problems(seen_by(reader, content=content, writer="2.13.1", kind="keras"))

    assert [item.loaders for item in found if item.code == "EL107"] == [(KERAS_LOADER,)] * is_lost
    assert codes(seen_by(reader, content=content, writer="2.13.1")) == []


@pytest.mark.parametrize(("ngrams", "expected"), [([1, 2], ["EL125"]), (2, []), (None, [])])
def test_an_archive_keeps_no_tuple_of_ngrams(ngrams: object, expected: list[str]) -> None:
    layer = make_layer("TextVectorization", name="text", ngrams=ngrams, vocabulary=["a"], idf_weights=None)
    said = told(seen_by("2.15.0", INPUT, layer, kind="keras"))

    assert [code for code, error in said if "ngrams" in error] == expected


@pytest.mark.parametrize(
    ("config", "expected"), [({}, ["EL128"]), ({"name": "m"}, ["EL128"]), ({"units": 3}, [])]
)
def test_a_class_with_a_constructor_records_no_inputs_and_outputs(
    config: dict[str, Any], expected: list[str]
) -> None:
    held = (TensorSpec(name="model_weights/dense/dense/kernel:0", shape=(4, 2), dtype="float32"),)
    content = Content(config={"class_name": "Mine", "config": config}, compile_config=None, weights=held)

    assert codes(seen_by("2.15.0", writer="2.13.1", content=content)) == expected
    assert codes(seen_by("2.15.0", writer="2.11.0", content=content)) == []


def test_such_a_model_in_an_archive_shows_by_where_its_weights_lie() -> None:
    model = {"class_name": "Mine", "module": "mine", "registered_name": "Mine", "config": {}}

    def by(place: str) -> list[str]:
        held = (TensorSpec(name=f"{place}/vars/0", shape=(4, 2), dtype="float32"),)
        content = Content(config=model, compile_config=None, weights=held)
        return codes(seen_by("2.13.1", writer="2.13.1", content=content, kind="keras"))

    assert by("_layer_checkpoint_dependencies/dense") == ["EL128"]
    assert by("dense") == []


def test_parts_under_keys_of_the_users_are_looked_at() -> None:
    foreign = make_layer("InputLayer", name="in", batch_shape=[None, 4])
    mine = {
        "class_name": "Mine",
        "config": {"encoder": functional("enc", called(foreign)), "more": [foreign]},
    }

    assert codes(seen_by("2.15.0", mine))[:2] == ["EL108", "EL108"]


@pytest.mark.parametrize(("tensorflow", "expected"), [("2.12.0", ["EL129"]), ("2.13.0", [])])
def test_recurrent_layers_in_bfloat16_run_since_2_13(tensorflow: str, expected: list[str]) -> None:
    def by(**config: Any) -> list[str]:
        gru = make_layer("GRU", name="gru", units=2, **config)
        found = problems(seen_by("2.12.0", INPUT, gru, writer="2.12.0", tensorflow=tensorflow))
        return [problem.code for problem in found if not problem.is_silent]

    assert by(dtype={"class_name": "Policy", "config": {"name": "mixed_bfloat16"}}) == expected
    assert by(dtype="bfloat16", activation="relu") == []
    assert by(dtype="float32") == []


def test_a_name_that_came_to_keras_later_is_the_users_in_an_older_file() -> None:
    content = compiled(INPUT, DENSE, metrics=[{"class_name": "F1Score", "config": {"name": "f1"}}])
    mish = make_layer("Dense", name="dense", units=3, activation="mish")

    def found(writer: str, reader: str, **facts: Any) -> list[str]:
        return codes(seen_by(reader, writer=writer, **facts))

    assert found("2.10.0", "2.10.0", content=content) == []
    assert found("2.10.0", "2.10.0", content=content, is_code_missing=True) == ["EL201"]
    assert found("2.13.1", "2.10.0", content=content) == ["EL111"]
    assert codes(seen_by("2.10.0", INPUT, mish, writer="2.10.0")) == []
    assert codes(seen_by("2.10.0", INPUT, mish, writer="2.15.0")) == ["EL123"]


def test_a_function_of_the_users_that_makes_texts_alike_is_missed() -> None:
    text = make_layer("TextVectorization", name="text", standardize="mine>plain", split="whitespace")

    assert codes(seen_by("2.15.0", text)) == []
    assert codes(seen_by("2.15.0", text, is_code_missing=True)) == ["EL201"]


@pytest.mark.parametrize(
    ("name", "reader", "told_of"),
    [
        (b"tf", "2.4.0", "tf"),
        (b"tf", "2.10.0", ""),
        (b"K", "2.6.0", ""),
        (b"K", "2.7.0", "K"),
        (b"np", "2.4.0", ""),
        (b"keras", "2.10.0", "keras"),
        (b"tf\xda\x05keras", "2.10.0", ""),
    ],
)
def test_bytecode_without_its_module_runs_among_the_globals_of_keras(
    name: bytes, reader: str, told_of: str
) -> None:
    size = len(name.partition(b"\xda")[0])
    code = base64.b64encode(base64.b64decode(PYTHON_39) + b"\xda" + bytes([size]) + name).decode()

    def found(**facts: Any) -> list[str]:
        python = Python(version="3.9.18", implementation="cpython")
        seen = seen_by(reader, INPUT, make_lambda(code), writer=reader, **facts)
        seen = replace(seen, current=replace(seen.current, python=python))
        return [problem.error for problem in problems(seen) if problem.code == "EL129"]

    assert found() == []
    assert found(is_code_missing=True) == ([f"NameError: name '{told_of}' is not defined"] if told_of else [])


def test_a_model_that_was_made_from_models_is_not_made_again() -> None:
    model = {"class_name": "Mine", "module": "mine", "registered_name": "Mine", "config": {}}
    held = tuple(
        TensorSpec(name=f"layers/{name}/layers/dense/vars/0", shape=(4, 2), dtype="float32")
        for name in ("functional", "functional_1")
    )

    def found(*functional: str) -> list[str]:
        content = Content(config=model, compile_config=None, weights=held, functional=functional)
        return codes(seen_by("2.15.0", writer="2.15.0", content=content, kind="keras"))

    assert found("layers/functional") == ["EL124"]
    assert found() == []


def test_before_2_9_a_model_of_the_users_lists_its_layers_in_an_h5() -> None:
    config = {"name": "mine", "trainable": True, "units": 4}
    held = (TensorSpec(name="model_weights/dense/dense/kernel:0", shape=(4, 2), dtype="float32"),)
    content = Content(config={"class_name": "Mine", "config": config}, compile_config=None, weights=held)

    assert told(seen_by("2.8.0", writer="2.13.1", content=content)) == [("EL124", "KeyError: 'layers'")]
    assert codes(seen_by("2.10.0", writer="2.13.1", content=content)) == []


@pytest.mark.parametrize(
    ("key", "module", "reader", "kind", "expected"),
    [
        ("kernel_regularizer", "mine", "2.15.0", "keras", []),
        ("kernel_constraint", "mine", "2.13.1", "keras", []),
        ("activity_regularizer", "mine", "2.15.0", "keras", ["EL201"]),
        ("kernel_initializer", "mine", "2.15.0", "keras", ["EL201"]),
        ("kernel_regularizer", None, "2.15.0", "keras", ["EL201"]),
        ("kernel_regularizer", "mine", "2.15.0", "hdf5", ["EL201"]),
    ],
)
def test_what_training_alone_asks_for_is_passed_over_in_archives_since_2_13(
    key: str, module: str | None, reader: str, kind: str, expected: list[str]
) -> None:
    mine = {"class_name": "Ortho", "module": module, "registered_name": "Ortho", "config": {}}
    dense = make_layer("Dense", name="dense", units=2, **{key: mine})

    seen = seen_by(reader, INPUT, dense, writer=reader, kind=kind, is_code_missing=True)

    assert codes(seen) == expected
