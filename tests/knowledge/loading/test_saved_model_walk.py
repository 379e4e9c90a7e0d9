from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judged import (
    make_artifact,
    make_comparison,
    make_fingerprint,
    make_keras,
    make_packages,
    make_tensorflow,
)

from envlock.facts import KERAS_LOADER, SAVED_MODEL_LOADER, Content, Signature, Unknown
from envlock.knowledge.loading import saved_model
from envlock.knowledge.releases import keras
from envlock.knowledge.rule import Comparison, release
from envlock.values import replace

SERVED = (Signature(name="serving_default", inputs=(), outputs=()),)
BOTH = (SAVED_MODEL_LOADER, KERAS_LOADER)


def seen(
    content: Content,
    *,
    tensorflow: str = "2.15.1",
    reader: str = "2.15.0",
    writer: Any = "2.15.0",
    provider: str = "keras",
    **facts: Any,
) -> Comparison:
    current = make_fingerprint(
        tensorflow=make_tensorflow(tensorflow),
        keras=make_keras(reader, provider=provider, tf_keras=facts.pop("tf_keras", None)),
        packages=facts.pop("packages", ()),
    )
    stated = {"stamps": facts.pop("stamps", {}), "tensorflow_version": facts.pop("written_by", "2.15.1")}
    artifact = make_artifact("saved-model", writer, **stated)
    return make_comparison(current=current, artifact=artifact, content=content, **facts)


def graph(content: Content, **facts: Any) -> list[tuple[str, str, str]]:
    return [
        (problem.code, problem.subject, problem.error)
        for problem in saved_model.graph(seen(content, **facts))
    ]


def make_graph(**facts: Any) -> Content:
    return Content(**{"config": None, "signatures": SERVED} | facts)


# tf.saved_model.load


def test_a_graph_of_known_operations_loads():
    content = make_graph(ops={"MatMul": 2}, op_values={"MatMul": {"T": ["float32"]}}, called=("MatMul",))

    assert graph(content) == []


def test_an_operation_that_came_later_is_not_registered():
    content = make_graph(ops={"DisableCopyOnRead": 1}, op_values={"DisableCopyOnRead": {}})

    found = list(saved_model.graph(seen(content, tensorflow="2.8.4", reader="2.8.0")))

    assert [(problem.code, problem.message, problem.error, problem.loaders) for problem in found] == [
        (
            "EL114",
            "the graph uses DisableCopyOnRead, which TensorFlow has since 2.10, not in 2.8.4",
            "Op type not registered 'DisableCopyOnRead' in binary running on",
            BOTH,
        )
    ]


def test_an_operation_that_was_taken_out_is_not_registered():
    (found,) = saved_model.graph(seen(make_graph(ops={"Rpc": 1}, op_values={"Rpc": {}})))

    assert found.message == "the graph uses Rpc, which TensorFlow has before 2.5, not in 2.15.1"


def test_what_only_the_graph_itself_uses_is_not_imported():
    content = make_graph(ops={"DisableCopyOnRead": 1, "MatMul": 1}, op_values={"MatMul": {}})

    assert graph(content, tensorflow="2.8.4", reader="2.8.0") == []


def test_a_lock_that_knows_no_values_is_judged_by_all_operations():
    assert graph(make_graph(ops={"Houses": 1})) == [
        ("EL114", "Houses", "Op type not registered 'Houses' in binary running on")
    ]


@pytest.mark.parametrize("op", ["TFText>FastBertNormalize", "WordpieceTokenizeWithOffsets"])
def test_an_operation_of_a_package_names_it(op):
    content = make_graph(ops={op: 1}, op_values={op: {}})

    (found,) = saved_model.graph(seen(content))

    assert (
        found.message
        == f"the graph uses {op} of tensorflow-text, which TensorFlow 2.15.1 alone does not have"
    )


def test_a_package_that_is_there_is_supposed_to_be_imported():
    content = make_graph(ops={"Addons>Resampler": 1}, op_values={"Addons>Resampler": {}})
    packages = make_packages(tensorflow_addons="0.23.0")

    assert graph(content, packages=packages) == []
    assert len(graph(content, packages=packages, is_code_missing=True)) == 1


def test_of_a_tensorflow_newer_than_the_tables_only_what_is_gone_is_told():
    content = make_graph(
        ops={"Houses": 1, "Rpc": 1, "Cast": 1},
        op_values={"Houses": {}, "Rpc": {}, "Cast": {"SrcT": ["DataType 99"]}},
    )

    assert [subject for _, subject, _ in graph(content, tensorflow="2.30.0", reader="3.20.0")] == ["Rpc"]


def test_an_unknown_setting_is_passed_over_since_2_5_unless_it_is_a_type():
    content = make_graph(
        ops={"MatMul": 1, "TopKV2": 1},
        op_values={"MatMul": {"grad_a": ["true"]}, "TopKV2": {"index_type": ["int64"]}},
    )

    assert [subject for _, subject, _ in graph(content, tensorflow="2.4.4", reader="2.4.0")] == [
        "MatMul",
        "TopKV2",
    ]
    assert graph(content, tensorflow="2.10.1", reader="2.10.0") == [
        ("EL114", "TopKV2", "NodeDef mentions attr 'index_type' not in Op<name=TopKV2")
    ]


@pytest.mark.parametrize(("name", "value"), [("grad_a", "false"), ("later", "1"), ("grad_a", "?")])
def test_an_unknown_setting_at_its_default_does_no_harm(name, value):
    content = make_graph(ops={"MatMul": 1}, op_values={"MatMul": {name: [value]}})

    assert graph(content, tensorflow="2.4.4", reader="2.4.0") == []


def test_a_type_that_an_operation_does_not_take_is_named():
    content = make_graph(ops={"MatMul": 1}, op_values={"MatMul": {"T": ["float32", "uint8"]}})

    assert graph(content, tensorflow="2.4.4", reader="2.4.0") == [
        ("EL114", "MatMul", "Value for attr 'T' of uint8 is not in the list of allowed values")
    ]


def test_a_type_of_the_future_is_named():
    content = make_graph(
        ops={"Identity": 1, "IdentityN": 1},
        op_values={"Identity": {"T": ["float8_e5m2"]}, "IdentityN": {"T": ["[float32,DataType 99]"]}},
    )

    assert [subject for _, subject, _ in graph(content, tensorflow="2.11.1", reader="2.11.0")] == [
        "Identity",
        "IdentityN",
    ]
    assert [subject for _, subject, _ in graph(content)] == ["IdentityN"]


def test_an_operation_without_kernel_fails_when_it_is_called():
    ops = {"BoostedTreesPredict": 1}
    content = make_graph(ops=ops, op_values={"BoostedTreesPredict": {}}, called=("BoostedTreesPredict",))

    (found,) = saved_model.graph(seen(content, tensorflow="2.21.0", reader="3.15.1", writer=None))

    assert (found.code, found.loaders) == ("EL114", (SAVED_MODEL_LOADER,))
    assert graph(make_graph(ops=ops, op_values={"BoostedTreesPredict": {}}), tensorflow="2.21.0") == []


def test_a_graph_for_later_readers_is_refused():
    assert graph(make_graph(), stamps={"graph-def-min-consumer": "2000"}) == [
        ("EL114", "GraphDef", "GraphDef min consumer version 2000 above current version 1645")
    ]


@pytest.mark.parametrize("least", ["12", "", "x", "9" * 5000])
def test_a_graph_for_this_reader_is_not(least):
    assert graph(make_graph(), stamps={"graph-def-min-consumer": least}) == []


def test_slots_are_taken_by_the_keras_that_wrote_them():
    content = make_graph(slots=("optimizer",))

    assert graph(content) == []
    assert graph(content, tensorflow="2.21.0", reader="3.15.1") == [
        ("EL115", "optimizer", "'_UserObject' object has no attribute 'add_slot'")
    ]


def test_slots_are_taken_where_tf_keras_is_found_beside_keras_3():
    content = make_graph(slots=("optimizer",))

    assert graph(content, tensorflow="2.21.0", reader="3.15.1", tf_keras="2.21.0") == []
    assert (
        graph(content, tensorflow="2.21.0", reader="3.15.1", packages=make_packages(tf_keras="2.21.0")) == []
    )
    assert graph(content, tensorflow="2.21.0", reader="2.21.0", provider="tf-keras") == []


def test_slots_of_the_users_own_are_taken_by_nobody():
    assert len(graph(make_graph(slots=("_generic_user_object",)))) == 1


def test_a_missing_file_is_named():
    assert graph(make_graph(missing=("variables/variables.index",))) == [
        ("EL132", "variables/variables.index", "variables/variables.index; No such file or directory")
    ]


def test_a_signature_that_is_not_there_is_named():
    other = (Signature(name="score", inputs=(), outputs=()),)

    (found,) = saved_model.graph(seen(make_graph(signatures=other)))

    assert (found.code, found.message, found.loaders) == (
        "EL134",
        "the model offers no signature serving_default; it has `score`",
        (SAVED_MODEL_LOADER,),
    )
    assert len(graph(make_graph(signatures=()))) == 1
    assert graph(make_graph(signatures=Unknown("not read"))) == []


@pytest.mark.parametrize(
    ("written_by", "tensorflow", "codes"),
    [
        ("2.14.1", "2.12.1", ["EL118"]),
        ("2.21.0", "2.11.1", ["EL118"]),
        ("2.13.1", "2.12.1", []),
        ("2.21.0", "2.13.1", []),
        ("2.21.0", "2.10.1", []),
        (None, "2.12.1", []),
    ],
)
def test_two_releases_do_not_restore_the_tables_of_later_ones(written_by, tensorflow, codes):
    content = make_graph(ops={"LookupTableExportV2": 1}, op_values={"LookupTableExportV2": {}})

    found = graph(content, written_by=written_by, tensorflow=tensorflow, reader=f"{tensorflow[:4]}.0")

    assert [code for code, _, _ in found] == codes


def test_random_numbers_in_the_signature_are_silent():
    content = make_graph(ops={"RandomUniform": 1}, called=("RandomUniform",))

    (found,) = saved_model.graph(seen(content))

    assert (found.code, found.is_silent) == ("EL131", True)


def test_a_signature_that_changes_variables_goes_on_from_the_call_before():
    (found,) = saved_model.graph(seen(make_graph(ops={}, is_changing=True)))

    assert (found.code, found.is_silent) == ("EL131", True)
    assert graph(make_graph(ops={}, is_changing=False)) == []


@pytest.mark.parametrize(("dtypes", "codes"), [(["float32"], []), (["float32", "int64"], ["EL131"])])
def test_random_numbers_of_a_constant_seed_are_always_the_same(dtypes, codes):
    op = "StatelessRandomNormalV2"
    content = make_graph(ops={op: 1}, called=(op,), op_values={"ReadVariableOp": {"dtype": dtypes}})

    assert [problem.code for problem in saved_model.graph(seen(content))] == codes


def test_without_tensorflow_nothing_is_said_of_operations():
    assert graph(make_graph(ops={"Houses": 1}), tensorflow=Unknown("not said")) == []


@pytest.mark.parametrize(
    "odd", [None, [], "x", {"MatMul": []}, {"MatMul": {"T": "x"}}, {"MatMul": {"T": [1]}}]
)
def test_odd_values_in_a_lock_are_passed_over(odd):
    assert graph(make_graph(ops={"MatMul": 1}, op_values=odd)) == []


# load_model


def make_said(class_name: str, **facts: Any) -> dict[str, Any]:
    config = {"name": class_name.lower()} | facts.pop("config", {})
    return {"class_name": class_name, "name": class_name.lower(), "config": config} | facts


def make_model(kind: str = "_tf_keras_network", **said: tuple[str, dict[str, Any]]) -> Content:
    """A SavedModel of Keras 2 whose objects are given by path, `_` for a dot, with kind and description."""
    parts = {f"root.{path}".replace("__", "."): value for path, (_, value) in said.items()}
    kinds = {f"root.{path}".replace("__", "."): name for path, (name, _) in said.items()}
    root = make_said("Functional", is_graph_network=True, config={"layers": []})
    return Content(
        config=root,
        signatures=SERVED,
        has_keras_metadata=True,
        parts=parts,
        identifiers={"root": kind, **kinds},
    )


def model(content: Content, *, reader: str = "2.15.0", **facts: Any) -> list[tuple[str, str, str]]:
    provider = facts.get("provider", "keras")
    api = keras("tensorflow" if release(reader) < (2, 6) else provider, release(reader))
    found = saved_model.keras(seen(content, reader=reader, **facts), api)
    return [(problem.code, problem.subject, problem.error) for problem in found]


LAYER, RECURRENT, METRIC = "_tf_keras_layer", "_tf_keras_rnn_layer", "_tf_keras_metric"
NEW_KEY = make_said("Dense", config={"units": 3, "paint": "red"})


def test_a_model_of_known_layers_is_revived():
    assert model(make_model(dense=(LAYER, make_said("Dense", config={"units": 3})))) == []


def test_keras_3_refuses_every_folder():
    assert model(make_model(), reader="3.5.0", tensorflow="2.17.0") == [
        ("EL104", "house", "File format not supported: filepath=house")
    ]


def test_an_export_is_no_model():
    assert model(Content(config=None), writer=None) == [
        ("EL105", "house", "'_UserObject' object has no attribute 'predict'")
    ]


def test_a_model_saved_by_tensorflow_alone_has_lost_its_description():
    content = Content(config=None, identifiers={"root": "_tf_keras_sequential"})

    assert model(content, writer=None) == [
        ("EL105", "house", "Unable to create a Keras model from SavedModel at")
    ]
    assert model(content, writer=None, reader="2.4.0", tensorflow="2.4.4") == [
        ("EL105", "house", "Expecting value: line 1 column 1 (char 0)")
    ]


def test_a_description_beside_the_graph_is_not_read_before_2_5():
    assert model(make_model(), reader="2.4.0", tensorflow="2.4.4", writer="2.8.0") == [
        ("EL105", "house", "Expecting value: line 1 column 1 (char 0)")
    ]


def test_an_unknown_key_falls_back_to_the_stored_functions_since_2_12():
    assert model(make_model(dense=(LAYER, NEW_KEY)), reader="2.12.0") == []


def test_an_unknown_key_is_taken_for_a_name_given_twice_before():
    ((code, subject, error),) = model(make_model(dense=(LAYER, NEW_KEY)), reader="2.10.0")

    assert (code, subject) == ("EL108", "Dense 'dense'")
    assert error.startswith("Unable to restore object of class 'Dense' likely due to name conflict")


def test_a_layer_without_stored_functions_has_no_fallback():
    said = {**make_said("Rescaling", config={"scale": 2.0, "paint": "red"}), "must_restore_from_config": True}

    assert [found[:2] for found in model(make_model(rescaling=(LAYER, said)))] == [
        ("EL108", "Rescaling 'rescaling'")
    ]


def test_a_recurrent_layer_has_no_stand_in():
    cell = {"class_name": "Cell", "config": {"units": 3}}
    content = make_model(rnn=(RECURRENT, make_said("RNN", config={"cell": cell})))

    assert model(content) == []
    assert model(content, is_code_missing=True) == [
        ("EL201", "Cell", 'Unable to restore custom object of class "RNN" (type _tf_keras_rnn_layer)')
    ]


def test_what_a_revived_layer_holds_is_not_revived_again():
    inner = make_said("LSTMCell", config={"units": 3, "paint": "red"})
    content = make_model(lstm=(RECURRENT, make_said("LSTM", config={"units": 3})), lstm__cell=(LAYER, inner))

    assert model(content, reader="2.10.0") == []


def test_a_custom_layer_that_cannot_be_had_runs_its_stored_functions():
    assert model(make_model(gate=(LAYER, make_said("Gate"))), is_code_missing=True) == []


def test_a_custom_metric_that_cannot_be_had_breaks_unless_nothing_is_compiled():
    content = make_model(keras_api__metrics__0=(METRIC, make_said("Score")))

    (found,) = saved_model.keras(seen(content, is_code_missing=True), keras("keras", (2, 15, 0)))

    assert (found.code, found.subject, found.avoided_by) == ("EL201", "Score", "compile=False")
    assert model(content) == []


def test_a_preprocessing_layer_that_cannot_be_built_is_named():
    said = {**make_said("RandomFlip", config={"mode": "horizontal"}), "must_restore_from_config": True}
    built = {**said, "build_input_shape": {"class_name": "TensorShape", "items": [None, 4, 4, 3]}}

    assert [found[:2] for found in model(make_model(flip=(LAYER, said)))] == [
        ("EL120", "RandomFlip 'randomflip'")
    ]
    assert model(make_model(flip=(LAYER, built))) == []


@pytest.mark.parametrize(("tracked", "codes"), [(["_table"], ["EL118"]), (["lookup_table"], [])])
def test_a_table_that_is_kept_under_another_name_is_named(tracked, codes):
    said = {**make_said("StringLookup"), "must_restore_from_config": True}
    content = make_model(lookup=(LAYER, said))

    found = seen(Content(**_facts(content) | {"tracked": {"root.lookup": tracked}}))

    assert [item.code for item in saved_model.keras(found, keras("keras", (2, 15, 0)))] == codes


def _facts(content: Content) -> dict[str, Any]:
    return {key: getattr(content, key) for key in ("config", "has_keras_metadata", "parts", "identifiers")}


def test_a_sequential_makes_its_input_layer_from_the_configuration():
    layers = [{"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4], "optional": False}}]
    root = make_said("Sequential", is_graph_network=True, config={"layers": layers})
    content = Content(config=root, has_keras_metadata=True, identifiers={"root": "_tf_keras_sequential"})

    assert [found[0] for found in model(content)] == ["EL108"]


def test_hashing_without_salt_is_written_with_one_up_to_2_5():
    said = make_said("Hashing", config={"num_bins": 3, "salt": [0xDECAFCAFFE] * 2})
    content = make_model(hashing=(LAYER, {**said, "must_restore_from_config": True}))

    (found,) = saved_model.keras(seen(content, writer="2.4.0"), keras("keras", (2, 15, 0)))

    assert found.is_silent


@pytest.mark.parametrize("odd", [None, [], "x", {"class_name": 3, "config": {}}, {"config": {"layers": 3}}])
def test_odd_descriptions_are_passed_over(odd):
    content = make_model(layer=(LAYER, odd), metric=(METRIC, odd))

    assert [
        found for found in model(content, is_code_missing=True) if found[0] not in {"EL201", "EL123"}
    ] == []


# Whatever a file holds

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["class_name", "config", "name", "layers", "fn", "items", "vocabulary", "salt", "stateful"]
            ),
            inner | st.sampled_from(["Dense", "RNN", "StringLookup", "TextVectorization", "__tuple__"]),
            max_size=5,
        )
    ),
    max_leaves=15,
)


@settings(max_examples=60, deadline=None)
@given(
    said=st.dictionaries(st.sampled_from(["root.a", "root.a.b", "root.c"]), ANYTHING, max_size=3),
    root=ANYTHING,
    compiled=ANYTHING,
    values=ANYTHING,
    kind=st.sampled_from([LAYER, RECURRENT, METRIC, "_tf_keras_sequential", "", "x"]),
)
def test_no_file_is_too_odd_for_a_walk(said, root, compiled, values, kind):
    content = Content(
        config=root if isinstance(root, dict) else {},
        compile_config=compiled if isinstance(compiled, dict) else None,
        ops={"MatMul": 1},
        op_values=values if isinstance(values, dict) else {"MatMul": values},
        has_keras_metadata=True,
        parts=said,
        identifiers={"root": "_tf_keras_sequential"} | dict.fromkeys(said, kind),
        tracked={path: ["x"] for path in said},
    )

    for reader, tensorflow in (("2.4.0", "2.4.4"), ("2.10.0", "2.10.1"), ("2.15.0", "2.15.1")):
        model(content, reader=reader, tensorflow=tensorflow, writer="2.5.0", is_code_missing=True)
        graph(content, reader=reader, tensorflow=tensorflow)


@pytest.mark.parametrize(
    ("config", "reader", "is_code_missing", "told"),
    [
        ({"units": 3}, "2.8.0", False, ["EL124"]),
        ({"units": 3}, "2.10.0", False, []),
        ({"units": 3}, "2.8.0", True, []),
        ({"layer was saved without config": True}, "2.8.0", False, []),
    ],
)
def test_before_2_9_a_model_of_the_users_is_made_of_layers_alone(config, reader, is_code_missing, told):
    content = make_model("_tf_keras_model")
    content = replace(content, config={"class_name": "Mine", "name": "mine", "config": config})

    found = model(content, reader=reader, writer="2.8.0", is_code_missing=is_code_missing)

    assert [code for code, _, _ in found] == told
    assert all(error == "KeyError: 'layers'" for _, _, error in found)
