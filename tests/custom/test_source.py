from __future__ import annotations

import ast
import json
import sys
import sysconfig
from pathlib import Path

import pytest

from envlock.custom import source
from envlock.custom.source import Module
from envlock.facts import Unknown

GATE = '''
class Gate:
    """Opens."""

    def call(self, x):
        # twice
        return x * 2
'''


def _write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _digest(folder: Path, text: str, qualname: str = "Gate") -> object:
    path = folder / "gates.py"
    path.write_text(text, encoding="utf-8")
    return source.digest(path, qualname)


# Where a module lies


def test_a_module_is_found_on_the_path(tmp_path: Path) -> None:
    _write(tmp_path, gates="")

    assert source.locate("gates", [str(tmp_path)]) == tmp_path / "gates.py"


def test_a_package_is_found_by_its_own_file(tmp_path: Path) -> None:
    (tmp_path / "houses").mkdir()
    (tmp_path / "houses" / "__init__.py").touch()

    assert source.locate("houses", [str(tmp_path)]) == tmp_path / "houses" / "__init__.py"


def test_a_module_inside_packages_is_found_without_importing_them(tmp_path: Path) -> None:
    (tmp_path / "houses").mkdir()
    (tmp_path / "houses" / "__init__.py").write_text("raise RuntimeError", encoding="utf-8")
    _write(tmp_path, houses__parts__gates="raise RuntimeError")
    (tmp_path / "houses" / "parts" / "__init__.py").write_text("raise RuntimeError", encoding="utf-8")

    found = source.locate("houses.parts.gates", [str(tmp_path)])

    assert found == tmp_path / "houses" / "parts" / "gates.py"
    assert [name for name in sys.modules if name.startswith("houses")] == []


def test_a_module_is_looked_for_where_this_program_would_by_default() -> None:
    assert source.locate("envlock.custom.source") == Path(source.__file__)


def test_a_module_in_a_folder_that_is_no_regular_package_is_found(tmp_path: Path) -> None:
    _write(tmp_path, houses__gates="")

    assert source.locate("houses.gates", [str(tmp_path)]) == tmp_path / "houses" / "gates.py"


@pytest.mark.parametrize("name", ["missing", "gates.missing", "missing.gates", "sys", "_ctypes", "folder"])
def test_a_module_without_python_source_is_not_found(tmp_path: Path, name: str) -> None:
    _write(tmp_path, gates="", folder__inner="")
    native = sysconfig.get_path("platstdlib")

    assert source.locate(name, [str(tmp_path), f"{native}/lib-dynload"]) is None


def test_what_is_installed_or_of_the_library_is_not_local(tmp_path: Path) -> None:
    assert source.is_local(tmp_path / "gates.py") is True
    assert source.is_local(tmp_path / "lib/python3.11/site-packages/keras/layers.py") is False
    assert source.is_local(Path("/usr/lib/python3/dist-packages/numpy/__init__.py")) is False
    assert source.is_local(Path(json.__file__)) is False


# What an object means


@pytest.mark.parametrize(
    "text",
    [
        GATE,
        "class Gate:\n  def call(self, x): return (x*2)  # two\n",
        f"import os\n\n\ndef other(): ...\n\n{GATE}",
        GATE.replace("Opens.", "Shuts."),
        GATE.replace("    # twice\n", '    """Twice."""\n'),
    ],
)
def test_comments_docstrings_formatting_and_the_rest_of_the_file_do_not_count(
    tmp_path: Path, text: str
) -> None:
    assert _digest(tmp_path, text) == _digest(tmp_path, GATE)


@pytest.mark.parametrize(
    "text",
    [
        GATE.replace("* 2", "* 3"),
        GATE.replace("class Gate", "class Gate(Door)"),
        GATE.replace("class Gate", "@registered\nclass Gate"),
        GATE.replace("x):", "x, training=False):"),
        GATE.replace("return x", "'text'\n        return x"),
    ],
)
def test_a_change_of_the_code_is_another_digest(tmp_path: Path, text: str) -> None:
    if "'text'" in text:  # a string that is no docstring is code
        text = text.replace("        # twice\n", "        pass\n")
    found, expected = _digest(tmp_path, text), _digest(tmp_path, GATE)

    assert isinstance(found, str)
    assert found != expected


def test_a_digest_is_a_sha256_in_hex(tmp_path: Path) -> None:
    found = _digest(tmp_path, GATE)

    assert isinstance(found, str)
    assert len(bytes.fromhex(found)) == 32


@pytest.mark.parametrize("qualname", ["loss", "Gate", "Gate.call", "made.<locals>.Inner", "waits"])
def test_functions_methods_and_what_is_made_inside_functions_are_found(tmp_path: Path, qualname: str) -> None:
    text = f"def loss(a): ...\n{GATE}\ndef made():\n    class Inner: ...\nasync def waits(): ...\n"

    assert isinstance(_digest(tmp_path, text, qualname), str)


def test_of_two_definitions_the_later_counts(tmp_path: Path) -> None:
    both = f"class Gate: pass\n{GATE}"

    assert _digest(tmp_path, both) == _digest(tmp_path, GATE)


@pytest.mark.parametrize("qualname", ["Door", "Gate.open", "Gate.call.inner", "x"])
def test_a_file_that_does_not_define_an_object_has_no_digest_of_it(tmp_path: Path, qualname: str) -> None:
    assert _digest(tmp_path, f"{GATE}\nx = Gate\n", qualname) is None


def test_a_file_that_is_no_python_is_unknown(tmp_path: Path) -> None:
    assert _digest(tmp_path, "class Gate(") == Unknown("gates.py cannot be read as Python: SyntaxError")


def test_a_file_that_is_no_text_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "gates.py"
    path.write_bytes(b"x = '\xff'")

    assert source.digest(path, "Gate") == Unknown("gates.py cannot be read as Python: SyntaxError")


def test_a_file_that_is_missing_is_unknown(tmp_path: Path) -> None:
    assert source.digest(tmp_path / "gates.py", "Gate") == Unknown(
        "gates.py cannot be read as Python: FileNotFoundError"
    )


# Which modules it needs


def _module(folder: Path, name: str, text: str) -> Module:
    path = folder / f"{name.replace('.', '/')}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return Module.at(name.removesuffix(".__init__"), path)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.b", "import json, numpy.linalg", ["json", "numpy.linalg"]),
        ("a.b", "import numpy as np", ["numpy"]),
        ("a.b", "from keras import layers, ops", ["keras", "keras.layers", "keras.ops"]),
        ("a.b", "from keras import *", ["keras"]),
        ("a.b", "from . import c", ["a", "a.c"]),
        ("a.b", "from .c import d", ["a.c", "a.c.d"]),
        ("a.b.c", "from ..d import e", ["a.d", "a.d.e"]),
        ("a.__init__", "from .c import d", ["a.c", "a.c.d"]),
        ("a.b.__init__", "from ..c import d", ["a.c", "a.c.d"]),
        ("a", "def late():\n    import scipy", ["scipy"]),
        ("a", "try:\n    import fast\nexcept ImportError:\n    import slow", ["fast", "slow"]),
        ("a", "x = 1", []),
    ],
)
def test_the_imports_of_a_module_are_absolute_names(
    tmp_path: Path, name: str, text: str, expected: list[str]
) -> None:
    module = _module(tmp_path, name, text)

    assert sorted(source.imports(module)) == expected


def test_the_packages_that_a_module_imports_are_told_without_the_library(tmp_path: Path) -> None:
    module = _module(tmp_path, "a.b", "import os, numpy.linalg\nfrom keras import layers\nfrom . import c")

    assert source.top_level(module) == {"numpy", "keras", "a"}


def test_a_module_knows_its_file_and_tree(tmp_path: Path) -> None:
    module = _module(tmp_path, "gates", "x = 1\n")

    assert (module.name, module.file, module.is_package, ast.unparse(module.tree)) == (
        "gates",
        tmp_path / "gates.py",
        False,
        "x = 1",
    )


def _closure(folder: Path, name: str) -> list[str]:
    return [module.name for module in source.local_closure(name, [str(folder)])]


def test_local_modules_are_followed_in_turn_and_sorted(tmp_path: Path) -> None:
    _write(
        tmp_path,
        model="import gates, json",
        gates="def f():\n    from factors import TWO",
        factors="import model",
        unused="",
    )

    assert _closure(tmp_path, "model") == ["factors", "gates", "model"]


def test_the_packages_of_a_module_belong_to_it(tmp_path: Path) -> None:
    _write(tmp_path, houses__parts__gates="", extra="")
    (tmp_path / "houses" / "__init__.py").write_text("import extra", encoding="utf-8")
    (tmp_path / "houses" / "parts" / "__init__.py").touch()

    assert _closure(tmp_path, "houses.parts.gates") == [
        "extra",
        "houses",
        "houses.parts",
        "houses.parts.gates",
    ]


def test_an_installed_module_is_not_followed(tmp_path: Path) -> None:
    _write(tmp_path, gates="import keras")
    _write(tmp_path / "site-packages", keras="import gates")

    found = source.local_closure("gates", [str(tmp_path), str(tmp_path / "site-packages")])

    assert [module.name for module in found] == ["gates"]


def test_a_module_that_is_not_local_or_not_here_needs_none(tmp_path: Path) -> None:
    _write(tmp_path / "site-packages", keras="")

    assert source.local_closure("keras", [str(tmp_path / "site-packages")]) == []
    assert source.local_closure("missing", [str(tmp_path)]) == []


def test_a_module_that_is_no_python_is_left_out(tmp_path: Path) -> None:
    _write(tmp_path, gates="import broken", broken="def (")

    assert _closure(tmp_path, "gates") == ["gates"]


def test_a_function_is_not_taken_for_a_method_of_its_name(tmp_path: Path) -> None:
    before, after = tmp_path / "before.py", tmp_path / "after.py"
    method = "class A:\n    def loss(self): return 1\n"
    before.write_text(f"def loss(x): return x\n{method}", encoding="utf-8")
    after.write_text(f"def loss(x): return -x\n{method}", encoding="utf-8")

    assert source.digest(before, "loss") != source.digest(after, "loss")


def test_a_digest_is_the_same_under_every_python(tmp_path: Path) -> None:
    path = tmp_path / "gates.py"
    path.write_text(
        "class Gate(Layer):\n    'Doc.'\n    @property\n    def a(self, *b: int, c=None) -> int:\n"
        "        return f'{c!r:>{b}}' if c else 0\n",
        encoding="utf-8",
    )

    # Taken under 3.10, 3.11, 3.12 and 3.13.
    assert source.digest(path, "Gate") == "4de0d7a946e9b3095a344e263d4b3a8884fd6330c985bedb403c4107439a6727"


def test_a_module_in_a_folder_that_is_no_package_is_found(tmp_path: Path) -> None:
    file = tmp_path / "stand_space" / "parts" / "gates.py"
    file.parent.mkdir(parents=True)
    file.write_text("x = 1\n", encoding="utf-8")

    assert source.locate("stand_space.parts.gates", [str(tmp_path)]) == file


@pytest.mark.parametrize(
    "text",
    [
        f"x = {'+'.join('1' * 600)}\n",
        "if a: x = 0\n" + "".join(f"elif a == {number}: x = {number}\n" for number in range(400)),
        f"x{'.a' * 600} = 1\n",
        f"x = {'-' * 90}1\n",
    ],
)
def test_code_that_is_nested_deeply_is_written_down_all_the_same(text: str) -> None:
    module = Module("gates", None, text.encode())

    assert source.canonical(module.tree).startswith("Module(body=[")
    assert source.definition(module.tree, "Gate") is None


def test_code_that_is_nested_too_deeply_for_python_is_unknown(tmp_path: Path) -> None:
    found = _digest(tmp_path, f"x = {'(' * 50_000}1{')' * 50_000}\nclass Gate: ...\n")

    assert isinstance(found, Unknown)


def test_a_definition_is_found_in_branches_and_matches(tmp_path: Path) -> None:
    text = "match 1:\n    case 1:\n        try: pass\n        except E:\n            class Gate: ...\n"

    assert isinstance(_digest(tmp_path, text), str)


def test_docstrings_are_taken_out_once_and_for_all() -> None:
    tree = ast.parse("class Gate:\n    'Doc.'\n    'More.'\n    'Most.'\n    x = 1\n")
    first = source.canonical(source.without_docstrings(tree))

    assert source.canonical(source.without_docstrings(tree)) == first
    assert "More" not in first


def test_a_docstring_in_place_of_pass_does_not_count(tmp_path: Path) -> None:
    assert _digest(tmp_path, "class Gate: pass") == _digest(tmp_path, "class Gate:\n    'Doc.'\n")


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_a_segment_is_the_text_of_a_statement_with_its_decorators(ends: str) -> None:
    text = (
        'a = "é\x0c\x1c\u2028"\n\x0c\n@one\n@two(\n  3)\ndef f():\n    return 1  # one\n\nb = 2; c = 3  # c\n'
    )
    module = Module("gates", None, text.replace("\n", ends).encode())

    found = [module.segment(node) for node in module.tree.body]

    assert found == [
        'a = "é\x0c\x1c\u2028"',
        "@one\n@two(\n  3)\ndef f():\n    return 1  # one",
        "b = 2",
        "c = 3  # c",
    ]


def test_a_segment_is_read_in_the_encoding_that_the_file_declares() -> None:
    marked = Module("gates", None, b"\xef\xbb\xbfa = 1\n")
    latin = Module("gates", None, "# -*- coding: latin-1 -*-\na = 'é'; b = 'ü'\n".encode("latin-1"))

    assert marked.segment(marked.tree.body[0]) == "a = 1"
    assert [latin.segment(node) for node in latin.tree.body] == ["a = 'é'", "b = 'ü'"]


def test_a_file_that_nobody_wrote_by_hand_is_taken_for_empty(tmp_path: Path) -> None:
    path = tmp_path / "gates.py"
    path.write_bytes(b"x = 1\n" + b"#" * (2 << 20))

    assert Module.at("gates", path).text == b""
