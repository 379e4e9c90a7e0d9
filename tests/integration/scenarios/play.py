"""Scenarios played: the projects written, saved by one process, loaded by another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from scenarios.rows import Row
from scenarios.sources import SOURCES, Source

__all__ = ["Playing"]

HERE = Path(__file__).parent
ROOT = HERE.parent.parent.parent
# Of each module of a project it is written down that it ran.
MARK = (
    'with open(__import__("os").environ["SCENARIO_RAN"], "a") as _ran:\n    _ran.write(__name__ + "\\n")\n\n'
)
PROGRAMS = {"program.py", "load.py"}
SECONDS = 300

_EXECUTE = """import sys
import nbformat
from nbclient import NotebookClient

NotebookClient(nbformat.read(sys.argv[1], 4), kernel_name="scenario", timeout=200).execute()
"""

_LAST_CELLS = (
    """import warnings
import envlock
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    envlock.save_model(model, "model.keras")""",
    """import json
import os
from pathlib import Path
import runner
runner.compared({"model": model}, Path(os.environ["SCENARIO_NUMBERS"]))
texts = [str(item.message) for item in said if item.category.__module__.startswith("envlock")]
told = {"said": texts, "error": ""}
staged = Path(os.environ["SCENARIO_TOLD"] + ".new")
staged.write_text(json.dumps(told))
staged.rename(os.environ["SCENARIO_TOLD"])""",
)


class Playing:
    """All that was asked for under one environment, played in the background."""

    def __init__(self, python: str, folder: Path, rows: Iterable[Row]) -> None:
        self._folder, self._python = folder, python
        wanted = sorted(rows, key=lambda row: row.source == "notebook")  # Jupyter takes longest
        sources = [source for source in SOURCES if source.name in {row.source for row in wanted}]
        self._running = [self._notebook(source) for source in sources if source.cells]
        jobs = [self._save(source) for source in sources if not source.cells]
        jobs += [self._load(row) for row in wanted]
        (folder / "jobs.json").write_text(json.dumps(jobs), encoding="utf-8")
        self._running.append(self._start([python, str(HERE / "runner.py"), str(folder / "jobs.json")]))

    def told(self, *where: str) -> dict[str, Any]:
        """The outcome of a save (`"save", name`) or of a load (`"load", name`)."""
        outcome = self._folder.joinpath(*where, "told.json")
        deadline = time.monotonic() + SECONDS
        while not outcome.exists() and self._is_running() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert outcome.exists(), (self._folder / "log").read_text(encoding="utf-8")[-3000:]
        return json.loads(outcome.read_text(encoding="utf-8"))

    def _is_running(self) -> bool:
        failed = [process for process in self._running if process.poll() not in {None, 0}]
        return not failed and any(process.poll() is None for process in self._running)

    def close(self) -> None:
        """End what is still running."""
        for process in self._running:
            process.kill()
            process.wait()

    def _save(self, source: Source) -> dict[str, Any]:
        folder = self._project("save", source.name, source.files)
        return _job(folder, "program.py")

    def _load(self, row: Row) -> dict[str, Any]:
        files = {**next(source.files for source in SOURCES if source.name == row.source), **row.files}
        for name, (old, new) in row.edits.items():
            assert old in (files[name] or "")
            files[name] = (files[name] or "").replace(old, new)
        folder = self._project("load", row.key, {**files, "program.py": None, "load.py": row.program})
        _write(folder / "out", row.beside)
        return _job(folder, "load.py") | {"saved": str(self._folder / "save" / row.source)}

    def _project(self, kind: str, name: str, files: dict[str, str | None]) -> Path:
        folder = self._folder / kind / name
        (folder / "out").mkdir(parents=True)
        _write(folder / "project", files)
        return folder

    def _notebook(self, source: Source) -> subprocess.Popen[bytes]:
        folder = self._project("save", source.name, {})
        book = {"cells": [*_cells(source)], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        (folder / "book.ipynb").write_text(json.dumps(book), encoding="utf-8")
        kernel = folder / "jupyter" / "kernels" / "scenario"
        kernel.mkdir(parents=True)
        start = [self._python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec = {"argv": start, "display_name": "scenario", "language": "python"}
        (kernel / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
        environment = {
            "JUPYTER_PATH": str(folder / "jupyter"),
            "IPYTHONDIR": str(folder / "ipython"),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(HERE)]),
            "SCENARIO_NUMBERS": str(folder / "numbers.npz"),
            "SCENARIO_TOLD": str(folder / "told.json"),
        }
        return self._start(
            [sys.executable, "-c", _EXECUTE, str(folder / "book.ipynb")], cwd=folder / "out", **environment
        )

    def _start(self, command: list[str], cwd: Path | None = None, **more: str) -> subprocess.Popen[bytes]:
        environment = {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=cwd or self._folder,
                env={**os.environ, **environment, **more},
                stdout=log,
                stderr=subprocess.STDOUT,
            )


def _cells(source: Source) -> Iterator[dict[str, Any]]:
    for number, text in enumerate([*source.cells, *_LAST_CELLS]):
        yield {
            "cell_type": "code", "id": f"cell{number}", "source": text, "metadata": {}, "outputs": [],
            "execution_count": None,
        }  # fmt: skip


def _write(folder: Path, files: dict[str, str | None]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        if text is not None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            is_module = name.endswith(".py") and name not in PROGRAMS
            (folder / name).write_text(MARK + text if is_module else text, encoding="utf-8")


def _job(folder: Path, program: str) -> dict[str, Any]:
    project = folder / "project"
    return {
        "program": str(project / program),
        "path": [[str(project)], [str(project / "site-packages")]],
        "cwd": str(folder / "out"),
        "environment": {"SCENARIO_RAN": str(folder / "ran"), "ENVLOCK_TRUST": str(folder / "trusted")},
        "told": str(folder / "told.json"),
        "numbers": str(folder / "numbers.npz"),
    }
