"""What the settings of a `.keras` archive say of what loading it would run, read or allocate."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from envlock.inspection import inspect

SAVED = Path(__file__).parent.parent / "examples" / "saved" / "digits.keras"
with zipfile.ZipFile(SAVED) as _opened:
    WEIGHTS = _opened.read("model.weights.h5")
METADATA = json.dumps({"keras_version": "3.15.1", "date_saved": "2026-01-01@00:00:00"})


def own(name, module="keras.layers", /, **config):
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


def function(name, module="builtins", registered="function"):
    return {"module": module, "class_name": "function", "config": name, "registered_name": registered}


def tensor(name="input", shape=(None, 4)):
    config = {"shape": list(shape), "dtype": "float32", "keras_history": [name, 0, 0]}
    return {"class_name": "__keras_tensor__", "config": config}


def layer(name, module="keras.layers", /, args=None, kwargs=None, **config):
    nodes = [] if args is None and kwargs is None else [{"args": args or [], "kwargs": kwargs or {}}]
    return own(name, module, **config) | {"name": config.get("name", "a"), "inbound_nodes": nodes}


def model(*layers, **more):
    first = layer("InputLayer", batch_shape=[None, 4], dtype="float32", sparse=False, name="input")
    config = {"name": "m", "trainable": True, "layers": [first, *layers]}
    ends = {"input_layers": [["input", 0, 0]], "output_layers": [["input", 0, 0]]}
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": config | ends,
        "registered_name": "Functional",
        **more,
    }


def archive(folder, config, **members):
    path = folder / "model.keras"
    text = config if isinstance(config, (str, bytes)) else json.dumps(config)
    held = {"metadata.json": METADATA, "config.json": text, "model.weights.h5": WEIGHTS} | members
    with zipfile.ZipFile(path, "w") as opened:
        for name, data in held.items():
            opened.writestr(name, data)
    return path


def seen(folder, *layers, **more):
    found = inspect(archive(folder, model(*layers, **more)))
    return found.verdict, {hazard.code for hazard in found.hazards}


def test_a_model_that_keras_saved_asks_for_its_custom_layer():
    found = inspect(SAVED)

    assert (found.verdict, [(name.name, name.module) for name in found.names]) == (
        "custom",
        [("digits>ChannelGate", "digit_layers")],
    )


@pytest.mark.parametrize(
    "held",
    [
        layer("Dense", units=8, activation="relu", args=[tensor()]),
        layer("Dense", units=8, activation=function("gelu"), args=[tensor()]),
        layer("Dense", units=8, kernel_initializer=own("Constant", "keras.initializers", value=0.5)),
        layer("Add", "keras.src.ops.numpy", args=[tensor(), 1e9]),
        layer("GetItem", "keras.src.ops.numpy", args=[tensor(), {"class_name": "__slice__", "config": {}}]),
        layer("Dropout", rate=0.5, seed=1 << 40),
        layer("StringLookup", vocabulary=["/etc/passwd", "../x", "http://a/b"]),
        layer("IntegerLookup", vocabulary=[1 << 40, 2], mask_token=None),
        layer("EinsumDense", equation="...x,xy->...y", output_shape=[None, 4]),
        layer("Dense", units=8, name="block/one"),
        layer("FeatureSpace", "keras.utils", name="space"),
    ],
)
def test_what_keras_writes_is_clean(tmp_path, held):
    assert seen(tmp_path, held) == ("clean", set())


@pytest.mark.parametrize(
    ("held", "asked"),
    [
        (own("Gate", "my_package.layers") | {"registered_name": "mine>Gate"}, "mine>Gate"),
        (own("Gate", "__main__") | {"registered_name": "Gate"}, "Gate"),
        (layer("Dense", units=2, activation=function("snake")), "snake"),
        (layer("Dense", units=2, activation=function("mine>snake")), "mine>snake"),
        (layer("Dense", units=2, activation=function("snake", "my_package.functions", "snake")), "snake"),
    ],
)
def test_what_the_user_wrote_is_asked_for(tmp_path, held, asked):
    found = inspect(archive(tmp_path, model(held)))

    assert (found.verdict, [name.name for name in found.names]) == ("custom", [asked])


@pytest.mark.parametrize(
    ("held", "code"),
    [
        (layer("Lambda", function={"class_name": "__lambda__", "config": {"code": "4wA="}}), "EL604"),
        (layer("Lambda", function=["4wA=", None, None], function_type="lambda"), "EL604"),
        (layer("Lambda", function=["4wA=", None, None]), "EL604"),
        (own("TimeDistributed", layer=own("Lambda", function=["4wA=", None, None])), "EL604"),
        (layer("TFSMLayer", filepath="/tmp/other"), "EL606"),
        (
            layer("TorchModuleWrapper", module={"class_name": "__bytes__", "config": {"value": "gA=="}}),
            "EL606",
        ),
        (layer("TFSMLayer", "my_package.layers"), "EL606"),
        (layer("KerasLayer", "tensorflow_hub.keras_layer", handle="https://x/y"), "EL606"),
        (layer("system", "os"), "EL607"),
        (layer("Popen", "subprocess"), "EL607"),
        (layer("eval", "builtins"), "EL607"),
        (layer("memmap", "numpy"), "EL607"),
        (layer("Layer", "os.path; import os"), "EL607"),
        (layer("ModelCheckpoint", "keras.callbacks", filepath="x"), "EL607"),
        (layer("Dense", "keras.src.saving.saving_lib"), "EL607"),
        (layer("WordPieceTokenizer", "keras_hub.tokenizers"), "EL607"),
        (layer("Thing", "tensorflow.python.ops.io_ops"), "EL607"),
        (layer("Dense", activation=function("system", "os", "system")), "EL607"),
        (layer("Dense", activation=function("eval")), "EL607"),
        (layer("Dense", activation=function("get_file", "keras.utils", "get_file")), "EL607"),
        (layer("Dense", activation=function("load_model", "keras.saving", "load_model")), "EL607"),
        (layer("Dense", activation=function("deserialize", "keras.activations", "deserialize")), "EL607"),
        (layer("Dense", activation=function("TFSMLayer", "keras.layers", "TFSMLayer")), "EL607"),
        (layer("Dense", activation=function("Dense")), "EL608"),
        (function("relu") | {"name": "a", "inbound_nodes": [{"args": [1], "kwargs": {}}]}, "EL608"),
        (function("set_floatx", "keras.config") | {"name": "a", "inbound_nodes": []}, "EL607"),
        (layer("Add", "keras.src.ops.numpy", args=[tensor(), function("relu")]), "EL608"),
        (layer("Add", "keras.src.ops.numpy", kwargs={"x": {"y": [function("relu")]}}), "EL608"),
        (layer("Map", "keras.src.ops.core", args=[function("relu"), tensor()]), "EL609"),
        (layer("Switch", "keras.src.ops.core", args=[0, [function("relu")]]), "EL609"),
        (layer("Cond", "keras.ops", args=[True, None, None]), "EL609"),
        (layer("TFOpLambda", "keras.src.layers.core.tf_op_layer", function="io.write_file"), "EL607"),
        (layer("StringLookup", vocabulary="words.txt"), "EL611"),
        (layer("StringLookup", vocabulary="/etc/passwd"), "EL611"),
        (layer("TextVectorization", vocabulary="https://example.org/words"), "EL611"),
        (layer("Dense", units=4, kernel_initializer="/etc/passwd"), "EL611"),
        (own("Lambda", "mine", function=["4wA=", None, None]) | {"registered_name": "mine>Lambda"}, "EL604"),
        (own("TFOpLambda", "mine", function="io.write_file") | {"registered_name": "mine>X"}, "EL609"),
        (own("Gate", "my_package", data_dir="/home/someone") | {"registered_name": "mine>Gate"}, "EL611"),
        (layer("Dense", units=3_000_000_000), "EL614"),
        (layer("Dense", units=3e9), "EL614"),
        (layer("Embedding", input_dim=1 << 15, output_dim=1 << 15), "EL614"),
        (layer("LSTM", units=60_000), "EL614"),
        (layer("InputLayer", batch_shape=[None, 1 << 20, 1 << 20]), "EL614"),
        (layer("Reshape", target_shape=[1 << 20, 1 << 20]), "EL614"),
        (layer("RepeatVector", n=1 << 40), "EL614"),
        (layer("ZeroPadding1D", padding=[1 << 20, 1 << 20]), "EL614"),
        (layer("CategoryEncoding", num_tokens=1 << 40), "EL614"),
        (layer("Dense", units=8) | {"build_config": {"input_shape": [None, 60_000_000_000]}}, "EL614"),
        (layer("Zeros", "keras.src.ops.numpy", args=[[1 << 20, 1 << 20]]), "EL614"),
        (layer("Dense", units=2, name=".."), "EL603"),
        (layer("Dense", units=2, name="a/../../b"), "EL603"),
        (layer("Dense", units=2, name="/etc"), "EL603"),
        (layer("Dense", units=2, name="a\\b"), "EL603"),
        (layer("Dense", units=2, name=""), "EL603"),
        (layer("Dense", units=2, name="a\nb"), "EL603"),
        ({"module": "keras.layers", "class_name": ["Dense"], "config": {}}, "EL601"),
    ],
)
def test_what_keras_does_not_write_is_a_hazard(tmp_path, held, code):
    verdict, codes = seen(tmp_path, held)

    assert code in codes
    assert verdict not in {"clean", "custom"}


@pytest.mark.parametrize(
    "more",
    [
        {"compile_config": {"optimizer": "adam", "loss": function("system", "os", "system")}},
        {"compile_config": {"metrics": [[{"deep": [function("eval")]}]]}},
        {"build_config": {"input_shape": function("eval")}},
        {"anything": {"class_name": "__lambda__", "config": {}}},
    ],
)
def test_no_part_of_the_settings_is_left_out(tmp_path, more):
    assert seen(tmp_path, **more)[0] == "code"


def test_an_object_without_settings_is_still_walked(tmp_path):
    hidden = {"class_name": "anything", "x": [function("eval")]}

    assert seen(tmp_path, layer("Add", "keras.src.ops.numpy", args=[hidden]))[0] == "code"


def test_a_vocabulary_among_the_assets_is_the_models_own(tmp_path):
    config = model(layer("StringLookup", vocabulary="vocabulary.txt"))

    found = inspect(archive(tmp_path, config, **{"assets/layers/string_lookup/vocabulary.txt": "a\nb\n"}))

    assert found.verdict == "clean"


@pytest.mark.parametrize(
    "text",
    [
        '{"class_name": "Functional", "class_name": "x", "config": {}}',
        '{"config": {"a": {"b": 1, "b": 2}}}',
        '{"a": ' * 200 + "1" + "}" * 200,
        "[1]",
        "{",
        '\ufeff{"class_name": "Functional"}',
        '{"class_name": "Functional"}'.encode("utf-16"),
        b'{"a": "\xff"}',
    ],
)
def test_settings_that_two_readers_read_differently_are_refused(tmp_path, text):
    assert inspect(archive(tmp_path, text)).verdict == "refuse"


@pytest.mark.parametrize(
    "members",
    [
        {"code.py": "import os"},
        {"assets/../../x": "x"},
        {"/etc/x": "x"},
        {"assets/a\\b": "x"},
        {"CONFIG.JSON": "{}"},
        {"model.weights.npz": b""},
    ],
)
def test_an_unknown_member_is_refused(tmp_path, members):
    assert inspect(archive(tmp_path, model(), **members)).verdict == "refuse"


def test_arrays_of_objects_in_the_weights_are_code(tmp_path):
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n"
    array = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\x80\x04."
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as opened:
        opened.writestr("a.npy", array)
    path = tmp_path / "model.keras"
    held = {
        "metadata.json": METADATA,
        "config.json": json.dumps(model()),
        "model.weights.npz": inner.getvalue(),
    }
    with zipfile.ZipFile(path, "w") as opened:
        for name, data in held.items():
            opened.writestr(name, data)

    found = inspect(path)

    assert (found.verdict, found.hazards[0].code) == ("code", "EL605")


def test_a_deflated_archive_is_read_as_a_stored_one(tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(SAVED) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))

    assert inspect(path) == inspect(SAVED)


def test_an_unpacked_archive_is_read_like_a_packed_one(tmp_path):
    with zipfile.ZipFile(SAVED) as opened:
        opened.extractall(tmp_path / "model.keras")

    before = inspect(tmp_path / "model.keras")
    (tmp_path / "model.keras" / "assets").mkdir(exist_ok=True)
    (tmp_path / "model.keras" / "assets" / "x").symlink_to("/etc/passwd")

    assert (before, inspect(tmp_path / "model.keras").verdict) == (inspect(SAVED), "refuse")


def test_what_the_compile_settings_alone_ask_for_is_told_apart(tmp_path):
    mine = {"module": "mine", "class_name": "Mine", "config": {"name": "mine"}, "registered_name": "Mine"}
    apart = {"module": "mine", "class_name": "function", "config": "apart", "registered_name": "apart"}

    def asked(loss):
        settings = {"loss": loss} if loss else None
        found = inspect(archive(tmp_path, model(mine, compile_config=settings)))
        return {item.name: (item.is_setting, item.is_class) for item in found.names}

    assert asked(None) == {"Mine": (False, True)}
    assert asked(apart) == {"Mine": (False, True), "apart": (True, False)}
    assert asked({**mine, "config": {}}) == {"Mine": (False, True)}
