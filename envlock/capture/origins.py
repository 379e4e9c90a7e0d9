"""Where a distribution came from when it was no index: PEP 610, and what came before it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from envlock.capture.metadata import folder_name
from envlock.facts import Maybe, Origin, Unknown

__all__ = ["is_local", "origin"]


def origin(info: Path) -> Maybe[Origin | None]:
    """The origin of the distribution with this folder of metadata, `None` for an index."""
    stated = _direct_url(info)
    if stated is None and _is_develop(info):
        return Origin(url=_clean(info.parent.absolute().as_uri()), is_editable=True)
    if stated is None or isinstance(stated, Unknown):
        return stated
    found = _stated(stated)
    return (
        Unknown(f"direct_url.json in {folder_name(info)} is not as PEP 610 says") if found is None else found
    )


def is_local(info: Path) -> bool:
    """Whether it was installed from a local folder."""
    stated = _direct_url(info)
    return _is_develop(info) if stated is None else isinstance(stated, dict) and "dir_info" in stated


def _is_develop(info: Path) -> bool:
    """
    Whether it is the source folder itself, linked to in the way before PEP 660.

    https://setuptools.pypa.io/en/latest/deprecated/commands.html: such an install leaves *.egg-info
    in the source folder, and in site-packages nothing but a link to it.
    """
    folder = info.parent
    if info.suffix != ".egg-info" or folder.name in {"site-packages", "dist-packages"}:
        return False
    roots = [folder, folder.parent] if folder.name == "src" else [folder]
    return any((root / name).exists() for root in roots for name in _PROJECT_FILES)


_PROJECT_FILES = ("setup.py", "pyproject.toml", "setup.cfg")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}|[0-9]{1,12}")  # of git and Mercurial; of Subversion


def _direct_url(info: Path) -> Maybe[dict[str, Any] | None]:
    import json  # a diff reads no origin

    where = f"direct_url.json in {folder_name(info)}"
    try:
        with (info / "direct_url.json").open("rb") as file:
            stated = json.loads(file.read(1 << 20))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return Unknown(f"{where} cannot be read: {error.strerror}")
    except (ValueError, RecursionError):
        return Unknown(f"{where} is not JSON")
    return stated if isinstance(stated, dict) else Unknown(f"{where} is no JSON object")


def _stated(stated: dict[str, Any]) -> Origin | None:
    """
    What direct_url.json says, `None` where it is not as PEP 610 wants it.

    > A url field MUST be present, and one of dir_info, archive_info, vcs_info, depending on what it is.
    """
    match stated:
        case {"url": str(url), "vcs_info": {"commit_id": str(commit)}} if _COMMIT.fullmatch(commit):
            return Origin(url=_clean(url), commit=commit.lower())
        case {"url": str(url), "archive_info": dict(archive)}:
            return Origin(url=_clean(url), archive=_sha256(archive))
        case {"url": str(url), "dir_info": dict(folder)}:
            return Origin(url=_clean(url), is_editable=folder.get("editable") is True)
        case _:
            return None


def _sha256(archive: dict[str, Any]) -> str | None:
    """The digest in either spelling; `hash` is the older one."""
    match archive:
        case {"hashes": {"sha256": str(digest)}} if _SHA256.fullmatch(digest):
            return digest.lower()
        case {"hash": str(stated)} if stated.startswith("sha256=") and _SHA256.fullmatch(stated[7:]):
            return stated[7:].lower()
        case _:
            return None


def _clean(url: str) -> str:
    from envlock.redact import clean_url  # only needed for the few that came from no index

    return clean_url(url)
