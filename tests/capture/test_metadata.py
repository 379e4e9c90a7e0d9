from __future__ import annotations

import importlib.metadata
import os
import zipfile
from pathlib import Path

import pytest
from builders import install

from envlock.capture import metadata
from envlock.facts import Unknown


def _versions(*entries: Path | str) -> dict[str, object]:
    return {
        name: item.version for name, item in metadata.installed([str(entry) for entry in entries]).items()
    }


def _of_the_standard_library(*entries: Path | str) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in importlib.metadata.distributions(path=[str(entry) for entry in entries]):
        found.setdefault(metadata.normalised(item.metadata["Name"]), item.version)
    return found


def _info(site: Path, name: str, head: bytes | None) -> Path:
    """A folder of metadata with this head, `None` for one without METADATA."""
    info = site / name
    info.mkdir(parents=True)
    if head is not None:
        (info / "METADATA").write_bytes(head)
    return info


# As importlib.metadata


def test_the_running_environment_is_found_as_the_standard_library_finds_it() -> None:
    found = {name: item.version for name, item in metadata.installed().items()}

    theirs = {
        metadata.normalised(item.metadata["Name"]): item.metadata["Name"]
        for item in importlib.metadata.distributions()
        if not str(item.locate_file("")).endswith("_vendor")
    }
    assert found == {name: importlib.metadata.version(spelt) for name, spelt in theirs.items()}


def test_of_two_versions_in_one_folder_the_one_that_programs_see_is_found(tmp_path: Path) -> None:
    for version in ("1.24.0", "2.0.0", "1.26.4", "1.25.0"):
        install(tmp_path, "numpy", version)

    assert _versions(tmp_path) == _of_the_standard_library(tmp_path)


def test_an_egg_a_folder_and_a_file_of_old_metadata_are_found(tmp_path: Path) -> None:
    site, egg = tmp_path / "site", tmp_path / "site" / "House_Style-2.1-py3.11.egg"
    for folder, version in ((egg / "EGG-INFO", "2.1"), (site / "old.tool-0.3-py3.11.egg-info", "0.3")):
        folder.mkdir(parents=True)
        name = "House-Style" if folder.name == "EGG-INFO" else "old.tool"
        (folder / "PKG-INFO").write_text(f"Metadata-Version: 1.1\nName: {name}\nVersion: {version}\n")
    (site / "lonely-0.9.egg-info").write_text("Metadata-Version: 1.0\nName: lonely\nVersion: 0.9\n")

    found = _versions(egg, site)

    assert found == {"house-style": "2.1", "lonely": "0.9", "old-tool": "0.3"}
    assert found == _of_the_standard_library(egg, site)


@pytest.mark.parametrize("member", ["EGG-INFO/PKG-INFO", "x-1.dist-info/METADATA"])
def test_a_zip_file_on_the_path_is_looked_into(tmp_path: Path, member: str) -> None:
    egg = tmp_path / "zipped-1.5-py3.11.egg"
    with zipfile.ZipFile(egg, "w") as archive:
        archive.writestr("zipped/__init__.py", "")
        archive.writestr(member, "Metadata-Version: 1.0\nName: zipped\nVersion: 1.5\n")

    assert _versions(egg) == {"zipped": "1.5"} == _of_the_standard_library(egg)


@pytest.mark.parametrize("data", [b"", b"no zip file", b"PK\x05\x06", b"PK\x03\x04" + bytes(40)])
def test_a_file_on_the_path_that_is_no_zip_file_holds_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "broken.egg").write_bytes(data)

    assert _versions(tmp_path / "broken.egg") == {}


def test_a_develop_install_is_found_through_the_path_that_its_link_adds(tmp_path: Path) -> None:
    source, site = tmp_path / "house" / "src", tmp_path / "site"
    (source / "house.egg-info").mkdir(parents=True)
    (source / "house.egg-info" / "PKG-INFO").write_text("Name: house\nVersion: 0.1.dev0\n")
    site.mkdir()
    (site / "easy-install.pth").write_text(f"{source}\n")
    (site / "house.egg-link").write_text(f"{source}\n../")

    assert _versions(site, source) == {"house": "0.1.dev0"}


def test_names_that_differ_in_case_and_joints_are_one_and_the_first_entry_wins(tmp_path: Path) -> None:
    install(tmp_path / "first", "Ruamel.YAML", "0.18")
    install(tmp_path / "second", "ruamel_yaml", "0.17")

    assert _versions(tmp_path / "first", tmp_path / "second") == {"ruamel-yaml": "0.18"}


def test_a_folder_that_stands_twice_on_the_path_changes_nothing(tmp_path: Path) -> None:
    install(tmp_path / "site", "numpy", "2.0.0")
    (tmp_path / "link").symlink_to(tmp_path / "site")

    assert _versions(tmp_path / "link", tmp_path / "site", tmp_path / "link") == {"numpy": "2.0.0"}


def test_what_setuptools_bundles_is_not_installed_but_what_a_user_bundles_is(tmp_path: Path) -> None:
    install(tmp_path / "setuptools" / "_vendor", "wheel")
    install(tmp_path / "app" / "_vendor", "numpy")

    assert list(_versions(tmp_path / "setuptools" / "_vendor", tmp_path / "app" / "_vendor")) == ["numpy"]


@pytest.mark.parametrize("entry", ["", "nul\x00character", "\udcff", "/dev/null"])
def test_an_odd_entry_of_the_path_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    install(tmp_path / "site", "numpy", "2.0.0")

    assert _versions(entry, tmp_path / "site") == {"numpy": "2.0.0"}


# Broken metadata


@pytest.mark.parametrize(
    ("folder", "head", "expected"),
    [
        ("house-1.2.dist-info", None, {"house": "1.2"}),
        ("house-1.2.dist-info", b"", {"house": "1.2"}),
        ("house-1.2.dist-info", b"Name: house\n", {"house": "1.2"}),
        ("house-1.2.dist-info", b"Version: 1.3\n", {"house": "1.3"}),
        ("house-1.2.dist-info", b"Name:\nVersion:\n", {"house": "1.2"}),
        ("house-1.2.dist-info", bytes(range(256)) * 100, {"house": "1.2"}),
        ("house-1.2-py3.11.egg-info", b"Name: house\n", {"house": "1.2"}),
        ("house.dist-info", b"Name: house\n", {"house": Unknown("house.dist-info names no usable version")}),
        (
            "house-1.2.dist-info",
            b"Name: house\nVersion: \x1b[2J\n",
            {"house": Unknown("house-1.2.dist-info names no usable version")},
        ),
        ("house-1.2.dist-info", b"Name: ../../house\nVersion: 1.2\n", {"house": "1.2"}),
        ("..-1.2.dist-info", b"Name: \x1b[2J\nVersion: 1.2\n", {}),
        ("nothing.dist-info", None, {}),
        ("~ensorflow-2.15.dist-info", b"Name: tensorflow\nVersion: 2.15\n", {}),
        ("-ensorflow-2.15.dist-info", b"Name: tensorflow\nVersion: 2.15\n", {}),
    ],
)
def test_one_bad_distribution_is_told_as_far_as_it_is_known_and_stops_nothing(
    tmp_path: Path, folder: str, head: bytes | None, expected: dict[str, object]
) -> None:
    _info(tmp_path, folder, head)
    install(tmp_path, "numpy", "2.0.0")

    assert _versions(tmp_path) == {**expected, "numpy": "2.0.0"}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_metadata_that_may_not_be_read_leaves_the_name_of_the_folder(tmp_path: Path) -> None:
    (_info(tmp_path, "house-1.2.dist-info", b"Name: house\nVersion: 9\n") / "METADATA").chmod(0)

    assert _versions(tmp_path) == {"house": "1.2"}


def test_metadata_that_is_a_folder_leaves_the_name_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "house-1.2.dist-info" / "METADATA").mkdir(parents=True)

    assert _versions(tmp_path) == {"house": "1.2"}


@pytest.mark.parametrize("entries", [("empty", "full"), ("full", "empty")])
def test_what_an_uninstallation_left_never_hides_a_distribution(
    tmp_path: Path, entries: tuple[str, str]
) -> None:
    _info(tmp_path / "empty", "numpy-1.26.4.dist-info", None)
    install(tmp_path / "full", "numpy", "2.0.0")

    assert _versions(*(tmp_path / entry for entry in entries)) == {"numpy": "2.0.0"}


def test_several_tensorflow_distributions_are_all_listed(tmp_path: Path) -> None:
    for name, version in (
        ("tensorflow", "2.15.1"),
        ("tensorflow-cpu", "2.14.0"),
        ("tf-nightly", "2.16.0.dev1"),
    ):
        install(tmp_path, name, version)

    assert _versions(tmp_path) == {
        "tensorflow": "2.15.1",
        "tensorflow-cpu": "2.14.0",
        "tf-nightly": "2.16.0.dev1",
    }


# Heads


@pytest.mark.parametrize(
    "head",
    [
        b"Name: house\nRequires-Dist: numpy >=1.2 ;\n  extra == 'fast'\nVersion: 1.2\n",
        b"Name: house\r\nVersion: 1.2\r\nRequires-Dist: numpy >=1.2 ;\r\n\textra == 'fast'\r\n\r\nVersion: 9",
        b"name: house\nVERSION: 1.2\nrequires-dist: numpy >=1.2 ; extra == 'fast'\n",
        b"Name: house\nAuthor: J\xf6rg\nVersion: 1.2\nRequires-Dist: numpy >=1.2 ; extra == 'fast'\n",
        (
            b"License: MIT\n        Version: 7\nName: house\nVersion:  1.2 \nVersion: 3\n"
            b"Requires-Dist: numpy >=1.2 ; extra == 'fast'\n"
        ),
    ],
)
def test_a_head_is_read_as_mail_headers_are(tmp_path: Path, head: bytes) -> None:
    info = _info(tmp_path, "house-1.2.dist-info", head)

    assert metadata.installed([str(tmp_path)]) == {
        "house": metadata.Distribution("house", "1.2", info, ("numpy >=1.2 ; extra == 'fast'",))
    }


def test_a_huge_description_is_not_read(tmp_path: Path) -> None:
    head = b"Name: house\nVersion: 1.2\n\n"
    info = _info(tmp_path, "house-1.2.dist-info", head)
    with (info / "METADATA").open("r+b") as file:
        file.truncate(1 << 33)  # a sparse file of 8 GiB

    assert _versions(tmp_path) == {"house": "1.2"}


def test_a_head_without_an_end_is_read_only_so_far(tmp_path: Path) -> None:
    info = _info(tmp_path, "house-1.2.dist-info", b"Name: house\nVersion: 1.3\nRequires-Dist: a")
    with (info / "METADATA").open("r+b") as file:
        file.truncate(1 << 33)

    assert _versions(tmp_path) == {"house": "1.3"}
