"""
The settings that a model was compiled with, as Keras 2 restores them.

From an HDF5 file every part is looked up by bare name, when the model is loaded. From an archive objects are
found by module, and texts are kept for the first training: an unknown one does no harm before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from envlock.knowledge.loading import keras2_lambda, keras2_values
from envlock.knowledge.loading.common import config_of, key_problems, label, missing_code, shown, text_of
from envlock.knowledge.loading.keras2_load import Load
from envlock.knowledge.loading.keras2_modules import by_module
from envlock.knowledge.problem import COMPILE, Problem

__all__ = ["from_archive", "from_hdf5"]

_SETTINGS = "the compile settings"
_UNRESOLVED = frozenset({"accuracy", "acc", "crossentropy", "ce"})
_LAMBDA = "<lambda>"
_METRICS = ("metrics", "weighted_metrics")
_NEWER = frozenset({"weight_decay", "use_ema", "jit_compile", "is_legacy_optimizer"})
_OLDER = frozenset({"decay"})
# Archives are followed by making the state of the optimizer; since 2.15 not of the older kind, which cannot.
_BUILDS_LEGACY = (2, 15)


def from_hdf5(load: Load, settings: dict[str, Any]) -> Iterator[Problem]:
    """`training_config` of an HDF5 file."""
    for key in ("optimizer_config", "loss_weights"):
        if key not in settings:
            yield _told(
                "EL130", _SETTINGS, f"do not hold `{key}`, which {load.reader_name} needs", f"'{key}'"
            )
    yield from _optimizer(load, settings.get("optimizer_config"))
    for item in _single(settings.get("loss")):
        yield from _looked_up(load, item, "loss")
    for key in _METRICS:
        for item in _single(settings.get(key)):
            if not isinstance(item, str) or item not in _UNRESOLVED:
                yield from _looked_up(load, item, "metric")


def from_archive(load: Load, settings: dict[str, Any]) -> Iterator[Problem]:
    """`compile_config` of an archive."""
    waiting: list[Any] = list(reversed(settings.values()))
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(reversed(item))
        elif isinstance(item, dict) and not isinstance(item.get("class_name"), str):
            waiting.extend(reversed(item.values()))
        elif isinstance(item, dict) and item["class_name"] == "__lambda__":
            yield from keras2_lambda.bytecode(
                load, item.get("config"), "a loss or metric", avoided_by=COMPILE
            )
        elif isinstance(item, dict):
            yield from _by_module(load, item)


def _by_module(load: Load, item: dict[str, Any]) -> Iterator[Problem]:
    found, problem = by_module(load, item, owner=_SETTINGS, avoided_by=COMPILE)
    if problem:
        yield problem
    elif found:
        yield from _keys(load, item, found)
        yield from _unbuilt(load, item, found)
        yield from keras2_values.wrapped(load, item, avoided_by=COMPILE)
        yield from _schedule(load, item)


def _unbuilt(load: Load, item: dict[str, Any], qualified: str) -> Iterator[Problem]:
    """An optimizer of `keras.optimizers.legacy`, which has no `build`."""
    made = load.class_of(qualified)
    if load.reader < _BUILDS_LEGACY and made is not None and "OptimizerV2" in made.mro:
        yield _told(
            "EL117",
            label(item),
            f"is a legacy optimizer, whose state {load.reader_name} cannot make for an archive",
            f"{made.mro[0]!r} object has no attribute 'build'",
        )


def _single(value: object) -> Iterator[Any]:
    """The objects and texts in a structure of losses or metrics."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(reversed(item))
        elif isinstance(item, dict) and "class_name" not in item:
            waiting.extend(reversed(item.values()))
        elif isinstance(item, (str, dict)):
            yield item


def _looked_up(load: Load, item: str | dict[str, Any], kind: str) -> Iterator[Problem]:
    """A loss or metric by its bare name."""
    name = item if isinstance(item, str) else text_of(item, "class_name")
    if name is None:
        return
    is_own = load.is_own_name(name, kind) if isinstance(item, str) else load.is_own(item, kind)
    found = load.found(kind, name)
    if found is None and (is_own or name == _LAMBDA):
        yield _unknown(load, name, kind)
    elif found is None and load.is_code_missing:
        error = load.unknown(kind, name)
        yield missing_code(name, _SETTINGS, avoided_by=COMPILE, error=error)
    elif isinstance(item, dict) and found:
        yield from _keys(load, item, found)
        function = config_of(item).get("fn")
        if isinstance(function, str) and text_of(item, "class_name") == "MeanMetricWrapper":
            yield from _looked_up(load, function, kind)


def _keys(load: Load, item: dict[str, Any], qualified: str) -> Iterator[Problem]:
    found = load.class_of(qualified)
    if found is None:
        return
    config = config_of(item)
    if "LossFunctionWrapper" in found.mro and "fn" in config:
        config = {key: value for key, value in config.items() if key != "fn"}
        if load.reader < (2, 13) and not load.is_archive:  # where newer archives alone take it out again
            yield _told(
                "EL108",
                label(item),
                f"carries `fn`, which {load.reader_name} does not accept",
                "__init__() got an unexpected keyword argument 'fn'",
            )
    yield from key_problems(found, item, config, reader=load.reader_name, avoided_by=COMPILE)


def _optimizer(load: Load, item: object) -> Iterator[Problem]:
    """An optimizer of an HDF5 file, and the one inside it."""
    waiting = [item]
    while waiting:
        one = waiting.pop()
        name = text_of(one, "class_name")
        if not isinstance(one, dict) or name is None:
            continue
        waiting.append(config_of(one).get("inner_optimizer"))
        found = _optimizer_class(load, one, name)
        if found is not None:
            yield from _keys(load, one, found)
            yield from _schedule(load, one)
        elif load.is_own(one, "optimizer"):
            yield _unknown(load, name, "optimizer")
        elif load.is_code_missing:
            error = load.unknown("optimizer", name)
            yield missing_code(name, _SETTINGS, avoided_by=COMPILE, error=error)
        else:
            yield from _custom_optimizer(load, one)


def _custom_optimizer(load: Load, item: dict[str, Any]) -> Iterator[Problem]:
    """An optimizer of the user's: its base class is another one since 2.11, and takes other keys."""
    keys = set(config_of(item))
    is_older = load.writer < (2, 11) and "is_legacy_optimizer" not in keys
    unknown = _NEWER if load.reader < (2, 11) else _OLDER if is_older else frozenset[str]()
    found = sorted(unknown & keys)
    if found:
        key = found[0]
        yield _told(
            "EL117",
            label(item),
            f"carries `{key}`, which the base class of optimizers does not take in {load.reader_name}",
            f"Unexpected keyword argument passed to optimizer: {key}",
        )


def _optimizer_class(load: Load, item: dict[str, Any], name: str) -> str | None:
    if ">" in name:
        return load.registered(name)
    lowered = load.found("optimizer", name.lower())
    if lowered is None:
        return load.found("optimizer", name)
    config = config_of(item)
    is_newer = bool(config) and not config.get("is_legacy_optimizer", True)
    bare = lowered.rpartition(".")[2]
    if load.reader >= (2, 9) and is_newer:
        return load.newer_optimizer(bare) or lowered
    place = "keras.optimizers.legacy" if load.reader >= (2, 11) and config else "keras.optimizers"
    return load.api.public(f"{place}.{bare}") or lowered


def _schedule(load: Load, optimizer: dict[str, Any]) -> Iterator[Problem]:
    """A learning rate that changes: found by bare name, whatever module it states."""
    item = config_of(optimizer).get("learning_rate")
    name = text_of(item, "class_name")
    if not isinstance(item, dict) or name is None:
        return
    found = load.found("schedule", name)
    if found is not None:
        yield from _keys(load, item, found)
    elif load.is_own(item, "schedule"):
        yield _unknown(load, name, "schedule")
    elif load.is_code_missing:
        yield missing_code(name, label(optimizer), avoided_by=COMPILE, error=load.unknown("schedule", name))


def _unknown(load: Load, name: str, kind: str) -> Problem:
    code = "EL117" if kind == "optimizer" else "EL111"
    called = {"schedule": "learning rate schedule"}.get(kind, kind)
    return _told(
        code,
        shown(name),
        f"is the {called} that the model was compiled with, and {load.reader_name} does not have it",
        load.unknown(kind, name),
    )


def _told(code: str, subject: str, message: str, error: str) -> Problem:
    return Problem(
        code=code, subject=subject, message=f"{subject} {message}", error=error, avoided_by=COMPILE
    )
