"""
What differences mean.

To add a rule: a decorated function in one of the modules here, and its name in that module's
`RULES`. To add a boundary that is only a class and a key: a row in `config_keys.toml`.
"""

from __future__ import annotations

from envlock.errors import UsageError
from envlock.knowledge import code, environment, formats, layers, proof
from envlock.knowledge.rule import Comparison, Finding, Rule, Severity

__all__ = ["RULES", "Comparison", "Finding", "Rule", "Severity", "explain", "judge"]

_MODULES = (proof, formats, layers, code, environment)

RULES: tuple[Rule, ...] = tuple(
    sorted((rule for module in _MODULES for rule in module.RULES), key=lambda rule: rule.code)
)


def judge(seen: Comparison) -> tuple[Finding, ...]:
    """Every finding of every rule, the worst first, then by code and subject."""
    found = [finding for rule in RULES for finding in rule.findings(seen)]
    return tuple(sorted(found, key=lambda item: (-item.severity, item.code, item.subject, item.message)))


def explain(code: str) -> Rule:
    """The rule with this code."""
    for rule in RULES:
        if rule.code == code.upper():
            return rule
    raise UsageError(f"there is no finding {code!r}", hint="envlock explain without a code lists them all")
