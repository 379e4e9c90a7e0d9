from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from judged import write_archive

from envlock import api, lockfile
from envlock.errors import ArtifactError, LockError, StoreError, UsageError
from envlock.facts import (
    ARTIFACT,
    KERAS_LOADER,
    LIVE,
    WEIGHTS_LOADER,
    Fingerprint,
    Keras,
    TensorFlow,
    Unknown,
    find_unknowns,
)

SAMPLES = Path(__file__).parent / "artifacts" / "samples"
UNSAID = Unknown("the model's files do not say")


def _sample(pattern: str, folder: Path) -> Path:
    """A copy of the one sample whose name begins so."""
    (found,) = SAMPLES.glob(pattern)
    target = folder / found.name
    shutil.copytree(found, target) if found.is_dir() else shutil.copy(found, target)
    return target


def test_a_model_is_locked_by_what_its_file_says(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "house.keras")

    lock = api.lock(path)

    assert lockfile.read(tmp_path / "house.keras.envlock.toml") == lock
    assert lock.fingerprint.keras == Keras(
        provider="keras",
        version=lock.artifact.keras_version,
        backend=UNSAID,
        floatx=UNSAID,
        image_data_format=UNSAID,
        dtype_policy=UNSAID,
    )
    assert (lock.fingerprint.python, lock.fingerprint.packages, lock.canary) == (UNSAID, UNSAID, None)
    assert set(lock.sources.values()) == {ARTIFACT}


def test_its_files_are_listed_with_their_digests(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "house.keras")

    (file,) = api.lock(path).artifact.files

    assert (file.path, file.size) == ("house.keras", path.stat().st_size)
    assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)


def test_what_is_in_the_model_is_kept_so_that_it_need_not_be_read_again(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "house.keras")

    api.lock(path)

    where = lockfile.place(path)
    assert lockfile.read_content(where) == api.described(path)[1]
    assert json.loads((where.attachments / "architecture.json").read_text("utf-8"))["config"]


def test_the_environment_is_recorded_when_it_is_asked_for(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "house.keras")

    lock = api.lock(path, from_here=True)

    assert {lock.sources[name] for name in ("python", "packages", "keras")} == {LIVE}
    assert {lock.sources[name] for name in ("artifact", "inputs", "custom-objects")} == {ARTIFACT}
    assert isinstance(lock.fingerprint.packages, tuple)
    roles = {package.name: package.role for package in lock.fingerprint.packages}
    assert (roles["numpy"], roles["pytest"]) == ("runtime", "unrelated")


def test_the_tensorflow_that_wrote_a_saved_model_is_known_and_not_its_distribution(tmp_path: Path) -> None:
    lock = api.lock(_sample("savedmodel-tensorflow-2.21-*", tmp_path))

    assert isinstance(lock.fingerprint.tensorflow, TensorFlow)
    assert lock.fingerprint.tensorflow.version == "2.21.0"
    assert lock.fingerprint.tensorflow.distribution == UNSAID
    assert lock.loader == "tf.saved_model.load"


def test_the_lock_of_a_folder_lies_in_it_and_is_no_file_of_the_model(tmp_path: Path) -> None:
    path = _sample("savedmodel-tensorflow-2.15-keras-2.15", tmp_path)

    lock = api.lock(path)

    assert (path / "envlock.toml").is_file()
    assert not [file.path for file in lock.artifact.files if "envlock" in file.path]
    assert api.diff(path, content=True).findings == api.diff(path).findings


def test_a_file_of_weights_is_locked_and_judged_as_such(tmp_path: Path) -> None:
    path = _sample("keras-3.15.weights.h5", tmp_path)

    lock = api.lock(path)

    assert (lock.artifact.format, lock.loader) == ("weights", WEIGHTS_LOADER)
    report = api.diff(path)
    assert (report.loader, list(report.loaders)) == (WEIGHTS_LOADER, [KERAS_LOADER, WEIGHTS_LOADER])
    assert report.loaders[KERAS_LOADER] == "breaks"
    assert [item.code for item in report.findings if "No model config found" in item.error] == ["EL137"]


def test_code_that_the_model_only_names_is_unknown_and_named(tmp_path: Path) -> None:
    lock = api.lock(_sample("keras-3.15-rnn.keras", tmp_path))

    assert isinstance(lock.custom_objects, Unknown)
    assert re.match(r"the model asks for .+, and its files do not hold that code", lock.custom_objects.reason)


def test_a_model_of_keras_own_classes_has_no_custom_code(tmp_path: Path) -> None:
    assert api.lock(write_archive(tmp_path / "house.keras")).custom_objects == ()


def test_a_lock_that_is_there_is_given_and_not_written_again(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "house.keras")
    first = api.lock(path)
    file = tmp_path / "house.keras.envlock.toml"
    written = file.stat().st_mtime_ns

    assert api.lock(path) == first
    assert file.stat().st_mtime_ns == written


def test_an_environment_is_not_put_into_a_lock_that_is_there(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "house.keras")
    api.lock(path)

    with pytest.raises(UsageError, match="has a lock already"):
        api.lock(path, from_here=True)


def test_the_model_itself_is_not_touched(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "house.keras")
    before = (path.read_bytes(), path.stat().st_mtime_ns)

    api.lock(path)

    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert sorted(item.name for item in tmp_path.iterdir()) == [
        "house.keras",
        "house.keras.envlock",
        "house.keras.envlock.toml",
    ]


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="does not exist"):
        api.lock(tmp_path / "house.keras")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_archive(tmp_path / "house.keras")

    def refuse(**_: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)

    with pytest.raises(StoreError, match="Permission denied"):
        api.lock(path)


def test_describing_a_model_writes_nothing(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "house.keras")

    lock, content = api.described(path)

    assert (lock.artifact.files, content.config is None) == ((), False)
    assert [item.name for item in tmp_path.iterdir()] == ["house.keras"]


def test_without_the_environment_it_is_never_the_same_as_any(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "house.keras")
    api.lock(path)

    report = api.diff(path)

    assert report.verdict != "same"
    assert report.unknown["python"] == UNSAID.reason


def test_the_same_model_is_locked_by_the_same_bytes(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "house.keras")
    file = tmp_path / "house.keras.envlock.toml"
    api.lock(path)
    first = file.read_bytes()
    file.unlink()
    shutil.rmtree(tmp_path / "house.keras.envlock")

    api.lock(path)

    assert file.read_bytes() == first


def test_what_every_sample_says_of_itself_can_be_locked_and_read_back(tmp_path: Path) -> None:
    for sample in sorted(SAMPLES.iterdir()):
        if sample.suffix not in {".keras", ".h5"} and not sample.is_dir():
            continue
        lock = api.lock(_sample(sample.name, tmp_path))
        assert lockfile.read(lockfile.place(tmp_path / sample.name).lock) == lock
        assert isinstance(lock.fingerprint, Fingerprint)
        assert not any("/" in reason for reason in find_unknowns(lock).values())


@pytest.mark.parametrize("is_locked", [False, True])
def test_a_diff_says_that_code_which_is_only_named_could_not_be_looked_for(
    tmp_path: Path, is_locked: bool
) -> None:
    path = _sample("keras-3.15-rnn.keras", tmp_path)
    if is_locked:
        api.lock(path)

    report = api.diff(path)

    assert re.match(
        r"the model asks for .+, and its files do not hold that code", report.unknown["custom-objects"]
    )


def test_a_diff_of_a_model_of_keras_own_classes_says_nothing_of_code(tmp_path: Path) -> None:
    assert "custom-objects" not in api.diff(write_archive(tmp_path / "house.keras")).unknown


@pytest.mark.parametrize("name", ["house.keras.envlock", "house.keras.envlock.toml"])
@pytest.mark.parametrize("is_folder", [False, True])
def test_what_envlock_did_not_write_is_not_replaced(tmp_path: Path, name: str, is_folder: bool) -> None:
    path = write_archive(tmp_path / "house.keras")
    other = tmp_path / name
    if is_folder:
        other.mkdir()
        (other / "mine.txt").write_text("mine", encoding="utf-8")
    else:
        other.write_text("mine", encoding="utf-8")

    with pytest.raises((UsageError, LockError)):
        api.lock(path)

    mine = other / "mine.txt" if is_folder else other
    assert mine.read_text("utf-8") == "mine"


def test_the_rows_of_a_lock_that_was_removed_are_not_thrown_away(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "house.keras")
    api.lock(path)
    (tmp_path / "house.keras.envlock.toml").unlink()

    with pytest.raises(UsageError, match="is there already"):
        api.lock(path)


@pytest.mark.parametrize("name", ["a:b.keras", "a\\b.keras", "a\nb.keras"])
def test_a_model_whose_name_no_lock_may_hold_is_refused_before_anything_is_written(
    tmp_path: Path, name: str
) -> None:
    path = write_archive(tmp_path / name)

    with pytest.raises(UsageError, match="cannot be locked"):
        api.lock(path)

    assert [item.name for item in tmp_path.iterdir()] == [name]
