"""Rules about the saved model itself: which Keras reads which file."""

from __future__ import annotations

import re
from collections.abc import Iterator

from envlock.artifacts.reading import nodes
from envlock.facts import KERAS_LOADER, SAVED_MODEL_LOADER, Keras, Unknown
from envlock.knowledge import tables
from envlock.knowledge.rule import Case, Comparison, Severity, release, rule

__all__ = ["RULES"]

_RESAVE = "load it with the Keras that wrote it (envlock build makes that environment), or export() a SavedModel there"
_LEGACY = "install the tf-keras of your TensorFlow and set TF_USE_LEGACY_KERAS=1"
_MATRIX = "https://keras.io/guides/migrating_to_keras_3/"

_TWO, _THREE = (2,), (3,)


@rule("EL101", Severity.ERROR, source=_MATRIX, remedy=_RESAVE, loaders=(KERAS_LOADER,))
def keras_3_file_in_keras_2(seen: Comparison) -> Iterator[Case]:
    """
    A file of Keras 3 does not load in Keras 2.

    Keras 3 writes keys (`batch_shape`) and module paths (`keras.src.models`) that no Keras 2 and no
    tf-keras knows, in `.keras` and in `.h5`. Only a SavedModel crosses.
    """
    if seen.artifact.format in {"keras", "hdf5"} and seen.writer >= _THREE and _TWO <= seen.reader < _THREE:
        yield seen.artifact.name, f"{_written(seen)}, which {seen.reader_name} cannot read"


@rule(
    "EL102",
    Severity.ERROR,
    source="https://github.com/keras-team/keras/issues/18830",
    remedy="load it with Keras 2.12 or newer, or save it as .h5 there",
)
def archive_before_2_12(seen: Comparison) -> Iterator[Case]:
    """
    The `.keras` archive is unknown before Keras 2.12.

    Older releases take every file for HDF5: "file signature not found".
    """
    if seen.artifact.format == "keras" and _TWO <= seen.reader < (2, 12):
        yield seen.artifact.name, f"it is a .keras archive, which {seen.reader_name} takes for HDF5"


@rule("EL103", Severity.ERROR, source=_MATRIX, remedy="rename it to end in .h5")
def hdf5_named_keras(seen: Comparison) -> Iterator[Case]:
    """
    An HDF5 file is called `.keras`.

    Keras up to 2.12 wrote HDF5 whatever the name. Keras 3 goes by the name, expects an archive and
    says "File not found".
    """
    if seen.artifact.format == "hdf5" and seen.artifact.name.endswith(".keras") and seen.reader >= _THREE:
        yield (
            seen.artifact.name,
            f"it holds HDF5 but is called .keras, where {seen.reader_name} expects an archive",
        )


@rule(
    "EL104",
    Severity.ERROR,
    source="https://keras.io/api/layers/backend_specific_layers/tfsm_layer/",
    remedy="use tf.saved_model.load, or keras.layers.TFSMLayer(path, call_endpoint='serving_default')",
    loaders=(KERAS_LOADER,),
)
def saved_model_in_keras_3(seen: Comparison) -> Iterator[Case]:
    """
    Keras 3 does not read SavedModel folders with `load_model`.

    "File format not supported". The folder still serves: `tf.saved_model.load` reads it.
    """
    if seen.artifact.format == "saved-model" and seen.reader >= _THREE:
        yield seen.artifact.name, f"it is a SavedModel, which load_model of {seen.reader_name} refuses"


@rule(
    "EL105",
    Severity.ERROR,
    source="https://www.tensorflow.org/guide/saved_model",
    remedy="use tf.saved_model.load and call its signature serving_default",
    loaders=(KERAS_LOADER,),
)
def export_in_keras_2(seen: Comparison) -> Iterator[Case]:
    """
    An exported SavedModel is no Keras model.

    `load_model` of Keras 2 gives back an object without `predict` when Keras did not leave its own
    description in the folder, as `export()` of Keras 3 and `tf.saved_model.save` do not.
    """
    old = seen.tensorflow and seen.tensorflow < (2, 5)
    by_keras_3 = seen.writer >= _THREE or (not seen.writer and not seen.content.has_keras_metadata)
    if seen.artifact.format == "saved-model" and _TWO <= seen.reader < _THREE and by_keras_3 and not old:
        yield seen.artifact.name, f"load_model of {seen.reader_name} returns an object without predict"


@rule("EL106", Severity.ERROR, source=_MATRIX, remedy=_LEGACY, loaders=(KERAS_LOADER,))
def keras_2_modules_in_keras_3(seen: Comparison) -> Iterator[Case]:
    """
    An archive of Keras 2 names modules that Keras 3 does not have.

    `Functional` and `Model` are written with their private module (`keras.src.engine.functional`),
    which Keras 3 cannot import; tf-keras writes `tf_keras` in front of everything.
    """
    if seen.artifact.format != "keras" or not (_TWO <= seen.writer < _THREE <= seen.reader):
        return
    for node in seen.nodes():
        if re.match(r"keras\.(src\.)?engine\.|tf_keras\.", node.module or ""):
            yield (
                node.label,
                f"{node.label} is recorded in {node.module}, which {seen.reader_name} does not have",
            )
            return


@rule(
    "EL107",
    Severity.ERROR,
    source="https://github.com/keras-team/keras/issues/18830",
    remedy="save it as .h5 instead, which moves between the releases of Keras 2",
    loaders=(KERAS_LOADER,),
)
def archive_layouts_of_keras_2(seen: Comparison) -> Iterator[Case]:
    """
    The `.keras` archives of Keras 2 have several layouts.

    2.12, 2.13 with 2.14, and 2.15 with tf-keras file the weights under different names: "expected 2
    variables, but received 0". Module paths moved between 2.12 and 2.13 and to tf-keras.
    """
    if (
        seen.artifact.format != "keras"
        or not (_TWO <= seen.writer < _THREE)
        or not ((2, 12) <= seen.reader < _THREE)
    ):
        return
    if (seen.writer < (2, 15)) != (seen.reader < (2, 15)) or _is_renumbered(seen):
        yield (
            seen.artifact.name,
            f"{_written(seen)} files its weights where {seen.reader_name} does not look for them",
        )
        return
    for node in seen.nodes():
        module = node.module or ""
        moved = module.startswith("keras.engine.") and seen.reader >= (2, 13)
        ahead = module.startswith("keras.src.engine.") and seen.reader < (2, 13)
        foreign = module.startswith("tf_keras.") and seen.reader < (2, 16)
        if moved or ahead or foreign:
            yield node.label, f"{node.label} is recorded in {module}, which {seen.reader_name} does not have"
            return


@rule("EL108", Severity.ERROR, source=_MATRIX, remedy=_RESAVE, loaders=(KERAS_LOADER,))
def key_not_accepted(seen: Comparison) -> Iterator[Case]:
    """
    The architecture holds a class or a key that the target's Keras does not accept.

    Each release writes the keys that its own constructors know, defaults included, and refuses
    those that it does not: "Unrecognized keyword arguments".
    """
    if seen.artifact.format not in {"keras", "hdf5"} or len(seen.reader) < 2:
        return
    if seen.writer >= _THREE > seen.reader:
        return  # EL101 says it for the whole file
    told: set[str] = set()
    for node in seen.nodes():
        for row in tables.accepted():
            if row.concerns(node, seen.artifact.format) and not row.accepts(seen.reader):
                what = f"carries `{row.key}`" if row.key else "is a class"
                if f"{node.label}{what}" not in told:
                    told.add(f"{node.label}{what}")
                    yield node.label, f"{node.label} {what} that {seen.reader_name} does not accept"


@rule(
    "EL109",
    Severity.ERROR,
    source="https://github.com/keras-team/keras/issues/19151",
    remedy="pass safe_mode=False if you trust the file, or replace the lambda by a named function",
    loaders=(KERAS_LOADER,),
)
def lambda_in_safe_mode(seen: Comparison) -> Iterator[Case]:
    """
    The model holds a Lambda layer, which is Python bytecode.

    Safe mode refuses it: in `.keras` files since Keras 2.13, in `.h5` files since 3.11.3.
    """
    first = (2, 13) if seen.artifact.format == "keras" else (3, 11, 3)
    if seen.reader < first or len(seen.reader) < 2:
        return
    for node in seen.nodes():
        in_archive = node.class_name == "__lambda__"
        if in_archive or (node.class_name == "Lambda" and node.config.get("function_type") == "lambda"):
            owner = next((item.label for item in seen.nodes() if item.class_name == "Lambda"), node.label)
            yield owner, f"{owner} holds bytecode, which {seen.reader_name} refuses in safe mode"
            return


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
    if any(node.class_name in {"Lambda", "__lambda__"} for node in seen.nodes()):
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
)
def short_loss_names_in_hdf5(seen: Comparison) -> Iterator[Case]:
    """
    An `.h5` file names its loss or a metric by a short alias.

    Keras 3 resolves "mse" and its like before it looks them up as a public name, and then does not
    find them, in its own files too.
    """
    if (
        seen.artifact.format != "hdf5"
        or seen.reader < _THREE
        or not isinstance(seen.content.compile_config, dict)
    ):
        return
    for name in sorted(set(_strings(seen.content.compile_config))):
        if name in {"mse", "mae", "mape", "msle", "MSE", "MAE", "MAPE", "MSLE", "kld", "KLD", "bce", "BCE"}:
            yield (
                name,
                f"the model was compiled with {name!r}, which {seen.reader_name} does not find in an .h5 file",
            )


@rule("EL112", Severity.ERROR, source=_MATRIX, remedy=_LEGACY, loaders=(KERAS_LOADER,))
def policy_of_keras_2(seen: Comparison) -> Iterator[Case]:
    """
    A layer carries a dtype policy in the form of another Keras generation.

    Keras 2 writes mixed precision as a `Policy`; Keras 3 knows `DTypePolicy` and fails on the first
    layer. Keras 3 itself does not read its own form back from an `.h5` file when layers cast.
    """
    if seen.reader < _THREE or seen.artifact.format not in {"keras", "hdf5"}:
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
    crosses = seen.writer and seen.reader and (seen.writer < _THREE) != (seen.reader < _THREE)
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
    "EL114",
    Severity.ERROR,
    source="https://www.tensorflow.org/guide/versions",
    remedy="load it with TensorFlow 2.10 or newer",
    loaders=(SAVED_MODEL_LOADER, KERAS_LOADER),
)
def operation_not_registered(seen: Comparison) -> Iterator[Case]:
    """
    The graph uses an operation that the target's TensorFlow does not have.

    SavedModels are promised to load in later releases, not in earlier ones: "Op type not
    registered".
    """
    if not seen.tensorflow or isinstance(seen.content.ops, Unknown):
        return
    for name, since in _OPERATIONS.items():
        if name in seen.content.ops and seen.tensorflow < since:
            have = ".".join(map(str, seen.tensorflow))
            yield (
                name,
                f"the graph uses {name}, which TensorFlow has since {since[0]}.{since[1]}; the target has {have}",
            )


@rule(
    "EL115",
    Severity.ERROR,
    source="https://github.com/tensorflow/tensorflow/issues/61972",
    remedy="save it again without optimizer: model.save(path, include_optimizer=False)",
    loaders=(SAVED_MODEL_LOADER,),
)
def optimizer_slots(seen: Comparison) -> Iterator[Case]:
    """
    The SavedModel holds an optimizer that nothing in the target revives.

    Keras 2 registers how its optimizers with slot variables are restored; Keras 3 does not:
    "'_UserObject' object has no attribute 'add_slot'".
    """
    if seen.reader >= _THREE and isinstance(seen.content.slots, tuple) and seen.content.slots:
        yield (
            seen.content.slots[0],
            f"the model holds an optimizer with slot variables, which {seen.reader_name} cannot restore",
        )


@rule(
    "EL117",
    Severity.ERROR,
    source="https://github.com/keras-team/keras/issues/18830",
    remedy="load it with Keras 2.11 or newer, or pass compile=False",
    loaders=(KERAS_LOADER,),
)
def optimizer_of_2_11(seen: Comparison) -> Iterator[Case]:
    """
    The optimizer is one that Keras registered anew in 2.11.

    From 2.11 on it is written as `Custom>Adam`, which older releases do not know.
    """
    if not _TWO <= seen.reader < (2, 11) or not isinstance(seen.content.compile_config, dict):
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
    if seen.artifact.format != "hdf5" or seen.reader < _THREE:
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
    if not _TWO <= seen.writer < (2, 8) <= seen.reader or seen.artifact.format not in {"keras", "hdf5"}:
        return
    for node in seen.nodes():
        if node.class_name == "MultiHeadAttention" and "query_shape" not in node.config:
            yield node.label, f"{node.label} does not record its shapes, and {seen.reader_name} needs them"


@rule(
    "EL116",
    Severity.WARNING,
    source="https://keras.io/getting_started/",
    remedy="run envlock verify there, or compare outputs yourself",
)
def keras_releases_differ(seen: Comparison) -> Iterator[Case]:
    """
    The target's Keras cannot be judged for certain.

    Nothing known stands against it, but not which release it is: the target names a TensorFlow that
    takes any Keras 3.
    """
    keras = seen.current.keras
    if seen.artifact.format in {"keras", "hdf5"} and isinstance(keras, Keras) and seen.reader == _THREE:
        yield (
            "keras",
            "the target does not say which Keras 3 it has; files of a newer one often fail in an older one",
        )


def _bytecode(python: str) -> tuple[int, ...]:
    """The first Python whose bytecode is of the same family: 3.8 to 3.10 and 3.11 to 3.12 share theirs."""
    version = release(python)[:2]
    return max((first for first in ((3, 8), (3, 11)) if first <= version < (3, 13)), default=version)


def _is_renumbered(seen: Comparison) -> bool:
    """
    Whether the two count the layers of one class differently.

    Up to 2.13 a layer with weights counts twice (`dense`, `dense_2`), in 2.14 once: the same as
    long as no class occurs twice.
    """
    if (seen.writer < (2, 14)) == (seen.reader < (2, 14)) or seen.reader >= (2, 15):
        return False
    classes = [
        node.class_name
        for node in seen.nodes()
        if node.slot == "layers" and node.class_name not in _WEIGHTLESS
    ]
    return len(set(classes)) < len(classes)


# Built-in layers without weights that are often repeated; any other class may hold some.
_WEIGHTLESS = {
    "InputLayer", "Activation", "ReLU", "Dropout", "Flatten", "Reshape", "Add", "Concatenate", "Multiply",
    "MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D", "ZeroPadding2D", "Rescaling",
}  # fmt: skip


def _strings(data: object) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for item in data.values():
            yield from _strings(item)
    elif isinstance(data, list):
        for item in data:
            yield from _strings(item)


def _written(seen: Comparison) -> str:
    return f"a file of Keras {'.'.join(str(part) for part in seen.writer)}"


# Operations that Keras models really contain, by the TensorFlow that first registered them.
_OPERATIONS = {
    "AnonymousHashTable": (2, 7),
    "BatchMatMulV3": (2, 6),
    "DisableCopyOnRead": (2, 10),
    "AnonymousMutableHashTable": (2, 8),
}

RULES = (
    keras_3_file_in_keras_2,
    archive_before_2_12,
    hdf5_named_keras,
    saved_model_in_keras_3,
    export_in_keras_2,
    keras_2_modules_in_keras_3,
    archive_layouts_of_keras_2,
    key_not_accepted,
    lambda_in_safe_mode,
    lambda_of_another_python,
    short_loss_names_in_hdf5,
    policy_of_keras_2,
    hard_sigmoid_changed,
    operation_not_registered,
    optimizer_slots,
    keras_releases_differ,
    optimizer_of_2_11,
    vocabulary_not_in_hdf5,
    normalization_from_hdf5,
    attention_without_shapes,
)
