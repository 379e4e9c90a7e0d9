"""
What can be true of an environment and of a saved model, as frozen values.

`None` means *we looked, there is none*; `Unknown` means *we could not look*. A sequence is a
tuple in a fixed order, so that the same facts are always the same value.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeAlias, TypeVar

__all__ = [
    "KERAS_LOADER",
    "SAVED_MODEL_LOADER",
    "TENSORFLOW_DISTRIBUTIONS",
    "WEIGHTS_LOADER",
    "Artifact",
    "ArtifactFile",
    "Canary",
    "Content",
    "Cpu",
    "CustomObject",
    "Fingerprint",
    "Gpu",
    "Keras",
    "Lock",
    "Maybe",
    "Numpy",
    "Package",
    "Python",
    "System",
    "TensorFlow",
    "TensorSpec",
    "Unknown",
    "find_unknowns",
]

T = TypeVar("T")

KERAS_LOADER = "keras.load_model"
SAVED_MODEL_LOADER = "tf.saved_model.load"
WEIGHTS_LOADER = "load_weights"


# Every distribution that installs the package `tensorflow`, the plain one first.
TENSORFLOW_DISTRIBUTIONS = (
    "tensorflow",
    "tensorflow-cpu",
    "tensorflow-gpu",
    "tensorflow-macos",
    "tensorflow-intel",
    "tensorflow-cpu-aws",
    "tensorflow-aarch64",
    "tensorflow-rocm",
    "intel-tensorflow",
    "tf-nightly",
    "tf-nightly-cpu",
)


@dataclass(frozen=True, slots=True)
class Unknown:
    """A fact that could not be established, and why."""

    reason: str


Maybe: TypeAlias = T | Unknown


@dataclass(frozen=True, kw_only=True, slots=True)
class Python:
    """The interpreter; `version` is `3.11.7`, `implementation` is `cpython`."""

    version: str
    implementation: Maybe[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class System:
    """The operating system; `libc` is `glibc 2.36`, `distribution` is `debian 12`."""

    os: str
    machine: str
    kernel: Maybe[str | None]
    distribution: Maybe[str | None]
    libc: Maybe[str | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cpu:
    """The processor; `features` holds the instruction sets that change arithmetic, sorted."""

    model: Maybe[str | None]
    features: Maybe[tuple[str, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Gpu:
    """NVIDIA hardware and what drives it; `cuda` and `cudnn` are the installed wheels' versions."""

    driver: Maybe[str | None]
    devices: Maybe[tuple[str, ...]]
    cuda: Maybe[str | None]
    cudnn: Maybe[str | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class TensorFlow:
    """
    TensorFlow and how it was built.

    `distribution` names the installed package, such as `tensorflow-cpu`; `cuda` and `cudnn` are
    the versions it was *built against*, `None` for a build without CUDA.
    """

    distribution: str
    version: Maybe[str]
    cuda: Maybe[str | None]
    cudnn: Maybe[str | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Keras:
    """
    The Keras in force and its settings.

    `provider` is the distribution that the code comes from: `keras`, or `tf-keras` for Keras 2
    beside a TensorFlow that brings Keras 3.
    """

    provider: str
    version: Maybe[str]
    backend: Maybe[str]
    floatx: Maybe[str]
    image_data_format: Maybe[str]
    dtype_policy: Maybe[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Numpy:
    """NumPy and the linear algebra it was built with, such as `scipy-openblas 0.3.29`."""

    version: Maybe[str]
    blas: Maybe[str | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """
    An installed distribution.

    `role` is `runtime` (in the closure of what the model imports), `project` (editable or local
    code), `tool` (envlock and what only it needs) or `unrelated`. `requires` holds the normalised
    names of the installed distributions that it depends on.
    """

    name: str
    version: Maybe[str]
    role: str = "unrelated"
    requires: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Fingerprint:
    """What was recorded of an environment; `packages` is sorted by normalised name."""

    python: Maybe[Python]
    system: Maybe[System]
    cpu: Maybe[Cpu]
    gpu: Maybe[Gpu]
    tensorflow: Maybe[TensorFlow | None]
    keras: Maybe[Keras | None]
    numpy: Maybe[Numpy | None]
    variables: Maybe[dict[str, str]]
    packages: Maybe[tuple[Package, ...]]

    def package(self, name: str) -> Maybe[Package | None]:
        """The installed distribution with this normalised name, `None` when it is absent."""
        if isinstance(self.packages, Unknown):
            return self.packages
        return next((package for package in self.packages if package.name == name), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactFile:
    """One file of a saved model: POSIX path below its folder, size in bytes, sha256 in hex."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TensorSpec:
    """A named input or output; a dimension of any size is -1."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifact:
    """
    A saved model, by its own account.

    `format` is `keras` (zip archive), `hdf5` or `saved-model`, recognised by content. The two
    versions are those that the file itself states.
    """

    name: str
    format: str
    files: tuple[ArtifactFile, ...]
    keras_version: Maybe[str | None]
    tensorflow_version: Maybe[str | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """
    What a reader found inside a saved model.

    `config` is the architecture and `compile_config` how it was compiled, both as Keras wrote
    them. The rest is of a SavedModel: `ops` the operations of its graphs, `slots` what its
    optimizers with slot variables are called, both sorted, and `has_keras_metadata` whether
    Keras 2 left its own description in it.
    """

    config: Maybe[dict[str, Any] | None] = None
    compile_config: Maybe[dict[str, Any] | None] = None
    ops: Maybe[tuple[str, ...]] = ()
    slots: Maybe[tuple[str, ...]] = ()
    has_keras_metadata: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomObject:
    """
    Code of the user that the saved model asks for.

    `name` is what the architecture asks for, `module` and `qualname` where it was found. `digest`
    is the sha256 of its source without comments, docstrings and formatting. `distribution` is the
    installed package it came from, `None` for local code; `modules` the local modules it needs,
    itself included, which are captured beside the lock; `imports` the distributions these import.
    """

    name: str
    kind: str
    module: str
    qualname: str
    digest: Maybe[str]
    distribution: str | None
    modules: tuple[str, ...]
    imports: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Canary:
    """
    Stored inputs with the outputs that the model gave for them.

    `source` is `example` (the caller's) or `seeded` (drawn from the input shapes); `tolerance` is
    the largest accepted max |a-b| / max(1, |b|).
    """

    source: str
    rows: int
    tolerance: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """Artifact, fingerprint, code, inputs and canary, as they were when the model was saved."""

    created_by: str
    loader: str
    artifact: Artifact
    inputs: Maybe[tuple[TensorSpec, ...]]
    outputs: Maybe[tuple[TensorSpec, ...]]
    custom_objects: Maybe[tuple[CustomObject, ...]]
    canary: Maybe[Canary | None]
    attachments: tuple[ArtifactFile, ...]
    fingerprint: Fingerprint


def find_unknowns(value: object, path: str = "") -> dict[str, str]:
    """Every unknown inside a value: its dotted path and the reason."""
    if isinstance(value, Unknown):
        return {path: value.reason}
    if isinstance(value, tuple):
        parts = [(getattr(item, "name", str(index)), item) for index, item in enumerate(value)]
    elif is_dataclass(value):
        parts = [(field.name.replace("_", "-"), getattr(value, field.name)) for field in fields(value)]
    else:
        return {}
    found: dict[str, str] = {}
    for name, item in parts:
        found |= find_unknowns(item, f"{path}.{name}" if path else name)
    return found
