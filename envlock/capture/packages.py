"""
The installed distributions, by a scan of their metadata.

The rules are those of `importlib.metadata` (all of `sys.path`, the first one wins, names
normalised), read by hand because that module costs several times more than the rest of a diff.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from envlock.facts import Maybe, Package, Unknown

__all__ = ["Distribution", "facts", "installed", "normalised", "with_roles"]


@dataclass(frozen=True, slots=True)
class Distribution:
    """An installed distribution: its folder of metadata and what its head says."""

    name: str
    version: Maybe[str]
    info: Path
    requires_dist: tuple[str, ...]

    @property
    def files(self) -> Path:
        """The folder that its modules were installed into."""
        return self.info.parent

    def is_project(self) -> bool:
        """Whether it is the user's own code: installed from a local folder (PEP 610)."""
        try:
            origin = json.loads((self.info / "direct_url.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            # https://setuptools.pypa.io: an old-style develop install leaves *.egg-info in the
            # source folder and nothing in site-packages but a link to it.
            return self.info.suffix == ".egg-info" and (self.info.parent / "setup.py").exists()
        return isinstance(origin, dict) and "dir_info" in origin


def normalised(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed(path: Sequence[str] | None = None) -> dict[str, Distribution]:
    """Every distribution on `path` (default: `sys.path`) by its normalised name, sorted."""
    found: dict[str, Distribution] = {}
    for entry in sys.path if path is None else path:
        # setuptools puts its bundled copies on sys.path when it is imported; nothing is installed by it.
        if "_vendor" in Path(entry).parts:
            continue
        for info in _metadata_folders(entry or os.curdir):
            distribution = _read(info)
            if distribution:
                found.setdefault(distribution.name, distribution)
    return dict(sorted(found.items()))


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


_VERSION = r"[A-Za-z0-9][A-Za-z0-9.+!_-]*"


def _metadata_folders(entry: str) -> list[Path]:
    try:
        found = [
            Path(item.path) for item in os.scandir(entry) if item.name.endswith((".dist-info", ".egg-info"))
        ]
    except OSError:  # an entry of sys.path need not exist, nor be a folder
        return []
    return sorted(found)


def _read(info: Path) -> Distribution | None:
    head = _head(info / "METADATA") or _head(info / "PKG-INFO") or _head(info)
    name, _, version = info.stem.partition("-")
    if head:
        fields = re.findall(r"^(Name|Version|Requires-Dist):[ \t]*(.*?)[ \t\r]*$", head, re.MULTILINE)
        name = next((value for key, value in fields if key == "Name"), name)
        version = next((value for key, value in fields if key == "Version"), version)
        requires = tuple(value for key, value in fields if key == "Requires-Dist")
        stated = version if re.fullmatch(_VERSION, version) else _no_version(info)
        return Distribution(normalised(name), stated, info, requires)
    if name.startswith("~") or not version:  # what pip leaves behind when it is interrupted
        return None
    return Distribution(normalised(name), version, info, ())


def _no_version(info: Path) -> Unknown:
    return Unknown(f"{info.name} names no usable version")


@lru_cache(maxsize=4096)
def _head_of(path: str, _changed: int, _size: int) -> str:
    with Path(path).open("rb") as file:
        data = file.read(16384)
        if b"\n\n" not in data and b"\r\n\r\n" not in data:
            data += file.read()
    return re.split(rb"\r?\n\r?\n", data, maxsplit=1)[0].decode("utf-8", "replace")


def _head(path: Path) -> str:
    """The headers of a metadata file, empty where there is none; read again when it changed."""
    try:
        status = path.stat()
        return _head_of(str(path), status.st_mtime_ns, status.st_size)
    except OSError:
        return ""


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
    from packaging.requirements import InvalidRequirement, Requirement

    for line in distribution.requires_dist:
        extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)['\"]", line)
        belongs_to = extra[1] if extra else ""
        try:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": belongs_to}):
                asked = frozenset(requirement.extras)
                yield _Requirement(normalised(requirement.name), belongs_to, asked)
        except (InvalidRequirement, UndefinedEnvironmentName):
            continue  # old metadata holds lines that no tool reads; they ask for nothing
