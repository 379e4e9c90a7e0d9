"""Imports point down, and each door to the world has one keeper."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "envlock"

# From the ground up. A module imports its own family and the floors below it.
FLOORS = (
    ("_version", "redact", "toml", "values", "variables"),
    ("errors", "facts"),
    ("arguments", "changes", "codec", "keras_bridge", "process", "resources", "store"),
    ("artifacts", "capture", "keras_state", "lockfile", "sandbox", "trust"),
    ("custom", "knowledge"),
    ("contract", "emit", "inspection", "report", "targets"),
    ("image", "judging", "saving", "views"),
    ("notices", "opening"),
    ("locking", "proving", "suggesting"),
    ("verifying",),
    ("api",),
    ("hooks",),
    ("cli",),
    ("__main__", "__init__"),
)

# What only one module may import, and which.
KEEPERS = {
    "subprocess": {"process"},
    "tensorflow": set(),
    "keras": set(),
    "tf_keras": set(),
    "docker": {"image"},
    "h5py": {"artifacts.hdf5", "artifacts.hdf5_links"},
    "numpy": {"contract.canary"},
    "tomli_w": {"lockfile"},
    "typer": {"arguments", "cli"},
    "pickle": set(),
    "marshal": set(),
}

MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def imported(path: Path, *, top_level_only: bool = False) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if top_level_only else ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module="envlock", names=names):
                yield from (f"envlock.{alias.name}" for alias in names)
            case ast.ImportFrom(module=str(module)):
                yield module


def floor(name: str) -> int:
    family = name.partition(".")[0]
    return next(level for level, rooms in enumerate(FLOORS) if family in rooms)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_its_own_family_and_the_floors_below(path):
    own = name_of(path)

    others = [name.removeprefix("envlock.") for name in imported(path) if name.startswith("envlock.")]

    family = own.partition(".")[0]
    wrong = [other for other in others if other.partition(".")[0] != family and floor(other) >= floor(own)]
    assert wrong == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_each_door_is_used_only_by_its_keeper(path):
    own = name_of(path)

    tops = {name.partition(".")[0] for name in imported(path)}

    assert {top for top in tops & KEEPERS.keys() if own not in KEEPERS[top]} == set()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_the_bridge_brings_in_tensorflow_or_keras_by_name(path):
    calls = [
        node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
    ]

    named = {
        ast.unparse(call.args[0]).strip("'\"")
        for call in calls
        if ast.unparse(call.func).endswith("import_module") and call.args
    }

    assert name_of(path) == "keras_bridge" or not named & {"tensorflow", "keras", "tf_keras"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_the_command_line_prints_and_exits(path):
    source = ast.unparse(ast.parse(path.read_text(encoding="utf-8")))

    # The last three are programs of their own when they are run.
    allowed = {"cli", "__main__", "artifacts.hdf5", "artifacts.hdf5_links", "verifying"}

    words = r"\bprint\(|sys\.exit\(|sys\.stdout|sys\.stderr"
    assert name_of(path) in allowed or not re.search(words, source)


def test_only_resources_knows_where_files_are():
    assert [
        name_of(path) for path in MODULES if "__file__" in path.read_text().replace('"__file__"', "")
    ] == ["resources"]


def test_the_bridge_imports_nothing_heavy_at_the_top():
    tops = set(imported(PACKAGE / "keras_bridge.py", top_level_only=True))

    assert {name.partition(".")[0] for name in tops} <= set(sys.stdlib_module_names) | {"envlock"}


HEAVY = (
    "tensorflow",
    "keras",
    "tf_keras",
    "numpy",
    "h5py",
    "docker",
    "rich",
    "typer",
    "tomli_w",
    "packaging",
)


@pytest.mark.parametrize(
    "program",
    [
        "import envlock",
        "import envlock.api, envlock.cli",
        "from envlock.cli import main; main(['show'])",
        "from envlock.cli import main; main(['diff', {model!r}])",
        "from envlock.cli import main; main(['diff', {model!r}, '--against', 'tensorflow-cpu==2.15.1'])",
    ],
)
def test_looking_imports_nothing_heavy(program):
    model = str(PACKAGE.parent / "tests" / "examples" / "saved" / "digits.keras")
    ask = f"import sys; print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])"
    code = f"{program.format(model=model)}\n{ask}"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.rpartition("HEAVY ")[2].strip() == "[]"


def test_a_diff_does_without_what_dataclasses_cost():
    model = str(PACKAGE.parent / "tests" / "examples" / "saved" / "digits.keras")
    ask = "print('HEAVY', {'dataclasses', 'inspect'} & set(sys.modules))"
    code = f"import sys; from envlock.cli import main; main(['diff', {model!r}]); {ask}"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.rpartition("HEAVY ")[2].strip() == "set()"


def test_every_public_name_is_what_it_says_after_everything_was_imported():
    code = (
        "import envlock, pkgutil, importlib\n"
        "for item in pkgutil.walk_packages(envlock.__path__, 'envlock.'):\n"
        "    item.name.endswith('__main__') or importlib.import_module(item.name)\n"
        "print([n for n in envlock.__all__ if not callable(getattr(envlock, n)) and n != '__version__'])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
