from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from builders import install

from envlock.capture import packages, wheels
from envlock.facts import Package, Unknown


def _wheel(site: Path, lines: str, *, name: str = "numpy", version: str = "2.4.6") -> Path:
    info = install(site, name, version)
    (info / "WHEEL").write_bytes(f"Wheel-Version: 1.0\n{lines}".encode())
    return info


def _digest(*rows: str) -> str:
    return hashlib.sha256("".join(f"{row}\n" for row in rows).encode()).hexdigest()


# The file name


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("Tag: py3-none-any\n", "py3-none-any"),
        ("Tag: py2-none-any\nTag: py3-none-any\n\n", "py2.py3-none-any"),
        ("Generator: meson\r\nTag: cp311-cp311-win_amd64\r\n", "cp311-cp311-win_amd64"),
        (
            "Tag: cp311-cp311-manylinux_2_27_x86_64\nTag: cp311-cp311-manylinux_2_28_x86_64\n",
            "cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64",
        ),
        (
            (
                "Generator: bdist_wheel (0.38.4)\n"
                "Tag: cp311-cp311-manylinux_2_17_x86_64\nTag: cp311-cp311-manylinux2014_x86_64\n"
            ),
            "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
        ),
        (
            (
                "Generator: setuptools (84.2.1)\nTag: cp311-cp311-manylinux_2_5_x86_64\n"
                "Tag: cp311-cp311-manylinux1_x86_64\nTag: cp311-cp311-manylinux_2_28_x86_64\n"
            ),
            "cp311-cp311-manylinux1_x86_64.manylinux_2_28_x86_64.manylinux_2_5_x86_64",
        ),
        (
            (
                "Generator: maturin (1.15.0)\n"
                "Tag: cp39-abi3-manylinux_2_17_x86_64\nTag: cp39-abi3-manylinux2014_x86_64\n"
            ),
            "cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64",
        ),
        ("Build: 1\nTag: py3-none-any\n", "1-py3-none-any"),
        ("Build:\nTag: py3-none-any\nTag: py3-none-any\n", "py3-none-any"),
    ],
)
def test_the_file_name_is_put_together_from_tags_and_build(tmp_path: Path, lines: str, expected: str) -> None:
    assert wheels.file_name(_wheel(tmp_path, lines)) == f"numpy-2.4.6-{expected}.whl"


def test_the_file_name_keeps_the_spelling_and_the_local_version(tmp_path: Path) -> None:
    info = _wheel(tmp_path, "Tag: py3-none-any\n", name="Torch_X.y", version="2.1.0+cu118")

    assert wheels.file_name(info) == "Torch_X.y-2.1.0+cu118-py3-none-any.whl"


@pytest.mark.parametrize(
    "lines",
    [
        "",
        "Tag:\n",
        "Tag: py3-none\n",
        "Tag: py2-none-any\nTag: py3-abi3-linux_x86_64\n",
        "Tag: py3-none-../../any\n",
        "Build: x\x1b\nTag: py3-none-any\n",
    ],
)
def test_tags_that_make_no_file_name_are_unknown(tmp_path: Path, lines: str) -> None:
    reason = "WHEEL in numpy-2.4.6.dist-info makes no file name"
    assert wheels.file_name(_wheel(tmp_path, lines)) == Unknown(reason)


def test_what_was_no_wheel_has_no_file_name_and_no_digest(tmp_path: Path) -> None:
    info = tmp_path / "house.egg-info"
    info.write_text("Name: house\n")

    assert (wheels.file_name(info), wheels.record(info), wheels.installer(info)) == (None, None, None)


def test_what_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    info = install(tmp_path, "numpy", "2.4.6")
    (info / "RECORD").unlink()
    for name in ("WHEEL", "RECORD", "INSTALLER"):
        (info / name).mkdir()

    assert [wheels.file_name(info), wheels.record(info), wheels.installer(info)] == [
        Unknown(f"{name} in numpy-2.4.6.dist-info cannot be read: Is a directory")
        for name in ("WHEEL", "RECORD", "INSTALLER")
    ]


# The digest


INSIDE_THE_WHEEL = """house/__init__.py,sha256=aaa,10
house/walls.so,sha256=bbb,20
house-1.0.data/scripts/house,sha256=ccc,5
house-1.0.data/data/share/house.txt,sha256=ddd,5
house-1.0.data/headers/house.h,sha256=eee,5
house-1.0.data/platlib/roof.py,sha256=fff,5
house-1.0.dist-info/METADATA,sha256=ggg,100
house-1.0.dist-info/WHEEL,sha256=hhh,90
house-1.0.dist-info/RECORD,,
"""
BY_PIP = """../../../bin/house,sha256=CHANGED,7
../../../bin/house-plan,sha256=MADE,200
../../../include/site/python3.11/house/house.h,sha256=eee,5
../../../share/house.txt,sha256=ddd,5
__pycache__/roof.cpython-311.pyc,,
house-1.0.dist-info/INSTALLER,sha256=iii,4
house-1.0.dist-info/METADATA,sha256=ggg,100
house-1.0.dist-info/RECORD,,
house-1.0.dist-info/REQUESTED,sha256=jjj,0
house-1.0.dist-info/WHEEL,sha256=hhh,90
house-1.0.dist-info/direct_url.json,sha256=kkk,80
house/__init__.py,sha256=aaa,10
house/__pycache__/__init__.cpython-311.pyc,,
house/walls.so,sha256=bbb,20
roof.py,sha256=fff,5
"""
BY_UV = """../../../bin/house,sha256=CHANGED2,7
house/__init__.py,sha256=aaa,10
house/walls.so,sha256=bbb,20
roof.py,sha256=fff,5
house-1.0.dist-info/INSTALLER,sha256=lll,2
house-1.0.dist-info/METADATA,sha256=ggg,100
house-1.0.dist-info/RECORD,,
house-1.0.dist-info/REQUESTED,sha256=jjj,0
house-1.0.dist-info/WHEEL,sha256=hhh,90
house-1.0.dist-info/uv_cache.json,sha256=mmm,2
house-1.0.dist-info/uv_build.json,sha256=mmm,2
"""
ON_WINDOWS = BY_UV.replace("../../../bin/house", "../../Scripts/house.exe").replace("\n", "\r\n")
OF_THE_WHEEL = _digest(
    "house-1.0.dist-info/METADATA,sha256=ggg",
    "house-1.0.dist-info/WHEEL,sha256=hhh",
    "house/__init__.py,sha256=aaa",
    "house/walls.so,sha256=bbb",
    "roof.py,sha256=fff",
)


@pytest.mark.parametrize(
    "text",
    [
        INSIDE_THE_WHEEL,
        BY_PIP,
        BY_UV,
        BY_UV.removesuffix("\n"),
        ON_WINDOWS,
        ON_WINDOWS.replace("/", "\\"),
        BY_PIP + "C:/Python/Scripts/house.exe,sha256=MADE,9\n/usr/bin/house,sha256=MADE,9\n\n",
        BY_PIP + "house/__init__.py,sha256=aaa,10\n",
        '"house/__init__.py",sha256=aaa,10\n' + BY_PIP,
    ],
)
def test_the_digest_is_the_same_inside_the_wheel_and_for_every_installer(text: str) -> None:
    assert wheels.record_digest(text.encode()) == OF_THE_WHEEL


@pytest.mark.parametrize(
    "text",
    [
        BY_UV.replace("sha256=aaa", "sha256=AAA"),
        BY_UV.replace("roof.py", "root.py"),
        BY_UV + "INSTALLER,sha256=iii,4\n",
        BY_UV + "house/data/direct_url.json,sha256=iii,4\n",
        BY_UV + "house.data/readme,sha256=iii,4\n",
    ],
)
def test_the_digest_differs_where_a_file_of_the_wheel_does(text: str) -> None:
    assert wheels.record_digest(text.encode()) != OF_THE_WHEEL


def test_a_path_with_a_comma_is_one_path() -> None:
    quoted = b'"house/a,b.txt",sha256=aaa,1\nhouse/c.txt,sha256=bbb,1\n'

    assert wheels.record_digest(quoted) == _digest("house/a,b.txt,sha256=aaa", "house/c.txt,sha256=bbb")


@pytest.mark.parametrize("text", ["", "\n", "house/__init__.py,,\n", "no rows at all"])
def test_a_record_without_digests_is_unknown(tmp_path: Path, text: str) -> None:
    info = install(tmp_path, "numpy", "2.4.6")
    (info / "RECORD").write_text(text)

    assert wheels.record(info) == Unknown("RECORD in numpy-2.4.6.dist-info holds no digests")


def test_a_record_that_is_no_table_is_unknown(tmp_path: Path) -> None:
    info = install(tmp_path, "numpy", "2.4.6")
    (info / "RECORD").write_bytes(b'"' + b"x" * 200_000 + b'",sha256=aaa,1\n')

    reason = "RECORD in numpy-2.4.6.dist-info is damaged: field larger than field limit (131072)"
    assert wheels.record(info) == Unknown(reason)


@pytest.mark.parametrize("garbage", [bytes(range(256)) * 3, b'"\r"\r,\x00\n"', b"\xff,sha256=\xfe,\n"])
def test_garbage_for_a_record_raises_nothing(tmp_path: Path, garbage: bytes) -> None:
    info = install(tmp_path, "numpy", "2.4.6")
    (info / "RECORD").write_bytes(garbage)

    assert isinstance(wheels.record(info), str | Unknown)


# The installer


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pip\n", "pip"),
        ("uv", "uv"),
        ("conda\r\nmore\n", "conda"),
        ("", None),
        ("\x1b[2J", Unknown("INSTALLER in numpy-2.4.6.dist-info is no name")),
        ("/home/ada/bin/pip", Unknown("INSTALLER in numpy-2.4.6.dist-info is no name")),
    ],
)
def test_the_installer_is_the_name_that_it_left(tmp_path: Path, text: str, expected: str | Unknown) -> None:
    info = install(tmp_path, "numpy", "2.4.6")
    (info / "INSTALLER").write_bytes(text.encode())

    assert wheels.installer(info) == expected


# All of it


def test_a_recorded_package_keeps_its_role_and_gains_what_the_installer_left(tmp_path: Path) -> None:
    info = _wheel(tmp_path, "Tag: py3-none-any\n")
    (info / "RECORD").write_text("numpy/__init__.py,sha256=aaa,1\n")
    (info / "INSTALLER").write_text("uv")
    (info / "REQUESTED").touch()
    row = Package(name="numpy", version="2.4.6", role="runtime", requires=("six",))

    found = packages.recorded((row,), packages.installed([str(tmp_path)]))

    assert found == (
        Package(
            name="numpy",
            version="2.4.6",
            role="runtime",
            requires=("six",),
            wheel="numpy-2.4.6-py3-none-any.whl",
            record=_digest("numpy/__init__.py,sha256=aaa"),
            installer="uv",
            is_requested=True,
            origin=None,
        ),
    )


def test_what_conda_installed_was_no_wheel(tmp_path: Path) -> None:
    info = _wheel(tmp_path, "Tag: py3-none-any\n")
    (info / "INSTALLER").write_text("conda")
    distributions = packages.installed([str(tmp_path)])

    (found,) = packages.recorded(packages.facts(distributions), distributions)

    assert (found.wheel, found.installer, found.is_requested) == (None, "conda", False)


def test_a_package_that_is_not_installed_stays_as_it_is() -> None:
    row = Package(name="gone", version="1")

    assert packages.recorded((row,), {}) == (row,)


def test_an_egg_in_a_zip_file_is_recorded_without_what_it_does_not_have(tmp_path: Path) -> None:
    import zipfile

    egg = tmp_path / "house-1-py3.11.egg"
    with zipfile.ZipFile(egg, "w") as archive:
        archive.writestr("EGG-INFO/PKG-INFO", "Name: house\nVersion: 1\n")
    distributions = packages.installed([str(egg)])

    (found,) = packages.recorded(packages.facts(distributions), distributions)

    nothing = {"wheel": None, "record": None, "installer": None, "origin": None}
    assert found == Package(name="house", version="1", **nothing)


def test_a_record_that_changed_is_read_again(tmp_path: Path) -> None:
    info = tmp_path / "six-1.0.dist-info"
    info.mkdir()
    (info / "RECORD").write_text("six.py,sha256=a,1\n", encoding="utf-8")
    first = wheels.record(info)
    (info / "RECORD").write_text("six.py,sha256=b,10\n", encoding="utf-8")

    assert wheels.record(info) != first
