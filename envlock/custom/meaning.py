"""
What the user's code means: a digest that comments, docstrings, formatting and names of places do not change.

Nothing here imports what it looks at.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from envlock import store
from envlock.custom import source
from envlock.custom.reach import PROGRAM, Reached, reach
from envlock.custom.source import Module
from envlock.facts import Maybe, Unknown

__all__ = ["Sources", "meaning", "reached"]


class Sources:
    """
    The user's own modules as they are found on a path, each read once.

    `path` is `sys.path` by default. `program` is the one that is running, where it is to be looked into.
    With `folder` the modules are those that lie there, wherever they came from.
    """

    def __init__(
        self,
        path: Sequence[str] | None = None,
        *,
        program: Module | None = None,
        folder: Path | None = None,
    ) -> None:
        self._path = [str(folder)] if folder else path
        self._is_any = folder is not None
        self._found: dict[str, Module | None] = {PROGRAM: program}
        if folder is not None:
            self._found[PROGRAM] = _read(PROGRAM, folder / f"{PROGRAM}.py")

    def find(self, name: str) -> Module | None:
        """The module of this name if it is the user's own and can be read."""
        if name not in self._found:
            file = source.locate(name, self._path)
            is_own = file is not None and (self._is_any or source.is_local(file))
            self._found[name] = _read(name, file) if is_own and file else None
        return self._found[name]

    def installed(self, name: str) -> Path | None:
        """The file of a module that is no local one."""
        return None if name == PROGRAM else source.locate(name, self._path)


def _read(name: str, file: Path) -> Module | None:
    try:
        return Module.at(name, file)
    except (OSError, SyntaxError, ValueError):
        return None


def reached(sources: Sources, module: str, qualname: str) -> Reached | None:
    """What an object of the user's reaches; `None` where its module is not there or does not define it."""
    return reach(sources.find, module, qualname.partition(".")[0])


def meaning(sources: Sources, module: str, qualname: str) -> Maybe[str | None]:
    """
    The sha256 of what an object means, in hex, together with the user's code that it reaches.

    Its own name and those of the modules do not count. Of installed code it is the definition alone.
    `None` where the module cannot be found or does not define the object, unknown where it is no Python.
    """
    found = sources.find(module)
    if found is None:
        file = sources.installed(module)
        return None if file is None else source.digest(file, qualname)
    if source.definition(found.tree, qualname) is None:
        return None
    top = qualname.partition(".")[0]
    pieces = reached(sources, module, qualname)
    if pieces is None:
        return Unknown(f"module {module} does not define {top} at its top")
    inner = qualname.partition(".")[2]
    return store.sha256_of("\n".join([inner, *pieces.texts(top)]).encode())
