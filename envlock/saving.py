"""What is recorded when a model is saved, and the lock that holds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from envlock import artifacts, capture, keras_bridge, lockfile, store
from envlock._version import __version__
from envlock.artifacts import Reading, hdf5
from envlock.capture import packages
from envlock.contract import canary
from envlock.custom import find, source
from envlock.errors import ArtifactError, UsageError
from envlock.facts import (
    KERAS_LOADER,
    SAVED_MODEL_LOADER,
    Artifact,
    Canary,
    CustomObject,
    Fingerprint,
    Lock,
    Maybe,
    TensorFlow,
    Unknown,
)

__all__ = ["Recording", "holds_something_else", "record", "save_locked"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """What the caller gave to be recorded with a model."""

    example: Any = None
    canaries: int = 3
    custom_objects: Mapping[str, Any] | None = None


def holds_something_else(target: Path) -> bool:
    """Whether `target` is a folder with files in it that is no SavedModel, and so not to be replaced."""
    return target.is_dir() and any(target.iterdir()) and not (target / "saved_model.pb").exists()


def save_locked(
    model: Any, target: Path, save: Callable[[Path], Any], record: Callable[[Any, lockfile.Place, str], Any]
) -> Any:
    """
    Let `save` write the model into a stage, `record` what it wrote, move both into place.

    What `save` returns comes back. `record` is called with the model, the place and the loader that
    reads it back.
    """
    if holds_something_else(target):
        raise UsageError(f"{target.name} is a folder that holds something else", hint="choose another path")
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
        # Keras reads a folder back only where Keras 2 left its description in it.
        is_graph = staged.is_dir() and not (staged / "keras_metadata.pb").exists()
        record(model, where, SAVED_MODEL_LOADER if is_graph else KERAS_LOADER)
        stage.commit(
            *([staged.name] if staged.is_dir() else [staged.name, where.attachments.name, where.lock.name])
        )
    return result


def record(model: Any, where: lockfile.Place, loader: str, *, given: Recording) -> Lock:
    """
    Read back the model saved at `where`, fingerprint the environment, write lock and attachments.

    `where` lies in a stage; nothing is visible to others before it is committed.
    """
    reading = _read_back(where.model)
    distributions = packages.installed()
    objects = find.custom_objects(
        model,
        reading.content,
        name_of=keras_bridge.registered_name,
        passed=dict(given.custom_objects or {}),
        distributions=distributions,
    )
    files = store.describe(where.model)
    where.attachments.mkdir(exist_ok=True)
    architecture = lockfile.content_text(reading.content)
    (where.attachments / lockfile.ARCHITECTURE).write_text(architecture, encoding="utf-8", newline="\n")
    _capture_code(objects, where.attachments / "code")
    lock = Lock(
        created_by=f"envlock {__version__}",
        loader=loader,
        artifact=Artifact(
            name=where.model.name,
            format=reading.format,
            files=files,
            keras_version=reading.keras_version,
            tensorflow_version=reading.tensorflow_version,
        ),
        inputs=_either(keras_bridge.inputs(model), reading.inputs),
        outputs=_either(keras_bridge.outputs(model), reading.outputs),
        custom_objects=objects,
        canary=_record_canary(model, where.attachments / canary.FILE, given),
        attachments=store.describe(where.attachments),
        fingerprint=_fingerprint(model, distributions, objects),
    )
    where.lock.write_text(lockfile.dumps(lock), encoding="utf-8", newline="\n")
    return lock


def _read_back(path: Path) -> Reading:
    # What this process has just written needs no child process to be read.
    reader = artifacts.reader(path)
    return hdf5.read_trusted(path) if reader is hdf5 else reader.read(path)


def _either(stated: Maybe[Any], read: Maybe[Any]) -> Maybe[Any]:
    return read if isinstance(stated, Unknown) and not isinstance(read, Unknown) else stated


def _capture_code(objects: Maybe[tuple[CustomObject, ...]], folder: Path) -> None:
    """Copy the local modules that custom objects need, under the names they are imported by."""
    names = {module for item in objects for module in item.modules} if isinstance(objects, tuple) else set()
    for name in sorted(names):
        file = source.locate(name)
        if file is not None:
            target = folder / name.replace(".", "/")
            target = target / "__init__.py" if file.name == "__init__.py" else target.with_suffix(".py")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())


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
    seen = capture.fingerprint(distributions)
    live = keras_bridge.facts(keras_bridge.keras_of(model))
    roots = {live.provider, "numpy"}
    if isinstance(seen.tensorflow, TensorFlow):
        roots.add(seen.tensorflow.distribution)
    if isinstance(objects, tuple):
        roots |= {name for item in objects for name in (*item.imports, item.distribution) if name}
    if live.backend in {"jax", "torch"}:
        roots.add(str(live.backend))
    return replace(seen, keras=live, packages=packages.with_roles(distributions, runtime=roots))
