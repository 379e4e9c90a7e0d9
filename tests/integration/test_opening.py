"""Between a saved model and Keras: a copy, Keras' own state held still, a process that can do no harm."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from envlock import sandbox

pytestmark = [pytest.mark.tensorflow]

LAYERS = '''
import os
import keras


class Quiet(keras.layers.Layer):
    """Does what `DO` asks for when it is made."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        exec(os.environ.get("DO", ""))

    def call(self, inputs):
        return inputs * 2.0
'''

SAVE = """
import sys
import numpy as np
import envlock
from layers import Quiet, keras

inputs = keras.layers.Input((3,))
model = keras.Model(inputs, keras.layers.Dense(2)(Quiet()(inputs)))
envlock.save_model(model, sys.argv[1])
"""

LOAD = """
import json, os, stat, sys
from pathlib import Path
import keras
import envlock
import layers

seen = {}
original = keras.models.load_model

def load_model(path, *args, **kwargs):
    folder = Path(path).parent
    seen["path"], seen["mode"] = path, stat.S_IMODE(folder.stat().st_mode)
    seen["files"] = sorted(item.name for item in folder.iterdir())
    return original(path, *args, **kwargs)

keras.models.load_model = load_model
keras.utils.get_custom_objects()["house>Old"] = layers.Quiet
before = keras.backend.floatx(), keras.backend.epsilon()
os.environ["DO"] = sys.argv[2]
try:
    envlock.load_model(sys.argv[1])
except envlock.EnvlockError as error:
    seen |= {"error": type(error).__name__, "message": str(error)}
seen["same"] = before == (keras.backend.floatx(), keras.backend.epsilon())
seen["same"] &= keras.utils.get_custom_objects()["house>Old"] is layers.Quiet
seen["left"] = Path(seen["path"]).exists()
print("SAID " + json.dumps(seen))
"""

VERIFY = """
import json, os, sys
import envlock
os.environ["DO"] = sys.argv[2]
report = envlock.verify(sys.argv[1], isolated=sys.argv[3] == "isolated")
print("SAID " + json.dumps([report.verdict, [item.code for item in report.findings], report.gaps,
                            report.proof is not None and report.proof.bitwise]))
"""


@pytest.fixture(scope="module")
def model(environment: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = tmp_path_factory.mktemp("project")
    (project / "layers.py").write_text(LAYERS, encoding="utf-8")
    path = tmp_path_factory.mktemp("models") / "quiet.keras"
    environment.run("-c", SAVE, str(path), cwd=project, path=project)
    path.parent.joinpath("project").symlink_to(project)
    return path


def told(environment: Any, program: str, model: Path, *words: str) -> Any:
    project = (model.parent / "project").resolve()
    output = environment.run("-c", program, str(model), *words, cwd=project, path=project)
    return json.loads(output.rpartition("SAID ")[2])


def test_keras_loads_a_copy_that_only_this_user_can_change_and_that_is_gone_afterwards(environment, model):
    seen = told(environment, LOAD, model, "")

    assert seen["path"] != str(model)
    assert (seen["mode"], seen["files"], seen["left"]) == (0o700, ["quiet.keras"], False)
    assert "error" not in seen


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("keras.backend.set_floatx('float16')", "floatx"),
        ("keras.backend.set_epsilon(0.5)", "epsilon"),
        ("keras.utils.get_custom_objects()['house>Old'] = int", "registry"),
        ("keras.utils.get_custom_objects()['house>New'] = Quiet", None),
        ("(getattr(keras, 'config', None) or keras.mixed_precision)", None),
    ],
)
def test_a_load_that_changes_what_keras_keeps_is_refused_and_undone(environment, model, code, what):
    seen = told(environment, LOAD, model, code)

    assert seen["same"]
    assert seen.get("error") == (what and "UnsafeModelError")
    assert what is None or f"loading it changed the {what} of this process" in seen["message"]


def test_verify_loads_where_nothing_can_be_written(environment, model, tmp_path):
    if sandbox.missing():
        pytest.skip(sandbox.missing())
    marker = tmp_path / "marker"
    write = f"open({str(marker)!r}, 'w').close()"

    confined = told(environment, VERIFY, model, write, "isolated")
    assert not marker.exists()
    assert (confined[0], confined[1][-1:], confined[3]) == ("breaks", ["EL002"], False)

    honest = told(environment, VERIFY, model, "", "isolated")
    assert honest[0] == "same"
    assert honest[3]

    unconfined = told(environment, VERIFY, model, write, "here")
    assert marker.exists()
    assert unconfined[2] is None


FORGE = """
import json, os, sys
import envlock
os.environ["DO"] = sys.argv[2]
try:
    said = envlock.verify(sys.argv[1]).verdict
except envlock.EnvlockError as error:
    said = f"{type(error).__name__}: {error}"
print("SAID " + json.dumps(said))
"""


def test_what_code_of_a_model_writes_is_taken_for_no_report(environment, model):
    forged = json.dumps({"error": "forged", "hint": "", "kind": "UsageError"})

    said = told(environment, FORGE, model, f"os.write(1, {forged.encode()!r}); os._exit(0)")

    assert said.startswith("ToolError: the process that loads the model ended with 0 and without a report")


def test_verify_imports_nothing_of_the_folder_one_works_in(environment, model, tmp_path):
    (tmp_path / "models").mkdir()
    for name in ("quiet.keras", "quiet.keras.envlock.toml"):
        shutil.copy(model.with_name(name), tmp_path / "models" / name)
    shutil.copytree(model.with_name("quiet.keras.envlock"), tmp_path / "models" / "quiet.keras.envlock")
    (tmp_path / "layers.py").write_text(LAYERS, encoding="utf-8")
    words = ("verify", "models/quiet.keras", "--format", "json")

    refused = json.loads(environment.envlock(*words, cwd=tmp_path, path=None, expected=2))
    assert "module layers is not here" in refused["error"]
    assert refused["hint"].startswith("layers lies in the folder you work in, of which nothing is imported")

    proved = json.loads(environment.envlock(*words, cwd=tmp_path, path=Path()))
    assert proved["verdict"] == "same"


SEEDS = """
import sys
import keras
import envlock
from layers import Quiet

def drawn(save):
    keras.utils.set_random_seed(7)
    inputs = keras.layers.Input((3,))
    model = keras.Model(inputs, Drawing(4)(Quiet()(inputs)))
    if save:
        envlock.save_model(model, sys.argv[1])
    layer = keras.layers.Dense(2)
    layer.build((None, 3))
    return layer.get_weights()[0].tolist()

class Drawing(keras.layers.Layer):
    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.first = keras.layers.Dense(units)
        self.first.build((None, 3))

    def call(self, inputs):
        return self.first(inputs)

assert drawn(False) == drawn(True)
"""


def test_saving_does_not_change_what_is_drawn_next(environment, model, tmp_path):
    project = (model.parent / "project").resolve()

    environment.run("-c", SEEDS, str(tmp_path / "seeds.keras"), cwd=tmp_path, path=project)


WORDS = """
import sys
import numpy as np
import tensorflow as tf
import keras
import envlock

words = tf.keras.layers.TextVectorization(output_mode="int")
words.adapt(["one two", "three"])
inputs = tf.keras.layers.Input((1,), dtype="string")
envlock.save_model(tf.keras.Model(inputs, words(inputs)), sys.argv[1], canaries=0)
again = envlock.load_model(sys.argv[1])
again.save(sys.argv[1] + "-again")
before, after = (model(tf.constant([["two three"]])).numpy().tolist() for model in (
    again, tf.keras.models.load_model(sys.argv[1] + "-again")))
assert before == after, (before, after)
"""


def test_a_loaded_model_with_files_beside_it_can_be_saved_again(keras2, tmp_path):
    keras2.run("-c", WORDS, str(tmp_path / "words"), cwd=tmp_path)
