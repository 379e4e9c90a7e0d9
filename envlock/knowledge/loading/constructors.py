"""
What a class of the user's is made with, against what its configuration holds.

Keras makes an object by `cls(**config)` unless the class has a `from_config` of its own. The file does not
tell what the constructor takes; a lock does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from envlock.facts import Constructor
from envlock.knowledge.loading.common import label, listed, text_of
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import Comparison

__all__ = ["constructor_of", "makes_itself", "not_made"]


def constructor_of(seen: Comparison, item: dict[str, Any]) -> Constructor | None:
    """The constructor of the user's class that a serialised object asks for, as far as the lock knows it."""
    if seen.is_code_missing or not seen.custom_objects:
        return None
    asked = {text_of(item, "registered_name"), text_of(item, "class_name")} - {None}
    known = next((found for found in seen.custom_objects if found.name in asked), None)
    if known is None or seen.code.get(known.name) == "changed":
        return None
    return known.constructor if isinstance(known.constructor, Constructor) else None


def makes_itself(seen: Comparison, item: dict[str, Any]) -> bool:
    """Whether a model's class is known to make its layers itself, and not of inputs and outputs."""
    constructor = constructor_of(seen, item)
    return constructor is not None and not constructor.takes_tensors


def not_made(
    constructor: Constructor,
    item: dict[str, Any],
    config: dict[str, Any],
    *,
    reader: str,
    avoided_by: str = "",
) -> Iterator[Problem]:
    """What the constructor does not take of `config`, as `reader` hands it on, and what it lacks in it."""
    if constructor.is_functional and "layers" in config:
        return
    what, name = label(item), (text_of(item, "class_name") or "").rpartition(">")[2]
    odd = [key for key in config if key not in constructor.takes]
    if constructor.takes_any:  # the base class takes no layers
        odd = [key for key in odd if key == "layers"]
    if odd:
        yield Problem(
            code="EL108",
            subject=what,
            message=f"{what} carries {listed(odd)}, which its constructor does not take",
            error=f"TypeError: {name}.__init__() got an unexpected keyword argument '{odd[0]}'",
            avoided_by=avoided_by,
        )
    lacking = [key for key in constructor.needs if key not in config]
    if lacking:
        yield Problem(
            code="EL124",
            subject=what,
            message=f"{what} does not carry {listed(lacking)}, without which {reader} cannot make one",
            error=f"TypeError: {name}.__init__() missing {len(lacking)} required positional argument: "
            f"'{lacking[0]}'",
            avoided_by=avoided_by,
        )
