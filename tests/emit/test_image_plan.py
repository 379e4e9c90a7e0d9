from __future__ import annotations

import json

import pytest
from judged import DIGEST, PACKAGES, make_custom_object, make_fingerprint, make_keras, make_lock

from envlock.emit.image_plan import ImagePlan, plan
from envlock.errors import ImageError
from envlock.facts import SAVED_MODEL_LOADER, Lock, Package, Python, Unknown

ABOUT = """\
{
  "custom_objects": [],
  "inputs": [
    {
      "dtype": "float32",
      "name": "x"
    }
  ],
  "is_saved_model": false,
  "model": "house.keras"
}
"""
SETTINGS = """\
{
  "backend": "tensorflow",
  "epsilon": 1e-07,
  "floatx": "float32",
  "image_data_format": "channels_last"
}
"""


def made(lock: Lock) -> ImagePlan:
    return plan(lock, model="house.keras", lock_digest=DIGEST)


def refusal(lock: Lock, base: str | None = None) -> str:
    with pytest.raises(ImageError) as caught:
        plan(lock, model="house.keras", lock_digest=DIGEST, base=base)
    return str(caught.value)


def test_a_plan_holds_all_that_an_image_is_made_of() -> None:
    variables = {"TF_ENABLE_ONEDNN_OPTS": "0", "KERAS_BACKEND": "tensorflow", "OMP_NUM_THREADS": "4"}

    found = made(make_lock(fingerprint=make_fingerprint(variables=variables)))

    assert found == ImagePlan(
        base="python:3.11-slim",
        requirements=("absl-py==2.1.0", "keras==3.5.0", "numpy==1.26.4", "tensorflow-cpu==2.17.0"),
        variables=(("KERAS_BACKEND", "tensorflow"), ("TF_ENABLE_ONEDNN_OPTS", "0")),
        labels=(
            ("dev.envlock.lock.digest", f"sha256:{DIGEST}"),
            ("dev.envlock.model.format", "keras"),
            ("org.opencontainers.image.title", "a model and its locked environment"),
        ),
        files={"app/model.json": ABOUT, "app/keras/keras.json": SETTINGS},
    )


def test_the_same_lock_gives_the_same_plan() -> None:
    assert made(make_lock()) == made(make_lock())


def test_the_toml_reader_of_envlock_comes_along() -> None:
    tomli = Package(name="tomli", version="2.0.1", role="tool")

    found = made(make_lock(fingerprint=make_fingerprint(packages=(*PACKAGES, tomli))))

    assert found.requirements[-1] == "tomli==2.0.1"


def test_local_code_is_not_installed_from_an_index() -> None:
    project = Package(name="shop", version="1.0", role="project")

    found = made(make_lock(fingerprint=make_fingerprint(packages=(*PACKAGES, project))))

    assert found.requirements == made(make_lock()).requirements


def test_another_base_can_be_given() -> None:
    found = plan(
        make_lock(), model="house.keras", lock_digest=DIGEST, base="registry.example:5000/python@sha256:0123"
    )

    assert found.base == "registry.example:5000/python@sha256:0123"


@pytest.mark.parametrize(
    "base", ["python:3.11\nRUN touch /hostile", "-x", "a b", "$BASE", "a\n", '"a"', "Python"]
)
def test_a_base_that_is_no_image_reference_is_refused(base: str) -> None:
    assert refusal(make_lock(), base) == f"{base!r} is no image reference"


def test_a_hostile_python_is_refused() -> None:
    python = Python(version="3.11\nRUN touch /hostile", implementation="cpython")

    assert refusal(make_lock(fingerprint=make_fingerprint(python=python))) == (
        "'python:3.11\\nRUN touch /hostile-slim' is no image reference"
    )


def test_without_a_python_a_base_must_be_given() -> None:
    lock = make_lock(fingerprint=make_fingerprint(python=Unknown("the list names no Python")))

    assert refusal(lock) == (
        "the lock does not say which Python the model was saved with; give one: --base IMAGE"
    )


def test_a_given_base_stands_in_for_an_unknown_python() -> None:
    lock = make_lock(fingerprint=make_fingerprint(python=Unknown("the list names no Python")))

    assert (
        plan(lock, model="house.keras", lock_digest=DIGEST, base="python:3.12-slim").base
        == "python:3.12-slim"
    )


def test_without_packages_there_is_no_image() -> None:
    lock = make_lock(fingerprint=make_fingerprint(packages=Unknown("could not look")))

    assert refusal(lock) == "the lock lists no packages; save the model again through envlock"


def test_a_package_of_unknown_version_is_missing() -> None:
    broken = Package(name="shapely", version=Unknown("its METADATA names none"), role="runtime")

    said = refusal(make_lock(fingerprint=make_fingerprint(packages=(*PACKAGES, broken))))

    assert said == (
        "the image would not be complete: shapely: its version is unknown (its METADATA names none)"
    )


def test_code_of_the_program_itself_is_missing() -> None:
    objects = (make_custom_object(module="__main__", qualname="Door"), make_custom_object())

    said = refusal(make_lock(custom_objects=objects))

    assert said == (
        "the image would not be complete: "
        "Door: it was defined in the program itself; move it to a module and save again"
    )


def test_the_image_is_told_where_custom_code_is() -> None:
    found = made(make_lock(custom_objects=(make_custom_object(),)))

    assert json.loads(found.files["app/model.json"])["custom_objects"] == [
        ["shop>Gate", "shop.gates", "Gate"]
    ]


def test_the_image_is_told_that_a_saved_model_is_one() -> None:
    found = made(make_lock(loader=SAVED_MODEL_LOADER, inputs=Unknown("no signature")))

    assert json.loads(found.files["app/model.json"]) == {
        "custom_objects": [],
        "inputs": [],
        "is_saved_model": True,
        "model": "house.keras",
    }


def test_settings_of_keras_that_are_not_known_are_left_to_keras() -> None:
    keras = make_keras(backend="jax", floatx=Unknown("x"), image_data_format=Unknown("x"))

    found = made(make_lock(fingerprint=make_fingerprint(keras=keras)))

    assert json.loads(found.files["app/keras/keras.json"]) == {"backend": "jax", "epsilon": 1e-07}


def test_without_a_keras_there_are_no_settings_of_it() -> None:
    found = made(make_lock(fingerprint=make_fingerprint(keras=None)))

    assert json.loads(found.files["app/keras/keras.json"]) == {"epsilon": 1e-07}
