"""What the arrays of a file are, where that keeps every loader from them."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.facts import KERAS_LOADER, WEIGHTS_LOADER
from envlock.knowledge.loading.common import shown
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import Comparison, Release

__all__ = ["problems"]

# The first release that marks them in its archives.
_MARKED: Release = (3, 0, 5)


def problems(seen: Comparison) -> Iterator[Problem]:
    """Arrays of bfloat16, which HDF5 holds as two bytes without a meaning; Keras 3 marks what they are."""
    arrays = seen.content.weights
    if not isinstance(arrays, tuple) or (seen.artifact.format == "keras" and seen.reader >= _MARKED):
        return
    name = next((spec.name for spec in arrays if spec.dtype == "bfloat16"), None)
    if name is not None:
        yield Problem(
            code="EL128",
            subject=shown(name),
            message=f"{shown(name)} is stored as bfloat16, which {seen.reader_name} does not read from HDF5",
            error="ValueError: No cast function available.",
            loaders=(KERAS_LOADER, WEIGHTS_LOADER),
        )
