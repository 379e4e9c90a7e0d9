"""Values that constructors of Keras 2 refuse, beyond what is harvested from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from envlock.knowledge.loading.common import (
    config_of,
    label,
    listed,
    missing_code,
    own_text_functions,
    policy_of,
    shown,
    text_of,
)
from envlock.knowledge.loading.keras2_load import Load, refused
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import Release

if TYPE_CHECKING:
    from envlock.knowledge.releases import KerasClass

__all__ = ["WRAPPED", "problems", "wrapped"]

# How arrays are written down in archives; none of the constructors of Keras 2 unwraps them.
WRAPPED = frozenset({"__numpy__", "__tensor__", "__bytes__"})

# How a recurrent layer has to be for cuDNN to run it.
_CUDNN: dict[str, object] = {
    "activation": "tanh", "recurrent_activation": "sigmoid", "recurrent_dropout": 0, "unroll": False,
    "use_bias": True, "reset_after": True,
}  # fmt: skip

_TEXTS = frozenset({"lower_and_strip_punctuation", "lower", "strip_punctuation", "whitespace", "character"})

# What a key may hold, up to the release that widened it; `None` is always taken.
_ALLOWED: tuple[tuple[str, str, frozenset[str], Release, Release], ...] = (
    ("StringLookup", "output_mode", frozenset({"int", "binary", "count", "tf-idf"}), (2, 4), (2, 5)),
    ("IntegerLookup", "output_mode", frozenset({"int", "binary", "count", "tf-idf"}), (2, 4), (2, 5)),
)


def problems(load: Load, item: dict[str, Any], found: KerasClass) -> Iterator[Problem]:
    """The values of one object that the constructor of its class refuses in this release, or its `build`."""
    name, config = found.mro[0], config_of(item)
    yield from _enumerated(load, item, name)
    if name in {"IntegerLookup", "StringLookup"} and load.reader < (2, 8):
        yield from _lookup(load, item, name)
    elif name == "Normalization" and load.reader < (2, 6) and config.get("mean") is not None:
        yield refused(
            "EL128",
            item,
            f"holds its mean and variance in its configuration, {load.reader_name} expects them as weights",
            error="You are trying to load a weight file containing 0 layers into a model with 1 layers.",
        )
    elif name == "BatchNormalization" and config.get("virtual_batch_size") is not None:
        yield from _virtual_batch(item)
    elif name == "TextVectorization":
        yield from _vectorized(load, item)
    elif name in {"GRU", "LSTM"} and (2,) <= load.tensorflow < (2, 13):
        yield from _short_steps(item)
    elif "Conv" in found.mro and not load.has_gpu:
        yield from _on_cpu(load, item)
    elif name.startswith("LocallyConnected") and load.reader < (2, 12) and load.numpy >= (1, 24):
        yield from _masked(load, item)


def wrapped(load: Load, item: dict[str, Any], *, avoided_by: str = "") -> Iterator[Problem]:
    """The arrays in a configuration that the constructor gets as they are written."""
    for key, value in config_of(item).items():
        class_name = text_of(value, "class_name")
        if load.is_archive and class_name in WRAPPED:
            yield refused(
                "EL125",
                item,
                f"carries `{shown(key)}` as {class_name}, which {load.reader_name} does not unwrap",
                error=f"Error when deserializing class {item['class_name']!r} {{'class_name': '{class_name}'",
                avoided_by=avoided_by,
            )


def _enumerated(load: Load, item: dict[str, Any], name: str) -> Iterator[Problem]:
    for owner, key, allowed, since, until in _ALLOWED:
        value = config_of(item).get(key)
        if owner != name or not since <= load.reader < until:
            continue
        if isinstance(value, str) and value not in allowed:
            said = listed(sorted(allowed))
            yield refused(
                "EL125",
                item,
                f"has {shown(value)!r} as `{key}`, of which {load.reader_name} knows {said}",
                error=f"{name}'s {key} arg received an invalid value {shown(value)}",
            )


def _on_cpu(load: Load, item: dict[str, Any]) -> Iterator[Problem]:
    """What TensorFlow computes on a CPU only since oneDNN came with it."""
    config = config_of(item)
    groups = config.get("groups")
    if config.get("data_format") == "channels_first" and (2,) <= load.tensorflow < (2, 9):
        what, since = "has its channels first", "2.9"
        error = "The Conv2D op currently only supports the NHWC tensor format on the CPU"
    elif isinstance(groups, int) and groups > 1 and (2,) <= load.tensorflow < (2, 5):
        what, since = "is a grouped convolution", "2.5"
        error = "The Conv2D op currently does not support grouped convolutions on the CPU"
    else:
        return
    said = f"{what}, which TensorFlow computes without a GPU since {since}"
    yield refused("EL129", item, said, error=error)


def _lookup(load: Load, item: dict[str, Any], name: str) -> Iterator[Problem]:
    dtype, allowed = config_of(item).get("dtype"), {"StringLookup": "string"}.get(name, "int64")
    if isinstance(dtype, str) and dtype != allowed:
        yield refused(
            "EL125",
            item,
            f"has dtype {shown(dtype)!r}, {load.reader_name} takes {allowed!r} alone",
            error=f"The value of the dtype argument for {name} may only be one of",
        )


def _vectorized(load: Load, item: dict[str, Any]) -> Iterator[Problem]:
    """What stands between a layer that makes numbers of text, and its constructor."""
    if load.is_archive and "module" not in item:
        yield from _resolved_too_early(load, item)
    for key, name in own_text_functions(config_of(item)) if load.is_code_missing else ():
        error = f"Unkown value for `{key}` argument of layer TextVectorization"
        yield missing_code(name, label(item), error=error)
    given = config_of(item).get("ngrams")
    if isinstance(given, list):
        yield refused(
            "EL125",
            item,
            f"has a list as `ngrams`, of which {load.reader_name} asks to be a tuple; an archive keeps none",
            error=f"`ngrams` must be None, an integer, or a tuple of integers. Received: {shown(given)}",
        )


def _resolved_too_early(load: Load, item: dict[str, Any]) -> Iterator[Problem]:
    """A function in a layer of the older form, which 2.13 has found already when it looks for it."""
    config = config_of(item)
    for key in ("standardize", "split"):
        value = config.get(key)
        if load.reader >= (2, 13) and isinstance(value, str) and value not in _TEXTS:
            yield refused(
                "EL121",
                item,
                f"has the function {shown(value)} as `{key}`, written as Keras 2.12 does, "
                f"which {load.reader_name} does not parse",
                error=f"Could not parse config: <function {shown(value)}",
            )


def _masked(load: Load, item: dict[str, Any]) -> Iterator[Problem]:
    """The implementations that make a mask of the type that NumPy called `bool` until 1.24."""
    if config_of(item).get("implementation") in (2, 3):
        yield refused(
            "EL129",
            item,
            f"makes a mask, for which {load.reader_name} needs a NumPy before 1.24",
            error="module 'numpy' has no attribute 'bool'",
        )


def _short_steps(item: dict[str, Any]) -> Iterator[Problem]:
    """Recurrent layers in bfloat16, of which every one that cuDNN could run is drawn for it as well."""
    config = config_of(item)
    is_drawn = all(config.get(key, value) == value for key, value in _CUDNN.items())
    if not policy_of(config).endswith("bfloat16") or not is_drawn:
        return
    yield refused(
        "EL129",
        item,
        "computes in bfloat16, which TensorFlow does not before 2.13 where cuDNN could run the layer",
        error="Value passed to parameter 'input' has DataType bfloat16 not in list of allowed values: "
        "float16, float32, float64",
    )


def _virtual_batch(item: dict[str, Any]) -> Iterator[Problem]:
    """With `virtual_batch_size` the axis is written as of inputs that have a dimension more."""
    if isinstance(config_of(item).get("axis"), list):
        yield refused(
            "EL125",
            item,
            "has a virtual batch size, and an axis that counts the dimension added for it",
            error="Invalid value for `axis` argument. Expected 0 <= axis < inputs.rank",
        )
