"""What is installed is exactly what is meant to be."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("build")
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_package_the_tables_and_the_templates(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}

    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "envlock").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    templates = {f"envlock/templates/{path.name}" for path in (ROOT / "templates").iterdir()}
    assert names == package | templates


def test_the_wheel_is_called_envlock_tf_and_brings_the_command(wheel):
    with zipfile.ZipFile(wheel) as archive:
        about = [name for name in archive.namelist() if ".dist-info/" in name]
        read = {name.partition(".dist-info/")[2]: archive.read(name).decode() for name in about}

    assert wheel.name.startswith("envlock_tf-")
    assert "envlock = envlock.__main__:run" in read["entry_points.txt"]
    assert "Apache License" in read["licenses/LICENSE"]
    assert "Requires-Dist: tomli-w" in read["METADATA"]


def test_the_wheel_works_where_nothing_else_of_the_project_is(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    model = ROOT / "tests" / "examples" / "saved" / "digits.keras"
    command = [
        sys.executable,
        "-c",
        "import sys; sys.path.insert(0, sys.argv.pop(1)); from envlock.cli import main; main()",
    ]

    done = subprocess.run(
        [*command, str(tmp_path / "site"), "dockerfile", str(model)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )

    assert done.stdout.startswith("# Made by envlock")
