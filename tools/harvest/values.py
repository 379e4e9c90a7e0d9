"""What stands for a Python object when sources are read and not run."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any


class _Unknown:
    """A value that reading alone does not tell."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Any = _Unknown()


@dataclass(eq=False, repr=False)
class Module:
    """A module of the package that is read, with the names found in it once it was imported."""

    name: str
    is_package: bool
    namespace: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False, repr=False)
class External:
    """Something of another package, by its path; `is_module` where a plain import brought it."""

    path: str
    is_module: bool = False

    @property
    def bare(self) -> str:
        """Its own name, without where it lies."""
        return self.path.rpartition(".")[2]


@dataclass(eq=False, repr=False)
class Scope:
    """Names that an expression sees: its own, then those of what encloses it, then the module's."""

    module: Module
    names: dict[str, Any]
    parent: Scope | None = None


@dataclass(eq=False, repr=False)
class Function:
    """A function or a method, with the scope that it was defined in."""

    name: str
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope

    @property
    def bare(self) -> str:
        """Its own name, without where it lies."""
        return self.name.rpartition(".")[2]


@dataclass(eq=False, repr=False)
class Class:
    """A class, its bases and what its body binds."""

    name: str
    bases: tuple[Any, ...]
    scope: Scope
    body: dict[str, Any]

    @property
    def bare(self) -> str:
        """Its own name, without where it lies."""
        return self.name.rpartition(".")[2]


@dataclass(eq=False, repr=False)
class Instance:
    """An object of a class, of which only the attributes set from outside are known."""

    of: Any
    attributes: dict[str, Any] = field(default_factory=dict)


def linearised(cls: Any) -> tuple[Any, ...]:
    """Its method resolution order; bases that reading does not tell are left out."""
    if not isinstance(cls, Class):
        return (cls,)
    bases = [base for base in cls.bases if isinstance(base, (Class, External))]
    rows = [list(linearised(base)) for base in bases] + [list(bases)]
    return (cls, *_merged(rows))


def _merged(rows: list[list[Any]]) -> list[Any]:
    """The merge of C3; where it has no answer, the first that is left."""
    found: list[Any] = []
    while rows := [row for row in rows if row]:
        heads = (row[0] for row in rows if not any(_holds(other[1:], row[0]) for other in rows))
        head = next(heads, rows[0][0])
        found.append(head)
        rows = [[item for item in row if not _same(item, head)] for row in rows]
    return found


def _holds(row: list[Any], item: object) -> bool:
    return any(_same(other, item) for other in row)


def _same(one: object, other: object) -> bool:
    if isinstance(one, External) and isinstance(other, External):
        return one.path == other.path
    return one is other
