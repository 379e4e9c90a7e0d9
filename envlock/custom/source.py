"""
Source code as a fact: where a module lies, what an object in it means, which modules it needs.

Nothing here imports what it looks at.
"""

from __future__ import annotations

import ast
import hashlib
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from importlib.machinery import PathFinder
from pathlib import Path

from envlock.facts import Maybe, Unknown

__all__ = ["Module", "digest", "imports", "is_local", "local_closure", "locate", "top_level"]

_FILE_LIMIT = 2 << 20
_MODULE_LIMIT = 500


class Module:
    """A Python module on the disk: its dotted name, file, source and syntax tree."""

    def __init__(self, name: str, file: Path) -> None:
        self.name = name
        self.file = file
        self.is_package = file.name == "__init__.py"
        self.text = file.read_text(encoding="utf-8") if file.stat().st_size <= _FILE_LIMIT else ""
        self.tree = ast.parse(self.text)


def locate(name: str, path: Sequence[str] | None = None) -> Path | None:
    """
    The source file of a dotted module name, found without importing its packages.

    `None` where there is none on `path` (default: `sys.path`), or where it is no Python source.
    """
    search: Sequence[str] | None = path
    found = None
    for depth, _ in enumerate(parts := name.split(".")):
        found = PathFinder.find_spec(".".join(parts[: depth + 1]), search)
        if found is None:
            return None
        search = list(found.submodule_search_locations or ())
    if found is None or not found.has_location or not found.origin or not found.origin.endswith(".py"):
        return None
    return Path(found.origin)


def digest(file: Path, qualname: str) -> Maybe[str | None]:
    """
    The sha256 of what a class or function means, in hex; `None` where the file does not define it.

    Comments, docstrings and formatting do not count: it is taken over the syntax tree.
    """
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError) as error:
        return Unknown(f"{file.name} cannot be read as Python: {type(error).__name__}")
    node = _definition(tree, qualname)
    if node is None:
        return None
    for inner in ast.walk(node):
        _drop_docstring(inner)
    return hashlib.sha256(ast.dump(node).encode()).hexdigest()


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
            module = found[current] = Module(current, file)
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
    package = module.name if module.is_package else module.name.rpartition(".")[0]
    for node in ast.walk(module.tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=target, names=names, level=level):
                base = _absolute(package, target or "", level)
                if base:
                    yield base
                    yield from (f"{base}.{alias.name}" for alias in names if alias.name != "*")


def top_level(module: Module) -> set[str]:
    """The installed packages that a module imports, by their import names."""
    names = {name.partition(".")[0] for name in imports(module)}
    return names - set(sys.stdlib_module_names)


def _absolute(package: str, target: str, level: int) -> str:
    if not level:
        return target
    base = package.split(".")
    base = base[: len(base) - (level - 1)]
    return ".".join([*base, target]) if target else ".".join(base)


def _definition(tree: ast.AST, qualname: str) -> ast.AST | None:
    node: ast.AST | None = tree
    for part in qualname.split("."):
        if part == "<locals>":
            continue
        node = _child(node, part) if node else None
    return node


def _child(node: ast.AST, name: str) -> ast.AST | None:
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    matches = [
        item for item in ast.walk(node) if isinstance(item, kinds) and item.name == name and item is not node
    ]
    return matches[-1] if matches else None


def _drop_docstring(node: ast.AST) -> None:
    body = getattr(node, "body", None)
    if not isinstance(body, list) or not isinstance(
        node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    ):
        return
    match body:
        case [ast.Expr(value=ast.Constant(value=str())), *rest]:
            node.body = rest
