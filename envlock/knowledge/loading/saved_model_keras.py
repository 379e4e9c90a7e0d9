"""
What `load_model` of Keras 2 does with a SavedModel.

https://github.com/keras-team/tf-keras/blob/master/tf_keras/src/saving/legacy/saved_model/load.py
Each layer is made from its configuration where that works, else from the functions that were stored with it;
networks are put together from the layers afterwards, and compiled. Up to 2.11 only a `ValueError` is answered
with the functions, since 2.12 every error. Preprocessing layers and some others have no stored functions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from envlock.knowledge.loading import keras2_compile, keras2_nodes, keras2_objects, keras2_silent
from envlock.knowledge.loading.common import config_of, key_problems, label, missing_code, shown, text_of
from envlock.knowledge.loading.constructors import is_made_otherwise
from envlock.knowledge.loading.keras2_load import WITHOUT_LAYERS, Load, load, without_layers
from envlock.knowledge.problem import COMPILE, Problem
from envlock.knowledge.rule import Comparison
from envlock.values import replace

if TYPE_CHECKING:
    from envlock.knowledge.releases import KerasApi

__all__ = ["problems"]

_METRIC = "_tf_keras_metric"
_INPUT = "_tf_keras_input_layer"
_SEQUENTIAL = "_tf_keras_sequential"
_MODELS = frozenset({"_tf_keras_model", "_tf_keras_network", _SEQUENTIAL})
# The kinds that have a stand-in for a class that cannot be had: not the recurrent layers.
_STAND_INS = _MODELS | {_INPUT, "_tf_keras_layer"}

# What Keras 2 writes of an object whose class says nothing of itself.
_UNSAID = "layer was saved without config"
_SWALLOWS_ALL = (2, 12)
_DEEPEST = 50


def problems(seen: Comparison, api: KerasApi) -> Iterator[Problem]:
    """Everything that stands between this Keras and the model."""
    job = load(seen, api, is_archive=False)
    refused = _no_model(seen, job)
    if refused is not None:
        yield refused
        return
    yield from _Walk(seen, job).problems()


def _no_model(seen: Comparison, job: Load) -> Problem | None:
    """What is wrong with a folder that Keras does not take for a model."""
    content, name = seen.content, seen.artifact.name
    identifiers = content.identifiers if isinstance(content.identifiers, dict) else {}
    is_told_beside = content.has_keras_metadata and seen.writer >= (2, 5)
    if not content.has_keras_metadata and identifiers:
        error = (
            "Unable to create a Keras model from SavedModel at"
            if job.reader >= (2, 6)
            else "Expecting value: line 1 column 1 (char 0)"
        )
        return _told(
            "EL105", name, f"{name} was saved without the description that Keras revives it from", error
        )
    if is_told_beside and seen.writer >= (2, 6) and job.reader < (2, 6):
        error = "Expecting value: line 1 column 1 (char 0)"
        said = f"{name} describes itself in keras_metadata.pb, where {job.reader_name} does not read it"
        return _told("EL105", name, said, error)
    if not content.has_keras_metadata or identifiers.get("root") not in _MODELS:
        error = "'_UserObject' object has no attribute 'predict'"
        said = f"load_model of {job.reader_name} returns an object without predict"
        return _told("EL105", name, said, error)
    return None


class _Walk:
    """One load: the objects in their order, which of them came from a configuration."""

    def __init__(self, seen: Comparison, job: Load) -> None:
        content = seen.content
        parts = content.parts if isinstance(content.parts, dict) else {}
        root = content.config if isinstance(content.config, dict) else {}
        self._job = job
        self._settings = content.compile_config
        self._tracked = content.tracked if isinstance(content.tracked, dict) else {}
        self._identifiers = content.identifiers if isinstance(content.identifiers, dict) else {}
        self._said: dict[str, Any] = {"root": root, **parts}
        self._revived: set[str] = set()

    def problems(self) -> Iterator[Problem]:
        """All objects but the metrics, then these, then what the model was compiled with."""
        metrics = []
        for path, kind in self._identifiers.items():
            said = self._said.get(path)
            if not isinstance(said, dict) or self._is_made(path):
                continue
            if kind == _METRIC:
                metrics.append(said)
            elif self._is_network(said):
                yield from self._network(path, kind, said)
            else:
                yield from self._layer(path, kind, said)
        for said in metrics:
            yield from self._metric(said)
        settings = _plain(self._settings)
        if isinstance(settings, dict):
            yield from keras2_compile.from_hdf5(self._job, settings)

    def _is_made(self, path: str) -> bool:
        """Whether what holds an object was made from its configuration, and the object with it."""
        while "." in path:
            path = path.rpartition(".")[0]
            if path in self._revived:
                return True
        return False

    def _is_network(self, said: dict[str, Any]) -> bool:
        if not isinstance(said.get("config"), dict):
            return False
        if not self._job.is_own(said, "model") and not self._job.is_code_missing:
            return False  # registered, it is made by its own class
        return said.get("is_graph_network") is True or text_of(said, "class_name") in {
            "Sequential",
            "Functional",
        }

    def _network(self, path: str, kind: str, said: dict[str, Any]) -> Iterator[Problem]:
        """A network is put together from its layers, which stand for themselves."""
        model = _object(said)
        layers = config_of(model).get("layers")
        if not isinstance(layers, list):
            return
        yield from keras2_silent.in_network(self._job, [item for item in layers if isinstance(item, dict)])
        if kind != _SEQUENTIAL:
            yield from keras2_nodes.graph(self._job, model)
        elif layers and self._identifiers.get(f"{path}.layer-0") != _INPUT:
            first = layers[0]
            if text_of(first, "class_name") == "InputLayer":
                yield from keras2_objects.problems(self._job, first, "layer", label(model))

    def _layer(self, path: str, kind: str, said: dict[str, Any]) -> Iterator[Problem]:
        if not isinstance(said.get("config"), dict):
            return  # its class writes no configuration: it comes from the stored functions
        found = list(keras2_objects.problems(self._job, _object(said), "layer", label(said)))
        if kind in _MODELS and self._is_made_of_layers(said):
            found.append(without_layers(self._job, label(said)))
        silent = [problem for problem in found if problem.is_silent]
        found = [problem for problem in found if not problem.is_silent]
        if not found:
            self._revived.add(path)
            yield from silent
            yield from self._state(path, said)
        elif said.get("must_restore_from_config") is True:
            yield from found
        elif self._job.reader < _SWALLOWS_ALL and any(_is_loud(problem) for problem in found):
            yield from (self._renamed(problem, said) for problem in found if _is_loud(problem))
        elif kind not in _STAND_INS:
            yield from (self._without_stand_in(problem, kind, said) for problem in found)

    def _is_made_of_layers(self, said: dict[str, Any]) -> bool:
        """Whether `Model.from_config` makes a model of the user's class, which once took layers alone."""
        config = said["config"]
        is_there = not self._job.is_code_missing and not self._job.is_own(said, "model")
        is_there = is_there and not is_made_otherwise(self._job.seen, said)
        is_told = "layers" not in config and _UNSAID not in config
        return is_there and is_told and self._job.reader < WITHOUT_LAYERS

    def _state(self, path: str, said: dict[str, Any]) -> Iterator[Problem]:
        """What a layer that is never stored as functions still needs, once it is made."""
        if said.get("must_restore_from_config") is not True:
            return
        made = self._job.class_of(self._job.found("layer", text_of(said, "class_name") or ""))
        if made is None:
            return
        what = label(said)
        if "build" in made.defines and said.get("build_input_shape") is None:
            yield _told(
                "EL120",
                what,
                f"{what} does not say the shape that {self._job.reader_name} builds it for",
                f"Cannot call custom layer {shown(text_of(said, 'name') or '')} of type",
            )
        if lost := self._unbound(path, said, made.mro):
            yield _told(
                "EL118",
                what,
                f"{what} keeps its state otherwise than {self._job.reader_name}, which looks for `{lost}`",
                "Python objects that were not bound to checkpointed values",
            )

    def _unbound(self, path: str, said: dict[str, Any], mro: tuple[str, ...]) -> str:
        """The table or the inner layer that this Keras makes and that has no state in the file."""
        held = self._tracked.get(path)
        if not isinstance(held, list):
            return ""
        expected = ""
        if "TextVectorization" in mro:
            expected = "_lookup_layer" if self._job.reader >= (2, 7) else "_index_lookup_layer"
            if said.get("config", {}).get("vocabulary") is None and expected in held:
                return self._unbound(f"{path}.{expected}", {"config": {}}, ("IndexLookup",))
        elif "IndexLookup" in mro:
            expected = "lookup_table" if self._job.reader >= (2, 6) else "_table"
        vocabulary = said["config"].get("vocabulary") if isinstance(said.get("config"), dict) else None
        return expected if expected not in held and vocabulary is None else ""

    def _renamed(self, problem: Problem, said: dict[str, Any]) -> Problem:
        """As Keras 2.7 to 2.11 put it, which take every such error for a name given twice."""
        name = text_of(said, "class_name") or ""
        if self._job.reader < (2, 7) or not self._job.found("layer", name):
            return problem
        error = f"Unable to restore object of class '{shown(name)}' likely due to name conflict with built-in"
        return replace(problem, error=error)

    def _without_stand_in(self, problem: Problem, kind: str, said: dict[str, Any]) -> Problem:
        name = shown(text_of(said, "class_name") or "")
        if self._job.reader >= _SWALLOWS_ALL:
            error = f'Unable to restore custom object of class "{name}" (type {shown(kind)})'
        else:
            error = f"Unable to restore custom object of type {shown(kind)}"
        return replace(problem, error=error)

    def _metric(self, said: dict[str, Any]) -> Iterator[Problem]:
        """A metric has no stand-in; without compiling a missing class is passed over."""
        item = _object(said)
        name = text_of(item, "class_name") or ""
        found = self._job.found("metric", name)
        error = self._no_metric(name)
        function = config_of(item).get("fn")
        if found is None and self._job.is_own(item, "metric"):
            message = f"{label(item)} is a metric that {self._job.reader_name} does not have"
            yield _told("EL111", label(item), message, error, avoided_by=COMPILE)
        elif found is None:
            if self._job.is_code_missing:
                yield missing_code(name, "the model", avoided_by=COMPILE, error=error)
        elif isinstance(function, str) and self._job.found("metric", function) is None:
            if self._job.is_code_missing:
                yield missing_code(function, label(item), avoided_by=COMPILE, error=error)
        else:
            yield from self._metric_keys(item, found)

    def _metric_keys(self, item: dict[str, Any], qualified: str) -> Iterator[Problem]:
        found = self._job.class_of(qualified)
        if found is not None:
            yield from key_problems(found, item, config_of(item), reader=self._job.reader_name)

    def _no_metric(self, name: str) -> str:
        if self._job.reader >= _SWALLOWS_ALL:
            return f'Unable to restore custom object of class "{shown(name)}" (type {_METRIC})'
        return f"Unable to restore custom object of type {_METRIC}"


def _is_loud(problem: Problem) -> bool:
    """Whether an error is none of the `ValueError`s that Keras up to 2.11 answers with the fallback."""
    said = problem.error
    if said.startswith(("TypeError", "KeyError")):
        return True
    return problem.code in {"EL108", "EL124"} and not said.startswith("ValueError")


def _object(said: dict[str, Any]) -> dict[str, Any]:
    """An object as the other loaders find it, from what the metadata says of it."""
    config = _plain(said.get("config"))
    return {"class_name": said.get("class_name"), "config": config if isinstance(config, dict) else {}}


def _plain(value: Any, depth: int = 0) -> Any:
    """A value with tuples and shapes as lists, which the metadata writes as objects."""
    if depth > _DEEPEST:
        return value
    match value:
        case {"class_name": "__tuple__" | "TensorShape", "items": list(items)}:
            return [_plain(item, depth + 1) for item in items]
        case dict():
            return {key: _plain(item, depth + 1) for key, item in value.items()}
        case list():
            return [_plain(item, depth + 1) for item in value]
    return value


def _told(code: str, subject: str, message: str, error: str, *, avoided_by: str = "") -> Problem:
    return Problem(code=code, subject=subject, message=message, error=error, avoided_by=avoided_by)
