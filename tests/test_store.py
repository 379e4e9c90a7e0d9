from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import pytest

from envlock import store
from envlock.errors import ArtifactError, StoreError
from envlock.facts import ArtifactFile


def _write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _tree(folder: Path) -> dict[str, str]:
    """Every file below `folder` with its text."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in files}


def _save_half(target: Path) -> None:
    with store.staged(target) as stage:
        _write(stage.folder, house="half")
        raise RuntimeError("Keras failed")


# Digests


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 21) + 5])
def test_a_digest_is_that_of_the_whole_file(tmp_path: Path, size: int) -> None:
    data = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    path = tmp_path / "house.keras"
    path.write_bytes(data)

    assert store.sha256(path) == hashlib.sha256(data).hexdigest()


def test_a_single_file_is_described_by_its_own_name(tmp_path: Path) -> None:
    _write(tmp_path, house="abc")

    described = store.describe(tmp_path / "house")

    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert described == (ArtifactFile(path="house", size=3, sha256=digest),)


def test_the_files_of_a_folder_are_described_in_order_by_their_paths_below_it(tmp_path: Path) -> None:
    _write(tmp_path, saved_model="abc", variables__index="", assets__a__words="abc")

    described = store.describe(tmp_path)

    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert described == (
        ArtifactFile(path="assets/a/words", size=3, sha256=abc),
        ArtifactFile(path="saved_model", size=3, sha256=abc),
        ArtifactFile(path="variables/index", size=0, sha256=empty),
    )


def test_the_locks_own_entries_of_a_folder_are_left_out_at_the_top_only(tmp_path: Path) -> None:
    _write(tmp_path, model="abc", lock="1", envlock__code="2", assets__lock="3", assets__envlock__words="45")

    sizes = store.file_sizes(tmp_path, without=("lock", "envlock"))

    assert sizes == {"assets/envlock/words": 2, "assets/lock": 1, "model": 3}


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
@pytest.mark.parametrize("kind", ["file", "folder", "nothing"])
def test_a_link_inside_a_folder_is_refused(tmp_path: Path, kind: str) -> None:
    _write(tmp_path, elsewhere__file="secret")
    model = tmp_path / "model"
    (model / "assets").mkdir(parents=True)
    target = {"file": "elsewhere/file", "folder": "elsewhere", "nothing": "missing"}[kind]
    (model / "assets" / "link").symlink_to(tmp_path / target)

    with pytest.raises(ArtifactError) as caught:
        store.describe(model)

    assert str(caught.value) == (
        "assets/link in model is no regular file; a model holds files and folders only"
    )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes there")
def test_a_pipe_inside_a_folder_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(ArtifactError) as caught:
        store.describe(tmp_path)

    assert str(caught.value) == (
        f"pipe in {tmp_path.name} is no regular file; a model holds files and folders only"
    )


# Writes


def test_a_stage_lies_beside_its_target_and_is_gone_afterwards(tmp_path: Path) -> None:
    with store.staged(tmp_path / "house") as stage:
        assert stage.folder.parent == tmp_path
        _write(stage.folder, house="new")

    assert _tree(tmp_path) == {}
    assert list(tmp_path.iterdir()) == []


def test_what_was_committed_is_in_place(tmp_path: Path) -> None:
    with store.staged(tmp_path / "house") as stage:
        _write(stage.folder, house="new", attachments__code="def f(): ...", lock="schema = 1")
        stage.commit("house", "attachments", "lock")

    assert _tree(tmp_path) == {"attachments/code": "def f(): ...", "house": "new", "lock": "schema = 1"}


def test_what_was_staged_and_not_named_is_not_committed(tmp_path: Path) -> None:
    with store.staged(tmp_path / "house") as stage:
        _write(stage.folder, house="new", scratch="left over")
        stage.commit("house")

    assert _tree(tmp_path) == {"house": "new"}


def test_a_commit_replaces_files_and_whole_folders(tmp_path: Path) -> None:
    _write(tmp_path, house="old", attachments__old="old", other="kept")

    with store.staged(tmp_path / "house") as stage:
        _write(stage.folder, house="new", attachments__new="new")
        stage.commit("house", "attachments")

    assert _tree(tmp_path) == {"attachments/new": "new", "house": "new", "other": "kept"}


def test_a_commit_removes_what_belongs_to_the_save_before(tmp_path: Path) -> None:
    _write(tmp_path, house="old", attachments__code="old", lock="old")

    with store.staged(tmp_path / "house") as stage:
        _write(stage.folder, house="new")
        stage.commit("house", "attachments", "lock")

    assert _tree(tmp_path) == {"house": "new"}


def test_a_file_takes_the_place_of_a_folder(tmp_path: Path) -> None:
    _write(tmp_path, house__saved_model="old")

    with store.staged(tmp_path / "house") as stage:
        _write(stage.folder, house="new")
        stage.commit("house")

    assert _tree(tmp_path) == {"house": "new"}


def test_a_save_that_fails_leaves_the_files_before_it(tmp_path: Path) -> None:
    _write(tmp_path, house="old", lock="old")

    with pytest.raises(RuntimeError, match="Keras failed"):
        _save_half(tmp_path / "house")

    assert _tree(tmp_path) == {"house": "old", "lock": "old"}


def test_the_names_are_committed_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = []
    replace = Path.replace

    def noted(self: Path, target: Path) -> Path:
        order.append(target.name)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", noted)

    with store.staged(tmp_path / "house") as stage:
        _write(stage.folder, lock="1", house="2", attachments__code="3")
        stage.commit("house", "attachments", "lock")

    assert order == ["house", "attachments", "lock"]


@pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be flushed there")
def test_every_staged_file_is_flushed_before_the_first_is_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = []
    replace = Path.replace

    def noted(self: Path, target: Path) -> Path:
        events.append("rename")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", noted)
    monkeypatch.setattr(os, "fsync", lambda _: events.append("flush"))

    with store.staged(tmp_path / "house") as stage:
        _write(stage.folder, house="1", attachments__code="2")
        stage.commit("house", "attachments")

    # Two files and the folder of one; two renames; the folder that they were renamed into.
    assert events == ["flush", "flush", "flush", "rename", "rename", "flush"]


def test_a_folder_that_does_not_exist_is_made(tmp_path: Path) -> None:
    with store.staged(tmp_path / "models" / "new" / "house") as stage:
        _write(stage.folder, house="new")
        stage.commit("house")

    assert _tree(tmp_path) == {"models/new/house": "new"}


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    _write(tmp_path, notes="a file")

    with pytest.raises(StoreError) as caught, store.staged(tmp_path / "notes" / "models" / "house"):
        pass

    assert str(caught.value) == "cannot write to models: Not a directory"


def test_a_rename_that_fails_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)

    with store.staged(tmp_path / "house") as stage:
        _write(stage.folder, house="new")
        with pytest.raises(StoreError) as caught:
            stage.commit("house")

    assert str(caught.value) == "cannot write house: No space left on device"


def test_a_rename_that_fails_puts_back_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path / "house", weights="old")
    _write(tmp_path, **{"house.lock": "old lock"})
    before = _tree(tmp_path)
    rename = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if self.name == "house.lock" and self.parent.name.endswith(".stage"):
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with store.staged(tmp_path / "house") as stage:
        _write(stage.folder / "house", weights="new")
        _write(stage.folder, **{"house.lock": "new lock"})
        with pytest.raises(StoreError) as caught:
            stage.commit("house", "house.lock")

    assert str(caught.value) == "cannot write house.lock: No space left on device"
    assert _tree(tmp_path) == before


def test_ctrl_c_between_two_renames_puts_back_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path / "house", weights="old")
    before = _tree(tmp_path)

    def interrupted(self: Path, target: Path) -> Path:
        monkeypatch.undo()
        raise KeyboardInterrupt

    with store.staged(tmp_path / "house") as stage:
        _write(stage.folder / "house", weights="new")
        monkeypatch.setattr(Path, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            stage.commit("house")

    assert _tree(tmp_path) == before


def test_a_file_system_without_links_takes_a_second_save(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(source: Path, target: Path) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", link)
    _write(tmp_path, house="old")
    with store.staged(tmp_path / "house") as stage:
        _write(stage.folder, house="new")
        stage.commit("house")

    assert _tree(tmp_path) == {"house": "new"}


def test_a_first_save_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if self.name == "house.lock":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with store.staged(tmp_path / "house") as stage:
        _write(stage.folder, house="new", **{"house.lock": "new lock"})
        with pytest.raises(StoreError):
            stage.commit("house", "house.lock")

    assert _tree(tmp_path) == {}
