"""Rules about what stands in the architecture: classes, keys, values, how it was compiled."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.facts import KERAS_LOADER, WEIGHTS_LOADER
from envlock.knowledge.problem import COMPILE, SAFE_MODE, Problem
from envlock.knowledge.rule import THREE, Case, Comparison, Severity, rule
from envlock.values import replace

__all__ = ["RULES"]

_RESAVE = (
    "load it with a Keras that takes it (diff --suggest names the nearest), or export() a SavedModel there"
)
_REBUILD = (
    "build the model from its code and load_weights() the file, or load it with the Keras that wrote it"
)
_OLD_NUMPY = "install numpy<1.24 there, or load it with Keras 2.12 or newer"
_GUIDE = "https://keras.io/guides/migrating_to_keras_3/"
_SAVING = "https://keras.io/guides/serialization_and_saving/"


@rule("EL108", Severity.ERROR, source=_GUIDE, remedy=_RESAVE, loaders=(KERAS_LOADER,))
def key_not_accepted(seen: Comparison) -> Iterator[Problem]:
    """
    An object carries a key that the target's Keras does not accept.

    Each release writes the keys that its own constructors know, defaults included, and refuses
    those that it does not: "Unrecognized keyword arguments".
    """
    return seen.found("EL108")


@rule(
    "EL109",
    Severity.ERROR,
    source="https://github.com/keras-team/keras/issues/19151",
    remedy="pass safe_mode=False if you trust the file, or replace the lambda by a named function",
    loaders=(KERAS_LOADER,),
    avoided_by=SAFE_MODE,
)
def refused_by_safe_mode(seen: Comparison) -> Iterator[Problem]:
    """
    The model holds what safe mode refuses: Python bytecode, or a layer that runs foreign code.

    A Lambda layer with a lambda is refused in `.keras` files since Keras 2.13, in `.h5` files since 3.11.3.
    """
    return seen.found("EL109")


@rule(
    "EL110",
    Severity.ERROR,
    source="https://docs.python.org/3/library/marshal.html",
    remedy="replace the lambda by a named function and save again",
    loaders=(KERAS_LOADER,),
)
def lambda_of_another_python(seen: Comparison) -> Iterator[Problem]:
    """
    The bytecode of a Lambda layer belongs to another Python.

    It is specific to Python's minor release: between most of them loading fails with "bad marshal
    data", and between some the interpreter dies at the first call.
    """
    return seen.found("EL110")


@rule(
    "EL111",
    Severity.ERROR,
    source="https://github.com/keras-team/keras/issues/19330",
    remedy="pass compile=False, or save as .keras",
    loaders=(KERAS_LOADER,),
    avoided_by=COMPILE,
)
def settings_not_found(seen: Comparison) -> Iterator[Problem]:
    """
    The file names a loss, metric or optimizer in a way that the target does not find.

    Keras 3 resolves "mse" and its like in an `.h5` file before it looks them up as a public name, and then
    does not find them, in its own files too.
    """
    return seen.found("EL111")


@rule("EL112", Severity.ERROR, source=_GUIDE, remedy=_RESAVE, loaders=(KERAS_LOADER,))
def policy_of_another_generation(seen: Comparison) -> Iterator[Problem]:
    """
    A layer carries a dtype policy in a form that the target does not know.

    Keras 2 writes mixed precision as a `Policy`; Keras 3 knows `DTypePolicy` and fails on the first
    layer. Keras 3 itself does not read its own form back from an `.h5` file when layers cast.
    """
    return seen.found("EL112")


@rule(
    "EL113",
    Severity.WARNING,
    source="https://keras.io/api/layers/activations/",
    remedy="keep the Keras that it was trained with, or retrain with the new definition",
    loaders=(KERAS_LOADER, WEIGHTS_LOADER),
)
def definition_changed(seen: Comparison) -> Iterator[Problem]:
    """
    Something of the same name computes something else in the target.

    `hard_sigmoid` is 0.2 x + 0.5 in Keras 2 and x / 6 + 0.5 in Keras 3, both clipped to 0 and 1: outputs
    move by up to 0.083 without a message. Other layers count, crop, hash or resize whole numbers otherwise.
    """
    return seen.found("EL113")


@rule(
    "EL135",
    Severity.NOTE,
    source="https://github.com/keras-team/keras/blob/v2.10.0/keras/layers/attention/base_dense_attention.py",
    remedy="run envlock verify there, or give the model the argument again after loading",
    loaders=(KERAS_LOADER,),
)
def argument_not_written(seen: Comparison) -> Iterator[Problem]:
    """
    The Keras that wrote the model takes an argument that it does not write.

    `causal` of Attention from Keras 2.10 on and in tf-keras, `invert` of Normalization in 2.10 to 2.12,
    `rms_scaling` of LayerNormalization in 3.0 to 3.3, `output_padding` of transposed convolutions in 3.0 to
    3.14: such a layer comes back without it, and no file tells whether it had one.
    """
    return seen.found("EL135")


@rule(
    "EL117",
    Severity.ERROR,
    source="https://github.com/keras-team/keras/issues/18830",
    remedy="load it with Keras 2.11 or newer, or pass compile=False",
    loaders=(KERAS_LOADER,),
    avoided_by=COMPILE,
)
def optimizer_written_otherwise(seen: Comparison) -> Iterator[Problem]:
    """
    The optimizer is written in a form that the target does not know.

    From Keras 2.11 on it is written as `Custom>Adam`, which older releases do not know.
    """
    return seen.found("EL117")


@rule(
    "EL118",
    Severity.ERROR,
    source="https://keras.io/api/layers/preprocessing_layers/",
    remedy="save it as .keras, which carries the vocabulary",
    loaders=(KERAS_LOADER,),
)
def state_not_in_the_file(seen: Comparison) -> Iterator[Problem]:
    """
    What a layer learnt with `adapt()` is not in the file.

    A vocabulary is left out of `.h5` files; under Keras 3 the model loads and fails at the first
    prediction: "table not initialized".
    """
    return seen.found("EL118")


@rule(
    "EL119",
    Severity.WARNING,
    source="https://github.com/keras-team/keras/releases/tag/v3.6.0",
    remedy="use Keras 3.6 or newer, or save it as .keras",
    loaders=(KERAS_LOADER,),
)
def state_not_applied(seen: Comparison) -> Iterator[Problem]:
    """
    What a layer learnt is in the file and is not applied.

    Keras 3 before 3.6 restores mean and variance of a Normalization layer from `.h5` and does not use them.
    """
    return seen.found("EL119")


@rule("EL120", Severity.ERROR, source=_SAVING, remedy=_REBUILD, loaders=(KERAS_LOADER,))
def cannot_be_built(seen: Comparison) -> Iterator[Problem]:
    """
    A layer cannot be built from what the file says.

    Its shapes are not recorded, or in a form that the target's layer does not build from: a
    MultiHeadAttention layer of Keras 2.4 does not write `query_shape`, which later releases need.
    """
    return seen.found("EL120")


@rule(
    "EL121",
    Severity.ERROR,
    source="https://github.com/keras-team/tf-keras/blob/master/tf_keras/saving/legacy/serialization.py",
    remedy="save it as .keras, or make the function a layer",
    loaders=(KERAS_LOADER,),
)
def function_not_resolved(seen: Comparison) -> Iterator[Problem]:
    """
    A function is written in a form that the target does not resolve.

    Since 2.13 Keras writes functions of the user's as an object of class "function", which no Keras 2
    resolves when it reads an `.h5` file, not even the one that wrote it: "Unknown activation function".
    """
    return seen.found("EL121")


@rule("EL123", Severity.ERROR, source=_GUIDE, remedy=_RESAVE, loaders=(KERAS_LOADER,))
def class_not_found(seen: Comparison) -> Iterator[Problem]:
    """
    A class or function of Keras' own is not found in the target's Keras.

    It came later, was removed, was renamed, or is looked up where it is not listed: "Unknown layer",
    "Could not locate class".
    """
    return seen.found("EL123")


@rule("EL124", Severity.ERROR, source=_SAVING, remedy=_REBUILD, loaders=(KERAS_LOADER,))
def key_missing(seen: Comparison) -> Iterator[Problem]:
    """
    An object lacks a key that the target's Keras needs.

    The release that wrote it did not have it yet: "KeyError", "missing a required argument".
    """
    return seen.found("EL124")


@rule("EL125", Severity.ERROR, source=_SAVING, remedy=_RESAVE, loaders=(KERAS_LOADER,))
def value_refused(seen: Comparison) -> Iterator[Problem]:
    """
    An object carries a value that the constructor of the target's Keras refuses.

    Allowed values, their types and their ranges differ between releases.
    """
    return seen.found("EL125")


@rule("EL126", Severity.ERROR, source=_GUIDE, remedy=_REBUILD, loaders=(KERAS_LOADER,))
def connections_not_understood(seen: Comparison) -> Iterator[Problem]:
    """
    How the layers are connected is written in a form that the target does not understand.

    Keras 2 and Keras 3 write `inbound_nodes`, inputs and outputs differently.
    """
    return seen.found("EL126")


@rule("EL127", Severity.ERROR, source=_GUIDE, remedy=_REBUILD, loaders=(KERAS_LOADER,))
def never_ends(seen: Comparison) -> Iterator[Problem]:
    """
    Loading does not end.

    Keras 3 waits for ever for a call that Keras 2 numbered otherwise, as where one model calls another;
    from 3.12.2 and 3.14.1 on it gives up with an error.
    """
    for problem in seen.found("EL127"):
        yield replace(problem, error="nothing: load_model does not come back, and has to be stopped")


@rule("EL128", Severity.ERROR, source=_SAVING, remedy=_RESAVE, loaders=(KERAS_LOADER, WEIGHTS_LOADER))
def weights_do_not_fit(seen: Comparison) -> Iterator[Problem]:
    """
    The stored weights do not fit the layers that the target makes.

    Their number, order or names differ: "Layer expects 2 weights, but there are 3 saved weights".
    """
    return seen.found("EL128")


@rule("EL129", Severity.ERROR, source=_SAVING, remedy=_RESAVE, loaders=(KERAS_LOADER,))
def fails_at_predict(seen: Comparison) -> Iterator[Problem]:
    """The model loads and fails at the first prediction."""
    for problem in seen.found("EL129"):
        is_numpy = problem.error == "module 'numpy' has no attribute 'bool'"
        yield replace(problem, remedy=_OLD_NUMPY) if is_numpy else problem


@rule(
    "EL130",
    Severity.ERROR,
    source=_SAVING,
    remedy="pass compile=False and compile the model anew",
    loaders=(KERAS_LOADER,),
    avoided_by=COMPILE,
)
def settings_not_restored(seen: Comparison) -> Iterator[Problem]:
    """
    How the model was compiled cannot be restored.

    Its optimizer, a loss or a metric carries what the target refuses; for predictions none of it matters.
    """
    return seen.found("EL130")


@rule(
    "EL131",
    Severity.WARNING,
    source=_SAVING,
    remedy="check it after loading, or load it with the Keras that wrote it",
    loaders=(KERAS_LOADER,),
)
def lost_silently(seen: Comparison) -> Iterator[Problem]:
    """
    Something is lost or replaced by a default without a message.

    The model loads; a setting or a state of it is not what it was.
    """
    return seen.found("EL131")


# From here on predict() of Keras 3 takes no arrays of Python's texts either.
_NO_OBJECTS = (3, 7)


@rule(
    "EL136",
    Severity.NOTE,
    source="https://keras.io/api/models/model_training_apis/#predict-method",
    remedy="give it a tensor, tf.constant(texts), or call the model instead of predict()",
    loaders=(KERAS_LOADER, WEIGHTS_LOADER),
)
def text_from_numpy(seen: Comparison) -> Iterator[Case]:
    """
    The model takes text, which `predict()` of Keras 3 does not take from NumPy.

    Keras 2 takes arrays of texts; Keras 3 says "Invalid dtype: str32", and from 3.7 on "Invalid dtype:
    object" of arrays of Python's own. Run with 2.10, 2.15, 3.3, 3.5, 3.6, 3.7, 3.9, 3.11 and 3.15.
    """
    if not seen.writer or not any(seen.writer < bound <= seen.reader for bound in (THREE, _NO_OBJECTS)):
        return
    for node in seen.nodes():
        if node.class_name == "InputLayer" and node.config.get("dtype") == "string":
            kind = "arrays of NumPy" if seen.writer < THREE else "arrays of objects"
            yield node.label, f"{node.label} takes text, and predict() of {seen.reader_name} no {kind}"


RULES = (
    key_not_accepted,
    refused_by_safe_mode,
    lambda_of_another_python,
    settings_not_found,
    policy_of_another_generation,
    definition_changed,
    argument_not_written,
    optimizer_written_otherwise,
    state_not_in_the_file,
    state_not_applied,
    cannot_be_built,
    function_not_resolved,
    class_not_found,
    key_missing,
    value_refused,
    connections_not_understood,
    never_ends,
    weights_do_not_fit,
    fails_at_predict,
    settings_not_restored,
    lost_silently,
    text_from_numpy,
)
