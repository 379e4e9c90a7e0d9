"""The installed distributions as facts: their roles, what each depends on, and what installed them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from envlock.capture.metadata import Distribution, installed, normalised
from envlock.facts import Package
from envlock.values import replace

__all__ = ["Distribution", "facts", "installed", "normalised", "recorded", "with_roles"]


def facts(distributions: Mapping[str, Distribution]) -> tuple[Package, ...]:
    """The distributions as facts; their roles and edges are not told."""
    return tuple(Package(name=item.name, version=item.version) for item in distributions.values())


def with_roles(
    distributions: Mapping[str, Distribution],
    *,
    runtime: Iterable[str],
    tool: Iterable[str] = ("envlock-tf",),
) -> tuple[Package, ...]:
    """
    The distributions as facts, with what each depends on and its role.

    `runtime` names what the model imports: it and all that it depends on is `runtime`; what only
    `tool` depends on is `tool`.
    """
    edges: dict[str, tuple[str, ...]] = {}
    of_runtime = _closure(set(runtime), distributions, edges)
    of_tool = _closure(set(tool), distributions, edges) - of_runtime

    def role(name: str) -> str:
        if name in of_tool:
            return "tool"
        if distributions[name].is_project():
            return "project"
        return "runtime" if name in of_runtime else "unrelated"

    return tuple(
        Package(name=name, version=item.version, role=role(name), requires=edges.get(name, ()))
        for name, item in distributions.items()
    )


def recorded(packages: tuple[Package, ...], distributions: Mapping[str, Distribution]) -> tuple[Package, ...]:
    """The same packages with what their installer left of them: the wheel, its digest and its origin."""
    return tuple(
        _recorded(package, distributions[package.name]) if package.name in distributions else package
        for package in packages
    )


def _recorded(package: Package, distribution: Distribution) -> Package:
    from envlock.capture import origins, wheels  # a diff looks at none of this

    installer = wheels.installer(distribution.info)
    return replace(
        package,
        # conda builds a wheel on its way, but installs an archive of its own.
        wheel=None if installer == "conda" else wheels.file_name(distribution.info),
        record=wheels.record(distribution.info),
        installer=installer,
        is_requested=wheels.is_requested(distribution.info),
        origin=origins.origin(distribution.info),
    )


def _closure(
    roots: set[str], distributions: Mapping[str, Distribution], edges: dict[str, tuple[str, ...]]
) -> set[str]:
    """What the roots need; `edges` is filled with what each of these depends on."""
    reached: set[str] = set()
    waiting = [root for root in roots if root in distributions]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            edges[name] = _dependencies(name, distributions, is_root=name in roots)
            waiting.extend(edges[name])
    return reached


def _dependencies(name: str, distributions: Mapping[str, Distribution], *, is_root: bool) -> tuple[str, ...]:
    """
    The installed distributions that one depends on, sorted.

    Which extras of a root were asked for (`tensorflow[and-cuda]`) is recorded nowhere: one of
    which everything is installed counts.
    """
    found: set[str] = set()
    wanted = [item for item in _requirements(distributions[name]) if is_root or not item.extra]
    missing = {item.extra for item in wanted if item.name not in distributions}
    for item in wanted:
        if item.name in distributions and (not item.extra or item.extra not in missing):
            found.add(item.name)
            asked = [other for other in _requirements(distributions[item.name]) if other.extra in item.extras]
            found.update(other.name for other in asked if other.name in distributions)
    return tuple(sorted(found - {name}))


class _Requirement(NamedTuple):
    name: str
    extra: str  # the extra that it belongs to, empty for none
    extras: frozenset[str]  # the extras of the other distribution that it asks for


def _requirements(distribution: Distribution) -> Iterator[_Requirement]:
    """The requirements that apply here."""
    from packaging.markers import UndefinedEnvironmentName
    from packaging.requirements import Requirement

    for line in distribution.requires_dist:
        extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)['\"]", line)
        belongs_to = extra[1] if extra else ""
        try:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": belongs_to}):
                asked = frozenset(requirement.extras)
                yield _Requirement(normalised(requirement.name), belongs_to, asked)
        except (ValueError, UndefinedEnvironmentName):
            continue  # old metadata holds lines that no tool reads; they ask for nothing
