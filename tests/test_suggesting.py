from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from judged import (
    in_hdf5,
    make_artifact,
    make_custom_object,
    make_finding,
    make_fingerprint,
    make_functional,
    make_input,
    make_keras,
    make_layer,
    make_lock,
    make_tensorflow,
)

from envlock import judging, lockfile, suggesting, targets
from envlock.facts import Fingerprint, Python, Unknown
from envlock.knowledge import tables
from envlock.values import replace

ATTENTION = make_layer("MultiHeadAttention", name="attention", num_heads=2, key_dim=4)
ATTENTION["config"] |= {key: [None, 4, 8] for key in ("query_shape", "key_shape", "value_shape")}
NEWEST = "python==3.12,tensorflow==2.21.0,keras==3.15.1"


def subject(*layers: dict[str, Any], writer: str = "2.15.0", kind: str = "hdf5") -> judging.Subject:
    """A saved model with a lock, which attends to itself by keyword unless other layers are given."""
    content = make_functional(make_input(writer), *(layers or [ATTENTION]), writer=writer)
    if not layers and isinstance(content.config, dict):
        content.config["config"]["layers"][-1]["inbound_nodes"] = [
            [["features", 0, 0, {"value": ["features", 0, 0]}]]
        ]
    fingerprint = make_fingerprint(keras=make_keras(writer), tensorflow=make_tensorflow("2.15.1"))
    artifact = make_artifact(kind, writer)
    lock = make_lock(artifact=artifact, fingerprint=fingerprint)
    place = lockfile.place(Path(artifact.name), folder=False)
    return judging.Subject(place, lock, artifact, in_hdf5(content) if kind == "hdf5" else content, ())


def near(text: str, **facts: Any) -> Fingerprint:
    """The environment that a list describes."""
    found = targets.target(text, make_fingerprint()).fingerprint
    return replace(found, **facts)


def suggested(text: str, *layers: dict[str, Any], **facts: Any) -> tuple[str, ...]:
    return suggesting.suggestions(subject(*layers, **facts), near(text))


def test_attention_of_keras_2_is_first_sent_to_the_tf_keras_of_the_same_tensorflow() -> None:
    assert suggested(NEWEST) == (
        "tensorflow==2.21.0,tf-keras==2.21.0,TF_USE_LEGACY_KERAS=1",
        "tensorflow==2.20.0,tf-keras==2.20.1,TF_USE_LEGACY_KERAS=1",
        "tensorflow==2.19.1,tf-keras==2.19.0,TF_USE_LEGACY_KERAS=1",
    )


@pytest.mark.parametrize("text", ["tensorflow==2.18.1,keras==3.7.0", "tensorflow==2.16.2,keras==3.3.3"])
def test_the_nearest_tensorflow_comes_first(text: str) -> None:
    numbers = [int(item.removeprefix("tensorflow==2.").partition(".")[0]) for item in suggested(text)]

    here = int(text.removeprefix("tensorflow==2.").partition(".")[0])
    assert numbers[0] == here
    assert [abs(number - here) for number in numbers] == sorted(abs(number - here) for number in numbers)


def test_what_is_suggested_loads_with_the_same_numbers() -> None:
    seen = subject()

    verdicts = [
        judging.judge(seen, targets.target(text, seen.fingerprint)).verdict for text in suggested(NEWEST)
    ]

    assert not {"breaks", "drifts"} & set(verdicts)


def test_of_one_tensorflow_the_same_generation_of_keras_is_nearer() -> None:
    layer = make_layer("Dense", name="dense", units=2, activation="relu")

    found = suggested("python==3.12,tensorflow==2.17.1,tf-keras==2.16.0,TF_USE_LEGACY_KERAS=1", layer)

    assert found[:2] == (
        "tensorflow==2.17.1,tf-keras==2.17.0,TF_USE_LEGACY_KERAS=1",
        "tensorflow==2.17.1,keras==3.5.0",
    )


def test_a_python_is_named_where_that_of_the_target_has_no_wheels() -> None:
    found = suggested(NEWEST.replace("3.12", "3.13"))

    assert found == (
        "tensorflow==2.21.0,tf-keras==2.21.0,TF_USE_LEGACY_KERAS=1",
        "tensorflow==2.20.0,tf-keras==2.20.1,TF_USE_LEGACY_KERAS=1",
        "tensorflow==2.19.1,tf-keras==2.19.0,TF_USE_LEGACY_KERAS=1,python==3.12",
    )


@pytest.mark.parametrize(
    "python", [Unknown("not said"), Python(version=Unknown("not said"), implementation="cpython")]
)
def test_no_python_is_named_where_that_of_the_target_is_not_known(python: object) -> None:
    found = suggesting.suggestions(subject(), near("tensorflow==2.4.4", python=python))

    assert found
    assert not any("python==" in item for item in found)


def test_without_a_tensorflow_in_the_target_there_are_suggestions_too() -> None:
    unknown = Unknown("not said")

    found = suggesting.suggestions(subject(), near(NEWEST, tensorflow=unknown, keras=unknown))

    assert len(found) == 3


def test_no_more_than_three_are_suggested() -> None:
    assert len(suggested(NEWEST, make_layer("Dense", name="dense", units=2))) == 3


def test_where_the_model_loads_nowhere_nothing_is_suggested() -> None:
    assert suggested(NEWEST, make_layer("Dense", name="dense", units=2, twist=1)) == ()


def test_where_the_users_code_cannot_be_had_nothing_is_suggested() -> None:
    seen = replace(subject(make_layer("Gate", "shop.gates", name="gate")), own_code=(make_custom_object(),))

    found = [
        suggesting.suggestions(seen, near(NEWEST), custom_objects=custom_objects)
        for custom_objects in ("missing", "available")
    ]

    assert (found[0], len(found[1])) == ((), 3)


def test_all_pythons_of_all_environments_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[str] = []
    real = judging.judge

    def judge(seen: judging.Subject, target: targets.Target, **facts: Any) -> Any:
        judged.append(target.name)
        return real(seen, target, **facts)

    monkeypatch.setattr(suggesting.judging, "judge", judge)

    suggested(NEWEST, make_layer("Dense", name="dense", units=2, twist=1))

    pythons = sum(item.python[1][1] - item.python[0][1] + 1 for item in tables.environments())
    assert len(judged) == len(set(judged)) == pythons - 1  # that of the target itself is none


TWO_TEN = "python==3.9,tensorflow==2.10.1,keras==2.10.0,numpy==1.26.4"


def test_what_the_target_has_already_is_not_suggested() -> None:
    found = suggested(TWO_TEN, make_layer("Dense", name="dense", units=2))

    assert len(found) == 3
    assert not any("tensorflow==2.10" in item for item in found)


def test_the_python_of_the_target_is_nearer_than_its_tensorflow() -> None:
    found = suggested("python==3.13,tensorflow==2.19.1,keras==3.9.2")

    assert [item.partition(",")[0] for item in found[:2]] == ["tensorflow==2.20.0", "tensorflow==2.21.0"]


def test_advice_to_ask_for_suggestions_is_dropped_from_them() -> None:
    finding = make_finding(remedy="load it there (diff --suggest names the nearest), or export() it")

    assert suggesting.without_advice(finding).remedy == "load it there, or export() it"
