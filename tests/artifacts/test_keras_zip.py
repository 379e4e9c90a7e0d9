from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from envlock import process
from envlock.artifacts import keras_zip, reading
from envlock.artifacts.reading import Reading, nodes
from envlock.errors import ArtifactError
from envlock.facts import Content, TensorSpec, Unknown

SAMPLES = Path(__file__).parent / "samples"
KERAS_2 = SAMPLES / "keras-2.15-compiled.keras"
KERAS_3 = SAMPLES / "keras-3.15-compiled.keras"


def _archive(path: Path, **members: str) -> Path:
    """An archive as Keras writes it, the same but for `members`; one that is empty is left out."""
    default = {"metadata": '{"keras_version": "3.15.1"}', "config": '{"class_name": "Sequential"}'}
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**default, **members}.items():
            if text:
                archive.writestr(f"{name}.json", text)
    return path


OUTPUTS = Unknown("the file does not state its outputs")


@pytest.mark.parametrize(
    ("path", "version", "named"), [(KERAS_2, "2.15.0", "dense_input"), (KERAS_3, "3.15.1", "input_layer")]
)
def test_an_archive_names_its_format_its_inputs_and_the_keras_that_wrote_it(
    path: Path, version: str, named: str
) -> None:
    found = keras_zip.read(path)

    assert replace(found, content=Content()) == Reading(
        format="keras",
        keras_version=version,
        tensorflow_version=None,
        content=Content(),
        inputs=(TensorSpec(name=named, shape=(-1, 4), dtype="float32"),),
        outputs=OUTPUTS,
    )


def test_the_architecture_of_keras_3_is_what_it_wrote() -> None:
    found = keras_zip.read(KERAS_3).content.config

    assert [node.label for node in nodes(found["config"]["layers"]) if node.slot == ""] == [
        "InputLayer 'input_layer'",
        "Dense 'dense'",
        "Dense 'dense_1'",
    ]


def test_the_architecture_of_keras_2_is_what_it_wrote() -> None:
    found = keras_zip.read(KERAS_2).content.config

    assert found["config"]["layers"][0] == {
        "module": "keras.layers",
        "class_name": "InputLayer",
        "config": {
            "batch_input_shape": [None, 4],
            "dtype": "float32",
            "sparse": False,
            "ragged": False,
            "name": "dense_input",
        },
        "registered_name": None,
    }


def test_the_compile_settings_are_read_from_the_architecture() -> None:
    found = keras_zip.read(KERAS_2).content.compile_config

    assert found == {
        "optimizer": "rmsprop",
        "loss": {
            "module": "builtins",
            "class_name": "function",
            "config": "asym_loss",
            "registered_name": "function",
        },
        "metrics": [
            {
                "module": "families_a",
                "class_name": "HitRate",
                "config": {"name": "hit_rate", "dtype": "float32", "tol": 0.3},
                "registered_name": "HitRate",
            }
        ],
        "loss_weights": None,
        "weighted_metrics": None,
        "run_eagerly": None,
        "steps_per_execution": None,
        "jit_compile": None,
    }


def test_an_archive_of_a_model_that_was_not_compiled_has_no_compile_settings(tmp_path: Path) -> None:
    path = _archive(tmp_path / "house.keras", config='{"class_name": "Sequential", "compile_config": null}')

    content = keras_zip.read(path).content

    assert (content.config, content.compile_config) == (
        {"class_name": "Sequential", "compile_config": None},
        None,
    )


@pytest.mark.parametrize("name", ["model.weights.h5", "model.weights.json", "model.weights.npz"])
def test_an_archive_without_weights_says_that_they_are_missing(tmp_path: Path, name: str) -> None:
    path = _archive(tmp_path / "house.keras", config='{"class_name": "Sequential"}')
    without = keras_zip.read(path).content.missing
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"weights")

    assert (without, keras_zip.read(path).content.missing) == (("model.weights.h5",), ())


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"PK\x03\x04rest", True), (b"PK\x05\x06", False), (b"\x89HDF\r\n\x1a\n", False), (b"", False)],
)
def test_an_archive_is_recognised_by_its_first_bytes(
    tmp_path: Path, content: bytes, *, expected: bool
) -> None:
    path = tmp_path / "house"
    path.write_bytes(content)

    assert keras_zip.matches(path) is expected


def test_a_folder_is_no_archive(tmp_path: Path) -> None:
    assert keras_zip.matches(tmp_path) is False


# Ways to be damaged


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (
            {"metadata": ""},
            "house.keras is a zip archive without metadata.json; Keras did not write it",
        ),
        ({"config": ""}, "house.keras is a zip archive without config.json; Keras did not write it"),
        (
            {"metadata": "keras 3"},
            "metadata.json in house.keras is not JSON: Expecting value: line 1 column 1 (char 0)",
        ),
        ({"metadata": "[]"}, "metadata.json in house.keras holds list, expected an object"),
        ({"metadata": "{}"}, "metadata.json in house.keras names no keras_version"),
        ({"metadata": '{"keras_version": 3}'}, "metadata.json in house.keras names no keras_version"),
        (
            {"config": "{"},
            (
                "config.json in house.keras is not JSON: Expecting property name enclosed in double quotes: "
                "line 1 column 2 (char 1)"
            ),
        ),
        ({"config": '"Sequential"'}, "config.json in house.keras holds str, expected an object"),
        ({"config": "[" * 500}, "config.json in house.keras is nested more than 400 levels deep"),
    ],
)
def test_an_archive_that_keras_did_not_write_is_refused(
    tmp_path: Path, members: dict[str, str], message: str
) -> None:
    path = _archive(tmp_path / "house.keras", **members)

    with pytest.raises(ArtifactError) as caught:
        keras_zip.read(path)

    assert str(caught.value) == message


def test_a_truncated_archive_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "house.keras"
    path.write_bytes(KERAS_3.read_bytes()[:-100])

    with pytest.raises(ArtifactError) as caught:
        keras_zip.read(path)

    assert str(caught.value) == "house.keras is a damaged zip archive: File is not a zip file"


def test_an_archive_with_a_flipped_byte_is_damaged(tmp_path: Path) -> None:
    path = _archive(tmp_path / "house.keras")
    path.write_bytes(path.read_bytes().replace(b"Sequential", b"Sequentiel", 1))

    with pytest.raises(ArtifactError) as caught:
        keras_zip.read(path)

    assert str(caught.value) == "house.keras is a damaged zip archive: Bad CRC-32 for file 'config.json'"


def test_an_archive_packed_in_a_way_that_python_does_not_know_is_damaged(tmp_path: Path) -> None:
    path = _archive(tmp_path / "house.keras")
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 10] = 99  # the method of the first entry of the directory
    path.write_bytes(data)

    with pytest.raises(ArtifactError) as caught:
        keras_zip.read(path)

    assert str(caught.value) == (
        "house.keras is a damaged zip archive: That compression method is not supported"
    )


def test_a_member_over_the_budget_is_refused_before_all_of_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    padded = json.dumps({"class_name": "Sequential", "padding": " " * 5000})
    path = _archive(tmp_path / "house.keras", config=padded)
    monkeypatch.setattr(keras_zip, "MAX_CONFIG", 1000)
    monkeypatch.setattr(reading, "MAX_CONFIG", 1000)

    with pytest.raises(ArtifactError) as caught:
        keras_zip.read(path)

    assert str(caught.value) == "config.json in house.keras is 1001 bytes long; at most 1000 are read"


# Unpacked, with assets, and its weights


def _unpacked(archive: Path, folder: Path) -> Path:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    return folder


def test_an_archive_that_was_unpacked_reads_the_same(tmp_path: Path) -> None:
    folder = _unpacked(KERAS_3, tmp_path / "house")

    assert keras_zip.matches(folder)
    assert keras_zip.read(folder) == replace(keras_zip.read(KERAS_3), stamps={"unpacked": "yes"})


def test_the_assets_are_the_files_below_their_folder(tmp_path: Path) -> None:
    path = _archive(tmp_path / "house.keras")
    with zipfile.ZipFile(path, "a") as archive:
        for name in ("assets/layers/text/vocabulary.txt", "assets/layers/", "other.txt"):
            archive.writestr(name, "")

    assert keras_zip.read(path).content.assets == ("assets/layers/text/vocabulary.txt",)
    assert keras_zip.read(_unpacked(path, tmp_path / "house")).content.assets == (
        "assets/layers/text/vocabulary.txt",
    )


WEIGHTS = (
    TensorSpec(name="layers/dense/vars/0", shape=(4, 6), dtype="float32"),
    TensorSpec(name="layers/dense/vars/1", shape=(6,), dtype="float32"),
    TensorSpec(name="layers/dense_1/vars/0", shape=(6, 2), dtype="float32"),
    TensorSpec(name="layers/dense_1/vars/1", shape=(2,), dtype="float32"),
)


@pytest.mark.parametrize("path", [KERAS_2, KERAS_3])
def test_the_weights_are_listed_where_they_lie(path: Path) -> None:
    pytest.importorskip("h5py")

    found = keras_zip.weights(path)

    assert tuple(spec for spec in found if spec.name.startswith("layers/")) == WEIGHTS


def test_the_weights_of_an_unpacked_archive_are_the_same(tmp_path: Path) -> None:
    pytest.importorskip("h5py")

    assert keras_zip.weights(_unpacked(KERAS_3, tmp_path / "house")) == keras_zip.weights(KERAS_3)


def test_reading_an_archive_starts_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "run", None)

    assert isinstance(keras_zip.read(KERAS_3).content.weights, tuple)


def test_weights_that_are_not_there_are_unknown(tmp_path: Path) -> None:
    path = _archive(tmp_path / "house.keras")

    assert keras_zip.weights(path) == Unknown("the archive holds no model.weights.h5")
    assert keras_zip.weights(_unpacked(path, tmp_path / "house")) == Unknown(
        "the folder holds no model.weights.h5"
    )


def test_weights_that_are_compressed_are_unknown_and_not_unpacked(tmp_path: Path) -> None:
    path = _archive(tmp_path / "house.keras")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", bytes(1 << 20))

    assert keras_zip.weights(path) == Unknown("model.weights.h5 is compressed, which Keras does not do")


def test_weights_of_a_damaged_archive_are_unknown(tmp_path: Path) -> None:
    path = tmp_path / "house.keras"
    path.write_bytes(KERAS_3.read_bytes()[:-100])

    assert keras_zip.weights(path) == Unknown("the archive is damaged: File is not a zip file")


# Crafted ones


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_with_two_members_of_one_name_is_damaged(tmp_path: Path) -> None:
    path = _archive(tmp_path / "house.keras")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("config.json", '{"class_name": "Functional"}')

    with pytest.raises(ArtifactError) as caught:
        keras_zip.read(path)

    assert str(caught.value) == ("house.keras is a damaged zip archive: it holds config.json more than once")


def test_an_archive_with_a_list_of_members_over_the_budget_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _archive(tmp_path / "house.keras")
    monkeypatch.setattr(keras_zip, "_MAX_DIRECTORY", 100)

    with pytest.raises(ArtifactError) as caught:
        keras_zip.read(path)

    assert str(caught.value) == (
        "house.keras is a damaged zip archive: the list of its members takes 116 bytes; at most 100 are read"
    )


def test_a_member_without_a_name_is_no_asset(tmp_path: Path) -> None:
    # Python 3.11 cannot tell whether that one is a folder.
    path = _archive(tmp_path / "house.keras")
    with zipfile.ZipFile(path, "a") as archive, archive.open(zipfile.ZipInfo(""), "w"):
        pass

    assert keras_zip.read(path).content.assets == ()


def test_what_a_library_quotes_of_a_damaged_archive_is_cut(tmp_path: Path) -> None:
    path = _archive(tmp_path / "house.keras", config=json.dumps({"class_name": "x" * 2000}))
    data = path.read_bytes()
    at = data.index(b"PK\x03\x04")
    path.write_bytes(data[: at + 26] + (1500).to_bytes(2, "little") + data[at + 28 :])

    with pytest.raises(ArtifactError) as caught:
        keras_zip.read(path)

    assert len(str(caught.value)) < 250


def test_weights_that_were_cut_short_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "cut.keras"
    with zipfile.ZipFile(KERAS_3) as whole, zipfile.ZipFile(path, "w") as cut:
        for item in whole.infolist():
            data = whole.read(item)
            cut.writestr(item, data[: len(data) // 2] if item.filename == "model.weights.h5" else data)

    with pytest.raises(ArtifactError, match=r"cut\.keras is damaged: model\.weights\.h5 in it is cut short"):
        keras_zip.read(path)


@pytest.mark.parametrize(
    ("group", "functional"),
    [
        ("layers/functional/layers/input_layer/vars", ("layers/functional",)),
        ("encoder/_layer_checkpoint_dependencies/input_layer_1/vars", ("encoder",)),
        ("layers/input_layer/vars", ()),
        ("encoder/layers/flatten/vars", ()),
    ],
)
def test_models_of_inputs_and_outputs_inside_a_model_are_told_by_their_inputs(
    tmp_path: Path, group: str, functional: tuple[str, ...]
) -> None:
    h5py = pytest.importorskip("h5py")
    weights = io.BytesIO()
    with h5py.File(weights, "w") as opened:
        opened.create_dataset("vars/0", shape=(2,), dtype="float32")
        opened.create_group(group)
    path = _archive(tmp_path / "house.keras")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("model.weights.h5", weights.getvalue())

    assert keras_zip.read(path).content.functional == functional
