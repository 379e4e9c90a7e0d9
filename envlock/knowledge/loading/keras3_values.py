"""Values that Keras 3 refuses of a key it accepts, and values that mean something else there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from envlock.knowledge.loading.common import label, own_text_functions, shown, text_of
from envlock.knowledge.loading.keras3_shapes import fed_rank
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import Release
from envlock.values import frozen

if TYPE_CHECKING:
    from envlock.knowledge.loading.keras3_loader import Loader
    from envlock.knowledge.releases import KerasClass

__all__ = ["value_problems"]

_EVER: Release = (3,)
_NEVER: Release = (99,)

# The releases between which means are broadcast as they are given.
_SPREAD: Release = (3, 8)
_ALIGNED: Release = (3, 14)

# The first release that tells the shape of what a model gives.
_SHAPED: Release = (3, 4)

Config = dict[str, Any]


@frozen(kw_only=True)
class _Row:
    """
    A check that the constructor of a class, or of those derived from it, makes.

    `refuses` tells of a configuration whether it fails the check; `since` and `until` are the releases
    that make it, the latter being the first that does not.
    """

    classes: frozenset[str]
    key: str
    refuses: Callable[[Config], bool]
    error: str
    since: Release = _EVER
    until: Release = _NEVER


def value_problems(
    loader: Loader, found: KerasClass | None, item: dict[str, Any], config: Config, *, avoided_by: str = ""
) -> Iterator[Problem]:
    """The values of one object that the constructor of its class refuses."""
    what = label(item)
    lineage = set(found.mro) if found is not None else {"Layer"} if "trainable" in config else set()
    for row in _ROWS:
        if row.classes & lineage and row.since <= loader.release < row.until and _refuses(row, config):
            value = shown(config.get(row.key))
            yield Problem(
                code="EL125",
                subject=what,
                message=f"{what} has {row.key}={value}, which {loader.name} does not take",
                error=row.error,
                avoided_by=avoided_by,
            )
    if "TimeDistributed" in lineage and loader.release < _SHAPED:
        yield from _shapeless(loader, item, config)
    if "TextVectorization" in lineage and loader.is_legacy:
        yield from _unparsed(item, config, loader.name)
    if "Normalization" in lineage and _SPREAD <= loader.release < _ALIGNED:
        yield from _misaligned(loader, item, config)


def _unparsed(item: dict[str, Any], config: Config, reader: str) -> Iterator[Problem]:
    """A function of the user's in the place of a text, which is found and then taken for a configuration."""
    for key, name in own_text_functions(config):
        yield Problem(
            code="EL125",
            subject=label(item),
            message=f"{label(item)} has {shown(name)} as {key}; {reader} takes no own function from .h5",
            error=f"TypeError: Could not parse config: <function {shown(name.rpartition('>')[2])}>",
        )


def _misaligned(loader: Loader, item: dict[str, Any], config: Config) -> Iterator[Problem]:
    """Means along another axis than the last, which these releases spread along that."""
    match config.get("axis"), config.get("mean"):
        case ([int(axis)], [_, _, *_]) | (int(axis), [_, _, *_]):
            rank = fed_rank(loader, item)
            if rank is None or axis in {-1, rank - 1}:
                return
            yield Problem(
                code="EL125",
                subject=label(item),
                message=f"{label(item)} has means along axis {axis}; {loader.name} takes them along the last",
                error="InvalidArgumentError: {{function_node __wrapped__BroadcastTo_device_}} Unable to "
                "broadcast tensor of shape",
            )


def _shapeless(loader: Loader, item: dict[str, Any], config: Config) -> Iterator[Problem]:
    """
    A model in TimeDistributed, of whose output no shape is told before 3.4.

    A Sequential waits with it: from an archive its layers are built already, from an `.h5` file they are not.
    """
    if text_of(config.get("layer"), "class_name") not in {"Sequential", "Functional", "Model"}:
        return
    what = label(item)
    if "inbound_nodes" in item:
        error = "NotImplementedError: Layer Sequential should implement `def compute_output_shape`"
    elif loader.is_legacy:
        error = "ValueError: Layer count mismatch when loading weights from file. Model expected"
    else:
        return
    yield Problem(
        code="EL125",
        subject=what,
        message=f"{what} holds a model, of whose output {loader.name} does not know the shape",
        error=error,
    )


def _refuses(row: _Row, config: Config) -> bool:
    return row.key in config and row.refuses(config)


def _among(key: str, *allowed: object) -> Callable[[Config], bool]:
    """Whether a plain value is none of the known ones."""

    def refuses(config: Config) -> bool:
        value = config[key]
        return isinstance(value, (str, int, float, type(None))) and value not in allowed

    return refuses


def _row(classes: str, key: str, refuses: Callable[[Config], bool], error: str, **bounds: Release) -> _Row:
    return _Row(classes=frozenset(classes.split()), key=key, refuses=refuses, error=error, **bounds)


def _has_slash(config: Config) -> bool:
    name = text_of(config, "name")
    return name is not None and "/" in name


def _is_list(key: str) -> Callable[[Config], bool]:
    return lambda config: isinstance(config[key], list)


def _begins_below_zero(key: str) -> Callable[[Config], bool]:
    """Whether a range begins below zero, as what one number given as such is written down as."""

    def refuses(config: Config) -> bool:
        match config[key]:
            case [int() | float() as least, *_]:
                return least < 0
        return False

    return refuses


def _is_scalar_mean(config: Config) -> bool:
    """One number for all features, which older releases only take where there is one feature."""
    shape = config.get("input_shape") or config.get("batch_input_shape")
    has_one = isinstance(shape, list) and shape[-1:] == [1]
    return isinstance(config["mean"], (int, float)) and config.get("axis", -1) not in ([], ()) and not has_one


def _has_bins_twice(config: Config) -> bool:
    bins, bounds = config["num_bins"], config.get("bin_boundaries")
    return isinstance(bins, int) and isinstance(bounds, list) and len(bounds) != bins - 1


def _hashes_into_floats(config: Config) -> bool:
    dtype = config["dtype"]
    is_whole = dtype in (None, "int32", "int64") or not isinstance(dtype, str)
    return config.get("output_mode", "int") == "int" and not is_whole


_RESIZED = ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic")
_SLASH = "ValueError: Argument `name` must be a string and cannot contain character `/`"
_FACTOR = (
    "TypeError: The `factor` argument should be a number (or a list of two numbers) in the range [0, 1.0]"
)
_INTERPOLATION = "ValueError: Invalid value for argument `interpolation`. Expected of one"

_ROWS = (
    _row(
        "InputLayer",
        "batch_input_shape",
        lambda config: not {"shape", "batch_shape", "input_shape"} & set(config),
        "ValueError: You must pass a `shape` argument.",
        until=(3, 0, 2),
    ),
    _row("Layer Operation", "name", _has_slash, _SLASH),
    _row(
        "BatchNormalization",
        "axis",
        _is_list("axis"),
        "TypeError: int() argument must be a string, a bytes-like object or a real number, not 'list'",
    ),
    _row(
        "Normalization",
        "mean",
        _is_scalar_mean,
        "InvalidArgumentError: {{function_node __wrapped__Reshape_device_}} Input to reshape is a tensor "
        "with 1 values, but the requested shape has more",
        until=(3, 8),
    ),
    _row(
        "Resizing UpSampling2D",
        "interpolation",
        _among("interpolation", *_RESIZED),
        _INTERPOLATION,
        until=(3, 6),
    ),
    _row(
        "Resizing UpSampling2D",
        "interpolation",
        _among("interpolation", *_RESIZED, "area"),
        _INTERPOLATION,
        since=(3, 6),
    ),
    _row("RandomShear", "x_factor", _begins_below_zero("x_factor"), _FACTOR),
    _row("RandomShear", "y_factor", _begins_below_zero("y_factor"), _FACTOR),
    _row(
        "MultiHeadAttention",
        "output_shape",
        _is_list("output_shape"),
        "TypeError: Exception encountered when calling MultiHeadAttention.call(). can only concatenate tuple "
        '(not "TrackedList") to tuple',
        until=(3, 7),
    ),
    _row(
        "Hashing",
        "dtype",
        lambda config: config.get("output_mode", "int") == "int" and isinstance(config["dtype"], dict),
        'ValueError: When `output_mode="int"`, `dtype` should be an integer type, `int32` or `in64`',
        until=(3, 4),
    ),
    _row(
        "Hashing",
        "dtype",
        _hashes_into_floats,
        'ValueError: When `output_mode="int"`, `dtype` should be an integer type, `int32` or `in64`',
    ),
    _row(
        "Discretization",
        "num_bins",
        _has_bins_twice,
        "ValueError: Both `num_bins` and `bin_boundaries` should not be set",
        until=(3, 9),
    ),
    _row(
        "IndexLookup TextVectorization",
        "vocabulary",
        lambda config: isinstance(config["vocabulary"], str),
        "ValueError: Requested the loading of a vocabulary file outside of the model archive",
        since=(3, 12),
    ),
)
