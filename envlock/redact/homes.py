"""Home folders, whose names are people's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

__all__ = ["homes"]

_KEYWORDS = ("home", "users", "/root", "%2froot", "documents and settings")

_HOME = r"""
    (?:(?<![A-Za-z0-9_.~)}\-/\\%]) | (?<=\\[abfnrtv0]) | (?<=-[A-Za-z]) | (?<=%[0-9A-Fa-f]{2})
      | (?<=[fF][iI][lL][eE]:/) | (?<=[fF][iI][lL][eE]://) | (?<=file://localhost) | (?<=:/) | (?<=\x80-\xff))
    (?:
        (?:(?:/|%2[Ff]|\\/)(?:var|export|usr|nfs|net|data|mnt|srv|scratch|gpfs|lustre|System/Volumes/Data))?
        (?:/|%2[Ff]|\\/)(?:home|Users)(?:/|%2[Ff]|\\/)NAME
      | (?:/|%2[Ff]|\\/)(?:mnt/|cygdrive/)?[A-Za-z]/Users/NAME
      | (?:/|%2[Ff])?[A-Za-z](?::|%3[Aa])(?:[\\/]{1,8}|%5[Cc]|%2[Ff])
        (?:Users|users|USERS|Documents[ ]and[ ]Settings)(?:[\\/]{1,8}|%5[Cc]|%2[Ff])WINDOWS_NAME
      | (?:/|%2[Ff])root(?![\w.\-])
    )
"""
_LETTER = (
    r"[^/\\\s\"'`<>|:*?%,;()\[\]{{}}=&#$@{more}]|\\u[0-9A-Fa-f]{{4}}|%(?!2[Ff]|5[Cc]|3[Aa])[0-9A-Fa-f]{{2}}"
)


@cache
def _pattern() -> re.Pattern[str]:
    letter = f"(?:{_LETTER.format(more='')})"
    # A name may hold blanks where a backslash follows.
    spaced = rf"{letter}{{1,64}}(?:[ ]{letter}{{1,64}}){{0,3}}(?=\\)|{letter}{{1,64}}"
    expression = _HOME.replace("WINDOWS_NAME", f"(?:{spaced})").replace("NAME", f"{letter}{{1,64}}")
    return re.compile(expression, re.VERBOSE)


def homes(text: str, lowered: str) -> Iterator[tuple[int, int]]:
    """Where `text` names a home folder; `lowered` is the same text in small letters."""
    if any(keyword in lowered for keyword in _KEYWORDS):
        for match in _pattern().finditer(text):
            yield match.span()
