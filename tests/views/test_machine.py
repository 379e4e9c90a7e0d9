from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judged import make_finding, make_fingerprint, make_lock, make_report

from envlock.changes import Change
from envlock.facts import KERAS_LOADER, SAVED_MODEL_LOADER, WEIGHTS_LOADER, Content, Python, Unknown
from envlock.knowledge import Severity
from envlock.knowledge.rule import ALL_LOADERS
from envlock.report import Inspected, Proof
from envlock.views import machine, text

VERDICTS = st.sampled_from(["same", "compatible", "drifts", "breaks"])
NUMBERS = st.floats(min_value=0, allow_nan=False, allow_infinity=True)
LOADERS = st.lists(st.sampled_from(ALL_LOADERS), unique=True)

FINDINGS = st.builds(
    make_finding,
    st.sampled_from(Severity),
    code=st.text(),
    subject=st.text(),
    message=st.text(),
    remedy=st.text(),
    error=st.text(),
    avoided_by=st.sampled_from(["", "compile=False", "safe_mode=False"]),
    loaders=LOADERS.map(tuple),
)
CHANGES = st.builds(Change, st.text(), st.none() | st.text(), st.none() | st.text())
PROOFS = st.builds(
    Proof,
    rows=st.integers(min_value=0),
    difference=NUMBERS,
    tolerance=st.floats(min_value=0, allow_infinity=False),
    bitwise=st.booleans(),
)
REPORTS = st.builds(
    make_report,
    subject=st.text(),
    loader=st.sampled_from(ALL_LOADERS),
    verdict=VERDICTS,
    loaders=st.dictionaries(st.sampled_from(ALL_LOADERS), VERDICTS),
    findings=st.lists(FINDINGS, max_size=3).map(tuple),
    changes=st.lists(CHANGES, max_size=3).map(tuple),
    unknown=st.dictionaries(st.text(), st.text(), max_size=3),
    saved_with=st.text(),
    target=st.text(),
    proof=st.none() | PROOFS,
    inspection=st.sampled_from(["", "clean", "code"]),
    hazards=st.just(()),
    gaps=st.none() | st.lists(st.text(), max_size=2).map(tuple),
)


@given(REPORTS)
def test_a_report_is_read_back_as_it_was_written(report: Any) -> None:
    assert machine.parse_report(machine.report(report)) == report


def test_a_report_has_the_keys_that_tools_rely_on() -> None:
    report = make_report(
        verdict="breaks",
        loaders={KERAS_LOADER: "breaks", SAVED_MODEL_LOADER: "compatible"},
        findings=(make_finding(error="ValueError: no", avoided_by="compile=False", loaders=(KERAS_LOADER,)),),
        changes=(Change("keras.version", "3.5.0", None),),
        unknown={"gpu": "it does not say", "cpu": "it does not say"},
        proof=Proof(rows=3, difference=0.5, tolerance=1e-5, bitwise=False),
    )

    assert json.loads(machine.report(report)) == {
        "schema": 1,
        "subject": "house.keras",
        "loader": "keras.load_model",
        "saved_with": "TensorFlow 2.17.0, Keras 3.5.0",
        "target": "requirements.txt",
        "verdict": "breaks",
        "loaders": {"keras.load_model": "breaks", "tf.saved_model.load": "compatible"},
        "findings": [
            {
                "code": "EL101",
                "severity": "error",
                "subject": "house.keras",
                "message": "it cannot be read",
                "remedy": "read another",
                "error": "ValueError: no",
                "avoided_by": "compile=False",
                "detail": [],
                "loaders": ["keras.load_model"],
            }
        ],
        "unknown": [
            {"path": "cpu", "reason": "it does not say"},
            {"path": "gpu", "reason": "it does not say"},
        ],
        "changes": [{"path": "keras.version", "locked": "3.5.0", "current": None}],
        "proof": {"rows": 3, "difference": 0.5, "tolerance": 1e-05, "bitwise": False},
    }


def test_what_an_inspection_told_is_in_the_report() -> None:
    report = make_report(
        inspection="code", hazards=(make_finding(code="EL604", loaders=()),), gaps=("no filter",)
    )

    told = json.loads(machine.report(report))

    assert (told["inspection"]["class"], told["gaps"]) == ("code", ["no filter"])
    assert [item["code"] for item in told["inspection"]["findings"]] == ["EL604"]
    assert machine.parse_report(json.dumps(told)) == report


def test_an_infinite_difference_is_none_at_all_in_json() -> None:
    proof = Proof(rows=3, difference=float("inf"), tolerance=1e-5, bitwise=False)

    written = machine.report(make_report(proof=proof))

    assert json.loads(written)["proof"]["difference"] is None
    assert machine.parse_report(written).proof == proof


def test_a_report_speaks_of_other_environments_where_they_were_asked_for() -> None:
    given = [(), ("tensorflow==2.15.1,keras==2.15.0",), None]

    found = [json.loads(machine.report(make_report(suggestions=item))) for item in given]

    assert [data.get("suggestions") for data in found] == [[], ["tensorflow==2.15.1,keras==2.15.0"], None]


@pytest.mark.parametrize("suggestions", [(), ("tensorflow==2.15.1,keras==2.15.0",)])
def test_suggestions_are_read_back(suggestions: tuple[str, ...]) -> None:
    report = make_report(suggestions=suggestions)

    assert machine.parse_report(machine.report(report)) == report


def test_a_report_without_a_proof_does_not_speak_of_one() -> None:
    assert "proof" not in json.loads(machine.report(make_report()))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Traceback (most recent call last):",
        "null",
        "[]",
        "3",
        "{}",
        '{"error": "house.keras does not exist", "hint": ""}',
        machine.report(make_report()).replace('"findings": []', '"findings": [3]'),
        machine.report(make_report(findings=(make_finding(),))).replace('"error"', '"fatal"'),
        machine.report(make_report()).replace('"unknown": []', '"unknown": 3'),
    ],
)
def test_what_is_no_report_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the message is the JSON parser's, or names the key
        machine.parse_report(text)


def test_a_lock_is_printed_in_its_own_tables() -> None:
    lock = make_lock(
        canary=None,
        custom_objects=Unknown("the model is subclassed"),
        fingerprint=make_fingerprint(gpu=Unknown("no nvidia-smi"), keras=None, packages=()),
    )

    data = json.loads(machine.lock(lock, Content()))

    assert sorted(data) == [
        "absent",
        "artifact",
        "attachments",
        "content",
        "cpu",
        "created-by",
        "inputs",
        "loader",
        "numpy",
        "outputs",
        "packages",
        "python",
        "schema",
        "system",
        "tensorflow",
        "unknown",
        "variables",
    ]
    assert data["python"] == {"version": "3.11.7", "implementation": "cpython"}
    assert data["absent"] == [
        "artifact.tensorflow-version",
        "canary",
        "keras",
        "tensorflow.cuda",
        "tensorflow.cudnn",
    ]
    assert data["unknown"] == {"custom-objects": "the model is subclassed", "gpu": "no nvidia-smi"}


def test_what_is_in_a_model_is_printed_with_its_lock() -> None:
    dense = {"class_name": "Dense", "module": "keras.layers", "registered_name": None, "config": {"units": 2}}
    config = {"class_name": "Sequential", "module": "keras", "registered_name": None}
    content = Content(
        config={**config, "config": {"layers": [dense]}},
        compile_config={"optimizer": "adam", "loss": "mse"},
        ops={"MatMul": 2},
        assets=("vocabulary.txt",),
        slots=Unknown("the file is damaged"),
    )

    data = json.loads(machine.lock(make_lock(), content))["content"]

    assert [(item["class-name"], item["count"], item["is-own"]) for item in data["classes"]] == [
        ("Dense", 1, True),
        ("Sequential", 1, True),
    ]
    assert {key: data[key] for key in ("ops", "assets", "optimizer", "losses", "custom", "unknown")} == {
        "ops": {"MatMul": 2},
        "assets": ["vocabulary.txt"],
        "optimizer": "adam",
        "losses": ["mse"],
        "custom": [],
        "unknown": {"slots": "the file is damaged"},
    }


def test_a_model_whose_architecture_is_unknown_has_unknown_classes() -> None:
    content = Content(config=Unknown("h5py is not installed"))

    data = json.loads(machine.lock(make_lock(), content))["content"]

    assert data["unknown"] == {"classes": "h5py is not installed"}


def test_a_fingerprint_is_printed_with_what_is_absent_and_unknown() -> None:
    python = Python(version="3.11.7", implementation=Unknown("it does not say"))

    data = json.loads(machine.fingerprint(make_fingerprint(python=python, keras=None, tensorflow=None)))

    assert data["python"] == {"version": "3.11.7"}
    assert data["unknown"] == {"python.implementation": "it does not say"}
    assert data["absent"] == ["gpu.cuda", "gpu.cudnn", "gpu.driver", "keras", "tensorflow"]


def test_an_error_is_data_too() -> None:
    assert json.loads(machine.error("house.keras does not exist", "look again")) == {
        "schema": 1,
        "error": "house.keras does not exist",
        "hint": "look again",
    }


@pytest.mark.parametrize("loader", [KERAS_LOADER, WEIGHTS_LOADER])
def test_the_loader_is_the_one_that_the_verdict_is_of(loader: str) -> None:
    assert json.loads(machine.report(make_report(loader=loader)))["loader"] == loader


def test_an_inspection_is_told_with_its_class_and_what_stands_for_the_model() -> None:
    found = Inspected(
        subject="house.keras",
        verdict="code",
        hazards=(make_finding(code="EL604", loaders=()),),
        kinds=("code",),
        asked=(("house>Gate", "gates", ("Gate 'gate'",)),),
        digest="ab" * 32,
        is_approved=False,
        stored=("code/gates.py",),
        damage={},
    )

    told = json.loads(machine.inspection(found))

    assert (told["inspection"]["class"], told["digest"], told["approved"]) == ("code", "ab" * 32, False)
    assert [(item["class"], item["code"]) for item in told["inspection"]["findings"]] == [("code", "EL604")]
    assert told["inspection"]["asks-for"] == [
        {"name": "house>Gate", "module": "gates", "asked-by": ["Gate 'gate'"]}
    ]
    assert text.inspection(found).splitlines() == [
        "house.keras: code",
        "  code EL604: it cannot be read",
        "    fix: read another",
        "  asks for house>Gate of module gates, for Gate 'gate'",
        '  source that trust="captured" would run: code/gates.py',
        f"  digest, for --trust: sha256:{'ab' * 32}",
    ]
