"""What envlock says while it saves and loads: warnings, each once, and notes on what Keras raises."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from envlock import redact
from envlock.errors import MismatchError
from envlock.judging import Subject
from envlock.report import BREAKS, DRIFTS, Report
from envlock.views import text

__all__ = ["CustomCodeWarning", "MismatchWarning", "attach", "object_to", "warn_of_code"]


class MismatchWarning(UserWarning):
    """The environment does not fit the model that is being loaded."""


class CustomCodeWarning(UserWarning):
    """Code of the user's that a model needs will not come back with it."""


_warned: set[Path] = set()


def object_to(report: Report, seen: Subject, on_mismatch: str) -> None:
    """Warn of a report that is bad news, once for each model, or raise."""
    if report.verdict not in {DRIFTS, BREAKS} or on_mismatch == "ignore":
        return
    if on_mismatch == "raise":
        raise MismatchError(text.concise(report))
    model = seen.place.model.resolve()
    if model not in _warned:
        _warned.add(model)
        warnings.warn(redact.clean(text.concise(report)), MismatchWarning, stacklevel=3)


def warn_of_code(name: str, problems: Sequence[str], *, stacklevel: int) -> None:
    """Say of a model that was just saved which code a load elsewhere will lack."""
    for problem in problems:
        told = redact.clean(f"{name}: {problem}")
        warnings.warn(told, CustomCodeWarning, stacklevel=stacklevel + 1)


def attach(error: Exception, report: Report) -> None:
    """Say with Keras' own exception what envlock knows; before Python 3.11 tracebacks do not show it."""
    note = redact.clean(f"envlock: {text.report(report, colour=False)}")
    if hasattr(error, "add_note"):
        error.add_note(note)
    else:
        error.__notes__ = [note]
