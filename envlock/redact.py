"""Text on its way out: what a terminal would obey is shown instead."""

from __future__ import annotations

import re

__all__ = ["one_line", "visible"]

# C0 and C1 controls, DEL, bidirectional overrides and isolates, zero-width characters and the
# byte-order mark, lone surrogates: each of them can make a terminal show what is not there.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def visible(text: str) -> str:
    """`text` with control characters as escapes; newline and tab stay."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def one_line(text: str) -> str:
    """The same with newline and tab as escapes too, for a value inside a line of ours."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")
