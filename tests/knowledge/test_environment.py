from __future__ import annotations

from dataclasses import replace

import pytest
from judged import (
    PACKAGES,
    make_artifact,
    make_comparison,
    make_fingerprint,
    make_keras,
    make_packages,
    make_reading,
    say,
)

from envlock.facts import Device, Fingerprint, Gpu, Package, Python, Unknown


def card(*devices: str) -> Fingerprint:
    cards = tuple(Device(name=name) for name in devices)
    return make_fingerprint(gpu=Gpu(driver=None, devices=cards, cuda=None, cudnn=None))


def test_a_target_without_tensorflow_is_told() -> None:
    said = say("EL301", make_comparison(**make_reading(None, None)))

    assert said == [("tensorflow", "TensorFlow is not installed in the target")]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["tensorfow"], "it names tensorfow: did you mean tensorflow?"),
        (["numpy", "kears"], "it names kears: did you mean keras?"),
        (["torch"], "it names torch"),
        (["a", "b", "c", "d", "e"], "it names a, b, c, d and 1 more"),
    ],
)
def test_what_a_list_names_instead_of_tensorflow_is_told(names: list[str], told: str) -> None:
    packages = tuple(Package(name=name, version="1.0") for name in names)

    said = say("EL301", make_comparison(**make_reading(None, None, packages=packages)))

    assert said == [("tensorflow", f"TensorFlow is not installed in the target, nor Keras; {told}")]


def test_a_target_with_tensorflow_but_without_keras_is_told() -> None:
    said = say("EL301", make_comparison(**make_reading(None)))

    assert said == [("keras", "Keras is not installed in the target")]


def test_a_saved_model_needs_no_keras() -> None:
    seen = make_comparison(artifact=make_artifact("saved-model"), **make_reading(None))

    assert say("EL301", seen) == []


def test_another_backend_needs_no_tensorflow() -> None:
    reader = make_fingerprint(tensorflow=None, keras=make_keras(backend="jax"))

    assert say("EL301", make_comparison(current=reader)) == []


def test_a_saved_model_needs_tensorflow_under_any_backend() -> None:
    reader = make_fingerprint(tensorflow=None, keras=make_keras(backend="jax"))

    said = say("EL301", make_comparison(artifact=make_artifact("saved-model"), current=reader))

    assert said == [("tensorflow", "TensorFlow is not installed in the target")]


def test_nothing_is_said_of_a_tensorflow_that_could_not_be_looked_for() -> None:
    reader = make_fingerprint(tensorflow=Unknown("the list does not say"))

    assert say("EL301", make_comparison(current=reader)) == []


def test_another_backend_is_told() -> None:
    reader = make_fingerprint(keras=make_keras(backend="jax"))

    said = say("EL302", make_comparison(current=reader))

    assert said == [("keras.backend", "the model was saved on tensorflow, the target runs Keras on jax")]


def test_the_same_backend_is_not_told() -> None:
    assert say("EL302", make_comparison()) == []


def test_other_defaults_of_keras_are_told() -> None:
    keras = make_keras(floatx="float16", image_data_format="channels_first", epsilon=1e-6)

    locked = make_fingerprint(keras=make_keras(epsilon=1e-7))

    said = say("EL303", make_comparison(locked=locked, current=make_fingerprint(keras=keras)))

    assert said == [
        ("keras.epsilon", "epsilon was 1e-07, the target has 1e-06"),
        ("keras.floatx", "floatx was float32, the target has float16"),
        ("keras.image-data-format", "image-data-format was channels_last, the target has channels_first"),
    ]


def test_the_same_defaults_of_keras_are_not_told() -> None:
    keras = make_keras(dtype_policy="mixed_float16")

    assert say("EL303", make_comparison(current=make_fingerprint(keras=keras))) == []


def test_variables_that_change_arithmetic_are_told() -> None:
    locked = make_fingerprint(variables={"TF_ENABLE_ONEDNN_OPTS": "0", "NVIDIA_TF32_OVERRIDE": "0"})
    current = make_fingerprint(variables={"NVIDIA_TF32_OVERRIDE": "1"})

    said = say("EL304", make_comparison(locked=locked, current=current))

    assert said == [
        ("NVIDIA_TF32_OVERRIDE", "NVIDIA_TF32_OVERRIDE was 0, in the target it is 1"),
        ("TF_ENABLE_ONEDNN_OPTS", "TF_ENABLE_ONEDNN_OPTS was 0, in the target it is not set"),
    ]


def test_variables_that_change_no_arithmetic_are_not_told() -> None:
    current = make_fingerprint(variables={"OMP_NUM_THREADS": "4"})

    assert say("EL304", make_comparison(current=current)) == []


def test_a_target_without_the_graphics_card_is_told() -> None:
    said = say("EL305", make_comparison(locked=card("A100", "A100")))

    assert said == [("gpu", "the model was saved with A100, A100, the target has none")]


def test_a_target_with_a_graphics_card_is_told_where_there_was_none() -> None:
    said = say("EL305", make_comparison(current=card("A100")))

    assert said == [("gpu", "the model was saved with no GPU, the target has A100")]


def test_another_graphics_card_is_still_a_graphics_card() -> None:
    assert say("EL305", make_comparison(locked=card("A100"), current=card("H200"))) == []


def test_nothing_is_said_of_cards_that_could_not_be_looked_for() -> None:
    current = make_fingerprint(gpu=Unknown("the list does not say"))

    assert say("EL305", make_comparison(locked=card("A100"), current=current)) == []


def test_several_tensorflows_over_each_other_are_told() -> None:
    current = make_fingerprint(packages=make_packages(tensorflow="2.16.1"))

    said = say("EL306", make_comparison(current=current))

    assert said == [("tensorflow", "the target has tensorflow and tensorflow-cpu installed over each other")]


def test_nothing_is_said_of_tensorflows_where_packages_are_not_known() -> None:
    current = make_fingerprint(packages=Unknown("the list does not say"))

    assert say("EL306", make_comparison(current=current)) == []


def test_one_tensorflow_is_enough() -> None:
    assert say("EL306", make_comparison()) == []


def test_another_version_of_the_runtime_is_noted() -> None:
    current = make_fingerprint(packages=make_packages(absl_py="2.2.0"))

    said = say("EL310", make_comparison(current=current))

    assert said == [("absl-py", "absl-py was 2.1.0, the target has 2.2.0")]


def test_a_package_that_the_model_does_not_use_is_not_of_its_runtime() -> None:
    current = make_fingerprint(packages=make_packages(flask="3.1.0"))

    assert say("EL310", make_comparison(current=current)) == []


def test_a_package_that_the_model_does_not_use_is_noted_apart() -> None:
    current = make_fingerprint(packages=make_packages(flask="3.1.0", absl_py="2.2.0", pandas="2.2.0"))

    said = say("EL311", make_comparison(current=current))

    assert said == [
        ("flask", "flask was 3.0.3, the target has 3.1.0"),
        ("pandas", "pandas was not there, the target has 2.2.0"),
    ]


def test_the_same_packages_are_not_noted() -> None:
    assert say("EL311", make_comparison()) == []


def test_a_package_that_only_envlock_needs_is_not_noted() -> None:
    current = make_fingerprint(packages=make_packages(envlock_tf="9.9.9"))

    said = [say(code, make_comparison(current=current)) for code in ("EL310", "EL311", "EL312")]

    assert said == [[], [], []]


def test_other_surroundings_are_noted() -> None:
    locked = make_fingerprint()
    current = replace(
        card("A100"),
        python=Python(version="3.12.1", implementation="cpython"),
        variables={"OMP_NUM_THREADS": "4"},
    )

    said = say("EL312", make_comparison(locked=locked, current=current))

    assert said == [
        ("gpu.devices", "gpu.devices was none, the target has A100"),
        ("python.version", "python.version was 3.11.7, the target has 3.12.1"),
        ("variables.OMP_NUM_THREADS", "variables.OMP_NUM_THREADS was none, the target has 4"),
    ]


@pytest.mark.parametrize(
    "current",
    [
        make_fingerprint(keras=make_keras(backend="jax", floatx="float16")),
        make_fingerprint(variables={"NVIDIA_TF32_OVERRIDE": "1"}),
        make_fingerprint(packages=(*PACKAGES, Package(name="zoo", version="1"))),
    ],
    ids=["keras", "variable", "package"],
)
def test_what_another_rule_judges_is_not_noted_again(current: Fingerprint) -> None:
    assert say("EL312", make_comparison(current=current)) == []
