"""How much memory the settings of Keras' own objects ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

__all__ = ["MOST_PRODUCT", "Budget", "asked", "plain", "product", "untied"]

MOST_PRODUCT = 1 << 33
_MOST_ALONE = 1 << 24
_MOST_OF_WEIGHTS = 1 << 16
_MOST_ELEMENTS = 1 << 26

# Numbers of weights, which cannot be more than are stored.
_DIMENSIONS = frozenset(
    ["units", "filters", "input_dim", "output_dim", "num_heads", "key_dim", "value_dim", "head_dim",
     "num_query_heads", "num_key_value_heads", "depth_multiplier", "groups", "dimension", "rank",
     "bottleneck_depth", "embedding_dim", "hidden_dim", "intermediate_dim", "vocabulary_size", "lora_rank"]
)  # fmt: skip
# Whole numbers of any size that nothing is made of.
_NO_SIZES = frozenset(
    ["seed", "salt", "shared_object_id", "decay_steps", "first_decay_steps", "warmup_steps", "total_steps",
     "boundaries", "values", "bins", "bin_boundaries", "vocabulary", "input_vocabulary", "idf_weights",
     "mask_value", "mask_token", "oov_token", "value", "min_value", "max_value", "threshold", "thresholds",
     "scale", "offset", "mean", "variance", "dynamic_growth_steps", "initial_scale", "fill_value", "window",
     "ema_overwrite_frequency", "gradient_accumulation_steps", "min", "max", "learning_rate",
     "initial_learning_rate", "end_learning_rate", "delta", "alpha", "beta", "gamma", "epsilon", "factor",
     "constants", "initializer_value", "invalid_value"]
)  # fmt: skip
# Operations whose numbers are values and no sizes.
_ARITHMETIC = frozenset(
    ["Add", "Subtract", "Multiply", "Divide", "TrueDivide", "FloorDivide", "Mod", "Power", "Maximum",
     "Minimum", "Where", "Clip", "Greater", "GreaterEqual", "Less", "LessEqual", "Equal", "NotEqual",
     "FullLike",
     "GetItem", "SlicingOpLambda", "Threshold", "NanToNum", "BitwiseAnd", "BitwiseOr", "BitwiseXor",
     "clip_by_value", "where", "maximum", "minimum", "cast", "add", "subtract", "multiply", "strided_slice"]
)  # fmt: skip


def product(sizes: list[Any]) -> int:
    """What the whole numbers of a list make together; 1 where there are none."""
    found = 1
    for size in sizes:
        if type(size) is int and size not in {0, -1}:
            found *= abs(size)
            if found > MOST_PRODUCT:
                return found
    return found


class Budget:
    """What is allowed for a model with so many bytes of weights, and what was asked for already."""

    def __init__(self, stored: int) -> None:
        self._alone = max(_MOST_ALONE, stored)
        self._weights = max(_MOST_OF_WEIGHTS, stored)
        self._elements = max(_MOST_ELEMENTS, 4 * stored)
        self._left = 4 * self._elements

    def is_too_large(self, key: str, number: float, *, is_own: bool, is_shape: bool = False) -> bool:
        """Whether a number under a key of a configuration is one that no model of this size has."""
        if key in _DIMENSIONS:
            return number > self._weights
        if is_shape:
            return abs(number) > self._alone
        return is_own and type(number) is int and abs(number) > self._alone and key not in _NO_SIZES

    def is_too_much(self, key: str, sizes: list[Any], *, is_shape: bool) -> bool:
        """Whether the numbers of a list make more than any array has."""
        return (is_shape or key not in _NO_SIZES) and product(sizes) > MOST_PRODUCT

    def is_too_large_in_call(self, operation: str, number: float) -> bool:
        """Whether a number among the arguments of a call is one that no model of this size has."""
        is_value = operation in _ARITHMETIC or operation.startswith(("math.", "__operators__."))
        return type(number) is int and abs(number) > self._alone and not is_value

    def takes(self, elements: int) -> bool:
        """Whether an object, and all of them together, may have so many elements in its weights."""
        self._left -= elements
        return elements <= self._elements and self._left >= 0


def plain(config: dict[str, Any]) -> dict[str, Any]:
    """Settings with their tuples, which some files mark as such, as lists."""
    if not any(
        isinstance(value, dict) and value.get("class_name") == "__tuple__" for value in config.values()
    ):
        return config
    return {key: untied(value) for key, value in config.items()}


def untied(value: Any) -> Any:
    """A tuple or a shape that is marked as such, as a list."""
    if isinstance(value, dict) and value.get("class_name") in {"__tuple__", "TensorShape"}:
        return value.get("items", value.get("config"))
    return value


def asked(name: str, config: dict[str, Any], build: object) -> int:
    """How many elements the largest arrays of one of Keras' own objects have, as far as its settings tell."""
    asking = _asking(name)
    if not asking:
        return 0
    config = plain(config)
    shapes = list(_shapes(build))
    inputs = max((shape[-1] for shape in shapes if shape and type(shape[-1]) is int), default=1)
    elements = (item for one in asking for item in one(config, max(1, inputs), shapes))
    return max((_whole(item) for item in elements), default=0)


@lru_cache(256)
def _asking(name: str) -> tuple[_Elements, ...]:
    """How the elements of a class are counted, by what its name says of it."""
    return tuple(elements for part, elements in _BY_NAME.items() if part in name)


def _recurrent(config: dict[str, Any], inputs: int, _: list[list[Any]]) -> Iterator[int]:
    units = _number(config, "units")
    yield 3 * units * (units + inputs) if units > 1 else _number(config, "filters") * _kernel(config)


def _dense(config: dict[str, Any], inputs: int, _: list[list[Any]]) -> Iterator[int]:
    yield _number(config, "units") * inputs
    output = config.get("output_shape")
    yield (product(output) if isinstance(output, list) else _number(config, "output_shape")) * inputs


def _convolved(config: dict[str, Any], inputs: int, _: list[list[Any]]) -> Iterator[int]:
    channels = max(1, inputs // _number(config, "groups"))
    yield _number(config, "filters") * _kernel(config) * channels
    yield _number(config, "depth_multiplier") * _kernel(config)


def _embedded(config: dict[str, Any], _: int, __: list[list[Any]]) -> Iterator[int]:
    yield _number(config, "input_dim") * _number(config, "output_dim")


def _attending(config: dict[str, Any], inputs: int, _: list[list[Any]]) -> Iterator[int]:
    heads = _number(config, "num_heads") * _number(config, "num_query_heads")
    yield heads * max(_number(config, "key_dim"), _number(config, "head_dim")) * inputs


def _counted(config: dict[str, Any], _: int, __: list[list[Any]]) -> Iterator[int]:
    yield _number(config, "num_classes") ** 2


def _sloped(_: dict[str, Any], __: int, shapes: list[list[Any]]) -> Iterator[int]:
    yield max((product(shape[1:]) for shape in shapes), default=1)


def _drawn(config: dict[str, Any], inputs: int, _: list[list[Any]]) -> Iterator[int]:
    yield _number(config, "height") * _number(config, "width") // 16
    yield _number(config, "num_bins") * _number(config, "num_tokens") // 16
    yield _number(config, "output_dim") * inputs


_Elements = Callable[[dict[str, Any], int, list[list[Any]]], Iterator[int]]

# By a part of the class's name.
_BY_NAME: dict[str, _Elements] = {
    "LSTM": _recurrent, "GRU": _recurrent, "RNN": _recurrent, "Dense": _dense, "Conv": _convolved,
    "Embedding": _embedded, "Attention": _attending, "IoU": _counted, "PReLU": _sloped, "Resizing": _drawn,
    "Crop": _drawn, "Hashe": _drawn, "Encoding": _drawn, "Fourier": _drawn,
}  # fmt: skip


def _whole(number: int) -> int:
    return min(number, 1 << 80)


def _number(config: dict[str, Any], key: str) -> int:
    value = config.get(key)
    return min(abs(value), 1 << 40) or 1 if type(value) is int else 1


def _kernel(config: dict[str, Any]) -> int:
    size = config.get("kernel_size")
    return product(size) if isinstance(size, list) else _number(config, "kernel_size")


def _shapes(build: object) -> Iterator[list[Any]]:
    """The shapes in what a layer was built from, which is at most two levels deep."""
    waiting = [build]
    for _ in range(200):
        if not waiting:
            return
        item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list):
            if any(isinstance(part, (list, dict)) for part in item):
                waiting.extend(item)
            else:
                yield item
