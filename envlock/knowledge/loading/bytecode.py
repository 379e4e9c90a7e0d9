"""
Which Python a function that was written down as bytecode belongs to, told from its layout.

Nothing is unmarshalled. The layout is that of `marshal` in CPython, https://github.com/python/cpython
(`Python/marshal.c`); it was looked at in the bytecode of 3.6 to 3.13.
"""

from __future__ import annotations

from envlock.knowledge.rule import Release

__all__ = ["Family", "family", "said"]

# The first Python whose bytecode is of one kind, and the first of which it is not.
Family = tuple[Release, Release]

_UP_TO_3_7: Family = ((3, 6), (3, 8))
_UP_TO_3_10: Family = ((3, 8), (3, 11))
# By RESUME, the first instruction but for those that set up a closure.
_RESUMED: dict[bytes, Family] = {b"\x97\0": ((3, 11), (3, 13)), b"\x95\0": ((3, 13), (3, 14))}
# LOAD_CONST, LOAD_GLOBAL, LOAD_FAST, LOAD_CLOSURE and LOAD_DEREF, one of which a function began with before.
_BEGINNINGS = {100, 116, 124, 135, 136}
# How marshal marks a text of bytes, alone and where it is referred to.
_BYTES = {b"s", b"\xf3"}


def family(code: bytes) -> Family | None:
    """
    The Pythons that read this bytecode, told from the beginning of it; `None` where it does not tell.

    A code object begins with counts of arguments, of which 3.8 to 3.10 have one more than those before and
    after; then the instructions follow.
    """
    if code[25:26] in _BYTES:
        return _UP_TO_3_10
    if code[21:22] not in _BYTES:
        return None
    pairs = (code[at : at + 2] for at in range(26, 36, 2))
    known = next((_RESUMED[pair] for pair in pairs if pair in _RESUMED), None)
    if known is None and code[26:27] and code[26] in _BEGINNINGS:
        return _UP_TO_3_7
    return known


def said(found: Family) -> str:
    """The Pythons of a family in a sentence: `3.8 to 3.10`."""
    (major, first), (_, after) = found[0][:2], found[1][:2]
    return f"{major}.{first}" if after - first == 1 else f"{major}.{first} to {major}.{after - 1}"
