"""CUDA, cuDNN and ROCm: which are installed here, and which this process has loaded."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from envlock.capture import host
from envlock.capture.metadata import Distribution
from envlock.facts import Maybe, Unknown

__all__ = ["installed_cuda", "installed_cudnn", "installed_rocm", "loaded_cuda", "loaded_cudnn"]

_CUDA = Path("/usr/local/cuda")
_FOLDERS = (
    _CUDA / "lib64",
    *(Path("/usr/lib") / f"{machine}-linux-gnu" for machine in ("x86_64", "aarch64")),
    Path("/usr/lib64"),
)
_ROCM = Path("/opt/rocm/.info/version")
_MAPS = Path("/proc/self/maps")

_VERSION = re.compile(r"\d+(?:\.\d+)*")

# The wheels of a library, and what conda calls it.
_CUDA_WHEELS = re.compile(r"nvidia-cuda-runtime(-cu\d+)?")
_CUDNN_WHEELS = re.compile(r"nvidia-cudnn(-cu\d+)?")
_ROCM_WHEELS = re.compile(r"rocm(-sdk)?-core")
_CUDA_OF_CONDA = ("cuda-cudart", "cudatoolkit")
_CUDNN_OF_CONDA = ("cudnn", "libcudnn")


def installed_cuda(distributions: Mapping[str, Distribution]) -> Maybe[str | None]:
    """The CUDA runtime that is installed: as a wheel, by conda, or in the system, in this order."""
    found = _packaged(distributions, _CUDA_WHEELS, _CUDA_OF_CONDA)
    return found or _toolkit() or _library("libcudart")


def installed_cudnn(distributions: Mapping[str, Distribution]) -> Maybe[str | None]:
    """The cuDNN that is installed, in the same order."""
    return _packaged(distributions, _CUDNN_WHEELS, _CUDNN_OF_CONDA) or _library("libcudnn")


def installed_rocm(distributions: Mapping[str, Distribution]) -> Maybe[str | None]:
    """The ROCm that is installed."""
    found = _wheel(distributions, _ROCM_WHEELS) or _of_conda(("rocm-core",))
    if found:
        return found
    try:
        text = _ROCM.read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return Unknown(f"ROCm's version cannot be read: {error.strerror}")
    stated = _VERSION.match(text)  # 6.2.0-66, the last being a build
    return stated[0] if stated else Unknown("ROCm's version file holds no version")


def loaded_cuda(distributions: Mapping[str, Distribution]) -> Maybe[str | None]:
    """The CUDA runtime that this process has loaded, `None` when it has none; of several, all."""
    return _loaded("libcudart", _CUDA_WHEELS, distributions)


def loaded_cudnn(distributions: Mapping[str, Distribution]) -> Maybe[str | None]:
    """The cuDNN that this process has loaded, in the same way."""
    return _loaded("libcudnn", _CUDNN_WHEELS, distributions)


# Installed


def _packaged(
    distributions: Mapping[str, Distribution], wheels: re.Pattern[str], of_conda: tuple[str, ...]
) -> Maybe[str | None]:
    return _wheel(distributions, wheels) or _of_conda(of_conda)


def _wheel(distributions: Mapping[str, Distribution], pattern: re.Pattern[str]) -> Maybe[str | None]:
    """The newest version of the wheels; those of two CUDA generations may lie beside each other."""
    versions = [item.version for name, item in distributions.items() if pattern.fullmatch(name)]
    known = [version for version in versions if isinstance(version, str)]
    return max(known, key=_numbers, default=next(iter(versions), None))


def _of_conda(names: tuple[str, ...]) -> str | None:
    """The version of the first of these packages; conda notes each as name-version-build.json."""
    try:
        notes = os.listdir(f"{sys.prefix}/conda-meta")  # noqa: PTH208 - names are enough
    except OSError:  # this is no environment of conda
        return None
    parts = [note.removesuffix(".json").rsplit("-", 2) for note in notes if note.endswith(".json")]
    versions = {part[0]: part[1] for part in parts if len(part) == 3}
    return next((versions[name] for name in names if name in versions), None)


def _toolkit() -> str | None:
    """The version of the runtime in NVIDIA's own folder, by the file that its installer leaves."""
    # version.json is of CUDA 11 and later: {"cuda_cudart": {"version": "12.4.127"}, …};
    # version.txt of those before: CUDA Version 10.1.243
    json_text, text = _text(_CUDA / "version.json"), _text(_CUDA / "version.txt")
    found = re.search(r'"cuda_cudart"\s*:\s*{[^}]*"version"\s*:\s*"([\d.]+)"', json_text)
    found = found or re.search(r"CUDA Version ([\d.]+)", text)
    return found[1] if found else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # there is no such installation, or none that this user could load from either
        return ""


def _library(name: str) -> Maybe[str | None]:
    """The version of a system library, in the first folder that holds it."""
    if host.system() not in {"Linux", "Darwin"}:
        return Unknown(f"system libraries are not looked for on {host.system()}")
    versions = (max(_versions_in(folder, name), key=_numbers, default=None) for folder in _folders())
    return next((version for version in versions if version), None)


def _folders() -> Iterator[Path]:
    """Where the loader looks."""
    entries = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    yield from (Path(entry) for entry in dict.fromkeys(entries) if entry)
    yield from _FOLDERS


def _versions_in(folder: Path, name: str) -> list[str]:
    """What the file names say, of the files that links lead to: libcudart.so.12 -> libcudart.so.12.4.127."""
    try:
        files = [item for item in os.listdir(folder) if item.startswith(f"{name}.so")]  # noqa: PTH208 - so
    except OSError:  # a folder need not exist; the loader cannot read it either
        return []
    found = (_version_of(os.path.realpath(folder / file), name) for file in files)
    return [version for version in found if version]


def _version_of(path: str, name: str) -> str | None:
    """`12.4.127` of libcudart.so.12.4.127, and of libcudart-d0da41ae.so.12.4.127 inside a wheel."""
    found = re.fullmatch(rf"{name}(?:-[0-9a-f]+)?\.so\.([\d.]*\d)", PurePosixPath(path).name)
    return found[1] if found else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


# Loaded


def _loaded(
    name: str, wheels: re.Pattern[str], distributions: Mapping[str, Distribution]
) -> Maybe[str | None]:
    if host.system() == "Darwin":  # for which there is no CUDA
        return None
    if host.system() != "Linux":
        return Unknown(f"loaded libraries cannot be listed on {host.system()}")
    try:
        text = _MAPS.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return Unknown(f"the loaded libraries cannot be listed: {error.strerror}")
    # address permissions offset device inode path, and after the path of a file that is gone a word
    paths = set(
        re.findall(rf" (/\S.*/{name}(?:-[0-9a-f]+)?\.so\.[\d.]*\d)(?: \(deleted\))?$", text, re.MULTILINE)
    )
    found = {_wheels_version(path, name, wheels, distributions) for path in paths}
    return ", ".join(sorted(found, key=_numbers)) or None


def _wheels_version(
    path: str, name: str, wheels: re.Pattern[str], distributions: Mapping[str, Distribution]
) -> str:
    """The version of a loaded file: that of the wheel that it belongs to, else what its name says."""
    stated = _version_of(path, name) or ""
    owners = [
        item.version
        for key, item in distributions.items()
        if wheels.fullmatch(key) and path.startswith(f"{os.path.realpath(item.files)}/")
    ]
    # The wheels of two generations install into the same folder; the name tells the first number.
    fitting = [owner for owner in owners if isinstance(owner, str) and _begins(owner, stated)]
    return fitting[0] if fitting else stated


def _begins(version: str, stated: str) -> bool:
    numbers = _numbers(stated)[:1]
    return _numbers(version)[: len(numbers)] == numbers
