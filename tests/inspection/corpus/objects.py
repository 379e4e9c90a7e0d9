"""Lambdas in disguise, and objects where other objects belong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from . import payloads
from .case import CODE, READ, REFUSE, Bench, Case
from .configs import called, custom, dense, entry, function, inputs, legacy, sequential, through
from .files import h5, keras


def lambda_by_internal_name(bench: Bench) -> Path:
    item = {**payloads.lambda_layer(bench), "module": "keras.src.layers.core.lambda_layer"}
    return keras(bench, sequential(bench, item))


def lambda_of_another_package(bench: Bench) -> Path:
    item = {**payloads.lambda_layer(bench), "module": "tf_keras.layers"}
    return keras(bench, sequential(bench, item))


def lambda_called_registered(bench: Bench) -> Path:
    item = {**payloads.lambda_layer(bench), "registered_name": "my_package>Lambda"}
    return keras(bench, sequential(bench, item))


def lambda_without_module(bench: Bench) -> Path:
    return keras(bench, legacy(sequential(bench, payloads.lambda_list(bench))))


def lambda_names_function(bench: Bench) -> Path:
    """A Lambda whose function is named, and foreign."""
    item = entry("Lambda", name="evil", function=function("makedirs", "os", "makedirs"), arguments={})
    return keras(bench, sequential(bench, item))


def lambda_output_shape(bench: Bench) -> Path:
    """An honest function and a bytecode for the shape of its output."""
    said: dict[str, Any] = {"function": "relu", "function_type": "function", "module": "keras.activations"}
    said |= {"output_shape": [payloads.bytecode(bench), None, None], "output_shape_type": "lambda"}
    item = entry("Lambda", name="evil", output_shape_module=None, arguments={}, **said)
    return h5(bench, legacy(sequential(bench, item)))


def lambda_defaults(bench: Bench) -> Path:
    """A lambda with defaults."""
    item = payloads.lambda_list(bench)
    item["config"]["function"] = [payloads.bytecode(bench, "x, y"), [2], None]
    return h5(bench, legacy(sequential(bench, item)))


def standardize(bench: Bench, item: Any) -> Path:
    """What a layer of text does first: a foreign function, or a lambda."""
    said = {"standardize": item, "split": None, "ngrams": None, "output_mode": "int", "vocabulary": ["a"]}
    layer = entry("TextVectorization", name="text", **said)
    return keras(bench, sequential(bench, layer, shape=(None, 1), dtype="string"))


def wrapped_function(bench: Bench) -> Path:
    """A function where a wrapper wants a layer."""
    wrapper = entry("TimeDistributed", name="every", layer=function("makedirs", "os", "makedirs"))
    return keras(bench, sequential(bench, wrapper, shape=(None, 3, 6)))


def typespec(bench: Bench) -> Path:
    """A type specification of a foreign module."""
    spec = {"class_name": "__typespec__", "spec_name": "Popen", "module": "subprocess", "config": ["x"]}
    return keras(bench, sequential(bench, dense(kernel_initializer={**spec, "registered_name": None})))


def standard_library_class(bench: Bench) -> Path:
    item = entry("Popen", "subprocess", args=["touch", bench.marker()])
    return keras(bench, sequential(bench, item))


def callback(bench: Bench) -> Path:
    """A class of Keras that no saved model holds."""
    item = entry("BackupAndRestore", "keras.callbacks", backup_dir=bench.marker())
    return keras(bench, sequential(bench, dense(kernel_regularizer=item)))


def wrapped_loss(bench: Bench) -> Path:
    loss = entry("LossFunctionWrapper", "keras.src.losses.losses", fn=function("makedirs", "os"), name="l")
    return keras(bench, {**sequential(bench, dense()), "compile_config": {"loss": loss}})


def wrapped_metric(bench: Bench) -> Path:
    fn = function("get_file", "keras.utils")
    metric = entry("MeanMetricWrapper", "keras.metrics", fn=fn, name="m", dtype="float32")
    return keras(bench, {**sequential(bench, dense()), "compile_config": {"metrics": [metric]}})


def custom_holds_call(bench: Bench) -> Path:
    """A functional model with a call, inside a custom layer."""
    inner = called(bench, function("makedirs", "os", "makedirs"), name=bench.marker())
    return keras(bench, sequential(bench, custom("Block", name="block", model=inner)))


def input_of_nothing(bench: Bench) -> Path:
    """An argument that names a foreign class beside an honest one of the same name."""
    layers = [inputs(bench), entry("Dense", "os.path", units=4, name="dense")]
    return keras(bench, entry("Sequential", "keras", name="sequential", layers=layers))


SINGLE: tuple[tuple[str, str, frozenset[str], Callable[[Bench], Path], int], ...] = (
    ("lambda-internal", "CVE-2024-3660 Lambda", CODE, lambda_by_internal_name, 3),
    ("lambda-tf-keras", "CVE-2024-3660 Lambda", CODE, lambda_of_another_package, 2),
    ("lambda-registered", "CVE-2024-3660 Lambda", CODE, lambda_called_registered, 3),
    ("lambda-no-module", "CVE-2024-3660 Lambda", CODE, lambda_without_module, 2),
    ("lambda-names-function", "CVE-2025-1550 any function", CODE, lambda_names_function, 3),
    ("lambda-output-shape", "CVE-2025-9905 legacy HDF5", CODE, lambda_output_shape, 2),
    ("lambda-defaults", "CVE-2025-9905 legacy HDF5", CODE, lambda_defaults, 2),
    ("wrapped-function", "CVE-2025-1550 any function", CODE, wrapped_function, 3),
    (
        "standardize-function",
        "CVE-2025-1550 any function",
        CODE,
        lambda bench: standardize(bench, function("system", "os", "system")),
        3,
    ),
    (
        "standardize-lambda",
        "CVE-2024-3660 Lambda",
        CODE,
        lambda bench: standardize(bench, payloads.lambda_object(bench)),
        3,
    ),
    ("typespec", "CVE-2025-1550 any module", CODE | REFUSE, typespec, 3),
    ("class-of-subprocess", "CVE-2025-1550 any module", CODE | REFUSE, standard_library_class, 3),
    ("class-of-os-path", "CVE-2025-1550 any module", CODE | REFUSE, input_of_nothing, 3),
    ("callback", "CVE-2025-8747 Keras' own helpers", CODE | READ | REFUSE, callback, 3),
    ("wrapped-loss", "CVE-2025-1550 any function", CODE, wrapped_loss, 3),
    ("wrapped-metric", "CVE-2025-8747 Keras' own helpers", CODE, wrapped_metric, 3),
    ("custom-holds-call", "CVE-2025-1550 any function", CODE, custom_holds_call, 3),
    (
        "torch-in-h5-of-keras-3",
        "CVE-2025-49655 TorchModuleWrapper",
        CODE,
        lambda bench: h5(bench, through(bench, payloads.torch_wrapper(bench))),
        3,
    ),
    (
        "lambda-escaped-letters",
        "CVE-2024-3660 Lambda",
        CODE,
        lambda bench: keras(bench, payloads.spelled(sequential(bench, payloads.lambda_layer(bench)))),
        0,
    ),
)


def cases() -> Iterator[Case]:
    """One by one."""
    yield from (Case(*row) for row in SINGLE)
