"""A saved model as rows of text: what it is, what it takes and gives, what it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from envlock.artifacts.config import Inventory, inventory
from envlock.facts import Content, Lock, Maybe, TensorSpec, Unknown

__all__ = ["Row", "listed", "model", "of", "size"]

Row = tuple[str, str]

_SHOWN = 8


def model(value: Lock, content: Content) -> Iterator[Row]:
    """What a lock and the model itself say, without the environment."""
    artifact = value.artifact
    files = [f"{len(artifact.files)} file{'s' if len(artifact.files) > 1 else ''}"] if artifact.files else []
    weight = [size(sum(file.size for file in artifact.files))] if artifact.files else []
    yield "model", f"{artifact.name} ({', '.join([artifact.format, *files, *weight])})"
    yield "loads with", value.loader
    yield "inputs", _tensors(value.inputs)
    yield "outputs", _tensors(value.outputs)
    found = inventory(content, keras_version=artifact.keras_version)
    if isinstance(found, Inventory):
        yield from _made_of(found)
    yield from _graphs(content)
    yield "custom code", _code(value, found)
    yield "canary", _canary(value)
    if isinstance(artifact.stamps, dict) and artifact.stamps:
        yield "written by", ", ".join(f"{key} {text}" for key, text in sorted(artifact.stamps.items()))


def _made_of(found: Inventory) -> Iterator[Row]:
    layers = [item for item in found.classes if item.kind in {"layer", "cell"}]
    if layers:
        yield "layers", _shortened([_counted(item.class_name, item.count) for item in layers])
    if found.lambdas:
        yield "bytecode", _counted("Lambda", found.lambdas)
    if found.dtype_policies and found.dtype_policies != ("float32",):
        yield "precision", ", ".join(found.dtype_policies)
    compiled = [found.optimizer, *(f"loss {name}" for name in found.losses)]
    if found.optimizer or found.losses:
        yield "compiled", listed([*compiled, *(f"metric {name}" for name in found.metrics)])


def _graphs(content: Content) -> Iterator[Row]:
    if isinstance(content.signatures, tuple) and content.signatures:
        yield "signatures", ", ".join(item.name for item in content.signatures)
    if isinstance(content.ops, dict) and content.ops:
        yield "operations", f"{sum(content.ops.values())} of {len(content.ops)} kinds"
    if isinstance(content.weights, tuple):
        yield "weights", f"{len(content.weights)} arrays"
    if isinstance(content.assets, tuple) and content.assets:
        yield "assets", _shortened(list(content.assets))


def _counted(name: str, count: int) -> str:
    return name if count == 1 else f"{count} {name}"


def _shortened(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _tensors(specs: Maybe[tuple[TensorSpec, ...]]) -> str:
    if isinstance(specs, Unknown):
        return "unknown"
    shapes = [", ".join("any" if length < 0 else str(length) for length in spec.shape) for spec in specs]
    return "; ".join(f"{spec.name} ({shape}) {spec.dtype}" for spec, shape in zip(specs, shapes, strict=True))


def _code(value: Lock, found: Maybe[Inventory]) -> str:
    objects = value.custom_objects
    if not isinstance(objects, Unknown):
        return "; ".join(f"{item.name} from {item.module}:{item.qualname}" for item in objects) or "none"
    if isinstance(found, Unknown):
        return "unknown"
    named = (f"{item.name}, asked for by {' and '.join(item.asked_by)}" for item in found.custom)
    return "; ".join(named) or "unknown"


def _canary(value: Lock) -> str:
    canary = value.canary
    if canary is None or isinstance(canary, Unknown):
        return "none" if canary is None else "unknown"
    return f"{canary.rows} rows ({canary.source}), accepted difference {canary.tolerance:.0e}"


def of(value: Maybe[str | None]) -> str:
    """A text, or that there is none or it is unknown."""
    if isinstance(value, Unknown):
        return "unknown"
    return "none" if value is None else value


def listed(parts: Iterable[Maybe[str | None]]) -> str:
    """The known ones, separated by commas."""
    return ", ".join(part for part in parts if isinstance(part, str) and part)


def size(count: int) -> str:
    """A number of bytes in a unit that can be read."""
    amount, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
