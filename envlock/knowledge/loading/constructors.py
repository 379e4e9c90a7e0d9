"""
What a class of the user's is made with, against what its configuration holds.

Keras makes an object by `cls(**config)` unless the class has a `from_config` of its own. The file does not
tell what the constructor takes; a lock does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from envlock.facts import NOT_RECORDED, Constructor, Maybe
from envlock.knowledge.loading.common import label, listed, shown, text_of
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import Comparison, Release

__all__ = ["constructor_of", "is_made_otherwise", "makes_itself", "not_made"]


_OF_A_GRAPH = {"name", "layers", "input_layers", "output_layers"}
# Before it `Model.from_config` asks no constructor what it takes.
_ASKS = (2, 12)


def _known(seen: Comparison, item: dict[str, Any]) -> Maybe[Constructor | None]:
    registered = text_of(item, "registered_name") or ""
    asked = registered if ">" in registered else text_of(item, "class_name")
    known = next((found for found in seen.custom_objects if found.name == asked), None)
    if seen.is_code_missing or known is None or seen.code.get(known.name) == "changed":
        return NOT_RECORDED
    return known.constructor


def constructor_of(seen: Comparison, item: dict[str, Any]) -> Constructor | None:
    """The constructor of the user's class that a serialised object asks for, as far as the lock knows it."""
    found = _known(seen, item)
    return found if isinstance(found, Constructor) else None


def is_made_otherwise(seen: Comparison, item: dict[str, Any]) -> bool:
    """Whether the user's class is known to be made by a `from_config` of its own."""
    return _known(seen, item) is None


def makes_itself(seen: Comparison, item: dict[str, Any]) -> bool:
    """Whether a model's class is known to make its layers itself, and not of inputs and outputs."""
    constructor = constructor_of(seen, item)
    return constructor is not None and not constructor.takes_tensors


def not_made(
    constructor: Constructor,
    item: dict[str, Any],
    config: dict[str, Any],
    *,
    reader: Release,
    reader_name: str,
    avoided_by: str = "",
) -> Iterator[Problem]:
    """What the constructor does not take of `config`, as the reader hands it on, and what it lacks in it."""
    is_graph = config.keys() >= _OF_A_GRAPH
    if is_graph and (constructor.is_functional or reader < _ASKS):
        return
    what, name = label(item), shown((text_of(item, "class_name") or "").rpartition(">")[2])
    takes = frozenset(constructor.takes)
    odd = [shown(key) for key in config if key not in takes]
    if constructor.takes_any:  # what it hands on a model takes, but for its layers
        odd = ["layers"] if is_graph and "layers" not in takes else []
    if odd:
        yield Problem(
            code="EL108",
            subject=what,
            message=f"{what} carries {listed(odd)}, which its constructor does not take",
            error=f"TypeError: {name}.__init__() got an unexpected keyword argument '{odd[0]}'",
            avoided_by=avoided_by,
        )
    lacking = [shown(key) for key in constructor.needs if key not in config]
    if lacking:
        yield Problem(
            code="EL124",
            subject=what,
            message=f"{what} does not carry {listed(lacking)}, without which {reader_name} cannot make one",
            error=f"TypeError: {name}.__init__() missing a required argument: '{lacking[0]}'",
            avoided_by=avoided_by,
        )
