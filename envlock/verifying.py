"""
A model loaded for real and replayed: in this process, or in one that can do no harm.

`python -m envlock.verifying` is the inside of that process: it reads what to verify from standard input, as
JSON, and writes the report or what was raised. What comes back was near code of the model's, and is taken for
text of anybody's.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from envlock import judging, opening, proving, sandbox
from envlock import trust as trusting
from envlock.errors import (
    ArtifactError,
    CustomObjectError,
    EnvlockError,
    IntegrityError,
    LockError,
    StoreError,
    ToolError,
    UnsafeModelError,
    UsageError,
)
from envlock.judging import Subject
from envlock.redact import clean, visible
from envlock.report import Report
from envlock.values import replace
from envlock.views import machine

__all__ = ["apart", "here", "main"]

_SECONDS = 1800
# Of what the process says to people, so much is shown.
_MOST_SHOWN = 1 << 20
_RAISED: dict[str, type[EnvlockError]] = {
    kind.__name__: kind
    for kind in (
        ArtifactError, CustomObjectError, EnvlockError, IntegrityError, LockError, StoreError, ToolError,
        UnsafeModelError, UsageError,
    )
}  # fmt: skip


def here(seen: Subject, trust: str | Sequence[str]) -> Report:
    """The report of the model, checked, loaded and replayed in this process."""
    with opening.opened(seen, trusting.stated(trust), {}) as found:
        report = opening.report_here(seen, given={}, trust=found.trust)
        report = judging.without_avoided(report, opening.arguments_for(found, {}))
        try:
            return proving.proved(seen, report, proving.loaded(found))
        except EnvlockError:
            raise
        except Exception as error:  # noqa: BLE001 - a model's own code may raise anything; it is the answer
            return proving.failed(seen, report, error)


def apart(seen: Subject, trust: str | Sequence[str]) -> Report:
    """The same from a process that writes nowhere but to a scratch folder and reaches no network."""
    asked = {
        "path": str(seen.place.model.absolute()),
        "trust": [trust] if isinstance(trust, str) else list(trust),
    }
    with tempfile.TemporaryDirectory(prefix="envlock-") as scratch:
        ended = sandbox.run(
            ["envlock.verifying"], scratch=Path(scratch), given=json.dumps(asked).encode(), seconds=_SECONDS
        )
    lines = ended.errors[-_MOST_SHOWN:].decode("utf-8", "replace").splitlines()
    for line in lines:
        sys.stderr.write(f"{visible(clean(line))}\n")
    try:
        return replace(_told(ended), gaps=ended.gaps)
    except (ValueError, RecursionError):
        said = [f"the process that loads the model ended with {ended.status} and without a report"]
        raise ToolError("\n".join([*said, *lines[-5:]])) from None


def _told(ended: sandbox.Completed) -> Report:
    """The report that the process wrote, or what it raised; `ValueError` for anything else."""
    if ended.status:
        raise ValueError("no report")
    told = json.loads(ended.output, parse_constant=_refused)
    match told:
        case {"error": str(message), "hint": str(hint), "kind": str(kind)} if kind in _RAISED:
            raise _RAISED[kind](message, hint=hint)
    if not _fits(told, _REPORT):
        raise ValueError("no report")
    found = machine.parse_report(json.dumps(told))
    machine.report(found)  # what cannot be written, as a number without end, is a ValueError too
    return found


def _refused(constant: str) -> NoReturn:
    raise ValueError(constant)


def _fits(value: object, shape: Any) -> bool:
    """Whether data is of these types: a list has one for each item, a table one for each key or for `...`."""
    if isinstance(shape, list):
        return isinstance(value, list) and all(_fits(item, shape[0]) for item in value)
    if not isinstance(shape, dict):
        return isinstance(value, shape)
    if not isinstance(value, dict):
        return False
    if ... in shape:
        return all(_fits(item, shape[...]) for item in value.values())
    return value.keys() <= shape.keys() and all(
        _fits(value[key], one) if key in value else key in _OPTIONAL for key, one in shape.items()
    )


_FINDING = {
    "detail": [str],
    "loaders": [str],
    **dict.fromkeys(("code", "severity", "subject", "message", "remedy", "error", "avoided_by"), str),
}
_VALUE = (str, bool, int, float, list, type(None))
_REPORT = {
    "schema": int,
    **dict.fromkeys(("subject", "loader", "saved_with", "target", "verdict"), str),
    "loaders": {...: str},
    "findings": [_FINDING],
    "unknown": [{"path": str, "reason": str}],
    "changes": [{"path": str, "locked": _VALUE, "current": _VALUE}],
    "inspection": {"class": str, "findings": [_FINDING]},
    "proof": {
        "rows": int,
        "difference": (int, float, type(None)),
        "tolerance": (int, float),
        "bitwise": bool,
    },
}
_OPTIONAL = {"inspection", "proof"}


def main() -> int:
    """
    Verify what standard input asks for.

    What the model prints goes to standard error, by whatever door: only the report is written to standard
    output.
    """
    asked = json.load(sys.stdin)
    output = os.dup(1)
    os.dup2(2, 1)
    try:
        text = machine.report(here(judging.subject(Path(asked["path"])), asked["trust"]))
    except EnvlockError as error:
        kind = next(kind for kind in type(error).__mro__ if kind in _RAISED.values())
        text = json.dumps({"error": error.message, "hint": error.hint, "kind": kind.__name__})
    with os.fdopen(output, "w", encoding="utf-8") as opened:
        opened.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
