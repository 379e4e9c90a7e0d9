from __future__ import annotations

from typing import Any

import pytest
from judged import (
    functional_module,
    in_hdf5,
    make_artifact,
    make_comparison,
    make_content,
    make_dense,
    make_fingerprint,
    make_functional,
    make_input,
    make_keras,
    make_layer,
    make_reading,
    make_tensorflow,
    say,
)

from envlock.facts import KERAS_LOADER, SAVED_MODEL_LOADER, WEIGHTS_LOADER, Signature, Unknown
from envlock.knowledge import Comparison, judge
from envlock.knowledge.rule import release
from envlock.values import replace

SERVED = (Signature(name="serving_default", inputs=(), outputs=()),)


def written_by(writer: str, reader: str, *layers: dict[str, Any], module: str = "") -> Comparison:
    """An archive of a functional model that `writer` wrote, in front of that Keras."""
    content = make_functional(
        make_input(writer), *(layers or [make_dense(writer)]), writer=writer, module=module
    )
    tensorflow = "2.17.0" if release(reader) >= (3,) else reader
    return make_comparison(
        artifact=make_artifact(keras_version=writer), content=content, **make_reading(reader, tensorflow)
    )


def saved_model(keras: str | None = "2.15.0", **facts: Any) -> dict[str, Any]:
    """A SavedModel that `keras` wrote, or without one an export of TensorFlow's."""
    given: dict[str, Any] = {"signatures": SERVED}
    if keras is not None:
        given |= {"has_keras_metadata": True, "identifiers": {"root": "_tf_keras_sequential"}}
    content = make_content(make_input("2.15.0"), make_dense("2.15.0"), **given | facts)
    return {"artifact": make_artifact("saved-model", keras), "content": content}


def errors(seen: Comparison, loader: str = KERAS_LOADER) -> list[str]:
    """The codes of what keeps a loader from the model."""
    found = [item.code for item in judge(seen) if item.severity.name == "ERROR" and loader in item.loaders]
    return [code for code in found if code.startswith("EL1")]


@pytest.mark.parametrize("kind", ["keras", "hdf5"])
@pytest.mark.parametrize("provider", ["keras", "tf-keras"])
def test_keras_2_cannot_read_a_file_of_keras_3(kind: str, provider: str) -> None:
    content = make_functional(make_input(), make_dense())
    reader = make_reading(keras=make_keras("2.15.0", provider=provider), tensorflow="2.15.1")

    seen = make_comparison(
        artifact=make_artifact(kind), content=in_hdf5(content) if kind == "hdf5" else content, **reader
    )

    assert say("EL108", seen)[0] == (
        "InputLayer 'features'",
        f"InputLayer 'features' carries `batch_shape`, which {seen.reader_name} does not accept",
    )


def test_an_archive_of_keras_3_names_a_module_that_keras_2_does_not_have() -> None:
    module = "keras.src.models.functional, which Keras 2.15.0 does not have"
    assert say("EL106", written_by("3.5.0", "2.15.0")) == [
        ("Functional 'model'", f"Functional 'model' is written as of the module {module}")
    ]


def test_the_keras_that_wrote_an_unstated_file_is_that_of_the_lock() -> None:
    artifact = make_artifact(keras_version=Unknown("h5py is not installed"))

    assert make_comparison(artifact=artifact).writer == (3, 5, 0)


@pytest.mark.parametrize("keras", ["3", "3.5.0", "3.15.1"])
def test_a_file_of_keras_3_is_no_stranger_to_keras_3(keras: str) -> None:
    assert errors(written_by("3.5.0", keras)) == []


@pytest.mark.parametrize(("writer", "reader"), [("2.13.1", "2.14.0"), ("2.15.0", "2.15.0")])
def test_a_file_of_keras_2_is_no_stranger_to_keras_2(writer: str, reader: str) -> None:
    assert errors(written_by(writer, reader)) == []


def test_nothing_is_said_to_a_keras_that_is_not_known() -> None:
    reader = make_reading(keras=None, tensorflow=Unknown("the list does not say"))
    files = [
        {"artifact": make_artifact(), "content": make_content(make_input(), make_dense())},
        {"artifact": make_artifact("hdf5"), "content": make_content(make_input(), make_dense())},
        saved_model(),
    ]

    found = [finding for facts in files for finding in judge(make_comparison(**facts, **reader))]

    # What is not said is all that there is to say.
    assert [(item.code, item.message) for item in found if item.code.startswith("EL1")] == [
        ("EL116", "the target does not say which TensorFlow it has")
    ]


def test_an_archive_is_taken_for_hdf5_before_2_12() -> None:
    said = say("EL102", written_by("2.12.0", "2.11.0"))

    assert said == [("house.keras", "house.keras is a `.keras` archive, which Keras 2.11.0 does not read")]


def test_the_weights_of_an_archive_are_not_found_before_2_12_either() -> None:
    seen = written_by("2.12.0", "2.11.0")

    assert errors(seen, WEIGHTS_LOADER) == errors(seen) == ["EL102"]


def test_an_archive_is_known_from_2_12_on() -> None:
    assert errors(written_by("2.12.0", "2.12.0")) == []


def named(name: str, kind: str, reader: str, *, writer: str = "2.10.0") -> Comparison:
    """A file of this name and kind, in front of that Keras."""
    content = make_content(make_input(writer), make_dense(writer))
    return make_comparison(
        artifact=make_artifact(kind, writer, name=name),
        content=in_hdf5(content) if kind == "hdf5" else content,
        **make_reading(reader, "2.17.0" if release(reader) >= (3,) else reader),
    )


@pytest.mark.parametrize("reader", ["3.0.0", "3.5.0", "3.15.1"])
def test_keras_3_expects_an_archive_under_the_name_keras(reader: str) -> None:
    (found,) = [item for item in judge(named("house.keras", "hdf5", reader)) if item.code == "EL103"]

    assert found.message == f"house.keras holds HDF5 but does not end in .h5, which Keras {reader} expects"
    assert found.error.startswith("File not found: filepath=house.keras. Please ensure the file is an")
    assert found.loaders == (KERAS_LOADER, WEIGHTS_LOADER)


def test_keras_3_takes_an_archive_under_no_other_name() -> None:
    said = say("EL103", named("house.h5", "keras", "3.5.0", writer="3.5.0"))

    assert said == [
        ("house.h5", "house.h5 holds an archive but does not end in .keras, which Keras 3.5.0 expects")
    ]


@pytest.mark.parametrize("name", ["house.h5", "house.hdf5"])
def test_hdf5_has_two_endings_in_keras_3(name: str) -> None:
    assert say("EL103", named(name, "hdf5", "3.5.0")) == []


@pytest.mark.parametrize("name", ["house.keras", "house", "house.h5"])
def test_keras_2_reads_hdf5_under_any_name(name: str) -> None:
    assert errors(named(name, "hdf5", "2.15.0")) == []


def test_an_archive_may_be_called_keras_in_keras_3() -> None:
    assert say("EL103", make_comparison()) == []


def test_load_model_of_keras_3_refuses_a_saved_model() -> None:
    said = say("EL104", make_comparison(**saved_model()))

    assert said == [("house", "house is a SavedModel, which load_model of Keras 3.5.0 refuses")]


def test_load_model_of_keras_2_takes_a_saved_model() -> None:
    seen = make_comparison(**saved_model(), **make_reading("2.15.0", "2.15.1"))

    assert errors(seen) == []


def test_an_export_of_keras_3_has_no_predict_in_keras_2() -> None:
    said = say("EL105", make_comparison(**saved_model(None), **make_reading("2.15.0", "2.15.1")))

    assert said == [("house", "load_model of Keras 2.15.0 returns an object without predict")]


def test_a_saved_model_with_keras_metadata_is_a_model_to_keras_2() -> None:
    assert say("EL105", make_comparison(**saved_model(), **make_reading("2.15.0", "2.15.1"))) == []


def test_a_saved_model_whose_root_is_no_model_of_keras_has_no_predict() -> None:
    facts = saved_model(identifiers={"root": "_tf_keras_layer"})

    assert len(say("EL105", make_comparison(**facts, **make_reading("2.15.0", "2.15.1")))) == 1


@pytest.mark.parametrize(("writer", "told"), [("2.5.0", 0), ("2.6.0", 1), ("2.15.0", 1)])
def test_what_keras_describes_beside_the_graph_is_not_read_in_tensorflow_2_4(writer: str, told: int) -> None:
    said = say("EL105", make_comparison(**saved_model(writer), **make_reading("2.4.0", "2.4.4")))

    assert len(said) == told


@pytest.mark.parametrize("kind", ["keras", "hdf5"])
def test_a_file_is_no_exported_saved_model(kind: str) -> None:
    seen = make_comparison(artifact=make_artifact(kind), **make_reading("2.15.0", "2.15.1"))

    assert say("EL105", seen) == []


def test_an_export_is_not_said_to_lack_predict_in_keras_3() -> None:
    assert say("EL105", make_comparison(**saved_model(None))) == []


@pytest.mark.parametrize(
    "module",
    [
        "keras.engine.functional",
        "keras.src.engine.functional",
        "tf_keras.src.engine.functional",
        "tf_keras.layers",
    ],
)
def test_keras_3_does_not_have_the_private_modules_of_keras_2(module: str) -> None:
    (found,) = [item for item in judge(written_by("2.15.0", "3.5.0", module=module)) if item.code == "EL106"]

    assert found.subject == "Functional"
    assert found.message == f"Functional is recorded in {module}, which Keras 3.5.0 does not have"
    assert f"its parent module {module} cannot be imported" in found.error


def test_since_3_9_modules_of_tf_keras_are_not_even_asked_for() -> None:
    seen = written_by("2.15.0", "3.9.2", module="tf_keras.src.engine.functional")

    (found,) = [item for item in judge(seen) if item.code == "EL106"]

    assert found.error.startswith("TypeError: Could not locate class 'Functional'")


def test_keras_3_has_the_public_modules_of_keras_2() -> None:
    content = make_content(make_input("2.15.0"), make_dense("2.15.0"))

    assert errors(make_comparison(artifact=make_artifact(keras_version="2.15.0"), content=content)) == []


def test_hdf5_records_no_modules_that_keras_3_would_look_for() -> None:
    content = in_hdf5(make_functional(make_input("2.15.0"), make_dense("2.15.0"), writer="2.15.0"))

    assert errors(make_comparison(artifact=make_artifact("hdf5", "2.15.0"), content=content)) == []


@pytest.mark.parametrize(
    ("writer", "reader"), [("2.12.0", "2.15.0"), ("2.15.0", "2.14.0"), ("2.13.1", "2.15.0")]
)
def test_archives_changed_their_layout_in_2_15(writer: str, reader: str) -> None:
    said = say("EL107", written_by(writer, reader))

    sentence = f"and Keras {reader} looks for the weights of dense elsewhere in the archive"
    assert set(said) == {
        ("Functional 'model'", f"Functional 'model' was written by Keras {writer}, {sentence}")
    }


def test_the_weights_alone_are_not_found_in_another_layout_either() -> None:
    found = judge(written_by("2.14.0", "2.15.0"))

    assert {item.loaders for item in found if item.code == "EL107"} == {(KERAS_LOADER, WEIGHTS_LOADER)}


def test_a_class_that_occurs_twice_is_counted_differently_from_2_14_on() -> None:
    said = say(
        "EL107", written_by("2.13.1", "2.14.0", make_dense("2.13.1"), make_dense("2.13.1", name="two"))
    )

    sentence = "and Keras 2.14.0 looks for the weights of two elsewhere in the archive"
    assert set(said) == {
        ("Functional 'model'", f"Functional 'model' was written by Keras 2.13.1, {sentence}")
    }


def test_layers_without_weights_are_counted_alike() -> None:
    flat = [make_layer("Dropout", name=name, rate=0.5) for name in ("dropout", "dropout_1")]

    assert errors(written_by("2.13.1", "2.14.0", make_dense("2.13.1"), *flat)) == []


@pytest.mark.parametrize(
    ("module", "writer", "reader"),
    [
        ("keras.engine.functional", "2.12.0", "2.13.1"),
        ("keras.src.engine.functional", "2.13.1", "2.12.0"),
        ("tf_keras.src.engine.functional", "2.16.0", "2.15.0"),
    ],
)
def test_modules_moved_between_releases_of_keras_2(module: str, writer: str, reader: str) -> None:
    said = say("EL106", written_by(writer, reader, module=module))

    assert said == [
        (
            "Functional 'model'",
            f"Functional 'model' is written as of the module {module}, which Keras {reader} does not have",
        )
    ]


def test_archives_of_tf_keras_are_laid_out_as_those_of_2_15() -> None:
    writer = "2.15.0"
    content = make_functional(
        make_input(writer), make_dense(writer), make_dense(writer, name="two"), writer=writer
    )
    reader = make_reading(keras=make_keras("2.16.0", provider="tf-keras"), tensorflow="2.16.1")

    seen = make_comparison(artifact=make_artifact(keras_version=writer), content=content, **reader)

    assert errors(seen) == []


@pytest.mark.parametrize(
    ("kind", "writer", "reader"),
    [("hdf5", "2.12.0", "2.15.0"), ("keras", "2.12.0", "2.11.0"), ("keras", "2.12.0", "3.0.0")],
)
def test_layouts_are_those_of_archives_from_2_12_on(kind: str, writer: str, reader: str) -> None:
    content = make_content(make_input(writer), make_dense(writer))
    seen = make_comparison(
        artifact=make_artifact(kind, writer),
        content=in_hdf5(content) if kind == "hdf5" else content,
        **make_reading(reader, "2.15.1"),
    )

    assert say("EL107", seen) == []


@pytest.mark.parametrize("version", ["2.12.0", "2.13.1", "2.14.0", "2.15.0"])
def test_an_archive_of_keras_2_is_found_where_it_was_written(version: str) -> None:
    twice = (make_dense(version), make_dense(version, name="two"))

    assert errors(written_by(version, version, *twice, module=functional_module(version))) == []


OPERATIONS = [
    ("BatchMatMulV3", "2.5.0", "2.6"),
    ("AnonymousHashTable", "2.6.5", "2.7"),
    ("AnonymousMutableHashTable", "2.7.4", "2.8"),
    ("DisableCopyOnRead", "2.9.3", "2.10"),
]


def graph(*ops: str, **facts: Any) -> dict[str, Any]:
    """An export of a graph with these operations, which loading imports."""
    return saved_model(None, ops=dict.fromkeys(ops, 1), op_values={op: {} for op in ops}, **facts)


@pytest.mark.parametrize(("name", "older", "since"), OPERATIONS)
def test_an_older_tensorflow_lacks_an_operation(name: str, older: str, since: str) -> None:
    said = say("EL114", make_comparison(**graph("AddV2", name), **make_reading("2.8.0", older)))

    assert said == [(name, f"the graph uses {name}, which TensorFlow has since {since}, not in {older}")]


@pytest.mark.parametrize(("name", "since"), [(name, since) for name, _, since in OPERATIONS])
def test_the_tensorflow_that_first_registered_an_operation_has_it(name: str, since: str) -> None:
    assert say("EL114", make_comparison(**graph("AddV2", name), **make_reading("2.10.0", since))) == []


def test_nothing_is_said_of_operations_that_could_not_be_read() -> None:
    damaged = Unknown("the graph is damaged")
    facts = saved_model(None, ops=damaged, op_values=damaged, called=damaged)

    assert say("EL114", make_comparison(**facts, **make_reading("2.4.0", "2.4.4"))) == []


def test_keras_3_does_not_restore_optimizer_slots() -> None:
    (found,) = [
        item for item in judge(make_comparison(**saved_model(slots=("optimizer",)))) if item.code == "EL115"
    ]

    assert (found.subject, found.loaders) == ("optimizer", (SAVED_MODEL_LOADER,))
    assert found.message == (
        "the model holds an optimizer with slot variables, which Keras 3.5.0 cannot restore"
    )


@pytest.mark.parametrize("slots", [(), Unknown("the graph is damaged")])
def test_a_model_that_is_not_known_to_hold_slots_needs_none_restored(slots: object) -> None:
    assert say("EL115", make_comparison(**saved_model(None, slots=slots))) == []


def test_keras_2_restores_optimizer_slots() -> None:
    seen = make_comparison(**saved_model(slots=("optimizer",)), **make_reading("2.15.0", "2.15.1"))

    assert say("EL115", seen) == []


@pytest.mark.parametrize(
    ("facts", "code"), [({"missing": ("variables/variables.index",)}, "EL132"), ({"signatures": ()}, "EL134")]
)
def test_what_a_saved_model_lacks_is_a_finding(facts: dict[str, Any], code: str) -> None:
    assert code in [item.code for item in judge(make_comparison(**saved_model(**facts)))]


NOT_SAID = [
    ("keras", "the target does not say which Keras it has; files of a newer one often fail in an older one")
]


@pytest.mark.parametrize("tensorflow", ["2.16.2", "2.17.0", "2.21.0"])
def test_some_keras_3_cannot_be_judged_for_certain(tensorflow: str) -> None:
    unnamed = make_keras(Unknown("the list names a TensorFlow and no Keras"))
    seen = make_comparison(**make_reading(unnamed, tensorflow))

    assert (seen.reader, say("EL116", seen)) == ((3,), NOT_SAID)


def test_some_keras_3_is_judged_as_the_newest_one() -> None:
    layer = make_layer("Dense", name="dense", units=2, twist=1)
    unnamed = make_keras(Unknown("the list names a TensorFlow and no Keras"))

    seen = make_comparison(content=make_content(make_input(), layer), **make_reading(unnamed))

    assert errors(seen) == ["EL108"]
    assert say("EL133", seen) == []


def test_a_saved_model_does_not_depend_on_which_keras_3_there_is() -> None:
    reader = make_reading(keras=make_keras(Unknown("the list names a TensorFlow and no Keras")))

    assert say("EL116", make_comparison(**saved_model(), **reader)) == []


def test_an_unstated_keras_beside_tensorflow_2_15_is_the_one_that_it_pins() -> None:
    reader = make_reading(
        keras=make_keras(Unknown("the list does not say")), tensorflow=make_tensorflow("2.15.1")
    )

    seen = make_comparison(**reader)

    assert (seen.reader, say("EL116", seen)) == ((2, 15), [])


def test_a_stated_keras_3_can_be_judged() -> None:
    assert say("EL116", make_comparison()) == []


@pytest.mark.parametrize(
    ("keras", "judged_as"), [("3.99.0", "3.15.1"), ("3.5.9", "3.5.0"), ("2.13.9", "2.13.1")]
)
def test_a_release_in_no_table_is_judged_as_the_nearest_one(keras: str, judged_as: str) -> None:
    seen = make_comparison(**make_reading(keras, "2.13.1" if keras < "3" else "2.17.0"))

    assert say("EL133", seen) == [
        ("keras", f"Keras {keras} is not in envlock's tables; it is judged as {judged_as} is")
    ]


def test_a_release_in_no_table_has_the_problems_of_the_nearest_one() -> None:
    layer = make_layer("Dense", name="dense", units=2, twist=1)

    seen = make_comparison(content=make_content(make_input(), layer), **make_reading("3.99.0"))

    assert errors(seen) == ["EL108"]


@pytest.mark.parametrize("keras", ["3.5.0", "3.15.1", "2.15.0"])
def test_a_release_that_was_harvested_stands_for_itself(keras: str) -> None:
    tensorflow = "2.15.1" if keras < "3" else "2.17.0"

    assert say("EL133", make_comparison(**make_reading(keras, tensorflow))) == []


def test_a_tensorflow_in_no_table_is_told_of_a_saved_model() -> None:
    seen = make_comparison(**saved_model(), **make_reading("3.15.1", "2.99.0"))

    assert [subject for subject, _ in say("EL133", seen)] == ["tensorflow"]


def test_what_could_not_be_read_is_said_not_to_be_judged() -> None:
    content = make_content(config=Unknown("h5py is not installed"))

    said = say("EL122", make_comparison(artifact=make_artifact("hdf5"), content=content))

    assert said == [("house.h5", "its architecture was not judged: h5py is not installed")]


def test_a_python_that_is_not_said_is_to_be_named() -> None:
    layer = make_layer("Lambda", name="double", function_type="lambda")
    seen = make_comparison(
        content=make_content(make_input(), layer), current=make_fingerprint(python=Unknown("not said"))
    )

    assert [item.remedy for item in judge(seen) if (item.code, item.subject) == ("EL116", "python")] == [
        "name it (python==3.11), or run envlock verify there"
    ]


def test_load_model_finds_no_architecture_in_a_file_of_weights() -> None:
    artifact = replace(make_artifact("hdf5"), format="weights")

    (found,) = (item for item in judge(make_comparison(artifact=artifact)) if item.code != "EL103")

    assert (found.code, found.loaders) == ("EL137", (KERAS_LOADER,))
    assert found.error.startswith("ValueError: No model config found in the file at ")
