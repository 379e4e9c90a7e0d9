from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest

from envlock.contract import canary
from envlock.errors import LockError, UsageError
from envlock.facts import TensorSpec, Unknown

INFINITY = float("inf")


def spec(name: str = "x", shape: tuple[int, ...] = (-1, 2), dtype: str = "float32") -> TensorSpec:
    return TensorSpec(name=name, shape=shape, dtype=dtype)


def plain(arrays: Any) -> list[tuple[str, Any]]:
    """Arrays as values that compare: dtype and content."""
    return [(str(array.dtype), array.tolist()) for array in arrays]


def refusal(example: object, *specs: TensorSpec) -> str:
    with pytest.raises(UsageError) as caught:
        canary.from_example(example, specs, 3)
    return str(caught.value)


def test_the_first_rows_of_an_example_are_taken() -> None:
    found = canary.from_example(numpy.arange(8.0).reshape(4, 2), (spec(),), 2)

    assert plain(found) == [("float32", [[0.0, 1.0], [2.0, 3.0]])]


def test_a_shorter_example_is_taken_whole() -> None:
    assert plain(canary.from_example(numpy.ones((1, 2)), (spec(),), 3)) == [("float32", [[1.0, 1.0]])]


def test_a_list_of_rows_is_an_example_for_a_single_input() -> None:
    found = canary.from_example([[1, 2], [3, 4]], (spec(),), 3)

    assert plain(found) == [("float32", [[1.0, 2.0], [3.0, 4.0]])]


def test_a_list_of_arrays_is_in_the_order_of_the_inputs() -> None:
    specs = (spec("a"), spec("b", (-1,), "int32"))

    found = canary.from_example([[[1, 2]], [3]], specs, 3)

    assert plain(found) == [("float32", [[1.0, 2.0]]), ("int32", [3])]


def test_a_mapping_is_put_in_the_order_of_the_inputs() -> None:
    specs = (spec("a"), spec("b", (-1,), "int32"))

    found = canary.from_example({"b": [3], "a": [[1, 2]], "ignored": [0]}, specs, 3)

    assert plain(found) == [("float32", [[1.0, 2.0]]), ("int32", [3])]


def test_text_stays_text() -> None:
    found = canary.from_example(numpy.array([b"red", b"green"]), (spec(shape=(-1,), dtype="string"),), 3)

    assert plain(found) == [("<U5", ["red", "green"])]


def test_an_example_for_unknown_inputs_is_taken_as_it_is() -> None:
    found = canary.from_example({"a": numpy.arange(4)}, Unknown("the model is subclassed"), 2)

    assert plain(found) == [("int64", [0, 1])]


def test_an_input_that_is_missing_is_named() -> None:
    assert refusal({"a": [[1, 2]]}, spec("a"), spec("b")) == (
        "example= has no input 'b'; the model takes 2: 'a', 'b'"
    )


def test_another_number_of_inputs_is_refused() -> None:
    assert refusal([[[1, 2]]], spec("a"), spec("b")) == ("example= has 1 inputs, the model takes 2: 'a', 'b'")


@pytest.mark.parametrize("shape", [(4, 3), (4,), (4, 2, 1)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    assert refusal(numpy.ones(shape), spec("x", (-1, 2))) == (
        f"example= for input 'x' has shape {(3, *shape[1:])}, expected (n, 2)"
    )


def test_drawn_inputs_fit_the_shapes() -> None:
    specs = (
        spec("a", (-1, 2)),
        spec("b", (-1, -1, 3), "int32"),
        spec("c", (-1,), "bool"),
        spec("d", (4, 2), "float16"),
        spec("e", (-1, 1), "bfloat16"),
    )

    found = canary.drawn(specs, 3)

    assert isinstance(found, list)
    assert [(array.shape, str(array.dtype)) for array in found] == [
        ((3, 2), "float32"),
        ((3, 16, 3), "int32"),
        ((3,), "bool"),
        ((4, 2), "float16"),
        ((3, 1), "float32"),
    ]


def test_drawn_whole_numbers_are_0_and_1() -> None:
    found = canary.drawn((spec(shape=(-1, 64), dtype="int64"),), 3)

    assert isinstance(found, list)
    assert set(found[0].flat) == {0, 1}


def test_the_same_inputs_are_drawn_twice() -> None:
    specs = (spec("a"), spec("b", (-1,), "uint8"))

    first, second = canary.drawn(specs, 3), canary.drawn(specs, 3)

    assert plain(first) == plain(second)


def test_text_cannot_be_drawn() -> None:
    assert canary.drawn((spec(dtype="string"),), 3) == Unknown(
        "input 'x' takes string, which cannot be drawn; pass example="
    )


def test_what_is_too_large_is_not_drawn() -> None:
    assert canary.drawn((spec(shape=(-1, 2000, 2000)),), 3) == Unknown(
        "input 'x' is too large to draw; pass example="
    )


def test_nothing_is_drawn_for_unknown_inputs() -> None:
    reason = Unknown("the model is subclassed")

    assert canary.drawn(reason, 3) == reason


def test_what_is_written_is_read_back_in_order(tmp_path: Path) -> None:
    inputs = [numpy.full((2,), index, "int32") for index in range(11)]
    outputs = [numpy.array([[0.5]], "float32"), numpy.array(["red", "green"], dtype=object)]

    canary.write(tmp_path / canary.FILE, inputs, outputs)

    read = canary.read(tmp_path / canary.FILE)
    assert plain(read[0]) == plain(inputs)
    assert plain(read[1]) == [("float32", [[0.5]]), ("<U5", ["red", "green"])]


def test_the_same_arrays_give_the_same_bytes(tmp_path: Path) -> None:
    arrays = [numpy.arange(6.0).reshape(2, 3)]

    canary.write(tmp_path / "a.npz", arrays, arrays)
    canary.write(tmp_path / "b.npz", arrays, arrays)

    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_nothing_is_ever_unpickled(tmp_path: Path) -> None:
    numpy.savez(tmp_path / canary.FILE, input_0=numpy.array([print], dtype=object))

    with pytest.raises(LockError) as caught:
        canary.read(tmp_path / canary.FILE)

    assert str(caught.value) == (
        "canary.npz beside the lock cannot be read: Object arrays cannot be loaded when allow_pickle=False"
    )


def test_an_empty_file_is_no_canary(tmp_path: Path) -> None:
    (tmp_path / canary.FILE).write_bytes(b"")

    with pytest.raises(LockError) as caught:
        canary.read(tmp_path / canary.FILE)

    assert str(caught.value) == "canary.npz beside the lock cannot be read: File is not a zip file"


def test_the_same_outputs_are_equal_to_the_last_bit() -> None:
    outputs = [numpy.array([1.5, numpy.nan, numpy.inf], "float32"), numpy.array(["red"])]

    assert canary.compare(outputs, [array.copy() for array in outputs]) == (0.0, True)


@pytest.mark.parametrize(
    ("before", "after", "difference"),
    [
        (0.5, 0.25, 0.25),
        (4.0, 5.0, 0.25),
        (-4.0, 4.0, 2.0),
        (1, 3, 2.0),
        (True, False, 1.0),
        (0.0, -0.0, 0.0),
    ],
)
def test_small_numbers_differ_absolutely_and_large_ones_relatively(
    before: float, after: float, difference: float
) -> None:
    found = canary.compare([numpy.array([before])], [numpy.array([after])])

    assert found == (difference, False)


def test_the_largest_difference_of_all_outputs_counts() -> None:
    before = [numpy.zeros(2), numpy.zeros(2)]

    assert canary.compare(before, [numpy.array([0.0, 0.5]), numpy.array([0.125, 0.0])]) == (0.5, False)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([[1.0]], []),
        ([[1.0, 2.0]], [[1.0]]),
        ([[1.0]], [[numpy.nan]]),
        ([[numpy.nan]], [[1.0]]),
        ([[numpy.inf]], [[-numpy.inf]]),
        ([["red"]], [["green"]]),
    ],
    ids=["number", "shape", "became NaN", "was NaN", "infinity", "text"],
)
def test_what_cannot_be_compared_is_infinitely_far(before: list[Any], after: list[Any]) -> None:
    arrays = [[numpy.array(item) for item in side] for side in (before, after)]

    assert canary.compare(*arrays) == (INFINITY, False)


@pytest.mark.parametrize(
    ("dtype", "in_half", "accepted"),
    [("float32", False, 1e-5), ("float64", False, 1e-5), ("float32", True, 1e-3), ("float16", False, 1e-3)],
)
def test_half_precision_may_differ_by_more(dtype: str, in_half: bool, accepted: float) -> None:
    assert canary.tolerance([numpy.zeros(1, dtype)], in_half=in_half) == accepted
