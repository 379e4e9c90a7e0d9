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

from envlock.artifacts.reading import Reading, parse_object
from envlock.errors import ArtifactError
from envlock.facts import Content, Maybe, TensorSpec, Unknown

__all__ = ["matches", "read"]

Message = memoryview

# https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/types.proto
_DTYPES = {
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 7: "string",
    8: "complex64", 9: "int64", 10: "bool", 14: "bfloat16", 17: "uint16", 18: "complex128",
    19: "float16", 20: "resource", 22: "uint32", 23: "uint64",
}  # fmt: skip


def matches(path: Path) -> bool:
    """Whether `path` is a folder that holds `saved_model.pb`."""
    return (path / "saved_model.pb").is_file()


def read(path: Path) -> Reading:
    """Versions, operations and the default signature by the folder's own account."""
    try:
        graph = _first_graph(memoryview((path / "saved_model.pb").read_bytes()))
        info = _message(graph, 1)
        return Reading(
            format="saved-model",
            keras_version=_keras_version(path),
            tensorflow_version=_string(info, 5) or None,
            content=_content(graph, path),
            inputs=_signature(graph, 1),
            outputs=_signature(graph, 2),
        )
    except _Malformed as error:
        raise ArtifactError(f"saved_model.pb in {path.name} is damaged: {error}") from None


def _content(graph: Message, path: Path) -> Content:
    metadata = _keras_root(path)
    compiled = metadata.get("training_config") if metadata else None
    return Content(
        config=metadata,
        compile_config=compiled if isinstance(compiled, dict) else None,
        ops=tuple(sorted(set(_ops(graph)))),
        slots=tuple(sorted(set(_slots(graph)))),
        has_keras_metadata=metadata is not None,
    )


def _ops(graph: Message) -> Iterator[str]:
    """The operations of the graph and of every function of its library."""
    definition = _message(graph, 2)
    library = _message(definition, 2)
    functions = list(_messages(library, 1))
    own = {_string(_message(function, 1), 1) for function in functions}
    called = [*_messages(definition, 1), *(node for function in functions for node in _messages(function, 3))]
    yield from (op for node in called if (op := _string(node, 2)) not in own)


def _slots(graph: Message) -> Iterator[str]:
    """What the tracked objects that hold slot variables are called."""
    for item in _messages(_message(graph, 7), 1):
        if any(_messages(item, 3)):
            yield _string(_message(item, 4), 1)


def _signature(graph: Message, field: int) -> Maybe[tuple[TensorSpec, ...]]:
    for entry in _messages(graph, 5):
        if _string(entry, 1) == "serving_default":
            tensors = [_tensor(item) for item in _messages(_message(entry, 2), field)]
            unknown = next((spec for spec in tensors if isinstance(spec, Unknown)), None)
            known = (spec for spec in tensors if not isinstance(spec, Unknown))
            return unknown or tuple(sorted(known, key=lambda spec: spec.name))
    return Unknown("the SavedModel has no signature serving_default")


def _tensor(entry: Message) -> Maybe[TensorSpec]:
    name, info = _string(entry, 1), _message(entry, 2)
    shape, dtype = _message(info, 3), _DTYPES.get(_number(info, 2))
    if _number(shape, 3) or dtype is None:
        return Unknown(f"the signature does not say the {'dtype' if dtype is None else 'rank'} of {name!r}")
    return TensorSpec(
        name=name, shape=tuple(_signed(_number(dim, 1)) for dim in _messages(shape, 2)), dtype=dtype
    )


def _keras_version(path: Path) -> Maybe[str | None]:
    metadata = _keras_root(path)
    if metadata is None:
        return None
    version = metadata.get("keras_version")
    return version if isinstance(version, str) else None


def _keras_root(path: Path) -> dict[str, Any] | None:
    """What Keras 2 says of the whole model in `keras_metadata.pb`."""
    file = path / "keras_metadata.pb"
    if not file.is_file():
        return None
    try:
        for node in _messages(memoryview(file.read_bytes()), 1):
            if _string(node, 3) == "root":
                return parse_object(_string(node, 5), where=f"keras_metadata.pb in {path.name}")
    except _Malformed as error:
        raise ArtifactError(f"keras_metadata.pb in {path.name} is damaged: {error}") from None
    return {}


def _first_graph(data: Message) -> Message:
    graph = next(_messages(data, 2), None)
    if graph is None:
        raise _Malformed("it holds no graph")
    return graph


class _Malformed(Exception):
    """The bytes are no protocol buffer of the kind expected."""


def _fields(data: Message) -> Iterator[tuple[int, int | Message]]:
    """Field numbers and values: whole numbers, or the bytes of what has a length."""
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        match key & 7:
            case 0:
                value, at = _varint(data, at)
                yield key >> 3, value
                continue
            case 1:
                size = 8
            case 2:
                size, at = _varint(data, at)
            case 5:
                size = 4
            case kind:
                raise _Malformed(f"a field has the unknown wire type {kind}")
        if at + size > end:
            raise _Malformed("it ends in the middle of a field")
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: Message, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise _Malformed("it ends in the middle of a number")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise _Malformed("a number is longer than ten bytes")


def _messages(data: Message, field: int) -> Iterator[Message]:
    return (value for number, value in _fields(data) if number == field and isinstance(value, memoryview))


def _message(data: Message, field: int) -> Message:
    return next(_messages(data, field), memoryview(b""))


def _string(data: Message, field: int) -> str:
    return bytes(_message(data, field)).decode("utf-8", "replace")


def _number(data: Message, field: int) -> int:
    return next((value for number, value in _fields(data) if number == field and isinstance(value, int)), 0)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value
