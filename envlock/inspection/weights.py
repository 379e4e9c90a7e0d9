"""How many weights a model asks for: by the settings of its layers and the shapes that reach them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, TypeAlias

from envlock.inspection.found import Refused, shown
from envlock.inspection.needs import elements, is_weighted, units
from envlock.inspection.shapes import Shape, after, known
from envlock.inspection.sizes import plain, untied
from envlock.values import frozen

__all__ = ["Needed", "needed"]

_MOST_CALLS = 200_000
_CONSTANT = "_CONSTANT_VALUE"
_OP_LAMBDAS = ("TFOpLambda", "SlicingOpLambda")

_Item: TypeAlias = "dict[str, Any]"
_Place: TypeAlias = "tuple[str, int]"


@frozen(kw_only=True)
class Needed:
    """
    What a configuration asks for.

    `elements` are those of all weights whose size follows from it; `unsized` the layers that are given
    something of which nothing tells the size, with the size that one of their weights must have.
    """

    elements: int
    unsized: tuple[tuple[str, int], ...]


def needed(data: object) -> Needed:
    """What all models in a configuration ask for, each counted once."""
    found = _Pass()
    waiting = [data]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if _layers(item) is not None:
                found.root(item)
            waiting.extend(value for value in item.values() if isinstance(value, (dict, list)))
        elif isinstance(item, list):
            waiting.extend(value for value in item if isinstance(value, (dict, list)))
    return Needed(elements=found.elements, unsized=tuple(found.unsized))


def _layers(item: _Item) -> list[_Item] | None:
    """The layers of a model, of a Sequential of the oldest form too."""
    config = item.get("config")
    held = config.get("layers") if isinstance(config, dict) else config
    if not isinstance(held, list) or not isinstance(item.get("class_name"), str):
        return None
    layers = [layer for layer in held if isinstance(layer, dict) and "class_name" in layer]
    return layers if layers and len(layers) == len(held) else None


def _config(item: _Item) -> _Item:
    config = item.get("config")
    return plain(config) if isinstance(config, dict) else {}


def _built(item: _Item) -> Shape:
    """What an object says that it was built from."""
    config = _config(item)
    build = item.get("build_config")
    given = build.get("input_shape") if isinstance(build, dict) else None
    for shape in (given, item.get("build_input_shape"), config.get("build_input_shape")):
        if (found := known(untied(shape))) is not None:
            return found
    return None


def _declared(item: _Item) -> Shape:
    """The shape that an input, or a first layer, says that it takes."""
    config = _config(item)
    for key in ("batch_shape", "batch_input_shape"):
        if (found := known(untied(config.get(key)))) is not None:
            return found
    rest = known(config.get("input_shape", config.get("shape")))
    return None if rest is None else (None, *rest)


class _Pass:
    """One pass through the models of a configuration, in which every weight is counted once."""

    def __init__(self) -> None:
        self.elements = 0
        self.unsized: list[tuple[str, int]] = []
        self._left = _MOST_CALLS
        self._counted: set[int] = set()
        self._met: set[int] = set()
        self._known: dict[tuple[int, tuple[Shape, ...]], list[Shape]] = {}

    def root(self, item: _Item) -> None:
        """A model that stands by itself, unless it was met as a layer of another."""
        if id(item) not in self._met:
            self._call(item, [], {})

    def _call(self, item: _Item, inputs: list[Shape], extra: _Item) -> list[Shape]:
        """The shapes behind a layer or model, whose weights are counted."""
        self._met.add(id(item))
        self._left -= 1
        if self._left < 0:
            told = f"its layers are called more than {_MOST_CALLS} times"
            raise Refused(told, code="EL602")
        key = (id(item), tuple(inputs))
        if extra or key not in self._known:
            layers = _layers(item)
            if layers is None:
                found = [self._layer(item, inputs, extra)]
            elif any(layer.get("inbound_nodes") for layer in layers) or "input_layers" in _config(item):
                found = self._functional(item, layers, inputs)
            else:
                found = [self._sequential(item, layers, inputs)]
            self._known[key] = found
        return self._known[key]

    def _layer(self, item: _Item, inputs: list[Shape], extra: _Item) -> Shape:
        name, config = str(item.get("class_name")), _config(item)
        first = inputs[0] if inputs else None
        wrapped = [value for key, value in config.items() if _is_wrapped(key, value)]
        if name == "TimeDistributed" and wrapped:
            inside = None if first is None else (*first[:1], *first[2:])
            found = self._call(wrapped[0], [inside], {})[0]
            return None if found is None or first is None else (*first[:2], *found[1:])
        if name == "Bidirectional" and wrapped:
            return self._both(config, wrapped, inputs)
        if name == "RNN":
            return self._recurrent(config, first)
        shape = _built(item) or first
        self._count(item, name, config, shape)
        for inner in wrapped:
            self._call(inner, inputs, {})
        if name in _OP_LAMBDAS:
            return after(str(config.get("function")), extra, inputs)
        return after(name, {**config, **extra}, inputs)

    def _both(self, config: _Item, wrapped: list[_Item], inputs: list[Shape]) -> Shape:
        before = self.elements
        found, *_ = [self._call(inner, inputs, {})[0] for inner in wrapped]
        if len(wrapped) == 1:
            self.elements += self.elements - before
        if found is None or config.get("merge_mode", "concat") != "concat":
            return found
        return (*found[:-1], None if found[-1] is None else 2 * found[-1])

    def _recurrent(self, config: _Item, shape: Shape) -> Shape:
        """Cells one behind the other."""
        cell = config.get("cell")
        inner = _config(cell).get("cells") if isinstance(cell, dict) else None
        cells = [one for one in (inner if isinstance(inner, list) else [cell]) if isinstance(one, dict)]
        if not cells:
            return None
        last = shape
        for one in cells:
            name = str(one.get("class_name"))
            self._count(one, name.removesuffix("Cell"), _config(one), last)
            size = units(_config(one))
            last = None if last is None else (*last[:-1], size or None)
        if shape is None or last is None:
            return None
        steps = shape[1:-1] if config.get("return_sequences") else ()
        return (shape[0], *steps, last[-1])

    def _count(self, item: _Item, name: str, config: _Item, shape: Shape) -> None:
        if id(item) in self._counted:
            return
        self._counted.add(id(item))
        found = elements(name, config, shape)
        if found is not None:
            self.elements = min(self.elements + found, 1 << 80)
        elif is_weighted(name):
            label = config.get("name")
            self.unsized.append((f"{shown(name)} {shown(label)!r}", units(config)))

    def _sequential(self, item: _Item, layers: list[_Item], inputs: list[Shape]) -> Shape:
        """One that is built of nothing, and not called, has no weights yet."""
        shape = next((one for one in (*inputs[:1], _declared(layers[0]), _built(item)) if one), None)
        if shape is None and not inputs and not any(_built(layer) for layer in layers):
            self._met.update(id(layer) for layer in layers)
            return None
        for layer in layers:
            shape = shape if layer.get("class_name") == "InputLayer" else self._call(layer, [shape], {})[0]
        return shape

    def _functional(self, item: _Item, layers: list[_Item], inputs: list[Shape]) -> list[Shape]:
        config = _config(item)
        starts = [name for name, _, _ in _references(config.get("input_layers"))]
        given = dict(zip(starts, inputs, strict=False))
        by_name = {_name(layer): layer for layer in layers}
        done: dict[_Place, list[Shape]] = {}
        ready: deque[tuple[str, int, Any]] = deque()
        for name, layer in by_name.items():
            nodes = layer.get("inbound_nodes")
            nodes = nodes if isinstance(nodes, list) else []
            if not nodes:
                done[name, 0] = [given.get(name) or _declared(layer)]
            ready.extend((name, number, node) for number, node in enumerate(nodes))
        waiting: dict[_Place, list[tuple[str, int, Any]]] = {}
        while ready:
            name, number, node = ready.popleft()
            missing = _missing(node, done, by_name)
            if missing is not None:
                waiting.setdefault(missing, []).append((name, number, node))
                continue
            self._node(by_name[name], (name, number), node, done)
            ready.extend(waiting.pop((name, number), ()))
        for name, number, node in [one for held in waiting.values() for one in held]:
            self._node(by_name[name], (name, number), node, done)
        ends = list(_references(config.get("output_layers")))
        return [_at(done, reference) for reference in ends] or [None]

    def _node(self, layer: _Item, place: _Place, node: Any, done: dict[_Place, list[Shape]]) -> None:
        inputs = [_at(done, reference) for reference in _references(node)]
        done[place] = self._call(layer, inputs, _extra(node)) if inputs else [None]


def _is_wrapped(key: str, value: object) -> bool:
    return key in {"layer", "backward_layer"} and isinstance(value, dict) and "class_name" in value


def _name(layer: _Item) -> str:
    return str(layer.get("name", _config(layer).get("name")))


def _at(done: dict[_Place, list[Shape]], reference: tuple[str, int, int]) -> Shape:
    name, node, number = reference
    found = done.get((name, node), [])
    return found[number] if 0 <= number < len(found) else None


def _missing(node: Any, done: dict[_Place, list[Shape]], names: dict[str, _Item]) -> _Place | None:
    for name, number, _ in _references(node):
        nodes = names.get(name, {}).get("inbound_nodes")
        if (name, number) not in done and isinstance(nodes, list) and 0 <= number < len(nodes):
            return name, number
    return None


def _references(data: Any) -> Iterator[tuple[str, int, int]]:
    """The tensors among the arguments of a call, or at the ends of a model, in the order they stand in."""
    waiting = [data]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if item.get("class_name") == "__keras_tensor__":
                item = _config(item).get("keras_history")
            else:
                waiting += reversed(item.values())
                continue
        if isinstance(item, list):
            match item:
                case [str(name), int(node), int(number), *rest] if name != _CONSTANT:
                    yield name, node, number
                    waiting += reversed(rest)
                case _:
                    waiting += reversed(item)


def _extra(node: Any) -> _Item:
    """What a call says besides tensors."""
    if isinstance(node, dict):
        return _plain(node.get("kwargs"))
    waiting = [node]
    for _ in range(8):
        match waiting.pop():
            case [str(), _, _, dict(extra)]:
                return _plain(extra)
            case [first, *_]:
                waiting.append(first)
            case _:
                break
    return {}


def _plain(given: object) -> _Item:
    """The arguments that say something of shapes: numbers, texts and lists of numbers."""
    if not isinstance(given, dict):
        return {}
    return {key: value for key, value in given.items() if _is_plain(value)}


def _is_plain(value: object) -> bool:
    if isinstance(value, list):
        return len(value) <= 16 and all(isinstance(part, int) for part in value)
    return isinstance(value, (int, str))
