"""The `.keras` archive of Keras 3 and of Keras 2 from 2.12 on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from envlock.artifacts.reading import MAX_CONFIG, Reading, parse_object
from envlock.errors import ArtifactError
from envlock.facts import Content

if TYPE_CHECKING:
    import zipfile

__all__ = ["matches", "read"]


def matches(path: Path) -> bool:
    """Whether `path` is a zip archive; looks at content, not at the name."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def read(path: Path) -> Reading:
    """Version, architecture and compile settings by the archive's own account."""
    import lzma
    import zipfile  # a diff of a locked model opens no archive, and does without
    import zlib

    # What the standard library raises for an archive that is cut, garbled, encrypted or crafted.
    damage = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, ValueError, RuntimeError, OSError, EOFError)
    try:
        with zipfile.ZipFile(path) as archive:
            metadata = parse_object(_member(archive, "metadata.json"), where=f"metadata.json in {path.name}")
            config = parse_object(_member(archive, "config.json"), where=f"config.json in {path.name}")
    except damage as error:
        raise ArtifactError(f"{path.name} is a damaged zip archive: {error}") from None
    except KeyError as error:
        name = error.args[0]
        raise ArtifactError(f"{path.name} is a zip archive without {name}; Keras did not write it") from None
    match metadata:
        case {"keras_version": str(version)}:
            pass
        case _:
            raise ArtifactError(f"metadata.json in {path.name} names no keras_version")
    compiled = config.get("compile_config")
    return Reading(
        format="keras",
        keras_version=version,
        tensorflow_version=None,
        content=Content(config=config, compile_config=compiled if isinstance(compiled, dict) else None),
    )


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        with archive.open(name) as member:
            return member.read(MAX_CONFIG + 1)
    except KeyError:
        raise KeyError(name) from None
