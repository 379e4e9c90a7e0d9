"""
The names that are Keras' own.

Configurations of Keras 2, and `.h5` files of any, name a class or function by its bare name; only a table
tells whose it is. `tools/harvest_names.py` writes it, over the releases from TensorFlow 2.4 on, for the two
generations of Keras apart.
"""

from __future__ import annotations

import json
from functools import lru_cache

from envlock import resources

__all__ = ["is_keras_module", "is_own", "kind_among_layers"]

# Where a kind is expected, these are found. A layer may stand as an activation, a cell as a layer.
_ALSO = {
    "layer": ("layer", "model", "cell", "operation"),
    "model": ("model", "layer"),
    "cell": ("cell", "layer"),
    "activation": ("activation", "layer"),
    "loss": ("loss", "metric"),
    "metric": ("metric", "loss"),
    "schedule": ("schedule", "optimizer"),
}


def kind_among_layers(kind: str | None, config: object) -> str | None:
    """
    The kind of what stands among layers: `trainable` in its configuration makes it no operation.

    Operations and layers of Keras 3 share names, as `Softmax` does, and so may a layer of the user's.
    """
    return "model" if kind == "layer" and isinstance(config, dict) and "trainable" in config else kind


_Table = dict[str, frozenset[str]]

_PACKAGES = ("keras", "tf_keras", "tensorflow")


def is_own(name: str, kind: str | None, generation: str | None = None, *, is_text: bool = False) -> bool:
    """
    Whether Keras itself has something of this name; without a kind, or for any function, of any.

    `generation` is `2` or `3`, `None` for either: what came with Keras 3, such as the loss `dice`, is the
    user's in a file of Keras 2. `is_text` tells that the name stands alone, where Keras 3 finds its classes
    in other spellings too.
    """
    known = _tables()
    tables = [known[generation]] if generation in known else list(known.values())
    return any(_is_in(table, name, kind, is_text=is_text) for table in tables)


def _is_in(table: _Table, name: str, kind: str | None, *, is_text: bool) -> bool:
    if is_text and name == kind:  # no model is compiled with a base class, as `loss` would be that of losses
        return False
    if kind in {None, "function"}:
        return any(name in names for key, names in table.items() if not key.endswith("spelling"))
    if kind == "optimizer" and name.lower() in table[kind]:  # `Adam` and `adam` are one to Keras
        return True
    kinds = _ALSO.get(kind or "", (kind or "",))
    spelt = [f"{one} spelling" for one in kinds] if is_text else []
    return any(name in table.get(one, ()) for one in (*kinds, *spelt))


def is_keras_module(module: str) -> bool:
    """Whether what a module defines is Keras' own; a package that builds on Keras is not Keras."""
    return module.partition(".")[0] in _PACKAGES


@lru_cache(maxsize=1)
def _tables() -> dict[str, _Table]:
    data: dict[str, dict[str, list[str]]] = json.loads(resources.text("artifacts/keras_names.json"))
    return {
        generation: {kind: frozenset(names) for kind, names in table.items()}
        for generation, table in data.items()
    }
