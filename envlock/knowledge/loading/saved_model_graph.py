"""
What `tf.saved_model.load` does with a SavedModel, and calling its signature `serving_default`.

https://github.com/tensorflow/tensorflow/blob/master/tensorflow/python/saved_model/load.py
Every function of the library is imported, so that one operation that is not registered ends the load, also
where nothing would call it; the graph itself is not, where objects were saved with it. What is missing for
running is met when the signature is called.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from envlock.facts import KERAS_LOADER, SAVED_MODEL_LOADER, Keras, Unknown
from envlock.knowledge.boundaries import providers
from envlock.knowledge.loading.common import label, listed, shown
from envlock.knowledge.operations import Attribute, TensorFlowApi, tensorflow
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import THREE, TWO, Comparison, Release, release

__all__ = ["imported", "problems"]

_SERVED = "serving_default"
# The signatures that Keras writes; others may be for training.
_SERVING = {"serving_default", "serve"}
_EXPORTED = "LookupTableExportV2"
_NO_TYPES = (2, 14)
_RECURRENT = "_tf_keras_rnn_layer"
_BOTH = (SAVED_MODEL_LOADER, KERAS_LOADER)
_PLAIN = (SAVED_MODEL_LOADER,)

# Operations that draw numbers.
_DRAWS = re.compile(
    r"(Stateless)?(Random(Uniform|StandardNormal|Normal|Shuffle|Gamma|Poisson|Binomial)|TruncatedNormal"
    r"|Multinomial|ParameterizedTruncatedNormal)"
    r"|Stateful(Uniform|StandardNormal|TruncatedNormal|RandomBinomial)"
)

# What Keras 3 and `tf.random.Generator` keep their seeds in.
_SEEDS = ("int32", "int64", "uint32")

# The objects with slots that are revived by name, and by what.
_KERAS_OPTIMIZER = "optimizer"
_NEWER_OPTIMIZER = "experimentalOptimizer"
_CORE_OPTIMIZER = "tf_deprecated_optimizer"


def problems(seen: Comparison) -> Iterator[Problem]:
    """Everything that stands between the target's TensorFlow and the graph, its state and its signature."""
    api = tensorflow(seen.tensorflow)
    if api is not None:
        yield from imported(seen, api)
        yield from _kernels(seen, api)
    yield from _random(seen)
    yield from list(_states(seen)) or _changing(seen)
    yield from _slots(seen)
    yield from _files(seen)
    yield from _signature(seen)


def imported(seen: Comparison, api: TensorFlowApi) -> Iterator[Problem]:
    """What importing the graph and its functions fails at, whichever loader does it."""
    yield from _versions(seen, api)
    yield from _tables(seen, api)
    values = seen.content.op_values if isinstance(seen.content.op_values, dict) else {}
    ops = seen.content.ops if isinstance(seen.content.ops, dict) else {}
    for op in values or ops:
        if not api.has(op):
            yield from _unregistered(seen, api, op)
            continue
        held = values.get(op)
        for name, found in held.items() if isinstance(held, dict) and not api.is_behind else ():
            if isinstance(found, list):
                yield from _attribute(api, op, name, [item for item in found if isinstance(item, str)])


def _versions(seen: Comparison, api: TensorFlowApi) -> Iterator[Problem]:
    stamps = seen.artifact.stamps if isinstance(seen.artifact.stamps, dict) else {}
    least = stamps.get("graph-def-min-consumer", "")
    if api.is_exact and least.isdecimal() and len(least) < 9 and int(least) > api.graph_def:
        yield _problem(
            "EL114",
            "GraphDef",
            f"the graph asks for a reader of version {least}; {_name(seen)} is one of {api.graph_def}",
            f"GraphDef min consumer version {least} above current version {api.graph_def}",
        )


def _tables(seen: Comparison, api: TensorFlowApi) -> Iterator[Problem]:
    """
    The state of lookup tables, which 2.11 and 2.12 restore by calling a stored function with a bare text.

    Since 2.14 such a function is stored without the types of its arguments, so that the text stays one.
    """
    stated = seen.artifact.tensorflow_version
    writer = release(stated) if isinstance(stated, str) else ()
    values = seen.content.op_values if isinstance(seen.content.op_values, dict) else {}
    if writer >= _NO_TYPES and (2, 11) <= api.release < (2, 13) and _EXPORTED in values:
        yield _problem(
            "EL118",
            _EXPORTED,
            f"the state of lookup tables is stored in a form that TensorFlow {api.version} cannot restore",
            "save_fn(checkpoint_key) expected a Tensor in checkpoint_key, but got str value",
        )


def _unregistered(seen: Comparison, api: TensorFlowApi, op: str) -> Iterator[Problem]:
    package = _package(op)
    error = f"Op type not registered '{shown(op)}' in binary running on"
    if api.is_known(op):
        gone = api.until(op)
        since = api.since(op)
        is_older = not gone or _is_before(seen.tensorflow, since)
        when = f"since {since}" if is_older else f"before {gone}"
        said = f"the graph uses {op}, which TensorFlow has {when}, not in {_release(seen.tensorflow)}"
    elif (package and _has(seen, package) and not seen.is_code_missing) or (api.is_behind and not package):
        return
    elif package:
        said = f"the graph uses {shown(op)} of {package}, which {_name(seen)} alone does not have"
    else:
        said = f"the graph uses {shown(op)}, an operation that no TensorFlow has by itself"
    yield _problem("EL114", shown(op), said, error)


def _package(op: str) -> str:
    """The package that registers an operation when it is imported, empty where none is known."""
    return next((row.distribution for row in providers() if any(_matches(op, name) for name in row.ops)), "")


def _matches(op: str, name: str) -> bool:
    return op.startswith(name[:-1]) if name.endswith("*") else op == name


def _attribute(api: TensorFlowApi, op: str, name: str, values: list[str]) -> Iterator[Problem]:
    known = api.attr(op, name)
    if known is None:
        yield from _unknown_attribute(api, op, name, values)
        return
    for value in values:
        if refused := [item for item in _parts(value, known) if not _is_allowed(api, item, known)]:
            yield _problem(
                "EL114",
                op,
                f"the graph runs {op} with {shown(name)} {listed(refused)}, "
                f"which TensorFlow {api.version} does not take",
                f"Value for attr '{shown(name)}' of {shown(refused[0])} is not in the list of allowed values",
            )


def _unknown_attribute(api: TensorFlowApi, op: str, name: str, values: list[str]) -> Iterator[Problem]:
    """A setting that came later: since 2.5 it is passed over, which only a type of tensors does not bear."""
    elsewhere = api.attr_elsewhere(op, name)
    if elsewhere is None or (api.release >= (2, 5) and elsewhere.type != "type"):
        return
    default = _text(elsewhere)
    if any(value not in {default, "?"} for value in values):
        yield _problem(
            "EL114",
            op,
            f"the graph sets {shown(name)} of {op}, which TensorFlow {api.version} does not know",
            f"NodeDef mentions attr '{shown(name)}' not in Op<name={op}",
        )


def _parts(value: str, known: Attribute) -> list[str]:
    """The types or texts that a value consists of; nothing of numbers."""
    if known.type == "type" or (known.type == "string" and known.allowed):
        return [value]
    if known.type == "list(type)":
        return [item for item in value.strip("[]").split(",") if item]
    return []


def _is_allowed(api: TensorFlowApi, item: str, known: Attribute) -> bool:
    if known.allowed:
        return item in known.allowed
    return known.type == "string" or api.has_dtype(item)


def _text(known: Attribute) -> str | None:
    """A default as the reader writes values down; `None` where there is none."""
    return _written(known.default) if known.has_default else None


def _written(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case list():
            return f"[{','.join(_written(item) for item in value)}]"
        case dict() | None:
            return "?"
    return value if isinstance(value, str) else repr(value)


# What is met when the signature is called


def _kernels(seen: Comparison, api: TensorFlowApi) -> Iterator[Problem]:
    called = seen.content.called if isinstance(seen.content.called, tuple) else ()
    for op in called:
        if api.has(op) and not api.has_kernel(op) and api.ever_had_kernel(op):
            yield _problem(
                "EL114",
                op,
                f"the graph runs {op}, which TensorFlow {api.version} knows and cannot run",
                f"No OpKernel was registered to support Op '{op}' used by",
                loaders=_PLAIN,
            )


def _random(seen: Comparison) -> Iterator[Problem]:
    """What Keras 3 exports of layers that augment images draws numbers when it is served."""
    called = seen.content.called if isinstance(seen.content.called, tuple) else ()
    # What draws statelessly gives other numbers where its seed is a variable, which seeds alone are here.
    values = seen.content.op_values if isinstance(seen.content.op_values, dict) else {}
    read = values.get("ReadVariableOp")
    held = read.get("dtype") if isinstance(read, dict) else None
    is_seeded = not isinstance(held, list) or any(dtype in held for dtype in _SEEDS)
    drawing = next(
        (op for op in called if _DRAWS.match(op) and (is_seeded or not op.startswith("Stateless"))), None
    )
    if drawing is not None:
        yield Problem(
            code="EL131",
            subject=_SERVED,
            message=f"the signature draws random numbers ({drawing}), so that no two calls agree",
            loaders=_PLAIN,
            is_silent=True,
        )


def _changing(seen: Comparison) -> Iterator[Problem]:
    """What is exported of layers that keep a state goes on from the one before."""
    offered = seen.content.signatures if isinstance(seen.content.signatures, tuple) else ()
    is_served = all(signature.name in _SERVING for signature in offered)
    if seen.content.is_changing is True and is_served:
        yield Problem(
            code="EL131",
            subject=_SERVED,
            message="the signature changes variables, so that what it gives depends on the calls before",
            loaders=_PLAIN,
            is_silent=True,
        )


def _states(seen: Comparison) -> Iterator[Problem]:
    """Recurrent layers that go on from the state that they had when the model was saved."""
    parts = seen.content.parts if isinstance(seen.content.parts, dict) else {}
    kinds = seen.content.identifiers if isinstance(seen.content.identifiers, dict) else {}
    for path, said in parts.items():
        config = said.get("config") if isinstance(said, dict) else None
        if kinds.get(path) == _RECURRENT and isinstance(config, dict) and config.get("stateful") is True:
            yield Problem(
                code="EL131",
                subject=label(said),
                message=f"{label(said)} is stateful and goes on from where it was when the model was saved",
                loaders=_BOTH,
                is_silent=True,
            )


def _slots(seen: Comparison) -> Iterator[Problem]:
    """Optimizers with slot variables, which only what revives them can take."""
    held = seen.content.slots if isinstance(seen.content.slots, tuple) else ()
    reader = seen.reader
    for identifier in held if reader else ():
        if not _is_revived(seen, identifier):
            yield _problem(
                "EL115",
                identifier,
                f"the model holds an optimizer with slot variables, which {seen.reader_name} cannot restore",
                "'_UserObject' object has no attribute 'add_slot'",
                loaders=_PLAIN,
            )
            return


def _is_revived(seen: Comparison, identifier: str) -> bool:
    is_keras_2 = TWO <= seen.reader < THREE
    if identifier == _KERAS_OPTIMIZER:
        # Since 2.15 the loader looks for tf-keras by itself when it meets such an optimizer.
        return is_keras_2 or (seen.tensorflow >= (2, 15) and _has(seen, "tf-keras"))
    if identifier == _NEWER_OPTIMIZER:
        return is_keras_2 and seen.reader >= (2, 8)
    return identifier == _CORE_OPTIMIZER and seen.tensorflow >= (2, 7)


def _files(seen: Comparison) -> Iterator[Problem]:
    missing = seen.content.missing if isinstance(seen.content.missing, tuple) else ()
    for path in missing:
        yield _problem(
            "EL132",
            shown(path),
            f"the model counts on {shown(path)}, which its folder does not hold",
            f"{shown(path)}; No such file or directory",
        )


def _signature(seen: Comparison) -> Iterator[Problem]:
    signatures = seen.content.signatures
    if isinstance(signatures, Unknown) or any(item.name == _SERVED for item in signatures):
        return
    has = f"; it has {listed(item.name for item in signatures)}" if signatures else ""
    yield _problem(
        "EL134",
        _SERVED,
        f"the model offers no signature {_SERVED}{has}",
        f"KeyError: '{_SERVED}'",
        loaders=_PLAIN,
    )


def _problem(
    code: str, subject: str, message: str, error: str, *, loaders: tuple[str, ...] = _BOTH
) -> Problem:
    return Problem(code=code, subject=subject, message=message, error=error, loaders=loaders)


def _has(seen: Comparison, package: str) -> bool:
    """Whether a distribution is in the target, as far as that is known."""
    keras = seen.current.keras
    if package == "tf-keras" and isinstance(keras, Keras) and isinstance(keras.tf_keras, str):
        return True
    packages = seen.current.packages
    return not isinstance(packages, Unknown) and any(item.name == package for item in packages)


def _is_before(found: Release, since: str) -> bool:
    return found[:2] < tuple(int(part) for part in since.split("."))


def _release(found: Release) -> str:
    return ".".join(str(part) for part in found)


def _name(seen: Comparison) -> str:
    return f"TensorFlow {_release(seen.tensorflow)}"
