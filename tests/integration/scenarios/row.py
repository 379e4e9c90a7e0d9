"""One row of the table of scenarios, and what many of them share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from scenarios.sources import SOURCES

__all__ = [
    "BLOCKS",
    "BYTECODE",
    "CHANGED",
    "EDITED",
    "INSTALLED_LAYERS",
    "LOST",
    "OTHER_VERSION",
    "Row",
    "lost",
    "passing",
    "trusted",
]

Files = Mapping[str, str | None]


@dataclass(frozen=True)
class Row:
    """
    One load of one saved project.

    `files` are others than at save: `None` for one that is not there. `edits` give the old and the new text
    in a file. `said` holds a part of each warning, `error` the type and parts of what is raised. `ran` names
    the project's modules that ran, in order; `checks` what the loading program found. `keras2` holds what is
    otherwise under Keras 2.
    """

    what: str
    source: str
    name: str = ""
    files: Files = field(default_factory=dict)
    edits: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    beside: Mapping[str, str] = field(default_factory=dict)
    load: str = ""
    options: str = ""
    said: tuple[str, ...] = ()
    error: tuple[str, ...] = ()
    ran: tuple[str, ...] = ()
    is_equal: bool = True
    checks: Mapping[str, Any] = field(default_factory=dict)
    keras2: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """A name for tests and folders."""
        return self.name or self.source

    @property
    def program(self) -> str:
        """The program that loads."""
        options = f", {self.options}" if self.options else ""
        name = "model.h5" if self.source.endswith("h5") else "model.keras"
        return self.load or f'import envlock\n\nmodel = envlock.load_model("{name}"{options})\n'

    def under(self, environment: str) -> Row:
        """The row as it is for one environment."""
        return replace(self, **self.keras2) if environment == "keras2" else self


def lost(reason: str) -> tuple[str, ...]:
    """What is raised for the layer `Scale`."""
    return (
        "CustomObjectError: ",
        f"model.keras needs code that cannot be had: class Scale, asked for by Scale 'scale' ({reason}); ",
        'pass custom_objects={"Scale": Scale}, or import what registers it before, or trust="captured"',
    )


def trusted(what: str, source: str, *ran: str, **other: Any) -> Row:
    """The row of a project of which nothing is there, and whose captured source is trusted."""
    files = next(item.files for item in SOURCES if item.name == source)
    return Row(
        f'{what}; its code is not there, `trust="captured"`',
        source,
        f"{source}-trusted",
        files=dict.fromkeys(files),
        options='trust="captured"',
        ran=tuple(f"captured.{name}" for name in ran),
        **other,
    )


def passing(line: str, objects: str) -> str:
    return f'{line}\nimport envlock\n\nmodel = envlock.load_model("model.keras", custom_objects={objects})\n'


BLOCKS = ("site-packages/blocks/__init__.py", "site-packages/blocks/layers.py")
OTHER_VERSION = {
    "site-packages/blocks-1.2.0.dist-info/METADATA": None,
    "site-packages/blocks-1.2.0.dist-info/RECORD": None,
    "site-packages/blocks-2.0.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: blocks\nVersion: 2.0.0\n",
    "site-packages/blocks-2.0.0.dist-info/RECORD": "blocks/__init__.py,,\nblocks/layers.py,,\n",
}

INSTALLED_LAYERS = {
    "layers.py": None,
    "site-packages/layers.py": "import keras\n\n\nclass Scale(keras.layers.Layer):\n    pass\n",
    "site-packages/other-3.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: other\nVersion: 3.0\n",
    "site-packages/other-3.0.dist-info/RECORD": "layers.py,,\n",
}

BYTECODE = ("UnsafeModelError: ", "model.keras is not loaded: [EL604]", 'trust="code" loads it')
EDITED = {"layers.py": ("inputs * self.by", "inputs + self.by")}
CHANGED = (
    "[EL202] class Scale of module layers, or code of yours that it uses, "
    "was edited since the model was saved"
)
LOST = "[EL201] class Scale was in module layers, which the target does not have"
