"""What is known of other packages: builtins, operators, methods of texts and collections, a few functions."""

from __future__ import annotations

import ast
import builtins
import operator
import re
from collections.abc import Callable
from typing import Any

from harvest.values import (
    UNKNOWN,
    Class,
    External,
    Function,
    Instance,
    Module,
    linearised,
)

# What a TensorFlow 2 on Linux answers, by the end of the function's path.
ANSWERS = {
    "tf2.enabled": True,
    "executing_eagerly": True,
    "executing_eagerly_outside_functions": True,
    "platform.system": "Linux",
    "backend.config.backend": "tensorflow",
}
LITERALS = (str, bytes, int, float, complex, bool, type(None), type(Ellipsis))
COMPARED: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
COMPUTED: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Mod: operator.mod,
    ast.FloorDiv: operator.floordiv,
}


def truth(value: Any) -> bool | None:
    """Whether it counts as true; `None` where that is not known."""
    if value is UNKNOWN:
        return None
    if isinstance(value, (*LITERALS, list, tuple, dict)):
        return bool(value)
    if isinstance(value, External) and not value.is_module:
        return None
    return True


def elements(value: Any) -> list[Any]:
    """What a loop over it sees; nothing where that is not known."""
    return list(value) if isinstance(value, (list, tuple, dict, str)) else []


def computed(op: ast.operator, left: Any, right: Any) -> Any:
    """What an operator gives for two known values."""
    if isinstance(op, ast.BitOr) and isinstance(left, (list, dict)) and isinstance(right, type(left)):
        return left + right if isinstance(left, list) else left | right
    if isinstance(left, (*LITERALS, list, tuple)) and isinstance(right, (*LITERALS, list, tuple)):
        if isinstance(op, ast.Pow) and isinstance(right, (int, float)) and abs(right) > 64:
            return UNKNOWN
        try:
            return COMPUTED[type(op)](left, right)
        except (TypeError, KeyError, ArithmeticError, ValueError):
            return UNKNOWN
    return UNKNOWN


def called_on(owner: Any, name: str, given: list[Any], named: dict[str, Any]) -> Any:
    """What a method of a text or a collection gives."""
    if isinstance(owner, str) and not all(isinstance(item, LITERALS) for item in given):
        return UNKNOWN
    if isinstance(owner, list) and name in {"add", "update"}:  # sets are read as lists
        name = {"add": "append", "update": "extend"}[name]
    try:
        found = getattr(owner, name)(*given, **named)
    except (TypeError, AttributeError, KeyError, ValueError, IndexError):
        return UNKNOWN
    return list(found) if name in {"items", "keys", "values"} else found


def answer(path: str, given: list[Any], namespace: dict[str, Any]) -> Any:
    """What a function of another package gives, if it is one of those that tables are made with."""
    path = path.removeprefix("builtins.")
    found = _OF_TEXTS.get(path)
    if found is not None and given and all(isinstance(item, LITERALS) for item in given):
        return found(*given)
    asked = _OF_OBJECTS.get(path)
    if asked is not None and given:
        return asked(*given[:2]) if len(given) > 1 else asked(given[0], UNKNOWN)
    if path == "globals":
        return namespace
    return list(zip(*(elements(item) for item in given), strict=False)) if path == "zip" else UNKNOWN


def member(owner: Any, name: str) -> Any:
    """What `owner.name` is, for anything but a module that is yet to be imported."""
    match owner:
        case Module():
            return owner.namespace if name == "__dict__" else owner.namespace.get(name, UNKNOWN)
        case External() | Class() | Function() if name == "__name__":
            return owner.bare
        case External():
            return External(f"{owner.path}.{name}")
        case Class():
            order = (item for item in linearised(owner) if isinstance(item, Class))
            return next((item.body[name] for item in order if name in item.body), UNKNOWN)
        case Instance():
            return owner.attributes.get(name, UNKNOWN)
    return UNKNOWN


def _dir(owner: Any, _: Any) -> Any:
    return sorted(owner.namespace) if isinstance(owner, Module) else UNKNOWN


def _hasattr(owner: Any, name: Any) -> Any:
    return name in owner.attributes if isinstance(owner, Instance) else UNKNOWN


def _issubclass(cls: Any, base: Any) -> Any:
    if not isinstance(cls, Class) or not isinstance(base, (Class, External)):
        return UNKNOWN
    return any(item is base for item in linearised(cls))


def _callable(value: Any, _: Any) -> Any:
    if value is UNKNOWN:
        return UNKNOWN
    return isinstance(value, (Class, Function)) or (isinstance(value, External) and not value.is_module)


def _isinstance(value: Any, kind: Any) -> Any:
    found = getattr(builtins, kind.bare, None) if isinstance(kind, External) else None
    if not isinstance(found, type) or not isinstance(value, (*LITERALS, dict)):
        return UNKNOWN
    return isinstance(value, found)


_OF_TEXTS: dict[str, Callable[..., Any]] = {
    "str": str,
    "re.sub": re.sub,
}
_OF_OBJECTS: dict[str, Callable[[Any, Any], Any]] = {
    "vars": lambda owner, _: member(owner, "__dict__"),
    "dir": _dir,
    "getattr": lambda owner, name: member(owner, name) if isinstance(name, str) else UNKNOWN,
    "hasattr": _hasattr,
    "issubclass": _issubclass,
    "isclass": lambda value, _: isinstance(value, Class),
    "callable": _callable,
    "isinstance": _isinstance,
    "len": lambda value, _: len(value) if isinstance(value, (str, list, tuple, dict)) else UNKNOWN,
    "dict": lambda value, _: dict(value) if isinstance(value, dict) else {},
    **dict.fromkeys(
        ("list", "set", "tuple", "sorted", "frozenset"),
        lambda value, _: elements(value),
    ),
}
