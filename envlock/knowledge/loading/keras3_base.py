"""What the user's own classes hand on to a base class of Keras 3, which refuses it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from envlock.knowledge.loading.common import config_of, label, shown
from envlock.knowledge.loading.keras3_loader import Loader, Task
from envlock.knowledge.problem import Problem

__all__ = ["MODEL", "base_keys", "base_values"]

# Who holds the outermost object.
MODEL = "the model"


def base_keys(
    loader: Loader, task: Task, config: dict[str, Any], *, takes_any: bool = False
) -> Iterator[Problem]:
    """
    The keys of Keras' base class that a layer of the user's own carries.

    `takes_any` tells that its constructor is known to hand on what it does not name.

    What the user's constructor does not know itself it hands on, and the base class refuses. Keras leaves the
    name out for a constructor that hands on nothing; that one refuses the others.
    """
    gone: tuple[str, ...] = (
        ("time_major",) if task.role == "layer" else ("batch_input_shape", "dynamic", "time_major")
    )
    is_layer = "trainable" in config and ("name" in config or "dtype" in config)
    has_own = task.owner == MODEL or not set(config) <= {"trainable", "dtype"}
    if "name" not in config and not takes_any:
        gone = ("trainable",) if has_own else ()
    refused = [key for key in gone if key in config]
    if is_layer and refused and not loader.owns(task.item, None):
        what = label(task.item)
        yield Problem(
            code="EL108",
            subject=what,
            message=f"{what} carries `{refused[0]}`, which {loader.name} does not accept",
            error=f"TypeError: {what.partition(' ')[0]}.__init__() got an unexpected keyword '{refused[0]}'",
            avoided_by=task.avoided_by,
        )


def base_values(loader: Loader, task: Task) -> Iterator[Problem]:
    """What a loss or an optimizer of the user's own hands on to the base class, written by Keras 2."""
    if loader.generation != "2" or loader.owns(task.item, None) or loader.is_code_missing:
        return
    what, config = label(task.item), config_of(task.item)
    gone = [key for key in ("jit_compile", "is_legacy_optimizer") if key in config]
    if "is_legacy_optimizer" in config:
        given = ", ".join(f"{key!r}: {shown(config[key])}" for key in gone)
        yield Problem(
            code="EL108",
            subject=what,
            message=f"{what} carries `{'` and `'.join(gone)}`, which {loader.name} does not accept",
            error=f"ValueError: Argument(s) not recognized: {{{given}}}",
            avoided_by=task.avoided_by,
        )
    if config.get("reduction") == "auto":
        yield Problem(
            code="EL125",
            subject=what,
            message=f"{what} has reduction=auto, which {loader.name} does not take",
            error="ValueError: Invalid value for argument `reduction`. Expected one of",
            avoided_by=task.avoided_by,
        )
