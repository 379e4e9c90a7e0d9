"""
What a user has said to trust: for one call, or by digest once and for all.

The digests approved lie in one file of the user's (`ENVLOCK_TRUST`, else `trusted` in the folder of
configuration), a line each: the digest, the day, what it was. A digest stands for every byte of a model and
of the source captured with it. A relative place is not listened to: what lies in the folder one works in may
have come with a model.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from envlock.errors import StoreError, UsageError
from envlock.facts import ArtifactFile
from envlock.store import sha256_of
from envlock.values import frozen

__all__ = ["CAPTURED", "CODE", "Trust", "approve", "digest_of", "file", "is_approved", "stated"]

CAPTURED = "captured"
CODE = "code"

_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_LINE = re.compile(rf"{_DIGEST.pattern}(?:\s|$)")
_MOST = 1 << 20


@frozen(kw_only=True)
class Trust:
    """What may be run of one model: its captured source, what else it holds of code."""

    captured: bool = False
    code: bool = False
    digests: frozenset[str] = frozenset()

    def covers(self, digest: str) -> Trust:
        """The same for the model of this digest, which may have been approved as a whole."""
        is_whole = digest in self.digests or is_approved(digest)
        return Trust(captured=True, code=True) if is_whole else self


def stated(trust: str | Sequence[str]) -> Trust:
    """What a caller says: `captured`, `code`, or digests of models as `envlock inspect` prints them."""
    if not isinstance(trust, (str, list, tuple, set, frozenset)) or not all(map(_is_text, trust)):
        raise UsageError(f'trust is {trust!r}, expected "captured", "code" or a digest')
    said = {trust} if isinstance(trust, str) else set(trust)
    found = {word: match[1] for word in said if (match := _DIGEST.fullmatch(word))}
    if said - {CAPTURED, CODE} - found.keys():
        raise UsageError(f'trust is {trust!r}, expected "captured", "code" or a digest')
    return Trust(captured=CAPTURED in said, code=CODE in said, digests=frozenset(found.values()))


def _is_text(word: object) -> bool:
    return isinstance(word, str)


def digest_of(*files: Iterable[ArtifactFile]) -> str:
    """One sha256 for the paths and contents of some groups of files, each in any order."""
    groups = (sorted(f"{file.path}\0{file.sha256}" for file in group) for group in files)
    digests = (sha256_of("\n".join(lines).encode("utf-8", "surrogatepass")) for lines in groups)
    return sha256_of("\n".join(digests).encode())


def file() -> Path:
    """Where the approved digests lie."""
    named = _absolute("ENVLOCK_TRUST")
    if named:
        return named
    home = _absolute("XDG_CONFIG_HOME") or (_absolute("APPDATA") if os.name == "nt" else None)
    return Path(home or Path.home() / ".config", "envlock", "trusted")


def _absolute(variable: str) -> Path | None:
    path = Path(os.environ.get(variable, ""))
    return path if path.is_absolute() else None


def is_approved(digest: str) -> bool:
    """Whether the user approved of this digest before."""
    return digest in _approved()


def approve(digest: str, name: str) -> None:
    """Remember that the model of this digest is trusted; `name` is for the reader of the list."""
    if digest in _approved():
        return
    target = file()
    line = f"{digest}  {time.strftime('%Y-%m-%d')}  {re.sub(r'[^ -~]', '?', name)}\n"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("ab+") as opened:
            size = opened.seek(0, os.SEEK_END)
            if size + len(line) >= _MOST:  # what stands behind is not read
                hint = "take out the lines that are no longer needed"
                raise StoreError(f"{target.name} holds as much as is read of it, {_MOST} bytes", hint=hint)
            opened.seek(max(0, size - 1))
            is_whole = opened.read(1) in {b"", b"\n"}
            opened.write(("" if is_whole else "\n").encode() + line.encode("ascii"))
    except OSError as error:
        raise StoreError(f"{target.name} cannot be written: {error.strerror}") from error


def _approved() -> set[str]:
    try:
        with file().open(encoding="ascii", errors="replace") as opened:
            return {match[1] for line in opened.read(_MOST).splitlines() if (match := _LINE.match(line))}
    except (OSError, RuntimeError):  # there is none, or no home to look in
        return set()
