"""
Programs of scenarios, each run in a process of its own: `python runner.py JOBS`.

TensorFlow takes seconds to import. It is imported once here, without touching a device, and each program runs
in a fork of this process as `__main__`. `JOBS` is a JSON file: a list of objects, each with `program`, `path`
(what is put before and behind `sys.path`), `saved` (the folder of the job that saves), `cwd`, `environment`,
`told` (where the outcome is written) and `numbers` (where inputs and outputs are, or are put).
"""

import importlib
import json
import os
import runpy
import shutil
import sys
import time
import warnings
from pathlib import Path

SECONDS = 120


def main() -> None:
    for name in ("tensorflow", "keras", "numpy", "envlock.api", "envlock.saving", "envlock.opening"):
        importlib.import_module(name)
    for job in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        _bring(job)
        child = os.fork()
        if not child:
            _alone(job)
        _, status = os.waitpid(child, 0)
        if not Path(job["told"]).exists():
            _write(job, {"said": [], "error": f"Died: {status}", "ran": [], "loads": False, "equal": False})


def _bring(job: dict) -> None:
    """Copy what was saved to where it is loaded, as soon as it is there."""
    saved = Path(job.get("saved", ""))
    if saved.name:
        deadline = time.monotonic() + SECONDS
        while not (saved / "told.json").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        shutil.copytree(saved / "out", job["cwd"], dirs_exist_ok=True)
        if (saved / "numbers.npz").exists():
            shutil.copy(saved / "numbers.npz", job["numbers"])


def _alone(job: dict) -> None:
    status = 1
    try:
        os.environ.update(job["environment"])
        os.chdir(job["cwd"])
        before, behind = job["path"]
        sys.path[:] = [*before, *sys.path[1:], *behind]
        _write(job, played(job))
        status = 0
    finally:
        sys.stdout.flush()
        os._exit(status)


def _write(job: dict, told: dict) -> None:
    staged = Path(f"{job['told']}.new")
    staged.write_text(json.dumps(told), encoding="utf-8")
    staged.rename(job["told"])


def played(job: dict) -> dict:
    """What the program said, raised and ran, and whether its model gives the stored numbers."""
    told = {"error": "", "loads": False, "equal": False, "checks": {}}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            left = runpy.run_path(job["program"], run_name="__main__")
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the outcome
            told["error"] = f"{type(error).__name__}: {error}"
        else:
            told |= {"loads": left.get("model") is not None, "equal": compared(left, Path(job["numbers"]))}
            told["checks"] = left.get("checks", {})
    told["said"] = [str(item.message) for item in said if item.category.__module__.startswith("envlock")]
    marks = Path(job["environment"]["SCENARIO_RAN"])
    told["ran"] = marks.read_text(encoding="utf-8").split() if marks.exists() else []
    return told


def compared(left: dict, numbers: Path) -> bool:
    """Whether the outputs are the stored ones to the last bit; without stored ones they are stored."""
    import numpy

    model = left.get("model")
    if model is None:
        return False
    if numbers.exists():
        with numpy.load(numbers) as stored:
            outputs = numpy.asarray(model(stored["inputs"], training=False))
            return (
                outputs.dtype == stored["outputs"].dtype and outputs.tobytes() == stored["outputs"].tobytes()
            )
    shape = [2, *left.get("shape", (3,))]
    inputs = (numpy.arange(numpy.prod(shape), dtype="float32") / 7).reshape(shape)
    numpy.savez(numbers, inputs=inputs, outputs=numpy.asarray(model(inputs, training=False)))
    return True


if __name__ == "__main__":
    main()
