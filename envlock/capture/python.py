"""The interpreter."""

from __future__ import annotations

import sys

from envlock.facts import Python

__all__ = ["interpreter"]


def interpreter(_: object = None) -> Python:
    """The running Python: `3.11.7`, `cpython`."""
    info = sys.version_info
    marks = {"alpha": "a", "beta": "b", "candidate": "rc"}
    suffix = f"{marks[info.releaselevel]}{info.serial}" if info.releaselevel in marks else ""
    return Python(
        version=f"{info.major}.{info.minor}.{info.micro}{suffix}",
        implementation=sys.implementation.name,
    )
