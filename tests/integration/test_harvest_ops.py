"""The table of operations against what the TensorFlow of these environments really registers."""

from __future__ import annotations

import importlib.util
import json

import pytest
from conftest import ROOT

from envlock.knowledge import operations
from envlock.knowledge.rule import release

pytestmark = [pytest.mark.tensorflow]

TOOL = ROOT / "tools" / "harvest_ops.py"


def _tool():
    spec = importlib.util.spec_from_file_location("harvest_ops", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_harvesting_again_gives_what_the_table_says(environment, tmp_path):
    environment.run(str(TOOL), "record", str(tmp_path / "record.json"), cwd=tmp_path)
    tool = _tool()
    (found,) = tool._renamed([json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))])

    said = operations.tensorflow(release(found["version"]))

    assert said.is_exact
    assert [name for name in found["ops"] if not said.has(name)] == []
    assert [
        (name, key)
        for name, attributes in found["ops"].items()
        for key, value in attributes.items()
        if not _agrees(said.attr(name, key), value)
    ] == []
    kernels = {name: tool._kernels(rows) for name, rows in found["kernels"].items()}
    assert [name for name in kernels if not said.has_kernel(name)] == []
    assert [
        (name, key)
        for name, types in kernels.items()
        for key, value in types.items()
        if list(said.kernel_types(name, key) or ()) != value
    ] == []


def _agrees(said, value) -> bool:
    return said is not None and (said.type, said.default, said.has_default, list(said.allowed)) == (
        value["type"],
        value.get("default"),
        "default" in value,
        value.get("allowed", []),
    )


def test_the_same_records_make_the_same_table():
    tool = _tool()
    attribute = {"type": "type", "default": "DT_FLOAT", "allowed": ["DT_FLOAT", "DT_HALF"]}
    old = {
        "version": "2.4.4", "harvested": "2026-01-01", "graph_def": 561, "dtypes": {"1": "DT_FLOAT"},
        "ops": {"Add": {"T": attribute}, "Gone": {}}, "kernels": {"Add": [{"T": ["DT_FLOAT"]}, {}]},
    }  # fmt: skip
    new = {**old, "version": "2.5.3", "ops": {"Add": {"T": attribute}}, "kernels": {}}

    text = tool.table([new, old])

    assert text == tool.table([old, new])
    assert [line.split("\t") for line in text.splitlines()[1:]] == [
        ["Add", '[[[0,2]],[["T",0,0,2]],[[1,0,1]]]'],
        ["Gone", "[[[0,1]],[],[]]"],
    ]
    head = json.loads(text.splitlines()[0])
    assert head["pool"] == [{"type": "type", "default": "float32", "allowed": ["float32", "float16"]}, {}]
