from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from judged import make_fingerprint, make_lock, make_packages, write_archive, write_locked

from envlock import __version__, api, capture, lockfile
from envlock.cli import main
from envlock.facts import Fingerprint, Unknown
from envlock.knowledge import RULES, explain
from envlock.views import facts, machine, text

KERAS_2 = "tensorflow-cpu==2.15.1,keras==2.15.0"
HINT = "a .keras archive, an HDF5 file or a SavedModel folder"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every command runs in a folder of its own, and nowhere in colour unless it says so."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return tmp_path


def lock_of(fingerprint: Fingerprint, name: str) -> str:
    """A lock of another environment to compare with."""
    path = Path(f"{name}.keras.envlock.toml")
    path.write_text(lockfile.dumps(make_lock(fingerprint=fingerprint)), encoding="utf-8")
    return str(path)


def noted() -> list[str]:
    """A diff whose worst finding is a note."""
    write_locked(Path("house.keras"))
    other = make_fingerprint(packages=make_packages(flask="9"))
    return ["diff", "house.keras", "--against", lock_of(other, "noted")]


def warned() -> list[str]:
    """A diff whose worst finding is a warning."""
    write_locked(Path("house.keras"))
    other = make_fingerprint(variables={"TF_ENABLE_ONEDNN_OPTS": "0"})
    return ["diff", "house.keras", "--against", lock_of(other, "warned")]


def broken() -> list[str]:
    """A diff whose worst finding is an error."""
    write_locked(Path("house.keras"))
    return ["diff", "house.keras", "--against", KERAS_2]


def same() -> list[str]:
    write_locked(Path("house.keras"))
    return ["diff", "house.keras", "--against", "house.keras"]


@pytest.mark.parametrize(
    ("fail_on", "codes"),
    [
        ("error", [0, 0, 0, 1]),
        ("warning", [0, 0, 1, 1]),
        ("note", [0, 1, 1, 1]),
        ("never", [0, 0, 0, 0]),
    ],
)
def test_the_exit_code_says_whether_something_is_as_bad_as_asked(fail_on: str, codes: list[int]) -> None:
    lines = [same(), noted(), warned(), broken()]

    assert [main([*words, "--fail-on", fail_on]) for words in lines] == codes


def test_by_default_only_an_error_fails() -> None:
    assert [main(words) for words in (warned(), broken())] == [0, 1]


def test_a_diff_prints_its_report_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    main(same())

    assert capsys.readouterr() == (
        "house.keras: same in house.keras.envlock.toml (saved with TensorFlow 2.17.0, Keras 3.5.0)\n",
        "",
    )


def test_a_diff_says_what_breaks_why_and_what_mends_it(capsys: pytest.CaptureFixture[str]) -> None:
    main(broken())

    out, err = capsys.readouterr()
    assert out.splitlines()[:3] == [
        f"house.keras: breaks in {KERAS_2} (saved with TensorFlow 2.17.0, Keras 3.5.0)",
        "  error EL108: InputLayer 'features' carries `batch_shape`, which Keras 2.15.0 does not accept",
        "    says: ValueError: Unrecognized keyword arguments: {'batch_shape': [None, 4]}",
    ]
    assert out.splitlines()[3] == f"    fix: {explain('EL108').remedy}"
    assert out.splitlines()[-1] == "next: envlock explain EL108"
    assert err == ""


def test_a_diff_as_data_is_the_same_report(capsys: pytest.CaptureFixture[str]) -> None:
    main([*broken(), "--format", "json"])

    assert machine.parse_report(capsys.readouterr().out) == api.diff("house.keras", KERAS_2)


def test_a_model_without_a_lock_can_be_compared(capsys: pytest.CaptureFixture[str]) -> None:
    write_archive(Path("house.keras"))

    code = main(["diff", "house.keras", "--against", KERAS_2])

    assert (code, capsys.readouterr().out.splitlines()[1]) == (
        1,
        "  error EL108: InputLayer 'features' carries `batch_shape`, which Keras 2.15.0 does not accept",
    )


def test_a_diff_names_environments_that_load_the_model_where_it_is_asked_to(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main([*broken(), "--suggest"])

    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  loads in: ")]
    assert told
    assert api.diff("house.keras", told[0].removeprefix("  loads in: ")).verdict == "compatible"


def test_a_diff_without_being_asked_names_no_other_environment(capsys: pytest.CaptureFixture[str]) -> None:
    main(broken())

    assert "loads in" not in capsys.readouterr().out


def test_another_size_is_seen_without_asking() -> None:
    words = same()
    Path("house.keras").write_bytes(Path("house.keras").read_bytes() + b"\n")

    assert main(words) == 1


def test_another_content_is_seen_when_asked() -> None:
    words = same()
    content = bytearray(Path("house.keras").read_bytes())
    content[content.index(b"PK", content.index(b"\x89HDF")) - 1] ^= 1  # the last number of the weights
    Path("house.keras").write_bytes(content)

    assert [main(words), main([*words, "--content"])] == [0, 1]


def test_a_quiet_diff_only_sets_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    code = main([*broken(), "-q"])

    assert (code, *capsys.readouterr()) == (1, "", "")


def test_a_quiet_diff_still_writes_the_file_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    main([*same(), "-q", "-o", "report.txt"])

    assert capsys.readouterr() == ("", "")
    assert Path("report.txt").read_text("utf-8").startswith("house.keras: same in ")


def test_a_report_is_written_to_a_file_instead(capsys: pytest.CaptureFixture[str]) -> None:
    main([*same(), "-o", "report.txt", "--color", "always"])

    assert capsys.readouterr().out == ""
    assert Path("report.txt").read_bytes() == (
        b"house.keras: same in house.keras.envlock.toml (saved with TensorFlow 2.17.0, Keras 3.5.0)\n"
    )


def test_colour_comes_when_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    main([*same(), "--color", "always"])

    assert capsys.readouterr().out.startswith("house.keras: \x1b[32msame\x1b[0m in")


@pytest.mark.parametrize(
    ("variable", "value", "coloured"),
    [("NO_COLOR", "", True), ("NO_COLOR", "1", False), ("TERM", "dumb", False)],
)
def test_a_terminal_is_coloured_unless_the_user_minds(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    coloured: bool,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(variable, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    main(same())

    assert ("\x1b[" in capsys.readouterr().out) is coloured


def test_a_verbose_diff_tells_why_something_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    main([*broken(), "-v"])

    assert "  unknown cpu: a list of packages does not say" in capsys.readouterr().out.splitlines()


def test_a_lock_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    path = write_locked(Path("house.keras"))

    code = main(["show", "house.keras"])

    assert (code, capsys.readouterr().out) == (0, facts.lock(*api.described(path)) + "\n")


def test_a_lock_is_shown_as_data(capsys: pytest.CaptureFixture[str]) -> None:
    path = write_locked(Path("house.keras"))

    main(["show", "house.keras", "--format", "json"])

    assert capsys.readouterr().out == machine.lock(*api.described(path)) + "\n"


@pytest.mark.parametrize(
    ("words", "view"), [(["show"], facts.fingerprint), (["show", "--format", "json"], machine.fingerprint)]
)
def test_without_a_model_this_environment_is_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str], view: object
) -> None:
    monkeypatch.setattr(capture, "capture", make_fingerprint)

    main(words)

    assert callable(view)
    assert capsys.readouterr().out == view(make_fingerprint()) + "\n"


def test_a_dockerfile_is_printed_as_it_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    path = write_locked(Path("house.keras"))

    code = main(["dockerfile", "house.keras"])

    assert (code, capsys.readouterr().out) == (0, api.dockerfile(path))


def test_a_dockerfile_follows_the_base_that_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    write_locked(Path("house.keras"))

    main(["dockerfile", "house.keras", "--base", "python:3.12-slim"])

    assert capsys.readouterr().out.splitlines()[1] == "FROM python:3.12-slim"


def test_a_build_context_holds_the_dockerfile_that_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    write_locked(Path("house.keras"))

    main(["dockerfile", "house.keras", "--context", "context.tar"])

    with tarfile.open("context.tar") as archive:
        member = archive.extractfile("Dockerfile")
        assert member
        assert member.read().decode() == capsys.readouterr().out


def test_all_findings_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["explain"])

    lines = capsys.readouterr().out.splitlines()
    assert (code, len(lines)) == (0, len(RULES))
    assert lines[0] == "EL001  error    A file of the model is not the one that was locked."


def test_a_finding_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["explain", "el001"])

    assert (code, capsys.readouterr().out) == (0, text.explanation(RULES[0]) + "\n")


@pytest.mark.parametrize("words", [["--version"], ["--version", "diff"]])
def test_the_version_is_printed(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    code = main(words)

    assert (code, capsys.readouterr().out) == (0, f"envlock {__version__}\n")


@pytest.mark.parametrize("words", [["--help"], ["diff", "--help"]])
def test_help_is_no_failure(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    code = main(words)

    assert (code, capsys.readouterr().err) == (0, "")


@pytest.mark.parametrize("words", [["no-such"], ["diff"], ["diff", "a", "--format", "xml"], ["build", "a"]])
def test_wrong_usage_is_2(words: list[str]) -> None:
    assert main(words) == 2


def complaint(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = main(words)
    return (code, *capsys.readouterr())


@pytest.mark.parametrize("command", ["show", "diff", "verify", "dockerfile"])
def test_a_path_that_does_not_exist_is_named(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert complaint([command, "house.keras"], capsys) == (2, "", "envlock: house.keras does not exist\n")


@pytest.mark.parametrize("command", ["diff", "verify", "dockerfile"])
def test_a_folder_that_is_no_model_is_named(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty").mkdir()

    assert complaint([command, "empty"], capsys) == (
        2,
        "",
        f"envlock: empty is no saved model; expected {HINT}\n",
    )


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x05\x06"])
def test_a_file_that_is_no_model_is_named(content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    Path("house.keras").write_bytes(content)

    assert complaint(["diff", "house.keras"], capsys) == (
        2,
        "",
        f"envlock: house.keras is no saved model; expected {HINT}\n",
    )


@pytest.mark.parametrize("command", ["verify", "dockerfile"])
def test_a_model_without_a_lock_is_named(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_archive(Path("house.keras"))

    assert complaint([command, "house.keras"], capsys) == (
        2,
        "",
        (
            "envlock: house.keras has no lock beside it\n"
            "  hint: save it with envlock.save_model, or write one here with envlock lock --from-here\n"
        ),
    )


@pytest.mark.parametrize("command", ["show", "diff", "verify", "dockerfile"])
def test_a_lock_that_is_not_toml_is_named(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_locked(Path("house.keras"))
    Path("house.keras.envlock.toml").write_text("[tool\n", encoding="utf-8")

    complained = (
        "envlock: house.keras.envlock.toml: not a TOML document: "
        "Expected ']' at the end of a table declaration (at line 1, column 6)\n"
    )
    assert complaint([command, "house.keras"], capsys) == (2, "", complained)


@pytest.mark.parametrize("command", ["show", "diff", "verify", "dockerfile"])
def test_a_lock_of_a_newer_schema_is_named(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_locked(Path("house.keras"))
    lock = Path("house.keras.envlock.toml")
    lock.write_text(lock.read_text("utf-8").replace("schema = 1", "schema = 2"), encoding="utf-8")

    complained = (
        "envlock: house.keras.envlock.toml has schema 2, this envlock reads up to 1\n"
        "  hint: upgrade envlock-tf\n"
    )
    assert complaint([command, "house.keras"], capsys) == (2, "", complained)


@pytest.mark.parametrize(
    "words",
    [
        ["show", "house.keras", "-o", "no/such"],
        ["diff", "house.keras", "--against", "house.keras", "-o", "no/such"],
        ["dockerfile", "house.keras", "-o", "no/such"],
        ["dockerfile", "house.keras", "--context", "no/such"],
    ],
)
def test_an_output_that_cannot_be_written_is_named(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    write_locked(Path("house.keras"))

    assert complaint(words, capsys) == (2, "", "envlock: no/such: No such file or directory\n")


def test_a_folder_is_no_output(capsys: pytest.CaptureFixture[str]) -> None:
    Path("here").mkdir()

    assert complaint([*same(), "-o", "here"], capsys) == (2, "", "envlock: here: Is a directory\n")


def test_a_target_that_does_not_exist_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    write_locked(Path("house.keras"))

    complained = (
        "envlock: needs.txt does not exist\n"
        "  hint: give a lock, a model, a requirements file, the .json of another machine, "
        "or a list such as python==3.11,tensorflow-cpu==2.15.1\n"
    )
    assert complaint(["diff", "house.keras", "--against", "needs.txt"], capsys) == (2, "", complained)


def test_a_finding_that_there_is_not_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert complaint(["explain", "EL999"], capsys) == (
        2,
        "",
        "envlock: there is no finding 'EL999'\n  hint: envlock explain without a code lists them all\n",
    )


def test_a_model_that_is_not_the_locked_one_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    path = write_locked(Path("house.keras"))
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")

    complained = (
        "envlock: house.keras is not the model that was locked: "
        "house.keras has another sha256 than was locked\n"
        "  hint: restore the files that were locked, or save the model again\n"
    )
    assert complaint(["verify", "house.keras"], capsys) == (1, "", complained)


def test_a_build_without_the_sdk_of_docker_says_how_to_get_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_locked(Path("house.keras"))
    monkeypatch.setitem(sys.modules, "docker", None)

    assert complaint(["build", "house.keras", "-t", "house"], capsys) == (
        2,
        "",
        "envlock: the Docker SDK is not installed\n  hint: pip install 'envlock-tf[docker]'\n",
    )


def test_a_dockerfile_without_packages_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    write_locked(Path("house.keras"), fingerprint=make_fingerprint(packages=Unknown("could not look")))

    assert complaint(["dockerfile", "house.keras"], capsys) == (
        2,
        "",
        "envlock: the lock lists no packages\n  hint: save the model again through envlock\n",
    )


def test_a_failure_is_data_for_a_program_that_asked_for_data(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = complaint(["diff", "house.keras", "--format", "json"], capsys)

    assert (code, json.loads(out), err) == (
        2,
        {"schema": 1, "error": "house.keras does not exist", "hint": ""},
        "envlock: house.keras does not exist\n",
    )


def test_control_characters_in_a_complaint_are_shown_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    assert complaint(["diff", "\x1b[2Jhouse\u202e"], capsys) == (
        2,
        "",
        "envlock: \\x1b[2Jhouse\\u202e does not exist\n",
    )


def test_an_interrupt_is_130(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "diff", interrupted)

    assert complaint(["diff", "house.keras"], capsys) == (130, "", "envlock: interrupted\n")


def test_a_reader_that_has_seen_enough_is_no_failure() -> None:
    reading, writing = os.pipe()
    os.close(reading)

    done = subprocess.run(
        [sys.executable, "-m", "envlock", "explain"], stdout=writing, stderr=subprocess.PIPE, check=False
    )

    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "envlock", "diff", "house.keras"], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (2, "", "envlock: house.keras does not exist\n")


def test_what_cannot_be_read_is_refused_and_not_passed_over(capsys: pytest.CaptureFixture[str]) -> None:
    Path("cut.keras").write_bytes(b"PK\x03\x04 and no more")

    code = main(["inspect", "cut.keras", "--format", "json"])

    assert (code, json.loads(capsys.readouterr().out)["inspection"]["class"]) == (1, "refuse")
    assert main(["inspect", "cut.keras", "--trust"]) == 2
    assert main(["inspect", "nowhere.keras"]) == 2
