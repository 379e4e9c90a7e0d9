"""
What becomes of masks, which tell the layers behind an `Embedding` or `Masking` which steps to leave out.

Keras 2 has a merging layer pass on every mask that it gets; Keras 3.0 to 3.3 drop them; later ones pass a
mask on where all inputs have one. (`compute_mask` of `Merge`, `Concatenate` and `Attention` in each release.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from envlock.facts import KERAS_LOADER, WEIGHTS_LOADER
from envlock.knowledge.loading.common import config_of, label, text_of
from envlock.knowledge.loading.flow import Fed, fed_layers
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import THREE, Comparison, Release

__all__ = ["problems"]

_BOTH = (KERAS_LOADER, WEIGHTS_LOADER)
_MERGES = {"Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract", "Concatenate"}
_RECURRENT = {"LSTM", "GRU", "SimpleRNN", "RNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"}
_ATTENTION = {"Attention", "AdditiveAttention"}
# Layers whose outputs have the mask of their first input.
_PASSING = {
    *(
        "Activation",
        "ActivityRegularization",
        "AlphaDropout",
        "BatchNormalization",
        "Dense",
        "Dropout",
        "ELU",
    ),
    *("GaussianDropout", "GaussianNoise", "Identity", "LayerNormalization", "LeakyReLU", "PReLU", "ReLU"),
    *(
        "Rescaling",
        "Softmax",
        "SpatialDropout1D",
        "TimeDistributed",
        "UnitNormalization",
        "MultiHeadAttention",
    ),
    *_ATTENTION,
}
_HEEDING = {"GlobalAveragePooling1D", "Softmax", "TimeDistributed", "MultiHeadAttention", "Bidirectional"}

# Where the masks of steps come from; `None` where there is no mask, or one that leaves out nothing.
_Mask = frozenset[str] | None
_Joining = Callable[[list[_Mask]], _Mask]
# The first of many masks are enough to tell two apart.
_MOST = 100


def problems(seen: Comparison) -> Iterator[Problem]:
    """Masks that are heeded on one side alone, and layers that fail at the first mask they get."""
    if not seen.writer or not seen.reader:
        return
    for node in seen.nodes():
        layers = node.config.get("layers")
        if isinstance(layers, list) and any(_begins(item) for item in layers):
            yield from _of_model(seen, list(fed_layers(layers)))


def _of_model(seen: Comparison, layers: list[Fed]) -> Iterator[Problem]:
    before, now = (_given(layers, _joining(side)) for side in (seen.writer, seen.reader))
    heeded = _heeded(layers)
    for layer in layers:
        item, name, class_name = layer.item, layer.name, layer.class_name
        if class_name in _HEEDING | _RECURRENT and before.get(name) != now.get(name):
            yield Problem(
                code="EL113",
                subject=label(item),
                message=f"{label(item)} heeds the mask behind merged inputs otherwise in {seen.reader_name}",
                loaders=_BOTH,
                is_silent=True,
            )
        masks = now.get(name, [])
        if class_name in _ATTENTION and (3, 0, 5) <= seen.reader < (3, 12) and len(masks) > 1 and masks[1]:
            yield _fails(
                seen, item, "InvalidArgumentError: Exception encountered when calling", "Incompatible shapes"
            )
        if class_name == "Concatenate" and any(masks) and name in heeded:
            yield from _concatenated(seen, item, name)


def _concatenated(seen: Comparison, item: dict[str, Any], name: str) -> Iterator[Problem]:
    """Its mask is computed by operations, which need every dimension, or have its own name."""
    if seen.reader >= (3, 4) and seen.writer < THREE and name == "concatenate":
        yield Problem(
            code="EL126",
            subject=label(item),
            message=f"{label(item)} gets masks, which {seen.reader_name} joins by an operation of that name",
            error=f'ValueError: The name "{name}" is used 2 times in the model.',
        )
    elif (3, 4) <= seen.reader < (3, 12) and seen.writer < (3, 12):
        yield _fails(
            seen, item, "Exception encountered when calling BroadcastTo", "Failed to convert elements"
        )


def _fails(seen: Comparison, item: dict[str, Any], said: str, why: str) -> Problem:
    class_name = text_of(item, "class_name")
    return Problem(
        code="EL129",
        subject=label(item),
        message=f"{label(item)} gets a mask, with which {seen.reader_name} cannot call it",
        error=f"{said} {class_name}.call(). {why}",
        loaders=_BOTH,
    )


def _given(layers: list[Fed], joined: _Joining) -> dict[str, list[_Mask]]:
    """The masks that each layer gets, by its name, in the order of its inputs."""
    found: dict[str, list[_Mask]] = {}
    told: dict[str, _Mask] = {}
    for layer in layers:
        masks = [told.get(source) for source in layer.sources]
        found[layer.name] = masks
        if _begins(layer.item):
            told[layer.name] = frozenset([layer.name])
        elif layer.class_name in _MERGES:
            told[layer.name] = joined(masks)
        elif masks and (layer.class_name in _PASSING or _returns_steps(layer)):
            told[layer.name] = masks[0]
    return found


def _joining(release: Release) -> _Joining:
    def joined(masks: list[_Mask]) -> _Mask:
        is_dropped = release >= (3, 4) and not all(masks)
        if is_dropped or THREE <= release < (3, 4):
            return None
        together = frozenset().union(*(mask for mask in masks if mask))
        return frozenset(sorted(together)[:_MOST]) or None

    return joined


def _begins(item: object) -> bool:
    name = text_of(item, "class_name")
    return name == "Masking" or (name == "Embedding" and config_of(item).get("mask_zero") is True)


def _returns_steps(layer: Fed) -> bool:
    config = config_of(layer.item)
    inner = config_of(config.get("layer")) if layer.class_name == "Bidirectional" else config
    return layer.class_name in _RECURRENT | {"Bidirectional"} and inner.get("return_sequences") is True


def _heeded(layers: list[Fed]) -> set[str]:
    """The layers behind which another one looks at masks, right there or past some that hand them on."""
    found: set[str] = set()
    for layer in reversed(layers):
        is_passed = layer.class_name in _PASSING | _MERGES and layer.name in found
        if is_passed or layer.class_name in _HEEDING | _RECURRENT | _ATTENTION:
            found.update(layer.sources)
    return found
