from __future__ import annotations

from typing import Any

import pytest
from judged import (
    make_artifact,
    make_comparison,
    make_content,
    make_custom_object,
    make_fingerprint,
    make_layer,
    make_packages,
    make_reading,
    say,
)

from envlock.facts import Unknown
from envlock.knowledge import Comparison


def seen_with(
    code: str | None = "present", locked: Any = None, current: Any = None, **facts: Any
) -> Comparison:
    """A model with one custom layer; `code` is how it was found, SciPy's versions on both sides."""
    item = make_custom_object(**facts)
    return make_comparison(
        locked=make_fingerprint(packages=make_packages(scipy=locked)),
        current=make_fingerprint(packages=make_packages(scipy=current)),
        custom_objects=(item,),
        code={item.name: code} if code else {},
    )


def test_missing_code_is_told_with_where_it_was() -> None:
    said = say("EL201", seen_with("missing"))

    assert said == [("shop>Gate", "layer Gate was in module shop.gates, which the target does not have")]


def test_code_that_is_there_is_not_missing() -> None:
    assert say("EL201", seen_with("present")) == []


def test_code_that_could_not_be_looked_for_is_not_called_missing() -> None:
    assert say("EL201", seen_with(None)) == []


def test_edited_code_is_told() -> None:
    said = say("EL202", seen_with("changed"))

    assert said == [
        (
            "shop>Gate",
            (
                "layer Gate of module shop.gates, or code of yours that it uses, "
                "was edited since the model was saved"
            ),
        )
    ]


def test_code_as_it_was_is_not_edited() -> None:
    assert say("EL202", seen_with("present")) == []


def test_a_package_that_the_code_imports_is_missing() -> None:
    said = say("EL203", seen_with("present", locked="1.14.0"))

    assert said == [("scipy", "scipy is not installed, and Gate needs it (it was 1.14.0)")]


def test_the_distribution_that_the_code_comes_from_is_missing() -> None:
    said = say("EL203", seen_with("present", current="1.14.0", distribution="gates"))

    assert said == [("gates", "gates is not installed, and Gate needs it")]


def test_a_package_that_the_code_imports_is_there() -> None:
    assert say("EL203", seen_with("present", locked="1.14.0", current="1.14.0")) == []


def test_the_imports_of_missing_code_do_not_matter() -> None:
    assert say("EL203", seen_with("missing", locked="1.14.0")) == []


def test_packages_that_could_not_be_listed_are_not_called_missing() -> None:
    seen = make_comparison(
        current=make_fingerprint(packages=Unknown("the list does not say")),
        custom_objects=(make_custom_object(),),
    )

    assert say("EL203", seen) == []


def test_a_package_that_the_code_imports_crossed_a_major_version() -> None:
    said = say("EL204", seen_with(locked="1.14.0", current="2.0.0"))

    assert said == [("scipy", "scipy was 1.14.0 when the model was saved, the target has 2.0.0")]


@pytest.mark.parametrize(("locked", "current"), [("1.14.0", None), (None, "1.14.0")])
def test_a_package_that_is_not_on_both_sides_crosses_nothing(locked: str | None, current: str | None) -> None:
    assert say("EL204", seen_with(locked=locked, current=current)) == []


def test_a_minor_version_promises_the_same_calls() -> None:
    assert say("EL204", seen_with(locked="1.14.0", current="1.15.0")) == []


def test_a_package_that_the_code_does_not_import_may_cross_a_major_version() -> None:
    assert say("EL204", seen_with(locked="1.14.0", current="2.0.0", imports=())) == []


def with_own(
    writer: str, reader: str, kind: str = "keras", *, registered: str = "Gate", **facts: Any
) -> Comparison:
    """A layer of the user's own that `writer` wrote, in front of another Keras."""
    own = make_layer("Gate", "shop.gates", name="gate") | {"registered_name": registered}
    return make_comparison(
        artifact=make_artifact(kind, writer),
        content=make_content(own),
        **{"custom_objects": (make_custom_object(imports=()),)} | make_reading(reader) | facts,
    )


def test_a_class_that_is_not_registered_is_no_longer_found_by_its_module() -> None:
    assert say("EL206", with_own("3.8.0", "3.9.2")) == [
        ("Gate", "Gate is the user's own, and Keras 3.9.2 does not find it by itself")
    ]


@pytest.mark.parametrize(
    "seen",
    [
        with_own("3.8.0", "3.8.0"),
        with_own("3.9.2", "3.15.1"),
        with_own("3.8.0", "3.9.2", registered="shop>Gate"),
        with_own("3.8.0", "2.15.0"),
        with_own("3.8.0", "3.3.3", kind="hdf5"),
    ],
)
def test_own_code_that_is_found_as_before_is_not_noted(seen: Comparison) -> None:
    assert say("EL206", seen) == []


def test_own_code_cannot_be_handed_over_for_an_h5_file() -> None:
    assert say("EL206", with_own("2.15.0", "3.2.1", kind="hdf5")) == [
        ("shop>Gate", "Keras 3.2.1 passes over custom_objects= where it reads .h5")
    ]


@pytest.mark.parametrize(("writer", "reader"), [("2.15.0", "3.5.0"), ("3.5.0", "2.15.0")])
def test_own_code_of_another_generation_is_noted(writer: str, reader: str) -> None:
    assert say("EL207", with_own(writer, reader)) == [
        ("shop>Gate", f"a file of Keras {writer} asks for Gate, which would run under Keras {reader}")
    ]


def test_own_code_of_the_same_generation_is_not_noted() -> None:
    assert say("EL207", with_own("3.3.3", "3.5.0")) == []


def test_own_code_of_another_generation_that_is_known_by_name_alone_is_noted() -> None:
    seen = with_own("2.15.0", "3.5.0", custom_objects=(), own_code="the model asks for Gate")

    assert say("EL207", seen) == [
        ("custom-objects", "a file of Keras 2.15.0 asks for own code, which would run under Keras 3.5.0")
    ]
