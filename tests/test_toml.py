from __future__ import annotations

import pytest

from envlock import toml


def test_a_document_is_read_as_plain_data() -> None:
    assert toml.loads('[tool.envlock]\nschema = 1\nabsent = ["cpu"]\n') == {
        "tool": {"envlock": {"schema": 1, "absent": ["cpu"]}}
    }


def test_what_is_no_toml_is_refused_with_the_parsers_error() -> None:
    with pytest.raises(toml.TOMLDecodeError):
        toml.loads("schema =")
