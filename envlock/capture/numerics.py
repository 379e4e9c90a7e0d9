"""What does the arithmetic."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from envlock import keras_bridge
from envlock.capture.packages import Distribution
from envlock.facts import Maybe, Numerics, Numpy, Unknown

__all__ = ["numpy", "settings"]

_MAPS = Path("/proc/self/maps")


def numpy(distributions: Mapping[str, Distribution]) -> Numpy | None:
    """The installed NumPy and the BLAS it was built with."""
    found = distributions.get("numpy")
    if found is None:
        return None
    return Numpy(version=found.version, blas=_blas(found.files / "numpy/__config__.py"))


def settings(_: object = None) -> Numerics:
    """What this process computes with, as far as it has imported what does."""
    return keras_bridge.numerics(libraries=_libraries())


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
    old = re.search(r"^blas(?:_ilp64)?_opt_info\s*=\s*\{'libraries': \['([\w-]+)'", text, re.MULTILINE)
    if old:
        return old[1].rstrip("_")
    return Unknown("NumPy's __config__.py names no BLAS in a form that envlock knows")


def _libraries() -> Maybe[tuple[str, ...]]:
    """The BLAS and OpenMP libraries that are loaded, such as `openblas 0.3.29 (pthreads, 2 threads)`."""
    if "numpy" not in sys.modules:
        return Unknown("NumPy is not imported in this process")
    try:
        import threadpoolctl  # comes with scikit-learn
    except ImportError:
        return _mapped()
    return tuple(sorted({_described(library) for library in threadpoolctl.threadpool_info()}))


def _described(library: Mapping[str, object]) -> str:
    name = " ".join(str(library[key]) for key in ("internal_api", "version") if library.get(key))
    parts = [str(library[key]) for key in ("threading_layer", "architecture") if library.get(key)]
    parts.append(f"{library.get('num_threads')} threads")
    return f"{name} ({', '.join(parts)})"


def _mapped() -> Maybe[tuple[str, ...]]:
    """The same by the names of mapped files, which tell neither versions nor threads."""
    try:
        text = _MAPS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return Unknown("threadpoolctl is not installed, and this system does not list loaded libraries")
    names = re.findall(r"/lib((?:\w*openblas|mkl_rt|blis|gomp|iomp5|omp)\w*)[-.][^/\n]*$", text, re.MULTILINE)
    return tuple(sorted(set(names)))
