from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from judged import make_layer

from envlock import resources, toml
from envlock.artifacts.reading import Node, nodes
from envlock.knowledge.rule import release
from envlock.knowledge.tables import Accepted, accepted

ROWS: list[dict[str, Any]] = toml.loads(resources.text("knowledge/config_keys.toml"))["accepted"]
KEYS = {"class", "key", "value", "slot", "formats", "since", "until", "again", "source", "checked"}


def called(row: dict[str, Any]) -> str:
    return f"{'-'.join(row.get('class', ['any']))}.{row.get('key', '')}.{'-'.join(row.get('formats', []))}"


def row(**facts: Any) -> Accepted:
    """A row that accepts `Dense` with any configuration in every release."""
    given: dict[str, Any] = {
        "classes": ("Dense",),
        "key": None,
        "value": None,
        "slot": "",
        "formats": ("keras", "hdf5"),
        "since": (0,),
        "until": (1000,),
        "again": (),
    }
    return Accepted(**given | facts)


def node(class_name: str = "Dense", slot: str = "", **config: Any) -> Node:
    return next(nodes(make_layer(class_name, **config), slot))


def test_the_rows_are_sorted_by_key() -> None:
    keys = [row.get("key", "") for row in ROWS]

    assert keys == sorted(keys)


@pytest.mark.parametrize("row", ROWS, ids=called)
def test_a_row_has_only_keys_that_are_read(row: dict[str, Any]) -> None:
    assert set(row) <= KEYS


@pytest.mark.parametrize("row", ROWS, ids=called)
def test_a_row_is_sourced_and_dated(row: dict[str, Any]) -> None:
    assert row["source"].startswith("https://")
    assert type(row["checked"]) is dt.date


@pytest.mark.parametrize("row", ROWS, ids=called)
def test_a_row_names_what_it_is_about(row: dict[str, Any]) -> None:
    assert row.get("class") or row.get("key")


@pytest.mark.parametrize("row", ROWS, ids=called)
def test_a_row_excludes_some_release(row: dict[str, Any]) -> None:
    assert {"since", "until"} & set(row)


@pytest.mark.parametrize("row", ROWS, ids=called)
def test_the_releases_of_a_row_follow_each_other(row: dict[str, Any]) -> None:
    stated = [release(row[name]) for name in ("since", "until", "again") if name in row]

    assert all(stated)
    assert stated == sorted(set(stated))


@pytest.mark.parametrize("row", ROWS, ids=called)
def test_a_row_asks_for_values_and_formats_that_are_known(row: dict[str, Any]) -> None:
    assert row.get("value") in {None, "list", "true", "set"}
    assert set(row.get("formats", ["keras"])) <= {"keras", "hdf5"}


def test_no_two_rows_speak_of_the_same() -> None:
    subjects = [
        (name, row.get("key"), row.get("value"), row.get("slot"), kind)
        for row in ROWS
        for name in row.get("class", [None])
        for kind in row.get("formats", ["keras", "hdf5"])
    ]

    assert sorted(subjects, key=str) == sorted(set(subjects), key=str)


def test_every_row_of_the_file_is_read() -> None:
    read = [(row.classes, row.key) for row in accepted()]

    assert read == [(tuple(row.get("class", ())), row.get("key")) for row in ROWS]


@pytest.mark.parametrize(
    ("reader", "taken"),
    [((3, 0), False), ((3, 1), True), ((3, 1, 9), True), ((3, 3), False), ((3, 4), True), ((4,), True)],
)
def test_a_class_is_accepted_from_since_up_to_until_and_from_again_on(
    reader: tuple[int, ...],
    taken: bool,
) -> None:
    assert row(since=(3, 1), until=(3, 3), again=(3, 4)).accepts(reader) is taken


def test_a_class_that_does_not_come_back_stays_away() -> None:
    assert not row(until=(3, 0)).accepts((3, 15))


@pytest.mark.parametrize(
    ("about", "found"),
    [
        (row(), node()),
        (row(classes=()), node("Conv2D")),
        (row(key="axis"), node(axis=-1)),
        (row(key="axis", value="list"), node(axis=[3])),
        (row(key="axis", value="true"), node(axis=True)),
        (row(key="axis", value="set"), node(axis=0)),
        (row(slot="initializer"), node(slot="kernel_initializer")),
    ],
)
def test_a_row_concerns_what_it_names(about: Accepted, found: Node) -> None:
    assert about.concerns(found, "keras")


@pytest.mark.parametrize(
    ("about", "found"),
    [
        (row(), node("Conv2D")),
        (row(formats=("hdf5",)), node()),
        (row(key="axis"), node(units=3)),
        (row(key="axis", value="list"), node(axis=3)),
        (row(key="axis", value="true"), node(axis=1)),
        (row(key="axis", value="set"), node(axis=None)),
        (row(slot="initializer"), node(slot="layers")),
    ],
)
def test_a_row_does_not_concern_anything_else(about: Accepted, found: Node) -> None:
    assert not about.concerns(found, "keras")
