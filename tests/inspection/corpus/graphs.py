"""SavedModels by hand: graphs, functions, signatures, and what Keras 2 wrote beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .case import Bench
from .wire import Field, entries, message

FLOAT, INT32, STRING, INT64, BOOL = 1, 3, 7, 9, 10
SERVE = "serve"


def shape(*sizes: int) -> bytes:
    return message(*((2, [(1, size)]) for size in sizes))


def text(value: str | bytes) -> bytes:
    """A constant scalar string as an attribute."""
    data = value.encode("utf-8") if isinstance(value, str) else value
    return message((8, message((1, STRING), (2, b""), (8, data))))


def of_type(number: int) -> bytes:
    return message((6, number))


def truth(value: int) -> bytes:
    return message((5, value))


def number(value: int) -> bytes:
    return message((3, value))


def words(value: str) -> bytes:
    return message((2, value))


def node(name: str, operation: str, *inputs: str, **attributes: bytes) -> bytes:
    sources: list[Field] = [(3, item) for item in inputs]
    return message((1, name), (2, operation), *sources, *entries(5, attributes))


def const(name: str, value: str | bytes) -> bytes:
    return node(name, "Const", dtype=of_type(STRING), value=text(value))


def integer(name: str, value: int) -> bytes:
    """A constant number."""
    said = message((1, INT32), (2, b""), (7, value))
    return node(name, "Const", dtype=of_type(INT32), value=message((8, said)))


def types(*kinds: int) -> bytes:
    return message((1, message((6, bytes(kinds)))))


def placeholder(name: str = "x") -> bytes:
    return node(name, "Placeholder", dtype=of_type(FLOAT), shape=message((7, shape(-1, 6))))


def identity(name: str, *inputs: str, kind: int = FLOAT) -> bytes:
    return node(name, "Identity", *inputs, T=of_type(kind))


def tensor(name: str, kind: int) -> bytes:
    return message((1, name), (2, kind), (3, message((3, 1))))


def signature(output: str = "y:0", kind: int = FLOAT, source: str = "x:0") -> bytes:
    return message(
        *entries(1, {"x": tensor(source, FLOAT)}),
        *entries(2, {"y": tensor(output, kind)}),
        (3, "tensorflow/serving/predict"),
    )


def function(name: str, *nodes: bytes, result: str = "x") -> bytes:
    """A library function from one float to one float."""
    argument = message((1, "x"), (3, FLOAT))
    output = message((1, "y"), (3, FLOAT))
    return message(
        (1, [(1, name), (2, argument), (3, output)]),
        *((3, item) for item in nodes),
        *entries(4, {"y": result.encode("ascii")}),
    )


def call(name: str, target: str, *inputs: str) -> bytes:
    kinds = message((1, message((6, bytes([FLOAT])))))
    return node(
        name, "StatefulPartitionedCall", *inputs, Tin=kinds, Tout=kinds, f=message((10, [(1, target)]))
    )


def meta_graph(
    *nodes: bytes,
    functions: tuple[bytes, ...] = (),
    signatures: dict[str, bytes] | None = None,
    tags: tuple[str, ...] = (SERVE,),
    more: tuple[Field, ...] = (),
) -> bytes:
    library = message(*((1, item) for item in functions))
    graph = message(*((1, item) for item in nodes), (2, library), (4, [(1, 1087), (2, 12)]))
    info = message((1, "v1"), *((4, tag) for tag in tags), (5, "2.15.0"))
    named = {"serving_default": signature()} if signatures is None else signatures
    return message((1, info), (2, graph), *entries(5, named), *more)


def main_operation(name: str) -> Field:
    """The node that loading runs."""
    value = message((1, name))
    return (4, message((1, "saved_model_main_op"), (2, message((1, value)))))


def saved_model(*meta_graphs: bytes) -> bytes:
    return message((1, 1), *((2, item) for item in meta_graphs))


def folder(bench: Bench, data: bytes, files: dict[str, bytes] | None = None, name: str = "model") -> Path:
    root = bench.path(name)
    root.mkdir(parents=True, exist_ok=True)
    (root / "saved_model.pb").write_bytes(data)
    for inside, content in (files or {}).items():
        bench.path(f"{name}/{inside}").write_bytes(content)
    return root


def harmless(*more: bytes) -> bytes:
    """A graph that gives back what it gets, and what else is wanted in it."""
    return meta_graph(placeholder(), *more, identity("y", "x"))


def writer(marker: str, *, inside: bool = False) -> tuple[bytes, ...]:
    """Nodes that write the marker file when they run, in a graph or inside a function."""
    port = ":output:0" if inside else ""
    names = (f"name{port}", f"contents{port}")
    return const("name", marker), const("contents", "fired"), node("write", "WriteFile", *names)


def vector(name: str, value: str) -> bytes:
    """A constant vector of one string."""
    said = message((1, STRING), (2, message((2, [(1, 1)]))), (8, value))
    return node(name, "Const", dtype=of_type(STRING), value=message((8, said)))


def keras_metadata(*layers: tuple[str, dict[str, Any] | str]) -> bytes:
    """`keras_metadata.pb`: the identifier and the configuration of each layer."""
    import json

    out: list[Field] = []
    for index, (identifier, metadata) in enumerate(layers):
        said = metadata if isinstance(metadata, str) else json.dumps(metadata)
        path = "root" if index == 0 else f"root.layer-{index}"
        out.append((1, [(2, index), (3, path), (4, identifier), (5, said), (6, [(1, 2), (2, 1)])]))
    return message(*out)


def object_graph(*nodes: tuple[str, str]) -> Field:
    """The object graph of version 2: identifiers with their metadata."""
    saved = [message((4, [(1, identifier), (2, [(1, 1)]), (3, said)])) for identifier, said in nodes]
    return (7, message(*((1, item) for item in saved)))
