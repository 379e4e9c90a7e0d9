from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from envlock.artifacts import protobuf, saved_model
from envlock.artifacts.reading import Reading, nodes
from envlock.errors import ArtifactError
from envlock.facts import Content, Signature, TensorSpec, Unknown

SAMPLES = Path(__file__).parent / "samples"
KERAS_2 = SAMPLES / "savedmodel-tensorflow-2.15-keras-2.15"
KERAS_3 = SAMPLES / "savedmodel-tensorflow-2.21-keras-3.15"
KERAS_2_4 = SAMPLES / "savedmodel-tensorflow-2.4-keras-2.4"
SUBCLASSED = SAMPLES / "savedmodel-tensorflow-2.15-subclassed"

OPS = {
    "AssignVariableOp": 9, "BiasAdd": 1, "Const": 10, "DisableCopyOnRead": 6, "Identity": 25, "MatMul":
    2, "MergeV2Checkpoints": 1, "Mul": 1, "NoOp": 7, "Pack": 1, "Placeholder": 3, "ReadVariableOp": 21,
    "RestoreV2": 1, "SaveV2": 1, "Select": 1, "ShardedFilename": 1, "StatefulPartitionedCall": 6,
    "StaticRegexFullMatch": 1, "StringJoin": 1, "VarHandleOp": 9, "VarIsInitializedOp": 3,
}  # fmt: skip


def _number(value: int) -> bytes:
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])


def _field(number: int, value: int | str | bytes) -> bytes:
    """One field of a protocol buffer: a whole number, or what has a length."""
    if isinstance(value, int):
        return _number(number << 3) + _number(value % (1 << 64))
    data = value.encode() if isinstance(value, str) else value
    return _number(number << 3 | 2) + _number(len(data)) + data


def _node(op: str) -> bytes:
    return _field(1, f"name of {op}") + _field(2, op)


def _function(name: str, ops: Iterable[str]) -> bytes:
    return _field(1, _field(1, name)) + b"".join(_field(3, _node(op)) for op in ops)


def _tensor(name: str, dtype: int, shape: Iterable[int]) -> bytes:
    dims = b"".join(_field(2, _field(1, size)) for size in shape)
    return _field(1, name) + _field(2, _field(2, dtype) + _field(3, dims))


def _folder(path: Path, graph: bytes, metadata: bytes | None = None) -> Path:
    """A SavedModel of one graph, with what Keras 2 would say of it."""
    path.mkdir()
    (path / "saved_model.pb").write_bytes(_field(1, 1) + _field(2, graph))
    if metadata is not None:
        (path / "keras_metadata.pb").write_bytes(metadata)
    return path


def _metadata(text: str, identifier: str = "root") -> bytes:
    return _field(1, _field(2, 1) + _field(3, identifier) + _field(4, "_tf_keras_layer") + _field(5, text))


# Real ones


def test_a_model_that_keras_2_saved_names_versions_and_signature() -> None:
    found = saved_model.read(KERAS_2)

    assert replace(found, content=Content()) == Reading(
        format="saved-model",
        keras_version="2.15.0",
        tensorflow_version="2.15.1",
        content=Content(),
        inputs=(TensorSpec(name="input_1", shape=(-1, 5), dtype="float32"),),
        outputs=(TensorSpec(name="dense", shape=(-1, 2), dtype="float32"),),
        stamps={
            "backend": "tensorflow",
            "graph-def-min-consumer": "12",
            "graph-def-producer": "1645",
            "saved-model-schema-version": "1",
            "tags": "serve",
            "tensorflow-git-version": "v2.15.0-11-g63f5a65c7cd",
        },
    )


def test_a_model_that_keras_3_exported_names_tensorflow_and_no_keras() -> None:
    found = saved_model.read(KERAS_3)

    inputs = (TensorSpec(name="keras_tensor", shape=(-1, 5), dtype="float32"),)
    outputs = (TensorSpec(name="output_0", shape=(-1, 2), dtype="float32"),)
    assert replace(found, content=replace(found.content, op_values={}, called=())) == Reading(
        format="saved-model",
        keras_version=None,
        tensorflow_version="2.21.0",
        content=Content(
            ops=OPS,
            signatures=tuple(
                Signature(name=name, inputs=inputs, outputs=outputs) for name in ("serve", "serving_default")
            ),
            missing=("variables/variables.index",),
        ),
        inputs=inputs,
        outputs=outputs,
        stamps={
            "graph-def-min-consumer": "12",
            "graph-def-producer": "2474",
            "saved-model-schema-version": "1",
            "tags": "serve",
            "tensorflow-git-version": "v2.21.0-rc1-5-ga481b10260d",
        },
    )


def test_a_model_of_tensorflow_2_4_has_its_description_in_the_graph() -> None:
    found = saved_model.read(KERAS_2_4)

    assert (found.keras_version, found.tensorflow_version, found.stamps["graph-def-producer"]) == (
        "2.4.0",
        "2.4.4",
        "561",
    )
    assert found.content.has_keras_metadata
    assert [node.label for node in nodes(found.content.config["config"]["layers"]) if node.slot == ""] == [
        "InputLayer 'input_1'",
        "Gate 'gate'",
        "Dense 'dense'",
    ]
    assert {path: part["class_name"] for path, part in found.content.parts.items()} == {
        "root.layer-0": "InputLayer",
        "root.layer_with_weights-0": "Gate",
        "root.layer_with_weights-1": "Dense",
    }


def test_the_layers_of_a_subclassed_model_are_its_parts() -> None:
    content = saved_model.read(SUBCLASSED).content

    assert {
        path: (part["class_name"], part["config"]["activation"]) for path, part in content.parts.items()
    } == {
        "root.d": ("Dense", "act"),
        "root.e": ("Dense", "linear"),
    }


def test_the_variables_of_a_model_are_its_weights() -> None:
    assert saved_model.weights(SUBCLASSED) == (
        TensorSpec(name="sub/dense_10/bias", shape=(1,), dtype="float32"),
        TensorSpec(name="sub/dense_10/kernel", shape=(2, 1), dtype="float32"),
        TensorSpec(name="sub/dense_9/bias", shape=(2,), dtype="float32"),
        TensorSpec(name="sub/dense_9/kernel", shape=(4, 2), dtype="float32"),
    )


def test_the_architecture_is_what_keras_2_left_beside_the_graph() -> None:
    content = saved_model.read(KERAS_2).content

    assert [node.label for node in nodes(content.config["config"]["layers"]) if node.slot == ""] == [
        "InputLayer 'input_1'",
        "envlock_a>ScaledDense 'scaled_dense'",
        "Dense 'dense'",
    ]
    assert (content.compile_config, content.has_keras_metadata) == (None, True)


# Made ones


def test_a_folder_is_recognised_by_its_graph(tmp_path: Path) -> None:
    assert saved_model.matches(tmp_path) is False
    (tmp_path / "saved_model.pb").touch()
    assert saved_model.matches(tmp_path) is True


def test_a_file_is_no_saved_model_folder(tmp_path: Path) -> None:
    path = tmp_path / "saved_model.pb"
    path.touch()

    assert saved_model.matches(path) is False


def test_operations_are_counted_over_the_graph_and_its_functions(tmp_path: Path) -> None:
    library = _field(1, _function("double", ["Mul", "Const"])) + _field(
        1, _function("call", ["double", "Mul"])
    )
    graph = _field(2, _field(1, _node("Placeholder")) + _field(1, _node("Const")) + _field(2, library))

    found = saved_model.read(_folder(tmp_path / "house", graph))

    assert found.content.ops == {"Const": 2, "Mul": 2, "Placeholder": 1}


def test_objects_with_slot_variables_are_named_once_in_order(tmp_path: Path) -> None:
    slot = _field(3, _field(1, 7))
    objects = [
        _field(4, _field(1, "trackable_list_wrapper")),
        slot + slot + _field(4, _field(1, "optimizer")),
        slot + _field(4, _field(1, "ema")),
        slot + _field(4, _field(1, "optimizer")),
    ]
    graph = _field(7, b"".join(_field(1, item) for item in objects))

    found = saved_model.read(_folder(tmp_path / "house", graph))

    assert found.content.slots == ("ema", "optimizer")


def test_a_signature_is_sorted_by_name_with_shapes_and_types(tmp_path: Path) -> None:
    tensors = [_tensor("rooms", 1, [-1, 4]), _tensor("age", 9, [-1]), _tensor("street", 7, [2, 300])]
    definition = b"".join(_field(1, item) for item in tensors) + _field(2, _tensor("price", 19, [1]))
    other = _field(1, "training") + _field(2, _field(1, _tensor("lost", 1, [1])))
    served = _field(1, "serving_default") + _field(2, definition)

    found = saved_model.read(_folder(tmp_path / "house", _field(5, other) + _field(5, served)))

    assert found.inputs == (
        TensorSpec(name="age", shape=(-1,), dtype="int64"),
        TensorSpec(name="rooms", shape=(-1, 4), dtype="float32"),
        TensorSpec(name="street", shape=(2, 300), dtype="string"),
    )
    assert found.outputs == (TensorSpec(name="price", shape=(1,), dtype="float16"),)


def test_every_type_of_a_tensor_has_its_name(tmp_path: Path) -> None:
    # https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/types.proto
    names = {
        1: "float32",
        2: "float64",
        3: "int32",
        4: "uint8",
        5: "int16",
        6: "int8",
        7: "string",
        8: "complex64",
        9: "int64",
        10: "bool",
        14: "bfloat16",
        17: "uint16",
        18: "complex128",
        19: "float16",
        20: "resource",
        22: "uint32",
        23: "uint64",
    }
    tensors = b"".join(_field(1, _tensor(f"{number:02}", number, [])) for number in names)
    served = _field(1, "serving_default") + _field(2, tensors)

    found = saved_model.read(_folder(tmp_path / "house", _field(5, served)))

    assert {int(spec.name): spec.dtype for spec in found.inputs} == names


def test_without_a_serving_signature_inputs_and_outputs_are_unknown(tmp_path: Path) -> None:
    found = saved_model.read(_folder(tmp_path / "house", _field(5, _field(1, "training"))))

    reason = Unknown("the SavedModel has no signature serving_default")
    assert (found.inputs, found.outputs) == (reason, reason)


def test_a_graph_that_names_no_tensorflow_has_none(tmp_path: Path) -> None:
    found = saved_model.read(_folder(tmp_path / "house", _field(1, _field(4, "serve"))))

    assert found.tensorflow_version is None


def test_fields_of_every_kind_are_passed_over(tmp_path: Path) -> None:
    fixed = (
        _number(20 << 3 | 1) + b"\xff" * 8 + _number(21 << 3 | 5) + b"\xff" * 4 + _field(22, (1 << 64) - 1)
    )

    found = saved_model.read(_folder(tmp_path / "house", fixed + _field(1, _field(5, "2.15.1"))))

    assert found.tensorflow_version == "2.15.1"


def test_the_root_of_the_metadata_is_the_model_and_names_keras(tmp_path: Path) -> None:
    root = {"keras_version": "2.8.0", "class_name": "Model", "training_config": {"loss": "mse"}}
    metadata = _metadata('{"class_name": "Dense"}', "root.layer") + _metadata(json.dumps(root))

    found = saved_model.read(_folder(tmp_path / "house", b"", metadata))

    assert (found.keras_version, found.content) == (
        "2.8.0",
        Content(
            config=root,
            compile_config={"loss": "mse"},
            has_keras_metadata=True,
            parts={"root.layer": {"class_name": "Dense"}},
            identifiers={"root.layer": "_tf_keras_layer", "root": "_tf_keras_layer"},
        ),
    )


def test_metadata_without_a_root_names_no_keras(tmp_path: Path) -> None:
    found = saved_model.read(_folder(tmp_path / "house", b"", _metadata("{}", "root.layer")))

    assert (found.keras_version, found.content) == (
        None,
        Content(
            config={},
            compile_config=None,
            has_keras_metadata=True,
            parts={"root.layer": {}},
            identifiers={"root.layer": "_tf_keras_layer"},
        ),
    )


# Graphs and metadata of other kinds


def _saved_object(children: dict[str, int], metadata: str = "", identifier: str = "_tf_keras_layer") -> bytes:
    held = b"".join(_field(1, _field(1, number) + _field(2, name)) for name, number in children.items())
    return _field(1, held + _field(4, _field(1, identifier) + _field(3, metadata)))


def test_metadata_in_the_graph_hangs_where_the_objects_do_even_in_circles(tmp_path: Path) -> None:
    objects = [
        _saved_object({"layer-0": 1, "self": 0, "gone": 9}, '{"keras_version": "2.4.0"}', "_tf_keras_model"),
        _saved_object({"cell": 2, "owner": 0}, '{"class_name": "RNN"}'),
        _saved_object({}, '{"class_name": "LSTMCell"}'),
        _saved_object({}, '{"class_name": "Orphan"}'),
    ]

    found = saved_model.read(_folder(tmp_path / "house", _field(7, b"".join(objects))))

    assert (found.keras_version, found.content.parts) == (
        "2.4.0",
        {"root.layer-0": {"class_name": "RNN"}, "root.layer-0.cell": {"class_name": "LSTMCell"}},
    )


def test_objects_without_a_description_still_say_of_what_kind_they_are(tmp_path: Path) -> None:
    objects = _saved_object({"layer-0": 1}, "", "_tf_keras_model") + _saved_object({})

    found = saved_model.read(_folder(tmp_path / "house", _field(7, objects))).content

    assert (found.has_keras_metadata, found.config, found.parts) == (False, None, {})
    assert found.identifiers == {"root": "_tf_keras_model", "root.layer-0": "_tf_keras_layer"}


def test_what_a_layer_without_stored_functions_holds_is_named(tmp_path: Path) -> None:
    objects = _saved_object({"layer-0": 1}) + _saved_object({"lookup_table": 2, "keras_api": 3})
    metadata = _metadata('{"must_restore_from_config": true}', "root.layer-0")

    found = saved_model.read(_folder(tmp_path / "house", _field(7, objects), metadata)).content

    assert found.tracked == {"root.layer-0": ["keras_api", "lookup_table"]}


def test_files_that_the_graph_counts_on_and_the_folder_lacks_are_named(tmp_path: Path) -> None:
    assets = b"".join(_field(6, _field(2, name)) for name in ("vocabulary.txt", "there.txt", "../up", ".."))
    folder = _folder(tmp_path / "house", _field(7, _saved_object({})) + assets)
    (folder / "assets").mkdir()
    (folder / "assets" / "there.txt").touch()

    found = saved_model.read(folder).content

    assert found.missing == ("variables/variables.index", "assets/vocabulary.txt")


# Operations


def _valued(op: str, **values: bytes) -> bytes:
    """A node with attributes, each given as the bytes of its AttrValue."""
    return _node(op) + b"".join(
        _field(5, _field(1, name) + _field(2, value)) for name, value in values.items()
    )


def _library(*functions: bytes) -> bytes:
    return _field(2, b"".join(_field(1, function) for function in functions))


def _defined(name: str, *nodes: bytes) -> bytes:
    return _field(1, _field(1, name)) + b"".join(_field(3, node) for node in nodes)


def _read_graph(folder: Path, definition: bytes, *, objects: bytes = b"") -> Content:
    return saved_model.read(_folder(folder, _field(2, definition) + _field(7, objects))).content


def test_the_values_of_attributes_are_read_as_text(tmp_path: Path) -> None:
    node = _valued(
        "Odd",
        T=_field(6, 14),
        N=_field(3, -2),
        name=_field(2, "deep"),
        on=_field(5, 1),
        rate=_number(4 << 3 | 5) + b"\x00\x00\x00\x3f",
        types=_field(1, _field(6, b"\x01\x09")),
        sizes=_field(1, _field(3, b"\x01\x80\x01")),
        none=_field(1, b""),
        future=_field(6, 99),
        shape=_field(7, b""),
        _private=_field(2, "x"),
    )

    found = _read_graph(tmp_path / "house", _field(1, node))

    assert found.op_values == {
        "Odd": {
            "N": ["-2"], "T": ["bfloat16"], "future": ["DataType 99"], "name": ["deep"], "none": ["[]"],
            "on": ["true"], "rate": ["0.5"], "shape": ["?"], "sizes": ["[1,128]"],
            "types": ["[float32,int64]"],
        }
    }  # fmt: skip


def test_a_long_value_is_passed_over(tmp_path: Path) -> None:
    node = _valued("Const", value=_field(8, b"x" * 500), dtype=_field(6, 1))

    assert _read_graph(tmp_path / "house", _field(1, node)).op_values == {"Const": {"dtype": ["float32"]}}


def test_beside_objects_only_the_library_is_imported(tmp_path: Path) -> None:
    definition = _field(1, _valued("VarHandleOp")) + _library(_defined("f", _valued("MatMul")))

    found = _read_graph(tmp_path / "house", definition, objects=_saved_object({}))

    assert (found.ops, found.op_values) == ({"MatMul": 1, "VarHandleOp": 1}, {"MatMul": {}})


def test_what_the_graph_reaches_is_called(tmp_path: Path) -> None:
    call = _valued("PartitionedCall", f=_field(10, _field(1, "served")))
    branches = _valued("Case", branches=_field(1, _field(9, _field(1, "inner"))))
    library = _library(
        _defined("served", _valued("Relu"), branches, _node("direct")),
        _defined("inner", _valued("Elu")),
        _defined("direct", _valued("Selu")),
        _defined("trained", _valued("ReluGrad")),
    )

    found = _read_graph(tmp_path / "house", _field(1, call) + library)

    assert found.called == ("Case", "Elu", "PartitionedCall", "Relu", "Selu")
    assert set(found.ops) == {*found.called, "ReluGrad"}


@pytest.mark.parametrize(
    ("ops", "is_changing"),
    [
        (["ReadVariableOp", "Relu"], False),
        (["AssignVariableOp"], True),
        (["AssignAddVariableOp", "Relu"], True),
        (["RestoreV2", "AssignVariableOp"], False),
    ],
)
def test_what_changes_variables_when_it_is_served_keeps_a_state(
    tmp_path: Path, ops: list[str], is_changing: bool
) -> None:
    call = _valued("PartitionedCall", f=_field(10, _field(1, "served")))
    trained = _defined("trained", _valued("AssignVariableOp"))
    library = _library(_defined("served", *(_valued(op) for op in ops)), trained)

    found = _read_graph(tmp_path / "house", _field(1, call) + library)

    assert found.is_changing is is_changing


def test_a_node_that_ends_too_early_is_damage(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "house", _field(2, _field(1, b"\x12\x09MatMul")))

    with pytest.raises(ArtifactError, match="ends in the middle of a field"):
        saved_model.read(folder)


def test_the_graph_for_serving_is_read_among_several(tmp_path: Path) -> None:
    train, serve = (
        _field(1, _field(4, tag) + _field(5, version)) for tag, version in (("train", "1"), ("serve", "2"))
    )
    folder = _folder(tmp_path / "house", train)
    with (folder / "saved_model.pb").open("ab") as file:
        file.write(_field(2, serve))

    assert saved_model.read(folder).tensorflow_version == "2"


def test_assets_are_the_files_of_their_folder(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "house", b"")
    (folder / "assets").mkdir()
    (folder / "assets" / "vocabulary.txt").touch()

    assert saved_model.read(folder).content.assets == ("assets/vocabulary.txt",)


def test_an_operation_that_stands_twice_is_read_as_tensorflow_reads_it(tmp_path: Path) -> None:
    # The last one counts: otherwise a harmless name could hide another.
    graph = _field(2, _field(1, _field(2, "Identity") + _field(2, "ReadFile")))

    assert saved_model.read(_folder(tmp_path / "house", graph)).content.ops == {"ReadFile": 1}


def test_a_graph_in_two_pieces_is_read_as_one(tmp_path: Path) -> None:
    graph = _field(2, _field(1, _node("Const"))) + _field(2, _field(1, _node("ReadFile")))

    assert saved_model.read(_folder(tmp_path / "house", graph)).content.ops == {"Const": 1, "ReadFile": 1}


# Ways to be damaged


def test_a_graph_over_the_budget_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protobuf, "MAX_FIELDS", 10)

    with pytest.raises(ArtifactError) as caught:
        saved_model.read(_folder(tmp_path / "house", _field(2, _field(1, _node("Const")) * 20)))

    assert str(caught.value) == "saved_model.pb in house is damaged: it has more than 10 fields"


def test_variables_of_a_damaged_graph_are_unknown(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "house", b"")
    (folder / "saved_model.pb").write_bytes(b"\x12")

    assert saved_model.weights(folder) == Unknown(
        "saved_model.pb could not be read: it ends in the middle of a number"
    )


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "it holds no graph"),
        (_field(1, 1), "it holds no graph"),
        (b"\x12", "it ends in the middle of a number"),
        (b"\x12\x05abc", "it ends in the middle of a field"),
        (b"\x09\x00\x00", "it ends in the middle of a field"),
        (b"\x80" * 11, "a number is longer than ten bytes"),
        (b"\x0b", "a field has the unknown wire type 3"),
        (_field(2, _field(2, b"\x0f")), "a field has the unknown wire type 7"),
        (_field(2, _field(5, b"\x0a\x7f")), "it ends in the middle of a field"),
    ],
)
def test_a_graph_that_is_no_protocol_buffer_is_damaged(tmp_path: Path, data: bytes, problem: str) -> None:
    folder = _folder(tmp_path / "house", b"")
    (folder / "saved_model.pb").write_bytes(data)

    with pytest.raises(ArtifactError) as caught:
        saved_model.read(folder)

    assert str(caught.value) == f"saved_model.pb in house is damaged: {problem}"


def test_a_truncated_graph_is_damaged(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "house", b"")
    (folder / "saved_model.pb").write_bytes((KERAS_3 / "saved_model.pb").read_bytes()[:20_000])

    with pytest.raises(ArtifactError) as caught:
        saved_model.read(folder)

    assert str(caught.value) == "saved_model.pb in house is damaged: it ends in the middle of a field"


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (b"\x0a\x7f", "keras_metadata.pb in house is damaged: it ends in the middle of a field"),
        (
            _metadata("{"),
            (
                "keras_metadata.pb in house is not JSON: Expecting property name enclosed in double quotes: "
                "line 1 column 2 (char 1)"
            ),
        ),
        (_metadata("[]"), "keras_metadata.pb in house holds list, expected an object"),
        (_metadata("[" * 500), "keras_metadata.pb in house is nested more than 400 levels deep"),
    ],
)
def test_metadata_that_keras_did_not_write_is_refused(tmp_path: Path, metadata: bytes, message: str) -> None:
    folder = _folder(tmp_path / "house", b"", metadata)

    with pytest.raises(ArtifactError) as caught:
        saved_model.read(folder)

    assert str(caught.value) == message
