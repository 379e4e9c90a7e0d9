from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from envlock.errors import ToolError
from envlock.process import Ended, run, run_alone


def test_the_standard_output_is_returned() -> None:
    assert run([sys.executable, "-c", "print('out'); import sys; print('err', file=sys.stderr)"]) == "out\n"


def test_an_argument_is_never_read_by_a_shell() -> None:
    argument = "$HOME; echo `id` > '/dev/null' *"

    printed = run([sys.executable, "-c", "import sys; print(sys.argv[1], end='')", argument])

    assert printed == argument


def test_a_program_has_nothing_to_read_from_its_standard_input() -> None:
    assert run([sys.executable, "-c", "import sys; print(repr(sys.stdin.read()))"]) == "''\n"


def test_output_that_is_no_utf_8_is_replaced() -> None:
    assert run([sys.executable, "-c", "import sys; sys.stdout.buffer.write(b'a\\xffb')"]) == "a\ufffdb"


def test_a_missing_program_is_named() -> None:
    with pytest.raises(ToolError) as caught:
        run(["no-such-program-of-envlock", "--version"])

    assert str(caught.value) == "no-such-program-of-envlock is not installed"


def test_a_program_that_fails_is_quoted_with_its_last_line() -> None:
    with pytest.raises(ToolError) as caught:
        run([sys.executable, "-c", "import sys; print('first', file=sys.stderr); sys.exit('last')"])

    assert str(caught.value) == f"{Path(sys.executable).name} ended with 1: last"


def test_a_program_that_fails_without_a_word_is_said_to() -> None:
    with pytest.raises(ToolError) as caught:
        run([sys.executable, "-c", "import sys; sys.exit(3)"])

    assert str(caught.value) == f"{Path(sys.executable).name} ended with 3: no message"


def test_a_program_that_takes_too_long_is_ended() -> None:
    with pytest.raises(ToolError) as caught:
        run([sys.executable, "-c", "import time; time.sleep(60)"], seconds=0.6)

    assert str(caught.value) == f"{Path(sys.executable).name} did not finish within 1 s"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no execute permission")
def test_a_file_that_is_no_program_cannot_be_started(tmp_path: Path) -> None:
    file = tmp_path / "notes"
    file.write_text("not a program", encoding="utf-8")
    file.chmod(0o644)

    with pytest.raises(ToolError) as caught:
        run([str(file)])

    assert str(caught.value) == f"{file.name} cannot be started: Permission denied"


def alone(folder: Path, code: str, **options: Any) -> Ended:
    given = {"env_vars": os.environ, **options}
    return run_alone([sys.executable, "-c", f"import os, sys, time\n{code}"], folder=folder, **given)


def test_a_program_alone_is_given_its_folder_variables_and_input(tmp_path: Path) -> None:
    code = "print(sys.stdin.read(), os.environ['TOLD'], os.getcwd(), end='')"

    done = alone(tmp_path, code, given=b"input", env_vars={**os.environ, "TOLD": "so"})

    assert done == Ended(0, f"input so {tmp_path.resolve()}".encode(), b"")


def test_how_a_program_alone_ended_is_told(tmp_path: Path) -> None:
    assert alone(tmp_path, "sys.exit('last')") == Ended(1, b"", f"last{os.linesep}".encode())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends no program with a signal")
def test_the_signal_that_ended_a_program_alone_is_told(tmp_path: Path) -> None:
    assert alone(tmp_path, "os.kill(os.getpid(), 9)") == Ended(-signal.SIGKILL, b"", b"")


def test_a_program_alone_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ToolError) as caught:
        run_alone(["no-such-program-of-envlock"], folder=tmp_path, env_vars={})

    assert str(caught.value).startswith("no-such-program-of-envlock cannot be started: ")


def test_a_program_alone_may_write_no_more_than_its_budget_and_the_end_of_its_errors_is_kept(
    tmp_path: Path,
) -> None:
    with pytest.raises(ToolError, match="wrote more than 99 bytes"):
        alone(tmp_path, "print('x' * 100)", most=99)

    assert alone(tmp_path, "sys.stderr.write('x' * 100 + 'end')", most=4).errors == b"xend"


@pytest.mark.parametrize("watched", [True, False], ids=["watched", "waited for"])
def test_a_program_alone_that_takes_too_long_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, watched: bool
) -> None:
    if not watched:
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    start = time.monotonic()

    with pytest.raises(ToolError) as caught:
        alone(tmp_path, "time.sleep(60)", seconds=0.6)

    assert str(caught.value) == f"{Path(sys.executable).name} did not finish within 1 s"
    assert time.monotonic() - start < 20


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no sessions of processes")
@pytest.mark.parametrize("watched", [True, False], ids=["watched", "waited for"])
def test_what_a_program_alone_has_started_does_not_keep_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, watched: bool
) -> None:
    if not watched:
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    start = time.monotonic()

    other = "[sys.executable, '-c', 'import time; time.sleep(60)']"
    code = f"import subprocess\nprint(subprocess.Popen({other}).pid)"
    done = alone(tmp_path, code, seconds=30)

    assert (done.status, time.monotonic() - start < 20) == (0, True)
    left = subprocess.run(["ps", "-o", "stat=", "-p", done.output], capture_output=True, check=False)
    assert left.stdout.strip()[:1] in {b"", b"Z"}
