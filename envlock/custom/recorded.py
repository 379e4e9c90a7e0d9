"""The user's code as it is recorded with a model: found, described, stored, and what will not come back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from envlock.capture.packages import Distribution
from envlock.custom import find
from envlock.custom.meaning import Sources
from envlock.custom.problems import problems
from envlock.facts import Content, CustomObject, Maybe, Unknown
from envlock.values import frozen

__all__ = ["Bridge", "record"]


@frozen(kw_only=True)
class Bridge:
    """What Keras tells: the name that it writes for an object, the object behind one, a scope for some."""

    name_of: Callable[[Any], str]
    known: Callable[[str], Any]
    scope: Callable[[Mapping[str, Any]], AbstractContextManager[Any]]


def record(
    model: Any,
    content: Content,
    folder: Path,
    *,
    bridge: Bridge,
    passed: Mapping[str, Any],
    distributions: Mapping[str, Distribution],
) -> tuple[Maybe[tuple[CustomObject, ...]], tuple[str, ...]]:
    """
    What `content` asks for that is not Keras' own, its source stored in `folder`; and what to say of it.

    `model` is the live model that `content` was saved from, `passed` holds objects that the caller named.
    """
    asked = find.asked_for(model, content, name_of=bridge.name_of, known=bridge.known, passed=passed)
    if isinstance(asked, Unknown):
        return asked, ()
    if not asked.kinds:
        return (), tuple(problems(model, content, asked, (), scope=bridge.scope))
    from envlock.custom import captured, program  # most models need no code of the user's

    sources = Sources(program=program.running())
    objects = captured.copy(find.described(asked.kinds, sources, distributions), folder, sources)
    if isinstance(objects, Unknown):
        return objects, ()
    return objects, tuple(problems(model, content, asked, objects, scope=bridge.scope))
