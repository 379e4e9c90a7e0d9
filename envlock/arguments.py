"""
Commands as typed functions, and two ways to read a command line for them.

A command is a function whose parameters say everything: `Annotated[Path, Argument(help)]` stands at
its place, `Annotated[str, Option("--name", help)]` is named. `parse` reads a command line with
argparse, since Typer costs several times more to import than the whole of a diff; help, completion
and wrong usage go to the Typer application that `typer_app` makes of the same functions.
"""

from __future__ import annotations

import argparse
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from envlock.values import MISSING, frozen

__all__ = ["Argument", "Command", "NeedsTyper", "Option", "parse", "typer_app"]

Command = Callable[..., int]


@frozen
class Argument:
    """A parameter that stands at its place."""

    help: str


class Option:
    """A parameter that is named on the command line; one of `choices` if there are any."""

    def __init__(self, *names: str, help: str, choices: tuple[str, ...] = ()) -> None:  # noqa: A002 - argparse's word
        self.names = names
        self.help = help
        self.choices = choices


class NeedsTyper(Exception):
    """The command line asks for help, or is wrong: Typer answers it better."""


@frozen
class _Parameter:
    name: str
    kind: Any
    default: Any
    marker: Argument | Option

    @property
    def is_flag(self) -> bool:
        return self.kind is bool

    @property
    def is_required(self) -> bool:
        return self.default is MISSING


def parse(commands: Mapping[str, Command], words: Sequence[str]) -> tuple[Command, dict[str, Any]]:
    """The command that `words` call and its arguments; `NeedsTyper` for anything but a plain call."""
    if not words or words[0] not in commands:
        raise NeedsTyper
    command = commands[words[0]]
    parser = _Parser(add_help=False, allow_abbrev=False, formatter_class=_Formatter)
    parameters = list(_parameters(command))
    names = {name for item in parameters if isinstance(item.marker, Option) for name in item.marker.names}
    for word in words[1:]:
        # Where argparse and Typer read a word differently (-5, -o=x), Typer is asked.
        if word == "--":
            break
        is_long = word.startswith("--")
        plain = word.partition("=")[0] if is_long else word[:2]
        if word.startswith("-") and (plain not in names or (not is_long and word[2:3] == "=")):
            raise NeedsTyper
    for parameter in parameters:
        _add(parser, parameter)
    return command, vars(parser.parse_args(words[1:]))


def typer_app(commands: Mapping[str, Command], *, help: str, root: Callable[..., Any]) -> Any:  # noqa: A002
    """The Typer application for the same functions; `root` handles what stands before a command."""
    import typer

    app = typer.Typer(help=help, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.callback(invoke_without_command=True)(root)
    for name, command in commands.items():
        app.command(name)(_for_typer(command))
    return app


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise NeedsTyper(message)


def _parameters(command: Command) -> Iterator[_Parameter]:
    hints = typing.get_type_hints(command, include_extras=True)
    for name, default in _defaults(command).items():
        hint = hints[name]
        if not hasattr(hint, "__metadata__"):
            # Before Python 3.11 a default of None makes it Optional[Annotated[...]].
            hint = typing.get_args(hint)[0]
        kind, marker = typing.get_args(hint)
        yield _Parameter(name, _plain(kind), default, marker)


class _Formatter(argparse.HelpFormatter):
    """argparse makes one for each argument, though we never print its help; the width saves a look around."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=80)


def _defaults(command: Any) -> dict[str, Any]:
    """The parameters of a command with their defaults; `inspect`, which knows them too, costs a diff much."""
    while hasattr(command, "__wrapped__"):
        command = command.__wrapped__
    names = command.__code__.co_varnames[: command.__code__.co_argcount]
    given = command.__defaults__ or ()
    return dict(zip(names, (MISSING,) * (len(names) - len(given)) + given, strict=True))


def _plain(kind: Any) -> Any:
    """`Path` for `Path | None`."""
    if isinstance(kind, types.UnionType):
        return next(option for option in typing.get_args(kind) if option is not type(None))
    return kind


def _add(parser: argparse.ArgumentParser, parameter: _Parameter) -> None:
    match parameter.marker:
        case Argument():
            optional = {} if parameter.is_required else {"nargs": "?", "default": parameter.default}
            parser.add_argument(parameter.name, type=parameter.kind, **optional)
        case Option() as option if parameter.is_flag:
            parser.add_argument(*option.names, dest=parameter.name, action="store_true")
        case Option() as option:
            parser.add_argument(
                *option.names,
                dest=parameter.name,
                type=parameter.kind,
                choices=option.choices or None,
                default=None if parameter.is_required else parameter.default,
                required=parameter.is_required,
            )


def _for_typer(command: Command) -> Callable[..., None]:
    """The command with a signature that Typer reads; its result becomes the exit code."""
    import inspect

    import typer

    def run(**arguments: Any) -> None:
        raise typer.Exit(command(**arguments))

    parameters, annotations = [], {}
    for parameter in _parameters(command):
        kind = (
            parameter.kind
            if parameter.is_required or parameter.default is not None
            else parameter.kind | None
        )
        annotations[parameter.name] = typing.Annotated[kind, _typer_marker(typer, parameter)]
        parameters.append(
            inspect.Parameter(
                parameter.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if parameter.is_required else parameter.default,
                annotation=annotations[parameter.name],
            )
        )
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what inspect looks for
    run.__annotations__ = annotations
    run.__doc__ = command.__doc__
    return run


def _typer_marker(typer: Any, parameter: _Parameter) -> Any:
    marker = parameter.marker
    if isinstance(marker, Argument):
        return typer.Argument(help=marker.help, show_default=False)
    text = marker.help + (f" One of: {', '.join(marker.choices)}." if marker.choices else "")

    def check(value: Any) -> Any:
        if marker.choices and value is not None and value not in marker.choices:
            raise typer.BadParameter(f"{value!r} is not one of {', '.join(marker.choices)}")
        return value

    return typer.Option(*marker.names, help=text, callback=check if marker.choices else None)
