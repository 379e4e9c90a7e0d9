"""
What a constructor refuses among the values of a configuration.

The conditions are harvested from the constructors of each release (`tools/harvest/checks.py` says how they
are written) and evaluated here with three answers: they hold, they do not, or that cannot be told, as of a
value that is a serialised object or the name that one was registered by. Only what surely holds is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

__all__ = ["refusals"]

_UNTOLD = object()
_DEEPEST = 60
_LONGEST = 60

Row = tuple[Any, str]


def refusals(
    rows: Collection[Row], config: Mapping[str, Any], *, unknown: Collection[str] = ()
) -> Iterator[tuple[tuple[str, ...], str]]:
    """
    The keys whose values a constructor refuses, and its words; those of `unknown` may have any value.

    `rows` are pairs of a condition and a message.
    """
    for condition, words in rows:
        if _holds(condition, config, unknown, 0) is True:
            yield tuple(dict.fromkeys(_keys(condition))), _filled(words, config)


def _keys(condition: Any) -> Iterator[str]:
    if isinstance(condition, list) and condition[:1] == ["arg"]:
        yield condition[1]
    elif isinstance(condition, list):
        for part in condition[1:]:
            yield from _keys(part)


def _filled(words: str, config: Mapping[str, Any]) -> str:
    def value(found: re.Match[str]) -> str:
        text = repr(config[found[1]]) if found[1] in config else "…"
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 2]} …"

    return re.sub(r"\{(\w+)\}", value, words)


def _holds(condition: Any, config: Mapping[str, Any], unknown: Collection[str], depth: int) -> object:
    """The value of a condition or of an operand; `_UNTOLD` where that cannot be told."""
    operator, *parts = condition
    if depth > _DEEPEST:
        return _UNTOLD
    match operator:
        case "is":
            found = parts[0]
        case "arg":
            found = _argument(parts[0], parts[1], config, unknown)
        case "and" | "or":
            found = _joined(operator, parts, config, unknown, depth)
        case "isinstance":
            found = _is_instance(_holds(parts[0], config, unknown, depth + 1), parts[1])
        case _:
            found = _computed(operator, [_holds(part, config, unknown, depth + 1) for part in parts])
    return found


def _computed(operator: str, values: list[object]) -> object:
    if operator == "if":
        chosen = _truth(values[0])
        return _UNTOLD if chosen is None else values[1] if chosen else values[2]
    if any(value is _UNTOLD for value in values):
        return _UNTOLD
    try:
        return _OPERATORS[operator](*values)
    except (KeyError, TypeError, ValueError, AttributeError):
        return _UNTOLD


def _argument(name: str, default: Any, config: Mapping[str, Any], unknown: Collection[str]) -> object:
    if name in unknown:
        return _UNTOLD
    if name not in config:
        return default[1] if default is not None else _UNTOLD
    value = config[name]
    is_object = isinstance(value, dict) or (isinstance(value, str) and ">" in value)
    return _UNTOLD if is_object else value


def _joined(
    operator: str, parts: list[Any], config: Mapping[str, Any], unknown: Collection[str], depth: int
) -> object:
    """`and`, `or`: one part that decides is enough, whatever the others are."""
    deciding = operator == "or"
    answers = [_truth(_holds(part, config, unknown, depth + 1)) for part in parts]
    if deciding in answers:
        return deciding
    return _UNTOLD if None in answers else not deciding


def _truth(value: object) -> bool | None:
    return None if value is _UNTOLD else bool(value)


def _is_instance(value: object, kinds: list[str]) -> object:
    if value is _UNTOLD:
        return _UNTOLD
    names = {
        bool: {"bool", "int"},
        int: {"int"},
        float: {"float"},
        str: {"str"},
        list: {"list"},
        type(None): set(),
    }.get(type(value))
    return _UNTOLD if names is None else bool(names & set(kinds))


_OPERATORS: Mapping[str, Callable[..., object]] = {
    "not": lambda value: not value,
    "in": lambda one, other: one in other,
    "==": lambda one, other: one == other,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    "len": len,
    "bool": bool,
    "callable": lambda _: False,
    "lower": lambda value: value.lower(),
    "upper": lambda value: value.upper(),
}
