"""
Source code as a fact: where a module lies, what an object in it means, which modules it needs.

Nothing here imports what it looks at.
"""

from __future__ import annotations

import ast
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, PathFinder
from pathlib import Path

from envlock.facts import Maybe, Unknown

__all__ = ["Module", "digest", "imports", "is_local", "local_closure", "locate", "meaning", "top_level"]

_FILE_LIMIT = 2 << 20
_MODULE_LIMIT = 500


class Module:
    """A Python module on the disk: its dotted name, file and syntax tree."""

    def __init__(self, name: str, file: Path) -> None:
        self.name = name
        self.file = file
        self.is_package = file.name == "__init__.py"
        # As bytes, so that a declared encoding and a byte-order mark are respected.
        self.tree = ast.parse(file.read_bytes() if file.stat().st_size <= _FILE_LIMIT else b"")


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
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError) as error:
        return Unknown(f"{file.name} cannot be read as Python: {type(error).__name__}")
    node = _definition(tree, qualname)
    if node is None:
        return None
    for inner in ast.walk(node):
        _drop_docstring(inner)
    return _sha256(_canonical(node))


def meaning(name: str, qualname: str, path: Sequence[str] | None = None) -> Maybe[str | None]:
    """
    The sha256 of what an object of a module means together with the user's code that it can reach.

    That is its own definition, what stands beside it in its module except other classes, and the local
    modules that this imports. For installed code it is the definition alone. `None` where the module
    cannot be found or does not define the object.
    """
    file = locate(name, path)
    own = None if file is None else digest(file, qualname)
    if file is None or not isinstance(own, str) or not is_local(file):
        return own
    parts = [own]
    for module in local_closure(name, path):
        tree = module.tree
        if module.name == name:
            tree = ast.Module([item for item in tree.body if not isinstance(item, ast.ClassDef)], [])
        for node in ast.walk(tree):
            _drop_docstring(node)
        parts.append(f"{module.name}:{_canonical(tree)}")
    return _sha256("\n".join(parts))


def _sha256(text: str) -> str:
    import hashlib  # brings OpenSSL along, which a diff of a model without custom code does without

    return hashlib.sha256(text.encode()).hexdigest()


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
    """The last class or function of that name in the body of `node`, in its branches too."""
    found: ast.AST | None = None
    for item in ast.iter_child_nodes(node):
        if isinstance(item, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            found = item if item.name == name else found
        elif isinstance(item, (ast.stmt, ast.excepthandler)):
            found = _child(item, name) or found
    return found


def _canonical(node: object) -> str:
    """A syntax tree as text that is the same under every Python: what is empty is left out."""
    if isinstance(node, list):
        return f"[{','.join(_canonical(item) for item in node)}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    if isinstance(node, ast.JoinedStr):  # Python 3.12 leaves empty pieces in f-strings
        pieces = [
            piece for piece in node.values if not (isinstance(piece, ast.Constant) and piece.value == "")
        ]
        return f"JoinedStr({_canonical(pieces)})"
    given = ((name, getattr(node, name, None)) for name in sorted(node._fields))
    shown = [
        f"{name}={_canonical(value)}" for name, value in given if value not in (None, []) and name != "ctx"
    ]
    return f"{type(node).__name__}({','.join(shown)})"


def _drop_docstring(node: ast.AST) -> None:
    match node:
        case (
            ast.Module(body=[ast.Expr(value=ast.Constant(value=str())), *rest])
            | ast.ClassDef(body=[ast.Expr(value=ast.Constant(value=str())), *rest])
            | ast.FunctionDef(body=[ast.Expr(value=ast.Constant(value=str())), *rest])
            | ast.AsyncFunctionDef(body=[ast.Expr(value=ast.Constant(value=str())), *rest])
        ):
            node.body = rest
