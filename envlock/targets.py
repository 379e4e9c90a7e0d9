"""
What a diff compares with: this environment, another lock or machine, a requirements file, a list.

A list says which environment one gets by installing it. What it pins is known; what it names
without a version, and whatever else it brings along, is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from envlock import capture, lockfile
from envlock.capture.packages import normalised
from envlock.custom.paths import import_path
from envlock.errors import LockError, TargetError
from envlock.facts import (
    TENSORFLOW_DISTRIBUTIONS,
    Fingerprint,
    Keras,
    Maybe,
    Numpy,
    Package,
    Python,
    TensorFlow,
    Unknown,
)
from envlock.values import frozen, replace

__all__ = ["UNSAID", "Target", "target"]

# What every list leaves open, whatever it names.
UNSAID = Unknown("a list of packages does not say")


@frozen
class Target:
    """
    An environment to compare with, and what to call it.

    `path` is where the running one looks for modules; `None` where code cannot be looked for.
    """

    name: str
    fingerprint: Fingerprint
    path: tuple[str, ...] | None = None


def target(against: object, locked: Fingerprint) -> Target:
    """
    The target that `against` describes.

    `None` is the running environment. `locked` tells which packages depend on which, so that a
    list's dependencies are known to come along.
    """
    match against:
        case None:
            return Target("this environment", capture.glance(), path=tuple(import_path()))
        case Fingerprint():
            return Target("the given environment", against)
    if not isinstance(against, (str, Path)):
        hint = 'give a path, a list such as "python==3.11,tensorflow-cpu==2.15.1", a Fingerprint or None'
        raise TargetError(f"a {type(against).__name__} is no target", hint=hint)
    text = str(against)
    if _exists(text):
        return _from_path(Path(text), locked)
    if isinstance(against, Path) or not re.search(r"[=<>~,]", text):
        hint = (
            "give a lock, a model, a requirements file, the .json of another machine, or a list such as "
            "python==3.11,tensorflow-cpu==2.15.1"
        )
        raise TargetError(f"{text} does not exist", hint=hint)
    for item in text.split(","):
        if "=" not in item and _is_file(item.strip()):
            hint = "a file is compared with by itself; variables go into it, a line each"
            raise TargetError(f"{item.strip()} is a file, and stands in a list", hint=hint)
    entries = [
        _entry(item, where=f"entry {number} of the list") for number, item in enumerate(text.split(","), 1)
    ]
    return Target(text, _from_list(entries, locked, called="the list"))


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # too long for a path, or holding what no path holds
        return False


def _is_file(text: str) -> bool:
    return _exists(text) and Path(text).is_file()


def _from_path(path: Path, locked: Fingerprint) -> Target:
    if path.is_dir() or path.name.endswith("envlock.toml") or lockfile.place(path).lock.exists():
        where = lockfile.place(path)
        if not where.lock.exists():
            raise TargetError(
                f"{path.name} has no lock beside it", hint="give a model that was saved through envlock"
            )
        return Target(where.lock.name, lockfile.read(where.lock).fingerprint)
    if path.suffix == ".json":
        return Target(path.name, _from_json(path))
    if path.suffix not in {".txt", ".in"}:
        hint = (
            "expected a lock, a model with a lock, what `envlock show --format json` printed, or a "
            "requirements file ending in .txt"
        )
        raise TargetError(f"{path.name} cannot be compared with", hint=hint)
    entries = list(_requirements_file(path, locked))
    found = _from_list(entries, locked, called=path.name)
    # A file is the whole of what is installed; an inline list need not be.
    return Target(
        path.name, found if isinstance(found.tensorflow, TensorFlow) else replace(found, tensorflow=None)
    )


def _from_json(path: Path) -> Fingerprint:
    """The environment of another machine, as `envlock show --format json` printed it there."""
    try:
        return lockfile.fingerprint(_text(path))
    except LockError as error:
        raise TargetError(
            f"{path.name}: {error.message}", hint="envlock show --format json makes one"
        ) from None


@frozen
class _Entry:
    """A package with a version (or why there is none), or a variable with a value."""

    name: str
    value: Maybe[str]
    is_variable: bool = False


# PEP 508: a name, perhaps extras, perhaps one or more version clauses.
_PINNED = re.compile(
    r"([A-Za-z0-9][\w.-]*)\s*(?:\[[\w\s,.-]*\])?\s*((?:(?:===|==|~=|!=|<=|>=|<|>)\s*[\w.*+!-]+\s*,?\s*)*)"
)
_VARIABLE = re.compile(r"([A-Z][A-Z0-9_]*)=([^=].*|)")


def _entry(text: str, *, where: str) -> _Entry:
    text = text.strip()
    variable = _VARIABLE.fullmatch(text)
    if variable:
        return _Entry(variable[1], variable[2], is_variable=True)
    pinned = _PINNED.fullmatch(text)
    if not pinned:
        raise TargetError(f"{where} is {text[:60]!r}; expected NAME==VERSION or VARIABLE=VALUE")
    return _Entry(normalised(pinned[1]), _version(pinned[1], pinned[2].strip()))


def _version(name: str, clauses: str) -> Maybe[str]:
    exact = re.fullmatch(r"={2,3}\s*([\w.+!-]+)", clauses)
    if exact:
        if not re.match(r"v?\d", exact[1]):
            raise TargetError(f"{name}=={exact[1][:60]} names no version; expected such as {name}==2.15.1")
        return exact[1]
    # PEP 440: ==2.15.* and ~=2.15.0 are some 2.15; ~=2.15 is some 2, which says too little.
    some = re.fullmatch(r"==\s*(\w+\.[\w.]+)\.\*", clauses) or re.fullmatch(
        r"~=\s*(\w+\.[\w.]+)\.\w+", clauses
    )
    if some:
        return some[1]
    return Unknown(
        f"{name} is named without an exact version" if not clauses else f"{name} is only known as {clauses}"
    )


def _requirements_file(path: Path, locked: Fingerprint, *, depth: int = 0) -> Iterator[_Entry]:
    """The entries of a requirements file and of those that it includes, as far as they apply."""
    if depth > _MOST_INCLUDES:
        raise TargetError(f"{path.name} is included in itself")
    for number, line in _logical_lines(path):
        where = f"line {number} of {path.name}"
        included = re.fullmatch(r"(?:-r|--requirement)[ =]?\s*(\S.*)", line)
        if included:
            yield from _requirements_file(path.parent / included[1], locked, depth=depth + 1)
        elif re.match(r"-c\b|--constraint", line):
            raise TargetError(
                f"{where} names constraints, which envlock does not read", hint="write the pins out"
            )
        elif not line.startswith("-") and not re.match(r"[a-z+]+://|\.{0,2}/", line):
            text, _, marker = line.partition(";")
            if not marker or _applies(marker.strip(), locked, where):
                yield _requirement(text.strip(), where)


_MOST_INCLUDES = 10


def _logical_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that say something, without comments and hashes; the number is that of their first."""
    begun, held = 0, ""
    for number, line in enumerate(_text(path).splitlines(), 1):
        begun = begun if held else number
        # pip: a line ends in a backslash to go on; a comment starts the line or follows a space.
        if line.endswith("\\"):
            held += f"{line[:-1]} "
            continue
        plain = re.sub(r"(^|\s)#.*$", "", held + line)
        plain = re.sub(r"\s--hash[= ]\S+", "", plain).strip()
        held = ""
        if plain:
            yield begun, plain


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TargetError(f"{path.name} cannot be read: {reason}") from None


def _requirement(text: str, where: str) -> _Entry:
    named = re.fullmatch(r"([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*@.*", text)
    if named:
        return _Entry(normalised(named[1]), Unknown(f"{named[1]} comes from a file or an address"))
    return _entry(text, where=where)


def _applies(marker: str, locked: Fingerprint, where: str) -> bool:
    """Whether an environment marker holds for the locked Python, on the machine that asks."""
    from packaging.markers import InvalidMarker, Marker, UndefinedEnvironmentName

    told = {}
    if isinstance(locked.python, Python):
        told = {
            "python_version": ".".join(locked.python.version.split(".")[:2]),
            "python_full_version": locked.python.version,
        }
    try:
        return Marker(marker).evaluate(told)
    except (InvalidMarker, UndefinedEnvironmentName):
        raise TargetError(f"{where} has the marker {marker[:60]!r}, which is none") from None


def _from_list(entries: list[_Entry], locked: Fingerprint, *, called: str) -> Fingerprint:
    _refuse_contradictions(entries, called)
    pins = {entry.name: entry.value for entry in entries if not entry.is_variable and entry.name != "python"}
    variables = {
        entry.name: entry.value for entry in entries if entry.is_variable and isinstance(entry.value, str)
    }
    python = next(
        (entry.value for entry in entries if entry.name == "python"), Unknown(f"{called} names no Python")
    )
    if isinstance(locked.python, Python) and isinstance(python, str):
        python = _completed(python, locked.python.version)
    silent = Unknown(f"{called} does not say")
    named = _tensorflow(pins)
    keras = _keras(pins, named, variables, silent)
    # An inline list need not be the whole; one without either framework is no environment of a model.
    tensorflow = silent if named is None and keras is not None else named
    return Fingerprint(
        python=Python(version=python, implementation="cpython") if isinstance(python, str) else python,
        system=UNSAID,
        cpu=UNSAID,
        gpu=UNSAID,
        tensorflow=tensorflow,
        keras=keras,
        numpy=Numpy(version=pins["numpy"], blas=UNSAID) if "numpy" in pins else UNSAID,
        variables=_variables(variables, locked) or UNSAID,
        packages=silent if isinstance(tensorflow, Unknown) else _packages(pins, locked, called),
    )


def _refuse_contradictions(entries: list[_Entry], called: str) -> None:
    """No environment has two versions of one package."""
    exact: dict[str, str] = {}
    for entry in entries:
        if entry.is_variable or not isinstance(entry.value, str):
            continue
        known = exact.setdefault(entry.name, entry.value)
        if known != entry.value and not _is_some_of(known, entry.value):
            raise TargetError(f"{called} names {entry.name} twice, {known} and {entry.value}")


def _is_some_of(one: str, other: str) -> bool:
    """Whether one version may be a shorter way to write the other, as 2.15 is of 2.15.1."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def _variables(named: dict[str, str], locked: Fingerprint) -> dict[str, str]:
    """The variables that a list names; it says nothing against the others."""
    recorded = locked.variables if isinstance(locked.variables, dict) else {}
    return {**recorded, **named} if named else {}


def _completed(stated: str, locked: str) -> str:
    """`3.11` says nothing against a locked `3.11.7`: it stands for it."""
    return locked if locked.startswith(f"{stated}.") else stated


def _tensorflow(pins: dict[str, Maybe[str]]) -> TensorFlow | None:
    name = next((name for name in TENSORFLOW_DISTRIBUTIONS if name in pins), None)
    return TensorFlow(distribution=name, version=pins[name], cuda=UNSAID, cudnn=UNSAID) if name else None


def _keras(
    pins: dict[str, Maybe[str]],
    tensorflow: TensorFlow | None,
    variables: dict[str, str],
    silent: Unknown,
) -> Maybe[Keras | None]:
    """The Keras that the list names, or else the one that its TensorFlow brings along."""
    legacy = variables.get("TF_USE_LEGACY_KERAS") in {"1", "true", "True"} and "tf-keras" in pins
    if legacy or "keras" in pins:
        provider = "tf-keras" if legacy else "keras"
        version: Maybe[str] = pins[provider]
    elif isinstance(tensorflow, TensorFlow):
        provider, version = "keras", Unknown("the list names a TensorFlow and no Keras")
    else:
        return silent if "tf-keras" in pins else None
    return Keras(
        provider=provider,
        version=version,
        backend=variables.get("KERAS_BACKEND", "tensorflow"),
        floatx=UNSAID,
        image_data_format=UNSAID,
        dtype_policy=UNSAID,
    )


def _packages(pins: dict[str, Maybe[str]], locked: Fingerprint, called: str) -> tuple[Package, ...]:
    """
    What installing the list gives: its pins and, as far as the lock tells, what these depend on.

    A package that nothing in the list is known to depend on will not be there.
    """
    known = (
        {package.name: package for package in locked.packages} if isinstance(locked.packages, tuple) else {}
    )
    found = {name: Package(name=name, version=version) for name, version in pins.items()}
    waiting = list(found)
    while waiting:
        name = waiting.pop()
        edges = known[name].requires if name in known else _stand_in(name, known)
        for other in edges:
            if other not in found:
                found[other] = Package(name=other, version=Unknown(f"{called} does not pin {other}"))
                waiting.append(other)
    for package in known.values():
        # What the model does not use is not asked of a list.
        if package.role in {"tool", "unrelated"} and package.name not in found:
            found[package.name] = Package(name=package.name, version=Unknown(f"{called} does not name it"))
    return tuple(found[name] for name in sorted(found))


def _stand_in(name: str, known: dict[str, Package]) -> tuple[str, ...]:
    """One distribution of TensorFlow depends on what another one does."""
    if name not in TENSORFLOW_DISTRIBUTIONS:
        return ()
    others = [known[other] for other in TENSORFLOW_DISTRIBUTIONS if other in known]
    return others[0].requires if others else ()
