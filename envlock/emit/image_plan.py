"""Everything that an image will hold, decided; the template only prints it."""

from __future__ import annotations

import json
import re

from envlock.errors import ImageError
from envlock.facts import SAVED_MODEL_LOADER, Keras, Lock, Origin, Package, Python, TensorSpec, Unknown
from envlock.values import frozen
from envlock.variables import FOLLOWS_THE_MODEL, GRAMMAR

__all__ = ["USER", "ImagePlan", "plan"]

USER = "65532:65532"


@frozen(kw_only=True)
class ImagePlan:
    """
    What an image is made of.

    `files` maps the path of each generated text file in the build context to its content.
    """

    base: str
    requirements: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]
    labels: tuple[tuple[str, str], ...]
    files: dict[str, str]


def plan(lock: Lock, *, model: str, lock_digest: str, base: str | None = None) -> ImagePlan:
    """
    The image for a lock.

    `model` is what the file or folder is called now, `lock_digest` the sha256 of the lock's file. `base`
    overrides the base image, by default the slim image of the locked Python. `ImageError` names
    what the image could not carry.
    """
    chosen = base or _base(lock)
    if not re.fullmatch(r"[a-z0-9][\w.:/@-]*", chosen):
        raise ImageError(f"{chosen!r} is no image reference")
    missing = _missing(lock)
    if missing:
        raise ImageError(f"the image would not be complete: {'; '.join(missing)}")
    requirements = tuple(f"{package.name}=={package.version}" for package in _installed(lock))
    return ImagePlan(
        base=chosen,
        requirements=requirements,
        variables=_variables(lock),
        labels=(
            ("dev.envlock.lock.digest", f"sha256:{lock_digest}"),
            ("dev.envlock.model.format", lock.artifact.format),
            ("org.opencontainers.image.title", "a model and its locked environment"),
        ),
        files={
            "app/model.json": _described(lock, model),
            "app/keras/keras.json": _keras_settings(lock),
        },
    )


def _base(lock: Lock) -> str:
    python = lock.fingerprint.python
    if not isinstance(python, Python):
        raise ImageError(
            "the lock does not say which Python the model was saved with", hint="give one: --base IMAGE"
        )
    return f"python:{'.'.join(python.version.split('.')[:2])}-slim"


def _listed(lock: Lock) -> tuple[Package, ...]:
    if isinstance(lock.fingerprint.packages, Unknown):
        raise ImageError("the lock lists no packages", hint="save the model again through envlock")
    return lock.fingerprint.packages


def _installed(lock: Lock) -> list[Package]:
    """The model's runtime, and on Python 3.10 the TOML reader that a check inside the image needs."""
    return [
        package
        for package in _listed(lock)
        if package.role == "runtime" or (package.name == "tomli" and package.role == "tool")
    ]


def _variables(lock: Lock) -> tuple[tuple[str, str], ...]:
    recorded = lock.fingerprint.variables if isinstance(lock.fingerprint.variables, dict) else {}
    carried = {name: recorded[name] for name in FOLLOWS_THE_MODEL if name in recorded}
    # The lock is untrusted: a value that does not fit its grammar never reaches the Dockerfile.
    return tuple(
        (name, value) for name, value in sorted(carried.items()) if re.fullmatch(GRAMMAR[name], value)
    )


def _described(lock: Lock, model: str) -> str:
    """What the program in the image needs to know of the model."""
    objects = () if isinstance(lock.custom_objects, Unknown) else lock.custom_objects
    inputs: tuple[TensorSpec, ...] = () if isinstance(lock.inputs, Unknown) else lock.inputs
    return _json(
        {
            "model": model,
            "is_saved_model": lock.loader == SAVED_MODEL_LOADER,
            "inputs": [{"name": spec.name, "dtype": spec.dtype} for spec in inputs],
            "custom_objects": [[item.name, item.module, item.qualname] for item in objects],
        }
    )


def _keras_settings(lock: Lock) -> str:
    keras = lock.fingerprint.keras
    settings: dict[str, str | float] = {}
    if isinstance(keras, Keras):
        known = {
            "backend": keras.backend,
            "epsilon": keras.epsilon,
            "floatx": keras.floatx,
            "image_data_format": keras.image_data_format,
        }
        settings = {key: value for key, value in known.items() if isinstance(value, (str, float))}
    return _json({"epsilon": 1e-7} | settings)


def _missing(lock: Lock) -> list[str]:
    unversioned = [
        f"{package.name}: its version is unknown ({package.version.reason})"
        for package in _installed(lock)
        if isinstance(package.version, Unknown)
    ]
    objects = () if isinstance(lock.custom_objects, Unknown) else lock.custom_objects
    uncaptured = [
        f"{item.qualname}: it was defined in the program itself; move it to a module and save again"
        for item in objects
        if item.module == "__main__"
    ]
    projects = {package.name for package in _listed(lock) if package.role == "project"}
    unpublished = [
        f"{item.qualname}: {item.distribution} was installed from a folder; install it editable, save again"
        for item in objects
        if item.distribution in projects
    ]
    refused = [
        f"{item.qualname}: {item.modules.reason}"
        for item in objects
        if isinstance(item.modules, Unknown) and item.module != "__main__"
    ]
    unknown = [lock.custom_objects.reason] if isinstance(lock.custom_objects, Unknown) else []
    elsewhere = [
        f"{package.name}: it was installed from {package.origin.url}, not from an index"
        for package in _installed(lock)
        if isinstance(package.origin, Origin)
    ]
    return unversioned + uncaptured + unpublished + refused + unknown + elsewhere


def _json(data: object) -> str:
    return json.dumps(data, indent=2, sort_keys=True) + "\n"
