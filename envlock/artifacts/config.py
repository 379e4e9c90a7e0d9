"""
What stands in an architecture: its classes, and whose they are.

How Keras serialises: https://keras.io/guides/serialization_and_saving/. Keras 3, and the `.keras` files of
Keras 2, write `module` and `registered_name` beside a class; everything else has bare names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from envlock.artifacts import names
from envlock.artifacts.reading import nodes
from envlock.artifacts.walk import Found, Place, walk, walk_settings
from envlock.facts import Content, Maybe, Unknown
from envlock.values import frozen, replace

__all__ = ["Class", "Custom", "Inventory", "asked_by_settings", "inventory"]


_MAX_OWNERS = 100


@frozen(kw_only=True)
class Class:
    """
    A class that the architecture names, how often, and whether it is Keras' own.

    `kind` is as that of `Custom`; one class may stand in several rows, as `LeakyReLU` does as a layer and
    as an activation.
    """

    class_name: str
    module: str | None
    registered_name: str | None
    kind: str | None
    count: int
    is_own: bool


@frozen(kw_only=True)
class Custom:
    """
    A class or function that is not Keras' own.

    `name` is what the configuration asks for, `kind` what stands there (`layer`, `model`, `cell`,
    `operation`, `activation`, `initializer`, `regularizer`, `constraint`, `loss`, `metric`, `optimizer`,
    `schedule`, `policy`, …), `None` where that cannot be told. `asked_by` are the objects that ask for it.
    """

    name: str
    kind: str | None
    module: str | None
    is_function: bool
    asked_by: tuple[str, ...]


@frozen(kw_only=True)
class Inventory:
    """
    Everything that a saved model names.

    `classes` and `custom` are sorted by name. `config_keys` are the keys that the objects of a class carry,
    `lambdas` how many functions are written down as bytecode. `optimizer`, `losses` and `metrics` are
    called as in the compile settings; the optimizer is `None` for a model that is not compiled.
    """

    classes: tuple[Class, ...]
    dtype_policies: tuple[str, ...]
    config_keys: dict[str, tuple[str, ...]]
    custom: tuple[Custom, ...]
    lambdas: int
    optimizer: str | None
    losses: tuple[str, ...]
    metrics: tuple[str, ...]


def inventory(content: Content, *, keras_version: Maybe[str | None] = None) -> Maybe[Inventory]:
    """
    What the architecture and the compile settings of a saved model name; unknown where those are.

    `keras_version` is that of the Keras that wrote it: some names are Keras' own in one generation and the
    user's in the other. Without it most architectures tell by themselves.
    """
    for part in (content.config, content.compile_config, content.parts):
        if isinstance(part, Unknown):
            return part
    found = Found(generation=keras_version[:1] if isinstance(keras_version, str) else _generation(content))
    compiled: Any = content.compile_config or {}
    walk(content.config, Place(kind="model"), found)
    for path, part in _uncovered(content):
        walk(part, Place(kind="metric" if ".metrics." in path else "layer", owner="the model"), found)
    walk_settings(compiled, found)
    return Inventory(
        classes=_classes(found),
        dtype_policies=tuple(sorted(found.policies)),
        config_keys={name: tuple(sorted(keys)) for name, keys in sorted(found.keys.items())},
        custom=_custom(found),
        lambdas=found.lambdas,
        optimizer=_optimizer(compiled),
        losses=_named(compiled.get("loss")),
        metrics=_named([compiled.get("metrics"), compiled.get("weighted_metrics")]),
    )


def asked_by_settings(content: Content, *, keras_version: Maybe[str | None] = None) -> frozenset[str]:
    """The names of the user's code that a model asks for in its compile settings alone."""
    whole = inventory(content, keras_version=keras_version)
    rest = inventory(replace(content, compile_config=None), keras_version=keras_version)
    if isinstance(whole, Unknown) or isinstance(rest, Unknown):
        return frozenset()
    return frozenset({item.name for item in whole.custom} - {item.name for item in rest.custom})


def _generation(content: Content) -> str | None:
    """The generation of Keras that wrote an architecture, by what only one of them writes."""
    config: Any = content.config or {}
    compiled: Any = content.compile_config or {}
    stated = config.get("keras_version")
    if isinstance(stated, str):
        return stated[:1]
    for node in nodes(config):
        if "batch_input_shape" in node.config or re.match(
            r"keras\.(src\.)?engine|tf_keras", node.module or ""
        ):
            return "2"
        if "batch_shape" in node.config or (node.module or "").startswith("keras.src.models"):
            return "3"
    return "2" if "optimizer_config" in compiled and "steps_per_execution" not in compiled else None


def _uncovered(content: Content) -> Iterator[tuple[str, Any]]:
    """The parts of a SavedModel that stand in the configuration of no object that holds them."""
    parts: dict[str, Any] = {"root": content.config} | (
        content.parts if isinstance(content.parts, dict) else {}
    )
    inside = {
        path: {_identity(node.class_name, node.config) for node in nodes(part)}
        for path, part in parts.items()
    }
    for path, part in parts.items():
        if path == "root" or not isinstance(part, dict):
            continue
        me = _identity(part.get("class_name"), part.get("config"))
        if not any(me in inside.get(owner, ()) for owner in _owners(path)):
            yield path, part


def _owners(path: str) -> Iterator[str]:
    """The paths above one, from the nearest on; no real one is as deep as that."""
    for _ in range(_MAX_OWNERS):
        path = path.rpartition(".")[0]
        if not path:
            return
        yield path


def _identity(name: object, config: object) -> tuple[str, str]:
    return str(name), str(config.get("name")) if isinstance(config, dict) else ""


def _optimizer(compiled: dict[str, Any]) -> str | None:
    found = _named(compiled.get("optimizer_config") or compiled.get("optimizer"))
    if not found:
        return None
    # Keras 2.11 to 2.15 registered its own as `Custom>Adam`.
    return found[0].rpartition(">")[2] if names.is_own(found[0], "optimizer") else found[0]


def _named(data: object) -> tuple[str, ...]:
    """What is named in a structure of losses, metrics or optimizers, each once, in its order."""
    found: dict[str, None] = {}
    waiting = [data]
    while waiting:
        match waiting.pop():
            case str(name):
                found[name] = None
            # A function by its name, or in the wrapper that Keras 2 makes of it.
            case {"class_name": "function", "config": str(name)} | {"config": {"fn": str(name)}}:
                found[name] = None
            case {"class_name": str(name)}:
                found[name] = None
            case dict(items):
                waiting.extend(reversed(items.values()))
            case list(items):
                waiting.extend(reversed(items))
    return tuple(found)


def _classes(found: Found) -> tuple[Class, ...]:
    rows = [
        Class(
            class_name=name,
            module=module,
            registered_name=registered,
            kind=kind,
            count=count,
            is_own=is_own,
        )
        for (name, module, registered, kind, is_own), count in found.classes.items()
    ]
    return tuple(sorted(rows, key=_order))


def _order(row: Class) -> tuple[str, ...]:
    return row.class_name, row.module or "", row.registered_name or "", row.kind or ""


def _custom(found: Found) -> tuple[Custom, ...]:
    rows = [
        Custom(name=name, kind=kind, module=module, is_function=is_function, asked_by=tuple(owners))
        for (name, kind, module, is_function), owners in found.custom.items()
    ]
    return tuple(sorted(rows, key=lambda row: (row.name, row.kind or "", row.module or "")))
