"""SavedModels that write, read, run Python, or stand partly outside their folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from . import graphs, payloads
from .case import CODE, READ, REFUSE, Bench, Case
from .configs import legacy, sequential
from .graphs import (
    STRING,
    call,
    const,
    folder,
    function,
    harmless,
    identity,
    main_operation,
    meta_graph,
    node,
    of_type,
    placeholder,
    saved_model,
    signature,
    vector,
    writer,
)
from .wire import message, varint


def at_call(bench: Bench) -> Path:
    graph = meta_graph(placeholder(), *writer(bench.marker()), identity("y", "x", "^write"), signatures=_y())
    return folder(bench, saved_model(graph))


def at_load(bench: Bench) -> Path:
    more = (main_operation("write"),)
    graph = meta_graph(placeholder(), *writer(bench.marker()), identity("y", "x"), more=more)
    return folder(bench, saved_model(graph))


def _y(kind: int = graphs.FLOAT) -> dict[str, bytes]:
    return {"serving_default": signature("y:0", kind)}


def written(bench: Bench) -> tuple[bytes, ...]:
    """The body of a function that writes the marker before it gives back what it got."""
    return (*writer(bench.marker(), inside=True), identity("out", "x", "^write"))


def in_function(bench: Bench) -> Path:
    """In a function that the graph calls."""
    inner = function("inner", *written(bench), result="out:output:0")
    graph = meta_graph(placeholder(), call("y", "inner", "x"), functions=(inner,), signatures=_y())
    return folder(bench, saved_model(graph))


def in_inner_function(bench: Bench) -> Path:
    """In a function that a function calls, under the name of an honest one."""
    inner = function("__inference_dense_1", *written(bench), result="out:output:0")
    outer = function("outer", call("z", "__inference_dense_1", "x"), result="z:output:0")
    graph = meta_graph(placeholder(), call("y", "outer", "x"), functions=(outer, inner), signatures=_y())
    return folder(bench, saved_model(graph))


def named_as_op(bench: Bench) -> Path:
    """A function under the name of an op that everybody uses, called by that name."""
    inner = function("AddV3", *written(bench), result="out:output:0")
    graph = meta_graph(placeholder(), node("y", "AddV3", "x"), functions=(inner,), signatures=_y())
    return folder(bench, saved_model(graph))


def in_branch(bench: Bench) -> Path:
    inner = function("then", *written(bench), result="out:output:0")
    branch = {name: message((10, [(1, "then")])) for name in ("then_branch", "else_branch")}
    condition = node(
        "c", "Const", dtype=of_type(graphs.BOOL), value=message((8, [(1, graphs.BOOL), (11, 1)]))
    )
    floats = message((1, message((6, bytes([graphs.FLOAT])))))
    taken = node("y", "If", "c", "x", Tcond=of_type(graphs.BOOL), Tin=floats, Tout=floats, **branch)
    graph = meta_graph(placeholder(), condition, taken, functions=(inner,), signatures=_y())
    return folder(bench, saved_model(graph))


def in_second_graph(bench: Bench) -> Path:
    """In a second meta-graph, behind an honest one."""
    second = meta_graph(placeholder(), *writer(bench.marker()), identity("y", "x", "^write"), tags=("train",))
    return folder(bench, saved_model(harmless(), second))


def split_message(bench: Bench) -> Path:
    """In a second `graph_def` field, which a reader of protocol buffers merges with the first."""
    more = message(*((1, item) for item in writer(bench.marker())))
    return folder(bench, saved_model(meta_graph(placeholder(), identity("y", "x"), more=((2, more),))))


def print_to_file(bench: Bench) -> Path:
    stream = graphs.words(f"file://{bench.marker()}")
    printed = node("p", "PrintV2", "contents", output_stream=stream)
    graph = meta_graph(
        placeholder(), const("contents", "fired"), printed, identity("y", "x", "^p"), signatures=_y()
    )
    return folder(bench, saved_model(graph))


def reads(bench: Bench) -> Path:
    secret = const("name", str(bench.secret()))
    graph = meta_graph(placeholder(), secret, node("y", "ReadFile", "name"), signatures=_y(STRING))
    return folder(bench, saved_model(graph))


def table(bench: Bench, *, asset: str | None) -> Path:
    """A table made from a file: a constant path, or an asset of this name."""
    kinds = {"key_dtype": of_type(STRING), "value_dtype": of_type(graphs.INT64)}
    name = const("path", str(bench.secret()))
    handle = node("table", "HashTableV2", **kinds, shared_name=graphs.words("t"))
    columns = {"key_index": graphs.number(-2), "value_index": graphs.number(-1)}
    rest = {"vocab_size": graphs.number(-1), "delimiter": graphs.words("\t")}
    filled = node("fill", "InitializeTableFromTextFileV2", "table", "path", **columns, **rest)
    types = {"Tkeys": of_type(STRING), "Tvalues": of_type(graphs.INT64)}
    exported = node("y", "LookupTableExportV2", "table", **types)
    more = [main_operation("fill")]
    if asset is not None:
        more.append((6, message((1, graphs.tensor("path:0", STRING)), (2, asset))))
    graph = meta_graph(placeholder(), name, handle, filled, exported, signatures=_y(STRING), more=tuple(more))
    return folder(bench, saved_model(graph), {"assets/honest.txt": b"a\nb\n"})


def relative_asset(bench: Bench) -> Path:
    bench.secret()
    return table(bench, asset="../../outside/secret.txt")


def absolute_asset(bench: Bench) -> Path:
    return table(bench, asset=str(bench.secret()))


def unused_asset(bench: Bench, name: str) -> Path:
    more = ((6, message((1, graphs.tensor("x:0", STRING)), (2, name))),)
    return folder(bench, saved_model(meta_graph(placeholder(), more=more)))


def linked_asset(bench: Bench) -> Path:
    root = folder(bench, saved_model(harmless()))
    bench.path("model/assets/a.txt").symlink_to(bench.secret())
    return root


def linked_variables(bench: Bench) -> Path:
    root = folder(bench, saved_model(harmless()))
    (root / "variables").symlink_to(bench.secret().parent)
    return root


def save_elsewhere(bench: Bench) -> Path:
    """The op that every SavedModel has, on its own and with a constant path."""
    names = (const("name", bench.marker()), vector("tensors", "t"), vector("slices", ""))
    dtypes = message((1, message((6, bytes([graphs.FLOAT])))))
    saved = node("save", "SaveV2", "name", "tensors", "slices", "x", dtypes=dtypes)
    graph = meta_graph(placeholder(), *names, saved, identity("y", "x", "^save"), signatures=_y())
    return folder(bench, saved_model(graph))


def restore_elsewhere(bench: Bench) -> Path:
    names = (const("name", str(bench.secret())), vector("tensors", "t"), vector("slices", ""))
    dtypes = message((1, message((6, bytes([graphs.FLOAT])))))
    restored = node("y", "RestoreV2", "name", "tensors", "slices", dtypes=dtypes)
    return folder(bench, saved_model(meta_graph(placeholder(), *names, restored, signatures=_y())))


OPERATIONS: tuple[tuple[str, frozenset[str]], ...] = (
    ("PyFunc", CODE),
    ("PyFuncStateless", CODE),
    ("EagerPyFunc", CODE),
    ("MatchingFiles", READ | CODE),
    ("WholeFileReaderV2", READ | CODE),
    ("TextLineDataset", READ | CODE),
    ("TFRecordDatasetV2", READ | CODE),
    ("FixedLengthRecordDatasetV2", READ | CODE),
    ("CacheDatasetV2", READ | CODE),
    ("SnapshotDatasetV2", READ | CODE),
    ("SaveDatasetV2", READ | CODE),
    ("LoadDataset", READ | CODE),
    ("DatasetToTFRecord", READ | CODE),
    ("ImmutableConst", READ | CODE),
    ("CreateSummaryFileWriter", CODE),
    ("CreateSummaryDbWriter", CODE),
    ("DebugIdentityV2", CODE),
    ("DebugIdentityV3", CODE),
    ("DumpToFile", CODE),
    ("RpcServer", CODE),
    ("RpcCall", CODE),
    ("MergeV2Checkpoints", CODE | READ),
    ("InitializeTableFromTextFile", READ),
    ("LMDBDataset", READ | CODE),
    ("SqlDataset", READ | CODE),
    ("Save", CODE),
    ("SaveSlices", CODE),
    ("Restore", READ | CODE),
    ("DataServiceDatasetV4", CODE | READ),
    ("GeneratorDataset", CODE),
    ("OpaquePyFunc", CODE),
    ("ReaderReadV2", READ | CODE),
)


def one_operation(bench: Bench, name: str, *, nested: bool) -> Path:
    """The op by its name, in the graph or in a function."""
    item = node("evil", name)
    if nested:
        inner = function("inner", item)
        return folder(bench, saved_model(meta_graph(placeholder(), functions=(inner,))))
    return folder(bench, saved_model(harmless(item)))


def as_text(bench: Bench) -> Path:
    """The same message as text, which the loader reads where there is no binary one."""
    root = bench.path("model/saved_model.pbtxt").parent
    nodes = _text_const("name", bench.marker()) + _text_const("contents", "fired")
    nodes += 'node { name: "write" op: "WriteFile" input: "name" input: "contents" } '
    first = 'collection_def { key: "saved_model_main_op" value { node_list { value: "write" } } }'
    info = 'meta_info_def { tags: "serve" tensorflow_version: "2.15.0" }'
    graph = f"graph_def {{ {nodes} versions {{ producer: 1087 }} }}"
    said = f"saved_model_schema_version: 1 meta_graphs {{ {info} {graph} {first} }}"
    (root / "saved_model.pbtxt").write_text(said, encoding="ascii")
    return root


def _text_const(name: str, value: str) -> str:
    tensor = f"tensor {{ dtype: DT_STRING tensor_shape {{ }} string_val: {json.dumps(value)} }}"
    kind = 'attr { key: "dtype" value { type: DT_STRING } }'
    return f'node {{ name: "{name}" op: "Const" {kind} attr {{ key: "value" value {{ {tensor} }} }} }} '


def split(bench: Bench) -> Path:
    """A harmless message, and beside it the chunked form that newer loaders read."""
    return folder(bench, saved_model(harmless()), {"saved_model.cpb": b"riegeli/records" + bytes(64)})


def lambda_in_function_spec(bench: Bench) -> Path:
    """A Lambda in the configuration of the whole model only."""
    inner = legacy(sequential(bench, payloads.lambda_list(bench)))["config"]
    model = {
        "class_name": "Sequential",
        "config": {},
        "model_config": {"class_name": "Sequential", "config": inner},
    }
    said = graphs.keras_metadata(("_tf_keras_sequential", model))
    return folder(bench, saved_model(harmless()), {"keras_metadata.pb": said})


def operation_in_metadata(bench: Bench) -> Path:
    layer = {"class_name": "TFOpLambda", "name": "op", "config": {"name": "op", "function": "io.write_file"}}
    said = graphs.keras_metadata(("_tf_keras_network", {"config": {"layers": [layer]}}))
    return folder(bench, saved_model(harmless()), {"keras_metadata.pb": said})


def broken_metadata(bench: Bench) -> Path:
    said = graphs.keras_metadata(("_tf_keras_layer", '{"class_name": "Lambda", '))
    return folder(bench, saved_model(harmless()), {"keras_metadata.pb": said})


def raw(bench: Bench, data: bytes) -> Path:
    return folder(bench, data)


def nested_message(levels: int = 5000) -> bytes:
    """Attributes in attributes in attributes."""
    data = b""
    for _ in range(levels):
        data = b"\x52" + varint(len(data)) + data
    return data


RAW: tuple[tuple[str, bytes], ...] = (
    ("empty", b""),
    ("garbage", b"\xff" * 64),
    ("endless-varint", b"\x80" * 4096),
    ("wrong-wire-type", b"\x15\x00\x00\x00\x00"),
    ("long-length", b"\x12" + varint(1 << 40) + b"abc"),
    ("cut", saved_model(harmless())[:-9]),
    ("group", b"\x13\x14"),
    ("not-text", saved_model(message((2, message((1, message((1, "n"), (2, b"\xff\xfe\xff")))))))),
    ("deep", saved_model(message((2, message((1, message((5, nested_message())))))))),
)

FORMS: tuple[tuple[str, frozenset[str], Callable[[Bench], Path]], ...] = (
    ("write-at-call", CODE, at_call),
    ("write-at-load", CODE, at_load),
    ("write-in-function", CODE, in_function),
    ("write-in-inner-function", CODE, in_inner_function),
    ("write-in-function-as-op", CODE, named_as_op),
    ("write-in-branch", CODE, in_branch),
    ("write-in-second-graph", CODE, in_second_graph),
    ("write-in-split-message", CODE | REFUSE, split_message),
    ("print-to-file", CODE, print_to_file),
    ("read-file", READ, reads),
    ("table-of-path", READ, partial(table, asset=None)),
    ("asset-parent", READ | REFUSE, relative_asset),
    ("asset-absolute", READ | REFUSE, absolute_asset),
    ("asset-unused", READ | REFUSE, partial(unused_asset, name="a/../../../secret.txt")),
    ("asset-url", READ | REFUSE, partial(unused_asset, name="gs://bucket/secret.txt")),
    ("asset-link", READ | REFUSE, linked_asset),
    ("variables-link", READ | REFUSE, linked_variables),
    ("save-elsewhere", CODE | READ, save_elsewhere),
    ("restore-elsewhere", READ, restore_elsewhere),
    ("text-form", CODE | REFUSE, as_text),
    ("chunked-form", CODE | REFUSE, split),
    ("lambda-in-model-config", CODE, lambda_in_function_spec),
    ("tf-op-in-metadata", CODE | READ, operation_in_metadata),
    ("broken-metadata", CODE | REFUSE, broken_metadata),
)


def cases() -> Iterator[Case]:
    """Graphs, ops by name, and messages that are none."""
    row = "1.1 (TF policy) models are programs"
    yield from (Case(f"graph-{name}", row, expected, build) for name, expected, build in FORMS)
    for name, expected in OPERATIONS:
        yield Case(f"op-{name}", row, expected, partial(one_operation, name=name, nested=False))
        yield Case(f"op-{name}-function", row, expected, partial(one_operation, name=name, nested=True))
    for name, data in RAW:
        yield Case(f"graph-{name}", "1.4 malformed", CODE | REFUSE, partial(raw, data=data))
