"""The walk through an architecture that notes every class, function and policy in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from envlock.artifacts import names
from envlock.artifacts.places import KEYS, Place, place_of

__all__ = ["OF_ITS_CLASS", "SETTINGS", "Found", "Place", "walk", "walk_settings"]

# Who asks for what a model was compiled with.
SETTINGS = "the compile settings"

# How values that are no objects of Keras' are written down; nothing in them is looked up.
_VALUES = {
    "__bytes__", "__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__", "__tensor__", "__typespec__",
    "CompositeTensor", "InputSpec", "TensorShape", "TypeSpec", "ellipsis", "slice",
}  # fmt: skip

# What an object consists of; the rest is about its place (`name`, `shared_object_id`) or said twice.
_PARTS = ("config", "build_config", "inbound_nodes", "activity_regularizer", "items")


class Found:
    """
    What the walk has met so far.

    `generation` is that of the Keras that wrote the architecture, `2` or `3`, `None` where nothing tells.
    """

    def __init__(self, *, generation: str | None = None) -> None:
        self.generation = generation
        self.classes: dict[tuple[str, str | None, str | None, str | None, bool], int] = {}
        self.policies: set[str] = set()
        self.keys: dict[str, set[str]] = {}
        self.custom: dict[tuple[str, str | None, str | None, bool], dict[str, None]] = {}
        self.lambdas = 0

    def is_own(self, name: str, kind: str | None, *, is_text: bool = False) -> bool:
        """Whether the Keras that wrote this has something of this name itself."""
        return names.is_own(name, kind, self.generation, is_text=is_text)


_Task = tuple[object, Place]
# All that is written of an object without settings, as of most initializers.
OF_ITS_CLASS = frozenset(["class_name", "config", "module", "registered_name"])
# What may name an object or hold one.
_TELLING = (str, dict, list)


def walk(data: object, place: Place, found: Found) -> None:
    """Note every object in `data`; the compile settings of the model itself are left to the caller."""
    waiting: list[_Task] = [(data, place)]
    while waiting:
        item, at = waiting.pop()
        match item:
            case list():
                waiting.extend((inner, at) for inner in reversed(item) if isinstance(inner, _TELLING))
            case dict() if isinstance(item.get("class_name"), str):
                waiting.extend(reversed(list(_object(item["class_name"], item, at, found))))
            case dict():
                waiting.extend((value, at) for value in reversed(item.values()))
            case str() if at.is_lookup and re.fullmatch(r"[\w.>]+", item):
                if found.is_own(item, at.kind, is_text=at.is_text):
                    continue
                is_function = at.kind != "optimizer" and not item[0].isupper()
                _ask(found, item, at, module=None, is_function=is_function)


def walk_settings(compiled: dict[str, Any], found: Found) -> None:
    """Note every object in the settings that a model was compiled with."""
    for value, place in _settings(compiled):
        walk(value, place, found)


def _settings(compiled: dict[str, Any]) -> Iterator[_Task]:
    for key, value in compiled.items():
        kind = KEYS.get(key)
        is_lookup = kind in {"optimizer", "loss", "metric"}
        yield value, Place(kind=kind, owner=SETTINGS, is_lookup=is_lookup, is_text=True)


def _object(name: str, item: dict[str, Any], at: Place, found: Found) -> Iterator[_Task]:
    """Note one serialised object; what it holds comes back."""
    if name in _VALUES:
        return
    if name == "__lambda__":
        found.lambdas += 1
    elif name in {"function", "type"} and isinstance(item.get("config"), str):
        _function(item, at, found)
    elif name == "__tuple__":
        yield item.get("items"), at
    else:
        yield from _instance(name, item, at, found)


def _function(item: dict[str, Any], at: Place, found: Found) -> None:
    """Note a function, or a class that stands for itself, that is written down by its name."""
    module, registered, name = _text(item, "module"), _text(item, "registered_name"), item["config"]
    if registered and ">" in registered:
        name = registered
    elif module and module != "builtins":
        if names.is_keras_module(module):
            return
    elif found.is_own(name, at.kind):
        return
    said = None if module == "builtins" else module
    _ask(found, name, at, module=said, is_function=item["class_name"] == "function")


def _instance(name: str, item: dict[str, Any], at: Place, found: Found) -> Iterator[_Task]:
    config = item.get("config")
    inner = config if isinstance(config, dict) else {}
    module, registered = _text(item, "module"), _text(item, "registered_name")
    is_own = _is_own(item, at.kind, found)
    kind = _kind(name, inner, at.kind)
    key = (name, module, registered, kind, is_own)
    found.classes[key] = found.classes.get(key, 0) + 1
    found.keys.setdefault(name, set()).update(inner)
    if is_own and isinstance(config, dict) and item.keys() <= OF_ITS_CLASS and not any(inner.values()):
        return
    label = f"{name} {inner['name']!r}" if isinstance(inner.get("name"), str) else name
    if not is_own:
        asked = registered if registered and ">" in registered else name
        _ask(found, asked, Place(kind=kind, owner=label), module=module, is_function=False)
    if name == "Lambda" and is_own:
        inner = _without_code(inner, label, found)
    if at.kind == "policy":
        found.policies |= set(_policies(item))
    elif _has_policy(name, at.kind):
        found.policies |= set(_policies(inner.get("dtype")))
    yield from _held(item, inner, is_own=is_own, label=label)
    settings = item.get("compile_config")
    if isinstance(settings, dict) and at.owner:  # of a model inside another one
        yield from _settings(settings)


def _held(item: dict[str, Any], inner: dict[str, Any], *, is_own: bool, label: str) -> Iterator[_Task]:
    for part in _PARTS:
        value = inner if part == "config" and isinstance(item.get("config"), dict) else item.get(part)
        if part == "activity_regularizer":
            yield value, Place(kind="regularizer", owner=label)
        elif part != "config" or not isinstance(value, dict):
            yield value, Place(kind="layer" if part == "config" else None, owner=label)
        else:
            for key, held in value.items():
                if isinstance(held, _TELLING):
                    yield held, place_of(key, label, is_own=is_own)


def _without_code(config: dict[str, Any], label: str, found: Found) -> dict[str, Any]:
    """The rest of a Lambda layer's configuration; its functions are noted."""
    rest = dict(config)
    for key in ("function", "output_shape", "mask"):
        kind = rest.pop(f"{key}_type", None)
        module = rest.pop("module" if key == "function" else f"{key}_module", None)
        match kind, rest.get(key):
            # Keras 2 writes [code, defaults, closure]; in a SavedModel it says that this is a tuple.
            case "lambda", [*_] | {"class_name": "__tuple__"}:
                found.lambdas += 1
                del rest[key]
            case "function", str(name) if not (isinstance(module, str) and names.is_keras_module(module)):
                said = module if isinstance(module, str) else None
                _ask(found, name, Place(kind="function", owner=label), module=said, is_function=True)
    return rest


def _kind(name: str, config: dict[str, Any], expected: str | None) -> str | None:
    """What an object is; among the layers there are models, and operations that Keras 3 traced."""
    if expected != "layer":
        return expected
    if isinstance(config.get("layers"), list):
        return "model"
    is_layer = names.is_own(name, "model") or names.is_own(name, "cell")
    return "operation" if names.is_own(name, "operation") and not is_layer else "layer"


def _is_own(item: dict[str, Any], kind: str | None, found: Found) -> bool:
    name, module, registered = item["class_name"], _text(item, "module"), _text(item, "registered_name")
    full = registered if registered and ">" in registered else name
    if ">" in full:
        return found.is_own(full, None)
    if module and module != "builtins":
        return names.is_keras_module(module)
    if registered:  # a class of `__main__`: Keras writes this for no class of its own
        return False
    return found.is_own(name, names.kind_among_layers(kind, item.get("config")))


def _has_policy(name: str, kind: str | None) -> bool:
    """Whether `dtype` of such an object is a policy; of others it is the type of one tensor."""
    if kind not in {None, "layer", "model", "cell"} or name == "InputLayer":
        return False
    return names.is_own(name, "model") or names.is_own(name, "cell") or not names.is_own(name, None)


def _policies(stated: object) -> Iterator[str]:
    """The names of the policies in `dtype`: a text, a policy, a map of policies by layer."""
    config = stated.get("config") if isinstance(stated, dict) else None
    match config if isinstance(stated, dict) else stated:
        case str(name):
            yield name
        case {"policy_map": dict(policies), **rest}:
            for policy in (rest.get("default_policy"), *policies.values()):
                yield from _policies(policy)
        case {"mode": str(mode), "source_name": str(source)}:
            yield f"{mode}_from_{source}"
        case {"name": str(name)}:
            yield name


def _ask(found: Found, name: str, at: Place, *, module: str | None, is_function: bool) -> None:
    found.custom.setdefault((name, at.kind, module, is_function), {})[at.owner or "the model"] = None


def _text(item: dict[str, Any], key: str) -> str | None:
    value = item.get(key)
    return value if isinstance(value, str) else None
