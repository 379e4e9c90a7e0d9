"""HDF5 files whose weights stand elsewhere, or would fill the memory."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from . import payloads
from .case import CODE, READ, REFUSE, SECRET, SIZE, Bench, Case
from .configs import dense, legacy, sequential
from .files import h5, h5_bytes, h5_dense, keras, unpacked

SHAPE = (6, 4)
Change = Callable[[Bench, h5py.File, str], None]


def other(bench: Bench) -> str:
    """An HDF5 file outside that holds the secret as numbers."""
    path = bench.path("outside/other.h5")
    with h5py.File(path, "w") as file:
        data = np.frombuffer(SECRET.encode("ascii")[:96], "float32").reshape(SHAPE)
        file.create_dataset("data", data=data)
        file.create_dataset("layers/dense/vars/0", data=data)
        file.create_dataset("layers/dense/vars/1", data=np.zeros(4, "float32"))
        file.create_dataset("dense/dense/kernel:0", data=data)
    return str(path)


def external(bench: Bench, file: h5py.File, name: str) -> None:
    """The bytes of a dataset are those of another file."""
    file.create_dataset(name, SHAPE, "float32", external=[(str(bench.secret()), 0, 96)])


def external_relative(bench: Bench, file: h5py.File, name: str) -> None:
    bench.secret()
    file.create_dataset(name, SHAPE, "float32", external=[("outside/secret.txt", 0, 96)])


def virtual(bench: Bench, file: h5py.File, name: str) -> None:
    layout = h5py.VirtualLayout(SHAPE, "float32")
    layout[...] = h5py.VirtualSource(other(bench), "data", SHAPE)
    file.create_virtual_dataset(name, layout)


def external_link(bench: Bench, file: h5py.File, name: str) -> None:
    file[name] = h5py.ExternalLink(other(bench), "/data")


def soft_link(bench: Bench, file: h5py.File, name: str) -> None:
    file.create_dataset("elsewhere", data=np.ones(SHAPE, "float32"))
    file[name] = h5py.SoftLink("/elsewhere")


def dangling_link(bench: Bench, file: h5py.File, name: str) -> None:
    file[name] = h5py.SoftLink("/nowhere")


def group_link(bench: Bench, file: h5py.File, name: str) -> None:
    """A whole group stands in another file."""
    group = name.rpartition("/")[0]
    file[group] = h5py.ExternalLink(other(bench), "/layers/dense/vars")


def cycle(bench: Bench, file: h5py.File, name: str) -> None:
    """A group that holds itself."""
    file.create_dataset(name, data=np.ones(SHAPE, "float32"))
    group = file[name].parent
    group["again"] = group


def references(bench: Bench, file: h5py.File, name: str) -> None:
    target = file.create_dataset("elsewhere", data=np.ones(SHAPE, "float32"))
    data = np.full(SHAPE, target.ref, dtype=h5py.ref_dtype)
    file.create_dataset(name, data=data, dtype=h5py.ref_dtype)


def regions(bench: Bench, file: h5py.File, name: str) -> None:
    target = file.create_dataset("elsewhere", data=np.ones(SHAPE, "float32"))
    file.create_dataset(name, (1,), dtype=h5py.regionref_dtype)[0] = target.regionref[0:2]


def unknown_filter(bench: Bench, file: h5py.File, name: str) -> None:
    """A filter that HDF5 would look up as a library on the disk."""
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_chunk(SHAPE)
    made.set_filter(32015, h5py.h5z.FLAG_OPTIONAL)
    parent = file.require_group(name.rpartition("/")[0])
    space = h5py.h5s.create_simple(SHAPE)
    kind = h5py.h5t.IEEE_F32LE
    h5py.h5d.create(parent.id, name.rpartition("/")[2].encode(), kind, space, dcpl=made)


def huge(bench: Bench, file: h5py.File, name: str, *, shape: tuple[int, ...] = (50_000_000,) * 2) -> None:
    """A shape that is declared and not stored."""
    file.create_dataset(name, shape, "float32", chunks=(64,) * len(shape))


def compressed(bench: Bench, file: h5py.File, name: str) -> None:
    """Zeros, a thousand times smaller in the file."""
    options: dict[str, Any] = {"chunks": (2000, 2000), "compression": "gzip"}
    made = file.create_dataset(name, (20_000, 20_000), "float32", **options)
    chunk = zlib.compress(bytes(16_000_000), 1)
    for row in range(0, 20_000, 2000):
        for column in range(0, 20_000, 2000):
            made.id.write_direct_chunk((row, column), chunk)


def many(bench: Bench, file: h5py.File, name: str) -> None:
    """Forty datasets, each just small enough for a rule that looks at one."""
    group = file.require_group(name.rpartition("/")[0])
    for index in range(40):
        group.create_dataset(f"more{index}", (4000, 4000), "float32", chunks=(500, 500), compression="gzip")


def deep(bench: Bench, file: h5py.File, name: str) -> None:
    file.create_dataset(name, data=np.ones(SHAPE, "float32"))
    group = file
    for _ in range(600):
        group = group.create_group("g")


CHANGES: tuple[tuple[str, str, frozenset[str], Change], ...] = (
    ("external", "CVE-2026-1669 external storage", READ, external),
    ("external-relative", "CVE-2026-1669 external storage", READ, external_relative),
    ("virtual", "CVE-2026-12480 virtual dataset", READ, virtual),
    ("external-link", "1.1 (3.12.3) external link", READ, external_link),
    ("soft-link", "1.1 (3.12.3) soft link", READ | REFUSE, soft_link),
    ("dangling-link", "1.1 (3.12.3) soft link", READ | REFUSE, dangling_link),
    ("group-link", "1.1 (3.12.3) external link", READ, group_link),
    ("references", "1.4 HDF5", READ | REFUSE, references),
    ("regions", "1.4 HDF5", READ | REFUSE, regions),
    ("filter", "1.4 HDF5 filters", READ | REFUSE | CODE, unknown_filter),
    ("huge", "CVE-2026-0897 huge shape", SIZE, huge),
    ("huge-line", "CVE-2026-0897 huge shape", SIZE, partial(huge, shape=(3_000_000_000_000,))),
    ("under-the-floor", "CVE-2026-0897 huge shape", SIZE, partial(huge, shape=(20_000, 20_000))),
    ("compressed", "1.2 compressed 20000 x 20000", SIZE, compressed),
    ("many", "CVE-2026-0897 huge shape", SIZE, many),
    ("deep", "1.4 HDF5", REFUSE | SIZE, deep),
)


KINDS: tuple[tuple[str, Callable[[str], Any]], ...] = (
    ("bytes", lambda model: np.bytes_(model.encode("ascii"))),
    ("array", lambda model: np.array([model.encode("ascii")])),
    ("numbers", lambda model: np.frombuffer(model.encode("ascii"), "uint8")),
)


def in_archive(bench: Bench, change: Change) -> Path:
    def fill(file: h5py.File) -> None:
        file.create_group("vars")
        change(bench, file, "layers/dense/vars/0")
        if change is not group_link:
            file["layers"].create_dataset("dense/vars/1", data=np.zeros(4, "float32"))

    return keras(bench, sequential(bench, dense()), h5_bytes(fill))


def in_file(bench: Bench, change: Change) -> Path:
    def fill(file: h5py.File) -> None:
        h5_dense(file)
        del file["model_weights/dense/dense/kernel:0"]
        change(bench, file, "model_weights/dense/dense/kernel:0")

    def fill_group(file: h5py.File) -> None:
        h5_dense(file)
        del file["model_weights/dense/dense"]
        change(bench, file, "model_weights/dense/dense/kernel:0")

    filled = fill_group if change is group_link else fill
    return h5(bench, legacy(sequential(bench, dense())), fill=filled)


def as_weights(bench: Bench, change: Change) -> Path:
    """Weights alone, as `save_weights` writes them."""
    path = in_archive(bench, change)
    import zipfile

    with zipfile.ZipFile(path) as file:
        data = file.read("model.weights.h5")
    path.unlink()
    bench.path("model.weights.h5").write_bytes(data)
    return bench.path("model.weights.h5")


def in_optimizer(bench: Bench, change: Change) -> Path:
    """Among the variables of the optimizer, which nobody looks at."""

    def fill(file: h5py.File) -> None:
        h5_dense(file)
        change(bench, file, "optimizer_weights/adam/m")

    return h5(bench, legacy(sequential(bench, dense())), fill=fill)


def beside(bench: Bench) -> Path:
    """In a model's folder."""

    def fill(file: h5py.File) -> None:
        file.create_group("vars")
        external(bench, file, "layers/dense/vars/0")
        file["layers"].create_dataset("dense/vars/1", data=np.zeros(4, "float32"))

    return unpacked(bench, sequential(bench, dense()), h5_bytes(fill))


def config_in_group(bench: Bench) -> Path:
    """Two configurations: the harmless one where nobody loads it from."""

    def fill(file: h5py.File) -> None:
        file["model_weights"].attrs["model_config"] = "{}"

    return h5(bench, legacy(sequential(bench, payloads.lambda_list(bench))), fill=fill)


def config_as(bench: Bench, kind: Callable[[str], Any]) -> Path:
    """The configuration in another type of attribute."""
    model = json.dumps(legacy(sequential(bench, payloads.lambda_list(bench))))
    return h5(bench, "{}", fill=lambda file: file.attrs.__setitem__("model_config", kind(model)))


def user_block(bench: Bench) -> Path:
    """HDF5 that begins at byte 512, behind a pickle."""
    path = bench.path("model.h5")
    with h5py.File(path, "w", userblock_size=512) as file:
        file.attrs["model_config"] = "{}"
        file.create_group("model_weights")
    data = payloads.pickled(bench)
    path.write_bytes(data.ljust(512, b"\0") + path.read_bytes()[512:])
    return path


def cases() -> Iterator[Case]:
    """Each dataset in each kind of file."""
    for name, row, expected, change in CHANGES:
        yield Case(f"weights-{name}-keras", row, expected, partial(in_archive, change=change))
        yield Case(f"weights-{name}-h5", row, expected, partial(in_file, change=change))
    for name, row, expected, change in CHANGES[:4]:
        yield Case(f"weights-{name}-alone", row, expected, partial(as_weights, change=change))
        yield Case(f"weights-{name}-optimizer", row, expected, partial(in_optimizer, change=change))
    yield Case("weights-external-folder", CHANGES[0][1], READ, beside, 3)
    yield Case("h5-two-configs", "CVE-2025-9905 legacy HDF5", CODE, config_in_group, 2)
    for name, kind in KINDS:
        row = "CVE-2025-9905 legacy HDF5"
        yield Case(f"h5-config-{name}", row, CODE | REFUSE, partial(config_as, kind=kind), 2)
    yield Case("h5-behind-pickle", "1.2 parser differential", CODE | REFUSE, user_block)
