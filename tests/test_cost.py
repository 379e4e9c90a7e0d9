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
def ratio():
    """The CPU of a program over that of a bare Python: the least of rounds that take turns."""
    compileall.compile_dir(ROOT / "envlock", quiet=2)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}

    def cpu(*arguments: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, *arguments], env=environment, check=True, capture_output=True, cwd=ROOT
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def measure(*arguments: str) -> float:
        rounds = [(cpu("-c", "pass"), cpu(*arguments)) for _ in range(15)]
        return min(ours for _, ours in rounds) / min(bare for bare, _ in rounds)

    return measure


def test_importing_envlock_costs_at_most_twice_a_bare_python(ratio):
    assert ratio("-c", "import envlock") <= 2


def test_a_diff_costs_at_most_ten_times_a_bare_python(ratio):
    command = f"import sys; sys.argv[1:] = ['diff', {str(MODEL)!r}, '--fail-on', 'never']"

    # As the installed command does it.
    assert ratio("-c", f"{command}; from envlock.__main__ import run; run()") <= 10
