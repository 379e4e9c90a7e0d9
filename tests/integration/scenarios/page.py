"""The table of scenarios as `docs/custom-code.md` shows it."""

from __future__ import annotations

from itertools import groupby

from scenarios.rows import ROWS, Row
from scenarios.sources import SOURCES

__all__ = ["table"]

_HEAD = [
    "| what is saved, and what is otherwise at load | said at save | said at load | loads | numbers |",
    "|---|---|---|---|---|",
]
_SAVED = {source.name: source for source in SOURCES}


def table() -> list[str]:
    """The lines of the table, neighbours that end alike in one; what Keras 2 does stands behind."""
    grouped = groupby(ROWS, _outcome)
    return [*_HEAD, *(f"| {'<br>'.join(row.what for row in rows)} | {told} |" for told, rows in grouped)]


def _outcome(row: Row) -> str:
    pairs = zip(_cells(row, "keras3"), _cells(row, "keras2"), strict=True)
    return " | ".join(_both(*pair) for pair in pairs)


def _both(three: str, two: str) -> str:
    return three if three == two else f"{three or 'nothing'}<br>Keras 2: {two or 'nothing'}"


def _cells(row: Row, environment: str) -> list[str]:
    saved, row = _SAVED[row.source].under(environment), row.under(environment)
    kind, *parts = row.error or ("",)
    raised = f"**{kind.strip(': ')}** {' … '.join(map(_quoted, parts))}".strip() if kind else ""
    said = [*map(_quoted, row.said), *filter(None, [raised])]
    loads, numbers = ("no", "") if kind else ("yes", "equal" if row.is_equal else "others")
    return ["<br>".join(map(_quoted, saved.said)), "<br>".join(said), loads, numbers]


def _quoted(text: str) -> str:
    return f"`{text.strip(' ;')}`"
