"""Rules about what TensorFlow is published for: Pythons, systems, C libraries."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.facts import Package, Python, System, TensorFlow
from envlock.knowledge.boundaries import (
    Platform,
    installed,
    is_published,
    known_until,
    platforms,
    pythons_for,
    requirements,
    shown,
    within,
)
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import ALL_LOADERS, Case, Comparison, Release, Severity, release, rule

__all__ = ["RULES"]

_WHEELS = "https://pypi.org/project/tensorflow/#files"
_PLAIN = {"tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tensorflow-intel"}
_MACHINES = {"amd64": "x86_64", "x64": "x86_64", "arm64": "arm64", "aarch64": "aarch64"}


@rule("EL320", Severity.ERROR, source=_WHEELS, remedy="take a Python that this release has wheels for")
def no_wheel_for_python(seen: Comparison) -> Iterator[Problem]:
    """
    The target's TensorFlow or Keras has no wheel for the target's Python.

    It cannot be installed there. A TensorFlow that was found installed is not judged: somebody built it.
    """
    python = seen.current.python
    asked = release(python.version) if isinstance(python, Python) and isinstance(python.version, str) else ()
    if len(asked) < 2 or not isinstance(python, Python):
        return
    name = _asked_for(seen)
    found = pythons_for(seen.tensorflow)
    if name in _PLAIN and found and seen.tensorflow < known_until():
        if not found.first <= asked[:2] <= found.last:
            yield _refused(
                name, shown(seen.tensorflow), f"Python {shown(found.first)} to {shown(found.last)}", asked
            )
        elif python.is_free_threaded is True:
            yield _refused(name, shown(seen.tensorflow), "no Python without a global lock", asked)
    yield from _old_python(seen, asked)


def _old_python(seen: Comparison, asked: Release) -> Iterator[Problem]:
    package = seen.current.package("keras")
    version = installed(seen, "keras")
    if version is None or not isinstance(package, Package) or _is_seen(package):
        return
    row = next((row for row in reversed(requirements()) if row.since <= release(version)), None)
    if row and row.package == "keras" and asked[:2] < row.python:
        yield _refused("keras", version, f"Python {shown(row.python)} or newer", asked)


def _refused(name: str, version: str, wanted: str, asked: Release) -> Problem:
    return Problem(
        code="EL320",
        subject=name,
        message=f"{name} {version} is published for {wanted}, the target has Python {shown(asked)}",
        error=f"ERROR: No matching distribution found for {name}=={version}",
        loaders=ALL_LOADERS,
    )


def _asked_for(seen: Comparison) -> str:
    """The distribution of TensorFlow that the target names, empty where it was found installed."""
    found = seen.current.tensorflow
    if not isinstance(found, TensorFlow) or not isinstance(found.distribution, str) or not is_published(seen):
        return ""
    package = seen.current.package(found.distribution)
    return "" if isinstance(package, Package) and _is_seen(package) else found.distribution


def _is_seen(package: Package) -> bool:
    """Whether the package was looked at on a disk, and not only named in a list."""
    return isinstance(package.wheel, str) or package.wheel is None or isinstance(package.record, str)


@rule("EL321", Severity.ERROR, source=_WHEELS, remedy="take a distribution that is published for this system")
def no_wheel_for_system(seen: Comparison) -> Iterator[Case]:
    """
    The target's TensorFlow has no wheel for the target's system, processor or C library.

    Wheels for Linux need a glibc that is as new as the one that they were built for; for musl, as in Alpine,
    there are none. On Apple's processors `tensorflow` has wheels from 2.13 on, before it was
    `tensorflow-macos`; `tensorflow-cpu` has none on Arm.
    """
    system, name = seen.current.system, _asked_for(seen)
    if not isinstance(system, System) or not name or seen.tensorflow >= known_until():
        return
    rows = [row for row in platforms() if row.distribution == name]
    here = [row for row in rows if _is_for(row, system)]
    if rows and not [row for row in here if within(seen.tensorflow, row.since, row.until)]:
        yield name, f"{name} {shown(seen.tensorflow)} is not published for {system.os} on {system.machine}"
        return
    kind, _, version = (system.libc if isinstance(system.libc, str) else "").partition(" ")
    for row in here:
        if not within(seen.tensorflow, row.since, row.until):
            continue
        if kind == "musl" or (kind == "glibc" and release(version) and release(version) < row.glibc):
            needs = f"{name} {shown(seen.tensorflow)} needs glibc {shown(row.glibc)}"
            yield name, f"{needs}, the target has {system.libc}"


def _is_for(row: Platform, system: System) -> bool:
    machine = system.machine.lower()
    return row.system == system.os.lower() and row.machine == _MACHINES.get(machine, machine)


RULES = (no_wheel_for_python, no_wheel_for_system)
