"""`load_weights` of a saved file into the same model, built from its code in the target."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from envlock.facts import WEIGHTS_LOADER
from envlock.knowledge.loading.common import shown
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import THREE, Comparison, written
from envlock.values import replace

if TYPE_CHECKING:
    from envlock.knowledge.releases import KerasApi

__all__ = ["problems"]

_ONLY = (WEIGHTS_LOADER,)
# What they learn is a table, which Keras 2 neither writes to HDF5 nor reads from it.
_TABLES = {"TextVectorization", "StringLookup", "IntegerLookup"}
# Sublayers that Keras 2 keeps under `_query_dense` and Keras 3 files as `query_dense`.
_NAMED_OTHERWISE = {"MultiHeadAttention", "GroupedQueryAttention"}
_ARCHIVES = (2, 12)


def problems(seen: Comparison, api: KerasApi) -> Iterator[Problem]:
    """What stands between the weights in the file and a model that has their layers already."""
    if seen.reader >= THREE or not isinstance(seen.content.config, dict):
        return
    if seen.artifact.format == "keras" and seen.reader >= _ARCHIVES:
        from envlock.knowledge.loading import keras2_weights
        from envlock.knowledge.loading.keras2_load import load

        job = load(seen, api, is_archive=True)
        found = keras2_weights.in_archive(job, seen.content.config, seen.content.weights)
        yield from (replace(problem, loaders=_ONLY) for problem in found)
        if seen.writer >= THREE:
            yield from _of_keras_3(seen)
    elif seen.artifact.format == "hdf5":
        yield from _tables(seen)


def _of_keras_3(seen: Comparison) -> Iterator[Problem]:
    """Archives of Keras 3 have the layout of Keras 2.15, but for what is called otherwise in it."""
    if seen.content.compile_config and seen.reader >= (2, 13):
        yield _elsewhere(seen, "the metrics that the model was compiled with", "loss")
    for node in seen.nodes():
        if node.class_name in _NAMED_OTHERWISE:
            yield _elsewhere(seen, node.label, "value")
            return


def _elsewhere(seen: Comparison, what: str, name: str) -> Problem:
    return Problem(
        code="EL107",
        subject=what,
        message=f"{written(seen)} files the weights of {what} where {seen.reader_name} does not look",
        error=f"Layer '{name}' expected variables, but received 0 variables during loading.",
        loaders=_ONLY,
    )


def _tables(seen: Comparison) -> Iterator[Problem]:
    for node in seen.nodes():
        if node.class_name in _TABLES:
            name = shown(node.config.get("name", node.class_name))
            yield Problem(
                code="EL128",
                subject=node.label,
                message=f"{node.label} holds a table, which {seen.reader_name} does not fill from HDF5",
                error="NotImplementedError: Save or restore weights that is not an instance of "
                f"`tf.Variable` is not supported in h5. Received a model or layer {name}",
                loaders=_ONLY,
            )
            return
