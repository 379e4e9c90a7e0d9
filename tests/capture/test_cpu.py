from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path

import pytest

from envlock import process
from envlock.capture import cgroups, cpu, host
from envlock.errors import ToolError
from envlock.facts import Unknown

NO_FEATURES = Unknown("/proc/cpuinfo lists no features")

INTEL = """processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 143
model name\t: Intel(R) Xeon(R) Platinum 8480+
cpu MHz\t\t: 2000.000
flags\t\t: fpu vme sse4_2 avx avx2 avx512f avx512_bf16 fma f16c amx_tile hypervisor
vmx flags\t: vnmi avx_no

processor\t: 1
model name\t: another
flags\t\t: avx
"""
AMD = """processor\t: 0
vendor_id\t: AuthenticAMD
model name\t: AMD EPYC 7B13
flags\t\t: fpu sse4_1 sse4_2 avx f16c avx2 fma bmi2 vaes
"""
GRAVITON = """processor\t: 0
BogoMIPS\t: 243.75
Features\t: fp asimd evtstrm aes fphp asimdhp asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x3
CPU part\t: 0xd0c
CPU revision\t: 1

processor\t: 1
BogoMIPS\t: 243.75
Features\t: fp asimd evtstrm aes fphp asimdhp asimddp
CPU implementer\t: 0x41
CPU part\t: 0xd0c
"""
RASPBERRY = """processor\t: 0
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU part\t: 0xd08

Hardware\t: BCM2835
Revision\t: c03115
Serial\t\t: 10000000a1b2c3d4
Model\t\t: Raspberry Pi 4 Model B Rev 1.5
"""
RASPBERRY_32 = """processor\t: 0
model name\t: ARMv7 Processor rev 3 (v7l)
Features\t: half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva
CPU implementer\t: 0x41
CPU part\t: 0xc07
Serial\t\t: 00000000a1b2c3d4
"""
BIG_AND_LITTLE = """processor\t: 0
Features\t: fp asimd
CPU implementer\t: 0x41
CPU part\t: 0xd05

processor\t: 4
Features\t: fp asimd
CPU implementer\t: 0x41
CPU part\t: 0xd0b
"""
UNHEARD_OF = "processor\t: 0\nFeatures\t: asimd sve2 sme\nCPU implementer\t: 0x99\nCPU part\t: 0x123\n"
POWER = """processor\t: 0
cpu\t\t: POWER9 (architected), altivec supported
clock\t\t: 2300.000000MHz
revision\t: 2.2 (pvr 004e 1202)

timebase\t: 512000000
platform\t: pSeries
machine\t\t: CHRP IBM pSeries (emulated by qemu)
"""
IBM_Z = """vendor_id       : IBM/S390
# processors    : 2
features\t: esan3 zarch stfle dfp vx vxd vxe vxe2 sort
processor 0: version = FF,  identification = 0B8C5A,  machine = 8561
"""
RISC_V = """processor\t: 0
hart\t\t: 1
isa\t\t: rv64imafdcv_zicsr_zfh_zvfh
mmu\t\t: sv39
uarch\t\t: sifive,u74-mc
"""
LOONGSON = "system type\t: generic\nModel Name\t: Loongson-3A5000\nFeatures\t: cpucfg lam fpu lsx lasx\n"


@pytest.fixture(autouse=True)
def cpuinfo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Linux of two processors without control groups; the file that stands for /proc/cpuinfo."""
    monkeypatch.setattr(cpu, "_CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(cgroups, "_GROUPS", tmp_path / "groups")
    monkeypatch.setattr(host, "system", lambda: "Linux")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3}, raising=False)
    return tmp_path / "cpuinfo"


@pytest.mark.parametrize(
    ("text", "model", "features"),
    [
        (
            INTEL,
            "Intel(R) Xeon(R) Platinum 8480+",
            ("amx_tile", "avx", "avx2", "avx512_bf16", "avx512f", "f16c", "fma", "sse4_2"),
        ),
        (AMD, "AMD EPYC 7B13", ("avx", "avx2", "f16c", "fma", "sse4_2")),
        (GRAVITON, "Neoverse-N1", ("asimd", "asimddp", "asimdhp", "fphp")),
        (RASPBERRY, "Cortex-A72", ("asimd",)),
        (RASPBERRY_32, "Cortex-A7", ("neon", "vfpv4")),
        (BIG_AND_LITTLE, "Cortex-A55 + Cortex-A76", ("asimd",)),
        (UNHEARD_OF, "implementer 0x99 part 0x123", ("asimd", "sme", "sve2")),
        (UNHEARD_OF + "model name\t: X1\n", "X1", ("asimd", "sme", "sve2")),
        (POWER, "POWER9", NO_FEATURES),
        (IBM_Z, "IBM/S390 8561", ("vx", "vxe", "vxe2")),
        (RISC_V, "sifive,u74-mc", ("v", "zfh", "zvfh")),
        (LOONGSON, "Loongson-3A5000", ("lasx", "lsx")),
        ("processor\t: 0\nmodel name\t:\n", None, NO_FEATURES),
        ("", None, NO_FEATURES),
    ],
)
def test_the_processor_is_told_in_the_words_of_its_architecture(
    cpuinfo: Path, text: str, model: str | None, features: object
) -> None:
    cpuinfo.write_text(text, encoding="utf-8")

    assert (cpu.cpu().model, cpu.cpu().features) == (model, features)


def test_the_processors_that_may_be_used_are_counted_and_not_those_that_there_are(cpuinfo: Path) -> None:
    cpuinfo.write_text(INTEL, encoding="utf-8")

    assert cpu.cpu().usable == 2


@pytest.mark.parametrize(
    ("count", "expected"), [(8, 8), (None, Unknown("Linux does not count its processors"))]
)
def test_without_an_affinity_all_processors_may_be_used(
    monkeypatch: pytest.MonkeyPatch, count: int | None, expected: int | Unknown
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: count)

    assert cpu.cpu().usable == expected


def test_on_a_mac_the_system_is_asked_for_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def run(command: Sequence[str], *, seconds: float) -> str:
        asked.append(list(command))
        return "Apple M3 Pro\n"

    monkeypatch.setattr(host, "system", lambda: "Darwin")
    monkeypatch.setattr(process, "run", run)

    found = cpu.cpu()

    assert (found.model, found.features, found.quota) == (
        "Apple M3 Pro",
        Unknown("Darwin has no readable /proc/cpuinfo"),
        None,
    )
    assert asked == [["sysctl", "-n", "machdep.cpu.brand_string"]]


def test_a_mac_that_does_not_answer_leaves_the_name_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: Sequence[str], *, seconds: float) -> str:
        raise ToolError("sysctl is not installed")

    monkeypatch.setattr(host, "system", lambda: "Darwin")
    monkeypatch.setattr(process, "run", run)

    assert cpu.cpu().model == Unknown("sysctl is not installed")


@pytest.mark.parametrize(
    ("system", "told", "expected"),
    [
        ("Windows", "Intel64 Family 6 Model 85", "Intel64 Family 6 Model 85"),
        ("Windows", "", Unknown("the processor cannot be read on Windows")),
        ("FreeBSD", "amd64", Unknown("the processor cannot be read on FreeBSD")),
    ],
)
def test_elsewhere_only_windows_tells_the_name(
    monkeypatch: pytest.MonkeyPatch, system: str, told: str, expected: str | Unknown
) -> None:
    monkeypatch.setattr(host, "system", lambda: system)
    monkeypatch.setattr(platform, "processor", lambda: told)

    assert cpu.cpu().model == expected
