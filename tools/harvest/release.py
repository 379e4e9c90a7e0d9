"""The table of one release, from its sources."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harvest.checks import checks, keys_of
from harvest.configs import Configs, Reading
from harvest.constructors import Accepted, Constructors
from harvest.interpreter import LEFT_OUT, Looked, Package, Stopped
from harvest.kwargs import REQUIRED
from harvest.values import Class, External, Function, linearised

# Where Keras lies in what a distribution installs, the newest layout first.
TOPS = ("tf_keras", "keras", "tensorflow.python.keras")
INNER = ("tf_keras.src", "keras.src", "tf_keras", "keras", "tensorflow.python.keras")

# Modules of TensorFlow outside Keras that hold bases of its classes.
BASES = ("tensorflow.python.ops.init_ops_v2", "tensorflow.python.ops.init_ops")

# The classes that everything serialisable descends from; a method that they define is the usual one.
ROOTS = {
    *(
        "Layer",
        "BaseLayer",
        "Model",
        "Operation",
        "KerasSaveable",
        "Loss",
        "Metric",
        "Initializer",
    ),
    *(
        "Regularizer",
        "Constraint",
        "LearningRateSchedule",
        "Optimizer",
        "OptimizerV2",
        "BaseOptimizer",
    ),
    *(
        "_BaseOptimizer",
        "TFOptimizer",
        "DTypePolicy",
        "Policy",
        "Quantizer",
        "QuantizationConfig",
    ),
}
METHODS = (
    *(
        "from_config",
        "get_config",
        "build",
        "build_from_config",
        "get_build_config",
        "compute_output_shape",
    ),
    *("call", "load_own_variables", "save_own_variables", "compile_from_config"),
)
SIGNED = ("build", "call", "build_from_config")

# Rooms whose functions no saved file names.
ONLY_CLASSES = re.compile(
    r"\.(applications|backend|distribute|trainers|callbacks|export|visualization|benchmarks|estimator)(\.|$|_)"
)
NEVER = re.compile(r"(^|\.)(datasets|testing|testing_infra)(\.|$)|^keras\.api(\.|$)")

# Where each generation looks a bare name up: kind -> the modules whose `deserialize` may do it.
DOORS = {
    "layer": ("layers.serialization", "legacy.saving.saving_utils"),
    "activation": ("activations",),
    "initializer": ("initializers",),
    "regularizer": ("regularizers",),
    "constraint": ("constraints",),
    "loss": ("losses",),
    "metric": ("metrics",),
    "optimizer": ("optimizers",),
    "legacy optimizer": ("optimizers",),
    "schedule": (
        "optimizers.schedules.learning_rate_schedule",
        "optimizer_v2.learning_rate_schedule",
    ),
    "policy": ("mixed_precision.policy", "dtype_policies"),
    "quantizer": ("quantizers",),
}


@dataclass
class Source:
    """The unpacked sources of one release."""

    folder: Path
    distribution: str
    version: str

    @property
    def provider(self) -> str:
        """By what name envlock asks for it."""
        return "tensorflow" if self.distribution.startswith("tensorflow") else self.distribution

    @classmethod
    def found(cls, folder: Path) -> Source:
        """The release whose name and version a folder bears."""
        distribution, _, version = folder.name.rpartition("-")
        return cls(folder, distribution, version)


def files(folder: Path) -> dict[str, Path]:
    """Dotted name -> file of each module of Keras that may matter."""
    top = next(item for item in TOPS if (folder / item.replace(".", "/") / "__init__.py").exists())
    found: dict[str, Path] = {}
    for path in sorted((folder / top.replace(".", "/")).rglob("*.py")):
        name = ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
        if not LEFT_OUT.search(name):
            found[name] = path
    found |= {name: path for name in BASES if (path := folder / f"{name.replace('.', '/')}.py").exists()}
    # Keras 3.3 to 3.9 adds its folder `api` to the places where its modules are searched.
    for name in [item for item in found if item.startswith("keras.api.") and "keras.src" in found]:
        found.setdefault(name.replace("keras.api.", "keras.", 1), found[name])
    return found


def table(source: Source) -> dict[str, Any]:
    """Everything that a loader of this release could ask for."""
    package = Package(files(source.folder))
    package.load_all()
    inner = next(item for item in INNER if item in package.modules)
    modules = {
        name: module.namespace
        for name, module in package.modules.items()
        if not name.startswith("keras.api") and name not in BASES
    }
    return {
        "distribution": source.distribution,
        "version": source.version,
        "classes": _classes(package),
        "modules": {name: _names(name, held) for name, held in sorted(modules.items())},
        "public": {path: _path(found) for path, found in sorted(package.exports.items()) if _path(found)},
        "lookup": {kind: found for kind in DOORS if (found := _lookup(package, inner, kind))},
    }


def _path(value: Any) -> str:
    """The qualified name of something that a file may name; empty for anything else."""
    if isinstance(value, (Class, Function)):
        return "" if "<" in value.name else value.name
    if isinstance(value, External) and not value.is_module and not value.path.startswith("builtins."):
        return value.path
    return ""


def _names(module: str, held: dict[str, Any]) -> dict[str, str]:
    """What is found in a module by name."""
    if NEVER.search(module):
        return {}
    wanted: Any = Class if ONLY_CLASSES.search(module) else (Class, Function, External)
    found = {name: _path(value) for name, value in sorted(held.items()) if isinstance(value, wanted)}
    return {name: path for name, path in found.items() if path and not NEVER.search(path)}


def _lookup(package: Package, inner: str, kind: str) -> dict[str, str]:
    """The dictionary by which a loader finds a bare name of a kind."""
    flag = {"is_legacy_optimizer": kind.startswith("legacy")}
    for room in DOORS[kind]:
        module = package.modules.get(f"{inner}.{room}")
        door = module and (module.namespace.get("model_from_config") or module.namespace.get("deserialize"))
        if not isinstance(door, Function):
            continue
        try:
            package.call(door, [{"class_name": "\0", "config": dict(flag)}], {}, door.scope)
        except Looked as looked:
            held = looked.found if isinstance(looked.found, dict) else {}
            return {name: _path(value) for name, value in sorted(held.items()) if _path(value)}
        except Stopped:
            continue
    return {}


def _classes(package: Package) -> dict[str, dict[str, Any]]:
    constructors = Constructors(package)
    configs = Configs(constructors.handlings)
    exported = {id(found) for found in package.exports.values()}
    found = {}
    for module in package.modules.values():
        for value in module.namespace.values():
            if isinstance(value, Class) and value.name not in found and not NEVER.search(value.name):
                order = linearised(value)
                if id(value) in exported or _is_serialisable(order):
                    found[value.name] = _record(value, order, constructors, configs)
    return dict(sorted(found.items()))


def _checks(package: Package, cls: Class, reading: Reading) -> list[list[Any]]:
    """What the constructor refuses of values that reach it as they stand in the configuration."""
    moved = reading.removed | reading.given | reading.possible
    return [row for row in checks(package, cls) if not moved & set(keys_of(row[0]))]


def _is_serialisable(order: tuple[Any, ...]) -> bool:
    return any(item.bare in ROOTS for item in order) or any(
        isinstance(item, Class) and {"from_config", "get_config"} & set(item.body) for item in order
    )


def _record(
    cls: Class, order: tuple[Any, ...], constructors: Constructors, configs: Configs
) -> dict[str, Any]:
    accepted: Accepted = constructors.accepted(cls)
    reading = configs.reading(cls)
    below = _below(order)
    needed = {name for name, default in accepted.keys.items() if default == REQUIRED} - reading.given
    record: dict[str, Any] = {
        "mro": " ".join(item.bare for item in order if item.bare != "object"),
        "accepts": accepted.keys,
        "open": int(accepted.is_open),
        "refusal": "" if accepted.is_open else accepted.refusal,
        "removes": sorted(reading.removed),
        "requires": sorted((needed | reading.needed) - reading.possible),
        "checks": _checks(constructors.package, cls, reading),
        "defines": [name for name in METHODS if any(name in item.body for item in below)],
        "signatures": {name: signed for name in SIGNED if (signed := _signature(below, name))},
    }
    return {name: value for name, value in record.items() if value}


def _below(order: tuple[Any, ...]) -> list[Class]:
    """The class and those of its ancestors that come before the usual ones."""
    found: list[Class] = []
    for item in order:
        if found and item.bare in ROOTS:
            break
        if isinstance(item, Class):
            found.append(item)
    return found


def _signature(below: list[Class], name: str) -> str:
    held = next((item.body[name] for item in below if name in item.body), None)
    if not isinstance(held, Function):
        return ""
    arguments = held.node.args
    parts = [part.arg for part in [*arguments.posonlyargs, *arguments.args][1:]]
    parts += ["*"] if arguments.vararg else []
    parts += [part.arg for part in arguments.kwonlyargs]
    return " ".join(parts + (["**"] if arguments.kwarg else [])) or "-"
