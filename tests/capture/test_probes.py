from __future__ import annotations

import sys
from dataclasses import fields

import pytest

from envlock import capture, process
from envlock.capture import packages, probes
from envlock.facts import NOT_RECORDED, Fingerprint, Unknown


def test_every_field_of_the_fingerprint_has_its_probe() -> None:
    assert list(capture.PROBES) == [field.name for field in fields(Fingerprint)]


def test_a_fingerprint_is_what_the_probes_say(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, packages.Distribution] = {}
    told = {name: lambda installed, name=name: (name, installed) for name in capture.PROBES}
    monkeypatch.setattr(probes, "PROBES", told)

    found = capture.fingerprint(given, ())

    expected = {name: (name, given) for name in told} | {"packages": ()}
    assert {name: getattr(found, name) for name in told} == expected


def test_a_probe_that_fails_unforeseen_is_unknown_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("/home/ada/secret")

    monkeypatch.setattr(probes, "PROBES", {**capture.PROBES, "cpu": broken})

    assert capture.glance().cpu == Unknown("the probe failed: RuntimeError")


def test_a_glance_looks_at_nothing_that_is_not_compared() -> None:
    found = capture.glance()

    assert (found.git, found.numerics) == (NOT_RECORDED, NOT_RECORDED)
    assert {package.wheel for package in found.packages} == {NOT_RECORDED}


def test_the_running_environment_is_captured_with_its_packages() -> None:
    found = capture.capture()

    numpy = found.package("numpy")
    assert [item.name for item in found.packages] == list(packages.installed())
    assert numpy.wheel.startswith(f"numpy-{numpy.version}-cp")
    assert len(numpy.record) == 64


def test_capturing_imports_nothing_of_what_it_looks_at() -> None:
    program = (
        "import sys; from envlock import capture; capture.capture();"
        "print(sorted({name.partition('.')[0] for name in sys.modules}"
        " & {'tensorflow', 'keras', 'tf_keras', 'numpy', 'h5py'}))"
    )

    assert process.run([sys.executable, "-c", program]) == "[]\n"
