from __future__ import annotations

import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from envlock import artifacts
from envlock.artifacts import hdf5, keras_zip, saved_model
from envlock.errors import ArtifactError

SAMPLES = Path(__file__).parent / "samples"


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        ("keras-2.15-compiled.keras", keras_zip),
        ("keras-3.15-compiled.keras", keras_zip),
        ("keras-2.15-compiled.h5", hdf5),
        ("keras-3.15-compiled.h5", hdf5),
        ("keras-2.15-legacy-weights.h5", hdf5),
        ("keras-3.15.weights.h5", hdf5),
        ("savedmodel-tensorflow-2.4-keras-2.4", saved_model),
        ("savedmodel-tensorflow-2.15-keras-2.15", saved_model),
        ("savedmodel-tensorflow-2.21-keras-3.15", saved_model),
    ],
)
def test_exactly_one_reader_recognises_a_saved_model(name: str, reader: ModuleType) -> None:
    matching = [candidate for candidate in artifacts.READERS if candidate.matches(SAMPLES / name)]

    assert matching == [reader]
    assert artifacts.reader(SAMPLES / name) is reader


def test_a_saved_model_is_recognised_by_its_content_and_not_by_its_name(tmp_path: Path) -> None:
    # Keras 2 wrote HDF5 whatever a file was called; up to 2.11 under `.keras` too.
    path = tmp_path / "house.keras"
    path.write_bytes((SAMPLES / "keras-2.15-compiled.h5").read_bytes())

    assert artifacts.reader(path) is hdf5


def test_a_saved_model_is_read_by_the_reader_that_recognises_it(tmp_path: Path) -> None:
    path = tmp_path / "house.model"
    path.write_bytes((SAMPLES / "keras-3.15-compiled.keras").read_bytes())

    assert artifacts.read(path) == keras_zip.read(SAMPLES / "keras-3.15-compiled.keras")


def test_a_path_where_nothing_lies_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError) as caught:
        artifacts.reader(tmp_path / "house.keras")

    assert str(caught.value) == f"{tmp_path / 'house.keras'} does not exist"


@pytest.mark.parametrize("content", [b"", b"PK", b"pickle", b"\x89PNG\r\n\x1a\n"])
def test_a_file_that_is_no_saved_model_is_refused_with_what_was_expected(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "house.keras"
    path.write_bytes(content)

    with pytest.raises(ArtifactError) as caught:
        artifacts.read(path)

    assert str(caught.value) == (
        "house.keras is no saved model; expected a .keras archive, an HDF5 file or a SavedModel folder"
    )


def test_a_folder_without_a_graph_is_no_saved_model(tmp_path: Path) -> None:
    folder = tmp_path / "house"
    folder.mkdir()
    (folder / "keras_metadata.pb").touch()

    with pytest.raises(ArtifactError, match=r"^house is no saved model; "):
        artifacts.reader(folder)


def test_a_zip_archive_without_members_is_no_saved_model(tmp_path: Path) -> None:
    path = tmp_path / "house.keras"
    with zipfile.ZipFile(path, "w"):
        pass

    with pytest.raises(ArtifactError, match=r"^house\.keras is no saved model; "):
        artifacts.reader(path)


@pytest.mark.parametrize(
    ("name", "reader"),
    [("savedmodel-tensorflow-2.15-subclassed", saved_model), ("keras-3.15.weights.h5", hdf5)],
)
def test_weights_are_listed_by_the_reader_that_recognises_the_model(name: str, reader: ModuleType) -> None:
    assert artifacts.weights(SAMPLES / name) == reader.weights(SAMPLES / name)
