"""
The graphs of a SavedModel: the operations in them, and where the names of files come from.

The messages: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/meta_graph.proto,
and `saved_object_graph.proto`, `node_def.proto`, `function.proto` and `tensor.proto` near it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from envlock.artifacts.protobuf import Fields, Malformed, Message, signed
from envlock.inspection.found import Found, Refused, shown
from envlock.inspection.graph_lists import is_graph_operation
from envlock.knowledge import operations
from envlock.values import frozen

__all__ = [
    "FILES",
    "Body",
    "Graph",
    "Node",
    "is_part",
    "note_operations",
    "read",
    "refuse_malformed",
    "sources",
    "text_values",
]

_MOST_NODES = 500_000
_SHORT = 400
_FREE = 64 << 20
_MOST_RATIO = 200
_NEWEST = (2, 99)

# Operations on files that every SavedModel has, and which of their inputs names one.
FILES = {
    "SaveV2": (0,), "RestoreV2": (0,), "ShardedFilename": (0,), "MergeV2Checkpoints": (0, 1),
    "InitializeTableFromTextFile": (1,), "InitializeTableFromTextFileV2": (1,),
}  # fmt: skip


class Node(NamedTuple):
    """One node: its operation, its inputs and its attributes, these as they are in the file."""

    op: str
    inputs: tuple[str, ...]
    attributes: tuple[bytes, ...]


class Body:
    """The nodes of a graph or a function, by name."""

    def __init__(self, nodes: dict[str, Node], fields: Fields, arguments: list[Message]) -> None:
        self.nodes = nodes
        self._fields, self._messages = fields, arguments

    @cached_property
    def arguments(self) -> tuple[str, ...]:
        """The names of a function's own arguments, which few are asked for."""
        return tuple(_argument(self._fields, item) for item in self._messages)


@frozen
class Graph:
    """
    A graph with its library.

    `calls` has for every node that names functions where it stands: the function, `None` for the graph
    itself, the body, the node and the names.
    """

    main: Body
    library: dict[str, Body]
    fields: Fields
    calls: list[tuple[str | None, Body, Node, tuple[str, ...]]]


def read(fields: Fields, definition: Message) -> Graph:
    """A GraphDef; `Refused` where two of its functions or nodes have one name."""
    counted = [0]
    library: dict[str, Body] = {}
    for function in fields.messages(fields.message(definition, 2), 1):
        parts = fields.all(function, (1, 3))
        signature = fields.all(memoryview(b"".join(parts[1])), (1, 2))
        name = str(signature[1][-1], "utf-8", "replace") if signature[1] else ""
        if name in library:
            raise Refused(f"saved_model.pb holds the function {shown(name)} twice")
        library[name] = Body(_nodes(fields, parts[3], counted), fields, signature[2])
    main = Body(_nodes(fields, fields.messages(definition, 1), counted), fields, [])
    return Graph(main, library, fields, list(_calls(fields, main, library)))


def _calls(
    fields: Fields, main: Body, library: dict[str, Body]
) -> Iterator[tuple[str | None, Body, Node, tuple[str, ...]]]:
    known: dict[bytes, tuple[str, ...]] = {}
    bodies: list[tuple[str | None, Body]] = [(None, main), *library.items()]
    for where, body in bodies:
        for node in body.nodes.values():
            named: tuple[str, ...] = ()
            for entry in node.attributes:
                held = known.get(entry)
                if held is None:
                    held = tuple(_functions(fields, memoryview(entry)))
                    if len(entry) <= _SHORT:
                        known[entry] = held
                named += held
            if named or node.op in library:
                yield where, body, node, named


def _argument(fields: Fields, message: Message) -> str:
    """The name of an argument; it comes first in most, and no later field is one where no byte says so."""
    data = bytes(message)
    end = 2 + data[1] if len(data) > 1 else 0
    if data[:1] == b"\n" and end <= len(data) and data.isascii() and b"\n" not in data[end:]:
        return data[2:end].decode()
    return fields.text(message, 1)


def _nodes(fields: Fields, found: Iterable[Message], counted: list[int]) -> dict[str, Node]:
    nodes: dict[str, Node] = {}
    for data in found:
        counted[0] += 1
        if counted[0] > _MOST_NODES:
            raise Refused(f"saved_model.pb holds more than {_MOST_NODES} nodes", code="EL602")
        name, node = _node(fields, data)
        if name in nodes:
            raise Refused(f"saved_model.pb holds the node {shown(name)} twice in one graph")
        nodes[name] = node
    return nodes


def _node(fields: Fields, message: Message) -> tuple[str, Node]:
    """The parts of a NodeDef; most have lengths of one or two bytes, which are read here for speed."""
    data = bytes(message)
    at, end = 0, len(data)
    name = op = ""
    inputs, attributes = [], []
    while at + 1 < end:
        key, size = data[at], data[at + 1]
        start = at + 2
        if size > 0x7F:
            if start >= end or data[start] > 0x7F:
                return _odd_node(fields, message)
            size, start = (size & 0x7F) | data[start] << 7, start + 1
        at = start + size
        if key & 7 != 2 or key > 0x7F:
            return _odd_node(fields, message)
        if key == 0x2A:
            attributes.append(data[start:at])
        elif key == 0x1A:
            inputs.append(data[start:at].decode("utf-8", "replace"))
        elif key == 0x12:
            op = data[start:at].decode("utf-8", "replace")
        elif key == 0x0A:
            name = data[start:at].decode("utf-8", "replace")
    return (name, Node(op, tuple(inputs), tuple(attributes))) if at == end else _odd_node(fields, message)


def _odd_node(fields: Fields, message: Message) -> tuple[str, Node]:
    name = op = ""
    inputs, attributes = [], []
    for number, value in fields.of(message):
        if isinstance(value, int):
            continue
        if number == 3:
            inputs.append(str(value, "utf-8", "replace"))
        elif number == 5:
            attributes.append(bytes(value))
        elif number == 1:
            name = str(value, "utf-8", "replace")
        elif number == 2:
            op = str(value, "utf-8", "replace")
    return name, Node(op, tuple(inputs), tuple(attributes))


def note_operations(graph: Graph, found: Found) -> None:
    """Note what is not on the list of operations that compute, and constants that grow."""
    judged: set[str] = set()
    for where, body in _bodies(graph):
        for name, node in body.nodes.items():
            if node.op not in judged:
                judged.add(node.op)
                _note_operation(node.op, graph, found, where)
            if node.op == "Const":
                _note_constant(graph.fields, name, node, found)
    for function, _, _, named in graph.calls:
        for called in named:
            if called not in graph.library and not is_graph_operation(called):
                told = f"{_place(function)} runs {shown(called)}, which is no function of the model"
                found.hazard("EL610", shown(called), told)


def _bodies(graph: Graph) -> Iterator[tuple[str, Body]]:
    yield _place(None), graph.main
    for name, body in graph.library.items():
        yield _place(name), body


def _place(function: str | None) -> str:
    return "the graph" if function is None else f"the function {shown(function)}"


def _note_operation(op: str, graph: Graph, found: Found, where: str) -> None:
    if is_graph_operation(op) or op in FILES:
        return
    api = operations.tensorflow(_NEWEST)
    is_known = api is not None and api.is_known(op)
    if op in graph.library and not is_known:
        return
    kind = "does more than compute" if is_known else "is an operation that TensorFlow does not have"
    code = "EL612" if op in _READING else "EL610"
    found.hazard(code, shown(op), f"{where} has {shown(op)}, which {kind}")


# Those of the others that read a file and do no more.
_READING = frozenset(
    ["ReadFile", "MatchingFiles", "WholeFileReader", "WholeFileReaderV2", "TextLineReader",
     "TextLineReaderV2",
     "TextLineDataset", "TFRecordDataset", "TFRecordDatasetV2", "TFRecordReader", "TFRecordReaderV2",
     "FixedLengthRecordDataset", "FixedLengthRecordDatasetV2", "FixedLengthRecordReader",
     "FixedLengthRecordReaderV2", "ImmutableConst", "Restore", "RestoreSlice", "MatchingFilesDataset",
     "GenerateVocabRemapping", "LoadAndRemapMatrix", "FixedUnigramCandidateSampler"]
)  # fmt: skip


def _functions(fields: Fields, entry: Message) -> Iterator[str]:
    for number, held in fields.of(fields.message(entry, 2)):
        if isinstance(held, int):
            continue
        if number == 10:
            yield fields.text(held, 1)
        elif number == 1:
            yield from (fields.text(item, 1) for item in fields.messages(held, 9))


def attribute(fields: Fields, node: Node, name: str) -> Message:
    """The value of an attribute, empty where it is missing; the last one counts."""
    for entry in reversed(node.attributes):
        if fields.text(memoryview(entry), 1) == name:
            return fields.message(memoryview(entry), 2)
    return memoryview(b"")


def text_values(fields: Fields, node: Node) -> list[str]:
    """The texts that a constant consists of; one that is packed in another way is shown as unknown."""
    tensor = fields.message(attribute(fields, node, "value"), 8)
    parts = fields.several(tensor, (4, 15))
    found = [str(item, "utf-8", "replace") for item in fields.messages(tensor, 8)]
    return [*found, "?"] if any(len(part) for part in parts.values()) else found


def _note_constant(fields: Fields, name: str, node: Node, found: Found) -> None:
    """A constant may be written as one number and a shape that it fills."""
    for entry in node.attributes:
        if not _may_grow(entry) or (entry[:1] == b"\n" and entry[2:7] != b"value"):
            continue
        tensor = fields.message(fields.message(memoryview(entry), 2), 8)
        declared = 1
        for size in fields.messages(fields.message(tensor, 2), 2):
            declared *= max(0, min(signed(fields.number(size, 1)), 1 << 60))
        if declared > max(_FREE, _MOST_RATIO * len(tensor)):
            told = f"the constant {shown(name)} has {len(tensor)} bytes that become {declared} numbers"
            found.hazard("EL615", shown(name), told)


def _may_grow(entry: bytes) -> bool:
    """Whether a constant is long enough to have a size of four bytes or more; those of scalars are not."""
    return len(entry) > 24


_PART = re.compile(r"(?:\.part|_temp(?:_[0-9a-f]{1,64})?/part|model|)\Z")
_THROUGH = {
    "Identity": None, "StringJoin": None, "Pack": None, "ShardedFilename": (0,), "Select": (1, 2),
    "SelectV2": (1, 2), "PlaceholderWithDefault": None, "IdentityN": None, "Reshape": (0,),
    "ExpandDims": (0,),
}  # fmt: skip
_MOST_STEPS = 2000


@frozen
class Sources:
    """Where the name of a file comes from: arguments by number, nodes by name, texts, and what else."""

    arguments: frozenset[int]
    nodes: frozenset[str]
    texts: frozenset[str]
    others: frozenset[str]


def sources(graph: Graph, body: Body, start: str) -> Sources:
    """Everything that an input is made of."""
    arguments, nodes, texts, others = set[int](), set[str](), set[str](), set[str]()
    waiting, seen = [start], set[str]()
    while waiting:
        name = waiting.pop().removeprefix("^").partition(":")[0]
        if name in seen:
            continue
        seen.add(name)
        node = body.nodes.get(name)
        if len(seen) > _MOST_STEPS or (node is None and name not in body.arguments):
            others.add("something that is not there")
        elif node is None:
            arguments.add(body.arguments.index(name))
        elif node.op == "Const":
            nodes.add(name)
            texts.update(text_values(graph.fields, node) or ["?"])
        elif node.op == "Placeholder":
            nodes.add(name)
        elif node.op in _THROUGH:
            data = [item for item in node.inputs if not item.startswith("^")]
            wanted = _THROUGH[node.op]
            waiting += data if wanted is None else [data[at] for at in wanted if at < len(data)]
        else:
            others.add(node.op)
    return Sources(frozenset(arguments), frozenset(nodes), frozenset(texts), frozenset(others))


def is_part(text: str) -> bool:
    """Whether a text is what TensorFlow appends to the name of a checkpoint."""
    return _PART.match(text) is not None


def refuse_malformed(error: Malformed) -> Refused:
    """What is said of bytes that are no graph."""
    return Refused(f"saved_model.pb is damaged: {error}")
