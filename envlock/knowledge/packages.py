"""Rules about versions of packages that do not go together."""

from __future__ import annotations

import re
from collections.abc import Iterator

from envlock.facts import KERAS_LOADER, WEIGHTS_LOADER, Fingerprint, Keras, Package, TensorFlow
from envlock.knowledge.boundaries import (
    Conflict,
    conflicts,
    installed,
    is_published,
    keras_in_force,
    within,
)
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import ALL_LOADERS, THREE, Case, Comparison, Severity, release, rule
from envlock.values import replace

__all__ = ["RULES", "tf_keras_would_load", "with_tf_keras"]

_PINS = "https://www.tensorflow.org/install/pip"
_BACKENDS = "https://keras.io/getting_started/#configuring-your-backend"
_KERAS_LOADERS = (KERAS_LOADER, WEIGHTS_LOADER)
_CALLED = {
    "h5py": "h5py",
    "keras": "Keras",
    "ml-dtypes": "ml_dtypes",
    "numpy": "NumPy",
    "protobuf": "protobuf",
}
_TRUE = {"1", "true", "True"}
# The first TensorFlow that reads TF_USE_LEGACY_KERAS.
_READS_LEGACY = (2, 15)
_BACKEND_PACKAGES = {"jax": "jax", "torch": "torch", "openvino": "openvino"}


@rule("EL322", Severity.ERROR, source=_PINS, remedy="install a version of it that TensorFlow was built with")
def package_that_tensorflow_cannot_be_imported_with(seen: Comparison) -> Iterator[Problem]:
    """
    TensorFlow cannot be imported beside this version of a package.

    It is built for one generation of NumPy and of ml_dtypes, and its messages are generated for one of
    protobuf; many releases have no upper bound on them, so that an installer takes the newest.
    """
    yield from _conflicts(seen, "EL322")


@rule("EL323", Severity.ERROR, source=_PINS, remedy="install a version of it that TensorFlow was built with")
def package_that_models_do_not_load_with(seen: Comparison) -> Iterator[Problem]:
    """TensorFlow can be imported beside this version of a package, and models like this one do not load."""
    yield from _conflicts(seen, "EL323")


@rule(
    "EL324",
    Severity.ERROR,
    source="https://keras.io/getting_started/#tensorflow--keras-2-backwards-compatibility",
    remedy="install the Keras of TensorFlow's own number, from 2.16 on a Keras 3",
)
def keras_of_another_tensorflow(seen: Comparison) -> Iterator[Problem]:
    """
    Keras 2 and TensorFlow are not of one release.

    Keras 2 uses internals of the TensorFlow of its own number. Some neighbours get along, most do not. From
    2.16 on TensorFlow takes Keras 3 alone; Keras 2 is `tf-keras` there.
    """
    yield from _conflicts(seen, "EL324")


def _conflicts(seen: Comparison, code: str) -> Iterator[Problem]:
    for row in conflicts():
        if row.code != code or not within(seen.tensorflow, *row.tensorflow):
            continue
        is_keras = row.package in {"keras", "tf-keras"}
        version = keras_in_force(seen, row.package) if is_keras else installed(seen, row.package)
        if version and within(release(version), row.since, row.until) and _applies(row, seen):
            yield Problem(
                code=code,
                subject=row.package,
                message=_message(row, version, seen),
                error=row.error,
                loaders=ALL_LOADERS if row.at == "import" else _KERAS_LOADERS,
            )


def _applies(row: Conflict, seen: Comparison) -> bool:
    if row.is_of_wheels and not is_published(seen):
        return False
    if row.formats and seen.artifact.format not in row.formats:
        return False
    if row.unless and _is_set(row.unless, seen):
        return False
    if row.beside and not _is_beside(row.beside, seen):
        return False
    return not row.layers or any(node.class_name in row.layers for node in seen.nodes())


def _is_beside(named: str, seen: Comparison) -> bool:
    """Whether a package is there from or below a version (`numpy>=2.0`), or a variable set (`NAME=VALUE`)."""
    found = re.fullmatch(r"([\w-]+)(>=|<)([\d.]+)", named)
    if not found:
        return _is_set(named, seen)
    version = installed(seen, found[1])
    if version is None:
        return False
    is_newer = release(version) >= release(found[3])
    return is_newer if found[2] == ">=" else not is_newer


def _is_set(setting: str, seen: Comparison) -> bool:
    name, _, value = setting.partition("=")
    variables = seen.current.variables
    return isinstance(variables, dict) and variables.get(name) == value


def _message(row: Conflict, version: str, seen: Comparison) -> str:
    tensorflow = ".".join(str(part) for part in seen.tensorflow)
    pair = f"{_CALLED.get(row.package, row.package)} {version} and TensorFlow {tensorflow} do not go together"
    return f"{pair}: {row.why}"


@rule("EL325", Severity.NOTE, source=_PINS, remedy="nothing to do")
def legacy_keras_of_another_tensorflow(seen: Comparison) -> Iterator[Case]:
    """
    tf-keras is of another number than TensorFlow.

    Its metadata ask for the same one, and installers refuse the pair. Where it is installed all the same it
    works: tf-keras 2.16 under TensorFlow 2.21 and 2.17 under 2.16 were run.
    """
    keras, tensorflow = seen.current.keras, seen.tensorflow[:2]
    if not isinstance(keras, Keras) or keras.provider != "tf-keras" or not isinstance(keras.version, str):
        return
    if len(tensorflow) == 2 and release(keras.version)[:2] != tensorflow:
        of = ".".join(str(part) for part in tensorflow)
        yield "tf-keras", f"tf-keras {keras.version} is not that of TensorFlow {of}"


@rule(
    "EL326",
    Severity.ERROR,
    source="https://keras.io/getting_started/#tensorflow--keras-2-backwards-compatibility",
    remedy="install tf-keras of TensorFlow's own number, or take TF_USE_LEGACY_KERAS away",
    loaders=_KERAS_LOADERS,
)
def legacy_keras_missing(seen: Comparison) -> Iterator[Problem]:
    """
    TF_USE_LEGACY_KERAS asks for tf-keras, which is not installed.

    `tf.keras` cannot be used then: TensorFlow says that Keras cannot be imported.
    """
    variables = seen.current.variables
    is_asked = isinstance(variables, dict) and variables.get("TF_USE_LEGACY_KERAS") in _TRUE
    if is_asked and seen.tensorflow >= _READS_LEGACY and seen.current.package("tf-keras") is None:
        yield Problem(
            code="EL326",
            subject="tf-keras",
            message="TF_USE_LEGACY_KERAS is set in the target, and tf-keras is not installed",
            error="ImportError: Keras cannot be imported. Check that it is installed.",
            loaders=_KERAS_LOADERS,
        )


@rule(
    "EL327",
    Severity.ERROR,
    source=_BACKENDS,
    remedy="install the backend's package, or set KERAS_BACKEND to one that is there",
    loaders=_KERAS_LOADERS,
)
def backend_missing(seen: Comparison) -> Iterator[Problem]:
    """
    Keras is set to a backend whose package is not installed.

    `import keras` fails. It may be set by KERAS_BACKEND or in keras.json.
    """
    keras = seen.current.keras
    backend = keras.backend if isinstance(keras, Keras) else None
    name = _BACKEND_PACKAGES.get(backend) if isinstance(backend, str) else None
    if name and seen.reader >= THREE and seen.current.package(name) is None:
        yield Problem(
            code="EL327",
            subject=name,
            message=f"the target runs Keras on {backend}, and {name} is not installed",
            error=f"ModuleNotFoundError: No module named '{name}'",
            loaders=_KERAS_LOADERS,
        )


# Layers that one backend alone runs.
_BACKENDS_OF = {
    "FlaxLayer": ("jax",),
    "JaxLayer": ("jax",),
    "TFSMLayer": ("tensorflow",),
    "TorchModuleWrapper": ("torch",),
}
_SAID_OF_BACKENDS = {
    "FlaxLayer": "ValueError: FlaxLayer is only supported with the JAX",
    "JaxLayer": "ValueError: JaxLayer is only supported with the JAX",
    "TFSMLayer": "NotImplementedError: The TFSMLayer is only currently supported with the",
}
# From here on layers of JAX run under TensorFlow too.
_JAX_UNDER_TENSORFLOW = (3, 13)


@rule(
    "EL328",
    Severity.ERROR,
    source="https://keras.io/api/layers/backend_specific_layers/",
    remedy="set KERAS_BACKEND to the backend that the layer is made for",
    loaders=_KERAS_LOADERS,
)
def layer_of_another_backend(seen: Comparison) -> Iterator[Problem]:
    """
    A layer of the model runs on another backend than the target's.

    `TFSMLayer` runs on TensorFlow alone, `TorchModuleWrapper` on PyTorch, `JaxLayer` and `FlaxLayer` on JAX
    and from 3.13 on TensorFlow.
    """
    keras = seen.current.keras
    backend = keras.backend if isinstance(keras, Keras) else None
    if not isinstance(backend, str) or seen.reader < THREE:
        return
    for node in seen.nodes():
        runs = _BACKENDS_OF.get(node.class_name, ())
        if "jax" in runs and seen.reader >= _JAX_UNDER_TENSORFLOW:
            runs = (*runs, "tensorflow")
        if runs and backend not in runs and (node.module or "keras").partition(".")[0] == "keras":
            yield Problem(
                code="EL328",
                subject=node.label,
                message=f"{node.label} runs on {' or '.join(runs)}, the target runs Keras on {backend}",
                error=_SAID_OF_BACKENDS.get(node.class_name, ""),
                loaders=_KERAS_LOADERS,
            )


@rule(
    "EL329",
    Severity.NOTE,
    source="https://keras.io/getting_started/#tensorflow--keras-2-backwards-compatibility",
    remedy="set TF_USE_LEGACY_KERAS=1 and import tf_keras, or tf.keras",
    loaders=(KERAS_LOADER,),
)
def tf_keras_would_load(_: Comparison) -> Iterator[Case]:
    """
    The target has tf-keras beside a Keras 3 that does not load the model.

    With TF_USE_LEGACY_KERAS=1, `tf.keras` is tf-keras: judged so, the model loads.
    """
    yield from ()


def with_tf_keras(current: Fingerprint) -> Fingerprint | None:
    """The same environment with its tf-keras in use, `None` where it has none or uses it already."""
    keras, beside, tensorflow = current.keras, current.package("tf-keras"), current.tensorflow
    if not isinstance(keras, Keras) or keras.provider == "tf-keras" or not isinstance(beside, Package):
        return None
    number = tensorflow.version if isinstance(tensorflow, TensorFlow) else None
    if not isinstance(beside.version, str) or not isinstance(number, str) or release(number) < _READS_LEGACY:
        return None
    variables = current.variables if isinstance(current.variables, dict) else {}
    return replace(
        current,
        keras=replace(keras, provider="tf-keras", version=beside.version, backend="tensorflow"),
        variables=variables | {"TF_USE_LEGACY_KERAS": "1"},
    )


RULES = (
    package_that_tensorflow_cannot_be_imported_with,
    package_that_models_do_not_load_with,
    keras_of_another_tensorflow,
    legacy_keras_of_another_tensorflow,
    legacy_keras_missing,
    backend_missing,
    layer_of_another_backend,
    tf_keras_would_load,
)
