"""
The configurations in a SavedModel without what stands in two of them.

The root tells of all its layers, and each layer tells of itself again; what these hold is walked once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["fresh"]

_ABOUT = ("class_name", "module", "registered_name")


def fresh(parts: dict[str, dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each configuration; of one that the root holds as it is, what hangs below its settings is left out."""
    root = parts.get("root")
    known = {id(item): item for item in _below(root)} if isinstance(root, dict) else {}
    by_name: dict[str, list[dict[str, Any]]] = {}
    for item in known.values():
        by_name.setdefault(_name(item), []).append(item)
    for where, part in parts.items():
        alike = () if part is root else by_name.get(_name(part), ())
        same = next((item for item in alike if _is_same(part, item)), None)
        yield where, part if same is None else _without_objects(part, same)


def _below(root: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The layers of a model and of the models in it."""
    waiting = [root]
    while waiting:
        config = waiting.pop().get("config")
        layers = config.get("layers") if isinstance(config, dict) else None
        for layer in layers if isinstance(layers, list) else ():
            if isinstance(layer, dict):
                yield layer
                waiting.append(layer)


def _name(item: dict[str, Any]) -> str:
    config = item.get("config")
    return str(config.get("name")) if isinstance(config, dict) else ""


def _is_same(part: dict[str, Any], item: dict[str, Any]) -> bool:
    if any(part.get(key) != item.get(key) for key in _ABOUT):
        return False
    first, second = part.get("config"), item.get("config")
    if not isinstance(first, dict) or not isinstance(second, dict) or first.keys() != second.keys():
        return False
    return all(_unmarked(value) == _unmarked(second[key]) for key, value in first.items())


def _unmarked(value: Any) -> Any:
    """An object without the number by which a SavedModel knows it again."""
    if isinstance(value, dict) and "shared_object_id" in value:
        return {key: held for key, held in value.items() if key != "shared_object_id"}
    return value


def _without_objects(part: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    """What the root does not hold, and the settings from which sizes follow."""
    config = {key: value for key, value in part["config"].items() if not _is_object(value)}
    config.pop("layers", None)
    rest = {key: value for key, value in part.items() if key in _ABOUT or item.get(key) != value}
    return {**rest, "config": config}


def _is_object(value: object) -> bool:
    return isinstance(value, dict) and value.get("class_name") not in (None, "__tuple__")
