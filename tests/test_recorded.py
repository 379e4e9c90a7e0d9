"""Recorded environments, real ones and such as could not be made here: see recorded/README.md."""

from __future__ import annotations

import itertools
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from judged import make_dense, make_functional, make_input, make_layer, make_plan

from envlock import judging, lockfile, redact, targets
from envlock.artifacts.reading import nodes
from envlock.changes import changes, values
from envlock.emit import image_plan
from envlock.emit.dockerfile import dockerfile
from envlock.errors import ImageError
from envlock.facts import Content, Fingerprint, Gpu, Keras, Lock, Python, TensorFlow, Unknown
from envlock.report import BREAKS, COMPATIBLE, DRIFTS, SAME, Report
from envlock.values import fields
from envlock.views import facts, machine

FOLDER = Path(__file__).parent / "recorded"
SUFFIX = ".envlock.toml"
NAMES = sorted(path.name.removesuffix(SUFFIX) for path in FOLDER.glob(f"*{SUFFIX}"))
FIRST = "cpu-py311-tf221-keras315"


class Expected(NamedTuple):
    """
    What a recorded lock is about.

    `there` is the verdict for the model of `FIRST` in this environment, `back` for this lock's own
    model in that of `FIRST`.
    """

    tensorflow: str | None
    keras: str
    cards: tuple[str, ...]
    environment: str | None
    there: str
    back: str


EXPECTED = {
    "a100-mig-py311-tf217-cuda-wheels": Expected(
        "tensorflow 2.17.1", "keras 3.5.0", ("GRID A100D-1-20C",), "venv", BREAKS, DRIFTS
    ),
    "colab-t4-py312-tf220": Expected(
        "tensorflow 2.20.0", "keras 3.13.2", ("Tesla T4",), "system", DRIFTS, DRIFTS
    ),
    "conda-forge-py311-tf218-h100": Expected(
        "tensorflow 2.18.0", "keras 3.8.0", ("NVIDIA H100 80GB HBM3",) * 8, "conda", BREAKS, DRIFTS
    ),
    "cpu-py310-tf212-keras212": Expected("tensorflow-cpu 2.12.1", "keras 2.12.0", (), "venv", BREAKS, BREAKS),
    "cpu-py311-tf215-keras215": Expected("tensorflow-cpu 2.15.1", "keras 2.15.0", (), "venv", BREAKS, BREAKS),
    "cpu-py311-tf221-keras315": Expected("tensorflow-cpu 2.21.0", "keras 3.15.1", (), "venv", SAME, SAME),
    "cpu-py312-keras315-jax": Expected(None, "keras 3.15.1", (), "venv", DRIFTS, DRIFTS),
    "cpu-py312-keras315-numpy-pip": Expected(None, "keras 3.15.1", (), "venv", DRIFTS, DRIFTS),
    "cpu-py312-tf218-keras37-deterministic": Expected(
        "tensorflow 2.18.1", "keras 3.7.0", (), "venv", BREAKS, DRIFTS
    ),
    "cpu-py312-tf218-tfkeras218": Expected(
        "tensorflow 2.18.1", "tf-keras 2.18.0", (), "venv", BREAKS, BREAKS
    ),
    "cpu-py313-tf221-keras315-editable": Expected(
        "tensorflow-cpu 2.21.0", "keras 3.15.1", (), "venv", COMPATIBLE, COMPATIBLE
    ),
    "cuda-wheels-no-driver-py311-tf217-keras35": Expected(
        "tensorflow 2.17.1", "keras 3.5.0", (), "venv", BREAKS, COMPATIBLE
    ),
    "graviton3-kubernetes-py310-tf215": Expected(
        "tensorflow-cpu-aws 2.15.1", "keras 2.15.0", (), "system", BREAKS, BREAKS
    ),
    "h100-py310-tf217-cuda-wheels": Expected(
        "tensorflow 2.17.0", "keras 3.4.1", ("NVIDIA H100 80GB HBM3",) * 8, None, BREAKS, DRIFTS
    ),
    "k80-driver450-tf214": Expected(
        "tensorflow 2.14.0", "keras 2.14.0", ("Tesla K80",) * 2, None, BREAKS, BREAKS
    ),
    "macos-arm64-py311-tf216-metal": Expected(
        "tensorflow 2.16.1", "keras 3.3.3", (), None, BREAKS, COMPATIBLE
    ),
    "rocm62-mi210-py39-tf214-kubernetes": Expected(
        "tensorflow-rocm 2.14.0.600", "keras 2.14.0", (), "conda", BREAKS, BREAKS
    ),
    "windows-py311-tf217-intel": Expected(
        "tensorflow 2.17.0", "keras 3.5.0", (), "system", BREAKS, COMPATIBLE
    ),
    "wsl2-rtx3090-py311-tf216-cuda-wheels": Expected(
        "tensorflow 2.16.1", "keras 3.1.1", ("NVIDIA GeForce RTX 3090",), "conda", BREAKS, DRIFTS
    ),
}

each_lock = pytest.mark.parametrize("name", NAMES)
each_pair = pytest.mark.parametrize(("one", "other"), list(itertools.product(NAMES, NAMES)))


@cache
def recorded(name: str) -> Lock:
    return lockfile.read(FOLDER / f"{name}{SUFFIX}")


def fingerprint(name: str) -> Fingerprint:
    return recorded(name).fingerprint


@cache
def content(name: str) -> Content:
    """What tools/record_environment.py saves there, as far as judging looks at it."""
    lock = recorded(name)
    keras = lock.fingerprint.keras
    assert isinstance(keras, Keras)
    assert isinstance(keras.version, str)
    is_tf_keras = keras.provider == "tf-keras"
    gate = make_layer("Gate", module="gates", name="gate", trainable=True, bias=0.25)
    return make_functional(
        make_input(keras.version),
        gate | {"registered_name": "recorded>Gate"},
        make_dense(keras.version, name="hidden", units=8, activation="relu"),
        make_dense(keras.version, name="scores", activation="softmax"),
        writer=keras.version,
        module="tf_keras.src.engine.functional" if is_tf_keras else "",
    )


@cache
def judged(saved: str, there: str) -> Report:
    lock = recorded(saved)
    place = lockfile.place(Path(lock.artifact.name), folder=False)
    seen = judging.Subject(place, lock, lock.artifact, content(saved), lock.custom_objects)
    return judging.judge(seen, targets.Target(there, fingerprint(there)))


def summary(name: str) -> Expected:
    """What the lock says, in the words of the table."""
    found = fingerprint(name)
    built, keras, python, gpu = found.tensorflow, found.keras, found.python, found.gpu
    assert isinstance(keras, Keras)
    assert isinstance(gpu, Gpu)
    devices = () if isinstance(gpu.devices, Unknown) else gpu.devices
    kind = python.environment if isinstance(python, Python) else None
    return Expected(
        tensorflow=f"{built.distribution} {built.version}" if isinstance(built, TensorFlow) else None,
        keras=f"{keras.provider} {keras.version}",
        cards=tuple(device.name for device in devices),
        environment=kind if isinstance(kind, str) else None,
        there=judged(FIRST, name).verdict,
        back=judged(name, FIRST).verdict,
    )


# One lock


def test_there_are_recorded_environments_to_test() -> None:
    assert FIRST in NAMES
    assert sorted(EXPECTED) == NAMES


@each_lock
def test_a_recorded_lock_means_what_it_meant_when_it_was_recorded(name: str) -> None:
    assert summary(name) == EXPECTED[name]


@each_lock
def test_a_recorded_lock_is_written_again_as_the_same_bytes(name: str) -> None:
    written = (FOLDER / f"{name}{SUFFIX}").read_bytes()

    assert lockfile.dumps(recorded(name)).encode("utf-8") == written


@each_lock
def test_a_recorded_lock_is_shown_as_plain_lines(name: str) -> None:
    shown = facts.lock(recorded(name), content(name))

    assert [line for line in shown.splitlines() if redact.visible(line) != line] == []


@each_lock
def test_the_frameworks_and_cards_of_a_recorded_lock_are_shown(name: str) -> None:
    expected = EXPECTED[name]

    shown = facts.lock(recorded(name), content(name))

    told = [word for line in (expected.tensorflow, expected.keras) if line for word in line.split()]
    assert [word for word in (*told, *expected.cards) if word not in shown] == []


@each_lock
def test_the_json_of_a_recorded_lock_gives_its_environment_back(name: str, tmp_path: Path) -> None:
    of_lock, of_machine = tmp_path / "lock.json", tmp_path / "machine.json"
    of_lock.write_text(machine.lock(recorded(name), content(name)), encoding="utf-8")
    of_machine.write_text(machine.fingerprint(fingerprint(name)), encoding="utf-8")

    found = [targets.target(path, fingerprint(FIRST)).fingerprint for path in (of_lock, of_machine)]

    assert found == [fingerprint(name)] * 2


@each_lock
def test_a_recorded_environment_does_not_differ_from_itself(name: str) -> None:
    assert changes(fingerprint(name), fingerprint(name)) == ()


@each_lock
def test_a_recorded_lock_names_nobody_and_holds_no_secret(name: str) -> None:
    text = (FOLDER / f"{name}{SUFFIX}").read_text(encoding="utf-8")

    assert redact.secrets(text) == ()
    # Folders below the root, e-mail addresses, hosts with a port, UUIDs of cards, MAC addresses.
    assert (
        re.findall(
            r"(?i)/(?:root|home|users|work|tmp|mnt)\b|[A-Z]:\\|[\w.]+@[\w-]+\.\w+|://[^/\s\"]+:\d+"
            r"|GPU-[0-9a-f]{8}|(?:[0-9a-f]{2}:){5}[0-9a-f]{2}|ip-\d+-\d+",
            text,
        )
        == []
    )


@each_lock
def test_a_recorded_lock_has_its_line_in_the_table(name: str) -> None:
    table = (FOLDER / "README.md").read_text(encoding="utf-8")

    line = next((line for line in table.splitlines() if line.startswith(f"| `{name}` |")), "")

    assert re.fullmatch(r"\| `[\w-]+` \| (captured|synthesised) \| 20\d\d-\d\d-\d\d \| .+ \|", line)


# An image

# The lines that tell of the lock; all others are the template's.
_TELLING = re.compile(
    r"FROM python:3\.\d+-slim"
    r"|ENV [A-Z][A-Z0-9_]*=\"[\w.,:=+ -]*\""
    r"|    \"[a-z0-9]([a-z0-9-]*[a-z0-9])?==[A-Za-z0-9][A-Za-z0-9.+!_-]*\",? \\"
    r"|(LABEL|     ) [a-z.]+=\"[\w:. -]+\"( \\)?"
)


# The locks that make no image, and why.
REFUSED = {"k80-driver450-tf214": "the lock does not say which Python the model was saved with"}


def plan(name: str) -> image_plan.ImagePlan | str:
    """The image for a recorded lock, or the sentence that refuses it."""
    try:
        return image_plan.plan(recorded(name), model="recorded.keras", lock_digest="0" * 64)
    except ImageError as error:
        return error.message


@each_lock
def test_an_image_for_a_recorded_lock_is_planned_or_refused_in_a_sentence(name: str) -> None:
    found = plan(name)

    assert (found if isinstance(found, str) else None) == REFUSED.get(name)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in REFUSED])
def test_the_dockerfile_for_a_recorded_lock_holds_no_fact_outside_its_grammar(name: str) -> None:
    found = plan(name)
    assert isinstance(found, image_plan.ImagePlan)

    text = dockerfile(found)

    own = set(dockerfile(make_plan(variables=())).splitlines())
    assert [line for line in text.splitlines() if line not in own and not _TELLING.fullmatch(line)] == []
    assert text.isascii()


# Two locks


@each_pair
def test_every_recorded_environment_is_judged_against_every_other(one: str, other: str) -> None:
    report = judged(one, other)

    assert report.verdict in {SAME, COMPATIBLE, DRIFTS, BREAKS}
    assert {finding.subject for finding in report.findings} <= _subjects(one) | _subjects(other)
    assert {change.path for change in report.changes} <= _paths(one) | _paths(other)
    assert (one == other) or report.verdict != SAME


@cache
def _paths(name: str) -> set[str]:
    return set(values(fingerprint(name)))


@cache
def _subjects(name: str) -> set[str]:
    """What a finding may be about: a value, the last part of its path, a section, the model and its parts."""
    sections = {field.name for field in fields(Fingerprint)}
    items = {path.partition(".")[2] for path in _paths(name)}
    layers = {label for node in nodes(content(name).config) for label in (node.label, node.class_name)}
    own = {item.name for item in recorded(name).custom_objects}
    return _paths(name) | items | sections | layers | own | {recorded(name).artifact.name}


@each_pair
def test_swapping_two_recorded_environments_swaps_their_differences(one: str, other: str) -> None:
    there = changes(fingerprint(one), fingerprint(other))

    back = changes(fingerprint(other), fingerprint(one))

    assert [(item.path, item.current, item.locked) for item in back] == [
        (item.path, item.locked, item.current) for item in there
    ]
