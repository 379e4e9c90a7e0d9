from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path
from typing import Any

from judged import make_plan, write_locked

from envlock import image, resources
from envlock.emit.dockerfile import dockerfile
from envlock.image import write_context
from envlock.lockfile import Place, place


def context(where: Place, **facts: Any) -> bytes:
    file = io.BytesIO()
    write_context(file, make_plan(**facts), where)
    return file.getvalue()


def members(data: bytes) -> dict[str, bytes | None]:
    """The contents by name, in the order of the archive; `None` for a folder."""
    found: dict[str, bytes | None] = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            content = archive.extractfile(member)
            found[member.name] = content.read() if content else None
    return found


def entries(data: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return archive.getmembers()


def locked(folder: Path) -> Place:
    """A model with a lock, a canary and captured code."""
    where = place(write_locked(folder / "house.keras"))
    (where.attachments / "code" / "shop").mkdir(parents=True)
    (where.attachments / "canary.npz").write_bytes(b"canary")
    (where.attachments / "code" / "shop" / "gates.py").write_bytes(b"class Gate: ...\n")
    return where


def locked_folder(folder: Path) -> Place:
    """The same for a SavedModel, which holds its lock and attachments."""
    where = place(folder / "house", folder=True)
    (where.attachments / "code").mkdir(parents=True)
    (where.model / "variables").mkdir()
    (where.model / "saved_model.pb").write_bytes(b"graph")
    (where.model / "variables" / "variables.index").write_bytes(b"index")
    where.lock.write_bytes(b"lock")
    (where.attachments / "code" / "gates.py").write_bytes(b"class Gate: ...\n")
    return where


def test_the_context_of_a_file_holds_all_that_the_dockerfile_copies(tmp_path: Path) -> None:
    where = locked(tmp_path)

    found = members(context(where))

    assert found == {
        "app": None,
        "code": None,
        "model": None,
        "Dockerfile": dockerfile(make_plan()).encode(),
        "app/keras/keras.json": b"{}\n",
        "app/model.json": b"{}\n",
        "app/predict.py": resources.template("predict.py").encode(),
        "code/shop/gates.py": b"class Gate: ...\n",
        "model/house.keras": where.model.read_bytes(),
        "model/house.keras.envlock.toml": where.lock.read_bytes(),
        "model/house.keras.envlock/canary.npz": b"canary",
        "model/house.keras.envlock/code/shop/gates.py": b"class Gate: ...\n",
    }


def test_the_context_of_a_folder_holds_the_folder(tmp_path: Path) -> None:
    found = members(context(locked_folder(tmp_path)))

    assert {name: content for name, content in found.items() if name.startswith(("model", "code"))} == {
        "code": None,
        "model": None,
        "code/gates.py": b"class Gate: ...\n",
        "model/house/envlock.toml": b"lock",
        "model/house/envlock/code/gates.py": b"class Gate: ...\n",
        "model/house/saved_model.pb": b"graph",
        "model/house/variables/variables.index": b"index",
    }


def test_what_lies_beside_the_model_stays_where_it_is(tmp_path: Path) -> None:
    where = locked(tmp_path)
    before = context(where)
    (tmp_path / ".env").write_text("TOKEN=secret", encoding="utf-8")
    (tmp_path / "other.keras").write_bytes(b"other")

    assert context(where) == before


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    where = locked(tmp_path)
    before = context(where)
    (where.attachments / "code" / "secret.py").symlink_to("/etc/passwd")

    assert context(where) == before


def test_a_model_without_custom_code_has_an_empty_folder_for_it(tmp_path: Path) -> None:
    found = members(context(place(write_locked(tmp_path / "house.keras"))))

    assert [name for name in found if name.startswith("code")] == ["code"]


def test_folders_come_first_and_files_are_sorted(tmp_path: Path) -> None:
    names = [entry.name for entry in entries(context(locked(tmp_path)))]

    assert names[:3] == ["app", "code", "model"]
    assert names[3:] == sorted(names[3:])


def test_everything_was_changed_at_the_epoch_and_belongs_to_root(tmp_path: Path) -> None:
    found = entries(context(locked(tmp_path)))

    owners = {(entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname) for entry in found}
    assert owners == {(0, 0, 0, "", "")}


def test_all_can_read_everything(tmp_path: Path) -> None:
    where = locked(tmp_path)
    where.model.chmod(0o600)

    found = entries(context(where))

    assert {(entry.isdir(), oct(entry.mode)) for entry in found} == {(True, "0o755"), (False, "0o644")}


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    where = locked(tmp_path)
    before = context(where)
    for path in tmp_path.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))

    assert context(where) == before


def test_the_same_files_elsewhere_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()

    first, second = (context(locked(tmp_path / name)) for name in ("here", "there"))

    assert first == second


def test_another_plan_gives_other_bytes(tmp_path: Path) -> None:
    where = locked(tmp_path)

    assert context(where, requirements=("keras==3.6.0",)) != context(where)


def test_the_check_inside_the_image_gets_the_whole_package() -> None:
    with tarfile.open(fileobj=io.BytesIO(image._own_code())) as archive:
        held = set(archive.getnames())

    root = resources.package_folder()
    files = (path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    assert held == {f"envlock/{path.relative_to(root).as_posix()}" for path in files}
