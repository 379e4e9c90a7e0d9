"""
What a class of the user's is made with, against what its configuration holds.

Keras makes an object by `cls(**config)` unless the class has a `from_config` of its own. The file does not
tell what the constructor takes; a lock does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from envlock.facts import NOT_RECORDED, Constructor, Maybe, Unknown
from envlock.knowledge.loading.common import label, listed, shown, text_of
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import Comparison

__all__ = ["hands_on", "is_made_otherwise", "is_recorded", "makes_itself", "not_made"]


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


def is_recorded(seen: Comparison, item: dict[str, Any]) -> bool:
    """Whether the lock tells how an object of the user's class is made, whatever that is."""
    return not isinstance(_known(seen, item), Unknown)


def hands_on(seen: Comparison, item: dict[str, Any]) -> bool | None:
    """Whether the constructor takes what it does not name; `None` where none is known."""
    found = _known(seen, item)
    return found.takes_any if isinstance(found, Constructor) else None


def is_made_otherwise(seen: Comparison, item: dict[str, Any]) -> bool:
    """Whether the user's class is known to be made by a `from_config` of its own."""
    return _known(seen, item) is None


def makes_itself(seen: Comparison, item: dict[str, Any]) -> bool:
    """Whether a model's class is known to make its layers itself, and not of inputs and outputs."""
    found = _known(seen, item)
    return isinstance(found, Constructor) and not found.takes_tensors


def not_made(
    seen: Comparison, item: dict[str, Any], config: dict[str, Any], *, avoided_by: str = ""
) -> Iterator[Problem]:
    """What the constructor does not take of `config`, as it is handed on to it, and what it lacks in it."""
    constructor = _known(seen, item)
    if not isinstance(constructor, Constructor):
        return
    is_graph = config.keys() >= _OF_A_GRAPH
    if is_graph and (constructor.is_functional or seen.reader < _ASKS):
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
            message=f"{what} does not carry {listed(lacking)}, without which "
            f"{seen.reader_name} cannot make one",
            error=f"TypeError: {name}.__init__() missing a required argument: '{lacking[0]}'",
            avoided_by=avoided_by,
        )
