from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from envlock import resources
from envlock.knowledge.releases import COMPUTED, REQUIRED, KerasApi, KerasClass, keras

DATA = resources.package_folder() / "knowledge" / "data"
LARGEST = 700_000
FAMILIES = {"keras-3": "keras", "keras-2": "keras", "tf-keras": "tf-keras", "tensorflow": "tensorflow"}


def api(provider: str, *release: int) -> KerasApi:
    found = keras(provider, release)
    assert found is not None
    return found


def public(path: str, provider: str, *release: int) -> KerasClass:
    held = api(provider, *release)
    found = held.cls(held.public(path) or "")
    assert found is not None
    return found


def headers() -> dict[str, Any]:
    return {name: json.loads((DATA / f"{name}.tables").read_bytes().partition(b"\n")[0]) for name in FAMILIES}


def every_release() -> list[tuple[str, tuple[int, ...]]]:
    return [
        (header["provider"], tuple(int(part) for part in version.split(".")))
        for header in headers().values()
        for version in header["releases"]
    ]


def test_every_table_says_where_it_comes_from() -> None:
    for name, header in headers().items():
        assert header["provider"] == FAMILIES[name]
        assert len(header["sources"]) == len(header["releases"])
        assert header["date"]
        assert "nothing imported" in header["made"]


def test_the_tables_stay_small() -> None:
    assert sum(path.stat().st_size for path in DATA.iterdir()) < LARGEST


def test_all_releases_of_keras_3_and_of_keras_2_from_2_6_are_there() -> None:
    found = headers()

    assert {version.rpartition(".")[0] for version in found["keras-3"]["releases"]} == {
        f"3.{n}" for n in range(16)
    }
    assert {version.rpartition(".")[0] for version in found["keras-2"]["releases"]} == {
        f"2.{n}" for n in range(6, 16)
    }


@pytest.mark.parametrize(("provider", "release"), every_release())
def test_a_table_holds_what_every_keras_has(provider: str, release: tuple[int, ...]) -> None:
    held = api(provider, *release)

    dense = held.cls(held.public("keras.layers.Dense") or "")

    assert held.is_exact
    assert dense is not None
    assert dense.accepts["units"] is REQUIRED
    assert dense.accepts["use_bias"] is True
    assert dense.mro[:2] == ("Dense", "Layer")
    assert not dense.is_open
    assert "{key}" in dense.refusal
    assert dense.requires == {"units"}
    assert {"get_config", "build", "call"} <= dense.defines
    assert dense.signatures["build"] == ("input_shape",)
    assert held.lookup("layer", "Dense") == dense.name
    assert held.member(dense.name.rpartition(".")[0], "Dense") == dense.name
    assert held.lookup("activation", "relu")
    assert held.lookup("initializer", "GlorotUniform") == held.lookup("initializer", "glorot_uniform")
    assert held.lookup("loss", "mse")
    assert held.lookup("metric", "MeanSquaredError")
    assert held.lookup("optimizer", "adam")
    assert held.lookup("regularizer", "L1L2")
    assert held.lookup("constraint", "MaxNorm")
    assert held.lookup("schedule", "ExponentialDecay")
    if release[0] == 2 or release >= (3, 3):
        assert held.lookup("policy", "DTypePolicy" if release[0] == 3 else "Policy")


@pytest.mark.parametrize(
    ("path", "key", "provider", "without", "with_it"),
    [
        ("keras.layers.Dense", "quantization_config", "keras", (3, 3, 3), (3, 15, 1)),
        ("keras.layers.BatchNormalization", "renorm", "keras", (3, 13, 2), (3, 14, 0)),
        ("keras.layers.GRU", "time_major", "keras", (3, 7, 0), (2, 15, 0)),
        ("keras.layers.InputLayer", "optional", "tf-keras", (2, 16, 0), (2, 21, 0)),
        ("keras.layers.DepthwiseConv2D", "groups", "keras", (3, 3, 3), (2, 15, 0)),
    ],
)
def test_a_key_is_known_from_the_release_that_brought_it(
    path: str, key: str, provider: str, without: tuple[int, ...], with_it: tuple[int, ...]
) -> None:
    assert key not in public(path, provider, *without).accepts
    assert key in public(path, provider, *with_it).accepts


def test_a_constructor_that_swallows_everything_is_open() -> None:
    assert public("keras.layers.InputLayer", "keras", 3, 7, 0).is_open
    assert not public("keras.layers.InputLayer", "keras", 2, 15, 0).is_open


def test_what_a_subclass_sets_itself_cannot_be_given_again() -> None:
    assert "rank" not in public("keras.layers.Conv2D", "keras", 2, 15, 0).accepts


def test_values_handed_on_by_position_are_no_keys() -> None:
    assert "cell" not in public("keras.layers.GRU", "keras", 2, 15, 0).accepts


def test_keys_that_a_helper_pops_are_accepted_and_those_that_it_refuses_are_not() -> None:
    adam = public("keras.optimizers.Adam", "keras", 2, 15, 0)

    assert "is_legacy_optimizer" in adam.accepts
    assert "decay" not in adam.accepts


def test_what_from_config_takes_out_and_needs_is_told_apart() -> None:
    attention = public("keras.layers.MultiHeadAttention", "keras", 2, 12, 0)
    function = public("keras.layers.Lambda", "keras", 2, 15, 0)

    assert attention.removes >= {"query_shape", "key_shape", "value_shape"}
    assert attention.requires >= {"query_shape", "key_shape", "value_shape", "num_heads"}
    assert function.removes >= {"module", "function_type", "output_shape_type"}
    assert function.requires == {"function", "function_type", "output_shape", "output_shape_type"}


def test_a_default_is_a_value_or_says_why_not() -> None:
    accepts = public("keras.layers.Dense", "keras", 2, 15, 0).accepts

    assert accepts["kernel_initializer"] == "glorot_uniform"
    assert accepts["implementation"] is COMPUTED


def test_the_optimizers_of_keras_2_have_two_dictionaries() -> None:
    held = api("keras", 2, 15, 0)

    assert held.lookup("optimizer", "adam") == "keras.src.optimizers.adam.Adam"
    assert held.lookup("legacy optimizer", "adam") == "keras.src.optimizers.legacy.adam.Adam"


def test_aliases_are_found_and_strangers_are_not() -> None:
    held = api("keras", 3, 7, 0)

    assert held.public("keras.layers.Convolution2D") == held.public("keras.layers.Conv2D")
    assert held.public("keras.layers.Nobody") is None
    assert held.public("Dense") is None
    assert held.member("keras.layers", "Dense") == "keras.src.layers.core.dense.Dense"
    assert held.member("nowhere", "Dense") is None
    assert held.lookup("layer", "Nobody") is None
    assert held.lookup("nothing", "Dense") is None
    assert held.cls("keras.src.layers.Nobody") is None


def test_a_function_is_no_class() -> None:
    held = api("keras", 3, 7, 0)

    assert held.cls(held.public("keras.activations.relu") or "") is None


@pytest.mark.parametrize(
    ("module", "release", "is_there"),
    [
        ("keras.engine.functional", (2, 12, 0), True),
        ("keras.engine.functional", (2, 13, 1), False),
        ("keras.src.engine.functional", (2, 13, 1), True),
        ("keras.src.models.functional", (3, 3, 0), True),
        ("keras.layers", (3, 3, 3), True),
        ("keras.layers", (3, 15, 1), True),
        ("keras.quantizers", (3, 0, 0), False),
    ],
)
def test_modules_are_those_of_the_release(module: str, release: tuple[int, ...], is_there: bool) -> None:
    assert api("keras", *release).has_module(module) is is_there


@pytest.mark.parametrize(
    ("provider", "release", "nearest"),
    [
        ("keras", (3, 3, 9), "3.3.3"),
        ("keras", (3, 99, 0), "3.15.1"),
        ("keras", (3, 7), "3.7.0"),
        ("keras", (2, 5, 0), "2.6.0"),
        ("keras", (2, 99), "2.15.0"),
        ("tf-keras", (2, 17, 9), "2.17.0"),
        ("tensorflow", (2, 4, 1), "2.4.0"),
    ],
)
def test_an_unknown_release_is_judged_by_its_nearest(
    provider: str, release: tuple[int, ...], nearest: str
) -> None:
    held = api(provider, *release)

    assert held.version == nearest
    assert held.is_exact is ((*release, 0)[:3] == tuple(int(part) for part in nearest.split(".")))


@pytest.mark.parametrize(
    ("provider", "release"), [("keras", (1, 2, 2)), ("keras", ()), ("torch", (2, 0)), ("keras", (4,))]
)
def test_no_generation_stands_in_for_another(provider: str, release: tuple[int, ...]) -> None:
    assert keras(provider, release) is None


def test_a_release_opens_in_no_time(tmp_path: Path) -> None:
    program = (
        "import time\n"
        "from envlock.knowledge import operations\n"
        "from envlock.knowledge.releases import keras\n"
        "def opened():\n"
        "    start = time.process_time(); api = keras('keras', (3, 7, 0))\n"
        "    api.cls(api.public('keras.layers.Dense')); api.lookup('layer', 'Dense')\n"
        "    operations.tensorflow((2, 18, 0)).has('MatMul')\n"
        "    return time.process_time() - start\n"
        "print(opened())"
    )
    best = min(
        float(
            subprocess.run(
                [sys.executable, "-c", program],
                cwd=tmp_path,
                capture_output=True,
                check=True,
                env={"PYTHONPATH": str(resources.package_folder().parent)},
            ).stdout
        )
        for _ in range(5)
    )

    assert best < 0.02  # both tables together; 8 ms on a quiet machine
