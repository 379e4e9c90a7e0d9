from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from envlock.capture import cgroups, host, system
from envlock.facts import System, Unknown
from envlock.variables import GRAMMAR

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the answers of a POSIX system are replaced")


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Debian on a server called `secret-host`; the path of its /etc/os-release."""
    release = tmp_path / "os-release"
    release.write_text('PRETTY_NAME="Debian 12"\nVERSION_ID="12"\nID=debian\nID_LIKE=x\n', encoding="utf-8")
    answer = ("Linux", "secret-host", "6.1.0-13-amd64", "#1 SMP", "x86_64")
    monkeypatch.setattr(system, "_OS_RELEASE", release)
    monkeypatch.setattr(os, "uname", lambda: answer)
    monkeypatch.setattr(os, "confstr", lambda _: "glibc 2.36")
    monkeypatch.setattr(system, "_MARKERS", {"docker": tmp_path / "dockerenv"})
    monkeypatch.setattr(system, "_CGROUP", tmp_path / "cgroup")
    monkeypatch.setattr(cgroups, "memory", lambda: 16 << 30)
    monkeypatch.setattr(cgroups, "memory_limit", lambda: None)
    for name in ("KUBERNETES_SERVICE_HOST", "container"):
        monkeypatch.delenv(name, raising=False)
    for name in GRAMMAR:
        monkeypatch.delenv(name, raising=False)
    return release


def test_the_system_is_described_without_its_hosts_name() -> None:
    assert system.operating_system() == System(
        os="Linux",
        machine="x86_64",
        kernel="6.1.0-13-amd64",
        distribution="debian 12",
        libc="glibc 2.36",
        container=None,
        memory=16 << 30,
        memory_limit=None,
    )


def test_a_container_is_told_by_what_its_runtime_leaves_in_it(tmp_path: Path) -> None:
    (tmp_path / "dockerenv").touch()

    assert system.operating_system().container == "docker"


@pytest.mark.parametrize(
    ("variable", "value", "container"),
    [
        ("KUBERNETES_SERVICE_HOST", "10.0.0.1", "kubernetes"),
        ("container", "podman", "podman"),
        ("container", "lxc", "lxc"),
        ("container", "hush-123", None),
    ],
)
def test_a_container_is_told_by_its_variables(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, container: str | None
) -> None:
    monkeypatch.setenv(variable, value)

    assert system.operating_system().container == container


@pytest.mark.parametrize(
    ("text", "container"),
    [
        ("0::/kubepods/burstable/pod1/abc\n", "kubernetes"),
        ("12:pids:/docker/0123\n11:cpu:/docker/0123\n", "docker"),
        ("0::/init.scope\n", None),
    ],
)
def test_a_container_is_told_by_its_control_group(tmp_path: Path, text: str, container: str | None) -> None:
    (tmp_path / "cgroup").write_text(text, encoding="utf-8")

    assert system.operating_system().container == container


def test_a_kernel_without_a_release_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "uname", lambda: ("Emscripten", "", "", "#1", "wasm32"))

    assert system.operating_system().kernel is None


@pytest.mark.parametrize(
    ("text", "distribution"),
    [
        ("ID=arch\nBUILD_ID=rolling\n", "arch"),
        ('ID="rocky"\nVERSION_ID="9.3"\n', "rocky 9.3"),
        ("NAME=nothing\n", None),
        ("", None),
    ],
)
def test_a_distribution_is_named_as_far_as_it_names_itself(
    machine: Path, text: str, distribution: str | None
) -> None:
    machine.write_text(text, encoding="utf-8")

    assert system.operating_system().distribution == distribution


def test_a_system_without_a_file_that_names_it_is_no_distribution(machine: Path) -> None:
    machine.unlink()

    assert system.operating_system().distribution is None


def test_a_distribution_whose_file_cannot_be_read_is_unknown(machine: Path) -> None:
    machine.unlink()
    machine.mkdir()

    assert system.operating_system().distribution == Unknown("/etc/os-release cannot be read: Is a directory")


@pytest.mark.parametrize("error", [ValueError("unrecognized name"), OSError(22, "Invalid argument")])
def test_a_c_library_that_does_not_tell_its_version_is_unknown(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def confstr(name: str) -> str:
        raise error

    monkeypatch.setattr(os, "confstr", confstr)

    assert system.operating_system().libc == Unknown("this C library does not tell its version")


def test_only_the_listed_variables_that_are_set_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=false --xla_gpu_autotune_level=0")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")

    assert system.variables() == {
        "KERAS_BACKEND": "jax",
        "XLA_FLAGS": "--xla_cpu_enable_fast_math=false --xla_gpu_autotune_level=0",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KERAS_BACKEND", "hush-123"),
        ("TF_ENABLE_ONEDNN_OPTS", "1 "),
        ("CUDA_VISIBLE_DEVICES", "GPU-8932f937"),
        ("XLA_FLAGS", "--xla_dump_to=/home/ada"),
        ("OMP_NUM_THREADS", "4\n"),
        ("XLA_FLAGS", "--xla_x=AKIA0123456789ABCDEF"),
    ],
)
def test_a_value_of_another_form_is_not_recorded(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    assert system.variables() == {name: "<another form>"}


def test_of_a_variable_that_names_folders_only_that_it_is_set_is_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/home/ada/cuda/lib64")

    assert system.variables() == {"LD_LIBRARY_PATH": "<set>"}


@pytest.mark.parametrize(
    ("system_name", "distribution"), [("Darwin", "macos 14.5"), ("Windows", "windows 10.0.22631")]
)
def test_the_release_of_macos_and_windows_is_asked_of_the_system(
    monkeypatch: pytest.MonkeyPatch, system_name: str, distribution: str
) -> None:
    monkeypatch.setattr(host, "system", lambda: system_name)
    monkeypatch.setattr(platform, "mac_ver", lambda: ("14.5", ("", "", ""), "arm64"))
    monkeypatch.setattr(platform, "win32_ver", lambda: ("10", "10.0.22631", "SP0", "Multiprocessor Free"))

    assert system.operating_system().distribution == distribution
