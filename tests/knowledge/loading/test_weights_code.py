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
DENSE = make_layer("Dense", name="dense", units=2)


def problems(
    *layers: dict[str, Any], reader: str, writer: str, held: Any = None, kind: str = "hdf5", **facts: Any
) -> list[Problem]:
    content = make_content(INPUT, *layers, **facts)
    if held is not None:
        specs = tuple(TensorSpec(name=name, shape=shape, dtype="float32") for name, shape in held)
        content = replace(content, weights=specs)
    current = make_fingerprint(keras=make_keras(reader))
    seen = make_comparison(artifact=make_artifact(kind, writer), current=current, content=content)
    api = releases.keras("keras", seen.reader)
    assert api is not None
    found = list(weights.problems(seen, api))
    assert all(problem.loaders == (WEIGHTS_LOADER,) for problem in found)
    return found


def codes(*layers: dict[str, Any], reader: str, writer: str, **facts: Any) -> list[tuple[str, str]]:
    return [(item.code, item.subject) for item in problems(*layers, reader=reader, writer=writer, **facts)]


def compiled(writer: str, reader: str, **settings: Any) -> list[str]:
    given = {"optimizer": "adam", "loss": "mse", **settings}
    return [code for code, _ in codes(DENSE, reader=reader, writer=writer, compile_config=given)]


def made(class_name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": config}


def test_a_layer_that_is_not_there_cannot_be_made() -> None:
    group = make_layer("GroupNormalization", name="norm", groups=2)

    assert codes(group, writer="2.15.0", reader="2.10.0") == [("EL123", "GroupNormalization")]
    assert codes(group, writer="2.15.0", reader="3.5.0") == []


def test_a_class_is_found_under_any_of_its_names() -> None:
    lstm = make_layer(
        "LSTM", name="l", units=2, recurrent_initializer=made("OrthogonalInitializer", gain=1.0)
    )

    assert codes(lstm, writer="3.3.3", reader="2.15.0") == []


def test_a_layer_that_is_experimental_in_the_target_is_not_where_the_code_looks() -> None:
    einsum = make_layer("EinsumDense", name="mix", equation="ab,bc->ac", output_shape=3)

    assert [code for code, _ in codes(einsum, writer="2.15.0", reader="2.8.0")] == ["EL123"]
    assert codes(einsum, writer="2.15.0", reader="2.10.0") == []


def test_what_stands_behind_custom_code_is_not_looked_for() -> None:
    own = {**make_layer("GroupNormalization", name="norm"), "module": "mine", "registered_name": "mine>G"}

    assert codes(own, writer="2.15.0", reader="2.10.0") == []


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"loss": "logcosh"}, ["EL123"]),
        ({"loss": {"a": "mse", "b": "logcosh"}}, ["EL123"]),
        ({"loss": "my_own"}, []),
        ({"metrics": ["acc", "mae"]}, []),
        ({"metrics": [made("MeanRelativeError", name="m")]}, ["EL123"]),
    ],
)
def test_the_code_compiles_the_model_too(settings: dict[str, Any], expected: list[str]) -> None:
    assert compiled("2.15.0", "3.5.0", **settings) == expected


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"weight_decay": 0.01}, ["EL108"]),
        ({"weight_decay": None, "use_ema": False, "jit_compile": True}, []),
    ],
)
def test_an_argument_that_is_given_is_refused(config: dict[str, Any], expected: list[str]) -> None:
    optimizer = made("Adam", name="Adam", learning_rate=0.1, is_legacy_optimizer=False, **config)

    assert compiled("2.15.0", "2.10.0", optimizer=optimizer) == expected


def test_what_keras_fills_in_itself_is_no_argument() -> None:
    nadam = made("Nadam", name="Nadam", learning_rate=0.1, decay=0.004)
    assert compiled("2.10.0", "2.15.0", optimizer=nadam) == []

    crop = make_layer("CenterCrop", name="crop", height=2, width=2, data_format="channels_last")

    assert codes(crop, writer="3.5.0", reader="2.15.0") == []


def test_legacy_optimizers_are_names_alone_in_keras_3() -> None:
    old = made("Adam", name="Adam", learning_rate=0.1)
    scaled = made("LossScaleOptimizerV3", dynamic=True)

    assert compiled("2.15.0", "3.5.0", optimizer=old) == ["EL123"]
    assert compiled("2.10.0", "3.5.0", optimizer=old) == []
    assert compiled("2.15.0", "3.5.0", optimizer=scaled) == []


def test_names_that_the_other_generation_does_not_take() -> None:
    spaced, divided = (make_layer("Dense", name=name, units=2) for name in ("my layer", "a/b"))

    assert codes(spaced, writer="3.5.0", reader="2.15.0") == [("EL125", "Dense 'my layer'")]
    assert codes(divided, writer="2.15.0", reader="3.5.0") == [("EL125", "Dense 'a/b'")]


def test_functions_in_the_place_of_objects_and_added_losses() -> None:
    bound = make_layer("Dense", name="d", units=2, kernel_constraint="my_own")
    added = make_layer("AddLoss", name="add_loss")

    assert codes(bound, writer="2.15.0", reader="3.3.3") == [("EL125", "Dense 'd'")]
    assert codes(bound, writer="2.15.0", reader="3.15.0") == []
    assert codes(added, writer="2.15.0", reader="3.3.3") == [("EL123", "AddLoss 'add_loss'")]


def archive(*held: tuple[str, tuple[int, ...]], writer: str, reader: str, **optimizer: Any) -> list[str]:
    settings = {"optimizer": made("SGD", **optimizer), "loss": None}
    found = problems(DENSE, writer=writer, reader=reader, kind="keras", held=held, compile_config=settings)
    return [problem.code for problem in found]


def test_as_many_variables_of_another_kind_are_taken_for_the_same() -> None:
    step, momentum = ("optimizer/vars/0", ()), ("optimizer/vars/1", (2,))
    config = {"learning_rate": 0.1, "momentum": 0.0, "is_legacy_optimizer": False}

    assert archive(step, momentum, writer="2.15.0", reader="3.5.0", **config) == ["EL128"]
    assert archive(step, writer="2.15.0", reader="3.5.0", **config) == []
    assert archive(step, momentum, writer="2.15.0", reader="3.5.0", **{**config, "momentum": 0.9}) == []
    scheduled = {**config, "learning_rate": made("ExponentialDecay")}
    assert archive(step, momentum, writer="2.15.0", reader="3.5.0", **scheduled) == []


def test_the_optimizer_that_scales_losses_cannot_say_what_it_misses() -> None:
    inner = ("optimizer/inner_optimizer/vars/0", ())

    assert archive(inner, writer="3.5.0", reader="2.15.0", learning_rate=0.1) == ["EL107"]


@pytest.mark.parametrize(
    "value", [None, 1, "x", [], {}, [[]], {"class_name": 1}, {"config": []}, [None, {"a": "b"}]]
)
def test_anything_may_stand_anywhere(value: Any) -> None:
    layer = make_layer("Dense", name=value, kernel_constraint=value, activation=value, units=value)
    settings = {"optimizer": value, "loss": value, "metrics": value}

    for writer, reader in (("2.15.0", "3.3.3"), ("3.5.0", "2.15.0"), ("2.15.0", "2.10.0")):
        for kind in ("hdf5", "keras"):
            problems(layer, writer=writer, reader=reader, kind=kind, compile_config=settings)
