"""
What a constructor refuses among the values that it is given.

The body of `__init__`, and of what it calls, is followed with the arguments kept as symbols. Each `raise`
becomes a row `[condition, message]`; the condition is what has to hold for it to be reached. Conditions are
nested lists, `[operator, operand, ...]`, as `envlock.knowledge.checks` reads them:

    ["arg", name, default]   the value of a key, or the default where the configuration has none
    ["is", value]            a literal
    ["not" | "and" | "or" | "in" | "==" | "<" | "<=" | "none" | "len" | "isinstance" | "if", ...]

What hangs on anything else (a tensor, a loop, an attribute set elsewhere) cannot be told and is left out.
"""

from __future__ import annotations

import ast
from typing import Any

from harvest.interpreter import Package
from harvest.values import Class, External, Function, Scope, linearised

__all__ = ["checks", "keys_of"]

UNTOLD: Any = None
TYPES = {"str", "int", "float", "bool", "list", "tuple", "dict", "set"}
# What is a container in every reading of it.
CONTAINERS = {"Iterable": ["list", "str", "dict"], "Sequence": ["list", "str"], "Number": ["int", "float"],
              "Mapping": ["dict"], "Collection": ["list", "str", "dict"], "numbers.Number": ["int", "float"],
              "Integral": ["int"], "Real": ["int", "float"]}  # fmt: skip
# What stands under these is judged where classes and functions are looked up.
LOOKUPS = {"get", "deserialize", "serialize", "deserialize_keras_object", "serialize_keras_object"}
COMPARED = {
    (ast.In, ast.NotIn): "in",
    (ast.Is, ast.Eq, ast.IsNot, ast.NotEq): "==",
    (ast.Lt, ast.Gt): "<",
    (ast.LtE, ast.GtE): "<=",
}
DEEPEST = 6
LONGEST = 140
LARGEST = 1500


class Follower:
    """One constructor of one class, followed along its bases."""

    def __init__(self, package: Package, cls: Class) -> None:
        self.package = package
        self.order = [item for item in linearised(cls) if isinstance(item, Class)]
        self.rows: list[list[Any]] = []
        self.depth = 0

    def found(self) -> list[list[Any]]:
        """The rows of all constructors that run, those of the class itself first."""
        self._construct(0, [], {}, has_rest=True)
        unique = {str(row): row for row in self.rows}
        return [row for row in unique.values() if len(str(row)) <= LARGEST]

    def _construct(self, start: int, placed: list[Any], given: dict[str, Any], *, has_rest: bool) -> None:
        """Follow the first `__init__` from a place in the order on, with what its caller gives."""
        for place in range(start, len(self.order)):
            method = self.order[place].body.get("__init__")
            if isinstance(method, Function) and isinstance(method.node, ast.FunctionDef):
                order = [part.arg for part in [*method.node.args.posonlyargs, *method.node.args.args]][1:]
                told = {**given, **dict(zip(order, placed, strict=False))}
                names = self._parameters(method, told, has_rest=has_rest)
                frame = Frame(self, method, names, place)
                if self.depth < DEEPEST:
                    self.depth += 1
                    frame.follow(method.node.body, [])
                    self.depth -= 1
                return

    def _parameters(self, method: Function, given: dict[str, Any], *, has_rest: bool) -> dict[str, Any]:
        """Each parameter as what the caller gives, else as the key of its name, else as its default."""
        arguments = method.node.args
        parts = [*arguments.posonlyargs, *arguments.args][1:]
        defaults: dict[str, ast.expr | None] = dict.fromkeys(part.arg for part in parts)
        defaults |= dict(
            zip([part.arg for part in reversed(parts)], reversed(arguments.defaults), strict=False)
        )
        defaults |= {
            part.arg: value for part, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        }
        found = {}
        for name, default in defaults.items():
            literal = self.literal(default, method.scope) if default is not None else UNTOLD
            if name in given:
                found[name] = given[name]
            elif has_rest:
                found[name] = ["arg", name, literal]
            else:
                found[name] = literal
        return found

    def literal(self, node: ast.expr, scope: Scope) -> Any:
        """A value that is written down or that a module binds, as `["is", value]`."""
        return _told(self.package.value(node, scope))


def _told(value: Any) -> Any:
    if isinstance(value, (list, tuple)) and all(
        isinstance(item, (str, int, float, type(None))) for item in value
    ):
        return ["is", list(value)]
    if isinstance(value, dict) and all(isinstance(item, str) for item in value):
        return ["is", list(value)]
    return ["is", value] if isinstance(value, (str, int, float, bool, type(None))) else UNTOLD


class Frame:
    """The names of one function while it is followed."""

    def __init__(self, owner: Follower, function: Function, names: dict[str, Any], place: int) -> None:
        self.owner = owner
        self.function = function
        self.scope = function.scope
        self.names = names
        self.place = place
        self.attributes: dict[str, Any] = {}
        arguments = function.node.args
        self.rest = arguments.kwarg.arg if arguments.kwarg else None
        self.parameters = {part.arg for part in [*arguments.args, *arguments.kwonlyargs]}
        self.gone: set[str] = set()

    # ---- statements

    def follow(self, body: list[ast.stmt], path: list[Any]) -> str:  # noqa: C901, PLR0912 - one case a statement
        """Follow statements; how they end where what comes after them is never reached."""
        for statement in body:
            match statement:
                case ast.Raise():
                    self._raised(statement, path)
                    return "raise"
                case ast.Return():
                    if statement.value is not None:
                        self.call(statement.value, path)
                    return "return"
                case ast.If():
                    if end := self._branch(statement, path):
                        return end
                case ast.Assign(targets=[target], value=value):
                    self.call(value, path)
                    self.bind(target, self.value(value))
                case ast.AnnAssign(target=target, value=value) if value is not None:
                    self.bind(target, self.value(value))
                case ast.AugAssign(target=target):
                    self.bind(target, UNTOLD)
                case ast.Expr(value=value):
                    self.call(value, path)
                case ast.With(body=inner):
                    if end := self.follow(inner, path):
                        return end
                case ast.Try():
                    self._attempt(statement, path)
                case ast.For() | ast.While():
                    self._forget(statement)
        return ""

    def _attempt(self, statement: ast.Try, path: list[Any]) -> None:
        """What is tried is not known to fail; it holds after it where a failure ends everything."""
        self.follow(statement.body, [*path, UNTOLD])
        ends = [handler.body and isinstance(handler.body[-1], ast.Raise) for handler in statement.handlers]
        if not all(ends):
            self._forget(statement)

    def _branch(self, statement: ast.If, path: list[Any]) -> str:
        test = self.value(statement.test)
        if test in (["is", True], ["is", False]):
            return self.follow(statement.body if test[1] else statement.orelse, path)
        against = _negated(test)
        before = dict(self.names), dict(self.attributes)
        one, other = [*path, test], [*path, against]
        ends = self.follow(statement.body, one)
        after = self.names, self.attributes
        self.names, self.attributes = dict(before[0]), dict(before[1])
        other_ends = self.follow(statement.orelse, other)
        if ends and other_ends:
            return ends
        begun = len(path) + 1
        # Past a refusal its condition need not be repeated: it is told by itself.
        if other_ends:
            self.names, self.attributes = after
            path += one[begun - 1 :] if other_ends == "return" else one[begun:]
        elif ends:
            path += other[begun - 1 :] if ends == "return" else other[begun:]
        else:
            path += [["or", against, _all(one[begun:])]] if one[begun:] else []
            path += [["or", test, _all(other[begun:])]] if other[begun:] else []
            self.names = _joined(test, after[0], self.names)
            self.attributes = _joined(test, after[1], self.attributes)
        return ""

    def _forget(self, statement: ast.stmt) -> None:
        for node in ast.walk(statement):
            if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Store):
                self.bind(node, UNTOLD)

    def bind(self, target: ast.expr, value: Any) -> None:
        match target:
            case ast.Name(id=name):
                self.names[name] = value
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                self.attributes[name] = value
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                for part in parts:
                    self.bind(part, UNTOLD)

    def _raised(self, statement: ast.Raise, path: list[Any]) -> None:
        if not path or not all(_is_told(part) for part in path):
            return
        error = statement.exc
        name = _bare(error.func if isinstance(error, ast.Call) else error)
        if name in {"NotImplementedError", "ImportError", ""}:
            return
        words = _words(error.args[0]) if isinstance(error, ast.Call) and error.args else ""
        condition = path[0] if len(path) == 1 else ["and", *path]
        if _mentions(condition):
            self.owner.rows.append([condition, f"{name}: {words}"[:LONGEST]])

    # ---- calls

    def call(self, node: ast.expr, path: list[Any]) -> None:
        """Follow what is called, for the refusals in it."""
        for inner in ast.walk(node):
            if isinstance(inner, ast.Call):
                self._called(inner, path)

    def _called(self, node: ast.Call, path: list[Any]) -> None:
        match node.func:
            case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__init__"):
                self._super(node, path)
                return
            case ast.Attribute(value=ast.Name(id="kwargs"), attr="pop"):
                return
        if _bare(node.func) in LOOKUPS:
            return
        function = self.owner.package.value(node.func, self.scope)
        if not isinstance(function, Function) or not isinstance(function.node, ast.FunctionDef):
            return
        if self.owner.depth >= DEEPEST or any(part is UNTOLD for part in path):
            return
        inner = Frame(self.owner, function, self._arguments(node, function), self.place)
        self.owner.depth += 1
        inner.follow(function.node.body, list(path))
        self.owner.depth -= 1

    def _arguments(self, node: ast.Call, function: Function) -> dict[str, Any]:
        arguments = function.node.args
        parts = [part.arg for part in [*arguments.posonlyargs, *arguments.args]]
        names: dict[str, Any] = dict.fromkeys([*parts, *(part.arg for part in arguments.kwonlyargs)])
        for part, default in zip(reversed(parts), reversed(arguments.defaults), strict=False):
            names[part] = self.owner.literal(default, function.scope)
        for part, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            names[part.arg] = self.owner.literal(default, function.scope) if default else UNTOLD
        if any(isinstance(item, ast.Starred) for item in node.args):
            return dict.fromkeys(names)
        names |= zip(parts, (self.value(item) for item in node.args), strict=False)
        names |= {item.arg: self.value(item.value) for item in node.keywords if item.arg}
        return names

    def _super(self, node: ast.Call, path: list[Any]) -> None:
        if any(part is UNTOLD for part in path) or any(isinstance(item, ast.Starred) for item in node.args):
            return
        has_rest = any(item.arg is None for item in node.keywords)
        # A parameter of its own that it does not pass on is not seen above.
        given: dict[str, Any] = dict.fromkeys(self.parameters | self.gone)
        given |= {item.arg: self.value(item.value) for item in node.keywords if item.arg}
        before = len(self.owner.rows)
        placed = [self.value(item) for item in node.args]
        self.owner._construct(self.place + 1, placed, given, has_rest=has_rest)  # noqa: SLF001
        if path:
            for row in self.owner.rows[before:]:
                row[0] = ["and", *path, row[0]]

    # ---- expressions

    def value(self, node: ast.expr) -> Any:  # noqa: PLR0911
        match node:
            case ast.Name(id=name) if name in self.names:
                return self.names[name]
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                return self.attributes.get(name, UNTOLD)
            case ast.BoolOp(op=op, values=values):
                return self._both(op, values)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return _negated(self.value(operand))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._compared(left, op, right)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return _either(self.value(test), self.value(body), self.value(orelse))
            case ast.Call():
                return self._result(node)
        return self.owner.literal(node, self.scope) if not _names_in(node) & self.names.keys() else UNTOLD

    def _both(self, op: ast.boolop, values: list[ast.expr]) -> Any:
        parts = [self.value(item) for item in values]
        word, ending = ("and", ["is", False]) if isinstance(op, ast.And) else ("or", ["is", True])
        if ending in parts:
            return ending
        parts = [part for part in parts if part != ["is", not ending[1]]]
        if any(part is UNTOLD for part in parts):
            return UNTOLD
        return [word, *parts] if len(parts) > 1 else parts[0] if parts else ["is", not ending[1]]

    def _compared(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Any:
        one, other = self.value(left), self.value(right)
        if one is UNTOLD or other is UNTOLD:
            return UNTOLD
        if one[0] == other[0] == "is" and isinstance(op, (ast.Eq, ast.NotEq, ast.Is, ast.IsNot)):
            return ["is", (one[1] == other[1]) is isinstance(op, (ast.Eq, ast.Is))]
        if isinstance(op, (ast.Gt, ast.GtE)):
            one, other = other, one
        word = next(word for kinds, word in COMPARED.items() if isinstance(op, kinds))
        is_against = isinstance(op, (ast.NotIn, ast.IsNot, ast.NotEq))
        return ["not", [word, one, other]] if is_against else [word, one, other]

    def _result(self, node: ast.Call) -> Any:
        name = _bare(node.func)
        match node.func, node.args:
            case ast.Name(id="isinstance"), [item, kinds]:
                return self._isinstance(item, kinds)
            case ast.Name(id="len" | "callable" | "bool"), [item]:
                inner = self.value(item)
                return UNTOLD if inner is UNTOLD else [name, inner]
            case ast.Name(id="list" | "tuple"), [item]:
                return self.value(item)
            case ast.Attribute(value=item, attr="lower" | "upper"), []:
                inner = self.value(item)
                return UNTOLD if inner is UNTOLD else [name, inner]
            case ast.Attribute(value=ast.Name(id=owner), attr="pop" | "get"), [
                ast.Constant(value=str(key)),
                *rest,
            ]:
                if owner == self.rest:
                    self.gone.add(key)
                    default = self.owner.literal(rest[0], self.scope) if rest else UNTOLD
                    return ["arg", key, default]
        return UNTOLD

    def _isinstance(self, item: ast.expr, kinds: ast.expr) -> Any:
        value = self.value(item)
        if value is UNTOLD:
            return UNTOLD
        parts = kinds.elts if isinstance(kinds, ast.Tuple) else [kinds]
        names: list[str] = []
        for part in parts:
            bare = _bare(part)
            known = self.owner.package.value(part, self.scope)
            if bare in TYPES or bare == "string_types":
                names.append("str" if bare == "string_types" else bare)
            elif bare in CONTAINERS:
                names += CONTAINERS[bare]
            elif not isinstance(known, (Class, External)):
                return UNTOLD
            else:
                names.append(f"?{bare}")
        return ["isinstance", value, sorted(set(names))]


def _negated(test: Any) -> Any:
    if test is UNTOLD:
        return UNTOLD
    return test[1] if test[0] == "not" else ["not", test]


def _all(parts: list[Any]) -> Any:
    return (
        UNTOLD
        if not all(_is_told(part) for part in parts)
        else ["and", *parts]
        if len(parts) > 1
        else parts[0]
    )


def _is_told(condition: Any) -> bool:
    """Whether nothing is missing in a condition; a key's default may be."""
    if condition is UNTOLD:
        return False
    operator, *parts = condition
    if operator in {"is", "arg"}:
        return True
    return all(_is_told(part) for part in (parts[:1] if operator == "isinstance" else parts))


def _either(test: Any, one: Any, other: Any) -> Any:
    if one == other:
        return one
    if test in (["is", True], ["is", False]):
        return one if test[1] else other
    return UNTOLD if test is UNTOLD or one is UNTOLD or other is UNTOLD else ["if", test, one, other]


def _joined(test: Any, one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {name: _either(test, one.get(name), other.get(name)) for name in {**one, **other}}


def keys_of(condition: Any) -> list[str]:
    """The keys that a condition hangs on."""
    if not isinstance(condition, list):
        return []
    return (
        [condition[1]]
        if condition[:1] == ["arg"]
        else [key for part in condition[1:] for key in keys_of(part)]
    )


def _mentions(condition: Any) -> bool:
    """Whether it hangs on a key at all."""
    return isinstance(condition, list) and (
        condition[:1] == ["arg"] or any(_mentions(part) for part in condition[1:])
    )


def _names_in(node: ast.AST) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def _bare(node: ast.expr | None) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _words(node: ast.expr) -> str:
    """The text of a message with its holes named."""
    match node:
        case ast.Constant(value=str(text)):
            return " ".join(text.split())
        case ast.JoinedStr(values=values):
            return "".join(_part(item) for item in values)
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return _words(left) + _words(right)
        case ast.BinOp(op=ast.Mod(), left=left):
            return _words(left)
        case ast.Call(func=ast.Attribute(value=inner, attr="format")):
            return _words(inner)
    return ""


def _part(item: ast.expr) -> str:
    if isinstance(item, ast.Constant):
        return str(item.value)
    inner = item.value if isinstance(item, ast.FormattedValue) else item
    return "{" + (_bare(inner) or "…") + "}"


def checks(package: Package, cls: Class) -> list[list[Any]]:
    """The rows of a class: what its constructor refuses, and in what words."""
    return Follower(package, cls).found()
