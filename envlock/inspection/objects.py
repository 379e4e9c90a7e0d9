"""Whose the classes and functions of a configuration are, and what is wrong with them."""

from __future__ import annotations

import re
from typing import Any

from envlock.inspection.found import Found, shown
from envlock.inspection.graph_lists import is_graph_operation, is_tensorflow_function
from envlock.inspection.own import (
    HIGHER_ORDER,
    LOADERS,
    Tables,
    is_builtin,
    is_keras_like,
    is_library,
)

__all__ = ["CUSTOM", "OWN", "PLAIN", "VALUES", "function", "kind_of_class"]

OWN, CUSTOM, PLAIN = "own", "custom", ""

# Values that are no objects.
VALUES = frozenset(
    ["__keras_tensor__", "__numpy__", "__tensor__", "__bytes__", "__slice__", "__ellipsis__", "__typespec__",
     "__tuple__", "TensorShape", "TypeSpec", "CompositeTensor", "InputSpec"]
)  # fmt: skip
_COLUMNS = frozenset(
    ["NumericColumn", "BucketizedColumn", "EmbeddingColumn", "IndicatorColumn", "IdentityCategoricalColumn",
     "VocabularyListCategoricalColumn", "HashedCategoricalColumn", "CrossedColumn",
     "WeightedCategoricalColumn", "SharedEmbeddingColumn", "SequenceCategoricalColumn",
     "SequenceNumericColumn"]
)  # fmt: skip
_CALLING = frozenset(
    [
        "TFOpLambda",
        "SlicingOpLambda",
        "TensorFlowOpLayer",
        "ClassMethod",
        "InstanceMethod",
        "InstanceProperty",
    ]
)
_METHODS = frozenset(
    ["to_tensor", "to_sparse", "from_tensor", "from_sparse", "from_row_splits", "from_row_lengths",
     "from_value_rowids", "from_row_limits", "from_row_starts", "from_uniform_row_length",
     "from_nested_row_splits", "row_lengths", "row_limits", "row_splits", "row_starts", "value_rowids",
     "bounding_shape", "nrows", "merge_dims", "with_values", "with_flat_values", "nested_row_splits",
     "nested_row_lengths", "nested_value_rowids", "get_shape", "with_row_splits_dtype", "values",
     "flat_values", "indices", "dense_shape", "shape", "dtype", "rank", "ragged_rank", "uniform_row_length"]
)  # fmt: skip
_MODULE = re.compile(r"[A-Za-z_]\w{0,99}(?:\.[A-Za-z_]\w{0,99}){0,20}\Z")
_NAME = re.compile(r"[^\x00-\x1f\x7f/\\]{1,200}\Z")
# What Keras 3 writes for a function without its module.
_NO_MODULE = {"", "builtins"}


def kind_of_class(item: dict[str, Any], owner: str, own: Tables, found: Found, *, among: str | None) -> str:
    """Whether the class of an object is Keras' own or the user's; what is neither is a hazard."""
    name: str = item["class_name"]
    module: str = item.get("module") or ""
    registered: str = item.get("registered_name") or ""
    what = shown(name)
    if not _is_plain(item, owner, found):
        return CUSTOM
    if name in LOADERS or module.startswith("tensorflow_hub"):
        found.hazard("EL606", what, f"{owner} is a {what}, which runs a model or code from elsewhere")
        return OWN
    if name in _CALLING:  # by their bare names in an .h5, whatever module stands beside
        _calls(item, owner, own, found)
    is_registered = ">" in registered and not own.has_bare(registered)
    if is_registered:
        found.ask(registered, module, [owner], is_class=True, spelt=_spelt(item))
    if is_keras_like(module):
        return _of_keras(item, owner, own, found)
    if module in _NO_MODULE:
        is_own = not is_registered or own.has_bare(name)
        return _bare(item, owner, own, found, among=among) if is_own else CUSTOM
    if is_library(module) or not _MODULE.match(module):
        found.hazard(
            "EL607", what, f"{owner} names {what} of {shown(module)}, where no objects of models are defined"
        )
        return CUSTOM
    if not is_registered:
        found.ask(name, module, [owner], is_class=True, spelt=_spelt(item))
    return CUSTOM


def _spelt(item: dict[str, Any]) -> tuple[str, ...]:
    """The names of a class by which the loaders of different releases look it up."""
    return tuple(dict.fromkeys(text for key in ("class_name", "registered_name") if (text := item.get(key))))


def _is_plain(item: dict[str, Any], owner: str, found: Found) -> bool:
    """Whether the parts that say what an object is are texts as Keras writes them."""
    name, module, registered = item["class_name"], item.get("module"), item.get("registered_name")
    texts = (name, *(text for text in (module, registered) if text is not None))
    if all(isinstance(text, str) and (not text or _NAME.match(text)) for text in texts):
        return True
    found.hazard("EL601", owner, f"{owner} holds an object whose class or module is no plain name")
    return False


def _bare(item: dict[str, Any], owner: str, own: Tables, found: Found, *, among: str | None) -> str:
    """A class that stands without its module, which Keras looks up in its own dictionaries."""
    name = item["class_name"]
    if item.get("module") == "builtins" and is_builtin(name):
        found.hazard("EL607", shown(name), f"{owner} names {shown(name)} of Python itself")
        return CUSTOM
    is_layer = own.has_bare(name, "layer")
    if name in HIGHER_ORDER and not is_layer and own.generation != "2":
        found.hazard("EL609", shown(name), f"{owner} is an operation that calls functions")
        return OWN
    if (
        is_layer
        or name in _CALLING
        or own.has_bare(name)
        or (name in _COLUMNS and among == "feature_columns")
    ):
        return OWN
    found.ask(name, None, [owner], is_class=True, spelt=_spelt(item))
    return CUSTOM


def _of_keras(item: dict[str, Any], owner: str, own: Tables, found: Found) -> str:
    name, module = item["class_name"], item["module"]
    if name in HIGHER_ORDER and ".layers" not in module:
        found.hazard("EL609", shown(name), f"{owner} is an operation that calls functions")
    elif not own.has_class(module, name):
        found.hazard(
            "EL607", shown(name), f"{owner} names {shown(name)} of {shown(module)}, which Keras never saves"
        )
    return OWN


def _calls(item: dict[str, Any], owner: str, own: Tables, found: Found) -> None:
    """The layers of Keras 2 that call what they name: a function, a method, an operation."""
    config = item.get("config")
    config = config if isinstance(config, dict) else {}
    if item["class_name"] in {"TFOpLambda", "SlicingOpLambda"}:
        name = config.get("function")
        is_known = isinstance(name, str) and _is_function(name, own)
    elif item["class_name"] == "TensorFlowOpLayer":
        name = config.get("node_def")
        name = name.get("op") if isinstance(name, dict) else _operation(name)
        is_known = isinstance(name, str) and is_graph_operation(name)
    else:
        name = config.get("method_name", config.get("attr_name"))
        is_known = isinstance(name, str) and name in _METHODS
    if not is_known:
        found.hazard(
            "EL609", shown(name), f"{owner} calls {shown(name)}, which is not among what models compute with"
        )


def _is_function(name: str, own: Tables) -> bool:
    """Whether a public function of TensorFlow, or of the Keras in it, only computes."""
    if name.startswith("raw_ops."):
        return is_graph_operation(name.removeprefix("raw_ops."))
    if name.startswith(("keras.activations.", "keras.losses.", "keras.metrics.")):
        return own.has_function(name.rpartition(".")[0], name.rpartition(".")[2])
    return is_tensorflow_function(name)


def _operation(text: object) -> object:
    """The operation in a NodeDef that is written as JSON."""
    import json

    try:
        node = json.loads(text) if isinstance(text, str) and len(text) < 1 << 20 else None
    except (ValueError, RecursionError):
        return text
    return node.get("op") if isinstance(node, dict) else text


def function(item: dict[str, Any], owner: str, own: Tables, found: Found) -> None:
    """A function that is written down by its name."""
    name = item.get("config")
    what = shown(name)
    if not _is_plain(item, owner, found) or not isinstance(name, str) or not _NAME.match(name):
        found.hazard("EL608", what, f"{owner} holds a function without a plain name")
        return
    module: str = item.get("module") or ""
    registered: str = item.get("registered_name") or ""
    package = next((text for text in (registered, name) if ">" in text), "")
    if package:
        where = None if module in _NO_MODULE else module
        found.ask(package, where, [owner], is_class=False, spelt=(name, package))
    elif module in _NO_MODULE:
        _bare_function(name, owner, own, found)
    elif is_keras_like(module):
        if not own.has_function(module, name):
            found.hazard(
                "EL607", what, f"{owner} names the function {what} of {shown(module)}, which is in no model"
            )
    elif is_library(module) or not _MODULE.match(module):
        found.hazard("EL607", what, f"{owner} names the function {what} of {shown(module)}")
    else:
        found.ask(name, module, [owner], is_class=False)


def _bare_function(name: str, owner: str, own: Tables, found: Found) -> None:
    if own.has_function(None, name):
        return
    if is_builtin(name):
        found.hazard("EL607", shown(name), f"{owner} names the function {shown(name)} of Python itself")
    elif own.has_bare(name) and name[:1].isupper():
        found.hazard("EL608", shown(name), f"{owner} names the class {shown(name)} as if it were a function")
    elif name in HIGHER_ORDER:
        found.hazard("EL609", shown(name), f"{owner} names {name}, which calls functions")
    else:
        found.ask(name, None, [owner], is_class=False)
