"""
TensorFlow's SavedModel folder, as Keras 2 saves it and as `export()` of Keras 3 writes it.

The protocol buffers are read by their field numbers
(https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/meta_graph.proto and
its neighbours); a general reader would need TensorFlow or a generated module per release.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from envlock.artifacts import protobuf
from envlock.artifacts.protobuf import Fields, Malformed, Message
from envlock.artifacts.reading import MAX_CONFIG, Reading, files_below, parse_object, shortened
from envlock.errors import ArtifactError
from envlock.facts import Content, Maybe, Signature, TensorSpec, Unknown
from envlock.values import frozen

__all__ = ["matches", "read", "weights"]

# https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/types.proto
_DTYPES = {
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 7: "string",
    8: "complex64", 9: "int64", 10: "bool", 11: "qint8", 12: "quint8", 13: "qint32", 14: "bfloat16",
    15: "qint16", 16: "quint16", 17: "uint16", 18: "complex128", 19: "float16", 20: "resource",
    21: "variant", 22: "uint32", 23: "uint64", 24: "float8_e5m2", 25: "float8_e4m3fn", 29: "int4",
    30: "uint4",
}  # fmt: skip

_SERVED = "serve"
_DEFAULT = "serving_default"
_NO_DEFAULT = Unknown("the SavedModel has no signature serving_default")


@frozen
class _Graph:
    """The parts of a MetaGraphDef, by the order of their fields; `fields` counts what is read."""

    fields: Fields
    info: Message
    definition: Message
    signatures: tuple[Message, ...]
    objects: Message


def matches(path: Path) -> bool:
    """Whether `path` is a folder that holds `saved_model.pb`."""
    return (path / "saved_model.pb").is_file()


def read(path: Path) -> Reading:
    """Versions, operations and signatures by the folder's own account."""
    # Outside of what is caught below: its errors name another file.
    beside = _metadata_beside(path)
    try:
        fields = Fields()
        data = protobuf.content(path / "saved_model.pb")
        graph = _served(fields, data)
        described = _metadata_inside(graph, path.name) if beside is None else beside
        root = described.get("root", {}) if described is not None else None
        signatures = tuple(sorted(_signatures(graph), key=lambda item: item.name))
        default = next((item for item in signatures if item.name == _DEFAULT), None)
        return Reading(
            format="saved-model",
            keras_version=_text(root, "keras_version"),
            tensorflow_version=fields.text(graph.info, 5) or None,
            content=_content(graph, path, described, signatures),
            inputs=default.inputs if default else _NO_DEFAULT,
            outputs=default.outputs if default else _NO_DEFAULT,
            stamps=_stamps(graph, data, root),
        )
    except Malformed as error:
        raise ArtifactError(f"saved_model.pb in {path.name} is damaged: {error}") from None
    except OSError as error:
        raise ArtifactError(f"saved_model.pb in {path.name} cannot be read: {error.strerror}") from None


def weights(path: Path) -> Maybe[tuple[TensorSpec, ...]]:
    """The variables that the folder keeps, by their names, in the order of these."""
    try:
        fields = Fields()
        graph = _served(fields, protobuf.content(path / "saved_model.pb"))
        found = [_variable(fields, item) for item in _objects(graph) if _kept(fields, item)]
    except Malformed as error:
        return Unknown(f"saved_model.pb could not be read: {error}")
    except OSError as error:
        return Unknown(f"saved_model.pb could not be read: {error.strerror}")
    known = [spec for spec in found if not isinstance(spec, Unknown)]
    unknown = next((spec for spec in found if isinstance(spec, Unknown)), None)
    return unknown or tuple(sorted(known, key=lambda spec: (spec.name, spec.shape, spec.dtype)))


def _content(
    graph: _Graph, path: Path, described: dict[str, Any] | None, signatures: tuple[Signature, ...]
) -> Content:
    root = described.get("root", {}) if described is not None else None
    compiled = root.get("training_config") if root else None
    return Content(
        config=root,
        compile_config=compiled if isinstance(compiled, dict) else None,
        ops=dict(sorted(Counter(_ops(graph)).items())),
        slots=tuple(sorted(set(_slots(graph)))),
        has_keras_metadata=described is not None,
        signatures=signatures,
        assets=files_below(path, ("assets", "assets.extra")),
        parts={name: part for name, part in (described or {}).items() if name != "root"},
    )


def _served(fields: Fields, data: Message) -> _Graph:
    """The graph that a server would take: the one with the tag for it, or the first."""
    graphs = [_graph(fields, item) for item in fields.messages(data, 2)]
    if not graphs:
        raise Malformed("it holds no graph")
    return next((graph for graph in graphs if _SERVED in _tags(graph)), graphs[0])


def _graph(fields: Fields, data: Message) -> _Graph:
    parts = fields.several(data, (1, 2, 7))
    return _Graph(fields, parts[1], parts[2], tuple(fields.messages(data, 5)), parts[7])


def _tags(graph: _Graph) -> list[str]:
    return [bytes(tag).decode("utf-8", "replace") for tag in graph.fields.messages(graph.info, 4)]


def _stamps(graph: _Graph, data: Message, root: dict[str, Any] | None) -> dict[str, str]:
    fields = graph.fields
    versions = fields.message(graph.definition, 4)
    found = {
        "backend": _text(root, "backend"),
        "graph-def-producer": str(fields.number(versions, 1)),
        "graph-def-min-consumer": str(fields.number(versions, 2)),
        "saved-model-schema-version": str(fields.number(data, 1)),
        "tags": " ".join(sorted(_tags(graph))),
        "tensorflow-git-version": fields.text(graph.info, 6),
    }
    return {name: value for name, value in found.items() if value and value != "0"}


def _ops(graph: _Graph) -> Iterator[str]:
    """The operations of the graph and of every function of its library."""
    fields = graph.fields
    functions = [
        (fields.text(fields.message(item, 1), 1), list(fields.messages(item, 3)))
        for item in fields.messages(fields.message(graph.definition, 2), 1)
    ]
    own = {name for name, _ in functions}
    called = [*fields.messages(graph.definition, 1), *(node for _, nodes in functions for node in nodes)]
    yield from (op for node in called if (op := fields.text(node, 2)) not in own)


def _objects(graph: _Graph) -> list[Message]:
    return list(graph.fields.messages(graph.objects, 1))


def _slots(graph: _Graph) -> Iterator[str]:
    """What the tracked objects that hold slot variables are called."""
    fields = graph.fields
    for item in _objects(graph):
        if any(fields.messages(item, 3)):
            yield fields.text(fields.message(item, 4), 1)


def _signatures(graph: _Graph) -> Iterator[Signature]:
    fields = graph.fields
    for entry in graph.signatures:
        name, definition = fields.text(entry, 1), fields.message(entry, 2)
        # TensorFlow files its own operation for initialising here.
        if not name.startswith("__saved_model_"):
            yield Signature(
                name=name, inputs=_tensors(fields, definition, 1), outputs=_tensors(fields, definition, 2)
            )


def _tensors(fields: Fields, definition: Message, field: int) -> Maybe[tuple[TensorSpec, ...]]:
    tensors = [_tensor(fields, item) for item in fields.messages(definition, field)]
    unknown = next((spec for spec in tensors if isinstance(spec, Unknown)), None)
    known = (spec for spec in tensors if not isinstance(spec, Unknown))
    return unknown or tuple(sorted(known, key=lambda spec: spec.name))


def _tensor(fields: Fields, entry: Message) -> Maybe[TensorSpec]:
    info = fields.message(entry, 2)
    return _spec(fields, fields.text(entry, 1), fields.number(info, 2), fields.message(info, 3))


def _spec(fields: Fields, name: str, number: int, shape: Message) -> Maybe[TensorSpec]:
    dtype = _DTYPES.get(number)
    if fields.number(shape, 3) or dtype is None:
        return Unknown(
            f"the graph does not say the {'dtype' if dtype is None else 'rank'} of {shortened(name)!r}"
        )
    sizes = (protobuf.signed(fields.number(size, 1)) for size in fields.messages(shape, 2))
    return TensorSpec(name=name, shape=tuple(max(-1, size) for size in sizes), dtype=dtype)


def _kept(fields: Fields, item: Message) -> bool:
    return len(fields.message(item, 7)) > 0


def _variable(fields: Fields, item: Message) -> Maybe[TensorSpec]:
    variable = fields.message(item, 7)
    return _spec(fields, fields.text(variable, 6), fields.number(variable, 1), fields.message(variable, 2))


# What Keras 2 says of each object, by its path


def _metadata_beside(path: Path) -> dict[str, Any] | None:
    """As Keras from 2.5 on writes it into `keras_metadata.pb`; `None` without that file."""
    file = path / "keras_metadata.pb"
    if not file.is_file():
        return None
    where = f"keras_metadata.pb in {path.name}"
    try:
        fields = Fields()
        rows = (fields.texts(node, (3, 5)) for node in fields.messages(protobuf.content(file), 1))
        return _parsed(((row[3], row[5]) for row in rows), where)
    except Malformed as error:
        raise ArtifactError(f"{where} is damaged: {error}") from None
    except OSError as error:
        raise ArtifactError(f"{where} cannot be read: {error.strerror}") from None


def _metadata_inside(graph: _Graph, name: str) -> dict[str, Any] | None:
    """
    As Keras up to 2.4 wrote it into the graph's objects; `None` where there is none.

    Later Kerases read it there too, when there is no `keras_metadata.pb`.
    """
    fields, objects = graph.fields, _objects(graph)
    holders = _holders(fields, objects)
    found = []
    left = MAX_CONFIG
    for number in holders:
        user = fields.texts(fields.message(objects[number], 4), (1, 3))
        if user[1].startswith("_tf_keras_") and user[3]:
            path = _path(holders, number)
            left -= len(path)
            if left < 0:
                raise Malformed("its objects hold one another without end")
            found.append((path, user[3]))
    return _parsed(found, f"the metadata in saved_model.pb in {name}") if found else None


def _holders(fields: Fields, objects: list[Message]) -> dict[int, tuple[int, str]]:
    """Each object below the root with the one that holds it and under which name, found as Keras does."""
    found: dict[int, tuple[int, str]] = {0: (-1, "root")} if objects else {}
    waiting = list(found)
    while waiting:
        current = waiting.pop()
        for child in fields.messages(objects[current], 1):
            number = fields.number(child, 1)
            if number not in found and number < len(objects):
                found[number] = current, fields.text(child, 2)
                waiting.append(number)
    return found


def _path(holders: dict[int, tuple[int, str]], number: int) -> str:
    """Where an object hangs below the root, as Keras names it: `root.layer-0`."""
    words = []
    while number >= 0:
        number, word = holders[number]
        words.append(word)
    return ".".join(reversed(words))


def _parsed(rows: Any, where: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    left = MAX_CONFIG
    for path, text in rows:
        left -= len(text)
        if left < 0:
            raise ArtifactError(f"{where} is longer than {MAX_CONFIG} bytes, which is the most that is read")
        found[path] = parse_object(text, where=where)
    return found


def _text(root: dict[str, Any] | None, key: str) -> str | None:
    value = root.get(key) if root else None
    return value if isinstance(value, str) else None
