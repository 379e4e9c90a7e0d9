from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from envlock import artifacts
from envlock.artifacts.config import Class, Custom, Inventory, inventory
from envlock.facts import Content, Unknown

SAMPLES = Path(__file__).parent / "samples"
BOTH = pytest.mark.parametrize("keras", ["2.15", "3.15"])


def _read(name: str) -> Inventory:
    found = inventory(artifacts.read(SAMPLES / name).content)
    assert isinstance(found, Inventory)
    return found


def _of(config: Any, **content: Any) -> Inventory:
    found = inventory(Content(config=config, **content))
    assert isinstance(found, Inventory)
    return found


def _function(name: str, kind: str | None, *asked_by: str, module: str | None = None) -> Custom:
    return Custom(name=name, kind=kind, module=module, is_function=True, asked_by=asked_by)


def _class(name: str, kind: str | None, *asked_by: str, module: str | None = None) -> Custom:
    return Custom(name=name, kind=kind, module=module, is_function=False, asked_by=asked_by)


SETTINGS = "the compile settings"


# Real ones


@BOTH
def test_the_users_parts_of_layers_are_found(keras: str) -> None:
    assert _read(f"keras-{keras}-parts.keras").custom == (
        _class("Cons", "constraint", "Cons"),
        _class("Init", "initializer", "Init"),
        _class("Regu", "regularizer", "Regu"),
        _function("act", "activation", "Dense 'dense_1'", "Activation 'activation'"),
        _function("acts>ract", "activation", "Dense 'dense_2'"),
    )


@BOTH
def test_recurrent_cells_are_found_in_their_layers(keras: str) -> None:
    assert _read(f"keras-{keras}-rnn.keras").custom == (
        _class("Cell", "cell", "Cell 'cell'"),
        _class("cells>RegCell", "cell", "RegCell 'reg_cell'"),
    )


@BOTH
def test_an_activation_is_found_in_a_model_inside_a_model(keras: str) -> None:
    found = _read(f"keras-{keras}-nested.keras")

    assert found.custom == (_function("act", "activation", "Dense 'dense_7'"),)
    assert {item.class_name: item.count for item in found.classes if item.class_name != "DTypePolicy"} == {
        "Add": 1,
        "Dense": 1,
        "Functional": 1,
        "GlorotUniform": 1,
        "InputLayer": 3,
        "Sequential": 1,
        "Zeros": 1,
    }


@pytest.mark.parametrize(
    ("keras", "custom", "optimizer", "losses"),
    [
        (
            "2.15",
            (_function("met", "metric", SETTINGS), _function("rloss", "loss", SETTINGS)),
            "adam",
            ("mse", "rloss"),
        ),
        (
            "3.15",
            (_function("losses>Pretty", "loss", SETTINGS), _function("met", "metric", SETTINGS)),
            "Adam",
            ("mse", "losses>Pretty"),
        ),
    ],
)
def test_losses_and_metrics_are_found_by_output(
    keras: str, custom: tuple[Custom, ...], optimizer: str, losses: tuple[str, ...]
) -> None:
    found = _read(f"keras-{keras}-dicts.keras")

    assert (found.custom, found.optimizer, found.losses, found.metrics) == (
        custom,
        optimizer,
        losses,
        ("mae", "met"),
    )


@pytest.mark.parametrize(
    ("keras", "loss", "optimizer"), [("2.15", "LossC", "Adam"), ("3.15", "LossC 'loss_c'", "opt2")]
)
def test_optimizers_and_losses_of_the_user_are_found(keras: str, loss: str, optimizer: str) -> None:
    found = _read(f"keras-{keras}-compiled-custom.keras")

    assert found.custom == (
        _class("LossC", "loss", loss),
        _function("met", "metric", SETTINGS),
        _class("opts>Opt2", "optimizer", f"Opt2 '{optimizer}'"),
    )
    assert (found.optimizer, found.losses, found.metrics) == ("Opt2", ("LossC",), ("accuracy", "met"))


@pytest.mark.parametrize(
    ("keras", "lambdas", "custom"),
    # Keras 2 writes a named function as bytecode too.
    [("2.15", 2, ()), ("3.15", 1, (_function("act", "function", "Lambda 'lambda'"),))],
)
def test_bytecode_is_counted(keras: str, lambdas: int, custom: tuple[Custom, ...]) -> None:
    found = _read(f"keras-{keras}-lambdas.keras")

    assert (found.lambdas, found.custom) == (lambdas, custom)


@pytest.mark.parametrize("name", ["keras-2.15-compiled.h5", "keras-3.15-compiled.h5"])
def test_a_file_with_bare_names_tells_them_apart_by_the_table(name: str) -> None:
    pytest.importorskip("h5py")
    found = _read(name)

    assert found.custom == (
        _class("HitRate", "metric", "HitRate 'hit_rate'"),
        _function("asym_loss", "loss", SETTINGS),
    )
    assert (found.optimizer, found.losses, found.metrics) == ("RMSprop", ("asym_loss",), ("HitRate",))


def test_the_layers_of_a_subclassed_model_are_counted_from_its_parts() -> None:
    found = _read("savedmodel-tensorflow-2.15-subclassed")

    assert found.custom == (
        _class("Sub", "model", "Sub"),
        _function("act", "activation", "Dense 'dense_9'"),
    )
    assert {item.class_name: item.count for item in found.classes} == {
        "Dense": 2,
        "GlorotUniform": 2,
        "Sub": 1,
        "Zeros": 2,
    }


def test_parts_that_the_configuration_holds_already_are_not_counted_twice() -> None:
    found = _read("savedmodel-tensorflow-2.4-keras-2.4")

    assert {item.class_name: item.count for item in found.classes} == {
        "Dense": 1,
        "Functional": 1,
        "Gate": 1,
        "GlorotUniform": 1,
        "InputLayer": 1,
        "Zeros": 1,
    }
    assert found.custom == (_class("Gate", "layer", "Gate 'gate'"),)


# Made ones


def _layer(class_name: str = "Dense", /, **config: Any) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": {"layers": [{"class_name": class_name, "config": config}]}}


def test_a_class_says_its_module_and_whether_it_is_keras_own() -> None:
    gate = {
        "module": "houses.gates",
        "class_name": "Gate",
        "config": {"bias": 1},
        "registered_name": "houses>Gate",
    }
    dense = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 1}, "registered_name": None}

    found = _of({"class_name": "Sequential", "config": {"layers": [gate, dense, dense]}})

    assert found == Inventory(
        classes=(
            Class(
                class_name="Dense",
                module="keras.layers",
                registered_name=None,
                kind="layer",
                count=2,
                is_own=True,
            ),
            Class(
                class_name="Gate",
                module="houses.gates",
                registered_name="houses>Gate",
                kind="layer",
                count=1,
                is_own=False,
            ),
            Class(
                class_name="Sequential", module=None, registered_name=None, kind="model", count=1, is_own=True
            ),
        ),
        dtype_policies=(),
        config_keys={"Dense": ("units",), "Gate": ("bias",), "Sequential": ("layers",)},
        custom=(_class("houses>Gate", "layer", "Gate", module="houses.gates"),),
        lambdas=0,
        optimizer=None,
        losses=(),
        metrics=(),
    )


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"class_name": "Dense", "module": "houses", "registered_name": "Dense"}, ["Dense"]),
        ({"class_name": "Dense", "module": None, "registered_name": "Dense"}, ["Dense"]),
        ({"class_name": "Dense", "module": None, "registered_name": None}, []),
        ({"class_name": "Orthogonal"}, ["Orthogonal"]),
        (
            {
                "class_name": "Functional",
                "module": "keras.src.engine.functional",
                "registered_name": "Functional",
            },
            [],
        ),
        (
            {"class_name": "Gemma", "module": "keras_hub.models", "registered_name": "keras_hub>Gemma"},
            ["keras_hub>Gemma"],
        ),
        ({"class_name": "Custom>Dense"}, ["Custom>Dense"]),
        ({"class_name": "Add", "module": "keras.src.ops.numpy", "registered_name": "Add"}, []),
    ],
)
def test_a_layer_is_the_users_by_what_stands_beside_it(item: dict[str, Any], expected: list[str]) -> None:
    found = _of({"class_name": "Sequential", "config": {"layers": [{**item, "config": {}}]}})

    assert [custom.name for custom in found.custom] == expected


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"activation": "relu"}, []),
        ({"activation": "wobble"}, [("wobble", "activation")]),
        ({"recurrent_activation": "wobble"}, [("wobble", "activation")]),
        ({"kernel_initializer": "sevens"}, [("sevens", "initializer")]),
        ({"bias_regularizer": "l3"}, [("l3", "regularizer")]),
        ({"kernel_constraint": "houses>Tight"}, [("houses>Tight", "constraint")]),
        (
            {"activation": {"class_name": "function", "config": "wobble", "module": "builtins"}},
            [("wobble", "activation")],
        ),
        ({"activation": {"class_name": "function", "config": "relu", "module": "builtins"}}, []),
        ({"activation": {"class_name": "function", "config": "odd", "module": "keras.activations"}}, []),
        ({"name": "wobble", "padding": "same", "data_format": "wobble"}, []),
        ({"activation": None, "kernel_initializer": 3}, []),
        ({"activation": "no name at all"}, []),
    ],
)
def test_only_what_is_looked_up_by_name_is_taken_for_a_function(
    config: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert [(item.name, item.kind) for item in _of(_layer(**config)).custom] == expected


def test_names_of_layers_and_tensors_are_no_functions() -> None:
    layer = {
        "class_name": "Dense",
        "name": "loss",
        "config": {"name": "metrics"},
        "inbound_nodes": [[["wobble", 0, 0, {"mask": "odd"}]]],
    }
    config = {"layers": [layer], "input_layers": [["wobble", 0, 0]], "output_layers": {"loss": ["odd", 0, 0]}}

    assert _of({"class_name": "Functional", "config": config}).custom == ()


def test_an_object_in_the_arguments_of_a_call_is_found() -> None:
    call = {
        "args": [{"class_name": "__keras_tensor__", "config": {"keras_history": ["x", 0, 0]}}],
        "kwargs": {
            "by": {"class_name": "Scale", "module": "houses", "config": {}, "registered_name": "Scale"}
        },
    }
    layer = {"class_name": "Dense", "config": {}, "inbound_nodes": [call]}

    found = _of({"class_name": "Functional", "config": {"layers": [layer]}})

    assert found.custom == (_class("Scale", None, "Scale", module="houses"),)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("mixed_float16", ("mixed_float16",)),
        ({"class_name": "Policy", "config": {"name": "mixed_bfloat16"}}, ("mixed_bfloat16",)),
        (
            {"class_name": "QuantizedDTypePolicy", "config": {"mode": "int8", "source_name": "float32"}},
            ("int8_from_float32",),
        ),
        (
            {
                "class_name": "DTypePolicyMap",
                "config": {
                    "default_policy": "float32",
                    "policy_map": {"a": {"class_name": "DTypePolicy", "config": {"name": "float16"}}},
                },
            },
            ("float16", "float32"),
        ),
    ],
)
def test_policies_are_named_however_they_are_written(dtype: object, expected: tuple[str, ...]) -> None:
    assert _of(_layer(dtype=dtype)).dtype_policies == expected


def test_the_type_of_an_input_is_no_policy() -> None:
    assert _of(_layer("InputLayer", dtype="string")).dtype_policies == ()


@pytest.mark.parametrize(
    ("config", "lambdas", "custom"),
    [
        ({"function": ["code", None, None], "function_type": "lambda"}, 1, ()),
        ({"function": {"class_name": "__tuple__", "items": ["code"]}, "function_type": "lambda"}, 1, ()),
        ({"function": {"class_name": "__lambda__", "config": {"code": "x"}}}, 1, ()),
        (
            {"function": "wobble", "function_type": "function", "module": "houses"},
            0,
            (_function("wobble", "function", "Lambda", module="houses"),),
        ),
        ({"function": "relu", "function_type": "function", "module": "keras.activations"}, 0, ()),
    ],
)
def test_a_lambda_layer_holds_bytecode_or_a_name(
    config: dict[str, Any], lambdas: int, custom: tuple[Custom, ...]
) -> None:
    found = _of(_layer("Lambda", **config))

    assert (found.lambdas, found.custom) == (lambdas, custom)


def test_the_operation_of_a_tensorflow_layer_is_no_function_of_the_user() -> None:
    assert _of(_layer("TFOpLambda", function="math.multiply")).custom == ()


def test_an_optimizer_that_keras_2_registered_is_its_own() -> None:
    settings = {"optimizer_config": {"class_name": "Custom>Adam", "config": {"learning_rate": 0.1}}}

    found = _of(None, compile_config=settings)

    assert (found.optimizer, found.custom) == ("Adam", ())


def test_compile_settings_of_a_model_inside_a_model_are_looked_at() -> None:
    inner = {"class_name": "Sequential", "config": {"layers": []}, "compile_config": {"loss": "wobble"}}

    found = _of({"class_name": "Sequential", "config": {"layers": [inner]}})

    assert (found.custom, found.losses) == ((_function("wobble", "loss", SETTINGS),), ())


@pytest.mark.parametrize("field", ["config", "compile_config", "parts"])
def test_what_could_not_be_read_has_no_inventory(field: str) -> None:
    unknown = Unknown("h5py is not installed")

    assert inventory(Content(**{field: unknown})) == unknown


def test_a_model_without_an_architecture_names_nothing() -> None:
    assert _of(None) == Inventory(
        classes=(),
        dtype_policies=(),
        config_keys={},
        custom=(),
        lambdas=0,
        optimizer=None,
        losses=(),
        metrics=(),
    )


def test_deep_nesting_is_walked() -> None:
    model: dict[str, Any] = {"class_name": "Gate", "config": {}}
    for _ in range(20_000):
        model = {"class_name": "Sequential", "config": {"layers": [model]}}

    assert [item.name for item in _of(model).custom] == ["Gate"]


@pytest.mark.parametrize(
    ("slot", "name", "kind"),
    [
        ("layers", "LeakyReLU", "layer"),
        ("activation", "LeakyReLU", "activation"),
        ("layers", "Add", "layer"),
        ("layers", "GetItem", "operation"),
        ("layers", "Gate", "layer"),
        ("cell", "GRUCell", "cell"),
        ("build", "Dense", None),
    ],
)
def test_a_class_is_of_the_kind_of_its_place(slot: str, name: str, kind: str | None) -> None:
    found = _of({"class_name": "Sequential", "config": {slot: {"class_name": name, "config": {}}}})

    assert [item.kind for item in found.classes if item.class_name == name] == [kind]


INPUT_2 = {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4]}}
INPUT_3 = {"class_name": "InputLayer", "config": {"batch_shape": [None, 4]}}
FUNCTION = {"class_name": "function", "module": "builtins", "config": "dice", "registered_name": "function"}
WRAPPED = [[{"class_name": "MeanMetricWrapper", "config": {"name": "f1", "fn": "f1_score"}}]]


@pytest.mark.parametrize(
    ("layer", "settings", "expected"),
    [
        # Keras 3 has a loss `dice` and a metric class `F1Score`; functions of users are often called so.
        (INPUT_2, {"loss": "dice"}, ["dice"]),
        (INPUT_2, {"loss": FUNCTION}, ["dice"]),
        (INPUT_2, {"metrics": WRAPPED}, ["f1_score"]),
        (INPUT_2, {"loss": "mse", "metrics": ["MAE", "accuracy"]}, []),
        (INPUT_3, {"loss": "dice", "metrics": ["f1_score", "auc"]}, []),
        (INPUT_3, {"metrics": [{**FUNCTION, "config": "f1_score"}]}, ["f1_score"]),
    ],
)
def test_a_name_is_keras_own_in_the_keras_that_wrote_it(
    layer: dict[str, Any], settings: dict[str, Any], expected: list[str]
) -> None:
    found = _of({"class_name": "Sequential", "config": {"layers": [layer]}}, compile_config=settings)

    assert [item.name for item in found.custom] == expected


@pytest.mark.parametrize(
    ("version", "config", "settings", "expected"),
    [
        ("2.15.0", {}, {}, ["dice"]),
        ("3.15.1", {}, {}, []),
        (None, {"keras_version": "2.4.0"}, {}, ["dice"]),
        (None, {"module": "keras.src.engine.training"}, {}, ["dice"]),
        (None, {"module": "keras.src.models.model"}, {}, []),
        (None, {}, {"optimizer_config": {}}, ["dice"]),
        (None, {}, {}, []),
    ],
)
def test_the_keras_that_wrote_it_is_told_or_found(
    version: str | None, config: dict[str, Any], settings: dict[str, Any], expected: list[str]
) -> None:
    content = Content(config={"class_name": "Model", **config}, compile_config={"loss": "dice", **settings})

    found = inventory(content, keras_version=version)

    assert isinstance(found, Inventory)
    assert [item.name for item in found.custom] == expected


def test_a_sequential_of_the_oldest_form_is_looked_into() -> None:
    layers = [{"class_name": "MyOwn", "config": {"name": "mine"}}, {"class_name": "Dense", "config": {}}]
    found = inventory(Content(config={"class_name": "Sequential", "config": layers}))

    assert not isinstance(found, Unknown)
    assert [item.name for item in found.custom] == ["MyOwn"]
