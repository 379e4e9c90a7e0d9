"""Is the user's code here, and is it what it was; where it is not, what differs."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from types import FunctionType
from typing import Any

from envlock.custom import source
from envlock.custom.meaning import Sources, meaning, reached
from envlock.custom.reach import bound_names
from envlock.facts import CustomObject, Unknown

__all__ = ["CHANGED", "MISSING", "PRESENT", "differences", "names_of", "states"]

PRESENT = "present"
CHANGED = "changed"
MISSING = "missing"

_MOST_LINES = 12
_WIDEST = 100


def names_of(item: CustomObject) -> tuple[str, ...]:
    """The names under which a caller may give an object, or a model ask for it."""
    return (item.name, item.name.rpartition(">")[2], item.qualname, item.qualname.rpartition(".")[2])


def states(
    objects: Iterable[CustomObject],
    sources: Sources,
    *,
    live: Mapping[str, Any] | None = None,
) -> dict[str, str]:
    """
    For each object by name: `present` as it was locked, `changed`, or `missing`.

    Its recorded module is looked up and read, not imported. `live` holds those that this process has
    already, by any of their names: they are compared wherever they came from.
    """
    return {item.name: _state(item, sources, live or {}) for item in objects}


def _state(item: CustomObject, sources: Sources, live: Mapping[str, Any]) -> str:
    kind = _live(item, live)
    if kind is not None:
        found = meaning(sources, kind.__module__, kind.__qualname__)
    else:
        found = meaning(sources, item.module, item.qualname)
        if found is None:
            return MISSING
    # A digest that is unknown on either side compares with nothing; the object is there.
    if not isinstance(found, str) or isinstance(item.digest, Unknown):
        return PRESENT
    return PRESENT if found == item.digest else CHANGED


def differences(
    item: CustomObject, before: Sources, now: Sources, *, live: Mapping[str, Any] | None = None
) -> tuple[str, ...]:
    """
    The lines of source that a changed object, or code that it reaches, has lost and gained.

    `before` is the captured source. At most a dozen lines; none where the source was not captured.
    """
    kind = _live(item, live or {})
    old = _statements(before, item.module, item.qualname)
    new = _statements(now, *((kind.__module__, kind.__qualname__) if kind else (item.module, item.qualname)))
    lines: list[str] = []
    for key in sorted(old.keys() | new.keys()) if old and new else ():
        (meant, text), (means, now_text) = old.get(key, ("", "")), new.get(key, ("", ""))
        if meant != means:
            lines += _changed_lines(text, now_text)
    more = len(lines) - _MOST_LINES
    cut = lines[:_MOST_LINES] if more <= 0 else [*lines[: _MOST_LINES - 1], f"… {more + 1} lines more"]
    return tuple(line[:_WIDEST] for line in cut)


def _live(item: CustomObject, live: Mapping[str, Any]) -> Any:
    """What this process has under any name of an object, if it is a class or function."""
    kind = next((live[name] for name in names_of(item) if name in live), None)
    return kind if isinstance(kind, (FunctionType, type)) else None


def _statements(sources: Sources, module: str, qualname: str) -> dict[str, tuple[str, str]]:
    """What an object reaches, by the names that each statement gives a value to: meaning and text."""
    found: dict[str, tuple[str, str]] = {}
    pieces = reached(sources, module, qualname)
    for piece in pieces.pieces if pieces else ():
        held = sources.find(piece.module)
        # The names that imports bind are not code of the user's, and a stored program has only some of them.
        if held is not None and not isinstance(piece.node, (ast.Import, ast.ImportFrom)):
            key = " ".join(sorted(bound_names(piece.node)))
            meant, text = found.get(key, ("", ""))
            meant += source.canonical(source.without_docstrings(piece.node))
            found[key] = (meant, f"{text}\n{held.segment(piece.node)}")
    return found


def _changed_lines(before: str, now: str) -> Iterator[str]:
    import difflib

    lines = difflib.unified_diff(before.splitlines(), now.splitlines(), lineterm="", n=0)
    for line in lines:
        if not line.startswith(("---", "+++", "@@")) and line[1:].strip():
            yield line
