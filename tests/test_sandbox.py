from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from envlock import sandbox
from envlock.errors import StoreError, ToolError, UsageError

pytestmark = pytest.mark.skipif(bool(sandbox.missing()), reason=sandbox.missing() or "Landlock is offered")

ROOT = Path(__file__).parent.parent

# What a child tries, and how it says what came of it.
ATTEMPTS = """
import ctypes, errno, fcntl, json, os, resource, signal, socket, struct, subprocess, sys, threading
from pathlib import Path

def tried(**attempts):
    found = {}
    for name, attempt in attempts.items():
        try:
            attempt()
        except OSError as error:
            found[name] = errno.errorcode[error.errno]
        else:
            found[name] = "done"
    return found

def called(name, *given):
    kernel = ctypes.CDLL(None, use_errno=True)
    if getattr(kernel, name)(*given) < 0:
        raise OSError(ctypes.get_errno(), name)

def sent(kind, address, text=b"x"):
    with socket.socket(socket.AF_INET, kind) as own:
        own.connect(address)
        own.send(text)

def tell(value):
    print(json.dumps(value))

out = Path({outside!r})
own = Path({scratch!r})
"""

BECOME = "os.setgroups([]); os.setgid(65534); os.setuid(65534)"


class Places:
    """A folder that a child may write to, one that it may not, and how to start one."""

    def __init__(self, root: Path) -> None:
        self.scratch = root / "scratch"
        self.outside = root / "outside"
        self.modules = root / "modules"
        for folder in (self.scratch, self.outside, self.modules):
            folder.mkdir()
        (self.outside / "kept").write_text("as it was", encoding="utf-8")
        (self.outside / "folder").mkdir()

    def program(self, code: str) -> str:
        given = {"outside": str(self.outside), "scratch": str(self.scratch)}
        head = ATTEMPTS.replace("{outside!r}", repr(given["outside"]))
        return head.replace("{scratch!r}", repr(given["scratch"])) + textwrap.dedent(code)

    def run(self, code: str, **options: Any) -> sandbox.Completed:
        """What `sandbox.run` gives for a module with this code."""
        (self.modules / "tried_in_sandbox.py").write_text(self.program(code), encoding="utf-8")
        return sandbox.run(["tried_in_sandbox"], scratch=self.scratch, **options)

    def told(self, code: str) -> Any:
        done = self.run(code)
        assert (done.status, done.gaps) == (0, ()), done.errors.decode()
        return json.loads(done.output)

    def after_restrict(self, code: str, *, before: str = "", nobody: bool = False) -> Any:
        """What a process says that ran `before`, confined itself, and told `gaps` or more."""
        head = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from envlock import sandbox\n"
        enter = "gaps = sandbox.restrict(own)\n"
        parts = [head, self.program(""), BECOME if nobody else "", textwrap.dedent(before), enter]
        program = "\n".join([*parts, textwrap.dedent(code)])
        done = subprocess.run(
            [sys.executable, "-B", "-c", program], capture_output=True, check=False, cwd="/"
        )
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    found = Places(tmp_path)
    monkeypatch.syspath_prepend(str(found.modules))
    return found


@pytest.fixture
def open_places() -> Iterator[Places]:
    """Places that belong to nobody, below a folder that is open to all."""
    root = Path(tempfile.mkdtemp())
    found = Places(root)
    for path in (root, *root.rglob("*")):
        os.chown(path, 65534, 65534)
    yield found
    shutil.rmtree(root)


@pytest.fixture
def listening() -> Iterator[tuple[socket.socket, tuple[str, int]]]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(0)
        yield server, server.getsockname()


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser can become nobody")

NOT_FILTERED = "sandbox._MACHINES = {}\n"


def test_nothing_outside_can_be_written_created_changed_or_removed(places):
    before = [(path, path.stat()) for path in sorted(places.outside.rglob("*"))]

    found = places.told("""
        kept = out / "kept"
        tell(tried(
            write=lambda: kept.open("w"), append=lambda: kept.open("a"),
            create=lambda: (out / "new").open("x"), truncate=lambda: os.truncate(kept, 0),
            cut=lambda: os.open(kept, os.O_RDONLY | os.O_TRUNC),
            mkdir=lambda: (out / "new").mkdir(), rmdir=lambda: (out / "folder").rmdir(),
            unlink=kept.unlink, rename=lambda: kept.rename(out / "other"),
            take=lambda: kept.rename(own / "kept"), symlink=lambda: (out / "new").symlink_to(kept),
            link=lambda: (own / "linked").hardlink_to(kept), fifo=lambda: os.mkfifo(out / "new"),
            through=lambda: ((own / "way").symlink_to(kept), (own / "way").open("w")),
            device=lambda: os.mknod(own / "disk", 0o60600, os.makedev(1, 0)),
            unnamed=lambda: os.open(out, os.O_TMPFILE | os.O_RDWR),
        ))
    """)

    permitted = {"link": "EXDEV", "take": "EACCES", "device": found["device"]}
    assert found == dict.fromkeys(found, "EACCES") | permitted
    assert found["device"] in {"EACCES", "EPERM"}
    assert [(path, path.stat()) for path in sorted(places.outside.rglob("*"))] == before


def test_modes_owners_times_and_attributes_of_files_cannot_be_changed(places):
    found = places.told("""
        kept = out / "kept"
        reading = os.open(kept, os.O_RDONLY)
        tell(tried(
            chmod=lambda: kept.chmod(0o600), fchmod=lambda: os.fchmod(reading, 0o600),
            fchmodat=lambda: os.chmod("kept", 0o600, dir_fd=os.open(out, os.O_RDONLY)),
            chown=lambda: os.chown(kept, os.getuid(), os.getgid()),
            fchown=lambda: os.fchown(reading, os.getuid(), os.getgid()),
            lchown=lambda: os.lchown(kept, os.getuid(), os.getgid()),
            utime=lambda: os.utime(kept, (1, 1)), futime=lambda: os.utime(reading, (1, 1)),
            setxattr=lambda: os.setxattr(kept, "user.a", b"b"),
            fsetxattr=lambda: os.setxattr(reading, "user.a", b"b"),
            removexattr=lambda: os.removexattr(kept, "user.a"),
            flags=lambda: fcntl.ioctl(reading, 0x40086602, struct.pack("l", 0x80)),
        ))
    """)

    assert found == dict.fromkeys(found, "EPERM")
    assert oct((places.outside / "kept").stat().st_mode & 0o777) == "0o644"


def test_everything_can_be_done_below_scratch(places):
    found = places.told("""
        def all_of_it():
            (own / "a").mkdir()
            (own / "a" / "b").write_text("one")
            (own / "a" / "b").rename(own / "c")
            os.truncate(own / "c", 1)
            (own / "d").symlink_to("c")
            (own / "e").hardlink_to(own / "c")
            os.mkfifo(own / "f")
            (own / "e").unlink()
            (own / "a").rmdir()
        import tempfile
        made = tempfile.mkdtemp()
        tell([tried(all=all_of_it), (own / "d").read_text(), Path(made).is_relative_to(own)])
    """)

    assert found == [{"all": "done"}, "o", True]


def test_everything_can_be_read(places):
    found = places.told("""
        tell([(out / "kept").read_text(), len(os.listdir("/")) > 3, Path("/proc/self/status").exists()])
    """)

    assert found == ["as it was", True, True]


def test_the_usual_devices_can_be_written_to_and_no_disk(places):
    found = places.told("""
        disks = [path for path in Path("/dev").iterdir() if path.is_block_device()]
        shown = tried(null=lambda: open("/dev/null", "w").write("x"), shared=lambda: open("/dev/shm/x", "w"))
        tell([shown, sorted({tried(disk=lambda: os.open(disk, os.O_WRONLY))["disk"] for disk in disks})])
    """)

    assert found[0] == {"null": "done", "shared": "EACCES"}
    assert set(found[1]) <= {"EACCES"}


def test_no_socket_of_any_kind_can_be_had(places, listening):
    server, address = listening
    with socket.socket(socket.AF_UNIX) as local:
        local.bind(str(places.outside / "local"))
        local.listen()

        found = places.told(f"""
            tell(tried(
                tcp=lambda: sent(socket.SOCK_STREAM, {address}),
                udp=lambda: sent(socket.SOCK_DGRAM, {address}),
                listen=lambda: socket.create_server(("127.0.0.1", 0)),
                unix=lambda: socket.socket(socket.AF_UNIX).connect(str(out / "local")),
                netlink=lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
                datagrams=lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM),
                ring=lambda: called("syscall", 425, 8, None),
                pair=socket.socketpair,
            ))
        """)

    assert found == dict.fromkeys(found, "EPERM") | {"ring": "ENOSYS", "pair": "done"}
    with pytest.raises(BlockingIOError):
        server.accept()


def test_other_processes_cannot_be_reached(places):
    found = places.told("""
        parent = os.getppid()
        tell(tried(
            kill=lambda: os.kill(parent, 0),
            memory=lambda: open(f"/proc/{parent}/mem", "rb"),
            trace=lambda: called("ptrace", 16, parent, None, None),
            limits=lambda: resource.prlimit(parent, resource.RLIMIT_NOFILE),
            session=os.setsid, group=lambda: os.setpgid(0, 0),
            namespace=lambda: called("unshare", 0x10000000),
            memory_by_number=lambda: called("shmat", 0, None, 0),
        ))
    """)

    assert found == dict.fromkeys(found, "EPERM") | {"memory": "EACCES"}


def test_what_a_child_starts_is_confined_too(places):
    found = places.told("""
        code = "import os,sys; os.open(sys.argv[1], os.O_WRONLY)"
        done = subprocess.run([sys.executable, "-c", code, out / "kept"], capture_output=True, text=True)
        caps = subprocess.run(["cat", "/proc/self/status"], capture_output=True, text=True).stdout
        held = [line.split()[1] for line in caps.splitlines() if line.startswith(("CapEff", "NoNewPrivs"))]
        worker = threading.Thread(target=lambda: seen.append(tried(thread=lambda: (out / "x").open("w"))))
        seen = []
        worker.start()
        worker.join()
        tell([done.stderr.splitlines()[-1].split(":")[0], int(held[0], 16) & ~2, held[1], seen])
    """)

    assert found == ["PermissionError", 0, "1", [{"thread": "EACCES"}]]


def test_a_child_inherits_no_open_file_and_reads_what_is_given(places):
    opened = os.open(places.outside / "kept", os.O_WRONLY)
    kept = os.dup2(opened, 200)  # which can be inherited

    done = places.run(
        f"tell([sys.stdin.read(), tried(kept=lambda: os.write({kept}, b'x')), os.listdir('/proc/self/fd')])",
        given=b"a model",
    )

    os.close(opened)
    os.close(kept)
    read, written, held = json.loads(done.output)
    assert (read, written) == ("a model", {"kept": "EBADF"})
    assert {int(name) for name in held} <= {0, 1, 2, 3}  # the last lists the folder


def test_a_child_gets_caches_of_its_own_and_no_core_file(places):
    found = places.told("""
        names = ("TMPDIR", "XDG_CACHE_HOME", "MPLCONFIGDIR", "CUDA_CACHE_PATH")
        places = [Path(os.environ[name]) for name in names]
        tell([[place.is_relative_to(own) and place.is_dir() for place in places], os.getcwd() == str(own),
              resource.getrlimit(resource.RLIMIT_CORE), sys.dont_write_bytecode])
    """)

    assert found == [[True] * 4, True, [0, 0], True]


def test_a_child_finds_modules_where_its_parent_does_but_not_in_the_current_folder(places, monkeypatch):
    here = places.outside / "here"
    here.mkdir()
    (here / "json.py").write_text("raise SystemExit('shadowed')", encoding="utf-8")
    (places.scratch / "json.py").write_text("raise SystemExit('shadowed')", encoding="utf-8")
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "path", ["", ".", *sys.path])

    found = places.told("tell([entry for entry in sys.path])")

    assert found == [entry for entry in sys.path if Path(entry).is_absolute()]


def test_arguments_status_output_and_errors_are_handed_over(places):
    code = "print(sys.argv[1:], end=''); print('told', file=sys.stderr); sys.exit(3)"
    (places.modules / "tried_in_sandbox.py").write_text(places.program(code), encoding="utf-8")

    done = sandbox.run(["tried_in_sandbox", "a b", "ü", "'\n"], scratch=places.scratch)

    assert done == sandbox.Completed(3, b"['a b', '\xc3\xbc', \"'\\n\"]", b"told\n", ())


def test_a_module_that_is_missing_is_told_by_the_status(places):
    done = sandbox.run(["no_such_module_of_envlock"], scratch=places.scratch)

    assert (done.status, b"no_such_module_of_envlock" in done.errors) == (1, True)


def test_a_scratch_folder_that_is_missing_is_named(places):
    with pytest.raises(UsageError) as caught:
        sandbox.run(["platform"], scratch=places.scratch / "none")

    assert str(caught.value) == "none is no folder"


def test_a_python_that_does_not_start_is_quoted(places, monkeypatch):
    monkeypatch.setattr(sys, "path", [])

    with pytest.raises(ToolError) as caught:
        sandbox.run(["platform"], scratch=places.scratch)

    assert str(caught.value).startswith("the confined Python did not start: ")


def test_too_much_output_is_refused_and_the_end_of_errors_is_kept(places):
    code = "import sys; sys.stdout.write('x' * 300_000); sys.stderr.write('y' * 300_000 + 'end')"

    with pytest.raises(ToolError, match="wrote more than 200000 bytes"):
        places.run(code, most=200_000)

    errors = places.run(code, most=400_000).errors
    assert (len(errors), errors[-4:]) == (300_003, b"yend")


STARTS_ANOTHER = """
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    (own / "started").write_text(f"{os.getpid()} {other.pid} ")
    other.wait()
"""


def ends(pids: list[int]) -> bool:
    """Whether all of these processes are gone within two seconds."""
    for _ in range(200):
        if not any(_runs(pid) for pid in pids):
            return True
        time.sleep(0.01)
    return False


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def started(places: Places) -> list[int]:
    for _ in range(1000):
        file = places.scratch / "started"
        if file.exists() and file.read_text(encoding="utf-8").endswith(" "):
            return [int(pid) for pid in file.read_text(encoding="utf-8").split()]
        time.sleep(0.01)
    raise AssertionError("nothing was started")


def test_a_child_that_takes_too_long_is_ended_with_all_that_it_started(places):
    with pytest.raises(ToolError, match="did not finish within 2 s"):
        places.run(STARTS_ANOTHER, seconds=1.5)

    assert ends(started(places))


def test_a_child_that_ends_leaves_nothing_running(places):
    done = places.run(STARTS_ANOTHER.replace("other.wait()", ""), seconds=20)

    assert (done.status, ends(started(places))) == (0, True)


@pytest.mark.parametrize(("number", "left"), [(signal.SIGINT, 0), (signal.SIGKILL, 1)])
def test_an_interrupted_parent_leaves_no_child(places, number, left):
    (places.modules / "tried_in_sandbox.py").write_text(places.program(STARTS_ANOTHER), encoding="utf-8")
    code = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(places.modules)!r}]\n"
        "from pathlib import Path; from envlock import sandbox\n"
        f"sandbox.run(['tried_in_sandbox'], scratch=Path({str(places.scratch)!r}))"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    child, grandchild = started(places)

    parent.send_signal(number)
    parent.wait()

    assert ends([child, grandchild][: 2 - left])
    if left:  # nobody is there to end what the child itself had started
        os.kill(grandchild, signal.SIGKILL)


@needs_root
def test_it_holds_for_a_user_without_rights(open_places, listening):
    _, address = listening

    found = open_places.after_restrict(
        f"""
        tell([gaps, os.getuid(), tried(
            write=lambda: (out / "kept").open("w"), chmod=lambda: (out / "kept").chmod(0o600),
            tcp=lambda: sent(socket.SOCK_STREAM, {address}), udp=lambda: sent(socket.SOCK_DGRAM, {address}),
            own=lambda: (own / "a").write_text("b"), read=lambda: (out / "kept").read_text(),
        )])
        """,
        nobody=True,
    )

    kept = {
        "write": "EACCES",
        "chmod": "EPERM",
        "tcp": "EPERM",
        "udp": "EPERM",
        "own": "done",
        "read": "done",
    }
    assert found == [[], 65534, kept]


@needs_root
def test_without_a_filter_landlock_alone_keeps_files_and_tcp(open_places, listening):
    _, address = listening

    gaps, found = open_places.after_restrict(
        f"""
        tell([gaps, tried(
            write=lambda: (out / "kept").open("w"), chmod=lambda: (out / "kept").chmod(0o600),
            cut=lambda: os.truncate(out / "kept", 0), kill=lambda: os.kill(os.getppid(), 0),
            tcp=lambda: sent(socket.SOCK_STREAM, {address}), udp=lambda: sent(socket.SOCK_DGRAM, {address}),
        )])
        """,
        before=NOT_FILTERED,
        nobody=True,
    )

    assert gaps == [
        "modes, owners, times and attributes of files can be changed: no filter of system calls",
        "unix sockets can be reached: no filter of system calls",
        "UDP is open: no filter of system calls, no network namespace",
    ]
    kept = {"write": "EACCES", "cut": "EACCES", "kill": "EPERM", "tcp": "EACCES"}
    assert found == kept | {"chmod": "done", "udp": "done"}


@needs_root
def test_without_a_filter_the_superuser_has_a_network_of_its_own(places, listening):
    _, address = listening

    gaps, found = places.after_restrict(
        f"tell([gaps, tried(udp=lambda: sent(socket.SOCK_DGRAM, {address}))])", before=NOT_FILTERED
    )

    assert (len(gaps), found) == (2, {"udp": "ENETUNREACH"})


HIDDEN = """
    kept = sandbox._REFUSED, sandbox._UNKNOWN, sandbox._REFUSED_WITH, sandbox._REFUSED_WITHOUT
    sandbox._REFUSED, sandbox._REFUSED_WITH, sandbox._REFUSED_WITHOUT = (), (), ()
    sandbox._UNKNOWN = (((444,), (444,)),)
    sandbox._program = (lambda made: lambda *given: made(*given).replace(
        struct.pack("=HBBI", 6, 0, 0, 0x50000 | errno.ENOSYS),
        struct.pack("=HBBI", 6, 0, 0, 0x50000 | {error})))(sandbox._program)
    called("prctl", 38, 1, 0, 0, 0)
    assert sandbox._filter(sandbox._kernel(), 7)
    sandbox._REFUSED, sandbox._UNKNOWN, sandbox._REFUSED_WITH, sandbox._REFUSED_WITHOUT = kept
"""


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("errno.ENOSYS", "this Linux was built without Landlock, or the container hides it"),
        ("errno.EOPNOTSUPP", "Landlock was switched off when this Linux was started"),
        (
            "errno.EPERM",
            "Landlock is forbidden here, as by a container's profile (Operation not permitted)",
        ),
    ],
)
def test_a_kernel_that_has_no_landlock_is_told_and_the_rest_still_holds(places, error, reason):
    found = places.after_restrict(
        """
        tell([sandbox.missing(), gaps, tried(
            write=lambda: (out / "new").write_text("x"), chmod=lambda: (out / "kept").chmod(0o600),
            cut=lambda: os.truncate(out / "kept", 0), net=socket.socket,
        )])
        """,
        before=HIDDEN.replace("{error}", error),
    )

    gaps = [
        f"files and the user's other processes can be changed: {reason}",
        "devices that can be read take ioctl: no Landlock",
        "signals reach the user's other processes: no Landlock",
    ]
    tried = {"write": "done", "chmod": "EPERM", "cut": "EPERM", "net": "EPERM"}
    assert found == [reason, gaps, tried]


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 6, 7])
def test_what_an_older_landlock_does_not_know_is_shut_otherwise_or_told(places, version):
    gaps, found = places.after_restrict(
        """
        kept = out / "kept"
        tell([gaps, tried(
            truncate=lambda: os.truncate(kept, 0), cut=lambda: os.open(kept, os.O_RDONLY | os.O_TRUNC),
            cut_at=lambda: os.open("kept", 3 | os.O_TRUNC, dir_fd=os.open(out, os.O_RDONLY)),
            write=lambda: kept.open("a"), own=lambda: (own / "a").write_text("b"), net=socket.socket,
        )])
        """,
        before=f"sandbox._offered = lambda _: ({version}, '')",
    )

    told = [
        f"devices that can be read take ioctl: Landlock {version} does not know it",
        f"signals reach the user's other processes: Landlock {version} does not know it",
    ]
    assert gaps == told[0 if version < 5 else 1 if version < 6 else 2 :]
    cut = "EPERM" if version < 3 else "EACCES"
    kept = {"write": "EACCES", "own": "done", "net": "EPERM"}
    assert found == dict.fromkeys(["truncate", "cut", "cut_at"], cut) | kept
    assert (places.outside / "kept").read_text(encoding="utf-8") == "as it was"


def test_an_old_landlock_without_a_filter_says_that_files_can_be_emptied(places):
    gaps, found = places.after_restrict(
        "tell([gaps, tried(truncate=lambda: os.truncate(out / 'kept', 0))])",
        before=NOT_FILTERED + "sandbox._offered = lambda _: (2, '')\n",
    )

    assert ("files can be emptied: Landlock 2 does not know it" in gaps, found) == (
        True,
        {"truncate": "done"},
    )


def test_threads_that_run_before_are_told(places):
    gaps = places.after_restrict(
        "tell(gaps)", before="threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )

    assert gaps == ["threads that were running before are not confined"]


def test_to_be_confined_twice_holds_the_narrower(places):
    found = places.after_restrict(
        """
        below = own / "below"
        below.mkdir()
        again = sandbox.restrict(below)
        tell([again, tried(own=lambda: (own / "a").open("w"), below=lambda: (below / "a").open("w"))])
        """
    )

    assert found == [[], {"own": "EACCES", "below": "done"}]


def test_a_folder_that_is_missing_stops_it(places):
    found = places.after_restrict(
        "tell(gaps)",
        before="""
        def restrict(own, real=sandbox.restrict):
            try:
                real(own / "none")
            except sandbox.StoreError as error:
                return str(error)
        sandbox.restrict = restrict
        """,
    )

    assert found == "none cannot be written to: No such file or directory"
    assert sandbox.StoreError is StoreError


@pytest.mark.parametrize(
    ("platform", "release", "answer", "reason"),
    [
        ("darwin", "", 0, "only Linux has Landlock"),
        ("linux", "5.10.0-8", -38, "Linux 5.10.0-8 is older than Landlock, which came with 5.13"),
        ("linux", "4.4.0", -38, "Linux 4.4.0 is older than Landlock, which came with 5.13"),
        ("linux", "5.15.0", -38, "this Linux was built without Landlock, or the container hides it"),
        ("linux", "odd", -38, "this Linux was built without Landlock, or the container hides it"),
        ("linux", "6.1.0", 4, ""),
    ],
)
def test_why_landlock_is_missing_is_said(monkeypatch, platform, release, answer, reason):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(os, "uname", lambda: type("Uname", (), {"release": release}))
    monkeypatch.setattr(sandbox, "_call", lambda *_: answer)

    assert sandbox.missing() == reason


def test_elsewhere_nothing_is_confined_and_this_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "darwin")

    assert sandbox.restrict(tmp_path) == ("nothing is confined: only Linux has Landlock",)


def judge(program: bytes, audit: int, number: int, *arguments: int) -> int:
    """What a filter answers to a call: the instructions of linux/filter.h, done here."""
    data = struct.pack("=IIQ6Q", number, audit, 0, *(*arguments, 0, 0, 0, 0, 0, 0)[:6])
    steps = list(struct.iter_unpack("=HBBI", program))
    at, held = 0, 0
    while True:
        code, yes, no, value = steps[at]
        at += 1
        match code:
            case 0x20:
                (held,) = struct.unpack_from("=I", data, value)
            case 0x54:
                held &= value
            case 0x15:
                at += yes if held == value else no
            case 0x35:
                at += yes if held >= value else no
            case 0x06:
                return value


PASSES = 0x7FFF0000
DENIED = 0x50001

CALLS: list[tuple[str, tuple[int, ...], tuple[int, ...], int]] = [
    ("read", (0,), (63,), PASSES),
    ("fchmodat", (268, -100), (53, -100), DENIED),
    ("socket", (41, 1), (198, 1), DENIED),
    ("io_uring_setup", (425,), (425,), 0x50026),
    ("socketpair of streams", (53, 1, 1 | 0o2000000), (199, 1, 1 | 0o2000000), PASSES),
    ("socketpair of datagrams", (53, 1, 2), (199, 1, 2), DENIED),
    ("clone of a thread", (56, 0x3D0F00), (220, 0x3D0F00), PASSES),
    ("clone of a user", (56, 0x10000011), (220, 0x10000011), DENIED),
    ("ioctl TCGETS", (16, 0, 0x5401), (29, 0, 0x5401), PASSES),
    ("ioctl TIOCSTI", (16, 0, 0x5412 | 1 << 32), (29, 0, 0x5412 | 1 << 32), DENIED),
    ("ioctl FS_IOC_SETFLAGS", (16, 0, 0x40086602), (29, 0, 0x40086602), DENIED),
    ("prlimit64 of itself", (302, 0), (261, 0), PASSES),
    ("prlimit64 of another", (302, 4), (261, 4), DENIED),
    ("openat to read", (257, 3, 0, 0), (56, 3, 0, 0), PASSES),
    ("openat to write", (257, 3, 0, 0o1101), (56, 3, 0, 0o1101), PASSES),
]


@pytest.mark.parametrize("column", [0, 1], ids=["x86_64", "aarch64"])
@pytest.mark.parametrize("case", CALLS, ids=[case[0] for case in CALLS])
def test_the_filter_answers_the_same_on_each_machine(case, column):
    audit = (0xC000003E, 0xC00000B7)[column]
    program = sandbox._program(audit, column, 7)

    call = tuple(item & 0xFFFFFFFFFFFFFFFF for item in case[1 + column])

    assert judge(program, audit, *call) == case[3]


def test_calls_of_another_machine_are_refused():
    program = sandbox._program(0xC000003E, 0, 7)

    assert judge(program, 0x40000003, 0) == DENIED
    assert judge(program, 0xC000003E, 0x40000000) == DENIED


@pytest.mark.parametrize(("machine", "header"), [(0, "asm/unistd_64.h"), (1, "asm-generic/unistd.h")])
def test_the_numbers_of_calls_are_those_of_the_headers(machine: int, header: str):
    found = [path for path in Path("/usr/include").rglob(header) if path.is_file()]
    if not found:
        pytest.skip(f"there is no {header} here")
    text = found[0].read_text(encoding="utf-8")
    source = (ROOT / "envlock" / "sandbox.py").read_text(encoding="utf-8")

    wrong = [name for name, number in _named(source, machine) if not _agrees(text, name, number)]

    assert wrong == []


def _named(source: str, machine: int) -> Iterator[tuple[str, int]]:
    """The calls that a table refuses by name in its comments, with their numbers."""
    for line in source.splitlines():
        head, mark, comment = line.partition("  # ")
        if not (mark and head.startswith("    ((") and not head.startswith("    (((")):
            continue
        columns = eval(head.strip().rstrip(","))
        names = comment.partition(":")[0].split(", ")
        older = [name for name in names if name not in _ONLY_X86]
        yield from zip(names if machine == 0 else older, columns[machine], strict=True)


_ONLY_X86 = {"chmod", "chown", "lchown", "utime", "utimes", "futimesat"}


def _agrees(text: str, name: str, number: int) -> bool:
    if f"_{name}\t" not in text and f"_{name} " not in text:
        return number > 440  # newer than the header
    return any(line.split()[1:] == [f"__NR_{name}", str(number)] for line in text.splitlines())
