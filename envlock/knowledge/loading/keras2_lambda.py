"""Functions that were written down as bytecode, as Keras 2 reads them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from envlock.knowledge.loading.bytecode import family, is_mixed, missing_global, said
from envlock.knowledge.loading.common import config_of, label, missing_code, shown
from envlock.knowledge.loading.keras2_load import Load
from envlock.knowledge.problem import SAFE_MODE, Problem
from envlock.knowledge.rule import Release

__all__ = ["bytecode", "layer"]

_SLOTS = (("function", "function_type"), ("output_shape", "output_shape_type"), ("mask", "mask_type"))

_MOST = 40_000


def layer(load: Load, item: dict[str, Any]) -> Iterator[Problem]:
    """The functions that a Lambda layer holds."""
    config = config_of(item)
    for key, kind in _SLOTS:
        match config.get(kind), config.get(key):
            case "lambda", code:
                yield from bytecode(load, code, label(item))
                yield from _dispatched(load, code, label(item))
                # What the program itself defines may be there again.
                if config.get("module") != "__main__":
                    yield from _unbound(load, _raw(code, _MOST), label(item))
            case "function", str(name) if load.is_code_missing:
                yield missing_code(
                    name, label(item), error=f"Unknown function in Lambda layer: {shown(name)}"
                )


def bytecode(load: Load, code: object, owner: str, *, avoided_by: str = SAFE_MODE) -> Iterator[Problem]:
    """A function that is written down as what `marshal` makes of it."""
    if load.is_archive and load.reader >= (2, 12):
        yield Problem(
            code="EL109",
            subject=owner,
            message=f"{owner} holds bytecode, which {load.reader_name} refuses in safe mode",
            error="Requested the deserialization of a Lambda layer with a Python `lambda` inside it.",
            avoided_by=avoided_by,
        )
    around = avoided_by if avoided_by != SAFE_MODE else ""
    raw = _raw(code, _MOST)
    yield from _jumping(load, raw, owner, around)
    found = family(raw)
    if found and load.python and not (found[0] <= load.python < found[1]):
        yield Problem(
            code="EL110",
            subject=owner,
            message=f"{owner} holds bytecode of Python {said(found)}, the target has {_minor(load.python)}",
            error="bad marshal data (unknown type code)",
            avoided_by=around,
        )


def _jumping(load: Load, raw: bytes, owner: str, avoided_by: str) -> Iterator[Problem]:
    """Bytecode that the target's Python reads and runs otherwise, as what jumps in 3.10."""
    if is_mixed(raw, load.written_python, load.python):
        yield Problem(
            code="EL110",
            subject=owner,
            message=f"{owner} holds bytecode of Python {_minor(load.written_python)} that "
            f"{_minor(load.python)} runs otherwise",
            error="object is not callable",
            avoided_by=avoided_by,
        )


def _dispatched(load: Load, code: object, owner: str) -> Iterator[Problem]:
    """A function of TensorFlow's own, whose bytecode names what its module has since 2.7 alone."""
    found = re.search(rb"_dispatcher_for_\w{1,60}", _raw(code, _MOST))
    if found and (2,) <= load.tensorflow < (2, 7):
        yield Problem(
            code="EL129",
            subject=owner,
            message=f"{owner} holds the bytecode of a function of TensorFlow's, which needs TensorFlow 2.7",
            error=f"name '{found[0].decode()}' is not defined",
        )


def _unbound(load: Load, raw: bytes, owner: str) -> Iterator[Problem]:
    """A function that runs among the globals of Keras' own module, since its own is not there."""
    held = {"np"} | ({"tf"} if load.reader >= (2, 6) else set()) | ({"K"} if load.reader < (2, 7) else set())
    if load.is_code_missing and (asked := missing_global(raw, held)):
        yield Problem(
            code="EL129",
            subject=owner,
            message=f"{owner} uses {asked}, which its bytecode does not bring along into {load.reader_name}",
            error=f"NameError: name '{asked}' is not defined",
        )


def _raw(code: object, size: int) -> bytes:
    """The beginning of the bytecode, empty where it is none."""
    while isinstance(code, (list, dict)):
        if isinstance(code, dict):
            code = code.get("value", code.get("code", code.get("items")))
        else:
            code = next(iter(code), None)
    if not isinstance(code, str):
        return b""
    head = code[: 2 * size].replace("\n", "")[:size]
    try:
        return base64.b64decode(head[: len(head) // 4 * 4])
    except (ValueError, binascii.Error):
        return b""


def _minor(python: Release) -> str:
    return ".".join(str(part) for part in python[:2])
