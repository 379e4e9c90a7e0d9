from __future__ import annotations

import importlib
import inspect
import linecache
import py_compile
import sys
import traceback
from pathlib import Path

import pytest

from envlock.custom.isolated import Captured, original_name

GATES = "from stand_factors import TWO\n\n\nclass Gate:\n    def call(self, x):\n        return x * TWO\n"


def _captured(key: str, *packages: str, **texts: str) -> Captured:
    named = {name.replace("__", "."): text.encode() for name, text in texts.items()}
    return Captured(key, named, packages)


def _on_path(folder: Path, monkeypatch: pytest.MonkeyPatch, **texts: str) -> None:
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    importlib.invalidate_caches()


def test_a_captured_module_runs_under_a_name_of_its_own() -> None:
    found = _captured("ab12", stand_gates=GATES, stand_factors="TWO = 2\n").module("stand_gates")

    assert found.Gate().call(3) == 6
    assert found.__name__ == found.Gate.__module__ == "envlock_captured_ab12.stand_gates"
    assert not {"stand_gates", "stand_factors"} & sys.modules.keys()


def test_a_captured_module_runs_once() -> None:
    captured = _captured("ab12", stand_gates="X = []\n")
    captured.module("stand_gates").X.append(1)

    assert captured.module("stand_gates").X == [1]


def test_another_program_does_not_find_captured_modules() -> None:
    _captured("ab12", stand_gates="").module("stand_gates")

    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("stand_gates")


def test_two_models_with_modules_of_the_same_names_stand_side_by_side() -> None:
    one = _captured("one", stand_gates=GATES, stand_factors="TWO = 2\n")
    other = _captured("other", stand_gates=GATES.replace("* TWO", "+ TWO"), stand_factors="TWO = 20\n")

    first, second = one.module("stand_gates").Gate(), other.module("stand_gates").Gate()

    assert (first.call(3), second.call(3)) == (6, 23)
    assert one.module("stand_gates").Gate is type(first)


def test_an_installed_module_of_the_same_name_is_neither_shadowed_nor_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _on_path(tmp_path, monkeypatch, stand_factors="TWO = 100\n")
    here = importlib.import_module("stand_factors")

    found = _captured("ab12", stand_gates=GATES, stand_factors="TWO = 2\n").module("stand_gates")

    assert found.TWO == 2
    assert importlib.import_module("stand_factors") is here
    assert here.TWO == 100


def test_a_captured_module_called_as_one_of_the_library_shadows_nothing() -> None:
    import json

    captured = _captured("ab12", json="X = 1\n", stand_gates="import json\nX = json.X\n")

    assert captured.module("stand_gates").X == 1
    assert importlib.import_module("json") is json


def test_what_was_not_captured_is_imported_as_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _on_path(tmp_path, monkeypatch, stand_factors="TWO = 100\n")
    text = "import os.path as p, json\nfrom collections import abc\nimport stand_factors\n"

    found = _captured("ab12", stand_gates=text).module("stand_gates")

    assert found.stand_factors is sys.modules["stand_factors"]
    assert found.json is sys.modules["json"]


@pytest.mark.parametrize(
    "line",
    [
        "from .factors import TWO",
        "from .factors import *",
        "from . import TWO",
        "from . import factors; TWO = factors.TWO",
        "from stand_house.factors import TWO",
        "from stand_house import factors as f; TWO = f.TWO",
        "from stand_house import *; TWO = factors.TWO",
        "import stand_house.factors; TWO = stand_house.factors.TWO",
        "import stand_house.factors as f; TWO = f.TWO",
        "from ..stand_house.factors import TWO",
        "def late():\n    from .factors import TWO\n    return TWO\nTWO = late()",
        "def late():\n    import stand_house.factors\n    return stand_house.factors.TWO\nTWO = late()",
    ],
)
def test_modules_of_a_package_import_each_other(line: str) -> None:
    captured = _captured(
        "ab12",
        "stand_house",
        stand_house="from stand_house.factors import TWO\n",
        stand_house__factors="TWO = 2\n",
        stand_house__gates=line,
    )

    assert captured.module("stand_house.gates").TWO == 2
    assert not [name for name in sys.modules if name.startswith("stand_")]


def test_a_package_whose_own_file_is_empty_or_missing_is_one_all_the_same() -> None:
    captured = _captured(
        "ab12", stand_house__parts__gates="from ..factors import TWO", stand_house__factors="TWO = 2\n"
    )

    assert captured.module("stand_house.parts.gates").TWO == 2


def test_modules_that_import_each_other_are_run() -> None:
    captured = _captured(
        "ab12",
        stand_gates="import stand_doors\nX = 1\n",
        stand_doors="import stand_gates\ndef f(): return stand_gates.X\n",
    )

    assert captured.module("stand_gates").stand_doors.f() == 1


def test_the_captured_program_is_a_module_like_any_other() -> None:
    captured = Captured("ab12", {"__main__": b"NAME = __name__\nif __name__ == '__main__':\n    1 / 0\n"}, ())

    assert captured.module("__main__").NAME == "envlock_captured_ab12.__main__"
    assert "NAME" not in vars(sys.modules["__main__"])


@pytest.mark.parametrize("name", ["stand_missing", "stand_gates.missing", "os"])
def test_a_module_that_was_not_captured_is_not_there(name: str) -> None:
    captured = _captured("ab12", stand_gates="")

    with pytest.raises(ImportError):
        captured.module(name)


def test_what_a_module_raises_passes_through_and_it_is_not_kept() -> None:
    captured = _captured("ab12", stand_gates="1 / 0\n")

    with pytest.raises(ZeroDivisionError) as caught:
        captured.module("stand_gates")

    assert "envlock_captured_ab12.stand_gates" not in sys.modules
    assert "1 / 0" in "".join(traceback.format_exception(caught.type, caught.value, caught.tb))


# What runs is what was checked


def test_source_that_is_read_at_run_time_is_the_text_that_was_checked() -> None:
    one = _captured("one", stand_gates="class Gate:\n    def call(self): return 1\n\n\ndef f(): return 1\n")
    other = _captured(
        "other", stand_gates="class Gate:\n    def call(self): return 2\n\n\ndef f(): return 2\n"
    )

    gates = one.module("stand_gates"), other.module("stand_gates")
    linecache.checkcache()

    assert [inspect.getsource(item.f) for item in gates] == ["def f(): return 1\n", "def f(): return 2\n"]
    assert [inspect.getsource(item.Gate.call) for item in gates] == [
        "    def call(self): return 1\n",
        "    def call(self): return 2\n",
    ]
    assert inspect.getsource(gates[0].Gate).startswith("class Gate:")
    assert inspect.getsource(gates[0]).endswith("def f(): return 1\n")


def test_source_is_there_again_after_it_was_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "# é\ndef f():\n    return 1\n"
    gates = _captured("ab12", stand_gates=text).module("stand_gates")
    monkeypatch.chdir(tmp_path)
    (tmp_path / gates.__name__).write_text("planted\n" * 9, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    # As TensorFlow's autograph does for every function that it converts.
    linecache.updatecache(gates.__file__, vars(gates))

    assert inspect.getsource(gates.f) == "def f():\n    return 1\n"
    assert not Path(gates.__file__).exists()
    assert Path(gates.__file__).is_absolute()


def test_no_bytecode_is_read_or_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "stand_gates.py"
    file.write_text("X = 'planted'\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    planted = py_compile.compile(str(file), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    assert planted
    file.unlink()

    found = _captured("ab12", stand_gates="X = 'checked'\n").module("stand_gates")

    assert found.X == "checked"
    assert [path.name for path in (tmp_path / "__pycache__").iterdir()] == [Path(planted).name]
    assert getattr(found, "__cached__", None) is None


def test_a_text_that_changes_after_it_was_handed_over_changes_nothing() -> None:
    texts = {"stand_gates": b"X = 1\n"}
    captured = Captured("ab12", texts, ())
    texts["stand_gates"] = b"X = 2\n"

    assert captured.module("stand_gates").X == 1


def test_the_way_this_program_is_compiled_does_not_count() -> None:
    found = _captured("ab12", stand_gates="def f(x: 1 + 1): ...\n").module("stand_gates")

    assert found.f.__annotations__ == {"x": 2}


def test_a_declared_encoding_is_respected() -> None:
    text = "# -*- coding: latin-1 -*-\nX = 'é'\n".encode("latin-1")

    assert Captured("ab12", {"stand_gates": text}, ()).module("stand_gates").X == "é"


# Finders


def test_each_model_has_one_finder_however_often_it_is_asked() -> None:
    count = len(sys.meta_path)
    for _ in range(3):
        _captured("ab12", stand_gates="").module("stand_gates")
    _captured("cd34", stand_gates="").module("stand_gates")

    assert len(sys.meta_path) == count + 2


def test_a_finder_answers_for_its_own_model_alone() -> None:
    captured = _captured("ab12", stand_gates="", stand_house__gates="")

    asked = [
        "stand_gates",
        "envlock_captured_cd34",
        "envlock_captured_ab123",
        "envlock_captured_ab12.os",
        "os",
    ]
    assert [captured.find_spec(name) for name in asked] == [None] * len(asked)
    found = [
        captured.find_spec(f"envlock_captured_ab12{name}") for name in ("", ".stand_gates", ".stand_house")
    ]
    assert [spec and spec.submodule_search_locations for spec in found] == [[], None, []]


@pytest.mark.parametrize(
    ("name", "original"),
    [
        ("envlock_captured_ab12.house.gates", "house.gates"),
        ("envlock_captured_ab12.__main__", "__main__"),
        ("envlock_captured_ab12", "envlock_captured_ab12"),
        ("house.gates", "house.gates"),
        ("house.envlock_captured_ab12.gates", "house.envlock_captured_ab12.gates"),
        ("", ""),
    ],
)
def test_the_name_that_a_module_had_is_known(name: str, original: str) -> None:
    assert original_name(name) == original
