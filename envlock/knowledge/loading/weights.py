"""`load_weights` of a saved file into the same model, built from its code in the target."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from envlock.facts import WEIGHTS_LOADER
from envlock.knowledge.loading.common import (
    SHAPES_DIFFER,
    config_of,
    is_own,
    kind_of,
    label,
    not_loaded,
    shown,
    text_of,
)
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import THREE, Comparison, written

if TYPE_CHECKING:
    from envlock.knowledge.releases import KerasApi

__all__ = ["problems"]

_ONLY = (WEIGHTS_LOADER,)
# What they learn is a table, which Keras 2 neither writes to HDF5 nor reads from it; since 2.6 it is none of
# their weights where the vocabulary is given to them.
_TABLES = {"TextVectorization", "StringLookup", "IntegerLookup"}
_GIVEN = (2, 6)
# Sublayers that Keras 2 keeps under `_query_dense` and Keras 3 files as `query_dense`.
_NAMED_OTHERWISE = ("query_dense", "key_dense", "value_dense", "output_dense")
_ATTENTION = {"MultiHeadAttention", "GroupQueryAttention"}
# The state that every optimizer has from the beginning: its step and its learning rate.
_UNTRAINED = 2
_ARCHIVES = (2, 12)
# The first Keras 2 that walks `layers`; tf-keras 2.14.1 has it, there is no such keras.
_BY_LAYERS = (2, 14, 1)
_SCALED = "optimizer/inner_optimizer/"


def problems(seen: Comparison, api: KerasApi) -> Iterator[Problem]:
    """
    What stands between the weights in the file and a model that has their layers already.

    Where Keras 2 looks for them in its own archives is told with `load_model`, which looks there too.
    """
    from envlock.knowledge.loading import weights_code

    yield from weights_code.problems(seen, api)
    if not isinstance(seen.content.config, dict):
        return
    if seen.reader >= THREE:
        yield from _momentum(seen)
        return
    if seen.artifact.format == "keras" and seen.reader >= _ARCHIVES and seen.writer >= THREE:
        yield from _of_keras_3(seen)
    elif seen.artifact.format == "hdf5":
        yield from _tables(seen)
    yield from _defaults(seen, api)


def _momentum(seen: Comparison) -> Iterator[Problem]:
    """
    Archives of Keras 2 with as many variables of an optimizer as Keras 3 makes for it, and other ones.

    `load_own_variables` of an optimizer compares the counts alone. Keras 2 has a momentum of every trained
    array in a plain SGD, after its step; Keras 3 has its step and its learning rate.
    """
    found = seen.content.weights
    if seen.artifact.format != "keras" or seen.writer >= THREE or not isinstance(found, tuple):
        return
    state = [spec for spec in found if spec.name.startswith("optimizer/vars/")]
    if len(state) == _UNTRAINED and any(spec.shape for spec in state) and _is_plain_sgd(seen):
        yield Problem(
            code="EL128",
            subject="SGD",
            message=f"{written(seen)} holds a momentum of SGD where {seen.reader_name} has its learning rate",
            error=not_loaded(f"<keras.src.optimizers.sgd.SGD object>: {SHAPES_DIFFER}"),
            loaders=_ONLY,
        )


def _is_plain_sgd(seen: Comparison, *, is_fixed: bool = True) -> bool:
    """Whether the model is compiled with SGD without a momentum; `is_fixed` asks for a plain rate."""
    settings = seen.content.compile_config
    optimizer = settings.get("optimizer") if isinstance(settings, dict) else None
    if not optimizer:
        return False
    name = optimizer if isinstance(optimizer, str) else text_of(optimizer, "class_name") or ""
    config = config_of(optimizer)
    is_scheduled = isinstance(config.get("learning_rate"), dict)
    # One of the user's own is most often made of it.
    is_sgd = name.rpartition(">")[2].lower() == "sgd" or (
        isinstance(optimizer, dict) and not is_own(optimizer, "optimizer", None)
    )
    return is_sgd and not config.get("momentum") and not (is_fixed and is_scheduled)


def _of_keras_3(seen: Comparison) -> Iterator[Problem]:
    """Archives of Keras 3 have the layout of Keras 2.15, but for what is called otherwise in it."""
    found = seen.content.weights
    held = {spec.name for spec in found} if isinstance(found, tuple) else None
    settings = seen.content.compile_config
    if held and any(name.startswith(_SCALED) for name in held) and seen.reader >= (2, 13):
        yield _scaled(seen)
    has_loss = isinstance(settings, dict) and settings.get("loss") is not None
    if has_loss and seen.reader >= (2, 13) and (held is None or _is_trained(seen, held)):
        yield _elsewhere(seen, "the metrics of the model, which training makes", "loss")
    moved = _below_layers(seen, held) if seen.reader < _BY_LAYERS else ""
    if moved:
        yield _elsewhere(seen, moved, moved)
    attention = _attention(seen, held)
    if attention:
        yield _elsewhere(seen, attention, "value")


def _below_layers(seen: Comparison, held: set[str] | None) -> str:
    """
    What Keras 3 files below `layers` of a model, under its class or its name.

    Up to 2.14 Keras 2 comes to the same layers by `_layer_checkpoint_dependencies` first; a model of the
    user's own class has no such list.
    """
    layers = config_of(seen.content.config).get("layers")
    if held is None:
        items = layers if isinstance(layers, list) else ()
        return next((label(item) for item in items if isinstance(item, dict) and _is_filled(item)), "")
    for name in sorted(held):
        holder, mark, inner = f"/{name}".partition("/layers/")
        if mark and (holder or isinstance(layers, list)):
            return shown(inner.partition("/")[0])
    return ""


def _is_filled(item: dict[str, Any]) -> bool:
    """Whether a layer has weights, most likely: it takes an initializer."""
    return any(key.endswith("_initializer") for key in config_of(item))


def _scaled(seen: Comparison) -> Problem:
    """The optimizer that scales losses counts its variables otherwise, and fails at saying so."""
    return Problem(
        code="EL107",
        subject="LossScaleOptimizer",
        message=f"{written(seen)} holds more of the state of LossScaleOptimizer than {seen.reader_name} does",
        error="AttributeError: 'LossScaleOptimizerV3' object has no attribute 'name'",
        loaders=_ONLY,
    )


def _attention(seen: Comparison, held: set[str] | None) -> str:
    """The first attention of the model, wherever its arrays lie; by its class where they are not known."""
    if held is None:
        return next((node.label for node in seen.nodes() if node.class_name in _ATTENTION), "")
    for name in sorted(held):
        place, mark, _ = name.partition(f"/{_NAMED_OTHERWISE[0]}/")
        if mark and all(f"{place}/{other}/vars/0" in held for other in _NAMED_OTHERWISE):
            return f"the attention at {shown(place)}"
    return ""


def _is_trained(seen: Comparison, held: set[str]) -> bool:
    """Whether the model was trained before it was saved, as its code may do: a plain SGD does not tell."""
    state = sum(spec.startswith("optimizer/vars/") for spec in held)
    return state > _UNTRAINED or _is_plain_sgd(seen, is_fixed=False)


def _elsewhere(seen: Comparison, what: str, name: str) -> Problem:
    return Problem(
        code="EL107",
        subject=what,
        message=f"{written(seen)} files the weights of {what} where {seen.reader_name} does not look",
        error=f"Layer '{name}' expected variables, but received 0 variables during loading.",
        loaders=_ONLY,
    )


def _tables(seen: Comparison) -> Iterator[Problem]:
    for node in seen.nodes():
        is_given = seen.reader >= _GIVEN and bool(node.config.get("vocabulary"))
        if node.class_name in _TABLES and not is_given:
            name = shown(node.config.get("name", node.class_name))
            yield Problem(
                code="EL128",
                subject=node.label,
                message=f"{node.label} holds a table, which {seen.reader_name} does not fill from HDF5",
                error="NotImplementedError: Save or restore weights that is not an instance of "
                f"`tf.Variable` is not supported in h5. Received a model or layer {name}",
                loaders=_ONLY,
            )
            return


def _defaults(seen: Comparison, api: KerasApi) -> Iterator[Problem]:
    """Activations that the model's code leaves to Keras, which chooses another one here than where it was."""
    from envlock.knowledge.loading.keras2_load import tables_of

    there = tables_of(seen.writer) if seen.writer >= THREE else None
    for node in seen.nodes() if there else ():
        for key, value in node.config.items():
            if not isinstance(value, str) or kind_of(key) != "activation":
                continue
            before, now = (_default(tables, node.class_name, key) for tables in (there, api))
            if value == before != now and isinstance(now, str):
                yield Problem(
                    code="EL113",
                    subject=node.label,
                    message=f"{node.label} has {shown(value)} as {key}, which {written(seen)} chose by "
                    f"itself; {seen.reader_name} chooses {shown(now)}",
                    loaders=_ONLY,
                    is_silent=True,
                )


def _default(tables: KerasApi | None, class_name: str, key: str) -> object:
    found = tables.cls(tables.lookup("layer", class_name) or "") if tables else None
    return found.accepts.get(key) if found else None
