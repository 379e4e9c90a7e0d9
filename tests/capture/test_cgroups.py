from __future__ import annotations

from pathlib import Path

import pytest

from envlock.capture import cgroups, host
from envlock.facts import Unknown

POD = "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-2.scope"
DOCKER = "docker/0123456789ab"
VERSION_1 = "12:memory:/{0}\n4:cpu,cpuacct:/{0}\n3:cpuset:/{0}\n1:name=systemd:/{0}\n"
NO_LIMIT_1 = "9223372036854771712"
GIGABYTE = 1 << 30


class Machine:
    """A Linux with this text in /proc/self/cgroup and these files below /sys/fs/cgroup."""

    def __init__(self, folder: Path) -> None:
        self.proc, self.groups = folder / "own", folder / "groups"

    def write(self, own: str, **files: str) -> None:
        self.proc.write_text(own, encoding="utf-8")
        self.groups.mkdir()
        for name, text in files.items():
            path = self.groups / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n", encoding="utf-8")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    found = Machine(tmp_path)
    monkeypatch.setattr(cgroups, "_OWN_GROUPS", found.proc)
    monkeypatch.setattr(cgroups, "_GROUPS", found.groups)
    monkeypatch.setattr(cgroups, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(host, "system", lambda: "Linux")
    return found


@pytest.mark.parametrize(
    ("own", "files", "quota", "limit"),
    [
        # A machine without containers: the root of version 2 has no such files.
        ("0::/user.slice/session-1.scope\n", {"user.slice/cpu.max": "max 100000"}, None, None),
        # Docker sees its own group as the root.
        ("0::/\n", {"cpu.max": "150000 100000", "memory.max": "2147483648"}, 1.5, 2 * GIGABYTE),
        ("0::/\n", {"cpu.max": "max 100000", "memory.max": "max"}, None, None),
        # Kubernetes, seen from the host: the smallest on the way up.
        (
            f"0::/{POD}\n",
            {
                f"{POD}/cpu.max": "max 100000",
                f"{POD}/memory.max": "max",
                "kubepods.slice/kubepods-burstable.slice/cpu.max": "300000 100000",
                "kubepods.slice/cpu.max": "50000 100000",
                "kubepods.slice/kubepods-burstable.slice/memory.max": "1073741824",
                "kubepods.slice/memory.max": "4294967296",
                "other.slice/cpu.max": "1000 100000",
            },
            0.5,
            GIGABYTE,
        ),
        # A path that exists only outside of the container; one outside of what can be seen.
        (f"0::/{POD}\n", {"cpu.max": "200000 100000", "memory.max": "1024"}, 2.0, 1024),
        (
            "0::/../other\n",
            {
                "cpu.max": "200000 100000",
                "memory.max": "1024",
                "../other/cpu.max": "1000 100000",
                "../other/memory.max": "1",
            },
            2.0,
            1024,
        ),
        # Version 1, from the host and from inside.
        (
            VERSION_1.format(DOCKER),
            {
                f"cpu,cpuacct/{DOCKER}/cpu.cfs_quota_us": "250000",
                f"cpu,cpuacct/{DOCKER}/cpu.cfs_period_us": "100000",
                "cpu,cpuacct/cpu.cfs_quota_us": "-1",
                "cpu,cpuacct/cpu.cfs_period_us": "100000",
                f"memory/{DOCKER}/memory.limit_in_bytes": "536870912",
                "memory/memory.limit_in_bytes": NO_LIMIT_1,
            },
            2.5,
            GIGABYTE // 2,
        ),
        (
            VERSION_1.format(DOCKER),
            {
                "cpu/cpu.cfs_quota_us": "250000",
                "cpu/cpu.cfs_period_us": "100000",
                "memory/memory.limit_in_bytes": "536870912",
            },
            2.5,
            GIGABYTE // 2,
        ),
        (
            VERSION_1.format(""),
            {
                "cpu/cpu.cfs_quota_us": "-1",
                "cpu/cpu.cfs_period_us": "100000",
                "memory/memory.limit_in_bytes": "9223372036854710272",  # with pages of 64 KiB
            },
            None,
            None,
        ),
    ],
)
def test_the_smallest_limit_on_the_way_up_counts(
    machine: Machine, own: str, files: dict[str, str], quota: float | None, limit: int | None
) -> None:
    machine.write(own, **files)

    assert (cgroups.cpu_quota(), cgroups.memory_limit()) == (quota, limit)


@pytest.mark.parametrize("text", ["", "many 100000", "100000 0", "max"])
def test_a_limit_that_is_no_number_is_unknown(machine: Machine, text: str) -> None:
    machine.write("0::/\n", **{"cpu.max": text, "memory.max": "much"})

    unknown = Unknown("the limits of the control groups cannot be read: a file holds no number")
    assert (cgroups.cpu_quota(), cgroups.memory_limit()) == (unknown, unknown)


def test_limits_that_cannot_be_read_are_unknown(machine: Machine) -> None:
    machine.write("0::/\n")
    (machine.groups / "cpu.max").mkdir()
    (machine.groups / "memory.max").mkdir()

    unknown = Unknown("the limits of the control groups cannot be read: Is a directory")
    assert (cgroups.cpu_quota(), cgroups.memory_limit()) == (unknown, unknown)


def test_without_control_groups_in_sight_the_limits_are_unknown(machine: Machine) -> None:
    machine.proc.write_text("0::/\n", encoding="utf-8")

    unknown = Unknown("the limits of the control groups cannot be read: no control groups are mounted")
    assert (cgroups.cpu_quota(), cgroups.memory_limit()) == (unknown, unknown)


def test_elsewhere_than_on_linux_there_are_no_control_groups(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "system", lambda: "Darwin")

    assert (cgroups.cpu_quota(), cgroups.memory_limit()) == (None, None)


# The memory


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MemTotal:       16384256 kB\nMemFree:         1 kB\n", 16384256 * 1024),
        ("MemFree: 1 kB\n", Unknown("/proc/meminfo names no MemTotal")),
        (None, Unknown("/proc/meminfo cannot be read: No such file or directory")),
    ],
)
def test_the_memory_is_the_kernels_total_in_bytes(
    machine: Machine, text: str | None, expected: int | Unknown
) -> None:
    if text is not None:
        cgroups._MEMINFO.write_text(text, encoding="utf-8")

    assert cgroups.memory() == expected


def test_elsewhere_the_memory_is_that_of_all_pages(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = {"SC_PHYS_PAGES": 1000, "SC_PAGE_SIZE": 16384}
    monkeypatch.setattr(host, "system", lambda: "Darwin")
    monkeypatch.setattr(cgroups.os, "sysconf", pages.__getitem__, raising=False)

    assert cgroups.memory() == 16384000


def test_on_windows_the_memory_is_unknown(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "system", lambda: "Windows")
    monkeypatch.delattr(cgroups.os, "sysconf")

    assert cgroups.memory() == Unknown("the memory cannot be read on Windows")
