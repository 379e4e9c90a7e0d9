"""Names, shapes and types of arrays, read without HDF5's library."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envlock.artifacts import hdf5_layout
from envlock.artifacts.hdf5_layout import arrays, is_cut, texts
from envlock.facts import TensorSpec

h5py = pytest.importorskip("h5py")


def written(held: dict[str, tuple[tuple[int, ...], str]], **options: Any) -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w", **options) as opened:
        for name, (shape, dtype) in held.items():
            opened.create_dataset(name, shape=shape, dtype=dtype)
    return file.getvalue()


def read(data: bytes, start: int = 0) -> tuple[TensorSpec, ...] | None:
    return arrays(io.BytesIO(data), start, len(data) - start)


MANY = {
    f"layers/dense_{number}/vars/{part}": ((number, 2), "float32") for number in range(90) for part in "01"
}


def test_every_array_is_found_wherever_the_file_begins() -> None:
    held = {**MANY, "optimizer/vars/0": ((), "int64"), "seed": ((2,), "uint32"), "half": ((1,), "float16")}
    expected = tuple(
        TensorSpec(name=name, shape=shape, dtype=dtype) for name, (shape, dtype) in sorted(held.items())
    )

    assert read(written(held)) == expected
    assert read(b"before" + written(held), 6) == expected
    assert read(written({})) == ()


def test_groups_that_hold_nothing_are_listed() -> None:
    file = io.BytesIO()
    with h5py.File(file, "w") as opened:
        opened.create_dataset("layers/dense/vars/0", shape=(2,), dtype="float32")
        opened.create_group("layers/input_layer/vars")

    found = hdf5_layout.arrays_and_empty(file, 0, len(file.getvalue()))

    assert found is not None
    assert [spec.name for spec in found[0]] == ["layers/dense/vars/0"]
    assert found[1] == ("layers/input_layer/vars",)


def test_what_is_not_read_here_is_left_to_the_library() -> None:
    assert read(written(MANY, libver="latest")) is None
    assert read(written({"big": ((1,), ">f4")})) is None
    assert read(written({"yes": ((1,), "bool")})) is None
    assert read(b"") is None


def test_a_file_of_more_objects_than_are_counted_is_left_to_the_library(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hdf5_layout, "_MOST_OBJECTS", 90)

    assert read(written({f"array_{number}": ((1,), "float32") for number in range(91)})) is None
    assert read(written({f"array_{number}": ((1,), "float32") for number in range(40)})) is not None


@given(st.integers(0, 3000), st.binary(min_size=1, max_size=40))
def test_a_crafted_file_ends_the_walk(place: int, garbage: bytes) -> None:
    data = written({"a/b/vars/0": ((1,), "float32"), "a/c": ((1,), "int32")})
    place %= len(data)

    assert isinstance(read(data[:place] + garbage + data[place + len(garbage) :]), (tuple, type(None)))
    assert read(data[:place]) is None or place >= len(data)


def attributed(**attributes: Any) -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w") as opened:
        for name, value in attributes.items():
            opened.attrs[name] = value
    return file.getvalue()


def told(data: bytes, *names: str) -> dict[str, str] | None:
    return texts(io.BytesIO(data), 0, len(data), names)


@pytest.mark.parametrize("text", ["", "short", "ümlaut", "x" * 70_000, "y" * 3_000_000])
def test_texts_at_the_root_are_read_whatever_their_length(text: str) -> None:
    data = attributed(wanted=text, other="not asked for", number=3)

    assert told(data, "wanted", "absent") == {"wanted": text}


def test_texts_of_a_fixed_length_are_read_too() -> None:
    assert told(attributed(one=b"Keras", two=["a", "b"]), "one") == {"one": "Keras"}


def test_an_attribute_that_is_no_text_is_passed_over() -> None:
    assert told(attributed(one=3, two=[1.5]), "one", "two") == {}


def test_a_file_that_ends_too_early_is_cut() -> None:
    data = written(MANY)

    assert [is_cut(io.BytesIO(data), 0, size) for size in (len(data), len(data) - 1)] == [False, True]
    assert not is_cut(io.BytesIO(b"no HDF5"), 0, 7)


@given(st.data())
def test_a_spoilt_file_is_read_or_left_alone(data: st.DataObject) -> None:
    whole = bytearray(attributed(model_config="{}" * 50, keras_version="2.15.0"))
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=8)):
        whole[place] = data.draw(st.integers(0, 255))

    found = told(bytes(whole), "model_config", "keras_version")

    assert found is None or set(found) <= {"model_config", "keras_version"}
