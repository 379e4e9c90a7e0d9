"""What an architecture tells of the inputs of its model; the shapes of outputs stand in none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from envlock.artifacts.reading import shortened
from envlock.facts import Maybe, TensorSpec, Unknown

__all__ = ["inputs"]

_MAX_DEPTH = 50
_NO_CONFIG = Unknown("the file holds no architecture")
_BY_CODE = "its inputs are stated by its own code"


def inputs(config: dict[str, Any] | None) -> Maybe[tuple[TensorSpec, ...]]:
    """Names, shapes and dtypes of what the model takes, in Keras' order."""
    if config is None:
        return _NO_CONFIG
    return _inputs(config, _MAX_DEPTH)


def _inputs(model: dict[str, Any], depth: int) -> Maybe[tuple[TensorSpec, ...]]:
    inner = model.get("config")
    # Before Keras 2.3 a Sequential's config was the list of its layers.
    inner = {"layers": inner} if isinstance(inner, list) else inner
    if not isinstance(inner, dict) or not isinstance(inner.get("layers"), list):
        return Unknown(f"{_named(model)} is no network of layers; {_BY_CODE}")
    layers = [layer for layer in inner["layers"] if isinstance(layer, dict)]
    if "input_layers" in inner:
        return _of_functional(inner["input_layers"], layers)
    return _of_sequential(layers, depth) if layers else Unknown("the model has no layers")


def _of_functional(named: object, layers: list[dict[str, Any]]) -> Maybe[tuple[TensorSpec, ...]]:
    by_name = {_called(layer): layer for layer in reversed(layers)}
    found = []
    for name in _names(named):
        spec = _declared(by_name.get(name, {}))
        if spec is None:
            return Unknown(
                f"the architecture does not state the shape and type of the input {shortened(name)!r}"
            )
        found.append(spec)
    return tuple(found) if found else Unknown("the architecture names no inputs")


def _of_sequential(layers: list[dict[str, Any]], depth: int) -> Maybe[tuple[TensorSpec, ...]]:
    spec = _declared(layers[0])
    if spec is not None:
        return (spec,)
    if isinstance(_config(layers[0]).get("layers"), list) and depth:
        return _inputs(layers[0], depth - 1)
    return Unknown("the architecture does not state the inputs; the model was not built, or by its code")


def _called(layer: dict[str, Any]) -> str:
    name = layer.get("name") or _config(layer).get("name")
    return name if isinstance(name, str) else ""


def _names(named: object) -> Iterator[str]:
    """
    The layers in a structure of inputs: `[name, node, tensor]` alone, in lists, in dictionaries.

    Dictionaries are flattened in the order of their keys, as Keras does.
    """
    waiting = [named]
    while waiting:
        match waiting.pop():
            case [str(name), int(), int(), *_]:
                yield name
            case list(items):
                waiting.extend(reversed(items))
            case dict(items):
                waiting.extend(items[key] for key in sorted(items, reverse=True))


def _declared(layer: dict[str, Any]) -> TensorSpec | None:
    """What a layer states of the model's input: an `InputLayer`, or the first one of a Sequential."""
    config = _config(layer)
    shape = config.get("batch_shape", config.get("batch_input_shape"))
    dtype, name = _dtype(config.get("dtype")), config.get("name")
    if not isinstance(shape, list) or dtype is None or not isinstance(name, str):
        return None
    if any(size is not None and type(size) is not int for size in shape):
        return None
    return TensorSpec(name=name, shape=tuple(-1 if size is None else size for size in shape), dtype=dtype)


def _dtype(stated: object) -> str | None:
    """The type that a policy keeps its variables in, which is that of an input made for a layer."""
    if isinstance(stated, dict):
        stated = _config(stated).get("name")
    if not isinstance(stated, str):
        return None
    return "float32" if stated.startswith("mixed_") else stated


def _config(item: dict[str, Any]) -> dict[str, Any]:
    config = item.get("config")
    return config if isinstance(config, dict) else {}


def _named(model: dict[str, Any]) -> str:
    name = model.get("class_name")
    return shortened(name) if isinstance(name, str) else "the model"
