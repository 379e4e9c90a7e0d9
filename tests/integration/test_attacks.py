"""Locks and models made to have something run that nobody trusted; none of it does."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytestmark = [pytest.mark.tensorflow]

MAKE = """
import json, sys
import h5py, keras
import envlock
from pathlib import Path

L = keras.layers

def saved(path):
    inputs = L.Input((3,))
    keras.Model(inputs, L.Dense(2, name="out")(inputs)).save(path)

def with_first_layer(path, layer):
    with h5py.File(path, "r+") as file:
        model = json.loads(file.attrs["model_config"])
        layers = model["config"]["layers"]
        layers[1] = layer | {"name": "out", "inbound_nodes": layers[1]["inbound_nodes"]}
        file.attrs["model_config"] = json.dumps(model)
"""

FUNCTION = (
    MAKE
    + """
from envlock import lockfile
from envlock.facts import CustomObject
from envlock.values import replace

path, marker = sys.argv[1], sys.argv[2]
saved(path)
with_first_layer(path, {"class_name": "Evil", "config": {"src": marker, "dst": marker + ".moved"}})
lock = envlock.lock(path)
item = CustomObject(name="Evil", kind="function", module="tensorflow.python.lib.io.file_io",
                    qualname="rename_v2", digest="0" * 64, distribution="tensorflow-cpu",
                    modules=(), imports=())
Path(path + ".envlock.toml").write_text(lockfile.dumps(replace(lock, custom_objects=(item,))))
Path(marker).write_text("here")
import tensorflow
said = {}
try:
    envlock.load_model(path)
except Exception as error:
    said = {"error": type(error).__name__, "message": str(error)}
print("SAID " + json.dumps(said | {"moved": Path(marker + ".moved").exists()}))
"""
)

MODULE = (
    MAKE
    + """
path, marker, way = sys.argv[1:4]
Path("evilmod.py").write_text(f"open({marker!r}, 'w').close()\\nclass Foo: ...\\n")
sys.path.insert(0, ".")

class Foo(L.Layer):
    def call(self, inputs):
        return inputs

import zipfile
inputs = L.Input((3,))
keras.Model(inputs, Foo(name="out")(inputs)).save(path + ".plain.keras")
with zipfile.ZipFile(path + ".plain.keras") as old, zipfile.ZipFile(path, "w") as new:
    for name in old.namelist():
        data = old.read(name)
        if name == "config.json":
            model = json.loads(data)
            layer = next(item for item in model["config"]["layers"] if item["class_name"] == "Foo")
            layer |= {"module": "evilmod", "registered_name": "zzz>Foo"}
            data = json.dumps(model)
        new.writestr(name, data)
said = {}
try:
    envlock.load_model(path, custom_objects={"Foo": Foo} if way == "given" else None, compile=False)
except Exception as error:
    said = {"error": type(error).__name__}
print("SAID " + json.dumps(said | {"ran": Path(marker).exists()}))
"""
)


def told(environment: Any, program: str, *words: str, cwd: Any) -> Any:
    output = environment.run("-c", program, *words, cwd=cwd, path=None)
    return json.loads(output.rpartition("SAID ")[2])


def test_a_lock_cannot_have_a_function_called_with_what_the_file_says(environment, tmp_path):
    said = told(environment, FUNCTION, str(tmp_path / "m.h5"), str(tmp_path / "marker"), cwd=tmp_path)

    assert (said["moved"], said["error"]) == (False, "CustomObjectError")


@pytest.mark.parametrize("way", ["given", "bare"])
def test_keras_does_not_import_a_module_that_the_file_names(environment, tmp_path, way):
    said = told(environment, MODULE, str(tmp_path / "m.keras"), str(tmp_path / "marker"), way, cwd=tmp_path)

    assert not said["ran"]
    assert said.get("error") == (None if way == "given" else "CustomObjectError")
