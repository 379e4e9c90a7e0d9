"""What Keras keeps, held still: a package of that name stands in for it."""

from __future__ import annotations

import random
import sys
from threading import Event, Thread
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from envlock import keras_state
from envlock.custom import isolated
from envlock.errors import UnsafeModelError


class Old:
    pass


class New:
    pass


Captured = type("Captured", (), {"__module__": f"{isolated.PREFIX}abc.gates"})


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The registry of a Keras that stands in for the real one."""
    held: dict[str, Any] = {"house>Old": Old}
    keras: Any = ModuleType("keras")
    plain = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"}
    keras.backend = SimpleNamespace(backend=lambda: "tensorflow")
    for name in tuple(plain):
        setattr(keras.backend, name, lambda name=name: plain[name])
        setattr(keras.backend, f"set_{name}", lambda value, name=name: plain.update({name: value}))
    keras.mixed_precision = SimpleNamespace(
        global_policy=lambda: SimpleNamespace(name="float32"), set_global_policy=lambda _: None
    )
    keras.utils = SimpleNamespace(get_custom_objects=lambda: held)
    monkeypatch.delenv("TF_USE_LEGACY_KERAS", raising=False)
    monkeypatch.setitem(sys.modules, "keras", keras)
    for name in ("keras.src.backend.common.global_state", "keras.src.backend", "tf_keras"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return held


# The registry


def test_what_a_load_adds_stays_but_for_captured_source(registry: dict[str, Any]) -> None:
    with keras_state.guarded():
        registry.update({"lib>New": New, "house>Captured": Captured})

    assert registry == {"house>Old": Old, "lib>New": New}


@pytest.mark.parametrize("change", [lambda held: held.update({"house>Old": New}), dict.clear])
def test_what_a_load_replaced_or_removed_is_put_back_and_refused(
    registry: dict[str, Any], change: Any
) -> None:
    def load() -> None:
        with keras_state.guarded():
            change(registry)
            registry["lib>New"] = New

    with pytest.raises(UnsafeModelError, match="loading it changed the registry of this process"):
        load()
    assert registry == {"house>Old": Old, "lib>New": New}


def test_captured_source_sees_an_empty_registry_and_leaves_nothing_in_it(registry: dict[str, Any]) -> None:
    with keras_state.registry_apart():
        assert registry == {}
        registry.update({"house>Old": Captured, "house>Captured": Captured, "lib>New": New})

    assert registry == {"house>Old": Old, "lib>New": New}


def test_what_captured_source_raises_passes_through(registry: dict[str, Any]) -> None:
    def run() -> None:
        with keras_state.registry_apart():
            registry["house>Captured"] = Captured
            raise KeyError("own")

    with pytest.raises(KeyError, match="own"):
        run()
    assert registry == {"house>Old": Old}


@pytest.mark.parametrize("other", [keras_state.guarded, keras_state.registry_apart])
def test_only_one_thread_at_a_time_holds_it_still(registry: dict[str, Any], other: Any) -> None:
    entered, done = Event(), Event()

    def load() -> None:
        with other():
            entered.set()
        done.set()

    thread = Thread(target=load)
    with keras_state.guarded(), keras_state.registry_apart():  # one inside the other is no wait
        thread.start()
        assert not entered.wait(0.2)
    assert done.wait(10)
    thread.join()
    assert registry == {"house>Old": Old}


# Names and draws


@pytest.mark.parametrize("module", ["keras.backend", "keras.src.backend"])
def test_the_generator_of_seeds_of_keras_2_draws_on_as_if_nothing_was_built(
    registry: dict[str, Any], monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    backend: Any = ModuleType(module)
    backend._SEED_GENERATOR = SimpleNamespace(generator=random.Random(1))
    backend.PER_GRAPH_OBJECT_NAME_UIDS = {"graph": {"dense": 1}}
    monkeypatch.setitem(sys.modules, module, backend)

    with keras_state.names_kept():
        backend._SEED_GENERATOR.generator.random()
        backend.PER_GRAPH_OBJECT_NAME_UIDS["graph"]["dense"] = 2

    assert backend._SEED_GENERATOR.generator.random() == random.Random(1).random()
    assert backend.PER_GRAPH_OBJECT_NAME_UIDS == {"graph": {"dense": 1}}
    assert registry
