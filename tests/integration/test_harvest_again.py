"""The shipped table of a release is what its wheel gives when it is harvested again."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
VERSION = "3.7.0"


@pytest.mark.network
def test_harvesting_a_wheel_again_gives_the_shipped_table(tmp_path: Path) -> None:
    sys.path.insert(0, str(ROOT / "tools"))
    from harvest.packing import packed
    from harvest.release import Source, table

    from envlock.knowledge.releases import _Family, keras

    pip = [sys.executable, "-m", "pip"] if importlib.util.find_spec("pip") else ["pip"]
    command = [*pip, "download", "--no-deps", "--only-binary=:all:", f"keras=={VERSION}"]
    subprocess.run([*command, "-d", str(tmp_path)], check=True, capture_output=True)
    folder = tmp_path / f"keras-{VERSION}"
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(folder)

    made = table(Source.found(folder))

    shipped = keras("keras", (3, 7, 0))
    assert shipped is not None
    fresh = _Family(packed([made], provider="keras", date="today"))
    for section in ("classes", "modules", "public", "lookup"):
        blocks = {*fresh.blocks(section), *shipped._family.blocks(section)}
        assert {name: _held(shipped._family, section, name, shipped._bit) for name in blocks} == {
            name: _held(fresh, section, name, 1) for name in blocks
        }


def _held(family: object, section: str, name: str, bit: int) -> list[tuple[str, str]]:
    lines = family.block(section, name)  # type: ignore[attr-defined]
    return sorted((key, _normal(value)) for mask, key, value in lines if mask & bit)


def _normal(value: str) -> str:
    return json.dumps(json.loads(value), sort_keys=True) if value.startswith("{") else value
