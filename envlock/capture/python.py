"""The interpreter."""

from __future__ import annotations

import os
import re
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from envlock.facts import Maybe, Python, Unknown

__all__ = ["interpreter"]


def interpreter(_: object = None) -> Python:
    """The running Python: `3.11.7`, `cpython`, and the kind of environment that it runs in."""
    info = sys.version_info
    marks = {"alpha": "a", "beta": "b", "candidate": "rc"}
    suffix = f"{marks[info.releaselevel]}{info.serial}" if info.releaselevel in marks else ""
    abi = _abi()
    environment = _environment()
    return Python(
        version=f"{info.major}.{info.minor}.{info.micro}{suffix}",
        implementation=sys.implementation.name,
        # PEP 703: a build without the global lock carries a t behind its number, cpython-313t or cp313t.
        is_free_threaded=bool(abi and re.match(r"(cpython-|cp)\d+t", abi)),
        abi=abi,
        compiler=_compiler(),
        environment=environment,
        is_externally_managed=environment == "system" and _marker().exists(),
    )


def _abi() -> str | None:
    """The tag in the names of this interpreter's extension modules: `.cpython-311-x86_64-linux-gnu.so`."""
    tagged = [suffix.split(".")[1] for suffix in EXTENSION_SUFFIXES if suffix.count(".") == 2]
    return next((tag for tag in tagged if tag != "abi3"), None)


def _compiler() -> Maybe[str]:
    # 3.11.7 (main, Dec  4 2023, 18:10:11) [GCC 12.2.0]
    found = re.search(r"\[([\w .+()-]{1,60})[^\[]*\]\s*$", sys.version)
    return found[1] if found else Unknown("sys.version names no compiler")


def _environment() -> str:
    # https://docs.conda.io: each of its environments, the base too, keeps its list of packages there.
    if Path(sys.prefix, "conda-meta").is_dir():
        return "conda"
    return "venv" if sys.prefix != sys.base_prefix else "system"


def _marker() -> Path:
    """The file by which a distribution forbids installing into its Python (PEP 668)."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if os.name == "nt":
        return Path(sys.base_prefix, "Lib", "EXTERNALLY-MANAGED")
    library = Path(sys.base_prefix, sys.platlibdir, name)
    return (library if library.is_dir() else Path(sys.base_prefix, "lib", name)) / "EXTERNALLY-MANAGED"
