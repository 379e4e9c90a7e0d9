"""How Keras 3 compiles a model again from what is written down of its optimizer, losses and metrics."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from envlock.artifacts import names
from envlock.facts import KERAS_LOADER, WEIGHTS_LOADER
from envlock.knowledge.loading.common import (
    SHAPES_DIFFER,
    config_of,
    missing_code,
    not_loaded,
    shown,
    text_of,
)
from envlock.knowledge.loading.keras3_base import base_values
from envlock.knowledge.loading.keras3_loader import Loader, Task
from envlock.knowledge.loading.keras3_objects import walk
from envlock.knowledge.problem import COMPILE, Problem
from envlock.knowledge.rule import THREE, Release, written

__all__ = ["archive_settings", "hdf5_settings"]

_OWNER = "the compile settings"

# Strings that `compile` understands by itself, whatever the model's outputs are.
_LEFT_TO_COMPILE = {"accuracy", "acc", "crossentropy", "ce"}

# The first of the variables behind the step and the learning rate, and the release that put them otherwise.
_OF_NADAM = re.compile(r"optimizer/(?:inner_optimizer/)?vars/2")
_MOVED: Release = (3, 10)

_NAME = re.compile(r"[\w.>]+")


def archive_settings(loader: Loader) -> Iterator[Problem]:
    """The settings in an archive: all go through the general deserializer, texts through `compile`."""
    settings = loader.seen.content.compile_config
    if not isinstance(settings, dict):
        return
    yield from walk(loader, Task(item=settings, role="object", owner=_OWNER, avoided_by=COMPILE))
    optimizer = settings.get("optimizer")
    if isinstance(optimizer, str) and loader.lookup("optimizer", optimizer) is None:
        yield _not_found(loader, "optimizer", optimizer)
    if _holds_nadam(optimizer):
        yield from _reordered(loader)


def _holds_nadam(optimizer: object) -> bool:
    """Whether an optimizer is Nadam, or the one that scales losses around it."""
    name = optimizer if isinstance(optimizer, str) else text_of(optimizer, "class_name") or ""
    inner = config_of(optimizer).get("inner_optimizer")
    return name.lower() == "nadam" or text_of(inner, "class_name") == "Nadam"


def _reordered(loader: Loader) -> Iterator[Problem]:
    """The product that Nadam keeps, which 3.10 makes behind its other variables and not before them."""
    arrays, writer = loader.seen.content.weights, loader.seen.writer
    is_trained = isinstance(arrays, tuple) and any(_OF_NADAM.fullmatch(spec.name) for spec in arrays)
    if writer >= THREE and is_trained and (writer < _MOVED) != (loader.release < _MOVED):
        yield Problem(
            code="EL128",
            subject="Nadam",
            message=f"{written(loader.seen)} holds the state of Nadam in another order than {loader.name}",
            error=not_loaded(f"<keras.src.optimizers.nadam.Nadam object>: {SHAPES_DIFFER}"),
            loaders=(KERAS_LOADER, WEIGHTS_LOADER),
            avoided_by=COMPILE,
        )


def hdf5_settings(loader: Loader) -> Iterator[Problem]:
    """The settings in an `.h5` file: each kind has its dictionary of names."""
    settings = loader.seen.content.compile_config
    if not isinstance(settings, dict):
        return
    for key in ("optimizer_config", "loss_weights"):
        if key not in settings:
            yield Problem(
                code="EL124",
                subject=_OWNER,
                message=f"{_OWNER} hold no {key}, which {loader.name} needs",
                error=f"KeyError: '{key}'",
                avoided_by=COMPILE,
            )
    if isinstance(settings.get("optimizer_config"), dict):
        yield from _optimizer(loader, settings["optimizer_config"])
    for key, kind in (("loss", "loss"), ("metrics", "metric"), ("weighted_metrics", "metric")):
        yield from _named(loader, settings.get(key), kind, resolves=key != "weighted_metrics")


def _optimizer(loader: Loader, item: dict[str, Any]) -> Iterator[Problem]:
    name = text_of(item, "class_name") or ""
    qualified = loader.lookup("optimizer", name)
    if qualified is not None:
        yield from _instance(loader, item, qualified)
        return
    if not loader.owns(item, "optimizer") and not loader.is_code_missing:
        yield from base_values(loader, Task(item=item, role="object", owner=_OWNER, avoided_by=COMPILE))
        return
    called = text_of(config_of(item), "name")
    if called is None or loader.lookup("optimizer", called) is None:
        yield _not_found(loader, "optimizer", called or name, "" if called else "KeyError: 'name'")
        return
    yield Problem(
        code="EL130",
        subject=shown(name),
        message=f"{loader.name} does not find {shown(name)} and takes a new {shown(called)} instead",
        avoided_by=COMPILE,
        is_silent=True,
    )


def _instance(loader: Loader, item: dict[str, Any], qualified: str) -> Iterator[Problem]:
    """An object whose class was found in a dictionary: the rest is done by its public name."""
    module, _, name = qualified.rpartition(".")
    made = {**item, "class_name": name, "module": module, "registered_name": None}
    found = loader.api.cls(qualified)
    if found is not None:
        yield from walk(loader, Task(item=made, role="object", owner=_OWNER, avoided_by=COMPILE))


def _named(loader: Loader, given: object, kind: str, *, resolves: bool) -> Iterator[Problem]:
    """
    The losses or metrics in a structure of them.

    One that is not found is left as it is; only where it stands alone is it then looked up by its name.
    """
    waiting: list[tuple[object, bool]] = [(given, resolves)]
    while waiting:
        item, is_alone = waiting.pop()
        if isinstance(item, list):
            waiting.extend((inner, False) for inner in reversed(item))
        elif isinstance(item, dict) and "class_name" not in item:
            waiting.extend((inner, False) for inner in item.values())
        elif isinstance(item, dict):
            yield from _object(loader, item, kind, is_alone=is_alone)
        elif isinstance(item, str) and not (kind == "metric" and item in _LEFT_TO_COMPILE):
            yield from _text(loader, item, kind, is_alone=is_alone)


def _text(loader: Loader, name: str, kind: str, *, is_alone: bool) -> Iterator[Problem]:
    qualified = loader.lookup(kind, name)
    if qualified is not None:
        if loader.api.cls(qualified) is None and not loader.is_builtin(name):
            yield _alias(loader, kind, name)
    elif is_alone:
        yield from _lost(loader, kind, name, is_own=names.is_own(name, kind, loader.generation, is_text=True))


def _object(loader: Loader, item: dict[str, Any], kind: str, *, is_alone: bool) -> Iterator[Problem]:
    name = text_of(item, "class_name") or ""
    if name == "function":
        asked = text_of(item, "config") or ""
        module = text_of(item, "module")
        if loader.lookup(kind, asked) is not None:
            if module in {None, "builtins"} and not loader.is_builtin(asked):
                yield _alias(loader, kind, asked)
        elif is_alone:
            yield from _lost(loader, kind, asked, is_own=names.is_own(asked, kind, loader.generation))
        return
    qualified = loader.lookup(kind, name)
    if qualified is not None:
        yield from _instance(loader, item, qualified)
        yield from _wrapped(loader, item, kind)
        return
    if config_of(item).get("reduction") == "auto" and not loader.is_code_missing:
        yield _automatic(loader, name)
    called = text_of(config_of(item), "name")
    if is_alone and (called is None or loader.lookup(kind, called) is None):
        yield from _lost(loader, kind, name, is_own=loader.owns(item, kind))


def _wrapped(loader: Loader, item: dict[str, Any], kind: str) -> Iterator[Problem]:
    """A function of the user's in a class of Keras', which is found and then taken for its name."""
    name, owner = config_of(item).get("fn"), shown(item.get("class_name"))
    if not isinstance(name, str) or loader.is_code_missing or loader.lookup(kind, name) is not None:
        return
    if _NAME.fullmatch(name) and not names.is_own(name, kind, loader.generation, is_text=True):
        yield Problem(
            code="EL111",
            subject=shown(name),
            message=f"{owner} is made of the function {shown(name)}, which {loader.name} cannot read",
            error="AttributeError: 'function' object has no attribute 'replace'",
            avoided_by=COMPILE,
        )


def _automatic(loader: Loader, name: str) -> Problem:
    return Problem(
        code="EL125",
        subject=shown(name),
        message=f"{shown(name)} has reduction=auto, which {loader.name} does not take",
        error="ValueError: Invalid value for argument `reduction`. Expected one of",
        avoided_by=COMPILE,
    )


def _alias(loader: Loader, kind: str, name: str) -> Problem:
    error = (
        f"ValueError: Could not deserialize 'keras.metrics.{name}' because it is not a KerasSaveable subclass"
        if loader.release >= (3, 11)
        else f"TypeError: Could not locate function '{name}'"
    )
    return Problem(
        code="EL111",
        subject=shown(name),
        message=f"the {kind} {shown(name)!r} is an alias, which {loader.name} does not find in an .h5 file",
        error=error,
        avoided_by=COMPILE,
    )


def _lost(loader: Loader, kind: str, name: str, *, is_own: bool) -> Iterator[Problem]:
    error = "TypeError: string indices must be integers, not 'str'"
    if is_own or not _NAME.fullmatch(name):  # "<lambda>" is nobody's name
        yield _not_found(loader, kind, name, error)
    elif loader.is_code_missing:
        yield missing_code(name, _OWNER, avoided_by=COMPILE, error=error)


def _not_found(loader: Loader, kind: str, name: str, error: str = "") -> Problem:
    return Problem(
        code="EL111",
        subject=shown(name),
        message=f"{_OWNER} ask for the {kind} {shown(name)!r}, which {loader.name} does not have",
        error=error or f"ValueError: Could not interpret {kind} identifier: {shown(name)}",
        avoided_by=COMPILE,
    )
