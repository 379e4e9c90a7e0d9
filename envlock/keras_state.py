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
from threading import RLock
from typing import Any

from envlock import keras_bridge
from envlock.errors import UnsafeModelError
from envlock.values import frozen

__all__ = ["guarded", "names_kept", "registry_apart"]


# As `custom.isolated` calls modules of captured source.
_CAPTURED = "envlock_captured_"
# What Keras keeps is one for all threads: only one of them holds it still at a time.
_HELD = RLock()


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

    `UnsafeModelError` names what changed, if nothing else was raised. What is new in the registry stays,
    but for captured source.
    """
    with _HELD:
        keras = keras_bridge.keras_in_force()
        settings, registry = tuple(_settings(keras)), keras.utils.get_custom_objects()
        before, registered = [setting.get() for setting in settings], dict(registry)
        try:
            yield
        finally:
            changed = []
            for setting, value in zip(settings, before, strict=True):
                if setting.get() != value:
                    changed.append(setting.name)
                    setting.put(value)
            changed += ["registry"] if _restored(registry, registered) else []
    if changed:
        raise UnsafeModelError(
            f"loading it changed the {' and the '.join(changed)} of this process, which was set back",
            hint="set what the model needs in your own program, before loading",
        )


@contextmanager
def registry_apart() -> Iterator[None]:
    """
    Let captured source run that registers classes, without a trace of them in Keras' registry.

    Inside, nothing is registered yet; the names of the classes stay known, so that Keras writes them. What
    libraries register while they are imported stays registered.
    """
    with _HELD:
        registry = keras_bridge.keras_in_force().utils.get_custom_objects()
        before = dict(registry)
        registry.clear()
        try:
            yield
        finally:
            _restored(registry, before)


def _restored(registry: dict[str, Any], before: dict[str, Any]) -> bool:
    """Whether anything was replaced or removed, which is put back; what captured source added is dropped."""
    lost = {name: value for name, value in before.items() if registry.get(name) is not value}
    registry.update(lost)
    for name in [name for name, value in registry.items() if name not in before and _is_captured(value)]:
        del registry[name]
    return bool(lost)


def _is_captured(value: object) -> bool:
    return str(getattr(value, "__module__", "")).startswith(_CAPTURED)


@contextmanager
def names_kept() -> Iterator[None]:
    """Let layers be built inside that leave no trace: neither in the numbers of names nor in random draws."""
    drawn = random.getstate()
    seeds = [(generator, generator.getstate()) for generator in _seed_generators()]
    counters = [(counter, dict(counter)) for counter in _name_counters()]
    try:
        yield
    finally:
        random.setstate(drawn)
        for generator, state in seeds:
            generator.setstate(state)
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


def _name_counters() -> list[Any]:
    """The counters by which Keras numbers layers that were given no name."""
    keras = keras_bridge.keras_in_force()
    state = sys.modules.get(f"{keras.__name__}.src.backend.common.global_state")
    if state is not None:
        found = state.get_global_attribute("object_name_uids")
        return [] if found is None else [found]
    held = _of_backend(keras, "PER_GRAPH_OBJECT_NAME_UIDS")
    return [] if held is None else list(held.values())


def _seed_generators() -> list[random.Random]:
    """What Keras 2 draws the seeds of layers from once `set_random_seed` was called."""
    held = _of_backend(keras_bridge.keras_in_force(), "_SEED_GENERATOR")
    found = getattr(held, "generator", None)
    return [found] if isinstance(found, random.Random) else []


def _of_backend(keras: Any, attribute: str) -> Any:
    """What the module behind `keras.backend` of Keras 2 holds, `None` where there is none."""
    modules = (sys.modules.get(f"{keras.__name__}.{name}") for name in ("src.backend", "backend"))
    return next((held for one in modules if (held := getattr(one, attribute, None)) is not None), None)
