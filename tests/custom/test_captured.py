from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
from builders import custom_object

from envlock.custom import captured, source
from envlock.custom.meaning import Sources
from envlock.custom.source import Module
from envlock.facts import CustomObject, Unknown

TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9" * 2


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of two modules, `gates` and `shop.keys`, that can be imported."""
    folder = tmp_path / "project"
    (folder / "shop").mkdir(parents=True)
    (folder / "gates.py").write_text("class Gate: pass\n", encoding="utf-8")
    (folder / "shop" / "__init__.py").write_text("", encoding="utf-8")
    (folder / "shop" / "keys.py").write_text("SCALE = 2.0\n", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    return folder


def _object(name: str = "Gate", *modules: str) -> CustomObject:
    return custom_object(name, modules=modules or ("gates", "shop", "shop.keys"))


def _stored(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.py"))


def test_the_modules_of_custom_code_are_copied_under_their_names(project: Path, tmp_path: Path) -> None:
    objects = (_object(),)

    found = captured.copy(objects, tmp_path / "code", Sources())

    assert found == objects
    assert _stored(tmp_path / "code") == ["gates.py", "shop/__init__.py", "shop/keys.py"]
    assert (tmp_path / "code/gates.py").read_bytes() == (project / "gates.py").read_bytes()


def test_a_module_that_is_not_there_is_not_copied(project: Path, tmp_path: Path) -> None:
    captured.copy((_object("Gate", "nowhere"),), tmp_path / "code", Sources())

    assert not (tmp_path / "code").exists()


def test_what_is_unknown_stays_so(tmp_path: Path) -> None:
    assert captured.copy(Unknown("subclassed"), tmp_path / "code", Sources()) == Unknown("subclassed")


def test_source_that_holds_a_secret_is_not_copied_and_file_and_line_are_named(
    project: Path, tmp_path: Path
) -> None:
    (project / "shop" / "keys.py").write_text(f"SCALE = 2.0\n\nTOKEN = {TOKEN!r}\n", encoding="utf-8")
    reason = (
        "line 3 of keys.py holds what looks like a secret (github-token), so its source was not stored: "
        "move it out of the code, or end its line with `# pragma: allowlist secret`"
    )

    found = captured.copy((_object(),), tmp_path / "code", Sources())

    assert found == (custom_object("Gate", modules=Unknown(reason)),)
    assert not (tmp_path / "code").exists()


def test_code_that_does_not_need_the_refused_module_is_copied(project: Path, tmp_path: Path) -> None:
    (project / "shop" / "keys.py").write_text(f"TOKEN = {TOKEN!r}\n", encoding="utf-8")

    found = captured.copy(
        (_object("Gate", "gates"), _object("Key", "shop.keys")), tmp_path / "code", Sources()
    )

    assert [isinstance(item.modules, tuple) for item in found] == [True, False]
    assert _stored(tmp_path / "code") == ["gates.py"]


def test_a_line_that_is_marked_is_no_secret(project: Path, tmp_path: Path) -> None:
    text = f"TOKEN = {TOKEN!r}  # pragma: allowlist secret\n"
    (project / "gates.py").write_text(text, encoding="utf-8")

    captured.copy((_object("Gate", "gates"),), tmp_path / "code", Sources())

    assert _stored(tmp_path / "code") == ["gates.py"]


def test_source_that_cannot_be_read_is_unknown_and_stops_nothing(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Root reads every file, and no folder can be read as one.
    monkeypatch.setattr(source, "locate", lambda _: project / "shop")

    (found,) = captured.copy((_object("Gate", "gates"),), tmp_path / "code", Sources())

    reason = "shop cannot be read, so its source was not stored: Is a directory"
    assert found.modules == Unknown(reason)
    assert not (tmp_path / "code").exists()


# The project


def test_a_module_outside_of_the_project_stops_the_whole_object(project: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "outer.py").touch()
    sys.path.append(str(tmp_path / "elsewhere"))

    found = captured.copy(
        (_object("Gate", "gates", "outer"), _object("Key", "shop.keys")), tmp_path / "code", Sources()
    )

    assert isinstance(found, tuple)
    assert found[0].modules == ("gates", "outer")  # the object is of a module that is not here
    inside = custom_object("Gate", module="gates", modules=("gates", "outer", "shop.keys"))
    (kept,) = captured.copy((inside,), tmp_path / "more", Sources())
    assert kept.modules == Unknown("module outer lies outside its project; none was stored")
    assert not (tmp_path / "more").exists()


@pytest.mark.parametrize("sign", ["pyproject.toml", "setup.py", ".git", ".hg"])
def test_a_project_is_the_folder_with_its_settings(project: Path, tmp_path: Path, sign: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "outer.py").touch()
    (tmp_path / sign).touch()
    sys.path.append(str(tmp_path / "elsewhere"))
    item = custom_object("Gate", module="shop.keys", modules=("gates", "outer", "shop", "shop.keys"))

    assert captured.copy((item,), tmp_path / "code", Sources()) == (item,)
    assert _stored(tmp_path / "code") == ["gates.py", "outer.py", "shop/__init__.py", "shop/keys.py"]


def test_without_settings_a_project_is_where_its_packages_are_imported_from(
    project: Path, tmp_path: Path
) -> None:
    items = tuple(
        custom_object(module, module=module, modules=("gates", "shop.keys"))
        for module in ("shop", "shop.keys")
    )

    assert captured.copy(items, tmp_path / "code", Sources()) == items


# The program itself


def _program(monkeypatch: pytest.MonkeyPatch, text: str, file: Path | None = None) -> Sources:
    """A program that was run, and where its source is found."""
    found = ModuleType("__main__")
    exec(compile(text, "train.py", "exec", dont_inherit=True), vars(found))
    monkeypatch.setitem(sys.modules, "__main__", found)
    return Sources(program=Module("__main__", file, text.encode()))


def _own(name: str = "Gate", *modules: str) -> CustomObject:
    return custom_object(name, module="__main__", qualname=name, modules=modules or ("__main__",))


TRAIN = "import os\nA = 1 + 1\nB = object()\nclass Gate:\n    x = A\nclass Door:\n    x = B\n"


def test_of_the_program_what_its_objects_need_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = _program(monkeypatch, f"{TRAIN}def loss(y):\n    return Gate.x * y\n")
    items = (_own(), _own("loss"))

    assert captured.copy(items, tmp_path / "code", sources) == items
    assert (tmp_path / "code" / "__main__.py").read_text(encoding="utf-8") == (
        "A = 2\n\n\nclass Gate:\n    x = A\n\n\n\ndef loss(y):\n    return Gate.x * y\n"
    )


def test_the_modules_that_the_program_needs_are_stored_beside_it(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = _program(monkeypatch, "import gates\nclass Gate(gates.Gate): ...\n", project / "train.py")

    captured.copy((_own("Gate", "__main__", "gates"),), tmp_path / "code", sources)

    assert _stored(tmp_path / "code") == ["__main__.py", "gates.py"]


def test_what_the_program_needs_from_outside_of_its_project_stops_the_object(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    file = tmp_path / "elsewhere" / "train.py"
    sources = _program(monkeypatch, "import gates\nclass Gate(gates.Gate): ...\n", file)

    (found,) = captured.copy((_own("Gate", "__main__", "gates"),), tmp_path / "code", sources)

    assert found.modules == Unknown("module gates lies outside its project; none was stored")
    assert not (tmp_path / "code").exists()


def test_a_program_that_was_started_by_a_link_lies_where_its_modules_do(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(project)
    sources = _program(monkeypatch, "import gates\nclass Gate: x = gates.Gate\n", tmp_path / "link" / "a.py")
    item = _own("Gate", "__main__", "gates")

    assert captured.copy((item,), tmp_path / "code", sources) == (item,)


def test_a_notebook_lies_where_it_runs(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = _program(monkeypatch, "import gates\nclass Gate: x = gates.Gate\n")
    item = _own("Gate", "__main__", "gates")
    monkeypatch.chdir(project)

    assert captured.copy((item,), tmp_path / "code", sources) == (item,)


def test_what_the_program_computed_stops_the_objects_that_use_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = _program(monkeypatch, TRAIN)

    gate, door = captured.copy((_own(), _own("Door")), tmp_path / "code", sources)

    reason = "it uses B, a object that the program computed, so its source was not stored"
    assert (gate.modules, door.modules) == (("__main__",), Unknown(reason))
    assert "Door" not in (tmp_path / "code" / "__main__.py").read_text(encoding="utf-8")


def test_a_secret_that_the_program_holds_is_not_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = _program(monkeypatch, f"A = 'ghp_' + {TOKEN[4:]!r}\nclass Gate:\n    x = A\n")

    other = _object("Other", "nowhere")

    found, kept = captured.copy((_own(), other), tmp_path / "code", sources)

    assert kept == other
    assert isinstance(found.modules, Unknown)
    assert found.modules.reason.startswith("line 1 of the program holds what looks like a secret")
    assert not (tmp_path / "code").exists()


def test_a_secret_that_no_object_needs_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = _program(monkeypatch, f"TOKEN = {TOKEN!r}\nclass Gate: ...\n")

    assert captured.copy((_own(),), tmp_path / "code", sources) == (_own(),)
    assert TOKEN not in (tmp_path / "code" / "__main__.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", [None, "class Door: ...\n"])
def test_a_program_whose_source_is_nowhere_stores_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    sources = Sources() if text is None else _program(monkeypatch, text)

    (found,) = captured.copy((_own(),), tmp_path / "code", sources)

    reason = "it was defined in the program itself, whose source is in no file; move it to a module"
    assert found.modules == Unknown(reason)
    assert not (tmp_path / "code").exists()
