"""
What differences mean.

Which keys, classes, modules and operations a release has stands in tables harvested from it (`data/`); what
its loaders do with a model is walked through in `loading/`; a rule says what that means. To add a rule: a
decorated function in one of the modules here, and its name in that module's `RULES`.
"""

from __future__ import annotations

from envlock.errors import UsageError
from envlock.knowledge import (
    builds,
    code,
    environment,
    formats,
    hardware,
    hazards,
    loading,
    numerics,
    objects,
    packages,
    proof,
    providers,
)
from envlock.knowledge.problem import COMPILE
from envlock.knowledge.rule import Comparison, Finding, Rule, Severity
from envlock.values import replace

__all__ = ["MODULES", "RULES", "Comparison", "Finding", "Rule", "Severity", "explain", "judge"]

MODULES = (
    proof,
    formats,
    objects,
    code,
    environment,
    builds,
    packages,
    hardware,
    numerics,
    providers,
    hazards,
)

RULES: tuple[Rule, ...] = tuple(
    sorted((rule for module in MODULES for rule in module.RULES), key=lambda rule: rule.code)
)


def judge(seen: Comparison) -> tuple[Finding, ...]:
    """
    Every finding of every rule: the worst first, of one severity in the order in which a loader meets them.

    What surrounds the model comes before it, sorted by code and subject; then its objects in the order of
    the walk, what was compiled, the weights, and what fails at the first prediction.
    """
    seen = replace(
        seen,
        problems=loading.problems(seen),
        stand_ins=loading.stand_ins(seen),
        passed_over=loading.passed_over(seen),
    )
    found = [finding for rule in RULES for finding in rule.findings(seen)]
    met = {
        (item.code, item.subject, item.message): at for at, item in reversed(tuple(enumerate(seen.problems)))
    }

    def place(item: Finding) -> tuple[int, int, int, str, str, str]:
        at = met.get((item.code, item.subject, item.message), -1)
        return -item.severity, _stage(item, seen, is_met=at >= 0), at, item.code, item.subject, item.message

    return tuple(sorted(found, key=place))


def _stage(item: Finding, seen: Comparison, *, is_met: bool) -> int:
    """When a loader comes to it; archives have their settings before their weights, HDF5 files after."""
    if not is_met:
        return 0
    if item.code in _AT_PREDICT:
        return 5
    is_archive = seen.artifact.format == "keras"
    if item.avoided_by == COMPILE:
        return 3 if is_archive else 4
    if item.code in _OF_WEIGHTS:
        return 4 if is_archive else 3
    return 2 if item.code in _OF_CONNECTIONS else 1


# Layers are made before they are connected.
_OF_CONNECTIONS = {"EL126", "EL127"}
_OF_WEIGHTS = {"EL107", "EL128"}
_AT_PREDICT = {"EL118", "EL129"}


def explain(code: str) -> Rule:
    """The rule with this code; `108` is EL108."""
    asked = code.upper() if code.upper().startswith("EL") else f"EL{code}"
    for rule in RULES:
        if rule.code == asked:
            return rule
    raise UsageError(f"there is no finding {code!r}", hint="envlock explain without a code lists them all")
