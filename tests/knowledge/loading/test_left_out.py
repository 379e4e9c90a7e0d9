"""Arguments that the writer took and left out of the file."""

from __future__ import annotations

from typing import Any

import pytest
from judged import make_artifact, make_comparison, make_content, make_layer, make_reading

from envlock.knowledge import Severity, judge
from envlock.knowledge.loading import left_out


def told(writer: str, *layers: dict[str, Any]) -> list[str]:
    seen = make_comparison(
        artifact=make_artifact("hdf5", writer), content=make_content(*layers), **make_reading(writer)
    )
    return [item.subject for item in left_out.problems(seen)]


@pytest.mark.parametrize(
    ("class_name", "leaves_out", "writes"),
    [
        ("Attention", ("2.10.0", "2.15.0"), ("2.9.0", "3.3.3")),
        ("AdditiveAttention", ("2.12.0", "2.21.0"), ("2.4.0", "3.0.0")),
        ("Normalization", ("2.10.0", "2.12.0"), ("2.9.0", "2.13.1")),
        ("LayerNormalization", ("3.0.0", "3.3.3"), ("2.15.0", "3.4.0")),
        ("Conv2DTranspose", ("3.0.5", "3.14.1"), ("2.15.0", "3.15.0")),
    ],
)
def test_a_layer_whose_file_does_not_tell(
    class_name: str, leaves_out: tuple[str, ...], writes: tuple[str, ...]
) -> None:
    layer = make_layer(class_name, name="one")

    assert [told(writer, layer) for writer in leaves_out] == [[f"{class_name} 'one'"]] * 2
    assert [told(writer, layer) for writer in writes] == [[]] * 2


def test_what_the_file_says_is_not_asked_about() -> None:
    assert told("2.12.0", make_layer("Normalization", name="one", invert=True)) == []


def test_it_is_a_note_and_no_verdict() -> None:
    seen = make_comparison(
        artifact=make_artifact("hdf5", "2.12.0"),
        content=make_content(make_layer("Attention", name="one")),
        **make_reading("2.12.0"),
    )

    found = [item for item in judge(seen) if item.code == "EL135"]

    assert [item.severity for item in found] == [Severity.NOTE]
    assert "`causal`" in found[0].message
