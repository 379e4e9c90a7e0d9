"""What can be true of a saved model, and the lock that holds it."""

from __future__ import annotations

from typing import Any

from envlock.facts.environment import Fingerprint
from envlock.facts.unknown import NOT_RECORDED, Maybe, recorded
from envlock.values import field, frozen

__all__ = [
    "ARTIFACT",
    "KERAS_LOADER",
    "LIVE",
    "SAVED_MODEL_LOADER",
    "WEIGHTS_LOADER",
    "Artifact",
    "ArtifactFile",
    "Canary",
    "Content",
    "CustomObject",
    "Lock",
    "Signature",
    "TensorSpec",
]

KERAS_LOADER = "keras.load_model"
SAVED_MODEL_LOADER = "tf.saved_model.load"
WEIGHTS_LOADER = "load_weights"

# Where a part of a lock comes from.
ARTIFACT = "artifact"
LIVE = "live"


@frozen(kw_only=True)
class ArtifactFile:
    """One file of a saved model: POSIX path below its folder, size in bytes, sha256 in hex."""

    path: str
    size: int
    sha256: str


@frozen(kw_only=True)
class TensorSpec:
    """A named input or output; a dimension of any size is -1."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@frozen(kw_only=True)
class Signature:
    """A function that a SavedModel offers under a name, such as `serving_default`."""

    name: str
    inputs: Maybe[tuple[TensorSpec, ...]]
    outputs: Maybe[tuple[TensorSpec, ...]]


@frozen(kw_only=True)
class Artifact:
    """
    A saved model, by its own account.

    `format` is `keras` (zip archive), `hdf5`, `saved-model` or `weights` (an HDF5 file with weights
    alone), recognised by content. The two versions are those that the file itself states; `stamps`
    holds what else it says of how it was written, such as `backend` or `graph-def-producer`.
    """

    name: str
    format: str
    files: tuple[ArtifactFile, ...]
    keras_version: Maybe[str | None]
    tensorflow_version: Maybe[str | None]
    stamps: Maybe[dict[str, str]] = NOT_RECORDED


@frozen(kw_only=True)
class Content:
    """
    What a reader found inside a saved model.

    `config` is the architecture and `compile_config` how it was compiled, both as Keras wrote them
    but for the identities of objects, which are counted from 0. `assets` are the files that layers
    keep beside the weights, such as vocabularies, and `weights` the arrays with their paths, where the
    reader can list them.

    The rest is of a SavedModel: `ops` the operations of its graphs with how often each stands there,
    `op_values` of those that loading imports the values of their attributes as text, defaults left out,
    `called` those that serving it may run, `is_changing` whether it changes variables when it is served,
    `slots` what its optimizers with slot variables are called, sorted, `signatures` the functions it offers,
    `missing` the files it counts on and lacks, `has_keras_metadata` whether Keras 2 left its own description
    in it, `parts` what that says of each tracked object below the root, `identifiers` of what kind each
    Keras object is, and `tracked` the names of what those hold that have no stored functions, each by its
    path. `functional` is where in an archive the weights of models lie that were put together of
    inputs and outputs.
    """

    config: Maybe[dict[str, Any] | None] = None
    compile_config: Maybe[dict[str, Any] | None] = None
    ops: Maybe[dict[str, int]] = field(default_factory=dict)
    op_values: Maybe[dict[str, Any]] = field(default_factory=dict)
    called: Maybe[tuple[str, ...]] = ()
    is_changing: Maybe[bool] = recorded(default=False)
    slots: Maybe[tuple[str, ...]] = ()
    has_keras_metadata: bool = False
    signatures: Maybe[tuple[Signature, ...]] = ()
    assets: Maybe[tuple[str, ...]] = ()
    weights: Maybe[tuple[TensorSpec, ...]] = recorded()
    functional: Maybe[tuple[str, ...]] = recorded(())
    missing: Maybe[tuple[str, ...]] = ()
    parts: Maybe[dict[str, Any]] = field(default_factory=dict)
    identifiers: Maybe[dict[str, str]] = field(default_factory=dict)
    tracked: Maybe[dict[str, Any]] = field(default_factory=dict)


@frozen(kw_only=True)
class Constructor:
    """
    What makes an object of a class of the user's from its configuration, by the names of its arguments.

    `takes` are all that it names, `needs` those without a default; `takes_any` tells that it takes others
    too and hands them on. `takes_tensors` tells that a model may be made from inputs and outputs, which no
    configuration holds, and `is_functional` that Keras may put such a one together of its layers.
    """

    takes: tuple[str, ...]
    needs: tuple[str, ...]
    takes_any: bool
    takes_tensors: bool
    is_functional: bool


@frozen(kw_only=True)
class CustomObject:
    """
    Code of the user that the saved model asks for.

    `name` is what the architecture asks for, `module` and `qualname` where it was found. `digest`
    is the sha256 of its source without comments, docstrings and formatting. `distribution` is the
    installed package it came from, `None` for local code; `modules` the local modules it needs,
    itself included, which are captured beside the lock, unknown where that was refused; `imports` the
    distributions these import. `constructor` is `None` for a function, and for a class that Keras' own
    constructor makes, or a `from_config` of its own.
    """

    name: str
    kind: str
    module: str
    qualname: str
    digest: Maybe[str]
    distribution: str | None
    modules: Maybe[tuple[str, ...]]
    imports: tuple[str, ...]
    constructor: Maybe[Constructor | None] = recorded()


@frozen(kw_only=True)
class Canary:
    """
    Stored inputs with the outputs that the model gave for them.

    `source` is `example` (the caller's) or `seeded` (drawn from the input shapes); `tolerance` is
    the largest accepted max |a-b| / max(1, |b|).
    """

    source: str
    rows: int
    tolerance: float


@frozen(kw_only=True)
class Lock:
    """
    Artifact, fingerprint, code, inputs and canary, as they were when the model was saved.

    `sources` says of each part where it comes from: the `artifact` itself, or the `live` environment
    that the lock was written in.
    """

    created_by: str
    loader: str
    artifact: Artifact
    inputs: Maybe[tuple[TensorSpec, ...]]
    outputs: Maybe[tuple[TensorSpec, ...]]
    custom_objects: Maybe[tuple[CustomObject, ...]]
    canary: Maybe[Canary | None]
    attachments: tuple[ArtifactFile, ...]
    fingerprint: Fingerprint
    sources: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        """In a notebook it stands below a cell: a line, and not all that it holds."""
        return f"<Lock of {self.artifact.name} by {self.created_by}; envlock show prints it>"
