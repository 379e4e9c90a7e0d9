"""A lock for a model that was not saved through envlock: what its files say, and no more than that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from envlock import artifacts, capture, lockfile, saving, store
from envlock._version import __version__
from envlock.artifacts import Reading
from envlock.capture import frameworks, packages
from envlock.custom import named
from envlock.errors import UsageError
from envlock.facts import (
    KERAS_LOADER,
    NOT_RECORDED,
    SAVED_MODEL_LOADER,
    WEIGHTS_LOADER,
    CustomObject,
    Fingerprint,
    Keras,
    Lock,
    Maybe,
    TensorFlow,
    Unknown,
)
from envlock.knowledge.rule import release
from envlock.values import fields, replace

__all__ = ["described", "read", "write"]

_UNSAID = Unknown("the model's files do not say")


def read(path: Path) -> Reading:
    """What the files of a model say, their weights included."""
    reading = artifacts.read(path)
    if reading.content.weights is not NOT_RECORDED:
        return reading
    return replace(reading, content=replace(reading.content, weights=artifacts.weights(path)))


# What a lock knows from the model itself, also where its environment is recorded live.
_OF_MODEL = {"artifact", "canary", "inputs", "outputs", "custom_objects"}


def described(reading: Reading, name: str) -> Lock:
    """What a lock can say of a model that has none: what its files tell, which are not listed themselves."""
    return Lock(
        created_by=f"envlock {__version__}",
        loader=_loader(reading),
        artifact=reading.artifact(name, ()),
        inputs=reading.inputs,
        outputs=reading.outputs,
        custom_objects=named.stated(reading.content, reading.keras_version),
        canary=None,
        attachments=(),
        fingerprint=_stated(reading),
        sources=saving.sources(artifact=_OF_MODEL | {field.name for field in fields(Fingerprint)}),
    )


def write(path: Path, *, from_here: bool) -> Lock:
    """
    Write the lock of a model that has none; the lock.

    With `from_here` the running environment is recorded as the one that the model belongs to.
    It appears whole or not at all, and the model itself is not touched. `StoreError`: nothing can be
    written beside it.
    """
    where = lockfile.place(path)
    saving.refuse_what_is_not_ours(where)
    if where.attachments.exists():  # of a lock that was removed: it may hold stored rows and code
        raise UsageError(f"{where.attachments.name} is there already", hint="move it away first")
    reading = read(where.model)
    lock = described(reading, where.model.name)
    files = store.describe(where.model, without=where.inside)
    lock = replace(lock, artifact=reading.artifact(where.model.name, files))
    if from_here:
        environment = _here(lock.custom_objects)
        lock = replace(lock, fingerprint=environment, sources=saving.sources(artifact=_OF_MODEL))
    with store.staged(where.lock) as stage:
        attachments = stage.folder / where.attachments.name
        attachments.mkdir()
        saving.write_text(attachments / lockfile.ARCHITECTURE, lockfile.content_text(reading.content))
        lock = replace(lock, attachments=store.describe(attachments))
        saving.write_text(stage.folder / where.lock.name, lockfile.dumps(lock))
        stage.commit(where.attachments.name, where.lock.name)
    return lock


def _loader(reading: Reading) -> str:
    if reading.format == "weights":
        return WEIGHTS_LOADER
    is_graph = reading.format == "saved-model" and not reading.content.has_keras_metadata
    return SAVED_MODEL_LOADER if is_graph else KERAS_LOADER


def _here(objects: Maybe[tuple[CustomObject, ...]]) -> Fingerprint:
    distributions = packages.installed()
    roots = saving.runtime_roots(capture.asked(frameworks.keras, distributions), objects)
    return capture.fingerprint(distributions, packages.with_roles(distributions, runtime=roots))


def _stated(reading: Reading) -> Fingerprint:
    """The environment as far as the files tell it: which Keras and TensorFlow wrote them."""
    unsaid: dict[str, Any] = dict.fromkeys((field.name for field in fields(Fingerprint)), _UNSAID)
    stated = {"keras": _stated_keras(reading), "tensorflow": _stated_tensorflow(reading)}
    return Fingerprint(**(unsaid | stated))


def _stated_keras(reading: Reading) -> Maybe[Keras | None]:
    version = reading.keras_version
    if not isinstance(version, str):
        return _UNSAID if version is None else version
    stamps = reading.stamps if isinstance(reading.stamps, dict) else {}
    # tf-keras took over from Keras 2.15, under the numbers of TensorFlow.
    return Keras(
        provider="tf-keras" if (2, 16) <= release(version) < (3,) else "keras",
        version=version,
        backend=stamps.get("backend", _UNSAID),
        floatx=_UNSAID,
        image_data_format=_UNSAID,
        dtype_policy=_UNSAID,
    )


def _stated_tensorflow(reading: Reading) -> Maybe[TensorFlow | None]:
    version = reading.tensorflow_version
    if not isinstance(version, str):
        return _UNSAID if version is None else version
    return TensorFlow(distribution=_UNSAID, version=version, cuda=_UNSAID, cudnn=_UNSAID)
