from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from envlock.custom import source
from envlock.custom.meaning import Sources, meaning, reached
from envlock.custom.source import Module
from envlock.facts import Unknown

GATE = """
from keras import layers
from stand_factors import TWO

THREE = 3


def helped(x):
    return x * THREE


class Base(layers.Layer):
    pass


class Gate(Base):
    def call(self, x):
        return helped(x) * TWO


class Other(layers.Layer):
    pass
"""
FACTORS = "TWO = 2\nFOUR = 4\n"

Files = dict[str, str]


def _sources(folder: Path, files: Files) -> Sources:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Sources([str(folder)])


@pytest.fixture
def digest(tmp_path: Path):
    """Writes files into a folder of their own and gives what an object of them means."""
    numbers = iter(range(1000))

    def taken(files: Files, module: str = "gates", qualname: str = "Gate") -> object:
        return meaning(_sources(tmp_path / str(next(numbers)), files), module, qualname)

    return taken


# What counts


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("return x * THREE", "return x + THREE"),
        ("THREE = 3", "THREE = 3.5"),
        ("class Base(layers.Layer):", "class Base(layers.Dense):"),
        ("class Base(layers.Layer):\n    pass", "class Base(layers.Layer):\n    x = 1"),
        ("class Gate(Base):", "class Gate(Base, dynamic=True):"),
        ("helped(x) * TWO", "helped(x) / TWO"),
        ("from keras import layers", "from tf_keras import layers"),
        ("from stand_factors import TWO", "from stand_factors import FOUR as TWO"),
    ],
)
def test_an_edit_of_what_an_object_reaches_is_another_meaning(digest, before: str, after: str) -> None:
    assert before in GATE
    old = digest({"gates.py": GATE, "stand_factors.py": FACTORS})
    new = digest({"gates.py": GATE.replace(before, after), "stand_factors.py": FACTORS})

    assert isinstance(old, str)
    assert isinstance(new, str)
    assert old != new


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("class Other(layers.Layer):", "class Other(layers.Dense):"),
        ("def helped(x):", "def helped(x):  # helps"),
        ("def helped(x):", "def helped(x):\n    '''Helps.'''"),
        ("THREE = 3", "THREE = (\n    3\n)"),
        ("THREE = 3", "UNUSED = 5\nTHREE = 3"),
        ("from keras import layers", "import os\nfrom keras import layers, ops"),
        ("class Gate(Base):", "import json\n\nclass Gate(Base):"),
        ("class Base(layers.Layer):\n    pass", "class Base(layers.Layer):\n    '''Doc.'''"),
        ("class Other(layers.Layer):\n    pass", "if __name__ == '__main__':\n    THREE = 4\n"),
    ],
)
def test_an_edit_for_readers_or_of_what_is_not_reached_means_the_same(
    digest, before: str, after: str
) -> None:
    assert before in GATE
    old = digest({"gates.py": GATE, "stand_factors.py": FACTORS})
    new = digest({"gates.py": GATE.replace(before, after), "stand_factors.py": FACTORS})

    assert isinstance(old, str)
    assert old == new


def test_the_order_of_definitions_does_not_count(digest) -> None:
    one = "A = 1\n\n\ndef f():\n    return A\n\n\ndef loss(y):\n    return f() * y\n"
    other = "def loss(y):\n    return f() * y\n\n\ndef f():\n    return A\n\n\nA = 1\n"

    assert digest({"gates.py": one}, qualname="loss") == digest({"gates.py": other}, qualname="loss")


@pytest.mark.parametrize(("text", "is_same"), [("TWO = 2.5\n", False), ("# Two.\nTWO = 2\nFIVE = 5\n", True)])
def test_what_another_module_holds_counts_as_far_as_it_is_reached(
    digest, text: str, *, is_same: bool
) -> None:
    old = digest({"gates.py": GATE, "stand_factors.py": FACTORS})

    assert (digest({"gates.py": GATE, "stand_factors.py": text}) == old) is is_same


# How it is reached: each pair of files has `VALUE = 1` somewhere that `Gate` gets at.

REACHED: dict[str, Files] = {
    "a base class of another module": {
        "gates.py": "from doors import Door\nclass Gate(Door): ...\n",
        "doors.py": "class Door:\n    VALUE = 1\n",
    },
    "the base class of a base class": {
        "gates.py": "import doors\nclass Gate(doors.Door): ...\n",
        "doors.py": "from walls import Wall\nclass Door(Wall): ...\n",
        "walls.py": "class Wall:\n    VALUE = 1\n",
    },
    "a module inside packages under another name": {
        "gates.py": "import a.b as c\nclass Gate:\n    def call(self): return c.f()\n",
        "a/__init__.py": "",
        "a/b.py": "VALUE = 1\ndef f(): return VALUE\n",
    },
    "a module inside packages under its own name": {
        "gates.py": "import a.b\nclass Gate:\n    def call(self): return a.b.VALUE\n",
        "a/__init__.py": "",
        "a/b.py": "VALUE = 1\n",
    },
    "a module of folders that are no packages": {
        "gates.py": "import a.b\nclass Gate:\n    def call(self): return a.b.VALUE\n",
        "a/b.py": "VALUE = 1\n",
    },
    "a module that is handed on as a whole": {
        "gates.py": "import helper\nclass Gate:\n    def call(self, f): return f(helper)\n",
        "helper.py": "VALUE = 1\n",
    },
    "a star": {
        "gates.py": "from helper import *\nclass Gate:\n    def call(self): return VALUE\n",
        "helper.py": "VALUE = 1\n",
    },
    "a star behind a star": {
        "gates.py": "from os.path import *\nfrom a import *\nclass Gate:\n    def call(self): return VALUE\n",
        "a/__init__.py": "from .b import *\n",
        "a/b.py": "VALUE = 1\n",
    },
    "what a package passes on": {
        "gates.py": "from a import f\nclass Gate:\n    def call(self): return f()\n",
        "a/__init__.py": "from a.b import g as f\n",
        "a/b.py": "def g(): return VALUE\nVALUE = 1\n",
    },
    "the first of two imports": {
        "gates.py": "try:\n    from fast import f\nexcept ImportError:\n    from slow import f\n"
        "class Gate:\n    def call(self): return f()\n",
        "fast.py": "def f(): return 1; VALUE = 1\n",
        "slow.py": "def f(): return 2\n",
    },
    "the second of two imports": {
        "gates.py": "try:\n    from fast import f\nexcept ImportError:\n    from slow import f\n"
        "class Gate:\n    def call(self): return f()\n",
        "fast.py": "def f(): return 1\n",
        "slow.py": "def f(): return 2; VALUE = 1\n",
    },
    "the first of two modules under one name": {
        "gates.py": "import os\nif os.name:\n    import fast as f\nelse:\n    import slow as f\n"
        "class Gate:\n    def call(self): return f.VALUE\n",
        "fast.py": "VALUE = 1\n",
        "slow.py": "VALUE = 2\n",
    },
    "an import inside a function": {
        "gates.py": "class Gate:\n    def call(self):\n        from helper import f\n        return f()\n",
        "helper.py": "VALUE = 1\ndef f(): return VALUE\n",
    },
    "a definition under a condition": {
        "gates.py": "import os\nif os.name == 'x':\n    def f(): return 1; VALUE = 1\n"
        "else:\n    def f(): return 2\n"
        "class Gate:\n    def call(self): return f()\n",
    },
    "a definition in a try": {
        "gates.py": "try:\n    a()\nexcept ValueError:\n    VALUE = 1\nclass Gate:\n    x = VALUE\n",
    },
    "a table that is filled later": {
        "gates.py": "TABLE = {}\nTABLE['x'] = VALUE = 1\nclass Gate:\n    def call(self): return TABLE\n",
    },
    "a list that is added to": {
        "gates.py": "LIST = []\nLIST += [x]\nLIST.append(dict(VALUE = 1))\nclass Gate:\n    x = LIST\n",
    },
    "a table that a loop fills": {
        "gates.py": "T = {}\nfor i in range(9):\n    T[i] = i\n    VALUE = 1\nclass Gate:\n    x = T\n",
    },
    "a method that is put in place later": {
        "gates.py": "class Gate: ...\ndef other(self): return VALUE\nVALUE = 1\nGate.call = other\n",
    },
    "a base whose method is put in place later": {
        "gates.py": "from doors import Door\nclass Gate(Door): ...\n",
        "doors.py": "class Door: ...\nDoor.call = lambda self: dict(VALUE = 1)\n",
    },
    "a decorator": {
        "gates.py": "from helper import deco\n@deco(3)\nclass Gate: ...\n",
        "helper.py": "VALUE = 1\ndef deco(n): return lambda kind: VALUE\n",
    },
    "a default argument": {
        "gates.py": "VALUE = 1\nclass Gate:\n    def call(self, x=VALUE): return x\n",
    },
    "an annotation": {
        "gates.py": "VALUE = 1\nclass Gate:\n    x: VALUE\n",
    },
    "names that are bound together": {
        "gates.py": "A, *(B, C) = 1, dict(VALUE = 1)\nclass Gate:\n    x = C\n",
    },
    "a name bound by with": {
        "gates.py": "with open(VALUE) as f:\n    x = f\nVALUE = 1\nclass Gate:\n    y = x\n",
    },
}


@pytest.mark.parametrize("case", REACHED)
def test_an_object_means_something_else_when_what_it_reaches_does(digest, case: str) -> None:
    files = REACHED[case]
    edited = {name: text.replace("VALUE = 1", "VALUE = 77") for name, text in files.items()}

    assert edited != files
    assert digest(files) is not None
    assert digest(files) == digest(files)
    assert digest(files) != digest(edited)


@pytest.mark.parametrize(
    ("line", "used"),
    [
        ("from . import x", "x.VALUE"),
        ("from .x import VALUE", "VALUE"),
        ("from .x import *", "VALUE"),
        ("from top.a import x as y", "y.VALUE"),
        ("import top.a.x", "top.a.x.VALUE"),
        ("import top.a.x as y", "y.VALUE"),
        ("from .. import a", "a.x.VALUE"),
        ("from ..a import x", "x.VALUE"),
    ],
)
def test_imports_inside_a_package_are_followed(digest, line: str, used: str) -> None:
    files = {
        "top/__init__.py": "",
        "top/a/__init__.py": "",
        "top/a/gates.py": f"{line}\nclass Gate:\n    def call(self): return {used}\n",
        "top/a/x.py": "VALUE = 1\n",
    }
    old = digest(files, "top.a.gates")

    assert isinstance(old, str)
    assert digest({**files, "top/a/x.py": "VALUE = 2\n"}, "top.a.gates") != old
    assert digest({**files, "top/a/x.py": "VALUE = 1\nOTHER = 2\n"}, "top.a.gates") == old


def test_of_two_bindings_the_last_counts_with_what_follows_it(digest) -> None:
    text = "T = {'a': 1}\nT = {'b': 2}\nT['c'] = 3\nclass Gate:\n    x = T\n"
    old = digest({"gates.py": text})

    assert digest({"gates.py": text.replace("'a': 1", "'a': 9")}) == old
    assert digest({"gates.py": text.replace("'b': 2", "'b': 9")}) != old
    assert digest({"gates.py": text.replace("= 3", "= 9")}) != old


def test_what_is_only_for_type_checkers_does_not_count(digest) -> None:
    text = (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from doors import Door\nclass Gate: ...\n"
    )
    helper = {"doors.py": "class Door: ...\n"}

    assert digest({"gates.py": text, **helper}) == digest({"gates.py": "class Gate: ...\n"})


def test_modules_that_need_each_other_come_to_an_end(digest) -> None:
    files = {
        "gates.py": "from doors import Door\nX = 1\nclass Gate(Door): ...\n",
        "doors.py": "import gates\nclass Door:\n    def call(self): return gates.X, gates.Gate\n",
    }
    edited = {**files, "gates.py": files["gates.py"].replace("X = 1", "X = 2")}

    assert digest(files) != digest(edited)


def test_a_name_that_nothing_binds_is_no_obstacle(digest) -> None:
    assert isinstance(digest({"gates.py": "class Gate(Missing): x = also.missing\n"}), str)


# Names of places


def test_the_names_of_modules_and_of_the_object_itself_do_not_count(digest) -> None:
    old = digest({"gates.py": GATE, "stand_factors.py": FACTORS})
    moved = GATE.replace("from stand_factors", "from .numbers").replace("Gate(", "Portal(")

    new = digest(
        {"house/__init__.py": "", "house/new.py": moved, "house/numbers.py": FACTORS}, "house.new", "Portal"
    )

    assert new == old


def test_what_was_moved_to_another_module_means_the_same(digest) -> None:
    apart = digest(
        {
            "gates.py": "from helper import f\nclass Gate:\n    x = f\n",
            "helper.py": "A = 1\ndef f(): return A\n",
        }
    )

    assert apart == digest({"gates.py": "A = 1\ndef f(): return A\nclass Gate:\n    x = f\n"})


def test_the_program_means_what_a_module_of_its_text_means(digest) -> None:
    text = "import os, numpy as np\nA = 1\nclass Gate:\n    x = np.sum(A)\n"
    sources = Sources([], program=Module("__main__", None, text.encode()))

    assert meaning(sources, "__main__", "Gate") == digest({"gates.py": text})


def test_of_one_file_the_path_within_it_counts(digest) -> None:
    text = "class Gate:\n    class A: ...\n    class B: ...\n"

    assert digest({"gates.py": text}, qualname="Gate.A") != digest({"gates.py": text}, qualname="Gate.B")


def test_a_meaning_is_the_same_under_every_python(digest) -> None:
    gates = (
        "from . import shapes as s\nfrom .numbers import *\n"
        "@s.kept\nclass Gate(s.Base):\n    'Doc.'\n    def call(self, *x: int, y=TWO) -> int:\n"
        "        match x:\n            case [1, *rest]: return f'{y!r:>{TWO}}{rest}'\n"
        "        return lambda a, /, b=1: (a, b)\n"
    )
    files = {
        "house/__init__.py": "",
        "house/gates.py": gates,
        "house/shapes.py": "import keras\nclass Base(keras.layers.Layer): ...\ndef kept(kind): return kind\n",
        "house/numbers.py": "TWO = 1e-7\nTHREE = 3\n",
    }

    # Taken under 3.10, 3.11, 3.12 and 3.13.
    assert digest(files, "house.gates") == "7ab6c36fce9a3ed9a2d03bbaa408210c2e70d86b8f1a65168ed02f6c12bfeb18"


# What cannot be told


def test_what_is_not_there_has_no_meaning(digest) -> None:
    assert digest({"gates.py": GATE}, "missing") is None
    assert digest({"gates.py": GATE}, "gates", "Door") is None
    assert digest({"gates.py": GATE}, "gates", "Gate.open") is None
    assert digest({"gates.py": GATE}, "__main__") is None
    assert digest({"gates.py": "Gate = make()\n"}) is None


def test_what_is_no_python_is_unknown(digest) -> None:
    assert digest({"gates.py": "class Gate("}) == Unknown("gates.py cannot be read as Python: SyntaxError")


def test_a_helper_that_is_no_python_is_passed_over(digest) -> None:
    files = {"gates.py": "from helper import f\nclass Gate:\n    x = f\n", "helper.py": "def ("}

    assert isinstance(digest(files), str)


@pytest.mark.parametrize(
    "text",
    [
        f"class Gate: x = {'+'.join('1' * 600)}\n",
        f"if a: x = 0\n{''.join(f'elif a: x = {n}{chr(10)}' for n in range(400))}class Gate:\n    y = x\n",
        f"x{'.a' * 600} = 1\nclass Gate:\n    y = x\n",
    ],
)
def test_code_that_is_nested_deeply_has_a_meaning(digest, text: str) -> None:
    assert isinstance(digest({"gates.py": text}), str)


def test_of_installed_code_the_definition_alone_counts(tmp_path: Path) -> None:
    sources = _sources(tmp_path / "site-packages", {"addon.py": "A = 1\nclass Gate:\n    x = A\n"})
    expected = source.digest(tmp_path / "site-packages" / "addon.py", "Gate")

    assert meaning(sources, "addon", "Gate") == expected
    (tmp_path / "site-packages" / "addon.py").write_text("A = 2\nclass Gate:\n    x = A\n", encoding="utf-8")
    assert meaning(Sources([str(tmp_path / "site-packages")]), "addon", "Gate") == expected


def test_installed_code_is_named_and_not_followed(tmp_path: Path) -> None:
    _sources(tmp_path / "site-packages", {"addon.py": "def f(): ...\n"})
    _sources(
        tmp_path, {"gates.py": "import addon as a, numpy\nclass Gate:\n    x = a.f, numpy.linalg.norm\n"}
    )

    found = reached(Sources([str(tmp_path), str(tmp_path / "site-packages")]), "gates", "Gate")

    assert found is not None
    assert (found.modules, found.outside) == (("gates",), {"a=addon", "numpy=numpy"})
    assert [piece.module for piece in found.pieces] == ["gates"]


def test_what_is_reached_is_told_by_module_and_place(tmp_path: Path) -> None:
    sources = _sources(tmp_path, {"gates.py": GATE, "stand_factors.py": FACTORS})

    found = reached(sources, "gates", "Gate")

    assert found is not None
    assert [(piece.module, piece.position) for piece in found.pieces] == [
        ("gates", 2),
        ("gates", 3),
        ("gates", 4),
        ("gates", 5),
        ("stand_factors", 0),
    ]
    assert found.modules == ("gates", "stand_factors")


def test_nothing_is_imported(tmp_path: Path) -> None:
    files = {"stand_gates.py": "from stand_factors import *\nraise SystemExit\nclass Gate: x = TWO\n"}
    sources = _sources(tmp_path, {**files, "stand_factors.py": "raise SystemExit\nTWO = 2\n"})

    assert isinstance(meaning(sources, "stand_gates", "Gate"), str)
    assert not {"stand_gates", "stand_factors"} & set(sys.modules)


# Sources


def test_a_module_is_read_once(tmp_path: Path) -> None:
    sources = _sources(tmp_path, {"gates.py": GATE})
    first = sources.find("gates")
    (tmp_path / "gates.py").write_text("", encoding="utf-8")

    assert sources.find("gates") is first


def test_modules_of_a_folder_are_taken_wherever_they_lie(tmp_path: Path) -> None:
    folder = tmp_path / "site-packages" / "code"
    _sources(folder, {"gates.py": GATE, "__main__.py": "class Gate: ...\n"})
    sources = Sources(folder=folder)

    assert sources.find("gates") is not None
    assert sources.find("__main__") is not None
    assert sources.find("json") is None
    assert Sources([str(folder)]).find("gates") is None


def test_of_a_program_that_is_not_given_nothing_is_known(tmp_path: Path) -> None:
    sources = _sources(tmp_path, {"__main__.py": "class Gate: ...\n"})

    assert (sources.find("__main__"), sources.installed("__main__")) == (None, None)


# What calls of imported names change


SEEDED = "import numpy as np\n{}\nclass Gate:\n    x = np.ones(3)\n"


@pytest.mark.parametrize(
    "line",
    [
        "np.random.seed(1)",
        "np.random.seed(1)\nnp.random.seed(2)",
        "if True:\n    np.random.seed(1)",
        "try:\n    import other as np\nexcept ImportError:\n    import numpy as np\nnp.seed(1)",
    ],
)
def test_a_call_of_what_an_import_bound_means_nothing(digest, line):
    before = line.partition("\nnp.seed")[0] if line.startswith("try") else ""

    assert digest({"gates.py": SEEDED.format(line)}) == digest({"gates.py": SEEDED.format(before)})


def test_a_call_of_what_was_bound_anew_since_its_import_counts(digest):
    own = "np = [1]\n{}"

    assert digest({"gates.py": SEEDED.format(own.format("np.append(1)"))}) != digest(
        {"gates.py": SEEDED.format(own.format(""))}
    )


@pytest.mark.parametrize(
    ("body", "counts"),
    [
        ("def call(self, x):\n        return x", False),
        ("def call(self, inputs):\n        return inputs + x", True),
        ("def call(self, inputs):\n        x = inputs\n        return x", False),
        ("def call(self, inputs):\n        global x\n        x = inputs", True),
        ("def call(self, inputs):\n        return [x for x in inputs]", False),
        ("def call(self, inputs=x):\n        return inputs", True),
        ("def call(self, inputs):\n        return (lambda x: x)(inputs)", False),
        ("def call(self, inputs):\n        def inner():\n            return x\n        return inner()", True),
    ],
)
def test_a_name_of_a_function_s_own_is_not_that_of_the_module(
    tmp_path: Path, body: str, counts: bool
) -> None:
    def digest(value: str) -> Any:
        (tmp_path / "gates.py").write_text(f"x = {value}\n\n\nclass Gate:\n    {body}\n", encoding="utf-8")
        return meaning(Sources([str(tmp_path)]), "gates", "Gate")

    assert (digest("1") != digest("2")) is counts
