from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from envlock.capture import git
from envlock.errors import ToolError
from envlock.facts import Git, Unknown


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository without a commit, whose program `train.py` is the one that runs."""
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):  # set while a hook runs the tests
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "project"
    folder.mkdir()
    _git(folder, "init", "--quiet")
    program = ModuleType("__main__")
    program.__file__ = str(folder / "scripts" / "train.py")
    (folder / "scripts").mkdir()
    (folder / "scripts" / "train.py").write_text("fit()\n", encoding="utf-8")
    monkeypatch.setitem(sys.modules, "__main__", program)
    return folder


def _git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
    done = subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _committed(folder: Path) -> str:
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--message", "Train")
    return _git(folder, "rev-parse", "HEAD")


def test_the_commit_of_the_running_program_is_found(repository: Path) -> None:
    commit = _committed(repository)

    assert git.commit() == Git(commit=commit, is_dirty=False)


def test_a_changed_file_makes_it_dirty(repository: Path) -> None:
    commit = _committed(repository)
    (repository / "scripts" / "train.py").write_text("fit(epochs=2)\n", encoding="utf-8")

    assert git.commit() == Git(commit=commit, is_dirty=True)


def test_a_file_that_is_not_tracked_does_not(repository: Path) -> None:
    commit = _committed(repository)
    (repository / "model.keras").write_bytes(b"PK")

    assert git.commit() == Git(commit=commit, is_dirty=False)


def test_a_detached_checkout_and_a_worktree_have_their_commit(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = _committed(repository)
    _git(repository, "worktree", "add", "--quiet", "--detach", str(tmp_path / "tree"))
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(tmp_path / "tree" / "scripts" / "train.py"))

    assert git.commit() == Git(commit=commit, is_dirty=False)


def test_a_repository_without_a_commit_has_none(repository: Path) -> None:
    assert git.commit() is None


def test_outside_of_a_repository_git_is_not_even_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: list[str], *, seconds: float) -> str:
        raise AssertionError(command)

    monkeypatch.setattr(git, "run", run)
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(tmp_path / "train.py"), raising=False)

    assert git.commit() is None


def test_a_notebook_belongs_to_the_folder_one_works_in(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = _committed(repository)
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    monkeypatch.chdir(repository)

    assert git.commit() == Git(commit=commit, is_dirty=False)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("git is not installed", "git is not installed"),
        (
            "git ended with 128: fatal: detected dubious ownership in repository at '/home/ada/project'",
            "git could not read the repository",
        ),
    ],
)
def test_a_git_that_fails_is_unknown_and_names_no_folder(
    repository: Path, monkeypatch: pytest.MonkeyPatch, message: str, reason: str
) -> None:
    def run(command: list[str], *, seconds: float) -> str:
        raise ToolError(message)

    monkeypatch.setattr(git, "run", run)

    assert git.commit() == Unknown(reason)


def test_a_program_that_the_repository_wants_started_is_not(repository: Path, tmp_path: Path) -> None:
    _committed(repository)
    monitor = tmp_path / "monitor"
    monitor.write_text(f"#!/bin/sh\ntouch {tmp_path / 'ran'}\n", encoding="utf-8")
    monitor.chmod(0o755)
    _git(repository, "config", "core.fsmonitor", str(monitor))

    git.commit()

    assert not (tmp_path / "ran").exists()
