"""
Write the table of the names that are Keras' own, from the sources of released Kerases.

    python tools/harvest_names.py FOLDER [FOLDER ...] > envlock/artifacts/keras_names.json

Each FOLDER is a site-packages (or the target of `pip install --no-deps --target`) that holds `keras`,
`tf_keras`, or a TensorFlow before 2.6, which keeps Keras inside itself. Nothing is imported, so that
releases for other Pythons are read too. The result is the union for each generation of Keras, 2 and 3:
kind -> sorted names, where a name is a class, a function, an alias, or a string by which a Keras looks one
up. Under `loss spelling` and `metric spelling` are strings that find a class and no function.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

# The classes that everything serialisable descends from, in any Keras.
ROOTS = {
    "Layer": "layer",
    "BaseLayer": "layer",
    "Model": "model",
    "Loss": "loss",
    "Metric": "metric",
    "Optimizer": "optimizer",
    "OptimizerV2": "optimizer",
    "BaseOptimizer": "optimizer",
    "_BaseOptimizer": "optimizer",
    "TFOptimizer": "optimizer",
    "Initializer": "initializer",
    "Regularizer": "regularizer",
    "Constraint": "constraint",
    "LearningRateSchedule": "schedule",
    "DTypePolicy": "policy",
    "Policy": "policy",
    "QuantizationConfig": "quantization",
    "Quantizer": "quantization",
    "Operation": "operation",
}

# Where functions live, by the last folder or module on their path, or in the name they are exported by.
ROOMS = {
    "activations": "activation",
    "losses": "loss",
    "metrics": "metric",
    "initializers": "initializer",
    "regularizers": "regularizer",
    "constraints": "constraint",
    "optimizers": "optimizer",
    "schedules": "schedule",
    "serialization": "layer",  # where Keras 2 keeps its table of them
}

# Those that are also looked up in snake case, by generation: `deserialize` of each module. That of losses
# and metrics came with Keras 3, and only for texts: a function called `f1_score` is still the user's.
SNAKED = {
    "2": {"initializer", "regularizer", "constraint"},
    "3": {"initializer", "regularizer", "constraint", "loss", "metric", "activation"},
}

# Keras understands these itself, by the shape of the labels: `metrics=["accuracy"]`.
NEVER_LOOKED_UP = {"metric": {"accuracy", "acc", "crossentropy", "ce"}}

# Not objects: the doors of each module.
DOORS = {"serialize", "deserialize", "get"}


@dataclass
class Sources:
    """What stands in the sources: classes with their bases, names they go by, functions."""

    bases: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    aliases: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    functions: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


def packages(folder: Path) -> Iterator[Path]:
    """The folders of Keras' own sources below a site-packages."""
    for name in ("keras", "tf_keras", "tensorflow/python/keras"):
        # A TensorFlow from 2.6 on only has a dead copy.
        dead = name.startswith("tensorflow") and (folder / "keras").is_dir()
        if (folder / name).is_dir() and not dead:
            inner = folder / name / "src"
            yield inner if inner.is_dir() else folder / name


def modules(package: Path) -> Iterator[tuple[str, ast.Module]]:
    """Dotted path and syntax tree of each module that is no test."""
    for path in sorted(package.rglob("*.py")):
        dotted = ".".join(path.relative_to(package).with_suffix("").parts).removesuffix(".__init__")
        if not re.search(r"test|benchmark|\bapi\b", dotted):
            yield dotted, ast.parse(path.read_text(encoding="utf-8"))


def strings(node: ast.AST) -> Iterator[str]:
    """Every text inside an expression."""
    for item in ast.walk(node):
        if isinstance(item, ast.Constant) and isinstance(item.value, str):
            yield item.value


def exports(node: ast.ClassDef | ast.FunctionDef) -> set[str]:
    """The public names (`keras.layers.Dense`) and registered names (`keras>Dense`) of a definition."""
    found = set()
    for decorator in node.decorator_list:
        text = ast.unparse(decorator)
        if re.match(r"(\w+\.)*(keras_export|tf_export)\(", text):
            found |= set(strings(decorator))
        elif "register_keras_serializable" in text:
            package = next(strings(decorator), "Custom")
            found.add(f"{package}>{node.name}")
    return found


def room(dotted: str) -> str | None:
    """The kind of function that is found at this path, by the last word on it that tells."""
    words = re.split(r"[.]", dotted)
    return next((ROOMS[word] for word in reversed(words) if word in ROOMS), None)


def read(package: Path, found: Sources) -> None:
    """Add what the modules of one Keras define."""
    for dotted, tree in modules(package):
        for node in ast.walk(tree):
            match node:
                case ast.ClassDef():
                    found.bases[node.name] |= {ast.unparse(base).rpartition(".")[2] for base in node.bases}
                    found.aliases[node.name] |= exports(node)
        for node in tree.body:
            read_statement(node, room(dotted), found)


def read_statement(node: ast.stmt, kind: str | None, found: Sources) -> None:
    """Add a top-level function, an alias (`mse = MSE = mean_squared_error`), a table of names."""
    match node:
        case ast.FunctionDef():
            for name in exports(node):
                if exported := room(name.rpartition(".")[0]):
                    found.functions[exported].add(name.rpartition(".")[2])
            if kind and not node.name.startswith("_"):
                found.functions[kind].add(node.name)
        case ast.Assign(value=ast.Name(id=original)) if kind:
            targets = [target.id for target in node.targets if isinstance(target, ast.Name)]
            found.functions[kind] |= {name for name in targets if not original.startswith("_")}
    if kind and not isinstance(node, ast.ClassDef):  # a class has tables of its configuration's keys
        found.functions[kind] |= set(table_keys(node)) - {"class_name", "config", "module"}


def table_keys(node: ast.AST) -> Iterator[str]:
    """The names under which objects are entered into a table of a module."""
    for item in ast.walk(node):
        keys: list[ast.expr | None] = []
        if isinstance(item, ast.Dict):
            # Only tables of objects: text against text or numbers is something else.
            keys = [
                key
                for key, value in zip(item.keys, item.values, strict=True)
                if isinstance(value, (ast.Name, ast.Attribute))
            ]
        elif isinstance(item, ast.Assign) and isinstance(item.targets[0], ast.Subscript):
            keys = [item.targets[0].slice]
        for key in keys:
            if isinstance(key, ast.Constant) and re.fullmatch(r"[A-Za-z]\w*", str(key.value)):
                yield str(key.value)


def kinds(name: str, bases: dict[str, set[str]]) -> set[str]:
    """What a class is, by all that it descends from."""
    seen, waiting = set(), [name]
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            waiting.extend(bases.get(current, ()))
    found = {ROOTS[item] for item in seen if item in ROOTS}
    if "metric" in found:  # which is a layer in Keras 2, where nobody puts it
        found.discard("layer")
    if "layer" in found:
        found.discard("operation")
        if re.search(r"Cells?(V\d)?$", name):
            found.add("cell")
    return found


def snake(name: str) -> str:
    """A class's name as the modules of Keras spell it in their tables."""
    joined = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", joined).lower()


def spellings(name: str, kind: str, generation: str) -> dict[str, set[str]]:
    """The names by which a class is looked up beside its own, by the kind that they are filed under."""
    if ">" in name:
        return {}
    if kind == "optimizer":
        return {kind: {name.lower()}}
    if kind not in SNAKED[generation]:
        return {}
    return {f"{kind} spelling" if kind in {"loss", "metric"} else kind: {snake(name)}}


def table(found: Sources, generation: str) -> dict[str, list[str]]:
    """Kind -> sorted names."""
    result: dict[str, set[str]] = defaultdict(set)
    for name in found.bases:
        names = {name, *(alias.rpartition(".")[2] for alias in found.aliases[name])}
        # Keras exports classes of no kind as well, such as `SeedGenerator`, which a configuration may hold.
        for kind in kinds(name, found.bases) or ({"other"} if found.aliases[name] else set()):
            result[kind] |= names
            for item in names:
                for filed, spelt in spellings(item, kind, generation).items():
                    result[filed] |= spelt
    for source in (found.functions, NEVER_LOOKED_UP):
        for kind, names in source.items():
            result[kind] |= names
    return {
        kind: sorted(name for name in names if not name.startswith("_") and name not in DOORS)
        for kind, names in sorted(result.items())
    }


def main() -> None:
    """Print the union over the folders that were named, for each generation."""
    found = {"2": Sources(), "3": Sources()}
    for folder in sys.argv[1:]:
        for package in packages(Path(folder)):
            generation = "2" if (package / "engine").is_dir() else "3"
            print(generation, package, file=sys.stderr)
            read(package, found[generation])
    tables = {generation: table(sources, generation) for generation, sources in found.items()}
    print(json.dumps(tables, indent=0, sort_keys=True))


if __name__ == "__main__":
    main()
