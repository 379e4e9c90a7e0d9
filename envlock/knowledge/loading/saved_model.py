"""What the loaders of a SavedModel do with it: TensorFlow's own, and `load_model` of Keras."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from envlock.knowledge.loading import saved_model_graph, saved_model_keras
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import THREE, Comparison

if TYPE_CHECKING:
    from envlock.knowledge.releases import KerasApi

__all__ = ["graph", "keras"]


def graph(seen: Comparison) -> Iterator[Problem]:
    """
    `tf.saved_model.load` of the folder, and calling its signature `serving_default`.

    What keeps the graph from being imported names both loaders, since `load_model` of Keras 2 imports it too.
    """
    yield from saved_model_graph.problems(seen)


def keras(seen: Comparison, api: KerasApi) -> Iterator[Problem]:
    """`load_model` of the folder and predicting with what it gives, apart from what `graph` tells of it."""
    if seen.reader >= THREE:
        name = seen.artifact.name
        yield Problem(
            code="EL104",
            subject=name,
            message=f"{name} is a SavedModel, which load_model of {seen.reader_name} refuses",
            error=f"File format not supported: filepath={name}",
        )
        return
    yield from saved_model_keras.problems(seen, api)
