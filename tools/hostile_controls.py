"""
Positive controls: which hostile artifacts fire in bare Keras and TensorFlow, without envlock.

    python tools/hostile_controls.py PYTHON [--only WORD]... [--record FILE] [--name ENVIRONMENT]

`PYTHON` is an interpreter with TensorFlow. Each artifact is built for it and loaded by it in a fork with
limits on its time and memory; payloads leave markers in a temporary folder. Nothing needs the network.
"""

from __future__ import annotations

import argparse
import collections
import datetime
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

from inspection.corpus import HOSTILE, Bench, Case  # noqa: E402 - found through the line above
from inspection.corpus.case import SECRET  # noqa: E402 - the same

from envlock.toml import loads  # noqa: E402 - found through the lines above

PROGRAM = TESTS / "inspection" / "corpus" / "fire.py"
RECORDED = TESTS / "inspection" / "corpus" / "controls.toml"
COMPILE = """
import base64, marshal, sys
for line in sys.stdin:
    code = eval(eval(line)).__code__
    print(base64.b64encode(marshal.dumps(code)).decode("ascii"), flush=True)
"""

# What would ask a host outside, or wait for one; and what waits for ever in any reader.
NOT_RUN = ("datasets", "applications", "application-", "vocabulary-at-", "tensorflow_hub", "preset", "pipe")
LOCAL = ("vocabulary-at-relative", "vocabulary-at-file-address", "vocabulary-at-process")


def runnable(case: Case) -> bool:
    """Whether it can be tried without a network."""
    return case.name in LOCAL or not any(word in case.name for word in NOT_RUN)


class Compiler:
    """Compiles lambdas in another interpreter: marshalled code is of one Python."""

    def __init__(self, python: str) -> None:
        command = [python, "-c", COMPILE]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, source: str) -> str:
        """The marshalled code, in base64."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(repr(source) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def close(self) -> None:
        """End the interpreter."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def build(case: Case, folder: Path, keras: int, compiler: Compiler) -> dict[str, str]:
    """The artifact in a folder of its own, as the program under test is told of it."""
    markers = folder / "markers"
    markers.mkdir(parents=True)
    bench = Bench(folder=folder / "artifact", markers=markers, keras=keras, bytecode=compiler)
    path = case.build(bench)
    return {"name": case.name, "path": str(path), "markers": str(markers), "secret": SECRET}


def surroundings(folder: Path) -> dict[str, str]:
    """The environment of the program: no accelerator, no home but a temporary one."""
    home = {name: str(folder) for name in ("HOME", "KERAS_HOME", "TMPDIR")}
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "KERAS_BACKEND": "tensorflow"}
    return {**os.environ, **home, **quiet, "OMP_NUM_THREADS": "2"}


def fire(python: str, cases: list[Case], folder: Path) -> Iterator[dict[str, Any]]:
    """First the versions, then what each artifact did."""
    (folder / "home").mkdir()
    command = ["nice", "-n", "10", python, str(PROGRAM)]
    environment = surroundings(folder / "home")
    compiler = Compiler(python)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=environment, text=True, **pipes) as process:  # type: ignore[call-overload]
        versions = json.loads(process.stdout.readline())
        yield versions
        keras = int(versions["keras"].partition(".")[0])
        for case in cases:
            job = build(case, folder / case.name.replace("/", "_"), case.dialect or keras, compiler)
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()
            yield json.loads(process.stdout.readline())
        process.stdin.close()
    compiler.close()


def record(name: str, versions: dict[str, str], results: list[dict[str, Any]], file: Path) -> None:
    """Write what this environment said into the table, beside what others said."""
    tables: dict[str, Any] = loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    table = tables.setdefault(name, {"fired": {}})
    table["date"] = datetime.datetime.now(datetime.timezone.utc).date()
    table["versions"] = versions
    table["fired"].update({item["name"]: ", ".join(item["fired"]) for item in results})
    known = {case.name for case in HOSTILE}
    table["fired"] = {key: said for key, said in sorted(table["fired"].items()) if key in known}
    ordered = sorted(tables.items(), key=lambda pair: pair[0])
    head = "# What each artifact does without envlock; empty: nothing. Written by tools/hostile_controls.py."
    file.write_text("\n".join([head, *(written(*pair) for pair in ordered)]), encoding="utf-8")


def written(name: str, table: dict[str, Any]) -> str:
    """One environment's part of the record."""
    said = ", ".join(f'{key} = "{value}"' for key, value in sorted(table["versions"].items()))
    fired = sum(bool(words) for words in table["fired"].values())
    rows = [f'"{key}" = "{words}"' for key, words in table["fired"].items()]
    lines = [f'["{name}"]', f"date = {table['date']}", f"versions = {{ {said} }}"]
    lines += [f"tried = {len(rows)}", f"fire = {fired}", "", f'["{name}".fired]', *rows]
    return "\n" + "\n".join(lines) + "\n"


def shown(item: dict[str, Any]) -> dict[str, Any]:
    """The same, printed."""
    print(f"{', '.join(item['fired']) or '-':24} {item['name']:50} {item['error'][:110]!r}", flush=True)
    return item


def main() -> None:
    """Try them all and print what fired."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("python")
    parser.add_argument("--only", action="append", default=[], help="Part of an artifact's name.")
    parser.add_argument("--record", type=Path, nargs="?", const=RECORDED)
    parser.add_argument("--name", help="What the environment is called in the record.")
    options = parser.parse_args()
    chosen = [case for case in HOSTILE if runnable(case)]
    if options.only:
        chosen = [case for case in chosen if any(word in case.name for word in options.only)]
    with tempfile.TemporaryDirectory() as folder:
        told = fire(options.python, chosen, Path(folder))
        versions = next(told)
        print(versions)
        results = [shown(item) for item in told]
    print(collections.Counter(word for item in results for word in item["fired"]))
    if options.record:
        record(options.name or Path(options.python).parent.parent.name, versions, results, options.record)


if __name__ == "__main__":
    main()
