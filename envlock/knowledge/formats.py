"""Rules about the saved file as a whole: which Keras and TensorFlow read which format."""

from __future__ import annotations

import re
from collections.abc import Iterator

from envlock.facts import KERAS_LOADER, SAVED_MODEL_LOADER, Unknown
from envlock.knowledge.rule import THREE, TWO, Case, Comparison, Severity, rule, written

__all__ = ["RULES"]

_RESAVE = "load it with the Keras that wrote it (envlock build makes that), or export() a SavedModel there"
_LEGACY = "install the tf-keras of your TensorFlow and set TF_USE_LEGACY_KERAS=1"
_GUIDE = "https://keras.io/guides/migrating_to_keras_3/"


@rule("EL101", Severity.ERROR, source=_GUIDE, remedy=_RESAVE, loaders=(KERAS_LOADER,))
def keras_3_file_in_keras_2(seen: Comparison) -> Iterator[Case]:
    """
    A file of Keras 3 does not load in Keras 2.

    Keras 3 writes keys (`batch_shape`) and module paths (`keras.src.models`) that no Keras 2 and no
    tf-keras knows, in `.keras` and in `.h5`. Only a SavedModel crosses.
    """
    if seen.artifact.format in {"keras", "hdf5"} and seen.writer >= THREE and TWO <= seen.reader < THREE:
        yield seen.artifact.name, f"{written(seen)}, which {seen.reader_name} cannot read"


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
    if seen.artifact.format == "keras" and TWO <= seen.reader < (2, 12):
        yield seen.artifact.name, f"it is a .keras archive, which {seen.reader_name} takes for HDF5"


@rule(
    "EL103",
    Severity.ERROR,
    source=_GUIDE,
    remedy="rename it to the ending that its content has: .keras or .h5",
)
def named_otherwise(seen: Comparison) -> Iterator[Case]:
    """
    A file is not called what it is.

    Keras 3 goes by the name: an archive ends in `.keras`, HDF5 in `.h5`. Keras up to 2.12 wrote HDF5
    under any name, `.keras` too; Keras 3 then says "File not found" or "File format not supported".
    """
    endings = {"keras": (".keras",), "hdf5": (".h5", ".hdf5")}.get(seen.artifact.format)
    if endings and seen.reader >= THREE and not seen.artifact.name.endswith(endings):
        holds = "an archive" if seen.artifact.format == "keras" else "HDF5"
        yield (
            seen.artifact.name,
            f"it holds {holds} but does not end in {endings[0]}, which {seen.reader_name} expects",
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
    if seen.artifact.format == "saved-model" and seen.reader >= THREE:
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
    by_keras_3 = seen.writer >= THREE or (not seen.writer and not seen.content.has_keras_metadata)
    if seen.artifact.format == "saved-model" and TWO <= seen.reader < THREE and by_keras_3 and not old:
        yield seen.artifact.name, f"load_model of {seen.reader_name} returns an object without predict"


@rule("EL106", Severity.ERROR, source=_GUIDE, remedy=_LEGACY, loaders=(KERAS_LOADER,))
def keras_2_modules_in_keras_3(seen: Comparison) -> Iterator[Case]:
    """
    An archive of Keras 2 names modules that Keras 3 does not have.

    `Functional` and `Model` are written with their private module (`keras.src.engine.functional`),
    which Keras 3 cannot import; tf-keras writes `tf_keras` in front of everything.
    """
    if seen.artifact.format != "keras" or not (TWO <= seen.writer < THREE <= seen.reader):
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
        or not (TWO <= seen.writer < THREE)
        or not ((2, 12) <= seen.reader < THREE)
    ):
        return
    if (seen.writer < (2, 15)) != (seen.reader < (2, 15)) or _is_renumbered(seen):
        yield (
            seen.artifact.name,
            f"{written(seen)} files its weights where {seen.reader_name} does not look for them",
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
                f"the graph uses {name}, which TensorFlow has since {since[0]}.{since[1]}, not in {have}",
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
    if seen.reader >= THREE and isinstance(seen.content.slots, tuple) and seen.content.slots:
        yield (
            seen.content.slots[0],
            f"the model holds an optimizer with slot variables, which {seen.reader_name} cannot restore",
        )


@rule(
    "EL116",
    Severity.WARNING,
    source="https://keras.io/getting_started/",
    remedy="name it exactly (keras==3.5.0), or run envlock verify there",
)
def release_not_said(seen: Comparison) -> Iterator[Case]:
    """
    The target does not say which Keras or TensorFlow it has.

    Nothing known stands against it, but what would load the model is not known: nothing is named, it
    has no exact version, or a TensorFlow is named that takes any Keras 3.
    """
    if seen.artifact.format == "saved-model":
        if not seen.tensorflow and seen.current.tensorflow is not None:
            yield "tensorflow", "the target does not say which TensorFlow it has"
    elif seen.current.keras is not None and len(seen.reader) < 2:
        yield (
            "keras",
            "the target does not say which Keras it has; files of a newer one often fail in an older one",
        )


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
    named_otherwise,
    saved_model_in_keras_3,
    export_in_keras_2,
    keras_2_modules_in_keras_3,
    archive_layouts_of_keras_2,
    operation_not_registered,
    optimizer_slots,
    release_not_said,
)
