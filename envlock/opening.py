"""
The way from a saved model to a loaded one, in which nothing runs that was not trusted.

The bytes are copied to where only this user can write, compared with the lock and inspected there; what the
model needs of the user's code is found; then Keras loads that copy, and what it keeps for the whole process
is as it was before.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from envlock import capture, judging, keras_bridge, keras_state, store, targets
from envlock.capture import packages
from envlock.custom import resolve
from envlock.custom.find import modules_named
from envlock.custom.isolated import Captured
from envlock.custom.states import names_of
from envlock.errors import CustomObjectError, StoreError, UnsafeModelError
from envlock.facts import ArtifactFile, CustomObject, Package
from envlock.inspection import Asked, Hazard, Inspection, inspect
from envlock.judging import Subject
from envlock.report import Inspected, Report
from envlock.trust import Trust, digest_of, is_approved
from envlock.values import frozen, replace

__all__ = [
    "Opened", "arguments_for", "inspected", "inspected_bytes", "loaded", "opened", "private",
    "refuse_hazards", "report_here", "trusted_digest",
]  # fmt: skip

_LISTED = 3
# The verdicts of an inspection that ask nobody's trust.
_HARMLESS = {"clean", "custom"}


@frozen(kw_only=True)
class Opened:
    """A model whose bytes nobody else can change, checked and inspected; `path` is that copy."""

    seen: Subject
    path: Path
    inspection: Inspection
    trust: Trust


@contextmanager
def opened(seen: Subject, trust: Trust, arguments: Mapping[str, Any]) -> Iterator[Opened]:
    """
    The model copied, compared with its lock and inspected.

    `IntegrityError` names a file that is not as it was locked, `UnsafeModelError` what loading would run,
    read or allocate that `trust` does not cover. `arguments` are those for Keras' loader.
    """
    with private(seen) as inner:
        trust = trust.covers(trusted_digest(inner))
        inspection = inspect(inner.place.model)
        refuse_hazards(seen.artifact.name, inspection, trust, arguments)
        yield Opened(seen=seen, path=inner.place.model, inspection=inspection, trust=trust)


@contextmanager
def private(seen: Subject) -> Iterator[Subject]:
    """The model in a copy that nobody else can change, as it was locked; it is removed afterwards."""
    folder = _private_folder(seen)
    try:
        copy = folder / seen.place.model.name
        _copy(seen, copy)
        inner = replace(seen, place=replace(seen.place, model=copy))
        judging.refuse_damage(inner)
        yield inner
    finally:
        if (folder / seen.place.model.name / "assets").is_dir():
            atexit.register(shutil.rmtree, folder, ignore_errors=True)  # tables read them at any time
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _private_folder(seen: Subject) -> Path:
    """A new folder of this user's alone, with room for the model."""
    sizes = store.file_sizes(seen.place.model, without=seen.place.inside)
    needed = sum(sizes.values()) + (1 << 20)
    beside = seen.place.model.resolve().parent
    for place in (Path(tempfile.gettempdir()), *([beside] if _is_ours_alone(beside) else [])):
        with suppress(OSError):
            if shutil.disk_usage(place).free > needed:
                return Path(tempfile.mkdtemp(prefix=".envlock-", dir=place))
    hint = "set TMPDIR to a folder with that much room"
    raise StoreError(f"{needed} bytes are needed for a private copy of {seen.artifact.name}", hint=hint)


def _is_ours_alone(folder: Path) -> bool:
    """Whether nobody else can exchange what lies in a folder."""
    status = folder.stat()
    return not hasattr(os, "geteuid") or (status.st_uid == os.geteuid() and not status.st_mode & 0o022)


def _copy(seen: Subject, copy: Path) -> None:
    model = seen.place.model
    try:
        if model.is_file():
            shutil.copyfile(model, copy)
            return
        for name in store.file_sizes(model, without=seen.place.inside):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(model / name, copy / name, follow_symlinks=False)
    except OSError as error:
        raise StoreError(f"{seen.artifact.name} cannot be copied: {error.strerror}") from error


def trusted_digest(seen: Subject) -> str:
    """The digest that stands for a model and the source captured with it, in the list of what is trusted."""
    where = seen.place
    # What is locked was compared with its lock by whoever relies on this; the rest is read.
    model = seen.lock.artifact.files if seen.lock else store.describe(where.model, without=where.inside)
    if seen.place.model.is_file():  # it may be called otherwise, or be a copy
        model = tuple(replace(file, path=seen.artifact.format) for file in model)
    return digest_of(model, _stored_code(seen))


def _stored_code(seen: Subject) -> tuple[ArtifactFile, ...]:
    attachments = seen.lock.attachments if seen.lock else ()
    return tuple(file for file in attachments if file.path.startswith("code/"))


def inspected(seen: Subject) -> Inspected:
    """What loading a model would do, whether that was approved, and whether it is as it was locked."""
    digest, damage = trusted_digest(seen), judging.damage(seen, hashed=True)
    found = replace(inspected_bytes(seen.place.model, digest=digest), subject=seen.artifact.name)
    stored = tuple(file.path for file in _stored_code(seen))
    return replace(found, is_approved=is_approved(digest) and not damage, stored=stored, damage=damage)


def inspected_bytes(path: Path, *, digest: str = "") -> Inspected:
    """The same of bytes alone, which may be no model at all."""
    found = judging.inspected(path)
    return Inspected(
        subject=path.name,
        verdict=found.verdict,
        hazards=judging.hazards_of(found),
        kinds=tuple(item.kind for item in found.hazards),
        asked=tuple((item.name, item.module or "", item.asked_by) for item in found.names),
        digest=digest,
        is_approved=False,
        stored=(),
        damage={},
    )


def refuse_hazards(name: str, inspection: Inspection, trust: Trust, arguments: Mapping[str, Any]) -> None:
    """`UnsafeModelError` for what nobody said to trust."""
    if inspection.verdict in _HARMLESS:
        return
    left = [item for item in inspection.hazards if not _is_trusted(item, trust, arguments)]
    if not left:
        return
    told = "; ".join(f"[{item.code}] {item.message}" for item in left[:_LISTED])
    more = f" and {len(left) - _LISTED} more" if len(left) > _LISTED else ""
    hint = 'look with `envlock inspect`; trust="code" loads it, if you know who made it'
    if any(item.kind == "refuse" for item in left):
        hint = "have it made again by whoever made it; `envlock inspect` tells what is wrong"
    raise UnsafeModelError(f"{name} is not loaded: {told}{more}", hint=hint)


def _is_trusted(item: Hazard, trust: Trust, arguments: Mapping[str, Any]) -> bool:
    if item.kind in _HARMLESS:
        return True
    is_unguarded = arguments.get("safe_mode") is False and item.code == _BYTECODE
    return item.kind != "refuse" and (trust.code or is_unguarded)


_ALIKE = "and Keras takes one for all"
# Functions written down as bytecode, which `safe_mode=False` asks for in Keras' own words.
_BYTECODE = "EL604"


def objects(found: Opened, given: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """
    The model's own classes and functions, by every name that Keras may ask for.

    `CustomObjectError` names each that cannot be had, where it was, who asks for it and what to do. With
    `compile=False` among the arguments for Keras' loader, nobody asks for what the model was compiled with.
    """
    seen = found.seen
    asked = found.inspection.names
    digests = {file.path: file.sha256 for file in _stored_code(seen)}
    stored = (
        resolve.captured(seen.custom_objects, seen.place.attachments, digests)
        if found.trust.captured and digests
        else None
    )
    had, lost = _resolver(seen, given, stored).objects(seen.custom_objects)
    had = _by_every_name(had, asked)
    is_whole = arguments.get("compile") is not False
    if not is_whole:  # what the bytes say, which were inspected, and not the lock
        asked = tuple(item for item in asked if not item.is_setting)
    is_optional = seen.artifact.format == "saved-model"  # which holds the computation itself
    problems = {} if is_optional else _problems(found, asked, had, lost, is_whole=is_whole)
    problems |= _misused(asked, had)
    if problems:
        raise CustomObjectError(
            f"{seen.artifact.name} needs code that cannot be had: {'; '.join(problems.values())}",
            hint=_ways(problems, is_stored=stored is None and any(_is_stored(seen, name) for name in lost)),
        )
    return had


def _resolver(seen: Subject, given: Mapping[str, Any], stored: Captured | None) -> resolve.Resolver:
    return resolve.Resolver(
        given=given,
        registered=keras_bridge.registered_object,
        beside=frozenset({seen.place.model.resolve().parent, seen.place.model.parent.resolve()}),
        distributions=packages.installed,
        stored=stored,
        apart=keras_state.registry_apart,
    )


def _by_every_name(had: Mapping[str, Any], asked: Sequence[Asked]) -> dict[str, Any]:
    """The objects also by the names that only some releases look them up by: none is to be looked for."""
    found = dict(had)
    for item in asked:
        names = (*item.spelt, item.name.rpartition(">")[2])
        values = (had.get(name, keras_bridge.registered_object(name)) for name in names)
        value = next((one for one in values if one is not None), None)
        for name in item.spelt if value is not None else ():
            if keras_bridge.registered_object(name) is None:
                found.setdefault(name, value)
    return found


def _problems(
    found: Opened,
    asked: Sequence[Asked],
    had: Mapping[str, Any],
    lost: Mapping[str, str],
    *,
    is_whole: bool,
) -> dict[str, str]:
    """
    What is said of each object that cannot be had, by the name to pass.

    `is_whole` tells that all of the model is loaded: layers of the user's look some up by themselves.
    """
    recorded = {name: item for item in found.seen.custom_objects for name in names_of(item)}
    told: dict[str, str] = {}
    for item in asked:
        own = next((recorded[name] for name in item.spelt if name in recorded), None)
        if all(name in had or keras_bridge.registered_object(name) is not None for name in item.spelt):
            continue
        if own is not None and own.name in lost:
            why = f"{lost[own.name]}{_came_with(found.seen, own)}"
            told[own.qualname] = f"{own.kind} {own.qualname}{_asked_by(item.asked_by)} ({why})"
            continue
        short = item.name.rpartition(">")[2]
        modules = modules_named(short, found.seen.content)
        reason = "its file names it, and nothing else is known of it"
        if len(modules) > 1:
            reason = f"its file means those of {' and '.join(modules)}, {_ALIKE}"
        told[short] = f"{short}{_asked_by(item.asked_by)} ({reason})"
    for name, why in lost.items() if is_whole else ():
        own = recorded[name]
        told.setdefault(own.qualname, f"{own.kind} {own.qualname} ({why}{_came_with(found.seen, own)})")
    return told


def _misused(asked: Sequence[Asked], had: Mapping[str, Any]) -> dict[str, str]:
    """Functions that the file has called with what it says, as a class would be."""
    told = {}
    for item in asked:
        values = (had[name] if name in had else keras_bridge.registered_object(name) for name in item.spelt)
        if item.is_class and any(value is not None and not isinstance(value, type) for value in values):
            short = item.name.rpartition(">")[2]
            told[short] = f"{short}{_asked_by(item.asked_by)} (it is a function, and the file means a class)"
    return told


def _asked_by(owners: Sequence[str]) -> str:
    return f", asked for by {owners[0]}" if owners else ""


def _came_with(seen: Subject, item: CustomObject) -> str:
    """What to install for an object of an installed package."""
    package = seen.fingerprint.package(item.distribution) if item.distribution else None
    version = package.version if isinstance(package, Package) else None
    named = f"{item.distribution}=={version}" if isinstance(version, str) else item.distribution
    return f"; pip install {named}" if item.distribution else ""


def _is_stored(seen: Subject, name: str) -> bool:
    """Whether an object can be had from the source that was stored with the model."""
    item = next(item for item in seen.custom_objects if item.name == name)
    return isinstance(item.modules, tuple) and bool(item.modules) and "<locals>" not in item.qualname


def _ways(problems: Mapping[str, str], *, is_stored: bool) -> str:
    short = dict.fromkeys(
        name.rpartition(".")[2] for name, told in problems.items() if not told.endswith(f"{_ALIKE})")
    )
    if not short:
        return "register them under names of their own, and save it again"
    names = ", ".join(f'"{name}": {name}' for name in short)
    hint = f"pass custom_objects={{{names}}}, or import what registers it before"
    return (
        f'{hint}, or trust="captured" (--trust captured) to run the source stored with the model'
        if is_stored
        else hint
    )


def arguments_for(found: Opened, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments for Keras' loader; whoever trusts the code in a model has it run."""
    holds_code = any(item.kind == "code" for item in found.inspection.hazards)
    if found.trust.code and holds_code and keras_bridge.has_safe_mode():
        return {"safe_mode": False, **given}
    return dict(given)


def loaded(found: Opened, given: Mapping[str, Any], arguments: Mapping[str, Any]) -> Any:
    """What Keras' loader makes of the copy, with the user's objects; what it raises passes through."""
    with keras_state.guarded():
        return keras_bridge.load(found.path, objects(found, given, arguments), arguments)


def report_here(
    seen: Subject, *, given: Mapping[str, Any], loader: str | None = None, trust: Trust | None = None
) -> Report:
    """
    The report for this process: what is set in it, what the caller brings, what Keras has registered.

    It speaks for `loader`, by default for the one recorded at save. With `trust` in the captured source, that
    stands in for what is not here.
    """
    registered = ((item.name, keras_bridge.registered_object(item.name)) for item in seen.custom_objects)
    live = {name: found for name, found in registered if found is not None} | dict(given)
    target = targets.Target("this environment", capture.glance(), path=tuple(sys.path))
    has_stored = trust is not None and trust.captured and bool(_stored_code(seen))
    resolver = _resolver(seen, given, None)
    asked = (item for item in seen.custom_objects if not live.keys() & set(names_of(item)))
    refused = {item.name for item in asked if resolver.refused(item)}
    report = judging.judge(seen, target, live=live, has_stored=has_stored, refused=refused)
    return (
        replace(report, loader=loader, verdict=report.loaders[loader]) if loader in report.loaders else report
    )
