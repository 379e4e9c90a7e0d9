"""
The operations of a SavedModel: which there are, the values of their attributes, and which are run.

The messages: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/node_def.proto,
`attr_value.proto` and `function.proto` beside it.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Iterator

from envlock.artifacts.protobuf import Fields, Malformed, Message
from envlock.values import frozen

__all__ = ["DTYPES", "Operations", "operations"]

# https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/types.proto
DTYPES = {
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 7: "string",
    8: "complex64", 9: "int64", 10: "bool", 11: "qint8", 12: "quint8", 13: "qint32", 14: "bfloat16",
    15: "qint16", 16: "quint16", 17: "uint16", 18: "complex128", 19: "float16", 20: "resource",
    21: "variant", 22: "uint32", 23: "uint64", 24: "float8_e5m2", 25: "float8_e4m3fn",
    26: "float8_e4m3fnuz", 27: "float8_e4m3b11fnuz", 28: "float8_e5m2fnuz", 29: "int4", 30: "uint4",
    31: "int2", 32: "uint2", 33: "float4_e2m1fn",
}  # fmt: skip

# A value that is longer is a constant or a list that no table has.
_LONGEST = 400
_MOST_VALUES = 16
# What changes a variable, as a state is kept.
_CHANGE = {"AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp"}
_OTHER = "?"


@frozen
class Operations:
    """
    The operations of the graph and of its function library, without calls of these functions.

    `values` is about the operations that loading imports: of the library alone, where objects were saved with
    the graph. By operation and attribute, it holds the settings that stand in the file, as text: `float32`,
    `[int32,int32]`, `true`; TensorFlow leaves out those at their default. `called` are the operations that
    the graph reaches when it is restored or served, which is not all: functions for training are kept too.
    `is_changing` tells that one of those that it reaches changes variables, and not to restore them.
    """

    counts: dict[str, int]
    values: dict[str, dict[str, list[str]]]
    called: tuple[str, ...]
    is_changing: bool


def operations(fields: Fields, definition: Message, *, has_objects: bool = True) -> Operations:
    """What a GraphDef consists of; `has_objects` tells that objects were saved with it."""
    graph = _Graph(fields)
    library = {}
    for function in fields.messages(fields.message(definition, 2), 1):
        name = fields.text(fields.message(function, 1), 1)
        library[name] = graph.body(fields.messages(function, 3))
    beside = _Graph(fields) if has_objects else graph
    main = beside.body(fields.messages(definition, 1))
    bodies = [main, *library.values()]
    counts: Counter[str] = sum((body.ops for body in bodies), Counter())
    own = sorted(counts.keys() - library.keys())
    reached = _reached(main, library)
    called = set[str]().union(*(body.ops for body in reached))
    return Operations(
        counts={name: counts[name] for name in own},
        values={name: graph.values(name) for name in own if graph.has(name)},
        called=tuple(name for name in own if name in called),
        is_changing=any(_is_changing(body) for body in reached[1:]),
    )


def _is_changing(body: _Body) -> bool:
    return "RestoreV2" not in body.ops and not _CHANGE.isdisjoint(body.ops)


@frozen
class _Body:
    """The operations of one function, and the functions that it names."""

    ops: Counter[str]
    functions: set[str]


def _reached(main: _Body, library: dict[str, _Body]) -> list[_Body]:
    """The graph itself, and the functions that it comes to."""
    found, seen = [main], set[str]()
    for body in found:
        for name in (body.functions | body.ops.keys()) & library.keys() - seen:
            seen.add(name)
            found.append(library[name])
    return found


class _Graph:
    """What the nodes read so far say; the same bytes are read once."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._entries: dict[bytes, tuple[str, str, tuple[str, ...]]] = {}
        self._held: dict[str, set[bytes]] = {}

    def body(self, nodes: Iterable[Message]) -> _Body:
        """The nodes of one function."""
        ops: Counter[str] = Counter()
        functions: set[str] = set()
        for node in nodes:
            op, entries = self._node(node)
            ops[op] += 1
            held = self._held.setdefault(op, set())
            for entry in entries:
                found = self._entries.get(entry) or self._entry(entry)
                if found[2]:
                    functions.update(found[2])
                held.add(entry)
        return _Body(ops, functions)

    def has(self, op: str) -> bool:
        """Whether an operation was met."""
        return op in self._held

    def values(self, op: str) -> dict[str, list[str]]:
        """The values of each attribute of an operation; what begins with `_` is no part of it."""
        found: dict[str, set[str]] = {}
        for entry in self._held.get(op, ()):
            name, value, _ = self._entry(entry)
            if not name.startswith("_"):
                found.setdefault(name, set()).add(value)
        return {name: sorted(items)[:_MOST_VALUES] for name, items in sorted(found.items())}

    def _node(self, node: Message) -> tuple[str, list[bytes]]:
        """The operation of a NodeDef and its attributes, as bytes."""
        data = bytes(node)
        at, end = 0, len(data)
        op, entries = b"", []
        while at < end:
            start = at + 2
            if data[at] & 7 != 2 or start > end or data[at + 1] > 0x7F:
                return self._odd_node(node)
            number, at = data[at] >> 3, start + data[at + 1]
            if number == 5:
                if data[start + 2 : start + 3] != b"_":  # the name: what is no part of the operation
                    entries.append(data[start:at])
            elif number == 2:
                op = data[start:at]
        if at != end:
            raise Malformed("it ends in the middle of a field")
        return op.decode("utf-8", "replace"), entries

    def _odd_node(self, node: Message) -> tuple[str, list[bytes]]:
        """The same of a node with long values."""
        op, entries = b"", []
        for number, value in self._fields.of(node):
            if isinstance(value, int):
                continue
            if number == 2:
                op = bytes(value)
            elif number == 5 and len(value) <= _LONGEST:
                entries.append(bytes(value))
        return op.decode("utf-8", "replace"), entries

    def _entry(self, entry: bytes) -> tuple[str, str, tuple[str, ...]]:
        """One attribute: its name, its value as text, the functions that it names."""
        if entry not in self._entries:
            fields, data = self._fields, memoryview(entry)
            held = fields.message(data, 2)
            self._entries[entry] = fields.text(data, 1), self._value(held), tuple(self._functions(held))
        return self._entries[entry]

    def _value(self, data: Message) -> str:
        for number, value in self._fields.of(data):
            if number == 1 and not isinstance(value, int):
                return f"[{','.join(self._items(value))}]"
            return _scalar(number, value)
        return "[]"

    def _items(self, data: Message) -> Iterator[str]:
        for number, value in self._fields.of(data):
            if number in {3, 5, 6} and not isinstance(value, int):
                yield from (_scalar(number, item) for item in _packed(value))
            elif number == 4 and not isinstance(value, int):
                yield from (_scalar(4, value[at : at + 4]) for at in range(0, len(value), 4))
            else:
                yield _scalar(number, value)

    def _functions(self, data: Message) -> Iterator[str]:
        fields = self._fields
        listed = fields.message(data, 1)
        for function in (*fields.messages(data, 10), *fields.messages(listed, 9)):
            yield fields.text(function, 1)


def _scalar(number: int, value: int | Message) -> str:
    """A value by the number of its field in AttrValue, which is the same in its list."""
    match number, value:
        case 2, memoryview():
            return bytes(value).decode("utf-8", "replace")
        case 3, int():
            return str(value - (1 << 64) if value >= 1 << 63 else value)
        case 4, memoryview() if len(value) == 4:
            return repr(struct.unpack("<f", value)[0])
        case 5, int():
            return "true" if value else "false"
        case 6, int():
            return DTYPES.get(value, f"DataType {value}")
    return _OTHER


def _packed(data: Message) -> Iterator[int]:
    """Whole numbers one behind the other."""
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield value & 0xFFFFFFFFFFFFFFFF
            value = shift = 0
        elif shift > 63:
            return
