"""What `from_config` takes out of a configuration, and what it cannot do without."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import Any

from harvest.kwargs import DEEPEST, Handlings, method
from harvest.strings import Texts, constants, own_nodes, texts
from harvest.values import Class, Function, linearised

# These read what an object is serialised as, not its configuration.
NESTED = re.compile("deserialize|serialize|get$")


@dataclass
class Reading:
    """Keys that are taken out, keys read on every path, and keys the constructor gets another way."""

    removed: set[str] = field(default_factory=set)
    needed: set[str] = field(default_factory=set)
    given: set[str] = field(default_factory=set)
    possible: set[str] = field(default_factory=set)  # set from other keys in some case, as for older files

    def add(self, other: Reading, *, is_sure: bool) -> None:
        """Take over what a helper does with the same configuration."""
        self.removed |= other.removed
        self.given |= other.given
        self.possible |= other.possible - self.needed
        if is_sure:
            self.needed |= other.needed


@dataclass
class Place:
    """Where a configuration is read: by what function, of a class with what order, under what names."""

    function: Function
    order: tuple[Any, ...]
    known: Texts
    names: set[str]
    depth: int


class Configs:
    """Answers for the classes of one package."""

    def __init__(self, handlings: Handlings) -> None:
        self.handlings = handlings

    def reading(self, cls: Class) -> Reading:
        """What the `from_config` of a class does."""
        order = linearised(cls)
        function = method(order, "from_config")
        if not isinstance(function, Function):
            return Reading()
        parameters = [part.arg for part in function.node.args.args][1:]
        return self._read(function, parameters[0], order, {}, 0) if parameters else Reading()

    def _read(
        self,
        function: Function,
        name: str,
        order: tuple[Any, ...],
        known: Texts,
        depth: int,
    ) -> Reading:
        """What a function does with the configuration that it knows as `name`."""
        if isinstance(function.node, ast.Lambda):
            return Reading()
        body = function.node.body
        place = Place(function, order, constants(body, known), _aliases(body, name), depth)
        return self._followed(body, place)

    def _followed(self, body: list[ast.stmt], place: Place) -> Reading:
        """What a body does; of two branches, only what both read counts as needed."""
        found = Reading()
        sure = {id(node) for node in _unconditional(body)}
        for node in own_nodes(body):
            is_sure = id(node) in sure
            _note(node, place.names, place.known, found, is_sure=is_sure)
            if isinstance(node, ast.If):
                found.possible |= _set_under(node, place) - found.needed
            if isinstance(node, ast.Call) and place.depth < DEEPEST:
                self._help(node, place, found, is_sure=is_sure)
        for index, statement in enumerate(body):
            if isinstance(statement, ast.If):
                self._branch(statement, body[index + 1 :], place, found)
            if isinstance(statement, (ast.Return, ast.Raise)) or _returns(statement):
                break
        return found

    def _branch(self, statement: ast.If, rest: list[ast.stmt], place: Place, found: Reading) -> None:
        """Add what every way through a test does, where it ends in an object."""
        after = rest if _returns(statement) else []
        ways = [
            statement.body if _ends(statement.body) else [*statement.body, *after],
            [*statement.orelse, *after],
        ]
        read = [self._followed(way, place) for way in ways if not _raises(way)]
        if read:
            found.needed |= set.intersection(*(item.needed for item in read)) - found.given
            found.given |= set.intersection(*(item.given for item in read))

    def _help(self, call: ast.Call, place: Place, found: Reading, *, is_sure: bool) -> None:
        """Follow `super().from_config(config)` and helpers that get the configuration."""
        places = [
            i for i, item in enumerate(call.args) if isinstance(item, ast.Name) and item.id in place.names
        ]
        if not places:
            return
        helper = self.handlings.called(call, place.function, place.order)
        if not isinstance(helper, Function) or helper is place.function or NESTED.match(helper.bare):
            return
        parameters = [part.arg for part in helper.node.args.args]
        offset = 1 if parameters[:1] in (["self"], ["cls"]) else 0
        inner = self.handlings.bound(call, helper, place.known)
        for index in places:
            if index + offset < len(parameters):
                read = self._read(
                    helper,
                    parameters[index + offset],
                    place.order,
                    inner,
                    place.depth + 1,
                )
                found.add(read, is_sure=is_sure)


def _set_under(test: ast.If, place: Place) -> set[str]:
    """Keys that are set under a test which is not about them."""
    found: set[str] = set()
    for node in own_nodes(test.body):
        match node:
            case ast.Subscript(value=ast.Name(id=owner), slice=key, ctx=ast.Store()) if owner in place.names:
                found |= set(texts(key, place.known))
    return found - {text for node in ast.walk(test.test) for text in texts(node, place.known)}


def _aliases(body: list[ast.stmt], name: str) -> set[str]:
    """The names under which a function knows the configuration or a copy of it."""
    found = {name}
    for node in own_nodes(body):
        match node:
            case ast.Assign(targets=[ast.Name(id=bound)], value=value) if _is_copy(value, found):
                found.add(bound)
    return found


def _is_copy(value: ast.expr, names: set[str]) -> bool:
    match value:
        case ast.Name(id=name):
            return name in names
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="copy"), args=[]):
            return name in names
        case ast.Call(
            func=ast.Attribute(attr="copy" | "deepcopy") | ast.Name(id="dict"),
            args=[ast.Name(id=name)],
        ):
            return name in names
    return False


def _unconditional(body: list[ast.stmt]) -> list[ast.AST]:
    """Nodes that are reached on every path which ends in an object."""
    found: list[ast.AST] = []
    for statement in body:
        if isinstance(statement, ast.With):
            found += _unconditional(statement.body)
        elif isinstance(statement, (ast.If, ast.While)):
            found += _sure(statement.test)
            if _returns(statement):
                break
        elif isinstance(statement, ast.For):
            found += [*_sure(statement.iter), *_unconditional(statement.body)]
        elif not isinstance(statement, (ast.Try, ast.FunctionDef, ast.ClassDef)):
            found += _sure(statement)
        if isinstance(statement, (ast.Return, ast.Raise)):
            break
    return found


def _raises(body: list[ast.stmt]) -> bool:
    return any(isinstance(item, ast.Raise) for item in body)


def _ends(body: list[ast.stmt]) -> bool:
    return any(isinstance(item, ast.Return) for item in body)


def _returns(statement: ast.stmt) -> bool:
    """Whether it is a test with an answer of its own."""
    return isinstance(statement, ast.If) and (_ends(statement.body) or _ends(statement.orelse))


def _sure(node: ast.AST) -> list[ast.AST]:
    """A node with what is below it, without what only one outcome of a test reaches."""
    if isinstance(node, ast.IfExp):
        return _sure(node.test)
    if isinstance(node, ast.BoolOp):
        return _sure(node.values[0])
    if isinstance(node, (ast.Lambda, ast.ListComp, ast.DictComp, ast.GeneratorExp, ast.SetComp)):
        return []
    return [
        node,
        *(item for child in ast.iter_child_nodes(node) for item in _sure(child)),
    ]


def _note(node: ast.AST, names: set[str], known: Texts, found: Reading, *, is_sure: bool) -> None:
    """One place where the configuration is touched."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr="pop"), args=[key, *rest]) if (
            owner in names
        ):
            given = set(texts(key, known))
            found.removed |= given
            if is_sure and not rest:
                found.needed |= given - found.given
        case ast.Subscript(value=ast.Name(id=owner), slice=key, ctx=context) if owner in names:
            given = set(texts(key, known))
            match context:
                case ast.Del():
                    found.removed |= given
                case ast.Store():
                    found.given |= given if is_sure else set()
                case _ if is_sure:
                    found.needed |= given - found.given
        case ast.Call(func=ast.Name(id="cls")):
            found.given |= {item.arg for item in node.keywords if item.arg}
