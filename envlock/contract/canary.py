"""
Stored inputs with the outputs that the model gave for them, and their comparison.

The arrays lie in one `canary.npz` beside the lock: `input_0 … input_n`, `output_0 … output_m`, in
the order of the model's inputs and outputs. NumPy is imported inside the functions, so that a diff
does without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from envlock.errors import LockError, UsageError
from envlock.facts import Maybe, TensorSpec, Unknown

__all__ = ["FILE", "Arrays", "compare", "drawn", "from_example", "read", "texts", "tolerance", "write"]

FILE = "canary.npz"

Arrays = list[Any]

_SEED = 20240229
# A dimension that may have any size, other than the batch, is drawn with this one: longer than
# common kernels and windows, and short.
_ANY_SIZE = 16
_SIZE_LIMIT = 16 << 20


def from_example(example: object, specs: Maybe[tuple[TensorSpec, ...]], rows: int) -> Maybe[Arrays]:
    """
    The first `rows` rows of the caller's example, one array for each input of the model.

    `example` is an array of shape (n, …) for a single input, a list of them in the order of the
    inputs, or a mapping by the names of the inputs. Numbers are converted to the input's dtype.
    `UsageError` says which input is missing or has another shape.
    """
    if isinstance(specs, Unknown):
        parts = list(example.values()) if isinstance(example, Mapping) else _listed(example)
        return [_rows(part, rows) for part in parts]
    arrays = [_rows(part, rows) for part in _in_order(example, specs)]
    return [_fitted(array, spec) for array, spec in zip(arrays, specs, strict=True)]


def drawn(specs: Maybe[tuple[TensorSpec, ...]], rows: int) -> Maybe[Arrays]:
    """
    Inputs drawn from a fixed seed to fit the shapes: standard normal numbers, 0 and 1 for integers.

    `Unknown` where nothing sensible can be drawn.
    """
    import numpy

    if isinstance(specs, Unknown):
        return specs
    generator = numpy.random.default_rng(_SEED)
    arrays: Arrays = []
    for spec in specs:
        shape = [rows, *(_ANY_SIZE if size < 0 else size for size in spec.shape[1:])]
        if spec.shape and spec.shape[0] > 0:
            shape[0] = spec.shape[0]
        if int(numpy.prod(shape)) * 8 > _SIZE_LIMIT:
            return Unknown(f"input {spec.name!r} is too large to draw; pass example=")
        if spec.dtype.startswith(("float", "bfloat")):
            arrays.append(generator.standard_normal(shape).astype(_numpy_dtype(spec.dtype)))
        elif spec.dtype.startswith(("int", "uint", "bool")):
            arrays.append(generator.integers(0, 2, shape).astype(spec.dtype))
        else:
            return Unknown(f"input {spec.name!r} takes {spec.dtype}, which cannot be drawn; pass example=")
    return arrays


def texts(arrays: Arrays) -> list[str]:
    """Every text that stands in the arrays."""
    import numpy

    found: list[object] = [
        item for array in map(numpy.asarray, arrays) if array.dtype.kind in "OSU" for item in array.ravel()
    ]
    return [item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item) for item in found]


def write(path: Path, inputs: Arrays, outputs: Arrays) -> None:
    """Store inputs and outputs; the same arrays give the same bytes."""
    import numpy

    named = {f"input_{index}": array for index, array in enumerate(inputs)}
    named |= {f"output_{index}": array for index, array in enumerate(outputs)}
    numpy.savez_compressed(path, **{name: _plain(array) for name, array in named.items()})


def read(path: Path) -> tuple[Arrays, Arrays]:
    """The stored inputs and outputs; nothing in the file is ever unpickled."""
    import zipfile
    import zlib

    import numpy

    try:
        # Not by numpy.load on the path: that also takes a plain array, which has no names.
        with path.open("rb") as file, numpy.lib.npyio.NpzFile(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        return _numbered(arrays, "input"), _numbered(arrays, "output")
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise LockError(f"{path.name} beside the lock cannot be read: {error}") from None


def compare(expected: Sequence[Any], found: Sequence[Any]) -> tuple[float, bool]:
    """
    How far the outputs are apart: max |a-b| / max(1, |b|), and whether all are equal to the last bit.

    Another number of outputs, another shape or a NaN that was none is infinitely far. Text is equal
    or not.
    """
    if len(expected) != len(found):
        return float("inf"), False
    pairs = [(_plain(before), _plain(after)) for before, after in zip(expected, found, strict=True)]
    bitwise = all(_bits(before) == _bits(after) for before, after in pairs)
    return max((_distance(before, after) for before, after in pairs), default=0.0), bitwise


def _bits(array: Any) -> tuple[object, ...]:
    return array.shape, array.dtype.str, array.tobytes()


def _distance(before: Any, after: Any) -> float:
    import numpy

    if before.shape != after.shape:
        return float("inf")
    if before.dtype.kind not in "fiubc":
        return 0.0 if (before.astype(str) == after.astype(str)).all() else float("inf")
    left, right = before.astype("complex128"), after.astype("complex128")
    finite = numpy.isfinite(left) & numpy.isfinite(right)
    # NaN against NaN and infinity against the same infinity are equal, anything else is not.
    if not numpy.array_equal(left[~finite], right[~finite], equal_nan=True):
        return float("inf")
    if not finite.any():
        return 0.0
    left, right = left[finite], right[finite]
    return float((numpy.abs(left - right) / numpy.maximum(1.0, numpy.abs(left))).max())


def tolerance(outputs: Arrays, *, in_half: bool) -> float:
    """
    The largest difference that counts as equal: 1e-5 for single precision, 1e-3 for half.

    Releases of TensorFlow differ by up to 4e-7 on small models and 1.7e-4 in half precision; a
    single changed weight moves the outputs further in all but degenerate cases. `in_half` says
    whether any layer computes in half precision.
    """
    is_half = any(str(getattr(array, "dtype", "")) in {"float16", "bfloat16"} for array in outputs)
    return 1e-3 if in_half or is_half else 1e-5


def _rows(part: object, rows: int) -> Any:
    import numpy

    try:
        array = numpy.asarray(part)
    except ValueError:
        raise UsageError("example= holds rows of different lengths") from None
    if array.shape and not len(array):
        raise UsageError("example= holds no rows")
    if not array.shape:
        raise UsageError(f"example= holds {type(part).__name__}, expected rows of shape (n, …)")
    return array[:rows]


def _listed(example: object) -> list[Any]:
    return list(example) if isinstance(example, (list, tuple)) else [example]


def _in_order(example: object, specs: tuple[TensorSpec, ...]) -> list[Any]:
    if isinstance(example, Mapping):
        missing = [spec.name for spec in specs if spec.name not in example]
        if missing:
            raise UsageError(f"example= has no input {missing[0]!r}; the model takes {_names(specs)}")
        return [example[spec.name] for spec in specs]
    parts = [example] if len(specs) == 1 and not isinstance(example, (list, tuple)) else _listed(example)
    if len(specs) == 1 and (len(parts) != 1 or not hasattr(parts[0], "shape")):
        parts = [example]  # a list of rows, not a list of inputs
    if len(parts) != len(specs):
        raise UsageError(f"example= has {len(parts)} inputs, the model takes {_names(specs)}")
    return parts


def _names(specs: tuple[TensorSpec, ...]) -> str:
    return f"{len(specs)}: {', '.join(repr(spec.name) for spec in specs)}"


def _fitted(array: Any, spec: TensorSpec) -> Any:
    fits = len(array.shape) == len(spec.shape) and all(
        size in {-1, given} for size, given in zip(spec.shape[1:], array.shape[1:], strict=True)
    )
    if not fits:
        wanted = ", ".join("n" if size < 0 else str(size) for size in spec.shape)
        raise UsageError(f"example= for input {spec.name!r} has shape {array.shape}, expected ({wanted})")
    if spec.dtype == "string":
        return array.astype(str)
    return array.astype(_numpy_dtype(spec.dtype)) if array.dtype.kind in "fiub" else array


def _numpy_dtype(name: str) -> str:
    return "float32" if name == "bfloat16" else name


def _plain(array: Any) -> Any:
    """An array of a dtype that NumPy itself can store."""
    import numpy

    array = numpy.asarray(array)
    if array.dtype.kind == "O":
        return array.astype(bytes) if array.size and isinstance(array.flat[0], bytes) else array.astype(str)
    return array.astype("float32") if array.dtype.name == "bfloat16" else array


def _numbered(arrays: Mapping[str, Any], word: str) -> Arrays:
    names = [name for name in arrays if name.startswith(f"{word}_")]
    return [arrays[name] for name in sorted(names, key=lambda name: int(name.rpartition("_")[2]))]
