"""The stored inputs replayed through a loaded model, and what that says in a report."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from envlock import judging, keras_bridge, opening, redact
from envlock.contract import canary
from envlock.facts import KERAS_LOADER, Canary, Unknown
from envlock.judging import Subject
from envlock.knowledge import Severity
from envlock.knowledge import proof as rules
from envlock.opening import Opened
from envlock.report import Proof, Report
from envlock.values import replace

__all__ = ["Call", "failed", "loaded", "proved"]

Call = Callable[[Sequence[Any]], list[Any]]


def loaded(found: Opened) -> Call:
    """The model, loaded by its own loader, as a function from its inputs to its outputs."""
    seen = found.seen
    if seen.loader == KERAS_LOADER:
        model = opening.loaded(found, {}, opening.arguments_for(found, {}))
        return lambda arrays: keras_bridge.call(model, arrays)
    graph = keras_bridge.load_saved_model(found.path)
    inputs = seen.lock.inputs if seen.lock and isinstance(seen.lock.inputs, tuple) else ()
    return lambda arrays: keras_bridge.call_signature(graph, arrays, [spec.name for spec in inputs])


def proved(seen: Subject, report: Report, call: Call) -> Report:
    """The report with what the canaries gave, or with why there are none."""
    recorded = seen.lock.canary if seen.lock else None
    if not isinstance(recorded, Canary):
        reason = recorded.reason if isinstance(recorded, Unknown) else "the lock holds no inputs to replay"
        return replace(report, unknown=report.unknown | {"canary": reason})
    inputs, outputs = canary.read(seen.place.attachments / canary.FILE)
    difference, bitwise = canary.compare(outputs, call(inputs))
    proof = Proof(rows=recorded.rows, difference=difference, tolerance=recorded.tolerance, bitwise=bitwise)
    report = replace(report, proof=proof)
    if difference <= recorded.tolerance:
        return report
    accepted = f"accepted is {recorded.tolerance:.0e}"
    message = f"the outputs differ from the recorded ones by {difference:.3g}, {accepted}"
    return judging.reconsidered(report, (rules.outputs_differ.finding("canary", message), *report.findings))


def failed(seen: Subject, report: Report, error: Exception) -> Report:
    """The report of a model that could not be loaded or called, with what its loader said."""
    told = textwrap.shorten(re.sub(r"\x1b\[[\d;]*m", "", redact.clean(str(error))), 200, placeholder=" …")
    finding = rules.load_failed.finding(seen.loader, f"{seen.loader} raised {type(error).__name__}: {told}")
    # What was foreseen stands first: it says more than the loader does.
    foreseen = tuple(item for item in report.findings if item.severity is Severity.ERROR)
    rest = tuple(item for item in report.findings if item.severity is not Severity.ERROR)
    return judging.reconsidered(report, (*foreseen, finding, *rest))
