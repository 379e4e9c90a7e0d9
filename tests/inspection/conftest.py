"""A bench to make artifacts on, and how many of them were judged as they should be."""

from __future__ import annotations

import collections
from pathlib import Path

import pytest
from inspection.corpus import Bench

JUDGED: collections.Counter[str] = collections.Counter()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Where an artifact is made; its payload's marker would stand in another folder."""
    markers = tmp_path / "markers"
    markers.mkdir()
    return Bench(folder=tmp_path / "artifact", markers=markers)


@pytest.fixture
def judged() -> collections.Counter[str]:
    """Counts over the whole run."""
    return JUDGED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if JUDGED:
        counts = ", ".join(f"{name} {JUDGED[name]}" for name in sorted(JUDGED))
        terminalreporter.write_line(f"inspection corpus: {counts}")
