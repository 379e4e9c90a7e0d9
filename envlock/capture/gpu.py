"""
Graphics cards and their drivers.

NVIDIA's are asked through NVML when `nvidia-ml-py` is installed, else through `nvidia-smi`, and at
last the kernel module shows what it can. A machine without a driver pays for none of it. Of a card
neither UUID, serial number nor address is asked for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from envlock import process
from envlock.capture import cuda, host
from envlock.capture.metadata import Distribution
from envlock.errors import ToolError
from envlock.facts import Device, Gpu, Maybe, Unknown
from envlock.values import replace

__all__ = ["glance_at_gpu", "gpu"]

_NVIDIA = Path("/proc/driver/nvidia")
_AMD = Path("/sys/module/amdgpu")

# Where a driver is, one of these is: the kernel module; its device, in a container without /proc; the
# library that Windows lends to Linux (WSL); the library on Windows.
_SIGNS = (
    _NVIDIA,
    Path("/dev/nvidiactl"),
    Path("/usr/lib/wsl/lib/libnvidia-ml.so.1"),
    Path(os.environ.get("SYSTEMROOT", "/nowhere"), "System32", "nvml.dll"),
)

_SECONDS = 10.0  # nvidia-smi starts all cards where no daemon keeps them awake; a dead driver hangs
_MEBIBYTE = 1 << 20


class _Nvidia(NamedTuple):
    driver: Maybe[str | None]
    cuda_driver: Maybe[str | None]
    devices: Maybe[tuple[Device, ...]]


def gpu(distributions: Mapping[str, Distribution]) -> Gpu:
    """The graphics cards, their drivers, and CUDA and cuDNN as installed and as loaded."""
    return replace(
        _gpu(distributions, _nvidia(_by_program)),
        cuda_loaded=cuda.loaded_cuda(distributions),
        cudnn_loaded=cuda.loaded_cudnn(distributions),
    )


def glance_at_gpu(distributions: Mapping[str, Distribution]) -> Gpu:
    """What is compared of it, without starting a program."""
    reason = Unknown("a comparison does not start nvidia-smi; the package nvidia-ml-py would tell it")
    return _gpu(distributions, _nvidia(lambda: _by_kernel(reason)))


def _gpu(distributions: Mapping[str, Distribution], nvidia: _Nvidia) -> Gpu:
    return Gpu(
        driver=nvidia.driver,
        devices=nvidia.devices,
        cuda_driver=nvidia.cuda_driver,
        cuda=cuda.installed_cuda(distributions),
        cudnn=cuda.installed_cudnn(distributions),
        rocm=cuda.installed_rocm(distributions),
        amd_driver=_amd_driver(),
    )


def _nvidia(otherwise: Callable[[], _Nvidia]) -> _Nvidia:
    """NVIDIA's cards by NVML, and `otherwise` where that is not installed."""
    # https://docs.nvidia.com/cuda/archive/10.2/cuda-toolkit-release-notes: the last for macOS was 10.2.
    if host.system() not in {"Linux", "Windows", "Darwin"}:
        unknown = Unknown(f"graphics cards cannot be read on {host.system()}")
        return _Nvidia(driver=unknown, cuda_driver=unknown, devices=unknown)
    if host.system() == "Darwin" or not any(sign.exists() for sign in _SIGNS):
        return _Nvidia(driver=None, cuda_driver=None, devices=())
    try:
        from importlib import import_module

        nvml = import_module("pynvml")
    except ImportError:
        return otherwise()
    try:
        return _by_nvml(nvml)
    except Exception as error:  # noqa: BLE001 - what it loads is the driver's, and may fail in any way
        return _by_kernel(Unknown(f"NVML failed: {type(error).__name__}"))


# Through NVML: https://docs.nvidia.com/deploy/nvml-api


def _by_nvml(nvml: Any) -> _Nvidia:
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:  # no library, another version than the kernel module, no permission
        return _by_kernel(_refused(error))
    try:
        return _Nvidia(
            driver=_asked(nvml, "nvmlSystemGetDriverVersion", told=_text),
            cuda_driver=_asked(nvml, "nvmlSystemGetCudaDriverVersion", told=_dotted),
            devices=_nvml_devices(nvml),
        )
    finally:
        _asked(nvml, "nvmlShutdown")


def _nvml_devices(nvml: Any) -> Maybe[tuple[Device, ...]]:
    try:
        handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
        return tuple(_nvml_device(nvml, handle) for handle in handles)
    except nvml.NVMLError as error:  # a card that fell off its bus is in the count
        return _refused(error)


def _nvml_device(nvml: Any, handle: Any) -> Device:
    return Device(
        name=_text(nvml.nvmlDeviceGetName(handle)),
        compute_capability=_asked(
            nvml, "nvmlDeviceGetCudaComputeCapability", handle, told=lambda pair: f"{pair[0]}.{pair[1]}"
        ),
        memory=_asked(nvml, "nvmlDeviceGetMemoryInfo", handle, told=lambda memory: int(memory.total)),
        mig=_asked(nvml, "nvmlDeviceGetMigMode", handle, told=lambda modes: bool(modes[0])),
    )


def _asked(nvml: Any, question: str, *about: Any, told: Callable[[Any], Any] = lambda answer: answer) -> Any:
    """NVML's answer, `None` for what a card does not have."""
    try:
        return told(getattr(nvml, question)(*about))
    except nvml.NVMLError as error:
        is_absent = getattr(error, "value", None) == nvml.NVML_ERROR_NOT_SUPPORTED
        return None if is_absent else _refused(error)
    except AttributeError:  # functions were added over the years
        return Unknown(f"this nvidia-ml-py has no {question}")


def _refused(error: Exception) -> Unknown:
    return Unknown(f"NVML: {error}")


def _text(value: Any) -> str:
    """Text as either generation of nvidia-ml-py gives it."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _dotted(version: int) -> str:
    """12040 is 12.4."""
    return f"{version // 1000}.{version % 1000 // 10}"


# Through nvidia-smi


# Older drivers do not know the compute capability, still older ones not MIG.
_QUERIES = (
    ("name", "memory.total", "driver_version", "mig.mode.current", "compute_cap"),
    ("name", "memory.total", "driver_version", "mig.mode.current"),
    ("name", "memory.total", "driver_version"),
)
# Exit code of `nvidia-smi`: "A supplied argument or flag is invalid".
_INVALID_QUERY = "nvidia-smi ended with 2:"


def _by_program() -> _Nvidia:
    failed = Unknown("nvidia-smi knows none of the questions")
    for query in _QUERIES:
        command = ["nvidia-smi", f"--query-gpu={','.join(query)}", "--format=csv,noheader,nounits"]
        try:
            text = process.run(command, seconds=_SECONDS)
        except ToolError as error:
            failed = Unknown(str(error))
            if not failed.reason.startswith(_INVALID_QUERY):
                break
        else:
            return _as_printed(text, query)
    return _by_kernel(failed)


def _as_printed(text: str, query: tuple[str, ...]) -> _Nvidia:
    lines = [[cell.strip() for cell in line.split(",")] for line in text.splitlines() if line.strip()]
    rows = [dict(zip(query, cells, strict=True)) for cells in lines if len(cells) == len(query)]
    if not rows:  # it says so in a sentence where there is no card
        return _by_kernel(Unknown("nvidia-smi lists no cards"))
    return _Nvidia(
        driver=_cell(rows[0], "driver_version"),
        cuda_driver=Unknown("nvidia-smi does not list it; nvidia-ml-py is not installed"),
        devices=tuple(_printed_device(row) for row in rows),
    )


def _printed_device(row: dict[str, str]) -> Device:
    memory, mig = _cell(row, "memory.total"), _cell(row, "mig.mode.current")
    return Device(
        name=row["name"],
        compute_capability=_cell(row, "compute_cap"),
        memory=int(memory) * _MEBIBYTE if isinstance(memory, str) and memory.isdecimal() else _not(memory),
        mig=mig == "Enabled" if mig in {"Enabled", "Disabled"} else _not(mig),
    )


def _cell(row: dict[str, str], name: str) -> Maybe[str | None]:
    """What a cell says; `None` for what a card does not have."""
    if name not in row:
        return Unknown(f"this nvidia-smi does not know {name}")
    text = row[name]
    if text in {"[N/A]", "N/A", "[Not Supported]"}:
        return None
    return Unknown(f"nvidia-smi: {text[1:-1]}") if text.startswith("[") else text


def _not(cell: Maybe[str | None]) -> Unknown | None:
    """A cell that holds no value of its kind."""
    return Unknown(f"nvidia-smi: {cell}") if isinstance(cell, str) else cell


# Through the kernel module


def _by_kernel(reason: Unknown) -> _Nvidia:
    """What the kernel module tells without NVIDIA's libraries; the rest is unknown for this reason."""
    if not _NVIDIA.exists():
        return _Nvidia(driver=reason, cuda_driver=reason, devices=reason)
    return _Nvidia(driver=_kernel_driver(), cuda_driver=reason, devices=_kernel_devices(reason))


def _kernel_driver() -> Maybe[str]:
    try:
        text = (_NVIDIA / "version").read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return Unknown(f"/proc/driver/nvidia cannot be read: {error.strerror}")
    # NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.161.08  Fri Mar  1 00:00:00 UTC 2024
    # NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.14  Release Build  (dvs-builder)
    found = re.search(r"Kernel Module.*?\s(\d+\.\d[\d.]*)", text)
    return found[1] if found else Unknown("/proc/driver/nvidia/version names no version")


def _kernel_devices(reason: Unknown) -> Maybe[tuple[Device, ...]]:
    """The names of the cards, in the order of their bus addresses."""
    devices = []
    try:
        for path in sorted((_NVIDIA / "gpus").glob("*/information")):
            text = path.read_text(encoding="utf-8", errors="replace")
            found = re.search(r"^Model:[ \t]*(\S.*?)[ \t]*$", text, re.MULTILINE)
            name = found[1] if found else "unnamed"
            devices.append(Device(name=name, compute_capability=reason, memory=reason, mig=reason))
    except OSError as error:
        return Unknown(f"/proc/driver/nvidia cannot be read: {error.strerror}")
    return tuple(devices)


def _amd_driver() -> Maybe[str | None]:
    """The version of the driver that AMD distributes, `None` without one."""
    try:
        return (_AMD / "version").read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        own = "the amdgpu module is the kernel's own and names no version"
        return Unknown(own) if _AMD.exists() else None
    except OSError as error:
        return Unknown(f"/sys/module/amdgpu cannot be read: {error.strerror}")
