from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from judged import (
    make_artifact,
    make_comparison,
    make_content,
    make_fingerprint,
    make_keras,
    make_layer,
    make_packages,
    make_reading,
    make_tensorflow,
    say,
)

from envlock import resources, toml
from envlock.facts import Content, Package, Unknown
from envlock.knowledge import judge, providers
from envlock.knowledge.boundaries import providers as rows

ADDONS = make_content(make_layer("Addons>WeightNormalization", name="norm"))
HUB = make_content(make_layer("KerasLayer", module="tensorflow_hub.keras_layer", name="hub"))


def reader(keras: str = "2.15.0", tensorflow: str = "2.15.1", **packages: Any) -> Any:
    return make_fingerprint(
        keras=make_keras(keras), tensorflow=make_tensorflow(tensorflow), packages=make_packages(**packages)
    )


@pytest.mark.parametrize(
    ("content", "name", "label"),
    [
        (ADDONS, "tensorflow-addons", "Addons>WeightNormalization 'norm'"),
        (HUB, "tensorflow-hub", "KerasLayer 'hub'"),
        (
            make_content(make_layer("QDense", module="qkeras.qlayers", name="q")),
            "qkeras",
            "QDense 'q'",
        ),
    ],
)
def test_a_package_that_the_model_asks_for_and_that_is_missing_is_told(
    content: Content, name: str, label: str
) -> None:
    said = say("EL350", make_comparison(current=reader(), content=content))

    assert said == [(name, f"{name} is not installed, and {label} is one of its classes")]


def test_a_package_is_told_once() -> None:
    twice = make_content(make_layer("Addons>GELU", name="a"), make_layer("Addons>GELU", name="b"))

    assert len(say("EL350", make_comparison(current=reader(), content=twice))) == 1


def test_an_optimizer_of_a_missing_package_is_avoided_by_not_compiling() -> None:
    compiled = make_content(
        make_layer("Dense", name="dense"),
        compile_config={"optimizer": {"class_name": "Addons>AdamW", "config": {}}},
    )

    found = list(providers.provider_missing.findings(make_comparison(current=reader(), content=compiled)))

    assert [(item.subject, item.avoided_by) for item in found] == [("tensorflow-addons", "compile=False")]


@pytest.mark.parametrize(
    "seen",
    [
        make_comparison(current=reader(tensorflow_addons="0.23.0"), content=ADDONS),
        make_comparison(current=make_fingerprint(packages=Unknown("not read")), content=ADDONS),
        make_comparison(current=reader(), content=make_content(make_layer("shop>Gate", name="gate"))),
        make_comparison(current=reader(), content=make_content(make_layer("Gate", module="hub", name="g"))),
        make_comparison(current=reader(), content=Content(config=Unknown("not read"))),
    ],
)
def test_a_package_that_is_there_or_not_asked_for_is_not_told(seen: Any) -> None:
    assert say("EL350", seen) == []


def test_a_package_for_keras_2_under_keras_3_is_told() -> None:
    target = reader("3.5.0", "2.17.0", tensorflow_hub="0.16.1")

    assert say("EL351", make_comparison(current=target, content=HUB)) == [
        ("tensorflow-hub", "KerasLayer 'hub' is of tensorflow-hub, which is for Keras 2 alone")
    ]


def test_a_package_for_keras_2_under_keras_2_is_not_told() -> None:
    assert say("EL351", make_comparison(current=reader(tensorflow_hub="0.16.1"), content=HUB)) == []


def test_addons_under_a_tensorflow_after_their_end_are_told() -> None:
    target = reader("2.16.0", "2.16.2", tensorflow_addons="0.23.0")

    assert say("EL352", make_comparison(current=target, content=ADDONS)) == [
        ("tensorflow-addons", "tensorflow-addons 0.23.0 does not work with TensorFlow 2.16.2")
    ]


def test_operations_of_another_tensorflow_are_told() -> None:
    seen = make_comparison(
        current=reader(tensorflow_text="2.17.0"),
        artifact=make_artifact("saved-model"),
        content=Content(ops={"MatMul": 1, "TFText>RoundRobinTrim": 1}),
    )

    assert say("EL352", seen) == [
        ("tensorflow-text", "tensorflow-text 2.17.0 does not work with TensorFlow 2.15.1")
    ]


@pytest.mark.parametrize(
    ("ops", "version"),
    [({"MatMul": 1}, "2.17.0"), ({"SentencepieceOp": 1}, "2.15.0"), ({"SentencepieceOp": 1}, None)],
)
def test_operations_that_are_not_used_or_of_the_same_tensorflow_are_not_told(
    ops: dict[str, int], version: str | None
) -> None:
    seen = make_comparison(current=reader(tensorflow_text=version), content=Content(ops=ops))

    assert say("EL352", seen) == []


def test_the_rows_are_sorted_and_no_name_stands_twice() -> None:
    names = [row.distribution for row in rows()]
    prefixes = [prefix for row in rows() for prefix in row.prefixes]
    modules = [module for row in rows() for module in row.modules]

    assert names == sorted(set(names))
    assert (len(prefixes), len(modules)) == (len(set(prefixes)), len(set(modules)))


@pytest.mark.parametrize("row", toml.loads(resources.text("knowledge/providers.toml"))["provider"])
def test_every_row_is_sourced_and_dated(row: dict[str, object]) -> None:
    assert str(row["source"]).startswith("https://")
    assert isinstance(row["checked"], date)


def test_operations_that_tensorflow_is_no_longer_built_with_are_told() -> None:
    content = make_content(ops={"TRTEngineOp": 1})
    reader = make_reading("3.5.0", "2.18.1", packages=(Package(name="tensorrt", version="8.6.1"),))
    seen = make_comparison(artifact=make_artifact("saved-model"), content=content, **reader)

    (found,) = [item for item in judge(seen) if item.code == "EL352"]

    assert found.message == "tensorrt 8.6.1 does not work with TensorFlow 2.18.1"
    assert found.error == "NotFoundError: Op type not registered"
