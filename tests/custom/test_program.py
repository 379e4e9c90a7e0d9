from __future__ import annotations

import ast
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy
import pytest

from envlock.custom import program
from envlock.custom.meaning import Sources, reached
from envlock.custom.source import Module

SCRIPT = '''"""Trains."""
import os, sys
import numpy as np
from math import pi, tau

SCALE = 1 + 2  # of the gate
NAMES = ["a"]
NAMES.append("b")
UNUSED = 7


def unused():
    return os.getcwd()


def helped(x):
    """Helps."""
    return x * SCALE * pi  # keeps this


@staticmethod
class Gate:
    names = NAMES

    def call(self, x):
        return np.abs(helped(x))


print("trains", file=sys.stderr)
'''


def _program(text: str) -> Module:
    return Module("__main__", None, text.encode())


def _extract(text: str, *names: str, values: dict[str, Any] | None = None) -> program.Extract:
    """What is taken of a program that was really run."""
    running = _program(text)
    if values is None:
        values = {"__name__": "__main__"}
        exec(compile(text, "train.py", "exec", dont_inherit=True), values)
    sources = Sources(program=running)
    found = [one for name in names or ("Gate",) if (one := reached(sources, "__main__", name))]
    return program.extract(running, found, values)


def _run(text: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "captured"}
    exec(compile(text, "captured.py", "exec", dont_inherit=True), namespace)
    return namespace


def test_only_what_an_object_reaches_is_taken_as_it_was_written() -> None:
    found = _extract(SCRIPT)

    assert found.text == (
        "import numpy as np\n"
        "from math import pi\n"
        "SCALE = 3\n"
        "NAMES = ['a', 'b']\n"
        "\n\n"
        "def helped(x):\n"
        '    """Helps."""\n'
        "    return x * SCALE * pi  # keeps this\n"
        "\n\n\n"
        "@staticmethod\n"
        "class Gate:\n"
        "    names = NAMES\n"
        "\n"
        "    def call(self, x):\n"
        "        return np.abs(helped(x))\n"
    )
    assert found.left_out == {}


def test_what_is_taken_runs_on_its_own() -> None:
    gate = _run(_extract(SCRIPT.replace("@staticmethod\n", "")).text)["Gate"]

    assert gate().call(-1.0) == pytest.approx(3 * 3.14159265)
    assert gate.names == ["a", "b"]


def test_of_several_objects_what_they_share_is_taken_once() -> None:
    text = "A = 1\nclass Gate:\n    x = A\nclass Door:\n    x = A\n"

    found = _extract(text, "Gate", "Door")

    assert found.text.count("A = 1") == 1
    assert {"Gate", "Door"} <= _run(found.text).keys()


def test_a_constant_is_taken_with_the_value_that_it_has_now() -> None:
    text = "A = 1\nB = [A]\nclass Gate:\n    x = A, B\n"

    found = _extract(text, values={"A": 5, "B": [1, {"two": (2.5, None, True, b"3")}]})

    assert found.text.startswith("A = 5\nB = [1, {'two': (2.5, None, True, b'3')}]\n")


def test_what_the_program_computed_is_left_out_with_a_reason() -> None:
    text = "def read():\n    import numpy\n    return numpy.ones(3)\nDATA = read()\nOPEN = open(__file__)\n"
    text += "class Gate:\n    x = DATA, OPEN\n"
    values = {"DATA": numpy.ones(3), "OPEN": object()}

    found = _extract(text, values=values)

    assert found.left_out == {
        "DATA": "a ndarray that the program computed",
        "OPEN": "a object that the program computed",
    }
    assert "DATA =" not in found.text


@pytest.mark.parametrize("value", ["float('inf')", "{1: float('nan')}", "range(3)"])
def test_a_value_that_cannot_be_written_down_is_left_out(value: str) -> None:
    found = _extract(f"A = {value}\nclass Gate:\n    x = A\n")

    assert list(found.left_out) == ["A"]


def test_a_value_that_is_too_long_to_be_code_is_left_out() -> None:
    found = _extract("A = list(range(100_000))\nclass Gate:\n    x = A\n")

    assert found.left_out == {"A": "a list that the program computed"}


def test_a_value_that_holds_itself_is_left_out() -> None:
    assert list(_extract("A = []\nA.append(A)\nclass Gate:\n    x = A\n").left_out) == ["A"]


@pytest.mark.parametrize(
    "line", ["A = np.ones(3) * math.sqrt(4)", "A: object = np.arange(SIZE)", "A = B = np.ones(2)"]
)
def test_what_numeric_libraries_make_is_made_again(line: str) -> None:
    text = f"import math\nimport numpy as np\nSIZE = 2; OTHER = print('x')\n{line}\nclass Gate:\n    x = A\n"

    found = _extract(text)

    assert found.left_out == {}
    assert numpy.array_equal(_run(found.text)["A"], _run(text)["A"])


@pytest.mark.parametrize(
    "lines",
    [
        "A = []\nA.append(np.ones(3))",  # what was put in place of it would be empty
        "A = np.ones(3)\nA += 1",
        "A = np.ones(3)\nA.fill(4)",
        "N = 2\nA = np.ones(N)\nN = 3",
        "B = np.ones(2)\nA = B * 2\nB = np.zeros(2)",
        "A = {}\nfor i in range(3):\n    A[i] = np.ones(i)",
    ],
)
def test_what_would_be_made_again_with_another_value_is_left_out(lines: str) -> None:
    found = _extract(f"import numpy as np\n{lines}\nclass Gate:\n    x = A\n")

    assert list(found.left_out) == ["A"]


def test_what_is_made_again_and_then_changed_by_its_parts_is_the_same() -> None:
    text = "import numpy as np\nA = np.zeros(2)\nA[0] = 5\nclass Gate:\n    x = A\n"

    found = _extract(text)

    assert found.left_out == {}
    assert list(_run(found.text)["A"]) == [5, 0]


def test_a_cell_that_ran_twice_is_no_obstacle() -> None:
    text = "import numpy as np\nN = 2\nA = np.ones(N)\n"

    found = _extract(f"{text}{text}class Gate:\n    x = A\n")

    assert found.left_out == {}
    assert list(_run(found.text)["A"]) == [1, 1]


def test_what_stands_in_the_same_line_is_not_taken_along() -> None:
    found = _extract("import numpy as np\nA = np.ones(2); NAME = print('x')\nclass Gate:\n    x = A\n")

    assert "print" not in found.text


def test_what_calls_a_function_of_the_program_is_not_made_again() -> None:
    text = "import numpy as np\ndef f(x):\n    return x\nA = f(np.ones(3))\nclass Gate:\n    x = A\n"

    assert list(_extract(text).left_out) == ["A"]


def test_another_name_for_a_class_is_kept() -> None:
    text = "class Door: ...\nGate = Door\nGate.open = True\ndef loss(x):\n    return Gate.open\n"

    found = _extract(text, "loss")

    assert found.left_out == {}
    assert _run(found.text)["loss"](1) is True


def test_a_method_that_is_put_in_place_later_is_kept() -> None:
    text = "class Gate: ...\ndef other(self):\n    return 3\nGate.call = other\n"

    assert _run(_extract(text).text)["Gate"]().call() == 3


@pytest.mark.parametrize(
    ("line", "used", "kept"),
    [
        ("import os.path, sys", "os.path.sep", "import os.path"),
        ("import os as o, sys", "o.sep", "import os as o"),
        ("from os import sep as s, getcwd", "s", "from os import sep as s"),
        ("from math import *", "tau", "from math import *"),
    ],
)
def test_only_the_imports_that_are_used_are_taken(line: str, used: str, kept: str) -> None:
    found = _extract(f"import json\n{line}\nclass Gate:\n    x = {used}\n")

    assert found.text == f"{kept}\n\n\nclass Gate:\n    x = {used}\n"
    assert "Gate" in _run(found.text)


def test_a_star_that_nothing_is_taken_from_is_not_kept() -> None:
    assert "import" not in _extract("from math import *\nclass Gate:\n    print(int)\n").text


def test_how_annotations_are_read_is_kept() -> None:
    text = (
        "A = 1\nfrom __future__ import annotations\nclass Gate:\n    def call(self, x: Missing): return A\n"
    )

    found = _extract(text, values={"A": 1})

    assert found.text.startswith("from __future__ import annotations\n")
    assert "Gate" in _run(found.text)


def test_where_nothing_is_reached_nothing_is_taken() -> None:
    assert _extract("from __future__ import annotations\nA = 1\n", "Gate").text == "\n"


# Which program is running


def _main(monkeypatch: pytest.MonkeyPatch, **attributes: object) -> None:
    found = ModuleType("__main__")
    vars(found).update(attributes)
    monkeypatch.setitem(sys.modules, "__main__", found)


def _notebook(monkeypatch: pytest.MonkeyPatch, cells: Iterable[object], **more: object) -> None:
    """A session as IPython has it: every cell that was run, as it was after its magics were translated."""
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    _main(monkeypatch, In=["", *cells], get_ipython=lambda: None, **more)


def test_a_script_is_read_from_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "train.py"
    file.write_text(SCRIPT, encoding="utf-8")
    _main(monkeypatch, __file__=str(file))

    found = program.running()

    assert found is not None
    assert (found.name, found.file, found.text) == ("__main__", file, SCRIPT.encode())


@pytest.mark.parametrize("name", [None, "missing.py", "broken.py", "envlock", "deep.py"])
def test_a_program_without_source_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str | None
) -> None:
    (tmp_path / "broken.py").write_text("class Gate(", encoding="utf-8")
    (tmp_path / "deep.py").write_text(f"{'(' * 9999}{')' * 9999}", encoding="utf-8")
    (tmp_path / "envlock").write_text("print(1)", encoding="utf-8")
    _main(monkeypatch, **({"__file__": str(tmp_path / name)} if name else {}))

    assert program.running() is None


def test_a_notebook_is_read_from_its_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [
        "import numpy as np\nget_ipython().run_line_magic('matplotlib', 'inline')",
        "class Gate:\n    x = 1",
        "Gate(",
        None,
        "!ls",
        "%time Gate()",
        "A = 4",
        "class Gate:\n    x = A",
    ]
    _notebook(monkeypatch, cells)
    found = program.running()
    assert found is not None

    taken = program.extract(
        found, [reached(Sources(program=found), "__main__", "Gate")], {"A": 5, "Gate": object}
    )

    # The cell that was run last counts, and values as they are now.
    assert taken.text == "A = 5\n\n\nclass Gate:\n    x = A\n"
    assert found.file is None


def test_a_list_called_in_makes_no_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "train.py"
    file.write_text("In = ['A = 1']\n", encoding="utf-8")
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    _main(monkeypatch, In=["A = 1"], __file__=str(file), get_ipython=len)

    found = program.running()

    assert found is not None
    assert found.text == b"In = ['A = 1']\n"


def test_a_notebook_whose_cells_are_no_list_has_no_source(monkeypatch: pytest.MonkeyPatch) -> None:
    _notebook(monkeypatch, [])
    vars(sys.modules["__main__"])["In"] = "class Gate: ..."

    assert program.running() is None


def test_a_choice_between_imports_is_taken_as_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    choice = "try:\n    import fast as maths\nexcept ImportError:\n    import math as maths\n"
    gate = "class Gate:\n    def call(self, x):\n        return maths.sin(x)\n"

    assert program._is_choice(ast.parse(choice).body[0])
    assert not program._is_choice(ast.parse("if ask():\n    import math").body[0])
    assert not program._is_choice(ast.parse("try:\n    A = make()\nexcept ValueError:\n    A = 1").body[0])
    module = Module("__main__", None, (choice + gate).encode())
    pieces = reached(Sources(program=module), "__main__", "Gate")
    assert pieces is not None
    found = program.extract(module, [pieces], {"maths": math})
    assert (choice.strip() in found.text, found.left_out) == (True, {})


@pytest.mark.parametrize(
    "called",
    [
        "np.random.seed(1)",
        "np.random.seed(1)\nnp.random.seed(1)",
        "if SCALE:\n    np.random.seed(1)",
        "random.seed(1)",
    ],
)
def test_a_call_of_an_imported_module_leaves_an_object_as_it_is(called: str) -> None:
    text = "import numpy as np\nfrom numpy import random\nSCALE = 2\n{}\n"
    text += "class Gate:\n    x = np, random, SCALE\n"
    values = {"np": numpy, "random": numpy.random, "SCALE": 2}

    found = _extract(text.format(called), values=values)

    assert found.left_out == {}
    assert found.text == _extract(text.format(""), values=values).text


def test_a_cell_below_a_magic_that_runs_it_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    timed = "get_ipython().run_cell_magic('time', '', 'def loss(a, b):\\n    return a - b\\n')"
    other = "get_ipython().run_cell_magic('bash', '', 'def loss(a, b): pass\\n')"
    _notebook(monkeypatch, ["", timed, other, "not python ("])

    found = program.running()

    assert found is not None
    assert found.text.decode().strip() == "def loss(a, b):\n    return a - b"
