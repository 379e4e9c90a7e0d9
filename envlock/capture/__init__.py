"""
What is true here, now: each fact from its own source, none by importing TensorFlow.

To add a probe: a function that returns a fact, `None` or `Unknown(reason)`; a field in `facts.py`;
a line in `PROBES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from envlock.capture import frameworks, hardware, numerics, packages, python, system
from envlock.capture.packages import Distribution
from envlock.facts import Fingerprint

__all__ = ["PROBES", "capture", "fingerprint"]

# Field of the fingerprint -> the probe that fills it from the installed distributions.
PROBES: Mapping[str, Callable[[Mapping[str, Distribution]], Any]] = {
    "python": python.interpreter,
    "system": system.operating_system,
    "cpu": hardware.cpu,
    "gpu": hardware.gpu,
    "tensorflow": frameworks.tensorflow,
    "keras": frameworks.keras,
    "numpy": numerics.numpy,
    "variables": system.variables,
    "packages": packages.facts,
}


def capture() -> Fingerprint:
    """The fingerprint of the running interpreter's environment; roles of packages are not told."""
    return fingerprint(packages.installed())


def fingerprint(installed: Mapping[str, Distribution]) -> Fingerprint:
    """The same for distributions that were already found."""
    return Fingerprint(**{name: probe(installed) for name, probe in PROBES.items()})
