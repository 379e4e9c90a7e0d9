from __future__ import annotations

import importlib
import sys
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from envlock.custom import recorded
from envlock.custom.meaning import Sources, meaning
from envlock.facts import Content, Unknown

GATES = """
from stand_factors import TWO


class Gate:
    def __init__(self, units=1):
        self.units = units

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def call(self, x):
        return x * TWO
"""


@pytest.fixture
def gates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "stand_gates.py").write_text(GATES, encoding="utf-8")
    (folder / "stand_factors.py").write_text("TWO = 2\n", encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    found = {name: importlib.import_module(name) for name in ("stand_factors", "stand_gates")}
    for name, module in found.items():
        monkeypatch.setitem(sys.modules, name, module)
    return found["stand_gates"]


def _record(model: Any, content: Content, folder: Path) -> Any:
    bridge = recorded.Bridge(
        name_of=lambda kind: f"house>{kind.__name__}", known=lambda name: None, scope=lambda _: nullcontext()
    )
    return recorded.record(model, content, folder, bridge=bridge, passed={}, distributions={})


def _content(*layers: str) -> Content:
    named = [{"class_name": name, "config": {"name": "gate"}} for name in layers]
    return Content(config={"class_name": "Sequential", "config": {"name": "house", "layers": named}})


def test_an_object_is_recorded_stored_and_what_will_not_come_back_is_said(
    gates: ModuleType, tmp_path: Path
) -> None:
    model = SimpleNamespace(metrics=[gates.Gate(7)])

    (item,), said = _record(model, _content("Gate", "Missing"), tmp_path / "code")

    assert (item.name, item.module, item.modules) == (
        "house>Gate",
        "stand_gates",
        ("stand_factors", "stand_gates"),
    )
    stored = Sources(folder=tmp_path / "code")
    assert item.digest == meaning(stored, "stand_gates", "Gate") == meaning(Sources(), "stand_gates", "Gate")
    assert said == (
        "Missing 'gate' asks for Missing, which this program neither registered nor defines by that name",
        "get_config() of Gate leaves out units (here 7, and 1 when it comes back)",
    )


def test_a_model_of_keras_alone_has_nothing_to_record(tmp_path: Path) -> None:
    assert _record(SimpleNamespace(), _content("Dense"), tmp_path / "code") == ((), ())
    assert not (tmp_path / "code").exists()


def test_of_what_is_unknown_nothing_is_said(tmp_path: Path) -> None:
    unknown = Unknown("h5py is not installed")

    assert _record(SimpleNamespace(), Content(config=unknown), tmp_path) == (unknown, ())
