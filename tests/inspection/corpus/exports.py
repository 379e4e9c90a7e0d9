"""SavedModels that look like trouble and are none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from . import graphs
from .case import Bench
from .configs import dense, legacy, sequential
from .wire import message


def product(bench: Bench) -> Path:
    """An export that multiplies."""
    pick = graphs.node("pick", "MatMul", "x", "x", T=graphs.of_type(graphs.FLOAT))
    inner = graphs.function("inner", graphs.identity("y", "x"), result="y:output:0")
    graph = graphs.meta_graph(graphs.placeholder(), pick, graphs.call("y", "inner", "x"), functions=(inner,))
    return graphs.folder(bench, graphs.saved_model(graph))


def older_call(bench: Bench) -> Path:
    """A node whose op is the name of a function of the same graph, as TensorFlow 1 wrote calls."""
    inner = graphs.function("swish_f32", graphs.identity("y", "x"), result="y:output:0")
    called = graphs.node("y", "swish_f32", "x")
    graph = graphs.meta_graph(graphs.placeholder(), called, functions=(inner,))
    return graphs.folder(bench, graphs.saved_model(graph))


def saving(bench: Bench) -> Path:
    """The ops that every SavedModel saves and restores itself with."""
    text, floats = graphs.of_type(graphs.STRING), graphs.types(graphs.FLOAT)
    inside = (
        graphs.node("prefix", "Placeholder", dtype=text, shape=message((7, b""))),
        graphs.vector("names", "v"),
        graphs.vector("slices", ""),
        *(graphs.integer(name, number) for number, name in enumerate(("n", "m"))),
        graphs.node("sharded", "ShardedFilename", "prefix", "n", "m"),
        graphs.node("save", "SaveV2", "sharded", "names", "slices", "x", dtypes=floats),
        graphs.node("packed", "Pack", "sharded", "^save", N=graphs.number(1), T=text, axis=graphs.number(0)),
        graphs.node("merge", "MergeV2Checkpoints", "packed", "prefix"),
        graphs.node("restore", "RestoreV2", "prefix", "names", "slices", dtypes=floats),
    )
    saver = (3, message((1, "prefix:0"), (2, "merge:0"), (3, "restore:0"), (7, 2)))
    graph = graphs.meta_graph(graphs.placeholder(), *inside, graphs.identity("y", "x"), more=(saver,))
    return graphs.folder(bench, graphs.saved_model(graph))


def exported_words(bench: Bench) -> Path:
    """A graph whose constants look like paths and programs, and which names a file op only in a string."""
    texts = [graphs.const(f"c{n}", text) for n, text in enumerate(("/etc/passwd", "WriteFile", "import os"))]
    return graphs.folder(bench, graphs.saved_model(graphs.harmless(*texts)))


def exported_asset(bench: Bench) -> Path:
    """A table of words from an asset, as an export has it."""
    kinds = {"key_dtype": graphs.of_type(graphs.STRING), "value_dtype": graphs.of_type(graphs.INT64)}
    path = graphs.const("path", "words.txt")
    handle = graphs.node("table", "HashTableV2", **kinds)
    columns = {"key_index": graphs.number(-2), "value_index": graphs.number(-1)}
    fill = graphs.node("fill", "InitializeTableFromTextFileV2", "table", "path", **columns)
    more = (
        graphs.main_operation("fill"),
        (6, message((1, graphs.tensor("path:0", 7)), (2, "words.txt"))),
    )
    graph = graphs.meta_graph(graphs.placeholder(), path, handle, fill, graphs.identity("y", "x"), more=more)
    return graphs.folder(bench, graphs.saved_model(graph), {"assets/words.txt": b"a\n/etc/passwd\n"})


def with_metadata(bench: Bench) -> Path:
    bench = replace(bench, keras=2)
    model = {"class_name": "Sequential", "name": "m", "config": legacy(sequential(bench, dense()))["config"]}
    said = graphs.keras_metadata(("_tf_keras_sequential", model), ("_tf_keras_layer", legacy(dense())))
    return graphs.folder(bench, graphs.saved_model(graphs.harmless()), {"keras_metadata.pb": said})


ALL_CLEAN: tuple[Callable[[Bench], Path], ...] = (
    product,
    older_call,
    saving,
    exported_words,
    exported_asset,
    with_metadata,
)
