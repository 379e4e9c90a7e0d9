from __future__ import annotations

import sys
from pathlib import Path

import pytest
from builders import custom_object

from envlock.custom import captured, source
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

    found = captured.copy(objects, tmp_path / "code")

    assert found == objects
    assert _stored(tmp_path / "code") == ["gates.py", "shop/__init__.py", "shop/keys.py"]
    assert (tmp_path / "code/gates.py").read_bytes() == (project / "gates.py").read_bytes()


def test_a_module_that_is_not_there_is_not_copied(project: Path, tmp_path: Path) -> None:
    captured.copy((_object("Gate", "nowhere"),), tmp_path / "code")

    assert not (tmp_path / "code").exists()


def test_what_is_unknown_stays_so(tmp_path: Path) -> None:
    assert captured.copy(Unknown("subclassed"), tmp_path / "code") == Unknown("subclassed")


def test_source_that_holds_a_secret_is_not_copied_and_file_and_line_are_named(
    project: Path, tmp_path: Path
) -> None:
    (project / "shop" / "keys.py").write_text(f"SCALE = 2.0\n\nTOKEN = {TOKEN!r}\n", encoding="utf-8")
    reason = "line 3 of keys.py holds what looks like a secret (github-token), so its source was not stored"

    found = captured.copy((_object(),), tmp_path / "code")
    with pytest.warns(UserWarning, match="secret") as warned:
        captured.warn_of_refused(found, stacklevel=1)

    hint = "move it out of the code, or end its line with `# pragma: allowlist secret`"
    assert [str(item.message) for item in warned] == [f"{reason}; {hint}"]
    assert found == (custom_object("Gate", modules=Unknown(reason)),)
    assert not (tmp_path / "code").exists()


def test_code_that_does_not_need_the_refused_module_is_copied(project: Path, tmp_path: Path) -> None:
    (project / "shop" / "keys.py").write_text(f"TOKEN = {TOKEN!r}\n", encoding="utf-8")

    found = captured.copy((_object("Gate", "gates"), _object("Key", "shop.keys")), tmp_path / "code")

    assert [isinstance(item.modules, tuple) for item in found] == [True, False]
    assert _stored(tmp_path / "code") == ["gates.py"]


def test_a_line_that_is_marked_is_no_secret(project: Path, tmp_path: Path) -> None:
    text = f"TOKEN = {TOKEN!r}  # pragma: allowlist secret\n"
    (project / "gates.py").write_text(text, encoding="utf-8")

    captured.copy((_object("Gate", "gates"),), tmp_path / "code")

    assert _stored(tmp_path / "code") == ["gates.py"]


def test_source_that_cannot_be_read_is_unknown_and_stops_nothing(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Root reads every file, and no folder can be read as one.
    monkeypatch.setattr(source, "locate", lambda _: project / "shop")

    (found,) = captured.copy((_object("Gate", "gates"),), tmp_path / "code")

    reason = "shop cannot be read, so its source was not stored: Is a directory"
    assert found.modules == Unknown(reason)
    assert not (tmp_path / "code").exists()


def test_code_of_the_program_itself_has_no_source_that_could_be_stored(tmp_path: Path) -> None:
    (found,) = captured.copy((custom_object("Gate", module="__main__", modules=()),), tmp_path / "code")

    reason = "it was defined in the program itself, so its source was not stored; move it to a module"
    assert found.modules == Unknown(reason)
