"""Rules about what stands in the architecture: classes, keys, values, how it was compiled."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.artifacts.reading import nodes
from envlock.facts import KERAS_LOADER, WEIGHTS_LOADER, Unknown
from envlock.knowledge import tables
from envlock.knowledge.rule import THREE, TWO, Case, Comparison, Severity, release, rule

__all__ = ["RULES"]

_RESAVE = "load it with the Keras that wrote it (envlock build makes that), or export() a SavedModel there"
_LEGACY = "install the tf-keras of your TensorFlow and set TF_USE_LEGACY_KERAS=1"
_GUIDE = "https://keras.io/guides/migrating_to_keras_3/"


@rule("EL108", Severity.ERROR, source=_GUIDE, remedy=_RESAVE, loaders=(KERAS_LOADER,))
def key_not_accepted(seen: Comparison) -> Iterator[Case]:
    """
    The architecture holds a class or a key that the target's Keras does not accept.

    Each release writes the keys that its own constructors know, defaults included, and refuses
    those that it does not: "Unrecognized keyword arguments".
    """
    if seen.artifact.format not in {"keras", "hdf5"} or len(seen.reader) < 2:
        return
    if seen.writer >= THREE > seen.reader:
        return  # EL101 says it for the whole file
    found: dict[tuple[str, str], list[str]] = {}
    for node in seen.nodes():
        for row in tables.accepted():
            if row.concerns(node, seen.artifact.format) and not row.accepts(seen.reader):
                what = f"carries `{row.key}`" if row.key else "is a class"
                found.setdefault((node.class_name, what), []).append(node.label)
    for (_, what), labels in found.items():
        more = f" (and {len(labels) - 1} more)" if len(set(labels)) > 1 else ""
        yield labels[0], f"{labels[0]}{more} {what} that {seen.reader_name} does not accept"


@rule(
    "EL109",
    Severity.ERROR,
    source="https://github.com/keras-team/keras/issues/19151",
    remedy="pass safe_mode=False if you trust the file, or replace the lambda by a named function",
    loaders=(KERAS_LOADER,),
    avoided_by="safe_mode=False",
)
def lambda_in_safe_mode(seen: Comparison) -> Iterator[Case]:
    """
    The model holds a Lambda layer, which is Python bytecode.

    Safe mode refuses it: in `.keras` files since Keras 2.13, in `.h5` files since 3.11.3.
    """
    first = (2, 13) if seen.artifact.format == "keras" else (3, 11, 3)
    if seen.reader < first or len(seen.reader) < 2:
        return
    if _holds_bytecode(seen):
        owner = next((node.label for node in seen.nodes() if node.class_name == "Lambda"), "a Lambda layer")
        yield owner, f"{owner} holds bytecode, which {seen.reader_name} refuses in safe mode"


@rule(
    "EL110",
    Severity.ERROR,
    source="https://docs.python.org/3/library/marshal.html",
    remedy="replace the lambda by a named function and save again",
    loaders=(KERAS_LOADER,),
)
def lambda_of_another_python(seen: Comparison) -> Iterator[Case]:
    """
    The bytecode of a Lambda layer belongs to another Python.

    It is specific to Python's minor release: between most of them loading fails with "bad marshal
    data", and between some the interpreter dies at the first call.
    """
    change = seen.change("python.version")
    if change is None or not isinstance(change.locked, str) or not isinstance(change.current, str):
        return
    if _bytecode(change.locked) == _bytecode(change.current):
        return
    if _holds_bytecode(seen):
        yield (
            "Lambda",
            f"a Lambda layer holds bytecode of Python {change.locked}, the target has {change.current}",
        )


@rule(
    "EL111",
    Severity.ERROR,
    source="https://github.com/keras-team/keras/issues/19330",
    remedy="pass compile=False, or save as .keras",
    loaders=(KERAS_LOADER,),
    avoided_by="compile=False",
)
def short_loss_names_in_hdf5(seen: Comparison) -> Iterator[Case]:
    """
    An `.h5` file names its loss or a metric by a short alias.

    Keras 3 resolves "mse" and its like before it looks them up as a public name, and then does not
    find them, in its own files too.
    """
    if (
        seen.artifact.format != "hdf5"
        or seen.reader < THREE
        or not isinstance(seen.content.compile_config, dict)
    ):
        return
    for name in sorted(set(_strings(seen.content.compile_config))):
        if name in {"mse", "mae", "mape", "msle", "MSE", "MAE", "MAPE", "MSLE", "kld", "KLD", "bce", "BCE"}:
            yield (
                name,
                f"compiled with {name!r}, which {seen.reader_name} does not find in an .h5 file",
            )


@rule("EL112", Severity.ERROR, source=_GUIDE, remedy=_LEGACY, loaders=(KERAS_LOADER,))
def policy_of_keras_2(seen: Comparison) -> Iterator[Case]:
    """
    A layer carries a dtype policy in the form of another Keras generation.

    Keras 2 writes mixed precision as a `Policy`; Keras 3 knows `DTypePolicy` and fails on the first
    layer. Keras 3 itself does not read its own form back from an `.h5` file when layers cast.
    """
    if seen.reader < THREE or seen.artifact.format not in {"keras", "hdf5"}:
        return
    for node in seen.nodes():
        dtype = node.config.get("dtype")
        if isinstance(dtype, dict) and dtype.get("class_name") == "Policy":
            yield (
                node.label,
                f"{node.label} carries a dtype policy of Keras 2, which {seen.reader_name} does not know",
            )
            return
        if node.class_name == "Cast" and seen.artifact.format == "hdf5":
            yield node.label, f"{node.label} is a class that {seen.reader_name} does not find in an .h5 file"
            return


@rule(
    "EL113",
    Severity.WARNING,
    source="https://keras.io/api/layers/activations/",
    remedy="keep the Keras that it was trained with, or retrain with the new definition",
)
def hard_sigmoid_changed(seen: Comparison) -> Iterator[Case]:
    """
    `hard_sigmoid` is another function in Keras 3.

    Keras 2 computes 0.2 x + 0.5, Keras 3 x / 6 + 0.5, both clipped to 0 and 1: outputs move by up
    to 0.083 without a message.
    """
    crosses = seen.writer and seen.reader and (seen.writer < THREE) != (seen.reader < THREE)
    if not crosses or not isinstance(seen.content.config, dict):
        return
    for node in nodes(seen.content.config):
        keys = [key for key, value in node.config.items() if value == "hard_sigmoid"]
        if keys:
            yield (
                node.label,
                f"{node.label} uses hard_sigmoid as {keys[0]}, which {seen.reader_name} defines differently",
            )


@rule(
    "EL117",
    Severity.ERROR,
    source="https://github.com/keras-team/keras/issues/18830",
    remedy="load it with Keras 2.11 or newer, or pass compile=False",
    loaders=(KERAS_LOADER,),
    avoided_by="compile=False",
)
def optimizer_of_2_11(seen: Comparison) -> Iterator[Case]:
    """
    The optimizer is one that Keras registered anew in 2.11.

    From 2.11 on it is written as `Custom>Adam`, which older releases do not know.
    """
    if not TWO <= seen.reader < (2, 11) or not isinstance(seen.content.compile_config, dict):
        return
    for node in nodes(seen.content.compile_config):
        if node.slot.startswith("optimizer") and node.class_name.startswith("Custom>"):
            yield (
                node.class_name,
                f"the optimizer is written as {node.class_name}, which {seen.reader_name} does not know",
            )


@rule(
    "EL118",
    Severity.ERROR,
    source="https://keras.io/api/layers/preprocessing_layers/",
    remedy="save it as .keras, which carries the vocabulary",
    loaders=(KERAS_LOADER,),
)
def vocabulary_not_in_hdf5(seen: Comparison) -> Iterator[Case]:
    """
    A lookup layer's vocabulary is not in the `.h5` file.

    What `adapt()` learnt is left out of it; under Keras 3 the model loads and fails at the first
    prediction: "table not initialized".
    """
    if seen.artifact.format != "hdf5" or seen.reader < THREE:
        return
    for node in seen.nodes():
        if node.class_name in {"TextVectorization", "StringLookup", "IntegerLookup"} and not node.config.get(
            "vocabulary"
        ):
            yield (
                node.label,
                f"{node.label} has no vocabulary in the file, and {seen.reader_name} takes it from there",
            )


@rule(
    "EL119",
    Severity.WARNING,
    source="https://github.com/keras-team/keras/releases/tag/v3.7.0",
    remedy="use Keras 3.7 or newer, or save it as .keras",
    loaders=(KERAS_LOADER,),
)
def normalization_from_hdf5(seen: Comparison) -> Iterator[Case]:
    """
    A Normalization layer read from `.h5` does not normalise.

    Keras 3 before 3.7 restores mean and variance and does not apply them.
    """
    if seen.artifact.format != "hdf5" or not (3, 0) <= seen.reader < (3, 7):
        return
    for node in seen.nodes():
        if node.class_name == "Normalization" and node.config.get("mean") is None:
            yield (
                node.label,
                f"{seen.reader_name} does not apply the mean and variance of {node.label} from an .h5 file",
            )


@rule(
    "EL120",
    Severity.ERROR,
    source="https://github.com/keras-team/keras/issues/18830",
    remedy="build the model from code and load its weights",
    loaders=(KERAS_LOADER,),
)
def attention_without_shapes(seen: Comparison) -> Iterator[Case]:
    """
    A MultiHeadAttention layer was written before it recorded its shapes.

    Keras 2.4 does not write `query_shape`; from 2.8 on the loader needs it to build the layer.
    """
    if not TWO <= seen.writer < (2, 8) <= seen.reader or seen.artifact.format not in {"keras", "hdf5"}:
        return
    for node in seen.nodes():
        if node.class_name == "MultiHeadAttention" and "query_shape" not in node.config:
            yield node.label, f"{node.label} does not record its shapes, and {seen.reader_name} needs them"


@rule(
    "EL121",
    Severity.ERROR,
    source="https://github.com/keras-team/tf-keras/blob/master/tf_keras/saving/legacy/serialization.py",
    remedy="save it as .keras, or make the function a layer",
    loaders=(KERAS_LOADER,),
)
def function_in_hdf5(seen: Comparison) -> Iterator[Case]:
    """
    An `.h5` file holds a function of the user's in the newer form.

    Since 2.13 Keras writes it as an object of class "function", which no Keras 2 resolves when it
    reads an `.h5` file, not even the one that wrote it: "Unknown activation function: 'function'".
    """
    if seen.artifact.format != "hdf5" or not TWO <= seen.reader < THREE:
        return
    for node in seen.nodes():
        if node.class_name == "function":
            name = node.config.get("")
            yield str(name), f"{name} is a function, which {seen.reader_name} does not find in an .h5 file"


@rule(
    "EL122",
    Severity.WARNING,
    source=_GUIDE,
    remedy="pip install 'envlock-tf[h5]' here, or look where Keras is installed",
    loaders=(KERAS_LOADER, WEIGHTS_LOADER),
)
def architecture_not_read(seen: Comparison) -> Iterator[Case]:
    """What the file holds could not be read, so that nothing of it was judged."""
    if isinstance(seen.content.config, Unknown):
        yield seen.artifact.name, f"its architecture was not judged: {seen.content.config.reason}"


def _holds_bytecode(seen: Comparison) -> bool:
    """Whether a lambda is in the file; a named function in a Lambda layer is only named."""
    return any(
        node.class_name == "__lambda__"
        or (node.class_name == "Lambda" and node.config.get("function_type") == "lambda")
        for node in seen.nodes()
    )


def _bytecode(python: str) -> tuple[int, ...]:
    """The first Python whose bytecode is of the same family: 3.8 to 3.10 and 3.11 to 3.12 share theirs."""
    version = release(python)[:2]
    return max((first for first in ((3, 8), (3, 11)) if first <= version < (3, 13)), default=version)


def _strings(data: object) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for item in data.values():
            yield from _strings(item)
    elif isinstance(data, list):
        for item in data:
            yield from _strings(item)


RULES = (
    key_not_accepted,
    lambda_in_safe_mode,
    lambda_of_another_python,
    short_loss_names_in_hdf5,
    policy_of_keras_2,
    hard_sigmoid_changed,
    optimizer_of_2_11,
    vocabulary_not_in_hdf5,
    normalization_from_hdf5,
    attention_without_shapes,
    function_in_hdf5,
    architecture_not_read,
)
