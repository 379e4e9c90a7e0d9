"""Where the user's modules are looked for."""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["import_path"]


def import_path() -> list[str]:
    """The path of this Python, and last the folder one works in."""
    return [*sys.path, str(Path.cwd())]
