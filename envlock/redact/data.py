"""Plain data without secrets: nested dictionaries, lists and tuples of texts and numbers."""

from __future__ import annotations

from typing import Any

from envlock.redact.assignments import is_secret, kind_of_key
from envlock.redact.packed import without_homes
from envlock.redact.scan import clean

__all__ = ["clean_data"]

_BEGIN, _END, _PRIVATE_KEY = "-----BEGIN ", "-----END ", "PRIVATE KEY"


def clean_data(data: Any) -> Any:
    """
    `data` cleaned throughout, keys included, with a secret also known by the key it stands under.

    Dictionaries, lists, tuples, texts, numbers, booleans and `None` come back as what they were, at
    any depth; a value of another type is given back as it is. The data must not contain itself.
    """
    root: list[Any] = [None]
    tuples: list[tuple[Any, Any, list[Any]]] = []
    todo: list[tuple[Any, Any, Any, str | None]] = [(data, root, 0, None)]
    while todo:
        value, parent, place, kind = todo.pop()
        match value:
            case str():
                parent[place] = _clean_text(value, kind)
            case dict():
                parent[place] = fresh = dict.fromkeys(keys := _clean_keys(value))
                todo += [
                    (item, fresh, key, _kind(value, name))
                    for key, (name, item) in zip(keys, value.items(), strict=True)
                ]
            case list() | tuple():
                if _is_clean_list(value, kind):
                    parent[place] = value.copy() if isinstance(value, list) else value
                    continue
                items = _without_key_lines(value)
                parent[place] = fresh_items = list(items)
                todo += [(item, fresh_items, index, kind) for index, item in enumerate(items)]
                if isinstance(value, tuple):
                    tuples.append((parent, place, fresh_items))
            case _:
                parent[place] = value
    # The inner ones were met after the outer ones, and must be tuples before these are.
    for parent, place, items in reversed(tuples):
        parent[place] = tuple(items)
    return root[0]


_LONG = 50


def _is_clean_list(items: list[Any] | tuple[Any, ...], kind: str | None) -> bool:
    """Whether a long list of texts, such as a vocabulary, holds nothing to clean: told by one look at all."""
    if kind is not None or len(items) < _LONG or not all(isinstance(item, str) for item in items):
        return False
    together = "\n".join(items)
    return clean(together) == together and not any(len(item) >= _LONG for item in items)


def _clean_text(text: str, kind: str | None) -> str:
    cleaned = without_homes(clean(text))
    return f"<redacted:{kind}>" if kind and is_secret(kind, cleaned) else cleaned


def _kind(siblings: dict[Any, Any], key: Any) -> str | None:
    """The kind of secret that stands under a key, also where `name` beside `value` says it."""
    if key in {"value", "default"}:
        key = siblings.get("name", siblings.get("key"))
    return kind_of_key(key) if isinstance(key, str) and len(key) <= 100 else None


def _clean_keys(data: dict[Any, Any]) -> list[Any]:
    """The keys in order; two that became the same are told apart by a number."""
    taken: dict[Any, None] = {}
    for key in data:
        fresh = base = clean(key) if isinstance(key, str) else key
        number = 2
        while fresh in taken or (fresh != key and fresh in data):
            fresh, number = f"{base} ({number})", number + 1
        taken[fresh] = None
    return list(taken)


def _without_key_lines(items: list[Any] | tuple[Any, ...]) -> list[Any]:
    """The items; where a private key goes over several of them, as in notebooks, only that it did."""
    if not any(isinstance(item, str) and _BEGIN in item and _PRIVATE_KEY in item for item in items):
        return list(items)
    cleaned: list[Any] = []
    inside = False
    for item in items:
        begins = isinstance(item, str) and _BEGIN in item and _PRIVATE_KEY in item and _END not in item
        cleaned.append(_outside(item, begins=begins, inside=inside) if isinstance(item, str) else item)
        inside = isinstance(item, str) and (begins or (inside and _END not in item))
    return cleaned


def _outside(line: str, *, begins: bool, inside: bool) -> str:
    """What a line of a private key holds beside it."""
    if begins:
        return line[: line.index(_BEGIN)] + "<redacted:private-key>" + "\n" * line.endswith("\n")
    if not inside:
        return line
    return line.partition(_END)[2].partition("-----")[2] if _END in line else "\n" * line.endswith("\n")
