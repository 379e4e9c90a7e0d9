"""What Keras 3 does with a saved model: the `.keras` archive and the `.h5` file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from envlock.facts import WEIGHTS_LOADER
from envlock.knowledge.loading.keras3_compile import archive_settings, hdf5_settings
from envlock.knowledge.loading.keras3_loader import Loader, Task, loader_of
from envlock.knowledge.loading.keras3_objects import MODEL, walk
from envlock.knowledge.loading.keras3_state import (
    archive_assets,
    archive_weights,
    hdf5_state,
    hdf5_weights,
    meanings,
)
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import Comparison

if TYPE_CHECKING:
    from envlock.knowledge.releases import KerasApi

__all__ = ["archive", "hdf5"]


def archive(seen: Comparison, api: KerasApi) -> Iterator[Problem]:
    """What stands between a `.keras` archive and `load_model` of Keras 3."""
    if not isinstance(seen.content.config, dict):
        return
    loader = loader_of(seen, api, is_legacy=False)
    config = {key: value for key, value in seen.content.config.items() if key != "compile_config"}
    yield from _once(
        walk(loader, Task(item=config, role="object", owner=MODEL)),
        archive_settings(loader),
        archive_weights(loader),
        archive_assets(loader),
        meanings(loader),
        _folder(loader),
    )


def hdf5(seen: Comparison, api: KerasApi) -> Iterator[Problem]:
    """What stands between an `.h5` file and `load_model` of Keras 3."""
    if not isinstance(seen.content.config, dict):
        return
    loader = loader_of(seen, api, is_legacy=True)
    yield from _once(
        walk(loader, Task(item=seen.content.config, role="layer", owner=MODEL)),
        hdf5_settings(loader),
        hdf5_state(loader),
        hdf5_weights(loader),
        meanings(loader),
    )


def _folder(loader: Loader) -> Iterator[Problem]:
    """An archive that is not packed, which `load_model` takes since 3.4 and `load_weights` never does."""
    artifact = loader.seen.artifact
    if isinstance(artifact.stamps, dict) and "unpacked" in artifact.stamps and loader.release >= (3, 4):
        yield Problem(
            code="EL103",
            subject=artifact.name,
            message=f"{artifact.name} is an unpacked archive, of which {loader.name} does not load weights",
            error=f"ValueError: File format not supported: filepath={artifact.name}. Keras 3 only supports",
            loaders=(WEIGHTS_LOADER,),
        )


def _once(*walks: Iterator[Problem]) -> Iterator[Problem]:
    """What the walks find, each but once."""
    told: set[tuple[str, str]] = set()
    for problem in chain(*walks):
        if (problem.code, problem.message) not in told:
            told.add((problem.code, problem.message))
            yield problem
