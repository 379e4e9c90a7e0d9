"""
What a rule is, and the only thing it may look at.

A rule's docstring is what users read: its first line is the title, the rest what `envlock explain`
prints. Its body yields, for each case, the subject and one sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum
from typing import Any

from envlock.artifacts.reading import Node, nodes
from envlock.changes import Change
from envlock.facts import (
    KERAS_LOADER,
    SAVED_MODEL_LOADER,
    WEIGHTS_LOADER,
    Artifact,
    Content,
    CustomObject,
    Fingerprint,
    Keras,
    Maybe,
    TensorFlow,
)
from envlock.knowledge.problem import COMPILE, SAFE_MODE, Problem
from envlock.values import field, frozen

__all__ = [
    "ALL_LOADERS",
    "THREE",
    "TWO",
    "Case",
    "Comparison",
    "Finding",
    "Release",
    "Rule",
    "Severity",
    "release",
    "rule",
    "written",
]

ALL_LOADERS = (KERAS_LOADER, SAVED_MODEL_LOADER, WEIGHTS_LOADER)

Release = tuple[int, ...]
# What a finding is about, what it says, and perhaps what the loader would say.
Case = tuple[str, str] | tuple[str, str, str]


# The first releases of the two generations of Keras, tf-keras being of the first.
TWO: Release = (2,)
THREE: Release = (3,)


class Severity(IntEnum):
    """How bad a finding is; a verdict is made of the worst."""

    NOTE = 1
    WARNING = 2
    ERROR = 3


@frozen(kw_only=True)
class Finding:
    """
    What a change, or a property of the model, means.

    `error` is what the loader itself would say, where that is known. `loaders` are those it applies to;
    `avoided_by` is the argument of Keras' loader that avoids it. `detail` holds lines to be shown below the
    message, as of a difference in source.
    """

    code: str
    severity: Severity
    subject: str
    message: str
    remedy: str
    error: str = ""
    loaders: tuple[str, ...] = ALL_LOADERS
    avoided_by: str = ""
    detail: tuple[str, ...] = ()


def release(version: str) -> Release:
    """
    The release numbers of a version: `(2, 0, 0)` for `2.0.0rc1`.

    Boundaries are compared by these: as a version, a release candidate is below its release, but
    it already behaves like it.
    """
    found = re.match(r"(?:\d+!)?(\d{1,9}(?:\.\d{1,9})*)", version)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


class _Walked:
    """The objects of the architecture that was walked last; some twenty rules and walks ask for them."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: tuple[object, tuple[Node, ...]] = (None, ())

    def of(self, config: Maybe[dict[str, Any] | None]) -> tuple[Node, ...]:
        """Every object of this architecture, owners before what they hold."""
        if self._last[0] is not config:
            self._last = (config, tuple(nodes(config)) if isinstance(config, dict) else ())
        return self._last[1]


@frozen(kw_only=True)
class Comparison:
    """
    Everything that a rule may see: the lock's side, the target's side, and the model itself.

    `code` says of each custom object by name whether it is `present`, `changed` or `missing` in the
    target; one that is not in it could not be looked for; `edits` has the lines in which a changed one
    differs. `damage` says of each file of the model
    that is not as it was locked what is wrong with it. `is_code_missing` supposes that none of the model's
    own code can be had. `problems` is what the walk through the loaders found, `stand_ins` says of what is
    in no table what it is judged as, `passed_over` of what cannot be judged for want of one. `own_code` is
    why the model's own code is not known, empty where it is or where the model needs none. `walked` keeps
    what `nodes` gives, and is handed on by `replace`.
    """

    locked: Fingerprint
    current: Fingerprint
    artifact: Artifact
    content: Content
    changes: tuple[Change, ...] = ()
    custom_objects: tuple[CustomObject, ...] = ()
    code: Mapping[str, str] = field(default_factory=dict)
    edits: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    damage: Mapping[str, str] = field(default_factory=dict)
    is_code_missing: bool = False
    problems: tuple[Problem, ...] = ()
    stand_ins: Mapping[str, str] = field(default_factory=dict)
    passed_over: Mapping[str, str] = field(default_factory=dict)
    own_code: str = ""
    walked: _Walked = field(default_factory=_Walked)

    @property
    def writer(self) -> Release:
        """The Keras that wrote the model, empty when nothing tells."""
        stated = self.artifact.keras_version
        if isinstance(stated, str):
            return release(stated)
        return _keras_release(self.locked)

    @property
    def reader(self) -> Release:
        """The Keras that would read it, only as far as it is known: `(3,)` for "some Keras 3"."""
        return _keras_release(self.current)

    @property
    def reader_name(self) -> str:
        """The Keras that would read it, as a person would call it."""
        keras = self.current.keras
        name = "tf-keras" if isinstance(keras, Keras) and keras.provider == "tf-keras" else "Keras"
        return f"{name} {'.'.join(str(part) for part in self.reader)}"

    @property
    def tensorflow(self) -> Release:
        """The TensorFlow of the target, empty when nothing tells."""
        found = self.current.tensorflow
        return (
            release(found.version) if isinstance(found, TensorFlow) and isinstance(found.version, str) else ()
        )

    def nodes(self) -> tuple[Node, ...]:
        """Every serialised object of the architecture; nothing where it could not be read."""
        return self.walked.of(self.content.config)

    def found(self, code: str) -> Iterator[Problem]:
        """What the walk through the loaders found for one rule."""
        return (problem for problem in self.problems if problem.code == code)

    def change(self, path: str) -> Change | None:
        """The change at this dotted path."""
        return next((change for change in self.changes if change.path == path), None)


def written(seen: Comparison) -> str:
    """What wrote the model, as a sentence begins with it."""
    return f"a file of Keras {'.'.join(str(part) for part in seen.writer)}"


def _keras_release(fingerprint: Fingerprint) -> Release:
    keras = fingerprint.keras
    if not isinstance(keras, Keras):
        return ()
    if isinstance(keras.version, str):
        return release(keras.version)
    # From 2.16 on TensorFlow takes any Keras 3; before, it pins the Keras 2 of its own number.
    found = fingerprint.tensorflow
    if keras.provider == "keras" and isinstance(found, TensorFlow) and isinstance(found.version, str):
        return (3,) if release(found.version) >= (2, 16) else release(found.version)[:2]
    return ()


Check = Callable[[Comparison], Iterator[Case] | Iterator[Problem] | Iterator[Case | Problem]]


@frozen(kw_only=True)
class Rule:
    """One piece of knowledge: when it applies and what it means."""

    code: str
    severity: Severity
    title: str
    explanation: str
    source: str
    remedy: str
    loaders: tuple[str, ...]
    avoided_by: str
    check: Check

    def findings(self, seen: Comparison) -> Iterator[Finding]:
        """What this rule has to say of a comparison."""
        for case in self.check(seen):
            yield self._of_problem(case) if isinstance(case, Problem) else self.finding(*case)

    def finding(self, subject: str, message: str, error: str = "") -> Finding:
        """One case of this rule."""
        return Finding(
            code=self.code,
            severity=self.severity,
            subject=subject,
            message=message,
            remedy=self.remedy,
            error=error,
            loaders=self.loaders,
            avoided_by=self.avoided_by,
        )

    def _of_problem(self, problem: Problem) -> Finding:
        """A case that a loader's walk told with its own loaders and its own way out."""
        return Finding(
            code=self.code,
            severity=self._severity(problem),
            subject=problem.subject,
            message=problem.message,
            remedy=problem.remedy or _WAYS_OUT.get(problem.avoided_by, self.remedy),
            error=problem.error,
            loaders=problem.loaders,
            avoided_by=problem.avoided_by,
            detail=problem.detail,
        )

    def _severity(self, problem: Problem) -> Severity:
        """What is lost of the compile settings alone changes no prediction."""
        if not problem.is_silent:
            return self.severity
        return Severity.NOTE if problem.avoided_by == COMPILE else Severity.WARNING


# The arguments of Keras' loader that avoid a problem, as advice.
_WAYS_OUT = {
    COMPILE: "pass compile=False to load_model and compile the model anew",
    SAFE_MODE: "pass safe_mode=False if you trust the file, or save a named function instead",
}


def rule(
    code: str,
    severity: Severity,
    *,
    source: str,
    remedy: str,
    loaders: tuple[str, ...] = ALL_LOADERS,
    avoided_by: str = "",
) -> Callable[[Check], Rule]:
    """Make a rule of a function: its docstring is the title and the explanation."""

    def decorate(check: Check) -> Rule:
        lines = [line.strip() for line in (check.__doc__ or "").strip().splitlines()]
        return Rule(
            code=code,
            severity=severity,
            title=lines[0],
            explanation="\n".join(lines[1:]).strip(),
            source=source,
            remedy=remedy,
            loaders=loaders,
            avoided_by=avoided_by,
            check=check,
        )

    return decorate
