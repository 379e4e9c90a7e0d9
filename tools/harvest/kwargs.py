"""
What becomes of a dictionary of keys: which are taken, which are refused, whether others are.

Keys are popped, got, read, tested for, listed as allowed, or left to a helper that gets the dictionary.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import Any

from harvest.interpreter import LITERALS, Package
from harvest.strings import Texts, constants, own_nodes, sentence, texts
from harvest.values import UNKNOWN, Class, Function

REQUIRED = "\x01required"
COMPUTED = "\x01computed"
DEEPEST = 4
ALLOWING = re.compile("(allowed|supported|valid|expected|known).*(kwargs|keys|arg)|_?(allowed|supported)")
WHOLE_METHODS = {"keys", "items", "difference", "copy"}
WHOLE_FUNCTIONS = {"set", "list", "sorted", "tuple", "len"}


@dataclass
class Handling:
    """What a body does with a dictionary of keys that it got."""

    taken: dict[str, Any] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    is_closed: bool = False
    is_complete: bool = False  # what is taken is all that there may be
    refusal: str = ""

    def add(self, other: Handling) -> None:
        """Take over what a helper does with the same dictionary."""
        self.taken = {**other.taken, **self.taken}
        self.refused |= other.refused
        self.is_closed |= other.is_closed
        self.is_complete |= other.is_complete
        self.refusal = self.refusal or other.refusal


class Handlings:
    """Answers for the functions of one package; each is read once."""

    def __init__(self, package: Package) -> None:
        self.package = package
        self._handled: dict[tuple[Any, ...], Handling] = {}

    def parameters(self, function: Function) -> dict[str, Any]:
        """Parameters without the first, with their defaults."""
        arguments = function.node.args
        parts = [*arguments.posonlyargs, *arguments.args]
        found: dict[str, Any] = dict.fromkeys((part.arg for part in parts), REQUIRED)
        for part, default in zip(reversed(parts), reversed(arguments.defaults), strict=False):
            found[part.arg] = self.literal(default, function)
        for part, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            found[part.arg] = REQUIRED if default is None else self.literal(default, function)
        for part in parts[:1]:
            del found[part.arg]
        return found

    def literal(self, node: ast.expr, function: Function) -> Any:
        """A default as JSON has it; `COMPUTED` where it is something else."""
        return jsonable(self.package.value(node, function.scope))

    def handling(
        self,
        function: Function,
        name: str,
        order: tuple[Any, ...],
        known: Texts,
        depth: int = 0,
    ) -> Handling:
        """What a function does with the dictionary `name`."""
        key = (
            function,
            name,
            tuple(sorted(known.items())),
            order[0] if _asks_itself(function, name) else None,
        )
        if key not in self._handled:
            self._handled[key] = Handling()
            self._handled[key] = self._read(function, name, order, known, depth)
        return self._handled[key]

    def _read(
        self,
        function: Function,
        name: str,
        order: tuple[Any, ...],
        known: Texts,
        depth: int,
    ) -> Handling:
        if isinstance(function.node, ast.Lambda):
            return Handling()
        body = function.node.body
        known = constants(body, known)
        found = Handling()
        derived = _derived(body, name)
        for node in own_nodes(body):
            self._take(node, name, known, function, found)
            if isinstance(node, ast.If):
                _refuse(
                    node,
                    {name, *derived},
                    known,
                    found,
                    _holes(function, {name, *derived}),
                )
            if isinstance(node, ast.Call) and depth < DEEPEST:
                self._help(node, name, order, known, function, found, depth)
        for key in found.refused:
            found.taken.pop(key, None)
        return found

    def _take(
        self,
        node: ast.AST,
        name: str,
        known: Texts,
        function: Function,
        found: Handling,
    ) -> None:
        """Keys popped, got, read, tested, or listed as allowed."""
        default: Any = COMPUTED
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=owner), attr="pop" | "get"), args=[keys, *rest]
            ) if owner == name:
                default = self.literal(rest[0], function) if rest else COMPUTED
            case (
                ast.Subscript(value=ast.Name(id=owner), slice=keys, ctx=ast.Load() | ast.Del())
                | ast.Compare(left=keys, ops=[ast.In()], comparators=[ast.Name(id=owner)])
            ) if owner == name:
                pass
            case ast.Assign(targets=[ast.Name(id=owner)], value=keys) if ALLOWING.search(owner):
                pass
            case ast.BinOp(op=ast.Sub(), left=left, right=keys) if mentions(left, name):
                pass
            case _:
                return
        for text in texts(keys, known):
            found.taken.setdefault(text, default)

    def _help(
        self,
        call: ast.Call,
        name: str,
        order: tuple[Any, ...],
        known: Texts,
        function: Function,
        found: Handling,
        depth: int,
    ) -> None:
        """Follow a helper that gets the dictionary itself."""
        places = [i for i, item in enumerate(call.args) if isinstance(item, ast.Name) and item.id == name]
        names = [
            item.arg for item in call.keywords if isinstance(item.value, ast.Name) and item.value.id == name
        ]
        if not places and not any(names):
            return
        helper = self.called(call, function, order)
        if not isinstance(helper, Function) or helper is function:
            return
        inner = self.bound(call, helper, known)
        parameters = [part.arg for part in helper.node.args.args]
        offset = 1 if isinstance(call.func, ast.Attribute) and parameters[:1] in (["self"], ["cls"]) else 0
        targets = [parameters[i + offset] for i in places if i + offset < len(parameters)]
        targets += [item for item in names if item in parameters]
        for target in targets:
            found.add(self.handling(helper, target, order, inner, depth + 1))

    def called(self, call: ast.Call, function: Function, order: tuple[Any, ...]) -> Any:
        """The function that a call inside a method calls: of the object itself, or by name."""
        match call.func:
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                return method(order, name)
            case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr=name):
                return method(_after(order, function), name)
        return self.package.value(call.func, function.scope)

    @staticmethod
    def bound(call: ast.Call, helper: Function, known: Texts) -> Texts:
        """The texts that a call hands to the parameters of a helper."""
        parameters = [part.arg for part in helper.node.args.args]
        offset = 1 if parameters[:1] in (["self"], ["cls"]) else 0
        found = {
            parameters[index + offset]: given
            for index, item in enumerate(call.args)
            if index + offset < len(parameters) and (given := texts(item, known))
        }
        return found | {
            item.arg: given for item in call.keywords if item.arg and (given := texts(item.value, known))
        }


def method(order: tuple[Any, ...], name: str) -> Any:
    """The function that a class of this order has under a name."""
    held = (item.body[name] for item in order if isinstance(item, Class) and name in item.body)
    return next(held, UNKNOWN)


def _asks_itself(function: Function, name: str) -> bool:
    """Whether it hands the dictionary to a method of its own, which may be another one in each class."""
    body = [] if isinstance(function.node, ast.Lambda) else function.node.body
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, (ast.Name, ast.Call))
        and any(isinstance(item, ast.Name) and item.id == name for item in node.args)
        for node in own_nodes(body)
    )


def _after(order: tuple[Any, ...], function: Function) -> tuple[Any, ...]:
    """The part of the order behind the class that defines a method."""
    for index, item in enumerate(order):
        if isinstance(item, Class) and function in item.body.values():
            return order[index + 1 :]
    return order[1:]


def mentions(node: ast.AST, name: str) -> bool:
    """Whether a name occurs in an expression."""
    return any(isinstance(item, ast.Name) and item.id == name for item in ast.walk(node))


def _derived(body: list[ast.stmt], name: str) -> set[str]:
    """Names for what is left of the dictionary: `for key in kwargs`, `set(kwargs) - allowed`."""
    found: set[str] = set()
    for node in own_nodes(body):
        match node:
            case ast.For(target=target, iter=source) if _whole(source, name):
                found |= {item.id for item in ast.walk(target) if isinstance(item, ast.Name)}
            case ast.Assign(targets=[ast.Name(id=bound)], value=source) if _whole(source, name):
                found.add(bound)
    return found - {name}


def _whole(node: ast.AST, name: str) -> bool:
    """Whether an expression is about all of the dictionary, and not one key of it."""
    if isinstance(node, (ast.Subscript, ast.IfExp, ast.Dict)):
        return False
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr not in WHOLE_METHODS:
            return False
        if isinstance(node.func, ast.Name) and node.func.id not in WHOLE_FUNCTIONS:
            return False
        if any(item.arg is None for item in node.keywords):
            return False
    if isinstance(node, ast.Name):
        return node.id == name
    return any(_whole(child, name) for child in ast.iter_child_nodes(node))


def _refuse(node: ast.If, names: set[str], known: Texts, found: Handling, holes: dict[str, str]) -> None:
    """A raise under a test of the dictionary: of certain keys, or of whatever is left."""
    raised, otherwise = _raised(node.body), _raised(node.orelse)
    match node.test:
        case ast.Compare(left=key, ops=[ast.In()], comparators=[ast.Name(id=owner)]) if owner in names:
            if raised is not None and node.body[0] is raised:
                found.refused |= set(texts(key, known))
        case ast.Compare(left=ast.Name(id=key), ops=[ast.In()], comparators=[others]) if key in names:
            found.refused |= set(texts(others, known)) if raised else set()
            _close(otherwise, found, holes)
        case ast.Compare(left=ast.Name(id=key), ops=[ast.NotIn()], comparators=[others]) if key in names:
            for text in texts(others, known):
                found.taken.setdefault(text, COMPUTED)
            _close(raised, found, holes)
            found.is_complete |= raised is not None
        case test if any(_whole(test, item) for item in names):
            _close(raised, found, holes)


def _raised(body: list[ast.stmt]) -> ast.Raise | None:
    return next((item for item in body if isinstance(item, ast.Raise)), None)


def _close(raised: ast.Raise | None, found: Handling, holes: dict[str, str]) -> None:
    if raised is not None:
        found.is_closed = True
        found.refusal = found.refusal or _wording(raised, holes)


def _holes(function: Function, names: set[str]) -> dict[str, str]:
    """What a message has in place of a name: the key for what is left, a parameter's default."""
    arguments = function.node.args
    found = {
        part.arg: default.value
        for part, default in zip(reversed(arguments.args), reversed(arguments.defaults), strict=False)
        if isinstance(default, ast.Constant) and isinstance(default.value, str)
    }
    return found | dict.fromkeys(names, "{key}")


def _wording(raised: ast.Raise, holes: dict[str, str]) -> str:
    if not isinstance(raised.exc, ast.Call):
        return ast.unparse(raised.exc) if raised.exc else ""
    parts = [sentence(item, holes) for item in raised.exc.args]
    said = parts[0] if len(parts) == 1 else f"({', '.join(repr(part) for part in parts)})"
    return f"{ast.unparse(raised.exc.func)}: {said}"


def jsonable(value: Any) -> Any:
    """A value as JSON has it, or `COMPUTED`."""
    if isinstance(value, LITERALS) and not isinstance(value, (bytes, complex, type(Ellipsis))):
        is_finite = not isinstance(value, float) or value - value == 0
        return value if is_finite else COMPUTED
    if isinstance(value, (list, tuple)):
        parts = [jsonable(item) for item in value]
        return COMPUTED if COMPUTED in parts else parts
    if isinstance(value, dict):
        held = {key: jsonable(item) for key, item in value.items()}
        return (
            COMPUTED if COMPUTED in held.values() or not all(isinstance(key, str) for key in held) else held
        )
    return COMPUTED
