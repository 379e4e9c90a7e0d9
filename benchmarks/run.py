"""
What envlock costs, as ratios to bare Python and bare Keras measured in the same run.

    python benchmarks/run.py [--rounds N] [--check]

Every figure is the minimum CPU time (user and system, children included) of several interleaved
rounds. With `--check` the exit code is 1 when a ratio is over its budget.
"""

from __future__ import annotations

import argparse
import compileall
import importlib.util
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent

PREPARE = """
import sys
import keras
import envlock

model = keras.Sequential([keras.layers.Input((8, 8, 1)), keras.layers.Conv2D(16, 3), keras.layers.Flatten(),
                          keras.layers.Dense(10)])
envlock.save_model(model, sys.argv[1] + "/model.keras")
"""

TIMED = """
import sys, time
import keras
import envlock

def best(function, rounds=7):
    times = []
    for _ in range(rounds):
        before = time.process_time()
        function()
        times.append(time.process_time() - before)
    return min(times), times[0]

folder = sys.argv[1]
path = folder + "/model.keras"
model = keras.models.load_model(path)
model(keras.ops.zeros((2, 8, 8, 1)))
bare_save, _ = best(lambda: model.save(folder + "/bare.keras"))
save, first_save = best(lambda: envlock.save_model(model, folder + "/ours.keras", canaries=0))
bare_load, _ = best(lambda: keras.models.load_model(path))
load, first_load = best(lambda: envlock.load_model(path))
check, _ = best(lambda: envlock.diff(path))
print("TIMES", bare_save, save, first_save, bare_load, load, first_load, check)
"""


@dataclass(frozen=True)
class Figure:
    """One line of the table: what was measured, in which unit, and the most that is allowed."""

    what: str
    value: float
    unit: str
    budget: float | None

    @property
    def holds(self) -> bool:
        """Whether it is within its budget."""
        return self.budget is None or self.value <= self.budget


def cpu(command: list[str], folder: Path) -> float:
    """The CPU seconds of one run of `command`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def command_lines(folder: Path, rounds: int) -> list[Figure]:
    """Whole processes against `python -c pass`, interleaved so that they share the machine's moods."""
    python, model = sys.executable, str(folder / "model.keras")
    old = str(ROOT / "tests" / "artifacts" / "samples" / "keras-2.15-compiled.h5")
    against = "python==3.11,tensorflow-cpu==2.15.1,keras==2.15.0,numpy==1.26.4"
    programs: dict[str, tuple[list[str], float | None]] = {
        "python -c pass": (["-c", "pass"], None),
        "import envlock": (["-c", "import envlock"], 2.0),
        "envlock diff MODEL": (["-m", "envlock", "diff", model], 10.0),
        "envlock diff MODEL --against LIST": (["-m", "envlock", "diff", model, "--against", against, "-q",
                                               "--fail-on", "never"], 10.0),
        "envlock diff MODEL.h5 --against LIST": (["-m", "envlock", "diff", old, "--against", against, "-q",
                                                  "--fail-on", "never"], 10.0),
        "  the same file's configuration by h5py": (["-c", H5PY, old], None),
        "envlock show MODEL": (["-m", "envlock", "show", model], 10.0),
    }  # fmt: skip
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, (arguments, _budget) in programs.items():
            times[name].append(cpu([python, *arguments], folder))
    bare = min(times["python -c pass"])
    print(f"python -c pass: {bare * 1000:.1f} ms CPU")
    return [
        Figure(name, min(times[name]) / bare, "x bare Python", limit)
        for name, (_, limit) in programs.items()
        if name != "python -c pass"
    ]


H5PY = "import sys, h5py; h5py.File(sys.argv[1]).attrs['model_config']"

HOST = """
from envlock import capture
for name, probe in capture.PROBES.items():
    if name not in {"tensorflow", "keras", "numpy", "packages"}:
        probe({})
"""

SCAN = """
import sys
from envlock.capture import packages
sys.path[:0] = [sys.argv[1]]
assert len(packages.installed([sys.argv[1]])) == 300
"""

PEER_SCAN = """
import sys
from importlib.metadata import distributions
assert len({item.metadata["Name"]: item.version for item in distributions(path=[sys.argv[1]])}) == 300
"""


def capturing(folder: Path, rounds: int) -> list[Figure]:
    """The facts of the machine, and an environment of 300 distributions, against bare Python and peers."""
    site = folder / "site"
    lines = "".join(f"Requires-Dist: package-{number}>=1.0\n" for number in range(12))
    head = "Metadata-Version: 2.1\nName: package-{0}\nVersion: 1.{0}\n" + lines + "\n" + "A page.\n" * 400
    for number in range(300):
        info = site / f"package_{number}-1.{number}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(head.format(number), encoding="utf-8")
    programs = {
        "bare": ["-c", "pass"],
        "host": ["-c", HOST],
        "scan": ["-c", SCAN, str(site)],
        "importlib": ["-c", PEER_SCAN, str(site)],
        "pip inspect": ["-m", "pip", "inspect", "--path", str(site)],
        "show": ["-m", "envlock", "show", "--format", "json"],
    }
    if importlib.util.find_spec("pip") is None:
        del programs["pip inspect"]
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, arguments in programs.items():
            times[name].append(cpu([sys.executable, *arguments], ROOT))
    least = {name: min(measured) for name, measured in times.items()}
    bare = least["bare"]
    names = {
        "importlib": "  the same by importlib.metadata",
        "pip inspect": "  the same by pip inspect",
        "show": "envlock show: all facts, digests of all packages",
    }
    return [
        Figure("facts of the machine, over bare Python", least["host"] / bare - 1, "x bare Python", 3.0),
        Figure("scan of 300 distributions, over bare Python", least["scan"] / bare - 1, "x bare Python", 3.0),
        *(
            Figure(f"{what}, over bare Python", least[name] / bare - 1, "x bare Python", None)
            for name, what in names.items()
            if name in least
        ),
    ]


def library_calls(folder: Path) -> list[Figure]:
    """Save, load and check in a warm process against Keras' own save and load."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    command = [sys.executable, "-c", TIMED, str(folder)]
    output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    times = [float(word) for word in output.partition("TIMES")[2].split()]
    bare_save, save, first_save, bare_load, load, first_load, check = times
    print(f"Keras' own save {bare_save * 1000:.1f} ms, load {bare_load * 1000:.1f} ms CPU")
    return [
        Figure(
            "save_model over Keras' save, first in a process", (first_save - bare_save) * 1000, "ms", 150.0
        ),
        Figure("save_model over Keras' save, later ones", (save - bare_save) * 1000, "ms", 150.0),
        Figure("load_model over Keras' load x 1.1, first", (first_load - 1.1 * bare_load) * 1000, "ms", 50.0),
        Figure("load_model over Keras' load x 1.1, later ones", (load - 1.1 * bare_load) * 1000, "ms", 50.0),
        Figure("save_model / Keras' save", save / bare_save, "x", None),
        Figure("load_model / Keras' load", load / bare_load, "x", None),
        Figure("envlock.diff in a warm process", check * 1000, "ms", 30.0),
    ]


LARGE = """
import sys, zipfile, json, h5py, numpy
folder = sys.argv[1]
weights = numpy.random.default_rng(0).standard_normal((5000, 5000), "float32")
with h5py.File(folder + "/large.h5", "w") as file:
    file.create_dataset("layers/dense/vars/0", data=weights)
dense = {"module": "keras.layers", "class_name": "Dense", "registered_name": None,
         "config": {"name": "dense", "units": 5000}, "build_config": {"input_shape": [None, 5000]}}
model = {"module": "keras", "class_name": "Sequential", "registered_name": None,
         "config": {"name": "sequential", "layers": [dense]}}
for name, method in (("stored", zipfile.ZIP_STORED), ("packed", zipfile.ZIP_DEFLATED)):
    with zipfile.ZipFile(folder + f"/{name}.keras", "w", method) as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.5.0"}))
        archive.writestr("config.json", json.dumps(model))
        archive.write(folder + "/large.h5", "model.weights.h5")
"""

INSPECT = """
import sys
from pathlib import Path
from envlock.inspection import inspect
found = inspect(Path(sys.argv[1]))
assert found.verdict == "clean", found
"""


def inspecting(folder: Path, rounds: int) -> list[Figure]:
    """What it takes to look into 100 MB of weights, over bare Python."""
    cpu([sys.executable, "-c", LARGE, str(folder)], ROOT)
    bare = min(cpu([sys.executable, "-c", "pass"], ROOT) for _ in range(rounds))
    found = []
    for name in ("stored", "packed"):
        file = folder / f"{name}.keras"
        least = min(cpu([sys.executable, "-c", INSPECT, str(file)], ROOT) for _ in range(rounds))
        found += [
            Figure(f"inspection of 100 MB, {name}, whole process", (least - bare) * 1000, "ms", 400.0),
            Figure(f"  memory for it, {name}", peak(INSPECT, file) - peak("pass", file), "MiB", 200.0),
        ]
    return found


def hashing(folder: Path) -> list[Figure]:
    """A gibibyte through our digest against plain `hashlib` with its own buffer size."""
    file = folder / "large"
    with file.open("wb") as stream:
        stream.truncate(1 << 30)
    ours = "import sys; from envlock.store import sha256; from pathlib import Path; sha256(Path(sys.argv[1]))"
    theirs = (
        "import sys, hashlib; d = hashlib.sha256(); b = bytearray(1 << 20)\n"
        "with open(sys.argv[1], 'rb', buffering=0) as f:\n"
        "    while n := f.readinto(b): d.update(memoryview(b)[:n])"
    )
    measured: Callable[[str], float] = lambda code: min(  # noqa: E731 - two calls of one line
        cpu([sys.executable, "-c", code, str(file)], ROOT) for _ in range(2)
    )
    ratio = measured(theirs) / measured(ours)
    return [
        Figure("hashing speed against raw hashlib (at least 0.7)", -ratio, "x", -0.7),
        Figure(
            "memory for hashing 1 GiB, over bare Python", peak(ours, file) - peak("pass", file), "MiB", 16.0
        ),
    ]


def peak(code: str, *arguments: Path) -> float:
    """The most memory that a program ever held, in MiB."""
    told = "\nimport resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    command = [sys.executable, "-c", code + told, *map(str, arguments)]
    return int(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout) / 1024


def main() -> int:
    """Measure, print the table, and with `--check` judge it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    compileall.compile_dir(ROOT / "envlock", quiet=2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cpu([sys.executable, "-c", PREPARE, name], ROOT)
        figures = command_lines(folder, options.rounds) + capturing(folder, options.rounds)
        figures += library_calls(folder) + inspecting(folder, 3) + hashing(folder)
    width = max(len(figure.what) for figure in figures)
    for figure in figures:
        limit = "" if figure.budget is None else f"budget {abs(figure.budget):g}"
        word = ("ok" if figure.holds else "OVER") if limit else ""
        print(f"{figure.what:<{width}}  {abs(figure.value):7.2f} {figure.unit:<14} {limit:<12} {word}")
    return int(options.check and not all(figure.holds for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
