from __future__ import annotations

import json
from pathlib import Path

import pytest

from envlock.artifacts import reading
from envlock.artifacts.reading import Node, files_below, nodes, parse_object, shortened
from envlock.errors import ArtifactError
from envlock.facts import Unknown

DENSE = {
    "module": "keras.layers",
    "class_name": "Dense",
    "config": {"name": "price", "units": 1},
    "registered_name": None,
    "inbound_nodes": [["rooms", 0]],
}


# JSON objects


@pytest.mark.parametrize("text", ['{"a": [1, {"b": "[{"}]}', b'{"a": [1, {"b": "[{"}]}'])
def test_a_json_object_is_read_from_text_and_from_bytes(text: str | bytes) -> None:
    assert parse_object(text, where="config.json") == {"a": [1, {"b": "[{"}]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "config.json is not JSON: Expecting value: line 1 column 1 (char 0)"),
        ('{"a": ', "config.json is not JSON: Expecting value: line 1 column 7 (char 6)"),
        (
            b'{"a": "\xff"}',
            "config.json is not JSON: 'utf-8' codec can't decode byte 0xff in position 7: invalid start byte",
        ),
        ("[1]", "config.json holds list, expected an object"),
        ("null", "config.json holds NoneType, expected an object"),
        ('"x"', "config.json holds str, expected an object"),
    ],
)
def test_text_that_is_no_json_object_is_refused(text: str | bytes, message: str) -> None:
    with pytest.raises(ArtifactError) as caught:
        parse_object(text, where="config.json")

    assert str(caught.value) == message


def test_an_object_nested_as_deep_as_is_allowed_is_read() -> None:
    text = '{"a":' * 400 + "1" + "}" * 400

    data = parse_object(text, where="config.json")

    assert list(data) == ["a"]


@pytest.mark.parametrize("opening", ['{"a":', "["])
def test_an_object_nested_deeper_is_refused_before_it_is_parsed(opening: str) -> None:
    with pytest.raises(ArtifactError) as caught:
        parse_object(opening * 401, where="config.json")

    assert str(caught.value) == "config.json is nested more than 400 levels deep"


def test_brackets_inside_strings_are_no_nesting() -> None:
    text = '{"a": "' + "[" * 1000 + '\\"' + "{" * 1000 + '"}'

    data = parse_object(text, where="config.json")

    assert data == {"a": "[" * 1000 + '"' + "{" * 1000}


def test_brackets_that_close_are_counted_back() -> None:
    text = '{"a": [' + ",".join(["[]"] * 1000) + "]}"

    assert parse_object(text, where="config.json") == {"a": [[]] * 1000}


def test_text_over_the_budget_is_refused_before_it_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_CONFIG", 10)

    with pytest.raises(ArtifactError) as caught:
        parse_object('{"a": 1234}', where="config.json")

    assert str(caught.value) == "config.json is 11 bytes long; at most 10 are read"


def test_text_with_more_values_than_memory_should_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_MAX_VALUES", 5)

    with pytest.raises(ArtifactError) as caught:
        parse_object('{"a": [1, 2, 3, 4, 5]}', where="config.json")

    assert str(caught.value) == "config.json holds more than 5 values"


def test_identities_are_counted_from_the_first_so_that_two_saves_read_the_same() -> None:
    # Keras takes them from addresses in memory.
    saves = [
        json.dumps({key: {"shared_object_id": number} for key, number in zip("abc", numbers, strict=True)})
        for numbers in ((140261296040144, 140261296040145, 140261296040144), (7, 3, 7))
    ]

    first, second = (parse_object(text, where="config.json") for text in saves)

    assert (
        first
        == second
        == {
            "a": {"shared_object_id": 0},
            "b": {"shared_object_id": 1},
            "c": {"shared_object_id": 0},
        }
    )


def test_halves_of_characters_are_replaced_and_whole_ones_are_kept() -> None:
    found = parse_object('{"half": "\\ud800", "whole": "\\ud83d\\ude00"}', where="config.json")

    assert found == {"half": "?", "whole": "\U0001f600"}


@pytest.mark.parametrize(
    "text", ['{"a": "' + '\\"' * 100_000, '{"a": "' + "\\\\" * 100_000 + '"}' + "[" * 500]
)
def test_text_made_of_escapes_is_judged_at_once(text: str) -> None:
    with pytest.raises(ArtifactError, match=r"^config\.json is "):
        parse_object(text, where="config.json")


@pytest.mark.parametrize(
    ("words", "expected"), [("short", "short"), (ValueError("bad"), "bad"), ("x" * 161, "x" * 150 + " …")]
)
def test_what_a_library_says_is_cut(words: object, expected: str) -> None:
    assert shortened(words) == expected


def test_files_are_listed_below_their_folder_without_following_links(tmp_path: Path) -> None:
    (tmp_path / "assets" / "deep").mkdir(parents=True)
    (tmp_path / "assets" / "deep" / "words.txt").touch()
    (tmp_path / "other.txt").touch()
    (tmp_path / "assets" / "loop").symlink_to(tmp_path, target_is_directory=True)

    assert files_below(tmp_path, ("assets", "gone")) == ("assets/deep/words.txt",)


def test_a_folder_of_more_files_than_are_counted_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "assets").mkdir()
    for name in "abc":
        (tmp_path / "assets" / name).touch()
    monkeypatch.setattr(reading, "_MAX_FILES", 2)

    assert files_below(tmp_path, ("assets",)) == Unknown("there are more than 2 files in assets")


# The objects of an architecture


def test_objects_nested_without_end_are_walked() -> None:
    data: object = {"class_name": "Dense"}
    for _ in range(20_000):
        data = {"class_name": "Sequential", "config": {"layers": [data]}}

    assert sum(1 for _ in nodes(data)) == 20_001


def test_a_serialised_object_is_a_node() -> None:
    assert list(nodes(DENSE)) == [
        Node(
            class_name="Dense",
            module="keras.layers",
            config={"name": "price", "units": 1},
            slot="",
        )
    ]


def test_owners_come_before_what_they_hold_and_say_under_which_key() -> None:
    zeros = {"class_name": "Zeros", "config": {}}
    dense = {"class_name": "Dense", "config": {"name": "price", "bias_initializer": zeros}}
    model = {"class_name": "Sequential", "config": {"layers": [dense, {"class_name": "Flatten"}]}}

    found = [(node.class_name, node.slot) for node in nodes(model)]

    assert found == [
        ("Sequential", ""),
        ("Dense", "layers"),
        ("Zeros", "bias_initializer"),
        ("Flatten", "layers"),
    ]


def test_what_a_wrapper_holds_directly_keeps_the_wrappers_slot() -> None:
    # Keras writes some wrappers with another object as their whole config.
    inner = {"class_name": "Dense", "config": {}}

    found = [
        (node.class_name, node.slot) for node in nodes({"head": {"class_name": "Wrap", "config": inner}})
    ]

    assert found == [("Wrap", "head"), ("Dense", "head")]


def test_a_config_that_is_no_object_is_kept_under_the_empty_key() -> None:
    function = {"module": "builtins", "class_name": "function", "config": "asym_loss"}

    assert [node.config for node in nodes(function)] == [{"": "asym_loss"}]


def test_a_class_name_that_is_no_text_makes_no_node() -> None:
    assert [node.class_name for node in nodes({"class_name": 3, "config": {"x": DENSE}})] == ["Dense"]


def test_a_module_that_is_no_text_is_none() -> None:
    (node,) = nodes({"class_name": "Dense", "module": ["os"], "registered_name": 3})

    assert node.module is None


@pytest.mark.parametrize("data", [None, 3, "Dense", {}, [], {"layers": ["Dense", 3, None]}])
def test_data_without_objects_has_no_nodes(data: object) -> None:
    assert list(nodes(data)) == []


@pytest.mark.parametrize(
    ("config", "label"), [({"name": "price"}, "Dense 'price'"), ({}, "Dense"), ({"name": 3}, "Dense")]
)
def test_a_node_is_pointed_at_by_its_class_and_its_name(config: dict[str, object], label: str) -> None:
    (node,) = nodes({"class_name": "Dense", "config": config})

    assert node.label == label
