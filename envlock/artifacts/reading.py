"""What every reader returns, and the limits that every reader keeps."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from envlock.errors import ArtifactError
from envlock.facts import Artifact, ArtifactFile, Content, Maybe, TensorSpec, Unknown
from envlock.values import field, frozen

__all__ = ["MAX_CONFIG", "Node", "Reading", "files_below", "nodes", "parse_object", "shortened"]

MAX_CONFIG = 64 << 20
_MAX_DEPTH = 400
# A vocabulary of a million words is real; a list of ten million empty lists is not.
_MAX_VALUES = 4_000_000
_MAX_FILES = 100_000


@frozen(kw_only=True)
class Reading:
    """
    What a saved model says of itself.

    `inputs` and `outputs` are those of a SavedModel's `serving_default`; of the other formats, what the
    architecture tells, which is seldom anything of outputs. `stamps` is what else it says of how it was
    written, without dates: two saves of one model read the same.
    """

    format: str
    keras_version: Maybe[str | None]
    tensorflow_version: Maybe[str | None]
    content: Content
    inputs: Maybe[tuple[TensorSpec, ...]] = field(default=Unknown("the file does not state its inputs"))
    outputs: Maybe[tuple[TensorSpec, ...]] = field(default=Unknown("the file does not state its outputs"))
    stamps: Maybe[dict[str, str]] = field(default_factory=dict)

    def artifact(self, name: str, files: tuple[ArtifactFile, ...]) -> Artifact:
        """The artifact that these are the statements of."""
        return Artifact(
            name=name,
            format=self.format,
            files=files,
            keras_version=self.keras_version,
            tensorflow_version=self.tensorflow_version,
            stamps=self.stamps,
        )


def parse_object(text: bytes | str, *, where: str) -> dict[str, Any]:
    """
    The JSON object in `text`; `where` names it in the error.

    `shared_object_id`, which Keras takes from addresses in memory, is counted from 0 instead: two saves
    of one model read the same.
    """
    if len(text) > MAX_CONFIG:
        raise ArtifactError(f"{where} is {len(text)} bytes long; at most {MAX_CONFIG} are read")
    plain = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
    _refuse_excess(plain, where)
    numbers: dict[int, int] = {}

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if type(identity := found.get("shared_object_id")) is int:
            found["shared_object_id"] = numbers.setdefault(identity, len(numbers))
        return found

    try:
        data = json.loads(
            plain.decode("utf-8"), object_pairs_hook=pairs if b"shared_object_id" in plain else None
        )
        if b"\\ud" in plain.lower():  # halves of characters, which no file and no terminal takes
            data = json.loads(json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{where} is not JSON: {shortened(error)}") from None
    if not isinstance(data, dict):
        raise ArtifactError(f"{where} holds {type(data).__name__}, expected an object")
    return data


@frozen
class Node:
    """
    One serialised object of an architecture.

    `label` is how a person would point at it (its name, or its class), `slot` the key under which
    its owner holds it, empty at the top.
    """

    class_name: str
    module: str | None
    config: dict[str, Any]
    slot: str

    @property
    def label(self) -> str:
        """Its class and, where it has one, its name."""
        name = self.config.get("name")
        return f"{self.class_name} {name!r}" if isinstance(name, str) else self.class_name


def nodes(data: object, slot: str = "") -> Iterator[Node]:
    """Every serialised object inside `data`, owners before what they hold."""
    waiting = [(data, slot)]
    while waiting:
        item, at = waiting.pop()
        if isinstance(item, list):
            waiting.extend((inner, at) for inner in reversed(item) if isinstance(inner, (dict, list)))
        if not isinstance(item, dict):
            continue
        name = item.get("class_name")
        if isinstance(name, str):
            config = item.get("config")
            yield Node(
                class_name=name,
                module=_text(item.get("module")),
                config=config if isinstance(config, dict) else {"": config},
                slot=at,
            )
        waiting.extend(
            (inner, at if key == "config" and isinstance(name, str) else key)
            for key, inner in reversed(item.items())
            if isinstance(inner, (dict, list))
        )


def files_below(folder: Path, names: tuple[str, ...]) -> Maybe[tuple[str, ...]]:
    """The files in these folders of `folder`, as POSIX paths below it, sorted; no link is followed."""
    found: list[str] = []
    for name in names:
        for place, _, files in os.walk(folder / name, followlinks=False):
            found += (Path(place, file).relative_to(folder).as_posix() for file in files)
            if len(found) > _MAX_FILES:
                return Unknown(f"there are more than {_MAX_FILES} files in {name}")
    return tuple(sorted(found))


def shortened(words: object) -> str:
    """What a library says of a damaged file, which may quote all of it."""
    text = str(words)
    return text if len(text) <= 160 else f"{text[:150]} …"


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _refuse_excess(text: bytes, where: str) -> None:
    """Refuse what would exhaust memory, or the stack of whoever walks it, before it is parsed."""
    if (
        text.count(b",") + text.count(b"[") + text.count(b"{") > _MAX_VALUES
        or text.count(b'"') > 4 * _MAX_VALUES
    ):
        raise ArtifactError(f"{where} holds more than {_MAX_VALUES} values")
    if text.count(b"[") + text.count(b"{") <= _MAX_DEPTH:
        return
    # Without what is escaped, every second part between quotes is a string.
    plain = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    brackets = re.sub(rb"[^\[\]{}]+", b"", b"".join(plain.split(b'"')[::2]))
    depth = 0
    for bracket in brackets:
        depth += 1 if bracket in b"[{" else -1
        if depth > _MAX_DEPTH:
            raise ArtifactError(f"{where} is nested more than {_MAX_DEPTH} levels deep")
