from __future__ import annotations

from typing import Any

import pytest
from judged import make_comparison, make_fingerprint, make_tensorflow, say

from envlock.facts import Cpu, Device, Fingerprint, Gpu, Package, System, Unknown

WHEEL_2_14 = ("sm_35", "sm_50", "sm_60", "sm_70", "sm_75", "compute_80")
WHEEL_2_20 = ("sm_60", "sm_70", "sm_80", "sm_89", "compute_90")


def card(capability: Any, **facts: Any) -> Fingerprint:
    """A machine with one card, and TensorFlow 2.20.0 for cards."""
    built = {
        "version": "2.20.0",
        "distribution": "tensorflow",
        "cuda": "12.5.1",
        "cudnn": "9",
        "compute_capabilities": WHEEL_2_20,
    }
    gpu = {"driver": "570.86.15", "cuda": "12.5.82", "cudnn": "9.3.0.75"}
    of_tensorflow = {key: value for key, value in facts.items() if key in built}
    of_gpu = {key.removeprefix("gpu_"): value for key, value in facts.items() if key.startswith("gpu_")}
    rest = {key: value for key, value in facts.items() if key in {"system", "variables", "packages"}}
    devices = (Device(name="a card", compute_capability=capability),)
    return make_fingerprint(
        gpu=Gpu(devices=devices, **gpu | of_gpu), tensorflow=make_tensorflow(**built | of_tensorflow), **rest
    )


def processor(*features: str, **facts: Any) -> Fingerprint:
    return make_fingerprint(cpu=Cpu(model="Celeron", features=features), **facts)


def test_a_processor_without_avx_is_told() -> None:
    assert say("EL330", make_comparison(current=processor("sse4_2"))) == [("cpu", "Celeron has no AVX")]


@pytest.mark.parametrize(
    "reader",
    [
        processor("avx", "sse4_2"),
        processor("avx2", "fma"),
        processor(),
        make_fingerprint(cpu=Cpu(model=None, features=Unknown("not read"))),
        processor("sse4_2", packages=(Package(name="tensorflow-cpu", version="2.17.0", wheel=None),)),
    ],
)
def test_a_processor_with_avx_or_that_is_not_known_is_not_told(reader: Fingerprint) -> None:
    assert say("EL330", make_comparison(current=reader)) == []


@pytest.mark.parametrize(("capability", "codes"), [("3.7", WHEEL_2_20), ("5.2", WHEEL_2_20)])
def test_a_card_older_than_the_build_is_noted(capability: str, codes: tuple[str, ...]) -> None:
    reader = card(capability, compute_capabilities=codes)

    assert say("EL331", make_comparison(current=reader)) == [
        ("gpu", f"TensorFlow was built for compute capability 6.0 and newer, a card has {capability}")
    ]


@pytest.mark.parametrize(
    ("capability", "codes"),
    [("3.7", WHEEL_2_14), ("7.5", WHEEL_2_20), ("8.6", WHEEL_2_20), (None, WHEEL_2_20), ("3.7", ())],
)
def test_a_card_that_the_build_has_code_for_is_not_noted(
    capability: str | None, codes: tuple[str, ...]
) -> None:
    seen = make_comparison(current=card(capability, compute_capabilities=codes))

    assert [say(code, seen) for code in ("EL331", "EL332", "EL333")] == [[], [], []]


@pytest.mark.parametrize(("capability", "codes"), [("9.0", WHEEL_2_20), ("8.0", WHEEL_2_14)])
def test_a_card_whose_kernels_are_compiled_first_is_noted(capability: str, codes: tuple[str, ...]) -> None:
    seen = make_comparison(current=card(capability, compute_capabilities=codes))

    assert say("EL332", seen) == [
        ("gpu", f"a card (compute capability {capability}) has no compiled kernels in this TensorFlow")
    ]
    assert say("EL333", seen) == []


def test_a_card_of_blackwell_is_told() -> None:
    said = say("EL333", make_comparison(current=card("12.0")))

    assert said == [("gpu", "this TensorFlow cannot use a card (compute capability 12.0)")]


@pytest.mark.parametrize(
    "facts",
    [
        {"variables": {"CUDA_VISIBLE_DEVICES": "-1"}},
        {"version": "2.22.0"},
        {"version": "2.17.0+nv25.2"},
        {"compute_capabilities": ("sm_90", "sm_120")},
    ],
)
def test_a_card_of_blackwell_that_is_hidden_or_known_is_not_told(facts: dict[str, Any]) -> None:
    assert say("EL333", make_comparison(current=card("12.0", **facts))) == []


def test_a_driver_too_old_for_the_build_is_told() -> None:
    said = say("EL334", make_comparison(current=card("8.0", gpu_driver="470.82.01")))

    assert said == [("gpu.driver", "CUDA 12.5.1 needs driver 525.60.13 or newer, the target has 470.82.01")]


@pytest.mark.parametrize(
    "facts",
    [
        {"gpu_driver": "525.60.13"},
        {"gpu_driver": None},
        {"gpu_driver": "470.82.01", "cuda": None},
        {"gpu_driver": "470.82.01", "cuda": "14.0"},
        {"gpu_driver": "470.82.01", "variables": {"CUDA_VISIBLE_DEVICES": ""}},
        {"gpu_driver": "470.82.01", "system": Unknown("not read")},
    ],
)
def test_a_driver_that_serves_the_build_or_is_not_known_is_not_told(facts: dict[str, Any]) -> None:
    assert say("EL334", make_comparison(current=card("8.0", **facts))) == []


def test_libraries_of_another_number_are_noted() -> None:
    said = say("EL335", make_comparison(current=card("8.0", gpu_cuda="11.8.89", gpu_cudnn="8.9.7.29")))

    assert said == [
        ("gpu.cuda", "TensorFlow was built against CUDA 12.5.1, the target has 11.8.89"),
        ("gpu.cudnn", "TensorFlow was built against cuDNN 9, the target has 8.9.7.29"),
    ]


def test_libraries_of_the_same_number_are_not_noted() -> None:
    assert say("EL335", make_comparison(current=card("8.0"))) == []


def test_a_card_on_windows_is_noted() -> None:
    windows = System(os="Windows", machine="AMD64", kernel="10", distribution=None, libc=None)

    assert say("EL336", make_comparison(current=card("8.0", system=windows))) == [
        ("gpu", "a card is not used on Windows")
    ]


def test_a_card_on_windows_is_used_by_tensorflow_2_10() -> None:
    windows = System(os="Windows", machine="AMD64", kernel="10", distribution=None, libc=None)

    assert say("EL336", make_comparison(current=card("8.0", system=windows, version="2.10.1"))) == []


@pytest.mark.parametrize(("cudnn", "loaded"), [("9.1.0.70", None), ("9.3.0.75", "9.1.0")])
def test_a_cudnn_older_than_that_of_the_build_is_told(cudnn: str, loaded: str | None) -> None:
    reader = card("8.0", gpu_cudnn=cudnn, gpu_cudnn_loaded=loaded)

    assert say("EL337", make_comparison(current=reader)) == [
        (
            "gpu.cudnn",
            f"TensorFlow was built against cuDNN 9.3, the target has {loaded or cudnn}",
        )
    ]


@pytest.mark.parametrize(
    "reader",
    [
        card("8.0"),
        card("8.0", gpu_cudnn="9.5.0.50"),
        card("8.0", gpu_cudnn="8.9.7.29"),
        card("8.0", gpu_cudnn=None),
        card("8.0", gpu_cudnn="9.1.0.70", gpu_cudnn_loaded="9.1.0, 9.3.0"),
        card("8.0", gpu_cudnn="9.1.0.70", variables={"CUDA_VISIBLE_DEVICES": "-1"}),
        card("8.0", gpu_cudnn="9.1.0.70", distribution="tensorflow-cpu", cuda=None),
        card("8.0", gpu_cudnn="9.1.0.70", version="2.22.0"),
        card("8.0", gpu_cudnn="9.1.0.70", version="1.15.5"),
    ],
)
def test_a_cudnn_that_serves_or_is_not_known_is_not_told(reader: Fingerprint) -> None:
    assert say("EL337", make_comparison(current=reader)) == []
