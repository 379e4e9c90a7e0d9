"""
What loading a saved model would run, read or allocate.

Nothing of this is judged by comparing environments: `envlock.inspection` sees it in the bytes of the model.
"""

from __future__ import annotations

from collections.abc import Iterator

from envlock.knowledge.rule import Case, Comparison, Severity, rule

__all__ = ["KINDS", "RULES"]

_SAVING = "https://keras.io/guides/serialization_and_saving/"
_SAFE = "https://github.com/tensorflow/tensorflow/blob/master/SECURITY.md"
_ZIP = "https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT"
_HDF5 = "https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html"
_NPY = "https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html"

_ANEW = "get the model again from where it was saved, or save it again"
_TRUST = "load it only if you trust who made it, and where nothing of value can be read or written"


@rule("EL601", Severity.ERROR, source=_ZIP, remedy=_ANEW)
def not_what_keras_writes(_: Comparison) -> Iterator[Case]:
    """
    The file is built in a way in which Keras builds none.

    Two programs may read it differently: a member stands in an archive twice, a key twice in its settings,
    there are bytes that nothing accounts for, or the file ends too early. What was inspected need not be what
    is loaded, so the file is refused.
    """
    yield from ()


@rule("EL602", Severity.ERROR, source=_SAVING, remedy="envlock-tf[h5] brings h5py; else " + _ANEW)
def not_inspected(_: Comparison) -> Iterator[Case]:
    """
    The file could not be inspected.

    It is of a format that is not known, larger or deeper than is read, or its reader is not installed. That
    says nothing of what it holds, and is never read as if it did.
    """
    yield from ()


@rule("EL603", Severity.ERROR, source=_SAVING, remedy=_ANEW)
def name_is_a_path(_: Comparison) -> Iterator[Case]:
    """
    A name leads out of the folder that it is used in.

    Keras makes folders and files of the names of layers and assets while it loads.
    """
    yield from ()


@rule(
    "EL604",
    Severity.ERROR,
    source=_SAVING,
    remedy="save a named function instead of a lambda; else " + _TRUST,
)
def holds_bytecode(_: Comparison) -> Iterator[Case]:
    """
    The model holds a Python function as bytecode.

    A Lambda layer made of a `lambda` is saved so. Whatever it does is done when it is loaded or called.
    """
    yield from ()


@rule("EL605", Severity.ERROR, source=_NPY, remedy=_TRUST)
def holds_a_pickle(_: Comparison) -> Iterator[Case]:
    """
    The file is a pickle, or holds arrays of Python objects, which are pickles.

    Reading one runs what it says.
    """
    yield from ()


@rule("EL606", Severity.ERROR, source=_SAFE, remedy=_TRUST)
def loads_another_model(_: Comparison) -> Iterator[Case]:
    """
    A layer runs a model that lies elsewhere, or code of another library.

    `TFSMLayer`, `TorchModuleWrapper`, `JaxLayer`, `FlaxLayer` and layers of TensorFlow Hub are such.
    """
    yield from ()


@rule("EL607", Severity.ERROR, source=_SAVING, remedy=_TRUST)
def not_saved_by_keras(_: Comparison) -> Iterator[Case]:
    """
    The model names something that Keras never saves.

    A class or function of Python's own library, or one of Keras' or TensorFlow's that is no part of a model.
    A loader that looks it up by name calls it.
    """
    yield from ()


@rule("EL608", Severity.ERROR, source=_SAVING, remedy=_TRUST)
def function_out_of_place(_: Comparison) -> Iterator[Case]:
    """
    A function stands where Keras writes none.

    As a layer, among the arguments of a call, or under the name of a class. So it would be called while the
    model is loaded, with arguments that the file chooses.
    """
    yield from ()


@rule("EL609", Severity.ERROR, source=_SAVING, remedy=_TRUST)
def operation_calls_functions(_: Comparison) -> Iterator[Case]:
    """
    An operation calls functions that it is given, or is none that models are made of.

    `Map`, `Cond`, `Scan`, `Switch`, `WhileLoop` and their like call whatever function of Keras' the file
    names.
    """
    yield from ()


@rule("EL610", Severity.ERROR, source=_SAFE, remedy=_TRUST)
def graph_runs_more(_: Comparison) -> Iterator[Case]:
    """
    The graph has an operation that models do not consist of.

    Operations of TensorFlow can write files, open connections and call Python. What a graph may have is a
    list of those that compute; custom operations are on none.
    """
    yield from ()


@rule(
    "EL611",
    Severity.ERROR,
    source=_SAVING,
    remedy="save the vocabulary with the model; else " + _TRUST,
)
def settings_name_a_file(_: Comparison) -> Iterator[Case]:
    """
    The settings of an object name a file or an address that is read while the model is loaded.

    A vocabulary given as a file name is read from the machine that loads, not from the model.
    """
    yield from ()


@rule("EL612", Severity.ERROR, source=_SAFE, remedy=_TRUST)
def graph_reads_files(_: Comparison) -> Iterator[Case]:
    """
    The graph reads or writes a file that is no part of the model.

    Of a model's own, a graph reads its variables, and vocabularies among its assets.
    """
    yield from ()


@rule("EL613", Severity.ERROR, source=_HDF5, remedy=_TRUST)
def arrays_lie_elsewhere(_: Comparison) -> Iterator[Case]:
    """
    An array of an HDF5 file lies outside it, or is linked to.

    External storage, virtual arrays, soft and external links: the bytes of another file would become weights.
    """
    yield from ()


@rule("EL614", Severity.ERROR, source=_SAVING, remedy=_TRUST)
def settings_ask_for_memory(_: Comparison) -> Iterator[Case]:
    """
    The settings ask for more memory than the model's own weights take.

    A number of units, a shape or a size is larger than anything that is stored with the model.
    """
    yield from ()


@rule("EL615", Severity.ERROR, source=_HDF5, remedy=_TRUST)
def declares_more_than_it_holds(_: Comparison) -> Iterator[Case]:
    """
    The file declares far more than it holds.

    A few bytes become gigabytes when they are read: an array with nothing stored, or members of an archive
    that are compressed beyond what weights allow.
    """
    yield from ()


@rule(
    "EL616",
    Severity.NOTE,
    source=_SAVING,
    remedy="install the package or keep the file at hand that defines it",
)
def asks_for_custom_objects(_: Comparison) -> Iterator[Case]:
    """
    The model asks for classes or functions that are not Keras' own.

    Whoever loads it provides them.
    """
    yield from ()


RULES = (
    not_what_keras_writes,
    not_inspected,
    name_is_a_path,
    holds_bytecode,
    holds_a_pickle,
    loads_another_model,
    not_saved_by_keras,
    function_out_of_place,
    operation_calls_functions,
    graph_runs_more,
    settings_name_a_file,
    graph_reads_files,
    arrays_lie_elsewhere,
    settings_ask_for_memory,
    declares_more_than_it_holds,
    asks_for_custom_objects,
)

# Of what kind what a rule tells is; a verdict is the worst of these.
KINDS = {
    "EL601": "refuse", "EL602": "refuse", "EL603": "refuse", "EL604": "code", "EL605": "code",
    "EL606": "code", "EL607": "code", "EL608": "code", "EL609": "code", "EL610": "code",
    "EL611": "file-read", "EL612": "file-read", "EL613": "file-read", "EL614": "resource",
    "EL615": "resource", "EL616": "custom",
}  # fmt: skip
