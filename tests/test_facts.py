from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest
from builders import cpu, custom_object, fingerprint, keras, lock, package

from envlock import facts
from envlock.facts import Fingerprint, Lock, Unknown, find_unknowns


def test_a_package_is_found_by_its_name() -> None:
    found = fingerprint(packages=(package("keras", "3.0"), package("numpy", "2.0"))).package("numpy")

    assert found == package("numpy", "2.0")


def test_a_package_that_is_not_installed_is_none() -> None:
    assert fingerprint(packages=(package("numpy"),)).package("keras") is None


def test_a_package_is_unknown_where_all_packages_are() -> None:
    unknown = Unknown("the image could not be read")

    assert fingerprint(packages=unknown).package("numpy") == unknown


def test_a_fact_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        package().version = "3"


def test_an_unknown_equals_another_only_with_the_same_reason() -> None:
    assert Unknown("a") == Unknown("a")
    assert Unknown("a") != Unknown("b")


def test_an_unknown_is_found_by_its_dotted_path() -> None:
    found = find_unknowns(
        fingerprint(
            cpu=Unknown("no /proc"),
            keras=keras(image_data_format=Unknown("no keras.json")),
            packages=(package("numpy"), package("six", Unknown("no version"))),
        )
    )

    assert found == {
        "cpu": "no /proc",
        "keras.image-data-format": "no keras.json",
        "packages.six.version": "no version",
    }


def test_an_unknown_deep_inside_a_lock_is_found() -> None:
    found = find_unknowns(
        lock(
            custom_objects=(custom_object("Gate", digest=Unknown("no file")),),
            fingerprint=fingerprint(cpu=cpu(features=Unknown("no flags"))),
        )
    )

    assert found == {"custom-objects.Gate.digest": "no file", "fingerprint.cpu.features": "no flags"}


def test_an_unknown_item_without_a_name_is_found_by_its_place() -> None:
    assert find_unknowns(("known", Unknown("lost")), "shapes") == {"shapes.1": "lost"}


def test_an_unknown_itself_is_found_at_the_path_that_was_given() -> None:
    assert find_unknowns(Unknown("lost"), "inputs") == {"inputs": "lost"}


def test_a_value_in_which_all_is_known_has_no_unknowns() -> None:
    assert find_unknowns(lock()) == {}


def test_no_field_of_the_lock_is_called_like_one_of_the_fingerprint() -> None:
    # On disk the fingerprint's facts stand directly beside the lock's.
    shared = {field.name for field in fields(Lock)} & {field.name for field in fields(Fingerprint)}

    assert shared == set()


def test_every_name_that_the_module_offers_is_there() -> None:
    assert [name for name in facts.__all__ if not hasattr(facts, name)] == []
