"""The operating system and the environment variables that matter."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

from envlock.facts import Maybe, System, Unknown
from envlock.variables import GRAMMAR

__all__ = ["operating_system", "variables"]

_OS_RELEASE = Path("/etc/os-release")


def operating_system(_: object = None) -> System:
    """Name, machine, kernel, distribution and C library; never the host's name."""
    uname = platform.uname() if os.name == "nt" else os.uname()
    return System(
        os=uname[0],
        machine=uname[4],
        kernel=uname[2] or None,
        distribution=_distribution(),
        libc=_libc(),
    )


def variables(_: object = None) -> dict[str, str]:
    """The listed environment variables that are set, by name."""
    found: dict[str, str] = {}
    for name, grammar in GRAMMAR.items():
        value = os.environ.get(name)
        if value is not None:
            found[name] = value if re.fullmatch(grammar, value) else "<another form>"
    return found


def _distribution() -> Maybe[str | None]:
    try:
        text = _OS_RELEASE.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        return Unknown(f"/etc/os-release cannot be read: {error.strerror}")
    fields = dict(re.findall(r"^(ID|VERSION_ID)=[\"']?([^\"'\n]*)[\"']?$", text, re.MULTILINE))
    return " ".join(fields[key] for key in ("ID", "VERSION_ID") if fields.get(key)) or None


def _libc() -> Maybe[str | None]:
    try:
        return os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, ValueError, OSError):
        return None if os.name == "nt" else Unknown("this C library does not tell its version")
