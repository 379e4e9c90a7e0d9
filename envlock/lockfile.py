"""
The lock on disk: where it lies, how it is read, how it is written.

One TOML file, canonical: the same lock is the same bytes. A single-file model has it beside it,
with its attachments in a folder of the same name; a folder has both inside. Everything of ours
lies under `[tool.envlock]`, so that PEP 751's keys can join it at the top level.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from envlock import codec, toml
from envlock.errors import InvalidLock, LockError, NewerSchema
from envlock.facts import KERAS_LOADER, SAVED_MODEL_LOADER, Content, Fingerprint, Lock

__all__ = [
    "ARCHITECTURE",
    "SCHEMA",
    "Place",
    "content_text",
    "dumps",
    "loads",
    "place",
    "read",
    "read_content",
]

SCHEMA = 1
_LIMIT = 16 << 20
ARCHITECTURE = "architecture.json"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model, its lock and its attachments lie."""

    model: Path
    lock: Path
    attachments: Path

    @property
    def inside(self) -> tuple[str, ...]:
        """The entries of a model's folder that are the lock's, not the model's."""
        return ("envlock.toml", "envlock") if self.model.is_dir() else ()


def place(path: Path, *, folder: bool | None = None) -> Place:
    """
    Where the lock of the model at `path` lies, or the model of the lock at `path`.

    `folder` says whether the model is a folder; by default the disk is asked.
    """
    if path.name.endswith(".envlock.toml") and path.name != ".envlock.toml":
        path = path.with_name(path.name.removesuffix(".envlock.toml"))
    elif path.name == "envlock.toml":
        path = path.parent.parent if path.parent.name == "assets.extra" else path.parent
    if path.is_dir() if folder is None else folder:
        extra = path / "assets.extra" / "envlock.toml"
        own = path / "envlock.toml"
        return Place(path, extra if extra.exists() and not own.exists() else own, path / "envlock")
    return Place(path, path.with_name(f"{path.name}.envlock.toml"), path.with_name(f"{path.name}.envlock"))


def read(path: Path) -> Lock:
    """The lock at `path`; `LockError` says what is wrong with it and where."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise LockError(f"{path.name} does not exist") from None
    except OSError as error:
        raise LockError(f"{path.name} cannot be read: {error.strerror}") from error
    if size > _LIMIT:
        raise LockError(f"{path.name} is {size} bytes long; a lock has at most {_LIMIT}")
    try:
        return loads(path.read_bytes().decode("utf-8"))
    except UnicodeDecodeError as error:
        raise LockError(f"{path.name} is not UTF-8 text") from error
    except OSError as error:
        raise LockError(f"{path.name} cannot be read: {error.strerror}") from error
    except NewerSchema as error:
        raise NewerSchema(f"{path.name} {error.message}", hint=error.hint) from None
    except LockError as error:
        raise LockError(f"{path.name}: {error.message}") from None


def loads(text: str) -> Lock:
    """The lock that `text` describes."""
    table = _tool_table(text)
    schema = table.pop("schema", None)
    if type(schema) is not int or schema < 1:
        raise InvalidLock("Expected a schema number", where="tool.envlock.schema")
    if schema > SCHEMA:
        raise NewerSchema(
            f"has schema {schema}, this envlock reads up to {SCHEMA}",
            hint="upgrade envlock-tf",
        )
    absent, unknown = table.pop("absent", ()), table.pop("unknown", {})
    table["fingerprint"] = {key: table.pop(key) for key in _FINGERPRINT if key in table}
    try:
        lock = codec.decode(Lock, table, absent=_nested(absent), unknown=_nested(unknown))
        _check(lock)
    except InvalidLock as error:
        where = error.where.removeprefix("fingerprint.")
        raise InvalidLock(error.problem, where=where).inside("tool.envlock") from None
    return lock


def dumps(lock: Lock) -> str:
    """`lock` as TOML; the same lock gives the same text."""
    import tomli_w

    data, absent, unknown = codec.encode(lock)
    # A fingerprint's facts stand directly under our table: tool.envlock.python, .packages, ...
    facts = data.pop("fingerprint")
    head = {"schema": SCHEMA, "absent": [_hoisted(path) for path in absent]}
    tail = {"unknown": {_hoisted(path): reason for path, reason in unknown.items()}}
    text = tomli_w.dumps({"tool": {"envlock": head | data | facts | tail}})
    return (
        "# Written by envlock. It describes the model beside it; keep the two together.\n\n"
        + _short_arrays(text)
    )


def content_text(content: Content) -> str:
    """What a reader found in a model, as canonical JSON for the attachment."""
    data, absent, unknown = codec.encode(content)
    tree = {**data, "absent": absent, "unknown": unknown}
    return json.dumps(tree, sort_keys=True, separators=(",", ":")) + "\n"


def read_content(where: Place) -> Content | None:
    """What was found in the model when it was locked, `None` without that attachment."""
    path = where.attachments / ARCHITECTURE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise LockError(f"{path.name} beside {where.lock.name} cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise LockError(f"{path.name} beside {where.lock.name} holds no JSON object")
    absent, unknown = data.pop("absent", []), data.pop("unknown", {})
    try:
        return codec.decode(Content, data, absent=absent, unknown=unknown)
    except InvalidLock as error:
        raise LockError(f"{path.name} beside {where.lock.name}: {error.message}") from None


_FINGERPRINT = tuple(field.name for field in fields(Fingerprint))


def _hoisted(path: str) -> str:
    return path.removeprefix("fingerprint.")


def _nested(paths: Any) -> Any:
    """The paths of a lock as the codec knows them; what is no collection of strings is its to refuse."""

    def nested(path: object) -> object:
        inside = isinstance(path, str) and path.partition(".")[0] in _FINGERPRINT
        return f"fingerprint.{path}" if inside else path

    if isinstance(paths, dict):
        return {nested(path): reason for path, reason in paths.items()}
    return [nested(path) for path in paths] if isinstance(paths, list) else paths


def _tool_table(text: str) -> dict[str, Any]:
    if re.search(r"^[^\n\"'=]{2000,}", text, re.MULTILINE):
        raise LockError("a line is no key of a lock")  # keys of thousands of parts take minutes to parse
    try:
        data = toml.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: also a number of thousands of digits
        raise LockError(f"not a TOML document: {error}") from None
    table: object = data
    for key in ("tool", "envlock"):
        table = table.get(key) if isinstance(table, dict) else None
    if not isinstance(table, dict):
        raise LockError("has no table [tool.envlock]; it is no lock of envlock")
    return dict(table)


# The formats, and the loaders that read each.
_FORMATS = {
    "keras": (KERAS_LOADER,),
    "hdf5": (KERAS_LOADER,),
    "saved-model": (KERAS_LOADER, SAVED_MODEL_LOADER),
}
_HEX = re.compile(r"[0-9a-f]{64}")
_PACKAGE = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+!_-]*")
_DOTTED = re.compile(r"[^\W\d][\w-]*(\.[^\W\d][\w-]*)*")


def _check(lock: Lock) -> None:
    """Refuse values that could mean something else where they are used."""
    if lock.artifact.format not in _FORMATS:
        raise InvalidLock(f"Expected one of {', '.join(_FORMATS)}", where="artifact.format")
    if lock.loader not in _FORMATS[lock.artifact.format]:
        expected = " or ".join(_FORMATS[lock.artifact.format])
        raise InvalidLock(f"Expected {expected} for this format", where="loader")
    for where, pattern, value in _grammar(lock):
        if not pattern.fullmatch(value):
            raise InvalidLock(f"Unexpected value {value[:40]!r}", where=where)
    for key, files in (("artifact.files", lock.artifact.files), ("attachments", lock.attachments)):
        for file in files:
            parts = file.path.split("/")
            odd = re.search(r"[\\\x00-\x1f\x7f]|^[A-Za-z]:", file.path)
            if odd or not all(parts) or {".", ".."} & set(parts):
                raise InvalidLock(f"Unexpected path {file.path[:40]!r}", where=key)


def _grammar(lock: Lock) -> Iterator[tuple[str, re.Pattern[str], str]]:
    for file in (*lock.artifact.files, *lock.attachments):
        yield f"artifact.files[{file.path}].sha256", _HEX, file.sha256
    if isinstance(lock.fingerprint.packages, tuple):
        for package in lock.fingerprint.packages:
            yield f"packages[{package.name}].name", _PACKAGE, package.name
            if isinstance(package.version, str):
                yield f"packages[{package.name}].version", _VERSION, package.version
    if isinstance(lock.custom_objects, tuple):
        for item in lock.custom_objects:
            for module in (item.module, *item.modules):
                yield f"custom-objects[{item.name}].module", _DOTTED, module


def _short_arrays(text: str) -> str:
    """Arrays of scalars on one line where they fit: a shape is read across, not down."""

    def one_line(match: re.Match[str]) -> str:
        items = [line.strip().rstrip(",") for line in match[2].strip().split("\n")]
        line = f"{match[1]} = [{', '.join(items)}]"
        return line if len(line) <= 100 else match[0]

    # A string cannot hold a line break here, so a line that ends in "= [" opens an array.
    return re.sub(r"^([\w-]+) = \[\n((?:    [^\n\[\]{}]*,\n)+)\]$", one_line, text, flags=re.MULTILINE)
