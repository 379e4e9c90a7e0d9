"""The environments nearest to a target in which a model loads: found by judging it in every known one."""

from __future__ import annotations

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
_Distance = tuple[bool, bool, int, int]


def suggestions(seen: Subject, near: Fingerprint, *, custom_objects: str = "available") -> tuple[str, ...]:
    """
    What to install so that the model loads with the same numbers, the nearest to `near` first.

    Each is a list as `--against` takes it. The same TensorFlow is nearer than another one, and the same
    Keras; a Python is named where that of `near` has no wheels.
    """
    python = near.python.version if isinstance(near.python, Python) else None
    known = environments()
    order = sorted(known, key=lambda item: _distance(item, near, known))
    found: list[str] = []
    for item in order:
        text = ",".join([*item.pins(), *_python(item, python if isinstance(python, str) else "")])
        target = targets.target(text, seen.fingerprint)
        others = replace(target.fingerprint, packages=_OTHERS)
        judged = judging.judge(seen, replace(target, fingerprint=others), custom_objects=custom_objects)
        if judged.verdict not in {DRIFTS, BREAKS}:
            found.append(text)
        if len(found) == _MOST:
            break
    return tuple(found)


def _python(item: Environment, python: str) -> list[str]:
    """The newest Python that an environment has wheels for, where the target's has none."""
    if not python or item.has_wheels_for(python):
        return []
    return ["python==" + ".".join(str(part) for part in item.python[1])]


def _distance(item: Environment, near: Fingerprint, known: tuple[Environment, ...]) -> _Distance:
    """Another TensorFlow, another Keras, and how many releases lie between."""
    numbers = sorted({release(one.tensorflow)[:2] for one in known})
    here = _release(near.tensorflow)
    place = (
        min(range(len(numbers)), key=lambda at: (abs(numbers[at][1] - here[1]), numbers[at])) if here else 0
    )
    steps = abs(numbers.index(release(item.tensorflow)[:2]) - place)
    keras = _release(near.keras)
    away = abs(release(item.keras)[1] - keras[1]) if keras and release(item.keras)[:1] == keras[:1] else 0
    return steps > 0, not keras or release(item.keras)[:1] != keras[:1], steps, away


def _release(fact: object) -> tuple[int, ...]:
    """The release of a framework, empty where it is not known."""
    version = fact.version if isinstance(fact, (TensorFlow, Keras)) else None
    found = release(version) if isinstance(version, str) else ()
    return found if len(found) > 1 else ()
