"""Text on its way out: what a terminal would obey is shown instead, what nobody may read is left out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from envlock.redact.terminal import one_line, visible

if TYPE_CHECKING:
    from envlock.redact.data import clean_data
    from envlock.redact.scan import Hit, clean, secrets
    from envlock.redact.urls import clean_url

__all__ = ["Hit", "clean", "clean_data", "clean_url", "one_line", "secrets", "visible"]

_LATE = {"Hit": "scan", "clean": "scan", "clean_data": "data", "clean_url": "urls", "secrets": "scan"}


def __getattr__(name: str) -> Any:
    """What only a few commands need: every text view imports this package, few of them scan."""
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"envlock.redact.{_LATE[name]}"), name)
