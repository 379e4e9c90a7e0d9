"""
Compare the table of a release with the Keras that is installed: run it inside that environment.

    python tools/check_api.py CACHE/keras-3.7.0.json [--show 20]

Constructors are tried for real: with each key that the table accepts, with a key that nobody knows, with keys
that other classes take; `from_config` with each key of a configuration missing. Public names, the names in
every imported module and the dictionaries of the loaders are compared whole. Prints the figures as JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import inspect
import io
import json
import os
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

REQUIRED, COMPUTED = "\x01required", "\x01computed"
PROBE = "nobody_knows_this_key"
PLAUSIBLE: dict[str, Any] = {
    "units": 2, "filters": 2, "kernel_size": 2, "rate": 0.5, "target_shape": (2,), "dims": (1,), "n": 2,
    "input_dim": 4, "output_dim": 3, "function": lambda x: x, "activation": "relu", "num_heads": 2,
    "key_dim": 2, "equation": "ab,bc->ac", "output_shape": (2,), "stddev": 0.1, "height": 2, "width": 2,
    "factor": 0.1, "num_bins": 3, "bin_boundaries": [0.0, 1.0], "num_tokens": 3,
    "initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.9, "boundaries": [1],
    "values": [0.1, 0.01], "depth": 2, "axes": 1, "axis": -1, "size": 2, "head_dim": 2,
    "num_query_heads": 2, "num_key_value_heads": 2, "num_classes": 2, "recall": 0.5, "precision": 0.5,
    "sensitivity": 0.5, "specificity": 0.5, "target_class_ids": [0], "pool_size": 2, "rank": 2,
    "name": "probe", "dtype": "float32", "x": 0.1, "scale": 2.0, "l2": 0.1, "shape": (2,),
    "value_range": (0, 1), "position": 0, "groups": 1, "scale_factor": 2, "max_tokens": 5,
    "learning_rate": 0.1, "gain": 1.0, "mode": "fan_in", "sequence_length": 3, "intermediate_dim": 2,
    "projection_dim": 2, "max_value": 1.0, "min_value": 0.0, "min": 0.0, "max": 1.0, "bound": 1.0,
    "first_decay_steps": 5, "hidden_dim": 2, "source": "int8", "mapping": None,
}  # fmt: skip
REFUSALS = (
    *("unexpected keyword", "unrecognized", "not understood", "multiple values", "not recognized"),
    *("not a valid argument", "is deprecated in the new", "invalid keyword", "unexpected arguments"),
    *("unknown argument", "invalid argument", "not supported"),
)
PRIVATE = {"src", "api", "compat", "keras", "estimator"}
GENERIC = (1, 0.5, "relu", (1, 1), [0], "float32", None)


class Tried:
    """Figures, and examples of what differs."""

    def __init__(self) -> None:
        self.right: dict[str, int] = {}
        self.wrong: dict[str, int] = {}
        self.examples: dict[str, list[Any]] = {}

    def say(self, what: str, example: Any, *, is_right: bool) -> None:
        """Count one comparison."""
        held = self.right if is_right else self.wrong
        held[what] = held.get(what, 0) + 1
        if not is_right:
            self.examples.setdefault(what, []).append(example)


def resolve(qualified: str) -> Any:
    """The object of a qualified name, or None."""
    parts = qualified.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except Exception:  # noqa: BLE001 - any module of a release may fail to import
            continue
        try:
            for part in parts[cut:]:
                found = getattr(found, part)
        except AttributeError:
            return None
        return found
    return None


def attempt(
    make: Callable[..., Any], named: dict[str, Any] | None = None
) -> tuple[Any, BaseException | None]:
    """What a call gives, or the exception; quietly."""
    sink = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
        warnings.simplefilter("ignore")
        try:
            return make(**(named or {})), None
        except BaseException as error:  # noqa: BLE001 - the exception is the answer
            return None, error


class Maker:
    """Arguments with which a class can be made."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.layers = importlib.import_module(f"{root}.layers")

    def objects(self) -> dict[str, Callable[[], Any]]:
        """How arguments are made that are objects themselves."""
        layers = self.layers
        return {
            "cell": lambda: layers.SimpleRNNCell(2),
            "cells": lambda: [layers.SimpleRNNCell(2)],
            "layer": lambda: layers.LSTM(2, return_sequences=True),
            "inner_optimizer": lambda: resolve(self.root + ".optimizers").get("sgd"),
            "optimizer": lambda: resolve(self.root + ".optimizers").get("sgd"),
            "fn": lambda: resolve(self.root + ".losses").get("mean_squared_error"),
        }

    def arguments(self, cls: Any, record: dict[str, Any]) -> dict[str, Any] | None:
        """Some that work, or None."""
        needed = [key for key, default in record.get("accepts", {}).items() if default == REQUIRED]
        for generic in GENERIC:
            given = {}
            for key in needed:
                made = self.objects().get(key)
                given[key] = attempt(made)[0] if made else PLAUSIBLE.get(key, generic)
            if attempt(cls, given)[1] is None:
                return given
            if not [key for key in needed if key not in PLAUSIBLE and key not in self.objects()]:
                break
        for more in (
            {"shape": (2,)},
            {"num_tokens": 3},
            {"name": "float32"},
            {"input_shape": (2,)},
            {"mode": "int8"},
        ):
            if set(more) <= set(record.get("accepts", {})) and attempt(cls, {**given, **more})[1] is None:
                return {**given, **more}
        if "layer" in needed:
            for name in ("Dense", "Conv2D"):
                given["layer"] = (
                    getattr(self.layers, name)(2) if name == "Dense" else self.layers.Conv2D(2, 2)
                )
                if attempt(cls, given)[1] is None:
                    return given
        return None


def is_refusal(error: BaseException | None, key: str) -> bool:
    """Whether an exception is about a key that is not known."""
    said = str(error)
    return error is not None and key in said and not isinstance(error, KeyError) and any(
        word in said.lower()
        for word in REFUSALS
    )  # fmt: skip


def check_classes(table: dict[str, Any], tried: Tried, maker: Maker) -> None:
    """Try the constructor and `from_config` of every class."""
    everyone = sorted({key for record in table["classes"].values() for key in record.get("accepts", {})})
    for name, record in table["classes"].items():
        cls = resolve(name)
        if not inspect.isclass(cls):
            tried.say("class found", name, is_right=False)
            continue
        tried.say("class found", name, is_right=True)
        order = [item.__name__ for item in cls.__mro__ if item is not object]
        ours = record["mro"].split()
        tried.say(
            "mro",
            (name, ours, order),
            is_right=set(ours) <= set(order) and [x for x in order if x in ours] == ours,
        )
        given = maker.arguments(cls, record)
        if given is None:
            tried.say("constructible", name, is_right=False)
            continue
        tried.say("constructible", name, is_right=True)
        check_keys(tried, name, record, cls, given, everyone)
        check_config(tried, name, record, cls, given)


def check_keys(
    tried: Tried, name: str, record: dict[str, Any], cls: Any, given: dict[str, Any], everyone: list[str]
) -> None:
    """Keys that are accepted, keys that are not, and what is said of them."""
    accepts = record.get("accepts", {})
    for key, default in accepts.items():
        if key not in given:
            value = PLAUSIBLE.get(key) if default == COMPUTED else default
            error = attempt(cls, {**given, key: value})[1]
            tried.say("accepted key", (name, key, str(error)[:200]), is_right=not is_refusal(error, key))
    error = attempt(cls, {**given, PROBE: 1})[1]
    tried.say(
        "ending",
        (name, record.get("open"), str(error)[:200]),
        is_right=(error is None) is bool(record.get("open")),
    )
    if error is not None and not record.get("open"):
        said = (
            record.get("refusal", "").partition(": ")[2].split("{")[0].split("__init__()")[-1].strip("( '\"")
        )
        tried.say(
            "refusal",
            (name, record.get("refusal"), str(error)[:150]),
            is_right=said.split()[:2] == [] or said[:12] in str(error),
        )
    others = [] if record.get("open") else [key for key in everyone if key not in accepts]
    for key in others[:: max(1, len(others) // 25)]:
        error = attempt(cls, {**given, key: PLAUSIBLE.get(key)})[1]
        tried.say("refused key", (name, key), is_right=error is not None)


def check_config(tried: Tried, name: str, record: dict[str, Any], cls: Any, given: dict[str, Any]) -> None:
    """What `get_config` writes, and what `from_config` cannot do without."""
    made = attempt(cls, given)[0]
    config = attempt(made.get_config)[0] if hasattr(made, "get_config") else None
    if not isinstance(config, dict) or not hasattr(cls, "from_config"):
        return
    known = set(record.get("accepts", {})) | set(record.get("removes", ()))
    for key in config:
        if not record.get("open"):
            tried.say("written key", (name, key), is_right=key in known)
    text = attempt(partial(json.dumps, config))[0]
    if text is None or attempt(partial(cls.from_config, json.loads(text)))[1] is not None:
        tried.say("round trip", name, is_right=False)
        return
    for key in sorted(set(config) | set(record.get("requires", ()))):
        if key in config:
            less = {other: value for other, value in json.loads(text).items() if other != key}
            error = attempt(partial(cls.from_config, less))[1]
            is_needed = key in record.get("requires", ())
            tried.say(
                "required key",
                (name, key, is_needed, str(error)[:100]),
                is_right=(error is not None) == is_needed,
            )


def qualified(found: Any) -> str:
    """The name that an object has where it is defined."""
    return "{}.{}".format(getattr(found, "__module__", ""), getattr(found, "__qualname__", ""))


def is_ours(found: Any, root: str) -> bool:
    """Whether it is a class or function of this Keras."""
    held = getattr(found, "__module__", None)
    return isinstance(found, (type, types.FunctionType)) and isinstance(held, str) and held.startswith(root)


def check_modules(table: dict[str, Any], tried: Tried, root: str) -> None:
    """The names in every module."""
    for module in sorted(table["modules"]):
        try:
            held = vars(importlib.import_module(module))
        except Exception as error:  # noqa: BLE001 - any module of a release may fail to import
            tried.say("module", (module, str(error)[:100]), is_right=False)
            continue
        tried.say("module", module, is_right=True)
        ours = table["modules"][module]
        for name, path in ours.items():
            if path.startswith(root):
                found = held.get(name)
                tried.say(
                    "member there",
                    (module, name, path, repr(found)[:80]),
                    is_right=found is not None and same(found, path),
                )
        for name, found in list(held.items()):
            if (
                ours
                and is_ours(found, root)
                and "<" not in qualified(found)
                and (inspect.isclass(found) or not name.startswith("_"))
            ):
                tried.say("member known", (module, name, qualified(found)), is_right=name in ours)
    for module in sorted(sys.modules):
        if (
            module.split(".")[0] == root.split(".", maxsplit=1)[0]
            and module.startswith(root)
            and not any(
                part in module
                for part in (
                    "_test",
                    "._tf_keras",
                    ".api",
                    "_pb2",
                    "._v1",
                    "._v2",
                    "benchmark",
                    "integration_test",
                    ".tests",
                )
            )
        ):
            tried.say("imported module", module, is_right=module in table["modules"])


def same(found: Any, path: str) -> bool:
    """Whether an object is what the table calls it."""
    target = resolve(path)
    return found is target or qualified(found) == path


def check_public(table: dict[str, Any], tried: Tried, door: Any) -> None:
    """The public names, both ways."""
    for path, name in table["public"].items():
        parts = path.split(".")[1:]
        if {"__internal__", "_legacy", "estimator"} & set(parts) or "legacy_tf_layers" in name:
            continue
        found = door
        for part in parts:
            found = getattr(found, part, None)
        is_there = found is not None and not inspect.ismodule(found)
        tried.say("public", (path, name, repr(found)[:80]), is_right=is_there and same(found, name))
    for package, held in walked(door):
        for name, found in held.items():
            if isinstance(found, (type, types.FunctionType)) and not name.startswith("_"):
                path = ".".join(["keras", *package, name])
                tried.say("public known", (package, name), is_right=path in table["public"])


def walked(door: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """The packages below a public one."""
    yield path, vars(door)
    for name, found in list(vars(door).items()):
        is_inner = inspect.ismodule(found) and found.__name__.startswith(door.__name__) and len(path) < 4
        if is_inner and not name.startswith("_") and name not in PRIVATE:
            yield from walked(found, (*path, name))


def check_lookup(table: dict[str, Any], tried: Tried, root: str) -> None:
    """The dictionaries of the loaders."""
    doors = {
        "layer": ("layers.serialization", "legacy.saving.saving_utils"), "activation": ("activations",),
        "initializer": ("initializers",), "regularizer": ("regularizers",), "constraint": ("constraints",),
        "loss": ("losses",), "metric": ("metrics",), "optimizer": ("optimizers",),
        "legacy optimizer": ("optimizers",),
        "schedule": ("optimizers.schedules.learning_rate_schedule", "optimizer_v2.learning_rate_schedule"),
        "policy": ("mixed_precision.policy", "dtype_policies"), "quantizer": ("quantizers",),
    }  # fmt: skip
    for kind, rooms in doors.items():
        for room in rooms:
            live = captured(root, room, is_legacy=kind.startswith("legacy"))
            if live is None:
                continue
            ours = table["lookup"].get(kind, {})
            for name, path in ours.items():
                if path.startswith(root):
                    tried.say(
                        "lookup",
                        (kind, name, path, repr(live.get(name))[:80]),
                        is_right=name in live and same(live[name], path),
                    )
            for name, found in live.items():
                if is_ours(found, root) and not name.startswith("_"):
                    tried.say("lookup known", (kind, name, qualified(found)), is_right=name in ours)
            break


def captured(root: str, room: str, *, is_legacy: bool) -> dict[str, Any] | None:
    """The dictionary that a loader really looks a name up in."""
    try:
        module = importlib.import_module(root + "." + room)
    except ImportError:
        return None
    door = getattr(module, "model_from_config", None) or getattr(module, "deserialize", None)
    if door is None:
        return None
    door = inspect.unwrap(door)
    caught: list[Any] = []

    def stand_in(*_: Any, **named: Any) -> None:
        caught.append(named.get("module_objects"))
        raise ZeroDivisionError

    patched = []
    for holder in [module] + [item for item in vars(module).values() if inspect.ismodule(item)]:
        if hasattr(holder, "deserialize_keras_object"):
            patched.append((holder, holder.deserialize_keras_object))
            holder.deserialize_keras_object = stand_in
    config = {"class_name": "\0", "config": {"is_legacy_optimizer": is_legacy}}
    error = attempt(partial(door, config))[1]
    for holder, original in patched:
        holder.deserialize_keras_object = original
    return (
        dict(caught[0]) if caught and caught[0] is not None and isinstance(error, ZeroDivisionError) else None
    )


def main() -> None:
    """Print the figures, and examples of what differs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("table")
    parser.add_argument("--show", type=int, default=0)
    options = parser.parse_args()
    table = json.loads(Path(options.table).read_text(encoding="utf-8"))
    import tensorflow as tf

    first = next(iter(table["modules"])).split(".")[0]
    top = "tensorflow.python.keras" if first == "tensorflow" else first
    root = top + ".src" if top + ".src" in table["modules"] else top
    package = importlib.import_module(top)
    door = package if top + ".src" in table["modules"] else tf.keras
    for name in table["modules"]:
        if not any(part in name for part in ("estimator", "scikit", "callbacks_v1", "benchmark")):
            attempt(partial(importlib.import_module, name))
    maker = Maker(root)
    tried = Tried()
    check_lookup(table, tried, root)
    check_public(table, tried, door)
    check_modules(table, tried, top)
    check_classes(table, tried, maker)
    whats = sorted(set(tried.right) | set(tried.wrong))
    print(json.dumps({what: [tried.right.get(what, 0), tried.wrong.get(what, 0)] for what in whats}))
    for what, examples in tried.examples.items():
        for example in examples[: options.show]:
            print("  ", what, example)


if __name__ == "__main__":
    main()
