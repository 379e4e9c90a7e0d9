"""What goes into a layer, as far as a configuration tells: the shape if it is written down, or its rank."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from envlock.knowledge.loading.common import config_of, text_of
from envlock.knowledge.loading.keras3_loader import Loader

__all__ = ["fed_rank", "fed_shape"]

_FURTHEST = 500
_MOST = 100

# Layers that say of what rank they are, by their name.
_SPATIAL = re.compile(
    r"\w*(?:Conv|Convolution|Pool|Pooling|ZeroPadding|Cropping|UpSampling|Connected)([123])D(?:Transpose)?"
)
_KEEPING = {
    *("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax", "ThresholdedReLU"),
    *("BatchNormalization", "LayerNormalization", "GroupNormalization", "SyncBatchNormalization"),
    *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianDropout"),
    *("GaussianNoise", "AlphaDropout", "ActivityRegularization", "Dense", "Rescaling", "Normalization"),
    *("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Masking"),
}


def fed_shape(item: object) -> list[Any] | None:
    """The shape of the first tensor that a layer gets, which Keras 3 writes down with it."""
    built = item.get("build_config") if isinstance(item, dict) else None
    shape = built.get("input_shape") if isinstance(built, dict) else None
    if isinstance(shape, list) and not any(isinstance(size, list) for size in shape):
        return shape
    for part in _parts(item.get("inbound_nodes") if isinstance(item, dict) else None):
        if isinstance(part, dict) and text_of(part, "class_name") == "__keras_tensor__":
            shape = config_of(part).get("shape")
            return shape if isinstance(shape, list) else None
    return None


def fed_rank(loader: Loader, item: dict[str, Any]) -> int | None:
    """How many dimensions the first tensor has that a layer gets."""
    shape = fed_shape(item)
    if shape is not None:
        return len(shape)
    layers = next((held for held in _models(loader) if any(other is item for other in held)), [])
    named = {text_of(other, "name"): other for other in layers if isinstance(other, dict)}
    for _ in range(_FURTHEST):
        given = _stated(item)
        if given is not None:
            return given
        before = _before(item, layers, named)
        if before is None:
            return None
        name = text_of(before, "class_name") or ""
        spatial = _SPATIAL.fullmatch(name)
        if spatial and not name.startswith("Global"):
            return int(spatial[1]) + 2
        if name not in {*_KEEPING, "InputLayer"}:
            return None
        item = before
    return None


def _models(loader: Loader) -> Iterator[list[Any]]:
    for node in loader.nodes:
        layers = node.config.get("layers")
        if isinstance(layers, list):
            yield layers


def _stated(item: dict[str, Any]) -> int | None:
    config = config_of(item)
    shape = config.get("batch_input_shape") or config.get("batch_shape")
    return len(shape) if isinstance(shape, list) else None


def _before(item: dict[str, Any], layers: list[Any], named: dict[str | None, Any]) -> dict[str, Any] | None:
    """The layer whose output comes first among what a layer gets; without nodes it is the one before."""
    if "inbound_nodes" in item:
        for part in _parts(item["inbound_nodes"]):
            match part:
                case [str(name), int(), int(), *_]:
                    return named.get(name)
        return None
    place = next((number for number, other in enumerate(layers) if other is item), 0)
    before = layers[place - 1] if place else None
    return before if isinstance(before, dict) else None


def _parts(data: object) -> Iterator[Any]:
    """A structure and what it holds, in the order in which it is written."""
    waiting, met = [data], 0
    while waiting and met < _MOST:
        part, met = waiting.pop(), met + 1
        yield part
        if isinstance(part, dict):
            waiting.extend(reversed(part.values()))
        elif isinstance(part, list):
            waiting.extend(reversed(part))
