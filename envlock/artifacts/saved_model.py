"""
TensorFlow's SavedModel folder, as Keras 2 saves it and as `export()` of Keras 3 writes it.

The protocol buffers are read by their field numbers
(https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/meta_graph.proto and
its neighbours); a general reader would need TensorFlow or a generated module per release.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from envlock.artifacts import protobuf
from envlock.artifacts.protobuf import Fields, Malformed, Message
from envlock.artifacts.reading import MAX_CONFIG, Reading, files_below, parse_object, shortened
from envlock.artifacts.saved_graph import DTYPES, operations
from envlock.errors import ArtifactError
from envlock.facts import Content, Maybe, Signature, TensorSpec, Unknown
from envlock.values import frozen

__all__ = ["matches", "read", "weights"]

_SERVED = "serve"
_DEFAULT = "serving_default"
_INDEX = "variables/variables.index"
_NO_DEFAULT = Unknown("the SavedModel has no signature serving_default")


@frozen
class _Graph:
    """The parts of a MetaGraphDef, by the order of their fields; `fields` counts what is read."""

    fields: Fields
    info: Message
    definition: Message
    signatures: tuple[Message, ...]
    assets: tuple[Message, ...]
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
        root = described.parts.get("root", {}) if described.is_there else None
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


def _content(graph: _Graph, path: Path, described: _Described, signatures: tuple[Signature, ...]) -> Content:
    root = described.parts.get("root", {}) if described.is_there else None
    compiled = root.get("training_config") if root else None
    found = operations(graph.fields, graph.definition, has_objects=len(graph.objects) > 0)
    return Content(
        config=root,
        compile_config=compiled if isinstance(compiled, dict) else None,
        ops=found.counts,
        op_values=found.values,
        called=found.called,
        is_changing=found.is_changing,
        slots=tuple(sorted(set(_slots(graph)))),
        has_keras_metadata=described.is_there,
        signatures=signatures,
        assets=files_below(path, ("assets", "assets.extra")),
        missing=tuple(_missing(graph, path)),
        parts={name: part for name, part in described.parts.items() if name != "root"},
        identifiers=described.identifiers,
        tracked=dict(_tracked(graph, described)),
    )


def _tracked(graph: _Graph, described: _Described) -> Iterator[tuple[str, list[str]]]:
    """What the objects that are never stored as functions hold, by the names of it."""
    fields, objects = graph.fields, _objects(graph)
    for path, part in described.parts.items():
        number = described.numbers.get(path, -1)
        if part.get("must_restore_from_config") is True and 0 <= number < len(objects):
            yield path, sorted({fields.text(child, 2) for child in fields.messages(objects[number], 1)})


def _missing(graph: _Graph, path: Path) -> Iterator[str]:
    """The files that the graph counts on and the folder lacks."""
    if len(graph.objects) and not (path / _INDEX).is_file():
        yield _INDEX
    fields = graph.fields
    for item in graph.assets:
        name = fields.text(item, 2)
        if name not in {"", ".", ".."} and "/" not in name and not (path / "assets" / name).exists():
            yield f"assets/{name}"


def _served(fields: Fields, data: Message) -> _Graph:
    """The graph that a server would take: the one with the tag for it, or the first."""
    graphs = [_graph(fields, item) for item in fields.messages(data, 2)]
    if not graphs:
        raise Malformed("it holds no graph")
    return next((graph for graph in graphs if _SERVED in _tags(graph)), graphs[0])


def _graph(fields: Fields, data: Message) -> _Graph:
    parts = fields.several(data, (1, 2, 7))
    signatures, assets = (tuple(fields.messages(data, number)) for number in (5, 6))
    return _Graph(fields, parts[1], parts[2], signatures, assets, parts[7])


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
    dtype = DTYPES.get(number)
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


@frozen
class _Described:
    """
    What Keras says of its objects, of what kind each is and its number in the graph, by path.

    `is_there` tells whether it says anything.
    """

    parts: dict[str, Any]
    identifiers: dict[str, str]
    numbers: dict[str, int]
    is_there: bool


def _metadata_beside(path: Path) -> _Described | None:
    """As Keras from 2.5 on writes it into `keras_metadata.pb`; `None` without that file."""
    file = path / "keras_metadata.pb"
    if not file.is_file():
        return None
    where = f"keras_metadata.pb in {path.name}"
    try:
        fields = Fields()
        nodes = list(fields.messages(protobuf.content(file), 1))
        rows = [fields.texts(node, (3, 4, 5)) for node in nodes]
        parts = _parsed(((row[3], row[5]) for row in rows), where)
        numbers = {row[3]: fields.number(node, 2) for row, node in zip(rows, nodes, strict=True)}
        return _Described(parts, {row[3]: row[4] for row in rows}, numbers, is_there=True)
    except Malformed as error:
        raise ArtifactError(f"{where} is damaged: {error}") from None
    except OSError as error:
        raise ArtifactError(f"{where} cannot be read: {error.strerror}") from None


def _metadata_inside(graph: _Graph, name: str) -> _Described:
    """
    As Keras up to 2.4 wrote it into the graph's objects; later only the kinds of the objects are there.

    Later Kerases read it there too, when there is no `keras_metadata.pb`.
    """
    fields, objects = graph.fields, _objects(graph)
    holders = _holders(fields, objects)
    rows = []
    left = MAX_CONFIG
    for number in holders:
        user = fields.texts(fields.message(objects[number], 4), (1, 3))
        if user[1].startswith("_tf_keras_"):
            path = _path(holders, number)
            left -= len(path)
            if left < 0:
                raise Malformed("its objects hold one another without end")
            rows.append((path, user[1], user[3], number))
    said = [(path, text) for path, _, text, _ in rows if text]
    parts = _parsed(said, f"the metadata in saved_model.pb in {name}")
    kinds = {path: kind for path, kind, _, _ in rows}
    return _Described(parts, kinds, {row[0]: row[3] for row in rows}, is_there=bool(said))


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
