from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from envlock.knowledge import operations
from envlock.knowledge.operations import Attribute

TABLE = Path(operations.__file__).parent / "data" / "operations.bin"


@pytest.mark.parametrize("asked", [(2, 4, 4), (2, 11), (2, 15, 0), (2, 21, 0)])
def test_a_release_that_was_harvested_is_exact_in_all_its_patches(asked):
    found = operations.tensorflow(asked)

    assert (found.is_exact, found.release[:2]) == (True, asked[:2])


@pytest.mark.parametrize(("asked", "stands_in"), [((2, 3, 1), "2.4.4"), ((2, 30), "2.21.0")])
def test_the_nearest_release_stands_in_for_an_unknown_one(asked, stands_in):
    found = operations.tensorflow(asked)

    assert (found.is_exact, found.version) == (False, stands_in)


@pytest.mark.parametrize("asked", [(), (2,), (1, 15, 5), (3, 0)])
def test_there_is_no_table_for_other_generations(asked):
    assert operations.tensorflow(asked) is None


def test_an_operation_is_there_from_its_first_release_on():
    before, after = operations.tensorflow((2, 9, 3)), operations.tensorflow((2, 10, 1))

    assert (before.has("DisableCopyOnRead"), after.has("DisableCopyOnRead")) == (False, True)
    assert (before.since("DisableCopyOnRead"), before.until("DisableCopyOnRead")) == ("2.10", "")


def test_an_operation_that_was_taken_out_says_until_when():
    found = operations.tensorflow((2, 21, 0))

    assert (found.has("Rpc"), found.is_known("Rpc"), found.until("Rpc")) == (False, True, "2.5")


def test_an_operation_of_nobody_is_not_known():
    found = operations.tensorflow((2, 21, 0))

    assert (found.is_known("Houses"), found.since("Houses"), found.until("Houses")) == (False, "", "")
    assert found.attr("Houses", "T") is None
    assert found.attr_elsewhere("Houses", "T") is None


def test_an_attribute_has_its_type_and_default():
    found = operations.tensorflow((2, 21, 0))

    assert found.attr("VarHandleOp", "debug_name") == Attribute(
        type="string", default="", has_default=True, allowed=()
    )
    assert found.attr("VarHandleOp", "dtype") == Attribute(
        type="type", default=None, has_default=False, allowed=()
    )


def test_an_attribute_that_came_later_is_found_elsewhere():
    found = operations.tensorflow((2, 4, 4))

    assert found.attr("MatMul", "grad_a") is None
    assert found.attr_elsewhere("MatMul", "grad_a").default is False


def test_the_values_that_an_attribute_may_have_grow():
    before, after = operations.tensorflow((2, 4, 4)), operations.tensorflow((2, 21, 0))

    kinds = (set(found.attr("MatMul", "T").allowed) for found in (before, after))
    assert set.__lt__(*kinds)


def test_an_operation_may_lose_its_kernel():
    before, after = operations.tensorflow((2, 8, 4)), operations.tensorflow((2, 21, 0))

    assert (before.has_kernel("BoostedTreesPredict"), after.has_kernel("BoostedTreesPredict")) == (
        True,
        False,
    )
    assert after.has("BoostedTreesPredict")
    assert after.ever_had_kernel("BoostedTreesPredict")


def test_kernels_name_the_types_that_they_take():
    found = operations.tensorflow((2, 21, 0))

    assert "float32" in found.kernel_types("Conv2D", "T")
    assert found.kernel_types("Conv2D", "padding") is None
    assert found.kernel_types("Houses", "T") is None


def test_types_are_known_from_a_release_on():
    before, after = operations.tensorflow((2, 11)), operations.tensorflow((2, 21, 0))

    assert [found.has_dtype("float8_e5m2") for found in (before, after)] == [False, True]
    assert [found.has_dtype("DataType 99") for found in (before, after)] == [False, False]
    assert [found.graph_def for found in (before, after)] == [1286, 2474]


def test_the_table_is_small_and_opened_without_tensorflow():
    program = (
        "import sys; from envlock.knowledge.operations import tensorflow as found;"
        "found((2, 9, 3)).has('MatMul'); print('tensorflow' in sys.modules)"
    )

    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert said == "False\n"
    assert TABLE.stat().st_size < 200_000
