from __future__ import annotations

import sys
from pathlib import Path

import pytest

from envlock.errors import ToolError
from envlock.process import run


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
