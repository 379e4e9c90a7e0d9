"""
The command line: arguments, one call of `api`, one view, an exit code.

The only place that prints and the only one that exits. Data goes to standard output, all else to
standard error. Exit codes: 0 nothing at or above `--fail-on`, 1 findings, 2 usage or operational
error, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, TextIO

from envlock import api, capture, judging, knowledge, lockfile
from envlock._version import __version__
from envlock.arguments import Argument, Command, NeedsTyper, Option, parse, typer_app
from envlock.custom import source
from envlock.errors import CustomObjectError, EnvlockError
from envlock.knowledge import Severity
from envlock.redact import clean, visible
from envlock.report import Report
from envlock.views import machine, text

__all__ = ["COMMANDS", "main"]

Model = Annotated[
    Path, Argument("A saved model: a .keras, .h5 or weights file, or a SavedModel folder; or its lock.")
]
Format = Annotated[str, Option("--format", help="How to print.", choices=("text", "json"))]
FailOn = Annotated[
    str,
    Option(
        "--fail-on",
        help="The least severe finding that makes the exit code 1.",
        choices=("error", "warning", "note", "never"),
    ),
]
Color = Annotated[
    str, Option("--color", help="Colour the text; also NO_COLOR.", choices=("auto", "always", "never"))
]
Quiet = Annotated[bool, Option("-q", "--quiet", help="Print nothing, only set the exit code.")]
Verbose = Annotated[bool, Option("-v", "--verbose", help="Print every note and the reason of every unknown.")]
Output = Annotated[
    Path | None, Option("-o", "--output", help="Write to this file instead of standard output.")
]
Base = Annotated[
    str | None, Option("--base", help="Base image, instead of the slim image of the locked Python.")
]


def show(
    model: Annotated[Path | None, Argument("A saved model, locked or not; without it, this machine.")] = None,
    format: Format = "text",
    output: Output = None,
) -> int:
    """Print what is known of a model, by its lock or by its files; without a model, of this environment."""
    from envlock.views import facts  # reads what is in a model, which a diff does not

    if model is None:
        found = capture.capture()
        _write(machine.fingerprint(found) if format == "json" else facts.fingerprint(found), output)
        return 0
    said, content = api.described(model)
    _write(machine.lock(said, content) if format == "json" else facts.lock(said, content), output)
    return 0


def lock(
    model: Model,
    from_here: Annotated[
        bool,
        Option("--from-here", help="Record this environment too, for a model that is known to work in it."),
    ] = False,
    quiet: Quiet = False,
) -> int:
    """Write the lock of a model that was not saved through envlock, from what its files say."""
    file = lockfile.place(model).lock
    is_new = not file.exists()
    api.lock(model, from_here=from_here)
    said = f"wrote {file.name}" if is_new else f"{file.name} was there already, nothing was written"
    _say(said, quiet=quiet)
    return 0


def diff(
    model: Model,
    against: Annotated[
        str | None,
        Option(
            "--against",
            help="What to compare with, instead of this environment: a lock or locked model, "
            "requirements.txt, what `envlock show --format json` printed elsewhere (.json), or a list such "
            "as python==3.11,tensorflow-cpu==2.15.1.",
        ),
    ] = None,
    content: Annotated[
        bool, Option("--content", help="Hash the model's files, not only their sizes.")
    ] = False,
    custom_objects: Annotated[
        str,
        Option(
            "--custom-objects",
            help="Whether the model's own code is there; `missing` asks what happens without it.",
            choices=("available", "missing"),
        ),
    ] = "available",
    suggest: Annotated[
        bool, Option("--suggest", help="Name the nearest environments in which the model loads.")
    ] = False,
    format: Format = "text",
    fail_on: FailOn = "error",
    color: Color = "auto",
    quiet: Quiet = False,
    verbose: Verbose = False,
    output: Output = None,
) -> int:
    """Say what happens to a model in another environment; never imports TensorFlow."""
    report = api.diff(model, against, custom_objects=custom_objects, content=content, suggest=suggest)
    _show(report, format=format, color=color, quiet=quiet, verbose=verbose, output=output)
    return _code(report, fail_on)


def inspect(
    model: Model,
    trust: Annotated[
        bool, Option("--trust", help="Approve it: load_model and verify trust these very bytes from now on.")
    ] = False,
    format: Format = "text",
    output: Output = None,
) -> int:
    """Say what loading a model would run, read or allocate, without loading it."""
    found = api.inspect(model, approve=trust)
    _write(machine.inspection(found) if format == "json" else text.inspection(found), output)
    return 0 if found.is_harmless else 1


def verify(
    model: Model,
    trust: Annotated[
        str, Option("--trust", help="What may run: `captured` source, `code` in the model, or its digest.")
    ] = "",
    format: Format = "text",
    fail_on: FailOn = "error",
    color: Color = "auto",
    quiet: Quiet = False,
    verbose: Verbose = False,
    output: Output = None,
) -> int:
    """Check a model's digests, load it here and replay its stored inputs."""
    kept = sys.path[:] = _without_here()
    try:
        report = api.verify(model, trust=[trust] if trust else ())
    except CustomObjectError as error:
        raise CustomObjectError(error.message, hint=_left_here(model, kept) or error.hint) from None
    _show(report, format=format, color=color, quiet=quiet, verbose=verbose, output=output)
    return _code(report, fail_on)


def _without_here() -> list[str]:
    """
    The path of this Python without the folder one works in: what lies there may have come with a model.

    `python -m` puts it first. It stays where PYTHONPATH names it, and where envlock itself lies in it.
    """
    here, named = Path.cwd(), "" if sys.flags.ignore_environment else os.environ.get("PYTHONPATH", "")
    is_first = sys.path[:1] in ([""], [str(here)])
    is_named = any(entry and Path(entry).absolute().resolve() == here for entry in named.split(os.pathsep))
    keeps = not is_first or is_named or source.locate("envlock", sys.path[1:]) is None
    return sys.path[:] if keeps else sys.path[1:]


def _left_here(model: Path, path: list[str]) -> str:
    """What to say of modules of a model that lie nowhere but in the folder one works in."""
    names = {item.module for item in judging.subject(model).custom_objects}
    here = [str(Path.cwd())]
    found = sorted(name for name in names if not source.locate(name, path) and source.locate(name, here))
    told = f"{', '.join(found)} lies in the folder you work in, of which nothing is imported"
    return f"{told}; PYTHONPATH=. if you trust it" if found else ""


def dockerfile(
    model: Model,
    base: Base = None,
    context: Annotated[
        Path | None,
        Option("--context", help="Also write the build context, a tar for `docker build - < FILE`."),
    ] = None,
    output: Output = None,
) -> int:
    """Print the Dockerfile of a model's image."""
    _write(api.dockerfile(model, base=base, context=context).rstrip("\n"), output)
    return 0


def build(
    model: Model,
    tag: Annotated[str, Option("-t", "--tag", help="What to call the image.")],
    base: Base = None,
    network: Annotated[str, Option("--network", help="The engine's network for the build.")] = "host",
    format: Format = "text",
    fail_on: FailOn = "error",
    color: Color = "auto",
    quiet: Quiet = False,
    verbose: Verbose = False,
    output: Output = None,
) -> int:
    """Build a model's image and replay the stored inputs inside it."""
    report = api.build(model, tag, base=base, network=network, say=lambda line: _say(line, quiet=quiet))
    _show(report, format=format, color=color, quiet=quiet, verbose=verbose, output=output)
    return _code(report, fail_on)


def explain(
    code: Annotated[str | None, Argument("A finding's code, such as EL101; without it, all of them.")] = None,
) -> int:
    """Explain what a finding means and what to do about it."""
    if code is None:
        _write(
            "\n".join(
                f"{rule.code}  {rule.severity.name.lower():7}  {rule.title}" for rule in knowledge.RULES
            ),
            None,
        )
    else:
        _write(text.explanation(knowledge.explain(code)), None)
    return 0


COMMANDS: Mapping[str, Command] = {
    "show": show,
    "lock": lock,
    "diff": diff,
    "inspect": inspect,
    "verify": verify,
    "dockerfile": dockerfile,
    "build": build,
    "explain": explain,
}


def main(words: list[str] | None = None) -> int:
    """Run one command line and give its exit code."""
    words = sys.argv[1:] if words is None else words
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a model may be called what a terminal has no letters for
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(words)
    except EnvlockError as error:
        _fail(error.message, error.hint, words)
        return error.exit_code
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a file that cannot be read or written is the user's to mend
        _fail(f"{error.filename or 'a file'}: {error.strerror or error}", "", words)
        return 2
    except KeyboardInterrupt:
        _fail("interrupted", "", words)
        return 130


def _run(words: list[str]) -> int:
    if words == ["--version"]:
        _write(f"envlock {__version__}", None)
        return 0
    try:
        command, arguments = parse(COMMANDS, words)
    except NeedsTyper:
        return _run_typer(words)
    return command(**arguments)


def _run_typer(words: list[str]) -> int:
    import typer

    def root(
        version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    ) -> None:
        if version:
            _write(f"envlock {__version__}", None)
            raise typer.Exit

    root.__annotations__["version"] = Annotated[
        bool, typer.Option("--version", help="Print the version and exit.")
    ]
    app = typer_app(COMMANDS, help="What happens to a saved Keras model in another environment.", root=root)
    try:
        app(words, prog_name="envlock", standalone_mode=True)
    except SystemExit as done:
        return int(done.code or 0)
    return 0


def _code(report: Report, fail_on: str) -> int:
    if fail_on == "never" or report.worst is None:
        return 0
    return int(report.worst >= Severity[fail_on.upper()])


def _show(
    report: Report, *, format: str, color: str, quiet: bool, verbose: bool, output: Path | None
) -> None:
    if quiet and output is None:
        return
    if format == "json":
        _write(machine.report(report), output)
    else:
        colour = output is None and _wants_colour(color, sys.stdout)
        _write(text.report(report, colour=colour, verbose=verbose), output)


def _wants_colour(color: str, stream: TextIO) -> bool:
    if color != "auto":
        return color == "always"
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _write(data: str, output: Path | None) -> None:
    data = clean(data)  # the second gate: nothing leaves that looks like a secret
    if output is None:
        sys.stdout.write(f"{data}\n")
        sys.stdout.flush()
    else:
        output.write_text(f"{data}\n", encoding="utf-8", newline="\n")


def _say(line: str, *, quiet: bool) -> None:
    if not quiet:
        sys.stderr.write(f"{visible(clean(line))}\n")
        sys.stderr.flush()


def _fail(message: str, hint: str, words: list[str]) -> None:
    """Say what went wrong, to a program that asked for JSON as JSON too."""
    if {"json", "--format=json"} & set(words):
        _write(machine.error(message, hint), None)
    sys.stderr.write(f"envlock: {visible(clean(message))}\n")
    if hint:
        sys.stderr.write(f"  hint: {visible(clean(hint))}\n")
