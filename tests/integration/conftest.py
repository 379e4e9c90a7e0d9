"""Real TensorFlow, in processes of their own: the running environment, and one with Keras 2."""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PROJECT = HERE / "project"


@dataclass(frozen=True)
class Environment:
    """A Python with TensorFlow, and how programs are run in it."""

    name: str
    python: str

    def run(self, *arguments: str, cwd: Path, path: Path | None = PROJECT, expected: int | None = 0) -> str:
        """What the program prints; `path` is where its project's modules are found."""
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
        environment["PYTHONPATH"] = os.pathsep.join(str(item) for item in (ROOT, path) if item)
        done = subprocess.run(
            [self.python, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
        )
        assert expected is None or done.returncode == expected, done.stderr[-3000:] + done.stdout[-2000:]
        return done.stdout

    def save(self, path: Path, way: str = "envlock", *more: str) -> Path:
        """The project's model, saved."""
        self.run(str(PROJECT / "save.py"), str(path), way, *more, cwd=path.parent)
        return path

    def load(
        self, path: Path, way: str = "envlock", *, cwd: Path, found: Path | None = PROJECT, **options: Any
    ) -> Any:
        """What `load.py` says of the model when it is loaded in another folder."""
        program = (PROJECT / "load.py").read_text(encoding="utf-8")
        output = self.run("-c", program, str(path), way, json.dumps(options), cwd=cwd, path=found)
        return json.loads(output.rpartition("SAID ")[2])

    def envlock(self, *words: str, cwd: Path, path: Path | None = PROJECT, expected: int | None = 0) -> str:
        """What the command prints."""
        return self.run("-m", "envlock", *words, cwd=cwd, path=path, expected=expected)


@pytest.fixture(scope="session")
def keras3() -> Environment:
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed")
    return Environment("keras3", sys.executable)


@pytest.fixture(scope="session")
def keras2() -> Environment:
    python = Path(os.environ.get("ENVLOCK_KERAS2_PYTHON", ROOT / ".venv-keras2" / "bin" / "python"))
    if not python.exists():
        pytest.skip("there is no environment with TensorFlow 2.15 (make needs Python 3.10 or 3.11 for it)")
    return Environment("keras2", str(python))


@pytest.fixture(scope="session", params=["keras3", "keras2"])
def environment(request: pytest.FixtureRequest) -> Environment:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`saved(environment, name)`: the project's model saved once by that environment under that name."""
    made: dict[tuple[str, str], Path] = {}

    def save(environment: Environment, name: str) -> Path:
        key = (environment.name, name)
        if key not in made:
            made[key] = environment.save(tmp_path_factory.mktemp("saved") / name)
        return made[key]

    return save


def _answering(docker: Any) -> Any:
    """A client of the Docker engine; `None` where none answers."""
    try:
        client = docker.from_env(timeout=600)
        client.ping()
    except docker.errors.DockerException:
        return None
    return client


@pytest.fixture(scope="session")
def engine() -> Any:
    docker = pytest.importorskip("docker")
    with warnings.catch_warnings():
        # Where no engine answers, the SDK leaves its socket to the collector.
        warnings.simplefilter("ignore", ResourceWarning)
        client = _answering(docker)
        gc.collect()
    if client is None:
        pytest.skip("no Docker engine answers")
    yield client
    client.close()
