"""
The walk of Keras 2 through an architecture: how each object is found, which keys and values it gets.

Layers, and what stands in their slots, are looked up by bare class name in dictionaries, whatever the
`module` beside it says: in HDF5 files always (`in_tf_saved_model_scope` sends even the newer deserialiser
there), in archives by the `module_objects` that every `deserialize` hands on. Only the outermost object of
an archive, and its compile settings, are found by module.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from envlock.knowledge.loading import keras2_lambda, keras2_nodes, keras2_silent, keras2_values
from envlock.knowledge.loading.common import (
    config_of,
    key_problems,
    kind_of,
    label,
    missing_code,
    shown,
    text_of,
)
from envlock.knowledge.loading.constructors import is_recorded, not_made
from envlock.knowledge.loading.keras2_load import WITHOUT_LAYERS, Load, refused, without_layers
from envlock.knowledge.problem import Problem

__all__ = ["is_network", "problems"]

# How values are written down that are no objects.
_VALUES = keras2_values.WRAPPED | {
    "__tuple__", "__typespec__", "CompositeTensor", "TensorShape", "TypeSpec", "slice", "InputSpec",
}  # fmt: skip

_LOOKED_UP = frozenset({"activation", "initializer", "regularizer", "constraint"})
_POLICIES = frozenset({"Policy", "PolicyV1"})

# What every layer writes; a model that lists no layers writes what its author says.
_OF_LAYERS = frozenset({"name", "trainable", "dtype"})

# Keys that end like a slot and are none: the constructor reads the text itself.
_NO_SLOT = frozenset({("RandomFourierFeatures", "kernel_initializer")})

# The first release that gives back what it does not find in the slot of an archive.
_GIVES_BACK = (2, 13)

_Task = tuple[object, str | None, str]


def problems(load: Load, item: object, kind: str | None = "layer", owner: str = "") -> Iterator[Problem]:
    """Everything that stands between this Keras and one serialised object, with all that it holds."""
    waiting: list[_Task] = [(item, kind, owner)]
    while waiting:
        value, at, by = waiting.pop()
        match value:
            case list():
                waiting.extend((inner, at, by) for inner in reversed(value))
            case dict() if isinstance(value.get("class_name"), str):
                yield from _object(load, value, at, by)
                waiting.extend(reversed(list(_held(load, value))))
            case dict() if at in _LOOKED_UP and value:
                yield _improper(load, at, by)
            case dict():
                waiting.extend((inner, at, by) for inner in reversed(value.values()))
            case str() if at in _LOOKED_UP:
                yield from _name(load, value, at, by)


def _improper(
    load: Load, kind: str | None, owner: str, *, error: str = "Improper config format for {'value':"
) -> Problem:
    """What Keras 2 makes of a lambda in a slot: a name that nobody has, or bytecode without a name."""
    return Problem(
        code="EL121",
        subject=owner,
        message=f"{owner} has something for its {kind} that {load.reader_name} cannot tell an object by",
        error=error,
    )


def is_network(item: object) -> bool:
    """Whether an object is a model that lists its layers."""
    return isinstance(config_of(item).get("layers"), list)


def _object(load: Load, item: dict[str, Any], kind: str | None, owner: str) -> Iterator[Problem]:
    name = item["class_name"]
    if name in _VALUES:
        return
    if kind == "policy":
        yield from _policy(load, item, owner)
    elif name == "function":
        yield from _function(load, item, kind, owner)
    elif name == "__lambda__" and load.is_archive:
        yield from keras2_lambda.bytecode(load, item.get("config"), owner or name)
    elif name == "__lambda__":
        yield from _function(load, item, kind, owner)
    elif is_network(item):
        yield from _network(load, item)
    else:
        yield from _instance(load, item, kind, owner)


def _instance(load: Load, item: dict[str, Any], kind: str | None, owner: str) -> Iterator[Problem]:
    name = item["class_name"]
    if not load.is_own(item, kind):
        if load.is_code_missing:
            yield missing_code(_asked(item), owner or "the model", error=load.unknown(kind or "layer", name))
        yield from not_made(load.seen, item, config_of(item))
        if not is_recorded(load.seen, item):
            yield from _stated_by_keras_3(load, item)
        if kind == "layer":
            yield from _not_revived(load, item)
        return
    qualified = load.found(kind or "layer", name)
    if qualified is None:
        yield refused(
            "EL123",
            item,
            f"is a class that {load.reader_name} does not have",
            error=load.unknown(kind or "layer", name),
        )
        return
    yield from _configured(load, item, qualified)


def _stated_by_keras_3(load: Load, item: dict[str, Any]) -> Iterator[Problem]:
    """
    What Keras 3 writes for a class of the user's without `get_config`, and without `**kwargs`.

    It leaves the name out, adds `trainable` and `dtype`, and takes these back itself.
    """
    config = config_of(item)
    if load.generation == "3" and "trainable" in config and "name" not in config:
        yield refused(
            "EL108",
            item,
            f"carries `trainable`, which its constructor does not take in {load.reader_name}",
            error="__init__() got an unexpected keyword argument 'trainable'",
        )


def _not_revived(load: Load, item: dict[str, Any]) -> Iterator[Problem]:
    """A model of the user's that lists no layers, which `Model.from_config` asks for before 2.9."""
    if load.reader >= WITHOUT_LAYERS or _OF_LAYERS & set(config_of(item)):
        return
    # The weights of a model lie under its own name and that of each of its layers.
    place = f"model_weights/{text_of(item, 'name')}/"
    if any(name.startswith(place) and name.count("/") > 3 for name in load.held):
        yield without_layers(load, label(item))


def _configured(load: Load, item: dict[str, Any], qualified: str) -> Iterator[Problem]:
    found = load.class_of(qualified)
    config = config_of(item)
    if found is None:
        return
    yield from key_problems(found, item, config, reader=load.reader_name)
    yield from keras2_values.wrapped(load, item)
    yield from keras2_values.problems(load, item, found)
    yield from keras2_silent.in_layer(load, item)
    if found.mro[0] == "Lambda":
        yield from keras2_lambda.layer(load, item)
    elif found.mro[0] in keras2_nodes.OPERATIONS:
        yield from keras2_nodes.operation(load, item)


def _network(load: Load, item: dict[str, Any]) -> Iterator[Problem]:
    """A Functional, a Sequential, or a class of the user's that is either."""
    if not load.is_own(item, "model") and load.is_code_missing:
        asked = _asked(item)
        yield missing_code(asked, "the model", error=load.unknown("layer", asked))
    if not load.is_own(item, "model"):
        yield from not_made(load.seen, item, config_of(item))
    yield from keras2_nodes.graph(load, item)
    layers = [layer for layer in config_of(item)["layers"] if isinstance(layer, dict)]
    yield from keras2_nodes.crops(load, layers)
    yield from keras2_silent.in_network(load, layers)


def _name(load: Load, name: str, kind: str, owner: str) -> Iterator[Problem]:
    """A bare name in a slot of a class of Keras' own."""
    if load.found(kind, name) is not None:
        return
    if load.is_own_name(name, kind):
        yield Problem(
            code="EL123",
            subject=owner,
            message=f"{owner} asks for the {kind} {shown(name)!r}, which {load.reader_name} does not have",
            error=load.unknown(kind, name),
        )
    elif name == "<lambda>":
        yield _improper(load, kind, owner, error=load.unknown(kind, name))
    elif load.is_code_missing:
        yield missing_code(name, owner, error=load.unknown(kind, name))


def _function(load: Load, item: dict[str, Any], kind: str | None, owner: str) -> Iterator[Problem]:
    name = item.get("config")
    asked = name if isinstance(name, str) else "function"
    if not load.is_archive or load.reader < (2, 13):
        yield Problem(
            code="EL121",
            subject=shown(asked),
            message=f"{owner or 'the model'} asks for the function {shown(asked)}, written as an object, "
            f"which {load.reader_name} does not resolve there",
            error=f"Unknown {kind or 'object'} function: 'function'",
        )
    elif load.is_code_missing and not load.is_own_name(asked, kind):
        yield missing_code(asked, owner or "the model", error=load.unknown(kind or "activation", asked))


def _policy(load: Load, item: dict[str, Any], owner: str) -> Iterator[Problem]:
    if item["class_name"] in _POLICIES:
        return
    name = item["class_name"]
    if load.reader >= (2, 13) and load.is_archive:
        error = "'str' object has no attribute 'compute_dtype'"
    else:
        error = f"Unknown dtype policy: {shown(name)}"
    yield Problem(
        code="EL112",
        subject=owner or shown(name),
        message=f"{owner or 'the model'} carries a dtype policy of class {shown(name)}, "
        f"which {load.reader_name} does not know",
        error=error,
    )


def _held(load: Load, item: dict[str, Any]) -> Iterator[_Task]:
    """What an object holds, with the kind that is expected there."""
    name, config = item["class_name"], item.get("config")
    if name in _VALUES or not isinstance(config, (dict, list)):
        return
    if isinstance(config, list):  # a Sequential before Keras 2.3
        yield config, "layer", label(item)
        return
    owner, own = label(item), load.is_own(item, None) or load.is_own(item, "layer")
    for key, value in config.items():
        kind = kind_of(key)
        if (name, key) in _NO_SLOT or (name == "Lambda" and key in {"function", "output_shape", "mask"}):
            continue
        if kind is None and own and text_of(value, "class_name") == "function":
            kind = "function"
        if own and _is_passed_over(load, key, kind, value):
            continue
        if kind is not None and (own or not isinstance(value, str)):
            yield value, kind, owner
        elif kind is None:
            yield from ((part, "layer", owner) for part in _parts(load, value))


def _is_passed_over(load: Load, key: str, kind: str | None, value: Any) -> bool:
    """
    A class that cannot be had and that only training asks for.

    Since 2.13 the deserialiser of archives gives back the name of a class that it does not find.
    """
    is_asked_for = kind not in {"regularizer", "constraint"} or key == "activity_regularizer"
    if is_asked_for or not (load.is_archive and load.is_code_missing and load.reader >= _GIVES_BACK):
        return False
    return isinstance(value, dict) and bool(value.get("module")) and not load.is_own(value, kind)


def _parts(load: Load, value: Any) -> Iterator[dict[str, Any]]:
    """The layers and models under a key of any name, alone or with others, which the class revives."""
    is_plain = isinstance(value, dict) and "class_name" not in value
    for part in value if isinstance(value, list) else value.values() if is_plain else [value]:
        if not isinstance(part, dict) or not isinstance(part.get("class_name"), str):
            continue
        if is_network(part) or (isinstance(part.get("config"), dict) and load.is_own(part, "layer")):
            yield part


def _asked(item: dict[str, Any]) -> str:
    registered = text_of(item, "registered_name")
    return registered if registered and ">" in registered else str(item["class_name"])
