"""Files as Keras writes them: archives, weights, and the older HDF5 models."""

from __future__ import annotations

import functools
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .case import Bench

Tree = Mapping[str, Any]
LAID_OUT = {2: "2.15.0", 3: "3.15.1"}


def metadata(bench: Bench) -> bytes:
    said = {"keras_version": LAID_OUT[bench.keras], "date_saved": "2026-11-21@21:00:00"}
    return json.dumps(said).encode("ascii")


def h5_bytes(fill: Callable[[h5py.File], None]) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        fill(file)
    return buffer.getvalue()


def weights(stored: Mapping[str, Any] | None = None, **options: Any) -> bytes:
    """`model.weights.h5`: datasets by their path."""

    def fill(file: h5py.File) -> None:
        file.create_group("layers")
        file.create_group("vars")
        for name, array in (stored or {}).items():
            file.create_dataset(name, data=array, **options)

    return h5_bytes(fill)


def dense_weights(name: str = "dense", rows: int = 6, columns: int = 4) -> dict[str, Any]:
    kernel = np.linspace(-1, 1, rows * columns, dtype="float32").reshape(rows, columns)
    return {f"layers/{name}/vars/0": kernel, f"layers/{name}/vars/1": np.zeros(columns, "float32")}


def dense_stack(*units: int, rows: int = 6, prefix: str = "layers") -> dict[str, Any]:
    """The weights of dense layers one behind the other, by the paths Keras 3 gives them."""
    stored: dict[str, Any] = {}
    for number, columns in enumerate(units):
        name = f"{prefix}/dense_{number}" if number else f"{prefix}/dense"
        stored[f"{name}/vars/0"] = np.full((rows, columns), 0.25, "float32")
        stored[f"{name}/vars/1"] = np.zeros(columns, "float32")
        rows = columns
    return stored


def lists(paths: Mapping[str, tuple[tuple[int, ...], ...]]) -> dict[str, Any]:
    """Weights of these shapes under each path."""
    return {
        f"{path}/vars/{number}": np.full(shape, 0.25, "float32")
        for path, shapes in paths.items()
        for number, shape in enumerate(shapes)
    }


def archive(path: Path, members: Iterable[tuple[str, bytes]], *, method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, data in members:
            file.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, compress_type=method)
    return path


@functools.cache
def inflating(byte: bytes, megabytes: int) -> tuple[int, int, bytes]:
    """So many million times that byte, deflated: the checksum, the size, and the stream."""
    block = byte * 1_000_000
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = 0
    for _ in range(megabytes):
        checksum = zlib.crc32(block, checksum)
    return checksum, megabytes * 1_000_000, piece * megabytes + packer.flush(zlib.Z_FINISH)


def raw_archive(path: Path, listed: Iterable[tuple[str, tuple[int, int, bytes]]]) -> Path:
    """An archive of streams that are deflated already."""
    out, directory, count = bytearray(), bytearray(), 0
    for name, (checksum, size, body) in listed:
        sizes = (checksum, len(body), size, len(name))
        directory += struct.pack(
            "<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 8, 0, 33, *sizes, 0, 0, 0, 0, 0, len(out)
        )
        directory += name.encode("ascii")
        out += struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0, 33, *sizes, 0) + name.encode("ascii") + body
        count += 1
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(directory), len(out), 0)
    path.write_bytes(bytes(out + directory) + end)
    return path


def deflated(data: bytes) -> tuple[int, int, bytes]:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return zlib.crc32(data), len(data), packer.compress(data) + packer.flush()


def members(
    bench: Bench, config: Any, stored: bytes | None = None, more: Mapping[str, bytes] | None = None
) -> list[tuple[str, bytes]]:
    said = config if isinstance(config, bytes) else json.dumps(config).encode("utf-8")
    return [
        ("metadata.json", metadata(bench)),
        ("config.json", said),
        ("model.weights.h5", weights() if stored is None else stored),
        *(more or {}).items(),
    ]


def keras(
    bench: Bench,
    config: Any,
    stored: bytes | None = None,
    more: Mapping[str, bytes] | None = None,
    name: str = "model.keras",
) -> Path:
    """A `.keras` archive."""
    return archive(bench.path(name), members(bench, config, stored, more))


def unpacked(bench: Bench, config: Any, stored: bytes | None = None) -> Path:
    """The same, as a folder."""
    for name, data in members(bench, config, stored):
        bench.path(f"model/{name}").write_bytes(data)
    return bench.path("model")


def h5(
    bench: Bench,
    config: Any,
    training: Tree | None = None,
    name: str = "model.h5",
    fill: Callable[[h5py.File], None] | None = None,
) -> Path:
    """An HDF5 model of Keras 2, or of Keras 3 in that format."""
    path = bench.path(name)
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = LAID_OUT[bench.keras]
        file.attrs["backend"] = "tensorflow"
        file.attrs["model_config"] = config if isinstance(config, str) else json.dumps(config)
        if training is not None:
            file.attrs["training_config"] = json.dumps(training)
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = np.array([], "S1")
        group.attrs["backend"] = "tensorflow"
        group.attrs["keras_version"] = LAID_OUT[bench.keras]
        if fill is not None:
            fill(file)
    return path


def h5_dense(file: h5py.File, name: str = "dense", rows: int = 6, columns: int = 4) -> None:
    """The weights of one dense layer, as the older format lays them out."""
    group = file["model_weights"]
    group.attrs["layer_names"] = np.array([name.encode("utf-8")])
    layer = group.create_group(name)
    layer.attrs["weight_names"] = np.array([f"{name}/kernel:0".encode(), f"{name}/bias:0".encode()])
    layer.create_dataset(f"{name}/kernel:0", data=np.ones((rows, columns), "float32"))
    layer.create_dataset(f"{name}/bias:0", data=np.zeros(columns, "float32"))
