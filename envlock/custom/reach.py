"""
What a class or function of the user's can reach: the statements that it means something by.

From its definition on, every name that a statement uses is followed to what binds it, in its own module and
in the other local ones. Nothing is imported; what only a run could tell (`getattr`, registries) is not seen.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet

from envlock.custom.source import Module, absolute_base, canonical, without_docstrings
from envlock.values import frozen

__all__ = ["PROGRAM", "Piece", "Reached", "bindings", "bound_names", "reach"]

Find = Callable[[str], Module | None]

# The program that is running, as Python calls it.
PROGRAM = "__main__"
_MOST = 20_000
_COMPOUND = (ast.If, ast.Try, ast.With, ast.For, ast.While, ast.Match)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_IMPORTS = (ast.Import, ast.ImportFrom)


@frozen
class Piece:
    """One statement of one module, and where it stands there."""

    module: str
    position: int
    node: ast.stmt


@frozen(kw_only=True)
class Reached:
    """
    The statements that a definition reaches, by module and place.

    `outside` names what is bound to other than local code, as `np=numpy`; `modules` are the local ones that
    were looked into.
    """

    pieces: tuple[Piece, ...]
    outside: frozenset[str]
    modules: tuple[str, ...]

    def texts(self, root: str = "") -> list[str]:
        """Each statement in one form, whatever it is called and wherever it stands; `root` has no name."""
        own = (piece.node for piece in self.pieces if not isinstance(piece.node, _IMPORTS))
        return sorted({_plain(node, root) for node in own} | self.outside)


def reach(find: Find, module: str, name: str) -> Reached | None:
    """What the top-level `name` of a module reaches; `None` where `find` has no such module or name."""
    walk = _Walk(find)
    walk.need(module, name)
    if not walk.pieces:
        return None
    walk.run()
    pieces = tuple(walk.pieces[key] for key in sorted(walk.pieces))
    return Reached(pieces=pieces, outside=frozenset(walk.outside), modules=tuple(sorted(walk.modules)))


def _plain(node: ast.stmt, root: str) -> str:
    if isinstance(node, _DEFINITIONS) and node.name == root:
        values = {key: getattr(node, key) for key in node._fields}
        node = type(node)(**{**values, "name": ""})
    return canonical(without_docstrings(node))


class _Scope:
    """A module with what its statements bind, and where its imports lead."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.statements = [node for node in module.tree.body if not _is_guard(node)]
        self.binds: dict[str, list[int]] = {}
        self.stars: list[tuple[int, str]] = []
        for position, (node, names) in enumerate(
            zip(self.statements, bindings(self.statements), strict=True)
        ):
            for name in names:
                self.binds.setdefault(name, []).append(position)
            self.stars += ((position, base) for base, name, _ in _targets(node, module) if name == "*")

    def positions(self, name: str) -> list[int]:
        """The statements that a name has its value from: the last that binds it anew, and what follows."""
        found = self.binds.get(name, [])
        anew = [place for place, at in enumerate(found) if _binds_anew(self.statements[at], name)]
        return found[anew[-1] :] if anew else found


class _Walk:
    def __init__(self, find: Find) -> None:
        self._find = find
        self._scopes: dict[str, _Scope | None] = {}
        self._waiting: list[Piece] = []
        self._asked: set[tuple[str, tuple[str, ...]]] = set()
        self.pieces: dict[tuple[str, int], Piece] = {}
        self.outside: set[str] = set()
        self.modules: set[str] = set()

    def run(self) -> None:
        while self._waiting and len(self.pieces) < _MOST:
            piece = self._waiting.pop()
            scope = self._scope(piece.module)
            if scope is not None:
                self._follow(piece, scope)

    def need(self, module: str, *chain: str) -> None:
        """Follow what a name of a module is bound to, wherever that is, and what is asked of it."""
        scope = None if (module, chain) in self._asked else self._scope(module)
        self._asked.add((module, chain))
        if scope is None or len(self._asked) > _MOST:
            return
        self.modules.add(module)
        positions = scope.positions(chain[0])
        for position in positions:
            statement = scope.statements[position]
            for target in _imported(statement, scope.module).get(chain[0], ()):
                self._outer(chain, target)
            if not isinstance(statement, _IMPORTS) or module == PROGRAM:
                self._take(scope, position)
        if not positions and not hasattr(builtins, chain[0]):
            for position, base in scope.stars:
                self.need(base, *chain)
                if module == PROGRAM:
                    self._take(scope, position)

    def _all(self, module: str) -> None:
        scope = self._scope(module)
        for position in range(len(scope.statements)) if scope else ():
            self._take(scope, position)

    def _take(self, scope: _Scope | None, position: int) -> None:
        if scope is None or (scope.module.name, position) in self.pieces:
            return
        piece = Piece(scope.module.name, position, scope.statements[position])
        self.pieces[scope.module.name, position] = piece
        self._waiting.append(piece)

    def _scope(self, module: str) -> _Scope | None:
        if module not in self._scopes:
            found = self._find(module)
            self._scopes[module] = None if found is None else _Scope(found)
        return self._scopes[module]

    def _follow(self, piece: Piece, scope: _Scope) -> None:
        own = _imported(piece.node, scope.module)
        for chain in _used(piece.node):
            for target in own.get(chain[0], ()):
                self._outer(chain, target)
            if chain[0] not in own:
                self.need(scope.module.name, *chain)

    def _outer(self, chain: tuple[str, ...], target: tuple[str, str]) -> None:
        """What is behind an imported name: an object of a local module, all of one, or something else."""
        base, name = target
        rest = [*([name] if name else []), *chain[1:]]
        while rest and self._scope(f"{base}.{rest[0]}") is not None:
            base = f"{base}.{rest.pop(0)}"
        if self._scope(base) is None:
            self.outside.add(f"{chain[0]}={'.'.join([base, *([name] if name else [])])}")
        elif rest:
            self.need(base, *rest)
        else:
            self._all(base)


def bindings(statements: Iterable[ast.stmt]) -> Iterator[set[str]]:
    """
    What each statement gives a value to, or changes in place.

    A call such as `np.random.seed(1)` of what an import bound last changes nothing of the user's.
    """
    imported: set[str] = set()
    for node in statements:
        names = bound_names(node, imported)
        yield names
        imported = (imported - names) | _imported_alone(node)


def bound_names(node: ast.stmt, imported: AbstractSet[str] = frozenset()) -> set[str]:
    """
    What a statement gives a value to, or changes in place: `TABLE` in `TABLE["a"] = 1` too.

    What is called of `imported` names does not change them.
    """
    found: set[str] = set()
    for item in _statements(node):
        found |= _bound(item) - (imported if isinstance(item, ast.Expr) else frozenset())
    return found


def _imported_alone(node: ast.stmt) -> set[str]:
    """The names that a statement binds by imports and in no other way."""
    found = {True: set[str](), False: set[str]()}
    for item in _statements(node):
        if not isinstance(item, ast.Expr):
            found[isinstance(item, _IMPORTS)] |= _bound(item)
    return found[True] - found[False]


def _statements(node: ast.stmt) -> Iterator[ast.stmt]:
    """A statement and those inside of it that run where it does."""
    waiting = [node]
    while waiting:
        item = waiting.pop()
        yield item
        if isinstance(item, _COMPOUND):
            waiting += _inside(item)


def _bound(node: ast.stmt) -> set[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return {alias.asname or alias.name.partition(".")[0] for alias in names} - {"*"}
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            return {name for target in targets for name in _roots(target)}
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target) | ast.For(target=target):
            return set(_roots(target))
        case ast.Expr(value=ast.Call(func=ast.Attribute() as called)):
            return set(_roots(called))
        case ast.With(items=items):
            return {name for item in items if item.optional_vars for name in _roots(item.optional_vars)}
    return set()


def _inside(node: ast.stmt) -> Iterator[ast.stmt]:
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.stmt):
            yield inner
        elif isinstance(inner, (ast.ExceptHandler, ast.match_case)):
            yield from inner.body


def _roots(target: ast.expr) -> Iterator[str]:
    waiting = [target]
    while waiting:
        match waiting.pop():
            case ast.Name(id=name):
                yield name
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                waiting += parts
            case ast.Starred(value=inner) | ast.Attribute(value=inner) | ast.Subscript(value=inner):
                waiting.append(inner)


def _binds_anew(node: ast.stmt, name: str) -> bool:
    """Whether what the name was before does not matter any more."""
    match node:
        case ast.Assign(targets=targets):
            return any(isinstance(target, ast.Name) and target.id == name for target in targets)
        case ast.AnnAssign(target=ast.Name(id=own), value=value):
            return own == name and value is not None
    return isinstance(node, (*_DEFINITIONS, *_IMPORTS))


def _is_guard(node: ast.stmt) -> bool:
    """Whether a statement is there for programs or type checkers alone."""
    if not isinstance(node, ast.If):
        return False
    names = {inner.id for inner in ast.walk(node.test) if isinstance(inner, ast.Name)}
    attributes = {inner.attr for inner in ast.walk(node.test) if isinstance(inner, ast.Attribute)}
    is_main = "__name__" in names and isinstance(node.test, ast.Compare)
    return not node.orelse and (is_main or "TYPE_CHECKING" in names | attributes)


_Bound = frozenset[str]


def _used(node: ast.stmt) -> set[tuple[str, ...]]:
    """The names that a statement uses from outside, with what is asked of them: `("np", "sum")`."""
    found: set[tuple[str, ...]] = set()
    waiting: list[tuple[ast.AST, _Bound]] = [(node, frozenset())]
    while waiting:
        item, bound = waiting.pop()
        chain = _chain(item)
        if chain is not None:
            found |= {chain} if chain[0] not in bound else set()
            continue
        if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            inner = bound | _own_names(item)
            body = item.body if isinstance(item.body, list) else [item.body]
            waiting += ((part, inner) for part in body)
            waiting += ((part, bound) for part in _around(item))
            continue
        if isinstance(item, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            bound |= {name for part in item.generators for name in _roots(part.target)}
        waiting += ((part, bound) for part in ast.iter_child_nodes(item))
    return found


def _chain(node: ast.AST) -> tuple[str, ...] | None:
    """A name with the attributes asked of it, `None` for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return (node.id, *reversed(parts)) if isinstance(node, ast.Name) else None


def _around(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Iterator[ast.AST]:
    """What of a function is run where it stands: decorators, defaults, annotations."""
    yield node.args
    if not isinstance(node, ast.Lambda):
        yield from node.decorator_list
        if node.returns is not None:
            yield node.returns


def _own_names(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> _Bound:
    """The parameters of a function and what it gives values to; what it calls global is not its own."""
    arguments = function.args
    given = [
        *arguments.posonlyargs,
        *arguments.args,
        *arguments.kwonlyargs,
        arguments.vararg,
        arguments.kwarg,
    ]
    names = {item.arg for item in given if item is not None}
    outer: set[str] = set()
    waiting: list[ast.AST] = [] if isinstance(function, ast.Lambda) else [*function.body]
    while waiting:
        item = waiting.pop()
        if isinstance(item, ast.Global):
            outer |= set(item.names)
        elif isinstance(item, _DEFINITIONS):
            names.add(item.name)
        elif isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store):
            names.add(item.id)
        elif isinstance(item, ast.ExceptHandler) and item.name:
            names.add(item.name)
        if not isinstance(item, (*_DEFINITIONS, ast.Lambda)):
            waiting += ast.iter_child_nodes(item)
    return frozenset(names - outer)


def _targets(node: ast.AST, module: Module) -> Iterator[tuple[str, str, str]]:
    """Of each import inside a statement: the module, the object of it if one is named, the name bound."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Import):
            for alias in inner.names:
                top = alias.name if alias.asname else alias.name.partition(".")[0]
                yield top, "", alias.asname or top
        elif isinstance(inner, ast.ImportFrom):
            base = absolute_base(module, inner)
            if base:
                yield from ((base, alias.name, alias.asname or alias.name) for alias in inner.names)


def _imported(node: ast.AST, module: Module) -> Mapping[str, list[tuple[str, str]]]:
    """The names that imports inside a statement bind, each with all that it may stand for."""
    found: dict[str, list[tuple[str, str]]] = {}
    for base, name, bound in _targets(node, module):
        found.setdefault(bound, []).append((base, name))
    return found
