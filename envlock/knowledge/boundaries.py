"""Typed rows of the tables about what surrounds a model, and what of a target they are held against."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from envlock import resources
from envlock.facts import Keras, Numpy, Package, TensorFlow
from envlock.knowledge.rule import Comparison, Release, release
from envlock.values import frozen

__all__ = [
    "Conflict",
    "Platform",
    "Provider",
    "Pythons",
    "Requirement",
    "conflicts",
    "cudnn_for",
    "installed",
    "is_published",
    "keras_in_force",
    "known_until",
    "platforms",
    "providers",
    "pythons",
    "pythons_for",
    "requirements",
    "shown",
    "within",
]

_NEVER: Release = (1000,)


@frozen(kw_only=True)
class Conflict:
    """
    Versions of a package that do not go together with a TensorFlow: a row of `packages.toml`.

    `at` is `import`, `keras` or `load`; `is_of_wheels` tells that it holds for published wheels alone.
    """

    code: str
    package: str
    since: Release
    until: Release
    tensorflow: tuple[Release, Release]
    layers: tuple[str, ...]
    formats: tuple[str, ...]
    unless: str
    beside: str
    at: str
    is_of_wheels: bool
    why: str
    error: str


@frozen(kw_only=True)
class Pythons:
    """The first and the last CPython that a TensorFlow has wheels for, from one release on."""

    since: Release
    first: Release
    last: Release


@frozen(kw_only=True)
class Platform:
    """A system that a distribution of TensorFlow has wheels for, with the oldest C library of them."""

    distribution: str
    system: str
    machine: str
    since: Release
    until: Release
    glibc: Release


@frozen(kw_only=True)
class Requirement:
    """The oldest Python that a package takes, from one release of it on."""

    package: str
    since: Release
    python: Release


@frozen(kw_only=True)
class Provider:
    """
    A distribution whose classes models ask for: a row of `providers.toml`.

    `prefixes` are the packages under which it registers classes (`Addons` of `Addons>AdamW`), `modules`
    where these are defined, `ops` how its operations are called. `keras` is the generation that its classes
    are of, empty for both; `until` the first TensorFlow that no release of it works with; `is_of_one_minor`
    tells that it goes with the TensorFlow of its own number alone.
    """

    distribution: str
    prefixes: tuple[str, ...]
    modules: tuple[str, ...]
    ops: tuple[str, ...]
    keras: Release
    until: Release
    is_of_one_minor: bool


@lru_cache(maxsize=1)
def conflicts() -> tuple[Conflict, ...]:
    """The rows of `packages.toml`."""
    return tuple(
        Conflict(
            code=row["code"],
            package=row["package"],
            since=release(row.get("since", "0")),
            until=release(row["until"]) if "until" in row else _NEVER,
            tensorflow=(release(row["tensorflow"][0]), release(row["tensorflow"][1])),
            layers=tuple(row.get("layers", ())),
            formats=tuple(row.get("formats", ())),
            unless=row.get("unless", ""),
            beside=row.get("beside", ""),
            at=row["at"],
            is_of_wheels=not row.get("own", False),
            why=row["why"],
            error=row["error"],
        )
        for row in _table("packages")["conflict"]
    )


@lru_cache(maxsize=1)
def pythons() -> tuple[Pythons, ...]:
    """The rows of `wheels.toml` about interpreters, the oldest first."""
    return tuple(
        Pythons(since=release(row["tensorflow"]), first=release(row["first"]), last=release(row["last"]))
        for row in _table("wheels")["pythons"]
    )


def pythons_for(tensorflow: Release) -> Pythons | None:
    """The interpreters that a release has wheels for; `None` before the first that is known."""
    return next((row for row in reversed(pythons()) if row.since <= tensorflow), None)


@lru_cache(maxsize=1)
def _cudnn() -> tuple[tuple[Release, Release], ...]:
    return tuple((release(row["tensorflow"]), release(row["cudnn"])) for row in _table("wheels")["cudnn"])


def cudnn_for(tensorflow: Release) -> Release:
    """The cuDNN that a release's wheels are built against; empty where that is not known."""
    known = tensorflow < known_until()
    return next((cudnn for since, cudnn in reversed(_cudnn()) if known and since <= tensorflow), ())


@lru_cache(maxsize=1)
def platforms() -> tuple[Platform, ...]:
    """The rows of `wheels.toml` about systems."""
    return tuple(
        Platform(
            distribution=row["distribution"],
            system=row["system"],
            machine=row["machine"],
            since=release(row.get("since", "2.0")),
            until=release(row["until"]) if "until" in row else _NEVER,
            glibc=release(row.get("glibc", "0")),
        )
        for row in _table("wheels")["platforms"]
    )


@lru_cache(maxsize=1)
def requirements() -> tuple[Requirement, ...]:
    """The rows of `wheels.toml` about packages that refuse an older Python, the oldest first."""
    return tuple(
        Requirement(package=row["package"], since=release(row["since"]), python=release(row["python"]))
        for row in _table("wheels")["requires"]
    )


@lru_cache(maxsize=1)
def known_until() -> Release:
    """The TensorFlow whose wheels were not looked at yet."""
    return release(_table("wheels")["known"])


@lru_cache(maxsize=1)
def providers() -> tuple[Provider, ...]:
    """The rows of `providers.toml`."""
    return tuple(
        Provider(
            distribution=row["distribution"],
            prefixes=tuple(row.get("prefixes", ())),
            modules=tuple(row.get("modules", ())),
            ops=tuple(row.get("ops", ())),
            keras=release(row.get("keras", "")),
            until=release(row["until"]) if "until" in row else _NEVER,
            is_of_one_minor=row.get("minor", False),
        )
        for row in _table("providers")["provider"]
    )


def installed(seen: Comparison, name: str) -> str | None:
    """The version of a distribution in the target; `None` where it is absent, or its version unknown."""
    found = seen.current.package(name)
    if isinstance(found, Package) and isinstance(found.version, str):
        return found.version
    numpy = seen.current.numpy
    if name == "numpy" and isinstance(numpy, Numpy) and isinstance(numpy.version, str):
        return numpy.version
    return None


def keras_in_force(seen: Comparison, provider: str = "keras") -> str | None:
    """The version of the target's Keras where it comes from this distribution."""
    keras = seen.current.keras
    if not isinstance(keras, Keras) or keras.provider != provider:
        return None
    return keras.version if isinstance(keras.version, str) else None


def is_published(seen: Comparison) -> bool:
    """
    Whether the target's TensorFlow is, as far as is known, a published wheel.

    What is true of the wheels says nothing of a build of conda, of one's own or of NVIDIA's containers.
    """
    found = seen.current.tensorflow
    if not isinstance(found, TensorFlow) or not isinstance(found.version, str) or "+" in found.version:
        return False
    package = seen.current.package(found.distribution) if isinstance(found.distribution, str) else None
    if not isinstance(package, Package):
        return True
    is_local = isinstance(package.wheel, str) and re.search(r"-linux_\w+\.whl$", package.wheel) is not None
    return package.wheel is not None and not is_local


def within(value: Release, since: Release, until: Release) -> bool:
    """Whether a release lies from `since` up to `until`, which is not included."""
    return bool(value) and since <= value < until


def shown(parts: Iterable[int]) -> str:
    """A release as it is written."""
    return ".".join(str(part) for part in parts)


def _table(name: str) -> dict[str, Any]:
    """A table that people edit as TOML, as `tools/pack_tables.py` packed it."""
    return _tables()[name]


@lru_cache(maxsize=1)
def _tables() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(resources.text("knowledge/tables.json"))
    return found
