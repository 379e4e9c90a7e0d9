"""What is Keras' own: the classes and functions that a saved model may name, from the harvested tables."""

from __future__ import annotations

import builtins
import re
import sys
from collections.abc import Iterator
from functools import cached_property, lru_cache

from envlock.artifacts import names
from envlock.knowledge import releases
from envlock.knowledge.releases import KerasApi
from envlock.knowledge.rule import Release, release

__all__ = [
    "HIGHER_ORDER",
    "LIBRARIES",
    "LOADERS",
    "Tables",
    "is_builtin",
    "is_keras_like",
    "is_library",
    "tables",
]

# Layers that run a model, or code, from elsewhere.
LOADERS = frozenset(["FlaxLayer", "JaxLayer", "KerasLayer", "TFSMLayer", "TorchModuleWrapper"])

# Operations that call functions they are given, and functions that do.
HIGHER_ORDER = frozenset(
    [
        "AssociativeScan",
        "Cond",
        "CustomGradient",
        "ForiLoop",
        "Function",
        "JVP",
        "Map",
        "Operation",
        "Scan",
        "Switch",
        "Vectorize",
        "VectorizedMap",
        "WhileLoop",
        "associative_scan",
        "cond",
        "convert_to_numpy",
        "custom_gradient",
        "fori_loop",
        "jvp",
        "map",
        "scan",
        "switch",
        "vectorize",
        "vectorized_map",
        "while_loop",
    ]
)

# Of what Keras saves, the root of every class; by bare names, as the tables have them.
_BASES = frozenset(
    [
        "BaseLossScaleOptimizer",
        "BaseOptimizer",
        "Constraint",
        "Cross",
        "DTypePolicy",
        "Feature",
        "FeatureSpace",
        "Initializer",
        "KerasSaveable",
        "Layer",
        "LearningRateSchedule",
        "Loss",
        "Metric",
        "Operation",
        "Optimizer",
        "OptimizerMap",
        "OptimizerV2",
        "Policy",
        "QuantizationConfig",
        "Quantizer",
        "Regularizer",
        "SeedGenerator",
        "variance_scaling_initializer",
    ]
)
# Bases of classes, and classes of Keras' own tests and of loading, which no file of a model holds.
_NEVER = frozenset(
    [
        "AssertTypeLayer",
        "CompileLoss",
        "CompileMetrics",
        "DistributedCallbackModel",
        "KerasSaveable",
        "MetricsList",
        "ModuleWrapper",
        "ReloadedLayer",
        "RestoredOptimizer",
        "RevivedLayer",
        "TFOptimizer",
    ]
)
_FUNCTIONS = (
    "keras.activations", "keras.losses", "keras.metrics", "keras.initializers", "keras.regularizers",
    "keras.constraints", "keras.random", "keras.ops", "keras.ops.nn", "keras.ops.numpy", "keras.ops.image",
    "keras.ops.linalg",
)  # fmt: skip
_BY_NAME = ("activation", "loss", "metric", "initializer", "regularizer", "constraint")
_NO_FUNCTIONS = frozenset(["get", "deserialize", "serialize"])
_PLAIN = re.compile(r"[a-z_][a-z0-9_]{0,99}\Z")

_FAMILIES = {"2": (("keras", 2), ("tf-keras", 2), ("tensorflow", 2)), "3": (("keras", 3),)}

_KERAS_LIKE = frozenset(
    ["keras", "keras_core", "keras_cv", "keras_hub", "keras_nlp", "tf_keras", "tensorflow", "tensorflow_core"]
)
# Libraries that hold no objects of models; what Keras and TensorFlow bring along, and what installs packages.
LIBRARIES = frozenset(
    [
        "IPython", "_pytest", "absl", "astunparse", "bs4", "certifi", "charset_normalizer", "click",
        "cloudpickle", "dask", "dill", "distutils", "django", "envlock", "flask",
        "flatbuffers", "flax", "fsspec", "gast", "google", "grpc", "h5py", "httpx", "idna", "imp",
        "jax", "jaxlib", "jinja2", "joblib", "keyring", "markdown", "markupsafe", "matplotlib",
        "ml_dtypes", "mpl_toolkits", "namex", "numba", "numexpr", "numpy", "opt_einsum", "optree",
        "packaging", "pandas", "paramiko", "pexpect", "pip", "pkg_resources", "pluggy", "polars", "psutil",
        "ptyprocess", "pyarrow", "pydantic", "pytest", "requests", "rich", "scipy", "setuptools", "six",
        "sklearn", "sqlalchemy", "sympy", "tensorboard", "tensorflow_io_gcs_filesystem", "termcolor", "torch",
        "tornado", "tqdm", "typing_extensions", "urllib3", "uv", "virtualenv", "werkzeug", "wheel", "wrapt",
        "yaml", "zmq", "asynchat", "asyncore", "binhex", "cgi", "cgitb", "crypt",
        "imghdr", "lib2to3", "mailcap", "msilib", "nis", "nntplib", "ossaudiodev", "pipes",
        "smtpd", "sndhdr", "spwd", "telnetlib", "uu", "xdrlib",
    ]
)  # fmt: skip

_BUILTINS = frozenset(dir(builtins))

# The initializers of TensorFlow 1, which Keras 2 takes for its own.
_INITIALIZERS = {"tensorflow.python.ops.init_ops", "tensorflow.python.ops.init_ops_v2"}
_OF_TENSORFLOW = frozenset(
    ["Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity", "LecunNormal",
    "LecunUniform", "Ones", "Orthogonal", "RandomNormal", "RandomUniform", "TruncatedNormal",
    "UniformUnitScaling", "VarianceScaling", "Zeros"]
)  # fmt: skip


def is_keras_like(module: str) -> bool:
    """Whether a module is of Keras, of TensorFlow or of a package that Keras looks into by itself."""
    return module.partition(".")[0] in _KERAS_LIKE


def is_library(module: str) -> bool:
    """Whether a module is of Python's own library, or of one that holds no objects of models."""
    root = module.partition(".")[0]
    return root in sys.stdlib_module_names or root in LIBRARIES


def is_builtin(name: str) -> bool:
    """Whether Python itself has something of this name."""
    return name in _BUILTINS


class Tables:
    """The releases of a generation; the one that wrote the file is asked first."""

    def __init__(self, generation: str | None, version: Release) -> None:
        self.generation = generation
        self._version = version
        self._classes: dict[tuple[str, str], bool] = {}
        self._functions: dict[tuple[str | None, str], bool] = {}

    def has_class(self, module: str, name: str) -> bool:
        """Whether a class of this module is one that Keras saves."""
        if module in _INITIALIZERS:
            return name in _OF_TENSORFLOW
        key = (module, name)
        if key not in self._classes:
            self._classes[key] = name not in _NEVER and any(
                self._is_saveable(api, module, name) for api in self._releases()
            )
        return self._classes[key]

    def has_bare(self, name: str, kind: str | None = None) -> bool:
        """Whether Keras finds something of its own by a class's name alone."""
        return name not in _NEVER and _is_own(name, kind, self.generation)

    def has_function(self, module: str | None, name: str) -> bool:
        """Whether a function is one that stands in models, as activations, losses and operations do."""
        key = (module, name)
        if key not in self._functions:
            self._functions[key] = (
                _PLAIN.match(name) is not None
                and name not in _NO_FUNCTIONS
                and name not in HIGHER_ORDER
                and any(_is_function(api, module, name) for api in self._releases())
            )
        return self._functions[key]

    def _is_saveable(self, api: KerasApi, module: str, name: str) -> bool:
        qualified = _qualified(api, module, name)
        found = api.cls(qualified) if qualified else None
        return found is not None and bool(_BASES & set(found.mro))

    def _releases(self) -> Iterator[KerasApi]:
        yield from self._known

    @cached_property
    def _known(self) -> tuple[KerasApi, ...]:
        families = [one for key, held in _FAMILIES.items() if self.generation in {None, key} for one in held]
        found: list[KerasApi] = []
        for provider, generation in families:
            first = releases.keras(provider, self._version) if self._version[:1] == (generation,) else None
            listed = reversed(releases.versions(provider, generation))
            found += [first] if first else []
            found += [api for version in listed if (api := releases.keras(provider, release(version)))]
        return tuple(found)


@lru_cache(maxsize=4096)
def _is_own(name: str, kind: str | None, generation: str | None) -> bool:
    return names.is_own(name, kind, generation)


@lru_cache(maxsize=32)
def tables(version: str | None) -> Tables:
    """The tables for a file that this Keras wrote; of every generation where nothing tells."""
    known = release(version) if version else ()
    generation = str(known[0]) if known and str(known[0]) in _FAMILIES else None
    return Tables(generation, known)


def _qualified(api: KerasApi, module: str, name: str) -> str | None:
    """Where a module's name leads: a public path, or a module of the package."""
    public = "keras" + module.removeprefix("tf_keras") if module.startswith("tf_keras") else module
    return api.public(f"{public}.{name}") or api.member(module, name)


def _is_function(api: KerasApi, module: str | None, name: str) -> bool:
    public = [api.public(f"{package}.{name}") for package in _FUNCTIONS]
    allowed = {path for path in public if path and api.cls(path) is None}
    if module is None:
        listed = (api.lookup(kind, name) for kind in _BY_NAME)
        return bool(allowed) or any(path and api.cls(path) is None for path in listed)
    return _qualified(api, module, name) in allowed
