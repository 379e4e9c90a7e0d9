"""The processor."""

from __future__ import annotations

import os
import re
from pathlib import Path

from envlock import process
from envlock.capture import host
from envlock.capture.cgroups import cpu_quota
from envlock.errors import ToolError
from envlock.facts import Cpu, Maybe, Unknown

__all__ = ["cpu"]

_CPUINFO = Path("/proc/cpuinfo")

# Instruction sets for which TensorFlow, oneDNN and BLAS libraries have kernels of their own: of x86-64,
# Arm, IBM Z, LoongArch and RISC-V.
_ARITHMETIC = re.compile(
    r"sse4_2|avx\d*|avx512\w*|avx_vnni|avx_vnni_int8|fma|f16c|amx_\w+"
    r"|asimd|asimddp|asimdhp|asimdfhm|sve\d?|svebf16|svei8mm|sme\d?|bf16|i8mm|fphp|neon|vfpv4"
    r"|vxe?\d?|nnpa|lsx|lasx|z?v?f(?:h|hmin|bfmin|bfwma)|v"
)

# https://github.com/util-linux/util-linux/blob/master/sys-utils/lscpu-arm.c, of 2026-11: parts of
# servers, of boards and of notebooks on which models run. Their processors tell no name.
_ARM_PARTS = {
    ("0x41", "0xc07"): "Cortex-A7",
    ("0x41", "0xd03"): "Cortex-A53",
    ("0x41", "0xd04"): "Cortex-A35",
    ("0x41", "0xd05"): "Cortex-A55",
    ("0x41", "0xd07"): "Cortex-A57",
    ("0x41", "0xd08"): "Cortex-A72",
    ("0x41", "0xd09"): "Cortex-A73",
    ("0x41", "0xd0a"): "Cortex-A75",
    ("0x41", "0xd0b"): "Cortex-A76",
    ("0x41", "0xd0c"): "Neoverse-N1",
    ("0x41", "0xd0d"): "Cortex-A77",
    ("0x41", "0xd40"): "Neoverse-V1",
    ("0x41", "0xd41"): "Cortex-A78",
    ("0x41", "0xd42"): "Cortex-A78AE",
    ("0x41", "0xd44"): "Cortex-X1",
    ("0x41", "0xd49"): "Neoverse-N2",
    ("0x41", "0xd4a"): "Neoverse-E1",
    ("0x41", "0xd4b"): "Cortex-A78C",
    ("0x41", "0xd4f"): "Neoverse-V2",
    ("0x41", "0xd84"): "Neoverse-V3",
    ("0x41", "0xd8e"): "Neoverse-N3",
    ("0x46", "0x001"): "A64FX",
    ("0x48", "0xd01"): "TaiShan-v110",
    ("0x4e", "0x003"): "Denver 2",
    ("0x4e", "0x004"): "Carmel",
    ("0x51", "0x001"): "Oryon",
    ("0x6d", "0xd49"): "Azure-Cobalt-100",
    ("0xc0", "0xac3"): "Ampere-1",
    ("0xc0", "0xac4"): "Ampere-1a",
}


def cpu(_: object = None) -> Cpu:
    """The processor's model, the instruction sets that change arithmetic, and how much of it may be used."""
    try:
        text = _CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        unlisted = Unknown(f"{host.system()} has no readable /proc/cpuinfo")
        return Cpu(model=_model_elsewhere(), features=unlisted, usable=_usable(), quota=cpu_quota())
    return Cpu(model=_model(text), features=_features(text), usable=_usable(), quota=cpu_quota())


def _model(text: str) -> str | None:
    """
    The model that /proc/cpuinfo tells in the words of each architecture; never a serial number.

    `None` where it tells none.
    """
    named = _field(text, "model name|Model Name|cpu model|uarch")
    implementers = re.findall(r"^CPU implementer\s*:\s*(0x\w+)$", text, re.MULTILINE)
    parts = list(dict.fromkeys(zip(implementers, _all(text, "CPU part"), strict=False)))
    if parts:  # what older kernels add as a name is the architecture's
        unnamed = {part: named or f"implementer {part[0]} part {part[1]}" for part in parts}
        return " + ".join(dict.fromkeys(_ARM_PARTS.get(part, unnamed[part]) for part in parts))
    if named:
        return named
    machine = re.search(r"\bmachine\s*[:=]\s*(\w+)", text)
    if machine and "IBM/S390" in text:
        return f"IBM/S390 {machine[1]}"
    power = _field(text, "cpu")  # POWER9 (architected), altivec supported
    return re.split(r"[,(]", power)[0].strip() if power else None


def _features(text: str) -> Maybe[tuple[str, ...]]:
    """The listed instruction sets of the first processor that change arithmetic."""
    listed = _field(text, "flags|Features|features")
    isa = _field(text, "isa")
    if listed is None and isa is None:
        return Unknown("/proc/cpuinfo lists no features")
    words = listed.split() if listed is not None else _extensions(isa or "")
    return tuple(sorted({word for word in words if _ARITHMETIC.fullmatch(word)}))


def _extensions(isa: str) -> list[str]:
    """https://docs.kernel.org/arch/riscv/uabi.html: rv64imafdcv_zicsr_zfh, first one letter for each."""
    letters, *longer = isa.lower().removeprefix("rv64").removeprefix("rv32").split("_")
    return [*letters, *longer]


def _field(text: str, keys: str) -> str | None:
    return next(iter(_all(text, keys)), None)


def _all(text: str, keys: str) -> list[str]:
    return re.findall(rf"^(?:{keys})[ \t]*:[ \t]*(\S.*?)[ \t]*$", text, re.MULTILINE)


def _model_elsewhere() -> Maybe[str]:
    system = host.system()
    if system == "Darwin":
        try:
            return process.run(["sysctl", "-n", "machdep.cpu.brand_string"], seconds=5).strip()
        except ToolError as error:
            return Unknown(str(error))
    if system == "Windows":
        import platform

        return platform.processor() or Unknown("the processor cannot be read on Windows")
    return Unknown(f"the processor cannot be read on {system}")


def _usable() -> Maybe[int]:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or Unknown(f"{host.system()} does not count its processors")
