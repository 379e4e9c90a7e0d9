"""
What each TensorFlow registers: operations with their attributes, types, kernels, revived objects.

`data/operations.bin` holds one table for all releases, made by `tools/harvest_ops.py` from what each of
them registers at run time.
"""

from __future__ import annotations

import json
import zlib
from functools import lru_cache
from typing import Any

from envlock import resources
from envlock.knowledge.rule import Release, release
from envlock.values import frozen

__all__ = ["Attribute", "TensorFlowApi", "tensorflow"]

_FILE = "knowledge/data/operations.bin"

Span = tuple[int, int]


@frozen(kw_only=True)
class Attribute:
    """
    An attribute of an operation.

    `type` is as TensorFlow has it (`type`, `list(int)`, `string`), `allowed` the only values it may have,
    empty where any will do; `default` is `None` where it must be given.
    """

    type: str
    default: Any
    has_default: bool
    allowed: tuple[str, ...]


class _Table:
    """The table of all releases; a line is parsed when its operation is first asked for."""

    def __init__(self, text: str) -> None:
        head, _, rest = text.partition("\n")
        about = json.loads(head)
        self.releases: tuple[Release, ...] = tuple(release(version) for version in about["releases"])
        self.versions: tuple[str, ...] = tuple(about["releases"])
        self.graph_defs: tuple[int, ...] = tuple(about["graph_def"])
        self.dtypes_since: dict[str, int] = about["dtypes_since"]
        self._pool: list[Any] = about["pool"]
        self._lines = dict(line.split("\t", 1) for line in rest.splitlines())
        self._operations: dict[str, Operation] = {}

    def operation(self, name: str) -> Operation | None:
        """One operation, `None` for one that no release has."""
        if name not in self._operations:
            line = self._lines.get(name)
            if line is None:
                return None
            self._operations[name] = Operation(json.loads(line), self._pool)
        return self._operations[name]


class Operation:
    """One operation over the releases, which are counted from 0."""

    def __init__(self, line: list[Any], pool: list[Any]) -> None:
        self.spans: list[Span] = [(first, end) for first, end in line[0]]
        self._attributes = line[1]
        self._kernels = line[2]
        self._pool = pool

    def is_in(self, number: int) -> bool:
        """Whether a release has it."""
        return any(first <= number < end for first, end in self.spans)

    def attribute(self, name: str, number: int) -> Attribute | None:
        """One attribute as a release has it."""
        return next((item for item, first, end in self._named(name) if first <= number < end), None)

    def latest(self, name: str) -> Attribute | None:
        """One attribute as the last release that knows it has it."""
        return next((item for item, _, _ in reversed(self._named(name))), None)

    def kernels(self, number: int) -> dict[str, list[str]] | None:
        """The types that its kernels take, by attribute; `None` where no CPU runs it."""
        for held, first, end in self._kernels:
            if first <= number < end:
                found: dict[str, list[str]] = self._pool[held]
                return found
        return None

    @property
    def ever_had_kernel(self) -> bool:
        """Whether a CPU runs it in any release."""
        return bool(self._kernels)

    def _named(self, name: str) -> list[tuple[Attribute, int, int]]:
        rows = (row for row in self._attributes if row[0] == name)
        return [(_attribute(self._pool[held]), first, end) for _, held, first, end in rows]


def _attribute(held: dict[str, Any]) -> Attribute:
    return Attribute(
        type=held["type"],
        default=held.get("default"),
        has_default="default" in held,
        allowed=tuple(held.get("allowed", ())),
    )


class TensorFlowApi:
    """
    One release of TensorFlow; `is_exact` tells that it was harvested itself, but for its patches.

    `is_behind` tells that an older one stands in for it: what the table lacks it may have.
    """

    def __init__(self, table: _Table, number: int, asked: Release) -> None:
        self._table = table
        self._number = number
        self.version = table.versions[number]
        self.release = table.releases[number]
        self.is_exact = asked[:2] == self.release[:2]
        self.is_behind = asked[:2] > self.release[:2]

    def has(self, op: str) -> bool:
        """Whether the operation is registered."""
        found = self._table.operation(op)
        return found is not None and found.is_in(self._number)

    def is_known(self, op: str) -> bool:
        """Whether any release registers the operation; one that none does is custom."""
        return self._table.operation(op) is not None

    def since(self, op: str) -> str:
        """The first release that registers it, as a person would call it; empty for a custom one."""
        found = self._table.operation(op)
        return _minor(self._table.releases[found.spans[0][0]]) if found else ""

    def until(self, op: str) -> str:
        """The first release that no longer registers it, empty where the last one does."""
        found = self._table.operation(op)
        end = found.spans[-1][1] if found else len(self._table.releases)
        return _minor(self._table.releases[end]) if end < len(self._table.releases) else ""

    def attr(self, op: str, name: str) -> Attribute | None:
        """An attribute of an operation as this release has it."""
        found = self._table.operation(op)
        return found.attribute(name, self._number) if found else None

    def attr_elsewhere(self, op: str, name: str) -> Attribute | None:
        """An attribute of an operation as the last release that knows it has it."""
        found = self._table.operation(op)
        return found.latest(name) if found else None

    def has_kernel(self, op: str) -> bool:
        """Whether a CPU runs it."""
        found = self._table.operation(op)
        return found is not None and found.kernels(self._number) is not None

    def ever_had_kernel(self, op: str) -> bool:
        """Whether a CPU runs it in any release."""
        found = self._table.operation(op)
        return found is not None and found.ever_had_kernel

    def kernel_types(self, op: str, name: str) -> tuple[str, ...] | None:
        """The types of an attribute for which a CPU runs it, `None` where there is no limit."""
        found = self._table.operation(op)
        kernels = found.kernels(self._number) if found else None
        types = kernels.get(name) if kernels else None
        return None if types is None else tuple(types)

    def has_dtype(self, name: str) -> bool:
        """Whether a type of tensors is known, such as `float8_e5m2`."""
        return not name.startswith("DataType ") and self._table.dtypes_since.get(name, 0) <= self._number

    @property
    def graph_def(self) -> int:
        """The version of graphs that it writes."""
        return self._table.graph_defs[self._number]


@lru_cache(maxsize=8)
def tensorflow(asked: Release) -> TensorFlowApi | None:
    """The table of a release, or of the nearest one; `None` for TensorFlow 1 and for none."""
    if len(asked) < 2 or asked[0] != 2:
        return None
    table = _table()
    nearest = min((abs(found[1] - asked[1]), -number) for number, found in enumerate(table.releases))
    return TensorFlowApi(table, -nearest[1], asked)


@lru_cache(maxsize=1)
def _table() -> _Table:
    data = (resources.package_folder() / _FILE).read_bytes()
    return _Table(zlib.decompress(data).decode("utf-8"))


def _minor(found: Release) -> str:
    return ".".join(str(part) for part in found[:2])
