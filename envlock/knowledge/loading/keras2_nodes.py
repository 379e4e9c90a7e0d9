"""How the layers of a Functional are called again: the nodes between them, and operations of TensorFlow's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from envlock.knowledge.loading.common import config_of, label, listed, shown, text_of
from envlock.knowledge.loading.keras2_load import Load, refused
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import Release

__all__ = ["OPERATIONS", "crops", "graph", "operation"]

OPERATIONS = frozenset({"TFOpLambda", "SlicingOpLambda", "ClassMethod"})

# Arguments that `__call__` itself takes, or takes away where `call` does not expect them.
_ALWAYS = frozenset({"training", "mask", "initial_state", "constants", "inputs", "name"})

# What stands for a layer where a value was given that is no tensor of the model's.
_CONSTANT = "_CONSTANT_VALUE"

# What layers of Keras' own ask for its shape.
_MASKS = ("attention_mask", "mask")

# Functions that take any number of tensors: Keras writes the first argument down, and loses the others.
_LOSING = frozenset({"einsum", "linalg.einsum", "meshgrid"})

# The functions on tensors that TensorFlow exported after 2.4, by the first release that was seen with them.
_SINCE: dict[str, Release] = {
    "__operators__.ragged_getitem": (2, 5),
    "experimental.numpy.flatten": (2, 13),
    "experimental.numpy.random.poisson": (2, 5),
    "experimental.numpy.random.standard_normal": (2, 5),
    "fftnd": (2, 15),
    "ifftnd": (2, 15),
    "irfftnd": (2, 15),
    "linalg.eigh_tridiagonal": (2, 5),
    "math.approx_max_k": (2, 9),
    "math.approx_min_k": (2, 9),
    "nn.approx_max_k": (2, 9),
    "nn.approx_min_k": (2, 9),
    "nn.experimental.general_dropout": (2, 12),
    "nn.experimental.stateless_dropout": (2, 7),
    "random.experimental.index_shuffle": (2, 9),
    "random.experimental.stateless_shuffle": (2, 9),
    "random.fold_in": (2, 12),
    "random.split": (2, 12),
    "rfftnd": (2, 15),
    "signal.fftnd": (2, 15),
    "signal.ifftnd": (2, 15),
    "signal.irfftnd": (2, 15),
    "signal.rfftnd": (2, 15),
    "sparse.sampled_addmm": (2, 17),
}


def graph(load: Load, model: dict[str, Any]) -> Iterator[Problem]:
    """The nodes of one network, which a Sequential does not have."""
    layers = [layer for layer in config_of(model)["layers"] if isinstance(layer, dict)]
    names = {text_of(layer, "name") or text_of(config_of(layer), "name") for layer in layers}
    for layer in layers:
        nodes = layer.get("inbound_nodes")
        if not isinstance(nodes, list) or not nodes:
            continue
        if any(isinstance(node, dict) and "args" in node for node in nodes):
            yield refused(
                "EL126",
                layer,
                f"is connected in the form of Keras 3, which {load.reader_name} does not understand",
                error="Improperly formatted model config.",
            )
        else:
            yield from _connected(load, layer, nodes, names)
            yield from _arguments(load, layer, nodes)


def _connected(
    load: Load, layer: dict[str, Any], nodes: list[Any], names: set[str | None]
) -> Iterator[Problem]:
    """Whether all that a layer is called on is among the layers of its model, as calls in another are not."""
    unknown = next((name for node in nodes for name in _sources(node) if name not in names), None)
    if unknown is not None:
        yield refused(
            "EL126",
            layer,
            f"is called on {shown(unknown)}, in which {load.reader_name} finds no layer of the model",
            error=f"KeyError: {shown(unknown)!r}",
        )


def crops(load: Load, layers: list[dict[str, Any]]) -> Iterator[Problem]:
    """Layers right behind an input that crop it to more than it has, which is an error before 2.7."""
    if load.reader >= (2, 7):
        return
    sizes = {text_of(config_of(layer), "name"): config_of(layer).get("batch_input_shape") for layer in layers}
    before: object = None
    for layer in layers:
        config = config_of(layer)
        source = _source(layer.get("inbound_nodes")) or before
        before = text_of(config, "name") if layer.get("class_name") == "InputLayer" else None
        shape = sizes.get(source) if isinstance(source, str) else None
        wanted = (config.get("height"), config.get("width"))
        if layer.get("class_name") != "CenterCrop" or not isinstance(shape, list):
            continue
        pairs = zip(wanted, shape[1:3], strict=False)
        if any(isinstance(one, int) and isinstance(other, int) and one > other for one, other in pairs):
            yield refused(
                "EL129",
                layer,
                f"crops to more than its input has, which {load.reader_name} does not do",
                error=f"The crop height {wanted[0]} should not be greater than input height.",
            )


def _source(nodes: object) -> str | None:
    """The layer that the first node begins at."""
    while isinstance(nodes, list) and nodes:
        nodes = nodes[0]
    return nodes if isinstance(nodes, str) else None


def operation(load: Load, item: dict[str, Any]) -> Iterator[Problem]:
    """A layer that stands for a function, or a method, of TensorFlow's."""
    config = config_of(item)
    symbol = config.get("function", config.get("cls_symbol"))
    if not isinstance(symbol, str):
        return
    if symbol in _LOSING:
        yield refused(
            "EL126",
            item,
            f"stands for tf.{symbol}, of whose arguments Keras 2 keeps the first alone",
            error="Exception encountered when calling layer: Got 0 inputs for equation",
        )
    if symbol.startswith("keras."):
        is_there = load.api.public(symbol) is not None
    else:
        first = _SINCE.get(symbol, ())
        is_there = not load.tensorflow or load.tensorflow >= first
    if not is_there:
        yield refused(
            "EL114",
            item,
            f"stands for tf.{shown(symbol)}, which the TensorFlow of {load.reader_name} does not have",
            error=f"TF symbol `{shown(symbol)}` could not be found.",
        )


def _arguments(load: Load, layer: dict[str, Any], nodes: list[Any]) -> Iterator[Problem]:
    """The arguments that a layer was called with, against what its `call` takes in this release."""
    arguments = [given for node in nodes for given in _given(node)]
    name = text_of(layer, "class_name")
    if not arguments or not name or name in OPERATIONS or not load.is_own(layer, "layer"):
        return
    given = {key for found in arguments for key in found if isinstance(key, str)} - _ALWAYS
    array = next((key for found in arguments for key in _MASKS if _is_array(found.get(key))), None)
    if array is not None:
        yield refused(
            "EL126",
            layer,
            f"is called with an array as `{array}`, which {load.reader_name} reads back as a list",
            error=f'Exception encountered when calling layer "{shown(text_of(layer, "name") or name)}" '
            f"(type {name}). 'list' object has no attribute 'shape'",
        )
    found = load.class_of(load.found("layer", name))
    taken = found.signatures.get("call") if found else None
    if taken is None or "**" in taken or any(part.startswith("**") for part in taken):
        return
    unknown = sorted(given - set(taken))
    if unknown:
        yield Problem(
            code="EL126",
            subject=label(layer),
            message=f"{label(layer)} is called with {listed(unknown)}, "
            f"which it does not take in {load.reader_name}",
            error=f"call() got an unexpected keyword argument {shown(unknown[0])!r}",
        )


def _is_array(value: object) -> bool:
    """Whether a value is rows of numbers, and neither a tensor of the model's nor a list of such."""
    while isinstance(value, list) and value and isinstance(value[0], list):
        value = value[0]
        if value and all(isinstance(item, (bool, int, float)) for item in value):
            return True
    return False


def _sources(node: object) -> Iterator[str]:
    """The layers whose outputs are in one node, constants left out."""
    waiting = [node]
    while waiting:
        match waiting.pop():
            case [str(name), int(), _] | [str(name), int(), _, dict()]:
                if name != _CONSTANT:
                    yield name
            case list(items):
                waiting.extend(reversed(items))
            case dict(items):
                waiting.extend(reversed(items.values()))


def _given(node: object) -> Iterator[dict[str, Any]]:
    """The arguments in one node: `[layer, node, tensor, arguments]`, in any structure."""
    waiting = [node]
    while waiting:
        match waiting.pop():
            case [str(), int(), _, dict(arguments)]:
                yield arguments
            case list(items):
                waiting.extend(items)
            case dict(items):
                waiting.extend(items.values())
