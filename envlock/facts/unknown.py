"""A fact that could not be established, and facts that nobody compares."""

from __future__ import annotations

from typing import Any, TypeAlias, TypeVar

from envlock.values import Field, field, fields, frozen, is_value

__all__ = ["NOT_RECORDED", "Maybe", "Unknown", "find_unknowns", "is_compared", "recorded"]

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
    if value is NOT_RECORDED:
        return {}
    if isinstance(value, Unknown):
        return {path: value.reason}
    if isinstance(value, tuple):
        parts = [(getattr(item, "name", str(index)), item) for index, item in enumerate(value)]
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
