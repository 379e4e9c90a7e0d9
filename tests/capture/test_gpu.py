from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from envlock import process
from envlock.capture import cuda, gpu, host
from envlock.errors import ToolError
from envlock.facts import Device, Gpu, Unknown

PROPRIETARY = """NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.161.08  Fri Mar  1 00:00:00 UTC 2024
GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)
"""
OPEN = """NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.14  Release Build  (dvs-builder)
GCC version:  gcc version 11.4.0
"""
INFORMATION = """Model: \t\t NVIDIA H200  
IRQ:   \t\t 112
GPU UUID: \t GPU-5a3a0c5e-0000-1111-2222-333344445555
Video BIOS: \t 96.00.a5.00.01
Bus Location: \t 0000:41:00.0
"""  # noqa: W291 - the kernel writes them
GIBIBYTE = 1 << 30
MISMATCH = Unknown("NVML: Driver/library version mismatch")
NO_PROGRAM = Unknown("nvidia-smi is not installed")


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Linux without graphics cards and without what could ask them; the folder that stands for its root."""
    monkeypatch.setattr(gpu, "_NVIDIA", tmp_path / "nvidia")
    monkeypatch.setattr(gpu, "_SIGNS", (tmp_path / "nvidia", tmp_path / "nvidiactl"))
    monkeypatch.setattr(gpu, "_AMD", tmp_path / "amdgpu")
    monkeypatch.setattr(cuda, "_CUDA", tmp_path / "cuda")
    monkeypatch.setattr(cuda, "_FOLDERS", ())
    monkeypatch.setattr(cuda, "_ROCM", tmp_path / "rocm")
    monkeypatch.setattr(cuda, "_MAPS", tmp_path / "maps")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    monkeypatch.setattr(host, "system", lambda: "Linux")
    monkeypatch.setitem(sys.modules, "pynvml", None)
    monkeypatch.setattr(process, "run", _missing)
    (tmp_path / "maps").touch()
    return tmp_path


def _missing(command: Sequence[str], *, seconds: float) -> str:
    raise ToolError(f"{command[0]} is not installed")


def _module(machine: Path, text: str = OPEN, cards: Sequence[tuple[str, str]] = ()) -> None:
    """The kernel module is there, with these cards by their addresses."""
    (machine / "nvidia").mkdir()
    (machine / "nvidia" / "version").write_text(text, encoding="utf-8")
    for address, information in cards:
        folder = machine / "nvidia" / "gpus" / address
        folder.mkdir(parents=True)
        (folder / "information").write_text(information, encoding="utf-8")


# NVML, as nvidia-ml-py offers it


class NVMLError(Exception):
    def __init__(self, value: int, text: str) -> None:
        super().__init__(text)
        self.value = value


NOT_SUPPORTED = NVMLError(3, "Not Supported")
NO_PERMISSION = NVMLError(4, "Insufficient Permissions")
GPU_IS_LOST = NVMLError(15, "GPU is lost")


def _answer(value: Any) -> Callable[..., Any]:
    def question(*_: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        return value

    return question


def _nvml(monkeypatch: pytest.MonkeyPatch, **answers: Any) -> None:
    """A `pynvml` on a machine with one A100 that gives these answers instead; `...` for no such function."""
    told = {
        "nvmlInit": None,
        "nvmlShutdown": None,
        "nvmlSystemGetDriverVersion": "550.54.14",
        "nvmlSystemGetCudaDriverVersion": 12040,
        "nvmlDeviceGetCount": 1,
        "nvmlDeviceGetHandleByIndex": "handle",
        "nvmlDeviceGetName": "NVIDIA A100-SXM4-40GB",
        "nvmlDeviceGetCudaComputeCapability": (8, 0),
        "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=40 * GIBIBYTE, free=1, used=1),
        "nvmlDeviceGetMigMode": [0, 0],
        **answers,
    }
    functions = {name: _answer(value) for name, value in told.items() if value is not ...}
    module = SimpleNamespace(NVMLError=NVMLError, NVML_ERROR_NOT_SUPPORTED=3, **functions)
    monkeypatch.setitem(sys.modules, "pynvml", module)


A100 = Device(name="NVIDIA A100-SXM4-40GB", compute_capability="8.0", memory=40 * GIBIBYTE, mig=False)


def test_nvml_tells_driver_cuda_and_cards(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _module(machine)
    _nvml(monkeypatch, nvmlDeviceGetCount=2)

    assert gpu.gpu({}) == Gpu(
        driver="550.54.14",
        devices=(A100, A100),
        cuda=None,
        cudnn=None,
        cuda_driver="12.4",
        cuda_loaded=None,
        cudnn_loaded=None,
        rocm=None,
        amd_driver=None,
    )


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (
            {
                "nvmlDeviceGetName": b"NVIDIA H100 80GB HBM3",
                "nvmlDeviceGetCudaComputeCapability": (9, 0),
                "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=81559 << 20),
                "nvmlDeviceGetMigMode": [1, 1],
            },
            Device(name="NVIDIA H100 80GB HBM3", compute_capability="9.0", memory=81559 << 20, mig=True),
        ),
        (
            {"nvmlDeviceGetName": "NVIDIA GB10", "nvmlDeviceGetMemoryInfo": NOT_SUPPORTED},
            Device(name="NVIDIA GB10", compute_capability="8.0", memory=None, mig=False),
        ),
        (
            {"nvmlDeviceGetName": "Tesla T4", "nvmlDeviceGetMigMode": NOT_SUPPORTED},
            Device(name="Tesla T4", compute_capability="8.0", memory=40 * GIBIBYTE, mig=None),
        ),
        (
            {"nvmlDeviceGetMemoryInfo": NO_PERMISSION, "nvmlDeviceGetMigMode": ...},
            Device(
                name="NVIDIA A100-SXM4-40GB",
                compute_capability="8.0",
                memory=Unknown("NVML: Insufficient Permissions"),
                mig=Unknown("this nvidia-ml-py has no nvmlDeviceGetMigMode"),
            ),
        ),
    ],
)
def test_what_a_card_does_not_have_is_none_and_what_it_does_not_tell_unknown(
    machine: Path, monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any], expected: Device
) -> None:
    _module(machine)
    _nvml(monkeypatch, **answers)

    assert gpu.gpu({}).devices == (expected,)


@pytest.mark.parametrize(
    ("version", "expected"), [(12040, "12.4"), (11080, "11.8"), (13000, "13.0"), (12010, "12.1")]
)
def test_the_newest_cuda_of_the_driver_has_two_numbers(
    machine: Path, monkeypatch: pytest.MonkeyPatch, version: int, expected: str
) -> None:
    _module(machine)
    _nvml(monkeypatch, nvmlSystemGetCudaDriverVersion=version, nvmlSystemGetDriverVersion=b"570.86")

    found = gpu.gpu({})

    assert (found.cuda_driver, found.driver) == (expected, "570.86")


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("nvmlSystemGetDriverVersion", (Unknown("NVML: GPU is lost"), "12.4", (A100,))),
        ("nvmlSystemGetCudaDriverVersion", ("550.54.14", Unknown("NVML: GPU is lost"), (A100,))),
        ("nvmlDeviceGetCount", ("550.54.14", "12.4", Unknown("NVML: GPU is lost"))),
        ("nvmlDeviceGetHandleByIndex", ("550.54.14", "12.4", Unknown("NVML: GPU is lost"))),
        ("nvmlDeviceGetName", ("550.54.14", "12.4", Unknown("NVML: GPU is lost"))),
        ("nvmlShutdown", ("550.54.14", "12.4", (A100,))),
    ],
)
def test_one_question_that_fails_leaves_the_others(
    machine: Path, monkeypatch: pytest.MonkeyPatch, question: str, expected: tuple[Any, ...]
) -> None:
    _module(machine)
    _nvml(monkeypatch, **{question: GPU_IS_LOST})

    found = gpu.gpu({})

    assert (found.driver, found.cuda_driver, found.devices) == expected


def test_a_dead_nvml_leaves_what_the_kernel_module_tells(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _module(machine, cards=[("0000:41:00.0", INFORMATION)])
    _nvml(monkeypatch, nvmlInit=NVMLError(18, "Driver/library version mismatch"))

    found = gpu.gpu({})

    card = Device(name="NVIDIA H200", compute_capability=MISMATCH, memory=MISMATCH, mig=MISMATCH)
    assert (found.driver, found.cuda_driver, found.devices) == ("550.54.14", MISMATCH, (card,))


def test_without_a_driver_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    _nvml(monkeypatch, nvmlInit=AssertionError("asked"))

    found = gpu.gpu({})

    assert (found.driver, found.cuda_driver, found.devices) == (None, None, ())


def test_a_device_without_the_kernels_folder_is_a_driver_too(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (machine / "nvidiactl").touch()
    _nvml(monkeypatch)

    assert gpu.gpu({}).driver == "550.54.14"


# nvidia-smi, where nvidia-ml-py is missing


def _program(monkeypatch: pytest.MonkeyPatch, answers: dict[str, str | ToolError]) -> list[str]:
    """An `nvidia-smi` with an answer to each query; what it does not know fails as it does."""
    asked: list[str] = []

    def run(command: Sequence[str], *, seconds: float) -> str:
        assert (command[0], command[2:]) == ("nvidia-smi", ["--format=csv,noheader,nounits"])
        asked.append(command[1].removeprefix("--query-gpu="))
        answer = answers.get(asked[-1], ToolError("nvidia-smi ended with 2: no message"))
        if isinstance(answer, ToolError):
            raise answer
        return answer

    monkeypatch.setattr(process, "run", run)
    return asked


NEW = "name,memory.total,driver_version,mig.mode.current,compute_cap"
OLD = "name,memory.total,driver_version,mig.mode.current"
OLDEST = "name,memory.total,driver_version"
NO_CAPABILITY = Unknown("this nvidia-smi does not know compute_cap")


@pytest.mark.parametrize(
    ("query", "text", "driver", "devices"),
    [
        (
            NEW,
            "NVIDIA A100-SXM4-40GB, 40960, 535.104.05, Disabled, 8.0\n" * 2,
            "535.104.05",
            (A100, A100),
        ),
        (
            NEW,
            "NVIDIA H100 80GB HBM3, 81559, 550.90.07, Enabled, 9.0\n",
            "550.90.07",
            (Device(name="NVIDIA H100 80GB HBM3", compute_capability="9.0", memory=81559 << 20, mig=True),),
        ),
        (
            NEW,
            "NVIDIA GeForce RTX 4090, 24564, 560.35.03, [N/A], 8.9\n",
            "560.35.03",
            (Device(name="NVIDIA GeForce RTX 4090", compute_capability="8.9", memory=24564 << 20, mig=None),),
        ),
        (
            NEW,
            "NVIDIA GB10, [N/A], 580.95.05, [N/A], 12.1\n",
            "580.95.05",
            (Device(name="NVIDIA GB10", compute_capability="12.1", memory=None, mig=None),),
        ),
        (
            NEW,
            "NVIDIA H100, [Insufficient Permissions], 550.90.07, [Unknown Error], 9.0\n",
            "550.90.07",
            (
                Device(
                    name="NVIDIA H100",
                    compute_capability="9.0",
                    memory=Unknown("nvidia-smi: Insufficient Permissions"),
                    mig=Unknown("nvidia-smi: Unknown Error"),
                ),
            ),
        ),
        (
            OLD,
            "Tesla T4, 15109, 450.51.06, [Not Supported]\n",
            "450.51.06",
            (Device(name="Tesla T4", compute_capability=NO_CAPABILITY, memory=15109 << 20, mig=None),),
        ),
        (
            OLDEST,
            "Tesla V100-SXM2-16GB, 16130, 418.87.01\n",
            "418.87.01",
            (
                Device(
                    name="Tesla V100-SXM2-16GB",
                    compute_capability=NO_CAPABILITY,
                    memory=16130 << 20,
                    mig=Unknown("this nvidia-smi does not know mig.mode.current"),
                ),
            ),
        ),
    ],
)
def test_nvidia_smi_tells_driver_and_cards(
    machine: Path,
    monkeypatch: pytest.MonkeyPatch,
    query: str,
    text: str,
    driver: str,
    devices: tuple[Device, ...],
) -> None:
    _module(machine)
    _program(monkeypatch, {query: text})

    found = gpu.gpu({})

    assert (found.driver, found.devices, found.cuda_driver) == (
        driver,
        devices,
        Unknown("nvidia-smi does not list it; nvidia-ml-py is not installed"),
    )


@pytest.mark.parametrize(
    "error",
    [
        "nvidia-smi ended with 9: no message",
        "nvidia-smi ended with 255: Failed to initialize NVML",
        "nvidia-smi did not finish within 10 s",
        "nvidia-smi is not installed",
    ],
)
def test_a_dead_nvidia_smi_is_asked_once_and_leaves_what_the_kernel_module_tells(
    machine: Path, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    _module(machine, PROPRIETARY, cards=[("0000:41:00.0", INFORMATION)])
    asked = _program(monkeypatch, {NEW: ToolError(error)})

    found = gpu.gpu({})

    why = Unknown(error)
    card = Device(name="NVIDIA H200", compute_capability=why, memory=why, mig=why)
    assert (found.driver, found.cuda_driver, found.devices) == ("535.161.08", why, (card,))
    assert asked == [NEW]


@pytest.mark.parametrize("text", ["No devices were found\n", ""])
def test_nvidia_smi_without_a_card_leaves_the_kernels_driver(
    machine: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    _module(machine)
    _program(monkeypatch, {NEW: text})

    assert (gpu.gpu({}).driver, gpu.gpu({}).devices) == ("550.54.14", ())


def test_a_driver_that_nobody_can_ask_is_unknown_and_not_absent(machine: Path) -> None:
    (machine / "nvidiactl").touch()

    found = gpu.gpu({})

    assert (found.driver, found.cuda_driver, found.devices) == (NO_PROGRAM, NO_PROGRAM, NO_PROGRAM)


# The kernel module, where both are missing


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        (PROPRIETARY, "535.161.08"),
        (OPEN, "550.54.14"),
        ("", Unknown("/proc/driver/nvidia/version names no version")),
    ],
)
def test_the_driver_is_the_kernel_modules_version(machine: Path, text: str, driver: str | Unknown) -> None:
    _module(machine, text)

    assert gpu.gpu({}).driver == driver


def test_a_kernel_module_that_cannot_be_read_is_unknown(machine: Path) -> None:
    (machine / "nvidia" / "version").mkdir(parents=True)
    (machine / "nvidia" / "gpus" / "0000:41:00.0" / "information").mkdir(parents=True)

    unknown = Unknown("/proc/driver/nvidia cannot be read: Is a directory")
    assert (gpu.gpu({}).driver, gpu.gpu({}).devices) == (unknown, unknown)


def test_cards_are_named_in_the_order_of_their_addresses(machine: Path) -> None:
    cards = [
        ("0000:41:00.0", INFORMATION),
        ("0000:01:00.0", "Model: NVIDIA A2\n"),
        ("0000:81:00.0", "IRQ: 7\n"),
    ]
    _module(machine, cards=cards)

    devices = gpu.gpu({}).devices

    assert isinstance(devices, tuple)
    assert [device.name for device in devices] == ["NVIDIA A2", "NVIDIA H200", "unnamed"]


# Elsewhere, and AMD


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        ("Darwin", (None, ())),
        ("Windows", (None, ())),
        ("FreeBSD", (Unknown("graphics cards cannot be read on FreeBSD"),) * 2),
    ],
)
def test_elsewhere_the_cards_are_told_as_far_as_it_is_known(
    monkeypatch: pytest.MonkeyPatch, system: str, expected: tuple[Any, Any]
) -> None:
    monkeypatch.setattr(host, "system", lambda: system)

    assert (gpu.gpu({}).driver, gpu.gpu({}).devices) == expected


def test_the_driver_of_amd_is_told_by_its_module(machine: Path) -> None:
    (machine / "amdgpu").mkdir()
    (machine / "amdgpu" / "version").write_text("6.8.5\n", encoding="utf-8")

    assert gpu.gpu({}).amd_driver == "6.8.5"


def test_the_kernels_own_driver_of_amd_names_no_version(machine: Path) -> None:
    (machine / "amdgpu").mkdir()

    assert gpu.gpu({}).amd_driver == Unknown("the amdgpu module is the kernel's own and names no version")


def test_a_driver_of_amd_that_cannot_be_read_is_unknown(machine: Path) -> None:
    (machine / "amdgpu" / "version").mkdir(parents=True)

    assert gpu.gpu({}).amd_driver == Unknown("/sys/module/amdgpu cannot be read: Is a directory")


def test_a_glance_starts_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "nvidia"
    (folder / "gpus" / "0000:00:04.0").mkdir(parents=True)
    (folder / "version").write_text(
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.161.08  Fri Mar  1 00:00:00 UTC 2024\n",
        encoding="utf-8",
    )
    (folder / "gpus" / "0000:00:04.0" / "information").write_text("Model: \t\t Tesla T4\n", encoding="utf-8")
    monkeypatch.setattr(gpu, "_NVIDIA", folder)
    monkeypatch.setattr(gpu, "_SIGNS", (folder,))
    monkeypatch.setitem(sys.modules, "pynvml", None)

    def run(command: list[str], *, seconds: float) -> str:
        raise AssertionError(command)

    monkeypatch.setattr(process, "run", run)

    found = gpu.glance_at_gpu({})

    assert (found.driver, [device.name for device in found.devices]) == ("535.161.08", ["Tesla T4"])
