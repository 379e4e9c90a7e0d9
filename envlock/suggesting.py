"""The environments nearest to a target in which a model loads: found by judging it in every known one."""

from __future__ import annotations

from collections.abc import Iterator

from envlock import judging, targets
from envlock.facts import Fingerprint, Keras, Python, TensorFlow, Unknown
from envlock.judging import Subject
from envlock.knowledge.rule import release
from envlock.knowledge.tables import Environment, environments
from envlock.report import BREAKS, DRIFTS
from envlock.values import replace

__all__ = ["suggestions"]

_MOST = 3
_OTHERS = Unknown("what else is installed follows from these")
_Distance = tuple[bool, bool, bool, int, int]


def suggestions(seen: Subject, near: Fingerprint, *, custom_objects: str = "available") -> tuple[str, ...]:
    """
    What to install so that the model loads with the same numbers, the nearest to `near` first.

    Each is a list as `--against` takes it. The same TensorFlow is nearer than another one, then one for the
    same Python, then the same generation of Keras; a Python is named where it has to be another one.
    """
    known = environments()
    order = sorted(known, key=lambda item: _distance(item, near, known))
    found: list[str] = []
    for item in order:
        text = next((text for text in _lists(item, near) if _loads(seen, text, near, custom_objects)), None)
        if text:
            found.append(text)
        if len(found) == _MOST:
            break
    return tuple(found)


def _lists(item: Environment, near: Fingerprint) -> Iterator[str]:
    """An environment under the target's Python, then under each of its own, the newest first."""
    pins = ",".join(item.pins())
    python = _python(near)
    if not python or item.has_wheels_for(python):
        yield pins
    for minor in range(item.python[1][1], item.python[0][1] - 1, -1):
        if not python or release(python)[:2] != (3, minor):
            yield f"{pins},python==3.{minor}"


def _loads(seen: Subject, text: str, near: Fingerprint, custom_objects: str) -> bool:
    target = targets.target(text, seen.fingerprint)
    facts = replace(target.fingerprint, packages=_OTHERS)
    if "python==" not in text:
        facts = replace(facts, python=near.python)
    judged = judging.judge(seen, replace(target, fingerprint=facts), custom_objects=custom_objects)
    return judged.verdict not in {DRIFTS, BREAKS}


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
