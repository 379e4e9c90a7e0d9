"""What is recorded when a model is saved, and the lock that holds it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from envlock import artifacts, capture, codec, keras_bridge, keras_state, lockfile, redact, store
from envlock._version import __version__
from envlock.artifacts import Reading, hdf5
from envlock.capture import frameworks, packages
from envlock.contract import canary
from envlock.custom import recorded
from envlock.errors import ArtifactError, EnvlockError, UsageError
from envlock.facts import (
    ARTIFACT,
    KERAS_LOADER,
    LIVE,
    SAVED_MODEL_LOADER,
    TENSORFLOW_DISTRIBUTIONS,
    Canary,
    Content,
    CustomObject,
    Fingerprint,
    Keras,
    Lock,
    Maybe,
    Unknown,
)
from envlock.values import fields, frozen, replace

__all__ = [
    "Recording",
    "holds_something_else",
    "record",
    "refuse_what_is_not_ours",
    "runtime_roots",
    "save_locked",
    "sources",
    "write_text",
]


@frozen(kw_only=True)
class Recording:
    """What the caller gave to be recorded with a model."""

    example: Any = None
    canaries: int = 3
    custom_objects: Mapping[str, Any] | None = None


def holds_something_else(target: Path) -> bool:
    """Whether `target` is a folder with files in it that is no saved model, and so not to be replaced."""
    is_model = any(reader.matches(target) for reader in artifacts.READERS)
    return target.is_dir() and any(target.iterdir()) and not is_model


def refuse_what_is_not_ours(where: lockfile.Place) -> None:
    """
    `UsageError` for a model that cannot be locked without harm.

    That is one whose name no lock may hold, or beside which something else lies where lock or
    attachments would: what envlock did not write it does not replace.
    """
    if not lockfile.is_plain_path(where.model.name):
        hint = "a backslash, a control character or a drive's letter means something else elsewhere"
        raise UsageError(f"a model called {where.model.name!r} cannot be locked", hint=hint)
    is_lock = lockfile.is_lock(where.lock)
    is_ours = {
        where.lock: is_lock,
        where.attachments: is_lock or (where.attachments / lockfile.ARCHITECTURE).is_file(),
    }
    for path, ours in is_ours.items():
        if (path.exists() or path.is_symlink()) and not ours:
            hint = "move it away first"
            raise UsageError(f"{path.name} is there already, and envlock did not write it", hint=hint)


Recorder = Callable[[Any, lockfile.Place, str], Any]


def save_locked(model: Any, target: Path, save: Callable[[Path], Any], record: Recorder) -> tuple[Any, Any]:
    """
    Let `save` write the model into a stage, `record` what it wrote, move both into place.

    What both return comes back. `record` is called with the model, the place and the loader that reads it
    back.
    """
    if holds_something_else(target):
        raise UsageError(f"{target.name} is a folder that holds something else", hint="choose another path")
    refuse_what_is_not_ours(lockfile.place(target))
    with store.staged(target) as stage:
        staged = stage.folder / target.name
        result = save(staged)
        if not staged.exists():
            raise ArtifactError(f"Keras wrote nothing under the name {target.name}")
        if staged.is_dir() and target.is_file():
            raise UsageError(
                f"{target.name} is a file, and the model is saved as a folder", hint="choose another path"
            )
        where = lockfile.place(staged)
        if staged.is_dir() and target.is_dir():
            _carry_over(target, staged)
        # Keras reads a folder back only where Keras 2 left its description in it.
        is_graph = staged.is_dir() and not (staged / "keras_metadata.pb").exists()
        told = record(model, where, SAVED_MODEL_LOADER if is_graph else KERAS_LOADER)
        stage.commit(
            *([staged.name] if staged.is_dir() else [staged.name, where.attachments.name, where.lock.name])
        )
    return result, told


# What a SavedModel consists of, in any release, and what is envlock's in it.
_OWN = {
    "assets", "envlock", "envlock.toml", "fingerprint.pb", "keras_metadata.pb", "saved_model.pb",
    "saved_model.pbtxt", "variables",
}  # fmt: skip


def _carry_over(old: Path, new: Path) -> None:
    """Keep what others put into a SavedModel's folder, such as `assets.extra`, as TensorFlow's save does."""
    for item in old.iterdir():
        if item.name not in _OWN and not (new / item.name).exists():
            copy = shutil.copytree if item.is_dir() and not item.is_symlink() else shutil.copy2
            copy(item, new / item.name)


def record(
    model: Any, where: lockfile.Place, loader: str, *, given: Recording
) -> tuple[Lock, tuple[str, ...]]:
    """
    Read back the model saved at `where`, fingerprint the environment, write lock and attachments.

    The lock comes back, and what is to be said of code that a load elsewhere will lack. `where` lies in a
    stage; nothing is visible to others before it is committed.
    """
    reading = _read_back(where.model)
    distributions = packages.installed()
    files = store.describe(where.model)
    where.attachments.mkdir(exist_ok=True)
    write_text(where.attachments / lockfile.ARCHITECTURE, lockfile.content_text(reading.content))
    objects, problems = _own_code(model, reading.content, where.attachments, given, distributions)
    inputs = keras_bridge.inputs(model)
    lock = Lock(
        created_by=f"envlock {__version__}",
        loader=loader,
        artifact=reading.artifact(where.model.name, files),
        inputs=_either(inputs, reading.inputs),
        outputs=_either(keras_bridge.outputs(model), reading.outputs),
        custom_objects=objects,
        canary=_record_canary(model, where.attachments / canary.FILE, given),
        attachments=store.describe(where.attachments),
        fingerprint=_fingerprint(model, distributions, objects),
        sources=sources(artifact=("artifact", *(("inputs",) if isinstance(inputs, Unknown) else ()))),
    )
    write_text(where.lock, lockfile.dumps(lock))
    return lock, problems


def _own_code(
    model: Any,
    content: Content,
    attachments: Path,
    given: Recording,
    distributions: Mapping[str, packages.Distribution],
) -> tuple[Maybe[tuple[CustomObject, ...]], tuple[str, ...]]:
    bridge = recorded.Bridge(
        name_of=keras_bridge.registered_name,
        known=keras_bridge.registered_object,
        scope=keras_bridge.scope,
    )
    try:
        with keras_state.names_kept():
            return recorded.record(
                model,
                content,
                attachments / "code",
                bridge=bridge,
                passed=dict(given.custom_objects or {}),
                distributions=distributions,
            )
    except (EnvlockError, OSError):
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - code of the user's may raise anything; the save stands
        shutil.rmtree(attachments / "code", ignore_errors=True)
        reason = f"looking at the model's own code ended with {type(error).__name__}"
        return Unknown(reason), (f"{reason}, and nothing of it was recorded",)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 with line feeds, so that the same text is the same bytes on every system."""
    path.write_text(text, encoding="utf-8", newline="\n")


def _read_back(path: Path) -> Reading:
    # What this process has just written needs no child process to be read.
    reader = artifacts.reader(path)
    return hdf5.read_trusted(path) if reader is hdf5 else reader.read(path)


def _either(stated: Maybe[Any], read: Maybe[Any]) -> Maybe[Any]:
    return read if isinstance(stated, Unknown) and not isinstance(read, Unknown) else stated


def _record_canary(model: Any, path: Path, given: Recording) -> Maybe[Canary | None]:
    if not given.canaries:
        return None
    if keras_bridge.is_stateful(model):
        return Unknown("the model keeps state between calls, so that its outputs do not repeat")
    specs = keras_bridge.inputs(model)
    has_example = given.example is not None
    inputs = (
        canary.from_example(given.example, specs, given.canaries)
        if has_example
        else canary.drawn(specs, given.canaries)
    )
    if isinstance(inputs, Unknown):
        return inputs
    hits = redact.secrets("\n".join(canary.texts(inputs)))
    if hits:
        return Unknown(f"a row of the example holds what looks like a secret ({hits[0].kind})")
    try:
        outputs = keras_bridge.call(model, inputs)
    except Exception as error:  # noqa: BLE001 - a model's own code may raise anything; the save stands
        return Unknown(f"the model could not be called on the inputs: {type(error).__name__}")
    canary.write(path, inputs, outputs)
    return Canary(
        source="example" if has_example else "seeded",
        rows=len(inputs[0]),
        tolerance=canary.tolerance(outputs, in_half=keras_bridge.computes_in_half(model)),
    )


def _fingerprint(
    model: Any, distributions: Mapping[str, packages.Distribution], objects: Maybe[tuple[CustomObject, ...]]
) -> Fingerprint:
    """The environment, with the Keras that the model really is and what is set in this process."""
    keras = keras_bridge.keras_of(model)
    live = capture.asked(lambda installed: frameworks.keras(installed, keras), distributions)
    listed = packages.with_roles(distributions, runtime=runtime_roots(live, objects))
    return replace(capture.fingerprint(distributions, listed), keras=live)


def runtime_roots(keras: Maybe[Keras | None], objects: Maybe[tuple[CustomObject, ...]]) -> set[str]:
    """The distributions that a model imports itself; what they depend on follows."""
    roots = {"numpy", *TENSORFLOW_DISTRIBUTIONS, *_PLUG_INS}
    if isinstance(keras, Keras):
        roots |= {keras.provider, *_OF_BACKEND.get(str(keras.backend), ())}
    if isinstance(objects, tuple):
        roots |= {name for item in objects for name in (*item.imports, item.distribution) if name}
    return roots


# What Keras imports on a backend; its own numpy backend borrows from jax.
_OF_BACKEND = {
    "jax": ("jax",),
    "torch": ("torch",),
    "numpy": ("jax", "scipy"),
    "openvino": ("openvino", "scipy"),
}

# https://github.com/tensorflow/community/blob/master/rfcs/20200624-pluggable-device-for-tensorflow.md:
# TensorFlow loads what lies in its folder of plug-ins, and depends on none.
_PLUG_INS = ("intel-extension-for-tensorflow", "tensorflow-directml-plugin", "tensorflow-metal")


def sources(*, artifact: Iterable[str]) -> dict[str, str]:
    """Which parts of a lock come from the artifact itself; all others are of the live environment."""
    parts = [field.name for field in (*fields(Lock), *fields(Fingerprint)) if field.name not in _NO_FACTS]
    return {codec.outside(name): ARTIFACT if name in artifact else LIVE for name in sorted(parts)}


# The parts of a lock that state nothing about a model or an environment.
_NO_FACTS = {"created_by", "loader", "attachments", "fingerprint", "sources"}
