"""
The lock on disk: where it lies, how it is read, how it is written.

One TOML file, canonical: the same lock is the same bytes. A single-file model has it beside it,
with its attachments in a folder of the same name; a folder has both inside. Everything of ours
lies under `[tool.envlock]`, so that PEP 751's keys can join it at the top level.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from envlock import codec, redact, toml
from envlock.errors import InvalidLock, LockError, NewerSchema
from envlock.facts import KERAS_LOADER, SAVED_MODEL_LOADER, WEIGHTS_LOADER, Content, Fingerprint, Lock
from envlock.values import fields, frozen

__all__ = [
    "ARCHITECTURE",
    "SCHEMA",
    "Place",
    "content_text",
    "dumps",
    "fingerprint",
    "is_lock",
    "is_plain_path",
    "loads",
    "place",
    "read",
    "read_content",
]

SCHEMA = 1
_LIMIT = 16 << 20
_CONTENT_LIMIT = 64 << 20
ARCHITECTURE = "architecture.json"


@frozen
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
    _check_schema(table.pop("schema", None), where="tool.envlock.schema")
    absent, unknown = table.pop("absent", ()), table.pop("unknown", {})
    facts = {key: table.pop(key) for key in _FINGERPRINT & table.keys()}
    table["fingerprint"] = _as_written_before(facts)
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

    encoded: codec.Encoded = redact.clean_data(codec.encode(lock))
    data, absent, unknown = encoded
    # A fingerprint's facts stand directly under our table: tool.envlock.python, .packages, ...
    facts = data.pop("fingerprint")
    head = {"schema": SCHEMA, "absent": [_hoisted(path) for path in absent]}
    tail = {"unknown": {_hoisted(path): reason for path, reason in unknown.items()}}
    text = tomli_w.dumps({"tool": {"envlock": head | data | facts | tail}})
    head_line = "# Written by envlock. It describes the model beside it; keep the two together.\n\n"
    return redact.clean(head_line + _short_arrays(_escaped(text)))


def fingerprint(text: str) -> Fingerprint:
    """The environment that `envlock show --format json` printed, of a machine or of a locked model."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LockError(f"not a JSON document: {error}") from None
    if not isinstance(data, dict):
        raise LockError("holds no fingerprint of an environment")
    _check_schema(data.pop("schema", SCHEMA), where="schema")
    absent, unknown = data.pop("absent", []), data.pop("unknown", {})
    found = codec.decode(Fingerprint, _as_written_before(data), absent=absent, unknown=unknown)
    _check_grammar(_packages_grammar(found))
    return found


def content_text(content: Content) -> str:
    """What a reader found in a model, as canonical JSON for the attachment."""
    data, absent, unknown = codec.encode(content)
    tree = redact.clean_data({**data, "absent": list(absent), "unknown": unknown})
    return redact.clean(json.dumps(tree, sort_keys=True, separators=(",", ":")) + "\n")


def read_content(where: Place) -> Content | None:
    """What was found in the model when it was locked, `None` without that attachment."""
    path = where.attachments / ARCHITECTURE
    try:
        data = json.loads(_read_whole(path, where))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise LockError(f"{path.name} beside {where.lock.name} cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise LockError(f"{path.name} beside {where.lock.name} holds no JSON object")
    if isinstance(data.get("ops"), list):
        return None  # envlock 0.1 did not count them, and the model itself is there to be read
    absent, unknown = data.pop("absent", []), data.pop("unknown", {})
    try:
        return codec.decode(Content, data, absent=absent, unknown=unknown)
    except InvalidLock as error:
        raise LockError(f"{path.name} beside {where.lock.name}: {error.message}") from None


def _read_whole(path: Path, where: Place) -> bytes:
    """A file that may be anything: a pipe would be waited for, a device read without end."""
    told = path.lstat()
    if not stat.S_ISREG(told.st_mode):
        raise LockError(f"{path.name} beside {where.lock.name} is no regular file")
    with path.open("rb") as opened:
        data = opened.read(_CONTENT_LIMIT + 1)
    if len(data) > _CONTENT_LIMIT:
        raise LockError(f"{path.name} beside {where.lock.name} is longer than {_CONTENT_LIMIT} bytes")
    return data


_FINGERPRINT = {field.name for field in fields(Fingerprint)}


def _check_schema(schema: object, *, where: str) -> None:
    if type(schema) is not int or schema < 1:
        raise InvalidLock("Expected a schema number", where=where)
    if schema > SCHEMA:
        raise NewerSchema(
            f"has schema {schema}, this envlock reads up to {SCHEMA}",
            hint="upgrade envlock-tf",
        )


def _as_written_before(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts as envlock 0.1 wrote them, in today's form: of a graphics card it knew the name alone."""
    match facts:
        case {"gpu": {"devices": [*devices]} as gpu}:
            cards = [{"name": item} if isinstance(item, str) else item for item in devices]
            return {**facts, "gpu": {**gpu, "devices": cards}}
    return facts


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
    "weights": (WEIGHTS_LOADER,),
}
_HEX = re.compile(r"[0-9a-f]{64}")
_PACKAGE = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+!_-]*")
_WHEEL = re.compile(r"[\w.!+-]{1,400}\.whl", re.ASCII)
_WORD = re.compile(r"[\w.+ -]{1,40}", re.ASCII)
_DOTTED = re.compile(r"[^\W\d][\w-]*(\.[^\W\d][\w-]*)*")


def is_plain_path(path: str) -> bool:
    """Whether a POSIX path below a folder means the same on every system, and nothing outside of it."""
    parts = path.split("/")
    odd = re.search(r"[\\\x00-\x1f\x7f\ud800-\udfff]|^[A-Za-z]:", path)
    return not odd and all(parts) and not {".", ".."} & set(parts)


def is_lock(path: Path) -> bool:
    """Whether a file is a lock of envlock's, be it damaged or of another schema."""
    try:
        return path.is_file() and not path.is_symlink() and b"[tool.envlock" in path.read_bytes()[:_LIMIT]
    except OSError:
        return False


def _check(lock: Lock) -> None:
    """Refuse values that could mean something else where they are used."""
    if lock.artifact.format not in _FORMATS:
        raise InvalidLock(f"Expected one of {', '.join(_FORMATS)}", where="artifact.format")
    if lock.loader not in _FORMATS[lock.artifact.format]:
        expected = " or ".join(_FORMATS[lock.artifact.format])
        raise InvalidLock(f"Expected {expected} for this format", where="loader")
    _check_grammar(_grammar(lock))
    for key, files in (("artifact.files", lock.artifact.files), ("attachments", lock.attachments)):
        for file in files:
            if not is_plain_path(file.path):
                raise InvalidLock(f"Unexpected path {file.path[:40]!r}", where=key)


_Grammar = Iterator[tuple[str, re.Pattern[str], str]]


def _check_grammar(grammar: _Grammar) -> None:
    for where, pattern, value in grammar:
        if not pattern.fullmatch(value):
            raise InvalidLock(f"Unexpected value {value[:40]!r}", where=where)


def _grammar(lock: Lock) -> _Grammar:
    for file in (*lock.artifact.files, *lock.attachments):
        yield f"artifact.files[{file.path}].sha256", _HEX, file.sha256
    yield from _packages_grammar(lock.fingerprint)
    if isinstance(lock.custom_objects, tuple):
        for item in lock.custom_objects:
            for module in (item.module, *(item.modules if isinstance(item.modules, tuple) else ())):
                yield f"custom-objects[{item.name}].module", _DOTTED, module


def _packages_grammar(fingerprint: Fingerprint) -> _Grammar:
    packages = fingerprint.packages if isinstance(fingerprint.packages, tuple) else ()
    for package in packages:
        where = f"packages[{package.name}]"
        yield f"{where}.name", _PACKAGE, package.name
        if isinstance(package.version, str):
            yield f"{where}.version", _VERSION, package.version
        if isinstance(package.wheel, str):
            yield f"{where}.wheel", _WHEEL, package.wheel
        if isinstance(package.record, str):
            yield f"{where}.record", _HEX, package.record
        if isinstance(package.installer, str):
            yield f"{where}.installer", _WORD, package.installer


def _escaped(text: str) -> str:
    """TOML whose strings hold no character that a terminal would obey: `cat` is a way to read a lock."""
    return (
        "".join(
            character if character in "\n\t" or redact.visible(character) == character else _escape(character)
            for character in text
        )
        if not text.isascii()
        else text
    )


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 1 << 16 else f"\\U{code:08x}"


def _short_arrays(text: str) -> str:
    """Arrays of scalars on one line where they fit: a shape is read across, not down."""

    def one_line(match: re.Match[str]) -> str:
        items = [line.strip().rstrip(",") for line in match[2].strip().split("\n")]
        line = f"{match[1]} = [{', '.join(items)}]"
        return line if len(line) <= 100 else match[0]

    # A string cannot hold a line break here, so a line that ends in "= [" opens an array.
    return re.sub(r"^([\w-]+) = \[\n((?:    [^\n\[\]{}]*,\n)+)\]$", one_line, text, flags=re.MULTILINE)
