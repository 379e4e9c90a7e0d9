"""
A place to load a model in: a child process that writes to its own folder only and has no network.

Two doors of Linux that need no rights are used together. Landlock keeps what is written, created,
changed or removed below one folder, keeps TCP shut and other processes out of reach. A filter of
system calls shuts what Landlock does not know: sockets of every kind; modes, owners, times and
attributes of files, which Landlock would leave to be changed everywhere; queues and memory shared by
number; and the ways out of the filter itself. Reading is not confined: what is loaded may read any file
that the user may, and say so in its output, but send it nowhere.
"""

from __future__ import annotations

import errno
import os
import struct
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from envlock import process
from envlock.errors import StoreError, ToolError, UsageError
from envlock.values import frozen

__all__ = ["Completed", "missing", "restrict", "run"]


@frozen
class Completed:
    """How a confined program ended, what it wrote, and in words what could not be confined."""

    status: int
    output: bytes
    errors: bytes
    gaps: tuple[str, ...]


# linux/landlock.h: what may be done to files, by the version that first knows it.
_WRITE_FILE, _IOCTL_DEV = 1 << 1, 1 << 15
_MAKE_CHAR, _MAKE_BLOCK = 1 << 6, 1 << 11
_FILE_RIGHTS = (
    (1, _WRITE_FILE | sum(1 << bit for bit in range(4, 13))),  # remove and make, each of its kind
    (2, 1 << 13),  # to another folder
    (3, 1 << 14),  # truncate
    (5, _IOCTL_DEV),
)
_TCP = 1 << 0 | 1 << 1  # bind, connect
_SCOPES = 1 << 0 | 1 << 1  # abstract unix sockets, signals
_CREATE, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446

# What TensorFlow and CUDA write to.
_DEVICES = (
    "null",
    "zero",
    "full",
    "nvidia[0-9]*",
    "nvidiactl",
    "nvidia-uvm*",
    "nvidia-modeset",
    "nvidia-caps/*",
    "dri/*",
    "kfd",
    "dxg",
)

# linux/audit.h, and the column of each machine in the tables below, which are from asm/unistd.h.
_MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_Calls = tuple[tuple[int, ...], tuple[int, ...]]

_REFUSED: tuple[_Calls, ...] = (
    ((90, 91, 268, 452), (52, 53, 452)),  # chmod, fchmod, fchmodat, fchmodat2
    ((92, 93, 94, 260), (55, 54)),  # chown, fchown, lchown, fchownat
    ((132, 235, 261, 280), (88,)),  # utime, utimes, futimesat, utimensat
    ((188, 189, 190, 463), (5, 6, 7, 463)),  # setxattr, lsetxattr, fsetxattr, setxattrat
    ((197, 198, 199, 466), (14, 15, 16, 466)),  # removexattr, lremovexattr, fremovexattr, removexattrat
    ((469,), (469,)),  # file_setattr
    ((41,), (198,)),  # socket
    ((109, 112), (154, 157)),  # setpgid, setsid: what is started can be ended as one group
    ((272, 308), (97, 268)),  # unshare, setns
    ((30, 31, 65, 66, 220), (196, 195, 193, 191, 192)),  # shmat, shmctl, semop, semctl, semtimedop
    ((69, 71, 240, 241), (189, 187, 180, 181)),  # msgsnd, msgctl, mq_open, mq_unlink
    ((248, 249, 250), (217, 218, 219)),  # add_key, request_key, keyctl
    ((298, 321), (241, 280)),  # perf_event_open, bpf
)
# io_uring_setup, and clone3, whose flags no filter can see. Libraries do without where a kernel is older.
_UNKNOWN: tuple[_Calls, ...] = (((425, 435), (425, 435)),)
# truncate and openat2, while Landlock does not know truncation.
_TRUNCATE: _Calls = ((76,), (45,))
_OPENAT2: _Calls = ((437,), (437,))

_Judged = tuple[_Calls, int, int, tuple[int, ...]]
# Calls, the argument that decides, the bits of it that count, and the values that are refused.
_REFUSED_WITH: tuple[_Judged, ...] = (
    (((56,), (220,)), 0, 0x10000000, (0x10000000,)),  # clone: CLONE_NEWUSER
    # ioctl: FS_IOC_SETFLAGS and its 32-bit form, FS_IOC_FSSETXATTR, FS_IOC_ENABLE_VERITY
    (((16,), (29,)), 1, 0xFFFFFFFF, (0x40086602, 0x40046602, 0x401C5820, 0x40806685)),
    (((16,), (29,)), 1, 0xFFFFFFFF, (0x5412, 0x541C)),  # ioctl: TIOCSTI, TIOCLINUX
)
# The same, with the values that alone are not refused.
_REFUSED_WITHOUT: tuple[_Judged, ...] = (
    (((53,), (199,)), 1, 0xF, (1,)),  # socketpair: SOCK_STREAM; a datagram can be sent to any address
    (((302,), (261,)), 0, 0xFFFFFFFF, (0,)),  # prlimit64: the process itself
)
# open, openat: O_TRUNC with O_RDONLY, or with the mode that gives only the rights of ioctl
_TRUNCATING: tuple[_Judged, ...] = (
    (((2,), ()), 1, 0o1003, (0o1000, 0o1003)),
    (((257,), (56,)), 2, 0o1003, (0o1000, 0o1003)),
)


def missing() -> str:
    """Why Landlock cannot be had here; empty where it can."""
    if sys.platform != "linux":
        return "only Linux has Landlock"
    return _offered(_kernel())[1]


def restrict(scratch: Path) -> tuple[str, ...]:
    """
    Confine this process and all that it will start, for good, to write below `scratch` only.

    What could not be had is told in words. To be called before any thread is started: threads that
    run already stay free. Files that are open stay open. `StoreError` where `scratch` is no folder.
    """
    if sys.platform != "linux":
        return (f"nothing is confined: {missing()}",)
    import resource

    kernel = _kernel()
    apart = kernel.unshare(0x40000000 | 0x08000000) == 0  # CLONE_NEWNET, CLONE_NEWIPC
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _drop_capabilities(kernel)
    kernel.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    version, reason = _offered(kernel)
    if version:
        reason = _landlock(kernel, scratch, version)
    held = 0 if reason else version
    filtered = _filter(kernel, held)
    return tuple(_gaps(held, reason, apart=apart, filtered=filtered))


def run(
    module_arguments: Sequence[str],
    *,
    scratch: Path,
    given: bytes = b"",
    seconds: float = 300.0,
    most: int = 64 << 20,
) -> Completed:
    """
    Run `python -m` with these arguments in a confined child, and tell how it ended.

    The child works in `scratch`, reads `given`, has the variables of this process but for caches,
    which go to `scratch`; it finds modules where this process does, relative places apart. `seconds` is
    wall time, `ToolError` when it does not start, takes too long or writes more than `most` bytes.
    """
    scratch = scratch.resolve()
    if not scratch.is_dir():
        raise UsageError(f"{scratch.name} is no folder")
    mark = os.urandom(16).hex()
    paths = [entry for entry in sys.path if isinstance(entry, str) and Path(entry).is_absolute()]
    code = (
        f"import sys; sys.path[:] = {paths!a}; from envlock.sandbox import _enter; "
        f"_enter({str(scratch)!a}, {mark!a}, {os.getpid()}, {list(module_arguments)!a})"
    )
    ended = process.run_alone(
        [sys.executable, *_flags(), "-B", "-c", code],
        folder=scratch,
        env_vars=_variables(scratch),
        given=given,
        seconds=seconds,
        most=most,
    )
    return _completed(ended, mark)


def _completed(ended: process.Ended, mark: str) -> Completed:
    _, found, rest = ended.output.partition(f"{mark}\n".encode())
    told, found_end, output = rest.partition(f"{mark}\n".encode())
    if not (found and found_end):
        lines = ended.errors.decode("utf-8", "replace").strip().splitlines()
        raise ToolError(f"the confined Python did not start: {lines[-1] if lines else 'no message'}")
    gaps = tuple(told.decode("utf-8", "replace").splitlines())
    return Completed(ended.status, output, ended.errors, gaps)


def _flags() -> Iterator[str]:
    for name, flag in (("isolated", "-I"), ("ignore_environment", "-E"), ("no_user_site", "-s")):
        if getattr(sys.flags, name):
            yield flag


def _variables(scratch: Path) -> dict[str, str]:
    """
    The variables of this process, with what is only kept for another time put below `scratch`.

    KERAS_HOME stays: Keras reads settings there that decide what a model computes, and does without
    where it cannot write.
    """
    places = {
        "TMPDIR": "tmp",
        "TMP": "tmp",
        "TEMP": "tmp",
        "XDG_CACHE_HOME": "cache",
        "MPLCONFIGDIR": "cache/matplotlib",
        "CUDA_CACHE_PATH": "cache/cuda",
    }
    for place in places.values():
        (scratch / place).mkdir(parents=True, exist_ok=True)
    made = {name: str(scratch / place) for name, place in places.items()}
    return {**os.environ, **made, "PYTHONDONTWRITEBYTECODE": "1"}


def _enter(scratch: str, mark: str, parent: int, arguments: list[str]) -> None:
    """What the child does: it is confined, says how far, and becomes the module."""
    if sys.platform == "linux":
        _kernel().prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG, SIGKILL
        if os.getppid() != parent:
            os._exit(1)
    gaps = restrict(Path(scratch))
    os.write(1, "".join(f"{line}\n" for line in (mark, *gaps, mark)).encode())
    import runpy

    sys.argv = ["-m", *arguments[1:]]
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


def _kernel() -> Any:
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


def _call(kernel: Any, number: int, *arguments: Any) -> int:
    """A system call; minus the error's number where it fails."""
    import ctypes

    typed = [ctypes.c_long(item) if isinstance(item, int) else item for item in arguments]
    done: int = kernel.syscall(ctypes.c_long(number), *typed)
    return done if done >= 0 else -ctypes.get_errno()


def _offered(kernel: Any) -> tuple[int, str]:
    """Landlock's version and no reason, or 0 and why it cannot be had."""
    version = _call(kernel, _CREATE, None, 0, 1)  # LANDLOCK_CREATE_RULESET_VERSION
    if version > 0:
        return version, ""
    release = os.uname().release
    if version == -errno.ENOSYS and _older(release):
        return 0, f"Linux {release} is older than Landlock, which came with 5.13"
    if version == -errno.ENOSYS:
        return 0, "this Linux was built without Landlock, or the container hides it"
    if version == -errno.EOPNOTSUPP:
        return 0, "Landlock was switched off when this Linux was started"
    return 0, f"Landlock is forbidden here, as by a container's profile ({os.strerror(-version)})"


def _older(release: str) -> bool:
    numbers = release.split(".")[:2]
    return all(part.isdigit() for part in numbers) and [int(part) for part in numbers] < [5, 13]


def _drop_capabilities(kernel: Any) -> None:
    """Leave the superuser nothing but to read and write what others own, where Landlock allows it."""
    import ctypes

    kept = 1 << 1  # CAP_DAC_OVERRIDE
    header = struct.pack("=Ii", 0x20080522, 0)
    held = ctypes.create_string_buffer(24)
    kernel.capget(header, held)
    effective, permitted = struct.unpack_from("=II", held)
    kernel.capset(header, struct.pack("=6I", effective & kept, permitted & kept, 0, 0, 0, 0))


def _landlock(kernel: Any, scratch: Path, version: int) -> str:
    """Why it could not be had; empty when it holds from here on."""
    handled = sum(rights for since, rights in _FILE_RIGHTS if since <= version)
    asked = struct.pack("=QQQ", handled, _TCP if version >= 4 else 0, _SCOPES if version >= 6 else 0)
    rules = _call(kernel, _CREATE, asked, len(asked), 0)
    if rules < 0:
        return f"Landlock gives no set of rules ({os.strerror(-rules)})"
    try:
        below = handled & ~(_MAKE_CHAR | _MAKE_BLOCK | _IOCTL_DEV)
        _allow(kernel, rules, scratch, below)
        for device in _devices():
            _allow(kernel, rules, device, handled & (_WRITE_FILE | _IOCTL_DEV))
        done = _call(kernel, _RESTRICT_SELF, rules, 0)
    except OSError as error:
        raise StoreError(f"{scratch.name} cannot be written to: {error.strerror}") from error
    finally:
        os.close(rules)
    return "" if done == 0 else f"Landlock refuses to confine ({os.strerror(-done)})"


def _devices() -> list[Path]:
    found = {path for name in _DEVICES for path in Path("/dev").glob(name)}
    return sorted(path for path in found if path.is_char_device() and not path.is_symlink())


def _allow(kernel: Any, rules: int, path: Path, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        done = _call(kernel, _ADD_RULE, rules, 1, struct.pack("=Qi", rights, place), 0)
    finally:
        os.close(place)
    if done < 0:
        raise OSError(-done, os.strerror(-done))


def _filter(kernel: Any, version: int) -> bool:
    """Whether the filter of system calls holds from here on."""
    import ctypes

    machine = _MACHINES.get(os.uname().machine)
    if machine is None or struct.calcsize("P") != 8 or sys.byteorder != "little":
        return False
    program = _program(*machine, version)
    held = ctypes.create_string_buffer(program, len(program))
    given = struct.pack("HP", len(program) // 8, ctypes.addressof(held))
    # SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW: nothing here is kept from itself.
    return _call(kernel, (317, 277)[machine[1]], 1, 4, given) == 0


def _program(audit: int, column: int, version: int) -> bytes:
    """The filter: of calls of this machine all but the refused ones pass; of others none."""
    steps = [_step(0x20, 4), _step(0x15, audit, 1, 0), _refusal(), _step(0x20, 0)]
    steps += [_step(0x35, 0x40000000, 0, 1), _refusal()]  # x32
    old = version < 3
    for calls in (*_REFUSED, *([_TRUNCATE] if old else [])):
        steps += _outright(calls[column], errno.EPERM)
    for calls in (*_UNKNOWN, *([_OPENAT2] if old else [])):
        steps += _outright(calls[column], errno.ENOSYS)
    for rules, hit in ((_REFUSED_WITH, 0), (_REFUSED_WITHOUT, 1), (_TRUNCATING if old else (), 0)):
        steps += [step for rule in rules for step in _judged(rule, column, hit)]
    return b"".join([*steps, _PASS])


def _outright(numbers: Sequence[int], error: int) -> list[bytes]:
    return [step for number in numbers for step in (_step(0x15, number, 0, 1), _refusal(error))]


def _judged(rule: _Judged, column: int, hit: int) -> list[bytes]:
    """Refuse a call by the low half of an argument, which is all that the kernel looks at too."""
    calls, argument, mask, values = rule
    body = [_step(0x20, 16 + 8 * argument), _step(0x54, mask)]
    for value in values:
        body += [_step(0x15, value, hit, 1 - hit), _refusal()]
    body.append(_step(0x20, 0))
    return [step for number in calls[column] for step in (_step(0x15, number, 0, len(body)), *body)]


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    """One instruction of linux/filter.h: load 0x20, equal 0x15, at least 0x35, and 0x54, return 0x06."""
    return struct.pack("=HBBI", code, yes, no, value)


def _refusal(error: int = errno.EPERM) -> bytes:
    return _step(0x06, 0x00050000 | error)


_PASS = _step(0x06, 0x7FFF0000)


def _gaps(version: int, reason: str, *, apart: bool, filtered: bool) -> Iterator[str]:
    old = f"Landlock {version} does not know it" if version else "no Landlock"
    if not version:
        yield f"files and the user's other processes can be changed: {reason}"
    if not filtered:
        yield "modes, owners, times and attributes of files can be changed: no filter of system calls"
        yield "unix sockets can be reached: no filter of system calls"
    if not filtered and 0 < version < 3:
        yield f"files can be emptied: {old}"
    if not (filtered or apart):
        yield "UDP is open: no filter of system calls, no network namespace"
    if not (filtered or apart) and version < 4:
        yield f"TCP is open: {old}"
    if version < 5:
        yield f"devices that can be read take ioctl: {old}"
    if version < 6:
        yield f"signals reach the user's other processes: {old}"
    if sum(1 for _ in Path("/proc/self/task").iterdir()) > 1:
        yield "threads that were running before are not confined"
