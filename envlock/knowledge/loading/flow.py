"""Which layers feed a layer, as the calls that its model lists tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from envlock.knowledge.loading.common import config_of, text_of
from envlock.values import frozen

__all__ = ["Fed", "fed_layers"]

# The first of many are enough.
_MOST = 100


@frozen(kw_only=True)
class Fed:
    """A layer of one model, with the names of those that feed its first call."""

    item: dict[str, Any]
    name: str
    class_name: str
    sources: tuple[str, ...]


def fed_layers(layers: object) -> Iterator[Fed]:
    """The `layers` of a model's configuration; in a Sequential the one before feeds each."""
    last = ""
    for item in layers if isinstance(layers, list) else ():
        if not isinstance(item, dict):
            continue
        name, class_name = text_of(config_of(item), "name") or "", text_of(item, "class_name") or ""
        yield Fed(item=item, name=name, class_name=class_name, sources=_sources(item, last))
        last = name


def _sources(item: dict[str, Any], last: str) -> tuple[str, ...]:
    nodes = item.get("inbound_nodes")
    if not isinstance(nodes, list):
        return (last,) if last else ()
    found: list[str] = []
    waiting: list[Any] = [nodes[0]] if nodes else []
    while waiting and len(found) < _MOST:
        value = waiting.pop()
        if isinstance(value, list):
            if _is_tensor(value):
                found.append(value[0])
                value = value[3:]
            waiting.extend(reversed(value))
        elif isinstance(value, dict):
            waiting.extend(reversed(value.values()))
    return tuple(found)


def _is_tensor(value: list[Any]) -> bool:
    """Keras 2 writes `[layer, node, tensor, …]`, Keras 3 `keras_history: [layer, node, tensor]`."""
    return len(value) > 2 and isinstance(value[0], str) and all(type(part) is int for part in value[1:3])
