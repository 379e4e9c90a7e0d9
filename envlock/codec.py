"""
Frozen facts to plain data and back, with the path to the value in every error.

Plain data is what TOML and JSON can hold. Neither has a word for "looked and absent" or "could not
look", so both are listed beside the data, by dotted path: `absent` and `unknown`.
"""

from __future__ import annotations

import types
import typing
from functools import cache
from typing import Any, TypeVar, Union

from envlock.errors import InvalidLock
from envlock.facts import NOT_RECORDED, Unknown, is_compared
from envlock.facts.unknown import item_keys
from envlock.values import MISSING, Field, fields, is_value

__all__ = ["Encoded", "decode", "encode", "outside"]

T = TypeVar("T")
Encoded = tuple[Any, tuple[str, ...], dict[str, str]]


def encode(value: object) -> Encoded:
    """`value` as plain data, the paths that are absent, and the paths that are unknown."""
    absent: list[str] = []
    unknown: dict[str, str] = {}
    data = _encode(value, "", absent, unknown)
    return data, tuple(sorted(absent)), dict(sorted(unknown.items()))


def decode(kind: type[T], data: object, *, absent: object = (), unknown: object = None) -> T:
    """
    The inverse of `encode`.

    `InvalidLock` names the path of a value that is missing or of another type. A missing value
    that has a default takes it: that is how an older lock is read.
    """
    missing = _checked_absent(absent)
    reasons = _checked_unknown(unknown)
    result: T = _decode(kind, data, "", frozenset(missing), reasons)
    return result


def _encode(value: object, path: str, absent: list[str], unknown: dict[str, str]) -> Any:
    if isinstance(value, tuple):
        keys = item_keys([getattr(item, "name", None) for item in value])
        items = zip(keys, value, strict=True)
        return [_encode(item, f"{path}.{key}", absent, unknown) for key, item in items]
    if isinstance(value, dict):
        return dict(sorted(value.items()))
    if not is_value(value):
        return value
    data: dict[str, Any] = {}
    for field in fields(value):
        item = getattr(value, field.name)
        key = outside(field.name)
        where = f"{path}.{key}" if path else key
        if item == NOT_RECORDED or _is_default(item, field):
            continue  # a reader finds the same where nothing is written
        if item is None:
            absent.append(where)
        elif isinstance(item, Unknown):
            unknown[where] = item.reason
        else:
            data[key] = _encode(item, where, absent, unknown)
    return data


def _is_default(item: object, field: Field) -> bool:
    if field.default_factory is not MISSING:
        return bool(item == field.default_factory())
    return bool(item == field.default) and not is_compared(field)


def _decode(kind: Any, data: object, path: str, absent: frozenset[str], unknown: dict[str, str]) -> Any:
    options = typing.get_args(kind) if _is_union(kind) else (kind,)
    for option in options:
        if option not in {Unknown, type(None)}:
            return _decode_plain(option, data, path, absent, unknown)
    raise InvalidLock("no value can stand here")


def _decode_plain(kind: Any, data: object, path: str, absent: frozenset[str], unknown: dict[str, str]) -> Any:
    if is_value(kind):
        return _decode_fields(kind, _expect(dict, data), path, absent, unknown)
    origin = typing.get_origin(kind)
    if origin is tuple:
        return _decode_items(typing.get_args(kind)[0], _expect(list, data), path, absent, unknown)
    if origin is dict:
        mapping = _expect(dict, data)
        if typing.get_args(kind)[1] in {str, int}:
            of = typing.get_args(kind)[1]
            return {key: _inside(key, _expect, of, item) for key, item in mapping.items()}
        return mapping
    if kind is float and type(data) is int:
        return float(_expect(int, data))
    return _expect(kind, data)


def _decode_items(
    kind: Any, items: list[object], path: str, absent: frozenset[str], unknown: dict[str, str]
) -> Any:
    keys = item_keys([item.get("name") if isinstance(item, dict) else None for item in items])
    return tuple(
        _inside(f"[{index}]", _decode, kind, item, f"{path}.{key}", absent, unknown)
        for index, (key, item) in enumerate(zip(keys, items, strict=True))
    )


def _decode_fields(
    kind: Any, data: dict[str, object], path: str, absent: frozenset[str], unknown: dict[str, str]
) -> Any:
    found: dict[str, object] = {}
    for name, hint, field in _hints(kind):
        key = outside(name)
        where = f"{path}.{key}" if path else key
        if key in data:
            found[name] = _inside(key, _decode, hint, data[key], where, absent, unknown)
        elif where in unknown:
            _require(Unknown, hint, key)
            found[name] = Unknown(unknown[where])
        elif where in absent:
            _require(type(None), hint, key)
            found[name] = None
        elif field.default is MISSING and field.default_factory is MISSING:
            raise InvalidLock("Expected a value, found none", where=key)
    return kind(**found)


@cache
def _hints(kind: Any) -> tuple[tuple[str, Any, Field], ...]:
    hints = typing.get_type_hints(kind)
    return tuple((field.name, hints[field.name], field) for field in fields(kind))


def _require(kind: type, hint: Any, key: str) -> None:
    if kind not in typing.get_args(hint):
        word = "unknown" if kind is Unknown else "absent"
        raise InvalidLock(f"Expected a value, found {word}", where=key)


def _expect(kind: type[T], data: object) -> T:
    # bool is an int in Python and is none in a lock.
    if type(data) is not kind:
        raise InvalidLock(f"Expected {_NAMES[kind]}, found {_shown(data)}")
    # TOML knows infinity and numbers of any length; nothing that is measured or counted is such a one.
    if isinstance(data, int) and not -_MOST <= data < _MOST:
        raise InvalidLock("Expected a whole number of at most 64 bits, found a longer one")
    if isinstance(data, float) and not -_INFINITE < data < _INFINITE:
        raise InvalidLock(f"Expected a finite number, found {data}")
    return data


_MOST = 1 << 63
_INFINITE = float("inf")

_NAMES: dict[type, str] = {
    dict: "a table",
    list: "an array",
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}


def _shown(data: object) -> str:
    text = repr(data)
    return text if len(text) <= 40 else f"{_NAMES.get(type(data), 'something else')}"


def _inside(key: str, function: Any, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except InvalidLock as error:
        raise error.inside(key) from None


def _checked_absent(absent: object) -> list[str]:
    items = _inside("absent", _expect, list, list(absent) if isinstance(absent, tuple) else absent)
    return [_inside(f"absent[{index}]", _expect, str, item) for index, item in enumerate(items)]


def _checked_unknown(unknown: object) -> dict[str, str]:
    table: dict[str, object] = _inside("unknown", _expect, dict, {} if unknown is None else unknown)
    return {key: _inside(f"unknown.{key}", _expect, str, item) for key, item in table.items()}


def outside(name: str) -> str:
    """A field's name as it is written in locks and reports."""
    return name.replace("_", "-")


def _is_union(kind: Any) -> bool:
    return typing.get_origin(kind) in {Union, types.UnionType}
