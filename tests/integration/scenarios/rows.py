"""The table of scenarios: what is saved, what is otherwise where it is loaded, and what comes of it."""

from __future__ import annotations

from scenarios.kinds import KINDS
from scenarios.moves import MOVES
from scenarios.row import Row

__all__ = ["ROWS", "Row"]

ROWS = (*KINDS, *MOVES)
