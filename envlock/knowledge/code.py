"""Rules about the user's own code and the packages that it needs."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.facts import KERAS_LOADER, TENSORFLOW_DISTRIBUTIONS, WEIGHTS_LOADER, Package, Unknown
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import Case, Comparison, Severity, rule

__all__ = ["RULES"]

_CODE = "https://keras.io/guides/serialization_and_saving/"


@rule(
    "EL201",
    Severity.ERROR,
    source=_CODE,
    remedy="put its module on the Python path or pass custom_objects=; trust='captured' takes stored source",
    loaders=(KERAS_LOADER,),
)
def custom_code_missing(seen: Comparison) -> Iterator[Problem]:
    """
    A class or function that the model asks for cannot be found.

    Keras saves the name of custom code, not the code: "Could not locate class".
    """
    walked: dict[str, Problem] = {}
    for problem in seen.found("EL201"):
        if problem.subject not in walked or not problem.avoided_by:  # of two, the one that nothing avoids
            walked[problem.subject] = problem
    # A SavedModel holds the computation itself; the walk knows when that does not do.
    if seen.artifact.format != "saved-model":
        for item in seen.custom_objects:
            if seen.code.get(item.name) == "missing":
                is_stored = bool(item.modules) and not isinstance(item.modules, Unknown)
                stored = "" if is_stored or item.distribution else "; its source was not stored"
                where = f"was in module {item.module}, which the target does not have{stored}"
                told = walked.pop(item.name, None) or walked.pop(item.name.rpartition(">")[2], None)
                yield Problem(
                    code="EL201",
                    subject=item.name,
                    message=f"{item.kind} {item.qualname} {where}",
                    error=told.error if told else "",
                    avoided_by=told.avoided_by if told else "",
                )
    yield from walked.values()


@rule(
    "EL202",
    Severity.WARNING,
    source=_CODE,
    remedy="load with the code that the model was saved with, or save it again",
)
def custom_code_changed(seen: Comparison) -> Iterator[Case]:
    """
    A custom class or function, or code of yours that it uses, is not what it was at save.

    The model loads, and may compute something else. Comments, docstrings and formatting do not count.
    """
    for item in seen.custom_objects:
        if seen.code.get(item.name) == "changed":
            which = f"{item.kind} {item.qualname} in module {item.module}"
            yield item.name, f"{which}, or code of yours that it uses, was edited since the model was saved"


@rule(
    "EL203",
    Severity.ERROR,
    source=_CODE,
    remedy="install the locked version of it",
    loaders=(KERAS_LOADER, WEIGHTS_LOADER),
)
def needed_package_missing(seen: Comparison) -> Iterator[Case]:
    """
    A package that the model's custom code imports is not installed.

    The import fails before Keras sees the model.
    """
    for item in seen.custom_objects:
        if item.name in seen.code and seen.code[item.name] == "missing":
            continue  # said already, and where the code is not, its imports do not matter
        for name in sorted({*item.imports, *filter(None, [item.distribution])}):
            if seen.current.package(name) is None:
                yield name, f"{name} is not installed, and {item.qualname} needs it{_locked(seen, name)}"


@rule(
    "EL204",
    Severity.WARNING,
    source=_CODE,
    remedy="install the locked version of it, or run envlock verify",
    loaders=(KERAS_LOADER, WEIGHTS_LOADER),
)
def needed_package_crossed_a_major(seen: Comparison) -> Iterator[Case]:
    """
    A package that the model's custom code imports has another major version.

    By the usual promise only a major version may change what a call does.
    """
    named = {name for item in seen.custom_objects for name in (*item.imports, item.distribution) if name}
    for name in sorted(named - {*TENSORFLOW_DISTRIBUTIONS, "keras", "tf-keras", "numpy"}):
        change = seen.change(f"packages.{name}")
        if change and isinstance(change.locked, str) and isinstance(change.current, str):
            before, after = change.locked.split(".")[0], change.current.split(".")[0]
            if before != after:
                yield (
                    name,
                    f"{name} was {change.locked} when the model was saved, the target has {change.current}",
                )


def _locked(seen: Comparison, name: str) -> str:
    found = seen.locked.package(name)
    known = isinstance(found, Package) and not isinstance(found.version, Unknown)
    return f" (it was {found.version})" if known and isinstance(found, Package) else ""


@rule(
    "EL205",
    Severity.NOTE,
    source=_CODE,
    remedy="import the module that registers it before loading, or pass custom_objects=",
    loaders=(KERAS_LOADER, WEIGHTS_LOADER),
)
def own_code_not_known(seen: Comparison) -> Iterator[Case]:
    """
    The model asks for code of its own that is known by name alone.

    It has no lock that says where that code is. The verdict supposes that it is there, and takes what it
    wrote.
    """
    if seen.own_code:
        yield "custom-objects", seen.own_code


RULES = (
    custom_code_missing,
    custom_code_changed,
    needed_package_missing,
    needed_package_crossed_a_major,
    own_code_not_known,
)
