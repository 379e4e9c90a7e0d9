"""What one artifact of the corpus is, and the bench on which it is made."""

from __future__ import annotations

import base64
import marshal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECRET = "envlock-secret-" + "0123456789abcdef" * 16


def own_bytecode(source: str) -> str:
    """The marshalled code of a lambda, for the Python that runs this."""
    function: Any = eval(source)
    return base64.b64encode(marshal.dumps(function.__code__)).decode("ascii")


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Where artifacts are written, and where a payload that ran would leave its mark.

    `keras` is the dialect of the configurations: 2 or 3.
    """

    folder: Path
    markers: Path
    keras: int = 3
    bytecode: Callable[[str], str] = own_bytecode

    def path(self, name: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def marker(self, name: str = "fired") -> str:
        return str(self.markers / name)

    def secret(self) -> Path:
        """A file that no model may read."""
        path = self.path("outside/secret.txt")
        path.write_text(SECRET + "\n", encoding="ascii")
        return path


@dataclass(frozen=True)
class Case:
    """A hostile artifact: the row of the catalogue it stands for, and the classes it may be given."""

    name: str
    row: str
    expected: frozenset[str]
    build: Callable[[Bench], Path]
    dialect: int = 0  # which Keras it is meant for; 0 is both


@dataclass(frozen=True)
class Clean:
    """An artifact that looks like a hostile one and is none."""

    name: str
    expected: frozenset[str]
    build: Callable[[Bench], Path]


CODE = frozenset({"code"})
READ = frozenset({"file-read"})
SIZE = frozenset({"resource"})
REFUSE = frozenset({"refuse"})
CLEAN = frozenset({"clean"})
CUSTOM = frozenset({"custom"})
