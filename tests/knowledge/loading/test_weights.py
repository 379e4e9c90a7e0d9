from __future__ import annotations

from typing import Any

import pytest
from judged import make_artifact, make_comparison, make_content, make_fingerprint, make_keras, make_layer

from envlock.facts import WEIGHTS_LOADER, TensorSpec
from envlock.knowledge import releases
from envlock.knowledge.loading import weights
from envlock.knowledge.problem import Problem
from envlock.values import replace

INPUT = make_layer("InputLayer", name="in")
ATTENTION = ("query_dense", "key_dense", "value_dense", "output_dense")


def problems(
    *layers: dict[str, Any],
    reader: str = "2.15.0",
    writer: str = "2.15.0",
    kind: str = "hdf5",
    held: Any = None,
    **facts: Any,
) -> list[Problem]:
    """What stands between a file of these layers and `load_weights` of that release."""
    content = make_content(INPUT, *layers, **facts)
    if held is not None:
        specs = tuple(TensorSpec(name=name, shape=(1,), dtype="float32") for name in held)
        content = replace(content, weights=specs)
    current = make_fingerprint(keras=make_keras(reader))
    seen = make_comparison(artifact=make_artifact(kind, writer), current=current, content=content)
    provider = "tensorflow" if seen.reader < (2, 6) else "keras"
    api = releases.keras(provider, seen.reader)
    assert api is not None
    return list(weights.problems(seen, api))


def codes(*layers: dict[str, Any], **facts: Any) -> list[str]:
    found = problems(*layers, **facts)
    assert all(problem.loaders == (WEIGHTS_LOADER,) for problem in found)
    return [problem.code for problem in found]


@pytest.mark.parametrize(
    ("vocabulary", "reader", "expected"),
    [
        (None, "2.15.0", ["EL128"]),
        ([], "2.15.0", ["EL128"]),
        (["a", "b"], "2.15.0", []),
        (["a", "b"], "2.6.0", []),
        (["a", "b"], "2.4.0", ["EL128"]),
    ],
)
def test_a_vocabulary_that_is_given_is_no_weight(vocabulary: Any, reader: str, expected: list[str]) -> None:
    words = make_layer("StringLookup", name="words", vocabulary=vocabulary)

    assert codes(words, reader=reader) == expected


def trained(*held: str, optimizer: Any = "adam", loss: Any = "mse") -> list[str]:
    settings = {"optimizer": optimizer, "loss": loss}
    dense = make_layer("Dense", name="dense", units=2)
    return codes(dense, writer="3.5.0", kind="keras", held=held or None, compile_config=settings)


def test_metrics_that_training_makes_are_elsewhere_in_keras_3() -> None:
    state = tuple(f"optimizer/vars/{number}" for number in range(4))

    assert trained() == ["EL107"]
    assert trained(*state) == ["EL107"]
    assert trained(*state[:2]) == []
    assert trained(*state[:2], optimizer="sgd") == ["EL107"]
    assert trained(*state, loss=None) == []


@pytest.mark.parametrize(
    ("reader", "expected"), [("2.12.0", ["EL107"]), ("2.14.0", ["EL107"]), ("2.15.0", []), ("2.11.0", [])]
)
def test_what_keras_3_files_below_layers_is_found_by_those_who_walk_them(
    reader: str, expected: list[str]
) -> None:
    dense = make_layer("Dense", name="one", units=2, kernel_initializer="zeros")
    facts = {"writer": "3.5.0", "kind": "keras", "reader": reader}

    assert codes(dense, held=["layers/dense/vars/0"], **facts) == expected
    assert codes(dense, **facts) == expected
    assert codes(dense, held=["chain/dense/vars/0", "optimizer/vars/0"], **facts) == []


def test_attention_is_found_by_its_arrays_wherever_it_is() -> None:
    mine = make_layer("Block", module="mine", name="block")
    held = [f"layers/block/att/{name}/vars/0" for name in ATTENTION]

    def told(held: list[str] | None, *layers: dict[str, Any]) -> list[str]:
        return codes(*layers, writer="3.5.0", kind="keras", held=held)

    assert told(held, mine) == ["EL107"]
    assert told(held[:3], mine) == []
    assert told(None, mine) == []
    assert told(None, make_layer("MultiHeadAttention", name="mha")) == ["EL107"]


def test_an_activation_that_keras_chooses_otherwise_now_is_silent() -> None:
    def told(activation: str, writer: str, reader: str) -> list[str]:
        layer = make_layer("ConvLSTM2D", name="frames", recurrent_activation=activation)
        return [item.code for item in problems(layer, writer=writer, reader=reader) if item.is_silent]

    assert told("sigmoid", "3.5.0", "2.15.0") == ["EL113"]
    assert told("tanh", "3.5.0", "2.15.0") == []
    assert told("sigmoid", "2.13.1", "2.15.0") == []


@pytest.mark.parametrize("odd", [[], "x", 3, {"loss": []}, {"loss": "mse", "optimizer": [1]}])
def test_odd_settings_are_passed_over(odd: Any) -> None:
    codes(make_layer("Dense", name="dense"), writer="3.5.0", kind="keras", compile_config=odd, held=("x",))
