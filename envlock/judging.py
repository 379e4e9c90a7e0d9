"""One saved model against one target: everything that a report is made of, put together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envlock import artifacts, knowledge, lockfile, store
from envlock.changes import changes
from envlock.errors import ArtifactError, IntegrityError
from envlock.facts import (
    KERAS_LOADER,
    SAVED_MODEL_LOADER,
    WEIGHTS_LOADER,
    Artifact,
    ArtifactFile,
    Content,
    CustomObject,
    Fingerprint,
    Keras,
    Lock,
    Maybe,
    TensorFlow,
    Unknown,
    find_unknowns,
)
from envlock.knowledge import Comparison, Finding, Severity, loading, packages
from envlock.report import BREAKS, Report, verdict_of
from envlock.targets import Target
from envlock.values import fields, frozen, replace

if TYPE_CHECKING:
    from envlock.inspection import Inspection

__all__ = [
    "Subject",
    "damage",
    "hazards_of",
    "inspected",
    "judge",
    "reconsidered",
    "refuse_damage",
    "subject",
    "unjudged",
    "with_hazards",
    "without_avoided",
]

_UNLOCKED = Unknown("the model has no lock")


@frozen
class Subject:
    """
    A saved model with what is known of it: its lock, or without one what the files say.

    `own_code` is the user's code that it needs, as far as it was recorded.
    """

    place: lockfile.Place
    lock: Lock | None
    artifact: Artifact
    content: Content
    own_code: Maybe[tuple[CustomObject, ...]]

    @property
    def fingerprint(self) -> Fingerprint:
        """Where it was saved; all unknown without a lock."""
        if self.lock:
            return self.lock.fingerprint
        return Fingerprint(**dict.fromkeys((field.name for field in fields(Fingerprint)), _UNLOCKED))

    @property
    def custom_objects(self) -> tuple[CustomObject, ...]:
        """The user's code that it needs, as far as that is known."""
        return self.own_code if isinstance(self.own_code, tuple) else ()

    @property
    def loader(self) -> str:
        """The loader recorded at save; without a lock Keras' own, or of weights alone theirs."""
        if self.lock:
            return self.lock.loader
        return WEIGHTS_LOADER if self.artifact.format == "weights" else KERAS_LOADER


def subject(path: Path) -> Subject:
    """The saved model at `path`, or the one whose lock lies at `path`."""
    where = lockfile.place(path)
    if not where.model.exists():
        raise ArtifactError(f"{where.model} does not exist")
    if where.lock.exists():
        lock = lockfile.read(where.lock)
        content = lockfile.read_content(where) or artifacts.read(where.model).content
        return Subject(where, lock, lock.artifact, content, lock.custom_objects)
    found = _unlocked(where, artifacts.stamp(where.model))
    if isinstance(found.content.config, Unknown):  # it may be read better the next time
        _unlocked.cache_clear()
    return found


@lru_cache(maxsize=64)
def _unlocked(where: lockfile.Place, _: artifacts.Stamp) -> Subject:
    """
    A model without a lock, by its files.

    One that is asked about again, as when it is compared with many targets, is read once, as long as its
    files stay as they are.
    """
    from envlock.custom import named  # reads the whole architecture

    reading = artifacts.read(where.model)
    artifact = reading.artifact(where.model.name, ())
    own = named.stated(reading.content, artifact.keras_version)
    return Subject(where, None, artifact, reading.content, own)


def damage(seen: Subject, *, hashed: bool) -> dict[str, str]:
    """
    What is wrong with each file that is not as it was locked, by its path.

    Sizes are always compared; contents are read only when `hashed`.
    """
    if seen.lock is None:
        return {}
    where = seen.place
    locked = seen.lock.artifact.files
    sizes = store.file_sizes(where.model, without=where.inside)
    root = where.model.parent if where.model.is_file() else where.model
    if where.model.is_file() and len(locked) == 1:  # a file may be renamed, together with its lock
        locked = (replace(locked[0], path=where.model.name),)
    found = _compare(locked, sizes, root, hashed=hashed)
    found |= dict.fromkeys(sizes.keys() - {file.path for file in locked}, "was not there when it was locked")
    attached = store.file_sizes(where.attachments) if where.attachments.is_dir() else {}
    return found | _compare(seen.lock.attachments, attached, where.attachments, hashed=hashed)


def _compare(
    locked: tuple[ArtifactFile, ...], sizes: Mapping[str, int], root: Path, *, hashed: bool
) -> dict[str, str]:
    found = {}
    for file in locked:
        if file.path not in sizes:
            found[file.path] = "is missing"
        elif sizes[file.path] != file.size:
            found[file.path] = f"has {sizes[file.path]} bytes, {file.size} were locked"
        elif hashed and store.sha256(root / file.path) != file.sha256:
            found[file.path] = "has another sha256 than was locked"
    return found


def refuse_damage(seen: Subject) -> None:
    """`IntegrityError` naming the first file that is not as it was locked; every byte is read."""
    found = damage(seen, hashed=True)
    if found:
        name, problem = next(iter(found.items()))
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        hint = "restore the files that were locked, or save the model again"
        raise IntegrityError(
            f"{seen.artifact.name} is not the model that was locked: {name} {problem}{more}", hint=hint
        )


def judge(
    seen: Subject,
    target: Target,
    *,
    custom_objects: str = "available",
    live: Mapping[str, Any] | None = None,
    has_stored: bool = False,
    refused: Collection[str] = (),
    broken: Mapping[str, str] | None = None,
) -> Report:
    """
    The report for a model and a target.

    `custom_objects` is `available` or `missing`; `live` holds those that this very process has, by the names
    that they were given or registered under: of their modules nothing is asked. `has_stored` tells that the
    source which was captured with the model stands in for what is not here; `refused` names the objects whose
    modules a load would not import. `broken` is what `damage` gives.
    """
    objects, code, edits = _code(seen, target, custom_objects, live)
    code |= dict.fromkeys(refused, _MISSING)
    if has_stored:
        code |= {name: _PRESENT for name, state in code.items() if state == _MISSING}
    differences = changes(seen.fingerprint, target.fingerprint)
    comparison = knowledge.Comparison(
        locked=seen.fingerprint,
        current=target.fingerprint,
        artifact=seen.artifact,
        content=seen.content,
        changes=differences,
        custom_objects=objects,
        code=code,
        edits=edits,
        damage=broken or {},
        is_code_missing=custom_objects == "missing",
        own_code=_unknown_code(seen).get("custom-objects", ""),
    )
    findings = knowledge.judge(comparison)
    findings += _with_tf_keras(comparison, findings)
    is_known = _is_known(seen.fingerprint) and not _unknown_code(seen)
    differs = bool(differences) or not is_known
    loaders = {loader: verdict_of(findings, loader, differs=differs) for loader in _loaders(seen)}
    return Report(
        subject=seen.artifact.name,
        loader=seen.loader,
        verdict=loaders[seen.loader],
        loaders=loaders,
        findings=findings,
        changes=differences,
        unknown=_unknowns(seen, target),
        saved_with=_saved_with(seen),
        target=target.name,
        is_locked=is_known,
    )


def inspected(path: Path) -> Inspection:
    """What loading the model at `path` would do, read once as long as its files stay as they are."""
    return _inspected(path, artifacts.stamp(path))


@lru_cache(maxsize=64)
def _inspected(path: Path, _: artifacts.Stamp) -> Inspection:
    from envlock.inspection import inspect  # a save judges what it wrote, and need not look for harm in it

    return inspect(path)


def with_hazards(report: Report, found: Inspection) -> Report:
    """The report with what an inspection of the model told."""
    return replace(report, inspection=found.verdict, hazards=hazards_of(found))


def hazards_of(found: Inspection) -> tuple[Finding, ...]:
    """What an inspection told, as findings; of no loader, since no verdict is made of them."""
    return tuple(
        Finding(
            code=item.code,
            severity=Severity.ERROR,
            subject=item.subject,
            message=item.message,
            remedy=item.remedy,
            loaders=(),
        )
        for item in found.hazards
    )


def unjudged(seen: Subject, target: Target) -> str:
    """Why nothing can be said of the target's releases, empty where something can."""
    comparison = knowledge.Comparison(
        locked=seen.fingerprint, current=target.fingerprint, artifact=seen.artifact, content=seen.content
    )
    keras, tensorflow = target.fingerprint.keras, target.fingerprint.tensorflow
    told = "; ".join(loading.passed_over(comparison).values())
    is_named = isinstance(keras, Keras) and isinstance(keras.version, str)
    if told and not is_named and isinstance(tensorflow, TensorFlow):
        return f"TensorFlow {tensorflow.version} is far from all that envlock has tables of"
    return told


def _with_tf_keras(comparison: Comparison, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The note that the tf-keras which lies beside Keras 3 would load what that does not."""
    if verdict_of(findings, KERAS_LOADER, differs=True) != BREAKS:
        return ()
    current = packages.with_tf_keras(comparison.current)
    if current is None:
        return ()
    found = knowledge.judge(replace(comparison, current=current))
    if verdict_of(found, KERAS_LOADER, differs=True) == BREAKS:
        return ()
    told = "tf-keras is installed there and not in use; with TF_USE_LEGACY_KERAS=1 it loads the model"
    return (packages.tf_keras_would_load.finding("tf-keras", told),)


def _is_known(fingerprint: Fingerprint) -> bool:
    """Whether the environment that a model was saved in was recorded: without, nothing can be the same."""
    return not isinstance(fingerprint.packages, Unknown)


def reconsidered(report: Report, findings: tuple[Finding, ...]) -> Report:
    """The same report with other findings, and the verdicts that follow from them."""
    differs = bool(report.changes) or not report.is_locked
    loaders = {loader: verdict_of(findings, loader, differs=differs) for loader in report.loaders}
    return replace(report, findings=findings, loaders=loaders, verdict=loaders[report.loader])


def without_avoided(report: Report, arguments: Mapping[str, Any]) -> Report:
    """The report without what these arguments for Keras' loader avoid."""
    given = {f"{name}={value}" for name, value in arguments.items()}
    return reconsidered(report, tuple(item for item in report.findings if item.avoided_by not in given))


def _loaders(seen: Subject) -> list[str]:
    if seen.artifact.format == "saved-model":
        return [KERAS_LOADER, SAVED_MODEL_LOADER]
    return [KERAS_LOADER, WEIGHTS_LOADER]


# States of an object, as `envlock.custom.states` calls them.
_PRESENT, _MISSING = "present", "missing"
_Code = tuple[tuple[CustomObject, ...], dict[str, str], dict[str, tuple[str, ...]]]


def _code(seen: Subject, target: Target, custom_objects: str, live: Mapping[str, Any] | None) -> _Code:
    """The model's own objects, the state of each in the target, and what differs in those that changed."""
    objects = seen.custom_objects
    if not objects:
        return (), {}, {}
    from envlock.custom import program, states  # most models need no code of the user's
    from envlock.custom.meaning import Sources

    if custom_objects == "missing":
        return objects, {item.name: _MISSING for item in objects}, {}
    if target.path is None:
        return objects, {}, {}
    here = live or {}
    sources = Sources(target.path, program=None if live is None else program.running())
    found = states.states(objects, sources, live=here)
    before = Sources(folder=seen.place.attachments / "code")
    edits = {
        item.name: states.differences(item, before, sources, live=here)
        for item in objects
        if found[item.name] == states.CHANGED
    }
    had = {item.name for item in objects if set(states.names_of(item)) & here.keys()}
    own = tuple(
        replace(item, imports=(), distribution=None) if item.name in had else item for item in objects
    )
    return own, found, edits


def _unknowns(seen: Subject, target: Target) -> dict[str, str]:
    """What could not be compared, each section once."""
    recorded = find_unknowns(seen.fingerprint, compared=True) if seen.lock else {"lock": _UNLOCKED.reason}
    here = find_unknowns(target.fingerprint, compared=True)
    return here | recorded | find_unknowns(seen.content, "content", compared=True) | _unknown_code(seen)


def _unknown_code(seen: Subject) -> dict[str, str]:
    """Why the user's code could not be looked for, where the model needs any."""
    return {"custom-objects": seen.own_code.reason} if isinstance(seen.own_code, Unknown) else {}


def _saved_with(seen: Subject) -> str:
    keras, tensorflow = seen.fingerprint.keras, seen.fingerprint.tensorflow
    parts = []
    if isinstance(tensorflow, TensorFlow) and isinstance(tensorflow.version, str):
        parts.append(f"TensorFlow {tensorflow.version}")
    stated = seen.artifact.keras_version
    if isinstance(stated, str):
        parts.append(f"Keras {stated}")
    elif isinstance(keras, Keras) and isinstance(keras.version, str):
        parts.append(f"Keras {keras.version}")
    return ", ".join(parts)
