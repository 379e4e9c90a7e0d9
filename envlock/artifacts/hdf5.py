"""
The HDF5 file of Keras 2 and, as a legacy format, of Keras 3.

HDF5's C library can crash or hang on a crafted file, so a file that we did not just write is read
in a child process with limits. h5py comes with Keras; elsewhere it is the extra `[h5]`.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from envlock import process
from envlock.artifacts.reading import MAX_CONFIG, Reading, parse_object
from envlock.errors import ArtifactError, ToolError
from envlock.facts import Content, Maybe, Unknown

__all__ = ["child", "matches", "read", "read_trusted"]

# The folder that a program is started in comes first on its path: an h5py.py lying there is not ours.
_CHILD = "import sys; sys.path[:] = filter(None, sys.path); from envlock.artifacts.hdf5 import child; child()"

_ATTRIBUTES = ("keras_version", "model_config", "training_config")


def matches(path: Path) -> bool:
    """Whether `path` is an HDF5 file; looks at content, not at the name."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(8) == b"\x89HDF\r\n\x1a\n"


def read(path: Path) -> Reading:
    """Version, architecture and compile settings, read in a child process."""
    from importlib.util import find_spec

    if find_spec("h5py") is None:
        return _reading(path, Unknown("h5py is not installed; envlock-tf[h5] brings it"))
    try:
        found = json.loads(process.run([sys.executable, "-c", _CHILD, str(path.resolve())], seconds=20))
    except (ToolError, ValueError) as error:
        return _reading(path, Unknown(f"the file could not be read: {error}"))
    if not isinstance(found, dict):
        return _reading(path, Unknown("the file could not be read: no attributes came back"))
    return _reading(path, found)


def read_trusted(path: Path) -> Reading:
    """The same without a child process, for a file that this process has just written."""
    return _reading(path, _attributes(path))


def _reading(path: Path, found: Maybe[dict[str, Any]]) -> Reading:
    if isinstance(found, Unknown):
        content = Content(config=found, compile_config=found)
        return Reading(format="hdf5", keras_version=found, tensorflow_version=None, content=content)
    config, compiled = (found.get(name) for name in ("model_config", "training_config"))
    if not config:
        raise ArtifactError(f"{path.name} has no model_config; it holds weights, not a model")
    version = found.get("keras_version")
    return Reading(
        format="hdf5",
        keras_version=version if isinstance(version, str) else None,
        tensorflow_version=None,
        content=Content(
            config=parse_object(config, where=f"model_config in {path.name}"),
            compile_config=parse_object(compiled, where=f"training_config in {path.name}")
            if compiled
            else None,
        ),
    )


def _attributes(path: Path) -> dict[str, str]:
    import h5py

    found = {}
    with h5py.File(path, "r") as file:
        for name in _ATTRIBUTES:
            value = file.attrs.get(name)
            if isinstance(value, bytes):
                value = value.decode("utf-8", "replace")
            if isinstance(value, str) and len(value) <= MAX_CONFIG:
                found[name] = value
    return found


def _limit_this_process() -> None:
    try:
        import resource
    except ModuleNotFoundError:  # Windows has no such limits; the time limit of the parent stays
        return
    for kind, wanted in ((resource.RLIMIT_CPU, 15), (resource.RLIMIT_AS, 2 << 30)):
        # Some systems have lower limits already, and some do not let this one be set.
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (wanted, resource.getrlimit(kind)[1]))


def child() -> None:
    """The program that the child process runs: the attributes of its argument as JSON."""
    import h5py  # noqa: F401 - first, since its libraries take more room to load than a file should

    _limit_this_process()
    sys.stdout.write(json.dumps(_attributes(Path(sys.argv[1]))))
