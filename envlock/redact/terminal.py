"""What a terminal would obey, or would not show at all, as escapes."""

from __future__ import annotations

import re

__all__ = ["one_line", "visible"]

# C0 and C1 controls, DEL; every format character (category Cf: soft hyphen, bidirectional, zero
# width, tags, ...); what Unicode calls default-ignorable (fillers, joiners, variation selectors);
# line and paragraph separators; surrogates, private use and noncharacters. Newline and tab stay.
# https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point
_CONTROL = (
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2"
    "\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\uf8ff"
    "\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U000110bd\U000110cd"
    "\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U0001fffe\U0001ffff"
    "\U0002fffe\U0002ffff\U0003fffe-\U0010ffff]"
)


def visible(text: str) -> str:
    """`text` with control and invisible characters as escapes; newline and tab stay."""
    if text.isascii() and text.replace("\n", " ").replace("\t", " ").isprintable():
        return text  # nearly always, and without compiling the expression
    return re.sub(_CONTROL, lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def one_line(text: str) -> str:
    """The same with newline and tab as escapes too, for a value inside a line of ours."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")
