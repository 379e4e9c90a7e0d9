"""Models that look like trouble and are none."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from . import exports
from .case import CLEAN, CUSTOM, Bench, Clean
from .configs import (
    Config,
    built,
    custom,
    dense,
    entry,
    function,
    functional,
    legacy,
    node,
    placed,
    sequential,
    tensor,
    through,
)
from .files import archive, dense_stack, dense_weights, h5, h5_dense, keras, lists, members, unpacked, weights


def stacked(bench: Bench, *layers: Config, **more: Any) -> Path:
    units = [layer["config"]["units"] for layer in layers if layer["class_name"] == "Dense"]
    return keras(bench, sequential(bench, *layers, **more), weights(dense_stack(*units)))


def older(bench: Bench) -> Bench:
    """The same bench, for Keras 2."""
    return replace(bench, keras=2)


def plain(bench: Bench) -> Path:
    return stacked(bench, built(dense(), None, 6))


def folder(bench: Bench) -> Path:
    return unpacked(bench, sequential(bench, built(dense(), None, 6)), weights(dense_weights()))


def deflated(bench: Bench) -> Path:
    parts = members(bench, sequential(bench, dense()), weights(dense_weights()))
    return archive(bench.path("model.keras"), parts, method=zipfile.ZIP_DEFLATED)


def named_functions(bench: Bench) -> Path:
    spoken = function("gelu", "builtins", "gelu")
    own = function("log_softmax", "keras.activations", "log_softmax")
    return stacked(bench, dense(6, "first", activation=spoken), dense(activation=own))


def registered_function(bench: Bench) -> Path:
    item = function("my_package>smooth", "builtins", "function")
    return stacked(bench, dense(activation=item))


def local_function(bench: Bench) -> Path:
    return stacked(bench, dense(activation=function("smooth", "mylayers", "smooth")))


def lambda_of_named(bench: Bench) -> Path:
    """A Lambda without a lambda: it names a registered function."""
    spoken = function("my_package>smooth", "builtins", "function")
    return stacked(bench, entry("Lambda", name="smooth", function=spoken, arguments={}))


def registered_layer(bench: Bench) -> Path:
    return stacked(bench, custom("Scale", name="scale", factor=2.0))


def local_layer(bench: Bench) -> Path:
    return stacked(bench, entry("Scale", "mylayers", name="scale", factor=2.0))


def layer_with_path(bench: Bench) -> Path:
    """A label that is called a path and a note that holds an address."""
    said = {"path": "encoder/left", "note": "see https://example.org/paper", "data": "/etc/passwd"}
    return stacked(bench, custom("Tagged", name="tagged", **said))


def layer_with_class_name(bench: Bench) -> Path:
    """A label in somebody's configuration that is called `class_name`."""
    return stacked(bench, custom("Labels", name="labels", items=[{"class_name": "cat", "index": 3}]))


def words(bench: Bench) -> Path:
    vocabulary = ["/etc/passwd", "http://example.org", "__lambda__", "os.system('x')", "../..", "gs://b", ""]
    return lookup(bench, vocabulary)


def lookup(bench: Bench, vocabulary: list[str] | None, more: dict[str, bytes] | None = None) -> Path:
    said: dict[str, Any] = {"name": "words", "dtype": "string", "max_tokens": None, "num_oov_indices": 1}
    said |= {"mask_token": None, "oov_token": "[UNK]", "vocabulary": vocabulary, "output_mode": "int"}
    layer = {**entry("StringLookup", **said), "build_config": {"input_shape": [None, 1]}}
    return keras(bench, sequential(bench, layer, shape=(None, 1), dtype="string"), None, more)


def encoded_words(bench: Bench) -> Path:
    """Words that look like marshalled code in base64."""
    return lookup(
        bench, ["4wEAAAAAAAAAAAAAAAIAAAATAAAA8xIAAACXAHwAZAF6BQAA" * 3, "gASVAAAAAAAAAACMBXBvc2l4lA=="]
    )


def asset_words(bench: Bench) -> Path:
    """A vocabulary in an asset, with lines that look like a program and like a pickle."""
    data = "import os\nos.system('true')\ncposix\nsystem\n(S'x'\ntR.\n\u00e9t\u00e9\n"
    return lookup(bench, None, {"assets/layers/string_lookup/vocabulary.txt": data.encode("utf-8")})


def odd_names(bench: Bench) -> Path:
    layers = [
        dense(6, name) for name in ("lambda", "block1.conv2", "couche_d'\u00e9t\u00e9", "..hidden", "os")
    ]
    return stacked(bench, *layers, dense())


def tricky_names(bench: Bench) -> Path:
    """Names of layers and of the model that are names of payloads."""
    layers = [
        dense(6, name) for name in ("__lambda__", "TFSMLayer", "get_file", "enable_unsafe_deserialization")
    ]
    return stacked(bench, *layers, dense(), name="Lambda")


def slashed_names(bench: Bench) -> Path:
    """Names as Keras 2 allows them."""

    def fill(file: Any) -> None:
        h5_dense(file, "block/unit.1/dense")

    return h5(older(bench), legacy(sequential(older(bench), dense(name="block/unit.1/dense"))), fill=fill)


def h5_plain(bench: Bench) -> Path:
    return h5(older(bench), legacy(sequential(older(bench), dense())), training=_training(), fill=h5_dense)


def _training() -> dict[str, Any]:
    adam = {"class_name": "Adam", "config": {"name": "Adam", "learning_rate": 0.001}}
    return {"loss": "mse", "metrics": [["mae"]], "weighted_metrics": None, "optimizer_config": adam}


def compressed_weights(bench: Bench) -> Path:
    data = {
        "layers/dense/vars/0": np.zeros((6000, 500), "float32"),
        "layers/dense/vars/1": np.zeros(500, "float32"),
    }
    stored = weights(data, compression="gzip", shuffle=True)
    return keras(bench, sequential(bench, built(dense(500), None, 6000), shape=(None, 6000)), stored)


def strings(bench: Bench) -> Path:
    hashed = entry("Hashing", name="hash", num_bins=8, mask_value=None, salt=None, output_mode="int")
    return keras(bench, sequential(bench, hashed, shape=(None, 1), dtype="string"))


def embedding(bench: Bench) -> Path:
    layer = entry("Embedding", name="embedding", input_dim=300_000, output_dim=16, mask_zero=False)
    data = {"layers/embedding/vars/0": np.ones((300_000, 16), "float32")}
    return keras(bench, sequential(bench, built(layer, None, 6)), weights(data))


def hashed_bins(bench: Bench) -> Path:
    """A number of bins far larger than any weight, which takes no memory."""
    hashed = entry("Hashing", name="hash", num_bins=10_000_000, output_mode="int")
    return keras(bench, sequential(bench, hashed, shape=(None, 1), dtype="string"))


def models_in_models(bench: Bench) -> Path:
    """Thirty models, one inside the other."""
    config = sequential(bench, built(dense(6), None, 6), name="m")
    for number in range(30):
        config = sequential(bench, config, name=f"m{number}")
    prefix = "layers/sequential/" * 30 + "layers"
    return keras(bench, config, weights(dense_stack(6, prefix=prefix)))


def not_numbers(bench: Bench) -> Path:
    """Values that JSON does not have, as Keras writes them."""
    clip = entry("ReLU", name="relu", max_value=math.inf, negative_slope=0.0, threshold=0.0)
    masked = entry("Masking", name="mask", mask_value=math.nan)
    return keras(bench, sequential(bench, masked, clip, shape=(None, 5, 6)))


def constant(bench: Bench) -> Path:
    value = {"class_name": "__numpy__", "config": {"value": [0.5, 1.5, 0.0, 1.0], "dtype": "float32"}}
    item = entry("Constant", "keras.initializers", value=value)
    return stacked(bench, dense(bias_initializer=item))


def recurrent(bench: Bench) -> Path:
    cells = [
        entry("LSTMCell", name="cell", units=4, activation="tanh"),
        entry("GRUCell", name="gru", units=4),
    ]
    stack = entry("RNN", name="rnn", cell=entry("StackedRNNCells", cells=cells), return_sequences=True)
    both = entry("Bidirectional", name="both", merge_mode="concat", layer=entry("LSTM", name="lstm", units=4))
    cell = ((4, 16), (4, 16), (16,))
    paths = {"rnn/cell/cells/lstm_cell": ((3, 16), (4, 16), (16,))}
    paths["rnn/cell/cells/gru_cell"] = ((4, 12), (4, 12), (2, 12))
    paths |= {"bidirectional/forward_layer/cell": cell, "bidirectional/backward_layer/cell": cell}
    stored = weights(lists({f"layers/{path}": shapes for path, shapes in paths.items()}))
    return keras(bench, sequential(bench, stack, both, shape=(None, 5, 3)), stored)


def compiled(bench: Bench) -> Path:
    schedule = entry("CosineDecay", "keras.optimizers.schedules", initial_learning_rate=0.1, decay_steps=100)
    adam = entry("AdamW", "keras.optimizers", name="adamw", learning_rate=schedule, weight_decay=0.004)
    loss = entry("SparseCategoricalCrossentropy", "keras.losses", name="loss", from_logits=True)
    metric = entry("TopKCategoricalAccuracy", "keras.metrics", name="top", k=3, dtype="float32")
    said = {"optimizer": adam, "loss": {"dense": loss}, "metrics": [[metric, "mae"]], "jit_compile": False}
    return keras(bench, {**sequential(bench, dense()), "compile_config": said}, weights(dense_weights()))


def compiled_custom(bench: Bench) -> Path:
    loss = function("my_package>focal", "builtins", "function")
    said = {
        "optimizer": "rmsprop",
        "loss": loss,
        "metrics": [function("own_metric", "mylayers", "own_metric")],
    }
    return keras(bench, {**sequential(bench, dense()), "compile_config": said}, weights(dense_weights()))


def mixed(bench: Bench) -> Path:
    policy = entry("DTypePolicy", "keras", name="mixed_float16")
    return stacked(bench, dense(6, "first", dtype=policy), dense(dtype="mixed_bfloat16"))


def operations(bench: Bench) -> Path:
    """Ops as layers, with constants, slices and keywords."""
    add = placed(entry("Add", "keras.src.ops.numpy", name="add"), "add", node(tensor("x"), 1.0))
    mean = entry("Mean", "keras.src.ops.numpy", name="mean", axis=-1, keepdims=True)
    averaged = placed(mean, "mean", node(tensor("add")))
    part = {"class_name": "__slice__", "config": {"start": 0, "stop": 3, "step": None}}
    key = [{"class_name": "__ellipsis__", "config": {}}, part]
    item = placed(entry("GetItem", "keras.src.ops.numpy", name="item"), "item", node(tensor("add"), key))
    return keras(bench, functional(bench, add, averaged, item, output="item"))


def tf_operations(bench: Bench) -> Path:
    """Functions of TensorFlow as Keras 2 keeps them."""
    bench = older(bench)
    layers = []
    last = "x"
    for number, symbol in enumerate(("math.multiply", "__operators__.add", "nn.relu", "strings.as_string")):
        name = f"tf.{symbol}_{number}"
        layer = entry("TFOpLambda", name=name, trainable=True, dtype="float32", function=symbol)
        layers.append(placed(layer, name, [last, 0, 0, {"y": 2.0} if number < 2 else {}]))
        last = name
    sliced = entry("SlicingOpLambda", name="cut", trainable=True, function="__operators__.getitem")
    index = {"slice_spec": [{"start": None, "stop": None, "step": None}, 0]}
    layers.append(placed(sliced, "cut", ["x", 0, 0, index]))
    return h5(bench, legacy(functional(bench, *layers, output="cut")))


def feature_space(bench: Bench) -> Path:
    inner = entry("Normalization", name="n", axis=-1, mean=None, variance=None)
    module = "keras.src.layers.preprocessing.feature_space"
    feature = entry("Feature", module, dtype="float32", preprocessor=inner, output_mode="float")
    feature["registered_name"] = "Feature"
    config = {"features": {"age": feature}, "output_mode": "concat", "crosses": None, "name": "space"}
    return keras(bench, entry("FeatureSpace", "keras.utils", **config))


def augmented(bench: Bench) -> Path:
    """Layers of images with their generators of random numbers."""
    flip = entry("RandomFlip", name="flip", mode="horizontal", seed=7, data_format="channels_last")
    drop = entry("Dropout", name="drop", rate=0.2, seed=7, noise_shape=None)
    big = entry("Resizing", name="big", height=4096, width=4096, interpolation="bilinear")
    return keras(bench, sequential(bench, flip, drop, big, shape=(None, 64, 64, 3)))


def attention(bench: Bench) -> Path:
    layer = entry("MultiHeadAttention", name="attention", num_heads=8, key_dim=64, value_dim=64)
    layer["build_config"] = {"shapes_dict": {"query_shape": [None, 5, 16], "value_shape": [None, 5, 16]}}
    called = node(
        tensor("x", (None, 5, 16)), tensor("x", (None, 5, 16)), use_causal_mask=True, training=False
    )
    model = functional(bench, placed(layer, "attention", called), output="attention", shape=(None, 5, 16))
    parts = dict.fromkeys(("query_dense", "key_dense", "value_dense"), ((16, 8, 64), (8, 64)))
    parts["output_dense"] = ((8, 64, 16), (16,))
    stored = lists({f"layers/multi_head_attention/{part}": shapes for part, shapes in parts.items()})
    return keras(bench, model, weights(stored))


def npz(bench: Bench) -> Path:
    import io

    buffer = io.BytesIO()
    np.savez(buffer, **{"layers/dense/vars": np.ones((6, 4), "float32")})
    parts = [part for part in members(bench, sequential(bench, dense())) if not part[0].endswith(".h5")]
    return archive(bench.path("model.keras"), [*parts, ("model.weights.npz", buffer.getvalue())])


def wide(bench: Bench) -> Path:
    """Three hundred layers."""
    layers = [dense(6, f"dense_{number}") for number in range(300)]
    return stacked(bench, *layers)


def shared(bench: Bench) -> Path:
    """A layer that is called twice, and arguments by keyword."""
    twice = placed(dense(6), "dense", node(tensor("x")), node(tensor("dense")))
    cat = node([tensor("x"), tensor("dense")])
    joined = placed(entry("Concatenate", name="cat"), "cat", cat)
    return keras(bench, functional(bench, twice, joined, output="cat"), weights(dense_stack(6)))


def keras_2_archive(bench: Bench) -> Path:
    return keras(older(bench), through(older(bench), dense()), weights(dense_weights()))


def unicode_config(bench: Bench) -> Path:
    """Letters that are not ASCII, unescaped."""
    model = sequential(bench, dense(name="\u5c42_\u0441\u043b\u043e\u0439"))
    return keras(bench, json.dumps(model, ensure_ascii=False).encode("utf-8"), weights(dense_stack(4)))


ALL_CLEAN: tuple[Callable[[Bench], Path], ...] = (
    plain,
    folder,
    deflated,
    named_functions,
    words,
    encoded_words,
    asset_words,
    odd_names,
    tricky_names,
    slashed_names,
    h5_plain,
    compressed_weights,
    strings,
    embedding,
    hashed_bins,
    models_in_models,
    not_numbers,
    constant,
    recurrent,
    compiled,
    mixed,
    operations,
    tf_operations,
    feature_space,
    augmented,
    attention,
    npz,
    wide,
    shared,
    keras_2_archive,
    unicode_config,
)
ALL_CUSTOM: tuple[Callable[[Bench], Path], ...] = (
    registered_function,
    local_function,
    lambda_of_named,
    registered_layer,
    local_layer,
    layer_with_path,
    layer_with_class_name,
    compiled_custom,
)


def slug(build: Callable[[Bench], Path]) -> str:
    return build.__name__.replace("_", "-")


CASES: tuple[Clean, ...] = (
    *(Clean(slug(build), CLEAN, build) for build in (*ALL_CLEAN, *exports.ALL_CLEAN)),
    *(Clean(slug(build), CUSTOM, build) for build in ALL_CUSTOM),
)
