"""Rules about the user's own code and the packages that it needs."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.artifacts.config import asked_by_settings
from envlock.facts import KERAS_LOADER, TENSORFLOW_DISTRIBUTIONS, WEIGHTS_LOADER, Package, Unknown
from envlock.knowledge.problem import COMPILE, Problem
from envlock.knowledge.rule import ALL_LOADERS, THREE, Case, Comparison, Release, Severity, rule, written

__all__ = ["RULES"]

_GUIDE = "https://keras.io/guides/migrating_to_keras_3/"
_TAKES_OBJECTS: Release = (3, 3)
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
        missing = [item for item in seen.custom_objects if seen.code.get(item.name) == "missing"]
        avoidable = _of_settings(seen) if missing else frozenset()
        for item in missing:
            is_stored = bool(item.modules) and not isinstance(item.modules, Unknown)
            stored = "" if is_stored or item.distribution else "; its source was not stored"
            where = f"was in module {item.module}, which the target does not have{stored}"
            told = walked.pop(item.name, None) or walked.pop(item.name.rpartition(">")[2], None)
            yield Problem(
                code="EL201",
                subject=item.name,
                message=f"{item.kind} {item.qualname} {where}",
                error=told.error if told else "",
                avoided_by=told.avoided_by if told else COMPILE * (item.name in avoidable),
            )
    yield from walked.values()


def _of_settings(seen: Comparison) -> frozenset[str]:
    return asked_by_settings(seen.content, keras_version=seen.artifact.keras_version)


@rule(
    "EL202",
    Severity.WARNING,
    source=_CODE,
    remedy="load with the code that the model was saved with, or save it again",
)
def custom_code_changed(seen: Comparison) -> Iterator[Problem]:
    """
    A custom class or function, or code of yours that it uses, is not what it was at save.

    The model loads, and may compute something else. Comments, docstrings, formatting and code that it does
    not use do not count.
    """
    for item in seen.custom_objects:
        if seen.code.get(item.name) == "changed":
            which = f"{item.kind} {item.qualname} of module {item.module}"
            yield Problem(
                code="EL202",
                subject=item.name,
                message=f"{which}, or code of yours that it uses, was edited since the model was saved",
                detail=seen.edits.get(item.name, ()),
                loaders=ALL_LOADERS,
                is_silent=True,
            )


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


@rule(
    "EL206",
    Severity.NOTE,
    source="https://github.com/keras-team/keras/releases/tag/v3.9.0",
    remedy="register it with @keras.saving.register_keras_serializable(), or pass custom_objects=",
    loaders=(KERAS_LOADER,),
)
def own_code_not_found_by_itself(seen: Comparison) -> Iterator[Case | Problem]:
    """
    The target's Keras does not find the model's own code by itself, as another release does.

    Up to 3.8 Keras imports the module that the file names, from 3.9 on it does not. 3.7 and 3.8 ask for a
    registered function by another name than older releases wrote. Up to 3.2 `load_model` passes over
    `custom_objects=` where it reads an `.h5` file. `envlock.load_model` hands own code over itself.
    """
    if not seen.writer or not seen.reader >= THREE:
        return
    if seen.artifact.format == "hdf5":
        needs = [item.name for item in seen.custom_objects] or ["custom-objects"] * bool(seen.own_code)
        if needs and len(seen.reader) > 1 and seen.reader < _TAKES_OBJECTS:
            yield needs[0], f"{seen.reader_name} passes over custom_objects= where it reads .h5"
        return
    yield from seen.found("EL206")


@rule(
    "EL207",
    Severity.NOTE,
    source=_GUIDE,
    remedy="run envlock verify there, or read the guide to Keras 3 with that code in mind",
    loaders=(KERAS_LOADER, WEIGHTS_LOADER),
)
def own_code_of_another_generation(seen: Comparison) -> Iterator[Case]:
    """
    The model's own code was written for the other generation of Keras.

    It may ask for what is not there: functions of `keras.backend` such as `K.sum`, which are `keras.ops` in
    Keras 3, or `add_weight("name", shape)`, whose first argument is the shape there.
    """
    if not seen.writer or not seen.reader or (seen.writer < THREE) == (seen.reader < THREE):
        return
    named = [(item.name, item.qualname) for item in seen.custom_objects]
    if not named and seen.own_code:
        named = [("custom-objects", "own code")]
    for name, called in named:
        yield name, f"{written(seen)} asks for {called}, which would run under {seen.reader_name}"


RULES = (
    custom_code_missing,
    custom_code_changed,
    needed_package_missing,
    needed_package_crossed_a_major,
    own_code_not_known,
    own_code_not_found_by_itself,
    own_code_of_another_generation,
)
