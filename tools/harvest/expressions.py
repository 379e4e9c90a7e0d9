"""Following expressions and calls without running them."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harvest.outside import (
    ANSWERS,
    COMPARED,
    LITERALS,
    answer,
    called_on,
    computed,
    elements,
    member,
    truth,
)
from harvest.values import UNKNOWN, Class, External, Function, Instance, Module, Scope

EXPORTERS = {"keras_export", "tf_keras_export", "tf_export", "keras_core_export"}
DOOR = "deserialize_keras_object"
DEEPEST = 15


class Stopped(Exception):
    """A block was left by `return` or `raise`."""

    def __init__(self, value: Any = UNKNOWN, *, is_return: bool = False) -> None:
        super().__init__()
        self.value = value
        self.is_return = is_return


class Looked(Exception):
    """The call that looks a name up was reached: with what dictionary."""

    def __init__(self, found: Any) -> None:
        super().__init__()
        self.found = found


class Expressions:
    """What expressions stand for; statements are the business of who inherits it."""

    files: dict[str, Path]
    modules: dict[str, Module]
    depth: int

    def load(self, name: str) -> Any:
        """The module of a name."""
        raise NotImplementedError

    def run(self, body: list[ast.stmt], scope: Scope) -> None:
        """Follow statements."""
        raise NotImplementedError

    def exported(self, call: ast.Call, found: Any, scope: Scope) -> None:
        """Note the public names that a call gives."""
        raise NotImplementedError

    def bind(self, target: ast.expr, value: Any, scope: Scope) -> None:
        """Give a target its value."""
        match target:
            case ast.Name(id=name):
                scope.names[name] = value
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                given = value if isinstance(value, (tuple, list)) else []
                for index, part in enumerate(parts):
                    self.bind(
                        part,
                        given[index] if len(given) == len(parts) else UNKNOWN,
                        scope,
                    )
            case ast.Attribute(value=holder, attr=name):
                owner = self.value(holder, scope)
                if isinstance(owner, Instance):
                    owner.attributes[name] = value
                elif isinstance(owner, Module):
                    owner.namespace[name] = value
                elif isinstance(owner, Class):
                    owner.body[name] = value
            case ast.Subscript(value=holder, slice=place):
                owner, key = self.value(holder, scope), self.value(place, scope)
                if isinstance(owner, dict) and isinstance(key, LITERALS):
                    owner[key] = value

    def value(self, node: ast.expr, scope: Scope) -> Any:
        """What an expression stands for."""
        follow = getattr(self, f"_value_{type(node).__name__.lower()}", None)
        return UNKNOWN if follow is None else follow(node, scope)

    @staticmethod
    def _value_constant(node: ast.Constant, _: Scope) -> Any:
        return node.value

    @staticmethod
    def _value_name(node: ast.Name, scope: Scope) -> Any:
        here: Scope | None = scope
        while here is not None:
            if node.id in here.names:
                return here.names[node.id]
            here = here.parent
        if node.id in scope.module.namespace:
            return scope.module.namespace[node.id]
        return External(f"builtins.{node.id}") if hasattr(builtins, node.id) else UNKNOWN

    def _value_attribute(self, node: ast.Attribute, scope: Scope) -> Any:
        return self.attribute(self.value(node.value, scope), node.attr)

    def attribute(self, owner: Any, name: str) -> Any:
        """What `owner.name` is; a module below a package is imported."""
        if isinstance(owner, Module) and name not in owner.namespace and f"{owner.name}.{name}" in self.files:
            return self.load(f"{owner.name}.{name}")
        return member(owner, name)

    def _value_subscript(self, node: ast.Subscript, scope: Scope) -> Any:
        owner, key = self.value(node.value, scope), self.value(node.slice, scope)
        if isinstance(owner, External) and owner.path == "sys.modules":
            return self.modules.get(key, UNKNOWN) if isinstance(key, str) else UNKNOWN
        try:
            return owner[key]
        except (TypeError, KeyError, IndexError, ValueError):
            return UNKNOWN

    def _value_tuple(self, node: ast.Tuple, scope: Scope) -> Any:
        return tuple(self._items(node.elts, scope))

    def _value_list(self, node: ast.List, scope: Scope) -> Any:
        return list(self._items(node.elts, scope))

    _value_set = _value_list

    def _items(self, nodes: list[ast.expr], scope: Scope) -> Iterator[Any]:
        for node in nodes:
            if isinstance(node, ast.Starred):
                yield from elements(self.value(node.value, scope))
            else:
                yield self.value(node, scope)

    def _value_dict(self, node: ast.Dict, scope: Scope) -> Any:
        found: dict[Any, Any] = {}
        for key, item in zip(node.keys, node.values, strict=True):
            value = self.value(item, scope)
            if key is None:
                found.update(value if isinstance(value, dict) else {})
                continue
            name = self.value(key, scope)
            if not isinstance(name, (dict, list)):
                found[name] = value
        return found

    def _value_dictcomp(self, node: ast.DictComp, scope: Scope) -> Any:
        found = {}
        for inner in self._rounds(node.generators, scope):
            key = self.value(node.key, inner)
            if not isinstance(key, (dict, list)):
                found[key] = self.value(node.value, inner)
        return found

    def _value_listcomp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp, scope: Scope) -> Any:
        return [self.value(node.elt, inner) for inner in self._rounds(node.generators, scope)]

    _value_setcomp = _value_generatorexp = _value_listcomp

    def _rounds(self, generators: list[ast.comprehension], scope: Scope) -> Iterator[Scope]:
        if not generators:
            yield scope
            return
        first, *rest = generators
        for item in elements(self.value(first.iter, scope)):
            inner = Scope(scope.module, {}, scope)
            self.bind(first.target, item, inner)
            if all(truth(self.value(test, inner)) is not False for test in first.ifs):
                yield from self._rounds(rest, inner)

    def _value_lambda(self, node: ast.Lambda, scope: Scope) -> Any:
        return Function(f"{scope.module.name}.<lambda>", node, scope)

    def _value_ifexp(self, node: ast.IfExp, scope: Scope) -> Any:
        known = truth(self.value(node.test, scope))
        return UNKNOWN if known is None else self.value(node.body if known else node.orelse, scope)

    def _value_boolop(self, node: ast.BoolOp, scope: Scope) -> Any:
        result: Any = None
        wanted = isinstance(node.op, ast.Or)
        for part in node.values:
            value = self.value(part, scope)
            known = truth(value)
            if known is wanted:
                return value
            result = UNKNOWN if known is None or result is UNKNOWN else value
        return result

    def _value_unaryop(self, node: ast.UnaryOp, scope: Scope) -> Any:
        value = self.value(node.operand, scope)
        if isinstance(node.op, ast.Not):
            known = truth(value)
            return UNKNOWN if known is None else not known
        if isinstance(node.op, ast.USub) and isinstance(value, (int, float)):
            return -value
        return UNKNOWN

    def _value_binop(self, node: ast.BinOp, scope: Scope) -> Any:
        return computed(node.op, self.value(node.left, scope), self.value(node.right, scope))

    def _value_compare(self, node: ast.Compare, scope: Scope) -> Any:
        if len(node.ops) != 1:
            return UNKNOWN
        left, right = (
            self.value(node.left, scope),
            self.value(node.comparators[0], scope),
        )
        sort = type(node.ops[0])
        if (
            sort in (ast.In, ast.NotIn)
            and isinstance(right, (dict, list, tuple, str))
            and left is not UNKNOWN
        ):
            try:
                return (left in right) is (sort is ast.In)
            except TypeError:
                return UNKNOWN
        if UNKNOWN in (left, right) or isinstance(left, External) or isinstance(right, External):
            return UNKNOWN
        if sort in (ast.Is, ast.IsNot):
            return (left is right) is (sort is ast.Is)
        try:
            return COMPARED[sort](left, right)
        except (TypeError, KeyError):
            return UNKNOWN

    def _value_joinedstr(self, node: ast.JoinedStr, scope: Scope) -> Any:
        parts = []
        for item in node.values:
            value = self.value(item.value if isinstance(item, ast.FormattedValue) else item, scope)
            if not isinstance(value, LITERALS):
                return UNKNOWN
            parts.append(str(value))
        return "".join(parts)

    def _value_call(self, node: ast.Call, scope: Scope) -> Any:
        if isinstance(node.func, ast.Call) and last(node.func.func) in EXPORTERS:
            found = self.value(node.args[0], scope) if node.args else UNKNOWN
            self.exported(node.func, found, scope)
            return found
        given = list(self._items(node.args, scope))
        named = {item.arg: self.value(item.value, scope) for item in node.keywords if item.arg}
        if last(node.func) == DOOR and "module_objects" in named:
            raise Looked(named["module_objects"])
        if isinstance(node.func, ast.Attribute):
            owner = self.value(node.func.value, scope)
            if isinstance(owner, (dict, list, str, tuple)):
                return called_on(owner, node.func.attr, given, named)
        return self.call(self.value(node.func, scope), given, named, scope)

    def call(self, function: Any, given: list[Any], named: dict[str, Any], scope: Scope) -> Any:
        """What a call gives; its arguments are bound, its body followed."""
        path = function.path if isinstance(function, External) else getattr(function, "name", "")
        for end, known in ANSWERS.items():
            if f".{path}".endswith(f".{end}"):
                return known
        if path.endswith(".isclass"):
            return answer("isclass", given, {})
        match function:
            case External(path="threading.local" | "builtins.object"):
                return Instance(path)
            case External():
                return answer(path, given, scope.module.namespace)
            case Class():
                return Instance(function)
            case Function() if self.depth < DEEPEST:
                return self._entered(function, given, named)
        return UNKNOWN

    def _entered(self, function: Function, given: list[Any], named: dict[str, Any]) -> Any:
        inner = Scope(function.scope.module, {}, function.scope)
        self._bind_arguments(function, given, named, inner)
        self.depth += 1
        try:
            if isinstance(function.node, ast.Lambda):
                return self.value(function.node.body, inner)
            self.run(function.node.body, inner)
        except Stopped as stopped:
            return stopped.value
        finally:
            self.depth -= 1
        return None

    def _bind_arguments(
        self, function: Function, given: list[Any], named: dict[str, Any], inner: Scope
    ) -> None:
        arguments = function.node.args
        parts = [*arguments.posonlyargs, *arguments.args]
        for part, default in zip(reversed(parts), reversed(arguments.defaults), strict=False):
            inner.names[part.arg] = self.value(default, function.scope)
        for part, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            inner.names[part.arg] = self.value(default, function.scope) if default else UNKNOWN
        known = {part.arg for part in [*parts, *arguments.kwonlyargs]}
        inner.names.update(zip((part.arg for part in parts), given, strict=False))
        inner.names.update({name: value for name, value in named.items() if name in known})
        for name in known - set(inner.names):
            inner.names[name] = UNKNOWN
        if arguments.kwarg:
            inner.names[arguments.kwarg.arg] = {
                name: value for name, value in named.items() if name not in known
            }


def last(node: ast.expr) -> str:
    """The last name on a dotted path."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
