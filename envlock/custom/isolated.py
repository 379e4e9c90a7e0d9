"""
Captured source, run as modules of its own.

The modules of one model import each other under the names that they had; no other program finds them by
these, and nothing that is installed is shadowed. What runs is what was checked: the text is kept in memory,
and no bytecode is looked for.
"""

from __future__ import annotations

import builtins
import importlib
import linecache
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from importlib.util import decode_source
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["PREFIX", "Captured", "original_name"]

PREFIX = "envlock_captured_"


def original_name(module: str) -> str:
    """The name that a captured module had where it was captured; any other comes back as it is."""
    first, _, rest = module.partition(".")
    return rest if first.startswith(PREFIX) and rest else module


class Captured:
    """The captured modules of one model: `texts` by the names that they had, `key` tells them from others."""

    def __init__(self, key: str, texts: Mapping[str, bytes], packages: Sequence[str]) -> None:
        self.root = f"{PREFIX}{key}"
        self._texts = dict(texts)
        self._packages = {*packages, *(name.rpartition(".")[0] for name in texts)} - {""}

    def module(self, name: str) -> ModuleType:
        """The module that was called `name`, which is run the first time; what it raises passes through."""
        sys.meta_path[:] = [item for item in sys.meta_path if getattr(item, "root", None) != self.root]
        sys.meta_path.append(self)
        return importlib.import_module(f"{self.root}.{name}")

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002 - the protocol's
        """Where Python asks for a module of this model."""
        name = self._inner(fullname)
        if name is None or (name and not self.has(name)):
            return None
        spec = ModuleSpec(fullname, self, is_package=not name or self._is_package(name))  # type: ignore[arg-type] # by shape it is a loader
        spec.origin = self._place(name)
        spec.has_location = bool(name)
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        """Python makes the module itself."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the text of a module, whose own imports are served first from its model."""
        name = self._inner(module.__name__) or ""
        text = self._texts.get(name)
        if text is None:
            return
        place = self._place(name)
        lines = StringIO(decode_source(text)).readlines()
        # What reads source at run time, as TensorFlow's autograph does, gets this very text.
        linecache.cache[place] = (len(text), None, lines, place)
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": self._import}
        vars(module)["__file__"] = place
        exec(compile(text, place, "exec", dont_inherit=True), vars(module))  # noqa: S102 - the caller trusts it

    def get_source(self, fullname: str) -> str | None:
        """The text of a module, for what reads source anew."""
        text = self._texts.get(self._inner(fullname) or "")
        return None if text is None else decode_source(text)

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002 - as Python calls them
        locals: Mapping[str, Any] | None = None,  # noqa: A002
        fromlist: Sequence[str] = (),
        level: int = 0,
    ) -> ModuleType:
        if level or not self.has(name):
            return builtins.__import__(name, globals, locals, fromlist, level)
        found = importlib.import_module(f"{self.root}.{name}")
        if not fromlist:
            return sys.modules[f"{self.root}.{name.partition('.')[0]}"]
        for item in fromlist:
            if not hasattr(found, item) and self.has(f"{name}.{item}"):
                importlib.import_module(f"{self.root}.{name}.{item}")
        return found

    def _place(self, name: str) -> str:
        # Not as <name>, whose source TensorFlow's autograph drops; and where no file of that name can lie.
        return str(Path(os.devnull, f"{self.root}.{name}"))

    def _inner(self, fullname: str) -> str | None:
        if fullname == self.root:
            return ""
        return fullname[len(self.root) + 1 :] if fullname.startswith(f"{self.root}.") else None

    def has(self, name: str) -> bool:
        """Whether a module of this name was captured."""
        return name in self._texts or self._is_package(name)

    def _is_package(self, name: str) -> bool:
        return name in self._packages or any(other.startswith(f"{name}.") for other in self._packages)
