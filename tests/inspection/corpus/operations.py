"""Functions of TensorFlow as layers of Keras 2: what `TFOpLambda` and its kin may not call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import payloads
from .case import CODE, READ, Bench, Case
from .configs import Config, dense, entry, functional, legacy, placed
from .files import h5, keras

OPERATIONS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("io.write_file", "marker", {"contents": "fired"}),
    ("io.read_file", "secret", {}),
    ("io.matching_files", "secret", {}),
    ("raw_ops.WriteFile", "marker", {"contents": "fired"}),
    ("compat.v1.py_func", "marker", {}),
    ("numpy_function", "marker", {}),
    ("py_function", "marker", {}),
    ("saved_model.load", "model", {}),
    ("load_op_library", "secret", {}),
    ("data.TextLineDataset", "secret", {}),
    ("summary.create_file_writer", "marker", {}),
    ("debugging.experimental.enable_dump_debug_info", "marker", {}),
    ("keras.models.load_model", "archive", {}),
    ("io.gfile.remove", "secret", {}),
    ("print", "marker", {"output_stream": "file:///nowhere"}),
    ("train.load_checkpoint", "secret", {}),
)


def operation(symbol: str, first: str, more: dict[str, str], *, older: bool) -> Case:
    """The function called with constants while the model is made, in the archive or in HDF5."""

    def build(bench: Bench) -> Path:
        said = {"name": "op", "trainable": False, "dtype": "float32", "function": symbol}
        return _kept(bench, entry("TFOpLambda", **said), ARGUMENT[first](bench), more, older=older)

    kind = "h5" if older else "keras"
    return Case(f"tf-op-{symbol}-{kind}", "1.1 models are programs: TFOpLambda", CODE | READ, build, 2)


ARGUMENT = {
    "marker": Bench.marker,
    "secret": lambda bench: str(bench.secret()),
    "model": payloads.outside_model,
    "archive": payloads.outside_archive,
}


def _kept(bench: Bench, layer: Config, first: str, more: dict[str, Any], *, older: bool) -> Path:
    """The layer beside an honest one."""
    stray = placed(layer, "op", ["_CONSTANT_VALUE", -1, first, more])
    honest = placed(dense(), "dense", [["x", 0, 0, {}]])
    model = functional(bench, honest, stray, output="dense")
    return h5(bench, legacy(model)) if older else keras(bench, model)


def nested_operation(bench: Bench) -> Path:
    """The same, two models down."""
    layer = entry("TFOpLambda", name="op", trainable=False, dtype="float32", function="io.write_file")
    stray = placed(layer, "op", ["_CONSTANT_VALUE", -1, bench.marker(), {"contents": "fired"}])
    inner = functional(bench, stray, output="x", name="inner")
    return h5(bench, legacy(functional(bench, placed(inner, "inner", [["x", 0, 0, {}]]), output="inner")))


def class_method(bench: Bench) -> Path:
    said = {"name": "op", "cls_symbol": "io.TFRecordWriter", "method_name": "__call__", "dtype": "float32"}
    return _kept(bench, entry("ClassMethod", **said), bench.marker(), {"args": [], "kwargs": {}}, older=True)


def instance_method(bench: Bench) -> Path:
    layer = entry("InstanceMethod", name="op", attr_name="__reduce_ex__", dtype="float32")
    return h5(
        bench,
        legacy(functional(bench, placed(layer, "op", ["x", 0, 0, {"args": [2], "kwargs": {}}]), output="op")),
    )


def cases() -> Iterator[Case]:
    """Functions that touch files, and methods of any class."""
    yield from (operation(*row, older=older) for row in OPERATIONS for older in (False, True))
    row = "1.1 models are programs: TFOpLambda"
    yield Case("tf-op-nested", row, CODE | READ, nested_operation, 2)
    yield Case("tf-class-method", row, CODE | READ, class_method, 2)
    yield Case("tf-instance-method", row, CODE, instance_method, 2)
