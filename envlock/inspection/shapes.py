"""The shape that data has behind a layer of Keras', as far as settings tell; the batch is the first size."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

__all__ = ["Shape", "Sizes", "after", "einsum", "known", "number"]

Sizes: TypeAlias = "tuple[int | None, ...]"
Shape: TypeAlias = "Sizes | None"
_Rule: TypeAlias = "Callable[[dict[str, Any], list[Sizes]], Shape]"

_MOST_AXES = 16
_MOST = 1 << 60


def after(name: str, config: dict[str, Any], inputs: list[Shape]) -> Shape:
    """The shape behind a layer or an operation with these inputs; `None` where nothing tells."""
    rule = _RULES.get(name)
    given = [shape for shape in inputs if shape is not None]
    if rule is None or len(given) < len(inputs) or not given:
        return None
    try:
        found = rule(config, given)
    except (TypeError, ValueError, IndexError, KeyError, ArithmeticError, AttributeError):
        return None
    return known(found)


def known(shape: object) -> Shape:
    """A shape out of a configuration, if it is one."""
    if not isinstance(shape, (list, tuple)) or not 0 < len(shape) <= _MOST_AXES:
        return None
    if not all(size is None or type(size) is int for size in shape):
        return None
    return tuple(None if size is None or size < 0 else min(size, _MOST) for size in shape)


def number(config: dict[str, Any], *keys: str) -> int:
    """The first of these settings that is a whole number; `KeyError` where none is."""
    for key in keys:
        value = config.get(key)
        if type(value) is int:
            return value
        if type(value) is float and value.is_integer():
            return int(value)
    raise KeyError(keys)


def einsum(config: dict[str, Any], shape: Sizes) -> tuple[Sizes, Sizes]:
    """The shape behind an EinsumDense, and that of its kernel."""
    left, _, right = str(config["equation"]).replace(" ", "").partition("->")
    data, _, kernel = left.partition(",")
    inner, outer = data.replace("...", ""), right.replace("...", "")
    leading = shape[: len(shape) - len(inner)]
    sizes = dict(zip(inner, shape[len(leading) :], strict=True))
    given = config["output_shape"]
    given = given if isinstance(given, list) else [given]
    asked = dict(zip(outer[-len(given) :], given, strict=True))
    sizes |= {letter: size for letter, size in asked.items() if size is not None}
    return (*leading, *(sizes.get(letter) for letter in outer)), tuple(sizes.get(sign) for sign in kernel)


def _same(_: dict[str, Any], inputs: list[Sizes]) -> Shape:
    return inputs[0]


def _units(config: dict[str, Any], inputs: list[Sizes]) -> Shape:
    return (*inputs[0][:-1], number(config, "units"))


def _einsum(config: dict[str, Any], inputs: list[Sizes]) -> Shape:
    return einsum(config, inputs[0])[0]


def _embedded(config: dict[str, Any], inputs: list[Sizes]) -> Shape:
    return (*inputs[0], number(config, "output_dim"))


def _times(*sizes: int | None) -> int | None:
    return None if None in sizes else min(math.prod(size for size in sizes if size is not None), _MOST)


def _flat(_: dict[str, Any], inputs: list[Sizes]) -> Shape:
    return (inputs[0][0], _times(*inputs[0][1:]))


def _reshaped(config: dict[str, Any], inputs: list[Sizes]) -> Shape:
    target = config.get("target_shape")
    if target is None:
        target = config["newshape" if "newshape" in config else "shape"][1:]
    whole = _times(*inputs[0][1:])
    rest = _times(*(size for size in target if size != -1))
    missing = None if whole is None or not rest else whole // rest
    return (inputs[0][0], *(missing if size == -1 else size for size in target))


def _permuted(config: dict[str, Any], inputs: list[Sizes]) -> Shape:
    return (inputs[0][0], *(inputs[0][axis] for axis in config["dims"]))


def _repeated(config: dict[str, Any], inputs: list[Sizes]) -> Shape:
    return (inputs[0][0], number(config, "n"), inputs[0][1])


def _joined(config: dict[str, Any], inputs: list[Sizes]) -> Shape:
    axis = config.get("axis", -1) % len(inputs[0])
    sizes = [shape[axis] for shape in inputs]
    total = None if None in sizes else sum(size for size in sizes if size is not None)
    return (*inputs[0][:axis], total, *inputs[0][axis + 1 :])


def _merged(_: dict[str, Any], inputs: list[Sizes]) -> Shape:
    axes = max(len(shape) for shape in inputs)
    padded = [(1,) * (axes - len(shape)) + shape for shape in inputs]
    return tuple(_larger([shape[axis] for shape in padded]) for axis in range(axes))


def _larger(sizes: list[int | None]) -> int | None:
    return max((size for size in sizes if size is not None and size != 1), default=sizes[0])


def _each(value: Any, axes: int) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value] * axes


def _parted(config: dict[str, Any], shape: Sizes) -> tuple[list[int | None], int | None, bool]:
    """The sizes of an image, its channels, and whether these come first."""
    is_first = config.get("data_format") == "channels_first"
    return (list(shape[2:]), shape[1], True) if is_first else (list(shape[1:-1]), shape[-1], False)


def _whole(
    config: dict[str, Any], shape: Sizes, change: Callable[..., int | None], *more: list[Any], channels: Any
) -> Shape:
    """An image whose sizes are changed one by one, with its numbers of channels."""
    sizes, _, is_first = _parted(config, shape)
    new = [
        None if size is None else change(size, *extra)
        for size, *extra in zip(sizes, *more, strict=True)
    ]  # fmt: skip
    return (shape[0], channels, *new) if is_first else (shape[0], *new, channels)


def _moved(config: dict[str, Any], shape: Sizes, kernel: Any, strides: Any, channels: Any) -> Shape:
    axes = len(shape) - 2
    is_valid = config.get("padding", "valid") == "valid"
    steps = _each(kernel if strides is None else strides, axes)
    spread = _each(config.get("dilation_rate", 1), axes)

    def change(size: int, width: int, step: int, apart: int) -> int:
        return (size - (width - 1) * apart - 1) // step + 1 if is_valid else -(-size // step)

    return _whole(config, shape, change, _each(kernel, axes), steps, spread, channels=channels)


def _convolved(config: dict[str, Any], inputs: list[Sizes]) -> Shape:
    filters = number(config, "filters")
    return _moved(config, inputs[0], config["kernel_size"], config.get("strides", 1), filters)


def _by_depth(config: dict[str, Any], inputs: list[Sizes]) -> Shape:
    channels = _times(_parted(config, inputs[0])[1], config.get("depth_multiplier", 1))
    return _moved(config, inputs[0], config["kernel_size"], config.get("strides", 1), channels)


def _transposed(config: dict[str, Any], inputs: list[Sizes]) -> Shape:
    axes, extra = len(inputs[0]) - 2, config.get("padding", "valid") == "valid"

    def change(size: int, width: int, step: int) -> int:
        return size * step + (max(width - step, 0) if extra else 0)

    more = _each(config["kernel_size"], axes), _each(config.get("strides", 1), axes)
    return _whole(config, inputs[0], change, *more, channels=number(config, "filters"))


def _pooled(config: dict[str, Any], inputs: list[Sizes]) -> Shape:
    channels = _parted(config, inputs[0])[1]
    return _moved(config, inputs[0], config["pool_size"], config.get("strides"), channels)


def _pooled_whole(config: dict[str, Any], inputs: list[Sizes]) -> Shape:
    channels = _parted(config, inputs[0])[1]
    if config.get("keepdims"):
        return _whole(config, inputs[0], lambda _: 1, channels=channels)
    return (inputs[0][0], channels)


def _enlarged(config: dict[str, Any], inputs: list[Sizes]) -> Shape:
    channels = _parted(config, inputs[0])[1]
    more = _each(config["size"], len(inputs[0]) - 2)
    return _whole(config, inputs[0], lambda size, by: size * by, more, channels=channels)


def _bordered(config: dict[str, Any], inputs: list[Sizes], sign: int) -> Shape:
    axes = len(inputs[0]) - 2
    given = config["padding" if sign > 0 else "cropping"]
    if axes == 1 and isinstance(given, list):
        given = [given]
    sides = [sum(_each(side, 2)) for side in _each(given, axes)]
    channels = _parted(config, inputs[0])[1]
    return _whole(config, inputs[0], lambda size, by: max(size + sign * by, 0), sides, channels=channels)


def _padded(config: dict[str, Any], inputs: list[Sizes]) -> Shape:
    return _bordered(config, inputs, 1)


def _cropped(config: dict[str, Any], inputs: list[Sizes]) -> Shape:
    return _bordered(config, inputs, -1)


def _resized(config: dict[str, Any], inputs: list[Sizes]) -> Shape:
    size = [number(config, "height"), number(config, "width")]
    channels = _parted(config, inputs[0])[1]
    is_first = config.get("data_format") == "channels_first"
    return (inputs[0][0], channels, *size) if is_first else (*inputs[0][:-3], *size, channels)


def _recurrent(config: dict[str, Any], inputs: list[Sizes]) -> Shape:
    steps = inputs[0][1:2] if config.get("return_sequences") else ()
    return (inputs[0][0], *steps, number(config, "units"))


def _encoded(config: dict[str, Any], inputs: list[Sizes]) -> Shape:
    """Numbers of words, or one place for each word that there is."""
    shape, mode = inputs[0], config.get("output_mode", "int" if "num_tokens" not in config else "multi_hot")
    if mode == "int":
        length = config.get("output_sequence_length")
        return (*shape[:1], length) if "standardize" in config else shape
    size = next((config[key] for key in ("num_tokens", "num_bins", "max_tokens") if config.get(key)), None)
    if size is None and isinstance(config.get("vocabulary"), list):
        size = len(config["vocabulary"]) + config.get("num_oov_indices", 1)
    is_each = mode == "one_hot" and shape[-1] != 1
    return (*shape, size) if is_each else (*shape[:-1], size) if len(shape) > 1 else (shape[0], size)


def _attended(_: dict[str, Any], inputs: list[Sizes]) -> Shape:
    return (*inputs[0][:-1], inputs[1][-1])


def _heads(config: dict[str, Any], inputs: list[Sizes]) -> Shape:
    given = config.get("output_shape")
    if given is None:
        return inputs[0]
    return (*inputs[0][:-1], *_each(given, 1))


def _reduced(config: dict[str, Any], inputs: list[Sizes]) -> Shape:
    axes = config.get("axis")
    shape = inputs[0]
    gone = {axis % len(shape) for axis in (range(len(shape)) if axes is None else _each(axes, 1))}
    if config.get("keepdims"):
        return tuple(1 if axis in gone else size for axis, size in enumerate(shape))
    return tuple(size for axis, size in enumerate(shape) if axis not in gone) or (1,)


def _expanded(config: dict[str, Any], inputs: list[Sizes]) -> Shape:
    shape = list(inputs[0])
    for axis in _each(config["axis"], 1):
        shape.insert(axis % (len(shape) + 1), 1)
    return tuple(shape)


def _squeezed(config: dict[str, Any], inputs: list[Sizes]) -> Shape:
    axes = config.get("axis")
    if axes in (None, []):
        return None
    gone = {axis % len(inputs[0]) for axis in _each(axes, 1)}
    return tuple(size for axis, size in enumerate(inputs[0]) if axis not in gone)


def _turned(config: dict[str, Any], inputs: list[Sizes]) -> Shape:
    axes = config.get("axes", config.get("perm"))
    return tuple(reversed(inputs[0])) if axes is None else tuple(inputs[0][axis] for axis in axes)


def _tiled(config: dict[str, Any], inputs: list[Sizes]) -> Shape:
    by = config.get("repeats", config.get("multiples"))
    by = _each(by, len(inputs[0]))
    shape = (1,) * (len(by) - len(inputs[0])) + inputs[0]
    by = [1] * (len(shape) - len(by)) + by
    return tuple(_times(size, times) for size, times in zip(shape, by, strict=True))


def _said_again(config: dict[str, Any], inputs: list[Sizes]) -> Shape:
    axis, by = config.get("axis"), config["repeats"]
    total = sum(by) if isinstance(by, list) else by
    if axis is None:
        return (_times(*inputs[0], total),)
    shape = list(inputs[0])
    shape[axis] = total if isinstance(by, list) else _times(shape[axis], total)
    return tuple(shape)


def _broadcast(config: dict[str, Any], _: list[Sizes]) -> Shape:
    return known(config["shape"])


def _stacked(config: dict[str, Any], inputs: list[Sizes]) -> Shape:
    shape = list(inputs[0])
    shape.insert(config.get("axis", 0) % (len(shape) + 1), len(inputs))
    return tuple(shape)


def _multiplied(_: dict[str, Any], inputs: list[Sizes]) -> Shape:
    return (*inputs[0][:-1], inputs[1][-1])


_BY_RULE: tuple[tuple[_Rule, str], ...] = (
    (_same, ("Dropout Activation BatchNormalization LayerNormalization GroupNormalization UnitNormalization "
     "SpectralNormalization RMSNormalization BatchNormalizationV1 BatchNormalizationV2 "
     "SyncBatchNormalization ReLU LeakyReLU ELU PReLU Softmax ThresholdedReLU Identity Masking "
     "GaussianNoise GaussianDropout AlphaDropout SpatialDropout1D SpatialDropout2D SpatialDropout3D "
     "ActivityRegularization Normalization Rescaling RandomFlip RandomRotation RandomZoom RandomTranslation "
     "RandomContrast RandomBrightness InputLayer Relu Gelu Sigmoid Tanh Exp Log Sqrt Square Abs Negative Sin "
     "Cos Cast Silu Elu Selu Softplus Clip StopGradient nn.relu nn.gelu nn.silu nn.softmax nn.sigmoid "
     "nn.tanh math.exp math.log math.sqrt math.square math.abs math.sigmoid math.tanh cast identity "
     "clip_by_value stop_gradient math.sin math.cos nn.swish nn.leaky_relu math.negative")),
    (_units, "Dense"),
    (_einsum, "EinsumDense"),
    (_embedded, "Embedding ReversibleEmbedding"),
    (_flat, "Flatten"),
    (_reshaped, "Reshape reshape"),
    (_permuted, "Permute"),
    (_repeated, "RepeatVector"),
    (_joined, "Concatenate concat"),
    (_merged, ("Add Subtract Multiply Average Maximum Minimum Divide TrueDivide Power __operators__.add "
     "__operators__.mul __operators__.sub __operators__.truediv __operators__.radd __operators__.rmul "
     "__operators__.rsub math.add math.multiply math.subtract math.divide math.maximum math.minimum "
     "math.truediv __operators__.pow")),
    (_convolved, ("Conv1D Conv2D Conv3D SeparableConv1D SeparableConv2D Convolution1D Convolution2D "
     "LocallyConnected1D LocallyConnected2D")),
    (_by_depth, "DepthwiseConv1D DepthwiseConv2D"),
    (_transposed, "Conv1DTranspose Conv2DTranspose Conv3DTranspose"),
    (_pooled, "MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D AveragePooling2D AveragePooling3D"),
    (_pooled_whole, ("GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D "
     "GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D")),
    (_enlarged, "UpSampling1D UpSampling2D UpSampling3D"),
    (_padded, "ZeroPadding1D ZeroPadding2D ZeroPadding3D"),
    (_cropped, "Cropping1D Cropping2D Cropping3D"),
    (_resized, "Resizing CenterCrop RandomCrop"),
    (_recurrent, "LSTM GRU SimpleRNN CuDNNLSTM CuDNNGRU"),
    (_encoded, "CategoryEncoding Hashing StringLookup IntegerLookup TextVectorization Discretization"),
    (_attended, "Attention AdditiveAttention"),
    (_heads, "MultiHeadAttention GroupQueryAttention GroupedQueryAttention"),
    (_reduced, "Mean Sum Max Min Prod math.reduce_mean math.reduce_sum math.reduce_max math.reduce_min"),
    (_expanded, "ExpandDims expand_dims"),
    (_squeezed, "Squeeze squeeze"),
    (_turned, "Transpose transpose compat.v1.transpose"),
    (_tiled, "Tile tile"),
    (_said_again, "Repeat repeat"),
    (_broadcast, "BroadcastTo broadcast_to"),
    (_stacked, "Stack stack"),
    (_multiplied, "Matmul linalg.matmul"),
)  # fmt: skip
_RULES = {name: rule for rule, names in _BY_RULE for name in names.split()}
