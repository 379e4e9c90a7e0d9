"""What loads into Keras 2 without a word and computes something else than where it was written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from envlock.knowledge.loading.common import config_of, label
from envlock.knowledge.loading.keras2_load import Load
from envlock.knowledge.problem import Problem

__all__ = ["in_layer", "in_network"]

# What the Hashing of TensorFlow 2.4 writes as its salt when it has none; it is read as one.
_NO_SALT = [0xDECAFCAFFE] * 2


def in_layer(load: Load, item: dict[str, Any]) -> Iterator[Problem]:
    """What one layer says of itself that means something else to whoever reads it."""
    config = config_of(item)
    if item.get("class_name") == "Discretization" and load.is_archive and not config.get("bin_boundaries"):
        yield Problem(
            code="EL119",
            subject=label(item),
            message=f"{label(item)} does not apply the boundaries that it learnt when read from an archive",
            is_silent=True,
        )
    if item.get("class_name") == "Hashing" and config.get("salt") == _NO_SALT:
        yield Problem(
            code="EL113",
            subject=label(item),
            message=f"{label(item)} was written with a salt that it did not have, and hashes with it now",
            is_silent=True,
        )


def in_network(load: Load, layers: list[dict[str, Any]]) -> Iterator[Problem]:
    """What changed its meaning between writer and reader, among the layers of one model."""
    if not load.writer or (load.writer < (2, 10)) == (load.reader < (2, 10)):
        return
    if not any(_masks(layer) for layer in layers):
        return
    for layer in layers:
        if layer.get("class_name") == "MultiHeadAttention":
            yield Problem(
                code="EL113",
                subject=label(layer),
                message=f"{label(layer)} heeds the mask of its inputs since Keras 2.10, not before",
                is_silent=True,
            )


def _masks(layer: dict[str, Any]) -> bool:
    """Whether a layer tells those behind it which steps to leave out."""
    name = layer.get("class_name")
    return name == "Masking" or (name == "Embedding" and config_of(layer).get("mask_zero") is True)
