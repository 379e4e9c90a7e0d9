"""What stands where in a serialised configuration, told by the key."""

from __future__ import annotations

from envlock.values import frozen

__all__ = ["KEYS", "Place", "kind_of", "place_of"]

# The keys of a configuration that hold an object of one kind, by how they end.
_ENDINGS = ("activation", "initializer", "regularizer", "constraint")
KEYS = {
    "layers": "layer", "layer": "layer", "backward_layer": "layer", "forward_layer": "layer",
    "cell": "cell", "cells": "cell", "model": "model", "dtype": "policy", "dtype_policy": "policy",
    "optimizer": "optimizer", "inner_optimizer": "optimizer", "optimizer_config": "optimizer",
    "learning_rate": "schedule", "function": "function", "loss": "loss", "metric": "metric",
    "metrics": "metric", "weighted_metrics": "metric", "quantization_config": "quantization",
}  # fmt: skip


@frozen
class Place:
    """
    Where a value stands: what kind is expected there, and in what object.

    `is_lookup` tells that a text there is the name of an object, `is_text` that it was written as the user
    gave it and not as the name of a function.
    """

    kind: str | None = None
    owner: str = ""
    is_lookup: bool = False
    is_text: bool = False


def place_of(key: str, owner: str = "", *, is_own: bool = True) -> Place:
    """Where a value of a configuration stands, by its key."""
    if key.endswith(_ENDINGS):
        return Place(kind=kind_of(key), owner=owner, is_lookup=True)
    if key == "fn" and is_own:  # the function that a loss or metric of Keras' wraps
        return Place(kind="metric", owner=owner, is_lookup=True)
    return Place(kind=KEYS.get(key), owner=owner)


def kind_of(key: str) -> str | None:
    """
    What stands under a key of a configuration, by the key.

    `layer`, `cell`, `activation`, `initializer`, `regularizer`, `constraint`, `loss`, `metric`, `optimizer`,
    `schedule`, `policy`, `model`, …; `None` where the key does not tell.
    """
    if key.endswith(_ENDINGS):
        return next(ending for ending in _ENDINGS if key.endswith(ending))
    return "metric" if key == "fn" else KEYS.get(key)
