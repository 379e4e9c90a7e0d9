"""
What each released Keras holds: classes with the keys that they take, modules, public names, dictionaries.

The tables in `data/` were read from the sources of the releases by `tools/harvest_api.py`. One file holds a
family of releases; opening it costs a few milliseconds, and what is asked for is parsed when it is.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from functools import cache, lru_cache
from typing import Any

from envlock import resources
from envlock.values import frozen

__all__ = ["COMPUTED", "REQUIRED", "KerasApi", "KerasClass", "keras", "versions"]


class Default(Enum):
    """What stands in the place of a default that is no literal."""

    REQUIRED = "required"
    COMPUTED = "computed"


REQUIRED = Default.REQUIRED  # the parameter has no default
COMPUTED = Default.COMPUTED  # its default is not written as a literal

_SENTINELS = {"\x01required": REQUIRED, "\x01computed": COMPUTED}


@frozen(kw_only=True)
class KerasClass:
    """A class of one release, and what its constructor and `from_config` make of keys."""

    name: str  # qualified where it is defined
    mro: tuple[str, ...]  # bare names, itself first, `object` left out
    accepts: Mapping[str, Any]  # key -> default (JSON), REQUIRED or COMPUTED
    is_open: bool  # any other key is swallowed without an error
    refusal: str  # what is said of another key, with `{key}` in its place; `{}` where only a run knows
    removes: frozenset[str]  # keys that `from_config` takes out before the constructor sees them
    requires: frozenset[str]  # keys without which it fails
    defines: frozenset[str]  # methods that it or an ancestor below Layer, Model, … defines itself
    signatures: Mapping[str, tuple[str, ...]]  # of build, call, build_from_config; "*" and "**" for the rest
    checks: tuple[tuple[Any, str], ...] = ()  # what it refuses of values: see `envlock.knowledge.checks`


class KerasApi:
    """One release of Keras."""

    def __init__(self, family: _Family, bit: int, *, is_exact: bool) -> None:
        self.provider = family.provider
        self.version = family.releases[bit]
        self.is_exact = is_exact
        self._family = family
        self._bit = 1 << bit
        self._named: dict[tuple[str, str], dict[str, str] | None] = {}
        self._classes: dict[str, KerasClass | None] = {}

    def public(self, path: str) -> str | None:
        """The qualified name of what `keras.layers.Dense` is; functions too."""
        package, _, name = path.rpartition(".")
        return (self._names("public", package) or {}).get(name)

    def paths(self) -> Iterator[str]:
        """Every public path."""
        for package in self._family.blocks("public"):
            yield from (f"{package}.{name}" for name in self._names("public", package) or {})

    def has_module(self, module: str) -> bool:
        """Whether the module can be imported."""
        return self._names("modules", module) is not None

    def member(self, module: str, name: str) -> str | None:
        """The qualified name of what is found in a module under a name."""
        return (self._names("modules", module) or {}).get(name)

    def lookup(self, kind: str, name: str) -> str | None:
        """What the loader's dictionary of a kind has for a bare name: kind such as `layer` or `loss`."""
        return (self._names("lookup", kind) or {}).get(name)

    def cls(self, qualified: str) -> KerasClass | None:
        """The class of this qualified name; `None` for a function or something unknown."""
        if qualified not in self._classes:
            lines = self._family.block("classes", qualified)
            record = next((line[2] for line in lines if line[0] & self._bit), None)
            self._classes[qualified] = None if record is None else _class(qualified, json.loads(record))
        return self._classes[qualified]

    def _names(self, section: str, block: str) -> dict[str, str] | None:
        """Name -> qualified name; `None` where this release lacks the block."""
        key = (section, block)
        if key not in self._named:
            held = [line for line in self._family.block(section, block) if line[0] & self._bit]
            found = {name: path or f"{block}.{name}" for _, name, path in held if name}
            self._named[key] = found if held else None
        return self._named[key]


class _Family:
    """The releases of one file."""

    def __init__(self, raw: bytes) -> None:
        first, _, self._rest = raw.partition(b"\n")
        header = json.loads(first)
        self.provider: str = header["provider"]
        self.releases: list[str] = header["releases"]
        self.numbers = {_release(version): bit for bit, version in enumerate(self.releases)}
        self._sizes: dict[str, int] = header["sections"]
        self._blocks: dict[str, dict[str, str]] = {}

    def block(self, section: str, name: str) -> list[tuple[int, str, str]]:
        """The lines of a block: bits of releases, and the two fields after them."""
        text = self._section(section).get(name)
        is_record = section == "classes"
        return [_line(item, is_record=is_record) for item in text.split("\n")] if text else []

    def blocks(self, section: str) -> Iterable[str]:
        """What there are blocks of."""
        return self._section(section)

    def _section(self, section: str) -> dict[str, str]:
        if section not in self._blocks:
            self._blocks[section] = self._opened(section)
        return self._blocks[section]

    def _opened(self, section: str) -> dict[str, str]:
        names = list(self._sizes)
        before = sum(self._sizes[name] for name in names[: names.index(section)])
        text = zlib.decompress(self._rest[before : before + self._sizes[section]]).decode()
        blocks = (item.partition("\n") for item in text.split("\n\n"))
        return {head: lines for head, _, lines in blocks}


def _line(text: str, *, is_record: bool) -> tuple[int, str, str]:
    bits, _, rest = text.partition("\t")
    if is_record:
        return int(bits, 16), "", rest
    name, _, path = rest.partition("\t")
    return int(bits, 16), name, path


def _class(name: str, record: dict[str, Any]) -> KerasClass:
    accepts = record.get("accepts", {})
    return KerasClass(
        name=name,
        mro=tuple(record["mro"].split()),
        accepts={key: _default(item) for key, item in accepts.items()},
        is_open=bool(record.get("open")),
        refusal=record.get("refusal", ""),
        removes=frozenset(record.get("removes", ())),
        requires=frozenset(record.get("requires", ())),
        defines=frozenset(record.get("defines", ())),
        signatures={key: _parameters(text) for key, text in record.get("signatures", {}).items()},
        checks=tuple((condition, words) for condition, words in record.get("checks", ())),
    )


def _default(item: Any) -> Any:
    return _SENTINELS.get(item, item) if isinstance(item, str) else item


def _parameters(text: str) -> tuple[str, ...]:
    return () if text == "-" else tuple(text.split())


_FILES = {
    ("keras", 3): "keras-3",
    ("keras", 2): "keras-2",
    ("tf-keras", 2): "tf-keras",
    ("tensorflow", 2): "tensorflow",
}


@cache
def _family(file: str) -> _Family:
    return _Family((resources.package_folder() / "knowledge" / "data" / f"{file}.tables").read_bytes())


@lru_cache(maxsize=256)
def keras(provider: str, release: tuple[int, ...]) -> KerasApi | None:
    """
    The table of a release, or that of the nearest one of the same generation.

    `provider` is "keras", "tf-keras", or "tensorflow" for the Keras inside a TensorFlow before 2.6.
    """
    file = _FILES.get((provider, release[0] if release else 0))
    if file is None:
        return None
    family = _family(file)
    known = family.numbers
    if len(release) == 2:  # any patch of it: the newest
        release = max((one for one in known if one[:2] == release), default=release)
    wanted = (*release, 0, 0)[:3]
    if wanted in known:
        return KerasApi(family, known[wanted], is_exact=True)
    return KerasApi(family, known[min(known, key=lambda one: _distance(one, wanted))], is_exact=False)


def versions(provider: str, generation: int) -> tuple[str, ...]:
    """The releases that there are tables of, the oldest first."""
    file = _FILES.get((provider, generation))
    return tuple(_family(file).releases) if file else ()


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _distance(known: tuple[int, ...], wanted: tuple[int, ...]) -> tuple[int, ...]:
    """How far apart two releases are: first by minor, then by patch; the older of two equally near ones."""
    if known[1] == wanted[1]:
        return (0, abs(known[2] - wanted[2]), known[2])
    return (abs(known[1] - wanted[1]), known[1], -known[2] if known[1] < wanted[1] else known[2])
