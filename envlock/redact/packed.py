"""Bytes that travel as text: pickles and bytecode in base64, whose lengths must stay what they are."""

from __future__ import annotations

import re

__all__ = ["without_homes"]

_BASE64 = r"[A-Za-z0-9+/\n]{24,}={0,2}\n?"
_HOME = rb"/(?:home|Users)/[^/\\\x00-\x20]{1,64}|/root(?=/)|[A-Za-z]:[\\/]Users[\\/][^\\/\x00-\x1f]{1,64}"


def without_homes(text: str) -> str:
    """
    Base64 in which home folders are overwritten byte for byte; any other text as it is.

    Python writes into bytecode where its source lay, which names whose home it was.
    """
    if len(text) < 24 or not re.fullmatch(_BASE64, text):
        return text
    from base64 import b64decode, b64encode, encodebytes
    from binascii import Error

    try:
        data = b64decode(text)
    except Error:  # letters of the right kind that are no base64
        return text
    masked = re.sub(_HOME, lambda match: b"~".ljust(len(match[0]), b"_"), data)
    if masked == data:
        return text
    return (encodebytes(masked) if "\n" in text else b64encode(masked)).decode("ascii")
