"""The lists of what models may compute with follow from the tables of operations and from their rules."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import harvest_inspection as harvest  # noqa: E402

FOLDER = ROOT / "envlock" / "inspection"


def lines(name: str) -> list[str]:
    text = (FOLDER / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_the_list_of_operations_is_what_its_rules_leave_of_the_table() -> None:
    listed = lines("graph_operations.txt")

    assert listed == sorted(set(listed))
    for name in listed:
        assert harvest.is_allowed(name, has_state=False) or harvest.is_allowed(name, has_state=True), name


def test_the_same_records_make_the_same_list_again() -> None:
    listed = lines("graph_operations.txt")
    kept = {name: not harvest.is_allowed(name, has_state=False) for name in listed}
    more = {"WriteFile": True, "ReadFile": False, "PyFunc": True, "PyFuncStateless": False, "PrintV2": True}

    assert harvest.operations(kept | more) == listed


@pytest.mark.parametrize(
    ("name", "has_state"),
    [
        ("ReadFile", False),
        ("WriteFile", True),
        ("PyFunc", True),
        ("PyFuncStateless", False),
        ("PrintV2", True),
        ("TFRecordDatasetV2", True),
        ("ImmutableConst", False),
        ("DecodeProtoV2", False),
        ("XlaCustomCallV2", False),
        ("DebugIdentityV2", False),
        ("InitializeTableFromTextFileV2", True),
        ("RestoreV2", True),
        ("SomethingOfSomebody", False),
    ],
)
def test_what_does_more_than_compute_is_on_no_list(name: str, has_state: bool) -> None:
    assert not harvest.is_allowed(name, has_state=has_state)
    assert name not in lines("graph_operations.txt")


def test_the_list_of_functions_follows_from_names_and_arguments() -> None:
    listed = lines("tensorflow_functions.txt")
    found: dict[str, list[str] | None] = {name: ["x", "name"] for name in listed}
    more = {"io.write_file": ["filename", "contents"], "py_function": ["func", "inp"], "load_library": ["x"]}

    assert harvest.functions(found | more) == listed


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("map_fn", ["fn", "elems"]),
        ("while_loop", ["cond", "body"]),
        ("numpy_function", ["func", "inp"]),
        ("compat.v1.placeholder", ["dtype"]),
        ("keras.backend.eval", ["x"]),
        ("math.square", None),
        ("print", ["inputs"]),
    ],
)
def test_functions_that_do_more_are_left_out(name: str, arguments: list[str] | None) -> None:
    assert not harvest.is_function(name, arguments)
