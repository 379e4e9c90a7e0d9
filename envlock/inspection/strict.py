"""JSON as Keras writes it: in UTF-8, each key once, not deeper and not longer than any model is."""

from __future__ import annotations

import json
import re
from typing import Any

from envlock.inspection.found import Refused

__all__ = ["MOST_BYTES", "parsed"]

MOST_BYTES = 64 << 20
_MOST_DEPTH = 100
_MOST_VALUES = 4_000_000
_BLOCK = 64 << 10
_FLAT = 3
_NO_BRACKETS = re.compile(rb"[^\[\]{}]+")


def parsed(data: bytes, where: str) -> dict[str, Any]:
    """The JSON object in `data`; `Refused` where two readers may see two of them."""
    if len(data) > MOST_BYTES:
        raise Refused(f"{where} is {len(data)} bytes long; at most {MOST_BYTES} are read", code="EL602")
    _refuse_excess(data, where)
    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=_pairs)
    except _TwiceError as error:
        raise Refused(f"{where} holds the key {error.args[0]!r} twice in one object") from None
    except UnicodeDecodeError:
        raise Refused(f"{where} is not in UTF-8") from None
    except (ValueError, RecursionError):
        raise Refused(f"{where} is not JSON") from None
    if not isinstance(found, dict):
        raise Refused(f"{where} holds no object")
    return found


class _TwiceError(Exception):
    """A key stands twice in one object."""


def _pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(items)
    if len(found) < len(items):
        seen: set[str] = set()
        for key, _ in items:
            if key in seen:
                raise _TwiceError(key[:60])
            seen.add(key)
    return found


def _refuse_excess(data: bytes, where: str) -> None:
    if data.count(b",") + data.count(b"[") + data.count(b"{") > _MOST_VALUES:
        raise Refused(f"{where} holds more than {_MOST_VALUES} values", code="EL602")
    if data.count(b"[") + data.count(b"{") <= _MOST_DEPTH:
        return
    # Without what is escaped, every second part between quotes is a string.
    plain = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    depth = in_text = 0
    for place in range(0, len(plain), _BLOCK):
        parts = plain[place : place + _BLOCK].split(b'"')
        brackets = _NO_BRACKETS.sub(b"", b"".join(parts[in_text::2]))
        for _ in range(_FLAT):  # lists of lists have most of their brackets where they are not deep
            brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
        for bracket in brackets:
            depth += 1 if bracket in b"[{" else -1
            if depth > _MOST_DEPTH:
                raise Refused(f"{where} is nested more than {_MOST_DEPTH} levels deep")
        in_text = (in_text + len(parts) - 1) % 2
