from __future__ import annotations

import pytest
from judged import (
    make_artifact,
    make_comparison,
    make_content,
    make_keras,
    make_layer,
    make_reading,
    make_tensorflow,
    say,
)

from envlock.facts import Unknown

DENSE = make_layer("Dense", name="dense")


@pytest.mark.parametrize(("kind", "name"), [("keras", "house.keras"), ("hdf5", "house.h5")])
def test_keras_2_cannot_read_a_file_of_keras_3(kind: str, name: str) -> None:
    seen = make_comparison(artifact=make_artifact(kind), **make_reading("2.15.0", "2.15.1"))

    said = say("EL101", seen)

    assert said == [(name, "a file of Keras 3.5.0, which Keras 2.15.0 cannot read")]


def test_tf_keras_cannot_read_a_file_of_keras_3_either() -> None:
    reader = make_reading(keras=make_keras("2.17.0", provider="tf-keras"))

    said = say("EL101", make_comparison(**reader))

    assert said == [("house.keras", "a file of Keras 3.5.0, which tf-keras 2.17.0 cannot read")]


def test_the_keras_that_wrote_an_unstated_file_is_that_of_the_lock() -> None:
    artifact = make_artifact(keras_version=Unknown("h5py is not installed"))

    said = say("EL101", make_comparison(artifact=artifact, **make_reading("2.15.0", "2.15.1")))

    assert said == [("house.keras", "a file of Keras 3.5.0, which Keras 2.15.0 cannot read")]


def test_the_first_release_of_keras_3_counts_as_keras_3() -> None:
    seen = make_comparison(artifact=make_artifact(keras_version="3"), **make_reading("2", "2.15.1"))

    assert say("EL101", seen) == [("house.keras", "a file of Keras 3, which Keras 2 cannot read")]


@pytest.mark.parametrize("keras", ["3", "3.0.0", "3.5.0", "3.15.1"])
def test_a_file_of_keras_3_is_no_stranger_to_keras_3(keras: str) -> None:
    assert say("EL101", make_comparison(**make_reading(keras))) == []


def test_a_file_of_keras_2_is_no_file_of_keras_3() -> None:
    artifact = make_artifact(keras_version="2.14.0")

    assert say("EL101", make_comparison(artifact=artifact, **make_reading("2.15.0", "2.15.1"))) == []


def test_nothing_is_said_to_a_keras_that_is_not_known() -> None:
    reader = make_reading(keras=None, tensorflow=Unknown("the list does not say"))
    artifacts = [make_artifact(kind) for kind in ("keras", "hdf5", "saved-model")]

    said = [
        say(f"EL1{number:02}", make_comparison(artifact=artifact, **reader))
        for artifact in artifacts
        for number in (1, 2, 3, 4, 5, 6, 7, 14, 15, 16)
    ]

    # What is not said is all that there is to say.
    assert said == [[]] * 29 + [[("tensorflow", "the target does not say which TensorFlow it has")]]


def test_a_saved_model_of_keras_3_is_not_refused_for_its_format() -> None:
    artifact = make_artifact("saved-model")

    assert say("EL101", make_comparison(artifact=artifact, **make_reading("2.15.0", "2.15.1"))) == []


def test_an_archive_is_taken_for_hdf5_before_2_12() -> None:
    artifact = make_artifact(keras_version="2.12.0")

    said = say("EL102", make_comparison(artifact=artifact, **make_reading("2.11.0", "2.11.0")))

    assert said == [("house.keras", "it is a .keras archive, which Keras 2.11.0 takes for HDF5")]


def test_an_archive_is_known_from_2_12_on() -> None:
    artifact = make_artifact(keras_version="2.12.0")

    assert say("EL102", make_comparison(artifact=artifact, **make_reading("2.12.0", "2.12.0"))) == []


def test_keras_3_expects_an_archive_under_the_name_keras() -> None:
    artifact = make_artifact("hdf5", "2.10.0", name="house.keras")

    said = say("EL103", make_comparison(artifact=artifact))

    assert said == [("house.keras", "it holds HDF5 but does not end in .h5, which Keras 3.5.0 expects")]


def test_keras_2_reads_hdf5_under_any_name() -> None:
    artifact = make_artifact("hdf5", "2.10.0", name="house.keras")

    assert say("EL103", make_comparison(artifact=artifact, **make_reading("2.15.0", "2.15.1"))) == []


def test_an_archive_may_be_called_keras_in_keras_3() -> None:
    assert say("EL103", make_comparison()) == []


def test_hdf5_may_be_called_h5_in_keras_3() -> None:
    assert say("EL103", make_comparison(artifact=make_artifact("hdf5", "2.10.0"))) == []


def test_load_model_of_keras_3_refuses_a_saved_model() -> None:
    said = say("EL104", make_comparison(artifact=make_artifact("saved-model", "2.15.0")))

    assert said == [("house", "it is a SavedModel, which load_model of Keras 3.5.0 refuses")]


def test_load_model_of_keras_2_takes_a_saved_model() -> None:
    artifact = make_artifact("saved-model", "2.15.0")

    assert say("EL104", make_comparison(artifact=artifact, **make_reading("2.15.0", "2.15.1"))) == []


def test_an_export_of_keras_3_has_no_predict_in_keras_2() -> None:
    artifact = make_artifact("saved-model", None)

    said = say("EL105", make_comparison(artifact=artifact, **make_reading("2.15.0", "2.15.1")))

    assert said == [("house", "load_model of Keras 2.15.0 returns an object without predict")]


def test_a_saved_model_with_keras_metadata_is_a_model_to_keras_2() -> None:
    reader = make_reading("2.15.0", "2.15.1")
    seen = make_comparison(
        locked=reader["current"],
        artifact=make_artifact("saved-model", "2.15.0"),
        content=make_content(DENSE, has_keras_metadata=True),
        **reader,
    )

    assert say("EL105", seen) == []


@pytest.mark.parametrize(("tensorflow", "told"), [("2.4.4", 0), ("2.5.0", 1)])
def test_tensorflow_before_2_5_revives_models_without_keras_metadata(tensorflow: str, told: int) -> None:
    artifact = make_artifact("saved-model", None)

    said = say("EL105", make_comparison(artifact=artifact, **make_reading("2.4.0", tensorflow)))

    assert len(said) == told


@pytest.mark.parametrize("kind", ["keras", "hdf5"])
def test_a_file_is_no_exported_saved_model(kind: str) -> None:
    seen = make_comparison(artifact=make_artifact(kind), **make_reading("2.15.0", "2.15.1"))

    assert say("EL105", seen) == []


def test_an_export_is_not_said_to_lack_predict_in_keras_3() -> None:
    assert say("EL105", make_comparison(artifact=make_artifact("saved-model", None))) == []


@pytest.mark.parametrize(
    "module",
    [
        "keras.engine.sequential",
        "keras.src.engine.functional",
        "tf_keras.src.engine.sequential",
        "tf_keras.layers",
    ],
)
def test_keras_3_does_not_have_the_private_modules_of_keras_2(module: str) -> None:
    seen = make_comparison(
        artifact=make_artifact(keras_version="2.15.0"), content=make_content(DENSE, module=module)
    )

    said = say("EL106", seen)

    assert said == [
        (
            "Sequential 'sequential'",
            f"Sequential 'sequential' is recorded in {module}, which Keras 3.5.0 does not have",
        )
    ]


def test_keras_3_has_the_public_modules_of_keras_2() -> None:
    seen = make_comparison(artifact=make_artifact(keras_version="2.15.0"), content=make_content(DENSE))

    assert say("EL106", seen) == []


def test_hdf5_records_no_modules_that_keras_3_would_look_for() -> None:
    content = make_content(DENSE, module="keras.src.engine.functional")

    assert say("EL106", make_comparison(artifact=make_artifact("hdf5", "2.15.0"), content=content)) == []


@pytest.mark.parametrize(
    ("writer", "reader"), [("2.12.0", "2.15.0"), ("2.15.0", "2.14.0"), ("2.13.1", "2.15.0")]
)
def test_archives_changed_their_layout_in_2_15(writer: str, reader: str) -> None:
    seen = make_comparison(artifact=make_artifact(keras_version=writer), **make_reading(reader, reader))

    said = say("EL107", seen)

    assert said == [
        (
            "house.keras",
            f"a file of Keras {writer} files its weights where Keras {reader} does not look for them",
        )
    ]


def test_a_class_that_occurs_twice_is_counted_differently_from_2_14_on() -> None:
    seen = make_comparison(
        artifact=make_artifact(keras_version="2.13.1"),
        content=make_content(DENSE, make_layer("Dense", name="dense_1")),
        **make_reading("2.14.0", "2.14.0"),
    )

    said = say("EL107", seen)

    assert said == [
        ("house.keras", "a file of Keras 2.13.1 files its weights where Keras 2.14.0 does not look for them")
    ]


def test_layers_without_weights_are_counted_alike() -> None:
    flat = [make_layer("Dropout", name="dropout"), make_layer("Dropout", name="dropout_1")]
    seen = make_comparison(
        artifact=make_artifact(keras_version="2.13.1"),
        content=make_content(DENSE, *flat),
        **make_reading("2.14.0", "2.14.0"),
    )

    assert say("EL107", seen) == []


@pytest.mark.parametrize(
    ("module", "writer", "reader"),
    [
        ("keras.engine.sequential", "2.12.0", "2.13.1"),
        ("keras.src.engine.sequential", "2.13.1", "2.12.0"),
        ("tf_keras.src.engine.sequential", "2.16.0", "2.15.0"),
    ],
)
def test_modules_moved_between_releases_of_keras_2(module: str, writer: str, reader: str) -> None:
    seen = make_comparison(
        artifact=make_artifact(keras_version=writer),
        content=make_content(DENSE, module=module),
        **make_reading(reader, reader),
    )

    said = say("EL107", seen)

    assert said == [
        (
            "Sequential 'sequential'",
            f"Sequential 'sequential' is recorded in {module}, which Keras {reader} does not have",
        )
    ]


def test_archives_of_tf_keras_are_laid_out_as_those_of_2_15() -> None:
    twice = make_content(DENSE, DENSE)

    seen = make_comparison(
        artifact=make_artifact(keras_version="2.15.0"), content=twice, **make_reading("2.16.0", "2.16.1")
    )

    assert say("EL107", seen) == []


@pytest.mark.parametrize(
    ("kind", "writer", "reader"),
    [
        ("hdf5", "2.12.0", "2.15.0"),
        ("keras", "3.0.0", "2.14.0"),
        ("keras", "2.12.0", "2.11.0"),
        ("keras", "2.12.0", "3.0.0"),
    ],
)
def test_layouts_are_those_of_archives_from_2_12_to_tf_keras(kind: str, writer: str, reader: str) -> None:
    artifact = make_artifact(kind, writer)

    assert say("EL107", make_comparison(artifact=artifact, **make_reading(reader, "2.15.1"))) == []


@pytest.mark.parametrize("version", ["2.12.0", "2.13.1", "2.14.0", "2.15.0"])
def test_an_archive_of_keras_2_is_found_where_it_was_written(version: str) -> None:
    module = "keras.engine.sequential" if version == "2.12.0" else "keras.src.engine.sequential"
    seen = make_comparison(
        artifact=make_artifact(keras_version=version),
        content=make_content(DENSE, DENSE, module=module),
        **make_reading(version, version),
    )

    assert say("EL107", seen) == []


OPERATIONS = [
    ("BatchMatMulV3", "2.5.0", "2.6"),
    ("AnonymousHashTable", "2.6.5", "2.7"),
    ("AnonymousMutableHashTable", "2.7.4", "2.8"),
    ("DisableCopyOnRead", "2.9.3", "2.10"),
]


@pytest.mark.parametrize(("name", "older", "since"), OPERATIONS)
def test_an_older_tensorflow_lacks_an_operation(name: str, older: str, since: str) -> None:
    seen = make_comparison(
        artifact=make_artifact("saved-model", None),
        content=make_content(ops=("AddV2", name)),
        **make_reading("2.8.0", older),
    )

    said = say("EL114", seen)

    assert said == [(name, f"the graph uses {name}, which TensorFlow has since {since}, not in {older}")]


@pytest.mark.parametrize(("name", "since"), [(name, since) for name, _, since in OPERATIONS])
def test_the_tensorflow_that_first_registered_an_operation_has_it(name: str, since: str) -> None:
    seen = make_comparison(
        artifact=make_artifact("saved-model", None),
        content=make_content(ops=("AddV2", name)),
        **make_reading("2.10.0", since),
    )

    assert say("EL114", seen) == []


def test_nothing_is_said_of_operations_that_could_not_be_read() -> None:
    content = make_content(ops=Unknown("the graph is damaged"))

    assert say("EL114", make_comparison(content=content, **make_reading("2.4.0", "2.4.4"))) == []


def test_keras_3_does_not_restore_optimizer_slots() -> None:
    content = make_content(slots=("optimizer",))

    said = say("EL115", make_comparison(artifact=make_artifact("saved-model", "2.15.0"), content=content))

    assert said == [
        (
            "optimizer",
            "the model holds an optimizer with slot variables, which Keras 3.5.0 cannot restore",
        )
    ]


@pytest.mark.parametrize("slots", [(), Unknown("the graph is damaged")])
def test_a_model_that_is_not_known_to_hold_slots_needs_none_restored(slots: object) -> None:
    seen = make_comparison(artifact=make_artifact("saved-model", None), content=make_content(slots=slots))

    assert say("EL115", seen) == []


def test_keras_2_restores_optimizer_slots() -> None:
    artifact, content = make_artifact("saved-model", "2.15.0"), make_content(slots=("optimizer",))

    seen = make_comparison(artifact=artifact, content=content, **make_reading("2.15.0", "2.15.1"))

    assert say("EL115", seen) == []


def test_some_keras_3_cannot_be_judged_for_certain() -> None:
    reader = make_reading(keras=make_keras(Unknown("the list names a TensorFlow and no Keras")))

    said = say("EL116", make_comparison(**reader))

    assert said == [
        (
            "keras",
            "the target does not say which Keras it has; files of a newer one often fail in an older one",
        )
    ]


def test_a_saved_model_does_not_depend_on_which_keras_3_there_is() -> None:
    reader = make_reading(keras=make_keras(Unknown("the list names a TensorFlow and no Keras")))

    assert say("EL116", make_comparison(artifact=make_artifact("saved-model"), **reader)) == []


def test_an_unstated_keras_beside_tensorflow_2_15_is_the_one_that_it_pins() -> None:
    reader = make_reading(
        keras=make_keras(Unknown("the list does not say")), tensorflow=make_tensorflow("2.15.1")
    )

    seen = make_comparison(**reader)

    assert (seen.reader, say("EL116", seen)) == ((2, 15), [])


def test_a_stated_keras_3_can_be_judged() -> None:
    assert say("EL116", make_comparison()) == []
