"""What Keras 3 finds of a model's state in a file, and what it makes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

from envlock.facts import KERAS_LOADER, WEIGHTS_LOADER, TensorSpec
from envlock.knowledge.loading.common import (
    config_of,
    is_counted_once,
    label,
    not_loaded,
    shown,
    snake,
    text_of,
)
from envlock.knowledge.loading.constructors import makes_itself
from envlock.knowledge.loading.keras3_loader import Loader
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import written

__all__ = ["archive_assets", "archive_weights", "hdf5_state", "hdf5_weights"]

# Classes that have a `build` and no weights; of the others a `build` tells.
_WEIGHTLESS = {"Activation", "BaseConvCropping", "Dropout", "InputLayer", "Merge", "Reshape"}

# Classes whose state is no weights, though they have a `build`.
_STATELESS = {"Discretization", "IndexLookup", "TextVectorization"}

# What keeps the arrays of these layers.
_HOLDERS = {
    "GRU": "GRUCell",
    "LSTM": "LSTMCell",
    "MultiHeadAttention": "EinsumDense",
    "SimpleRNN": "SimpleRNNCell",
}

_LOOKUPS = {"TextVectorization", "StringLookup", "IntegerLookup"}


def hdf5_state(loader: Loader) -> Iterator[Problem]:
    """State of layers that an `.h5` file lacks, or that is read and not used."""
    for node in loader.nodes:
        if node.class_name in _LOOKUPS and not node.config.get("vocabulary"):
            yield Problem(
                code="EL118",
                subject=node.label,
                message=f"{node.label} has no vocabulary in the file, and {loader.name} takes it from there",
                error="FailedPreconditionError: Graph execution error: LookupTableFindV2: Table not init",
            )
        if node.class_name == "Normalization" and loader.release < (3, 6) and node.config.get("mean") is None:
            yield Problem(
                code="EL119",
                subject=node.label,
                message=f"{node.label} has a learnt mean, which {loader.name} does not apply from .h5",
                is_silent=True,
            )


def archive_assets(loader: Loader) -> Iterator[Problem]:
    """Learnt frequencies of words that are read from an archive only since 3.14."""
    for node in loader.nodes:
        is_weighted = node.class_name in _LOOKUPS and node.config.get("output_mode") == "tf_idf"
        if is_weighted and not node.config.get("vocabulary") and loader.release < (3, 14):
            yield Problem(
                code="EL118",
                subject=node.label,
                message=f"{node.label} has learnt weights of its words, which {loader.name} cannot read back",
                error=not_loaded(
                    f"<{node.class_name} name={shown(node.config.get('name'))}, built=True>: object of type"
                ),
            )


def hdf5_weights(loader: Loader) -> Iterator[Problem]:
    """Layers that have arrays in an `.h5` file and no weights in Keras 3, where the counts are compared."""
    model, arrays = loader.seen.content.config, loader.seen.content.weights
    if not isinstance(model, dict) or not isinstance(arrays, tuple):
        return
    layers = config_of(model).get("layers")
    holders = {spec.name.split("/")[1] for spec in arrays if spec.name.startswith("model_weights/")}
    if not isinstance(layers, list):
        yield from _never_built(loader, model, holders)
        return
    for item in layers:
        name = text_of(item, "name") or text_of(config_of(item), "name")
        if isinstance(item, dict) and name in holders and _is_stateless(loader, item):
            yield Problem(
                code="EL128",
                subject=label(item),
                message=f"{label(item)} has weights in the file and none in {loader.name}",
                error="ValueError: Layer count mismatch when loading weights from file. Model expected",
            )


def _never_built(loader: Loader, model: dict[str, Any], holders: set[str]) -> Iterator[Problem]:
    """
    A model of the user's own class is not built from an `.h5` file, and has no weights to fill.

    Keras 2 writes none but those that are made of inputs and outputs; one that records arguments of its own
    in place of its layers makes them itself.
    """
    makes_layers = makes_itself(loader.seen, model) or not set(config_of(model)) <= {"name", "trainable"}
    if loader.generation == "2" and makes_layers:
        return
    values = config_of(model).values()
    held = [part for value in values for part in (value if isinstance(value, list) else [value])]
    parts = {text_of(config_of(part), "name") for part in held if _is_built(part)}
    if holders - {"top_level_model_weights"} - parts and not loader.owns(model, "model"):
        what = label(model)
        yield Problem(
            code="EL128",
            subject=what,
            message=f"{what} is not built from an .h5 file in {loader.name}, which then misses its layers",
            error="ValueError: Layer count mismatch when loading weights from file. Model expected 0",
        )


def _is_built(part: object) -> bool:
    """Whether it is a layer that is built once it is made: a model of layers, or one with its shapes."""
    return isinstance(part, dict) and ("build_config" in part or "layers" in config_of(part))


def _is_stateless(loader: Loader, item: dict[str, Any]) -> bool:
    qualified = loader.api.lookup("layer", text_of(item, "class_name") or "")
    found = loader.api.cls(qualified) if qualified else None
    if found is None or "layers" in config_of(item) or {"Wrapper", "RNN", "Bidirectional"} & set(found.mro):
        return False
    return bool(_STATELESS & set(found.mro)) or not {"build", "__init__"} & found.defines


def archive_weights(loader: Loader) -> Iterator[Problem]:
    """
    Archives of Keras 2.12 and 2.13 count a layer with weights twice.

    The second of a class is `dense_2` there and `dense_1` in Keras 3; alone of its class each is found.
    """
    seen = loader.seen
    if not seen.writer or seen.writer >= (2, 14):
        return
    model, arrays = seen.content.config, seen.content.weights
    if isinstance(model, dict) and isinstance(arrays, tuple):
        lost = _unreached(loader, arrays) or _displaced(model, arrays)
    else:
        lost = _second_of_their_class(loader)
    if lost:
        yield _misfiled(loader, lost)


def _unreached(loader: Loader, arrays: tuple[TensorSpec, ...]) -> list[dict[str, Any]]:
    """
    Models whose layers lie under the name that 2.13 has for them, where Keras 3 asks for `layers` alone.

    It takes the one name for the other since 3.0.2, and only if the model itself has it: one of the user's
    own class has models inside that do, and does not list its own layers.
    """
    if loader.release >= _TAKES_LISTED and any(spec.name.startswith(f"{_LISTED}/") for spec in arrays):
        return []
    parts = (f"/{spec.name}".partition(f"/{_LISTED}/") for spec in arrays)
    places = dict.fromkeys(inner.partition("/")[0] for _, mark, inner in parts if mark)
    return [{"class_name": _class_like(name), "config": {"name": name}} for name in places]


def _displaced(model: dict[str, Any], arrays: tuple[TensorSpec, ...]) -> list[dict[str, Any]]:
    """The layers whose arrays bear another number than Keras 3 gives them, in the order of the model."""
    held = _held(arrays)
    lost: list[dict[str, Any]] = []
    waiting = [(model, "", False)]
    walked: set[str] = set()
    while waiting:
        item, place, is_lost = waiting.pop()
        inner = []
        for layer, there, here in _names(item, held.get(place, frozenset())):
            if there is not None:
                inner.append((layer, f"{place}/{there}", is_lost or there != here))
        lost += [item] if is_lost and not inner else []
        if "layers" in config_of(item):
            walked.add(place)
        waiting += reversed(inner)
    # Of models inside the user's own layers no layers are listed: there the numbers themselves tell.
    hidden = (
        name
        for place, names in held.items()
        if place not in walked
        for name in sorted(names)
        if not is_counted_once(name, names)
    )
    return [*lost, *({"class_name": _class_like(name), "config": {"name": name}} for name in hidden)]


def _class_like(name: str) -> str:
    """The class that a name in an archive was made of: `Dense` of `dense_2`."""
    base, _, number = name.rpartition("_")
    return "".join(part.capitalize() for part in (base if number.isdigit() else name).split("_"))


def _held(arrays: tuple[TensorSpec, ...]) -> dict[str, set[str]]:
    """The names under which each model of an archive has something, by the names that lead to the model."""
    found: dict[str, set[str]] = {}
    for spec in arrays:
        place = ""
        parts = iter(spec.name.split("/"))
        for part in parts:
            name = next(parts, None) if part in _CONTAINERS else part
            if name is not None and part in _CONTAINERS:
                found.setdefault(place, set()).add(name)
            place = f"{place}/{name}"
    return found


def _names(model: dict[str, Any], held: Collection[str]) -> Iterator[tuple[dict[str, Any], str | None, str]]:
    """Each layer of a model with its name in the archive, if it has arrays, and the one Keras 3 asks for."""
    twice, once = Counter[str](), Counter[str]()
    layers = config_of(model).get("layers")
    for layer in layers if isinstance(layers, list) else ():
        if not isinstance(layer, dict):
            continue
        base = snake((text_of(layer, "class_name") or "").rpartition(">")[2])
        there, here = (f"{base}_{count[base]}" if count[base] else base for count in (twice, once))
        once[base] += 1
        twice[base] += 2 if there in held else 1
        yield layer, there if there in held else None, here


def _second_of_their_class(loader: Loader) -> list[dict[str, Any]]:
    """The same where the names in the archive are not known."""
    met = Counter[str]()
    lost = []
    for item in _layers(loader):
        if _has_weights(loader, item):
            name = snake((text_of(item, "class_name") or "").rpartition(">")[2])
            met[name] += 1
            lost += [item] if met[name] > 1 else []
    return lost


_LISTED = "_layer_checkpoint_dependencies"
_TAKES_LISTED = (3, 0, 2)
_CONTAINERS = {"layers", _LISTED}


def _misfiled(loader: Loader, lost: list[dict[str, Any]]) -> Problem:
    what, name = label(lost[0]), shown(text_of(config_of(lost[0]), "name") or "")
    class_name = text_of(lost[0], "class_name") or ""
    holder = _HOLDERS.get(class_name, shown(class_name))
    return Problem(
        code="EL107",
        subject=what,
        message=f"{written(loader.seen)} files the weights of {what} where {loader.name} does not look",
        error=not_loaded(f"<{holder} name={name}, built=True>: Layer '{name}' expected", count=len(lost)),
        loaders=(KERAS_LOADER, WEIGHTS_LOADER),
    )


def _layers(loader: Loader) -> Iterator[dict[str, Any]]:
    for node in loader.nodes:
        if node.slot == "layers":
            yield {"class_name": node.class_name, "module": node.module, "config": node.config}


def _has_weights(loader: Loader, item: dict[str, Any]) -> bool:
    qualified = loader.api.lookup("layer", text_of(item, "class_name") or "")
    found = loader.api.cls(qualified) if qualified else None
    return found is None or ("build" in found.defines and not _WEIGHTLESS & set(found.mro))
