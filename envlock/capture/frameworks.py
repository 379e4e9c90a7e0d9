"""TensorFlow and Keras as they are installed and set, without importing either."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from envlock import keras_bridge
from envlock.capture.packages import Distribution
from envlock.facts import TENSORFLOW_DISTRIBUTIONS, Keras, Maybe, TensorFlow, Unknown
from envlock.values import replace
from envlock.variables import recordable

__all__ = ["keras", "tensorflow"]


def tensorflow(distributions: Mapping[str, Distribution]) -> TensorFlow | None:
    """The installed TensorFlow, how it was built, and what only the imported one tells of itself."""
    name = next((name for name in TENSORFLOW_DISTRIBUTIONS if name in distributions), None)
    if name is None:
        return None
    folder = distributions[name].files / "tensorflow"
    build = _build_info(folder / "python/platform/build_info.py")
    git_version, compiler = keras_bridge.tensorflow_build()
    return TensorFlow(
        distribution=name,
        version=distributions[name].version,
        cuda=_built_against(build, "cuda", "cuda_version"),
        cudnn=_built_against(build, "cuda", "cudnn_version"),
        rocm=_built_against(build, "rocm", "rocm_version", "rocm_version_number"),
        compute_capabilities=_compute_capabilities(build),
        graph_def_version=_graph_def_version(folder / "include/tensorflow/core/public/version.h"),
        git_version=git_version,
        compiler=compiler,
    )


def keras(distributions: Mapping[str, Distribution], imported: Any = None) -> Keras | None:
    """
    The Keras that `tf.keras` and `import keras` give here, and its settings.

    `imported` is the package to ask, by default the one that this process has imported, if any.
    """
    imported = imported or keras_bridge.imported_keras()
    provider = _provider(distributions)
    legacy = distributions.get("tf-keras")
    if imported is not None:
        found = _as_set(keras_bridge.facts(imported))
    elif provider is None:
        return None
    else:
        found = _as_installed(provider, distributions[provider].version)
    return replace(found, tf_keras=legacy.version if legacy else None)


def _as_set(live: Keras) -> Keras:
    """A running Keras, with where its backend comes from as far as that can be seen."""
    backend, source = _backend(live.version, _settings(_home() / "keras.json"))
    return replace(live, backend_source=source if backend == live.backend else "process")


def _as_installed(provider: str, version: Maybe[str]) -> Keras:
    settings = _settings(_home() / "keras.json")
    backend, source = _backend(version, settings)
    return Keras(
        provider=provider,
        version=version,
        backend=backend,
        floatx=_setting(settings, "floatx", "float32"),
        image_data_format=_setting(settings, "image_data_format", "channels_last"),
        # The policy follows floatx until a program sets another one.
        dtype_policy=_setting(settings, "floatx", "float32"),
        epsilon=_epsilon(settings),
        backend_source=source,
    )


def _provider(distributions: Mapping[str, Distribution]) -> str | None:
    # TensorFlow itself reads the variable so, in python/util/lazy_loader.py.
    legacy = os.environ.get("TF_USE_LEGACY_KERAS") in {"1", "true", "True"}
    if legacy and "tf-keras" in distributions:
        return "tf-keras"
    names = ("keras", "keras-nightly", "tf-keras", "tf-keras-nightly")
    return next((name for name in names if name in distributions), None)


def _home() -> Path:
    # Where a container's user has no home, the function of os.path gives the path back as it was.
    return Path(os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras"))  # noqa: PTH111


def _settings(path: Path) -> Maybe[dict[str, Any]]:
    import json

    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        return Unknown(f"keras.json cannot be read: {type(error).__name__}")
    return data if isinstance(data, dict) else Unknown("keras.json holds no object")


def _setting(settings: Maybe[dict[str, Any]], key: str, default: str) -> Maybe[str]:
    if isinstance(settings, Unknown):
        return settings
    value = settings.get(key, default)
    is_word = isinstance(value, str) and re.fullmatch(r"\w{1,40}", value)
    return value if is_word else Unknown(f"{key} in keras.json is no word")


def _epsilon(settings: Maybe[dict[str, Any]]) -> Maybe[float]:
    if isinstance(settings, Unknown):
        return settings
    value = settings.get("epsilon", 1e-7)
    return value if isinstance(value, float) else Unknown("epsilon in keras.json is no fraction")


def _backend(version: Maybe[str], settings: Maybe[dict[str, Any]]) -> tuple[Maybe[str], Maybe[str]]:
    """The backend, and where it comes from."""
    if isinstance(version, str) and version.startswith("2."):
        return "tensorflow", "default"  # Keras 2 has no other since 2.4
    named = os.environ.get("KERAS_BACKEND")
    if named:
        known = recordable("KERAS_BACKEND", named) == named
        return named if known else Unknown("KERAS_BACKEND names no backend"), "KERAS_BACKEND"
    if isinstance(settings, Unknown):
        return settings, settings
    return _setting(settings, "backend", "tensorflow"), "keras.json" if "backend" in settings else "default"


Build = dict[str, str | bool | tuple[str, ...]]


def _build_info(path: Path) -> Maybe[Build]:
    import ast

    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError) as error:
        return Unknown(f"TensorFlow's build_info.py cannot be read: {type(error).__name__}")
    found: Build = {}
    # It holds one ordered dictionary, made from a list of pairs such as ('cuda_version', '12.5.1').
    for node in ast.walk(tree):
        match node:
            case ast.Tuple(elts=[ast.Constant(value=str(key)), ast.Constant(value=bool(value))]):
                found[key] = value
            case ast.Tuple(elts=[ast.Constant(value=str(key)), ast.Constant(value=str(value))]):
                found[key] = _word(value)
            case ast.Tuple(elts=[ast.Constant(value=str(key)), ast.List(elts=items)]):
                found[key] = tuple(_word(item.value) for item in items if isinstance(item, ast.Constant))
    return found


def _word(value: object) -> str:
    return re.sub(r"[^\w.+-]", "", str(value))


def _built_against(build: Maybe[Build], kind: str, *keys: str) -> Maybe[str | None]:
    """The version under the first of `keys`, `None` for a build that is not of this kind."""
    if isinstance(build, Unknown):
        return build
    version = next((value for key in keys if isinstance(value := build.get(key), str) and value), None)
    if version is None and build.get(f"is_{kind}_build"):
        return Unknown(f"TensorFlow was built for {kind.upper()}, and build_info.py does not say which")
    return version


def _compute_capabilities(build: Maybe[Build]) -> Maybe[tuple[str, ...]]:
    if isinstance(build, Unknown):
        return build
    found = build.get("cuda_compute_capabilities", ())
    return found if isinstance(found, tuple) else Unknown("build_info.py lists them in an unknown form")


def _graph_def_version(path: Path) -> Maybe[int]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return Unknown(f"TensorFlow's version.h cannot be read: {type(error).__name__}")
    found = re.search(r"^#define TF_GRAPH_DEF_VERSION (\d{1,9})\b", text, re.MULTILINE)
    return int(found[1]) if found else Unknown("TensorFlow's version.h names no TF_GRAPH_DEF_VERSION")
