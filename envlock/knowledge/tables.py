"""Typed rows of the tables that ship with envlock."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from envlock import resources, toml
from envlock.artifacts.reading import Node
from envlock.knowledge.rule import Release, release
from envlock.values import frozen

__all__ = ["Accepted", "accepted"]


@frozen(kw_only=True)
class Accepted:
    """
    The Keras releases in which a class, or a configuration key of it, is accepted.

    From `since` up to `until`, which is not included, and from `again` on.
    """

    classes: tuple[str, ...]
    key: str | None
    value: str | None
    slot: str
    formats: tuple[str, ...]
    since: Release
    until: Release
    again: Release

    def concerns(self, node: Node, file_format: str) -> bool:
        """Whether an object of an architecture is, or has, what this row is about."""
        if file_format not in self.formats or (self.classes and node.class_name not in self.classes):
            return False
        if not node.slot.endswith(self.slot):
            return False
        return self.key is None or (self.key in node.config and self._has_value(node.config[self.key]))

    def accepts(self, reader: Release) -> bool:
        """Whether that Keras takes it."""
        return (self.since <= reader < self.until) or (bool(self.again) and reader >= self.again)

    def _has_value(self, value: object) -> bool:
        match self.value:
            case "list":
                return isinstance(value, list)
            case "set":
                return value is not None
            case "true":
                return value is True
        return True


@lru_cache(maxsize=1)
def accepted() -> tuple[Accepted, ...]:
    """The rows of `config_keys.toml`."""
    return tuple(_accepted(row) for row in _rows("knowledge/config_keys.toml", "accepted"))


def _accepted(row: dict[str, Any]) -> Accepted:
    return Accepted(
        classes=tuple(row.get("class", ())),
        key=row.get("key"),
        value=row.get("value"),
        slot=row.get("slot", ""),
        formats=tuple(row.get("formats", ("keras", "hdf5"))),
        since=release(row.get("since", "0")),
        until=release(row.get("until", "1000")),
        again=release(row.get("again", "")),
    )


def _rows(name: str, key: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = toml.loads(resources.text(name))[key]
    return rows
