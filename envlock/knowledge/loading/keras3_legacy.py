"""The small repairs that the loader of `.h5` files in Keras 3 makes to a layer, and what they spoil."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from envlock.artifacts import names
from envlock.knowledge.loading.common import SHAPES_DIFFER, config_of, kind_of, label, shown, text_of
from envlock.knowledge.loading.keras2_load import came_later
from envlock.knowledge.loading.keras3_lambda import legacy_lambda
from envlock.knowledge.loading.keras3_loader import TENSORFLOW_FUNCTIONS, Loader
from envlock.knowledge.loading.keras3_shapes import fed_rank, fed_shape
from envlock.knowledge.problem import Problem

if TYPE_CHECKING:
    from envlock.knowledge.releases import KerasClass

__all__ = ["lost_axis", "spoilt_by_functions", "taken_for_functions", "translated"]

# Kinds of which Keras 2 writes the user's own function by its bare name.
_FUNCTIONS = {"activation", "initializer", "regularizer", "constraint"}

# Layers whose weights, or whose output, have another shape on another axis.
_SHAPED_BY_AXIS = {
    "BatchNormalization", "Concatenate", "GroupNormalization", "LayerNormalization", "Normalization",
}  # fmt: skip


def translated(loader: Loader, item: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """A configuration after the small repairs that the loader of `.h5` files makes."""
    found = dict(config)
    shape = found.pop("batch_input_shape", None)
    if shape is not None:
        found["batch_shape" if text_of(item, "class_name") == "InputLayer" else "input_shape"] = shape
    kept = _kept_axis(loader, found.pop("axis", None))
    if kept is not None:
        found["axis"] = kept
    return legacy_lambda(found) if text_of(item, "class_name") == "Lambda" else found


def _kept_axis(loader: Loader, axis: object) -> int | None:
    """The axis that is handed on: until 3.8 that of a list of one, later a number too."""
    if isinstance(axis, list):
        return axis[0] if len(axis) == 1 and isinstance(axis[0], int) else None
    return int(axis) if loader.release >= (3, 9) and isinstance(axis, (int, float)) else None


def lost_axis(loader: Loader, item: dict[str, Any], found: KerasClass | None) -> Iterator[Problem]:
    """An axis that is not handed on: the layer takes its default."""
    config = config_of(item)
    if found is None or "axis" not in config or _kept_axis(loader, config["axis"]) is not None:
        return
    axis, default = config["axis"], found.accepts.get("axis")
    if axis in (default, [default]) or _is_the_same(axis, default, fed_rank(loader, item)):
        return
    if found.mro[0] == "Normalization" and isinstance(config.get("mean"), (int, float)):
        return
    is_shaped = found.mro[0] in _SHAPED_BY_AXIS and (config.get("center"), config.get("scale")) != (
        False,
        False,
    )
    # What is joined along another axis seldom fits what comes behind it.
    fits = found.mro[0] != "Concatenate" and _fits(axis, default, fed_shape(item))
    has_weights = is_shaped and not fits
    yield Problem(
        code="EL128" if has_weights else "EL131",
        subject=label(item),
        message=f"{label(item)} works on axis {_numbers(axis)}, which {loader.name} drops from an .h5 file",
        error=_misfit(loader, shown(text_of(config, "name"))) if has_weights else "",
        is_silent=not has_weights,
    )


def _misfit(loader: Loader, name: str) -> str:
    if loader.release >= (3, 6):
        return f"ValueError: Shape mismatch in layer #0 (named {name})for weight {name}/gamma"
    return f"ValueError: {SHAPES_DIFFER}"


def _is_the_same(axis: object, default: object, rank: int | None) -> bool:
    """Whether the default counts from the other end to the same axis."""
    if rank is None or not isinstance(axis, int) or not isinstance(default, int):
        return False
    return axis % rank == default % rank if rank else False


def _fits(axis: object, default: object, shape: list[Any] | None) -> bool:
    """Whether weights along the one axis are as many as along the other."""
    if shape is None or not isinstance(axis, int) or not isinstance(default, int):
        return False
    is_inside = all(-len(shape) <= place < len(shape) for place in (axis, default))
    return is_inside and shape[axis] == shape[default]


def spoilt_by_functions(loader: Loader, item: dict[str, Any], config: dict[str, Any]) -> Iterator[Problem]:
    """
    Until 3.11.2 a layer that names a function of the user's own cannot be read.

    The name is replaced by the function, and what results is then written as JSON.
    """
    if loader.release >= (3, 11, 3) or loader.is_code_missing:
        return
    is_lambda = text_of(item, "class_name") == "Lambda"
    for key, value in config.items():
        kind = "activation" if is_lambda and key == "function" else kind_of(key)
        if kind in _FUNCTIONS and isinstance(value, str) and _is_the_users(loader, kind, value):
            yield Problem(
                code="EL125",
                subject=label(item),
                message=f"{label(item)} names a function of your own as {key}, {shown(value)}, which "
                f"{loader.name} cannot read from an .h5 file",
                error="TypeError: Object of type function is not JSON serializable",
            )
            return


def _is_the_users(loader: Loader, kind: str, name: str) -> bool:
    if not name.replace(">", "").isidentifier() or name in TENSORFLOW_FUNCTIONS:
        return False
    if came_later(loader.seen.writer, kind, name):
        return True
    return not names.is_own(name, kind, loader.generation, is_text=True) and loader.lookup(kind, name) is None


def taken_for_functions(loader: Loader, item: dict[str, Any], config: dict[str, Any]) -> Iterator[Problem]:
    """Since 3.14 a text that is the name of a function in `keras.layers` becomes that function."""
    if loader.release < (3, 14):
        return
    for key, value in config.items():
        if key == "name" or not isinstance(value, str):
            continue
        qualified = loader.api.member("keras.src.layers", value)
        if (
            qualified is not None
            and loader.api.cls(qualified) is None
            and not loader.api.has_module(qualified)
        ):
            yield Problem(
                code="EL125",
                subject=label(item),
                message=f"{label(item)} has {key}={value}, which {loader.name} takes for a function",
                error=f"ValueError: Invalid value for argument `{key}`. Received: {key}=<function {value}",
            )


def _numbers(axis: object) -> str:
    return ", ".join(str(part) for part in axis[:4]) if isinstance(axis, list) else str(axis)
