from __future__ import annotations

import platform
from pathlib import Path

import pytest
from builders import install

from envlock.capture import hardware, packages
from envlock.facts import Cpu, Gpu, Unknown

X86 = """processor\t: 0
model name\t: Intel(R) Xeon(R) Platinum 8480+
flags\t\t: fpu vme sse4_2 avx avx2 avx512f avx512_bf16 fma f16c amx_tile hypervisor

processor\t: 1
model name\t: another
flags\t\t: avx
"""
ARM = """processor\t: 0
BogoMIPS\t: 243.75
Features\t: fp asimd evtstrm aes asimddp sve2 bf16 i8mm

"""
PROPRIETARY = """NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.161.08  Fri Mar  1 00:00:00 UTC 2024
GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)
"""
OPEN = """NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.14  Release Build  (dvs-builder)
GCC version:  gcc version 11.4.0
"""


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Linux without graphics cards; the folder that stands for /proc."""
    proc = tmp_path / "proc"
    proc.mkdir()
    monkeypatch.setattr(hardware, "_CPUINFO", proc / "cpuinfo")
    monkeypatch.setattr(hardware, "_NVIDIA", proc / "nvidia")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    return proc


def _card(machine: Path, address: str, text: str) -> None:
    path = machine / "nvidia" / "gpus" / address / "information"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")


def _driver(machine: Path, text: str) -> None:
    (machine / "nvidia").mkdir()
    (machine / "nvidia" / "version").write_text(text, encoding="utf-8")


# The processor


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            X86,
            Cpu(
                model="Intel(R) Xeon(R) Platinum 8480+",
                features=(
                    "amx_tile",
                    "avx",
                    "avx2",
                    "avx512_bf16",
                    "avx512f",
                    "f16c",
                    "fma",
                    "sse4_2",
                ),
            ),
        ),
        (ARM, Cpu(model=None, features=("asimd", "asimddp", "bf16", "i8mm", "sve2"))),
        (
            "model name\t: RISC\n",
            Cpu(model="RISC", features=Unknown("/proc/cpuinfo lists no features")),
        ),
    ],
)
def test_the_processor_is_the_first_with_what_changes_arithmetic(
    machine: Path, text: str, expected: Cpu
) -> None:
    (machine / "cpuinfo").write_text(text, encoding="utf-8")

    assert hardware.cpu() == expected


@pytest.mark.parametrize("name", ["Apple M3", ""])
def test_without_the_kernels_list_the_features_are_unknown(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "processor", lambda: name)

    unknown = Unknown("Darwin has no readable /proc/cpuinfo")
    assert hardware.cpu() == Cpu(model=name or unknown, features=unknown)


# Graphics cards


def test_a_machine_without_a_card_has_none() -> None:
    assert hardware.gpu({}) == Gpu(driver=None, devices=(), cuda=None, cudnn=None)


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        (PROPRIETARY, "535.161.08"),
        (OPEN, "550.54.14"),
        ("", Unknown("/proc/driver/nvidia/version names no version")),
    ],
)
def test_the_driver_is_the_kernel_modules_version(machine: Path, text: str, driver: str | Unknown) -> None:
    _driver(machine, text)

    assert hardware.gpu({}).driver == driver


def test_a_driver_that_cannot_be_read_is_unknown(machine: Path) -> None:
    (machine / "nvidia" / "version").mkdir(parents=True)

    assert hardware.gpu({}).driver == Unknown("/proc/driver/nvidia cannot be read: Is a directory")


def test_cards_are_named_in_the_order_of_their_addresses(machine: Path) -> None:
    _card(machine, "0000:41:00.0", "IRQ: 1\nModel: \t\t NVIDIA H200  \nGPU UUID: x\n")
    _card(machine, "0000:01:00.0", "Model: NVIDIA A2\n")
    _card(machine, "0000:81:00.0", "IRQ: 7\n")

    assert hardware.gpu({}).devices == ("NVIDIA A2", "NVIDIA H200", "unnamed")


def test_elsewhere_than_on_linux_driver_and_cards_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Windows")

    assert hardware.gpu({}) == Gpu(
        driver=Unknown("the driver cannot be read on Windows"),
        devices=Unknown("the graphics cards cannot be read on Windows"),
        cuda=None,
        cudnn=None,
    )


@pytest.mark.parametrize("suffix", ["", "-cu12"])
def test_cuda_and_cudnn_are_the_installed_wheels(tmp_path: Path, suffix: str) -> None:
    for name, version in [
        ("nvidia-cuda-nvrtc", "1"),
        ("nvidia-cuda-runtime", "12.5.82"),
        ("nvidia-cudnn", "9.3.0.75"),
        ("nvidia-cudnn-frontend", "2"),
    ]:
        install(tmp_path / "site", f"{name}{suffix}", version)

    found = hardware.gpu(packages.installed([str(tmp_path / "site")]))

    assert (found.cuda, found.cudnn) == ("12.5.82", "9.3.0.75")
