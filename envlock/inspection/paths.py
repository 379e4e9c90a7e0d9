"""Texts that lead out of the model, and names that do."""

from __future__ import annotations

import re

__all__ = ["is_bad_name", "is_path", "names_files", "reads_any"]

# A root, a drive, a home, another machine; and the folder above, as a part between separators.
_PATH = re.compile(r"(?:~?[/\\].|[A-Za-z]:[/\\]|[A-Za-z][A-Za-z0-9+.-]{0,20}://)", re.DOTALL)
_ABOVE = re.compile(r"(?:^|[/\\])\.\.(?:[/\\]|$)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")
_DRIVE = re.compile(r"[A-Za-z]:")

# Keys whose value, when it is a text at all, is opened.
_READ = frozenset(
    ["vocabulary", "vocabulary_file", "vocab_file", "vocabulary_path", "vocab_path", "ckpt_to_load_from",
     "filepath", "file_path", "filename"]
)  # fmt: skip
_FILES = (
    "path", "file", "dir", "url", "uri", "vocab", "weights", "checkpoint", "ckpt", "origin", "asset",
    "handle", "preset", "folder", "location", "source", "merges", "proto",
)  # fmt: skip


def is_path(text: str) -> bool:
    """Whether a text is an absolute path, an address, or leads to a folder above."""
    return _PATH.match(text) is not None or _ABOVE.search(text) is not None


def is_bad_name(name: str) -> bool:
    """Whether a name, used as a folder, leads elsewhere or to none."""
    return (
        name in {"", "."}
        or name.startswith(("/", "~/"))
        or _CONTROL.search(name) is not None
        or _DRIVE.match(name) is not None
        or _ABOVE.search(name) is not None
    )


def reads_any(key: str) -> bool:
    """Whether a text under this key is the name of a file, whatever it looks like."""
    return key in _READ


def names_files(key: str) -> bool:
    """Whether a text under this key may name a file."""
    lower = key.lower()
    return any(word in lower for word in _FILES)
