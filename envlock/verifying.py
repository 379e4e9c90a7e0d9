"""
A model loaded for real and replayed: in this process, or in one that can do no harm.

`python -m envlock.verifying` is the inside of that process: it reads what to verify from standard input, as
JSON, and writes the report or what was raised.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from envlock import errors, judging, opening, proving, sandbox
from envlock import trust as trusting
from envlock.errors import EnvlockError, ToolError
from envlock.judging import Subject
from envlock.report import Report
from envlock.values import replace
from envlock.views import machine

__all__ = ["apart", "here", "main"]

_SECONDS = 1800


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
    sys.stderr.write(ended.errors.decode("utf-8", "replace"))
    try:
        told = json.loads(ended.output)
    except ValueError:
        last = ended.errors.decode("utf-8", "replace").strip().splitlines()[-5:]
        raise ToolError(
            "\n".join([f"the process that loads the model ended with {ended.status}", *last])
        ) from None
    if "error" in told:
        raise _raised(told)
    return replace(machine.parse_report(json.dumps(told)), gaps=ended.gaps)


def _raised(told: dict[str, Any]) -> EnvlockError:
    kind = getattr(errors, str(told.get("kind")), EnvlockError)
    is_own = isinstance(kind, type) and issubclass(kind, EnvlockError)
    found: EnvlockError = (kind if is_own else EnvlockError)(
        str(told["error"]), hint=str(told.get("hint", ""))
    )
    return found


def main() -> int:
    """Verify what standard input asks for; what the model prints goes to standard error."""
    asked = json.load(sys.stdin)
    try:
        with redirect_stdout(sys.stderr):
            text = machine.report(here(judging.subject(Path(asked["path"])), asked["trust"]))
    except EnvlockError as error:
        text = json.dumps({"error": error.message, "hint": error.hint, "kind": type(error).__name__})
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
