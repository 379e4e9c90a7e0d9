"""
What is true here, now: each fact from its own source, none by importing TensorFlow.

To add a probe: a function that returns a fact, `None` or `Unknown(reason)`; a field in `facts`; a line
in `probes.PROBES`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envlock.capture.probes import PROBES, asked, capture, fingerprint, glance

__all__ = ["PROBES", "asked", "capture", "fingerprint", "glance"]


def __getattr__(name: str) -> Any:
    """Whoever wants one part alone, such as the scan of packages, does not load the others."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from envlock.capture import probes

    return getattr(probes, name)
