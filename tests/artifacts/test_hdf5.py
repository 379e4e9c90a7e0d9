from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from envlock import process
from envlock.artifacts import hdf5, hdf5_layout
from envlock.artifacts.reading import Reading, nodes
from envlock.errors import ArtifactError, ToolError
from envlock.facts import Content, TensorSpec, Unknown

SAMPLES = Path(__file__).parent / "samples"
KERAS_2 = SAMPLES / "keras-2.15-compiled.h5"
KERAS_3 = SAMPLES / "keras-3.15-compiled.h5"


def _answers(monkeypatch: pytest.MonkeyPatch, answer: str) -> list[list[str]]:
    """Let the child process give `answer`; the commands that were run."""
    commands = []

    def run(command: list[str], *, seconds: float) -> str:
        commands.append(command)
        return answer

    monkeypatch.setattr(process, "run", run)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    _need_the_library(monkeypatch)
    return commands


def _need_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hdf5_layout, "texts", lambda *_: None)


def _unreadable(reason: str) -> Reading:
    unknown = Unknown(reason)
    return Reading(
        format="hdf5",
        keras_version=unknown,
        tensorflow_version=None,
        content=Content(config=unknown, compile_config=unknown, weights=unknown),
        inputs=unknown,
        outputs=unknown,
        stamps=unknown,
    )


@pytest.mark.parametrize(
    ("path", "version", "named"), [(KERAS_2, "2.15.0", "dense_input"), (KERAS_3, "3.15.1", "input_layer")]
)
def test_a_file_names_its_format_its_inputs_and_the_keras_that_wrote_it(
    path: Path, version: str, named: str
) -> None:
    pytest.importorskip("h5py")

    found = hdf5.read(path)

    assert replace(found, content=Content()) == Reading(
        format="hdf5",
        keras_version=version,
        tensorflow_version=None,
        content=Content(),
        inputs=(TensorSpec(name=named, shape=(-1, 4), dtype="float32"),),
        outputs=Unknown("the file does not state its outputs"),
        stamps={"backend": "tensorflow"},
    )


@pytest.mark.parametrize(
    ("path", "labels"),
    [
        (KERAS_2, ["InputLayer 'dense_input'", "Dense 'dense'", "Dense 'dense_1'"]),
        (KERAS_3, ["InputLayer 'input_layer'", "Dense 'dense'", "Dense 'dense_1'"]),
    ],
)
def test_the_architecture_is_what_keras_wrote(path: Path, labels: list[str]) -> None:
    pytest.importorskip("h5py")

    found = hdf5.read(path).content.config

    assert [node.label for node in nodes(found["config"]["layers"]) if node.slot == ""] == labels


def test_the_compile_settings_are_what_keras_wrote() -> None:
    pytest.importorskip("h5py")

    found = hdf5.read(KERAS_2).content.compile_config

    optimizer = found.pop("optimizer_config")
    assert optimizer["class_name"] == "Custom>RMSprop"
    assert found == {
        "loss": "asym_loss",
        "metrics": [
            [{"class_name": "HitRate", "config": {"name": "hit_rate", "dtype": "float32", "tol": 0.3}}]
        ],
        "weighted_metrics": None,
        "loss_weights": None,
    }


@pytest.mark.parametrize("path", [KERAS_2, KERAS_3])
def test_a_trusted_file_reads_the_same_without_a_child_process(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("h5py")
    expected = hdf5.read(path)
    monkeypatch.setattr(process, "run", None)

    assert hdf5.read_trusted(path) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"\x89HDF\r\n\x1a\nrest", True), (b"\x89HDF\n", False), (b"PK\x03\x04", False), (b"", False)],
)
def test_a_file_is_recognised_by_its_first_bytes(tmp_path: Path, content: bytes, *, expected: bool) -> None:
    path = tmp_path / "house"
    path.write_bytes(content)

    assert hdf5.matches(path) is expected


def test_a_folder_is_no_hdf5_file(tmp_path: Path) -> None:
    assert hdf5.matches(tmp_path) is False


@pytest.mark.parametrize("path", [KERAS_2, KERAS_3])
def test_what_keras_writes_is_read_without_the_library_as_with_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("h5py")
    expected = hdf5.read_trusted(path)
    monkeypatch.setattr(process, "run", None)

    assert hdf5.read(path) == expected


def test_without_h5py_the_facts_are_unknown_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    _need_the_library(monkeypatch)

    assert hdf5.read(KERAS_2) == _unreadable("h5py is not installed; envlock-tf[h5] brings it")


def test_a_file_that_we_did_not_write_is_read_in_a_child_process(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = _answers(monkeypatch, json.dumps({"model_config": '{"class_name": "Sequential"}'}))

    found = hdf5.read(KERAS_2)

    assert [(command[0], command[-1]) for command in commands] == [(sys.executable, str(KERAS_2))]
    assert found == Reading(
        format="hdf5",
        keras_version=None,
        tensorflow_version=None,
        content=Content(config={"class_name": "Sequential"}, compile_config=None, weights=()),
        inputs=Unknown("Sequential is no network of layers; its inputs are stated by its own code"),
        outputs=Unknown("the file does not state its outputs"),
    )


# Ways to be damaged


def test_a_file_that_crashes_the_library_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], *, seconds: float) -> str:
        raise ToolError("python ended with -11: no message")

    monkeypatch.setattr(process, "run", run)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    _need_the_library(monkeypatch)

    assert hdf5.read(KERAS_2) == _unreadable("the file could not be read: python ended with -11: no message")


def test_an_answer_that_is_cut_short_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    _answers(monkeypatch, '{"model_config"')

    assert hdf5.read(KERAS_2) == _unreadable(
        "the file could not be read: Expecting ':' delimiter: line 1 column 16 (char 15)"
    )


def test_an_answer_that_is_no_object_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    _answers(monkeypatch, "[]")

    assert hdf5.read(KERAS_2) == _unreadable("the file could not be read: no attributes came back")


def test_a_truncated_file_is_damaged_without_the_library_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    path = tmp_path / "house.h5"
    path.write_bytes(KERAS_2.read_bytes()[:3000])

    with pytest.raises(ArtifactError, match=r"house\.h5 is a damaged HDF5 file: .*truncated"):
        hdf5.read(path)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({}, "house.h5 is an HDF5 file that holds neither a model nor weights"),
        ({"keras_version": "2.15.0"}, "house.h5 is an HDF5 file that holds neither a model nor weights"),
        ({"model_config": 3}, "house.h5 is an HDF5 file that holds neither a model nor weights"),
        (
            {"model_config": "Sequential"},
            "model_config in house.h5 is not JSON: Expecting value: line 1 column 1 (char 0)",
        ),
        ({"model_config": "[]"}, "model_config in house.h5 holds list, expected an object"),
        (
            {"model_config": "{}", "training_config": "{"},
            (
                "training_config in house.h5 is not JSON: Expecting property name enclosed in double quotes: "
                "line 1 column 2 (char 1)"
            ),
        ),
        (
            {"model_config": "[" * 500},
            "model_config in house.h5 is nested more than 400 levels deep",
        ),
    ],
)
def test_a_file_that_keras_did_not_write_is_refused(
    tmp_path: Path, attributes: dict[str, Any], message: str
) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "house.h5"
    with h5py.File(path, "w") as file:
        file.attrs.update(attributes)

    with pytest.raises(ArtifactError) as caught:
        hdf5.read_trusted(path)

    assert str(caught.value) == message


def test_attributes_that_are_bytes_are_read_as_text(tmp_path: Path) -> None:
    # The oldest Keras wrote them so.
    h5py = pytest.importorskip("h5py")
    numpy = pytest.importorskip("numpy")
    path = tmp_path / "house.h5"
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = numpy.bytes_(b"2.4.0")
        file.attrs["model_config"] = numpy.bytes_(b'{"class_name": "Model"}')

    assert hdf5.read_trusted(path) == Reading(
        format="hdf5",
        keras_version="2.4.0",
        tensorflow_version=None,
        content=Content(config={"class_name": "Model"}, compile_config=None, weights=()),
        inputs=Unknown("Model is no network of layers; its inputs are stated by its own code"),
        outputs=Unknown("the file does not state its outputs"),
    )


def test_a_module_lying_where_one_works_is_not_run_as_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("h5py")
    (tmp_path / "h5py.py").write_text("open('ran', 'w')\n", encoding="utf-8")
    (tmp_path / "model.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ArtifactError, match="damaged"):
        hdf5.read(tmp_path / "model.h5")

    assert not (tmp_path / "ran").exists()


# Weights


DENSE = (
    TensorSpec(name="model_weights/dense/dense/bias:0", shape=(6,), dtype="float32"),
    TensorSpec(name="model_weights/dense/dense/kernel:0", shape=(4, 6), dtype="float32"),
)


def test_the_weights_of_a_model_are_listed_by_their_paths() -> None:
    pytest.importorskip("h5py")

    assert hdf5.read(KERAS_2).content.weights[:2] == DENSE
    assert hdf5.weights(KERAS_2)[:2] == DENSE


@pytest.mark.parametrize(
    ("name", "version", "stamps", "arrays"),
    [
        (
            "keras-2.15-legacy-weights.h5",
            "2.15.0",
            {"backend": "tensorflow"},
            {"d/d/bias:0": (1,), "d/d/kernel:0": (2, 1)},
        ),
        (
            "keras-3.15.weights.h5",
            None,
            {},
            {"d/vars/0": (4, 2), "d/vars/1": (2,), "e/vars/0": (2, 1), "e/vars/1": (1,)},
        ),
    ],
)
def test_a_file_of_weights_alone_has_no_architecture(
    name: str, version: str | None, stamps: dict[str, str], arrays: dict[str, tuple[int, ...]]
) -> None:
    pytest.importorskip("h5py")
    unknown = Unknown("the file holds no architecture")

    assert hdf5.read(SAMPLES / name) == Reading(
        format="weights",
        keras_version=version,
        tensorflow_version=None,
        content=Content(
            weights=tuple(TensorSpec(name=key, shape=shape, dtype="float32") for key, shape in arrays.items())
        ),
        inputs=unknown,
        outputs=Unknown("the file does not state its outputs"),
        stamps=stamps,
    )


def test_types_that_numpy_does_not_have_are_called_as_keras_calls_them(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "house.weights.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("half", (2,), "V2").attrs["dtype"] = "bfloat16"
        file.create_dataset("words", data=["a"], dtype=h5py.string_dtype())

    assert [(spec.name, spec.dtype) for spec in hdf5.weights(path)] == [
        ("half", "bfloat16"),
        ("words", "string"),
    ]


def test_links_out_of_a_file_and_in_circles_are_not_followed(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path, other = tmp_path / "house.weights.h5", tmp_path / "secret.h5"
    with h5py.File(other, "w") as file:
        file["secret"] = [1.0]
    with h5py.File(path, "w") as file:
        file.create_dataset("layers/kernel", (2, 3), "f")
        file["layers/again"] = file["/"]
        file["outside"] = h5py.ExternalLink(str(other), "/secret")
        file["beside"] = h5py.SoftLink("/layers")

    assert hdf5.weights(path) == (TensorSpec(name="layers/kernel", shape=(2, 3), dtype="float32"),)


def test_a_file_of_more_objects_than_are_counted_has_unknown_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "house.weights.h5"
    with h5py.File(path, "w") as file:
        for name in "abcd":
            file.create_group(name)
    monkeypatch.setattr(hdf5, "_MAX_OBJECTS", 3)

    assert hdf5.read_trusted(path).content.weights == Unknown("the file holds more than 3 groups and arrays")


@pytest.mark.parametrize(
    "row", ["kernel", ["kernel", [2], 3], ["kernel", ["2"], "float32"], [1, [], "float32"]]
)
def test_arrays_that_come_back_garbled_are_unknown(monkeypatch: pytest.MonkeyPatch, row: object) -> None:
    _answers(monkeypatch, json.dumps({"objects": 1, "weights": [row]}))

    assert hdf5.weights(KERAS_2) == Unknown("the file could not be read: its arrays came back garbled")


def test_a_model_without_weights_is_read_without_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "empty.h5"
    with h5py.File(path, "w") as opened:
        opened.attrs["model_config"] = '{"class_name": "Sequential", "config": {"layers": []}}'
        opened.create_group("model_weights")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    found = hdf5.read(path).content

    assert (found.config, found.weights) == ({"class_name": "Sequential", "config": {"layers": []}}, ())
