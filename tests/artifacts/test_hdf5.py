from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from envlock import process
from envlock.artifacts import hdf5
from envlock.artifacts.reading import Reading, nodes
from envlock.errors import ArtifactError, ToolError
from envlock.facts import Content, Unknown

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
    return commands


def _unreadable(reason: str) -> Reading:
    unknown = Unknown(reason)
    return Reading(
        format="hdf5",
        keras_version=unknown,
        tensorflow_version=None,
        content=Content(config=unknown, compile_config=unknown),
    )


@pytest.mark.parametrize(("path", "version"), [(KERAS_2, "2.15.0"), (KERAS_3, "3.15.1")])
def test_a_file_names_its_format_and_the_keras_that_wrote_it(path: Path, version: str) -> None:
    pytest.importorskip("h5py")

    found = hdf5.read(path)

    assert replace(found, content=Content()) == Reading(
        format="hdf5", keras_version=version, tensorflow_version=None, content=Content()
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


def test_without_h5py_the_facts_are_unknown_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    assert hdf5.read(KERAS_2) == _unreadable("h5py is not installed; envlock-tf[h5] brings it")


def test_a_file_that_we_did_not_write_is_read_in_a_child_process(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = _answers(monkeypatch, json.dumps({"model_config": '{"class_name": "Sequential"}'}))

    found = hdf5.read(KERAS_2)

    assert [(command[0], command[-1]) for command in commands] == [(sys.executable, str(KERAS_2))]
    assert found == Reading(
        format="hdf5",
        keras_version=None,
        tensorflow_version=None,
        content=Content(config={"class_name": "Sequential"}, compile_config=None),
    )


# Ways to be damaged


def test_a_file_that_crashes_the_library_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], *, seconds: float) -> str:
        raise ToolError("python ended with -11: no message")

    monkeypatch.setattr(process, "run", run)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())

    assert hdf5.read(KERAS_2) == _unreadable("the file could not be read: python ended with -11: no message")


def test_an_answer_that_is_cut_short_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    _answers(monkeypatch, '{"model_config"')

    assert hdf5.read(KERAS_2) == _unreadable(
        "the file could not be read: Expecting ':' delimiter: line 1 column 16 (char 15)"
    )


def test_an_answer_that_is_no_object_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    _answers(monkeypatch, "[]")

    assert hdf5.read(KERAS_2) == _unreadable("the file could not be read: no attributes came back")


def test_a_truncated_file_is_unknown(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    path = tmp_path / "house.h5"
    path.write_bytes(KERAS_2.read_bytes()[:3000])

    found = hdf5.read(path)

    match found.keras_version:
        case Unknown(reason) if "OSError" in reason:
            assert found == _unreadable(reason)
        case other:
            pytest.fail(f"a truncated file gave {other}")


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({}, "house.h5 has no model_config; it holds weights, not a model"),
        ({"keras_version": "2.15.0"}, "house.h5 has no model_config; it holds weights, not a model"),
        ({"model_config": 3}, "house.h5 has no model_config; it holds weights, not a model"),
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
        content=Content(config={"class_name": "Model"}, compile_config=None),
    )


def test_a_module_lying_where_one_works_is_not_run_as_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("h5py")
    (tmp_path / "h5py.py").write_text("open('ran', 'w')\n", encoding="utf-8")
    (tmp_path / "model.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    monkeypatch.chdir(tmp_path)

    hdf5.read(tmp_path / "model.h5")

    assert not (tmp_path / "ran").exists()
