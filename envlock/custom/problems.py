"""
What of the user's code will not come back from a saved model, found while it is still here.

Told when a model is saved: at load it is too late.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from types import FunctionType
from typing import Any

from envlock.artifacts.config import Custom, inventory
from envlock.custom.find import Asked, referenced, users_objects
from envlock.custom.reach import PROGRAM
from envlock.facts import Content, CustomObject, Unknown

__all__ = ["problems"]

_MOST_REBUILT = 200
_LISTED = 3


def problems(
    model: Any,
    content: Content,
    asked: Asked,
    objects: Sequence[CustomObject],
    *,
    scope: Callable[[Mapping[str, Any]], AbstractContextManager[Any]],
) -> Iterator[str]:
    """
    One sentence for each thing that a load elsewhere will lack.

    `scope` makes the objects known to Keras, for rebuilding them from their configurations.
    """
    for lost in asked.lost:
        yield _lost(lost)
    for name, places in asked.alike.items():
        yield (
            f"{' and '.join(places)} are all called {name} in it, and none can be had by that name; register "
            "them under names of their own"
        )
    for item in objects:
        yield from _unreachable(item, asked.kinds[item.name])
    yield from _lambdas(content)
    with scope(asked.kinds):
        yield from _not_rebuilt(model)


def _lost(item: Custom) -> str:
    owners = ", ".join(item.asked_by[:_LISTED]) or "the model"
    return f"{owners} asks for {item.name}, which this program neither registered nor defines by that name"


def _unreachable(item: CustomObject, kind: Any) -> Iterator[str]:
    """Objects that no other program can import."""
    stored = item.modules.reason if isinstance(item.modules, Unknown) else ""
    # A closure that has a name of its own, as functools.wraps gives it, comes back with its module.
    if isinstance(kind, FunctionType) and kind.__closure__ and "<locals>" in item.qualname:
        names = ", ".join(kind.__code__.co_freevars)
        yield f"function {item.qualname} uses {names} of the function around it, which no source holds"
    elif "<locals>" in item.qualname:
        yield f"{item.kind} {item.qualname} is made inside a function, so that no other program can import it"
    elif item.module == PROGRAM:
        told = stored or 'its source was stored; elsewhere it loads with trust="captured" or custom_objects='
        yield f"{item.kind} {item.qualname} is defined in the program itself: {told}"
    elif stored:
        yield f"{item.kind} {item.qualname}: {stored}"


def _lambdas(content: Content) -> Iterator[str]:
    listed = inventory(content)
    count = 0 if isinstance(listed, Unknown) else listed.lambdas
    if count:
        which = "a lambda is" if count == 1 else f"{count} lambdas are"
        python = ".".join(map(str, sys.version_info[:2]))
        yield (
            f"{which} stored as bytecode of Python {python}, which another Python cannot run and Keras 3 "
            "refuses; use a layer of your own, or under Keras 3 a named function"
        )
    if "<lambda>" in set(referenced([content.config, content.compile_config])):
        yield "a lambda is stored by the name <lambda>, by which nothing is found again; use a named function"


def _not_rebuilt(model: Any) -> Iterator[str]:
    """Classes whose `get_config` does not give back what makes them what they are."""
    told: set[type] = set()
    for number, item in enumerate(users_objects(model, instances=True)):
        kind = type(item)
        if number >= _MOST_REBUILT or kind in told or isinstance(item, (FunctionType, type)):
            continue
        problem = _rebuilt(item, kind)
        if problem:
            told.add(kind)
            yield problem


def _rebuilt(item: Any, kind: Any) -> str:
    try:
        config = item.get_config()
    except Exception:  # noqa: BLE001 - Keras itself found a way to save it
        return ""
    try:
        again = kind.from_config(dict(config))
    except Exception as error:  # noqa: BLE001 - a class of the user's may raise anything
        said = " ".join(str(error).split())[:120]
        return (
            f"{kind.__qualname__} cannot be made again from its get_config(): {type(error).__name__}: {said}"
        )
    left_out = list(_left_out(item, again, config))
    return f"get_config() of {kind.__qualname__} leaves out {', '.join(left_out)}" if left_out else ""


def _left_out(item: Any, again: Any, config: Mapping[str, Any]) -> Iterator[str]:
    """Arguments that `get_config` does not mention and that are others in what was made `again` from it."""
    import inspect

    try:
        parameters = inspect.signature(type(item).__init__).parameters
    except (TypeError, ValueError):
        return
    for name in parameters:
        if name in config or not (hasattr(item, name) and hasattr(again, name)):
            continue
        value, made = getattr(item, name), getattr(again, name)
        is_plain = isinstance(made, (bool, int, float, str, type(None)))
        if isinstance(value, (bool, int, float, str)) and is_plain and value != made:
            yield f"{name} (here {value!r}, and {made!r} when it comes back)"
