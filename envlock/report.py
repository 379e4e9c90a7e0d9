"""Findings to a verdict: the one value that every view prints and every exit code is made of."""

from __future__ import annotations

from envlock.changes import Change
from envlock.facts import KERAS_LOADER
from envlock.knowledge.problem import COMPILE, SAFE_MODE
from envlock.knowledge.rule import Finding, Severity
from envlock.values import field, frozen

__all__ = ["Inspected", "Proof", "Report", "Verdict", "verdict_of", "ways_here"]

Verdict = str

SAME, COMPATIBLE, DRIFTS, BREAKS = "same", "compatible", "drifts", "breaks"


@frozen(kw_only=True)
class Proof:
    """
    What happened when the canaries were replayed.

    `difference` is the largest max |a-b| / max(1, |b|) over all outputs; `bitwise` says whether
    every number was equal to the last bit.
    """

    rows: int
    difference: float
    tolerance: float
    bitwise: bool


@frozen(kw_only=True)
class Inspected:
    """
    What loading a model would run, read or allocate: its class (`clean`, `custom`, …) and why.

    `asked` are the names that it asks the user for, each with its module and who asks. `digest` stands for
    every byte of the model and of the source stored with it, which lies in the files `stored`; `is_approved`
    tells that the user trusts it, `damage` what is not as it was locked, by file.
    """

    subject: str
    verdict: str
    hazards: tuple[Finding, ...]
    kinds: tuple[str, ...]
    asked: tuple[tuple[str, str, tuple[str, ...]], ...]
    digest: str
    is_approved: bool
    stored: tuple[str, ...]
    damage: dict[str, str]

    @property
    def is_harmless(self) -> bool:
        """Whether loading the model asks for nobody's trust."""
        return not self.damage and (self.verdict in {"clean", "custom"} or self.is_approved)


@frozen(kw_only=True)
class Report:
    """
    What happens to this model in that environment.

    `verdict` is that of `loader`, the one recorded at save; `loaders` has one for each that applies.
    `unknown` maps what could not be compared to the reason. `saved_with` and `target` name the two
    sides for people. `is_locked` is false where only the file itself could be judged. `suggestions` are
    the nearest environments in which the model loads with the same numbers, where they were asked for.
    `inspection` is what loading would do besides, `clean` where nothing; `hazards` say it. `gaps` is what the
    process that loaded the model could not be kept from, `None` where none was started.
    """

    subject: str
    loader: str
    verdict: Verdict
    loaders: dict[str, Verdict]
    findings: tuple[Finding, ...]
    changes: tuple[Change, ...]
    unknown: dict[str, str]
    saved_with: str
    target: str
    is_locked: bool = True
    proof: Proof | None = field(default=None)
    suggestions: tuple[str, ...] | None = field(default=None)
    inspection: str = ""
    hazards: tuple[Finding, ...] = ()
    gaps: tuple[str, ...] | None = field(default=None)

    @property
    def is_harmless(self) -> bool:
        """Whether loading the model asks for nobody's trust, as far as it was inspected."""
        return self.inspection in {"", "clean", "custom"}

    @property
    def worst(self) -> Severity | None:
        """The worst severity for the recorded loader, `None` when nothing differs."""
        if not self.is_harmless:
            return Severity.ERROR
        found = [finding.severity for finding in self.findings if self.loader in finding.loaders]
        return max([*found, *([Severity.NOTE] if self.changes else [])], default=None)


def ways_here(report: Report) -> tuple[str, ...]:
    """What lets the model load in this very target: arguments of Keras' loader, or a variable."""
    if report.loader != KERAS_LOADER or report.verdict not in {DRIFTS, BREAKS}:
        return ()
    variables = ("TF_USE_LEGACY_KERAS=1",) if any(item.code == "EL329" for item in report.findings) else ()
    for given in ((COMPILE,), (SAFE_MODE,), (COMPILE, SAFE_MODE)):
        left = tuple(item for item in report.findings if item.avoided_by not in given)
        if verdict_of(left, report.loader, differs=True) == COMPATIBLE:
            return (", ".join(given), *variables)
    return variables


def verdict_of(findings: tuple[Finding, ...], loader: str, *, differs: bool) -> Verdict:
    """
    The verdict for one loader: its worst finding, and without one whether anything differs.

    Where nothing was recorded to compare with, something may differ: that is never `same`.
    """
    worst = max(
        (finding.severity for finding in findings if loader in finding.loaders), default=Severity.NOTE
    )
    if worst is Severity.ERROR:
        return BREAKS
    if worst is Severity.WARNING:
        return DRIFTS
    return COMPATIBLE if differs else SAME
