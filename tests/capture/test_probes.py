from __future__ import annotations

import sys
from dataclasses import fields

import pytest

from envlock import capture, process
from envlock.capture import packages
from envlock.facts import Fingerprint, find_unknowns


def test_every_field_of_the_fingerprint_has_its_probe() -> None:
    assert list(capture.PROBES) == [field.name for field in fields(Fingerprint)]


def test_a_fingerprint_is_what_the_probes_say(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, packages.Distribution] = {}
    probes = {name: lambda installed, name=name: (name, installed) for name in capture.PROBES}
    monkeypatch.setattr(capture, "PROBES", probes)

    found = capture.fingerprint(given)

    assert [getattr(found, name) for name in probes] == [(name, given) for name in probes]


def test_the_running_environment_is_captured_with_its_packages() -> None:
    found = capture.capture()

    assert found.packages == packages.facts(packages.installed())
    assert "packages" not in find_unknowns(found)


def test_capturing_imports_nothing_of_what_it_looks_at() -> None:
    program = (
        "import sys; from envlock import capture; capture.capture();"
        "print(sorted({name.partition('.')[0] for name in sys.modules}"
        " & {'tensorflow', 'keras', 'tf_keras', 'numpy', 'h5py'}))"
    )

    assert process.run([sys.executable, "-c", program]) == "[]\n"
