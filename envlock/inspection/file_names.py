"""Whether a graph reads and writes only what belongs to the model: its variables and its assets."""

from __future__ import annotations

from envlock.artifacts.protobuf import Fields, Message
from envlock.inspection.found import Found, shown
from envlock.inspection.graph import FILES, Body, Graph, Node, is_part, sources
from envlock.values import frozen

__all__ = ["Loaded", "bound_assets", "note_file_names"]

_CALLS = frozenset(["PartitionedCall", "StatefulPartitionedCall"])
_VARIABLES, _TABLE = "variables", "a table"


@frozen(kw_only=True)
class Loaded:
    """
    What a graph is loaded with.

    `bound` has for each function that is restored, by name, which of its last inputs are assets; `assets` are
    the nodes that stand for assets, `placeholder` the one that the name of the checkpoint is fed to.
    """

    bound: dict[str, list[list[bool]]]
    assets: frozenset[str]
    placeholder: str


class _Names:
    """The inputs of functions that end as names of files, found from the operations upwards."""

    def __init__(self, graph: Graph, loaded: Loaded, found: Found) -> None:
        self._graph, self._loaded, self._found = graph, loaded, found
        self._inputs: dict[str, dict[int, str]] = {}
        self._callers = _callers(graph)

    def all(self) -> None:
        """Note every name of a file that is not the model's own."""
        for function, body in ((None, self._graph.main), *self._graph.library.items()):
            for node in list(body.nodes.values()):
                for at in FILES.get(node.op, ()):
                    kind = _TABLE if node.op.startswith("Init") else _VARIABLES
                    self._input(function, body, node, at, kind)
        waiting = list(self._inputs)
        while waiting:
            name = waiting.pop()
            for function, body, node in self._callers.get(name, ()):
                before = len(self._inputs.get(function or "", ()))
                for at, kind in list(self._inputs[name].items()):
                    self._called(function, body, node, name, at, kind)
                if function is not None and len(self._inputs.get(function, ())) > before:
                    waiting.append(function)
        for name, held in self._inputs.items():
            for at, kind in held.items():
                self._restored(name, at, kind)

    def _called(self, function: str | None, body: Body, node: Node, name: str, at: int, kind: str) -> None:
        if node.op in _CALLS or node.op == name:
            self._input(function, body, node, at, kind)
        else:
            self._note(name, f"{node.op} calls {shown(name)}, which reads or writes a file")

    def _input(self, function: str | None, body: Body, node: Node, at: int, kind: str) -> None:
        data = [item for item in node.inputs if not item.startswith("^")]
        if at >= len(data):
            self._note(node.op, f"{shown(node.op)} has no name of a file")
            return
        found = sources(self._graph, body, data[at])
        where = "the graph" if function is None else shown(function)
        for other in sorted(found.others):
            self._note(node.op, f"{shown(node.op)} in {where} gets the name of a file from {shown(other)}")
        for argument in found.arguments:
            self._inputs.setdefault(function or "", {})[argument] = kind
        if kind == _VARIABLES:
            bad = [text for text in found.texts if not is_part(text)]
            strange = found.nodes - {self._loaded.placeholder} if function is None else frozenset[str]()
            bad += [name for name in strange if body.nodes[name].op != "Const"]
        elif function is None:
            bad = sorted(found.nodes - self._loaded.assets)
        else:
            bad = sorted(found.texts | found.nodes)
        for text in bad:
            self._note(node.op, f"{shown(node.op)} in {where} opens {shown(text)}")

    def _restored(self, name: str, at: int, kind: str) -> None:
        """A function that is restored by itself gets its last inputs from what it is loaded with."""
        for bound in self._loaded.bound.get(name, ()):
            place = (
                at - (len(self._graph.library[name].arguments) - len(bound))
                if name in self._graph.library
                else -1
            )
            if kind == _VARIABLES or (place >= 0 and not bound[place]):
                self._note(name, f"{shown(name)} opens a file that is no asset of the model")

    def _note(self, subject: str, message: str) -> None:
        self._found.hazard("EL612", shown(subject), message)


def _callers(graph: Graph) -> dict[str, list[tuple[str | None, Body, Node]]]:
    found: dict[str, list[tuple[str | None, Body, Node]]] = {}
    for function, body, node, named in graph.calls:
        for name in {node.op, *named} & graph.library.keys():
            found.setdefault(name, []).append((function, body, node))
    return found


def note_file_names(graph: Graph, loaded: Loaded, found: Found) -> None:
    """Note every name of a file in a graph that is not the model's own."""
    _Names(graph, loaded, found).all()


def bound_assets(fields: Fields, assets: frozenset[int], function: Message) -> list[bool]:
    """Of the inputs that a function is restored with, which are assets, these by their numbers."""
    numbers: list[int] = []
    for number, value in fields.of(function):
        if number == 2:
            numbers += [value] if isinstance(value, int) else list(_packed(value))
    return [at in assets for at in numbers]


def _packed(data: Message) -> list[int]:
    found, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            found.append(value)
            value = shift = 0
        elif shift > 63:
            break
    return found
