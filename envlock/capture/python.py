"""The interpreter."""

from __future__ import annotations

import sys

from envlock.facts import Python

__all__ = ["interpreter"]


def interpreter(_: object = None) -> Python:
    """The running Python: `3.11.7`, `cpython`."""
    info = sys.version_info
    suffix = "" if info.releaselevel == "final" else f"{info.releaselevel[0]}{info.serial}"
    return Python(
        version=f"{info.major}.{info.minor}.{info.micro}{suffix}",
        implementation=sys.implementation.name,
    )
