from __future__ import annotations

import pytest
from judged import make_finding, make_report

from envlock.changes import Change
from envlock.facts import KERAS_LOADER, SAVED_MODEL_LOADER, WEIGHTS_LOADER
from envlock.knowledge import Finding, Severity, explain
from envlock.report import Proof, Report
from envlock.targets import UNSAID
from envlock.views import text

HOSTILE = "a\x1b[2Jb\x07\u202ec\x9b"
SHOWN = "a\\x1b[2Jb\\x07\\u202ec\\x9b"


def note(code: str, message: str = "it differs") -> Finding:
    return make_finding(Severity.NOTE, code=code, message=message)


def broken(**facts: object) -> Report:
    """A report with one finding of each severity."""
    given = {
        "verdict": "breaks",
        "loaders": {KERAS_LOADER: "breaks", SAVED_MODEL_LOADER: "compatible"},
        "findings": (
            make_finding(Severity.ERROR, loaders=(KERAS_LOADER,)),
            make_finding(Severity.WARNING, message="it moves", remedy="retrain"),
            note("EL312", "python.version was 3.11.7, the target has 3.12.1"),
            note("EL311"),
            note("EL311"),
        ),
        "changes": (Change("python.version", "3.11.7", "3.12.1"),),
        "unknown": {"gpu": "the list does not say", "gpu.driver": "nor this", "cpu": "the list does not say"},
    }
    return make_report(**given | facts)


def shown(report: Report, *, verbose: bool = False) -> list[str]:
    return text.report(report, colour=False, verbose=verbose).splitlines()


def test_nothing_that_differs_is_one_line() -> None:
    assert text.report(make_report(), colour=False) == (
        "house.keras: same in requirements.txt (saved with TensorFlow 2.17.0, Keras 3.5.0)"
    )


def test_findings_are_told_the_worst_first_with_the_next_step_last() -> None:
    assert text.report(broken(), colour=False) == (
        "house.keras: breaks in requirements.txt (saved with TensorFlow 2.17.0, Keras 3.5.0)\n"
        "  error EL101: it cannot be read\n"
        "    fix: read another\n"
        "  warning EL113: it moves\n"
        "    fix: retrain\n"
        "  note EL312: python.version was 3.11.7, the target has 3.12.1\n"
        "  note EL311: 2 unrelated packages differ\n"
        "  by loader: keras.load_model breaks, tf.saved_model.load compatible\n"
        "  unknown: cpu, gpu (3 facts; -v says why)\n"
        "next: envlock explain EL101"
    )


def test_a_verbose_report_keeps_nothing_back() -> None:
    assert text.report(broken(), colour=False, verbose=True) == (
        "house.keras: breaks in requirements.txt (saved with TensorFlow 2.17.0, Keras 3.5.0)\n"
        "  error EL101: it cannot be read\n"
        "    fix: read another\n"
        "  warning EL113: it moves\n"
        "    fix: retrain\n"
        "  note EL312: python.version was 3.11.7, the target has 3.12.1\n"
        "  note EL311: it differs\n"
        "  note EL311: it differs\n"
        "  by loader: keras.load_model breaks, tf.saved_model.load compatible\n"
        "  unknown cpu: the list does not say\n"
        "  unknown gpu: the list does not say\n"
        "  unknown gpu.driver: nor this\n"
        "next: envlock explain EL101"
    )


def test_colour_adds_nothing_but_colour() -> None:
    plain, coloured = (text.report(broken(), colour=colour) for colour in (False, True))

    for code in ("\x1b[31m", "\x1b[33m", "\x1b[0m"):
        assert code in coloured
        coloured = coloured.replace(code, "")
    assert coloured == plain


def test_findings_that_share_their_remedy_are_told_it_once() -> None:
    findings = (make_finding(message="one"), make_finding(message="two"), make_finding(remedy="wait"))

    assert shown(make_report(findings=findings))[1:-1] == [
        "  error EL101: one",
        "  error EL101: two",
        "    fix: read another",
        "  error EL101: it cannot be read",
        "    fix: wait",
    ]


def test_a_finding_is_told_with_the_words_of_the_loader() -> None:
    findings = (make_finding(error="ValueError: Unrecognized keyword arguments: {'a': 1}"), make_finding())

    assert shown(make_report(findings=findings))[1:-1] == [
        "  error EL101: it cannot be read",
        "    says: ValueError: Unrecognized keyword arguments: {'a': 1}",
        "  error EL101: it cannot be read",
        "    fix: read another",
    ]


def test_long_words_of_the_loader_are_cut() -> None:
    (line,) = [
        line for line in shown(make_report(findings=(make_finding(error="a" * 400),))) if "says" in line
    ]

    assert line == f"    says: {'a' * 158} …"


@pytest.mark.parametrize(
    ("suggestions", "lines"),
    [
        (None, []),
        ((), ["  loads here with load_weights alone, into a model built from its code"]),
        (
            ("tensorflow==2.15.1", "keras==3.5.0"),
            ["  loads in: tensorflow==2.15.1", "  loads in: keras==3.5.0"],
        ),
    ],
)
def test_other_environments_are_told_where_they_were_asked_for(
    suggestions: tuple[str, ...] | None, lines: list[str]
) -> None:
    assert shown(make_report(suggestions=suggestions))[1:] == lines


def test_where_nothing_loads_the_model_that_is_said() -> None:
    report = make_report(suggestions=(), loaders={KERAS_LOADER: "breaks", WEIGHTS_LOADER: "breaks"})

    assert shown(report)[-1] == "  loads in: no environment that envlock knows of"


def test_an_argument_that_mends_it_is_told_before_other_environments() -> None:
    finding = make_finding(avoided_by="safe_mode=False")

    lines = shown(make_report(findings=(finding,), verdict="breaks", suggestions=("keras==3.5.0",)))

    assert [line for line in lines if line.startswith("  loads")] == [
        "  loads here with safe_mode=False",
        "  loads in: keras==3.5.0",
    ]


def test_findings_of_one_kind_stand_where_the_first_of_them_does() -> None:
    kinds = ("EL108", "EL123", "EL108")
    found = tuple(make_finding(code=code, message=f"number {at}") for at, code in enumerate(kinds))

    lines = shown(make_report(findings=found, verdict="breaks"))

    assert [line for line in lines if "error" in line] == [
        "  error EL108: number 0",
        "  error EL108: number 2",
        "  error EL123: number 1",
    ]


def test_a_loader_that_is_not_that_of_keras_is_named_in_the_first_line() -> None:
    report = make_report(loader=WEIGHTS_LOADER, verdict="compatible")

    assert shown(report)[0].startswith("house.keras: compatible for load_weights in requirements.txt")


def test_what_no_list_tells_is_not_counted_among_the_unknown() -> None:
    unknown = {"cpu": UNSAID.reason, "python": "the list names no Python"}

    assert shown(make_report(unknown=unknown))[1:] == ["  unknown: python (1 fact; -v says why)"]
    assert shown(make_report(unknown={"cpu": UNSAID.reason}))[1:] == []
    assert shown(make_report(unknown=unknown), verbose=True)[1] == f"  unknown cpu: {UNSAID.reason}"


def test_a_finding_for_another_loader_is_not_told_as_one_for_this() -> None:
    finding = make_finding(loaders=(SAVED_MODEL_LOADER,))

    report = make_report(findings=(finding,), loaders={KERAS_LOADER: "same", SAVED_MODEL_LOADER: "breaks"})

    assert shown(report)[1:] == ["  by loader: keras.load_model same, tf.saved_model.load breaks"]


@pytest.mark.parametrize(
    ("code", "count", "line"),
    [
        ("EL311", 1, "  note EL311: 1 unrelated package differs"),
        ("EL311", 3, "  note EL311: 3 unrelated packages differ"),
        ("EL310", 1, "  note EL310: 1 package of the model's runtime differs"),
        ("EL310", 3, "  note EL310: 3 packages of the model's runtime differ"),
    ],
)
def test_packages_are_folded_into_a_count(code: str, count: int, line: str) -> None:
    assert shown(make_report(findings=(note(code),) * count))[1:] == [line]


def test_the_thirteenth_note_is_counted_and_not_told() -> None:
    report = make_report(findings=tuple(note("EL312", f"fact {index:02}") for index in range(14)))

    lines = shown(report)[1:]

    assert lines == [
        *(f"  note EL312: fact {index:02}" for index in range(12)),
        "  note: 2 more; -v shows them",
    ]


def test_a_verbose_report_tells_every_note() -> None:
    report = make_report(findings=tuple(note("EL312", f"fact {index:02}") for index in range(14)))

    assert shown(report, verbose=True)[1:] == [f"  note EL312: fact {index:02}" for index in range(14)]


@pytest.mark.parametrize(
    ("proof", "line"),
    [
        (
            Proof(rows=3, difference=0.0, tolerance=1e-5, bitwise=True),
            "  canary: 3 rows replayed, every number equal to the last bit",
        ),
        (
            Proof(rows=3, difference=1.234e-7, tolerance=1e-5, bitwise=False),
            "  canary: 3 rows replayed, difference 1.2e-07, accepted 1e-05",
        ),
        (
            Proof(rows=3, difference=float("inf"), tolerance=1e-3, bitwise=False),
            "  canary: 3 rows replayed, difference inf, accepted 1e-03",
        ),
    ],
)
def test_a_proof_is_told_with_its_numbers(proof: Proof, line: str) -> None:
    assert shown(make_report(proof=proof))[1:] == [line]


def test_a_model_without_a_lock_is_not_said_to_be_saved_with_anything() -> None:
    assert shown(make_report(saved_with="")) == ["house.keras: same in requirements.txt"]


def test_control_characters_are_shown_escaped() -> None:
    report = make_report(
        subject=HOSTILE,
        target=HOSTILE,
        saved_with=HOSTILE,
        verdict="breaks",
        findings=(make_finding(message=HOSTILE, remedy=HOSTILE, error=HOSTILE), note("EL312", HOSTILE)),
        unknown={HOSTILE: HOSTILE},
        suggestions=(HOSTILE,),
    )

    assert text.report(report, colour=False, verbose=True) == (
        f"{SHOWN}: breaks in {SHOWN} (saved with {SHOWN})\n"
        f"  error EL101: {SHOWN}\n"
        f"    says: {SHOWN}\n"
        f"    fix: {SHOWN}\n"
        f"  note EL312: {SHOWN}\n"
        f"  unknown {SHOWN}: {SHOWN}\n"
        f"  loads in: {SHOWN}\n"
        "next: envlock explain EL101"
    )


def test_a_report_in_one_sentence_tells_the_worst_and_how_many_more() -> None:
    assert text.concise(broken()) == (
        "house.keras: breaks in requirements.txt: [EL101] it cannot be read; read another (and 1 more)"
    )


def test_a_report_without_findings_in_one_sentence_is_its_verdict() -> None:
    assert text.concise(make_report()) == "house.keras: same in requirements.txt"


def test_control_characters_are_shown_escaped_in_one_sentence_too() -> None:
    report = make_report(subject=HOSTILE, verdict="breaks", findings=(make_finding(message=HOSTILE),))

    assert text.concise(report) == (f"{SHOWN}: breaks in requirements.txt: [EL101] {SHOWN}; read another")


def test_an_explanation_says_what_it_means_what_to_do_and_where_it_is_from() -> None:
    assert text.explanation(explain("EL102")) == (
        "EL102 (error): The `.keras` archive is unknown before Keras 2.12.\n"
        "\n"
        'Older releases take every file for HDF5: "file signature not found".\n'
        "\n"
        "What to do: load it with Keras 2.12 or newer, or save it as .h5 there.\n"
        "\n"
        "Source: https://github.com/keras-team/keras/issues/18830"
    )
