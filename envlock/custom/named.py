"""The user's code as far as a saved model itself tells of it: by name."""

from __future__ import annotations

from envlock.artifacts.config import inventory
from envlock.facts import Content, CustomObject, Maybe, Unknown

__all__ = ["stated"]


def stated(content: Content, keras_version: Maybe[str | None]) -> Maybe[tuple[CustomObject, ...]]:
    """None, where a model names only what is Keras' own: of other code its files hold the name alone."""
    found = inventory(content, keras_version=keras_version)
    if isinstance(found, Unknown):
        return found
    names = " and ".join(dict.fromkeys(item.name for item in found.custom))
    return Unknown(f"the model asks for {names}, and its files do not hold that code") if names else ()
