"""
Source code as a fact: where a module lies, what stands in it, which modules it needs.

Nothing here imports what it looks at.
"""

from __future__ import annotations

import ast
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

from envlock import store
from envlock.facts import Maybe, Unknown

__all__ = [
    "Module",
    "absolute_base",
    "canonical",
    "definition",
    "digest",
    "imports",
    "is_local",
    "local_closure",
    "locate",
    "top_level",
    "without_docstrings",
]

_FILE_LIMIT = 2 << 20
_MODULE_LIMIT = 500


class Module:
    """
    The source of a Python module: its dotted name, text and syntax tree.

    `file` is where it was read, `None` for what was never in a file.
    """

    def __init__(self, name: str, file: Path | None, text: bytes, *, is_package: bool = False) -> None:
        self.name = name
        self.file = file
        self.text = text
        self.is_package = is_package
        self.tree = _parsed(text)

    @classmethod
    def at(cls, name: str, file: Path) -> Module:
        """The module in a file; one that nobody wrote by hand is taken for empty."""
        text = file.read_bytes() if file.stat().st_size <= _FILE_LIMIT else b""
        return cls(name, file, text, is_package=file.name == "__init__.py")

    def segment(self, node: ast.stmt) -> str:
        """The text of a statement, its decorators included."""
        from importlib.util import decode_source  # splits lines where Python does

        first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", []))])
        lines = [line.encode() for line in decode_source(self.text).split("\n")][first - 1 : node.end_lineno]
        # What stands behind it in its last line is kept if it is a comment.
        rest = lines[-1][node.end_col_offset :].strip()
        lines[-1] = lines[-1] if rest.startswith(b"#") else lines[-1][: node.end_col_offset]
        lines[0] = lines[0][node.col_offset :]
        return b"\n".join(lines).decode()


def _parsed(text: bytes) -> ast.Module:
    # As bytes, so that a declared encoding and a byte-order mark are respected.
    try:
        return ast.parse(text)
    except (RecursionError, MemoryError) as error:
        raise ValueError("it is nested too deeply") from error


def locate(name: str, path: Sequence[str] | None = None) -> Path | None:
    """
    The source file of a dotted module name, found without importing its packages.

    `None` where there is none on `path` (default: `sys.path`), or where it is no Python source.
    """
    *packages, last = name.split(".")
    search = list(sys.path if path is None else path)
    for depth, package in enumerate(packages):
        search = _portions(_spec(package, search, is_top=not depth), package, search)
    found = _spec(last, search, is_top=not packages)
    if found is None or not found.has_location or not found.origin or not found.origin.endswith(".py"):
        return None
    return Path(found.origin)


def _spec(name: str, search: Sequence[str], *, is_top: bool) -> ModuleSpec | None:
    found = PathFinder.find_spec(name, search)
    if found is None and is_top:
        # An editable installation may put a finder of its own among these instead of a folder on the path.
        own = [finder for finder in sys.meta_path if finder not in _STANDARD_FINDERS]
        finds = [finder.find_spec for finder in own if hasattr(finder, "find_spec")]
        found = next((spec for find in finds if (spec := find(name, None))), None)
    return found


_STANDARD_FINDERS = (BuiltinImporter, FrozenImporter, PathFinder)


def _portions(package: ModuleSpec | None, name: str, search: Sequence[str]) -> list[str]:
    """The folders that a package's modules lie in; a package may be a mere folder (PEP 420)."""
    if package is None or package.submodule_search_locations is None:
        return []
    if package.origin:
        return list(package.submodule_search_locations)
    return [str(folder) for entry in search if (folder := Path(entry, name)).is_dir()]


def digest(file: Path, qualname: str) -> Maybe[str | None]:
    """
    The sha256 of what a class or function means, in hex; `None` where the file does not define it.

    Comments, docstrings and formatting do not count: it is taken over the syntax tree.
    """
    try:
        tree = _parsed(file.read_bytes())
    except (OSError, SyntaxError, ValueError) as error:
        return Unknown(f"{file.name} cannot be read as Python: {type(error).__name__}")
    node = definition(tree, qualname)
    if node is None:
        return None
    without_docstrings(node)
    return store.sha256_of(canonical(node).encode())


def is_local(file: Path) -> bool:
    """Whether a module is the user's own: neither of the standard library nor installed."""
    folders = {"site-packages", "dist-packages"}
    if folders & set(file.parts):
        return False
    library = [Path(sysconfig.get_path(key)) for key in ("stdlib", "platstdlib")]
    return not any(file.is_relative_to(folder) for folder in library)


def local_closure(name: str, path: Sequence[str] | None = None) -> list[Module]:
    """
    A local module and the local modules that it imports, in turn; its packages included.

    Sorted by name. Empty where the module is not local or cannot be found.
    """
    found: dict[str, Module] = {}
    waiting = [name]
    while waiting and len(found) < _MODULE_LIMIT:
        current = waiting.pop()
        file = None if current in found else locate(current, path)
        if file is None or not is_local(file):
            continue
        try:
            module = found[current] = Module.at(current, file)
        except (OSError, SyntaxError, ValueError):
            continue
        parents = [current.rpartition(".")[0]] if "." in current else []
        waiting += [*parents, *imports(module)]
    return [found[key] for key in sorted(found)]


def imports(module: Module) -> Iterator[str]:
    """
    The dotted names that a module may import, anywhere in it.

    `from a import b` gives both `a` and `a.b`, since `b` may be either.
    """
    for node in ast.walk(module.tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(names=names):
                base = absolute_base(module, node)
                if base:
                    yield base
                    yield from (f"{base}.{alias.name}" for alias in names if alias.name != "*")


def top_level(module: Module) -> set[str]:
    """The installed packages that a module imports, by their import names."""
    names = {name.partition(".")[0] for name in imports(module)}
    return names - set(sys.stdlib_module_names)


def absolute_base(module: Module, node: ast.ImportFrom) -> str:
    """The dotted name of the module that a `from … import` names, empty where that is outside of packages."""
    package = module.name if module.is_package else module.name.rpartition(".")[0]
    return _absolute(package, node.module or "", node.level)


def _absolute(package: str, target: str, level: int) -> str:
    if not level:
        return target
    base = package.split(".")
    base = base[: len(base) - (level - 1)]
    return ".".join([*base, target]) if target else ".".join(base)


def definition(tree: ast.AST, qualname: str) -> ast.AST | None:
    """Where a tree defines the class or function of this qualified name, `None` where it does not."""
    node: ast.AST | None = tree
    for part in qualname.split("."):
        if part == "<locals>":
            continue
        node = _child(node, part) if node else None
    return node


def _child(node: ast.AST, name: str) -> ast.AST | None:
    """The last class or function of that name in the body of `node`, in its branches too."""
    found: ast.AST | None = None
    waiting = [*ast.iter_child_nodes(node)][::-1]
    while waiting:
        item = waiting.pop()
        if isinstance(item, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            found = item if item.name == name else found
        elif isinstance(item, (ast.stmt, ast.excepthandler, ast.match_case)):
            waiting += [*ast.iter_child_nodes(item)][::-1]
    return found


def canonical(node: object) -> str:
    """A syntax tree as text that is the same under every Python: what is empty is left out."""
    # Without recursion: a long sum or chain of conditions is nested as deeply as it is long.
    written: list[str] = []
    waiting: list[tuple[bool, Any]] = [(False, node)]
    while waiting:
        is_text, item = waiting.pop()
        if is_text:
            written.append(item)
        else:
            waiting += reversed([*_shown(item)])
    return "".join(written)


def _shown(node: object) -> Iterator[tuple[bool, Any]]:
    """The pieces of one node in order, each either text or to be shown in turn."""
    if isinstance(node, list):
        yield True, "["
        for number, item in enumerate(node):
            yield from ((True, "," if number else ""), (False, item))
        yield True, "]"
    elif isinstance(node, ast.JoinedStr):  # Python 3.12 leaves empty pieces in f-strings
        pieces = [
            piece for piece in node.values if not (isinstance(piece, ast.Constant) and piece.value == "")
        ]
        yield from ((True, "JoinedStr("), (False, pieces), (True, ")"))
    elif isinstance(node, ast.AST):
        given = ((name, getattr(node, name, None)) for name in sorted(node._fields))
        shown = [(name, value) for name, value in given if value not in (None, []) and name != "ctx"]
        yield True, f"{type(node).__name__}("
        for number, (name, value) in enumerate(shown):
            yield from ((True, f"{',' if number else ''}{name}="), (False, value))
        yield True, ")"
    else:
        yield True, repr(node)


def without_docstrings(node: ast.AST) -> ast.AST:
    """The same tree, which is changed: what stands in it for readers alone is taken out."""
    for inner in ast.walk(node):
        _drop_docstring(inner)
    return node


def _drop_docstring(node: ast.AST) -> None:
    if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        return
    # Every text at the head, so that doing it twice changes nothing more.
    count = next((place for place, item in enumerate(node.body) if not _is_text(item)), len(node.body))
    if count:
        node.body = node.body[count:] or [ast.Pass()]


def _is_text(node: ast.stmt) -> bool:
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)
