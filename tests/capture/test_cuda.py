from __future__ import annotations

import sys
from pathlib import Path

import pytest
from builders import install

from envlock.capture import cuda, host, packages
from envlock.facts import Unknown


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Linux without any of it; the folder that stands for its root."""
    monkeypatch.setattr(cuda, "_CUDA", tmp_path / "cuda")
    monkeypatch.setattr(cuda, "_FOLDERS", (tmp_path / "cuda" / "lib64", tmp_path / "lib"))
    monkeypatch.setattr(cuda, "_ROCM", tmp_path / "rocm")
    monkeypatch.setattr(cuda, "_MAPS", tmp_path / "maps")
    monkeypatch.setattr(host, "system", lambda: "Linux")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "prefix"))
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    (tmp_path / "maps").touch()
    return tmp_path


def _write(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _maps(machine: Path, *paths: object) -> None:
    lines = [f"7f25a1c00000-7f25a1c2a000 r-xp 0002a000 08:01 131 {' ' * 10}{path}\n" for path in paths]
    _write(machine / "maps", "7ffd2-7ffd3 rw-p 00000000 00:00 0 [stack]\n" + "".join(lines))


# Installed


def test_where_nothing_is_installed_there_is_none() -> None:
    assert (cuda.installed_cuda({}), cuda.installed_cudnn({}), cuda.installed_rocm({})) == (None, None, None)


@pytest.mark.parametrize("suffix", ["", "-cu11", "-cu12", "-cu13"])
def test_the_wheels_are_told_first(machine: Path, suffix: str) -> None:
    for name, version in [
        ("nvidia-cuda-nvrtc", "1"),
        ("nvidia-cuda-runtime", "12.5.82"),
        ("nvidia-cudnn", "9.3.0.75"),
        ("nvidia-cudnn-frontend", "2"),
    ]:
        install(machine / "site", f"{name}{suffix}", version)
    _write(machine / "lib" / "libcudart.so.11.8.89")
    _write(machine / "lib" / "libcudnn.so.8.9.7")
    distributions = packages.installed([str(machine / "site")])

    assert cuda.installed_cuda(distributions) == "12.5.82"
    assert cuda.installed_cudnn(distributions) == "9.3.0.75"


def test_of_the_wheels_of_two_generations_the_newer_is_told(machine: Path) -> None:
    install(machine / "site", "nvidia-cuda-runtime-cu9", "9.2.148")
    install(machine / "site", "nvidia-cuda-runtime-cu12", "12.10.1")
    install(machine / "site", "nvidia-cuda-runtime", "0.0.1.dev5")

    assert cuda.installed_cuda(packages.installed([str(machine / "site")])) == "12.10.1"


def test_a_wheel_whose_version_is_unknown_is_not_absent(machine: Path) -> None:
    (machine / "site" / "nvidia_cudnn_cu12.dist-info").mkdir(parents=True)
    _write(machine / "site" / "nvidia_cudnn_cu12.dist-info" / "METADATA", "Name: nvidia-cudnn-cu12\n")

    found = cuda.installed_cudnn(packages.installed([str(machine / "site")]))

    assert found == Unknown("nvidia_cudnn_cu12.dist-info names no usable version")


@pytest.mark.parametrize(
    ("notes", "expected"),
    [
        (
            ["cuda-cudart-12.4.127-h99ab3db_0", "cuda-cudart-dev-1-0", "cudnn-9.1.1.17-h1_0"],
            ("12.4.127", "9.1.1.17"),
        ),
        (["cudatoolkit-11.8.0-h6a678d5_0", "cudnn-8.9.2.26-cuda11_0"], ("11.8.0", "8.9.2.26")),
        (["libcudnn-9.10.1.4-h7646684_0", "odd"], (None, "9.10.1.4")),
    ],
)
def test_what_conda_installed_is_told_by_its_notes(
    machine: Path, notes: list[str], expected: tuple[str | None, str | None]
) -> None:
    for note in [*notes, "history"]:
        _write(machine / "prefix" / "conda-meta" / f"{note}.json")

    assert (cuda.installed_cuda({}), cuda.installed_cudnn({})) == expected


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "version.json",
            (
                '{"cuda" : {"name" : "CUDA SDK", "version" : "12.4.20240324"},\n'
                ' "cuda_cudart" : {\n "name" : "CUDA Runtime (cudart)",\n "version" : "12.4.127"\n }}'
            ),
            "12.4.127",
        ),
        ("version.txt", "CUDA Version 10.1.243\nCUDA Patch Version 10.1.1\n", "10.1.243"),
        ("version.json", "{", None),
    ],
)
def test_nvidias_own_folder_tells_the_runtime(
    machine: Path, name: str, text: str, expected: str | None
) -> None:
    _write(machine / "cuda" / name, text)

    assert cuda.installed_cuda({}) == expected


def test_system_libraries_tell_their_version_by_the_file_that_links_lead_to(machine: Path) -> None:
    _write(machine / "lib" / "real" / "libcudart.so.12.4.127")
    (machine / "lib" / "libcudart.so.12").symlink_to("real/libcudart.so.12.4.127")
    for name in ("libcudnn.so.8", "libcudnn.so.8.9.7", "libcudnn_ops_infer.so.9.9.9", "libcudnn.so"):
        _write(machine / "lib" / name)

    assert (cuda.installed_cuda({}), cuda.installed_cudnn({})) == ("12.4.127", "8.9.7")


def test_the_loaders_path_comes_before_the_systems_folders(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(machine / "own" / "libcudnn.so.8.6.0")
    _write(machine / "lib" / "libcudnn.so.9.3.0")
    monkeypatch.setenv("LD_LIBRARY_PATH", f":{machine / 'missing'}:{machine / 'own'}")

    assert cuda.installed_cudnn({}) == "8.6.0"


def test_system_libraries_are_unknown_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "system", lambda: "Windows")

    assert cuda.installed_cuda({}) == Unknown("system libraries are not looked for on Windows")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("6.2.0-66\n", "6.2.0"), ("5.7.1", "5.7.1"), ("none", Unknown("ROCm's version file holds no version"))],
)
def test_rocm_is_told_by_its_own_file(machine: Path, text: str, expected: str | Unknown) -> None:
    _write(machine / "rocm", text)

    assert cuda.installed_rocm({}) == expected


def test_rocm_that_cannot_be_read_is_unknown(machine: Path) -> None:
    (machine / "rocm").mkdir()

    assert cuda.installed_rocm({}) == Unknown("ROCm's version cannot be read: Is a directory")


def test_rocm_may_be_a_wheel(machine: Path) -> None:
    install(machine / "site", "rocm-sdk-core", "7.0.2")

    assert cuda.installed_rocm(packages.installed([str(machine / "site")])) == "7.0.2"


# Loaded


def test_what_is_not_loaded_is_none_though_it_is_installed(machine: Path) -> None:
    _write(machine / "lib" / "libcudart.so.12.4.127")
    _maps(machine, "/usr/lib/libc.so.6", "/usr/lib/libcudart_static.so.1", "/usr/lib/libcudnn_ops.so.9")

    assert (cuda.loaded_cuda({}), cuda.loaded_cudnn({})) == (None, None)


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["/usr/local/cuda-12.4/lib64/libcudart.so.12.4.127"] * 3, "12.4.127"),
        (["/opt/a b/libcudart-d0da41ae.so.11.8.89"], "11.8.89"),
        (["/usr/lib/libcudart.so.12.4.127 (deleted)"], "12.4.127"),
        (["/usr/lib/libcudart.so.12"], "12"),
        (["/a/libcudart.so.12.4.127", "/b/libcudart.so.9.2.148"], "9.2.148, 12.4.127"),
    ],
)
def test_what_is_loaded_is_told_by_the_name_of_its_file(
    machine: Path, paths: list[str], expected: str
) -> None:
    _maps(machine, *paths)

    assert cuda.loaded_cuda({}) == expected


def test_what_is_loaded_from_a_wheel_has_the_wheels_version(machine: Path) -> None:
    site = machine / "site"
    install(site, "nvidia-cudnn-cu11", "8.9.7.29")
    install(site, "nvidia-cudnn-cu12", "9.3.0.75")
    _maps(machine, site / "nvidia/cudnn/lib/libcudnn.so.9", f"{site}-other/libcudnn.so.8")

    found = cuda.loaded_cudnn(packages.installed([str(site)]))

    assert found == "8, 9.3.0.75"


def test_what_is_loaded_is_unknown_where_it_cannot_be_listed(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda, "_MAPS", machine / "missing")

    reason = "the loaded libraries cannot be listed: No such file or directory"
    assert cuda.loaded_cuda({}) == Unknown(reason)


@pytest.mark.parametrize(
    ("system", "expected"),
    [("Darwin", None), ("Windows", Unknown("loaded libraries cannot be listed on Windows"))],
)
def test_elsewhere_only_a_mac_surely_has_nothing_loaded(
    monkeypatch: pytest.MonkeyPatch, system: str, expected: Unknown | None
) -> None:
    monkeypatch.setattr(host, "system", lambda: system)

    assert cuda.loaded_cudnn({}) == expected
