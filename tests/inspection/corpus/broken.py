"""Pickles and arrays under a model's name, files cut short, and what is no file at all."""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from . import graphs, payloads
from .case import CODE, READ, REFUSE, SIZE, Bench, Case
from .containers import DIFFER, honest, honest_members, hostile
from .files import archive, h5, keras, members, metadata


def pickle_as(bench: Bench, name: str, protocol: int) -> Path:
    path = bench.path(name)
    path.write_bytes(payloads.pickled(bench, protocol))
    return path


def compressed_pickle(bench: Bench) -> Path:
    path = bench.path("model.keras")
    path.write_bytes(zlib.compress(payloads.pickled(bench)))
    return path


def torch_archive(bench: Bench) -> Path:
    """The layout of another library's archive, under this one's name."""
    return archive(bench.path("model.keras"), [("model/data.pkl", payloads.pickled(bench))])


def pickle_member(bench: Bench, name: str) -> Path:
    parts = dict(honest_members(bench))
    parts[name] = payloads.pickled(bench, 4)
    return archive(bench.path("model.keras"), parts.items())


def npy(header: str, data: bytes = b"") -> bytes:
    """An array file with this header, whatever it says."""
    said = header.encode("latin-1") + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(said)) + said + data


def npz(bench: Bench, array: bytes) -> Path:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("layers/dense.npy", array)
    parts = [(name, data) for name, data in honest_members(bench) if not name.endswith(".h5")]
    return archive(bench.path("model.keras"), [*parts, ("model.weights.npz", buffer.getvalue())])


def object_array(bench: Bench) -> Path:
    header = "{'descr': '|O', 'fortran_order': False, 'shape': (), }"
    return npz(bench, npy(header, payloads.pickled(bench)))


def real_object_array(bench: Bench) -> Path:
    """As NumPy itself writes an object array: a dictionary of weights."""
    buffer = io.BytesIO()
    value = np.empty((), dtype=object)
    value[()] = {"0": payloads._Call(bench.marker())}
    np.save(buffer, value, allow_pickle=True)
    return npz(bench, buffer.getvalue())


HEADERS: tuple[tuple[str, frozenset[str], str], ...] = (
    ("structured", DIFFER, "{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (1,), }"),
    ("huge", SIZE | REFUSE, "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000), }"),
    ("nested", REFUSE | SIZE, "(" * 5000 + ")" * 5000),
    ("code", DIFFER, "__import__('os').getcwd()"),
    ("subarray", REFUSE | SIZE, "{'descr': '(100000,100000)f4', 'fortran_order': False, 'shape': (9,), }"),
    ("negative", REFUSE | SIZE, "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4), }"),
)


def shards(bench: Bench, target: str) -> Path:
    """An index of weights that names files outside."""
    index = {"metadata": {"total_size": 4}, "weight_map": {"/layers/dense/vars": [target]}}
    parts = [part for part in honest_members(bench) if not part[0].endswith(".h5")]
    parts.append(("model.weights.json", json.dumps(index).encode("ascii")))
    return archive(bench.path("model.keras"), parts)


def cut(bench: Bench, name: str, part: float) -> Path:
    """The first part of an honest file."""
    if name.endswith(".h5"):
        path = h5(bench, honest(bench))
    else:
        path = archive(bench.path(name), honest_members(bench))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    return path


def two_models(bench: Bench, *, keras_is_hostile: bool) -> Path:
    """A folder that is a model to one Keras and a SavedModel to another."""
    config = hostile(bench) if keras_is_hostile else honest(bench)
    nodes = () if keras_is_hostile else graphs.writer(bench.marker())
    root = graphs.folder(bench, graphs.saved_model(graphs.harmless(*nodes)))
    for name, data in members(bench, config):
        (root / name).write_bytes(data)
    return root


def linked_graph(bench: Bench) -> Path:
    """A SavedModel whose message is a link."""
    root = graphs.folder(bench, graphs.saved_model(graphs.harmless()))
    (root / "saved_model.pb").rename(bench.path("outside/saved_model.pb"))
    (root / "saved_model.pb").symlink_to(bench.path("outside/saved_model.pb"))
    return root


def two_weights(bench: Bench) -> Path:
    """Honest weights in one format, and pickled ones in another."""
    buffer = io.BytesIO()
    header = "{'descr': '|O', 'fortran_order': False, 'shape': (), }"
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("layers/dense.npy", npy(header, payloads.pickled(bench)))
    return archive(
        bench.path("model.keras"), [*honest_members(bench), ("model.weights.npz", buffer.getvalue())]
    )


def folder_called_keras(bench: Bench) -> Path:
    for name, data in members(bench, hostile(bench)):
        bench.path(f"model.keras/{name}").write_bytes(data)
    return bench.path("model.keras")


def only(bench: Bench, name: str, data: bytes) -> Path:
    path = bench.path(name)
    path.write_bytes(data)
    return path


def fifo(bench: Bench) -> Path:
    """A pipe nobody writes to: whoever opens it waits."""
    path = bench.path("model.keras")
    os.mkfifo(path)
    return path


def link_to_fifo(bench: Bench) -> Path:
    os.mkfifo(bench.path("outside/pipe"))
    bench.path("model.keras").symlink_to("outside/pipe")
    return bench.path("model.keras")


def folder_with(bench: Bench, name: str) -> Path:
    """A model's folder in which one file is a link outside."""
    for inside, data in honest_members(bench):
        bench.path(f"model/{inside}").write_bytes(data)
    path = bench.path(f"model/{name}")
    path.unlink(missing_ok=True)
    path.symlink_to(bench.secret())
    return bench.path("model")


def empty_folder(bench: Bench) -> Path:
    bench.path("model/x").parent.mkdir(exist_ok=True)
    return bench.path("model")


def orbax(bench: Bench) -> Path:
    for name in ("0/_CHECKPOINT_METADATA", "0/pytree/_METADATA", "0/pytree/manifest.ocdbt"):
        bench.path(f"model/{name}").write_bytes(b"{}")
    bench.path("model/0/model_config").write_bytes(json.dumps(hostile(bench)).encode("ascii"))
    return bench.path("model")


def no_config(bench: Bench) -> Path:
    return archive(bench.path("model.keras"), [("metadata.json", metadata(bench))])


CONFIGS = (
    ("list", b"[1, 2]"),
    ("null", b"null"),
    ("garbage", b"\xff\xfe\x00garbage"),
    ("trailing", b'{"class_name": "Sequential", "config": {}} {"class_name": "__lambda__"}'),
    ("comment", b'{"class_name": "Sequential", "config": {} /* */}'),
    ("empty", b""),
    ("class-is-list", b'{"module": "keras", "class_name": ["Lambda"], "config": {}}'),
)

NO_MODELS = (
    ("pipe", fifo),
    ("link-to-pipe", link_to_fifo),
    ("empty-folder", empty_folder),
    ("orbax", orbax),
    ("no-config", no_config),
)


def cases() -> Iterator[Case]:
    """Pickles and arrays, pieces of files, and things that are no models."""
    row = "1.4 pickle-like streams"
    for name, protocol in (("model.keras", 0), ("model.keras", 4), ("model.h5", 2), ("model.hdf5", 5)):
        yield Case(f"pickle-{protocol}-{name}", row, CODE, partial(pickle_as, name=name, protocol=protocol))
    yield Case("pickle-zlib", row, DIFFER, compressed_pickle)
    yield Case("pickle-torch", row, DIFFER, torch_archive)
    for name in ("assets/vocabulary.txt", "assets/tokenizer.pkl", "model.weights.h5", "model.weights.npz"):
        yield Case(f"pickle-in-{name}", row, DIFFER, partial(pickle_member, name=name))
    yield Case("npz-object", "1.1 npz object array", CODE, object_array)
    yield Case("npz-object-dict", "1.1 npz object array", CODE, real_object_array, 3)
    for name, expected, header in HEADERS:
        yield Case(f"npz-{name}", "1.4 npy headers", expected, partial(npz, array=npy(header)))
    for name, target in (("parent", "../../secret.txt"), ("absolute", "/etc/hostname"), ("url", "gs://a/b")):
        yield Case(f"shards-{name}", "1.4 shards", READ | REFUSE, partial(shards, target=target))
    yield from _broken()


def _broken() -> Iterator[Case]:
    row = "1.4 truncation"
    for name in ("model.keras", "model.h5"):
        for part in (0.1, 0.5, 0.9, 0.999):
            yield Case(f"cut-{name}-{part}", row, REFUSE, partial(cut, name=name, part=part))
        yield Case(f"empty-{name}", row, REFUSE, partial(only, name=name, data=b""))
        yield Case(f"text-{name}", row, REFUSE, partial(only, name=name, data=b"hello " * 99))
    for name, config in CONFIGS:
        yield Case(f"config-{name}", row, DIFFER, partial(keras, config=config))
    for name, build in NO_MODELS:
        yield Case(name, "1.5 regular files only", DIFFER, build)
    for hidden in (True, False):
        slug = "config" if hidden else "graph"
        yield Case(
            f"folder-of-both-{slug}",
            "1.2 parser differential",
            DIFFER,
            partial(two_models, keras_is_hostile=hidden),
        )
    yield Case("graph-link", "1.5 no links", REFUSE | READ, linked_graph)
    yield Case("two-weights", "1.1 npz object array", DIFFER, two_weights)
    yield Case("folder-called-keras", "CVE-2024-3660 Lambda", DIFFER, folder_called_keras)
    for name in ("config.json", "model.weights.h5"):
        yield Case(f"folder-link-{name}", "1.5 no links", REFUSE | READ, partial(folder_with, name=name), 3)
