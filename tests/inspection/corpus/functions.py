"""Functions and classes that a configuration may not name, or not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from . import payloads
from .case import CODE, READ, REFUSE, Bench, Case
from .configs import (
    Config,
    called,
    dense,
    entry,
    function,
    functional,
    node,
    placed,
    sequential,
    tensor,
)
from .files import keras

Arguments = Callable[[Bench], dict[str, Any]]


def by_call(
    name: str, module: str, arguments: Arguments, expected: frozenset[str] = CODE, row: str = ""
) -> Case:
    """A function of that module as a layer, called with constants."""

    def build(bench: Bench) -> Path:
        item = function(name, module, name)
        return keras(bench, called(bench, item, **arguments(bench)))

    slug = f"call-{module}.{name}"
    return Case(slug, row or "CVE-2025-1550 any function", expected, build, 3)


def copied(bench: Bench) -> dict[str, Any]:
    return {"src": str(bench.secret()), "dst": bench.marker()}


def fetched(bench: Bench) -> dict[str, Any]:
    bench.secret()
    origin = bench.path("outside/secret.txt").as_uri()
    where = {"cache_dir": str(bench.markers), "cache_subdir": "."}
    return {"fname": "fired", "origin": origin, **where}


def made(bench: Bench) -> dict[str, Any]:
    return {"name": bench.marker()}


def read(bench: Bench) -> dict[str, Any]:
    return {"path": str(bench.secret())}


def program(bench: Bench) -> str:
    """A Python file beside the artifact."""
    path = bench.path("outside/evil.py")
    path.write_text(f"import os\nos.mkdir({bench.marker()!r})\n", encoding="utf-8")
    return str(path)


def pickle_beside(bench: Bench) -> str:
    """A pickle beside the artifact."""
    path = bench.path("outside/evil.npy")
    path.write_bytes(payloads.pickled(bench))
    return str(path)


def drawn(bench: Bench) -> dict[str, Any]:
    pixels = {"class_name": "__numpy__", "config": {"value": [[[0.0] * 3] * 4] * 4, "dtype": "float32"}}
    return {"path": bench.marker("fired.png"), "x": pixels}


def loaded(bench: Bench) -> dict[str, Any]:
    return {"filepath": payloads.outside_archive(bench)}


def nothing(bench: Bench) -> dict[str, Any]:
    return {}


def unmarshalled(bench: Bench) -> dict[str, Any]:
    return {"code": payloads.bytecode(bench)}


def deserialised(bench: Bench) -> dict[str, Any]:
    return {"config": payloads.lambda_object(bench), "safe_mode": False}


HELPERS = "CVE-2025-8747 Keras' own helpers"
BOTH = CODE | READ

FUNCTIONS: tuple[tuple[str, str, Arguments, frozenset[str], str], ...] = (
    ("makedirs", "os", made, CODE, ""),
    ("copyfile", "shutil", copied, CODE, ""),
    ("copytree", "shutil", copied, CODE, ""),
    ("run", "subprocess", lambda bench: {"args": ["touch", bench.marker()]}, CODE, ""),
    ("Popen", "subprocess", lambda bench: {"args": ["touch", bench.marker()]}, CODE, ""),
    ("run_path", "runpy", lambda bench: {"path_name": program(bench)}, CODE, ""),
    ("import_module", "importlib", lambda _: {"name": "this"}, CODE, ""),
    ("exec", "builtins", lambda bench: {"source": f"open({bench.marker()!r}, 'w')"}, CODE, ""),
    ("open", "io", lambda bench: {"file": bench.marker(), "mode": "w"}, CODE, ""),
    ("save", "numpy", lambda bench: {"file": bench.marker("fired.npy"), "arr": [1]}, CODE, ""),
    ("load", "numpy", lambda b: {"file": pickle_beside(b), "allow_pickle": True}, BOTH, ""),
    ("write_file", "tensorflow.io", lambda bench: {"filename": bench.marker(), "contents": "x"}, CODE, ""),
    ("load", "tensorflow.saved_model", lambda b: {"export_dir": payloads.outside_model(b)}, CODE, ""),
    ("load", "joblib", lambda bench: {"filename": pickle_beside(bench)}, CODE, ""),
    ("get_file", "keras.utils", fetched, CODE, HELPERS),
    ("get_file", "keras.src.utils.file_utils", fetched, CODE, HELPERS),
    ("copy", "keras.src.utils.file_utils", copied, CODE, HELPERS),
    ("makedirs", "keras.src.utils.file_utils", lambda b: {"path": b.marker()}, CODE, HELPERS),
    ("func_load", "keras.src.utils.python_utils", unmarshalled, CODE, HELPERS),
    ("save_img", "keras.utils", drawn, CODE, HELPERS),
    ("save_img", "keras.preprocessing.image", drawn, CODE, HELPERS),
    ("load_img", "keras.utils", read, BOTH, HELPERS),
    ("text_dataset_from_directory", "keras.utils", lambda b: {"directory": str(b.folder)}, BOTH, HELPERS),
    ("image_dataset_from_directory", "keras.utils", lambda b: {"directory": str(b.folder)}, BOTH, HELPERS),
    ("plot_model", "keras.utils", lambda b: {"model": None, "to_file": b.marker()}, CODE, HELPERS),
    ("load_data", "keras.datasets.mnist", lambda b: {"path": str(b.secret())}, BOTH, HELPERS),
    ("load_data", "keras.datasets.imdb", lambda b: {"path": str(b.secret())}, BOTH, HELPERS),
    ("ResNet50", "keras.applications", lambda b: {"weights": str(b.secret())}, BOTH, HELPERS),
    ("load_model", "keras.models", loaded, CODE, HELPERS),
    ("load_model", "keras.saving", lambda b: {**loaded(b), "safe_mode": False}, CODE, HELPERS),
    ("load_model", "keras.src.saving.saving_lib", lambda b: {**loaded(b), "safe_mode": False}, CODE, HELPERS),
    ("load_weights", "keras.saving", loaded, BOTH, HELPERS),
    ("model_from_json", "keras.models", lambda _: {"json_string": "{}"}, CODE, HELPERS),
    ("deserialize_keras_object", "keras.saving", deserialised, CODE, HELPERS),
    ("deserialize", "keras.layers", lambda b: {"config": payloads.lambda_layer(b)}, CODE, "CVE-2026-12481"),
    ("enable_unsafe_deserialization", "keras.config", nothing, CODE, "CVE-2025-9906 safe mode off"),
    ("set_dtype_policy", "keras.config", lambda _: {"policy": "mixed_float16"}, CODE, "1.3 state"),
    ("set_floatx", "keras.config", lambda _: {"value": "float64"}, CODE, "1.3 state"),
    ("set_floatx", "keras.backend", lambda _: {"value": "float64"}, CODE, "1.3 state"),
    ("set_image_data_format", "keras.config", lambda _: {"data_format": "channels_first"}, CODE, "1.3 state"),
    ("set_random_seed", "keras.utils", lambda _: {"seed": 1}, CODE, "1.3 state"),
    ("clear_session", "keras.utils", nothing, CODE, "1.3 state"),
    ("get_custom_objects", "keras.saving", nothing, CODE, "1.3 state"),
)


def two_steps(bench: Bench) -> Path:
    """Safe mode is switched off, then a second archive is loaded."""
    second = payloads.outside_archive(bench)
    off = placed(function("enable_unsafe_deserialization", "keras.config"), "off", node())
    load = placed(function("load_model", "keras.models"), "load", node(filepath=second))
    return keras(bench, functional(bench, off, load))


POLICY = function("set_dtype_policy", "keras.config", "set_dtype_policy")
EPSILON = function("set_epsilon", "keras.config", "set_epsilon")
HALVES = {"class_name": "__tensor__", "config": {"value": [0.5, 0.5], "dtype": "float32"}}
QUIET = function("disable_interactive_logging", "keras.config", "disable_interactive_logging")

HIGHER: tuple[tuple[str, list[Any]], ...] = (
    ("Switch", [0, [POLICY], "mixed_float16"]),
    ("Cond", [True, QUIET, QUIET]),
    ("Map", [EPSILON, HALVES]),
    ("Scan", [POLICY, 0.0, [1.0]]),
    ("WhileLoop", [EPSILON, EPSILON, [HALVES]]),
    ("ForiLoop", [0, 1, POLICY, "mixed_float16"]),
    ("AssociativeScan", [POLICY, ["mixed_float16"]]),
    ("VectorizedMap", [HALVES]),
)


def higher_order(name: str, arguments: list[Any]) -> Case:
    def build(bench: Bench) -> Path:
        held = {"function": EPSILON} if name == "VectorizedMap" else {}
        item = entry(name, "keras.src.ops.core", name=name.lower(), **held)
        return keras(bench, called(bench, item, *arguments))

    return Case(f"higher-order-{name}", "1.3 higher-order op", CODE, build, 3)


def loader_as_function(bench: Bench) -> Path:
    """The class of a loader layer, handed to an op as if it were a function."""
    loader = function("TFSMLayer", "keras.layers", "TFSMLayer")
    switch = entry("Switch", "keras.src.ops.core", name="switch")
    return keras(bench, called(bench, switch, 0, [loader], payloads.outside_model(bench), "serving_default"))


def class_as_activation(bench: Bench) -> Path:
    return keras(bench, sequential(bench, dense(activation=function("TFSMLayer", "keras.layers"))))


def class_as_function_layer(bench: Bench) -> Path:
    item = function("TFSMLayer", "keras.layers", "TFSMLayer")
    return keras(bench, called(bench, item, filepath=payloads.outside_model(bench)))


def reference_in_honest_op(bench: Bench) -> Path:
    """A function reference among the arguments of an op that takes none."""
    add = placed(entry("Add", "keras.src.ops.numpy", name="add"), "add", node(tensor("x"), POLICY))
    return keras(bench, functional(bench, add, output="add"))


def honest_function_as_layer(bench: Bench) -> Path:
    """A function of `keras.ops` that calls another, as a layer."""
    item = function("map", "keras.ops", "map")
    return keras(bench, called(bench, item, POLICY, ["mixed_float16"]))


def builtin_spelling(bench: Bench) -> Path:
    """A function of the language under the module Keras uses for its own."""
    return keras(bench, sequential(bench, dense(activation=function("eval", "builtins", "eval"))))


def dotted_function(bench: Bench) -> Path:
    item = function("layers.TFSMLayer", "keras", "function")
    return keras(bench, sequential(bench, dense(activation=item)))


LOADERS = (
    ("JaxLayer", "keras.layers", {"call_fn": function("makedirs", "os"), "params": None}),
    ("FlaxLayer", "keras.layers", {"module": None, "method": None}),
    ("KerasLayer", "tensorflow_hub.keras_layer", {"handle": "https://127.0.0.1:1/model", "trainable": False}),
    ("TFSMLayer", "keras.src.export.tfsm_layer", {"filepath": "/nowhere/model"}),
    ("TorchModuleWrapper", "keras.src.utils.torch_utils", {"module": None}),
    ("ExportArchive", "keras.export", {}),
)

SISTERS = (
    ("SentencePieceTokenizer", "keras_hub.src.tokenizers.sentence_piece_tokenizer", "proto"),
    ("BytePairTokenizer", "keras_nlp.src.tokenizers.byte_pair_tokenizer", "vocabulary"),
    ("WordPieceTokenizer", "keras_hub.tokenizers", "vocabulary"),
    ("Backbone", "keras_cv.models", "load_weights"),
    ("ImageClassifier", "keras_hub.models", "preset"),
    ("SentencePieceTokenizer", "keras_nlp.tokenizers", "proto"),
)


def loader(name: str, module: str, config: Config) -> Case:
    def build(bench: Bench) -> Path:
        return keras(bench, sequential(bench, entry(name, module, name="evil", **config)))

    return Case(f"loader-{module}.{name}", "1.4 loader classes", CODE | READ, build, 3)


def sister(name: str, module: str, argument: str) -> Case:
    def build(bench: Bench) -> Path:
        config = {"name": "evil", argument: str(bench.secret())}
        return keras(bench, sequential(bench, entry(name, module, **config)))

    return Case(f"sister-{module}.{name}", "1.3 sister packages", CODE | READ, build, 3)


SINGLE: tuple[tuple[str, str, frozenset[str], Callable[[Bench], Path], int], ...] = (
    ("two-steps", "CVE-2025-9906 two steps", CODE, two_steps, 3),
    ("loader-as-function", "1.3 class as function", CODE, loader_as_function, 3),
    ("class-as-activation", "1.3 class as function", CODE, class_as_activation, 3),
    ("class-as-layer", "1.3 class as function", CODE, class_as_function_layer, 3),
    ("reference-in-op", "1.3 function in arguments", CODE, reference_in_honest_op, 3),
    ("ops-map-as-layer", "1.3 function in arguments", CODE, honest_function_as_layer, 3),
    ("builtin-eval", "CVE-2025-1550 any function", CODE, builtin_spelling, 3),
    ("dotted-function", "1.3 class as function", CODE | REFUSE, dotted_function, 3),
)


def cases() -> Iterator[Case]:
    """Functions by call, ops that call others, loaders, and sister packages."""
    yield from (by_call(*row) for row in FUNCTIONS)
    yield from (higher_order(*row) for row in HIGHER)
    yield from (Case(*row) for row in SINGLE)
    yield from (loader(*row) for row in LOADERS)
    yield from (sister(*row) for row in SISTERS)
