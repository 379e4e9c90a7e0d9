"""
What the model's own code asks of Keras, as far as its configuration shows it, and the target does not give.

`load_weights` is a method of a model that is already there: built in the target, by the same code. A class
that the target lacks, or an argument that it refuses, ends that before any file is opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from envlock.artifacts.reading import Node, nodes
from envlock.facts import WEIGHTS_LOADER
from envlock.knowledge.checks import refusals
from envlock.knowledge.loading.common import is_own, kind_of, listed, shown, text_of
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import THREE, Comparison
from envlock.values import frozen, replace

if TYPE_CHECKING:
    from envlock.knowledge.loading.keras3_loader import Loader
    from envlock.knowledge.releases import KerasApi, KerasClass

__all__ = ["problems"]

# Where code finds the classes of each kind.
_PACKAGES = {
    "cell": "keras.layers",
    "constraint": "keras.constraints",
    "initializer": "keras.initializers",
    "layer": "keras.layers",
    "loss": "keras.losses",
    "metric": "keras.metrics",
    "optimizer": "keras.optimizers",
    "regularizer": "keras.regularizers",
    "schedule": "keras.optimizers.schedules",
}
# Keras 3 keeps the names under `_legacy` for code that says `tf.keras`.
_ELSEWHERE = {
    "optimizer": ("keras.mixed_precision",),
    "layer": ("keras._legacy.layers",),
    "loss": ("keras._legacy.losses",),
    "metric": ("keras._legacy.metrics",),
}
# What Keras puts around an optimizer by itself where the policy asks for it.
_WRAPPER = "LossScaleOptimizer"
# What Keras 2 makes of `add_loss` and `add_metric` with a symbolic tensor, which Keras 3 has no place for.
_ADDED = {"AddLoss": "add_loss", "AddMetric": "add_metric"}
# Keys that Keras sets as it goes along, or that every layer takes under another name.
_UNASKED = frozenset(
    {"batch_input_shape", "data_format", "dtype", "implementation", "jit_compile", "reset_after", "trainable"}
)
# Defaults that no table holds, since they are read from the keywords; the second is Nadam's.
_DEFAULTS: dict[str, tuple[object, ...]] = {"decay": (0.0, 0.004)}
# What TensorFlow takes for the name of a scope at the top of a graph.
_SCOPE = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*", re.ASCII)
_OBJECTS_FROM, _OBJECTS_UNTIL = (3,), (3, 15)
# What Keras 3 says of these values it says of the code too; of others, of the form that they are written in.
_OF_CODE = ("interpolation", "layer", "name")
# Where generations differ in what code may say.
_TELLING = frozenset({"layers", "optimizer", "optimizer_config"})
# The first Keras 2 that notes of an optimizer that it is of the new kind.
_NOTED = (2, 11)


@frozen(kw_only=True)
class _Asked:
    """What one object of the model is in the release that wrote it and in the one that reads it."""

    node: Node
    kind: str
    there: KerasClass
    here: KerasClass | None


def problems(seen: Comparison, api: KerasApi) -> Iterator[Problem]:
    """What keeps the code of the model from building it in the target."""
    from envlock.knowledge.loading.keras2_load import tables_of

    there = tables_of(seen.writer)
    if there is None or (there.provider, there.version) == (api.provider, api.version):
        return
    objects = tuple(_objects(seen))
    generation = str(seen.writer[0])
    is_other = (seen.writer >= THREE) is not (seen.reader >= THREE)
    loader = _loader(seen, api, objects)
    for node in objects:
        asked = _asked(node, generation, there, api)
        if asked is not None and asked.here is None:
            yield _absent(seen, asked)
        elif asked is not None:
            yield from _refused(seen, asked)
            yield from _other(seen, asked)
            yield from _valued(asked, loader)
        if is_other and node.slot in _TELLING:
            yield from _of_generation(seen, node, there)
    yield from _names(seen, objects, there, api)


def _objects(seen: Comparison) -> Iterator[Node]:
    yield from seen.nodes()
    if isinstance(seen.content.compile_config, dict):
        yield from nodes(seen.content.compile_config)


def _asked(node: Node, generation: str, there: KerasApi, api: KerasApi) -> _Asked | None:
    """An object of a public class of Keras; the private ones are made by Keras, not by code."""
    kind = kind_of(node.slot) or ""
    package = _PACKAGES.get(kind)
    item = {"class_name": node.class_name, "module": node.module, "config": node.config}
    if package is None or not is_own(item, kind, generation):
        return None
    name = node.class_name.rpartition(">")[2]
    before = there.public(f"{package}.{name}")
    known = there.cls(before) if before else None
    if known is None or _WRAPPER in known.mro:
        return None
    now = _found(api, kind, (name, known.mro[0])) or _found(api, kind, _others(there, package, before))
    if now and not api.cls(now):
        return None
    return _Asked(node=node, kind=kind, there=known, here=api.cls(now) if now else None)


@lru_cache(maxsize=128)  # it looks at every public name, perhaps for each of a thousand layers
def _others(there: KerasApi, package: str, qualified: str | None) -> tuple[str, ...]:
    """All public names of a class where it was written."""
    paths = (path for path in there.paths() if path.startswith(f"{package}."))
    return tuple(path.rpartition(".")[2] for path in paths if there.public(path) == qualified)


def _found(api: KerasApi, kind: str, names: tuple[str, ...]) -> str | None:
    """
    A class under any of its names, or wherever else the loader's own dictionary has it from.

    What is still experimental in the target is not found where the code looks for it.
    """
    packages = (_PACKAGES[kind], *_ELSEWHERE.get(kind, ()))
    public = (api.public(f"{package}.{name}") for name in names for package in packages)
    found = next((path for path in public if path), None)
    if found or any(api.public(f"{_PACKAGES[kind]}.experimental.{name}") for name in names):
        return found
    return next((path for name in names if (path := api.lookup(kind, name))), None)


def _absent(seen: Comparison, asked: _Asked) -> Problem:
    what, package = shown(asked.node.class_name), _PACKAGES[asked.kind]
    return Problem(
        code="EL123",
        subject=what,
        message=f"{asked.node.label} of {package} is not in {seen.reader_name}, so that the model's code "
        "cannot make one",
        error=f"AttributeError: module '{package}' has no attribute '{what}'",
        loaders=(WEIGHTS_LOADER,),
    )


def _refused(seen: Comparison, asked: _Asked) -> Iterator[Problem]:
    """Arguments that the code has given, being no defaults, and that the class does not take here."""
    node, here = asked.node, asked.here
    if here is None:
        return
    given = {key: value for key, value in node.config.items() if _is_given(asked.there, key, value)}
    if not given:
        return
    first = next(iter(asked.there.accepts), None)  # may be given by its place
    is_open = here.is_open and "InputLayer" not in here.mro  # `Input`, which makes it, takes no others
    known = {*here.accepts, *here.removes, "name", first}
    lost = [key for key in given if not is_open and key not in known]
    if lost:
        yield _unbuilt(
            "EL108",
            node,
            f"is made with {listed(lost)}, which {seen.reader_name} does not accept",
            f"TypeError: {node.class_name}.__init__() got an unexpected keyword argument '{shown(lost[0])}'",
        )
    for keys, error in refusals(here.checks, node.config):
        if any(key in given for key in keys):
            held = listed(f"{key}={shown(node.config[key])}" for key in keys if key in given)
            said = f"is made with {held}, which {seen.reader_name} does not take"
            yield _unbuilt("EL125", node, said, error)


def _other(seen: Comparison, asked: _Asked) -> Iterator[Problem]:
    """Initializers of `tf.compat.v1`, which share names with those of Keras and know a type besides."""
    if asked.kind != "initializer" or "dtype" not in asked.node.config or "dtype" in asked.there.accepts:
        return
    if seen.writer < THREE <= seen.reader:
        yield _unbuilt(
            "EL108",
            asked.node,
            f"carries `dtype`, as those of `tf.compat.v1` alone do, which {seen.reader_name} does not take",
            f"ValueError: Could not interpret initializer identifier: {shown(asked.node.class_name)}",
        )


def _loader(seen: Comparison, api: KerasApi, objects: tuple[Node, ...]) -> Loader | None:
    """What tells of values, where there are any to tell of."""
    if seen.reader < THREE or not any(_is_telling(node) for node in objects):
        return None
    from envlock.knowledge.loading import keras3_loader

    return keras3_loader.loader_of(seen, api, is_legacy=True)


def _is_telling(node: Node) -> bool:
    name = node.config.get("name")
    return "interpolation" in node.config or "layer" in node.config or (isinstance(name, str) and "/" in name)


def _valued(asked: _Asked, loader: Loader | None) -> Iterator[Problem]:
    """The values that Keras 3 refuses of whoever gives them."""
    if loader is None or not _is_telling(asked.node):
        return
    from envlock.knowledge.loading import keras3_values

    node = asked.node
    config = {key: value for key, value in node.config.items() if key in _OF_CODE or key == "trainable"}
    item = {"class_name": node.class_name, "config": config}
    for problem in keras3_values.value_problems(loader, asked.here, item, config):
        yield replace(problem, loaders=(WEIGHTS_LOADER,))


def _is_given(there: KerasClass, key: str, value: object) -> bool:
    """Whether a plain value is another one than the default, so that code must have asked for it."""
    default = there.accepts.get(key)
    if value in _DEFAULTS.get(key, ()):
        return False
    if key in _UNASKED or key not in there.accepts or not isinstance(value, (str, int, float)):
        return False
    if default is None and "Layer" in there.mro and key != "name":
        return value is True  # other values may have been put in the place of nothing
    is_known = default is None or isinstance(default, (str, int, float))
    return is_known and (value or None) != (default or None)


def _of_generation(seen: Comparison, node: Node, there: KerasApi) -> Iterator[Problem]:
    """What code of one generation says that none of the other understands."""
    reader = seen.reader_name
    if seen.reader < THREE:
        name = text_of(node.config, "name")
        if node.slot == "layers" and name and not _SCOPE.fullmatch(name):
            yield _unbuilt(
                "EL125",
                node,
                f"has a name that {reader} does not take",
                f"ValueError: '{shown(name)}/' is not a valid root scope name.",
            )
        return
    if node.class_name in _ADDED and node.slot == "layers":
        what = _ADDED[node.class_name]
        yield _unbuilt(
            "EL123",
            node,
            f"comes of `{what}` with a tensor of the model, which {reader} does not do",
            f"AttributeError: 'Functional' object has no attribute '{what}'",
        )
    if _is_legacy(seen, node) and there.public(f"keras.optimizers.legacy.{node.class_name}"):
        yield _unbuilt(
            "EL123",
            node,
            f"is a legacy optimizer, of which {reader} has only the names",
            f"ImportError: `keras.optimizers.legacy` is not supported in Keras 3: {shown(node.class_name)}",
        )


def _is_legacy(seen: Comparison, node: Node) -> bool:
    if node.slot == "layers":
        return False
    is_own_name = node.module is None and ">" not in node.class_name and node.class_name[:1].isupper()
    is_old = is_own_name and seen.writer >= _NOTED and "is_legacy_optimizer" not in node.config
    is_noted = node.config.get("is_legacy_optimizer") is True
    return is_old or is_noted or node.module == "keras.optimizers.legacy"


def _names(seen: Comparison, objects: tuple[Node, ...], there: KerasApi, api: KerasApi) -> Iterator[Problem]:
    """Names that stand for something of Keras' own there, and for nothing here; functions of the user's."""
    for node in objects:
        for key, value in node.config.items():
            if isinstance(value, str) and key.endswith("activation"):
                yield from _named(seen, node.label, "activation", value, there, api)
            elif value and node.slot == "layers" and key.endswith(("_constraint", "_regularizer")):
                yield from _function(seen, node, key.rpartition("_")[2], value, there)
    settings = seen.content.compile_config
    if isinstance(settings, dict):
        for key in ("loss", "metrics", "weighted_metrics"):
            for value in _texts(settings.get(key)):
                yield from _named(seen, "the compile settings", kind_of(key) or "", value, there, api)


def _named(
    seen: Comparison, owner: str, kind: str, name: str, there: KerasApi, api: KerasApi
) -> Iterator[Problem]:
    kinds = (kind, {"loss": "metric", "metric": "loss"}.get(kind, kind))
    package = {"activation": "keras.activations"}.get(kind) or _PACKAGES.get(kind, "")
    if not there.lookup(kind, name) or any(api.lookup(one, name) for one in kinds):
        return
    if not api.public(f"{package}.{name}") and not (kind == "metric" and _is_short(name)):
        yield Problem(
            code="EL123",
            subject=shown(name),
            message=f"{owner} asks for the {kind} {shown(name)}, which is not in {seen.reader_name}",
            error=f"ValueError: Could not interpret {kind} identifier: {shown(name)}",
            loaders=(WEIGHTS_LOADER,),
        )


def _is_short(name: str) -> bool:
    """Names that `compile` itself understands."""
    return name in {"accuracy", "acc", "crossentropy", "ce"}


def _function(seen: Comparison, node: Node, kind: str, value: object, there: KerasApi) -> Iterator[Problem]:
    """Until 3.14 Keras 3 takes objects alone for these, no plain functions."""
    if not _OBJECTS_FROM <= seen.reader < _OBJECTS_UNTIL:
        return
    is_function = isinstance(value, dict) and value.get("class_name") == "function"
    name = value.get("config") if isinstance(value, dict) and is_function else value
    if isinstance(name, str) and not there.lookup(kind, name):
        yield _unbuilt(
            "EL125",
            node,
            f"has a function as {kind}, {shown(name)}, which {seen.reader_name} refuses",
            f"ValueError: Invalid value for attribute `{kind}`. Expected an instance of "
            f"`keras.{kind}s.{kind.title()}`, or `None`.",
        )


def _texts(data: Any) -> Iterator[str]:
    """The texts in lists and dictionaries that hold names, not those inside an object."""
    waiting = [data]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, dict) and "class_name" not in item:
            waiting.extend(item.values())


def _unbuilt(code: str, node: Node, said: str, error: str) -> Problem:
    return Problem(
        code=code,
        subject=node.label,
        message=f"{node.label} {said}",
        error=error,
        loaders=(WEIGHTS_LOADER,),
    )
