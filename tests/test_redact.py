from __future__ import annotations

import pytest

from envlock.redact import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("bell\x07", "bell\\x07"),
        ("back\x08space", "back\\x08space"),
        ("over\rwritten", "over\\rwritten"),
        ("nothing\x00", "nothing\\x00"),
        ("delete\x7f", "delete\\x7f"),
        ("c1\x9b31m", "c1\\x9b31m"),
        ("next\x85line", "next\\x85line"),
        ("right\u202eleft", "right\\u202eleft"),
        ("iso\u2066late", "iso\\u2066late"),
        ("arabic\u061cmark", "arabic\\u061cmark"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("line\u2028separator", "line\\u2028separator"),
        ("order\ufeffmark", "order\\ufeffmark"),
        ("half\ud800pair", "half\\ud800pair"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize("text", ["", "plain", "two\nlines", "a\ttab", "Köln 東京 🏠", "back\\slash"])
def test_what_a_reader_needs_stays_as_it_is(text: str) -> None:
    assert visible(text) == text
