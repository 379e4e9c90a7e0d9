from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from judged import make_dense, make_fingerprint, make_input, make_layer, write_archive, write_locked

from envlock import api, artifacts, judging, targets
from envlock.errors import ArtifactError, TargetError
from envlock.facts import KERAS_LOADER, WEIGHTS_LOADER, Unknown
from envlock.values import replace


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The models that were read, one entry for each time."""
    found: list[Path] = []
    real = artifacts.read

    def read(path: Path) -> Any:
        found.append(path)
        return real(path)

    monkeypatch.setattr(artifacts, "read", read)
    return found


def layers(seen: judging.Subject) -> list[str]:
    assert isinstance(seen.content.config, dict)
    return [layer["class_name"] for layer in seen.content.config["config"]["layers"]]


def test_a_model_that_stays_as_it_is_is_read_once(tmp_path: Path, reads: list[Path]) -> None:
    path = write_archive(tmp_path / "house.keras")

    first, second = judging.subject(path), judging.subject(path)

    assert first is second
    assert reads == [path]


def test_a_model_that_changed_is_read_again(tmp_path: Path, reads: list[Path]) -> None:
    path = write_archive(tmp_path / "house.keras")
    before = judging.subject(path)

    write_archive(path, make_input(), make_layer("Flatten", name="flat"))

    assert [layers(before), layers(judging.subject(path))] == [
        ["InputLayer", "Dense"],
        ["InputLayer", "Flatten"],
    ]
    assert reads == [path, path]


def test_a_model_of_the_same_size_and_time_is_told_from_another_one(
    tmp_path: Path, reads: list[Path]
) -> None:
    path = write_archive(tmp_path / "house.keras", make_input(), make_dense(name="one"))
    judging.subject(path)
    seen = path.stat()

    other = write_archive(tmp_path / "other.keras", make_input(), make_dense(name="two"))
    os.utime(other, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    other.replace(path)

    assert path.stat().st_size == seen.st_size
    assert judging.subject(path).content.config["config"]["layers"][1]["config"]["name"] == "two"
    assert len(reads) == 2


def test_a_file_in_a_folder_that_changed_changes_its_stamp(tmp_path: Path) -> None:
    inner = tmp_path / "house" / "variables"
    inner.mkdir(parents=True)
    (inner / "variables.index").write_bytes(b"1")
    stamps = [artifacts.stamp(tmp_path / "house")]

    (inner / "variables.index").write_bytes(b"22")
    stamps.append(artifacts.stamp(tmp_path / "house"))
    (inner / "another").write_bytes(b"")
    stamps.append(artifacts.stamp(tmp_path / "house"))
    (inner / "another").unlink()
    stamps.append(artifacts.stamp(tmp_path / "house"))

    assert len(set(stamps)) == 4
    assert artifacts.stamp(tmp_path / "house") == stamps[-1]


def test_a_link_that_leads_nowhere_has_a_stamp(tmp_path: Path) -> None:
    (tmp_path / "house").mkdir()
    (tmp_path / "house" / "link").symlink_to(tmp_path / "nowhere")

    assert len(artifacts.stamp(tmp_path / "house")) == 2


def test_a_lock_that_is_written_meanwhile_is_seen(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "house.keras")
    before = judging.subject(path)

    write_locked(path)

    assert [before.lock is None, judging.subject(path).lock is None] == [True, False]


def test_a_model_that_is_gone_is_not_remembered(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "house.keras")
    judging.subject(path)
    path.unlink()

    with pytest.raises(ArtifactError):
        judging.subject(path)


@pytest.mark.parametrize(
    ("class_name", "module", "own_code"),
    [
        ("Flatten", "keras.layers", ()),
        ("Gate", "shop.gates", Unknown("the model asks for Gate, and its files do not hold that code")),
    ],
)
def test_without_a_lock_the_users_code_is_known_to_be_none_or_by_name(
    tmp_path: Path, class_name: str, module: str, own_code: object
) -> None:
    layer = make_layer(class_name, module, name="one")

    seen = judging.subject(write_archive(tmp_path / "house.keras", make_input(), layer))

    assert (seen.own_code, seen.custom_objects) == (own_code, ())


@pytest.mark.parametrize(("kind", "loader"), [("keras", KERAS_LOADER), ("weights", WEIGHTS_LOADER)])
def test_without_a_lock_a_model_has_the_loader_of_its_format(tmp_path: Path, kind: str, loader: str) -> None:
    seen = judging.subject(write_archive(tmp_path / "house.keras"))

    as_kind = replace(seen, artifact=replace(seen.artifact, format=kind))

    assert as_kind.loader == loader


BESIDE = "tensorflow==2.18.1,keras==3.7.0,tf-keras==2.18.0"


def legacy(text: str, *layers: dict[str, Any], folder: Path) -> list[str]:
    """What is said of the tf-keras of a target for a model of Keras 2."""
    path = write_archive(folder / "house.keras", make_input("2.15.0"), *layers, keras_version="2.15.0")
    seen = judging.subject(path)
    config = {
        "class_name": "Sequential",
        "config": {"name": "house", "layers": [make_input("2.15.0"), *layers]},
    }
    # As an .h5 file, which tf-keras reads and which names no modules.
    seen = replace(
        seen,
        artifact=replace(seen.artifact, name="house.h5", format="hdf5"),
        content=replace(seen.content, config=config),
    )
    report = judging.judge(seen, targets.target(text, make_fingerprint()))
    return [item.message for item in report.findings if item.code == "EL329"]


def test_a_tf_keras_that_would_load_the_model_is_noted(tmp_path: Path) -> None:
    layer = make_layer("LSTM", name="lstm", units=2, time_major=False)

    assert legacy(BESIDE, layer, folder=tmp_path) == [
        "tf-keras is installed there and not in use; with TF_USE_LEGACY_KERAS=1 it loads the model"
    ]


@pytest.mark.parametrize(
    ("text", "layer"),
    [
        (BESIDE, make_layer("LSTM", name="lstm", units=2, twist=1)),
        (BESIDE, make_layer("Dense", name="dense", units=2)),
        (f"{BESIDE},TF_USE_LEGACY_KERAS=1", make_layer("LSTM", name="lstm", units=2, twist=1)),
        ("tensorflow==2.18.1,keras==3.7.0", make_layer("LSTM", name="lstm", units=2, time_major=False)),
    ],
)
def test_of_another_tf_keras_nothing_is_said(text: str, layer: dict[str, Any], tmp_path: Path) -> None:
    assert legacy(text, layer, folder=tmp_path) == []


@pytest.mark.parametrize(
    ("against", "message"),
    [
        ("keras==9.9", "Keras 9.9 is far from all that envlock has tables of"),
        ("tensorflow==1.15", "TensorFlow 1.15 is far from all that envlock has tables of"),
    ],
)
def test_a_release_that_no_table_comes_near_to_is_no_target(
    against: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(TargetError) as caught:
        api.diff(write_archive(tmp_path / "house.keras"), against)

    assert caught.value.message == message
    assert caught.value.hint.startswith("it has them of TensorFlow 2.4.4 to ")
