"""What models inside of models come to in Keras 3: what they give, and which of them are one and the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from envlock.knowledge.loading.common import config_of, label, not_loaded, shown, text_of
from envlock.knowledge.loading.keras3_loader import Loader
from envlock.knowledge.loading.keras3_models import is_graph
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import Release, written
from envlock.values import frozen

__all__ = ["lists", "shared"]

_DEEPEST = 20

# The first release that keeps a list of one output as a list.
_KEEPS_LISTS: Release = (3, 11)
# The first that says of a list in a shape what is wrong with it.
_SAYS_TYPE: Release = (3, 13)

# Layers that hand on what they get while a model predicts, and those that make one array of a list.
_HANDING_ON = {
    *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianDropout"),
    *("GaussianNoise", "AlphaDropout", "ActivityRegularization", "Identity"),
}
_STACKING = {"Activation", "ReLU", "LeakyReLU", "ELU", "Rescaling"}
# Layers that are built from a shape, which is refused before they are called.
_BUILT = {"Dense", "EinsumDense", "BatchNormalization", "LayerNormalization", "LSTM", "GRU", "SimpleRNN"}


def lists(loader: Loader) -> Iterator[Problem]:
    """
    A model of one output that was written as a list of one, which comes back as such since 3.11.

    Models of layers take the tensor out of it; the layer behind it in a Sequential, and TimeDistributed, get
    the list.
    """
    if loader.release < _KEEPS_LISTS:
        return
    for node in loader.nodes:
        layers = node.config.get("layers")
        if node.class_name == "TimeDistributed" and _gives_list(loader, node.config.get("layer"), 0):
            said = "Exception encountered when calling TimeDistributed.call(). Cannot convert '3' to a shape."
            yield _listed(loader, label(node.config["layer"]), node.label, f"ValueError: {said}")
        elif node.class_name == "Sequential" and isinstance(layers, list):
            source, taker = _handed(loader, layers, 0)
            if source and taker is not None:
                yield from _taken(loader, source, taker)


def _gives_list(loader: Loader, item: object, depth: int) -> bool:
    config = config_of(item)
    layers = config.get("layers")
    if not isinstance(layers, list) or depth > _DEEPEST:
        return False
    if "output_layers" in config:
        match config["output_layers"]:
            case [[str(), int(), int()]]:
                return True
        return False
    source, taker = _handed(loader, layers, depth + 1)
    return bool(source) and taker is None


def _handed(loader: Loader, layers: list[Any], depth: int) -> tuple[str, dict[str, Any] | None]:
    """The model in a Sequential that gives a list, and the layer that gets it, if there is one behind it."""
    source = ""
    for item in layers:
        if not isinstance(item, dict):
            continue
        name = text_of(item, "class_name")
        if is_graph(config_of(item)):
            source = label(item) if _gives_list(loader, item, depth + 1) else ""
        elif source and name not in _HANDING_ON:
            return source, item
    return source, None


def _taken(loader: Loader, source: str, taker: dict[str, Any]) -> Iterator[Problem]:
    name = text_of(taker, "class_name") or ""
    if not loader.owns(taker, "layer"):
        return
    if name in _STACKING or (name == "Dense" and not loader.is_legacy):
        yield Problem(
            code="EL113",
            subject=source,
            message=f"{source} gives a list of one output in {loader.name}, "
            f"of which {label(taker)} makes an array with a dimension more",
            is_silent=True,
        )
    elif loader.is_legacy and name in _BUILT:
        said = (
            "Cannot convert '((None, 4), 2)' to a shape. Found invalid dimension '(None, 4)' of type "
            "'<class 'tuple'>'"
        )
        yield _listed(
            loader, source, label(taker), f"ValueError: {said if loader.release >= _SAYS_TYPE else _DTYPE}"
        )
    else:
        said = (
            f"Exception encountered when calling {shown(name)}.call(). 'list' object has no attribute 'shape'"
        )
        yield _listed(loader, source, label(taker), f"AttributeError: {said}")


_DTYPE = "Invalid dtype: tuple"


def _listed(loader: Loader, source: str, taker: str, error: str) -> Problem:
    return Problem(
        code="EL126",
        subject=source,
        message=f"{source}: {written(loader.seen)} holds its output as a list of one, "
        f"which {loader.name} hands as such to {taker}",
        error=error,
    )


@frozen(kw_only=True)
class _Place:
    """A layer in a model: `mark` is what it is recognised by, `graph` the Functional that calls it."""

    item: dict[str, Any]
    mark: object
    graph: int


def shared(loader: Loader) -> Iterator[Problem]:
    """
    A layer of several models in one archive.

    Where it is recognised, each model counts its calls from the first and finds those of the model before it.
    Where a copy was written before the mark was set, the loader makes two of it, with weights for one.
    """
    config = loader.seen.content.config
    called: dict[object, set[int]] = {}
    unmarked: set[tuple[object, object]] = set()
    for place in _places(config):
        if text_of(place.item, "class_name") == "InputLayer":  # it is called nowhere
            continue
        called_as = (text_of(place.item, "class_name"), text_of(config_of(place.item), "name"))
        before = called.get(place.mark, set()) - {place.graph}
        if place.mark is None:
            unmarked.add(called_as)
        elif before and place.graph:
            yield _miscalled(loader, place.item)
            return
        elif not before and called_as in unmarked and _is_filled(loader, place):
            yield _copied(loader, place.item)
            return
        if place.mark is not None:
            called.setdefault(place.mark, set()).add(place.graph)


def _places(config: object) -> Iterator[_Place]:
    """The layers of a model and of those in it, a model behind its layers, but one that is known already."""
    waiting: list[tuple[Any, int, bool]] = [(config, 0, False)]
    known: set[object] = set()
    graphs = 0
    while waiting:
        item, graph, is_done = waiting.pop()
        mark = item.get("shared_object_id") if isinstance(item, dict) else None
        mark = mark if isinstance(mark, int) else None
        layers = config_of(item).get("layers")
        if is_done or not isinstance(layers, list) or mark in known:
            if isinstance(item, dict):
                yield _Place(item=item, mark=mark, graph=graph)
            continue
        if mark is not None:
            known.add(mark)
        graphs += 1
        inner = graphs if "input_layers" in config_of(item) else 0
        waiting.append((item, graph, True))
        waiting.extend((held, inner, False) for held in reversed(layers) if isinstance(held, dict))


def _is_filled(loader: Loader, place: _Place) -> bool:
    """Whether a layer is one of Keras' own with arrays of its own."""
    if not loader.owns(place.item, "layer") or is_graph(config_of(place.item)):
        return False
    name, module = text_of(place.item, "class_name") or "", text_of(place.item, "module")
    found = loader.api.cls(loader.api.public(f"{module}.{name}") or "")
    return found is not None and any(key.endswith("_initializer") for key in found.accepts)


def _miscalled(loader: Loader, item: dict[str, Any]) -> Problem:
    what = label(item)
    return Problem(
        code="EL126",
        subject=what,
        message=f"{what} is in several models, and {loader.name} takes its calls in one for those in another",
        error="ValueError: Output with path `0` is not connected to `inputs`",
    )


def _copied(loader: Loader, item: dict[str, Any]) -> Problem:
    what, name = label(item), shown(text_of(config_of(item), "name") or "")
    return Problem(
        code="EL107",
        subject=what,
        message=f"{what} is in several models, of which {loader.name} makes one for each; "
        "the archive has weights for one",
        error=not_loaded(
            f"<{shown(item.get('class_name'))} name={name}, built=True>: Layer '{name}' expected"
        ),
    )
