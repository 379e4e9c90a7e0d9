from __future__ import annotations

import functools
from collections.abc import Mapping
from itertools import chain
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envlock.arguments import Command, NeedsTyper, parse, typer_app
from envlock.cli import COMMANDS

Call = tuple[str, dict[str, Any]]

PLAIN = [
    "show",
    "show house.keras",
    "show --format json",
    "show --format json house.keras",
    "show house.keras -o lock.txt",
    "show -o lock.txt --format text house.keras",
    "diff house.keras",
    "diff --against python==3.11,tensorflow-cpu==2.15.1,KERAS_BACKEND=jax house.keras",
    "diff house.keras --against=requirements.txt",
    "diff house.keras --against=-odd-",
    "diff --content -q -v house.keras",
    "diff -qv house.keras --color never",
    "diff house.keras --quiet --verbose --fail-on never",
    "diff house.keras --format json --format text",
    "diff house.keras -q -q",
    "diff house.keras -oout.json --format=json",
    "diff house.keras --output=",
    "diff -- -house.keras",
    "diff -q -- house.keras",
    "diff ../a/./b//house.keras",
    "verify house.keras --format json --fail-on note -o out.json",
    "dockerfile house.keras --base python:3.12-slim --context context.tar",
    "build house.keras -t shop/house:1",
    "build -tshop house.keras --network none",
    "build house.keras --tag shop --base=python:3.12-slim -vq",
    "explain",
    "explain EL101",
]
WRONG = [
    "diff",
    "diff a.keras b.keras",
    "diff house.keras --format xml",
    "diff house.keras --color",
    "diff house.keras --against",
    "diff house.keras --no-such",
    "diff house.keras --verb",
    "diff house.keras --quiet=yes",
    "diff house.keras -x",
    "build house.keras",
    "explain EL101 EL102",
    "show a.keras b.keras",
    "no-such",
    "no-such --help",
    "--no-such",
]


def recording(calls: list[Call]) -> Mapping[str, Command]:
    """The commands with their own signatures, which only write down that they were called."""

    def recorder(command: Command) -> Command:
        @functools.wraps(command)
        def record(**arguments: Any) -> int:
            calls.append((command.__name__, arguments))
            return 7

        return record

    return {name: recorder(command) for name, command in COMMANDS.items()}


def root() -> None:
    """Nothing stands before a command here."""


def through_typer(words: list[str]) -> tuple[int, list[Call]]:
    """The exit code, and what was called."""
    calls: list[Call] = []
    app = typer_app(recording(calls), help="Commands.", root=root)
    with pytest.raises(SystemExit) as done:
        app(words, prog_name="envlock", standalone_mode=True)
    return int(done.value.code or 0), calls


def through_parse(words: list[str]) -> Call:
    command, arguments = parse(COMMANDS, words)
    return command.__name__, arguments


@pytest.mark.parametrize("line", PLAIN)
def test_both_ways_call_the_same_function_with_the_same_values(line: str) -> None:
    words = line.split()

    code, calls = through_typer(words)

    assert code == 7
    assert calls == [through_parse(words)]


OPTIONS = st.sampled_from([
    ["--against", "tensorflow==2.15.1,numpy"],
    ["--against=requirements.txt"],
    ["--content"],
    ["--format", "json"],
    ["--format=text"],
    ["--fail-on", "never"],
    ["--color=always"],
    ["-q"],
    ["-v"],
    ["-vq"],
    ["-o", "out file.txt"],
    ["--output=out.txt"],
])  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    before=st.lists(OPTIONS, max_size=4),
    after=st.lists(OPTIONS, max_size=4),
    model=st.sampled_from(["m", "a b.keras", "ä"]),
)
def test_both_ways_agree_on_options_in_any_order_and_number(
    before: list[list[str]], after: list[list[str]], model: str
) -> None:
    words = ["diff", *chain(*before), model, *chain(*after)]

    assert through_typer(words)[1] == [through_parse(words)]


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_left_to_typer_which_calls_nothing(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NeedsTyper):
        parse(COMMANDS, line.split())

    assert through_typer(line.split()) == (2, [])
    assert "Error: " in capsys.readouterr().err


@pytest.mark.parametrize("line", ["--help", *(f"{name} --help" for name in COMMANDS)])
def test_help_is_left_to_typer(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NeedsTyper):
        parse(COMMANDS, line.split())

    assert through_typer(line.split()) == (0, [])
    assert capsys.readouterr().out.strip().startswith("Usage: envlock")


def test_an_empty_command_line_is_left_to_typer() -> None:
    with pytest.raises(NeedsTyper):
        parse(COMMANDS, [])


@pytest.mark.parametrize(
    ("name", "first_line"), [(name, command.__doc__) for name, command in COMMANDS.items()]
)
def test_the_help_of_a_command_begins_with_its_docstring(
    name: str, first_line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    through_typer([name, "--help"])

    assert first_line in " ".join(capsys.readouterr().out.split())


def test_the_help_of_an_option_names_its_choices(capsys: pytest.CaptureFixture[str]) -> None:
    through_typer(["show", "--help"])

    assert "How to print. One of: text, json." in " ".join(capsys.readouterr().out.split())


def test_a_choice_that_there_is_not_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    through_typer(["show", "--format", "xml"])

    assert "'xml' is not one of text, json" in " ".join(capsys.readouterr().err.split())
