from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from builders import DIGEST, install

from envlock.capture import origins
from envlock.facts import Origin, Unknown

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NOT_PEP_610 = Unknown("direct_url.json in house-1.0.dist-info is not as PEP 610 says")


def _installed_from(site: Path, stated: Any) -> Path:
    info = install(site, "house")
    text = stated if isinstance(stated, str) else json.dumps(stated)
    (info / "direct_url.json").write_text(text, encoding="utf-8")
    return info


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (
            {
                "url": "https://ada:secret@git.example/house.git",
                "vcs_info": {"vcs": "git", "requested_revision": "main", "commit_id": COMMIT.upper()},
            },
            Origin(url="https://git.example/house.git", commit=COMMIT),
        ),
        (
            {"url": "svn+https://svn.example/house", "vcs_info": {"vcs": "svn", "commit_id": "4711"}},
            Origin(url="svn+https://svn.example/house", commit="4711"),
        ),
        (
            {"url": "https://x.example/house.whl?token=1", "archive_info": {"hash": f"sha256={DIGEST}"}},
            Origin(url="https://x.example/house.whl", archive=DIGEST),
        ),
        (
            {
                "url": "https://x.example/house.whl",
                "archive_info": {"hash": "md5=00", "hashes": {"md5": "00", "sha256": DIGEST.upper()}},
            },
            Origin(url="https://x.example/house.whl", archive=DIGEST),
        ),
        (
            {"url": "https://x.example/house.whl", "archive_info": {"hash": "md5=00"}},
            Origin(url="https://x.example/house.whl"),
        ),
        (
            {"url": "file:///home/ada/house.whl", "archive_info": {}},
            Origin(url="file:///house.whl"),
        ),
        (
            {"url": "file:///home/ada/house", "dir_info": {"editable": True}},
            Origin(url="file:///house", is_editable=True),
        ),
        ({"url": "file:///home/ada/house", "dir_info": {}}, Origin(url="file:///house")),
    ],
)
def test_an_origin_is_what_direct_url_says_without_secrets_and_folders(
    tmp_path: Path, stated: Any, expected: Origin
) -> None:
    assert origins.origin(_installed_from(tmp_path, stated)) == expected


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("{", Unknown("direct_url.json in house-1.0.dist-info is not JSON")),
        ("[" * 100_000, Unknown("direct_url.json in house-1.0.dist-info is not JSON")),
        ("[]", Unknown("direct_url.json in house-1.0.dist-info is no JSON object")),
        ({}, NOT_PEP_610),
        ({"url": "https://x.example/house"}, NOT_PEP_610),
        ({"url": 3, "dir_info": {}}, NOT_PEP_610),
        ({"url": "https://x.example/house", "dir_info": []}, NOT_PEP_610),
        ({"url": "https://x.example/house", "vcs_info": {"vcs": "git"}}, NOT_PEP_610),
        ({"url": "https://x.example/house", "vcs_info": {"commit_id": "ada@host-1"}}, NOT_PEP_610),
    ],
)
def test_a_broken_direct_url_is_unknown_and_no_index(tmp_path: Path, stated: Any, expected: Unknown) -> None:
    assert origins.origin(_installed_from(tmp_path, stated)) == expected


def test_a_direct_url_that_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    info = install(tmp_path, "house")
    (info / "direct_url.json").mkdir()

    reason = "direct_url.json in house-1.0.dist-info cannot be read: Is a directory"
    assert origins.origin(info) == Unknown(reason)


def test_what_came_from_an_index_has_no_origin(tmp_path: Path) -> None:
    assert origins.origin(install(tmp_path, "house")) is None


# Before PEP 610


@pytest.mark.parametrize(
    ("folder", "project_file", "expected"),
    [
        ("house", "house/setup.py", Origin(url="file:///house", is_editable=True)),
        ("house", "house/pyproject.toml", Origin(url="file:///house", is_editable=True)),
        ("house/src", "house/setup.cfg", Origin(url="file:///src", is_editable=True)),
        ("house/lib", "house/setup.py", None),
        ("house", "house/other.py", None),
        ("site-packages", "site-packages/setup.py", None),
    ],
)
def test_a_develop_install_is_editable(
    tmp_path: Path, folder: str, project_file: str, expected: Origin | None
) -> None:
    info = tmp_path / folder / "house.egg-info"
    info.mkdir(parents=True)
    (tmp_path / project_file).touch()

    assert origins.origin(info) == expected
    assert origins.is_local(info) is (expected is not None)
