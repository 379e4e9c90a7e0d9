from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from judged import (
    make_artifact,
    make_comparison,
    make_content,
    make_fingerprint,
    make_input,
    make_keras,
    make_layer,
    make_reading,
    make_tensorflow,
    say,
)

from envlock import resources, targets, toml
from envlock.facts import KERAS_LOADER, SAVED_MODEL_LOADER, WEIGHTS_LOADER, Package, Unknown
from envlock.knowledge import packages
from envlock.knowledge.boundaries import conflicts
from envlock.knowledge.rule import Comparison

ENVIRONMENTS = json.loads((Path(__file__).parent / "environments.json").read_text(encoding="utf-8"))
RECURRENT = make_content(make_layer("LSTM", name="lstm", units=3))
PURE = "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION=python"
LEGACY = "TF_USE_LEGACY_KERAS=1"

# What was run on 2026-11-21: an environment, what was laid over it, and the rule that tells how it failed,
# empty where an LSTM and others were loaded from HDF5 and predicted.
RUNS = (
    ("tf2.4", "gast==0.6.0", ""),
    ("tf2.4", "h5py==3.1.0", "EL323"),
    ("tf2.4", "h5py==3.11.0", "EL323"),
    ("tf2.4", "numpy==1.20.3", "EL323"),
    ("tf2.4", "numpy==1.23.5", "EL323"),
    ("tf2.4", "numpy==1.24.4", "EL322"),
    ("tf2.4", "protobuf==3.20.3", ""),
    ("tf2.4", "protobuf==4.21.12", "EL322"),
    ("tf2.4", f"protobuf==4.21.12,{PURE}", ""),
    ("tf2.4", "protobuf==5.29.5", "EL322"),
    ("tf2.4", "typing-extensions==4.13.2", ""),
    ("tf2.4", "wrapt==1.17.3", ""),
    ("tf2.8", "keras==2.6.0", ""),
    ("tf2.8", "keras==2.7.0", ""),
    ("tf2.8", "keras==2.9.0", "EL324"),
    ("tf2.8", "keras==2.10.0", "EL324"),
    ("tf2.8", "numpy==2.0.2", "EL322"),
    ("tf2.8", "protobuf==3.20.3", ""),
    ("tf2.8", "protobuf==4.21.12", "EL322"),
    ("tf2.8", f"protobuf==4.21.12,{PURE}", ""),
    ("tf2.8", f"protobuf==4.25.8,{PURE}", "EL323"),
    ("tf2.10", "gast==0.7.0", ""),
    ("tf2.10", "keras==2.8.0", "EL324"),
    ("tf2.10", "keras==2.9.0", ""),
    ("tf2.10", "keras==2.11.0", "EL324"),
    ("tf2.10", "numpy==2.0.2", "EL322"),
    ("tf2.10", "protobuf==3.20.3", ""),
    ("tf2.10", f"protobuf==4.25.8,{PURE}", "EL323"),
    ("tf2.12", "keras==2.10.0", "EL324"),
    ("tf2.12", "keras==2.11.0", "EL324"),
    ("tf2.12", "keras==2.13.1", "EL324"),
    ("tf2.12", "numpy==1.26.4", ""),
    ("tf2.12", "numpy==2.0.2", "EL322"),
    ("tf2.12", "protobuf==3.19.6", "EL322"),
    ("tf2.12", "protobuf==3.20.3", ""),
    ("tf2.12", "protobuf==6.33.0", ""),
    ("tf2.12", "wrapt==2.5.2", ""),
    ("tf2.13", "keras==2.12.0", "EL324"),
    ("tf2.13", "keras==2.14.0", ""),
    ("tf2.13", "numpy==1.26.4", ""),
    ("tf2.13", "numpy==2.0.2", "EL322"),
    ("tf2.13", "typing-extensions==4.16.0", ""),
    ("tf2.14", "keras==2.13.1", ""),
    ("tf2.14", "keras==2.15.0", ""),
    ("tf2.14", "ml-dtypes==0.3.2", "EL322"),
    ("tf2.14", "ml-dtypes==0.5.4", "EL322"),
    ("tf2.14", "protobuf==3.19.6", "EL322"),
    ("tf2.14", "protobuf==6.33.0", ""),
    ("tf2.15", "keras==2.12.0", "EL324"),
    ("tf2.15", "keras==2.14.0", ""),
    ("tf2.15", "ml-dtypes==0.2.0", ""),
    ("tf2.15", "ml-dtypes==0.5.4", ""),
    ("tf2.15", "numpy==2.0.2", "EL322"),
    ("tf2.15", "protobuf==7.36.2", ""),
    ("tf2.15", LEGACY, "EL326"),
    ("tf2.15", f"tf-keras==2.18.0,{LEGACY}", "EL324"),
    ("tf2.16+k3.3", "h5py==3.9.0", ""),
    ("tf2.16+k3.3", "keras==2.15.0", "EL324"),
    ("tf2.16+k3.3", "keras==3.15.1", ""),
    ("tf2.16+k3.3", "ml-dtypes==0.5.4", ""),
    ("tf2.16+k3.3", "numpy==2.0.2", "EL322"),
    ("tf2.16+k3.3", "protobuf==3.20.3", ""),
    ("tf2.16+k3.3", LEGACY, "EL326"),
    ("tf2.16+tfk2.16", "tf-keras==2.17.0", ""),
    ("tf2.16+tfk2.16", "tf-keras==2.20.1", "EL324"),
    ("tf2.16+tfk2.16", "tf-keras==2.21.0", "EL324"),
    ("tf2.17+k3.5", "numpy==2.0.2", "EL322"),
    ("tf2.17+k3.5", "protobuf==7.36.2", ""),
    ("tf2.18+k3.7", "h5py==3.10.0", "EL322"),
    ("tf2.18+k3.7", "ml-dtypes==0.3.2", "EL322"),
    ("tf2.18+k3.7", "ml-dtypes==0.4.1", ""),
    ("tf2.18+k3.7", "numpy==1.24.4", "EL322"),
    ("tf2.18+k3.7", "numpy==1.26.4", ""),
    ("tf2.18+k3.7", "numpy==2.4.6", ""),
    ("tf2.18+k3.7", f"tf-keras==2.21.0,{LEGACY}", "EL324"),
    ("tf2.19+k3.9", "protobuf==3.20.3", ""),
    ("tf2.19+k3.9", "protobuf==7.36.2", ""),
    ("tf2.20+k3.11", "ml-dtypes==0.4.1", "EL322"),
    ("tf2.20+k3.11", "ml-dtypes==0.5.0", ""),
    ("tf2.20+k3.11", "numpy==1.24.4", "EL322"),
    ("tf2.20+k3.11", "numpy==1.26.4", ""),
    ("tf2.20+k3.11", "protobuf==4.25.8", "EL322"),
    ("tf2.20+k3.11", "protobuf==5.28.0", "EL322"),
    ("tf2.20+k3.11", "protobuf==5.28.3", ""),
    ("tf2.21+k3.15", "h5py==3.16.0", ""),
    ("tf2.21+k3.15", "keras==2.15.0", "EL324"),
    ("tf2.21+k3.15", "ml-dtypes==0.4.1", "EL322"),
    ("tf2.21+k3.15", "ml-dtypes==0.5.0", ""),
    ("tf2.21+k3.15", "numpy==1.25.2", ""),
    ("tf2.21+k3.15", "protobuf==5.29.5", "EL322"),
    ("tf2.21+k3.15", "protobuf==6.31.0", "EL322"),
    ("tf2.21+k3.15", "protobuf==6.31.1", ""),
    ("tf2.21+k3.15", "KERAS_BACKEND=jax", "EL327"),
)


def over(environment: str, laid: str, **facts: object) -> Comparison:
    """An environment with something laid over it, as a list names it, and a file of a recurrent model."""
    row = ENVIRONMENTS[environment]
    pins = dict(item.split("==") for item in row["packages"].split()) | {"python": row["python"]}
    variables = dict(row["variables"])
    for item in laid.split(","):
        name, _, value = item.partition("==")
        if value:
            pins[name] = value
        else:
            variables |= dict([item.split("=", 1)])
    entries = [*(f"{name}=={value}" for name, value in pins.items()), *map("=".join, variables.items())]
    locked = make_fingerprint(packages=())
    given = {"artifact": make_artifact("hdf5"), "content": RECURRENT} | facts
    return make_comparison(
        locked=locked, current=targets.target(",".join(entries), locked).fingerprint, **given
    )


def errors(seen: Comparison) -> set[str]:
    found = [item for rule in packages.RULES for item in rule.findings(seen)]
    return {item.code for item in found if item.code != "EL325"}


@pytest.mark.parametrize(("environment", "laid", "code"), RUNS)
def test_what_was_run_is_told_as_it_went(environment: str, laid: str, code: str) -> None:
    assert errors(over(environment, laid)) == ({code} if code else set())


def test_the_rows_are_sorted() -> None:
    order = [(row.code, row.package, row.since, row.until, row.tensorflow) for row in conflicts()]

    assert sorted(order, key=lambda item: item[:2]) == order


@pytest.mark.parametrize("row", toml.loads(resources.text("knowledge/packages.toml"))["conflict"])
def test_every_row_is_sourced_dated_and_says_what_was_run(row: dict[str, object]) -> None:
    assert str(row["source"]).startswith("https://")
    assert isinstance(row["checked"], date)
    assert row["at"] in {"import", "keras", "load"}
    assert row["run"]


def test_a_package_that_tensorflow_is_not_built_for_is_told() -> None:
    said = say("EL322", over("tf2.15", "numpy==2.0.2"))

    pair = "NumPy 2.0.2 and TensorFlow 2.15.1 do not go together"
    assert said == [("numpy", f"{pair}: TensorFlow before 2.18 is built for NumPy 1")]


def test_what_python_would_say_is_told() -> None:
    found = list(
        packages.package_that_tensorflow_cannot_be_imported_with.findings(over("tf2.15", "numpy==2.0.2"))
    )

    assert [item.error for item in found] == ["ImportError: numpy.core.umath failed to import"]


def test_an_import_that_fails_stops_every_loader() -> None:
    found = list(
        packages.package_that_tensorflow_cannot_be_imported_with.findings(over("tf2.15", "numpy==2.0.2"))
    )

    assert [item.loaders for item in found] == [(KERAS_LOADER, SAVED_MODEL_LOADER, WEIGHTS_LOADER)]


def test_keras_alone_does_not_stop_a_saved_model() -> None:
    found = list(packages.keras_of_another_tensorflow.findings(over("tf2.8", "keras==2.9.0")))

    assert [item.loaders for item in found] == [(KERAS_LOADER, WEIGHTS_LOADER)]


def test_a_model_without_recurrent_layers_does_not_mind_numpy_1_20() -> None:
    dense = make_content(make_layer("Dense", name="dense"))

    assert say("EL323", over("tf2.4", "numpy==1.20.3", content=dense)) == []


def test_a_saved_model_does_not_mind_h5py() -> None:
    assert say("EL323", over("tf2.4", "h5py==3.1.0", artifact=make_artifact("saved-model"))) == []


@pytest.mark.parametrize("version", ["2.15.1+nv24.01", Unknown("the list does not pin it")])
def test_nothing_of_wheels_is_said_of_another_build(version: object) -> None:
    reader = make_fingerprint(
        tensorflow=make_tensorflow(version), packages=(Package(name="numpy", version="2.0.2"),)
    )

    assert say("EL322", make_comparison(current=reader)) == []


def test_a_tensorflow_of_conda_is_not_judged_by_the_wheels() -> None:
    own = Package(name="tensorflow-cpu", version="2.15.1", wheel=None)
    reader = make_fingerprint(
        tensorflow=make_tensorflow("2.15.1"), packages=(Package(name="numpy", version="2.0.2"), own)
    )

    assert say("EL322", make_comparison(current=reader)) == []


def test_nothing_is_said_of_packages_that_are_not_known() -> None:
    reader = make_fingerprint(
        tensorflow=make_tensorflow("2.4.4"), packages=Unknown("not read"), numpy=Unknown("not read")
    )

    assert errors(make_comparison(current=reader)) == set()


def test_a_tf_keras_of_another_number_is_noted() -> None:
    assert say("EL325", over("tf2.21+tfk2.21", "tf-keras==2.16.0")) == [
        ("tf-keras", "tf-keras 2.16.0 is not that of TensorFlow 2.21")
    ]


def test_a_tf_keras_of_the_same_number_is_not_noted() -> None:
    assert say("EL325", over("tf2.21+tfk2.21", "tf-keras==2.21.1")) == []


def test_legacy_keras_that_is_not_installed_is_told() -> None:
    assert say("EL326", over("tf2.16+k3.3", LEGACY)) == [
        ("tf-keras", "TF_USE_LEGACY_KERAS is set in the target, and tf-keras is not installed")
    ]


def test_a_tensorflow_that_does_not_read_the_variable_needs_no_tf_keras() -> None:
    assert say("EL326", over("tf2.14", LEGACY)) == []


def test_a_backend_that_is_not_installed_is_told() -> None:
    assert say("EL327", over("tf2.21+k3.15", "KERAS_BACKEND=torch")) == [
        ("torch", "the target runs Keras on torch, and torch is not installed")
    ]


def test_a_backend_that_is_installed_is_not_told() -> None:
    assert say("EL327", over("tf2.21+k3.15", "KERAS_BACKEND=jax,jax==0.7.0")) == []


def test_nothing_is_said_of_a_backend_among_packages_that_are_not_known() -> None:
    seen = make_comparison(**make_reading(make_keras(backend="jax"), packages=Unknown("not read")))

    assert say("EL327", seen) == []


def under(backend: str, class_name: str, *, keras: str = "3.5.0", module: str = "keras.layers") -> Comparison:
    """A layer of one backend, in front of a Keras that runs on this one."""
    content = make_content(make_input(), make_layer(class_name, module, name="other"))
    return make_comparison(content=content, **make_reading(make_keras(keras, backend=backend)))


@pytest.mark.parametrize(
    ("class_name", "runs", "backend"),
    [
        ("TFSMLayer", "tensorflow", "jax"),
        ("TorchModuleWrapper", "torch", "tensorflow"),
        ("JaxLayer", "jax", "tensorflow"),
        ("FlaxLayer", "jax", "torch"),
    ],
)
def test_a_layer_of_another_backend_is_told(class_name: str, runs: str, backend: str) -> None:
    assert say("EL328", under(backend, class_name)) == [
        (
            f"{class_name} 'other'",
            f"{class_name} 'other' runs on {runs}, the target runs Keras on {backend}",
        )
    ]


@pytest.mark.parametrize(
    "seen",
    [
        under("tensorflow", "TFSMLayer"),
        under("tensorflow", "JaxLayer", keras="3.13.2"),
        under("jax", "TFSMLayer", module="shop.layers"),
        under("jax", "Dense"),
        under("tensorflow", "TorchModuleWrapper", keras="2.15.0"),
    ],
)
def test_a_layer_that_the_backend_runs_is_not_told(seen: Comparison) -> None:
    assert say("EL328", seen) == []
