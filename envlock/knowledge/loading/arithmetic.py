"""
What is computed otherwise under the same name and the same keys, however the model gets its weights.

Each of these was run in the releases on both sides of its boundary.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from envlock.artifacts.reading import Node
from envlock.facts import KERAS_LOADER, WEIGHTS_LOADER
from envlock.knowledge.loading.common import config_of, text_of
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import THREE, Comparison, Release

__all__ = ["problems"]

_BOTH = (KERAS_LOADER, WEIGHTS_LOADER)

# Layers that compute in whole numbers where their inputs are whole, by the releases in which that changed.
_WHOLE: dict[str, tuple[Release, ...]] = {
    "Resizing": (THREE, (3, 6)),
    "UpSampling2D": (THREE, (3, 6)),
    "GlobalAveragePooling1D": (THREE,),
    "GlobalAveragePooling2D": (THREE,),
    "GlobalAveragePooling3D": (THREE,),
}


def problems(seen: Comparison) -> Iterator[Problem]:
    """The layers of the model whose arithmetic is another one in the target."""
    if not seen.writer or not seen.reader:
        return
    nodes = tuple(seen.nodes())
    if (seen.writer < THREE) != (seen.reader < THREE):
        yield from _hard_sigmoid(seen, nodes)
    yield from _whole_numbers(seen, nodes)


def _hard_sigmoid(seen: Comparison, nodes: tuple[Node, ...]) -> Iterator[Problem]:
    """Keras 2 has 0.2 x + 0.5, Keras 3 has x / 6 + 0.5, both clipped to 0 and 1."""
    for node in nodes:
        keys = [key for key, value in node.config.items() if _is_hard_sigmoid(value)]
        if keys and node.class_name != "function":
            what = f"{node.label} uses hard_sigmoid as {keys[0]}"
            yield _silent(node.label, f"{what}, which {seen.reader_name} defines anew")


def _is_hard_sigmoid(value: object) -> bool:
    return value == "hard_sigmoid" or (isinstance(value, dict) and value.get("config") == "hard_sigmoid")


def _whole_numbers(seen: Comparison, nodes: tuple[Node, ...]) -> Iterator[Problem]:
    """Keras 3 gives back the type that it gets, cut off up to 3.5, rounded from 3.6 on; Keras 2 floats."""
    whole = {
        str(node.config.get("name"))
        for node in nodes
        if node.class_name == "InputLayer" and _is_whole(node.config.get("dtype"))
    }
    if not whole:
        return
    for node in nodes:
        model = node.config.get("layers")
        before: object = None
        for item in model if isinstance(model, list) else ():
            last, before = before, item
            name = text_of(item, "class_name") or ""
            crossed = any((seen.writer < bound) != (seen.reader < bound) for bound in _WHOLE.get(name, ()))
            if crossed and config_of(item).get("interpolation") != "nearest" and _is_fed(item, last, whole):
                called = f"{name} {config_of(item).get('name')!r}"
                yield _silent(
                    called, f"{called} gets whole numbers, which {seen.reader_name} treats otherwise"
                )


def _is_whole(dtype: object) -> bool:
    return isinstance(dtype, str) and dtype.startswith(("int", "uint"))


def _is_fed(item: dict[str, Any], before: object, whole: set[str]) -> bool:
    """Whether one of these inputs goes straight into a layer, by its nodes or by what stands before it."""
    nodes = item.get("inbound_nodes")
    if not nodes:
        return str(config_of(before).get("name")) in whole
    waiting, met = [nodes], 0
    while waiting and met < _MOST:
        value, met = waiting.pop(), met + 1
        if isinstance(value, list):
            if value and isinstance(value[0], str) and value[0] in whole:
                return True
            waiting.extend(inner for inner in value if isinstance(inner, (list, dict)))
        elif isinstance(value, dict):
            waiting.extend(inner for inner in value.values() if isinstance(inner, (list, dict)))
    return False


_MOST = 1000


def _silent(subject: str, message: str) -> Problem:
    return Problem(code="EL113", subject=subject, message=message, loaders=_BOTH, is_silent=True)
