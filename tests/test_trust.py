from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from builders import artifact_file

from envlock import trust
from envlock.errors import StoreError, UsageError
from envlock.facts import ArtifactFile
from envlock.trust import Trust

ONE, TWO = "1a" * 32, "2b" * 32


@pytest.fixture(autouse=True)
def approved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The list of the user who runs the tests is left alone."""
    path = tmp_path / "lists" / "trusted"
    monkeypatch.setenv("ENVLOCK_TRUST", str(path))
    return path


# What a caller says


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ((), Trust()),
        ("captured", Trust(captured=True)),
        ("code", Trust(code=True)),
        (["captured", "code"], Trust(captured=True, code=True)),
        (ONE, Trust(digests=frozenset({ONE}))),
        (f"sha256:{ONE}", Trust(digests=frozenset({ONE}))),
        (("captured", ONE, f"sha256:{ONE}", TWO), Trust(captured=True, digests=frozenset({ONE, TWO}))),
    ],
)
def test_trust_is_stated_in_words_and_digests(said: str | list[str], expected: Trust) -> None:
    assert trust.stated(said) == expected


@pytest.mark.parametrize(
    "said",
    [
        "",
        "all",
        "Captured",
        "captured,code",
        ONE[:-1],
        f"{ONE}0",
        ONE.upper(),
        f"md5:{ONE}",
        f"{ONE}\n",
        [""],
    ],
)
def test_what_is_no_trust_is_refused(said: str | list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        trust.stated(said)

    assert str(caught.value).endswith('expected "captured", "code" or a digest')


def test_without_a_word_nothing_is_trusted() -> None:
    found = Trust().covers(ONE)

    assert (found.captured, found.code, found.digests) == (False, False, frozenset())


def test_a_digest_that_was_stated_covers_its_model_and_no_other() -> None:
    said = trust.stated([ONE, "captured"])

    assert said.covers(ONE) == Trust(captured=True, code=True)
    assert said.covers(TWO) is said


def test_a_digest_that_was_approved_covers_its_model_without_a_word() -> None:
    trust.approve(ONE, "model.keras")

    assert Trust().covers(ONE) == Trust(captured=True, code=True)
    assert Trust().covers(TWO) == Trust()


# What a digest stands for


def _file(path: str, sha256: str = ONE) -> ArtifactFile:
    return artifact_file(path, sha256=sha256)


def test_the_order_of_files_does_not_count() -> None:
    files = [_file("a", ONE), _file("b", TWO), _file("c", ONE)]

    assert trust.digest_of(files) == trust.digest_of(reversed(files))
    assert trust.digest_of(iter(files[:1]), files[1:]) == trust.digest_of(files[:1], files[:0:-1])
    assert re.fullmatch("[0-9a-f]{64}", trust.digest_of(files))


def test_every_path_content_and_place_counts() -> None:
    a, b = _file("a", ONE), _file("b", TWO)
    groups = [
        [[]],
        [[], []],
        [[a]],
        [[_file("a", TWO)]],
        [[_file("b", ONE)]],
        [[a, b]],
        [[a], [b]],
        [[b], [a]],
        [[a, b], []],
        [[], [a, b]],
        [[_file("a", TWO), _file("b", ONE)]],
        [[a, a]],
    ]

    assert len({trust.digest_of(*each) for each in groups}) == len(groups)


def test_a_strange_path_cannot_pass_for_another_group() -> None:
    both = [_file("\tx"), _file("\ny")]

    assert trust.digest_of(both) != trust.digest_of([_file("\tx")], [_file("y")])


def test_a_path_that_is_no_text_counts_like_any_other() -> None:
    odd = [_file("\udcff"), _file("\udcfe"), _file("é"), _file("\ud800")]

    assert len({trust.digest_of([item]) for item in odd}) == len(odd)


# What is remembered


def test_nothing_is_approved_before_it_is() -> None:
    assert trust.is_approved(ONE) is False


def test_an_approved_digest_is_remembered_with_the_day_and_what_it_was(approved: Path) -> None:
    trust.approve(ONE, "model.keras")
    trust.approve(TWO, "é\nevil\x1b[2J.keras")

    assert trust.is_approved(ONE)
    assert trust.is_approved(TWO)
    first, second = approved.read_text(encoding="ascii").splitlines()
    assert re.fullmatch(rf"{ONE}  \d{{4}}-\d\d-\d\d  model\.keras", first)
    assert re.fullmatch(rf"{TWO}  \d{{4}}-\d\d-\d\d  \?\?evil\?\[2J\.keras", second)


def test_a_digest_is_approved_once(approved: Path) -> None:
    trust.approve(ONE, "a")
    trust.approve(ONE, "b")

    assert len(approved.read_text(encoding="ascii").splitlines()) == 1


@pytest.mark.parametrize("missing", [ONE[:-1], "", ONE.upper(), f"sha256:{ONE}", TWO])
def test_nothing_else_is_approved_with_it(missing: str) -> None:
    trust.approve(ONE, TWO)

    assert not trust.is_approved(missing)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        b"# mine\n",
        b"\xff\xfe\x00",
        b"\x00" * 1000,
        ONE[:-1].encode(),
        f" {ONE}\n".encode(),
        f"# {ONE}".encode(),
        f"{ONE}ff\n".encode(),
        ONE.encode("utf-16"),
    ],
)
def test_a_list_that_holds_other_things_approves_of_nothing_and_can_be_added_to(
    approved: Path, data: bytes
) -> None:
    approved.parent.mkdir()
    approved.write_bytes(data)

    assert not trust.is_approved(ONE)
    trust.approve(TWO, "model.keras")
    assert trust.is_approved(TWO)
    assert approved.read_bytes().startswith(data)


@pytest.mark.parametrize("before", ["", "sha256:"])
@pytest.mark.parametrize("ends", ["", "\n", "\r\n", " by hand\n", "\tby hand"])
def test_a_list_that_was_written_by_hand_is_read_and_added_to(approved: Path, before: str, ends: str) -> None:
    approved.parent.mkdir()
    approved.write_bytes(f"# mine\n{before}{ONE}{ends}".encode())

    trust.approve(TWO, "model.keras")

    assert trust.is_approved(ONE)
    assert trust.is_approved(TWO)


def test_a_list_that_cannot_be_read_approves_of_nothing(approved: Path) -> None:
    approved.mkdir(parents=True)

    assert not trust.is_approved(ONE)
    with pytest.raises(StoreError, match="trusted cannot be written: Is a directory"):
        trust.approve(ONE, "model.keras")


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ENVLOCK_TRUST", str(tmp_path / "file" / "trusted"))

    with pytest.raises(StoreError, match="trusted cannot be written"):
        trust.approve(ONE, "model.keras")


def test_of_a_list_without_end_only_the_start_is_read(approved: Path) -> None:
    approved.parent.mkdir()
    approved.write_bytes(f"{ONE}\n".encode() + b"#" * (1 << 20) + f"\n{TWO}\n".encode())

    assert (trust.is_approved(ONE), trust.is_approved(TWO)) == (True, False)


# Where it lies


def test_the_list_lies_where_it_is_said_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert trust.file() == tmp_path / "lists" / "trusted"
    monkeypatch.setenv("ENVLOCK_TRUST", "")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert trust.file() == tmp_path / "envlock" / "trusted"


@pytest.mark.skipif(sys.platform == "win32", reason="the home folder is told otherwise there")
def test_by_default_the_list_lies_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENVLOCK_TRUST")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))

    assert trust.file() == tmp_path / ".config" / "envlock" / "trusted"


def test_a_relative_place_is_not_listened_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "trusted").write_text(f"{ONE}\n", encoding="ascii")
    monkeypatch.setenv("ENVLOCK_TRUST", "lists/trusted")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    assert trust.file() == tmp_path / "config" / "envlock" / "trusted"
    assert not trust.is_approved(ONE)
    monkeypatch.setenv("XDG_CONFIG_HOME", "config")
    assert trust.file() == Path.home() / ".config" / "envlock" / "trusted"


def test_a_list_that_is_full_takes_no_line_that_would_not_be_read(approved: Path) -> None:
    approved.parent.mkdir()
    text = b"#" * ((1 << 20) - 150) + b"\n"
    approved.write_bytes(text)

    trust.approve(ONE, "model.keras")
    assert trust.is_approved(ONE)
    full = approved.read_bytes()
    with pytest.raises(StoreError, match="trusted holds as much as is read of it, 1048576 bytes"):
        trust.approve(TWO, "model.keras")
    assert approved.read_bytes() == full
