from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from builders import custom_object

from envlock.custom import resolve, source
from envlock.errors import CustomObjectError
from envlock.facts import CustomObject, Unknown

GATES = "class Gate:\n    class Inner: ...\n\n    def call(self, x):\n        return x * 2\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path for the user's modules; what is imported from it is forgotten."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    yield folder
    for name in [name for name in sys.modules if name.startswith("stand_")]:
        del sys.modules[name]


def _write(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name.replace('.', '/')}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    importlib.invalidate_caches()
    return path


def _gate(name: str = "house>Gate", **overrides: object) -> CustomObject:
    """The object that `GATES` defines, as it was locked."""
    digest = "8a" * 32
    default = {"module": "stand_gates", "qualname": "Gate", "digest": digest, "modules": ("stand_gates",)}
    return custom_object(name, **{**default, **overrides})


# Is it here, is it what it was


def test_an_object_as_it_was_locked_is_present(project: Path) -> None:
    _write(project, "stand_gates", GATES)
    digest = source.meaning("stand_gates", "Gate")

    assert resolve.states([_gate(digest=digest)]) == {"house>Gate": "present"}


@pytest.mark.parametrize(
    ("helper", "state"),
    [("FACTOR = 4.0  # more\n", "changed"), ("'Doc.'\nFACTOR = 3.0  # more\n", "present")],
)
def test_an_object_is_what_it_was_when_its_helper_means_the_same(
    project: Path, helper: str, state: str
) -> None:
    _write(project, "stand_gates", f"from stand_factors import FACTOR\n{GATES}")
    _write(project, "stand_factors", "FACTOR = 3.0\n")
    digest = source.meaning("stand_gates", "Gate")
    _write(project, "stand_factors", helper)

    assert resolve.states([_gate(digest=digest)]) == {"house>Gate": state}


def test_an_object_whose_code_is_another_is_changed(project: Path) -> None:
    digest = source.digest(_write(project, "stand_gates", GATES), "Gate")
    _write(project, "stand_gates", GATES.replace("* 2", "* 3"))

    assert resolve.states([_gate(digest=digest)]) == {"house>Gate": "changed"}


@pytest.mark.parametrize("text", [None, "class Door: ...\n"])
def test_an_object_without_its_module_or_not_in_it_is_missing(project: Path, text: str | None) -> None:
    if text:
        _write(project, "stand_gates", text)

    assert resolve.states([_gate()]) == {"house>Gate": "missing"}


def test_an_unknown_digest_compares_with_nothing(project: Path) -> None:
    _write(project, "stand_gates", GATES)

    assert resolve.states([_gate(digest=Unknown("no file"))]) == {"house>Gate": "present"}


def test_a_file_that_cannot_be_read_as_python_compares_with_nothing(project: Path) -> None:
    _write(project, "stand_gates", "class Gate(")

    assert resolve.states([_gate()]) == {"house>Gate": "present"}


def test_an_object_is_looked_for_on_the_path_that_was_given(tmp_path: Path, project: Path) -> None:
    _write(project, "stand_gates", GATES)
    importlib.import_module("stand_gates")
    elsewhere = tmp_path / "elsewhere"
    _write(elsewhere, "stand_gates", GATES.replace("2", "3"))
    digest = source.meaning("stand_gates", "Gate", [str(elsewhere)])

    found = resolve.states([_gate(digest=digest)], path=[str(elsewhere)])

    assert found == {"house>Gate": "present"}


@pytest.mark.parametrize(("text", "state"), [(GATES, "present"), ("class Door: ...\n", "missing")])
def test_an_object_of_a_program_is_looked_for_in_the_running_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, state: str
) -> None:
    digest = source.digest(_write(tmp_path, "original", GATES), "Gate")
    program = ModuleType("__main__")
    program.__file__ = str(_write(tmp_path, "train", text))
    monkeypatch.setitem(sys.modules, "__main__", program)

    assert resolve.states([_gate(module="__main__", digest=digest)]) == {"house>Gate": state}


def test_telling_states_imports_nothing(project: Path) -> None:
    _write(project, "stand_gates", f"raise RuntimeError\n{GATES}")

    found = resolve.states([_gate()])

    assert found == {"house>Gate": "changed"}
    assert "stand_gates" not in sys.modules


def test_the_folder_one_works_in_is_looked_at_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert resolve.import_path() == [*sys.path, str(tmp_path)]


# The objects themselves


def test_an_object_is_found_under_its_full_and_its_short_name(project: Path) -> None:
    _write(project, "stand_gates", GATES)

    found = resolve.resolve([_gate()], given={})

    gate = sys.modules["stand_gates"].Gate
    assert found == {"house>Gate": gate, "Gate": gate}


def test_an_object_inside_another_is_found_by_its_path(project: Path) -> None:
    _write(project, "stand_gates", GATES)

    found = resolve.resolve([_gate("house>Inner", qualname="Gate.Inner")], given={})

    inner = sys.modules["stand_gates"].Gate.Inner
    assert found == {"house>Inner": inner, "Inner": inner}


@pytest.mark.parametrize("name", ["house>Gate", "Gate"])
def test_what_the_caller_gave_comes_first_and_nothing_is_imported(project: Path, name: str) -> None:
    _write(project, "stand_gates", GATES)
    other = object()

    found = resolve.resolve([_gate()], given={name: other})

    assert found == {name: other}
    assert "stand_gates" not in sys.modules


def test_what_the_caller_gave_beyond_the_lock_is_passed_on() -> None:
    other = object()

    assert resolve.resolve([], given={"Other": other}) == {"Other": other}


def test_a_module_that_does_not_define_the_object_is_not_imported(project: Path) -> None:
    _write(project, "stand_gates", "raise RuntimeError\n")

    assert resolve.resolve([_gate()], given={}) == {}


def test_an_object_that_is_not_to_be_had_is_left_out() -> None:
    assert resolve.resolve([_gate()], given={}) == {}


def test_an_object_that_was_made_inside_a_function_is_left_out(project: Path) -> None:
    _write(project, "stand_gates", "def make():\n    class Gate: ...\n    return Gate\n")

    assert resolve.resolve([_gate(qualname="make.<locals>.Gate")], given={}) == {}


# Captured source


def _captured(folder: Path, **files: str) -> dict[str, str]:
    """Modules captured below `folder`, and their digests as a lock has them."""
    digests = {}
    for name, text in files.items():
        relative = f"{name.replace('__', '/')}.py"
        path = folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        digests[relative] = hashlib.sha256(path.read_bytes()).hexdigest()
    return digests


def test_captured_source_stands_in_for_a_module_that_is_not_here(tmp_path: Path) -> None:
    digests = _captured(tmp_path / "code", stand_gates=GATES)

    resolve.trust_captured([_gate()], tmp_path / "code", digests)
    found = resolve.resolve([_gate()], given={})

    assert sorted(found) == ["Gate", "house>Gate"]
    assert found["Gate"]().call(3) == 6


def test_captured_source_is_not_used_until_it_is_trusted(tmp_path: Path) -> None:
    _captured(tmp_path / "code", stand_gates=GATES)

    assert resolve.resolve([_gate()], given={}) == {}


def test_a_module_that_is_here_comes_before_captured_source(tmp_path: Path, project: Path) -> None:
    _write(project, "stand_gates", GATES.replace("* 2", "* 10"))
    digests = _captured(tmp_path / "code", stand_gates=GATES)

    resolve.trust_captured([_gate()], tmp_path / "code", digests)
    found = resolve.resolve([_gate()], given={})

    assert found["Gate"]().call(3) == 30


def test_captured_modules_of_a_package_import_each_other(tmp_path: Path) -> None:
    folder = tmp_path / "code"
    digests = _captured(
        folder, stand_house__factors="TWO = 2\n", stand_house__gates=f"from .factors import TWO\n{GATES}"
    )
    init = folder / "stand_house" / "__init__.py"
    init.write_text("", encoding="utf-8")
    digests["stand_house/__init__.py"] = hashlib.sha256(b"").hexdigest()
    item = _gate(
        module="stand_house.gates", modules=("stand_house", "stand_house.factors", "stand_house.gates")
    )

    resolve.trust_captured([item], folder, digests)

    assert sorted(resolve.resolve([item], given={})) == ["Gate", "house>Gate"]


@pytest.mark.parametrize("text", [None, GATES + "\n"])
def test_captured_source_that_is_not_as_it_was_locked_is_refused(tmp_path: Path, text: str | None) -> None:
    digests = _captured(tmp_path / "code", stand_gates=GATES)
    path = tmp_path / "code" / "stand_gates.py"
    if text is None:
        path.unlink()
    else:
        path.write_text(text, encoding="utf-8")

    with pytest.raises(CustomObjectError) as caught:
        resolve.trust_captured([_gate()], tmp_path / "code", digests)

    assert str(caught.value) == (
        "captured source stand_gates.py is not as it was locked; restore it or save again"
    )


def test_a_file_that_the_lock_does_not_list_is_not_used(tmp_path: Path) -> None:
    _captured(tmp_path / "code", stand_gates=GATES)

    resolve.trust_captured([_gate()], tmp_path / "code", {})

    assert resolve.resolve([_gate()], given={}) == {}


def test_a_module_that_no_object_needs_is_not_used(tmp_path: Path) -> None:
    digests = _captured(tmp_path / "code", stand_gates=GATES, stand_other="")

    resolve.trust_captured([_gate()], tmp_path / "code", digests)

    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("stand_other")


def test_trusting_another_model_forgets_the_one_before(tmp_path: Path) -> None:
    digests = _captured(tmp_path / "code", stand_gates=GATES)
    resolve.trust_captured([_gate()], tmp_path / "code", digests)

    resolve.trust_captured([], tmp_path / "code", {})

    assert resolve.resolve([_gate()], given={}) == {}


@pytest.mark.parametrize(
    ("module", "qualname"),
    [("subprocess", "run"), ("os", "makedirs"), ("shutil", "rmtree"), ("pytest", "importorskip")],
)
def test_a_lock_cannot_hand_any_function_to_keras(module: str, qualname: str) -> None:
    importlib.import_module(module)

    found = resolve.resolve([_gate(module=module, qualname=qualname, modules=())], given={})

    assert found == {}


def test_what_a_module_only_imports_is_not_its_own(project: Path) -> None:
    _write(project, "stand_gates", "from subprocess import run\n")

    assert resolve.resolve([_gate(qualname="run")], given={}) == {}


def test_captured_code_from_a_folder_that_is_no_package_comes_back(tmp_path: Path) -> None:
    file = _write(tmp_path / "code", "stand_parts.gates", GATES)
    item = _gate(module="stand_parts.gates", modules=("stand_parts.gates",))
    digests = {"stand_parts/gates.py": hashlib.sha256(file.read_bytes()).hexdigest()}

    resolve.trust_captured([item], tmp_path / "code", digests)

    assert list(resolve.resolve([item], given={})) == ["house>Gate", "Gate"]
