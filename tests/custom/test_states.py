from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest
from builders import locked_gate, write_module

from envlock.custom import states
from envlock.custom.isolated import Captured
from envlock.custom.meaning import Sources, meaning
from envlock.custom.source import Module
from envlock.facts import CustomObject, Unknown

GATES = "class Gate:\n    class Inner: ...\n\n    def call(self, x):\n        return x * 2\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path for the user's modules."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


def _now(qualname: str = "Gate") -> object:
    return meaning(Sources(), "stand_gates", qualname)


def _state(item: CustomObject, sources: Sources | None = None, **options: object) -> str:
    (found,) = states.states([item], sources or Sources(), **options).values()
    return found


# Is it here, is it what it was


def test_an_object_as_it_was_locked_is_present(project: Path) -> None:
    write_module(project, "stand_gates", GATES)

    assert states.states([locked_gate(digest=_now())], Sources()) == {"house>Gate": "present"}


@pytest.mark.parametrize(
    ("helper", "state"),
    [
        ("FACTOR = 4.0  # more\n", "changed"),
        ("'Doc.'\nFACTOR = 3.0  # more\n", "present"),
        ("FACTOR = 3.0\nOTHER = 4.0\n", "present"),
    ],
)
def test_an_object_is_what_it_was_when_its_helper_means_the_same(
    project: Path, helper: str, state: str
) -> None:
    write_module(project, "stand_gates", f"from stand_factors import FACTOR\n{GATES.replace('2', 'FACTOR')}")
    write_module(project, "stand_factors", "FACTOR = 3.0\n")
    digest = _now()
    write_module(project, "stand_factors", helper)

    assert _state(locked_gate(digest=digest)) == state


def test_a_helper_that_is_not_used_does_not_count(project: Path) -> None:
    write_module(project, "stand_gates", f"from stand_factors import FACTOR\n{GATES}")
    write_module(project, "stand_factors", "FACTOR = 3.0\n")
    digest = _now()
    write_module(project, "stand_factors", "FACTOR = 4.0\n")

    assert _state(locked_gate(digest=digest)) == "present"


def test_an_object_whose_code_is_another_is_changed(project: Path) -> None:
    write_module(project, "stand_gates", GATES)
    digest = _now()
    write_module(project, "stand_gates", GATES.replace("* 2", "* 3"))

    assert _state(locked_gate(digest=digest)) == "changed"


@pytest.mark.parametrize("text", [None, "class Door: ...\n"])
def test_an_object_without_its_module_or_not_in_it_is_missing(project: Path, text: str | None) -> None:
    if text:
        write_module(project, "stand_gates", text)

    assert _state(locked_gate()) == "missing"


def test_an_unknown_digest_compares_with_nothing(project: Path) -> None:
    write_module(project, "stand_gates", GATES)

    assert _state(locked_gate(digest=Unknown("no file"))) == "present"


def test_a_file_that_cannot_be_read_as_python_compares_with_nothing(project: Path) -> None:
    write_module(project, "stand_gates", "class Gate(")

    assert _state(locked_gate()) == "present"


def test_an_object_is_looked_for_on_the_path_that_was_given(tmp_path: Path, project: Path) -> None:
    write_module(project, "stand_gates", GATES)
    importlib.import_module("stand_gates")
    elsewhere = tmp_path / "elsewhere"
    write_module(elsewhere, "stand_gates", GATES.replace("2", "3"))
    digest = meaning(Sources([str(elsewhere)]), "stand_gates", "Gate")

    assert _state(locked_gate(digest=digest), Sources([str(elsewhere)])) == "present"
    assert _state(locked_gate(digest=digest)) == "changed"


@pytest.mark.parametrize(
    ("text", "state"),
    [(GATES, "present"), (GATES.replace("2", "3"), "changed"), ("class Door: ...\n", "missing")],
)
def test_an_object_of_a_program_is_looked_for_in_the_running_one(
    project: Path, text: str, state: str
) -> None:
    write_module(project, "stand_gates", GATES)
    program = Module("__main__", None, text.encode())

    assert _state(locked_gate(module="__main__", digest=_now()), Sources(program=program)) == state
    assert _state(locked_gate(module="__main__", digest=_now())) == "missing"


def test_telling_states_imports_nothing(project: Path) -> None:
    write_module(project, "stand_gates", f"raise RuntimeError\n{GATES}")

    assert _state(locked_gate()) == "changed"
    assert "stand_gates" not in sys.modules


# What this process has already


@pytest.fixture
def moved(project: Path) -> ModuleType:
    """A module that has the object under another name than was recorded."""
    write_module(project, "stand_gates", GATES)
    write_module(project, "stand_moved", GATES.replace("Gate", "Portal"))
    return importlib.import_module("stand_moved")


@pytest.mark.parametrize("name", ["house>Gate", "Gate"])
def test_a_live_object_is_compared_wherever_it_came_from(moved: ModuleType, name: str) -> None:
    assert _state(locked_gate(digest=_now()), live={name: moved.Portal}) == "present"
    assert _state(locked_gate(), live={name: moved.Portal}) == "changed"
    assert _state(locked_gate(digest=_now(), module="stand_away"), live={name: moved.Portal}) == "present"


def test_a_live_object_that_is_no_class_or_function_is_not_compared(moved: ModuleType) -> None:
    assert _state(locked_gate(), live={"Gate": moved.Portal()}) == "changed"
    assert _state(locked_gate(module="stand_away"), live={"Gate": moved.Portal()}) == "missing"


def test_a_live_object_without_source_is_there() -> None:
    namespace: dict[str, object] = {"__name__": "stand_typed"}
    exec("class Gate: ...", namespace)  # as in an interactive session

    assert _state(locked_gate(), live={"Gate": namespace["Gate"]}) == "present"


def test_a_live_object_of_captured_source_is_there() -> None:
    live = Captured("ab12", {"stand_gates": GATES.encode()}, ()).module("stand_gates").Gate

    assert _state(locked_gate(), live={"Gate": live}) == "present"


def test_an_object_has_up_to_four_names() -> None:
    item = locked_gate("house>Gate.Inner", qualname="Gate.Inner")

    assert states.names_of(item) == ("house>Gate.Inner", "Gate.Inner", "Gate.Inner", "Inner")


# What differs


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """The captured source."""
    return tmp_path / "attachments" / "code"


def _differences(before: Path, item: CustomObject | None = None, **options: object) -> tuple[str, ...]:
    now = options.pop("now", None) or Sources()
    return states.differences(item or locked_gate(), Sources(folder=before), now, **options)


def test_the_lines_that_differ_are_told(project: Path, before: Path) -> None:
    write_module(before, "stand_gates", GATES)
    write_module(project, "stand_gates", f"import os\n\n\n# Doubles.\n{GATES.replace('* 2', '* 3')}\nX = 1\n")

    assert _differences(before) == ("-        return x * 2", "+        return x * 3")


def test_what_differs_in_a_helper_of_another_module_is_told(project: Path, before: Path) -> None:
    gates = f"from stand_factors import TWO, f\n{GATES.replace('2', 'f(TWO)')}"
    factors = "TWO = 2\nFOUR = 4\n\n\ndef f(x):\n    # as it is\n    return x\n"
    for folder in (before, project):
        write_module(folder, "stand_gates", gates)
    write_module(before, "stand_factors", factors)
    write_module(
        project,
        "stand_factors",
        factors.replace("= 2", "= 2.5").replace("= 4", "= 5").replace("return x", "return -x"),
    )

    assert _differences(before) == ("-TWO = 2", "+TWO = 2.5", "-    return x", "+    return -x")


def test_a_statement_that_means_the_same_is_not_shown(project: Path, before: Path) -> None:
    text = f"def f(x):\n    return x\n\n\n{GATES.replace('2', 'f(2)')}"
    write_module(before, "stand_gates", text)
    edited = text.replace("def f(x):", "def f(x):  # one\n    'Helps.'").replace("f(2)", "f(3)")
    write_module(project, "stand_gates", edited)

    assert _differences(before) == ("-        return x * f(2)", "+        return x * f(3)")


def test_a_statement_that_came_or_went_is_told(project: Path, before: Path) -> None:
    write_module(before, "stand_gates", f"A = 1\n{GATES.replace('2', 'A')}")
    write_module(project, "stand_gates", f"B = 1\n{GATES.replace('2', 'B')}")

    assert _differences(before) == ("-A = 1", "+B = 1", "-        return x * A", "+        return x * B")


def test_a_change_of_what_a_name_is_filled_with_is_told(project: Path, before: Path) -> None:
    text = f"T = {{}}\nT['a'] = 1\nT['b'] = 2\n{GATES.replace('2', 'T')}"
    write_module(before, "stand_gates", text)
    write_module(project, "stand_gates", text.replace("= 1", "= 7"))

    assert _differences(before) == ("-T['a'] = 1", "+T['a'] = 7")


@pytest.mark.parametrize("count", [6, 7, 50])
def test_a_diff_is_at_most_a_dozen_lines(project: Path, before: Path, count: int) -> None:
    body = "".join(f"    x{number} = {number}\n" for number in range(count))
    write_module(before, "stand_gates", f"class Gate:\n{body}")
    write_module(project, "stand_gates", f"class Gate:\n{body.replace(' = ', ' = 1')}")

    found = _differences(before)

    assert len(found) <= 12
    assert found[0] == "-    x0 = 0"
    if count > 6:
        assert found[-1] == f"… {2 * count - 11} lines more"


def test_a_long_line_is_cut(project: Path, before: Path) -> None:
    write_module(before, "stand_gates", "class Gate:\n    x = 1\n")
    write_module(project, "stand_gates", f"class Gate:\n    x = '{'a' * 5000}'\n")

    assert [len(line) for line in _differences(before)] == [10, 100]


def test_without_captured_source_nothing_can_be_shown(project: Path, before: Path) -> None:
    write_module(project, "stand_gates", GATES)

    assert _differences(before) == ()


def test_of_an_object_that_is_missing_nothing_is_shown(before: Path) -> None:
    write_module(before, "stand_gates", GATES)

    assert _differences(before) == ()


def test_a_live_object_is_what_is_compared(moved: ModuleType, before: Path) -> None:
    write_module(before, "stand_gates", GATES.replace("* 2", "* 9"))

    found = _differences(before, live={"Gate": moved.Portal})

    assert found[0] == "-class Gate:"
    assert "+        return x * 2" in found


def test_a_program_is_compared_with_what_was_taken_of_it(before: Path) -> None:
    write_module(before, "__main__", f"import numpy as np\nA = 2\n{GATES.replace('2', 'np.abs(A)')}")
    now = f"import os, numpy as np\nA = 2\nB = 1\n{GATES.replace('2', '-np.abs(A)')}"
    item = locked_gate(module="__main__", modules=("__main__",))

    found = _differences(before, item, now=Sources(program=Module("__main__", None, now.encode())))

    assert found == ("-        return x * np.abs(A)", "+        return x * -np.abs(A)")


@pytest.mark.parametrize("text", ["class Gate(", "\0", f"{'(' * 9999}{')' * 9999}", "Gate = 1\n"])
def test_captured_source_may_be_anything(project: Path, before: Path, text: str) -> None:
    write_module(before, "stand_gates", text)
    write_module(project, "stand_gates", GATES)

    assert isinstance(_differences(before), tuple)
