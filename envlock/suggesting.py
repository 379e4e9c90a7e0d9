"""The environments nearest to a target in which a model loads: found by judging it in every known one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from envlock import judging, targets
from envlock.facts import Fingerprint, Keras, Numpy, Python, TensorFlow, Unknown
from envlock.judging import Subject
from envlock.knowledge import Finding
from envlock.knowledge.rule import release
from envlock.knowledge.tables import Environment, environments
from envlock.report import BREAKS, DRIFTS
from envlock.values import replace

__all__ = ["suggestions", "without_advice"]

_MOST = 3
_OTHERS = Unknown("what else is installed follows from these")
_Distance = tuple[bool, bool, bool, int, int]


def suggestions(seen: Subject, near: Fingerprint, *, custom_objects: str = "available") -> tuple[str, ...]:
    """
    What to install so that the model loads with the same numbers, the nearest to `near` first.

    Each is a list as `--against` takes it. One for the target's Python is nearer than one for another, then
    the same TensorFlow, then the same generation of Keras; a Python is named where it has to be another one.
    What the target has already is suggested under another Python alone, where that mends it.
    """
    known = environments()
    order = sorted(known, key=lambda item: _distance(item, near, known))
    found: dict[Environment, str] = {}
    for lists in (_here, _elsewhere):
        for item in order:
            if item in found:
                continue
            same = _is_of(item, near)
            texts = (
                text for text in lists(item, near) if _loads(seen, text, near, custom_objects, same=same)
            )
            text = next(texts, None)
            if text:
                found[item] = text
            if len(found) == _MOST:
                return tuple(found.values())
    return tuple(found.values())


def without_advice(item: Finding) -> Finding:
    """A finding that does not point to `--suggest` any more."""
    return replace(item, remedy=re.sub(r" \(diff --suggest names [a-z ]+\)", "", item.remedy))


def _here(item: Environment, near: Fingerprint) -> Iterator[str]:
    """An environment under the target's Python."""
    python = _python(near)
    if (not python or item.has_wheels_for(python)) and not _is_of(item, near):
        yield ",".join(item.pins())


def _elsewhere(item: Environment, near: Fingerprint) -> Iterator[str]:
    """An environment under each Python of its own, the newest first."""
    pins, python = ",".join(item.pins()), _python(near)
    for minor in range(item.python[1][1], item.python[0][1] - 1, -1):
        if not python or release(python)[:2] != (3, minor):
            yield f"{pins},python==3.{minor}"


def _is_of(item: Environment, near: Fingerprint) -> bool:
    """Whether the target has this TensorFlow with this Keras."""
    tensorflow, keras = _release(near.tensorflow), _release(near.keras)
    is_legacy = isinstance(near.keras, Keras) and near.keras.provider == "tf-keras"
    is_alike = not keras or not item.keras or keras[:3] == release(item.keras)[:3]
    return tensorflow[:2] == release(item.tensorflow)[:2] and is_legacy == item.is_legacy and is_alike


def _loads(seen: Subject, text: str, near: Fingerprint, custom_objects: str, *, same: bool) -> bool:
    target = targets.target(text, seen.fingerprint)
    facts = replace(target.fingerprint, packages=_OTHERS)
    if same:  # its other packages stay what they are
        facts = replace(facts, packages=near.packages)
    if same or _is_before_two(near.numpy):  # every TensorFlow takes some NumPy 1, and none bounds it well
        facts = replace(facts, numpy=near.numpy)
    if "python==" not in text:
        facts = replace(facts, python=near.python)
    judged = judging.judge(seen, replace(target, fingerprint=facts), custom_objects=custom_objects)
    return judged.verdict not in {DRIFTS, BREAKS}


def _is_before_two(numpy: object) -> bool:
    version = numpy.version if isinstance(numpy, Numpy) else None
    return isinstance(version, str) and release(version) < (2,)


def _distance(item: Environment, near: Fingerprint, known: tuple[Environment, ...]) -> _Distance:
    """Another TensorFlow, another Python, another Keras, and how many releases lie between."""
    numbers = sorted({release(one.tensorflow)[:2] for one in known})
    here, keras, python = _release(near.tensorflow), _release(near.keras), _python(near)
    # Without a TensorFlow to be near to, the newest one is as good as any.
    place = min(range(len(numbers)), key=lambda at: _apart(numbers[at], here)) if here else len(numbers) - 1
    steps = abs(numbers.index(release(item.tensorflow)[:2]) - place)
    is_alike = bool(keras) and release(item.keras)[:1] == keras[:1]
    return (
        bool(here) and steps > 0,
        bool(python) and not item.has_wheels_for(python),
        bool(keras) and not is_alike,
        steps,
        abs(release(item.keras)[1] - keras[1]) if is_alike else 0,
    )


def _apart(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, int]:
    return abs(one[0] - other[0]), abs(one[1] - other[1])


def _python(near: Fingerprint) -> str:
    stated = near.python.version if isinstance(near.python, Python) else None
    return stated if isinstance(stated, str) else ""


def _release(fact: object) -> tuple[int, ...]:
    """The release of a framework, empty where it is not known."""
    version = fact.version if isinstance(fact, (TensorFlow, Keras)) else None
    found = release(version) if isinstance(version, str) else ()
    return found if len(found) > 1 else ()
