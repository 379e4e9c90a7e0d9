"""
Record what each TensorFlow registers, and make one table of it.

    python tools/harvest_ops.py record OUT.json [--registry VERSION]
    python tools/harvest_ops.py build envlock/knowledge/data/operations.bin RECORD.json ...

`record` runs inside an environment with TensorFlow (2.4 on Python 3.8 included) and writes down its
operations with their attributes, the CPU kernels, and what else of it decides whether a SavedModel loads.
With `--registry` only the native registry is asked, so that an unpacked wheel on PYTHONPATH will do; the
wheels of 2.5, 2.6, 2.7, 2.9 and 2.11 were asked so, with the dependencies of a neighbouring environment.
`build` needs neither TensorFlow nor envlock; the same records make the same bytes.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

_SCALARS = {"i", "f", "b"}
_LISTS = ("s", "i", "f", "b", "type", "shape", "tensor", "func")

# As NumPy calls the types that TensorFlow's enumeration has other names for.
_NAMES = {"FLOAT": "float32", "DOUBLE": "float64", "HALF": "float16"}


def record(version: str | None) -> dict[str, Any]:
    """Everything that the TensorFlow of this process registers."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    found: dict[str, Any] = {"harvested": datetime.datetime.now(datetime.timezone.utc).date().isoformat()}
    if version is None:
        import tensorflow

        version = tensorflow.__version__
        found["loader"] = _loader()
    from tensorflow.core.framework import types_pb2
    from tensorflow.python.framework import versions

    numbers = types_pb2.DataType.DESCRIPTOR.values
    found["version"] = version
    found["graph_def"] = versions.GRAPH_DEF_VERSION
    found["dtypes"] = {str(item.number): item.name for item in numbers if item.number < 100}
    found["ops"] = {op.name: _attributes(op, types_pb2) for op in _registered()}
    found["kernels"] = _kernels_here(types_pb2)
    return found


def _registered() -> Any:
    from tensorflow.core.framework import op_def_pb2

    try:
        from tensorflow.python.client import pywrap_tf_session as native
    except ImportError:
        from tensorflow.python import pywrap_tensorflow as native
    ops = op_def_pb2.OpList()
    ops.ParseFromString(bytes(native.TF_GetBuffer(native.TF_GetAllOpList())))
    return ops.op


def _kernels_here(types_pb2: Any) -> dict[str, list[dict[str, list[str]]]]:
    """The type constraints of each kernel for CPUs, by operation."""
    from tensorflow.python.framework import kernels

    found: dict[str, list[dict[str, list[str]]]] = {}
    for kernel in kernels.get_all_registered_kernels().kernel:
        if kernel.device_type in {"CPU", "DEFAULT"}:
            types = {item.name: _types(item.allowed_values, types_pb2) for item in kernel.constraint}
            found.setdefault(kernel.op, []).append(types)
    return found


def _loader() -> dict[str, list[str]]:
    """What tf.saved_model.load revives by name, once `import tensorflow` is done."""
    from tensorflow.core.protobuf import struct_pb2
    from tensorflow.python.saved_model import revived_types

    return {
        "revived": sorted(revived_types._REVIVED_TYPE_REGISTRY),  # noqa: SLF001 (nothing public lists them)
        "structured": sorted(item.name for item in struct_pb2.StructuredValue.DESCRIPTOR.fields),
    }


def _attributes(op: Any, types_pb2: Any) -> dict[str, Any]:
    return {item.name: _attribute(item, types_pb2) for item in op.attr}


def _attribute(item: Any, types_pb2: Any) -> dict[str, Any]:
    found = {"type": item.type}
    if item.HasField("default_value"):
        found["default"] = _value(item.default_value, types_pb2)
    if item.HasField("allowed_values"):
        found["allowed"] = _value(item.allowed_values, types_pb2)
    if item.has_minimum:
        found["minimum"] = item.minimum
    return found


def _value(value: Any, types_pb2: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "list":
        name = next((name for name in _LISTS if len(getattr(value.list, name))), "")
        return [_single(name, item, types_pb2) for item in getattr(value.list, name)] if name else []
    return _single(kind, getattr(value, kind), types_pb2)


def _single(kind: str, held: Any, types_pb2: Any) -> Any:
    if kind == "s":
        return held.decode("utf-8", "replace")
    if kind == "type":
        return types_pb2.DataType.Name(held)
    return held if kind in _SCALARS else {kind: " ".join(str(held).split())}


def _types(value: Any, types_pb2: Any) -> list[str]:
    return sorted(types_pb2.DataType.Name(number) for number in value.list.type)


class _Pool:
    """Values that repeat, by the order in which they are first met."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self._numbers: dict[str, int] = {}

    def number(self, value: Any) -> int:
        """The place of a value."""
        key = _dump(value)
        if key not in self._numbers:
            self._numbers[key] = len(self.rows)
            self.rows.append(value)
        return self._numbers[key]


def table(records: Iterable[dict[str, Any]]) -> str:
    """The table's text: a line about all of it, then one line for each operation."""
    held = sorted(_renamed(records), key=lambda item: _release(item["version"]))
    pool = _Pool()
    names = sorted({name for item in held for name in item["ops"]})
    lines = [f"{name}\t{_dump(_operation(name, held, pool))}" for name in names]
    head = {
        "source": "tools/harvest_ops.py",
        "harvested": max(item["harvested"] for item in held),
        "releases": [item["version"] for item in held],
        "graph_def": [item["graph_def"] for item in held],
        "dtypes_since": _since(held, "dtypes"),
        "structured_since": _since([item.get("loader", {}) for item in held], "structured"),
        "pool": pool.rows,
    }
    return "\n".join([_dump(head), *lines]) + "\n"


def _renamed(records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The same with `float32` for `DT_FLOAT`, everywhere."""
    name = re.compile(r'"DT_(\w+)"')
    for item in records:
        text = name.sub(lambda found: _dump(_NAMES.get(found[1], found[1].lower())), json.dumps(item))
        found = json.loads(text)
        yield {**found, "dtypes": sorted(found["dtypes"].values())}


def _since(records: list[dict[str, Any]], key: str) -> dict[str, int]:
    """The first release that has each, by number; what the oldest one has is left out."""
    found: dict[str, int] = {}
    for number, item in enumerate(records):
        for name in item.get(key, ()):
            found.setdefault(name, number)
    return {name: number for name, number in sorted(found.items()) if number}


def _operation(name: str, records: list[dict[str, Any]], pool: _Pool) -> list[Any]:
    """Spans, attributes, kernels; a span is the first release and the one after the last, by number."""
    held = [item["ops"].get(name) for item in records]
    spans = [span for span, _ in _spans([None if ops is None else True for ops in held])]
    attributes = []
    for attribute in sorted({key for ops in held if ops for key in ops}):
        rows = [ops.get(attribute) if ops else None for ops in held]
        attributes += [[attribute, pool.number(value), *span] for span, value in _spans(rows)]
    kernels = _spans([_kernels(item["kernels"].get(name)) for item in records])
    return [spans, attributes, [[pool.number(value), *span] for span, value in kernels]]


def _kernels(kernels: list[dict[str, list[str]]] | None) -> dict[str, list[str]] | None:
    """The types each attribute may have in any kernel; none for an attribute that some kernel leaves open."""
    if kernels is None:
        return None
    closed = set(kernels[0]).intersection(*kernels)
    return {key: sorted({kind for item in kernels for kind in item[key]}) for key in sorted(closed)}


def _spans(values: list[Any]) -> list[tuple[list[int], Any]]:
    """Runs of one value over the releases."""
    found: list[tuple[list[int], Any]] = []
    for number, value in enumerate(values):
        if value is None:
            continue
        if found and found[-1][1] == value and found[-1][0][1] == number:
            found[-1][0][1] = number + 1
        else:
            found.append(([number, number + 1], value))
    return found


def _release(version: str) -> list[int]:
    return [int(part) for part in version.split(".")[:3]]


def _dump(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def main() -> None:
    """Record, or build."""
    parser = argparse.ArgumentParser(description=__doc__)
    jobs = parser.add_subparsers(dest="job", required=True)
    one = jobs.add_parser("record")
    one.add_argument("out", type=Path)
    one.add_argument("--registry", metavar="VERSION")
    two = jobs.add_parser("build")
    two.add_argument("out", type=Path)
    two.add_argument("records", type=Path, nargs="+")
    given = parser.parse_args()
    if given.job == "record":
        given.out.write_text(json.dumps(record(given.registry), sort_keys=True), encoding="utf-8")
    else:
        records = [json.loads(path.read_text(encoding="utf-8")) for path in given.records]
        given.out.write_bytes(zlib.compress(table(records).encode(), 9))


if __name__ == "__main__":
    main()
