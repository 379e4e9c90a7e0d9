"""What every reader returns, and the limits that every reader keeps."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from envlock.errors import ArtifactError
from envlock.facts import Content, Maybe, TensorSpec, Unknown

__all__ = ["MAX_CONFIG", "Node", "Reading", "nodes", "parse_object"]

MAX_CONFIG = 64 << 20
_MAX_DEPTH = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """
    What a saved model says of itself.

    `inputs` and `outputs` are those of a SavedModel's `serving_default`; the other formats do not
    state them.
    """

    format: str
    keras_version: Maybe[str | None]
    tensorflow_version: Maybe[str | None]
    content: Content
    inputs: Maybe[tuple[TensorSpec, ...]] = field(default=Unknown("the file does not state its inputs"))
    outputs: Maybe[tuple[TensorSpec, ...]] = field(default=Unknown("the file does not state its outputs"))


def parse_object(text: bytes | str, *, where: str) -> dict[str, Any]:
    """The JSON object in `text`; `where` names it in the error."""
    if len(text) > MAX_CONFIG:
        raise ArtifactError(f"{where} is {len(text)} bytes long; at most {MAX_CONFIG} are read")
    _refuse_depth(text, where)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{where} is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise ArtifactError(f"{where} holds {type(data).__name__}, expected an object")
    return data


@dataclass(frozen=True, slots=True)
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
    if isinstance(data, list):
        for item in data:
            yield from nodes(item, slot)
    if not isinstance(data, dict):
        return
    name = data.get("class_name")
    if isinstance(name, str):
        config = data.get("config")
        inner = config if isinstance(config, dict) else {"": config}
        yield Node(
            class_name=name,
            module=_text(data.get("module")),
            config=inner,
            slot=slot,
        )
    for key, item in data.items():
        if isinstance(item, (dict, list)):
            yield from nodes(item, slot if key == "config" and isinstance(name, str) else key)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _refuse_depth(text: bytes | str, where: str) -> None:
    """Refuse nesting that would exhaust the stack of whoever walks it, before it is parsed."""
    plain = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    depth = 0
    for token in re.findall(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', plain):
        if token in b"[{":
            depth += 1
            if depth > _MAX_DEPTH:
                raise ArtifactError(f"{where} is nested more than {_MAX_DEPTH} levels deep")
        elif token in b"]}":
            depth -= 1
