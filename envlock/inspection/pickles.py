"""
Whether bytes are a pickle that would run something: told by its operations, of which none is done.

The operations: https://github.com/python/cpython/blob/main/Lib/pickletools.py. Words of a vocabulary may
begin like a pickle, so those of the older protocols must come to a call, with a stack that allows it.
"""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["is_running"]

_MOST_OPERATIONS = 200_000
_PROTOCOL = 0x80
_NEWEST = 8
_MARK, _TUPLE, _NAMED, _OTHER = "mark", "tuple", "named", "other"
_TUPLES = {"EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"}
_ALWAYS = {"STACK_GLOBAL", "EXT1", "EXT2", "EXT4", "NEWOBJ", "NEWOBJ_EX", "BINPERSID"}
_MADE = {"GET", "BINGET", "LONG_BINGET", "DUP"}


def is_running(data: bytes, *, is_whole: bool) -> bool:
    """Whether unpickling these bytes, or a stream that begins with them, may call or import something."""
    import pickletools

    is_binary = len(data) > 2 and data[0] == _PROTOCOL and data[1] <= _NEWEST
    stack = _Stack()
    counted = 0
    try:
        for operation, argument, place in pickletools.genops(data):
            counted += 1
            if counted > _MOST_OPERATIONS:
                return True
            if operation.name == "STOP":
                return is_binary or (stack.is_importing and len(data) - (place or 0) < 3)
            if not stack.takes(operation, argument):
                return is_binary
            if stack.is_calling:
                return True
    except (ValueError, IndexError, UnicodeDecodeError, OverflowError, MemoryError) as error:
        # Without the rest of an argument nothing says that there is none.
        is_open = not is_whole and not str(error).endswith("unknown") and _is_cut(data)
        return (is_binary and counted > 0) or is_open
    return is_binary


def _is_cut(data: bytes) -> bool:
    """Whether the last line has no end in sight, as no line of words has."""
    return b"\n" not in data[-(1 << 20) :]


class _Stack:
    """What the operations so far leave on the stack, by kinds."""

    def __init__(self) -> None:
        self._held: list[str] = []
        self.is_calling = False
        self.is_importing = False

    def takes(self, operation: Any, argument: Any) -> bool:
        """Whether the stack allows an operation, which is then done on it."""
        name, held = operation.name, self._held
        if name == "GLOBAL":
            root = str(argument).partition(" ")[0]
            self.is_importing |= "." in root or root in sys.stdlib_module_names
        if name in {"INST", "OBJ"}:
            self.is_calling = _MARK in held
            return self.is_calling
        if name == "REDUCE":
            self.is_calling = len(held) > 1 and held[-1] in {_TUPLE, _NAMED} and held[-2] == _NAMED
        elif name == "BUILD":
            self.is_calling = len(held) > 1 and held[-2] == _NAMED
        elif name in _ALWAYS:
            self.is_calling = len(held) >= len(operation.stack_before)
        return self._done(operation)

    def _done(self, operation: Any) -> bool:
        held = self._held
        before = [item.name for item in operation.stack_before]
        if "mark" in before:
            if _MARK not in held:
                return False
            while held.pop() != _MARK:
                pass
            before = before[: before.index("mark")]
        if len(held) < len(before):
            return False
        del held[len(held) - len(before) :]
        for item in operation.stack_after:
            held.append(_kind(operation.name, item.name))
        return True


def _kind(operation: str, pushed: str) -> str:
    if pushed == "mark":
        return _MARK
    if operation in _TUPLES:
        return _TUPLE
    return _NAMED if operation in _MADE or operation in {"GLOBAL", "REDUCE"} else _OTHER
