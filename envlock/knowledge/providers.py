"""Rules about packages, other than Keras, whose classes a model asks for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from envlock.artifacts.reading import Node, nodes
from envlock.facts import KERAS_LOADER, Unknown
from envlock.knowledge.boundaries import Provider, installed, providers, shown
from envlock.knowledge.problem import COMPILE, Problem
from envlock.knowledge.rule import Comparison, Severity, release, rule

__all__ = ["RULES"]

_SAVING = "https://keras.io/guides/serialization_and_saving/"


@rule(
    "EL350",
    Severity.ERROR,
    source=_SAVING,
    remedy="install it, import it before loading, and pass its classes as custom_objects=",
    loaders=(KERAS_LOADER,),
)
def provider_missing(seen: Comparison) -> Iterator[Problem]:
    """
    A package whose classes the model asks for is not installed.

    The prefix of a registered name (`Addons>AdamW`) and the module of a class tell which package it is.
    """
    here = _installed(seen)
    if here is None:
        return
    for row, node, way_out in _asked(seen).values():
        if row.distribution not in here:
            yield Problem(
                code="EL350",
                subject=row.distribution,
                message=f"{row.distribution} is not installed, and {node.label} is one of its classes",
                error=f"Unknown layer: '{node.class_name}'",
                avoided_by=way_out,
            )


@rule(
    "EL351",
    Severity.ERROR,
    source=_SAVING,
    remedy="load it with the Keras that the package is made for",
    loaders=(KERAS_LOADER,),
)
def provider_of_another_keras(seen: Comparison) -> Iterator[Problem]:
    """
    A package whose classes the model asks for is made for the other generation of Keras.

    A layer of Keras 2, such as those of TensorFlow Addons and `hub.KerasLayer`, is none to Keras 3; its
    package works with tf-keras and TF_USE_LEGACY_KERAS=1, or fails when it is imported.
    """
    here = _installed(seen)
    if not here or not seen.reader:
        return
    for row, node, way_out in _asked(seen).values():
        if (
            row.keras
            and row.keras[0] != seen.reader[0]
            and seen.current.package(row.distribution) is not None
        ):
            yield Problem(
                code="EL351",
                subject=row.distribution,
                message=f"{node.label} is of {row.distribution}, which is for Keras {shown(row.keras)} alone",
                error=f"Unknown layer: '{node.class_name}'",
                avoided_by=way_out,
            )


@rule(
    "EL352",
    Severity.ERROR,
    source="https://github.com/tensorflow/addons/issues/987",
    remedy="install the release of it, and the TensorFlow, that belong together",
)
def provider_of_another_tensorflow(seen: Comparison) -> Iterator[Problem]:
    """
    A package whose classes or operations the model uses does not work with the target's TensorFlow.

    A library of operations is linked against one TensorFlow and cannot be loaded into another: "undefined
    symbol". TensorFlow Addons ended with 2.15: under 2.16 its import fails, with tf-keras too.
    """
    if len(seen.tensorflow) < 2 or not _installed(seen):
        return
    used = {row.distribution: row for row in _used(seen)}
    used |= {name: row for name, (row, _, _) in _asked(seen).items()}
    for name, row in sorted(used.items()):
        version = installed(seen, name)
        is_other = row.is_of_one_minor and version is not None and release(version)[:2] != seen.tensorflow[:2]
        if version and (is_other or seen.tensorflow >= row.until):
            yield Problem(
                code="EL352",
                subject=name,
                message=f"{name} {version} does not work with TensorFlow {shown(seen.tensorflow)}",
                error=_said(row, is_other=is_other),
            )


def _said(row: Provider, *, is_other: bool) -> str:
    if is_other:
        return "NotFoundError: undefined symbol"
    return "ModuleNotFoundError: No module" if row.modules else "NotFoundError: Op type not registered"


def _installed(seen: Comparison) -> set[str] | None:
    """The names of such packages that the target has; `None` where its packages are not known."""
    found = seen.current.packages
    if isinstance(found, Unknown):
        return None
    return {row.distribution for row in providers()} & {package.name for package in found}


def _asked(seen: Comparison) -> dict[str, tuple[Provider, Node, str]]:
    """The packages that the model's objects name, each with the first such object and what avoids it."""
    found: dict[str, tuple[Provider, Node, str]] = {}
    settings = seen.content.compile_config
    compiled = nodes(settings) if isinstance(settings, dict) else ()
    for held, way_out in ((seen.nodes(), ""), (compiled, COMPILE)):
        for node in held:
            row = _provider(node.class_name, node.module)
            if row:
                found.setdefault(row.distribution, (row, node, way_out))
    return found


def _provider(name: str, module: str | None) -> Provider | None:
    prefix, mark, _ = name.rpartition(">")
    if mark:
        return _by_prefix().get(prefix)
    rows = _by_module().get((module or "").partition(".")[0], ())
    return next((row for start, row in rows if f"{module}.".startswith(f"{start}.")), None)


@lru_cache(maxsize=1)
def _by_prefix() -> dict[str, Provider]:
    return {prefix: row for row in providers() for prefix in row.prefixes}


@lru_cache(maxsize=1)
def _by_module() -> dict[str, list[tuple[str, Provider]]]:
    """The rows by the first part of their modules."""
    found: dict[str, list[tuple[str, Provider]]] = {}
    for row in providers():
        for name in row.modules:
            found.setdefault(name.partition(".")[0], []).append((name, row))
    return found


def _used(seen: Comparison) -> Iterator[Provider]:
    """The packages whose operations a SavedModel's graphs use."""
    ops = seen.content.ops if isinstance(seen.content.ops, dict) else {}
    for row in providers() if ops else ():
        exact = {name for name in row.ops if not name.endswith("*")}
        starts = tuple(name[:-1] for name in row.ops if name.endswith("*"))
        if exact & ops.keys() or (starts and any(op.startswith(starts) for op in ops)):
            yield row


RULES = (provider_missing, provider_of_another_keras, provider_of_another_tensorflow)
