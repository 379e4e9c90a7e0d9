"""
Where Keras 2 looks for the weights of each layer, against where the writer put them.

An archive keeps them under names made of snake-cased class names, numbered where a class occurs again. Up to
2.13 a layer with weights is counted twice, since `_layer_checkpoint_dependencies` lists it twice; 2.14 counts
it once; 2.15 and tf-keras take `layers` in place of that list.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from envlock.facts import KERAS_LOADER, WEIGHTS_LOADER, Maybe, TensorSpec
from envlock.knowledge.loading.common import (
    config_of,
    is_counted_once,
    is_put_together,
    label,
    shown,
    snake,
    text_of,
)
from envlock.knowledge.loading.constructors import is_made_otherwise, makes_itself
from envlock.knowledge.loading.keras2_load import WITHOUT_LAYERS, Load, without_layers
from envlock.knowledge.loading.keras2_objects import is_network
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import THREE, Release

__all__ = ["in_archive", "in_hdf5"]

# The first release that records the arguments of a model of the user's own class in place of its layers.
_BY_ARGUMENTS = (2, 12)
_TWICE, _ONCE, _LAYERS = "twice", "once", "layers"

# Layers with variables, or with state beside them, unless their configuration holds it; and those with
# variables that take no initializer.
_STATE = {
    "Discretization": "bin_boundaries",
    "IntegerLookup": "vocabulary",
    "Normalization": "mean",
    "StringLookup": "vocabulary",
    "TextVectorization": "vocabulary",
}
_WITH = frozenset({"AdditiveAttention", "RNN"})
# Their state is a file among the assets of an archive.
_FILED = frozenset({"IntegerLookup", "StringLookup", "TextVectorization"})


def in_archive(load: Load, config: dict[str, Any], held: Maybe[tuple[TensorSpec, ...]]) -> Iterator[Problem]:
    """The weights that this Keras asks for under other names than the archive has."""
    yield from _copied(load, config)
    is_given = not makes_itself(load.seen, config)
    if is_given and is_put_together(load.writer, config, load.held, is_archive=True):
        what = label(config)
        yield Problem(
            code="EL128",
            subject=what,
            message=f"{what} was put together of inputs and outputs and lists no layers, "
            f"so {load.reader_name} makes one that computes nothing",
            error="Unimplemented `tf.keras.Model.call()`: if you intend to create a `Model` with the",
        )
    written, read = _layout(load.writer), _layout(load.reader)
    if not load.writer or written == read or held == ():
        return
    if not is_network(config):
        lost = label(config) if _is_lost(held, written, read) else None
    elif load.writer >= THREE:
        return  # nothing of Keras 3 that lists its layers gets as far as its weights
    elif _LAYERS in {written, read}:
        lost = _first_with_weights(load, config)
    else:
        lost = _first_renamed(load, config, written, read)
    if lost is not None:
        yield Problem(
            code="EL107",
            subject=label(config),
            message=f"{label(config)} was written by Keras {_said(load.writer)}, and {load.reader_name} "
            f"looks for the weights of {shown(lost)} elsewhere in the archive",
            error=_unfed(config, lost),
            loaders=(KERAS_LOADER, WEIGHTS_LOADER),
        )


def _unfed(config: dict[str, Any], lost: str) -> str:
    """What is said of the first layer without its weights: one with a vocabulary looks for a file of it."""
    for layer in _layers(config):
        if config_of(layer).get("name") == lost and text_of(layer, "class_name") in _FILED:
            return "TypeError: expected str, bytes or os.PathLike object, not NoneType"
    return f"Layer '{shown(lost)}' expected variables, but received 0 variables during loading."


def in_hdf5(load: Load, config: dict[str, Any]) -> Iterator[Problem]:
    """The weights in the file that the model has no place for, once it is made from its configuration."""
    if is_network(config):
        for layer in _layers(config):
            if _is_dynamic(load, layer):
                what = label(layer)
                said = f"{what} is dynamic, so {load.reader_name} makes its weights in its first call alone"
                yield _homeless(load, what, said, "1 less")
    elif load.writer < THREE and makes_itself(load.seen, config) and load.reader >= WITHOUT_LAYERS:
        return
    elif is_put_together(load.writer, config, load.held, is_archive=False) or (
        load.writer >= THREE and not isinstance(config.get("config"), list) and _is_filled(load)
    ):
        what = label(config)
        said = f"{what} lists no layers, so {load.reader_name} has none to give the weights to"
        yield _homeless(load, what, said, "0")
    elif (
        load.reader < WITHOUT_LAYERS
        and load.writer >= _BY_ARGUMENTS
        and not is_made_otherwise(load.seen, config)
    ):
        yield without_layers(load, label(config))


def _is_filled(load: Load) -> bool:
    """Whether the file has arrays of a layer, as far as they were listed."""
    return not load.held or any(name.startswith("model_weights/") for name in load.held)


def _copied(load: Load, config: dict[str, Any]) -> Iterator[Problem]:
    """A layer that two models share, of which `deserialize` makes two; one of them finds its weights."""
    if load.reader < (2, 13) or load.writer >= THREE:
        return
    marked: set[object] = set()
    met: set[tuple[object, object]] = set()
    for layer in _leaves(config):
        mark, name = layer.get("shared_object_id"), text_of(config_of(layer), "name")
        is_again = isinstance(mark, int) and (mark in marked or (text_of(layer, "class_name"), name) in met)
        if is_again and load.is_own(layer, "layer") and _has_weights(load, layer):
            what = label(layer)
            yield Problem(
                code="EL107",
                subject=what,
                message=f"{what} is in two models that share it, of which {load.reader_name} makes two, "
                "and the archive has the weights of one",
                error=f"Layer '{shown(name or what)}' expected 2 variables, but received 0 variables during",
            )
            return
        met.add((text_of(layer, "class_name"), name))
        marked |= {mark} if isinstance(mark, int) else set()


def _leaves(model: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The layers of a model and of those in it, in the order in which they are written."""
    waiting = [model]
    while waiting:
        item = waiting.pop()
        if is_network(item):
            waiting.extend(reversed(_layers(item)))
        else:
            yield item


def _homeless(load: Load, what: str, said: str, expected: str) -> Problem:
    if load.reader >= (2, 7):
        error = f"Layer count mismatch when loading weights from file. Model expected {expected} layers"
    else:
        error = f"You are trying to load a weight file containing layers into a model with {expected} layers."
    return Problem(code="EL128", subject=what, message=said, error=error)


def _is_dynamic(load: Load, layer: dict[str, Any]) -> bool:
    """Whether a layer runs eagerly, and is not built when the model is put together."""
    config = config_of(layer)
    place = f"model_weights/{config.get('name')}/"
    return config.get("dynamic") is True and any(name.startswith(place) for name in load.held)


def _is_lost(held: Maybe[tuple[TensorSpec, ...]], written: str, read: str) -> bool:
    """
    Whether a model that lists no layers asks for its weights elsewhere.

    What it keeps under its own attributes moves when their order is turned round, as in 2.15; else only what
    is kept in `layers`, because an attribute that comes first has taken its number there; where there is no
    such attribute, what was counted once is found.
    """
    if _LAYERS in {written, read} or not isinstance(held, tuple):
        return True
    listed = {spec.name.split("/")[1] for spec in held if spec.name.startswith("layers/")}
    is_all = all(spec.name.startswith(("layers/", "optimizer/", "metrics/")) for spec in held)
    return bool(listed) and not (is_all and all(is_counted_once(name, listed) for name in listed))


def _layout(release: Release) -> str:
    if release >= THREE:  # of a model that lists no layers
        return _TWICE
    if release >= (2, 14, 1):  # tf-keras 2.14.1 has it; there is no such keras
        return _LAYERS
    return _ONCE if release >= (2, 14) else _TWICE


def _first_with_weights(load: Load, model: dict[str, Any]) -> str | None:
    found = next((layer for layer in _leaves(model) if _has_weights(load, layer)), None)
    return None if found is None else str(config_of(found).get("name") or found.get("class_name"))


def _first_renamed(load: Load, model: dict[str, Any], written: str, read: str) -> str | None:
    """The first layer with weights whose name in the archive is another one in the other layout."""
    weighted = _weighted(load, model)
    waiting = [model]
    while waiting:
        layers = _layers(waiting.pop())
        names = zip(layers, _names(layers, written, weighted), _names(layers, read, weighted), strict=True)
        for layer, there, here in names:
            if there != here and id(layer) in weighted:
                return str(config_of(layer).get("name") or layer.get("class_name"))
        waiting.extend(layer for layer in reversed(layers) if is_network(layer))
    return None


def _weighted(load: Load, model: dict[str, Any]) -> set[int]:
    """The identities of all layers below a model that have weights, those inside before what holds them."""
    found: set[int] = set()
    waiting = [(model, False)]
    while waiting:
        item, is_done = waiting.pop()
        if not is_network(item):
            found |= {id(item)} if _has_weights(load, item) else set()
        elif is_done:
            found |= {id(item)} if any(id(inner) in found for inner in _layers(item)) else set()
        else:
            waiting += [(item, True), *((inner, False) for inner in _layers(item))]
    return found


def _names(layers: list[dict[str, Any]], layout: str, weighted: set[int]) -> list[str]:
    used: dict[str, int] = {}
    found = []
    for layer in layers:
        name = snake(str(layer.get("class_name", "")).rpartition(">")[2])
        count = used.get(name, 0)
        found.append(f"{name}_{count}" if count else name)
        used[name] = count + (2 if layout == _TWICE and id(layer) in weighted else 1)
    return found


def _has_weights(load: Load, layer: dict[str, Any]) -> bool:
    """Whether a layer most likely has variables: one of the user's, or one that takes an initializer."""
    if is_network(layer):
        return any(_has_weights(load, inner) for inner in _layers(layer))
    name, config = text_of(layer, "class_name") or "", config_of(layer)
    if name in _STATE:
        return not config.get(_STATE[name]) or config.get("output_mode") == "tf_idf"
    is_scaled = config.get("use_scale") is True or config.get("score_mode") == "concat"
    if name in _WITH or is_scaled or not load.is_own(layer, "layer"):
        return True
    inner = config.get("layer")
    if isinstance(inner, dict):
        return _has_weights(load, inner)
    found = load.class_of(load.found("layer", name))
    return found is not None and any(key.endswith("_initializer") for key in found.accepts)


def _layers(model: dict[str, Any]) -> list[dict[str, Any]]:
    layers = config_of(model).get("layers")
    return [layer for layer in layers if isinstance(layer, dict)] if isinstance(layers, list) else []


def _said(release: Release) -> str:
    return ".".join(str(part) for part in release)
