"""The one place that starts programs: arguments as a list, never a shell, always a time limit."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import IO, TYPE_CHECKING, Any

from envlock.errors import ToolError
from envlock.values import frozen

if TYPE_CHECKING:
    from subprocess import Popen

__all__ = ["Ended", "run", "run_alone"]


@frozen
class Ended:
    """How a program ended: its status, negative when a signal ended it, and what it wrote."""

    status: int
    output: bytes
    errors: bytes


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


def run_alone(
    command: Sequence[str],
    *,
    folder: Path,
    env_vars: Mapping[str, str],
    given: bytes = b"",
    seconds: float = 60.0,
    most: int = 64 << 20,
) -> Ended:
    """
    Run `command` in a session of its own, in `folder`, with these variables, and tell how it ended.

    It reads `given`, inherits no other file, and is ended with all that it started when this returns
    or raises. Of its errors the last `most` bytes are kept. `ToolError` when it cannot be started,
    takes too long or writes more than `most` bytes of output.
    """
    import tempfile

    with tempfile.TemporaryFile(dir=folder) as source:
        source.write(given)
        source.seek(0)
        name = PurePath(command[0]).name
        try:
            program = _started(command, source=source, folder=folder, env_vars=env_vars)
        except OSError as error:
            raise ToolError(f"{name} cannot be started: {error.strerror}") from error
    return _watched(program, name=name, seconds=seconds, most=most)


def _started(
    command: Sequence[str], *, source: IO[bytes], folder: Path, env_vars: Mapping[str, str]
) -> Popen[bytes]:
    import subprocess

    pipe = subprocess.PIPE
    return subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
        list(command),
        stdin=source,
        stdout=pipe,
        stderr=pipe,
        cwd=folder,
        env=dict(env_vars),
        start_new_session=True,
    )


def _watched(program: Popen[bytes], *, name: str, seconds: float, most: int) -> Ended:
    from threading import Thread

    output, errors = bytearray(), bytearray()
    readers = [
        Thread(target=_keep_first, args=(program.stdout, output, most + 1), daemon=True),
        Thread(target=_keep_last, args=(program.stderr, errors, most), daemon=True),
    ]
    try:
        for reader in readers:
            reader.start()
        in_time = _ends_within(program, seconds)
    finally:
        _end(program)
    for reader, stream in zip(readers, (program.stdout, program.stderr), strict=True):
        reader.join(timeout=5)  # what left the session may hold the pipes open for ever
        if stream and not reader.is_alive():
            stream.close()
    if not in_time:
        raise ToolError(f"{name} did not finish within {seconds:.0f} s")
    if len(output) > most:
        raise ToolError(f"{name} wrote more than {most} bytes")
    return Ended(program.returncode, bytes(output), bytes(errors))


def _keep_first(stream: Any, held: bytearray, most: int) -> None:
    while chunk := stream.read1(1 << 16):
        held += chunk[: most - len(held)]


def _keep_last(stream: Any, held: bytearray, most: int) -> None:
    while chunk := stream.read1(1 << 16):
        held += chunk
        del held[: max(0, len(held) - most)]


def _ends_within(program: Popen[bytes], seconds: float) -> bool:
    """
    Whether it ends in time.

    Where the kernel can say so it is not yet waited for: its number stays its own, and the
    processes that it started can be ended by it.
    """
    import select
    import subprocess

    try:
        watch = os.pidfd_open(program.pid)
    except (AttributeError, OSError):
        try:
            program.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return False
        return True
    try:
        waiting = select.poll()
        waiting.register(watch, select.POLLIN)
        return bool(waiting.poll(seconds * 1000))
    finally:
        os.close(watch)


def _end(program: Popen[bytes]) -> None:
    """End it and all of its session."""
    if sys.platform != "win32":
        from contextlib import suppress
        from signal import SIGKILL

        with suppress(ProcessLookupError, PermissionError):
            os.killpg(program.pid, SIGKILL)
    program.kill()
    program.wait()
