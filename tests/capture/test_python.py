from __future__ import annotations

import platform
import re
import sys
import sysconfig
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from envlock.capture import python
from envlock.facts import Python, Unknown


def _running(monkeypatch: pytest.MonkeyPatch, base: Path, **overrides: Any) -> None:
    """A Python 3.14.2 of Debian's that lies at `base`."""
    default = SimpleNamespace(
        version_info=SimpleNamespace(major=3, minor=14, micro=2, releaselevel="final", serial=0),
        implementation=SimpleNamespace(name="cpython"),
        version="3.14.2 (main, Feb  1 2026, 00:00:00) [GCC 12.2.0]",
        prefix=str(base),
        base_prefix=str(base),
        platlibdir="lib",
    )
    monkeypatch.setattr(python, "sys", SimpleNamespace(**{**vars(default), **overrides}))
    monkeypatch.setattr(python, "EXTENSION_SUFFIXES", [".cpython-314-x86_64-linux-gnu.so", ".abi3.so", ".so"])


def test_the_interpreter_is_the_running_one() -> None:
    found = python.interpreter()

    assert (found.version, found.implementation, found.abi, found.compiler) == (
        platform.python_version().rstrip("+"),
        sys.implementation.name,
        sysconfig.get_config_var("SOABI"),
        platform.python_compiler(),
    )


def test_an_interpreter_of_the_system_is_described_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _running(monkeypatch, tmp_path)

    assert python.interpreter() == Python(
        version="3.14.2",
        implementation="cpython",
        is_free_threaded=False,
        abi="cpython-314-x86_64-linux-gnu",
        compiler="GCC 12.2.0",
        environment="system",
        is_externally_managed=False,
    )


@pytest.mark.parametrize(
    ("level", "serial", "version"),
    [("final", 0, "3.14.2"), ("alpha", 1, "3.14.2a1"), ("beta", 3, "3.14.2b3")],
)
def test_a_release_before_the_final_one_is_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: str, serial: int, version: str
) -> None:
    info = SimpleNamespace(major=3, minor=14, micro=2, releaselevel=level, serial=serial)
    _running(monkeypatch, tmp_path, version_info=info)

    assert python.interpreter().version == version


@pytest.mark.parametrize(
    ("suffix", "free"),
    [
        (".cpython-313t-x86_64-linux-gnu.so", True),
        (".cp313t-win_amd64.pyd", True),
        (".cpython-313-darwin.so", False),
        (".pypy310-pp73-x86_64-linux-gnu.so", False),
    ],
)
def test_a_build_without_the_global_lock_is_told_by_its_tag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, free: bool
) -> None:
    _running(monkeypatch, tmp_path)
    monkeypatch.setattr(python, "EXTENSION_SUFFIXES", [suffix])

    assert python.interpreter().is_free_threaded is free


def test_an_interpreter_whose_extension_modules_have_no_tag_has_no_abi(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _running(monkeypatch, tmp_path)
    monkeypatch.setattr(python, "EXTENSION_SUFFIXES", [".abi3.so", ".so"])

    assert (python.interpreter().abi, python.interpreter().is_free_threaded) == (None, False)


def test_a_virtual_environment_is_one_and_may_be_installed_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _managed(tmp_path)
    _running(monkeypatch, tmp_path, prefix=str(tmp_path / "venv"))

    found = python.interpreter()

    assert (found.environment, found.is_externally_managed) == ("venv", False)


def test_an_environment_of_conda_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conda-meta").mkdir()
    _running(monkeypatch, tmp_path)

    assert python.interpreter().environment == "conda"


@pytest.mark.parametrize("library", ["lib64", "lib"])
def test_a_python_that_its_distribution_manages_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    _managed(tmp_path, library)
    _running(monkeypatch, tmp_path, platlibdir="lib64")

    assert python.interpreter().is_externally_managed is True


def _managed(prefix: Path, library: str = "lib") -> None:
    folder = prefix / library / "python3.14"
    folder.mkdir(parents=True)
    (folder / "EXTERNALLY-MANAGED").touch()


@pytest.mark.parametrize(
    ("version", "compiler"),
    [
        ("3.14.2 (main, Feb  1 2026) [Clang 15.0.0 (clang-1500.3.9.4)]", "Clang 15.0.0 (clang-1500.3.9.4)"),
        ("3.14.2 (tags/v3, Feb  1 2026) [MSC v.1944 64 bit (AMD64)]", "MSC v.1944 64 bit (AMD64)"),
        ("3.14.2", Unknown("sys.version names no compiler")),
    ],
)
def test_the_compiler_is_what_the_version_ends_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, compiler: str | Unknown
) -> None:
    _running(monkeypatch, tmp_path, version=version)

    assert python.interpreter().compiler == compiler


def test_no_path_is_told_of_the_interpreter() -> None:
    assert not re.search(r"[/\\]", repr(python.interpreter()))
