"""How the arrays of a file are stored and filed, where that keeps a loader from them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from envlock.facts import KERAS_LOADER, WEIGHTS_LOADER
from envlock.knowledge.loading.common import not_loaded, shown
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import THREE, Comparison, Release

__all__ = ["problems"]

# The first release that marks arrays of bfloat16 in its archives; HDF5 holds them as bytes without a meaning.
_MARKED: Release = (3, 0, 5)

_NESTED = re.compile(r"(^|/)container(_\d{1,9})?/")


def problems(seen: Comparison) -> Iterator[Problem]:
    """Arrays of a type that is not read back, and arrays that are filed where the reader does not look."""
    arrays = seen.content.weights
    if not isinstance(arrays, tuple):
        return
    is_archive = seen.artifact.format == "keras"
    short = next((spec.name for spec in arrays if spec.dtype == "bfloat16"), None)
    if short is not None and not (is_archive and seen.reader >= _MARKED):
        said = f"is stored as bfloat16, which {seen.reader_name} does not read from HDF5"
        yield _unread("EL128", short, said, "ValueError: No cast function available.")
    nested = next((spec.name for spec in arrays if _NESTED.search(spec.name)), None)
    is_misfiled = _files_nested(seen.writer) and not _files_nested(seen.reader)
    if nested is not None and is_archive and seen.reader >= THREE and is_misfiled:
        said = f"is filed in a nested container, where {seen.reader_name} does not look"
        yield _unread("EL107", nested, said, not_loaded(shown(nested)))


def _files_nested(found: Release) -> bool:
    """Whether a release files layers that are held in lists of lists, and the like, by containers."""
    return (3, 12, 3) <= found < (3, 13) or found >= (3, 15)


def _unread(code: str, name: str, said: str, error: str) -> Problem:
    return Problem(
        code=code,
        subject=shown(name),
        message=f"{shown(name)} {said}",
        error=error,
        loaders=(KERAS_LOADER, WEIGHTS_LOADER),
    )
