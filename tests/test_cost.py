"""Looking is cheap; the full table is printed by `make benchmark`."""

from __future__ import annotations

import compileall
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODEL = ROOT / "tests" / "examples" / "saved" / "digits.keras"


@pytest.fixture(scope="module")
def cpu():
    """The least CPU seconds of several runs of one program."""
    compileall.compile_dir(ROOT / "envlock", quiet=2)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}

    def measure(*arguments: str) -> float:
        times = []
        for _ in range(7):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(
                [sys.executable, *arguments], env=environment, check=True, capture_output=True, cwd=ROOT
            )
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return min(times)

    return measure


def test_importing_envlock_costs_at_most_twice_a_bare_python(cpu):
    assert cpu("-c", "import envlock") <= 2 * cpu("-c", "pass")


def test_a_diff_costs_at_most_ten_times_a_bare_python(cpu):
    diff = cpu("-m", "envlock", "diff", str(MODEL), "--fail-on", "never")

    assert diff <= 10 * cpu("-c", "pass")
