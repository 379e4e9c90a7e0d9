"""
What each loader does with what a saved model says, told from the tables of the release that loads it.

One module for each family of loaders; each walks through the configuration as that loader does and yields
every problem it meets, not only the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING

from envlock.facts import Keras
from envlock.knowledge import operations, releases
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import ALL_LOADERS, THREE, TWO
from envlock.values import replace

if TYPE_CHECKING:
    from envlock.knowledge.releases import KerasApi
    from envlock.knowledge.rule import Comparison

__all__ = ["api_of", "passed_over", "problems", "stand_ins"]

# What pip installs where only "some Keras 3" is asked for.
_NEWEST = 999


def problems(seen: Comparison) -> tuple[Problem, ...]:
    """Everything that stands between the model and the loaders of the target."""
    found: dict[Problem, set[str]] = {}
    for problem in _problems(_settled(seen)):
        found.setdefault(replace(problem, loaders=()), set()).update(problem.loaders)
    return tuple(
        replace(problem, loaders=tuple(name for name in ALL_LOADERS if name in loaders))
        for problem, loaders in found.items()
    )


def api_of(seen: Comparison) -> KerasApi | None:
    """The tables of the Keras that would read the model, or of the release nearest to it."""
    keras = seen.current.keras
    if not isinstance(keras, Keras) or not seen.reader:
        return None
    reader = seen.reader if len(seen.reader) > 1 else (*seen.reader, _NEWEST)
    if keras.provider == "tf-keras":
        return releases.keras("tf-keras", reader)
    if TWO <= reader < (2, 6):  # Keras inside TensorFlow, which counts as that does
        return releases.keras("tensorflow", seen.tensorflow or reader)
    return releases.keras("keras", reader)


def stand_ins(seen: Comparison) -> dict[str, str]:
    """What is said of a release that is in no table: which one stands for it."""
    found = {}
    if seen.artifact.format == "saved-model":
        graph = operations.tensorflow(seen.tensorflow) if seen.tensorflow else None
        if graph and not graph.is_exact:
            name = "TensorFlow " + ".".join(map(str, seen.tensorflow))
            found["tensorflow"] = _stands_in(name, graph.version)
    api = api_of(seen)
    if api and not api.is_exact and len(seen.reader) > 1:
        found["keras"] = _stands_in(seen.reader_name, api.version)
    return found


def passed_over(seen: Comparison) -> dict[str, str]:
    """What is said of a release that no table comes near to: that nothing is known of it."""
    if seen.artifact.format == "saved-model":
        known = not seen.tensorflow or operations.tensorflow(seen.tensorflow) is not None
        name = "TensorFlow " + ".".join(map(str, seen.tensorflow))
        return {} if known else {"tensorflow": f"{name} is far from all that envlock has tables of"}
    if seen.reader and api_of(seen) is None:
        return {"keras": f"{seen.reader_name} is far from all that envlock has tables of"}
    return {}


def _stands_in(name: str, version: str) -> str:
    return f"{name} is not in envlock's tables; it is judged as {version} is"


def _settled(seen: Comparison) -> Comparison:
    """The same with a release of Keras that is only known as "some Keras 3" settled on the one judged by."""
    keras, api = seen.current.keras, api_of(seen)
    if len(seen.reader) != 1 or api is None or not isinstance(keras, Keras):
        return seen
    return replace(seen, current=replace(seen.current, keras=replace(keras, version=api.version)))


def _problems(seen: Comparison) -> Iterator[Problem]:
    """What the walks tell; only those that a model and a target ask for are imported."""
    api = api_of(seen)
    if seen.artifact.format == "saved-model":
        from envlock.knowledge.loading import saved_model

        yield from saved_model.graph(seen)
        if api:
            yield from saved_model.keras(seen, api)
    elif api and seen.artifact.format in {"keras", "hdf5"}:
        from envlock.knowledge.loading import arithmetic, arrays, left_out, masks, weights

        walks = _walks(seen)
        yield from walks.archive(seen, api) if seen.artifact.format == "keras" else walks.hdf5(seen, api)
        yield from weights.problems(seen, api)
        yield from arithmetic.problems(seen)
        yield from arrays.problems(seen)
        yield from masks.problems(seen)
        yield from left_out.problems(seen)


def _walks(seen: Comparison) -> ModuleType:
    if seen.reader >= THREE:
        from envlock.knowledge.loading import keras3

        return keras3
    from envlock.knowledge.loading import keras2

    return keras2
