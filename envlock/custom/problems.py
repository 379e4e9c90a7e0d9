"""
What of the user's code will not come back from a saved model, found while it is still here.

Told when a model is saved: at load it is too late.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from types import FunctionType
from typing import Any

from envlock.artifacts.config import Custom, inventory
from envlock.custom.find import Asked, referenced, users_objects
from envlock.custom.reach import PROGRAM
from envlock.facts import Content, CustomObject, Unknown

__all__ = ["problems"]

_MOST_ASKED = 1000
_LISTED = 3
# What code of the user's may end with; the save goes on.
_RAISED = (Exception, SystemExit)
_PLAIN = (bool, int, float, str)


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
    try:
        with scope(asked.kinds):
            yield from _not_rebuilt(model)
    except _RAISED as error:
        yield f"whether its classes can be made again cannot be told: {_short(error)}"


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
    for item, config in _examples(model):
        kind = type(item)
        problem = "" if kind in told else _rebuilt(item, config)
        if problem:
            told.add(kind)
            yield problem


def _examples(model: Any) -> list[tuple[Any, dict[str, Any]]]:
    """
    One object with its configuration for each class and keys of a configuration, of models one for a class.

    It is the first that has a value besides its default in an argument which the configuration lacks.
    """
    found: dict[tuple[type, frozenset[str]], tuple[bool, Any, dict[str, Any]]] = {}
    models: set[type] = set()
    items = (item for item in users_objects(model, instances=True) if not isinstance(item, _NOT_HELD))
    for item in islice(items, _MOST_ASKED):
        kind = type(item)
        config = None if kind in models else _config(item)
        if config is not None:
            if any(base.__name__ == "Model" for base in kind.__mro__):
                models.add(kind)
            key, is_telling = (kind, frozenset(config)), any(_unsaid(item, config))
            if key not in found or (is_telling and not found[key][0]):
                found[key] = is_telling, item, config
    return [(item, config) for _, item, config in found.values()]


_NOT_HELD = (FunctionType, type)


def _config(item: Any) -> dict[str, Any] | None:
    try:
        return dict(item.get_config())
    except _RAISED:  # Keras itself found a way to save it
        return None


def _rebuilt(item: Any, config: dict[str, Any]) -> str:
    kind: Any = type(item)
    try:
        again = kind.from_config(dict(config))
    except _RAISED as error:
        return f"{kind.__qualname__} cannot be made again from its get_config(): {_short(error)}"
    left_out = [
        f"{name} (here {value!r}, and {made!r} when it comes back)"
        for name, value in {**dict(_unsaid(item, config)), **dict(_kept(item))}.items()
        if isinstance(made := _attribute(again, name), (*_PLAIN, type(None))) and value != made
    ]
    return f"get_config() of {kind.__qualname__} leaves out {', '.join(left_out)}" if left_out else ""


# What Keras itself keeps in an object, and what is drawn anew for each.
_OF_KERAS = {"autocast", "built", "dynamic", "name", "seed", "stateful", "supports_masking", "trainable"}


def _kept(item: Any) -> Iterator[tuple[str, Any]]:
    """The plain values that an object keeps under names of its class's own."""
    for name, value in list(getattr(item, "__dict__", {}).items()):
        if type(value) in _PLAIN and not name.startswith("_") and name not in _OF_KERAS:
            yield name, value


def _unsaid(item: Any, config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Arguments that a configuration does not mention, where the object holds other than the default."""
    import inspect

    try:
        parameters = inspect.signature(type(item).__init__).parameters
    except (TypeError, ValueError):
        return
    for name, parameter in parameters.items():
        value = None if name in config else _attribute(item, name)
        # By their types: a class of its own may compare and show as it likes.
        if type(value) in _PLAIN and (
            type(parameter.default) is not type(value) or parameter.default != value
        ):
            yield name, value


def _attribute(item: Any, name: str) -> Any:
    """An attribute of the user's object, `_NOTHING` where there is none to be had."""
    try:
        return getattr(item, name, _NOTHING)
    except _RAISED:
        return _NOTHING


_NOTHING = object()


def _short(error: BaseException) -> str:
    try:
        said = " ".join(str(error).split())[:120]
    except _RAISED:
        said = "it does not say what"
    return f"{type(error).__name__}: {said}"
