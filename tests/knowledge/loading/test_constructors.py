"""What a class of the user's is made with, as a lock knows it, in both generations of Keras."""

from __future__ import annotations

from typing import Any

import pytest
from judged import make_artifact, make_comparison, make_content, make_custom_object, make_layer, make_reading

from envlock.facts import Constructor, Content, TensorSpec
from envlock.knowledge import releases
from envlock.knowledge.loading import keras2, keras3
from envlock.knowledge.rule import release

UNITS = Constructor(
    takes=("units",), needs=("units",), takes_any=False, takes_tensors=False, is_functional=False
)


def codes(
    content: Content,
    constructor: Constructor,
    *,
    reader: str,
    writer: str = "",
    kind: str = "keras",
    **facts: Any,
) -> list[tuple[str, str]]:
    own = make_custom_object(name="Gate", constructor=constructor)
    seen = make_comparison(
        artifact=make_artifact(kind, writer or reader),
        content=content,
        changes=(),
        custom_objects=(own,),
        **make_reading(reader),
        **facts,
    )
    api = releases.keras("keras", release(reader))
    assert api is not None
    walks = keras3 if reader.startswith("3") else keras2
    found = {"keras": walks.archive, "hdf5": walks.hdf5}[kind](seen, api)
    return [(problem.code, problem.message) for problem in found if "Gate" in problem.message]


def gate(**config: Any) -> Content:
    return make_content({"class_name": "Gate", "module": "shop", "registered_name": "Gate", "config": config})


def taking(*takes: str, needs: tuple[str, ...] = (), **flags: bool) -> Constructor:
    plain = {"takes_any": False, "takes_tensors": False, "is_functional": False}
    return Constructor(takes=takes, needs=needs, **plain | flags)


@pytest.mark.parametrize("reader", ["2.15.0", "3.11.3"])
@pytest.mark.parametrize(
    ("constructor", "config", "expected"),
    [
        (UNITS, {"units": 3}, []),
        (UNITS, {"units": 3, "name": "g", "trainable": True}, ["EL108"]),
        (UNITS, {}, ["EL124"]),
        (UNITS, {"rate": 1}, ["EL108", "EL124"]),
        (taking("units", takes_any=True), {"units": 3, "name": "g", "trainable": True}, []),
        (taking("units", needs=("units",), takes_any=True), {"name": "g", "trainable": True}, ["EL124"]),
    ],
)
def test_a_configuration_is_held_against_the_constructor(
    reader: str, constructor: Constructor, config: dict[str, Any], expected: list[str]
) -> None:
    assert [code for code, _ in codes(gate(**config), constructor, reader=reader)] == expected


def test_what_is_refused_is_named() -> None:
    assert codes(gate(rate=1, trainable=True), UNITS, reader="3.11.3") == [
        ("EL108", "Gate carries `rate` and `trainable`, which its constructor does not take"),
        ("EL124", "Gate does not carry `units`, without which Keras 3.11.3 cannot make one"),
    ]


def test_code_that_was_changed_or_cannot_be_had_is_not_gone_by() -> None:
    content = gate(rate=1)

    assert codes(content, UNITS, reader="3.11.3", code={"Gate": "changed"}) == []
    assert [code for code, _ in codes(content, UNITS, reader="3.11.3", is_code_missing=True)] == ["EL201"]


def test_keras_3_leaves_the_name_out_for_a_constructor_that_takes_all_the_same() -> None:
    stated = gate(trainable=True, dtype="float32", units=3)

    assert codes(stated, taking("units", takes_any=True), reader="3.15.1") == []
    assert [code for code, _ in codes(stated, UNITS, reader="3.15.1")] == ["EL108"]


@pytest.mark.parametrize(
    ("constructor", "expected"),
    [
        (taking(takes_any=True, takes_tensors=True, is_functional=True), []),
        (taking(takes_any=True, takes_tensors=True), ["EL108"]),
        (taking("units"), ["EL108"]),
    ],
)
@pytest.mark.parametrize("reader", ["2.15.0", "3.11.3"])
def test_a_model_is_put_together_of_its_layers_if_its_constructor_is_that_of_keras(
    reader: str, constructor: Constructor, expected: list[str]
) -> None:
    inside = make_layer("Dense", name="dense", units=3)
    config = {"name": "gate", "layers": [inside], "input_layers": [], "output_layers": []}
    content = Content(
        config={"class_name": "Gate", "module": "shop", "registered_name": "Gate", "config": config},
        compile_config=None,
    )

    found = codes(content, constructor, reader=reader)

    assert [code for code, told in found if "constructor" in told] == expected


@pytest.mark.parametrize(("makes", "expected"), [(True, []), (False, ["EL128"])])
def test_a_model_that_is_known_to_make_its_layers_needs_none_in_an_h5_of_keras_2(
    makes: bool, expected: list[str]
) -> None:
    held = (TensorSpec(name="model_weights/dense/dense/kernel:0", shape=(4, 2), dtype="float32"),)
    content = Content(
        config={"class_name": "Gate", "config": {"name": "gate", "trainable": True}},
        compile_config=None,
        weights=held,
    )
    constructor = taking("units", takes_any=True, takes_tensors=not makes)

    for reader in ("2.15.0", "3.11.3"):
        found = codes(content, constructor, reader=reader, writer="2.15.0", kind="hdf5")
        assert [code for code, _ in found] == expected


@pytest.mark.parametrize(("reader", "expected"), [("2.10.0", []), ("2.15.0", ["EL108"])])
def test_before_2_12_no_constructor_is_asked_what_it_takes_of_a_graph(
    reader: str, expected: list[str]
) -> None:
    config = {"name": "gate", "layers": [], "input_layers": [], "output_layers": []}
    content = Content(config={"class_name": "Gate", "config": config}, compile_config=None)

    found = codes(content, taking("threshold", takes_any=True), reader=reader, kind="hdf5")

    assert [code for code, _ in found] == expected


def test_a_base_class_of_the_users_may_take_layers() -> None:
    assert codes(gate(layers=[], rate=0.1), taking("rate", takes_any=True), reader="3.11.3") == []


@pytest.mark.parametrize(("registered", "expected"), [("shop>Gate", []), ("Gate", ["EL108", "EL124"])])
def test_of_two_classes_of_one_name_the_one_that_is_registered_so_is_asked(
    registered: str, expected: list[str]
) -> None:
    item = {"class_name": "Gate", "module": "shop", "registered_name": registered, "config": {"units": 3}}
    seen = make_comparison(
        artifact=make_artifact("keras", "3.11.3"),
        content=make_content(item),
        changes=(),
        custom_objects=(
            make_custom_object(name="Gate", constructor=taking("rate", needs=("rate",))),
            make_custom_object(name="shop>Gate", constructor=UNITS),
        ),
        **make_reading("3.11.3"),
    )
    api = releases.keras("keras", (3, 11, 3))
    assert api is not None

    found = keras3.archive(seen, api)

    assert [problem.code for problem in found if "Gate" in problem.message] == expected


def test_long_names_are_cut_short() -> None:
    (odd, lacking) = codes(gate(**{"k" * 5000: 1}), UNITS, reader="3.11.3")

    assert (odd[0], lacking[0]) == ("EL108", "EL124")
    assert "kkkk" in odd[1]
    assert len(odd[1]) < 1000
