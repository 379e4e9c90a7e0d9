"""
The program that is running, a script or a notebook, as source: what a model needs of it, and nothing else.

Definitions and imports are taken as they are written, names that hold plain values with the value that they
have. Nothing that the program computed otherwise can be taken along, and that is said.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from envlock.custom.reach import PROGRAM, Piece, Reached, bindings, bound_names
from envlock.custom.source import Module, canonical

__all__ = ["Extract", "extract", "running"]

_MOST_TEXT = 100_000
# What may be called to make a value that stands at the top of the program: of it nothing is left behind.
_MAKERS = {"keras", "math", "numpy", "tensorflow", "tf_keras"}
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def running() -> Module | None:
    """The source of the running program, `None` where it is nowhere, as of code typed into a prompt."""
    main = sys.modules.get(PROGRAM)
    try:
        cells = _cells(main)
        if cells is not None:
            return Module(PROGRAM, None, cells.encode("utf-8", "replace"))
        file = getattr(main, "__file__", None)
        return Module.at(PROGRAM, Path(file)) if file and file.endswith((".py", ".pyw")) else None
    except (OSError, SyntaxError, ValueError):
        return None


def _cells(main: ModuleType | None) -> str | None:
    """What was run in a notebook so far, cell after cell, as IPython keeps it; `None` outside of one."""
    if main is None or "IPython" not in sys.modules or not hasattr(main, "get_ipython"):
        return None
    found = getattr(main, "In", None)
    if not isinstance(found, list):
        return None
    return "\n".join(_run(cell) for cell in found if isinstance(cell, str))


# Magics of a whole cell that run it as it stands.
_AS_IT_STANDS = {"capture", "prun", "time"}


def _run(cell: str) -> str:
    """What a cell ran, empty for what is no Python."""
    try:
        body = ast.parse(cell).body
    except (SyntaxError, ValueError):
        return ""
    match body:
        case [
            ast.Expr(
                value=ast.Call(
                    func=ast.Attribute(attr="run_cell_magic"),
                    args=[ast.Constant(value=magic), _, ast.Constant(value=str(inner))],
                )
            )
        ]:
            return _run(inner) if magic in _AS_IT_STANDS else ""
    return cell


class Extract:
    """What was taken of the program: its text, and what could not be, each with the reason."""

    def __init__(self, text: str, left_out: Mapping[str, str]) -> None:
        self.text = text
        self.left_out = left_out


def extract(program: Module, reached: Iterable[Reached], values: Mapping[str, Any]) -> Extract:
    """
    The part of a program that some objects reach, as the text of a module.

    `values` are the names of the program as they stand now, `__main__.__dict__`.
    """
    pieces = {piece.position: piece for one in reached for piece in one.pieces if piece.module == PROGRAM}
    used = _names_in(pieces.values())
    bound = {
        id(node): names for node, names in zip(program.tree.body, bindings(program.tree.body), strict=True)
    }
    future = [node for node in program.tree.body if getattr(node, "module", None) == "__future__"]
    lines: list[str] = [ast.unparse(node) for node in future] if pieces else []
    left_out: dict[str, str] = {}
    given: set[str] = set()
    for _, piece in sorted(pieces.items()):
        node = piece.node
        if node in future:
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            lines += _import(node, used)
        elif isinstance(node, _DEFINITIONS) or _is_choice(node):
            lines += ["", "", program.segment(node), ""]
        else:
            names = sorted(bound[id(node)] & values.keys() - given)
            plain = {name: text for name in names if (text := _plain(values[name]))}
            given.update(plain)
            lines += (f"{name} = {text}" for name, text in plain.items())
            rest = [name for name in names if name not in plain]
            lines += _made(program, node, rest, values, left_out)
    return Extract("\n".join(lines).strip() + "\n", left_out)


def _is_choice(node: ast.stmt) -> bool:
    """Whether a statement only chooses between imports and definitions, as `try: import … except:` does."""
    waiting: list[ast.AST] = [node] if isinstance(node, (ast.If, ast.Try)) else []
    found: list[ast.AST] = []
    while waiting:
        item = waiting.pop()
        if isinstance(item, (ast.If, ast.Try, ast.ExceptHandler)):
            waiting += (inner for inner in ast.iter_child_nodes(item) if not isinstance(inner, ast.expr))
            found += (inner for inner in ast.iter_child_nodes(item) if isinstance(inner, ast.expr))
        else:
            found.append(item)
    return bool(found) and all(_is_still(item) for item in found)


def _is_still(node: ast.AST) -> bool:
    """Whether running a part of a program again does nothing but define."""
    if isinstance(node, ast.Assign):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.expr):
        return not any(isinstance(inner, ast.Call) for inner in ast.walk(node))
    return isinstance(node, (ast.Import, ast.ImportFrom, ast.Pass, *_DEFINITIONS))


def _names_in(pieces: Iterable[Piece]) -> set[str]:
    return {inner.id for piece in pieces for inner in ast.walk(piece.node) if isinstance(inner, ast.Name)}


def _import(node: ast.Import | ast.ImportFrom, used: set[str]) -> Iterator[str]:
    used = {*used, "*"}
    names = [alias for alias in node.names if (alias.asname or alias.name.partition(".")[0]) in used]
    if names:
        yield ast.unparse(type(node)(**{**{key: getattr(node, key) for key in node._fields}, "names": names}))


def _made(
    program: Module, node: ast.stmt, names: Iterable[str], values: Mapping[str, Any], left_out: dict[str, str]
) -> Iterator[str]:
    """A statement that gives `names` values which cannot be written down, where it can be run again."""
    if names and _is_made_by_libraries(node, values) and _is_settled(program, node, values):
        yield program.segment(node)
    else:
        left_out.update(
            {name: f"a {type(values[name]).__name__} that the program computed" for name in names}
        )


def _plain(value: object) -> str:
    """A value that can be written down as a literal, empty for all others."""
    try:
        text = repr(value)
        found = ast.literal_eval(text) if len(text) <= _MOST_TEXT else None
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return ""
    return text if type(found) is type(value) and found == value else ""


def _is_made_by_libraries(node: ast.stmt, values: Mapping[str, Any]) -> bool:
    """Whether a single assignment calls nothing but numeric libraries: `SCALE = tf.constant(2.0)`."""
    if not isinstance(node, (ast.Assign, ast.AnnAssign)):
        return False
    calls = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call)]
    return all(_home(called.func, values) in _MAKERS and not _names_a_file(called) for called in calls)


def _names_a_file(called: ast.Call) -> bool:
    """Whether a call is given what may be a path: what it makes is not in the program."""
    texts = [inner.value for inner in ast.walk(called) if isinstance(inner, ast.Constant)]
    return any(isinstance(text, str) and re.search(r"[./\\\\]", text) for text in texts)


def _is_settled(program: Module, node: ast.stmt, values: Mapping[str, Any]) -> bool:
    """Whether the data that a statement uses never was other than it is now."""
    used = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)} - bound_names(node)
    data = {name for name in used & values.keys() if not isinstance(values[name], (ModuleType, type))}
    bound = [(bound_names(item), canonical(item)) for item in program.tree.body]
    # A cell of a notebook may have run more than once.
    return all(len({text for names, text in bound if name in names}) <= 1 for name in data)


def _home(called: ast.expr, values: Mapping[str, Any]) -> str:
    """The library that a function comes from, by what its name stands for now."""
    while isinstance(called, ast.Attribute):
        called = called.value
    if not isinstance(called, ast.Name):
        return ""
    value = values.get(called.id)
    name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    return str(name or "").partition(".")[0]
