"""
Bytes on disk: digests, and writes that happen whole or not at all.

A write goes into a stage folder beside its target, is flushed to the disk, and is then renamed
into place. A save that fails leaves the previous files as they were. One that is killed between two
renames can leave a new model beside an old lock, which every reader notices by the digests.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from envlock.errors import ArtifactError, StoreError
from envlock.facts import ArtifactFile

__all__ = ["Stage", "describe", "file_sizes", "sha256", "sha256_of", "staged"]

_CHUNK = 1 << 20


def sha256_of(data: bytes) -> str:
    """The sha256 of some bytes in hex."""
    import hashlib  # brings OpenSSL along, which a diff of a model without custom code does without

    return hashlib.sha256(data).hexdigest()


def sha256(path: Path) -> str:
    """The sha256 of a regular file in hex; memory stays at one mebibyte."""
    import hashlib  # brings OpenSSL along, which a diff by sizes does without

    digest = hashlib.sha256()
    buffer = bytearray(_CHUNK)
    view = memoryview(buffer)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            digest.update(view[:count])
    return digest.hexdigest()


def file_sizes(path: Path, *, without: tuple[str, ...] = ()) -> dict[str, int]:
    """
    Every file of a saved model with its size in bytes: POSIX path below `path`, sorted.

    For a single file that is its own name. `without` names top-level entries of a folder to leave
    out. Links, sockets and devices inside a folder are refused.
    """
    if path.is_file():
        return {path.name: path.stat().st_size}

    def refuse(error: OSError) -> None:
        raise ArtifactError(f"{Path(error.filename).name} cannot be read: {error.strerror}")

    found: dict[str, int] = {}
    for folder, folders, names in os.walk(path, onerror=refuse):
        if Path(folder) == path:
            folders[:] = [name for name in folders if name not in without]
        own = [name for name in names if Path(folder) != path or name not in without]
        for name in [*own, *(name for name in folders if Path(folder, name).is_symlink())]:
            file = Path(folder, name)
            status = file.lstat()
            where = file.relative_to(path).as_posix()
            if re.search("[\\\\\x00-\x1f\x7f\ud800-\udfff]", where):
                raise ArtifactError(f"{where!r} in {path.name} cannot stand in a lock; rename it")
            if not stat.S_ISREG(status.st_mode):
                raise ArtifactError(
                    f"{where} in {path.name} is no regular file; a model holds files and folders only"
                )
            found[where] = status.st_size
    return dict(sorted(found.items()))


def describe(path: Path, *, without: tuple[str, ...] = ()) -> tuple[ArtifactFile, ...]:
    """Path, size and sha256 of every file of a saved model; see `file_sizes`."""
    sizes = file_sizes(path, without=without)
    root = path.parent if path.is_file() else path
    return tuple(
        ArtifactFile(path=name, size=size, sha256=sha256(root / name)) for name, size in sizes.items()
    )


class Stage:
    """A folder beside the target in which a save is prepared; `commit` moves it into place."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def commit(self, *names: str) -> None:
        """
        Flush the staged entries and rename them into the target's folder, in this order.

        The last name is what makes the save count: the lock. An entry that exists is replaced; one
        that was not staged and exists is removed, since it belongs to the save before. When a rename
        fails, what was there before is put back.
        """
        target, begun = self.folder.parent, [""]
        try:
            for name in names:
                if (self.folder / name).exists():
                    _flush(self.folder / name)
            for name in names:
                begun.append(name)
                _replace(self.folder / name, target / name, retired=self._retired(name))
            _flush_folder(target)
        except BaseException as error:  # Ctrl-C too: what was there before is put back
            for name in reversed(begun[1:]):
                _put_back(self.folder / name, target / name, retired=self._retired(name))
            if isinstance(error, OSError):
                raise StoreError(
                    f"cannot write {begun[-1] or target.name}: {error.strerror or error}"
                ) from error
            raise

    def _retired(self, name: str) -> Path:
        return self.folder / f"{name}.retired"


@contextmanager
def staged(target: Path) -> Iterator[Stage]:
    """A stage for `target`, removed afterwards whether or not it was committed."""
    import shutil
    import tempfile

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".envlock-", suffix=".stage", dir=target.parent))
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(f"cannot write to {target.parent.name or target.parent}: {reason}") from error
    try:
        yield Stage(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _replace(source: Path, target: Path, *, retired: Path) -> None:
    """Put `source` in the place of `target`, which stays at hand under `retired`."""
    if target.is_file() and source.is_file() and not target.is_symlink():
        try:
            os.link(target, retired)  # a file is replaced in one step: one of the two is always there
        except OSError:  # not every file system has links
            target.rename(retired)
    elif target.exists() or target.is_symlink():
        target.rename(retired)  # a folder cannot be renamed onto one that holds files
    if source.exists():
        source.replace(target)


def _put_back(source: Path, target: Path, *, retired: Path) -> None:
    """Undo `_replace`, however far it came."""
    if not source.exists() and target.exists():
        target.rename(source)
    if retired.exists() or retired.is_symlink():
        retired.replace(target)


def _flush(path: Path) -> None:
    if path.is_file():
        _flush_file(path)
        return
    for folder, _, names in os.walk(path):
        for name in names:
            _flush_file(Path(folder, name))
        _flush_folder(Path(folder))


def _flush_file(path: Path) -> None:
    with path.open("r+b") as file:  # Windows flushes only what may be written
        os.fsync(file.fileno())


def _flush_folder(path: Path) -> None:
    if os.name == "nt":  # folders cannot be opened there
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
