"""The Lambda layer in Keras 3: functions by name, and bytecode of a Python."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any

from envlock.artifacts import names
from envlock.facts import Fingerprint, Python
from envlock.knowledge.loading.bytecode import family, is_mixed, missing_global, said
from envlock.knowledge.loading.common import missing_code, shown, text_of
from envlock.knowledge.loading.keras3_loader import Loader
from envlock.knowledge.problem import SAFE_MODE, Problem
from envlock.knowledge.rule import release

__all__ = ["lambda_problems", "legacy_lambda"]

_LONGEST = 1 << 20

# From here on bytecode has one layout, so that another Python's is read, and then kills the interpreter.
_FIRST_RESUMED = (3, 11)

_GARBLED = "ValueError: bad marshal data (unknown type code)"
_FATAL = "the process ended (signal 11), or SystemError: no locals found when setting up annotations"

# What `.h5` files of Keras 2 say of the functions of a Lambda, and Keras 3 drops.
_DROPPED = ("module", "function_type", "output_shape_type", "output_shape_module")


def legacy_lambda(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration as the loader of `.h5` files hands it on."""
    rest = {key: value for key, value in config.items() if key not in _DROPPED}
    match config.get("function"):
        case [code, defaults, closure, *_]:
            inner = {"code": code, "defaults": defaults, "closure": closure}
            rest["function"] = {"class_name": "__lambda__", "config": inner}
    return rest


def lambda_problems(
    loader: Loader, item: dict[str, Any], config: dict[str, Any], what: str
) -> Iterator[Problem]:
    """What becomes of the functions of a Lambda; `item` is as it was written, `config` as it is read."""
    if "function" not in config:
        yield Problem(
            code="EL124", subject=what, message=f"{what} carries no function", error="KeyError: 'function'"
        )
        return
    for key in ("function", "output_shape"):
        value = config.get(key)
        if text_of(value, "class_name") == "__lambda__":
            yield from _bytecode(loader, value, what)
        elif key == "function" and isinstance(value, str):
            yield from _named(loader, item, value, what)
    yield from _shapes(loader, config.get("output_shape"), what)


def _named(loader: Loader, item: dict[str, Any], name: str, what: str) -> Iterator[Problem]:
    """A function written down by its bare name: the caller has to hand it over."""
    config = item.get("config")
    module = text_of(config, "module") if isinstance(config, dict) else None
    error = "TypeError: unsupported callable"
    if module and names.is_keras_module(module):
        yield Problem(
            code="EL121",
            subject=what,
            message=f"{what} calls {shown(name)} of {shown(module)}, which {loader.name} does not look up",
            error=error,
        )
    elif loader.is_code_missing:
        yield missing_code(name, what, error=error)


def _shapes(loader: Loader, shape: object, what: str) -> Iterator[Problem]:
    if not isinstance(shape, list):
        return
    if any(isinstance(size, str) for size in shape):
        yield Problem(
            code="EL125",
            subject=what,
            message=f"{what} computes its output shape by bytecode, in a form unknown to {loader.name}",
            error="ValueError: We could not automatically infer the shape of the Lambda's output",
        )
    elif loader.release < (3, 4):
        yield Problem(
            code="EL125",
            subject=what,
            message=f"{what} states its output shape as a list, which {loader.name} cannot use",
            error='TypeError: can only concatenate tuple (not "TrackedList") to tuple',
        )


def _bytecode(loader: Loader, value: object, what: str) -> Iterator[Problem]:
    if loader.is_safe:
        yield Problem(
            code="EL109",
            subject=what,
            message=f"{what} holds bytecode, which {loader.name} refuses in safe mode",
            error=(
                "ValueError: Requested the deserialization of a `Lambda` layer whose `function` is a Python "
                "lambda. This carries a potential risk of arbitrary code execution"
                if loader.release >= (3, 11, 3)
                else "ValueError: The `{arg_name}` of this `Lambda` layer is a Python lambda. "
                "Deserializing it is unsafe"
            ),
            avoided_by=SAFE_MODE,
        )
    inner = value.get("config") if isinstance(value, dict) else None
    code = _decoded(text_of(inner, "code"))
    yield from _of_another_python(loader, code, what)
    if isinstance(inner, dict) and isinstance(inner.get("defaults"), list):
        yield Problem(
            code="EL129",
            subject=what,
            message=f"{what} is a function with default arguments, which {loader.name} cannot make again",
            error="TypeError: arg 4 (defaults) must be None or tuple",
        )
    if code and (asked := missing_global(code)):
        yield Problem(
            code="EL129",
            subject=what,
            message=f"{what} uses {asked}, which its bytecode does not bring along into {loader.name}",
            error=f"NameError: name '{asked}' is not defined",
        )


def _of_another_python(loader: Loader, code: bytes, what: str) -> Iterator[Problem]:
    current = _python(loader.seen.current)
    found, here = family(code), release(current)
    if found and here and not found[0] <= here < found[1]:
        is_fatal = found[0] >= _FIRST_RESUMED and here >= _FIRST_RESUMED
        yield Problem(
            code="EL110",
            subject=what,
            message=f"{what} holds bytecode of Python {said(found)}, the target has {current}",
            error=_FATAL if is_fatal else _GARBLED,
        )
    elif is_mixed(code, release(_python(loader.seen.locked)), here):
        written = ".".join(_python(loader.seen.locked).split(".")[:2])
        yield Problem(
            code="EL110",
            subject=what,
            message=f"{what} holds bytecode of Python {written}, which {current} runs otherwise",
            error=_FATAL,
        )


def _python(side: Fingerprint) -> str:
    found = side.python
    return found.version if isinstance(found, Python) and isinstance(found.version, str) else ""


def _decoded(text: str | None) -> bytes:
    if not text or len(text) > _LONGEST:
        return b""
    try:
        return base64.b64decode(text, validate=False)
    except (binascii.Error, ValueError):
        return b""
