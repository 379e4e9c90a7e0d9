"""What can be true of an environment."""

from __future__ import annotations

from envlock.facts.unknown import NOT_RECORDED, Maybe, Unknown, recorded
from envlock.values import frozen

__all__ = [
    "TENSORFLOW_DISTRIBUTIONS",
    "Cpu",
    "Device",
    "Fingerprint",
    "Git",
    "Gpu",
    "Keras",
    "Numerics",
    "Numpy",
    "Origin",
    "Package",
    "Python",
    "System",
    "TensorFlow",
]

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


@frozen(kw_only=True)
class Python:
    """
    The interpreter; `version` is `3.11.7`, `implementation` is `cpython`.

    `abi` is the tag of its extension modules (`cpython-311-x86_64-linux-gnu`), `compiler` what built
    it. `environment` is `venv`, `conda` or `system`; `is_externally_managed` tells whether its owner
    forbids installing into it (PEP 668).
    """

    version: str
    implementation: Maybe[str]
    is_free_threaded: Maybe[bool] = NOT_RECORDED
    abi: Maybe[str | None] = recorded()
    compiler: Maybe[str] = recorded()
    environment: Maybe[str] = recorded()
    is_externally_managed: Maybe[bool] = recorded()


@frozen(kw_only=True)
class System:
    """
    The operating system; `libc` is `glibc 2.36`, `distribution` is `debian 12`.

    `container` names the kind of container it runs in (`docker`, `podman`, `kubernetes`, …). `memory`
    is that of the machine and `memory_limit` what a container may use of it, both in bytes.
    """

    os: str
    machine: str
    kernel: Maybe[str | None]
    distribution: Maybe[str | None]
    libc: Maybe[str | None]
    container: Maybe[str | None] = recorded()
    memory: Maybe[int] = recorded()
    memory_limit: Maybe[int | None] = recorded()


@frozen(kw_only=True)
class Cpu:
    """
    The processor; `features` holds the instruction sets that change arithmetic, sorted.

    `usable` is how many logical processors this process may run on, `quota` how many a container's
    limit amounts to.
    """

    model: Maybe[str | None]
    features: Maybe[tuple[str, ...]]
    usable: Maybe[int] = recorded()
    quota: Maybe[float | None] = recorded()


@frozen(kw_only=True)
class Device:
    """
    A graphics card: `compute_capability` is `8.0`, `memory` is in bytes.

    `mig` tells whether it is divided into instances (Multi-Instance GPU); `None` for a card that
    cannot be.
    """

    name: str
    compute_capability: Maybe[str | None] = recorded()
    memory: Maybe[int | None] = recorded()
    mig: Maybe[bool | None] = recorded()


@frozen(kw_only=True)
class Gpu:
    """
    Graphics cards and what drives them.

    `driver` and `devices` are NVIDIA's; `cuda_driver` is the newest CUDA that the driver serves.
    `cuda` and `cudnn` are *installed* here, `cuda_loaded` and `cudnn_loaded` are what this process has
    *loaded*, of several all (`9.2.148, 12.4.127`); what TensorFlow was *built against* is said there.
    `rocm` and `amd_driver` are AMD's.
    """

    driver: Maybe[str | None]
    devices: Maybe[tuple[Device, ...]]
    cuda: Maybe[str | None]
    cudnn: Maybe[str | None]
    cuda_driver: Maybe[str | None] = recorded()
    cuda_loaded: Maybe[str | None] = recorded()
    cudnn_loaded: Maybe[str | None] = recorded()
    rocm: Maybe[str | None] = NOT_RECORDED
    amd_driver: Maybe[str | None] = recorded()


@frozen(kw_only=True)
class TensorFlow:
    """
    TensorFlow and how it was built.

    `distribution` names the installed package, such as `tensorflow-cpu`; `cuda`, `cudnn` and `rocm`
    are the versions it was *built against*, `None` for a build without them, and
    `compute_capabilities` the cards it has code for (`sm_80`, `compute_90`). `graph_def_version` numbers
    the graphs that it writes. `git_version` and `compiler` are known once it is imported.
    """

    distribution: Maybe[str]
    version: Maybe[str]
    cuda: Maybe[str | None]
    cudnn: Maybe[str | None]
    rocm: Maybe[str | None] = NOT_RECORDED
    compute_capabilities: Maybe[tuple[str, ...]] = recorded()
    graph_def_version: Maybe[int] = recorded()
    git_version: Maybe[str] = recorded()
    compiler: Maybe[str] = recorded()


@frozen(kw_only=True)
class Keras:
    """
    The Keras in force and its settings.

    `provider` is the distribution that the code comes from: `keras`, or `tf-keras` for Keras 2
    beside a TensorFlow that brings Keras 3. `epsilon` is what keeps its divisions from zero.
    `backend_source` says where the backend comes from: the
    variable `KERAS_BACKEND`, the file `keras.json`, the `default`, or the running `process`.
    `tf_keras` is the version of tf-keras that is installed, in force or not.
    """

    provider: str
    version: Maybe[str]
    backend: Maybe[str]
    floatx: Maybe[str]
    image_data_format: Maybe[str]
    dtype_policy: Maybe[str]
    epsilon: Maybe[float] = NOT_RECORDED
    backend_source: Maybe[str] = recorded()
    tf_keras: Maybe[str | None] = recorded()


@frozen(kw_only=True)
class Numpy:
    """NumPy and the linear algebra it was built with, such as `scipy-openblas 0.3.29`."""

    version: Maybe[str]
    blas: Maybe[str | None]


@frozen(kw_only=True)
class Numerics:
    """
    What a running process computes with; most of it is known only once TensorFlow is imported.

    `libraries` are the loaded BLAS and OpenMP libraries with their threads, `devices` the kinds of
    device that TensorFlow sees: one that sees no `GPU` computes without. `intra_op_threads` and
    `inter_op_threads` are TensorFlow's, 0 for its own choice. The two seeds are the global ones,
    `None` where none was set.
    """

    libraries: Maybe[tuple[str, ...]]
    devices: Maybe[tuple[str, ...]]
    onednn: Maybe[bool]
    tf32: Maybe[bool]
    deterministic: Maybe[bool]
    xla: Maybe[bool]
    intra_op_threads: Maybe[int]
    inter_op_threads: Maybe[int]
    tensorflow_seed: Maybe[int | None]
    keras_seed: Maybe[int | None]


@frozen(kw_only=True)
class Git:
    """The commit of the code that trained, and whether tracked files differ from it."""

    commit: str
    is_dirty: Maybe[bool]


@frozen(kw_only=True)
class Origin:
    """
    Where a distribution came from when it was no index (PEP 610).

    `url` is without credentials and query, of a local path only its last part. `commit` is that of a
    repository, `archive` the sha256 of a file, in hex.
    """

    url: str
    commit: str | None = None
    archive: str | None = None
    is_editable: bool = False


@frozen(kw_only=True)
class Package:
    """
    An installed distribution.

    `role` is `runtime` (in the closure of what the model imports), `project` (editable or local
    code), `tool` (envlock and what only it needs) or `unrelated`. `requires` holds the normalised
    names of the installed distributions that it depends on.

    `wheel` is the file name it was installed from, put together from its tags, `None` where it was
    no wheel; the order of its tags is told nowhere, so that two names are compared by their sets of
    tags. `record` is the sha256, in hex, over the digests of its installed files: the same for
    the same wheel whatever installed it.
    """

    name: str
    version: Maybe[str]
    role: str = "unrelated"
    requires: tuple[str, ...] = ()
    wheel: Maybe[str | None] = recorded()
    record: Maybe[str | None] = recorded()
    installer: Maybe[str | None] = recorded()
    is_requested: bool = recorded(default=False)
    origin: Maybe[Origin | None] = recorded(default=None)


@frozen(kw_only=True)
class Fingerprint:
    """What was recorded of an environment; `packages` is sorted by normalised name."""

    python: Maybe[Python]
    system: Maybe[System]
    cpu: Maybe[Cpu]
    gpu: Maybe[Gpu]
    tensorflow: Maybe[TensorFlow | None]
    keras: Maybe[Keras | None]
    numpy: Maybe[Numpy | None]
    numerics: Maybe[Numerics] = recorded()
    git: Maybe[Git | None] = recorded()
    variables: Maybe[dict[str, str]]
    packages: Maybe[tuple[Package, ...]]

    def package(self, name: str) -> Maybe[Package | None]:
        """The installed distribution with this normalised name, `None` when it is absent."""
        if isinstance(self.packages, Unknown):
            return self.packages
        return next((package for package in self.packages if package.name == name), None)
