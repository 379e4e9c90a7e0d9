"""Arrays of types that HDF5 does not have."""

from __future__ import annotations

import pytest
from judged import make_artifact, make_comparison, make_content, make_dense, make_reading

from envlock.facts import KERAS_LOADER, WEIGHTS_LOADER, TensorSpec
from envlock.knowledge.loading import arrays


def told(kind: str, dtype: str, reader: str) -> list[tuple[str, str, tuple[str, ...]]]:
    specs = (TensorSpec(name="layers/dense/vars/0", shape=(3, 2), dtype=dtype),)
    seen = make_comparison(
        artifact=make_artifact(kind, "3.5.0"),
        content=make_content(make_dense(), weights=specs),
        **make_reading(reader),
    )
    return [(item.code, item.error, item.loaders) for item in arrays.problems(seen)]


@pytest.mark.parametrize(
    ("kind", "reader"),
    [("hdf5", "2.15.0"), ("hdf5", "3.15.1"), ("keras", "2.15.0"), ("keras", "3.0.4")],
)
def test_bfloat16_is_not_read_back_from_hdf5(kind: str, reader: str) -> None:
    error = "ValueError: No cast function available."

    assert told(kind, "bfloat16", reader) == [("EL128", error, (KERAS_LOADER, WEIGHTS_LOADER))]
    assert told(kind, "float16", reader) == []


def test_archives_of_keras_3_mark_it() -> None:
    assert told("keras", "bfloat16", "3.0.5") == []
