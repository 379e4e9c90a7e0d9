"""Rules about the saved file as a whole: which Keras and TensorFlow read which format."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.facts import KERAS_LOADER, SAVED_MODEL_LOADER, WEIGHTS_LOADER, Unknown
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import ALL_LOADERS, THREE, Case, Comparison, Severity, rule
from envlock.values import replace

__all__ = ["RULES"]

_NEAREST = (
    "load it with a Keras that has that module (diff --suggest names the nearest), or save it as .h5 there"
)
_GUIDE = "https://keras.io/guides/migrating_to_keras_3/"


@rule(
    "EL102",
    Severity.ERROR,
    source="https://github.com/keras-team/keras/issues/18830",
    remedy="load it with Keras 2.12 or newer, or save it as .h5 there",
    loaders=(KERAS_LOADER, WEIGHTS_LOADER),
)
def archive_before_2_12(seen: Comparison) -> Iterator[Problem]:
    """
    The `.keras` archive is unknown before Keras 2.12.

    Older releases take every file for HDF5: "file signature not found".
    """
    return (replace(problem, loaders=(KERAS_LOADER, WEIGHTS_LOADER)) for problem in seen.found("EL102"))


@rule(
    "EL103",
    Severity.ERROR,
    source=_GUIDE,
    remedy="rename it to the ending that its content has: .keras or .h5",
    loaders=(KERAS_LOADER, WEIGHTS_LOADER),
)
def named_otherwise(seen: Comparison) -> Iterator[Case | Problem]:
    """
    A file is not called what it is, or is a folder where a file is expected.

    Keras 3 goes by the name: an archive ends in `.keras`, HDF5 in `.h5`. Keras up to 2.12 wrote HDF5
    under any name, `.keras` too; Keras 3 then says "File not found" or "File format not supported".
    """
    yield from seen.found("EL103")
    stamps = seen.artifact.stamps
    if isinstance(stamps, dict) and "unpacked" in stamps:
        if seen.reader and seen.reader < (3, 4):
            name = seen.artifact.name
            yield (
                name,
                f"{name} is an unpacked archive, which {seen.reader_name} does not read; 3.4 was the first",
            )
        return
    endings = {"keras": (".keras",), "hdf5": (".h5", ".hdf5")}.get(seen.artifact.format)
    if endings and seen.reader >= THREE and not seen.artifact.name.endswith(endings):
        holds = "an archive" if seen.artifact.format == "keras" else "HDF5"
        name, reader = seen.artifact.name, seen.reader_name
        said = f"File not found: filepath={name}. Please ensure the file is an accessible `.keras` zip file."
        yield name, f"{name} holds {holds} but does not end in {endings[0]}, which {reader} expects", said


@rule(
    "EL104",
    Severity.ERROR,
    source="https://keras.io/api/layers/backend_specific_layers/tfsm_layer/",
    remedy="use tf.saved_model.load, or keras.layers.TFSMLayer(path, call_endpoint='serving_default')",
    loaders=(KERAS_LOADER,),
)
def saved_model_in_keras_3(seen: Comparison) -> Iterator[Problem]:
    """
    Keras 3 does not read SavedModel folders with `load_model`.

    "File format not supported". The folder still serves: `tf.saved_model.load` reads it.
    """
    return seen.found("EL104")


@rule(
    "EL105",
    Severity.ERROR,
    source="https://www.tensorflow.org/guide/saved_model",
    remedy="use tf.saved_model.load and call its signature serving_default",
    loaders=(KERAS_LOADER,),
)
def export_in_keras_2(seen: Comparison) -> Iterator[Problem]:
    """
    An exported SavedModel is no Keras model.

    `load_model` of Keras 2 gives back an object without `predict` when Keras did not leave its own
    description in the folder, as `export()` of Keras 3 and `tf.saved_model.save` do not.
    """
    return seen.found("EL105")


@rule("EL106", Severity.ERROR, source=_GUIDE, remedy=_NEAREST, loaders=(KERAS_LOADER,))
def module_not_there(seen: Comparison) -> Iterator[Problem]:
    """
    An archive names a module that the target's Keras does not have.

    What is not public, `Functional` above all, is written with its private module, and these moved:
    `keras.engine` (2.12), `keras.src.engine` (2.13 to 2.15), `tf_keras.src` (tf-keras), `keras.src.models`
    (Keras 3). "Could not deserialize class 'Functional' because its parent module cannot be imported".
    """
    return seen.found("EL106")


@rule(
    "EL107",
    Severity.ERROR,
    source="https://github.com/keras-team/keras/issues/18830",
    remedy="save it as .h5 instead, which moves between the releases of Keras 2",
    loaders=(KERAS_LOADER, WEIGHTS_LOADER),
)
def archive_layouts(seen: Comparison) -> Iterator[Problem]:
    """
    The weights in a `.keras` archive are filed under other names than the target looks for.

    Keras 2.12, 2.13 with 2.14, and 2.15 with tf-keras and Keras 3 have layouts of their own: "expected 2
    variables, but received 0".
    """
    return seen.found("EL107")


@rule(
    "EL114",
    Severity.ERROR,
    source="https://www.tensorflow.org/guide/versions",
    remedy="load it with a TensorFlow as new as the one that wrote it",
    loaders=(SAVED_MODEL_LOADER, KERAS_LOADER),
)
def operation_not_registered(seen: Comparison) -> Iterator[Problem]:
    """
    The graph uses an operation that the target's TensorFlow does not have.

    SavedModels are promised to load in later releases, not in earlier ones: "Op type not
    registered".
    """
    return seen.found("EL114")


@rule(
    "EL115",
    Severity.ERROR,
    source="https://github.com/tensorflow/tensorflow/issues/61972",
    remedy="save it again without optimizer: model.save(path, include_optimizer=False)",
    loaders=(SAVED_MODEL_LOADER,),
)
def optimizer_slots(seen: Comparison) -> Iterator[Problem]:
    """
    The SavedModel holds an optimizer that nothing in the target revives.

    Keras 2 registers how its optimizers with slot variables are restored; Keras 3 does not:
    "'_UserObject' object has no attribute 'add_slot'".
    """
    return seen.found("EL115")


@rule(
    "EL116",
    Severity.WARNING,
    source="https://keras.io/getting_started/",
    remedy="name it exactly (keras==3.5.0), or run envlock verify there",
)
def release_not_said(seen: Comparison) -> Iterator[Case | Problem]:
    """
    The target does not say which Keras or TensorFlow it has.

    What would load the model is not known: nothing is named, it has no exact version, or a TensorFlow is
    named that takes any Keras 3. What is said of it then holds for the newest release that is known. Of
    releases that are older than all tables nothing is said.
    """
    yield from seen.passed_over.items()
    if _holds_bytecode(seen) and isinstance(seen.current.python, Unknown):
        yield Problem(
            code="EL116",
            subject="python",
            message="the target does not say which Python it has; a Lambda layer holds bytecode of one",
            loaders=ALL_LOADERS,
            remedy="name it (python==3.11), or run envlock verify there",
        )
    if seen.artifact.format == "saved-model":
        if not seen.tensorflow and seen.current.tensorflow is not None:
            yield "tensorflow", "the target does not say which TensorFlow it has"
    elif seen.current.keras is not None and len(seen.reader) < 2:
        yield (
            "keras",
            "the target does not say which Keras it has; files of a newer one often fail in an older one",
        )


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


@rule(
    "EL132",
    Severity.ERROR,
    source="https://www.tensorflow.org/guide/saved_model",
    remedy="copy the whole model again, or save it again",
    loaders=(SAVED_MODEL_LOADER, KERAS_LOADER, WEIGHTS_LOADER),
)
def file_missing(seen: Comparison) -> Iterator[Case | Problem]:
    """
    A file that the model counts on is not in its folder or archive.

    It was copied only in part: "No such file or directory".
    """
    yield from seen.found("EL132")
    if seen.artifact.format == "keras" and isinstance(seen.content.missing, tuple):
        for name in seen.content.missing:
            said = f"ValueError: Could not find {name}"
            yield name, f"{seen.artifact.name} does not hold {name}, which every loader reads", said


@rule(
    "EL133",
    Severity.NOTE,
    source="https://pypi.org/project/keras/#history",
    remedy="update envlock, or run envlock verify there",
)
def release_not_in_tables(seen: Comparison) -> Iterator[Case]:
    """
    The target's Keras or TensorFlow is none of those that envlock has tables of.

    It is newer than they are, or a release that was passed over; it is judged as the nearest one is.
    """
    yield from seen.stand_ins.items()


@rule(
    "EL134",
    Severity.ERROR,
    source="https://www.tensorflow.org/guide/saved_model#specifying_signatures_during_export",
    remedy="save it again with signatures=, or call the object itself",
    loaders=(SAVED_MODEL_LOADER,),
)
def no_signature_to_call(seen: Comparison) -> Iterator[Problem]:
    """
    The SavedModel offers no signature `serving_default`.

    What serves it calls that name: "KeyError: 'serving_default'".
    """
    return seen.found("EL134")


@rule(
    "EL137",
    Severity.ERROR,
    source="https://github.com/keras-team/keras/blob/v3.5.0/keras/src/legacy/saving/legacy_h5_format.py",
    remedy="build the model from its code and load_weights() the file",
    loaders=(KERAS_LOADER,),
)
def no_architecture(seen: Comparison) -> Iterator[Case]:
    """
    The file holds arrays and no architecture.

    It was written by `save_weights`, or not by Keras: `load_model` says "No model config found in the file".
    """
    if seen.artifact.format == "weights":
        name = seen.artifact.name
        said = f"ValueError: No model config found in the file at {name}."
        yield name, f"{name} holds weights and no architecture, which load_model asks for", said


def _holds_bytecode(seen: Comparison) -> bool:
    return any(
        node.class_name == "__lambda__"
        or (node.class_name == "Lambda" and node.config.get("function_type") == "lambda")
        for node in seen.nodes()
    )


RULES = (
    archive_before_2_12,
    named_otherwise,
    saved_model_in_keras_3,
    export_in_keras_2,
    module_not_there,
    archive_layouts,
    operation_not_registered,
    optimizer_slots,
    release_not_said,
    architecture_not_read,
    file_missing,
    release_not_in_tables,
    no_signature_to_call,
    no_architecture,
)
