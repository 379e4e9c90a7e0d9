from __future__ import annotations

from pathlib import Path

import pytest
from builders import install

from envlock.capture import numerics, packages
from envlock.facts import Numpy, Unknown

# As the wheels of NumPy 2.2 and 1.24 for Linux hold them.
MESON = """
CONFIG = _cleanup(
    {
        "Build Dependencies": {
            "blas": {
                "name": "scipy-openblas",
                "found": bool("True".lower().replace("false", "")),
                "version": "0.3.28",
                "detection method": "pkgconfig",
            },
            "lapack": {"name": "other", "version": "9"},
        },
    }
)
"""
DISTUTILS = """
openblas64__info={'libraries': ['openblas64_', 'openblas64_'], 'library_dirs': ['/usr/local/lib']}
blas_opt_info={'libraries': ['openblas64_', 'openblas64_'], 'language': 'c'}
"""


def _numpy(site: Path, text: str | None) -> Numpy | None:
    install(site, "numpy", "2.2.0")
    if text is not None:
        (site / "numpy").mkdir()
        (site / "numpy" / "__config__.py").write_text(text, encoding="utf-8")
    return numerics.numpy(packages.installed([str(site)]))


@pytest.mark.parametrize(
    ("text", "blas"),
    [
        (MESON, "scipy-openblas 0.3.28"),
        (DISTUTILS, "openblas64"),
        ("", Unknown("NumPy's __config__.py names no BLAS in a form that envlock knows")),
        (None, Unknown("NumPy's __config__.py cannot be read: FileNotFoundError")),
    ],
)
def test_numpy_is_read_with_the_blas_it_was_built_with(
    tmp_path: Path, text: str | None, blas: str | Unknown
) -> None:
    assert _numpy(tmp_path, text) == Numpy(version="2.2.0", blas=blas)


def test_without_numpy_there_is_none() -> None:
    assert numerics.numpy({}) is None
