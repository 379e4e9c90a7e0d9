"""The commit of the code that trains."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from envlock.errors import ToolError
from envlock.facts import Git, Maybe, Unknown
from envlock.process import run

__all__ = ["commit"]

# The repository's own settings may name a program for git to start; this one would run on every status.
_SAFE = ("--no-optional-locks", "-c", "core.fsmonitor=false")


def commit(_: object = None) -> Maybe[Git | None]:
    """
    The commit that is checked out where the running program lies, `None` outside of any repository.

    Never the branch, the remote or what was changed: they name people and hold credentials. Files that
    are not tracked do not count as changes: a saved model would be one.
    """
    folder = _program_folder()
    if not any((above / ".git").exists() for above in (folder, *folder.parents)):
        return None
    status = ("status", "--porcelain=v2", "--branch", "--untracked-files=no")
    try:
        lines = run(["git", *_SAFE, "-C", str(folder), *status], seconds=5).splitlines()
    except ToolError as error:
        missing = "not installed" in error.message
        # What git itself says names folders.
        return Unknown("git is not installed" if missing else "git could not read the repository")
    commits = [line.removeprefix("# branch.oid ") for line in lines if line.startswith("# branch.oid ")]
    if not commits or not re.fullmatch(r"[0-9a-f]{40,64}", commits[0]):
        return None  # a repository without a commit
    return Git(commit=commits[0], is_dirty=any(not line.startswith("#") for line in lines))


def _program_folder() -> Path:
    """The folder of the program that runs; of a notebook or an installed command, the current one."""
    name = getattr(sys.modules.get("__main__"), "__file__", None)
    if name is None:
        return Path.cwd()
    folder = Path(name).resolve().parent
    installed = folder.is_relative_to(sys.prefix) or folder.is_relative_to(sys.base_prefix)
    return Path.cwd() if installed or not folder.is_dir() else folder
