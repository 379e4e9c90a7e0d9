"""What a process that runs TensorFlow for real says of itself, and the locks that come of it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from envlock import lockfile
from envlock.facts import find_unknowns

pytestmark = [pytest.mark.tensorflow]

SETTINGS = """
import json
import tensorflow as tf
from envlock import capture, codec

tf.keras.utils.set_random_seed(7)
tf.config.experimental.enable_tensor_float_32_execution(False)
tf.config.experimental.enable_op_determinism()
tf.config.threading.set_intra_op_parallelism_threads(3)
tf.config.optimizer.set_jit("autoclustering")
found = capture.capture()
print("SAID", json.dumps(codec.encode(found)[0] | {"release": tf.version.VERSION,
      "git": tf.version.GIT_VERSION, "graphs": tf.version.GRAPH_DEF_VERSION}))
"""


def test_what_is_set_in_a_running_process_is_what_it_says(environment, tmp_path):
    said = json.loads(environment.run("-c", SETTINGS, cwd=tmp_path).rpartition("SAID ")[2])

    numerics = said["numerics"]
    assert {key: numerics[key] for key in ("tf32", "deterministic", "xla", "intra-op-threads")} == {
        "tf32": False,
        "deterministic": True,
        "xla": True,
        "intra-op-threads": 3,
    }
    assert (numerics["tensorflow-seed"], type(numerics["onednn"])) == (7, bool)
    assert any("blas" in library for library in numerics["libraries"])


def test_the_files_of_tensorflow_say_what_the_imported_one_says(environment, tmp_path):
    said = json.loads(environment.run("-c", SETTINGS, cwd=tmp_path).rpartition("SAID ")[2])

    found = said["tensorflow"]
    assert (found["version"], found["git-version"], found["graph-def-version"]) == (
        said["release"],
        said["git"],
        said["graphs"],
    )


TWICE = """
import sys
import envlock
sys.path.insert(0, "PROJECT")
import keras
from gates import Gate

model = keras.Sequential([keras.layers.Input((4,)), Gate(), keras.layers.Dense(2)])
for name in sys.argv[1:]:
    envlock.save_model(model, name)
"""


def _without_own_bytes(text: str) -> str:
    """A lock without what names the artifact's own bytes: name, sizes and digests of files."""
    return re.sub(r'^(name|path|size|sha256) = ("?[^"\n]*"?)$', r"\1", text, flags=re.MULTILINE)


def test_two_saves_in_one_environment_give_equal_locks(environment, tmp_path):
    program = TWICE.replace("PROJECT", str(Path(__file__).parent / "project"))
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        environment.run("-c", program, "a.keras", "b.keras", cwd=tmp_path / folder)

    locks = [
        (tmp_path / folder / f"{name}.keras.envlock.toml").read_text(encoding="utf-8")
        for folder in ("one", "two")
        for name in "ab"
    ]

    assert len({_without_own_bytes(text) for text in locks}) == 1


def test_a_lock_holds_every_fact_of_a_running_environment(environment, saved):
    lock = lockfile.read(lockfile.place(saved(environment, "house.keras")).lock)

    packages = {package.name: package for package in lock.fingerprint.packages}
    numpy = packages["numpy"]
    assert re.fullmatch(r"numpy-[\d.]+-cp\d+-cp\d+-[\w.]+\.whl", numpy.wheel)
    assert re.fullmatch(r"[0-9a-f]{64}", numpy.record)
    assert numpy.installer in {"pip", "uv"}
    assert set(find_unknowns(lock.fingerprint)) <= {"numerics.libraries"}


def test_a_model_is_locked_by_what_its_file_says_and_then_by_the_environment_that_runs(keras3, tmp_path):
    keras3.run(
        "-c",
        "import keras\n"
        "keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)]).save('house.keras')",
        cwd=tmp_path,
    )
    model = tmp_path / "house.keras"

    keras3.envlock("lock", str(model), cwd=tmp_path)
    stated = lockfile.read(lockfile.place(model).lock)
    differs = json.loads(keras3.envlock("diff", str(model), "--format", "json", cwd=tmp_path))
    lockfile.place(model).lock.unlink()
    shutil.rmtree(lockfile.place(model).attachments)
    keras3.envlock("lock", str(model), "--from-here", cwd=tmp_path)
    here = lockfile.read(lockfile.place(model).lock)
    same = json.loads(keras3.envlock("diff", str(model), "--format", "json", cwd=tmp_path))

    assert (stated.sources["keras"], here.sources["keras"], here.sources["inputs"]) == (
        "artifact",
        "live",
        "artifact",
    )
    assert stated.fingerprint.keras.version == here.fingerprint.keras.version
    assert (differs["verdict"], same["verdict"], same["changes"]) == ("compatible", "same", [])


def test_the_json_of_one_machine_is_what_a_diff_on_another_compares_with(keras3, keras2, saved, tmp_path):
    model = saved(keras3, "house.keras")
    for environment in (keras3, keras2):
        environment.envlock("show", "--format", "json", "-o", f"{environment.name}.json", cwd=tmp_path)

    compared = [
        json.loads(
            keras3.envlock(
                "diff", str(model), "--against", name, "--format", "json", "--fail-on", "never", cwd=tmp_path
            )
        )["verdict"]
        for name in ("keras3.json", "keras2.json")
    ]

    assert compared == ["same", "breaks"]


def test_what_the_program_was_committed_as_is_recorded(keras3, tmp_path):
    (tmp_path / "train.py").write_text(
        "import keras, envlock\n"
        "model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)])\n"
        "print(envlock.save_model(model, 'house.keras').fingerprint.git)\n",
        encoding="utf-8",
    )
    who = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "Train"]):
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True)
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout.strip()

    said = keras3.run("train.py", cwd=tmp_path)

    assert said.splitlines()[-1] == f"Git(commit='{commit}', is_dirty=False)"


def test_what_others_put_into_a_saved_model_stays_there_when_it_is_saved_again(keras3, tmp_path):
    program = (
        "import keras, envlock\n"
        "model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)])\n"
        "envlock.save_model(model, 'house')\n"
    )
    keras3.run("-c", program, cwd=tmp_path)
    (tmp_path / "house" / "assets.extra").mkdir()
    (tmp_path / "house" / "assets.extra" / "tf_serving_warmup_requests").write_bytes(b"warm")

    keras3.run("-c", program, cwd=tmp_path)

    assert (tmp_path / "house" / "assets.extra" / "tf_serving_warmup_requests").read_bytes() == b"warm"
    paths = [file.path for file in lockfile.read(tmp_path / "house" / "envlock.toml").artifact.files]
    assert "assets.extra/tf_serving_warmup_requests" in paths


def test_a_folder_that_another_program_wrote_beside_a_model_is_not_replaced(keras3, tmp_path):
    (tmp_path / "house.keras.envlock").mkdir()
    (tmp_path / "house.keras.envlock" / "mine.txt").write_text("mine", encoding="utf-8")

    keras3.run(
        "-c",
        "import keras, envlock\n"
        "model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)])\n"
        "envlock.save_model(model, 'house.keras')\n",
        cwd=tmp_path,
        expected=1,
    )

    assert (tmp_path / "house.keras.envlock" / "mine.txt").read_text("utf-8") == "mine"


def test_a_seed_of_any_kind_of_number_is_recorded(keras3, tmp_path):
    keras3.run(
        "-c",
        "import keras, envlock, numpy, tensorflow as tf\n"
        "tf.random.set_seed(numpy.int64(3))\n"
        "model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)])\n"
        "envlock.save_model(model, 'house.keras')\n",
        cwd=tmp_path,
    )

    lock = lockfile.read(tmp_path / "house.keras.envlock.toml")
    assert lock.fingerprint.numerics.tensorflow_seed == 3
