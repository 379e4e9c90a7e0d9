"""Hostile artifacts for real: they fire in bare Keras, and `envlock.load_model` refuses them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from inspection.corpus import CLEAN, HOSTILE, Bench
from inspection.corpus.case import SECRET

from envlock import toml

pytestmark = [pytest.mark.tensorflow]

CORPUS = Path(__file__).parent.parent / "inspection" / "corpus"
FIRE = CORPUS / "fire.py"

COMPILE = """
import base64, marshal, sys
print(base64.b64encode(marshal.dumps(eval(sys.argv[1]).__code__)).decode("ascii"))
"""

# An honest artifact for each Keras.
KERAS = {"keras2": "keras-2-archive", "keras3": "plain"}

# What loading a bomb does is a matter of the machine's memory: they are refused, not tried.
TRIED = {"load", "call", "secret", "state"}

REFUSE = """
import json, os, sys
import keras, tensorflow
import envlock
from envlock.errors import EnvlockError

seen = []
for home in (keras.models, keras.saving):
    home.load_model = lambda path, *_, **__: seen.append(path)
tensorflow.saved_model.load = lambda path, *_, **__: seen.append(path)
for line in open(sys.argv[1]):
    job = json.loads(line)
    seen.clear()
    try:
        envlock.load_model(job["path"])
        said = "loaded"
    except EnvlockError:
        said = "refused"
    except Exception as error:
        said = f"{type(error).__name__}: {error}"[:200]
    if os.listdir(job["markers"]):
        said += " and fired"
    if seen:
        said += ", after Keras saw it"
    print(json.dumps([job["name"], said]), flush=True)
"""


def release(version: str) -> tuple[str, ...]:
    return tuple(version.split(".")[:2])


def recorded(environment) -> dict[str, list[str]]:
    """What fired in an environment with the same Keras, by the record."""
    program = "import keras; print('SAID', keras.__version__)"
    version = environment.run("-c", program, cwd=CORPUS).rpartition("SAID ")[2].strip()
    tables = toml.loads((CORPUS / "controls.toml").read_text(encoding="utf-8"))
    same = [table for table in tables.values() if release(table["versions"]["keras"]) == release(version)]
    if not same:
        pytest.skip(f"no controls are recorded for Keras {version}")
    fired = {name: said.split(", ") for name, said in same[0]["fired"].items()}
    return {
        name: words for name, words in fired.items() if TRIED & {word.partition(" ")[0] for word in words}
    }


@pytest.fixture(scope="module")
def jobs(environment, tmp_path_factory) -> Iterator[list[dict[str, str]]]:
    """Each artifact that is known to fire there, built."""
    root = tmp_path_factory.mktemp("hostile")

    def bytecode(source: str) -> str:
        return environment.run("-c", COMPILE, source, cwd=root).strip()

    chosen = recorded(environment)
    made = []
    for number, case in enumerate(case for case in HOSTILE if case.name in chosen):
        markers = root / str(number) / "markers"
        markers.mkdir(parents=True)
        major = 2 if environment.name == "keras2" else 3
        options = {"keras": case.dialect or major, "bytecode": bytecode}
        path = case.build(Bench(folder=root / str(number) / "artifact", markers=markers, **options))
        made.append({"name": case.name, "path": str(path), "markers": str(markers), "secret": SECRET})
    return made


def test_without_envlock_they_fire(environment, jobs, tmp_path):
    said = told(environment, [str(FIRE)], jobs, tmp_path)

    silent = [item["name"] for item in said[1:] if not item["fired"]]

    assert len(said) == len(jobs) + 1
    assert silent == []


def test_with_envlock_each_is_refused_before_keras_sees_it(environment, jobs, tmp_path):
    for job in jobs:
        shutil.rmtree(job["markers"])
        Path(job["markers"]).mkdir()

    said = told(environment, ["-c", REFUSE], jobs, tmp_path)

    assert [item for item in said if item[1] != "refused"] == []
    assert len(said) == len(jobs)


def test_with_envlock_an_honest_model_reaches_keras(environment, tmp_path):
    (tmp_path / "markers").mkdir()
    build = next(case.build for case in CLEAN if case.name == KERAS[environment.name])
    bench = Bench(folder=tmp_path / "artifact", markers=tmp_path / "markers")
    job = {"name": "honest", "path": str(build(bench)), "markers": str(bench.markers)}

    said = told(environment, ["-c", REFUSE], [job], tmp_path)

    assert len(said) == 1
    assert said[0][1].endswith("after Keras saw it")


def told(environment, command: list[str], jobs: list[dict], cwd: Path) -> list:
    """What a program says, line by line, when it is given these jobs."""
    lines = "".join(json.dumps(job) + "\n" for job in jobs)
    (cwd / "jobs").write_text(lines, encoding="utf-8")
    output = environment.run(*command, "jobs", cwd=cwd)
    return [json.loads(line) for line in output.splitlines() if line.startswith(("{", "["))]
