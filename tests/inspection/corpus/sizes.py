"""Configurations and members that take the memory or the time of whoever reads them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED

from . import files
from .case import REFUSE, SIZE, Bench, Case
from .configs import Config, dense, entry, functional, legacy, node, placed, sequential, tensor
from .files import archive, h5, keras, members, weights

BIG = 3_000_000_000
IMAGE = (None, 8, 8, 3)
STEPS = (None, 5, 3)

# A layer, the arguments that make it large, and the shape it is given.
LAYERS: tuple[tuple[str, dict[str, Any], tuple[int | None, ...]], ...] = (
    ("Dense", {"units": BIG}, (None, 6)),
    ("Dense", {"units": 4, "lora_rank": BIG}, (None, 6)),
    ("EinsumDense", {"equation": "ab,bc->ac", "output_shape": BIG}, (None, 6)),
    ("Embedding", {"input_dim": BIG, "output_dim": 8}, (None, 6)),
    ("Embedding", {"input_dim": 8, "output_dim": BIG}, (None, 6)),
    ("Conv1D", {"filters": BIG, "kernel_size": [3]}, STEPS),
    ("Conv2D", {"filters": BIG, "kernel_size": [3, 3]}, IMAGE),
    ("Conv2D", {"filters": 4, "kernel_size": [60_000, 60_000], "padding": "same"}, IMAGE),
    ("Conv2DTranspose", {"filters": BIG, "kernel_size": [3, 3]}, IMAGE),
    ("SeparableConv2D", {"filters": 4, "kernel_size": [3, 3], "depth_multiplier": BIG}, IMAGE),
    ("DepthwiseConv2D", {"kernel_size": [3, 3], "depth_multiplier": BIG}, IMAGE),
    ("LSTM", {"units": 400_000_000}, STEPS),
    ("GRU", {"units": 400_000_000}, STEPS),
    ("SimpleRNN", {"units": 400_000}, STEPS),
    ("ConvLSTM2D", {"filters": BIG, "kernel_size": [3, 3]}, (None, 2, 8, 8, 3)),
    ("CategoryEncoding", {"num_tokens": BIG, "output_mode": "multi_hot"}, (None, 6)),
    ("Hashing", {"num_bins": BIG, "output_mode": "multi_hot"}, (None, 6)),
    ("RepeatVector", {"n": BIG}, (None, 6)),
    ("UpSampling2D", {"size": [100_000, 100_000]}, IMAGE),
    ("ZeroPadding2D", {"padding": [[BIG, BIG], [BIG, BIG]]}, IMAGE),
    ("Resizing", {"height": 1_000_000, "width": 1_000_000}, IMAGE),
    ("StringLookup", {"num_oov_indices": BIG, "vocabulary": ["a", "b"]}, (None, 1)),
    ("Discretization", {"num_bins": BIG}, (None, 6)),
    ("MultiHeadAttention", {"num_heads": 1_000_000, "key_dim": 1_000_000}, STEPS),
)


def large(bench: Bench, number: int, *, older: bool = False) -> Path:
    name, config, shape = LAYERS[number]
    layer = {**entry(name, **config, name="big"), "build_config": {"input_shape": list(shape)}}
    model = sequential(bench, layer, shape=shape)
    return h5(bench, legacy(model)) if older else keras(bench, model)


def build_shape(bench: Bench) -> Path:
    layer = {**dense(), "build_config": {"input_shape": [None, 60_000_000_000]}}
    return keras(bench, sequential(bench, layer))


def input_shape(bench: Bench) -> Path:
    return keras(bench, sequential(bench, dense(), shape=(None, BIG)))


def older_input(bench: Bench) -> Path:
    """The size of the input where Keras 2 keeps it, in the first layer."""
    layers = [dense(8, batch_input_shape=[None, 60_000_000_000])]
    return h5(bench, legacy(entry("Sequential", "keras", name="s", layers=layers)))


def stateful(bench: Bench) -> Path:
    """A recurrent layer that keeps a state for each of a thousand million rows."""
    layer = entry("LSTM", name="lstm", units=64, stateful=True)
    return keras(bench, sequential(bench, layer, shape=(1_000_000_000, 5, 3)))


def two_below(bench: Bench) -> Path:
    """Two layers whose sizes are each legal, and whose product is 14 GB without a stored weight."""
    first, second = dense(60_000, "first"), dense(60_000, "second")
    second["build_config"] = {"input_shape": [None, 60_000]}
    return keras(bench, sequential(bench, first, second))


def many_below(bench: Bench) -> Path:
    """Sixty layers of 4,000 million bytes in all."""
    layers = [dense(4000, f"dense_{number}") for number in range(60)]
    return keras(bench, sequential(bench, *layers, shape=(None, 4000)))


def flattened(bench: Bench) -> Path:
    """A size that stands nowhere: it follows from three honest layers."""
    repeat = entry("RepeatVector", name="repeat", n=1_000_000)
    flat = entry("Flatten", name="flat", data_format="channels_last")
    return keras(bench, sequential(bench, repeat, flat, dense(1000)))


def doubled(bench: Bench) -> Path:
    """Thirty layers, each twice as wide as the one before."""
    layers: list[Config] = []
    last, width = "x", 6
    for number in range(30):
        name = f"twice_{number}"
        shape = (None, width)
        both = [tensor(last, shape), tensor(last, shape)]
        layers.append(placed(entry("Concatenate", name=name, axis=-1), name, node(both)))
        last, width = name, width * 2
    layers.append(placed(dense(8), "dense", node(tensor(last, (None, width)))))
    return keras(bench, functional(bench, *layers, output="dense"))


def array_type(bench: Bench, kind: str, dtype: str) -> Path:
    value = {"class_name": kind, "config": {"value": [1, 2], "dtype": dtype}}
    constant = entry("Constant", "keras.initializers", value=value)
    return keras(bench, sequential(bench, dense(kernel_initializer=constant)))


def initializer_shape(bench: Bench) -> Path:
    """An op that makes an array of the size of its argument."""
    item = entry("Ones", "keras.src.ops.numpy", name="ones")
    call = placed(item, "ones", node([100_000, 100_000]))
    return keras(bench, functional(bench, call, output="x"))


def inflating(bench: Bench, name: str, megabytes: int) -> Path:
    """A member of one repeated byte."""
    parts = dict(members(bench, sequential(bench, dense()), weights()))
    listed = {member: files.deflated(data) for member, data in parts.items()}
    listed[name] = files.inflating(b" " if name.endswith(".json") else b"\0", megabytes)
    return files.raw_archive(bench.path("model.keras"), listed.items())


def deep_json(bench: Bench, levels: int, opening: str) -> Path:
    closing = {"[": "]", '{"a":': "}"}[opening]
    said = '{"module": "keras", "class_name": "Sequential", "config": '
    return keras(bench, f"{said}{opening * levels}1{closing * levels}}}".encode("ascii"))


def deep_h5(bench: Bench) -> Path:
    return h5(bench, '{"class_name": "Sequential", "config": ' + "[" * 60_000 + "]" * 60_000 + "}")


def deep_metadata(bench: Bench) -> Path:
    parts = members(bench, sequential(bench, dense()))
    parts[0] = ("metadata.json", b"[" * 100_000 + b"]" * 100_000)
    return archive(bench.path("model.keras"), parts)


def long_number(bench: Bench) -> Path:
    said = json.dumps(sequential(bench, dense(424242))).replace("424242", "4" * 200_000)
    return keras(bench, said.encode("ascii"))


def models_in_models(bench: Bench) -> Path:
    """Four hundred models, one inside the other."""
    around = json.dumps(entry("Sequential", "keras", name="m", layers=[0])).split("[0]")
    said = f"{around[0]}[" * 400 + json.dumps(dense()) + f"]{around[1]}" * 400
    return keras(bench, said.encode("ascii"))


def nested_archives(bench: Bench) -> Path:
    """An archive in an archive, each a thousand times its size."""
    parts = members(bench, sequential(bench, dense()))[:2]
    inner = files.raw_archive(
        bench.path("outside/inner.npz"), [("layers/dense.npy", files.inflating(b"\0", 600))]
    )
    parts.append(("model.weights.npz", inner.read_bytes()))
    return archive(bench.path("model.keras"), parts, method=ZIP_DEFLATED)


SINGLE: tuple[tuple[str, str, Callable[[Bench], Path]], ...] = (
    ("build-shape", "1.2 build_config", build_shape),
    ("input-shape", "1.3 allocation from the config", input_shape),
    ("stateful", "1.3 allocation from the config", stateful),
    ("two-below", "1.3 allocation from the config", two_below),
    ("many-below", "1.3 allocation from the config", many_below),
    ("flattened", "1.3 allocation from the config", flattened),
    ("doubled", "1.3 allocation from the config", doubled),
    ("op-ones", "1.3 allocation from the config", initializer_shape),
    ("numpy-type", "1.3 sub-array dtype", partial(array_type, kind="__numpy__", dtype="(100000,100000)f8")),
    (
        "numpy-record",
        "1.3 sub-array dtype",
        partial(array_type, kind="__numpy__", dtype="f4,(90000,90000)f8"),
    ),
    ("tensor-type", "1.3 sub-array dtype", partial(array_type, kind="__tensor__", dtype="(100000,100000)f8")),
)

BOMBS: tuple[tuple[str, str, Callable[[Bench], Path]], ...] = (
    ("config", "1.2 config.json of 600 MB", partial(inflating, name="config.json", megabytes=600)),
    ("metadata", "1.2 inflating members", partial(inflating, name="metadata.json", megabytes=600)),
    ("weights", "1.2 inflating members", partial(inflating, name="model.weights.h5", megabytes=600)),
    ("asset", "1.2 inflating members", partial(inflating, name="assets/a.txt", megabytes=600)),
    ("nested-archives", "1.1 (3.12.3) npz weight bomb", nested_archives),
    ("lists", "1.2 config.json 200,000 deep", partial(deep_json, levels=200_000, opening="[")),
    ("objects", "1.2 config.json 200,000 deep", partial(deep_json, levels=200_000, opening='{"a":')),
    ("just-too-deep", "1.4 depth", partial(deep_json, levels=3000, opening="[")),
    ("h5", "1.2 config 200,000 deep", deep_h5),
    ("metadata-deep", "1.4 depth", deep_metadata),
    ("number", "1.4 budgets", long_number),
    ("models", "1.4 depth", models_in_models),
)


def cases() -> Iterator[Case]:
    """Large layers, large arrays, and bombs."""
    row = "1.3 allocation from the config"
    for number, (name, config, _) in enumerate(LAYERS):
        slug = f"large-{name}-{min(config)}"
        yield Case(f"{slug}-{number}", row, SIZE, partial(large, number=number))
    for number in (0, 3, 6, 11):
        name = LAYERS[number][0]
        yield Case(f"large-{name}-h5-{number}", row, SIZE, partial(large, number=number, older=True), 2)
    for name, line, build in SINGLE:
        yield Case(f"size-{name}", line, SIZE | REFUSE if "type" in name else SIZE, build, 3)
    yield Case("size-older-input", row, SIZE, older_input, 2)
    for name, line, build in BOMBS:
        yield Case(f"bomb-{name}", line, SIZE | REFUSE, build)
