"""
Which Python a function that was written down as bytecode belongs to, told from its layout.

Nothing is unmarshalled. The layout is that of `marshal` in CPython, https://github.com/python/cpython
(`Python/marshal.c`); it was looked at in the bytecode of 3.6 to 3.13.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from envlock.knowledge.rule import Release

__all__ = ["Family", "family", "is_mixed", "missing_global", "said"]

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

# Names that a function of a model often takes from its module, which bytecode does not bring along.
_GLOBALS = ("tf", "K", "np", "keras", "tensorflow", "backend", "numpy", "keras_ops", "layers")

# Of these what is found in another one too.
_INSIDE = {"keras", "backend", "layers", "numpy"}

# Pythons that read each other's bytecode do not all run it alike: functions of many kinds that one of them
# compiled were run in the other, 3.8 to 3.13. GET_ITER, FOR_ITER, SETUP_FINALLY and what jumps count
# otherwise from 3.10 on; IS_OP, CONTAINS_OP and what unpacks a list came with 3.9.
_COUNTED = {68, 93, 110, 111, 112, 113, 114, 115, 122}
_SINCE_3_9 = {117, 118, 162, 163, 164, 165}
_COMPARE = 107
_ORDERINGS = 6
_UNPACKED = {149, 150, 151, 152, 158}
# Of 3.11 and 3.12 these alone do the same in both: constants, variables, sums, tuples, lists, texts.
_ALIKE = {
    0, 1, 2, 11, 12, 83, 99, 100, 102, 103, 104, 105, 117, 118, 120, 122, 124, 137, 149, 151, 155, 157, 162,
}  # fmt: skip
# LOAD_METHOD and PRECALL are of 3.11; CALL without PRECALL, RETURN_CONST, LOAD_FAST_AND_CLEAR of 3.12.
_ONLY_3_11 = {160, 166}
_ONLY_3_12 = {121, 143, 171}


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
    if known == _RESUMED[b"\x97\0"]:
        return _narrowed(set(_instructions(code)[0::2]), known)
    if known is None and code[26:27] and code[26] in _BEGINNINGS:
        return _UP_TO_3_7
    return known


def _narrowed(used: set[int], known: Family) -> Family:
    """Which of 3.11 and 3.12 it is, where an instruction tells."""
    if used & _ONLY_3_11:
        return known[0], (3, 12)
    return ((3, 12), known[1]) if used & _ONLY_3_12 else known


def is_mixed(code: bytes, written: Release, here: Release) -> bool:
    """Whether two Pythons read this bytecode and one of them does something else with it."""
    one, other = sorted((written[:2], here[:2]))
    found = _instructions(code)
    used = set(found[0::2])
    if (3, 11) <= one < other < (3, 13):
        return bool(used - _ALIKE)
    if not (3, 8) <= one < other < (3, 11):
        return False
    is_counted = other == (3, 10) and bool(used & _COUNTED)
    if one == (3, 8) and written[:2] == one:
        compared = zip(found[0::2], found[1::2], strict=False)
        is_other = any(op == _COMPARE and kind >= _ORDERINGS for op, kind in compared)
        return is_counted or is_other or bool(used & _UNPACKED)
    return is_counted or (one == (3, 8) and bool(used & _SINCE_3_9))


def _instructions(code: bytes) -> bytes:
    """Instructions and their arguments in turns, as far as they are there."""
    for mark in (25, 21):
        if code[mark : mark + 1] in _BYTES:
            start = mark + 5
            return code[start : start + int.from_bytes(code[mark + 1 : start], "little")]
    return b""


def said(found: Family) -> str:
    """The Pythons of a family in a sentence: `3.8 to 3.10`."""
    (major, first), (_, after) = found[0][:2], found[1][:2]
    return f"{major}.{first}" if after - first == 1 else f"{major}.{first} to {major}.{after - 1}"


def missing_global(code: bytes, held: Collection[str] = ()) -> str:
    """The first global that bytecode needs and its reader has none of; `held` are those that it has."""
    used = [name for name in _GLOBALS if _names(code, name)]
    if not set(used).isdisjoint(held):  # the others may be what is in it, as in `tf.keras.backend`
        used = [name for name in used if name not in _INSIDE]
    return next((name for name in used if name not in held), "")


def _names(code: bytes, name: str) -> bool:
    """Whether a short name stands in bytecode, behind its length."""
    return re.search(rb"[\xda\xfaZz]" + re.escape(bytes([len(name)]) + name.encode()), code) is not None
