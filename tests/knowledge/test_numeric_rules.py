from __future__ import annotations

from typing import Any

import pytest
from judged import make_comparison, make_custom_object, make_fingerprint, make_tensorflow, say

from envlock.facts import Cpu, Device, Fingerprint, Gpu, Numpy, Unknown


def card(capability: Any, **variables: str) -> Fingerprint:
    devices = (Device(name="a card", compute_capability=capability),)
    return make_fingerprint(
        gpu=Gpu(driver=None, devices=devices, cuda=None, cudnn=None),
        tensorflow=make_tensorflow(cuda="12.3", cudnn="8"),
        variables=variables,
    )


def of(version: Any, **facts: Any) -> Fingerprint:
    return make_fingerprint(tensorflow=make_tensorflow(version), **facts)


@pytest.mark.parametrize(("before", "after"), [("2.8.4", "2.9.0"), ("2.15.1", "2.4.4")])
def test_a_default_of_onednn_is_noted(before: str, after: str) -> None:
    assert say("EL340", make_comparison(locked=of(before), current=of(after))) == [
        (
            "TF_ENABLE_ONEDNN_OPTS",
            "one of the two TensorFlows computes with oneDNN by default and the other does not",
        )
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (of("2.9.0"), of("2.15.1")),
        (of("2.4.4"), of("2.8.4")),
        (of("2.8.4"), of("2.9.0", variables={"TF_ENABLE_ONEDNN_OPTS": "0"})),
        (of("2.8.4"), of("2.9.0", system=Unknown("the list does not say"))),
        (of(Unknown("not known")), of("2.9.0")),
        (of("2.8.4"), of(Unknown("not known"))),
    ],
)
def test_the_same_default_of_onednn_is_not_noted(before: Fingerprint, after: Fingerprint) -> None:
    assert say("EL340", make_comparison(locked=before, current=after)) == []


def test_tensor_float_32_on_one_side_is_told() -> None:
    there = say("EL341", make_comparison(locked=card("7.5"), current=card("8.0")))
    back = say("EL341", make_comparison(locked=card("8.0"), current=card("7.5")))

    with_and_without = "on a card with TensorFloat-32, {} on one without"
    assert there == [("gpu", f"the target computes {with_and_without.format('the model was saved')}")]
    assert back == [("gpu", f"the model was saved {with_and_without.format('the target computes')}")]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (card("7.0"), card("7.5")),
        (card("8.0"), card("9.0")),
        (card("7.5"), card("8.0", NVIDIA_TF32_OVERRIDE="0")),
        (card("7.5"), card(None)),
        (card("7.5"), make_fingerprint()),
        (make_fingerprint(), card("8.0")),
        (card("7.5"), make_fingerprint(gpu=Unknown("the list does not say"))),
    ],
)
def test_tensor_float_32_on_both_sides_or_none_is_not_told(before: Fingerprint, after: Fingerprint) -> None:
    assert say("EL341", make_comparison(locked=before, current=after)) == []


def with_numpy(version: Any) -> Fingerprint:
    return make_fingerprint(numpy=Numpy(version=version, blas=None))


def test_another_promotion_of_numbers_is_noted_where_own_code_uses_numpy() -> None:
    own = (make_custom_object(imports=("numpy",)),)

    seen = make_comparison(locked=with_numpy("1.26.4"), current=with_numpy("2.0.0rc1"), custom_objects=own)

    assert say("EL342", seen) == [
        ("numpy", "Gate uses NumPy, and one side has NumPy 1 and the other NumPy 2")
    ]


@pytest.mark.parametrize(
    ("before", "after", "imports"),
    [
        ("1.26.4", "2.0.0", ()),
        ("1.26.4", "1.24.0", ("numpy",)),
        ("2.0.0", "2.4.6", ("numpy",)),
        ("1.26.4", Unknown("not read"), ("numpy",)),
    ],
)
def test_numbers_that_are_promoted_as_before_are_not_noted(
    before: Any, after: Any, imports: tuple[str, ...]
) -> None:
    own = (make_custom_object(imports=imports),)

    seen = make_comparison(locked=with_numpy(before), current=with_numpy(after), custom_objects=own)

    assert say("EL342", seen) == []


def with_features(features: Any) -> Fingerprint:
    return make_fingerprint(cpu=Cpu(model=None, features=features))


def test_a_processor_with_other_instructions_is_noted_once() -> None:
    seen = make_comparison(
        locked=with_features(("amx_bf16", "avx2")), current=with_features(("avx2", "avx512f"))
    )

    assert say("EL343", seen) == [
        (
            "cpu",
            "the target's processor lacks amx_bf16 and has avx512f, unlike the one the model was saved on",
        )
    ]
    assert [path for path, _ in say("EL312", seen)] == []


@pytest.mark.parametrize("features", [("avx2",), Unknown("not read")])
def test_a_processor_with_the_same_instructions_is_not_noted(features: Any) -> None:
    assert (
        say("EL343", make_comparison(locked=with_features(("avx2",)), current=with_features(features))) == []
    )
