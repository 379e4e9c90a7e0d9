"""TensorFlow and Keras as they are installed and set, without importing either."""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from envlock.capture.packages import Distribution
from envlock.facts import TENSORFLOW_DISTRIBUTIONS, Keras, Maybe, TensorFlow, Unknown

__all__ = ["keras", "tensorflow"]


def tensorflow(distributions: Mapping[str, Distribution]) -> TensorFlow | None:
    """The installed TensorFlow and the CUDA and cuDNN that its build names."""
    name = next((name for name in TENSORFLOW_DISTRIBUTIONS if name in distributions), None)
    if name is None:
        return None
    build = _build_info(distributions[name].files / "tensorflow/python/platform/build_info.py")
    return TensorFlow(
        distribution=name,
        version=distributions[name].version,
        cuda=build if isinstance(build, Unknown) else build.get("cuda_version"),
        cudnn=build if isinstance(build, Unknown) else build.get("cudnn_version"),
    )


def keras(distributions: Mapping[str, Distribution]) -> Keras | None:
    """The Keras that `tf.keras` and `import keras` give here, and its settings."""
    provider = _provider(distributions)
    if provider is None:
        return None
    version = distributions[provider].version
    settings = _settings(_home() / "keras.json")
    return Keras(
        provider=provider,
        version=version,
        backend=_backend(version, settings),
        floatx=_setting(settings, "floatx", "float32"),
        image_data_format=_setting(settings, "image_data_format", "channels_last"),
        # The policy follows floatx until a program sets another one.
        dtype_policy=_setting(settings, "floatx", "float32"),
    )


def _provider(distributions: Mapping[str, Distribution]) -> str | None:
    # TensorFlow itself reads the variable so, in python/util/lazy_loader.py.
    legacy = os.environ.get("TF_USE_LEGACY_KERAS") in {"1", "true", "True"}
    if legacy and "tf-keras" in distributions:
        return "tf-keras"
    names = ("keras", "keras-nightly", "tf-keras", "tf-keras-nightly")
    return next((name for name in names if name in distributions), None)


def _home() -> Path:
    return Path(os.environ.get("KERAS_HOME") or Path("~/.keras").expanduser())


def _settings(path: Path) -> Maybe[dict[str, Any]]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        return Unknown(f"keras.json cannot be read: {type(error).__name__}")
    return data if isinstance(data, dict) else Unknown("keras.json holds no object")


def _setting(settings: Maybe[dict[str, Any]], key: str, default: str) -> Maybe[str]:
    if isinstance(settings, Unknown):
        return settings
    value = settings.get(key, default)
    return value if isinstance(value, str) else Unknown(f"{key} in keras.json is no string")


def _backend(version: Maybe[str], settings: Maybe[dict[str, Any]]) -> Maybe[str]:
    if isinstance(version, str) and version.startswith("2."):
        return "tensorflow"  # Keras 2 has no other since 2.4
    return os.environ.get("KERAS_BACKEND") or _setting(settings, "backend", "tensorflow")


def _build_info(path: Path) -> Maybe[dict[str, str]]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError) as error:
        return Unknown(f"TensorFlow's build_info.py cannot be read: {type(error).__name__}")
    found: dict[str, str] = {}
    # It holds one ordered dictionary, made from a list of pairs such as ('cuda_version', '12.5.1').
    for node in ast.walk(tree):
        match node:
            case ast.Tuple(elts=[ast.Constant(value=str(key)), ast.Constant(value=str(value))]):
                found[key] = re.sub(r"[^\w.+-]", "", value)
    return found
