"""Which kind of system this is; the module `platform`, which tells it too, costs a diff more to import."""

from __future__ import annotations

import os

__all__ = ["system"]


def system() -> str:
    """`Linux`, `Darwin`, `Windows` or what else the kernel calls itself."""
    return "Windows" if os.name == "nt" else os.uname()[0]
