"""A fact that could not be established, and facts that nobody compares."""

from __future__ import annotations

import re
from typing import Any, TypeAlias, TypeVar

from envlock.values import Field, field, fields, frozen, is_value

__all__ = ["NOT_RECORDED", "Maybe", "Unknown", "find_unknowns", "is_compared", "item_keys", "recorded"]

T = TypeVar("T")


@frozen
class Unknown:
    """A fact that could not be established, and why."""

    reason: str


Maybe: TypeAlias = T | Unknown

# The value of a fact that an older lock does not have, or that was not asked for. It is never written.
NOT_RECORDED = Unknown("it was not looked at")


def recorded(default: Any = NOT_RECORDED) -> Any:
    """A fact that is recorded and not compared."""
    return field(default=default, metadata={"compared": False})


def is_compared(item: Field) -> bool:
    """Whether something follows for a model where this fact differs."""
    return bool(item.metadata.get("compared", True))


def find_unknowns(value: object, path: str = "", *, compared: bool = False) -> dict[str, str]:
    """
    Every unknown inside a value: its dotted path and the reason.

    With `compared` only those of facts that are compared. What was never looked at is no unknown.
    """
    if value == NOT_RECORDED:
        return {}
    if isinstance(value, Unknown):
        return {path: value.reason}
    if isinstance(value, tuple):
        parts = list(zip(item_keys([getattr(item, "name", None) for item in value]), value, strict=True))
    elif is_value(value):
        parts = [
            (item.name.replace("_", "-"), getattr(value, item.name))
            for item in fields(value)
            if not compared or is_compared(item)
        ]
    else:
        return {}
    found: dict[str, str] = {}
    for name, item in parts:
        found |= find_unknowns(item, f"{path}.{name}" if path else name, compared=compared)
    return found


def item_keys(names: list[object]) -> list[str]:
    """
    How the items of a sequence are called in a path: by a name that is plain and theirs alone, else by place.

    What is plain stays as it is when a lock is cleaned, so that it is found again when that is read.
    """
    count: dict[object, int] = {}
    for name in names:
        count[name] = count.get(name, 0) + 1 if isinstance(name, str) else 0
    plain = re.compile(r"[\w.<>()+: -]{1,60}")
    return [
        name if isinstance(name, str) and count[name] == 1 and plain.fullmatch(name) else str(index)
        for index, name in enumerate(names)
    ]
