"""The headers of NumPy's files, read by themselves: nothing is unpickled."""

from __future__ import annotations

import re
from typing import Any

from envlock.inspection.found import Found, Refused, shown
from envlock.inspection.sizes import product

__all__ = ["MAGIC", "MOST_HEADER", "array", "is_pickle"]

MAGIC = b"\x93NUMPY"
MOST_HEADER = 64 << 10
_TYPE = re.compile(r"[<>|=]?(?:b1|[iu][1248]|f(?:2|4|8|16)|c(?:8|16|32)|[SU]\d{1,6}|V2|V1)\Z")
_FREE = 64 << 20
# The beginnings of pickles: those of a later protocol, and those that call, or collect, by letters.
_PICKLE = re.compile(
    rb"(?:\x80[\x02-\x08]|\(?c[\w.]{1,200}\n[\w.]{1,200}\n|[(\]})][lptdIVSFKJGXc(}\]q])", re.DOTALL
)


def array(head: bytes, size: int, name: str, found: Found) -> tuple[int, ...]:
    """The shape of an array, once it is noted what is wrong; its first bytes are `head`, it has `size`."""
    kind, shape, start = _header(head, name)
    if isinstance(kind, str) and "O" in kind:
        found.hazard("EL605", name, f"{name} holds Python objects, which are pickled")
        return ()
    if isinstance(kind, list) and "O" in repr(kind):
        found.hazard("EL605", name, f"{name} holds Python objects, which are pickled")
        return ()
    if not isinstance(kind, str) or not _TYPE.match(kind):
        raise Refused(f"{name} holds {shown(kind)}, which is no plain type", subject=name)
    declared = product(list(shape)) * _width(kind) if 0 not in shape else 0
    if start + declared > size and declared > _FREE:
        found.hazard("EL615", name, f"{name} declares {declared} bytes; it has {size}")
    elif start + declared != size:
        raise Refused(f"{name} declares {declared} bytes and holds {size - start}", subject=name)
    return shape


def _header(head: bytes, name: str) -> tuple[Any, tuple[int, ...], int]:
    """
    Type, shape and where the data begin.

    https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
    """
    if head[:6] != MAGIC or len(head) < 12 or head[6] not in {1, 2, 3}:
        raise Refused(f"{name} is no array of NumPy's", subject=name)
    width = 2 if head[6] == 1 else 4
    length = int.from_bytes(head[8 : 8 + width], "little")
    start = 8 + width + length
    if length > MOST_HEADER or start > len(head):
        raise Refused(f"{name} has a header that is longer than is read, or cut short", subject=name)
    text = head[8 + width : start].decode("latin1")
    if text.count("(") + text.count("[") + text.count("{") > 40:
        raise Refused(f"{name} has a header that is no plain one", subject=name)
    try:
        import ast

        found = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise Refused(f"{name} has a header that is not NumPy's", subject=name) from None
    match found:
        case {"descr": kind, "fortran_order": bool(), "shape": tuple(shape)} if len(found) == 3:
            if all(type(size) is int and size >= 0 for size in shape):
                return kind, shape, start
    raise Refused(f"{name} has a header that is not NumPy's", subject=name)


def _width(kind: str) -> int:
    number = int(re.sub(r"\D", "", kind))
    return 4 * number if "U" in kind else number


def is_pickle(head: bytes) -> bool:
    """Whether the first bytes of a file look like those of a pickle."""
    return _PICKLE.match(head) is not None
