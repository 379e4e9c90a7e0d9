"""Every hostile artifact is flagged, every clean one passes, and neither takes long."""

from __future__ import annotations

import dataclasses
import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from inspection.corpus import CLEAN, HOSTILE, Case, Clean, datasets, sizes
from inspection.corpus.configs import built, dense, sequential
from inspection.corpus.files import keras, weights
from inspection.corpus.graphs import folder, harmless, saved_model

pytest.importorskip("envlock.inspection")

from envlock.inspection import inspect

ROOT = Path(__file__).parent.parent.parent
VERDICTS = {"clean", "custom", "resource", "file-read", "code", "refuse"}
SECONDS = 10

MEASURE = """
import json, resource, sys, time
from pathlib import Path
from envlock.inspection import inspect
warm, path = map(Path, sys.argv[1:])
inspect(warm)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
times = []
for _ in range(3):
    start = time.perf_counter()
    verdict = str(inspect(path).verdict)
    times.append(time.perf_counter() - start)
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
print(json.dumps({"verdict": verdict, "seconds": min(times), "grown": grown}))
"""


@pytest.fixture(autouse=True)
def in_time() -> Iterator[None]:
    """Whoever waits for a pipe, or reads a bomb, is stopped."""

    def stop(number: int, frame: object) -> None:
        raise AssertionError(f"not inspected within {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def measured(bench):
    """The verdict, the seconds and the MiB of an inspection in a process that is warm."""
    warm = keras(dataclasses.replace(bench, folder=bench.folder / "warm"), sequential(bench, dense()))

    def measure(path: Path) -> dict:
        command = [sys.executable, "-c", MEASURE, str(warm), str(path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    return measure


@pytest.mark.parametrize("case", HOSTILE, ids=lambda case: case.name)
def test_a_hostile_artifact_is_flagged_and_nothing_of_it_runs(bench, judged, case: Case):
    if case.dialect:
        bench = dataclasses.replace(bench, keras=case.dialect)
    path = case.build(bench)

    seen = inspect(path)

    judged[f"hostile {seen.verdict}"] += 1
    assert list(bench.markers.iterdir()) == []
    assert str(seen.verdict) in case.expected, seen.hazards


@pytest.mark.parametrize("case", CLEAN, ids=lambda case: case.name)
def test_a_clean_artifact_is_not_flagged(bench, judged, case: Clean):
    path = case.build(bench)

    seen = inspect(path)

    judged[f"clean {seen.verdict}"] += 1
    assert str(seen.verdict) in case.expected, seen.hazards


def test_names_are_used_once_and_every_row_has_its_artifacts():
    names = [case.name for case in (*HOSTILE, *CLEAN)]
    rows = {case.row.partition(" ")[0] for case in HOSTILE}

    assert len(names) == len(set(names))
    assert rows >= {
        *(
            "CVE-2024-3660",
            "CVE-2025-1550",
            "CVE-2025-8747",
            "CVE-2025-9906",
            "CVE-2025-9905",
            "CVE-2025-49655",
        ),
        *("CVE-2025-12058", "CVE-2026-0897", "CVE-2026-1462", "CVE-2026-1669", "CVE-2026-12480"),
        *("CVE-2026-12479", "CVE-2026-12481", "GHSA-hqp4", "1.1", "1.2", "1.3", "1.4", "1.5"),
    }


@pytest.mark.parametrize(
    ("name", "build"), [row[::2] for row in sizes.BOMBS], ids=lambda part: str(part)[:20]
)
def test_a_bomb_is_refused_at_once(bench, measured, name, build):
    path = build(bench)

    said = measured(path)

    assert said["verdict"] in {"resource", "refuse"}
    assert said["seconds"] <= 0.1
    assert said["grown"] <= 50


def test_a_group_that_holds_itself_is_walked_once(bench):
    path = datasets.in_archive(bench, datasets.cycle)

    seen = inspect(path)

    assert str(seen.verdict) in VERDICTS


def large_keras(bench):
    data = np.random.default_rng(0).random((25_000, 1000), "float32")
    stored = weights({"layers/dense/vars/0": data, "layers/dense/vars/1": data[0]})
    return keras(bench, sequential(bench, built(dense(1000), None, 25_000), shape=(None, 25_000)), stored)


def large_saved_model(bench):
    files = {"variables/variables.data-00000-of-00001": random.Random(0).randbytes(100_000_000)}
    return folder(bench, saved_model(harmless()), files)


@pytest.mark.parametrize("build", [large_keras, large_saved_model])
def test_an_artifact_of_100_mb_takes_less_than_half_a_second_and_200_mb(bench, measured, build):
    path = build(bench)

    said = measured(path)

    assert said["verdict"] == "clean"
    assert said["seconds"] <= 0.4
    assert said["grown"] <= 200


MUTATED = [
    case for case in CLEAN if case.name in {"plain", "h5-plain", "exported-asset", "npz", "with-metadata"}
]


@pytest.mark.parametrize("case", MUTATED, ids=lambda case: case.name)
@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_artifact_gets_a_verdict(bench, case: Clean, seed):
    path = case.build(bench)
    damaged = path / "saved_model.pb" if path.is_dir() else path
    data = bytearray(damaged.read_bytes())
    chance = random.Random(seed)
    for _ in range(1 + seed % 6):
        data[chance.randrange(len(data))] = chance.randrange(256)
    damaged.write_bytes(bytes(data))

    seen = inspect(path)

    assert str(seen.verdict) in VERDICTS
