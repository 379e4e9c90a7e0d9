from __future__ import annotations

import platform
import sys
from types import SimpleNamespace

import pytest

from envlock.capture import python
from envlock.facts import Python


def test_the_interpreter_is_the_running_one() -> None:
    assert python.interpreter() == Python(
        version=platform.python_version().rstrip("+"), implementation=sys.implementation.name
    )


@pytest.mark.parametrize(
    ("level", "serial", "version"),
    [("final", 0, "3.14.2"), ("alpha", 1, "3.14.2a1"), ("beta", 3, "3.14.2b3")],
)
def test_a_release_before_the_final_one_is_told_apart(
    monkeypatch: pytest.MonkeyPatch, level: str, serial: int, version: str
) -> None:
    info = SimpleNamespace(major=3, minor=14, micro=2, releaselevel=level, serial=serial)
    running = SimpleNamespace(version_info=info, implementation=SimpleNamespace(name="pypy"))
    monkeypatch.setattr(python, "sys", running)

    assert python.interpreter() == Python(version=version, implementation="pypy")
