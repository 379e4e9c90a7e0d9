from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from envlock import lockfile

pytestmark = [pytest.mark.tensorflow]

ROOT = Path(__file__).parent.parent.parent
FORMATS = ["house.keras", "house.h5", "house"]


def copied(model: Path, folder: Path) -> Path:
    where = lockfile.place(model)
    for path in (model, where.lock, where.attachments, Path(f"{model}.numbers.npz")):
        if path.is_dir():
            shutil.copytree(path, folder / path.name, dirs_exist_ok=True)
        elif path.parent == model.parent:
            shutil.copy(path, folder / path.name)
    return folder / model.name


@pytest.mark.parametrize("name", ["house.keras", "house.h5"])
def test_a_file_loads_elsewhere_with_its_custom_code_and_the_same_numbers(environment, saved, name, tmp_path):
    model = saved(environment, name)

    said = environment.load(model, cwd=tmp_path, verify=True)

    assert said == {"warnings": [], "predicts": True, "equal": True, "difference": 0.0}


def test_a_saved_model_of_keras_2_loads_elsewhere_with_the_same_numbers(keras2, saved, tmp_path):
    model = saved(keras2, "house")

    said = keras2.load(model, cwd=tmp_path, verify=True)

    assert said == {"warnings": [], "predicts": True, "equal": True, "difference": 0.0}


def test_a_saved_model_of_keras_3_serves_and_load_model_says_why_it_does_not_load(keras3, saved, tmp_path):
    model = saved(keras3, "house")

    refused = keras3.load(model, cwd=tmp_path)
    served = keras3.load(model, "graph", cwd=tmp_path)

    assert refused["error"] == "ValueError"
    assert refused["message"].startswith("File format not supported")
    assert "error EL104" in refused["notes"][0]
    assert len(refused["warnings"]) == 1
    assert served["warnings"] == []
    assert served["difference"] < 1e-6


@pytest.mark.parametrize("name", FORMATS)
def test_in_the_same_environment_nothing_differs_and_the_canaries_repeat(environment, saved, name, tmp_path):
    model = saved(environment, name)

    differs = json.loads(environment.envlock("diff", str(model), "--format", "json", cwd=tmp_path))
    proved = json.loads(environment.envlock("verify", str(model), "--format", "json", cwd=tmp_path))

    assert (differs["verdict"], differs["changes"]) == ("same", [])
    assert proved["verdict"] == "same"
    assert proved["proof"]["difference"] <= 1e-6


@pytest.mark.parametrize(
    ("way", "name"),
    [("save", "house.keras"), ("function", "house.h5"), ("export", "house"), ("graph", "house")],
)
def test_after_install_their_own_calls_lock_what_they_save(environment, tmp_path, way, name):
    model = environment.save(tmp_path / name, way)

    lock = lockfile.read(lockfile.place(model).lock)
    loaded = environment.load(model, "keras" if name != "house" else "graph", cwd=tmp_path)

    assert "error" not in loaded
    assert {"Shift", "project>Gate"} <= {item.name for item in lock.custom_objects} or name == "house"
    assert loaded["difference"] < 1e-6
    assert loaded["warnings"] == []


def test_after_install_a_tampered_file_is_refused_by_their_own_calls(environment, saved, tmp_path):
    model = copied(saved(environment, "house.keras"), tmp_path)
    data = bytearray(model.read_bytes())
    data[len(data) // 2] ^= 1
    model.write_bytes(data)

    said = environment.load(model, "keras", cwd=tmp_path)

    assert said["error"] == "IntegrityError"
    assert "house.keras has another sha256 than was locked" in said["message"]


@pytest.mark.parametrize("name", FORMATS)
def test_a_half_copied_model_is_refused_naming_the_file(environment, saved, name, tmp_path):
    model = copied(saved(environment, name), tmp_path)
    file = model if model.is_file() else model / "variables" / "variables.data-00000-of-00001"
    file.write_bytes(file.read_bytes()[:-100])

    said = environment.load(model, cwd=tmp_path)

    assert said["error"] == "IntegrityError"
    assert f"{file.name} has {file.stat().st_size} bytes" in said["message"]


def test_code_that_is_not_here_is_named_and_comes_back_when_it_is_trusted(environment, saved, tmp_path):
    model = saved(environment, "house.keras")

    without = environment.load(model, cwd=tmp_path, found=None)
    trusted = environment.load(model, cwd=tmp_path, found=None, trust="captured")

    assert "error" in without
    assert "[EL201] class Shift was in module gates, which the target does not have" in without["warnings"][0]
    assert trusted == {"warnings": [], "predicts": True, "equal": True, "difference": 0.0}


def test_code_that_was_edited_is_said_and_a_comment_is_not(environment, saved, tmp_path):
    model = saved(environment, "house.keras")
    project = Path(__file__).parent / "project"
    for name, old, new in [
        ("edited", "inputs + self.by", "inputs - self.by"),
        ("commented", "return inputs + self.by", "return inputs + self.by  # shifted"),
    ]:
        shutil.copytree(project, tmp_path / name)
        module = tmp_path / name / "gates.py"
        module.write_text(module.read_text().replace(old, new))

    edited = environment.load(model, cwd=tmp_path, found=tmp_path / "edited")
    commented = environment.load(model, cwd=tmp_path, found=tmp_path / "commented")
    stopped = environment.load(model, cwd=tmp_path, found=tmp_path / "edited", on_mismatch="raise")

    assert (
        "[EL202] class Shift of module gates, or code of yours that it uses, was edited"
        in edited["warnings"][0]
    )
    assert edited["equal"] is False
    assert commented == {"warnings": [], "predicts": True, "equal": True, "difference": 0.0}
    assert stopped["error"] == "MismatchError"


@pytest.mark.parametrize("name", FORMATS)
def test_across_keras_generations_what_is_said_is_what_happens(keras2, keras3, saved, name, tmp_path):
    for saver, loader in ((keras2, keras3), (keras3, keras2)):
        folder = tmp_path / saver.name
        folder.mkdir()
        model = copied(saved(saver, name), folder)
        other = saved(loader, "house.keras")
        said = json.loads(
            saver.envlock(
                "diff",
                str(model),
                "--against",
                str(other),
                "--format",
                "json",
                "--fail-on",
                "never",
                cwd=tmp_path,
            )
        )

        happened = loader.load(model, cwd=tmp_path)
        served = loader.load(model, "graph", cwd=tmp_path) if model.is_dir() else None

        works = "error" not in happened and happened["predicts"]
        assert (said["loaders"]["keras.load_model"] == "breaks") == (not works)
        if works:
            assert happened["difference"] < 1e-6
        if served:
            assert said["loaders"]["tf.saved_model.load"] in {"compatible", "drifts"}
            assert served["difference"] < 1e-6


def test_two_saves_of_one_model_give_the_same_lock_but_for_the_bytes_of_the_model(keras3, tmp_path):
    locks = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        model = keras3.save(tmp_path / folder / "house.h5")
        locks.append((lockfile.place(model).lock.read_text(), model.read_bytes()))

    (first, first_bytes), (second, second_bytes) = locks

    assert first_bytes == second_bytes
    assert first == second


def test_a_function_in_an_h5_file_of_keras_2_breaks_as_said(keras2, tmp_path):
    model = keras2.save(tmp_path / "house.h5", "envlock", "with wave")

    said = keras2.envlock("diff", str(model), cwd=tmp_path, expected=1)
    happened = keras2.load(model, cwd=tmp_path)

    assert re.search(r"EL121: Dense 'hidden' .*wave.* Keras 2.15.0", said)
    assert happened["error"] == "TypeError"


def test_a_save_that_keras_refuses_leaves_the_model_before_as_it_was(keras3, saved, tmp_path):
    model = copied(saved(keras3, "house.keras"), tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    program = (
        "import keras, envlock, sys\n"
        "model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])\n"
        "model.get_config = lambda: 1 / 0\n"
        f"envlock.save_model(model, {str(model)!r})\n"
    )

    keras3.run("-c", program, cwd=tmp_path, expected=1)

    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_folder_that_holds_something_else_is_not_replaced(keras3, tmp_path):
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "notes.txt").write_text("mine")
    program = (
        "import keras, envlock, warnings\n"
        "model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])\n"
        "try:\n"
        "    envlock.save_model(model, 'project')\n"
        "except envlock.EnvlockError as error:\n"
        "    print('REFUSED', error)\n"
        "envlock.install()\n"
        "model.export('project')\n"
        "model.save('one.keras', True)\n"
        "model.save('one.keras', overwrite=True)\n"
    )

    said = keras3.run("-c", program, cwd=tmp_path)

    assert "REFUSED project is a folder that holds something else" in said
    assert (tmp_path / "project" / "notes.txt").read_text() == "mine"
    assert (tmp_path / "project" / "saved_model.pb").exists()
    assert not (tmp_path / "project" / "envlock.toml").exists()
    assert (tmp_path / "one.keras.envlock.toml").exists()


def test_what_is_set_and_registered_in_the_process_counts(keras3, tmp_path):
    program = (
        "import keras, envlock, warnings\n"
        "warnings.simplefilter('error', envlock.MismatchWarning)\n"
        "keras.config.set_floatx('float64')\n"
        "@keras.saving.register_keras_serializable('notebook')\n"
        "class Double(keras.layers.Layer):\n"
        "    def call(self, x): return x * 2\n"
        "model = keras.Sequential([keras.layers.Input((2,)), Double(), keras.layers.Dense(1)])\n"
        "envlock.save_model(model, 'house.keras')\n"
        "loaded = envlock.load_model('house.keras', on_mismatch='raise', verify=True)\n"
        "print('LOADED', loaded.count_params())\n"
    )

    said = keras3.run("-c", program, cwd=tmp_path)

    assert "LOADED 3" in said


def test_without_a_canary_nothing_counts_as_verified(keras3, tmp_path):
    program = (
        "import keras, envlock\n"
        "model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])\n"
        "envlock.save_model(model, 'house.keras', canaries=0)\n"
        "print('UNKNOWN', envlock.verify('house.keras').unknown)\n"
        "try:\n"
        "    envlock.load_model('house.keras', verify=True)\n"
        "except envlock.EnvlockError as error:\n"
        "    print('REFUSED', error)\n"
    )

    said = keras3.run("-c", program, cwd=tmp_path)

    assert "'canary': 'the lock holds no inputs to replay'" in said
    assert "REFUSED house.keras cannot be verified: the lock holds no inputs to replay" in said


def test_edited_code_is_said_where_it_is_imported_and_registered_already(keras3, saved, tmp_path):
    model = saved(keras3, "house.keras")
    shutil.copytree(Path(__file__).parent / "project", tmp_path / "edited")
    module = tmp_path / "edited" / "helpers" / "factors.py"
    module.write_text(module.read_text().replace("values * factor", "values + factor"))
    program = f"import gates, envlock\nenvlock.load_model({str(model)!r}, on_mismatch='raise')\n"

    done = subprocess.run(
        [keras3.python, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path / "edited")])},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "MismatchError: house.keras: drifts" in done.stderr
    assert "EL202" in done.stderr
