"""Objects that run code, read a file or take memory when Keras makes or calls them. Markers only."""

from __future__ import annotations

import base64
import json
import os
import pickle
from typing import Any

from . import graphs
from .case import Bench
from .configs import Config, dense, entry, function, sequential
from .files import keras


class _Call:
    """Pickles to one call that makes a folder."""

    def __init__(self, marker: str) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (self.marker,)


def pickled(bench: Bench, protocol: int = 2) -> bytes:
    return pickle.dumps(_Call(bench.marker()), protocol)


def bytecode(bench: Bench, arguments: str = "x", result: str = "x") -> str:
    """The marshalled code of a lambda that makes the marker and gives back what it got."""
    marker = bench.marker()
    source = f"lambda {arguments}: (__import__('os').makedirs({marker!r}, exist_ok=True), {result})[1]"
    return bench.bytecode(source)


def lambda_object(bench: Bench, key: str = "value") -> Config:
    """A lambda as Keras writes one outside a Lambda layer."""
    code = bytecode(bench, "*x", "x[-1]")
    said: dict[str, Any] = {key: code, "defaults": None, "closure": None}
    return {"class_name": "__lambda__", "config": said}


def lambda_dict(bench: Bench, name: str = "evil") -> Config:
    """A Lambda layer of Keras 3."""
    code = {"code": bytecode(bench), "defaults": None, "closure": None}
    spoken = {"class_name": "__lambda__", "config": code}
    more: dict[str, Any] = {"output_shape": None, "arguments": {}}
    return entry("Lambda", name=name, trainable=True, dtype="float32", function=spoken, **more)


def lambda_list(bench: Bench, name: str = "evil") -> Config:
    """A Lambda layer of Keras 2."""
    said: dict[str, Any] = {"function": [bytecode(bench), None, None], "function_type": "lambda"}
    said |= {"module": "__main__", "output_shape": None, "output_shape_type": "raw"}
    said |= {"output_shape_module": None, "arguments": {}}
    return entry("Lambda", name=name, trainable=True, dtype="float32", **said)


def lambda_layer(bench: Bench, name: str = "evil") -> Config:
    return lambda_dict(bench, name) if bench.keras == 3 else lambda_list(bench, name)


def torch_wrapper(bench: Bench, name: str = "evil") -> Config:
    """A wrapper whose module is a pickle."""
    value = base64.b64encode(pickled(bench)).decode("ascii")
    module = {"class_name": "__bytes__", "config": {"value": value}}
    return entry("TorchModuleWrapper", name=name, module=module, output_shape=None)


def outside_model(bench: Bench) -> str:
    """A SavedModel beside the artifact that writes the marker when it is loaded."""
    graph = graphs.meta_graph(
        graphs.placeholder(),
        *graphs.writer(bench.marker()),
        graphs.identity("y", "x", "^write"),
        more=(graphs.main_operation("write"),),
    )
    return str(graphs.folder(bench, graphs.saved_model(graph), name="outside/model"))


def outside_archive(bench: Bench) -> str:
    """A second archive beside the artifact, with a Lambda."""
    path = keras(bench, sequential(bench, lambda_layer(bench)), name="outside/second.keras")
    return str(path)


def tfsm_layer(bench: Bench, name: str = "evil") -> Config:
    said = {"name": name, "filepath": outside_model(bench), "call_endpoint": "serving_default"}
    return entry("TFSMLayer", **said, call_training_endpoint=None)


def vocabulary_layer(bench: Bench, name: str = "evil") -> Config:
    """A lookup layer that reads its vocabulary from a path."""
    said = {"name": name, "trainable": True, "dtype": "string", "max_tokens": None}
    said |= {"num_oov_indices": 1, "mask_token": None, "oov_token": "[UNK]", "invert": False}
    said |= {"vocabulary": str(bench.secret()), "output_mode": "int", "encoding": "utf-8"}
    return entry("StringLookup", **said)


def function_layer(bench: Bench, name: str = "evil") -> Config:
    """An activation that is a function of the standard library."""
    return dense(6, name, activation=function("makedirs", "os", "makedirs"))


def huge_layer(bench: Bench, name: str = "evil") -> Config:
    """A layer of three thousand million units."""
    return {**dense(3_000_000_000, name), "build_config": {"input_shape": [None, 6]}}


def spelled(config: Config) -> bytes:
    """JSON with every letter of a class' name as an escape."""
    text = json.dumps(config)
    for word in ("__lambda__", "Lambda", "function"):
        text = text.replace(f'"{word}"', '"' + "".join(f"\\u{ord(letter):04x}" for letter in word) + '"')
    return text.encode("ascii")
