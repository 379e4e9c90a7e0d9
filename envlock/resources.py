"""The files that ship with envlock: knowledge tables and templates."""

from __future__ import annotations

from pathlib import Path

__all__ = ["package_folder", "template", "text"]

_PACKAGE = Path(__file__).parent


def package_folder() -> Path:
    """The folder of the package itself, as it is copied into a container for a check."""
    return _PACKAGE


def text(name: str) -> str:
    """A data file of the package, such as `knowledge/boundaries.toml`."""
    return (_PACKAGE / name).read_text(encoding="utf-8")


def template(name: str) -> str:
    """
    A file of `templates/`.

    The wheel carries that folder inside the package; in an editable installation and in a
    checkout it lies beside it.
    """
    shipped = _PACKAGE / "templates" / name
    path = shipped if shipped.exists() else _PACKAGE.parent / "templates" / name
    return path.read_text(encoding="utf-8")
