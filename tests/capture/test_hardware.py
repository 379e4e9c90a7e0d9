from __future__ import annotations

from pathlib import Path

from envlock.capture import cgroups, cpu, gpu
from envlock.facts import Cpu, Gpu, find_unknowns


def test_this_machine_is_told_without_an_exception_and_without_a_path() -> None:
    told = (cpu.cpu(), gpu.gpu({}), cgroups.memory(), cgroups.memory_limit())

    assert [type(fact) for fact in told[:2]] == [Cpu, Gpu]
    assert [text for text in find_unknowns(told).values() if str(Path.home()) in text] == []
