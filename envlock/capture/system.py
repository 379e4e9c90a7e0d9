"""The operating system and the environment variables that matter."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from envlock.capture import cgroups, host
from envlock.facts import Maybe, System, Unknown
from envlock.variables import GRAMMAR, recordable

__all__ = ["operating_system", "variables"]

_OS_RELEASE = Path("/etc/os-release")

# Files that a container's runtime leaves in it.
_MARKERS = {
    "docker": Path("/.dockerenv"),
    "podman": Path("/run/.containerenv"),
    "singularity": Path("/.singularity.d"),
}
_CGROUP = Path("/proc/1/cgroup")
_CONTAINERS = ("kubernetes", "docker", "podman", "singularity", "containerd", "lxc")


def operating_system(_: object = None) -> System:
    """Name, machine, kernel, distribution, C library, container and memory; never the host's name."""
    uname = _uname()
    return System(
        os=uname[0],
        machine=uname[4],
        kernel=uname[2] or None,
        distribution=_distribution(),
        libc=_libc(),
        container=_container(),
        memory=cgroups.memory(),
        memory_limit=cgroups.memory_limit(),
    )


def _uname() -> Sequence[str]:
    if os.name == "nt":
        import platform

        return platform.uname()
    return os.uname()


def variables(_: object = None) -> dict[str, str]:
    """The listed environment variables that are set, by name."""
    return {name: recordable(name, os.environ[name]) for name in GRAMMAR if name in os.environ}


def _distribution() -> Maybe[str | None]:
    if host.system() in {"Darwin", "Windows"}:
        import platform

        is_mac = host.system() == "Darwin"
        return f"macos {platform.mac_ver()[0]}" if is_mac else f"windows {platform.win32_ver()[1]}"
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


def _container() -> str | None:
    """The kind of container that this process runs in."""
    if "KUBERNETES_SERVICE_HOST" in os.environ:  # set in every pod
        return "kubernetes"
    for kind, marker in _MARKERS.items():
        if marker.exists():
            return kind
    # https://systemd.io/CONTAINER_INTERFACE: a container's manager tells its name in this variable.
    told = os.environ.get("container", "")  # noqa: SIM112 - it is spelt so
    with suppress(OSError):  # no such file outside of Linux, and in some sandboxes none that may be read
        told += _CGROUP.read_text(encoding="utf-8", errors="replace")
    told = told.replace("kubepods", "kubernetes")
    return next((kind for kind in _CONTAINERS if kind in told), None)
