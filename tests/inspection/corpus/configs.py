"""Configurations as Keras writes them, and the places where an object can stand in one."""

from __future__ import annotations

from typing import Any

from .case import Bench

Config = dict[str, Any]
FUNCTIONAL = {2: "keras.src.engine.functional", 3: "keras.src.models.functional"}


def entry(class_name: str, module: str | None = "keras.layers", /, **config: Any) -> Config:
    """An object: its class, where it is found, and what it is made from."""
    return {"module": module, "class_name": class_name, "config": config, "registered_name": None}


def built(item: Config, *shape: int | None) -> Config:
    return {**item, "build_config": {"input_shape": list(shape)}}


def function(name: str, module: str | None = "builtins", registered: str | None = None) -> Config:
    return {"module": module, "class_name": "function", "config": name, "registered_name": registered}


def inputs(
    bench: Bench, shape: tuple[int | None, ...] = (None, 6), dtype: str = "float32", name: str = "x"
) -> Config:
    key = "batch_shape" if bench.keras == 3 else "batch_input_shape"
    return entry("InputLayer", **{key: list(shape), "dtype": dtype, "sparse": False, "name": name})


def dense(units: int = 4, name: str = "dense", **more: Any) -> Config:
    said = {"name": name, "trainable": True, "dtype": "float32", "units": units, "activation": "linear"}
    zeros = entry("Zeros", "keras.initializers")
    uniform = entry("GlorotUniform", "keras.initializers", seed=None)
    said |= {"use_bias": True, "kernel_initializer": uniform, "bias_initializer": zeros}
    return entry("Dense", **{**said, **more})


def sequential(
    bench: Bench,
    *layers: Config,
    shape: tuple[int | None, ...] = (None, 6),
    dtype: str = "float32",
    name: str = "sequential",
) -> Config:
    model = entry("Sequential", "keras", name=name, layers=[inputs(bench, shape, dtype), *layers])
    return {**model, "build_config": {"input_shape": list(shape)}}


def tensor(name: str, shape: tuple[int | None, ...] = (None, 6), dtype: str = "float32") -> Config:
    history = [name, 0, 0]
    said = {"shape": list(shape), "dtype": dtype, "keras_history": history}
    return {"class_name": "__keras_tensor__", "config": said}


def node(*arguments: Any, **options: Any) -> Config:
    return {"args": list(arguments), "kwargs": options}


def placed(item: Config, name: str, *nodes: Any) -> Config:
    """A layer in a functional model: its name there and what it is called with."""
    return {**item, "name": name, "inbound_nodes": list(nodes)}


def functional(
    bench: Bench,
    *layers: Config,
    output: str = "x",
    shape: tuple[int | None, ...] = (None, 6),
    dtype: str = "float32",
    name: str = "functional",
) -> Config:
    """A model of one input `x` with these placed layers."""
    first = placed(inputs(bench, shape, dtype), "x")
    last = output or layers[-1]["name"]
    said = {"name": name, "trainable": True, "layers": [first, *layers]}
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [[last, 0, 0]]}
    return entry("Functional", FUNCTIONAL[bench.keras], **said, **ends)


def through(bench: Bench, layer: Config) -> Config:
    """The layer in a functional model, called with the input."""
    name = layer["config"]["name"]
    called = node(tensor("x")) if bench.keras == 3 else [["x", 0, 0, {}]]
    return functional(bench, placed(layer, name, called), output=name)


def called(bench: Bench, item: Config, *arguments: Any, **options: Any) -> Config:
    """An object called with constants while the model is made, beside an honest layer."""
    stray = placed(item, "stray", node(*arguments, **options))
    honest = placed(dense(), "dense", node(tensor("x")))
    return functional(bench, honest, stray, output="dense")


def custom(name: str, /, **config: Any) -> Config:
    """A registered object of somebody's own package."""
    package = "my_package"
    return {
        "module": f"{package}.layers",
        "class_name": name,
        "config": config,
        "registered_name": f"{package}>{name}",
    }


def legacy(item: Any) -> Any:
    """The same configuration as HDF5 files and older Keras write it: objects without a module."""
    if isinstance(item, list):
        return [legacy(value) for value in item]
    if not isinstance(item, dict):
        return item
    own = str(item.get("module")).partition(".layers")[0] in {"keras", FUNCTIONAL[2], FUNCTIONAL[3]}
    dropped = {"module", "registered_name"} if own and "class_name" in item else set()
    return {key: legacy(value) for key, value in item.items() if key not in dropped}
