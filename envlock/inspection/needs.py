"""The numbers of elements in the weights of one of Keras' layers, by its settings and what it is given."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

from envlock.inspection.shapes import Shape, Sizes, after, einsum

__all__ = ["elements", "is_weighted", "units"]

_Elements: TypeAlias = "Callable[[dict[str, Any], Sizes], int | None]"
_MOST = 1 << 60


def elements(name: str, config: dict[str, Any], shape: Shape) -> int | None:
    """How many there are; `None` where nothing tells, 0 for layers without weights."""
    if name in {"Embedding", "ReversibleEmbedding"}:
        return _number(config, "input_dim") * _number(config, "output_dim")
    rule = _RULES.get(name)
    if rule is None:
        return 0
    if shape is None:
        return None
    try:
        return rule(config, shape)
    except (TypeError, ValueError, IndexError, KeyError, ArithmeticError, AttributeError):
        return None


def is_weighted(name: str) -> bool:
    """Whether a layer always has weights, one of which has its number of units as a size."""
    return name in _SIZED


def units(config: dict[str, Any]) -> int:
    """The number of units or filters; 0 where there is none."""
    return (
        _number(config, "units" if "units" in config else "filters")
        if {"units", "filters"} & set(config)
        else 0
    )


def _number(config: dict[str, Any], key: str, default: int = 1) -> int:
    value = config.get(key, default)
    if type(value) is float and value.is_integer():
        value = int(value)
    return min(abs(value), _MOST) if type(value) is int else default


def _times(*sizes: int | None) -> int | None:
    return None if None in sizes else math.prod(min(size, _MOST) for size in sizes if size is not None)


def _kernel(config: dict[str, Any], axes: int) -> int:
    size = config["kernel_size"]
    return math.prod(int(part) for part in size) if isinstance(size, list) else int(size) ** axes


def _channels(config: dict[str, Any], shape: Sizes) -> int | None:
    return shape[1] if config.get("data_format") == "channels_first" else shape[-1]


def _dense(config: dict[str, Any], shape: Sizes) -> int | None:
    return _times(_number(config, "units"), shape[-1])


def _einsum(config: dict[str, Any], shape: Sizes) -> int | None:
    return _times(*einsum(config, shape)[1])


def _convolved(config: dict[str, Any], shape: Sizes) -> int | None:
    found = _times(_kernel(config, len(shape) - 2), _number(config, "filters"), _channels(config, shape))
    return None if found is None else found // (_number(config, "groups") or 1)


def _by_depth(config: dict[str, Any], shape: Sizes) -> int | None:
    depth = _number(config, "depth_multiplier")
    return _times(_kernel(config, len(shape) - 2), _channels(config, shape), depth)


def _separable(config: dict[str, Any], shape: Sizes) -> int | None:
    depth = _by_depth(config, shape)
    point = _times(_channels(config, shape), _number(config, "depth_multiplier"), _number(config, "filters"))
    return None if depth is None or point is None else depth + point


def _local(config: dict[str, Any], shape: Sizes) -> int | None:
    found = after("Conv2D", config, [shape])
    if found is None:
        return None
    axes = len(shape) - 2
    return _times(*found[1:], _kernel(config, axes), _channels(config, shape))


def _gates(count: int) -> _Elements:
    def found(config: dict[str, Any], shape: Sizes) -> int | None:
        size, last = _number(config, "units"), shape[-1]
        return None if last is None else count * size * (size + last)

    return found


def _conv_lstm(config: dict[str, Any], shape: Sizes) -> int | None:
    channels = shape[2] if config.get("data_format") == "channels_first" else shape[-1]
    filters = _number(config, "filters")
    return None if channels is None else 4 * filters * _kernel(config, len(shape) - 3) * (channels + filters)


def _sloped(config: dict[str, Any], shape: Sizes) -> int | None:
    shared = config.get("shared_axes") or ()
    return _times(*(size for axis, size in enumerate(shape) if axis and axis not in shared))


def _scaled(config: dict[str, Any], shape: Sizes) -> int | None:
    axes = config.get("axis", -1)
    return _times(
        *(shape[axis] for axis in (axes if isinstance(axes, list) else [axes] if axes is not None else []))
    )


def _heads(config: dict[str, Any], shape: Sizes) -> int | None:
    heads = max(_number(config, "num_heads"), _number(config, "num_query_heads"))
    width = max(_number(config, "key_dim"), _number(config, "value_dim"), _number(config, "head_dim"))
    return _times(2, heads, width, shape[-1])


_RULES: dict[str, _Elements] = {
    "Dense": _dense, "EinsumDense": _einsum, "Conv1D": _convolved, "Conv2D": _convolved,
    "Conv3D": _convolved, "Conv1DTranspose": _convolved, "Conv2DTranspose": _convolved,
    "Conv3DTranspose": _convolved, "Convolution1D": _convolved, "Convolution2D": _convolved,
    "DepthwiseConv1D": _by_depth, "DepthwiseConv2D": _by_depth, "SeparableConv1D": _separable,
    "SeparableConv2D": _separable, "LocallyConnected1D": _local, "LocallyConnected2D": _local,
    "LSTM": _gates(4), "CuDNNLSTM": _gates(4), "GRU": _gates(3), "CuDNNGRU": _gates(3),
    "SimpleRNN": _gates(1), "ConvLSTM1D": _conv_lstm, "ConvLSTM2D": _conv_lstm, "ConvLSTM3D": _conv_lstm,
    "PReLU": _sloped, "LayerNormalization": _scaled, "BatchNormalization": _scaled,
    "Normalization": _scaled, "MultiHeadAttention": _heads, "GroupQueryAttention": _heads,
    "GroupedQueryAttention": _heads,
}  # fmt: skip
_SIZED = frozenset(
    ["Dense", "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose", "LSTM",
     "GRU", "SimpleRNN", "SeparableConv1D", "SeparableConv2D", "Convolution1D", "Convolution2D"]
)  # fmt: skip
