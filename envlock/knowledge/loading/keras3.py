"""What Keras 3 does with a saved model: the `.keras` archive and the `.h5` file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from envlock.facts import WEIGHTS_LOADER
from envlock.knowledge.loading.common import is_put_together, label, not_revived, shown, text_of
from envlock.knowledge.loading.constructors import is_recorded, makes_itself
from envlock.knowledge.loading.keras3_base import MODEL
from envlock.knowledge.loading.keras3_compile import archive_settings, hdf5_settings
from envlock.knowledge.loading.keras3_loader import Loader, Task, loader_of
from envlock.knowledge.loading.keras3_objects import walk
from envlock.knowledge.loading.keras3_state import (
    archive_assets,
    archive_weights,
    hdf5_state,
    hdf5_weights,
)
from envlock.knowledge.loading.keras3_structure import lists, shared
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import Comparison
from envlock.values import replace

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
        _put_together(loader),
        lists(loader),
        shared(loader),
        _folder(loader),
    )


def hdf5(seen: Comparison, api: KerasApi) -> Iterator[Problem]:
    """What stands between an `.h5` file and `load_model` of Keras 3."""
    if not isinstance(seen.content.config, dict):
        return
    loader = loader_of(seen, api, is_legacy=True)
    yield from _once(
        walk(loader, Task(item=seen.content.config, role="layer", owner=MODEL)),
        _settings(loader),
        hdf5_state(loader),
        hdf5_weights(loader),
        lists(loader),
    )


def _settings(loader: Loader) -> Iterator[Problem]:
    """The compile settings of an `.h5` file, which 3.0 to 3.2 restore whatever they are told."""
    for problem in hdf5_settings(loader):
        if loader.release >= (3, 3) or problem.is_silent:
            yield problem
        else:
            told = f"{problem.message}; it passes over compile=False"
            yield replace(problem, message=told, avoided_by="")


def _put_together(loader: Loader) -> Iterator[Problem]:
    """A model of inputs and outputs that records neither; one without them is made, and cannot be called."""
    config, arrays = loader.seen.content.config, loader.seen.content.weights
    held = tuple(spec.name for spec in arrays) if isinstance(arrays, tuple) else ()
    if not isinstance(config, dict):
        return
    is_known = is_recorded(loader.seen, config)
    yield from not_revived(loader.seen.content, loader.seen.writer, loader.name, is_known=is_known)
    if makes_itself(loader.seen, config):
        return
    if is_put_together(loader.seen.writer, config, held, is_archive=True):
        name = shown(text_of(config, "class_name") or "model")
        yield Problem(
            code="EL128",
            subject=label(config),
            message=f"{label(config)} was put together of inputs and outputs and lists no layers, "
            f"so {loader.name} makes one that computes nothing",
            error=f"NotImplementedError: Exception encountered when calling {name}.call(). "
            f"Model {name} does not have a `call()` method implemented.",
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
