from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judged import make_artifact, make_comparison, make_content, make_layer, make_reading

from envlock.facts import WEIGHTS_LOADER, Content, TensorSpec
from envlock.knowledge import releases
from envlock.knowledge.loading import keras3
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import release

DENSE = {"name": "dense", "trainable": True, "units": 3}
INPUT = {
    "class_name": "InputLayer",
    "config": {"batch_input_shape": [None, 4], "dtype": "float32", "name": "x"},
    "name": "x",
    "inbound_nodes": [],
}


def old_layer(class_name: str, *calls: Any, **config: Any) -> dict[str, Any]:
    """A layer of a functional model as an `.h5` file of Keras 2 has it, called on the input once."""
    named = {"name": class_name.lower()} | config
    made = list(calls) or [[["x", 0, 0, {}]]]
    return {"class_name": class_name, "config": named, "name": named["name"], "inbound_nodes": made}


def old_model(*layers: dict[str, Any], output: Any = None, **facts: Any) -> Content:
    ends = output or [[layers[-1]["name"], 0, 0]]
    config = {
        "name": "model",
        "layers": [INPUT, *layers],
        "input_layers": [["x", 0, 0]],
        "output_layers": ends,
    }
    return Content(
        **{"config": {"class_name": "Functional", "config": config}, "compile_config": None} | facts
    )


def problems(
    content: Content, reader: str, *, writer: str = "2.15.0", kind: str = "hdf5", **facts: Any
) -> list[Problem]:
    seen = make_comparison(
        artifact=make_artifact(kind, writer), content=content, changes=(), **make_reading(reader), **facts
    )
    api = releases.keras("keras", release(reader))
    assert api is not None
    return list({"hdf5": keras3.hdf5, "keras": keras3.archive}[kind](seen, api))


def told(content: Content, reader: str, **facts: Any) -> list[tuple[str, str]]:
    return [(problem.code, problem.message) for problem in problems(content, reader, **facts)]


def test_a_plain_model_of_keras_2_loads_from_h5() -> None:
    assert told(old_model(old_layer("Dense", units=3, activation="relu")), "3.15.1") == []


def test_a_key_that_a_layer_does_not_take_is_named_with_the_words_of_keras() -> None:
    found = problems(old_model(old_layer("DepthwiseConv2D", kernel_size=[3, 3], groups=1)), "3.7.0")

    assert [(problem.code, problem.message) for problem in found] == [
        ("EL108", "DepthwiseConv2D 'depthwiseconv2d' carries `groups`, which Keras 3.7.0 does not accept")
    ]
    assert "groups" in found[0].error


def test_a_layer_that_is_gone_is_named() -> None:
    assert told(old_model(old_layer("ThresholdedReLU", theta=1.0)), "3.7.0") == [
        (
            "EL123",
            "ThresholdedReLU 'thresholdedrelu' is a class that Keras 3.7.0 does not find in an .h5 file",
        )
    ]


def test_a_wrapped_layer_without_its_module_is_not_located() -> None:
    inner = {"class_name": "Dense", "config": {"name": "d", "units": 2}}

    assert [code for code, _ in told(old_model(old_layer("TimeDistributed", layer=inner)), "3.7.0")] == [
        "EL123"
    ]


def test_a_wrapped_layer_with_its_module_is_found_and_its_keys_are_checked() -> None:
    inner = make_layer("LSTM", name="lstm", units=2, time_major=False)

    assert told(old_model(old_layer("Bidirectional", layer=inner)), "3.7.0") == [
        ("EL108", "LSTM 'lstm' carries `time_major`, which Keras 3.7.0 does not accept")
    ]


def test_an_initializer_is_looked_up_in_its_own_dictionary() -> None:
    model = old_model(
        old_layer("Dense", units=3, kernel_initializer=make_layer("Orthogonal", "keras.initializers"))
    )

    assert told(model, "3.7.0") == []
    assert told(model, "3.3.3") == [
        ("EL123", "Dense 'dense' holds the initializer Orthogonal, which Keras 3.3.3 does not look up")
    ]


def test_a_policy_of_keras_2_is_not_known() -> None:
    policy = {"class_name": "Policy", "config": {"name": "mixed_float16"}}

    assert [code for code, _ in told(old_model(old_layer("Dense", units=3, dtype=policy)), "3.7.0")] == [
        "EL112"
    ]


def test_a_name_with_a_slash_is_refused() -> None:
    assert told(old_model(old_layer("Dense", name="a/b", units=3)), "3.7.0") == [
        ("EL125", "Dense 'a/b' has name=a/b, which Keras 3.7.0 does not take")
    ]


@pytest.mark.parametrize(("reader", "code"), [("3.11.3", "EL127"), ("3.15.1", "EL126")])
def test_a_nested_model_of_keras_2_counts_its_calls_otherwise(reader: str, code: str) -> None:
    inner = old_model(old_layer("Dense", units=3)).config
    assert isinstance(inner, dict)
    nested = {**inner, "name": "inner", "inbound_nodes": [[["x", 0, 0, {}]]]}
    after = old_layer("Dense", [["inner", 1, 0, {}]], units=1)

    assert [found for found, _ in told(old_model(nested, after), reader)] == [code]


def test_a_tensor_given_by_keyword_is_not_resolved() -> None:
    node = [["x", 0, 0, {"value": ["x", 0, 0]}]]
    model = old_model(old_layer("MultiHeadAttention", node, num_heads=2, key_dim=2))

    assert [code for code, _ in told(model, "3.7.0")] == ["EL126"]


def test_inputs_that_stand_alone_are_not_read_before_3_4() -> None:
    model = old_model(old_layer("Dense", units=3), output=["dense", 0, 0])

    assert [code for code, _ in told(model, "3.3.3")] == ["EL126"]
    assert told(model, "3.5.0") == []


def test_an_axis_is_lost_before_3_9() -> None:
    model = old_model(old_layer("Softmax", axis=0))

    assert [(problem.code, problem.is_silent) for problem in problems(model, "3.7.0")] == [("EL131", True)]
    assert problems(model, "3.9.2") == []


@pytest.mark.parametrize(("reader", "codes"), [("3.5.0", ["EL119"]), ("3.6.0", [])])
def test_normalization_from_h5_is_applied_since_3_6(reader: str, codes: list[str]) -> None:
    assert [code for code, _ in told(old_model(old_layer("Normalization", axis=[-1])), reader)] == codes


def test_a_vocabulary_has_to_be_in_the_file() -> None:
    assert [code for code, _ in told(old_model(old_layer("StringLookup")), "3.7.0")] == ["EL118"]
    assert told(old_model(old_layer("StringLookup", vocabulary=["a"])), "3.7.0") == []


def test_a_text_that_names_a_function_is_taken_for_it_since_3_14() -> None:
    model = old_model(old_layer("Attention", [["x", 0, 0, {}], ["x", 0, 0, {}]], score_mode="dot"))

    assert told(model, "3.11.3") == []
    assert told(model, "3.15.1") == [
        ("EL125", "Attention 'attention' has score_mode=dot, which Keras 3.15.1 takes for a function")
    ]


def test_weights_that_a_layer_no_longer_has_do_not_fit() -> None:
    model = old_model(
        old_layer("StringLookup", vocabulary=["a"]),
        weights=(TensorSpec(name="model_weights/stringlookup/idf_weights:0", shape=(2,), dtype="float32"),),
    )

    assert told(model, "3.7.0") == [
        ("EL128", "StringLookup 'stringlookup' has weights in the file and none in Keras 3.7.0")
    ]


def test_a_model_of_the_users_own_class_is_not_built_from_h5() -> None:
    config = {"class_name": "Mine", "config": {"units": 3}}
    weights = (TensorSpec(name="model_weights/dense/kernel:0", shape=(2,), dtype="float32"),)

    found = told(Content(config=config, compile_config=None, weights=weights), "3.7.0", writer="3.7.0")
    assert [code for code, _ in found] == ["EL128"]


def test_a_function_as_regularizer_is_refused_before_3_15() -> None:
    model = old_model(old_layer("Dense", units=3, kernel_regularizer="plain"))

    assert told(model, "3.11.3") == [
        ("EL125", "Dense 'dense' has a function as regularizer, plain, which Keras 3.11.3 refuses")
    ]
    assert told(model, "3.15.1") == []


def test_a_loss_without_a_name_is_found_nowhere() -> None:
    assert [problem.code for problem in problems(compiled(loss="<lambda>"), "3.7.0")] == ["EL111"]


def test_a_key_of_a_base_class_is_refused_of_the_users_own_layers_too() -> None:
    model = old_model(old_layer("MyLSTM", trainable=True, units=3, time_major=False))

    assert told(model, "3.7.0") == [
        ("EL108", "MyLSTM 'mylstm' carries `time_major`, which Keras 3.7.0 does not accept")
    ]


def test_the_scores_of_an_attention_are_outputs_since_3_8() -> None:
    node = {"args": [[]], "kwargs": {"return_attention_scores": True}}
    layer = make_layer("Attention", name="attention", dropout=0.0) | {"inbound_nodes": [node]}
    config = {"name": "model", "layers": [layer], "input_layers": [], "output_layers": []}
    model = make_layer("Functional", "keras.src.models.functional", **config)
    content = Content(config=model, compile_config=None)

    assert [code for code, _ in told(content, "3.7.0", writer="3.7.0", kind="keras")] == ["EL129"]
    assert told(content, "3.9.2", writer="3.7.0", kind="keras") == []


def test_default_arguments_of_a_lambda_cannot_be_made_again() -> None:
    model = old_model(old_layer("Lambda", function=[CODE, [2.0], None], function_type="lambda"))

    assert [code for code, _ in told(model, "3.7.0")] == ["EL129"]


CODE = "4wEAAAAAAAAAAAAAAAIAAAATAAAA8xIAAACXAHwAZAF6BQAAZAJ6AAAAUwA="


def test_bytecode_is_refused_in_safe_mode() -> None:
    found = problems(
        old_model(old_layer("Lambda", function=[CODE, None, None], function_type="lambda")), "3.15.1"
    )

    assert [(problem.code, problem.avoided_by) for problem in found] == [("EL109", "safe_mode=False")]


def test_bytecode_of_another_python_is_told_apart() -> None:
    older = "4wEAAAAAAAAAAAAAAAEAAAACAAAAUwAAAHMMAAAAfABkARQAZAIXAFMA"
    model = old_model(old_layer("Lambda", function=[older, None, None], function_type="lambda"))

    assert [code for code, _ in told(model, "3.7.0")] == ["EL110"]


def test_missing_code_is_missed_where_the_layer_is() -> None:
    model = old_model(old_layer("Gate"))

    assert told(model, "3.7.0") == []
    assert told(model, "3.7.0", is_code_missing=True) == [
        ("EL201", "Functional 'model' asks for Gate, which is the user's own code and not to be had")
    ]


ADAM = {"class_name": "Adam", "config": {"name": "Adam", "learning_rate": 0.1}}


def compiled(**given: Any) -> Content:
    settings = {"optimizer_config": ADAM, "loss": None, "metrics": None, "loss_weights": None} | given
    return old_model(old_layer("Dense", units=3), compile_config=settings)


def test_a_loss_that_is_an_alias_is_not_found_in_h5() -> None:
    found = problems(compiled(loss="mse"), "3.7.0")

    assert [(problem.code, problem.avoided_by) for problem in found] == [("EL111", "compile=False")]
    assert problems(compiled(loss="mean_squared_error"), "3.7.0") == []


def test_accuracy_is_left_to_compile() -> None:
    assert problems(compiled(metrics=[["accuracy"]]), "3.7.0") == []


def test_a_loss_of_keras_2_has_a_reduction_that_is_refused() -> None:
    loss = {"class_name": "MeanSquaredError", "config": {"reduction": "auto", "name": "mean_squared_error"}}

    assert [problem.code for problem in problems(compiled(loss=loss), "3.7.0")] == ["EL125"]


def test_a_schedule_without_its_module_is_not_located() -> None:
    rate = {"class_name": "ExponentialDecay", "config": {"initial_learning_rate": 0.1}}
    optimizer = {"class_name": "Adam", "config": {"name": "Adam", "learning_rate": rate}}

    found = problems(compiled(optimizer_config=optimizer), "3.7.0")
    assert [(problem.code, problem.avoided_by) for problem in found] == [("EL123", "compile=False")]


def test_an_optimizer_registered_anew_is_replaced_in_silence() -> None:
    optimizer = {"class_name": "Custom>Adam", "config": {"name": "Adam", "jit_compile": False}}

    found = problems(compiled(optimizer_config=optimizer), "3.7.0")
    assert [(problem.code, problem.is_silent) for problem in found] == [("EL130", True)]


def test_a_key_of_a_newer_keras_is_refused_by_an_older_one() -> None:
    dense = make_layer("Dense", **DENSE, quantization_config=None)

    assert told(make_content(dense), "3.15.1", writer="3.15.1", kind="keras") == []
    assert told(make_content(dense), "3.11.3", writer="3.15.1", kind="keras") == [
        ("EL108", "Dense 'dense' carries `quantization_config`, which Keras 3.11.3 does not accept")
    ]


@pytest.mark.parametrize("reader", ["3.7.0", "3.15.1"])
def test_a_module_of_keras_2_is_not_there(reader: str) -> None:
    model = make_layer("Functional", "keras.src.engine.functional", name="model", layers=[])

    found = problems(Content(config=model, compile_config=None), reader, kind="keras")
    assert [problem.code for problem in found] == ["EL106"]


@pytest.mark.parametrize(
    ("names", "lost"),
    [
        (["dense", "dense_2"], ["Dense 'two'"]),
        (["dense", "dense_1"], []),
        (["conv2d", "conv2d_2"], []),
        ([], []),
    ],
)
@pytest.mark.parametrize("place", ["layers", "_layer_checkpoint_dependencies", "layers/functional/layers"])
def test_the_names_in_an_archive_of_2_13_tell_which_class_was_counted_twice(
    place: str, names: list[str], lost: list[str]
) -> None:
    layers = [make_layer("Dense", name=name, units=2) for name in ("one", "two")]
    held = tuple(TensorSpec(name=f"{place}/{name}/vars/0", shape=(4, 2), dtype="float32") for name in names)
    if "functional" in place:
        layers = [make_layer("Functional", name="inner", layers=layers)]

    found = problems(make_content(*layers, weights=held), "3.7.0", writer="2.13.1", kind="keras")

    assert [problem.subject for problem in found if problem.code == "EL107"] == lost
    assert all(WEIGHTS_LOADER in problem.loaders for problem in found if problem.code == "EL107")


def test_a_model_without_weights_takes_a_name_in_an_archive_of_2_13_once() -> None:
    layers = [
        make_layer("Functional", name=name, layers=[make_layer(inner, name=f"in_{name}", units=2)])
        for name, inner in (("one", "Dropout"), ("two", "Dense"), ("three", "Dense"))
    ]
    held = tuple(
        TensorSpec(name=f"layers/{name}/layers/dense/vars/0", shape=(4, 2), dtype="float32")
        for name in ("functional_1", "functional_3")
    )

    found = problems(make_content(*layers, weights=held), "3.7.0", writer="2.13.1", kind="keras")

    assert [problem.subject for problem in found if problem.code == "EL107"] == ["Dense 'in_three'"]


def test_the_second_layer_of_a_class_is_filed_elsewhere_in_2_13() -> None:
    layers = [make_layer("Dense", name=name, units=3) for name in ("one", "two")]

    assert told(make_content(layers[0]), "3.7.0", writer="2.13.1", kind="keras") == []
    assert told(make_content(*layers), "3.7.0", writer="2.13.1", kind="keras") == [
        ("EL107", "a file of Keras 2.13.1 files the weights of Dense 'two' where Keras 3.7.0 does not look")
    ]


def test_attention_of_keras_2_records_one_shape_only() -> None:
    layer = make_layer("MultiHeadAttention", name="mha", num_heads=2, key_dim=2) | {
        "build_config": {"input_shape": [None, 4, 2]}
    }

    assert [code for code, _ in told(make_content(layer), "3.7.0", kind="keras")] == ["EL120"]


def test_settings_of_an_archive_are_avoided_without_compiling() -> None:
    settings = {"optimizer": make_layer("Adam", "keras.optimizers", learning_rate=0.1, jit_compile=False)}

    found = problems(
        make_content(make_layer("Dense", **DENSE), compile_config=settings), "3.7.0", kind="keras"
    )
    assert [(problem.code, problem.avoided_by) for problem in found] == [("EL108", "compile=False")]


def test_the_users_own_loss_is_missed_without_its_code() -> None:
    loss = {"module": "builtins", "class_name": "function", "config": "asym", "registered_name": "asym"}
    content = make_content(make_layer("Dense", **DENSE), compile_config={"loss": loss})

    assert problems(content, "3.7.0", writer="3.7.0", kind="keras") == []
    found = problems(content, "3.7.0", writer="3.7.0", kind="keras", is_code_missing=True)
    assert [(problem.code, problem.avoided_by) for problem in found] == [("EL201", "compile=False")]


KEYS = (
    "class_name config module layers name inbound_nodes input_layers dtype axis output_layers "
    "registered_name build_config kernel_initializer function loss cell"
)
NAMES = st.sampled_from(KEYS.split())
PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=6)
JSON = st.recursive(
    PLAIN | st.sampled_from(["Dense", "Functional", "x"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=30,
)


@given(st.dictionaries(st.sampled_from(["class_name", "config", "module", "optimizer_config"]), JSON), JSON)
@settings(max_examples=150, deadline=None)
def test_no_configuration_makes_a_walk_fail(config: dict[str, Any], compile_config: Any) -> None:
    content = Content(
        config=config, compile_config=compile_config if isinstance(compile_config, dict) else None
    )
    for kind in ("hdf5", "keras"):
        for reader in ("3.3.3", "3.15.1"):
            problems(content, reader, kind=kind, is_code_missing=True)


def test_a_configuration_is_left_as_it_was() -> None:
    model = old_model(old_layer("Lambda", function=[CODE, None, None], axis=1))
    before = json.dumps(model.config)

    problems(model, "3.7.0")

    assert json.dumps(model.config) == before


@pytest.mark.parametrize(("axis", "codes"), [(3, []), (-1, []), (2, ["EL128"])])
def test_an_axis_that_is_lost_may_be_the_default_counted_from_the_other_end(
    axis: int, codes: list[str]
) -> None:
    model = old_model(
        old_layer("Reshape", name="four", target_shape=[2, 2, 1]),
        old_layer("Conv2D", [["four", 0, 0, {}]], name="conv", filters=2, kernel_size=[1, 1]),
        old_layer("ReLU", [["conv", 0, 0, {}]], name="relu"),
        old_layer("Concatenate", [["relu", 0, 0, {}], ["conv", 0, 0, {}]], axis=axis),
    )

    assert [problem.code for problem in problems(model, "3.5.0")] == codes


@pytest.mark.parametrize(
    ("axis", "mean", "reader", "told"),
    [
        (1, [0.0, 1.0], "3.8.0", ["EL125"]),
        ([1], [0.0, 1.0], "3.13.2", ["EL125"]),
        (1, [0.0, 1.0], "3.7.0", []),
        (1, [0.0, 1.0], "3.14.0", []),
        (-1, [0.0, 1.0], "3.9.2", []),
        (2, [0.0, 1.0], "3.9.2", []),
        (1, 0.5, "3.9.2", []),
        (1, None, "3.9.2", []),
    ],
)
def test_means_along_another_axis_than_the_last_were_spread_along_that(
    axis: Any, mean: Any, reader: str, told: list[str]
) -> None:
    layer = make_layer("Normalization", name="scaled", axis=axis, mean=mean, variance=mean)
    content = make_content(layer | {"build_config": {"input_shape": [None, 2, 3]}})

    assert [problem.code for problem in problems(content, reader, writer="3.5.0", kind="keras")] == told


@pytest.mark.parametrize(("has_weights", "told"), [(True, ("EL128", False)), (False, ("EL131", True))])
def test_an_axis_that_is_lost_is_silent_where_there_are_no_weights(
    *, has_weights: bool, told: tuple[str, bool]
) -> None:
    model = old_model(old_layer("LayerNormalization", axis=[1, 2], center=has_weights, scale=has_weights))

    assert [(problem.code, problem.is_silent) for problem in problems(model, "3.15.1")] == [told]


def test_an_axis_that_is_lost_is_silent_where_the_weights_fit_all_the_same() -> None:
    layer = make_layer("GroupNormalization", groups=2, axis=1) | {
        "build_config": {"input_shape": [None, 4, 4]}
    }
    layer = {key: value for key, value in layer.items() if key != "module"}
    content = make_content(layer)

    found = problems(content, "3.5.0", writer="3.9.0")

    assert [(problem.code, problem.is_silent) for problem in found] == [("EL131", True)]


@pytest.mark.parametrize(("reader", "codes"), [("3.7.0", ["EL125"]), ("3.8.0", [])])
def test_one_mean_for_all_features_is_refused_before_3_8(reader: str, codes: list[str]) -> None:
    model = old_model(old_layer("Normalization", axis=[-1], mean=0.5, variance=2.0))

    assert [problem.code for problem in problems(model, reader)] == codes


@pytest.mark.parametrize(("factor", "codes"), [([-0.2, 0.2], ["EL125"]), ([0.0, 0.2], []), ("much", [])])
def test_a_shear_given_as_one_number_is_never_read_back(factor: object, codes: list[str]) -> None:
    content = make_content(make_layer("RandomShear", x_factor=factor))

    assert [problem.code for problem in problems(content, "3.11.3", writer="3.11.3", kind="keras")] == codes


@pytest.mark.parametrize(("reader", "codes"), [("3.11.2", ["EL125"]), ("3.11.3", [])])
@pytest.mark.parametrize("name", ["mish_of_mine", "Mine>mish"])
def test_a_function_of_the_users_in_an_h5_layer_cannot_be_read_until_3_11_2(
    reader: str, codes: list[str], name: str
) -> None:
    model = old_model(old_layer("Dense", units=3, activation=name))

    found = problems(model, reader)

    assert [problem.code for problem in found] == codes
    assert all("JSON serializable" in problem.error for problem in found)


@pytest.mark.parametrize(("stamps", "told_of"), [({"unpacked": "yes"}, ["load_weights"]), ({}, [])])
def test_weights_are_never_loaded_from_an_unpacked_archive(
    stamps: dict[str, str], told_of: list[str]
) -> None:
    seen = make_comparison(
        artifact=make_artifact("keras", "3.5.0", stamps=stamps),
        content=make_content(),
        changes=(),
        **make_reading("3.5.0"),
    )
    api = releases.keras("keras", (3, 5, 0))
    assert api is not None

    found = [problem for problem in keras3.archive(seen, api) if problem.code == "EL103"]

    assert [loader for problem in found for loader in problem.loaders] == told_of


def nested(*behind: dict[str, Any], outputs: Any, **facts: Any) -> Content:
    """A Sequential that begins with a functional model of these outputs."""
    inner = make_layer(
        "Functional",
        name="inner",
        layers=[INPUT],
        input_layers=[["x", 0, 0]],
        output_layers=outputs,
    )
    return make_content(inner, *behind, **facts)


@pytest.mark.parametrize(("reader", "expected"), [("3.10.0", []), ("3.11.0", ["EL126"])])
def test_a_list_of_one_output_stays_a_list_since_3_11(reader: str, expected: list[str]) -> None:
    def codes(*behind: dict[str, Any], outputs: Any = (("x", 0, 0),)) -> list[str]:
        content = nested(*behind, outputs=[list(end) if isinstance(end, tuple) else end for end in outputs])
        return [code for code, message in told(content, reader, writer="3.5.0") if "list of one" in message]

    dense = make_layer("Dense", **DENSE)
    assert codes(dense) == expected
    assert codes(make_layer("Dropout", name="drop", rate=0.1), dense) == expected
    assert codes() == []
    assert codes(make_layer("Dropout", name="drop", rate=0.1)) == []
    assert codes(dense, outputs=["x", 0, 0]) == []


def test_a_dense_layer_of_an_archive_makes_an_array_of_a_list() -> None:
    content = nested(make_layer("Dense", **DENSE), outputs=[["x", 0, 0]])
    silent = [
        found.code for found in problems(content, "3.15.1", kind="keras", writer="3.5.0") if found.is_silent
    ]

    assert silent == ["EL113"]


def test_time_distributed_does_not_take_a_list() -> None:
    inner = nested(outputs=[["x", 0, 0]]).config
    assert isinstance(inner, dict)
    wrapper = make_layer("TimeDistributed", name="each", layer=inner["config"]["layers"][0])

    assert "EL126" in [code for code, _ in told(make_content(wrapper), "3.15.1", writer="3.5.0")]


def graph(name: str, *layers: dict[str, Any]) -> dict[str, Any]:
    return make_layer(
        "Functional",
        name=name,
        layers=[layer | {"name": layer["config"]["name"], "inbound_nodes": []} for layer in layers],
        input_layers=[],
        output_layers=[],
    )


def found(*models: dict[str, Any]) -> list[str]:
    content = Content(config=graph("model", *models), compile_config=None)
    own = ("is in several models",)
    return [
        code
        for code, said in told(content, "3.15.1", kind="keras", writer="3.15.1")
        if any(part in said for part in own)
    ]


def test_a_layer_that_two_models_share_is_called_by_the_first() -> None:
    dense = make_layer("Dense", **DENSE)
    marked = dense | {"shared_object_id": 7}

    assert found(graph("one", marked), graph("two", marked)) == ["EL126"]
    assert found(graph("one", dense), graph("two", marked)) == ["EL107"]
    assert found(graph("one", dense), graph("two", dense)) == []


@pytest.mark.parametrize(
    ("writer", "reader", "expected"),
    [("3.9.0", "3.10.0", ["EL128"]), ("3.11.0", "3.5.0", ["EL128"]), ("3.5.0", "3.9.0", [])],
)
def test_nadam_keeps_its_state_in_another_order_since_3_10(
    writer: str, reader: str, expected: list[str]
) -> None:
    held = tuple(TensorSpec(name=f"optimizer/vars/{at}", shape=(), dtype="float32") for at in range(3))
    content = make_content(compile_config={"optimizer": "nadam"}, weights=held)

    found = problems(content, reader, writer=writer, kind="keras")

    assert [problem.code for problem in found if problem.subject == "Nadam"] == expected
    assert all(WEIGHTS_LOADER in problem.loaders for problem in found if problem.subject == "Nadam")


def test_a_loss_of_the_users_hands_on_what_keras_2_wrote() -> None:
    loss = {
        "class_name": "Mine",
        "module": "mine",
        "registered_name": "Mine",
        "config": {"reduction": "auto", "name": "mine"},
    }
    optimizer = {
        "class_name": "Slow",
        "module": "mine",
        "registered_name": "Slow",
        "config": {"jit_compile": False, "is_legacy_optimizer": False},
    }
    content = make_content(compile_config={"loss": loss, "optimizer": optimizer})
    said = [problem for problem in problems(content, "3.15.1", kind="keras") if problem.avoided_by]

    assert sorted(problem.code for problem in said if problem.code in {"EL108", "EL125"}) == [
        "EL108",
        "EL125",
    ]


def test_defaults_in_the_optimizer_that_scales_losses_are_taken() -> None:
    def codes(**config: Any) -> list[str]:
        sgd = make_layer("SGD", module="keras.optimizers", name="SGD", learning_rate=0.1)
        scaled = make_layer("LossScaleOptimizer", module="keras.optimizers", inner_optimizer=sgd, **config)
        content = make_content(compile_config={"optimizer": scaled})
        return [
            code
            for code, said in told(content, "3.15.1", kind="keras", writer="3.5.0")
            if "LossScale" in said
        ]

    assert codes(weight_decay=None, ema_momentum=0.99) == []
    assert codes(weight_decay=0.1) == ["EL108"]


def test_an_operation_is_called_with_what_it_takes() -> None:
    zeros = make_layer("ZerosLike", module="keras.src.ops.numpy", name="zeros") | {
        "name": "zeros",
        "inbound_nodes": [{"args": [], "kwargs": {"dtype": None}}],
    }
    model = graph("model") | {}
    model["config"]["layers"] = [zeros]
    content = Content(config=model, compile_config=None)

    assert "EL108" in [code for code, _ in told(content, "3.15.1", kind="keras", writer="3.5.0")]


def test_parts_that_are_built_take_their_weights_from_h5() -> None:
    held = (TensorSpec(name="model_weights/dense/dense/kernel", shape=(4, 3), dtype="float32"),)

    def codes(part: dict[str, Any]) -> list[str]:
        mine = {"class_name": "Mine", "config": {"parts": [part]}}
        content = Content(config=mine, compile_config=None, weights=held)
        return [code for code, _ in told(content, "3.15.1", writer="3.15.1")]

    dense = make_layer("Dense", **DENSE)
    assert "EL128" in codes(dense)
    assert "EL128" not in codes(dense | {"build_config": {"input_shape": [None, 4]}})


@pytest.mark.parametrize(("reader", "expected"), [("3.6.0", ["EL125"]), ("3.7.0", [])])
def test_an_output_shape_of_attention_comes_back_as_a_list(reader: str, expected: list[str]) -> None:
    layer = make_layer("MultiHeadAttention", name="heads", num_heads=2, key_dim=4, output_shape=[6])
    said = problems(make_content(layer), reader, kind="keras", writer="3.5.0")

    assert [problem.code for problem in said if "concatenate" in problem.error] == expected


@pytest.mark.parametrize(("kind", "expected"), [("keras", []), ("hdf5", ["EL125"])])
def test_a_sequential_waits_for_a_model_in_time_distributed(kind: str, expected: list[str]) -> None:
    inner = make_content().config
    layer = make_layer("TimeDistributed", name="each", layer=inner)
    called = [layer | {"name": "each", "inbound_nodes": []}]

    def codes(content: Content, reader: str) -> list[str]:
        said = told(content, reader, kind=kind, writer="3.3.0")
        return [code for code, message in said if "holds a model" in message]

    assert codes(make_content(layer), "3.3.0") == expected
    assert codes(make_content(layer), "3.4.0") == []
    assert codes(Content(config=graph_of(called), compile_config=None), "3.3.0") == ["EL125"]


def graph_of(layers: list[dict[str, Any]]) -> dict[str, Any]:
    return make_layer("Functional", name="m", layers=layers, input_layers=[], output_layers=[])


def test_an_operation_without_a_name_takes_that_of_a_layer() -> None:
    layer = make_layer("Concatenate", name="concatenate") | {"name": "concatenate", "inbound_nodes": []}
    nameless = make_layer("Concatenate", module="keras.src.ops.numpy", axis=1)
    nameless |= {"name": "concatenate_1", "inbound_nodes": []}

    def said(*layers: dict[str, Any]) -> list[str]:
        content = Content(config=graph_of(list(layers)), compile_config=None)
        return [
            message for _, message in told(content, "3.15.1", kind="keras") if "without a name" in message
        ]

    assert len(said(layer, nameless)) == 1
    assert said(nameless) == []


def test_an_input_that_two_models_share_is_called_by_none() -> None:
    shared = make_layer("InputLayer", name="in") | {"shared_object_id": 7}

    assert found(graph("one", shared), graph("two", shared)) == []


def test_functions_of_the_users_in_text_layers_are_not_read_from_h5() -> None:
    def codes(**config: Any) -> list[str]:
        layer = old_layer("TextVectorization", vocabulary=["a"], **config)
        return [code for code, _ in told(old_model(layer), "3.7.0") if code == "EL125"]

    assert codes(standardize="lower", split="character") == []
    assert codes(standardize="mine>plain") == ["EL125"]
    assert codes(split="mine")


def test_a_metric_made_of_a_function_of_the_users_is_not_read_from_h5() -> None:
    def codes(fn: str, **facts: Any) -> list[str]:
        metric = {"class_name": "MeanMetricWrapper", "config": {"name": "own", "dtype": "float32", "fn": fn}}
        return [code for code, _ in told(compiled(metrics=[[metric]]), "3.7.0", **facts)]

    assert codes("rmse") == ["EL111"]
    assert codes("rmse", is_code_missing=True) == []


def test_a_loss_that_is_called_loss_is_a_function_of_the_users() -> None:
    assert told(compiled(loss="loss"), "3.7.0", writer="3.5.0") == []


def test_numbers_below_a_layer_of_the_users_tell_which_class_was_counted_twice() -> None:
    own = make_layer("Encoder", module="mine", name="encoder")

    def lost(*names: str) -> list[str]:
        held = tuple(
            TensorSpec(name=f"layers/encoder/proj/layers/{name}/vars/0", shape=(4, 2), dtype="float32")
            for name in names
        )
        seen = problems(make_content(own, weights=held), "3.7.0", writer="2.13.1", kind="keras")
        return [problem.subject for problem in seen if problem.code == "EL107"]

    assert lost("dense", "dense_2") == ["Dense 'dense_2'"]
    assert lost("dense", "dense_1") == []


MINE = {"class_name": "Mine", "module": "mine", "registered_name": "Mine", "config": {"units": 4}}


@pytest.mark.parametrize(
    ("place", "reader", "lost"),
    [
        ("encoder/_layer_checkpoint_dependencies", "3.7.0", ["Dense 'dense'"]),
        ("encoder/layers", "3.7.0", []),
        ("_layer_checkpoint_dependencies", "3.7.0", []),
        ("_layer_checkpoint_dependencies", "3.0.1", ["Dense 'dense'"]),
    ],
)
def test_a_model_of_the_users_hides_the_layers_of_2_13_in_the_models_inside_it(
    place: str, reader: str, lost: list[str]
) -> None:
    held = (TensorSpec(name=f"{place}/dense/vars/0", shape=(4, 2), dtype="float32"),)
    content = Content(config=MINE, compile_config=None, weights=held)

    found = problems(content, reader, writer="2.13.1", kind="keras")

    assert [problem.subject for problem in found if problem.code == "EL107"] == lost


def subclassed(config: dict[str, Any], *names: str, **facts: Any) -> Content:
    held = tuple(TensorSpec(name=f"{name}/vars/0", shape=(4, 2), dtype="float32") for name in names)
    whole = MINE | {"config": config, "build_config": {"input_shape": [None, 4]}}
    return Content(**{"config": whole, "compile_config": None, "weights": held} | facts)


FUNCTIONAL, SEQUENTIAL = "layers/functional/layers/dense", "layers/sequential/layers/dense"
BASE = {"name": "mine", "trainable": True, "dtype": "float32"}


@pytest.mark.parametrize(
    ("writer", "config", "names", "functional", "codes"),
    [
        ("2.15.0", {}, [FUNCTIONAL, SEQUENTIAL], ["layers/functional"], ["EL124"]),
        ("2.15.0", {}, [FUNCTIONAL, "layers/dense"], ["layers/functional"], []),
        ("2.15.0", {}, [SEQUENTIAL, "layers/sequential_1/layers/dense"], [], []),
        ("2.15.0", {}, [SEQUENTIAL, "layers/sequential_1/layers/dense", "optimizer"], [], []),
        ("2.15.0", {}, [SEQUENTIAL, "layers/sequential_1/layers/dense", "d_optimizer"], [], ["EL124"]),
        ("2.15.0", {}, ["dense", "d_optimizer"], [], []),
        ("2.15.0", {"units": 4}, [FUNCTIONAL, SEQUENTIAL], ["layers/functional"], []),
        ("3.5.0", BASE, ["encoder/layers/dense", "decoder/layers/dense"], ["encoder"], ["EL124"]),
        ("3.5.0", BASE, ["encoder/layers/dense", "decoder/layers/dense"], [], []),
        ("3.5.0", BASE, ["encoder/layers/dense"], ["encoder"], []),
        ("3.5.0", {**BASE, "units": 4}, ["encoder/layers/dense", "b/layers/dense"], ["encoder"], []),
    ],
)
def test_a_model_that_was_made_from_models_does_not_carry_them(
    writer: str, config: dict[str, Any], names: list[str], functional: list[str], codes: list[str]
) -> None:
    content = subclassed(config, *names, functional=tuple(functional))

    assert [problem.code for problem in problems(content, "3.7.0", writer=writer, kind="keras")] == codes


@pytest.mark.parametrize(
    ("built", "names", "codes"), [(False, [""], ["EL128"]), (True, [""], []), (False, ["a/"], [])]
)
def test_variables_that_a_model_makes_when_it_is_built_need_it_to_be_built(
    built: bool, names: list[str], codes: list[str]
) -> None:
    content = subclassed({"units": 4})
    held = tuple(TensorSpec(name=f"{name}vars/0", shape=(4, 2), dtype="float32") for name in names)
    build = {"build_config": {"input_shape": [None, 4]}} if built else {}
    content = Content(config=MINE | build, compile_config=None, weights=held)

    found = problems(content, "3.7.0", kind="keras")

    assert [problem.code for problem in found] == codes
    assert all("Layer 'mine' expected 0 variables" in problem.error for problem in found)


def test_a_layer_of_the_users_own_model_that_2_13_counted_twice_is_displaced() -> None:
    def lost(*names: str) -> list[str]:
        content = subclassed({"units": 4}, *(f"_layer_checkpoint_dependencies/{name}" for name in names))
        found = problems(content, "3.7.0", writer="2.13.1", kind="keras")
        return [problem.code for problem in found]

    assert lost("dense", "dense_1") == []
    assert lost("dense", "dense_2") == ["EL107"]


@pytest.mark.parametrize(("config", "codes"), [({"units": 4}, []), ({"name": "mine"}, ["EL128"])])
def test_a_model_in_an_h5_of_keras_2_makes_its_layers_of_its_own_arguments(
    config: dict[str, Any], codes: list[str]
) -> None:
    held = (TensorSpec(name="model_weights/dense/dense/kernel:0", shape=(4, 2), dtype="float32"),)
    content = Content(config=MINE | {"config": config}, compile_config=None, weights=held)

    assert [problem.code for problem in problems(content, "3.11.3", writer="2.13.1")] == codes


@pytest.mark.parametrize(("writer", "codes"), [("3.5.0", []), ("3.15.1", ["EL121"])])
def test_a_function_that_came_to_keras_3_later_is_the_users_before(writer: str, codes: list[str]) -> None:
    content = make_content(make_layer("Activation", name="sp", activation="squareplus"))

    assert [problem.code for problem in problems(content, "3.3.3", writer=writer, kind="keras")] == codes


def test_a_function_that_came_to_keras_later_is_the_users_in_an_h5_of_before() -> None:
    model = old_model(old_layer("Dense", units=3, activation="mish"))

    assert [code for code, _ in told(model, "3.7.0", writer="2.10.0")] == ["EL125"]
    assert told(model, "3.7.0", writer="2.15.0") == []
    assert told(model, "3.7.0", writer="2.10.0", is_code_missing=True) == []
