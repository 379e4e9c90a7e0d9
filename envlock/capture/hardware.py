"""Processor and graphics cards."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from pathlib import Path

from envlock.capture.packages import Distribution
from envlock.facts import Cpu, Gpu, Maybe, Unknown

__all__ = ["cpu", "gpu"]

_CPUINFO = Path("/proc/cpuinfo")
_NVIDIA = Path("/proc/driver/nvidia")

# Instruction sets for which TensorFlow, oneDNN and BLAS libraries have kernels of their own.
_ARITHMETIC = re.compile(
    r"sse4_2|avx\d*|avx512\w*|avx_vnni|avx_vnni_int8|fma|f16c|amx_\w+|asimd|asimddp|sve\d?|bf16|i8mm|fphp"
)


def cpu(_: object = None) -> Cpu:
    """The processor's model name and the instruction sets that change arithmetic."""
    try:
        text = _CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        reason = Unknown(f"{platform.system()} has no readable /proc/cpuinfo")
        return Cpu(model=platform.processor() or reason, features=reason)
    first = text.split("\n\n", 1)[0]
    model = re.search(r"^model name\s*:\s*(.+)$", first, re.MULTILINE)
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", first, re.MULTILINE)
    return Cpu(
        model=model[1].strip() if model else None,
        features=tuple(sorted({flag for flag in flags[1].split() if _ARITHMETIC.fullmatch(flag)}))
        if flags
        else Unknown("/proc/cpuinfo lists no features"),
    )


def gpu(distributions: Mapping[str, Distribution]) -> Gpu:
    """NVIDIA's driver and cards as the kernel shows them, and the CUDA wheels installed."""
    return Gpu(
        driver=_driver(),
        devices=_devices(),
        cuda=_version(distributions, r"nvidia-cuda-runtime(-cu\d+)?"),
        cudnn=_version(distributions, r"nvidia-cudnn(-cu\d+)?"),
    )


def _version(distributions: Mapping[str, Distribution], pattern: str) -> Maybe[str | None]:
    return next((item.version for name, item in distributions.items() if re.fullmatch(pattern, name)), None)


def _driver() -> Maybe[str | None]:
    """The NVIDIA driver's version, `None` on a machine without one."""
    if platform.system() != "Linux":
        return Unknown(f"the driver cannot be read on {platform.system()}")
    try:
        text = (_NVIDIA / "version").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        return Unknown(f"/proc/driver/nvidia cannot be read: {error.strerror}")
    # NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.161.08  Fri Mar  1 00:00:00 UTC 2024
    found = re.search(r"Kernel Module.*?\s(\d+\.\d[\d.]*)", text)
    return found[1] if found else Unknown("/proc/driver/nvidia/version names no version")


def _devices() -> Maybe[tuple[str, ...]]:
    """The names of the NVIDIA cards, in the order of their bus addresses."""
    if platform.system() != "Linux":
        return Unknown(f"the graphics cards cannot be read on {platform.system()}")
    names = []
    try:
        for path in sorted(_NVIDIA.glob("gpus/*/information")):
            text = path.read_text(encoding="utf-8", errors="replace")
            found = re.search(r"^Model:\s*(.+?)\s*$", text, re.MULTILINE)
            names.append(found[1] if found else "unnamed")
    except OSError as error:
        return Unknown(f"/proc/driver/nvidia cannot be read: {error.strerror}")
    return tuple(names)
