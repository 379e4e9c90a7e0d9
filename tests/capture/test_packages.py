from __future__ import annotations

import json
from pathlib import Path

import pytest
from builders import install

from envlock.capture import packages
from envlock.capture.packages import Distribution
from envlock.facts import Package, Unknown


def _roles(
    site: Path, *, runtime: tuple[str, ...], tool: tuple[str, ...] = ("envlock-tf",)
) -> dict[str, str]:
    found = packages.with_roles(packages.installed([str(site)]), runtime=runtime, tool=tool)
    return {package.name: package.role for package in found}


def _requires(site: Path, name: str, *, runtime: tuple[str, ...]) -> tuple[str, ...]:
    found = packages.with_roles(packages.installed([str(site)]), runtime=runtime)
    return next(package.requires for package in found if package.name == name)


# Names


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("NumPy", "numpy"),
        ("ruamel.yaml", "ruamel-yaml"),
        ("typing_extensions", "typing-extensions"),
        ("A-_.B", "a-b"),
        ("tf-keras", "tf-keras"),
    ],
)
def test_a_name_is_compared_as_pep_503_says(name: str, expected: str) -> None:
    assert packages.normalised(name) == expected


# The scan


def test_a_distribution_is_read_from_the_head_of_its_metadata(tmp_path: Path) -> None:
    info = install(tmp_path, "Flask-RESTful", "0.3.10", requires=["six>=1.3", "pytz ; extra == 'tz'"])

    assert packages.installed([str(tmp_path)]) == {
        "flask-restful": Distribution("flask-restful", "0.3.10", info, ("six>=1.3", "pytz ; extra == 'tz'"))
    }


def test_distributions_are_sorted_by_normalised_name(tmp_path: Path) -> None:
    for name in ("zope.interface", "Babel", "absl-py"):
        install(tmp_path, name)

    assert list(packages.installed([str(tmp_path)])) == ["absl-py", "babel", "zope-interface"]


def test_the_first_entry_of_the_path_wins(tmp_path: Path) -> None:
    install(tmp_path / "first", "numpy", "2.0.0")
    install(tmp_path / "second", "numpy", "1.26.4")

    found = packages.installed([str(tmp_path / "first"), str(tmp_path / "second")])

    assert found["numpy"].version == "2.0.0"


def test_an_entry_of_the_path_need_not_be_a_folder(tmp_path: Path) -> None:
    (tmp_path / "archive.zip").touch()

    assert packages.installed([str(tmp_path / "archive.zip"), str(tmp_path / "missing")]) == {}


def test_an_empty_entry_of_the_path_is_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "numpy")
    monkeypatch.chdir(tmp_path)

    assert list(packages.installed([""])) == ["numpy"]


def test_the_running_environment_is_scanned_by_default() -> None:
    assert packages.installed()["pytest"].version == pytest.__version__


def test_the_description_below_the_head_is_not_read(tmp_path: Path) -> None:
    info = install(tmp_path, "numpy", "2.0.0")
    head = "Name: numpy\nVersion: 2.0.0\n\nVersion: 9\nRequires-Dist: malware\n"
    (info / "METADATA").write_text(head, encoding="utf-8")

    found = packages.installed([str(tmp_path)])

    assert found == {"numpy": Distribution("numpy", "2.0.0", info, ())}


def test_a_head_that_is_longer_than_one_read_is_read_to_its_end(tmp_path: Path) -> None:
    requires = [f"package-{index}>=1.0" for index in range(2000)]
    install(tmp_path, "big", requires=requires)

    assert packages.installed([str(tmp_path)])["big"].requires_dist == tuple(requires)


def test_a_head_with_the_line_ends_of_windows_is_read(tmp_path: Path) -> None:
    info = install(tmp_path, "numpy", "2.0.0")
    (info / "METADATA").write_bytes(b"Name: numpy\r\nVersion: 2.0.0\r\n\r\nVersion: 9\r\n")

    assert packages.installed([str(tmp_path)])["numpy"].version == "2.0.0"


def test_metadata_that_changed_is_read_again(tmp_path: Path) -> None:
    info = install(tmp_path, "numpy", "2.0.0")
    before = packages.installed([str(tmp_path)])["numpy"].version

    (info / "METADATA").write_text("Name: numpy\nVersion: 2.0.0.post1\n", encoding="utf-8")

    assert (before, packages.installed([str(tmp_path)])["numpy"].version) == ("2.0.0", "2.0.0.post1")


def test_metadata_without_a_version_is_unknown_and_not_guessed(tmp_path: Path) -> None:
    info = tmp_path / "house.egg-info"
    info.mkdir()
    (info / "PKG-INFO").write_text("Name: house\n", encoding="utf-8")

    assert packages.installed([str(tmp_path)]) == {
        "house": Distribution("house", Unknown("house.egg-info names no usable version"), info, ())
    }


def test_a_distribution_without_metadata_is_known_by_the_name_of_its_folder(tmp_path: Path) -> None:
    info = tmp_path / "Old_House-1.2.dist-info"
    info.mkdir()

    assert packages.installed([str(tmp_path)]) == {"old-house": Distribution("old-house", "1.2", info, ())}


def test_an_egg_info_file_is_read(tmp_path: Path) -> None:
    info = tmp_path / "house-1.2-py3.11.egg-info"
    info.write_text("Name: house\nVersion: 1.2\n", encoding="utf-8")

    assert packages.installed([str(tmp_path)]) == {"house": Distribution("house", "1.2", info, ())}


def test_what_pip_leaves_behind_when_it_is_interrupted_is_no_distribution(tmp_path: Path) -> None:
    (tmp_path / "~umpy-1.26.4.dist-info").mkdir()
    (tmp_path / "nothing.dist-info").mkdir()

    assert packages.installed([str(tmp_path)]) == {}


def test_the_modules_of_a_distribution_lie_beside_its_metadata(tmp_path: Path) -> None:
    install(tmp_path, "numpy")

    assert packages.installed([str(tmp_path)])["numpy"].files == tmp_path


# The user's own


def test_a_distribution_from_a_local_folder_is_the_users_own(tmp_path: Path) -> None:
    info = install(tmp_path, "house")
    origin = {"url": "file:///home/ada/house", "dir_info": {"editable": True}}
    (info / "direct_url.json").write_text(json.dumps(origin), encoding="utf-8")

    assert packages.installed([str(tmp_path)])["house"].is_project() is True


@pytest.mark.parametrize(
    "origin", ['{"url": "https://x/house.whl", "archive_info": {}}', "[]", '"dir_info"', "{", None]
)
def test_a_distribution_from_elsewhere_is_not_the_users_own(tmp_path: Path, origin: str | None) -> None:
    info = install(tmp_path, "house")
    if origin is not None:
        (info / "direct_url.json").write_text(origin, encoding="utf-8")

    assert packages.installed([str(tmp_path)])["house"].is_project() is False


@pytest.mark.parametrize(("beside", "expected"), [("setup.py", True), ("other.py", False)])
def test_a_develop_install_is_known_by_the_setup_beside_its_metadata(
    tmp_path: Path, beside: str, *, expected: bool
) -> None:
    info = tmp_path / "house.egg-info"
    info.mkdir()
    (info / "PKG-INFO").write_text("Name: house\nVersion: 1\n", encoding="utf-8")
    (tmp_path / beside).touch()

    assert packages.installed([str(tmp_path)])["house"].is_project() is expected


# As facts


def test_a_fact_of_a_distribution_tells_no_role(tmp_path: Path) -> None:
    install(tmp_path, "numpy", "2.0.0", requires=["six"])
    install(tmp_path, "six", "1.16")

    found = packages.facts(packages.installed([str(tmp_path)]))

    assert found == (Package(name="numpy", version="2.0.0"), Package(name="six", version="1.16"))


def test_what_the_model_imports_and_all_it_depends_on_is_runtime(tmp_path: Path) -> None:
    install(tmp_path, "keras", requires=["numpy>=1.2", "rich"])
    install(tmp_path, "rich", requires=["pygments"])
    for name in ("numpy", "pygments", "requests"):
        install(tmp_path, name)

    found = packages.with_roles(packages.installed([str(tmp_path)]), runtime=["keras"])

    assert found == (
        Package(name="keras", version="1.0", role="runtime", requires=("numpy", "rich")),
        Package(name="numpy", version="1.0", role="runtime"),
        Package(name="pygments", version="1.0", role="runtime"),
        Package(name="requests", version="1.0", role="unrelated"),
        Package(name="rich", version="1.0", role="runtime", requires=("pygments",)),
    )


def test_what_only_envlock_needs_is_a_tool_and_what_the_model_needs_too_is_not(tmp_path: Path) -> None:
    install(tmp_path, "envlock-tf", requires=["typer", "packaging"])
    install(tmp_path, "keras", requires=["packaging"])
    install(tmp_path, "typer")
    install(tmp_path, "packaging")

    assert _roles(tmp_path, runtime=("keras",)) == {
        "envlock-tf": "tool",
        "keras": "runtime",
        "packaging": "runtime",
        "typer": "tool",
    }


def test_the_users_own_code_is_project_whether_or_not_the_model_needs_it(tmp_path: Path) -> None:
    for name in ("needed", "other"):
        info = install(tmp_path, name)
        (info / "direct_url.json").write_text('{"dir_info": {}}', encoding="utf-8")

    assert _roles(tmp_path, runtime=("needed",)) == {"needed": "project", "other": "project"}


def test_an_editable_envlock_is_a_tool_and_not_the_users_project(tmp_path: Path) -> None:
    info = install(tmp_path, "envlock-tf")
    (info / "direct_url.json").write_text('{"dir_info": {"editable": true}}', encoding="utf-8")

    assert _roles(tmp_path, runtime=()) == {"envlock-tf": "tool"}


def test_a_root_that_is_not_installed_is_passed_over(tmp_path: Path) -> None:
    install(tmp_path, "numpy")

    assert _roles(tmp_path, runtime=("keras", "numpy")) == {"numpy": "runtime"}


def test_distributions_that_depend_on_each_other_come_to_an_end(tmp_path: Path) -> None:
    install(tmp_path, "a", requires=["b"])
    install(tmp_path, "b", requires=["a", "b"])

    assert _roles(tmp_path, runtime=("a",)) == {"a": "runtime", "b": "runtime"}


def test_a_requirement_is_known_by_its_normalised_name(tmp_path: Path) -> None:
    install(tmp_path, "keras", requires=["Typing_Extensions (>=4.0)"])
    install(tmp_path, "typing-extensions")

    assert _requires(tmp_path, "keras", runtime=("keras",)) == ("typing-extensions",)


def test_a_requirement_for_another_platform_does_not_count(tmp_path: Path) -> None:
    install(
        tmp_path,
        "keras",
        requires=["six; python_version >= '3'", "old; python_version < '3'", "w; sys_platform == 'nowhere'"],
    )
    for name in ("six", "old", "w"):
        install(tmp_path, name)

    assert _requires(tmp_path, "keras", runtime=("keras",)) == ("six",)


def test_a_line_that_is_no_requirement_asks_for_nothing(tmp_path: Path) -> None:
    install(tmp_path, "keras", requires=["six (>= 1.0", "???", "numpy", "six; platform == 'x'"])
    install(tmp_path, "six")
    install(tmp_path, "numpy")

    assert _requires(tmp_path, "keras", runtime=("keras",)) == ("numpy",)


def test_an_extra_of_a_root_counts_when_all_of_it_is_installed(tmp_path: Path) -> None:
    cuda = ["nvidia-cudnn; extra == 'and-cuda'", "nvidia-cuda-runtime; extra == 'and-cuda'"]
    install(tmp_path, "tensorflow", requires=["numpy", *cuda])
    for name in ("numpy", "nvidia-cudnn", "nvidia-cuda-runtime"):
        install(tmp_path, name)

    assert _requires(tmp_path, "tensorflow", runtime=("tensorflow",)) == (
        "numpy",
        "nvidia-cuda-runtime",
        "nvidia-cudnn",
    )


def test_an_extra_of_a_root_does_not_count_when_part_of_it_is_missing(tmp_path: Path) -> None:
    cuda = ["nvidia-cudnn; extra == 'and-cuda'", "nvidia-cuda-runtime; extra == 'and-cuda'"]
    install(tmp_path, "tensorflow", requires=["numpy", *cuda])
    for name in ("numpy", "nvidia-cudnn"):
        install(tmp_path, name)

    assert _requires(tmp_path, "tensorflow", runtime=("tensorflow",)) == ("numpy",)


def test_an_extra_that_was_not_asked_for_does_not_count_below_the_roots(tmp_path: Path) -> None:
    install(tmp_path, "keras", requires=["requests"])
    install(tmp_path, "requests", requires=["urllib3", "pysocks; extra == 'socks'"])
    install(tmp_path, "urllib3")
    install(tmp_path, "pysocks")

    assert _roles(tmp_path, runtime=("keras",)) == {
        "keras": "runtime",
        "pysocks": "unrelated",
        "requests": "runtime",
        "urllib3": "runtime",
    }


def test_an_extra_that_was_asked_for_by_name_counts(tmp_path: Path) -> None:
    install(tmp_path, "keras", requires=["requests[socks]"])
    install(tmp_path, "requests", requires=["pysocks; extra == 'socks'", "chardet; extra == 'chars'"])
    install(tmp_path, "pysocks")
    install(tmp_path, "chardet")

    assert _roles(tmp_path, runtime=("keras",)) == {
        "chardet": "unrelated",
        "keras": "runtime",
        "pysocks": "runtime",
        "requests": "runtime",
    }
