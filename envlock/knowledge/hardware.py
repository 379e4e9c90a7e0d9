"""Rules about processors, graphics cards and what drives them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from envlock.facts import Cpu, Device, Gpu, System, TensorFlow
from envlock.knowledge.boundaries import cudnn_for, is_published, known_until, shown
from envlock.knowledge.rule import Case, Comparison, Release, Severity, release, rule

__all__ = ["RULES"]

_PIP = "https://www.tensorflow.org/install/pip"
_GPU = "https://www.tensorflow.org/install/pip#hardware_requirements"
_DRIVERS = "https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html"

# NVIDIA's table of minor-version compatibility, of 2026-11: the oldest driver for Linux that serves a CUDA.
_OLDEST_DRIVER: dict[int, Release] = {11: (450, 80, 2), 12: (525, 60, 13), 13: (580, 65, 6)}
_BLACKWELL = (10, 0)


@rule("EL330", Severity.ERROR, source=_PIP, remedy="build TensorFlow for this processor")
def processor_without_avx(seen: Comparison) -> Iterator[Case]:
    """
    The processor has no AVX, which TensorFlow's wheels for x86 are built with.

    The process ends with "Illegal instruction" as soon as TensorFlow is imported. Virtual machines may hide
    AVX from what runs in them.
    """
    cpu, system = seen.current.cpu, seen.current.system
    if not isinstance(cpu, Cpu) or not isinstance(system, System) or not is_published(seen):
        return
    is_x86 = system.machine.lower() in {"x86_64", "amd64"}
    features = cpu.features if isinstance(cpu.features, tuple) else ()
    if is_x86 and features and not any(feature.startswith("avx") for feature in features):
        yield "cpu", f"{cpu.model if isinstance(cpu.model, str) else 'the processor'} has no AVX"


@rule("EL331", Severity.NOTE, source=_GPU, remedy="take a TensorFlow that was built for the card, or the CPU")
def card_too_old(seen: Comparison) -> Iterator[Case]:
    """
    The graphics card is older than all that TensorFlow was built for.

    TensorFlow leaves the card alone and computes on the processor: "Ignoring visible gpu device". Its wheels
    have no code for Kepler from 2.15 on and none for Maxwell from 2.17 on.
    """
    for device, capability, _ in _compiled(seen):
        if _oldest(seen) > capability:
            oldest = f"TensorFlow was built for {_code(_oldest(seen))} and newer"
            yield "gpu", f"{oldest}, {device.name} has {shown(capability)}"


@rule(
    "EL332",
    Severity.NOTE,
    source=_GPU,
    remedy="raise CUDA_CACHE_MAXSIZE and let a first request warm the process up",
)
def card_newer_than_its_code(seen: Comparison) -> Iterator[Case]:
    """
    TensorFlow has no machine code for the graphics card and compiles its kernels on the first run.

    That takes minutes, and needs a driver that is as new as the CUDA of the build. Wheels have compiled code
    for Ampere from 2.16 on, and for Hopper in none.
    """
    for device, capability, is_native in _compiled(seen):
        if not is_native and _oldest(seen) <= capability < _BLACKWELL:
            yield "gpu", f"{device.name} ({_code(capability)}) has no compiled kernels in this TensorFlow"


@rule(
    "EL333",
    Severity.ERROR,
    source="https://github.com/tensorflow/tensorflow/issues/99592",
    remedy="run on the CPU with CUDA_VISIBLE_DEVICES=-1, or in NVIDIA's container",
)
def card_too_new(seen: Comparison) -> Iterator[Case]:
    """
    The graphics card is of a generation that TensorFlow's wheels do not know.

    Up to 2.21 they have nothing for Blackwell, and what they compile on the first run is refused there:
    "CUDA_ERROR_INVALID_PTX". Reported of 2.16, 2.19 and 2.20; not run here.
    """
    if not is_published(seen) or seen.tensorflow >= known_until() or _is_hidden(seen):
        return
    for device, capability, is_native in _compiled(seen):
        if not is_native and capability >= _BLACKWELL:
            yield "gpu", f"this TensorFlow cannot use {device.name} ({_code(capability)})"


@rule(
    "EL334", Severity.ERROR, source=_DRIVERS, remedy="install a newer driver, or set CUDA_VISIBLE_DEVICES=-1"
)
def driver_too_old(seen: Comparison) -> Iterator[Case]:
    """
    The NVIDIA driver is too old for the CUDA that TensorFlow was built against.

    What runs on the card fails: "CUDA driver version is insufficient for CUDA runtime version".
    """
    gpu, system, built = seen.current.gpu, seen.current.system, _cuda(seen)
    if not built or not isinstance(gpu, Gpu) or not isinstance(gpu.driver, str) or not _devices(seen):
        return
    oldest = _OLDEST_DRIVER.get(built[0])
    is_linux = isinstance(system, System) and system.os.lower() == "linux"
    if oldest and is_linux and not _is_hidden(seen) and () < release(gpu.driver) < oldest:
        yield (
            "gpu.driver",
            f"CUDA {shown(built)} needs driver {shown(oldest)} or newer, the target has {gpu.driver}",
        )


@rule("EL335", Severity.NOTE, source=_PIP, remedy="install TensorFlow as tensorflow[and-cuda]")
def cuda_of_another_number(seen: Comparison) -> Iterator[Case]:
    """
    The installed CUDA or cuDNN is not the one that TensorFlow was built against.

    TensorFlow asks for libraries by their major version. Where they are not found it computes on the
    processor: "Cannot dlopen some GPU libraries".
    """
    gpu, tensorflow = seen.current.gpu, seen.current.tensorflow
    if not isinstance(gpu, Gpu) or not isinstance(tensorflow, TensorFlow) or not _devices(seen):
        return
    pairs = (
        ("CUDA", "gpu.cuda", gpu.cuda, tensorflow.cuda),
        ("cuDNN", "gpu.cudnn", gpu.cudnn, tensorflow.cudnn),
    )
    for name, path, here, built in pairs:
        if isinstance(here, str) and isinstance(built, str) and release(here)[:1] != release(built)[:1]:
            yield path, f"TensorFlow was built against {name} {built}, the target has {here}"


@rule("EL336", Severity.NOTE, source=_PIP, remedy="run it in WSL 2, or with TensorFlow 2.10")
def windows_without_cards(seen: Comparison) -> Iterator[Case]:
    """
    On Windows TensorFlow uses no graphics card from 2.11 on.

    2.10 was the last release that did; the model is computed on the processor.
    """
    system = seen.current.system
    is_windows = isinstance(system, System) and system.os.lower() == "windows"
    if is_windows and seen.tensorflow >= (2, 11) and is_published(seen):
        yield from (("gpu", f"{device.name} is not used on Windows") for device in _devices(seen))


@rule(
    "EL337",
    Severity.ERROR,
    source="https://www.tensorflow.org/install/source#gpu",
    remedy="install the cuDNN of the build, as tensorflow[and-cuda] does, or set CUDA_VISIBLE_DEVICES=-1",
)
def cudnn_too_old(seen: Comparison) -> Iterator[Case]:
    """
    The installed cuDNN is older than the one that TensorFlow was built against.

    TensorFlow takes one of the same major version that is as new or newer: "Loaded runtime CuDNN library:
    8.0.5 but source was compiled with: 8.1.0", then "DNN library is not found" at the first convolution. Of
    a published wheel the build's version is that of its tested configuration.
    """
    gpu, built = seen.current.gpu, cudnn_for(seen.tensorflow)
    if not isinstance(gpu, Gpu) or not built or not _devices(seen) or not is_published(seen):
        return
    here = gpu.cudnn_loaded if isinstance(gpu.cudnn_loaded, str) else gpu.cudnn
    found = release(here) if isinstance(here, str) and "," not in here else ()
    is_gpu_build = (
        isinstance(seen.current.tensorflow, TensorFlow) and seen.current.tensorflow.cuda is not None
    )
    if is_gpu_build and not _is_hidden(seen) and len(found) > 1 and built[:1] == found[:1] and found < built:
        yield "gpu.cudnn", f"TensorFlow was built against cuDNN {shown(built)}, the target has {here}"


def _compiled(seen: Comparison) -> Iterator[tuple[Device, Release, bool]]:
    """The cards whose generation is known, and whether TensorFlow has machine code for each."""
    native = [code for kind, code in _codes(seen) if kind == "sm"]
    for device in _devices(seen):
        known = device.compute_capability
        capability = release(known) if isinstance(known, str) else ()
        if len(capability) == 2 and _codes(seen):
            is_native = any(code[0] == capability[0] and code <= capability for code in native)
            yield device, capability, is_native


def _codes(seen: Comparison) -> list[tuple[str, Release]]:
    """What TensorFlow was compiled for: `sm_80` is machine code, `compute_90` code for the first run."""
    built = seen.current.tensorflow
    listed = built.compute_capabilities if isinstance(built, TensorFlow) else ()
    if not isinstance(listed, tuple):
        return []
    found = [re.fullmatch(r"(sm|compute)_(\d{1,2})(\d)[a-z]?", item) for item in listed]
    return [(item[1], (int(item[2]), int(item[3]))) for item in found if item]


def _oldest(seen: Comparison) -> Release:
    return min(code for _, code in _codes(seen))


def _code(capability: Release) -> str:
    return f"compute capability {shown(capability)}"


def _devices(seen: Comparison) -> tuple[Device, ...]:
    gpu = seen.current.gpu
    return gpu.devices if isinstance(gpu, Gpu) and isinstance(gpu.devices, tuple) else ()


def _is_hidden(seen: Comparison) -> bool:
    """Whether CUDA_VISIBLE_DEVICES hides every card from the process."""
    variables = seen.current.variables
    return isinstance(variables, dict) and variables.get("CUDA_VISIBLE_DEVICES") in {"-1", ""}


def _cuda(seen: Comparison) -> Release:
    built = seen.current.tensorflow
    return release(built.cuda) if isinstance(built, TensorFlow) and isinstance(built.cuda, str) else ()


RULES = (
    processor_without_avx,
    card_too_old,
    card_newer_than_its_code,
    card_too_new,
    driver_too_old,
    cuda_of_another_number,
    windows_without_cards,
    cudnn_too_old,
)
