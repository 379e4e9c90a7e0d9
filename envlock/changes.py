"""What differs between two fingerprints, value by value; what it means is `knowledge`'s to say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from envlock.facts import Fingerprint, Unknown, is_compared
from envlock.values import fields, frozen, is_value
from envlock.variables import OTHER_FORM

__all__ = ["Change", "changes", "values"]

Value: TypeAlias = str | bool | float | tuple[str, ...] | None


@frozen
class Change:
    """One value that differs: its dotted path, what was locked, what is there now."""

    path: str
    locked: Value
    current: Value


def changes(locked: Fingerprint, current: Fingerprint) -> tuple[Change, ...]:
    """
    Every value that differs, sorted by path, of the facts that are compared.

    An unknown on either side compares with nothing. Packages that only envlock needs do not count.
    """
    before, after = values(locked), values(current)
    tools = _tools(locked)
    found = []
    for path in sorted(before.keys() | after.keys()):
        left, right = (_at(side, path) for side in (before, after))
        if (
            path not in tools
            and not isinstance(left, Unknown)
            and not isinstance(right, Unknown)
            and left != right
        ):
            found.append(Change(path, left, right))
    return tuple(found)


def values(fingerprint: Fingerprint) -> dict[str, Value | Unknown]:
    """Every single value of a fingerprint by its dotted path, such as `packages.numpy`."""
    return dict(_values(fingerprint, ""))


def _values(item: object, path: str) -> Iterator[tuple[str, Value | Unknown]]:
    if path == "packages" and isinstance(item, tuple):
        yield from ((f"{path}.{package.name}", package.version) for package in item)
    elif isinstance(item, dict):
        yield from ((f"{path}.{name}", _setting(value)) for name, value in item.items())
    elif is_value(item) and not isinstance(item, Unknown):
        for field in filter(is_compared, fields(item)):
            name = field.name.replace("_", "-")
            yield from _values(getattr(item, field.name), f"{path}.{name}" if path else name)
    elif isinstance(item, tuple):
        yield path, tuple(str(getattr(part, "name", part)) for part in item)
    elif isinstance(item, (str, bool, float, Unknown)) or item is None:
        yield path, item


def _setting(value: str) -> Value | Unknown:
    """A variable's value; one that was not recorded for its form is not known."""
    return Unknown("its value has a form that is not recorded") if value == OTHER_FORM else value


def _at(side: dict[str, Value | Unknown], path: str) -> Value | Unknown:
    """The value at `path`; where a whole section is unknown, so is all that could be in it."""
    if path in side:
        return side[path]
    parts = path.split(".")
    for depth in range(len(parts) - 1, 0, -1):
        above = side.get(".".join(parts[:depth]))
        if isinstance(above, Unknown):
            return above
    return None


def _tools(locked: Fingerprint) -> set[str]:
    if isinstance(locked.packages, Unknown):
        return set()
    return {f"packages.{package.name}" for package in locked.packages if package.role == "tool"}
