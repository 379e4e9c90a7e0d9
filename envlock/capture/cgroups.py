"""
What the control groups of this process allow it, and how much memory the machine has.

https://docs.kernel.org/admin-guide/cgroup-v2.html: a limit holds for all groups below, so the smallest
on the way up to the root counts. A container often sees its own group as the root, under a path
that does not exist inside it; then the root's files are its own.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from envlock.capture import host
from envlock.facts import Maybe, Unknown

__all__ = ["cpu_quota", "memory", "memory_limit"]

_MEMINFO = Path("/proc/meminfo")
_OWN_GROUPS = Path("/proc/self/cgroup")
_GROUPS = Path("/sys/fs/cgroup")

# What version 1 shows for no limit: the largest number of whole pages, which depends on their size.
_NO_LIMIT = 1 << 62


def memory() -> Maybe[int]:
    """The machine's memory in bytes."""
    if host.system() != "Linux":
        return _pages()
    try:
        text = _MEMINFO.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return Unknown(f"/proc/meminfo cannot be read: {error.strerror}")
    found = re.search(r"^MemTotal:\s*(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else Unknown("/proc/meminfo names no MemTotal")


def memory_limit() -> Maybe[int | None]:
    """The memory in bytes that a container's limit leaves to this process, `None` without one."""
    limits: list[int] = []
    try:
        for folder in _groups("memory"):
            for name in ("memory.max", "memory.limit_in_bytes"):
                text = _content(folder / name)
                if text is not None and text != "max":
                    limits.append(int(text))
    except (OSError, ValueError) as error:
        return _unreadable(error)
    return min((limit for limit in limits if limit < _NO_LIMIT), default=None)


def cpu_quota() -> Maybe[float | None]:
    """How many processors' time a container's limit amounts to, `None` without one."""
    quotas: list[float] = []
    try:
        for folder in _groups("cpu"):
            for quota, period in _quotas(folder):
                if quota not in {"max", "-1"}:
                    quotas.append(int(quota) / int(period))
    except (OSError, ValueError, ZeroDivisionError) as error:
        return _unreadable(error)
    return min(quotas, default=None)


def _quotas(folder: Path) -> Iterator[tuple[str, str]]:
    """The quota and the period, in microseconds, that one group states: of version 2, then of 1."""
    text = _content(folder / "cpu.max")
    if text is not None:
        quota, period = text.split()
        yield quota, period
    quota_of_1 = _content(folder / "cpu.cfs_quota_us")
    if quota_of_1 is not None:
        yield quota_of_1, _content(folder / "cpu.cfs_period_us") or ""


def _groups(controller: str) -> Iterator[Path]:
    """The folders of the groups that limit this process, its own first, of both versions."""
    if host.system() != "Linux":
        return
    if not _GROUPS.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no control groups are mounted")
    # hierarchy-ID:controller-list:cgroup-path; version 2 has the hierarchy 0 and no controllers.
    for line in _OWN_GROUPS.read_text(encoding="utf-8", errors="replace").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from _upwards(_GROUPS, path)
        elif controller in controllers.split(","):
            joined = _GROUPS / controllers
            yield from _upwards(joined if joined.exists() else _GROUPS / controller, path)


def _upwards(mount: Path, path: str) -> Iterator[Path]:
    # A path with `..` is outside of what this process can see of the tree.
    parts = [part for part in path.split("/") if part]
    for length in range(0 if ".." in parts else len(parts), -1, -1):
        yield mount.joinpath(*parts[:length])


def _content(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except (FileNotFoundError, NotADirectoryError):  # the root has no limits, other groups not all of them
        return None


def _unreadable(error: Exception) -> Unknown:
    reason = error.strerror if isinstance(error, OSError) else "a file holds no number"
    return Unknown(f"the limits of the control groups cannot be read: {reason}")


def _pages() -> Maybe[int]:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return Unknown(f"the memory cannot be read on {host.system()}")
