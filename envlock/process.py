"""The one place that starts programs: arguments as a list, never a shell, always a time limit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from envlock.errors import ToolError

__all__ = ["run"]


def run(command: Sequence[str], *, seconds: float = 60.0) -> str:
    """The standard output of `command`; `ToolError` when it is missing, fails or takes too long."""
    import subprocess  # costs a diff more than the rest of this module

    name = PurePath(command[0]).name  # a whole path would name folders of this machine
    try:
        done = subprocess.run(  # noqa: S603 - a list of arguments, no shell
            list(command), capture_output=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        raise ToolError(f"{name} is not installed") from None
    except subprocess.TimeoutExpired:
        raise ToolError(f"{name} did not finish within {seconds:.0f} s") from None
    except OSError as error:
        raise ToolError(f"{name} cannot be started: {error.strerror}") from error
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ToolError(f"{name} ended with {done.returncode}: {lines[-1] if lines else 'no message'}")
    return done.stdout.decode("utf-8", "replace")
