"""
The one module that imports TensorFlow and Keras, inside functions only.

Keras is one of two packages: `keras` (Keras 3, or Keras 2 inside TensorFlow up to 2.15) or
`tf_keras` (Keras 2 beside a TensorFlow that brings Keras 3). A model says by its classes which one
it belongs to.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from envlock.errors import ArtifactError
from envlock.facts import Keras, Maybe, Numerics, TensorSpec, Unknown

__all__ = [
    "call",
    "call_signature",
    "computes_in_half",
    "facts",
    "has_safe_mode",
    "imported_keras",
    "inputs",
    "inside_envlock",
    "is_inside_envlock",
    "is_stateful",
    "keras_in_force",
    "keras_of",
    "load",
    "load_saved_model",
    "numerics",
    "outputs",
    "registered_name",
    "registered_object",
    "save",
    "scope",
    "tensorflow",
    "tensorflow_build",
]

Arrays = Sequence[Any]

_inside: ContextVar[bool] = ContextVar("envlock_inside", default=False)


@contextmanager
def inside_envlock() -> Iterator[None]:
    """While this lasts, calls that `install()` has wrapped go straight to Keras."""
    token = _inside.set(True)
    try:
        yield
    finally:
        _inside.reset(token)


def is_inside_envlock() -> bool:
    """Whether envlock itself is calling Keras."""
    return _inside.get()


def tensorflow() -> Any:
    """The module `tensorflow`."""
    return importlib.import_module("tensorflow")


def keras_of(model: object) -> Any:
    """The Keras package that a model's classes come from; `TypeError` for what is no Keras model."""
    for kind in type(model).__mro__:
        root = kind.__module__.partition(".")[0]
        if kind.__name__ == "Model" and root in {"keras", "tf_keras"}:
            return importlib.import_module(root)
    raise TypeError(f"Expected a Keras model, found {type(model).__qualname__}")


def keras_in_force() -> Any:
    """The Keras package that `tf.keras` is here, or the only one that the program has imported."""
    legacy = os.environ.get("TF_USE_LEGACY_KERAS") in {"1", "true", "True"}
    only_legacy = "tf_keras" in sys.modules and "keras" not in sys.modules
    if legacy or only_legacy:
        try:
            return importlib.import_module("tf_keras")
        except ModuleNotFoundError:
            pass  # Keras 2 inside an older TensorFlow does not need it
    return importlib.import_module("keras")


def facts(keras: Any) -> Keras:
    """A Keras package as it is set in this process: version, backend, defaults and dtype policy."""
    backend = keras.backend
    policy = keras.config.dtype_policy() if _is_keras_3(keras) else keras.mixed_precision.global_policy()
    return Keras(
        provider="tf-keras" if keras.__name__ == "tf_keras" else "keras",
        version=keras.__version__,
        backend=backend.backend(),
        floatx=backend.floatx(),
        image_data_format=backend.image_data_format(),
        dtype_policy=policy.name,
        epsilon=float(backend.epsilon()),
    )


def imported_keras() -> Any:
    """The Keras package that this process has imported already, `None` where it has none."""
    if not {"keras", "tf_keras"} & sys.modules.keys():
        return None
    keras = keras_in_force()
    # A half-imported package (in a circular import, say) has nothing to tell.
    return keras if hasattr(keras, "backend") and hasattr(keras, "__version__") else None


def tensorflow_build() -> tuple[Maybe[str], Maybe[str]]:
    """The commit that TensorFlow was built from and the compiler, as an imported one tells them."""
    return _asked(lambda tf: _plain(tf.version.GIT_VERSION)), _asked(
        lambda tf: _plain(tf.version.COMPILER_VERSION)
    )


def numerics(*, libraries: Maybe[tuple[str, ...]]) -> Numerics:
    """The switches of an imported TensorFlow and the global seeds; `libraries` were found elsewhere."""
    return Numerics(
        libraries=libraries,
        devices=_asked(lambda tf: tuple(item.device_type for item in tf.config.list_physical_devices())),
        # The only place that knows what came out of TF_ENABLE_ONEDNN_OPTS, the processor and the build.
        onednn=_asked(lambda tf: bool(_private(tf, "util._pywrap_util_port").IsMklEnabled())),
        tf32=_asked(lambda tf: bool(tf.config.experimental.tensor_float_32_execution_enabled())),
        deterministic=_asked(lambda tf: bool(_private(tf, "util._pywrap_determinism").is_enabled())),
        xla=_asked(lambda tf: bool(tf.config.optimizer.get_jit())),
        intra_op_threads=_asked(lambda tf: int(tf.config.threading.get_intra_op_parallelism_threads())),
        inter_op_threads=_asked(lambda tf: int(tf.config.threading.get_inter_op_parallelism_threads())),
        tensorflow_seed=_asked(lambda tf: _number(_private(tf, "eager.context").global_seed())),
        keras_seed=_keras_seed(),
    )


def _asked(question: Callable[[Any], Any]) -> Any:
    """What an imported TensorFlow answers; a release that does not know the question says nothing."""
    tf = sys.modules.get("tensorflow")
    if tf is None:
        return Unknown("TensorFlow is not imported in this process")
    try:
        return question(tf)
    except Exception as error:  # noqa: BLE001 - a broken TensorFlow may raise anything; the save stands
        return Unknown(f"this TensorFlow does not tell: {type(error).__name__}")


def _private(tf: Any, name: str) -> Any:
    return sys.modules[f"{tf.__name__}.python.{name}"]


def _plain(text: object) -> str:
    """A build's own words about itself, on one line."""
    return " ".join(str(text).split())[:120]


def _keras_seed() -> Maybe[int | None]:
    """The seed of `keras.utils.set_random_seed`; Keras 2 keeps it in TensorFlow's."""
    keras = imported_keras()
    if keras is None:
        return Unknown("Keras is not imported in this process")
    if not _is_keras_3(keras):
        return None
    module = sys.modules.get("keras.src.utils.rng_utils")
    ask = getattr(module, "get_random_seed", None)
    try:
        return _number(ask() if ask else None)
    except (TypeError, ValueError):
        return Unknown("Keras keeps no number as its seed")


def _number(seed: Any) -> int | None:
    """A seed as a number of Python's, whatever kind of number was given."""
    return None if seed is None else int(seed)


def registered_object(name: str) -> Any:
    """What Keras knows under a name here, by registration or by a scope around the call; else `None`."""
    keras = imported_keras()
    return None if keras is None else keras.utils.get_registered_object(name)


def scope(objects: Mapping[str, Any]) -> AbstractContextManager[Any]:
    """While this lasts, Keras finds `objects` by their names."""
    found: AbstractContextManager[Any] = keras_in_force().utils.custom_object_scope(dict(objects))
    return found


def save(model: Any, path: Path, arguments: Mapping[str, Any]) -> None:
    """
    Save as Keras would for this path and these arguments.

    A path without a known ending is a SavedModel folder: `model.export` under Keras 3, `model.save`
    under Keras 2.
    """
    single_file = path.suffix in {".keras", ".h5", ".hdf5"}
    with inside_envlock():
        if single_file or not _is_keras_3(keras_of(model)):
            model.save(str(path), **arguments)
            return
        from inspect import signature

        quiet = {"verbose": False} if "verbose" in signature(model.export).parameters else {}
        model.export(str(path), **(quiet | dict(arguments)))


def has_safe_mode() -> bool:
    """Whether this Keras asks before it runs code that lies in a model."""
    from inspect import signature

    return "safe_mode" in signature(keras_in_force().models.load_model).parameters


def load(path: Path, custom_objects: Mapping[str, Any], arguments: Mapping[str, Any]) -> Any:
    """What `keras.models.load_model` returns; what it raises passes through."""
    keras = keras_in_force()
    # Keras 2 does not hand custom_objects down to every nested object of an .h5 file; the scope does.
    with inside_envlock(), keras.utils.custom_object_scope(dict(custom_objects)):
        return keras.models.load_model(str(path), custom_objects=dict(custom_objects) or None, **arguments)


def load_saved_model(path: Path) -> Any:
    """What `tf.saved_model.load` returns."""
    with inside_envlock():
        return tensorflow().saved_model.load(str(path))


def registered_name(kind: Any) -> str:
    """The name under which Keras serialises a class or function, such as `my_package>Gate`."""
    for root in ("keras", "tf_keras"):
        if root in sys.modules:
            name = str(sys.modules[root].utils.get_registered_name(kind))
            if name != kind.__name__:
                return name
    return str(kind.__name__)


def inputs(model: Any) -> Maybe[tuple[TensorSpec, ...]]:
    """Names, shapes and dtypes of what the model takes, in the order of `model.inputs`."""
    return _specs(model, "inputs")


def outputs(model: Any) -> Maybe[tuple[TensorSpec, ...]]:
    """Names, shapes and dtypes of what the model gives, in the order of `model.outputs`."""
    return _specs(model, "outputs")


def is_stateful(model: Any) -> bool:
    """Whether calling the model changes what the next call gives."""
    return any(getattr(layer, "stateful", False) for layer in _layers(model))


def computes_in_half(model: Any) -> bool:
    """Whether any layer computes in half precision."""
    return any(
        str(getattr(layer, "compute_dtype", "")) in {"float16", "bfloat16"} for layer in _layers(model)
    )


def _layers(model: Any) -> list[Any]:
    """The layers of a model and of the models in it."""
    return list(model._flatten_layers(include_self=False, recursive=True))  # noqa: SLF001 - both Kerases have it


def call(model: Any, arrays: Arrays) -> list[Any]:
    """
    The model's outputs for `arrays`, which come in the order of `model.inputs`.

    One forward pass with `training=False`; the outputs are NumPy arrays in the order of
    `model.outputs`.
    """
    keras = keras_of(model)
    if not _is_keras_3(keras) or keras.backend.backend() == "tensorflow":
        arrays = [tensorflow().constant(array) for array in arrays]
    tree = keras.tree if hasattr(keras, "tree") else tensorflow().nest
    try:
        fed = tree.pack_sequence_as(model.input, list(arrays))
    except (AttributeError, ValueError):  # a subclassed model has no structure of inputs
        fed = arrays[0] if len(arrays) == 1 else list(arrays)
    result = model(fed, training=False)
    return [_numpy(keras, tensor) for tensor in tree.flatten(result)]


def call_signature(loaded: Any, arrays: Arrays, names: Sequence[str]) -> list[Any]:
    """
    The outputs of a SavedModel's `serving_default` for `arrays`, sorted by their names.

    `names` are the inputs' names at save. Where the signature calls them otherwise (Keras 3 numbers
    them) a single input needs no name; several are matched by the order that both share.
    """
    tf = tensorflow()
    signature = loaded.signatures["serving_default"]
    wanted = signature.structured_input_signature[1]
    if len(wanted) != len(arrays):
        raise ArtifactError(f"serving_default takes {len(wanted)} inputs, the canary has {len(arrays)}")
    keys = list(names) if set(names) == set(wanted) else sorted(wanted, key=_numbered)
    fed = {key: tf.constant(array, dtype=wanted[key].dtype) for key, array in zip(keys, arrays, strict=True)}
    found = signature(**fed)
    return [found[key].numpy() for key in sorted(found, key=_numbered)]


def _numbered(name: str) -> tuple[str, int]:
    """`keras_tensor_2` before `keras_tensor_10`."""
    head, _, tail = name.rpartition("_")
    return (head, int(tail)) if tail.isdigit() else (name, -1)


def _numpy(keras: Any, tensor: Any) -> Any:
    return keras.ops.convert_to_numpy(tensor) if _is_keras_3(keras) else tensor.numpy()


def _is_keras_3(keras: Any) -> bool:
    return not keras.__version__.startswith("2.")


def _specs(model: Any, attribute: str) -> Maybe[tuple[TensorSpec, ...]]:
    tensors = getattr(model, attribute, None)
    if not tensors:
        return Unknown(f"the model states no {attribute}; it is subclassed, or was not built")
    return tuple(
        TensorSpec(name=_layer_name(tensor), shape=_shape(tensor.shape), dtype=_dtype(tensor.dtype))
        for tensor in tensors
    )


def _layer_name(tensor: Any) -> str:
    """The name of the layer that a symbolic tensor comes from: its own is numbered per process."""
    history = getattr(tensor, "_keras_history", None) or getattr(tensor, "node", None)
    layer = getattr(history, "operation", None) or getattr(history, "layer", None)
    return str(getattr(layer, "name", None) or tensor.name)


def _shape(shape: Any) -> tuple[int, ...]:
    return tuple(-1 if size is None else int(size) for size in tuple(shape))


def _dtype(dtype: Any) -> str:
    return dtype if isinstance(dtype, str) else str(dtype.name)
