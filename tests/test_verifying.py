"""What comes back from the process that loads a model: text of anybody's."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from envlock import cli, sandbox, verifying
from envlock.errors import EnvlockError, IntegrityError, ToolError
from envlock.report import Report
from envlock.views import machine

ROOT = Path(__file__).parent.parent
REPORT = Report(
    subject="house.keras",
    loader="keras.models.load_model",
    verdict="same",
    loaders={"keras.models.load_model": "same"},
    findings=(),
    changes=(),
    unknown={"canary": "none"},
    saved_with="x",
    target="y",
    inspection="clean",
)
PROOF = {"rows": 1, "difference": 0, "tolerance": 2.5, "bitwise": True}
TOLD = json.loads(machine.report(REPORT))


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Has the process end like this, and gives what `apart` makes of it."""

    def apart(output: str | bytes, status: int = 0, errors: bytes = b"") -> Report:
        written = output.encode() if isinstance(output, str) else output
        done = sandbox.Completed(status, written, errors, ("a gap",))
        monkeypatch.setattr(sandbox, "run", lambda *_, **__: done)
        seen: Any = SimpleNamespace(place=SimpleNamespace(model=Path("house.keras")))
        return verifying.apart(seen, ())

    return apart


def test_a_report_comes_back_with_what_was_not_confined(ended: Any) -> None:
    found = ended(json.dumps(TOLD))

    assert (found.verdict, found.unknown, found.gaps) == ("same", {"canary": "none"}, ("a gap",))


@pytest.mark.parametrize(
    "output",
    [
        "", "5", "[]", "{}", "null", '"x"', b"\xff", "[" * 100_000, '{"error": 5}', "NaN",
        '{"error": "x", "hint": "", "kind": "InvalidLock"}', '{"error": "x", "hint": "", "kind": "Any"}',
        '{"error": "x", "hint": "", "kind": ["UsageError"]}', '{"error": "x"}',
        *(json.dumps({**TOLD, key: value}) for key, value in (
            ("subject", 5), ("verdict", None), ("loaders", {"a": 1}), ("findings", [5]), ("more", 1),
            ("unknown", [{}]), ("changes", [{"path": "a", "locked": {}, "current": 1}]), ("proof", {}),
            ("inspection", "clean"), ("schema", []),
            ("proof", {"rows": 1, "difference": float("nan"), "tolerance": 1.0, "bitwise": True}),
        )),
        json.dumps({**TOLD, "proof": PROOF}).replace("2.5", "1e999"),
        json.dumps({**TOLD, "findings": [{"severity": "odd"}]}),
    ],
)  # fmt: skip
def test_anything_else_is_one_error_of_the_tool(ended: Any, output: str | bytes) -> None:
    with pytest.raises(ToolError) as caught:
        ended(output, errors=b"first\nlast\n")

    assert str(caught.value) == (
        "the process that loads the model ended with 0 and without a report\nfirst\nlast"
    )


@pytest.mark.parametrize("status", [1, -11, 137])
def test_a_report_of_a_process_that_did_not_end_well_is_none(ended: Any, status: int) -> None:
    with pytest.raises(ToolError, match=f"ended with {status} and without a report"):
        ended(json.dumps(TOLD), status)


@pytest.mark.parametrize("kind", [IntegrityError, EnvlockError])
def test_what_it_raised_is_raised(ended: Any, kind: type[EnvlockError]) -> None:
    with pytest.raises(kind) as caught:
        ended(json.dumps({"error": "damaged", "hint": "again", "kind": kind.__name__}))

    assert (type(caught.value), str(caught.value)) == (kind, "damaged; again")


def test_what_it_says_reaches_the_terminal_without_what_that_would_obey(
    ended: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    ended(
        json.dumps(TOLD),
        errors=b"plain\n\x1b]0;title\x07\nAWS_SECRET_ACCESS_KEY=" + b"wJalrXUtnFEMI/K7MDENG" * 2,
    )

    said = capsys.readouterr().err
    assert said.startswith("plain\n\\x1b]0;title\\x07\n")
    assert "wJalr" not in said


# Where the command has modules looked for


@pytest.mark.parametrize("first", ["", "."])
@pytest.mark.parametrize(
    ("named", "kept"), [("", False), ("elsewhere", False), (os.pathsep, False), (".", True), ("x:.", True)]
)
def test_the_folder_one_works_in_is_no_place_of_modules_unless_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str, named: str, *, kept: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    entry = first and str(Path.cwd())
    monkeypatch.setattr(sys, "path", [entry, str(ROOT), *sys.path])
    monkeypatch.setenv("PYTHONPATH", named.replace(":", os.pathsep))

    assert cli._without_here() == (sys.path if kept else sys.path[1:])


def test_the_folder_that_envlock_runs_from_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setattr(sys, "path", [str(Path.cwd()), str(tmp_path / "empty")])

    assert cli._without_here() == sys.path
