"""
Read every artifact of the measured matrix and compare with what is known of how it was made.

    python tools/read_matrix.py ARTIFACTS --matrix FOLDER

ARTIFACTS is the unpacked archive (`<environment>/<family>/model.h5`, …, `manifest.jsonl`), FOLDER holds
`families_a.py`, the code that the models came from. Needs NumPy and h5py and neither TensorFlow nor Keras.
Prints what was compared and each disagreement; ends with 1 when there is one.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from envlock import artifacts
from envlock.artifacts import names
from envlock.artifacts.config import Inventory, inventory
from envlock.facts import NOT_RECORDED, Unknown

CONTAINERS = {"zip": "keras", "hdf5": "hdf5", "dir": "saved-model"}
MODELS = {"Functional", "Sequential", "Model", "InputLayer"}
# What layers are made of, which Keras 2 describes in a SavedModel only.
INNER = {"Dropout", "EinsumDense", "LSTMCell", "Softmax", "StringLookup"}
KINDS = {"float16": "f", "float32": "f", "int32": "i", "int64": "i", "string": "S"}

# Where the file itself says something else than the arrays: REPORT.md, finding 6.
EXPLAINED = {
    ("tf2.16+k3.3", "text_vectorization", "tfsm", "inputs"): (
        "tf.saved_model.save of Keras 3.3 gives a float32 signature to string inputs"
    ),
}


@dataclass
class Family:
    """What the code of one family says of its model."""

    layers: set[str] = field(default_factory=set)
    custom: set[str] = field(default_factory=set)
    optimizer: str | None = None
    losses: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()


def families(path: Path) -> dict[str, Family]:
    """The families by the syntax tree of their code; nothing is imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    registered = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            package = [call.args[0].value for call in node.decorator_list]  # type: ignore[attr-defined]
            registered[node.name] = f"{package[0]}>{node.name}" if package else node.name
    return dict(_families(tree, registered))


def _families(tree: ast.Module, registered: dict[str, str]) -> Iterator[tuple[str, Family]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and any(
            ast.unparse(item).startswith("family(") for item in node.decorator_list
        ):
            yield node.name, family(node, registered)


def family(node: ast.FunctionDef, registered: dict[str, str]) -> Family:
    """What one function builds."""
    found = Family()
    for item in node.decorator_list:
        for keys in ast.walk(item):
            if isinstance(keys, ast.Dict):
                found.custom |= {registered.get(key.value, key.value) for key in keys.keys}  # type: ignore[union-attr]
    for call in ast.walk(node):
        if isinstance(call, ast.Call):
            _note_call(call, ast.unparse(call.func), registered, found)
    return found


def _note_call(call: ast.Call, called: str, registered: dict[str, str], found: Family) -> None:
    if re.fullmatch(r"L\.\w+", called) and called != "L.Input":
        found.layers.add(called[2:])
    elif called == "layer":
        found.layers.add(call.args[0].value)  # type: ignore[attr-defined]
    elif called in registered and registered[called] in found.custom:
        found.layers.add(registered[called])
    elif called.endswith(".compile"):
        given = {item.arg: item.value for item in call.keywords}
        found.optimizer = _name(given["optimizer"])
        found.losses = (_name(given["loss"]),)
        found.metrics = tuple(_name(item) for item in given["metrics"].elts)  # type: ignore[attr-defined]
        found.layers -= set(found.metrics)


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    return ast.unparse(node.func if isinstance(node, ast.Call) else node).rpartition(".")[2]


@dataclass(frozen=True)
class Artifact:
    """One saved model with what is known of it."""

    row: dict[str, Any]
    meta: dict[str, Any]
    family: Family
    arrays: list[Any]
    path: Path

    @property
    def describes_itself(self) -> bool:
        """Whether Keras left its own description in the file."""
        if self.row["format"] == "savedmodel":
            return not self.meta["k3"]
        # Until TensorFlow 2.4 that stood in the graph whoever saved it.
        return self.row["format"] != "tfsm" or self.meta["tf"].startswith("2.4.")


def disagreements(made: Artifact) -> Iterator[tuple[str, object, object]]:
    """What was compared, what is known and what was read."""
    reading = artifacts.read(made.path)
    found = inventory(reading.content)
    has_config = made.describes_itself
    yield "format", CONTAINERS[made.row["container"]], reading.format
    yield "keras", made.meta["keras"] if has_config else None, reading.keras_version
    is_graph = reading.format == "saved-model"
    yield "tensorflow", made.meta["tf"] if is_graph else None, reading.tensorflow_version
    yield "metadata", is_graph and has_config, reading.content.has_keras_metadata
    yield from _interface(made, reading)
    if isinstance(found, Unknown):
        yield "inventory", "known", found
        return
    yield from _names(made, found, has_config=has_config)
    listed = reading.content.weights
    weights = artifacts.weights(made.path) if listed is NOT_RECORDED else listed
    least = made.meta["params"]
    total = -1 if isinstance(weights, Unknown) else sum(int(np.prod(spec.shape)) for spec in weights)
    yield "weights", True, total >= least


def _interface(made: Artifact, reading: artifacts.Reading) -> Iterator[tuple[str, object, object]]:
    if isinstance(reading.inputs, Unknown):
        yield "inputs", "known", reading.inputs
        return
    fed = sorted((array.shape[1:], array.dtype.kind) for array in made.arrays)
    stated = sorted((spec.shape[1:], KINDS.get(spec.dtype)) for spec in reading.inputs)
    yield "inputs", fed, stated
    yield "batch", [-1] * len(fed), [spec.shape[0] for spec in reading.inputs]
    if reading.format != "saved-model":
        in_order = [(array.shape[1:], array.dtype.kind) for array in made.arrays]
        yield "order", in_order, [(spec.shape[1:], KINDS.get(spec.dtype)) for spec in reading.inputs]
    # Keras 3 calls an input that has no name of its own `keras_tensor`, and its layer `input_layer`.
    named = made.meta["input_names"]
    is_said = named and not any(name.startswith("keras_tensor") for name in named)
    if is_said and (reading.format != "saved-model" or not made.meta["k3"]):
        yield "names", sorted(named), sorted(spec.name for spec in reading.inputs)


def _names(made: Artifact, found: Inventory, *, has_config: bool) -> Iterator[tuple[str, object, object]]:
    truth = made.family if has_config else Family()
    yield "custom", sorted(truth.custom), sorted({item.name for item in found.custom})
    layers = {
        f"{item.registered_name}" if item.registered_name and ">" in item.registered_name else item.class_name
        for item in found.classes
        if names.is_own(item.class_name, "model") or not item.is_own
    }
    more = INNER if made.row["format"] in {"savedmodel", "tfsm"} else set()
    extra = (MODELS | set(found.metrics) | more) - truth.layers
    yield "classes", sorted(truth.layers), sorted(layers - extra)
    bytecodes = int(has_config and "Lambda" in truth.layers)
    yield "lambdas", bytecodes, found.lambdas
    yield "optimizer", (truth.optimizer or "").lower(), (found.optimizer or "").lower()
    yield "losses", truth.losses, found.losses
    yield "metrics", len(truth.metrics), len(found.metrics)
    if has_config:
        policies = {"mixed_float16"} if made.row["family"] == "mixed_precision" else set()
        yield "policies", True, policies <= set(found.dtype_policies)


def saved(folder: Path, truth: dict[str, Family]) -> Iterator[Artifact]:
    """Every artifact of which the manifests say that it was saved."""
    for manifest in sorted(folder.glob("*/manifest.jsonl")):
        for line in manifest.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row["ok"] and row["stage"] == "save":
                path = folder / row["path"]
                meta = json.loads((path.parent / "meta.json").read_text(encoding="utf-8"))
                with np.load(path.parent / "io.npz") as arrays:
                    fed = [arrays[f"in_{index}"] for index in range(meta["nin"])]
                yield Artifact(row, meta, truth[row["family"]], fed, path)


def main() -> int:
    """Compare everything, print the counts and what disagrees."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("artifacts", type=Path)
    parser.add_argument("--matrix", type=Path, required=True)
    given = parser.parse_args()
    counts: Counter[str] = Counter()
    wrong = 0
    for made in saved(given.artifacts, families(given.matrix / "families_a.py")):
        counts[f"artifacts of {made.row['format']}"] += 1
        for what, known, read in disagreements(made):
            counts[f"compared {what}"] += 1
            reason = EXPLAINED.get((made.row["env"], made.row["family"], made.row["format"], what))
            if known != read:
                wrong += reason is None
                print(
                    f"{made.row['path']}: {what} is {known!r}, read {read!r}", f"({reason})" if reason else ""
                )
    assert "tensorflow" not in sys.modules
    for name, count in sorted(counts.items()):
        print(f"{count:6} {name}")
    print(f"{wrong:6} disagreements")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
