"""
What Keras 2 does with a saved model: Keras inside TensorFlow 2.4 and 2.5, keras 2.6 to 2.15, tf-keras.

https://github.com/keras-team/tf-keras: `saving/legacy/hdf5_format.py` for HDF5 files, `saving/saving_lib.py`
and `saving/serialization_lib.py` for archives.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from envlock.knowledge.loading import keras2_compile, keras2_objects, keras2_weights
from envlock.knowledge.loading.common import not_revived
from envlock.knowledge.loading.constructors import is_recorded
from envlock.knowledge.loading.keras2_load import load
from envlock.knowledge.loading.keras2_modules import by_module
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import Comparison

if TYPE_CHECKING:
    from envlock.knowledge.releases import KerasApi

__all__ = ["archive", "hdf5"]


def hdf5(seen: Comparison, api: KerasApi) -> Iterator[Problem]:
    """`load_model` of an HDF5 file, whatever it is called."""
    job = load(seen, api, is_archive=False)
    config, settings = seen.content.config, seen.content.compile_config
    if isinstance(config, dict):
        yield from keras2_objects.problems(job, config, "model")
        yield from keras2_weights.in_hdf5(job, config)
    if isinstance(settings, dict):
        yield from keras2_compile.from_hdf5(job, settings)


def archive(seen: Comparison, api: KerasApi) -> Iterator[Problem]:
    """`load_model` of a `.keras` archive."""
    job = load(seen, api, is_archive=True)
    if job.reader < (2, 12):
        yield _no_archives(seen)
        return
    if not seen.artifact.name.endswith(".keras"):
        yield _misnamed(seen)
    config, settings = seen.content.config, seen.content.compile_config
    if isinstance(config, dict):
        _, problem = by_module(job, config, owner="the model")
        if problem:
            yield problem
        yield from keras2_objects.problems(job, config, "model")
        is_known = is_recorded(seen, config)
        yield from not_revived(seen.content, job.writer, job.reader_name, is_known=is_known)
        yield from keras2_weights.in_archive(job, config, seen.content.weights)
    if isinstance(settings, dict):
        yield from keras2_compile.from_archive(job, settings)


def _misnamed(seen: Comparison) -> Problem:
    return Problem(
        code="EL103",
        subject=seen.artifact.name,
        message=f"{seen.artifact.name} is a `.keras` archive under another ending, "
        f"which {seen.reader_name} takes for HDF5",
        error="Unable to open file (file signature not found)",
    )


def _no_archives(seen: Comparison) -> Problem:
    if seen.reader < (2, 6):
        error = "SavedModel file does not exist at"
    else:
        error = "Unable to open file (file signature not found)"
    return Problem(
        code="EL102",
        subject=seen.artifact.name,
        message=f"{seen.artifact.name} is a `.keras` archive, which {seen.reader_name} does not read",
        error=error,
    )
