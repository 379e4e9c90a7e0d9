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
    loading,
    numerics,
    objects,
    packages,
    proof,
    providers,
)
from envlock.knowledge.rule import Comparison, Finding, Rule, Severity
from envlock.values import replace

__all__ = ["MODULES", "RULES", "Comparison", "Finding", "Rule", "Severity", "explain", "judge"]

MODULES = (proof, formats, objects, code, environment, builds, packages, hardware, numerics, providers)

RULES: tuple[Rule, ...] = tuple(
    sorted((rule for module in MODULES for rule in module.RULES), key=lambda rule: rule.code)
)


def judge(seen: Comparison) -> tuple[Finding, ...]:
    """Every finding of every rule, the worst first, then by code and subject."""
    seen = replace(
        seen,
        problems=loading.problems(seen),
        stand_ins=loading.stand_ins(seen),
        passed_over=loading.passed_over(seen),
    )
    found = [finding for rule in RULES for finding in rule.findings(seen)]
    return tuple(sorted(found, key=lambda item: (-item.severity, item.code, item.subject, item.message)))


def explain(code: str) -> Rule:
    """The rule with this code."""
    for rule in RULES:
        if rule.code == code.upper():
            return rule
    raise UsageError(f"there is no finding {code!r}", hint="envlock explain without a code lists them all")
