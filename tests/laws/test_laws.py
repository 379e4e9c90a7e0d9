"""What holds for every value: reading back what was written, comparing with itself, swapping sides."""

from __future__ import annotations

import unicodedata
from typing import Any

from builders import DIGEST
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envlock import changes, lockfile
from envlock.changes import Change
from envlock.facts import (
    Artifact,
    ArtifactFile,
    Canary,
    Cpu,
    CustomObject,
    Fingerprint,
    Gpu,
    Keras,
    Lock,
    Numpy,
    Package,
    Python,
    System,
    TensorFlow,
    TensorSpec,
    Unknown,
    find_unknowns,
)
from envlock.redact import visible

# A busy machine is slow, which says nothing about a law.
settings.register_profile("laws", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("laws")

# Few different texts, so that two fingerprints agree here and differ there; some are hostile.
TEXTS = st.sampled_from(
    ["", "a", "b", "3.11.7", "true", "-1", '"quoted"', "back\\slash", "two\nlines", "tab\tand\rreturn", "= ["]
) | st.text(max_size=6)
# A short array's items must not hold what ends a line in Unicode but not in TOML.
ITEMS = st.tuples() | st.lists(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x85\u2028\u2029"), max_size=6),
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


def _packages(roles: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[Package, ...]]:
    requires = st.lists(NAMES, max_size=3, unique=True).map(tuple)
    return _unique(st.builds(Package, name=NAMES, version=_maybe(VERSIONS), role=roles, requires=requires))


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
FINGERPRINTS = st.builds(
    Fingerprint,
    python=_maybe(st.builds(Python, version=TEXTS, implementation=_maybe(TEXTS))),
    system=_maybe(
        st.builds(
            System,
            os=TEXTS,
            machine=TEXTS,
            kernel=_maybe_none(TEXTS),
            distribution=_maybe_none(TEXTS),
            libc=_maybe_none(TEXTS),
        )
    ),
    cpu=_maybe(st.builds(Cpu, model=_maybe_none(TEXTS), features=_maybe(ITEMS))),
    gpu=_maybe(
        st.builds(
            Gpu,
            driver=_maybe_none(TEXTS),
            devices=_maybe(ITEMS),
            cuda=_maybe_none(TEXTS),
            cudnn=_maybe_none(TEXTS),
        )
    ),
    tensorflow=_maybe_none(
        st.builds(
            TensorFlow,
            distribution=TEXTS,
            version=_maybe(TEXTS),
            cuda=_maybe_none(TEXTS),
            cudnn=_maybe_none(TEXTS),
        )
    ),
    keras=_maybe_none(
        st.builds(
            Keras,
            provider=TEXTS,
            version=_maybe(TEXTS),
            backend=_maybe(TEXTS),
            floatx=_maybe(TEXTS),
            image_data_format=_maybe(TEXTS),
            dtype_policy=_maybe(TEXTS),
        )
    ),
    numpy=_maybe_none(st.builds(Numpy, version=_maybe(TEXTS), blas=_maybe_none(TEXTS))),
    variables=_maybe(st.dictionaries(TEXTS, TEXTS, max_size=3)),
    packages=_maybe(_packages(st.sampled_from(["runtime", "project", "unrelated"]))),
)
LOCKS = st.builds(
    Lock,
    created_by=TEXTS,
    loader=st.just("keras.load_model"),
    artifact=st.builds(
        Artifact,
        name=TEXTS,
        format=st.sampled_from(["keras", "hdf5", "saved-model"]),
        files=FILES,
        keras_version=_maybe_none(TEXTS),
        tensorflow_version=_maybe_none(TEXTS),
    ),
    inputs=_maybe(SPECS),
    outputs=_maybe(SPECS),
    custom_objects=_maybe(
        _unique(
            st.builds(
                CustomObject,
                name=st.sampled_from(["Gate", "houses>Gate", "a.b", '"x"', ""]),
                kind=TEXTS,
                module=MODULES,
                qualname=TEXTS,
                digest=_maybe(st.just(DIGEST)),
                distribution=st.none() | TEXTS,
                modules=st.lists(MODULES, max_size=3).map(tuple),
                imports=st.lists(NAMES, max_size=3).map(tuple),
            )
        )
    ),
    canary=_maybe_none(
        st.builds(
            Canary,
            source=TEXTS,
            rows=st.integers(0, 99),
            tolerance=st.floats(allow_nan=False, allow_infinity=False),
        )
    ),
    attachments=FILES,
    fingerprint=FINGERPRINTS,
)


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
