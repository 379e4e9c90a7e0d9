"""
What Keras keeps for the whole process, held still while a model is saved or loaded.

A crafted archive can change it under Keras' own guard, and so can code that a model brings along; everything
that the program builds afterwards would be another thing than before.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from envlock import keras_bridge
from envlock.errors import UnsafeModelError
from envlock.values import frozen

__all__ = ["guarded", "names_kept", "registry_apart"]


@frozen
class _Setting:
    """One thing that Keras keeps: what it is called, how to read it and how to set it."""

    name: str
    get: Callable[[], Any]
    put: Callable[[Any], Any]


@contextmanager
def guarded() -> Iterator[None]:
    """
    Set back what changes of Keras' own state inside, and refuse what changed it.

    `UnsafeModelError` names what changed, if nothing else was raised.
    """
    settings = tuple(_settings(keras_bridge.keras_in_force()))
    before = [setting.get() for setting in settings]
    try:
        yield
    finally:
        changed = []
        for setting, value in zip(settings, before, strict=True):
            if setting.get() != value:
                changed.append(setting.name)
                setting.put(value)
    if changed:
        raise UnsafeModelError(
            f"loading it changed the {' and the '.join(changed)} of this process, which was set back",
            hint="set what the model needs in your own program, before loading",
        )


@contextmanager
def registry_apart() -> Iterator[None]:
    """
    Let code run that registers classes, without a trace in Keras' registry.

    Inside, nothing is registered yet; the names of the classes stay known, so that Keras writes them.
    """
    registry = keras_bridge.keras_in_force().utils.get_custom_objects()
    before = dict(registry)
    registry.clear()
    try:
        yield
    finally:
        registry.clear()
        registry.update(before)


@contextmanager
def names_kept() -> Iterator[None]:
    """Let layers be built inside that leave no trace: neither in the numbers of names nor in random draws."""
    drawn = random.getstate()
    counters = [(counter, dict(counter)) for counter in _name_counters()]
    try:
        yield
    finally:
        random.setstate(drawn)
        for counter, before in counters:
            counter.clear()
            counter.update(before)


def _settings(keras: Any) -> Iterator[_Setting]:
    config, backend = getattr(keras, "config", None), keras.backend
    for name in ("floatx", "epsilon", "image_data_format"):
        yield _Setting(name, getattr(backend, name), getattr(backend, f"set_{name}"))
    yield _Setting("backend", backend.backend, lambda _: None)
    if config is not None and hasattr(config, "set_dtype_policy"):
        yield _Setting("dtype policy", lambda: config.dtype_policy().name, config.set_dtype_policy)
    else:
        precision = keras.mixed_precision
        yield _Setting("dtype policy", lambda: precision.global_policy().name, precision.set_global_policy)
    registry = keras.utils.get_custom_objects()
    yield _Setting("registry", lambda: dict(registry), lambda value: _refill(registry, value))
    yield from _attributes(keras)


def _attributes(keras: Any) -> Iterator[_Setting]:
    """Switches and seeds of Keras 3, and the switch of Keras 2 from 2.13 on."""
    root = keras.__name__
    state = sys.modules.get(f"{root}.src.backend.common.global_state")
    if state is not None:
        for key, said in (("safe_mode_saving", "safe mode"), ("global_random_seed", "random seed")):
            yield _Setting(
                said, partial(state.get_global_attribute, key), partial(state.set_global_attribute, key)
            )
        return
    switch = getattr(sys.modules.get(f"{root}.src.saving.serialization_lib"), "SAFE_MODE", None)
    if switch is not None:
        yield _Setting(
            "safe mode", partial(getattr, switch, "safe_mode", None), partial(setattr, switch, "safe_mode")
        )


def _refill(registry: dict[str, Any], value: dict[str, Any]) -> None:
    registry.clear()
    registry.update(value)


def _name_counters() -> list[Any]:
    """The counters by which Keras numbers layers that were given no name."""
    keras = keras_bridge.keras_in_force()
    state = sys.modules.get(f"{keras.__name__}.src.backend.common.global_state")
    if state is not None:
        found = state.get_global_attribute("object_name_uids")
        return [] if found is None else [found]
    for name in (f"{keras.__name__}.src.backend", f"{keras.__name__}.backend"):
        held = getattr(sys.modules.get(name), "PER_GRAPH_OBJECT_NAME_UIDS", None)
        if held is not None:
            return list(held.values())
    return []
