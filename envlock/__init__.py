"""
envlock: save a Keras model with its environment, and know what happens to it anywhere else.

    envlock.save_model(model, "house.keras")
    envlock.diff("house.keras").verdict
    envlock.load_model("house.keras")

Importing this module imports none of TensorFlow, NumPy, h5py or docker: each name is fetched when
it is first used.
"""

from __future__ import annotations

from envlock._version import __version__

# `typing` would cost more to import than all the rest here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from envlock.api import (
        CustomCodeWarning,
        MismatchWarning,
        build,
        diff,
        dockerfile,
        inspect,
        load_model,
        lock,
        save_model,
        verify,
    )
    from envlock.errors import (
        ArtifactError,
        CustomObjectError,
        EnvlockError,
        IntegrityError,
        LockError,
        MismatchError,
        StoreError,
        TargetError,
        UnsafeModelError,
        UsageError,
    )
    from envlock.hooks import install, uninstall

__all__ = [
    "ArtifactError",
    "CustomCodeWarning",
    "CustomObjectError",
    "EnvlockError",
    "IntegrityError",
    "LockError",
    "MismatchError",
    "MismatchWarning",
    "StoreError",
    "TargetError",
    "UnsafeModelError",
    "UsageError",
    "__version__",
    "build",
    "diff",
    "dockerfile",
    "inspect",
    "install",
    "load_model",
    "lock",
    "save_model",
    "uninstall",
    "verify",
]

_HOMES = {
    "ArtifactError": "envlock.errors",
    "CustomObjectError": "envlock.errors",
    "EnvlockError": "envlock.errors",
    "IntegrityError": "envlock.errors",
    "LockError": "envlock.errors",
    "MismatchError": "envlock.errors",
    "StoreError": "envlock.errors",
    "TargetError": "envlock.errors",
    "UnsafeModelError": "envlock.errors",
    "UsageError": "envlock.errors",
    "install": "envlock.hooks",
    "uninstall": "envlock.hooks",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'envlock' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES.get(name, "envlock.api")), name)


def __dir__() -> list[str]:
    return __all__
