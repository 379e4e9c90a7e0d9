"""
`install()`: Keras' and TensorFlow's own save and load calls do what envlock's do.

The functions are replaced in every module that holds them, so that a name that was imported
under another path is wrapped too; a name that a program had already taken from Keras is not.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from envlock import api, keras_bridge, lockfile, saving
from envlock.errors import EnvlockError, UsageError
from envlock.facts import SAVED_MODEL_LOADER

__all__ = ["install", "uninstall"]

_replaced: list[tuple[Any, str, Any]] = []


def install(*, on_mismatch: str = "warn") -> None:
    """
    From now on Keras' and TensorFlow's own calls lock what they save and check what they load.

    That is `model.save`, `model.export`, `save_model`, `load_model`, `tf.saved_model.save` and `load`.

    Call it before a program takes these names from Keras. A model without a lock is inspected and loads as
    before; `on_mismatch` is that of `envlock.load_model`. Saving to a place that is no local path is left to
    Keras, with a warning. Calling it again changes nothing; `uninstall()` undoes it.
    """
    if _replaced:
        return
    keras, tensorflow = keras_bridge.keras_in_force(), keras_bridge.tensorflow()
    model = keras.Model
    _everywhere("load_model", keras.models.load_model, _loading(on_mismatch))
    _everywhere("save_model", keras.models.save_model, _saving_function)
    _put(model, "save", _saving_function(model.save))
    if hasattr(model, "export"):
        _put(model, "export", _exporting(model.export))
    _everywhere("save", tensorflow.saved_model.save, _saving_graph)
    _everywhere("load", tensorflow.saved_model.load, _loading_graph(on_mismatch))


def uninstall() -> None:
    """Give Keras and TensorFlow their own functions back."""
    while _replaced:
        owner, name, original = _replaced.pop()
        setattr(owner, name, original)


def _put(owner: Any, name: str, wrapper: Any) -> None:
    _replaced.append((owner, name, owner.__dict__[name] if isinstance(owner, type) else getattr(owner, name)))
    setattr(owner, name, wrapper)


def _everywhere(name: str, original: Any, wrap: Callable[[Any], Any]) -> None:
    wrapper = wrap(original)
    for module in list(sys.modules.values()):
        # Lazy modules import on getattr: only what is already there is looked at.
        held = vars(module).get(name) if hasattr(module, "__dict__") else None
        if held is original and module.__name__.partition(".")[0] in {"keras", "tf_keras", "tensorflow"}:
            _put(module, name, wrapper)


def _saving_function(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap `save(model, path, …)`, as a function or as a method of the model."""

    @functools.wraps(original)
    def save(model: Any, filepath: Any, *positional: Any, **arguments: Any) -> Any:
        named = _named(original, positional, arguments, after=2)
        return _save(model, filepath, functools.partial(original, model), named)

    return save


def _exporting(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def export(self: Any, filepath: Any, *positional: Any, **arguments: Any) -> Any:
        named = _named(original, positional, arguments, after=2)
        if "verbose" in inspect.signature(original).parameters:
            named = {"verbose": False} | named  # it would name the stage, which is gone by then
        return _save(self, filepath, functools.partial(original, self), named)

    return export


def _saving_graph(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def save(obj: Any, export_dir: Any, *positional: Any, **arguments: Any) -> Any:
        named = _named(original, positional, arguments, after=2)
        try:
            keras_bridge.keras_of(obj)
        except TypeError:  # TensorFlow saves more than Keras models; those are its own affair
            return original(obj, export_dir, **named)
        return _save(obj, export_dir, functools.partial(original, obj), named)

    return save


def _save(model: Any, path: Any, original: Callable[..., Any], named: Mapping[str, Any]) -> Any:
    """Save through a stage and lock what was written; without a lock where that cannot be."""
    target = None if keras_bridge.is_inside_envlock() else _target(path)
    # An existing file that is not to be overwritten is Keras' own to ask or refuse about.
    if target is None or (target.exists() and named.get("overwrite") is False):
        return original(path, **named)
    with keras_bridge.inside_envlock():
        result, _ = saving.save_locked(model, target, lambda staged: original(str(staged), **named), _record)
        return result


def _record(model: Any, where: lockfile.Place, loader: str) -> None:
    """Write the lock; the model is kept whatever happens to it."""
    try:
        _, problems = saving.record(model, where, loader, given=saving.Recording())
        api.warn_of_code(where.model.name, problems, stacklevel=6)
    except Exception as error:  # noqa: BLE001 - a checkpoint of hours is not lost because it was not locked
        problem = error if isinstance(error, EnvlockError) else f"{type(error).__name__}: {error}"
        warnings.warn(f"{where.model.name} is saved without a lock: {problem}", stacklevel=6)


def _named(
    original: Callable[..., Any], positional: tuple[Any, ...], arguments: Mapping[str, Any], *, after: int
) -> dict[str, Any]:
    """All arguments that follow the first `after` by their names."""
    names = list(inspect.signature(original).parameters)[after:]
    return dict(zip(names, positional, strict=False)) | dict(arguments)


def _loading(on_mismatch: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def load_model(filepath: Any, *positional: Any, **arguments: Any) -> Any:
            named = _named(original, positional, arguments, after=1)
            if keras_bridge.is_inside_envlock():
                return original(filepath, **named)
            if not _has_lock(filepath):
                if _is_here(filepath):
                    api.refuse_unsafe(filepath, named)
                return original(filepath, **named)
            return api.load_model(filepath, on_mismatch=on_mismatch, **named)

        return load_model

    return wrap


def _loading_graph(on_mismatch: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def load(export_dir: Any, *positional: Any, **arguments: Any) -> Any:
            if not keras_bridge.is_inside_envlock() and _has_lock(export_dir):
                api.check(export_dir, on_mismatch=on_mismatch, loader=SAVED_MODEL_LOADER)
            with keras_bridge.inside_envlock():
                return original(export_dir, *positional, **arguments)

        return load

    return wrap


def _target(path: Any) -> Path | None:
    """The local path that is saved to, `None` where only Keras knows what it is."""
    try:
        name = os.fspath(path)
    except TypeError:
        return None
    if not isinstance(name, str) or "://" in name:
        warnings.warn(f"{name!r} is no local path; the model is saved without a lock", stacklevel=4)
        return None
    if saving.holds_something_else(Path(name)):
        warnings.warn(f"{name} holds something else; the model is saved into it without a lock", stacklevel=4)
        return None
    try:
        saving.refuse_what_is_not_ours(lockfile.place(Path(name)))
    except UsageError as error:
        warnings.warn(f"{error.message}; the model is saved without a lock", stacklevel=4)
        return None
    return Path(name)


def _is_here(path: Any) -> bool:
    try:
        return Path(path).exists()
    except (TypeError, OSError, ValueError):
        return False


def _has_lock(path: Any) -> bool:
    try:
        name = os.fspath(path)
    except TypeError:
        return False
    return isinstance(name, str) and "://" not in name and lockfile.place(Path(name)).lock.exists()
