"""The operations and functions of TensorFlow that compute and do nothing else."""

from __future__ import annotations

from functools import lru_cache

from envlock import resources

__all__ = ["is_graph_operation", "is_tensorflow_function"]


def is_graph_operation(name: str) -> bool:
    """Whether an operation only computes, or keeps variables and tables in memory."""
    return name in _lines("inspection/graph_operations.txt")


def is_tensorflow_function(name: str) -> bool:
    """Whether a function of TensorFlow's interface, as Keras 2 names it, only computes."""
    return name in _lines("inspection/tensorflow_functions.txt")


@lru_cache(maxsize=4)
def _lines(name: str) -> frozenset[str]:
    return frozenset(line for line in resources.text(name).splitlines() if line and line[0] != "#")
