"""
What is computed otherwise under the same name and the same keys, however the model gets its weights.

Each row below was seen when layers were run with the same weights and inputs in up to fifteen releases
(docs/verdicts.md). Its boundary is where the source of the class changed; of 16-bit types, which TensorFlow's
kernels round, it is the minor release after the last that was seen to give the old numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from envlock.artifacts.reading import Node
from envlock.facts import KERAS_LOADER, WEIGHTS_LOADER
from envlock.knowledge.loading.common import policy_of
from envlock.knowledge.loading.flow import fed_layers
from envlock.knowledge.loading.keras3_shapes import fed_shape
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import THREE, Comparison, Release
from envlock.values import frozen

__all__ = ["problems"]

_BOTH = (KERAS_LOADER, WEIGHTS_LOADER)
_ENDLESS: Release = (99,)
# The first give indices of the shape that they get; behind the others a dimension of 1 more is the same.
_INDEXING = {"Discretization", "Hashing", "IntegerLookup", "StringLookup"}
_RESHAPING = {"Flatten", "Reshape"}


@frozen(kw_only=True)
class _Changed:
    """
    A class that computes something else on the two sides of each of these releases.

    `is_back` tells that after the last of them it is as it was before the first.
    `given` is what its inputs or its type have to be for that: `whole` numbers, `single` values (a last
    dimension of 1, which nothing takes away), `bfloat16`, `float16`. `key` is to have `value`, or anything
    but `other`.
    """

    class_name: str
    at: tuple[Release, ...]
    is_back: bool = False
    does: str = "computes"
    given: str = ""
    key: str = ""
    value: object = None
    other: object = None


@frozen(kw_only=True)
class _Refused:
    """A class that fails at the first call in the releases from `since` to before `until`."""

    class_name: str
    since: Release
    until: Release = _ENDLESS
    given: str = "whole"
    raised: str = "InvalidArgumentError"
    error: str


_RESIZED = (THREE, (3, 6))
_CHANGED = (
    *(
        _Changed(class_name=name, at=_RESIZED, given="whole", key="interpolation", other="nearest")
        for name in ("Resizing", "UpSampling2D")
    ),
    *(_Changed(class_name=f"GlobalAveragePooling{n}D", at=(THREE,), given="whole") for n in (1, 2, 3)),
    *(_Changed(class_name=f"GlobalAveragePooling{n}D", at=((2, 16),), given="bfloat16") for n in (1, 2, 3)),
    *(
        _Changed(
            class_name=name,
            at=(THREE, (3, 4)),
            is_back=True,
            does="encodes",
            given="single",
            key="output_mode",
            value="one_hot",
        )
        for name in ("CategoryEncoding", "Discretization")
    ),
    _Changed(
        class_name="TextVectorization",
        at=((3, 5), (3, 6)),
        is_back=True,
        does="encodes an empty text",
        key="output_mode",
        value="multi_hot",
    ),
    _Changed(class_name="RandomCrop", at=((2, 7), (3, 6), (3, 8)), does="crops"),
    _Changed(class_name="LayerNormalization", at=((3, 11),), given="whole"),
    _Changed(class_name="LayerNormalization", at=((3, 6),), given="float16"),
    _Changed(class_name="LayerNormalization", at=((2, 16), THREE, (3, 6)), given="bfloat16"),
    _Changed(class_name="BatchNormalization", at=(THREE,), given="bfloat16"),
    *(
        _Changed(class_name=name, at=((2, 11),), given="bfloat16")
        for name in ("Attention", "EinsumDense", "Softmax")
    ),
    *(
        _Changed(class_name=name, at=((2, 11),), given="bfloat16", key="activation", value="softmax")
        for name in ("Activation", "Dense")
    ),
    _Changed(class_name="UpSampling2D", at=(THREE,), given="bfloat16", key="interpolation", other="nearest"),
    _Changed(
        class_name="TFOpLambda", at=((2, 16),), given="bfloat16", key="function", value="math.reduce_mean"
    ),
    _Changed(class_name="Normalization", at=((2, 11),), does="inverts", key="invert", value=True),
)

# TensorFlow computes with oneDNN by itself since 2.9, which rounds between steps otherwise.
_ONEDNN: Release = (2, 9)

_NOT_ALLOWED = "Value for attr 'T' of {dtype} is not in the list of allowed values"
_REFUSED = (
    _Refused(class_name="UnitNormalization", since=(3, 6), error=_NOT_ALLOWED),
    _Refused(
        class_name="BatchNormalization",
        since=(3, 0, 3),
        until=(3, 6),
        error="cannot compute AddV2 as input #1(zero-based) was expected to be a float tensor",
    ),
    *(
        _Refused(
            class_name=name,
            since=THREE,
            raised="ValueError",
            error="Tensor conversion requested dtype float32 for Tensor",
        )
        for name in ("RandomHeight", "RandomWidth")
    ),
    _Refused(
        class_name="CategoryEncoding",
        since=(3, 6),
        given="short",
        error="Value for attr 'Tidx' of {dtype} is not in the list of allowed values: int32, int64",
    ),
)


def problems(seen: Comparison) -> Iterator[Problem]:
    """The layers of the model whose arithmetic is another one in the target."""
    if not seen.writer or not seen.reader:
        return
    nodes = seen.nodes()
    if (seen.writer < THREE) != (seen.reader < THREE):
        yield from _hard_sigmoid(seen, nodes)
    flows = _flows(nodes)
    for node in nodes:
        flow = flows.get(str(node.config.get("name")), _Flow())
        yield from _changes(seen, node, flow)
        yield from _refusals(seen, node, flow)


def _changes(seen: Comparison, node: Node, flow: _Flow) -> Iterator[Problem]:
    what = node.label
    for row in _ROWS.get(node.class_name, ()):
        if (
            _is_crossed(row, seen.writer, seen.reader)
            and _is_asked(row, node.config)
            and _is_given(row.given, node.config, flow)
        ):
            yield _silent(what, _told(row, what, seen.reader_name))
    if policy_of(node.config).endswith("bfloat16") and (seen.writer < _ONEDNN) != (seen.reader < _ONEDNN):
        yield _silent(what, f"{what} computes in bfloat16, which TensorFlow rounds otherwise since 2.9")


def _is_crossed(row: _Changed, writer: Release, reader: Release) -> bool:
    before, now = (sum(bound <= one for bound in row.at) for one in (writer, reader))
    return before != now and not (row.is_back and {before, now} == {0, len(row.at)})


def _told(row: _Changed, what: str, reader: str) -> str:
    if row.given == "whole":
        return f"{what} gets whole numbers, which {reader} treats otherwise"
    if row.given.endswith("float16"):
        return f"{what} computes in {row.given}, which {reader} rounds otherwise"
    return f"{what} {row.does} otherwise in {reader}"


def _refusals(seen: Comparison, node: Node, flow: _Flow) -> Iterator[Problem]:
    for row in _REFUSED:
        is_its = node.class_name == row.class_name and row.since <= seen.reader < row.until
        if is_its and _is_given(row.given, node.config, flow):
            yield Problem(
                code="EL129",
                subject=node.label,
                message=f"{node.label} gets {flow.dtype}, with which {seen.reader_name} cannot call it",
                error=f"{row.raised}: Exception encountered when calling {node.class_name}.call(). "
                + row.error.format(dtype=flow.dtype),
                loaders=_BOTH,
            )


def _is_asked(row: _Changed, config: dict[str, Any]) -> bool:
    if not row.key:
        return True
    found = config.get(row.key)
    return found != row.other if row.other is not None else found == row.value


def _is_given(given: str, config: dict[str, Any], flow: _Flow) -> bool:
    """Whether a layer gets or is what a row asks for."""
    if given == "whole":
        return flow.dtype.startswith(("int", "uint"))
    if given == "short":
        return flow.dtype in {"uint8", "int8", "uint16", "int16"}
    if given == "single":
        is_flattened = bool(flow.consumers) and _RESHAPING.issuperset(flow.consumers)
        shape = flow.shape
        return not is_flattened and (not isinstance(shape, list) or shape[-1:] == [1] or len(shape) == 1)
    if given == "float16":
        return policy_of(config) == "float16"
    return not given or policy_of(config).endswith(given)


def _hard_sigmoid(seen: Comparison, nodes: tuple[Node, ...]) -> Iterator[Problem]:
    """Keras 2 has 0.2 x + 0.5, Keras 3 has x / 6 + 0.5, both clipped to 0 and 1."""
    for node in nodes:
        keys = [key for key, value in node.config.items() if _is_hard_sigmoid(value)]
        if keys and node.class_name != "function":
            what = f"{node.label} uses hard_sigmoid as {keys[0]}"
            yield _silent(node.label, f"{what}, which {seen.reader_name} defines anew")


def _is_hard_sigmoid(value: object) -> bool:
    return value == "hard_sigmoid" or (isinstance(value, dict) and value.get("config") == "hard_sigmoid")


@frozen(kw_only=True)
class _Flow:
    """The type that an input brings straight into a layer, its shape, and what its outputs go into."""

    dtype: str = ""
    shape: object = None
    consumers: tuple[str, ...] = ()


def _flows(nodes: tuple[Node, ...]) -> dict[str, _Flow]:
    """The layers of all models, by name; the first of a name is taken."""
    inputs = {
        str(node.config.get("name")): (
            str(node.config.get("dtype")),
            node.config.get("batch_shape") or node.config.get("batch_input_shape"),
        )
        for node in nodes
        if node.class_name == "InputLayer"
    }
    found: dict[str, _Flow] = {}
    shapes = {name: shape for name, (_, shape) in inputs.items()}
    for node in nodes if inputs else ():
        layers = tuple(fed_layers(node.config.get("layers")))
        consumers: dict[str, list[str]] = {}
        for layer in layers:
            for source in layer.sources:
                consumers.setdefault(source, []).append(layer.class_name)
        for layer in layers:
            source = next((name for name in layer.sources if name in inputs), "")
            shape = fed_shape(layer.item) or shapes.get(source or next(iter(layer.sources), ""))
            if layer.class_name in _INDEXING:
                shapes.setdefault(layer.name, shape)
            flow = _Flow(
                dtype=inputs.get(source, ("", None))[0],
                shape=shape,
                consumers=tuple(consumers.get(layer.name, ())),
            )
            found.setdefault(layer.name, flow)
    return found


_ROWS: dict[str, tuple[_Changed, ...]] = {
    row.class_name: tuple(item for item in _CHANGED if item.class_name == row.class_name) for row in _CHANGED
}


def _silent(subject: str, message: str) -> Problem:
    return Problem(code="EL113", subject=subject, message=message, loaders=_BOTH, is_silent=True)
