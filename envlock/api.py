"""
The jobs: save, load, lock, diff, verify, dockerfile, build.

Each is a dozen lines that name the steps: look, think, write. What only saving and building need is
imported there, so that a diff does not pay for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envlock import judging, keras_bridge, lockfile, redact, store, targets
from envlock import trust as trusting
from envlock.errors import ArtifactError, ImageError, LockError, MismatchError, TargetError, UsageError
from envlock.facts import KERAS_LOADER, WEIGHTS_LOADER, Content, Fingerprint, Lock
from envlock.judging import Subject
from envlock.knowledge import tables
from envlock.notices import CustomCodeWarning, MismatchWarning, attach, object_to, warn_of_code
from envlock.report import BREAKS, DRIFTS, Inspected, Report
from envlock.values import replace
from envlock.views import machine, text

__all__ = [
    "CustomCodeWarning",
    "MismatchWarning",
    "build",
    "check",
    "described",
    "diff",
    "dockerfile",
    "inspect",
    "load_model",
    "lock",
    "refuse_unsafe",
    "save_model",
    "verify",
    "warn_of_code",
]

if TYPE_CHECKING:
    from envlock.emit.image_plan import ImagePlan

AnyPath = str | PathLike[str]


def save_model(
    model: Any,
    path: AnyPath,
    *,
    example: Any = None,
    canaries: int = 3,
    custom_objects: Mapping[str, Any] | None = None,
    overwrite: bool = True,
    **keras_arguments: Any,
) -> Lock:
    """
    Save a Keras model as Keras would, and lock it; the lock.

    `path` ends in `.keras` or `.h5`, or names a folder for a SavedModel (`model.export` under Keras
    3, `model.save` under Keras 2). Model, lock and attachments appear together or not at all.

    `example` holds inputs as the model takes them, of shape (n, …): an array, a list of arrays in
    the order of the inputs, or a mapping by their names. The first `canaries` rows and the outputs
    for them are stored with the lock, to be replayed later; without an example inputs are drawn from
    a fixed seed. `canaries=0` stores none. `custom_objects` names classes and functions that the
    search does not find. All other arguments go to Keras.

    What Keras raises passes through. `StoreError`: the folder cannot be written. `UsageError`: the
    example does not fit the inputs.
    """
    from envlock import saving

    target = _local(path)
    keras_bridge.keras_of(model)
    if canaries < 0:
        raise UsageError(f"canaries is {canaries}, expected a number of rows")
    if not overwrite and target.exists():
        raise UsageError(f"{target.name} exists and overwrite=False was given")
    given = saving.Recording(example=example, canaries=canaries, custom_objects=custom_objects)
    _, (_, problems) = saving.save_locked(
        model,
        target,
        lambda staged: keras_bridge.save(model, staged, keras_arguments),
        partial(saving.record, given=given),
    )
    saved = judging.subject(target)
    same = targets.Target("the environment that it was saved in", saved.fingerprint)
    warn_of_code(target.name, problems, stacklevel=2)
    object_to(judging.judge(saved, same), saved, "warn")
    return _lock_of(target)


def load_model(
    path: AnyPath,
    *,
    on_mismatch: str = "warn",
    custom_objects: Mapping[str, Any] | None = None,
    trust: str | Sequence[str] = (),
    verify: bool = False,
    **keras_arguments: Any,
) -> Any:
    """
    Load a model as Keras would, after checking it and the environment; Keras' own model.

    The files are copied to where only this user can write, hashed and compared with the lock
    (`IntegrityError` names one that differs), and inspected: `UnsafeModelError` says what loading them
    would run, read or allocate besides. Then the verdict for this environment is reached. `on_mismatch`
    says what follows from `drifts` and `breaks`: "warn" gives one `MismatchWarning` for each model,
    "raise" a `MismatchError`, "ignore" nothing.

    The model's own classes and functions come from `custom_objects`, else from what is registered, else
    from the module that they were recorded in, else from the source stored with the model, if `trust`
    has "captured"; `CustomObjectError` names each that cannot be had. `trust` may also have "code", for
    what the model itself holds of code, or the digest that `envlock inspect` prints, for both.

    Keras' settings for the whole process (dtype policy, registry, safe mode, seed, …) are as before
    afterwards, or the load is refused. With `verify=True` the stored inputs are replayed, and
    `MismatchError` is raised when the outputs differ. All other arguments go to Keras.

    What Keras raises passes through with the report attached as a note.
    """
    if on_mismatch not in {"warn", "raise", "ignore"}:
        raise UsageError(f'on_mismatch is {on_mismatch!r}, expected "warn", "raise" or "ignore"')
    from envlock import opening

    seen = judging.subject(_local(path))
    given = dict(custom_objects or {})
    with opening.opened(seen, trusting.stated(trust), keras_arguments) as found:
        arguments = opening.arguments_for(found, keras_arguments)
        report = opening.report_here(seen, given=given, loader=KERAS_LOADER, trust=found.trust)
        report = judging.without_avoided(report, arguments)
        object_to(report, seen, on_mismatch)
        try:
            model = opening.loaded(found, given, arguments)
        except Exception as error:
            attach(error, report)
            raise
    if verify:
        _prove(seen, report, model)
    return model


def _prove(seen: Subject, report: Report, model: Any) -> None:
    """`MismatchError` where the model gives other outputs than were stored."""
    from envlock import proving

    proved = proving.proved(seen, report, lambda arrays: keras_bridge.call(model, arrays))
    if proved.proof is None:
        raise LockError(f"{seen.artifact.name} cannot be verified: {proved.unknown['canary']}")
    if proved.proof.difference > proved.proof.tolerance:
        raise MismatchError(text.concise(proved))


def check(path: AnyPath, *, on_mismatch: str = "warn", loader: str = KERAS_LOADER) -> Report:
    """
    What `load_model` does before it lets Keras load: digests, verdict, warning or `MismatchError`.

    `loader` is the call that will read the model: `keras.load_model` or `tf.saved_model.load`.
    """
    from envlock import opening

    seen = judging.subject(_local(path))
    judging.refuse_damage(seen)
    trust = trusting.stated(()).covers(opening.trusted_digest(seen))
    opening.refuse_hazards(seen.artifact.name, judging.inspected(seen.place.model), trust, {})
    report = opening.report_here(seen, given={}, loader=loader)
    object_to(report, seen, on_mismatch)
    return report


def refuse_unsafe(path: AnyPath, keras_arguments: Mapping[str, Any]) -> None:
    """`UnsafeModelError` for a model, locked or not, that would run, read or allocate what nobody trusted."""
    from envlock import opening

    model = _local(path)
    opening.refuse_hazards(model.name, judging.inspected(model), trusting.stated(()), keras_arguments)


def lock(path: AnyPath, *, from_here: bool = False) -> Lock:
    """
    The lock of the model at `path`, which is written first where it has none.

    Such a lock holds what the model's files say: of the environment only which Keras or TensorFlow
    wrote them. With `from_here=True` the running environment is recorded with it, for a model that is
    known to work in it. `lock.sources` says of each part where it comes from.

    `ArtifactError`: there is no model at `path`. `UsageError`: `from_here=True` for a model that has a
    lock already. `StoreError`: nothing can be written beside it.
    """
    from envlock import locking

    where = lockfile.place(_local(path))
    if not where.lock.exists():
        locking.write(where.model, from_here=from_here)
        return lockfile.read(where.lock)
    if from_here:
        hint = f"move it and {where.attachments.name} away first if this environment is to stand in it"
        raise UsageError(f"{where.model.name} has a lock already", hint=hint)
    return lockfile.read(where.lock)


def described(path: AnyPath) -> tuple[Lock, Content]:
    """
    The lock of the model at `path` and what is in the model, without writing anything.

    A model without a lock is described by its files; they are not hashed.
    """
    where = lockfile.place(_local(path))
    if where.lock.exists():
        seen = judging.subject(where.model)
        return lockfile.read(where.lock), seen.content
    from envlock import locking

    reading = locking.read(where.model)
    return locking.described(reading, where.model.name), reading.content


def inspect(path: AnyPath, *, approve: bool = False) -> Inspected:
    """
    What loading the model at `path` would run, read or allocate; nothing of it is loaded.

    `approve=True` approves its digest: `load_model` and `verify` trust it from now on. `IntegrityError`: a
    file that is to be approved is not as it was locked.
    """
    from envlock import opening

    try:
        seen = judging.subject(_local(path))
    except ArtifactError:  # what cannot be read is inspected all the same, and is nothing to approve
        if approve or not _local(path).exists():
            raise
        return opening.inspected_bytes(_local(path))
    if not approve:
        return opening.inspected(seen)
    with opening.private(seen) as copy:
        found = opening.inspected(copy)
    trusting.approve(found.digest, seen.artifact.name)
    return replace(found, is_approved=True)


def diff(
    path: AnyPath,
    against: str | PathLike[str] | Fingerprint | None = None,
    *,
    custom_objects: str = "available",
    content: bool = False,
    suggest: bool = False,
) -> Report:
    """
    What happens to the model at `path` in another environment; TensorFlow is never imported.

    `against` is the running environment (`None`), a lock or a locked model, a requirements file, a
    `.json` file that `envlock show --format json` printed on another machine, an inline list
    ("python==3.11,tensorflow-cpu==2.15.1,KERAS_BACKEND=jax"), or a `Fingerprint`.
    `custom_objects="missing"` asks what happens where the model's own code cannot be had. The
    model's files are compared with the lock by size, and with `content=True` by digest. With
    `suggest=True` the `suggestions` of a report with bad news name the nearest environments in which the
    model loads with the same numbers.

    `ArtifactError`: there is no model at `path`. `LockError`: its lock cannot be used. `TargetError`:
    `against` cannot be understood.
    """
    if custom_objects not in ("available", "missing"):
        raise UsageError(f'custom_objects is {custom_objects!r}, expected "available" or "missing"')
    seen = judging.subject(Path(path))
    compared = Path(against) if isinstance(against, PathLike) else against
    target = targets.target(compared, seen.fingerprint)
    if against is not None and (reason := judging.unjudged(seen, target)):
        raise TargetError(
            reason, hint=f"it has them of {tables.span()}; a newer one asks for a newer envlock"
        )
    report = judging.judge(
        seen, target, custom_objects=custom_objects, broken=judging.damage(seen, hashed=content)
    )
    report = judging.with_hazards(report, judging.inspected(seen.place.model))
    if not suggest or report.verdict not in {DRIFTS, BREAKS}:
        return report
    from envlock import suggesting

    near = suggesting.suggestions(seen, target.fingerprint, custom_objects=custom_objects)
    return replace(report, suggestions=near, findings=tuple(map(suggesting.without_advice, report.findings)))


def verify(path: AnyPath, *, trust: str | Sequence[str] = (), isolated: bool = True) -> Report:
    """
    Check the model's digests, load it here and replay its canaries; the report with the proof.

    That is done in a process of its own which can write nowhere but to a scratch folder and reaches no
    network, as far as the kernel offers that; `report.gaps` says what it does not. `isolated=False` does it
    in this process, with the classes that are registered in it. `trust` is that of `load_model`.

    `IntegrityError` names a file that is not as it was locked, `UnsafeModelError` what nobody said to trust.
    A load that fails and outputs that differ are findings (`EL002`, `EL003`), not exceptions.
    """
    from envlock import verifying

    trusting.stated(trust)
    seen = judging.subject(Path(path))
    _refuse_unlocked(seen)
    if seen.loader == WEIGHTS_LOADER:
        hint = "verify the whole model that they belong to"
        raise UsageError(f"{seen.artifact.name} holds weights alone, which cannot be called", hint=hint)
    return verifying.apart(seen, trust) if isolated else verifying.here(seen, trust)


def dockerfile(path: AnyPath, *, base: str | None = None, context: AnyPath | None = None) -> str:
    """
    The Dockerfile of the image for the model at `path`; the same lock gives the same text.

    With `context` the whole build context is written there as a tar, for `docker build - < FILE`.
    `LockError`: the model has no lock. `ImageError` names what the image could not carry.
    """
    from envlock import image
    from envlock.emit.dockerfile import dockerfile as dockerfile_text

    seen = judging.subject(Path(path))
    plan = _plan(seen, base)
    if context is not None:
        judging.refuse_damage(seen)
        with Path(context).open("wb") as file:
            image.write_context(file, plan, seen.place)
    return redact.clean(dockerfile_text(plan))


def build(
    path: AnyPath,
    tag: str,
    *,
    base: str | None = None,
    network: str = "host",
    say: Callable[[str], None] = lambda _: None,
) -> Report:
    """
    Build the image for the model at `path` as `tag`, and prove it: the report from inside it.

    A container of the image, without network, loads the model, replays the stored inputs and
    compares. `network` is the engine's network that the build downloads packages through, `say` is
    told each step. `IntegrityError`: a file is not as it was locked. `ImageError`: no engine
    answers, or a step failed.
    """
    from envlock import image

    seen = judging.subject(Path(path))
    judging.refuse_damage(seen)
    plan = _plan(seen, base)
    with image.engine() as client:
        image.build(client, plan, seen.place, tag=tag, network=network, say=say)
        say("proving: the stored inputs are replayed in a container")
        proved = image.prove(client, tag, seen.place.model.name)
    try:
        return replace(machine.parse_report(proved.output), target=f"image {tag}")
    except ValueError:
        told = "\n".join([*proved.output.strip().splitlines()[-3:], *proved.log.strip().splitlines()[-5:]])
        raise ImageError(f"the check inside the image ended with {proved.code}\n{told}") from None


def _local(path: AnyPath) -> Path:
    if not fspath(path):
        raise UsageError("'' names no model")
    if "://" in fspath(path):
        raise UsageError(
            f"{fspath(path)} is no local path", hint="save locally and copy the model with its lock"
        )
    return Path(path) if Path(path).name else Path(path).resolve()


def _lock_of(path: Path) -> Lock:
    return lockfile.read(lockfile.place(path).lock)


def _refuse_unlocked(seen: Subject) -> Lock:
    if seen.lock is None:
        hint = "save it with envlock.save_model, or write one here with envlock lock --from-here"
        raise LockError(f"{seen.artifact.name} has no lock beside it", hint=hint)
    return seen.lock


def _plan(seen: Subject, base: str | None) -> ImagePlan:
    from envlock.emit import image_plan

    return image_plan.plan(
        _refuse_unlocked(seen),
        model=seen.place.model.name,
        lock_digest=store.sha256(seen.place.lock),
        base=base,
    )
