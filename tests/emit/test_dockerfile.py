from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from judged import DIGEST, make_fingerprint, make_lock, make_packages, make_plan

from envlock import lockfile
from envlock.emit.dockerfile import dockerfile
from envlock.emit.image_plan import plan
from envlock.errors import InvalidLock
from envlock.facts import Python, Unknown
from envlock.variables import FOLLOWS_THE_MODEL

HOSTILE = [
    '1"\nRUN touch /hostile',
    "1'$(touch /hostile)",
    "1 && touch /hostile",
    "$HOME/hostile",
    "1\\\nhostile",
]


def instructions(text: str) -> list[str]:
    """The instructions of a Dockerfile, each with its continued lines joined."""
    joined = re.sub(r"\\\n", "", text)
    return [line.split()[0] for line in joined.splitlines() if line and not line.startswith("#")]


def test_a_dockerfile_is_the_golden_one(golden: Callable[[str, str], None]) -> None:
    variables = {
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "XLA_FLAGS": "--xla_a=1 --xla_b",
        "KERAS_BACKEND": "tensorflow",
    }
    lock = make_lock(fingerprint=make_fingerprint(variables=variables))

    text = dockerfile(plan(lock, model="house.keras", lock_digest=DIGEST))

    golden("Dockerfile", text)


def test_the_same_plan_gives_the_same_text() -> None:
    assert dockerfile(make_plan()) == dockerfile(make_plan())


def test_a_dockerfile_has_its_instructions_in_the_order_of_how_often_they_change() -> None:
    assert instructions(dockerfile(make_plan())) == [
        "FROM",
        "ENV",
        "ENV",
        "ENV",
        "RUN",
        "COPY",
        "COPY",
        "COPY",
        "LABEL",
        "WORKDIR",
        "USER",
        "ENTRYPOINT",
    ]


def test_lines_end_as_on_unix() -> None:
    text = dockerfile(make_plan())

    assert "\r" not in text
    assert text.endswith("\n")


def test_nothing_that_a_template_would_fill_is_left() -> None:
    assert "$" not in dockerfile(make_plan())


def test_a_requirement_is_one_word_that_no_shell_reads() -> None:
    word = '$HOME"\n; touch /hostile'

    text = dockerfile(make_plan(requirements=(word,)))

    found = re.search(r"^RUN (\[.*?\n\])$", text.replace("\\\n", "\n"), re.MULTILINE | re.DOTALL)
    assert found
    assert json.loads(found[1])[-1] == word


@pytest.mark.parametrize("version", HOSTILE)
def test_a_hostile_version_is_refused_when_its_lock_is_read(version: str) -> None:
    text = lockfile.dumps(make_lock(fingerprint=make_fingerprint(packages=make_packages(numpy=version))))

    with pytest.raises(InvalidLock) as caught:
        lockfile.loads(text)

    assert str(caught.value) == (f"Unexpected value {version!r} at tool.envlock.packages[numpy].version")


@pytest.mark.parametrize("name", [f"a{text}" for text in HOSTILE])
def test_a_hostile_name_is_refused_when_its_lock_is_read(name: str) -> None:
    packages = make_packages(**{name: "1.0"})

    with pytest.raises(InvalidLock) as caught:
        lockfile.loads(lockfile.dumps(make_lock(fingerprint=make_fingerprint(packages=packages))))

    assert str(caught.value) == (f"Unexpected value {name!r} at tool.envlock.packages[{name}].name")


@pytest.mark.parametrize("name", FOLLOWS_THE_MODEL)
@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_of_a_variable_never_reaches_the_text(name: str, value: str) -> None:
    harmless = dockerfile(plan(make_lock(), model="house.keras", lock_digest=DIGEST))
    hostile = make_lock(fingerprint=make_fingerprint(variables={name: value}))

    assert dockerfile(plan(hostile, model="house.keras", lock_digest=DIGEST)) == harmless


@pytest.mark.parametrize("name", ["PATH", "LD_PRELOAD", 'A="\nRUN touch /hostile\n#'])
def test_a_variable_that_is_not_ours_never_reaches_the_text(name: str) -> None:
    harmless = dockerfile(plan(make_lock(), model="house.keras", lock_digest=DIGEST))
    hostile = make_lock(fingerprint=make_fingerprint(variables={name: "1"}))

    assert dockerfile(plan(hostile, model="house.keras", lock_digest=DIGEST)) == harmless


def test_what_is_not_known_of_the_surroundings_changes_nothing() -> None:
    unknown = Unknown("could not look")
    facts = {"system": unknown, "cpu": unknown, "gpu": unknown, "variables": unknown}

    text = dockerfile(
        plan(make_lock(fingerprint=make_fingerprint(**facts)), model="house.keras", lock_digest=DIGEST)
    )

    assert text == dockerfile(plan(make_lock(), model="house.keras", lock_digest=DIGEST))


def test_the_base_follows_the_locked_python() -> None:
    python = Python(version="3.10.12", implementation="cpython")

    text = dockerfile(
        plan(make_lock(fingerprint=make_fingerprint(python=python)), model="house.keras", lock_digest=DIGEST)
    )

    assert text.splitlines()[1] == "FROM python:3.10-slim"
