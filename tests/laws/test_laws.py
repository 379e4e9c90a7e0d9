"""What holds for every value: reading back what was written, comparing with itself, swapping sides."""

from __future__ import annotations

import dataclasses
import types
import typing
import unicodedata
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envlock import changes, lockfile
from envlock.changes import Change
from envlock.facts import (
    NOT_RECORDED,
    Artifact,
    ArtifactFile,
    Content,
    CustomObject,
    Fingerprint,
    Lock,
    Package,
    TensorSpec,
    Unknown,
    find_unknowns,
)
from envlock.redact import clean, visible
from envlock.views import facts, machine

# A busy machine is slow, which says nothing about a law.
settings.register_profile("laws", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("laws")


def is_kept(text: str) -> bool:
    """Whether nothing in it is taken out on its way into a lock, as a home folder would be."""
    return clean(text) == text


# Few different texts, so that two fingerprints agree here and differ there; some are hostile.
TEXTS = st.sampled_from(
    ["", "a", "b", "3.11.7", "true", "-1", '"quoted"', "back\\slash", "two\nlines", "tab\tand\rreturn", "= ["]
) | st.text(max_size=6).filter(is_kept)
# A short array's items must not hold what ends a line in Unicode but not in TOML.
ITEMS = st.tuples() | st.lists(
    st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\x85\u2028\u2029"), max_size=6
    ).filter(is_kept),
    max_size=4,
).map(tuple)
NAMES = st.sampled_from(["numpy", "keras", "tf-keras", "six", "a", "0x"])
MODULES = st.sampled_from(["__main__", "gates", "houses.gates", "häuser.tor_2"])
VERSIONS = st.sampled_from(["1.0", "2.0.0rc1", "1!2.0+local-x_y", "2004d"])
PATHS = st.sampled_from(["house.keras", "variables/variables.index", "assets/wörter 1.txt", "=[]'\".x"])


def _maybe(known: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return known | TEXTS.map(Unknown)


def _maybe_none(known: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return _maybe(known) | st.none()


def _unique(items: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Up to four items with different names, sorted by them."""
    lists = st.lists(items, max_size=4, unique_by=lambda item: item.name)
    return lists.map(lambda found: tuple(sorted(found, key=lambda item: item.name)))


SPECS = st.lists(
    st.builds(
        TensorSpec,
        name=TEXTS,
        shape=st.lists(st.integers(-1, 1 << 40), max_size=4).map(tuple),
        dtype=TEXTS,
    ),
    max_size=3,
).map(tuple)
DIGESTS = st.binary(min_size=32, max_size=32).map(bytes.hex)
FILES = st.lists(
    st.builds(ArtifactFile, path=PATHS, size=st.integers(0, 1 << 53), sha256=DIGESTS), max_size=3
).map(tuple)
# What a lock's grammar or its other parts ask of a field; all else follows from the field's type.
FIELDS: dict[tuple[type, str], st.SearchStrategy[Any]] = {
    (Package, "role"): st.sampled_from(["runtime", "project", "unrelated"]),
    (Package, "requires"): st.lists(NAMES, max_size=3, unique=True).map(tuple),
    (Package, "name"): NAMES,
    (Package, "version"): _maybe(VERSIONS),
    (Package, "wheel"): _maybe_none(st.just("numpy-2.4.6-cp311-cp311-linux_x86_64.whl")),
    (Package, "record"): _maybe_none(DIGESTS),
    (Package, "installer"): _maybe_none(st.sampled_from(["pip", "uv"])),
    (CustomObject, "name"): st.sampled_from(["Gate", "houses>Gate", "a.b", '"x"', ""]),
    (CustomObject, "module"): MODULES,
    (CustomObject, "modules"): _maybe(st.lists(MODULES, max_size=3).map(tuple)),
    (Artifact, "format"): st.sampled_from(["keras", "hdf5", "saved-model"]),
    (Artifact, "files"): FILES,
    (Lock, "loader"): st.just("keras.load_model"),
    (Lock, "inputs"): _maybe(SPECS),
    (Lock, "outputs"): _maybe(SPECS),
    (Lock, "attachments"): FILES,
}


def _facts(kind: type) -> st.SearchStrategy[Any]:
    """Any value of a fact's type, each field of it by its own type."""
    hints = typing.get_type_hints(kind)
    given = {
        field.name: FIELDS[kind, field.name] if (kind, field.name) in FIELDS else _of(hints[field.name])
        for field in dataclasses.fields(kind)
    }
    never_looked = {
        field.name: given[field.name] | st.just(NOT_RECORDED)
        for field in dataclasses.fields(kind)
        if field.default is NOT_RECORDED
    }
    return st.builds(kind, **given | never_looked)


def _of(hint: Any) -> st.SearchStrategy[Any]:
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        return st.one_of(*(_of(option) for option in typing.get_args(hint)))
    if typing.get_origin(hint) is tuple:
        item = typing.get_args(hint)[0]
        return ITEMS if item is str else _unique(_facts(item))
    return SIMPLE[hint] if hint in SIMPLE else _facts(hint)


SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    bool: st.booleans(),
    int: st.integers(-1, 1 << 53),
    float: st.floats(allow_nan=False, allow_infinity=False),
    type(None): st.none(),
    Unknown: TEXTS.map(Unknown),
    dict[str, str]: st.dictionaries(TEXTS, TEXTS, max_size=3),
}

FINGERPRINTS = _facts(Fingerprint)
LOCKS = _facts(Lock)


@given(LOCKS)
def test_a_lock_that_was_written_and_read_is_the_same_lock_in_the_same_bytes(lock: Lock) -> None:
    text = lockfile.dumps(lock)

    read = lockfile.loads(text)

    assert read == lock
    assert lockfile.dumps(read).encode() == text.encode()


@given(LOCKS)
def test_every_unknown_of_a_lock_stands_in_its_text_with_its_reason(lock: Lock) -> None:
    reasons = lockfile.toml.loads(lockfile.dumps(lock))["tool"]["envlock"]["unknown"]

    expected = {path.removeprefix("fingerprint."): why for path, why in find_unknowns(lock).items()}
    assert reasons == expected


@given(FINGERPRINTS)
def test_a_fingerprint_does_not_differ_from_itself(fingerprint: Fingerprint) -> None:
    assert changes.changes(fingerprint, fingerprint) == ()


@given(FINGERPRINTS, FINGERPRINTS)
def test_swapping_the_sides_swaps_the_changes(left: Fingerprint, right: Fingerprint) -> None:
    forth, back = changes.changes(left, right), changes.changes(right, left)

    assert back == tuple(Change(item.path, item.current, item.locked) for item in forth)


@given(st.text(st.characters()))
def test_what_was_made_visible_holds_nothing_that_a_terminal_obeys(text: str) -> None:
    shown = visible(text)

    assert {unicodedata.category(character) for character in shown} & {"Cc", "Cs", "Zl", "Zp"} <= {"Cc"}
    assert [character for character in shown if unicodedata.category(character) == "Cc"] == [
        character for character in text if character in "\n\t"
    ]
    assert visible(shown) == shown


CONTENTS = st.builds(
    Content,
    config=st.none() | st.just({"class_name": "\x1b[2J", "config": {"layers": [{"class_name": "a\u202e"}]}}),
    ops=st.dictionaries(TEXTS, st.integers(0, 9), max_size=2),
    assets=_maybe(ITEMS),
)


@given(LOCKS, CONTENTS)
def test_no_view_of_a_lock_holds_what_a_terminal_obeys(lock: Lock, content: Content) -> None:
    text = facts.lock(lock, content)

    assert visible(text) == text
    assert "\t" not in text
    assert machine.lock(lock, content).isascii()


@given(FINGERPRINTS)
def test_what_is_printed_of_a_machine_is_read_back_on_another(fingerprint: Fingerprint) -> None:
    assert lockfile.fingerprint(machine.fingerprint(fingerprint)) == fingerprint
