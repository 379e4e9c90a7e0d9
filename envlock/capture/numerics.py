"""What does the arithmetic."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from envlock.capture.packages import Distribution
from envlock.facts import Maybe, Numpy, Unknown

__all__ = ["numpy"]


def numpy(distributions: Mapping[str, Distribution]) -> Numpy | None:
    """The installed NumPy and the BLAS it was built with."""
    found = distributions.get("numpy")
    if found is None:
        return None
    return Numpy(version=found.version, blas=_blas(found.files / "numpy/__config__.py"))


def _blas(path: Path) -> Maybe[str | None]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        return Unknown(f"NumPy's __config__.py cannot be read: {type(error).__name__}")
    # Since 1.26 (built by Meson): "blas": {"name": "scipy-openblas", "found": ..., "version": "0.3.29", ...}
    new = re.search(r'"blas":\s*\{\s*"name":\s*r?"([^"]*)".*?"version":\s*r?"([^"]*)"', text, re.DOTALL)
    if new:
        return f"{new[1]} {new[2]}"
    # Before (built by distutils): blas_opt_info={'libraries': ['openblas64_', ...], ...}
    old = re.search(r"^blas_opt_info\s*=\s*\{'libraries': \['([\w-]+)'", text, re.MULTILINE)
    if old:
        return old[1].rstrip("_")
    return Unknown("NumPy's __config__.py names no BLAS in a form that envlock knows")
