from __future__ import annotations

from pathlib import Path

import pytest

from envlock.artifacts import protobuf
from envlock.artifacts.protobuf import Fields, Malformed

# Field 1 as a number, field 2 as a text twice, field 3 as eight bytes, field 4 as four.
DATA = memoryview(b"\x08\x96\x01\x12\x01a\x12\x02bc\x19abcdefgh\x25abcd")


def test_fields_come_with_their_numbers() -> None:
    found = [
        (number, value if isinstance(value, int) else bytes(value)) for number, value in Fields().of(DATA)
    ]

    assert found == [(1, 150), (2, b"a"), (2, b"bc"), (3, b"abcdefgh"), (4, b"abcd")]


def test_of_a_text_that_stands_twice_the_last_one_counts() -> None:
    assert Fields().texts(DATA, (2, 9)) == {2: "bc", 9: ""}


def test_of_a_number_that_stands_twice_the_last_one_counts() -> None:
    assert (Fields().number(memoryview(b"\x08\x01\x08\x02"), 1), Fields().number(DATA, 9)) == (2, 0)


def test_a_message_that_stands_twice_is_merged() -> None:
    assert {number: bytes(value) for number, value in Fields().several(DATA, (2, 9)).items()} == {
        2: b"abc",
        9: b"",
    }


def test_all_that_one_file_asks_for_is_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protobuf, "MAX_FIELDS", 7)
    fields = Fields()
    fields.text(DATA, 2)

    with pytest.raises(Malformed, match="it has more than 7 fields"):
        fields.text(DATA, 2)


def test_merging_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protobuf, "_MAX_MERGED", 2)

    with pytest.raises(Malformed, match="a field stands 2 times, with 3 bytes together"):
        Fields().message(DATA, 2)


@pytest.mark.parametrize(("bits", "value"), [(5, 5), ((1 << 64) - 1, -1), (1 << 63, -(1 << 63))])
def test_a_number_may_be_negative(bits: int, value: int) -> None:
    assert protobuf.signed(bits) == value


def test_a_number_has_at_most_64_bits() -> None:
    assert Fields().number(memoryview(b"\x08" + b"\xff" * 9 + b"\x7f"), 1) == (1 << 64) - 1


@pytest.mark.parametrize("limit", [10, 1000])
def test_a_file_is_read_or_mapped_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, limit: int
) -> None:
    path = tmp_path / "saved_model.pb"
    path.write_bytes(b"x" * 100)
    monkeypatch.setattr(protobuf, "_IN_MEMORY", limit)

    assert bytes(protobuf.content(path)) == b"x" * 100


def test_an_empty_file_has_no_content(tmp_path: Path) -> None:
    path = tmp_path / "saved_model.pb"
    path.touch()

    assert bytes(protobuf.content(path)) == b""


def test_a_file_that_no_protocol_buffer_can_be_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "saved_model.pb"
    path.write_bytes(b"x" * 100)
    monkeypatch.setattr(protobuf, "_MAX_BYTES", 99)

    with pytest.raises(Malformed, match="it has 100 bytes; at most 99 are read"):
        protobuf.content(path)
