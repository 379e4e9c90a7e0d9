from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envlock.artifacts.hdf5_arrays import arrays
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


def test_what_is_not_read_here_is_left_to_the_library() -> None:
    assert read(written(MANY, libver="latest")) is None
    assert read(written({"big": ((1,), ">f4")})) is None
    assert read(written({"yes": ((1,), "bool")})) is None
    assert read(b"") is None


@given(st.integers(0, 3000), st.binary(min_size=1, max_size=40))
def test_a_crafted_file_ends_the_walk(place: int, garbage: bytes) -> None:
    data = written({"a/b/vars/0": ((1,), "float32"), "a/c": ((1,), "int32")})
    place %= len(data)

    assert isinstance(read(data[:place] + garbage + data[place + len(garbage) :]), (tuple, type(None)))
    assert read(data[:place]) is None or place >= len(data)
