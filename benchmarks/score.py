"""
Score verdicts against what really happened.

    python benchmarks/score.py RESULTS.csv[.gz] [...] ARTIFACTS ENVS.json [--misses N] [--by KEY]

RESULTS has a row for each (saved under, loaded under, model, format, action) with what happened, ARTIFACTS
holds `<environment>/<family>/<file>`, ENVS what was installed (`../shared/matrix` has all three; its archive
is to be unpacked). Each row is asked of `envlock.diff`, no TensorFlow is imported. Prints the confusion
table, accuracy, precision and recall, how often a finding names what the exception names, the same figures
for naive predictors, and the time that a verdict takes.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import random
import re
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import envlock
from envlock.knowledge import Finding, Severity, releases
from envlock.knowledge.rule import release
from envlock.report import BREAKS, COMPATIBLE, DRIFTS, SAME, Report

FILES = {
    "h5": "model.h5",
    "keras": "model.keras",
    "kerasv3": "model_v3.keras",
    "savedmodel": "savedmodel",
    "tfsm": "tfsm",
}
# What was done, as which loader it counts, whether the model's own code was there, which argument was given.
ACTIONS = {
    "load_model": ("keras.load_model", "available", ""),
    "load_model+objects": ("keras.load_model", "available", ""),
    "load_model_bare": ("keras.load_model", "missing", ""),
    "load_model_nocompile": ("keras.load_model", "available", "compile=False"),
    "load_model_unsafe": ("keras.load_model", "available", "safe_mode=False"),
    "tf_saved_model_load": ("tf.saved_model.load", "available", ""),
    "rebuild_load_weights": ("load_weights", "available", ""),
}
OBSERVED = {
    "ok_same": COMPATIBLE,
    "ok_close": COMPATIBLE,
    "numeric_diff": DRIFTS,
    "load_error": BREAKS,
    "predict_error": BREAKS,
    "process_crash": BREAKS,
}
CLASSES = (COMPATIBLE, DRIFTS, BREAKS)

Row = dict[str, str]

# What an exception quotes, and what it says of a format where it quotes nothing.
QUOTED = re.compile(
    r"(?:Unknown [\w ]+|class|object|function): ([A-Za-z]\w+)|<([A-Z]\w+) name="
    r"|'([\w.>/-]{2,80})'|`([\w.>/-]{2,80})`|\"([\w.>/-]{2,80})\""
    r"|\b([A-Z][a-z0-9]+(?:[A-Z]\w*)+|Functional|Sequential|Lambda)\b"
)
COMMON = {
    *("Exception", "ValueError", "TypeError", "KeyError", "AttributeError", "RuntimeError"),
    *("NotImplementedError", "TensorFlow", "KerasTensor", "ART", "name", "config", "class_name"),
    *("None", "True", "False", "CustomObject"),
}
ABOUT = re.compile(
    r"file signature|zip file|SavedModel|HDF5|h5py|lambda|safe_mode|marshal|weights?|variables|predict"
    r"|vocabulary|table|deserializ|compile|optimizer|slot",
    re.IGNORECASE,
)


@dataclass
class Score:
    """Counts of (predicted, observed), of breaks by whether they were named, and what was missed."""

    tables: dict[str, Counter] = field(default_factory=lambda: defaultdict(Counter))
    naive: dict[str, Counter] = field(default_factory=lambda: defaultdict(Counter))
    named: Counter = field(default_factory=Counter)
    unknowable: int = 0
    missed: dict[tuple, list] = field(default_factory=lambda: defaultdict(list))


def rows(path: Path, only: list[str]) -> list[Row]:
    """The rows that can be judged; those that the harness itself failed at are left out."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    found = [row for row in csv.DictReader(io.StringIO(text)) if row["action"] in ACTIONS]
    for clause in only:
        key, _, values = clause.partition("=")
        found = [row for row in found if row[key] in values.split(",")]
    return [row for row in found if not row["message"].startswith("harness:")]


def target(environment: dict[str, Any]) -> str:
    """An environment as the list that a user would write."""
    variables = [f"{name}={value}" for name, value in environment["env"].items()]
    return ",".join([f"python=={environment['python']}", *environment["freeze"], *variables])


def guesses(row: Row, environments: dict[str, Any]) -> dict[str, bool]:
    """The naive predictors of the matrix's report: whether each calls it bad."""
    saver, loader = (environments[row[side]] for side in ("save_env", "load_env"))
    majors = ["3" if side["keras_gen"] == "k3" else "2" for side in (saver, loader)]
    numbers = [tuple(map(int, re.findall(r"\d+", side["versions"]["keras"]))) for side in (saver, loader)]
    versions = [(side["versions"]["tf"], side["versions"]["keras"]) for side in (saver, loader)]
    return {
        "any version differs": versions[0] != versions[1],
        "Keras major differs": majors[0] != majors[1],
        "TensorFlow minor differs": saver["tf_minor"] != loader["tf_minor"],
        "major differs or loader older": majors[0] != majors[1] or numbers[1] < numbers[0],
    }


def is_named(row: Row, against: list[Finding]) -> bool | None:
    """
    Whether a finding names a class, key, module or name that the exception quotes, or else the format.

    `None` where the exception quotes nothing and says nothing of a format.
    """
    told = " ".join(f"{item.subject} {item.message} {item.error}" for item in against)
    text = f"{row['root'] or row['message']} {row['message'][:120]}"
    quoted = {word.rstrip(".") for groups in QUOTED.findall(text) for word in groups if word} - COMMON
    quoted |= {word.rpartition(".")[2] for word in quoted}
    if any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", told) for word in quoted if word):
        return True
    about = ABOUT.findall(text)
    return any(word.lower() in told.lower() for word in about) if quoted or about else None


def judged(row: Row, artifacts: Path, against: str) -> tuple[str, list[Finding], bool]:
    """The verdict for one row, the findings against its loader, and whether the file cannot tell."""
    loader, code, given = ACTIONS[row["action"]]
    path = artifacts / row["save_env"] / row["family"] / FILES[row["format"]]
    report = envlock.diff(path, against, custom_objects=code)
    return *verdict(report, loader, given), is_untold(report)


def is_untold(report: Report) -> bool:
    """Whether a note says that the file leaves out what would tell."""
    return any(item.code == "EL135" for item in report.findings)


def verdict(report: Report, loader: str, given: str) -> tuple[str, list[Finding]]:
    """What a report says of one loader given this argument, and the findings that speak against it."""
    found = [
        item
        for item in report.findings
        if loader in item.loaders
        and item.severity > Severity.NOTE
        and (not given or item.avoided_by != given)
    ]
    if not given:
        said = report.loaders[loader]
        return COMPATIBLE if said == SAME else said, found
    worst = max((item.severity for item in found), default=Severity.NOTE)
    return {Severity.ERROR: BREAKS, Severity.WARNING: DRIFTS}.get(worst, COMPATIBLE), found


def count(score: Score, row: Row, said: str, found: list[Finding], group: str) -> None:
    """Note one verdict beside what happened."""
    seen = OBSERVED[row["outcome"]]
    score.tables["all"][said, seen] += 1
    score.tables[group][said, seen] += 1
    is_right = said == seen
    if is_right and seen == BREAKS:
        named = is_named(row, found)
        score.named[named] += 1
        is_right = named is not False
    if not is_right:
        kind = "wrong" if said != seen else "unnamed"
        words = (row["root"] or row["message"])[:90]
        key = (kind, row["family"], row["format"], row["action"], said, seen, words)
        score.missed[key].append((row, found))


def figures(counted: Counter) -> str:
    """Accuracy over three classes, precision and recall of `breaks`, recall of `drifts`."""

    def part(upper: int, lower: int) -> str:
        return f"{upper / lower:.4f}" if lower else "-"

    total = sum(counted.values())
    right = sum(number for (said, seen), number in counted.items() if said == seen)
    told = sum(counted[BREAKS, seen] for seen in CLASSES)
    broke = sum(counted[said, BREAKS] for said in CLASSES)
    drifted = sum(counted[said, DRIFTS] for said in CLASSES)
    both = counted[BREAKS, BREAKS]
    return (
        f"n {total}  accuracy {part(right, total)}  breaks: precision {part(both, told)} recall "
        f"{part(both, broke)}  drifts: recall {part(counted[DRIFTS, DRIFTS], drifted)} of {drifted}"
    )


def confusion(counted: Counter) -> str:
    """Predicted down, observed across."""
    head = f"{'predicted':>12}" + "".join(f"{name:>12}" for name in CLASSES)
    rows = (f"{said:>12}" + "".join(f"{counted[said, seen]:>12}" for seen in CLASSES) for said in CLASSES)
    return "\n".join([head, *rows])


def printed(score: Score, seconds: float, misses: int) -> None:
    """The figures, and the commonest misses with an example of each."""
    whole = score.tables.pop("all", Counter())
    total = sum(whole.values())
    print(confusion(whole))
    print(figures(whole))
    for name, table in sorted(score.tables.items()):
        print(f"  {name}: {figures(table)}")
    broke = score.named[True] + score.named[False]
    print(f"named in {score.named[True]} of {broke} breaks ({score.named[True] / max(1, broke):.4f})")
    print(f"and {score.named[None]} breaks whose error names nothing")
    print(f"{score.unknowable} of the drifts that were missed are in no file, as a note says (EL135)")
    print("naive predictors of `bad`:")
    for name, table in score.naive.items():
        print(f"  {name}: {figures(table)}")
    each = 1000 * seconds / max(1, total)
    print(f"{total} verdicts, {each:.2f} ms of CPU time each, reading included")
    print("TensorFlow imported:", "tensorflow" in sys.modules)
    for key, examples in sorted(score.missed.items(), key=lambda item: -len(item[1]))[:misses]:
        row, found = examples[0]
        print(f"{len(examples):5} {' '.join(key[:6])}  {row['save_env']} -> {row['load_env']}")
        print(f"        seen: {row['exc_type']}: {key[6]}")
        for item in found[:2]:
            print(f"        said: {item.code} {item.message[:150]}")


def hide_tables() -> None:
    """Judge every Keras as if no release of its minor were in the tables."""
    known = releases.keras

    def neighbour(provider: str, wanted: tuple[int, ...]) -> releases.KerasApi | None:
        found = known(provider, wanted)
        if found is None:
            return None
        minor = release(found.version)[:2]
        others = [release(version) for version in releases.versions(provider, minor[0])]
        others = [other for other in others if other[:2] != minor]
        nearest = min(others, key=lambda other: (abs(other[1] - minor[1]), other[1], -other[2]), default=None)
        return known(provider, nearest) if nearest else found

    releases.keras = neighbour


def main() -> None:
    """Judge every row and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("artifacts", type=Path)
    parser.add_argument("environments", type=Path)
    parser.add_argument("--misses", type=int, default=0)
    parser.add_argument("--by", default="action")
    parser.add_argument("--sample", type=int, default=0, help="judge this many rows, drawn with a fixed seed")
    parser.add_argument("--only", action="append", default=[], help="KEY=VALUE[,VALUE]")
    parser.add_argument("--hide", action="store_true", help="judge by the tables of the neighbouring release")
    given = parser.parse_args()
    if given.hide:
        hide_tables()
    environments = json.loads(given.environments.read_text())
    found = [row for path in given.results for row in rows(path, given.only)]
    if given.sample:
        found = random.Random(7).sample(found, min(given.sample, len(found)))
    # The rows of one artifact together: each is read once.
    found.sort(key=lambda row: (row["save_env"], row["family"], row["format"], row["load_env"]))
    lists = {name: target(environment) for name, environment in environments.items()}
    score = Score()
    before = time.process_time()
    for row in found:
        said, against, untold = judged(row, given.artifacts, lists[row["load_env"]])
        count(score, row, said, against, f"{given.by}={row[given.by]}")
        score.unknowable += untold and said == COMPATIBLE and OBSERVED[row["outcome"]] == DRIFTS
        for name, is_bad in guesses(row, environments).items():
            seen = COMPATIBLE if OBSERVED[row["outcome"]] == COMPATIBLE else BREAKS
            score.naive[name][BREAKS if is_bad else COMPATIBLE, seen] += 1
    printed(score, time.process_time() - before, given.misses)


if __name__ == "__main__":
    main()
