from __future__ import annotations

import hashlib
import importlib
import py_compile
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from builders import install, locked_gate, write_module

from envlock.capture import packages
from envlock.custom import resolve, source
from envlock.custom.isolated import PREFIX, Captured
from envlock.custom.meaning import Sources, meaning
from envlock.custom.paths import import_path
from envlock.custom.resolve import Resolver
from envlock.errors import CustomObjectError
from envlock.facts import CustomObject, Unknown

GATES = (
    "import keras\n\n\nclass Gate:\n    class Inner:\n        def get_config(self): ...\n\n"
    "    def call(self, x):\n        return x * 2\n\n    def get_config(self): ...\n"
)
STORED = GATES.replace("import keras\n", "")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path for the user's modules, and an installed `keras`."""
    folder = tmp_path / "project"
    folder.mkdir()
    site = tmp_path / "site-packages"
    site.mkdir()
    (site / "keras.py").touch()
    monkeypatch.syspath_prepend(site)
    monkeypatch.syspath_prepend(folder)
    return folder


def _resolver(**overrides: Any) -> Resolver:
    default: dict[str, Any] = {
        "given": {},
        "registered": lambda name: None,
        "beside": frozenset({Path("/nowhere")}),
        "distributions": dict,
    }
    return Resolver(**{**default, **overrides})


def _found(*items: CustomObject, **overrides: Any) -> dict[str, Any]:
    return _resolver(**overrides).objects(items)[0]


def _lost(*items: CustomObject, **overrides: Any) -> dict[str, str]:
    found, lost = _resolver(**overrides).objects(items)
    assert not {item.name for item in items} & found.keys()
    return lost


def test_the_folder_one_works_in_is_looked_at_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert import_path() == [*sys.path, str(tmp_path)]


# In which order


def test_what_the_caller_gave_comes_first_then_what_is_registered_then_the_module_then_what_is_stored(
    project: Path,
) -> None:
    given, registered = object(), object()
    stored = _stored(stand_gates=STORED)
    ways: dict[str, Any] = {"given": {"Gate": given}, "registered": lambda _: registered, "stored": stored}
    file = write_module(project, "stand_gates", GATES)

    assert _found(locked_gate(), **ways)["Gate"] is given
    del ways["given"]
    assert _found(locked_gate(), **ways)["Gate"] is registered
    assert not [name for name in sys.modules if name.startswith(("stand_", PREFIX))]
    del ways["registered"]
    assert _found(locked_gate(), **ways)["Gate"].__module__ == "stand_gates"
    file.unlink()
    del sys.modules["stand_gates"]
    importlib.invalidate_caches()
    assert _found(locked_gate(), **ways)["Gate"].__module__.startswith(PREFIX)
    del ways["stored"]
    assert _lost(locked_gate(), **ways) == {"house>Gate": "module stand_gates is not here"}


@pytest.mark.parametrize("name", ["house>Gate", "Gate"])
def test_what_the_caller_gave_goes_by_any_name_and_nothing_is_imported(project: Path, name: str) -> None:
    write_module(project, "stand_gates", GATES)
    other = object()

    assert _found(locked_gate(), given={name: other}) == {"house>Gate": other, "Gate": other}
    assert "stand_gates" not in sys.modules


def test_what_the_caller_gave_beyond_the_lock_is_passed_on() -> None:
    other = object()

    assert _found(given={"Other": other}) == {"Other": other}


def test_what_is_registered_is_asked_for_by_the_name_in_the_model() -> None:
    asked: list[str] = []

    assert _lost(locked_gate(), registered=asked.append) == {"house>Gate": "module stand_gates is not here"}
    assert asked == ["house>Gate"]


def test_of_two_objects_called_alike_each_has_its_full_name(project: Path) -> None:
    write_module(project, "stand_gates", GATES)
    write_module(project, "stand_others", GATES.replace("* 2", "* 3"))
    items = (locked_gate("Gate"), locked_gate("house>Gate", module="stand_others"))

    for order in (items, items[::-1]):
        found = _found(*order)
        assert (found["Gate"]().call(1), found["house>Gate"]().call(1)) == (2, 3)


def test_what_is_given_for_one_object_is_not_taken_for_another(project: Path) -> None:
    write_module(project, "stand_others", GATES)
    given = object()
    items = (locked_gate("Gate"), locked_gate("house>Gate", module="stand_others"))

    found = _found(*items, given={"Gate": given})

    assert found["Gate"] is given
    assert found["house>Gate"].__module__ == "stand_others"


# The recorded module


def test_an_object_is_found_under_its_full_and_its_short_name(project: Path) -> None:
    write_module(project, "stand_gates", GATES)

    found = _found(locked_gate())

    gate = sys.modules["stand_gates"].Gate
    assert found == {"house>Gate": gate, "Gate": gate}


def test_an_object_inside_another_is_found_by_its_path(project: Path) -> None:
    write_module(project, "stand_gates", GATES)

    found = _found(locked_gate("house>Inner", qualname="Gate.Inner"))

    inner = sys.modules["stand_gates"].Gate.Inner
    assert found == {"house>Inner": inner, "Inner": inner}


def test_an_object_that_was_edited_is_found_all_the_same(project: Path) -> None:
    write_module(project, "stand_gates", GATES)
    digest = meaning(Sources(), "stand_gates", "Gate")
    write_module(project, "stand_gates", GATES.replace("* 2", "* 5"))

    assert _found(locked_gate(digest=digest))["Gate"]().call(1) == 5


def test_a_module_whose_helper_uses_keras_is_the_users(project: Path) -> None:
    write_module(project, "stand_gates", f"import stand_layers\n{STORED}")
    write_module(project, "stand_layers", "from tf_keras import layers\n")
    write_module(project, "tf_keras.layers", "")

    assert _found(locked_gate())["Gate"]().call(3) == 6


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "is not here"),
        ("raise SystemExit\n", "does not define it"),
        ("class Gate(", "does not define it"),
        ("from subprocess import run as Gate\nimport keras\n", "does not define it"),
        (STORED, "is not as it was recorded, and does not use Keras"),
        (f"raise SystemExit\n{STORED}", "is not as it was recorded, and does not use Keras"),
    ],
)
def test_a_module_that_cannot_be_the_one_is_not_imported(
    project: Path, text: str | None, reason: str
) -> None:
    if text:
        write_module(project, "stand_gates", text)

    assert _lost(locked_gate()) == {"house>Gate": f"module stand_gates {reason}"}
    assert "stand_gates" not in sys.modules


@pytest.mark.parametrize(
    "text",
    [
        f"{GATES}\nGate = Gate()\n",
        f"{GATES}\nfrom subprocess import run as Gate\n",
        f"{GATES}\ndel Gate\n",
        f"{GATES}\nGate.__module__ = 'subprocess'\n",
    ],
)
def test_only_what_a_module_defines_itself_is_handed_over(project: Path, text: str) -> None:
    write_module(project, "stand_gates", text)

    assert _lost(locked_gate()) == {"house>Gate": "module stand_gates does not define it"}


def test_an_object_that_was_made_inside_a_function_is_lost(project: Path) -> None:
    write_module(project, "stand_gates", "import keras\ndef make():\n    class Gate: ...\n    return Gate\n")

    found = _lost(locked_gate(qualname="make.<locals>.Gate"))

    assert found == {"house>Gate": "module stand_gates does not define it"}


@pytest.mark.parametrize(
    ("module", "qualname", "reason"),
    [
        ("subprocess", "run", "is of Python's own library"),
        ("os", "makedirs", "is of Python's own library"),
        ("shutil", "rmtree", "is of Python's own library"),
        ("antigravity", "geohash", "is of Python's own library"),
        ("sys", "exit", "is not here"),
    ],
)
def test_a_lock_cannot_hand_a_function_of_the_library_to_keras(
    module: str, qualname: str, reason: str
) -> None:
    item = locked_gate(module=module, qualname=qualname, modules=())

    assert _lost(item) == {"house>Gate": f"module {module} {reason}"}


def test_a_lock_cannot_have_a_module_imported_that_lies_with_the_model(project: Path) -> None:
    write_module(project / "models", "stand_gates", f"raise SystemExit\n{GATES}")
    sys.path.insert(0, str(project / "models"))
    reason = "module stand_gates lies with the model, and may have come with it: import it yourself first"

    for beside in (project, project / "models", project / "models" / ".." / "models"):
        assert _lost(locked_gate(), beside=frozenset({beside.resolve()})) == {"house>Gate": reason}


def test_a_module_beside_the_model_that_this_program_imported_itself_is_used(project: Path) -> None:
    write_module(project, "stand_gates", GATES)
    module = importlib.import_module("stand_gates")

    assert _found(locked_gate(), beside=frozenset({project}))["Gate"] is module.Gate


def test_a_module_beside_the_model_gives_way_to_what_is_stored(project: Path) -> None:
    write_module(project, "stand_gates", f"raise SystemExit\n{GATES}")

    found = _found(locked_gate(), beside=frozenset({project}), stored=_stored(stand_gates=STORED))

    assert found["Gate"]().call(3) == 6


def test_a_module_that_is_imported_from_elsewhere_is_not_taken(
    tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("stand_gates")
    exec(GATES, vars(module))
    module.__file__ = str(write_module(tmp_path / "elsewhere", "stand_gates", GATES))
    monkeypatch.setitem(sys.modules, "stand_gates", module)
    write_module(project, "stand_gates", GATES)
    expected = {"house>Gate": "module stand_gates is imported already, from another file"}

    assert _lost(locked_gate()) == expected
    Path(module.__file__).unlink()
    assert _lost(locked_gate()) == expected


def test_an_object_of_a_program_is_looked_for_in_the_running_one(monkeypatch: pytest.MonkeyPatch) -> None:
    program = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", program)
    item = locked_gate(module="__main__", modules=("__main__",))

    assert _lost(item) == {"house>Gate": "it was defined in the program that saved the model"}
    exec(STORED, vars(program))
    assert _found(item)["Gate"] is vars(program)["Gate"]


def test_an_object_of_another_program_comes_from_what_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    item = locked_gate(module="__main__", modules=("__main__",))

    gate = _found(item, stored=Captured("ab12", {"__main__": STORED.encode()}, ()))["Gate"]

    assert gate().call(3) == 6
    assert gate.__module__ == f"{PREFIX}ab12.__main__"
    assert not hasattr(sys.modules["__main__"], "Gate")


# Installed packages


@pytest.fixture
def addon(tmp_path: Path) -> Path:
    """An installed package `stand_addons` of the distribution `stand-addons`."""
    site = tmp_path / "site-packages"
    install(site, "stand-addons", "1.0", record=["stand_addons.py"])
    return write_module(site, "stand_addons", GATES)


def _addon_gate(addon: Path, **overrides: object) -> CustomObject:
    digest = source.digest(addon, "Gate")
    default = {"module": "stand_addons", "distribution": "stand-addons", "modules": (), "digest": digest}
    return locked_gate(**{**default, **overrides})


def _distributions(addon: Path) -> Any:
    return lambda: packages.installed([str(addon.parent)])


def test_an_installed_module_of_the_recorded_distribution_is_imported(addon: Path) -> None:
    item = _addon_gate(addon, digest="8a" * 32)  # another version of it

    assert _found(item, distributions=_distributions(addon))["Gate"].__module__ == "stand_addons"


@pytest.mark.parametrize("distribution", ["stand-others", None])
def test_an_installed_module_of_another_distribution_is_refused(
    addon: Path, distribution: str | None
) -> None:
    addon.write_text(f"raise SystemExit\n{GATES}", encoding="utf-8")
    item = _addon_gate(addon, distribution=distribution, digest="8a" * 32)

    found = _lost(item, distributions=_distributions(addon))

    assert found == {"house>Gate": "module stand_addons is of another package than at save"}


def test_an_installed_module_that_means_the_same_is_imported(addon: Path) -> None:
    item = _addon_gate(addon, distribution=None)

    assert _found(item, distributions=_distributions(addon))["Gate"]().call(3) == 6


def test_an_installed_module_that_a_lock_describes_rightly_must_use_keras(addon: Path) -> None:
    addon.write_text(f"raise SystemExit\n{STORED}", encoding="utf-8")
    item = _addon_gate(addon, distribution=None)

    found = _lost(item, distributions=_distributions(addon))

    assert found == {"house>Gate": "module stand_addons does not use Keras"}


def test_a_lock_cannot_have_any_installed_program_run(addon: Path) -> None:
    addon.write_text(f"raise SystemExit\n{STORED}", encoding="utf-8")

    found = _lost(_addon_gate(addon), distributions=_distributions(addon))

    assert found == {"house>Gate": "module stand_addons does not use Keras"}


# Captured source


def _stored(**texts: str) -> Captured:
    named = {name.replace("__", "."): text.encode() for name, text in texts.items()}
    return Captured(hashlib.sha256(repr(named).encode()).hexdigest()[:12], named, ())


def _attached(folder: Path, **files: str) -> dict[str, str]:
    """Modules captured below `folder`, and their digests as a lock has them."""
    digests = {}
    for name, text in files.items():
        relative = f"code/{name.replace('__', '/')}.py"
        path = folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        digests[relative] = hashlib.sha256(path.read_bytes()).hexdigest()
    return digests


def _from(folder: Path, digests: Mapping[str, str], *items: CustomObject) -> dict[str, Any]:
    return _found(*items, stored=resolve.captured(items, folder, digests))


def test_captured_source_stands_in_for_a_module_that_is_not_here(tmp_path: Path) -> None:
    found = _from(tmp_path, _attached(tmp_path, stand_gates=STORED), locked_gate())

    assert sorted(found) == ["Gate", "house>Gate"]
    assert found["Gate"]().call(3) == 6


def test_captured_source_is_not_used_until_it_is_trusted(tmp_path: Path) -> None:
    _attached(tmp_path, stand_gates=STORED)

    assert _lost(locked_gate()) == {"house>Gate": "module stand_gates is not here"}


def test_a_module_that_is_here_comes_before_captured_source(tmp_path: Path, project: Path) -> None:
    write_module(project, "stand_gates", GATES.replace("* 2", "* 10"))

    found = _from(tmp_path, _attached(tmp_path, stand_gates=GATES), locked_gate())

    assert found["Gate"]().call(3) == 30


def test_captured_modules_of_a_package_import_each_other(tmp_path: Path) -> None:
    digests = _attached(
        tmp_path,
        stand_house="from .factors import TWO\n",
        stand_house__factors="TWO = 2\n",
        stand_house__gates=f"from . import TWO\n{STORED.replace('2', 'TWO')}",
    )
    path = tmp_path / "code" / "stand_house.py"
    path.rename(tmp_path / "code" / "stand_house" / "__init__.py")
    digests["code/stand_house/__init__.py"] = digests.pop("code/stand_house.py")
    item = locked_gate(
        module="stand_house.gates", modules=("stand_house", "stand_house.factors", "stand_house.gates")
    )

    assert _from(tmp_path, digests, item)["Gate"]().call(3) == 6


def test_captured_code_from_a_folder_that_is_no_package_comes_back(tmp_path: Path) -> None:
    digests = _attached(tmp_path, stand_parts__gates=STORED)
    item = locked_gate(module="stand_parts.gates", modules=("stand_parts.gates",))

    assert sorted(_from(tmp_path, digests, item)) == ["Gate", "house>Gate"]


@pytest.mark.parametrize("text", [None, STORED + "\n"])
def test_captured_source_that_is_not_as_it_was_locked_is_refused(tmp_path: Path, text: str | None) -> None:
    digests = _attached(tmp_path, stand_gates=STORED)
    path = tmp_path / "code" / "stand_gates.py"
    if text is None:
        path.unlink()
    else:
        path.write_text(text, encoding="utf-8")

    with pytest.raises(CustomObjectError) as caught:
        resolve.captured([locked_gate()], tmp_path, digests)

    assert str(caught.value) == (
        "captured source stand_gates.py is not as it was locked; restore it or save again"
    )


def test_a_file_that_the_lock_does_not_list_is_not_used(tmp_path: Path) -> None:
    digests = _attached(tmp_path, stand_gates="import stand_planted\n" + STORED)
    _attached(tmp_path, stand_planted="")
    item = locked_gate(modules=("stand_gates", "stand_planted"))

    lost = _lost(item, stored=resolve.captured([item], tmp_path, digests))
    said = "its stored source cannot be imported: ModuleNotFoundError: No module named 'stand_planted'"
    assert lost == {"house>Gate": said}
    assert _lost(locked_gate(), stored=resolve.captured([locked_gate()], tmp_path, {})) == {
        "house>Gate": "module stand_gates is not here"
    }


def test_a_module_that_no_object_needs_is_not_used(tmp_path: Path) -> None:
    digests = _attached(tmp_path, stand_gates="import stand_other\n", stand_other="")

    lost = _lost(locked_gate(), stored=resolve.captured([locked_gate()], tmp_path, digests))
    said = "its stored source cannot be imported: ModuleNotFoundError: No module named 'stand_other'"
    assert lost == {"house>Gate": said}


def test_a_module_that_raises_is_the_reason_in_words(project: Path) -> None:
    write_module(project, "stand_gates", "import keras\nclass Gate: ...\nraise ValueError('no\\n card')\n")

    assert _lost(locked_gate()) == {
        "house>Gate": "module stand_gates cannot be imported: ValueError: no card"
    }


def test_bytecode_beside_captured_source_is_not_looked_at(tmp_path: Path) -> None:
    digests = _attached(tmp_path, stand_gates=STORED.replace("* 2", "* 9"))
    file = tmp_path / "code" / "stand_gates.py"
    planted = py_compile.compile(str(file), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    digests = _attached(tmp_path, stand_gates=STORED)

    assert planted
    assert Path(planted).is_file()
    assert _from(tmp_path, digests, locked_gate())["Gate"]().call(3) == 6


def test_source_that_changes_after_it_was_checked_is_not_read_again(tmp_path: Path) -> None:
    digests = _attached(tmp_path, stand_gates=STORED)
    stored = resolve.captured([locked_gate()], tmp_path, digests)
    _attached(tmp_path, stand_gates="raise SystemExit\n")

    assert _found(locked_gate(), stored=stored)["Gate"]().call(3) == 6


def test_two_models_with_modules_of_one_name_have_their_own_each(tmp_path: Path) -> None:
    one = _from(tmp_path, _attached(tmp_path, stand_gates=STORED), locked_gate())["Gate"]
    other = _from(tmp_path, _attached(tmp_path, stand_gates=STORED.replace("2", "5")), locked_gate())["Gate"]
    again = _from(tmp_path, _attached(tmp_path, stand_gates=STORED), locked_gate())["Gate"]

    assert (one().call(1), other().call(1)) == (2, 5)
    assert again is one


def test_an_object_whose_source_was_not_stored_is_not_looked_for_in_it(tmp_path: Path) -> None:
    stored = resolve.captured([locked_gate()], tmp_path, _attached(tmp_path, stand_gates=STORED))

    for modules in (Unknown("it holds a secret"), (), ("stand_other",)):
        assert list(_lost(locked_gate(modules=modules), stored=stored)) == ["house>Gate"]


def test_a_lock_cannot_have_files_outside_of_the_attachments_read(tmp_path: Path) -> None:
    secret = write_module(tmp_path, "secret", "X = 1\n")
    digest = hashlib.sha256(secret.read_bytes()).hexdigest()
    items = [locked_gate(modules=("...secret", "/secret", "..secret"))]

    stored = resolve.captured(items, tmp_path / "attachments", {"../secret.py": digest, "/secret.py": digest})

    assert stored._texts == {}


def test_what_is_stored_runs_apart(tmp_path: Path) -> None:
    log: list[str] = []

    @contextmanager
    def apart() -> Iterator[None]:
        log.append("in")
        yield
        log.append("out")

    stored = _stored(stand_gates=f"import builtins\nbuiltins.stand_log.append('run')\n{STORED}")
    import builtins

    builtins.stand_log = log  # type: ignore[attr-defined]
    try:
        _found(locked_gate(), stored=stored, apart=apart)
    finally:
        del builtins.stand_log  # type: ignore[attr-defined]

    assert log == ["in", "run", "out"]


@pytest.mark.parametrize("text", ["from os import makedirs as Gate\n", "Gate = len\n", "Gate = 1\n"])
def test_only_what_captured_source_defines_itself_is_handed_over(text: str) -> None:
    assert list(_lost(locked_gate(), stored=_stored(stand_gates=text))) == ["house>Gate"]


def test_a_module_as_it_was_recorded_needs_no_keras(project: Path) -> None:
    write_module(project, "stand_gates", STORED)
    digest = meaning(Sources(), "stand_gates", "Gate")

    assert _found(locked_gate(digest=digest))["Gate"]().call(3) == 6
