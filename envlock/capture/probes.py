"""Every probe, and the fingerprint that they give together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from envlock.capture import cpu, frameworks, git, gpu, numerics, packages, python, system
from envlock.capture.packages import Distribution
from envlock.facts import Fingerprint, Package, Unknown, is_compared
from envlock.values import fields

__all__ = ["PROBES", "asked", "capture", "fingerprint", "glance"]

# Field of the fingerprint -> the probe that fills it from the installed distributions.
PROBES: Mapping[str, Callable[[Mapping[str, Distribution]], Any]] = {
    "python": python.interpreter,
    "system": system.operating_system,
    "cpu": cpu.cpu,
    "gpu": gpu.gpu,
    "tensorflow": frameworks.tensorflow,
    "keras": frameworks.keras,
    "numpy": numerics.numpy,
    "numerics": numerics.settings,
    "git": git.commit,
    "variables": system.variables,
    "packages": packages.facts,
}

# Where a probe asks other programs for what nobody compares, the one that does not.
_GLANCES = {"gpu": gpu.glance_at_gpu}

_COMPARED = {field.name for field in fields(Fingerprint) if is_compared(field)}


def glance() -> Fingerprint:
    """What a diff compares of the running interpreter's environment; roles of packages are not told."""
    installed = packages.installed()
    compared = {name: _GLANCES.get(name, probe) for name, probe in PROBES.items() if name in _COMPARED}
    return Fingerprint(**{name: asked(probe, installed) for name, probe in compared.items()})


def capture() -> Fingerprint:
    """Everything that is recorded of it; roles of packages are not told."""
    installed = packages.installed()
    return fingerprint(installed, packages.facts(installed))


def fingerprint(installed: Mapping[str, Distribution], listed: tuple[Package, ...]) -> Fingerprint:
    """The same for distributions that were already found, and are listed with their roles."""
    probes = {**PROBES, "packages": lambda _: packages.recorded(listed, installed)}
    return Fingerprint(**{name: asked(probe, installed) for name, probe in probes.items()})


def asked(probe: Callable[[Mapping[str, Distribution]], Any], installed: Mapping[str, Distribution]) -> Any:
    """What a probe finds; one that fails in a way that nobody foresaw must not stop a save."""
    try:
        return probe(installed)
    except Exception as error:  # noqa: BLE001 - see above; the reason names the kind, its text may hold paths
        return Unknown(f"the probe failed: {type(error).__name__}")
