"""Every payload in every place where a configuration holds objects, and in every kind of file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from . import graphs, payloads
from .case import CODE, READ, SIZE, Bench, Case
from .configs import (
    Config,
    called,
    custom,
    dense,
    entry,
    functional,
    legacy,
    node,
    placed,
    sequential,
    tensor,
    through,
)
from .files import h5, keras, unpacked

Payload = Callable[[Bench], Config]
Place = Callable[[Bench, Config], Path]

PAYLOADS: tuple[tuple[str, str, frozenset[str], Payload], ...] = (
    ("lambda", "CVE-2024-3660 Lambda", CODE, payloads.lambda_layer),
    ("torch", "CVE-2025-49655 TorchModuleWrapper", CODE, payloads.torch_wrapper),
    ("tfsm", "CVE-2026-1462 TFSMLayer", CODE, payloads.tfsm_layer),
    ("vocabulary", "CVE-2025-12058 vocabulary", READ, payloads.vocabulary_layer),
    ("os-function", "CVE-2025-1550 function of os", CODE, payloads.function_layer),
    ("units", "1.3 allocation from the config", SIZE, payloads.huge_layer),
)


def plain(bench: Bench, item: Config) -> Path:
    return keras(bench, sequential(bench, item))


def in_functional(bench: Bench, item: Config) -> Path:
    return keras(bench, through(bench, item))


def in_model_in_model(bench: Bench, item: Config) -> Path:
    inner = sequential(bench, item, name="inner")
    return keras(bench, sequential(bench, sequential(bench, inner, name="middle"), name="outer"))


def in_functional_in_sequential(bench: Bench, item: Config) -> Path:
    return keras(bench, sequential(bench, through(bench, item)))


def in_wrapper(bench: Bench, item: Config) -> Path:
    wrapper = entry("TimeDistributed", name="every", trainable=True, dtype="float32", layer=item)
    return keras(bench, sequential(bench, wrapper, shape=(None, 3, 6)))


def in_cell(bench: Bench, item: Config) -> Path:
    cells = entry("StackedRNNCells", name="cells", cells=[item, item])
    recurrent = entry("RNN", name="rnn", cell=cells, return_sequences=False)
    return keras(bench, sequential(bench, recurrent, shape=(None, 3, 6)))


def in_custom(bench: Bench, item: Config) -> Path:
    block = custom("Block", name="block", inner={"parts": [1, {"deep": item}]})
    return keras(bench, sequential(bench, block))


def in_build(bench: Bench, item: Config) -> Path:
    holder = {**dense(), "build_config": {"input_shape": [None, 6], "also": [item]}}
    return keras(bench, sequential(bench, holder))


def in_compile(bench: Bench, item: Config) -> Path:
    compiled = {"optimizer": "adam", "loss": {"a": "mse", "b": item}, "metrics": [["mae"]]}
    return keras(bench, {**sequential(bench, dense()), "compile_config": compiled})


def in_node(bench: Bench, item: Config) -> Path:
    honest = placed(dense(), "dense", node(tensor("x"), options=[{"inner": item}]))
    return keras(bench, functional(bench, honest, output="dense"))


def in_initializer(bench: Bench, item: Config) -> Path:
    return keras(bench, sequential(bench, dense(kernel_initializer=item)))


def in_activation(bench: Bench, item: Config) -> Path:
    return keras(bench, sequential(bench, dense(activation=item)))


def in_policy(bench: Bench, item: Config) -> Path:
    """Where the type of the numbers stands."""
    policy = entry(
        "DTypePolicyMap", "keras.dtype_policies", policy_map={"dense": item}, default_policy="float32"
    )
    return keras(bench, sequential(bench, dense(dtype=policy)))


def in_constants(bench: Bench, item: Config) -> Path:
    layer = dense(name="keras")
    return keras(bench, called(bench, layer, item))


def in_h5(bench: Bench, item: Config, name: str = "model.h5") -> Path:
    return h5(bench, legacy(sequential(bench, item)), name=name)


def in_h5_nested(bench: Bench, item: Config) -> Path:
    return h5(bench, legacy(sequential(bench, sequential(bench, item, name="inner"))))


def in_h5_training(bench: Bench, item: Config) -> Path:
    training = {"loss": item, "metrics": None, "optimizer_config": {"class_name": "Adam", "config": {}}}
    return h5(bench, legacy(sequential(bench, dense())), training=training)


def in_folder(bench: Bench, item: Config) -> Path:
    return unpacked(bench, sequential(bench, item))


def in_keras_metadata(bench: Bench, item: Config) -> Path:
    """Beside a SavedModel, where Keras 2 looks."""
    model = {"class_name": "Sequential", "name": "m", "config": legacy(sequential(bench, item))["config"]}
    layer = {"name": "evil", "class_name": item["class_name"], "config": legacy(item)["config"]}
    said = graphs.keras_metadata(("_tf_keras_sequential", model), ("_tf_keras_layer", layer))
    graph = graphs.saved_model(graphs.harmless())
    return graphs.folder(bench, graph, {"keras_metadata.pb": said})


def in_metadata_training(bench: Bench, item: Config) -> Path:
    """Among what the model beside a SavedModel was compiled with."""
    model = {"class_name": "Sequential", "name": "m", "config": legacy(sequential(bench, dense()))["config"]}
    said = graphs.keras_metadata(("_tf_keras_sequential", {**model, "training_config": {"loss": [item]}}))
    return graphs.folder(bench, graphs.saved_model(graphs.harmless()), {"keras_metadata.pb": said})


def in_object_graph(bench: Bench, item: Config) -> Path:
    """Inside `saved_model.pb`, where Keras before 2.5 looks."""
    layer = {"name": "evil", "class_name": item["class_name"], "config": legacy(item)["config"]}
    kept = graphs.object_graph(("_generic_user_object", ""), ("_tf_keras_layer", json.dumps(layer)))
    graph = graphs.meta_graph(graphs.placeholder(), more=(kept,))
    return graphs.folder(bench, graphs.saved_model(graph))


ALL: tuple[tuple[str, Place, int], ...] = (
    ("plain", plain, 0),
    ("functional", in_functional, 0),
    ("nested-models", in_model_in_model, 0),
    ("functional-in-sequential", in_functional_in_sequential, 0),
    ("wrapper", in_wrapper, 0),
    ("recurrent-cell", in_cell, 0),
    ("custom-config", in_custom, 0),
    ("build-config", in_build, 3),
    ("compile-config", in_compile, 0),
    ("node-arguments", in_node, 3),
    ("initializer", in_initializer, 0),
    ("constants", in_constants, 3),
    ("activation", in_activation, 0),
    ("policy", in_policy, 3),
    ("h5", in_h5, 0),
    ("hdf5", partial(in_h5, name="model.hdf5"), 0),
    ("h5-nested", in_h5_nested, 0),
    ("h5-training", in_h5_training, 0),
    ("folder", in_folder, 3),
    ("keras-metadata", in_keras_metadata, 2),
    ("metadata-training", in_metadata_training, 2),
    ("object-graph", in_object_graph, 2),
)


def cases() -> Iterator[Case]:
    """Each payload in each place."""
    for payload, row, expected, make in PAYLOADS:
        for place, put, dialect in ALL:

            def build(bench: Bench, make: Payload = make, put: Place = put) -> Path:
                return put(bench, make(bench))

            yield Case(f"{payload}-{place}", row, expected, build, dialect)
