"""Typed rows of the tables that ship with envlock."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from envlock import resources, toml
from envlock.knowledge.boundaries import pythons_for
from envlock.knowledge.rule import Release, release
from envlock.values import frozen

__all__ = ["Environment", "environments", "span"]


@frozen(kw_only=True)
class Environment:
    """
    Versions that can be installed together.

    `keras` is the separate package beside TensorFlow, empty before 2.6, where there is none; with
    `is_legacy` it is tf-keras. `python` has the first and the last Python that TensorFlow has wheels for.
    """

    tensorflow: str
    keras: str
    python: tuple[Release, Release]
    is_legacy: bool = False

    def has_wheels_for(self, python: str) -> bool:
        """Whether its TensorFlow can be installed under this Python."""
        return self.python[0] <= release(python)[:2] <= self.python[1]

    def pins(self) -> tuple[str, ...]:
        """What to install and to set, as a target's list names it."""
        beside = f"{'tf-keras' if self.is_legacy else 'keras'}=={self.keras}"
        variables = ("TF_USE_LEGACY_KERAS=1",) if self.is_legacy else ()
        return (f"tensorflow=={self.tensorflow}", *([beside] if self.keras else []), *variables)


@lru_cache(maxsize=1)
def environments() -> tuple[Environment, ...]:
    """The rows of `environments.toml`: each TensorFlow with its Keras, and with its tf-keras."""
    return tuple(
        Environment(
            tensorflow=row["tensorflow"],
            keras=row[name],
            python=(found.first, found.last),
            is_legacy=name == "tf-keras",
        )
        for row in _rows("knowledge/environments.toml", "environment")
        if (found := pythons_for(release(row["tensorflow"])))
        for name in ("keras", "tf-keras")
        if name in row
    )


def span() -> str:
    """The first and the last TensorFlow and Keras of them, in words."""
    known = environments()
    first, last = min(known, key=_number).tensorflow, max(known, key=_number).tensorflow
    newest = max(release(item.keras) for item in known)
    return f"TensorFlow {first} to {last} and Keras up to {'.'.join(map(str, newest))}"


def _number(item: Environment) -> Release:
    return release(item.tensorflow)


def _rows(name: str, key: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = toml.loads(resources.text(name))[key]
    return rows
