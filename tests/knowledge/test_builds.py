from __future__ import annotations

from typing import Any

import pytest
from judged import make_comparison, make_fingerprint, make_tensorflow, say

from envlock import targets
from envlock.facts import Fingerprint, Package, Python, System, Unknown
from envlock.knowledge.boundaries import platforms, pythons, requirements


def listed(text: str) -> Fingerprint:
    return targets.target(text, make_fingerprint(packages=())).fingerprint


def on(os: str, machine: str, libc: Any = None, *, version: str, name: str = "tensorflow") -> Fingerprint:
    """A machine, and a TensorFlow that is to be installed on it."""
    system = System(os=os, machine=machine, kernel=None, distribution=None, libc=libc)
    return make_fingerprint(
        system=system, tensorflow=make_tensorflow(version, distribution=name), packages=()
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "python==3.12,tensorflow-cpu==2.12.1",
            "tensorflow-cpu 2.12.1 is published for Python 3.8 to 3.11, the target has Python 3.12",
        ),
        (
            "python==3.9,tensorflow==2.21.0",
            "tensorflow 2.21.0 is published for Python 3.10 to 3.13, the target has Python 3.9",
        ),
        (
            "python==3.9.18,tensorflow==2.4.4",
            "tensorflow 2.4.4 is published for Python 3.6 to 3.8, the target has Python 3.9.18",
        ),
    ],
)
def test_a_python_without_wheels_is_told(text: str, sentence: str) -> None:
    assert [message for _, message in say("EL320", make_comparison(current=listed(text)))] == [sentence]


@pytest.mark.parametrize(
    "text",
    [
        "python==3.6,tensorflow==2.5.0",
        "python==3.8,tensorflow-cpu==2.4.4",
        "python==3.11,tensorflow==2.15",
        "python==3.13.0,tensorflow-cpu==2.21.0",
        "python==3.14,tensorflow==2.22.0",
        "python==3.14,tensorflow",
        "python==3,tensorflow==2.12.1",
        "tensorflow==2.12.1",
        "python==3.12,tf-nightly==2.12.0",
    ],
)
def test_a_python_that_has_wheels_or_is_not_known_is_not_told(text: str) -> None:
    assert say("EL320", make_comparison(current=listed(text))) == []


def test_a_keras_that_refuses_an_old_python_is_told() -> None:
    said = say("EL320", make_comparison(current=listed("python==3.10,tensorflow==2.20.0,keras==3.15.1")))

    assert said == [
        ("keras", "keras 3.15.1 is published for Python 3.11 or newer, the target has Python 3.10")
    ]


def test_no_wheels_are_for_a_python_without_a_global_lock() -> None:
    reader = make_fingerprint(
        python=Python(version="3.13.1", implementation="cpython", is_free_threaded=True),
        tensorflow=make_tensorflow("2.21.0", distribution="tensorflow"),
        packages=(),
    )

    assert [subject for subject, _ in say("EL320", make_comparison(current=reader))] == ["tensorflow"]


@pytest.mark.parametrize("wheel", [None, "tensorflow-2.12.1-cp312-cp312-linux_x86_64.whl"])
def test_a_tensorflow_that_was_found_installed_was_built_by_somebody(wheel: str | None) -> None:
    own = Package(name="tensorflow", version="2.12.1", wheel=wheel)
    reader = make_fingerprint(
        python=Python(version="3.12.1", implementation="cpython"),
        tensorflow=make_tensorflow("2.12.1", distribution="tensorflow"),
        packages=(own,),
    )

    assert say("EL320", make_comparison(current=reader)) == []


@pytest.mark.parametrize(
    ("reader", "sentence"),
    [
        (
            on("Darwin", "arm64", version="2.12.1"),
            "tensorflow 2.12.1 is not published for Darwin on arm64",
        ),
        (
            on("Linux", "aarch64", "glibc 2.36", version="2.16.1", name="tensorflow-cpu"),
            "tensorflow-cpu 2.16.1 is not published for Linux on aarch64",
        ),
        (
            on("Darwin", "x86_64", version="2.17.0"),
            "tensorflow 2.17.0 is not published for Darwin on x86_64",
        ),
        (
            on("Linux", "x86_64", "glibc 2.17", version="2.21.0"),
            "tensorflow 2.21.0 needs glibc 2.27, the target has glibc 2.17",
        ),
        (
            on("Linux", "x86_64", "musl 1.2.4", version="2.15.1"),
            "tensorflow 2.15.1 needs glibc 2.17, the target has musl 1.2.4",
        ),
    ],
)
def test_a_system_without_wheels_is_told(reader: Fingerprint, sentence: str) -> None:
    assert [message for _, message in say("EL321", make_comparison(current=reader))] == [sentence]


@pytest.mark.parametrize(
    "reader",
    [
        on("Darwin", "arm64", version="2.13.0"),
        on("Darwin", "arm64", version="2.12.0", name="tensorflow-macos"),
        on("Linux", "aarch64", "glibc 2.17", version="2.20.0"),
        on("Linux", "x86_64", "glibc 2.36", version="2.21.0"),
        on("Linux", "x86_64", Unknown("not read"), version="2.21.0"),
        on("Linux", "ppc64le", version="2.14.0", name="tensorflow-rocm"),
        on("Windows", "AMD64", version="2.17.0"),
        listed("tensorflow==2.12.1"),
    ],
)
def test_a_system_with_wheels_or_that_is_not_known_is_not_told(reader: Fingerprint) -> None:
    assert say("EL321", make_comparison(current=reader)) == []


def test_the_rows_are_sorted() -> None:
    releases = [row.since for row in pythons()]
    systems = [(row.distribution, row.system, row.machine, row.since) for row in platforms()]
    needs = [(row.package, row.since) for row in requirements()]

    assert (sorted(releases), sorted(systems), sorted(needs)) == (releases, systems, needs)
