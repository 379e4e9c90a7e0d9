"""`docs/facts.md` lists every fact that we record, and for every fact of another tool ours or a reason."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from envlock import variables
from envlock.codec import outside
from envlock.facts import Content, Fingerprint, Lock, TensorSpec, Unknown, is_compared

PAGE = (Path(__file__).parent.parent / "docs" / "facts.md").read_text(encoding="utf-8")

# What has no fields to list: a tensor's three are told once, an unknown is no fact.
WHOLE = (TensorSpec, Unknown)


def parts(hint, item="") -> Iterator[tuple[type, str]]:
    """The classes that a field of this type holds, each with `.*` for every list around it."""
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        for option in typing.get_args(hint):
            yield from parts(option, item)
    elif typing.get_origin(hint) is tuple:
        yield from parts(typing.get_args(hint)[0], f"{item}.*")
    elif is_dataclass(hint) and hint not in WHOLE:
        yield hint, item


def facts(kind, path="", *, compared=True) -> Iterator[tuple[str, str, bool]]:
    """The path of each field below `kind`, how it is used, and whether it holds no further fields."""
    hints = typing.get_type_hints(kind)
    for field in fields(kind):
        where = f"{path}.{outside(field.name)}" if path else outside(field.name)
        used = compared and is_compared(field)
        inner = list(parts(hints[field.name]))
        yield where, "compared" if used else "recorded", not inner
        for part, item in inner:
            yield from facts(part, f"{where}{item}", compared=used)


ENVIRONMENT = list(facts(Fingerprint))
# A fingerprint's facts stand directly beside the lock's.
MODEL = [fact for fact in facts(Lock) if not fact[0].startswith("fingerprint")]
MODEL += facts(Content, "content")
PATHS = {path for path, _, _ in [*ENVIRONMENT, *MODEL]} | {"content"}


def exists(path: str) -> bool:
    return any(re.fullmatch(re.escape(known).replace(r"\*", r"[^.]+"), path) for known in PATHS)


def named(text: str) -> list[str]:
    """What `text` quotes that has the form of one of our paths."""
    roots = {path.partition(".")[0] for path in PATHS}
    quoted = re.findall(r"`([a-z*][a-z0-9*.-]*)`", text)
    return [path for path in quoted if path.partition(".")[0] in roots]


def rows(title: str, header: str) -> list[list[str]]:
    """The cells of every table in a section whose header begins so, as lists."""
    section = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    tables = re.findall(
        rf"^\| {re.escape(header)} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)",
        section[1] if section else "",
        re.MULTILINE,
    )
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in "".join(tables).splitlines()]


TOOLS = ("collect_env", "tf_env", "tf_env 2026", "watermark", "MLflow", "W&B", "others")
COMPARISON = rows("Against other tools", "what they record")

# What each tool writes, under its own names, and the rows that answer it, as the sources say that the page
# names.
THEIRS = {
    "collect_env": {
        "torch_version": "version of the framework",
        "is_debug_build": "whether it is a debug build",
        "cuda_compiled_version": "CUDA it was built against",
        "gcc_version, clang_version, cmake_version": "compilers and build tools: gcc, clang, CMake, Bazel",
        "os": "distribution and its release; architecture; release of macOS or Windows",
        "libc_version": "C library",
        "python_version": "version; compiler of the interpreter; 32 or 64 bits",
        "python_platform": "operating system; kernel; architecture",
        "is_cuda_available, is_xpu_available": "devices that the framework sees",
        "is_xpu_available: XPU used to build": "oneAPI it was built against",
        "is_xpu_available: driver and models": "Intel's cards and their driver",
        "cuda_runtime_version": "CUDA toolkit on the path (`nvcc`)",
        "cuda_module_loading": "`CUDA_MODULE_LOADING`",
        "nvidia_driver_version": "driver",
        "nvidia_gpu_models": "names and number of the cards; instances (MIG); AMD's cards",
        "cudnn_version": "cuDNN on the disk",
        "pip_version": "pip, setuptools and wheel",
        "pip_packages": "versions of chosen packages; wheels that bring CUDA",
        "conda_packages": "packages of conda",
        "hip_compiled_version": "ROCm it was built against",
        "hip_runtime_version, miopen_runtime_version": "HIP and MIOpen that are installed",
        "caching_allocator_config": "settings of the caching allocator",
        "is_xnnpack_available": "whether XNNPACK is available",
        "cpu_info": "model; instruction sets; number of cores",
    },
    "tf_env": {
        "check python": "version; implementation",
        "check python, build": "compiler of the interpreter; branch, number and day of its build",
        "check os platform": "operating system; kernel",
        "check os platform, release": "distribution and its release; release of macOS or Windows",
        "uname, architecture": "host name; architecture; 32 or 64 bits",
        "are we in docker": "whether it is a container",
        "compiler, bazel version": "compilers and build tools: gcc, clang, CMake, Bazel",
        "check pips": "versions of chosen packages",
        "check for virtualenv": "whether it is a virtual environment",
        "tensorflow import": "version of the framework; commit it was built from; compiler it was built with",
        "Sanity check": "whether it imports and computes",
        "LD_DEBUG": "shared libraries that it loads",
        "env": "`LD_LIBRARY_PATH`; `DYLD_LIBRARY_PATH`",
        "nvidia-smi": "driver; names and number of the cards",
        "nvidia-smi, head": "memory of each; newest CUDA that the driver serves",
        "nvidia-smi, table": "instances (MIG); bus address, NUMA node",
        "nvidia-smi, moment": "load, temperature, power, processes, persistence mode, ECC",
        "cuda libs": "CUDA libraries on the disk",
        "tensorflow installed from info": "what TensorFlow requires (`pip show`)",
        "pip show": "its folder, home page, author and licence (`pip show`)",
    },
    "tf_env 2026": {
        "report metadata, collected_at": "moment, duration, time zone",
        "python": "version; implementation; path of the interpreter; whether it is a virtual environment",
        "os": "operating system; kernel; architecture; C library; distribution and its release; host name",
        "is_apple_silicon": "Apple's chip and Mac model",
        "are we in docker": "whether it is a container",
        "c++ compiler, bazel version": "compilers and build tools: gcc, clang, CMake, Bazel",
        "check pips": "versions of chosen packages; version of Keras",
        "tensorflow package conflicts": "several TensorFlows at once",
        "tensorflow": "version of the framework; commit it was built from; compiler it was built with",
        "importable": "whether it imports and computes",
        "physical_devices": "devices that the framework sees",
        "loaded libraries": "shared libraries that it loads",
        "LD_LIBRARY_PATH, DYLD_LIBRARY_PATH": "`LD_LIBRARY_PATH`; `DYLD_LIBRARY_PATH`",
        "CC, CXX, TF_NEED_…, HERMETIC_…": "`CC`, `CXX`, `TF_NEED_CUDA`, `HERMETIC_CUDA_VERSION` and the like",
        "CUDA_…": "`CUDA_HOME`, `CUDA_PATH`, `CUDA_TOOLKIT_PATH`, `ROCM_PATH`, `HIP_PATH`",
        "XLA_FLAGS, TF_XLA_FLAGS": "`XLA_FLAGS`, `TF_XLA_FLAGS`",
        "TPU_NAME": "TPU, Trainium",
        "nvidia_smi": "driver; names and number of the cards",
        "nvidia_smi, head": "memory of each; newest CUDA that the driver serves",
        "cuda libs, nvcc version": "CUDA libraries on the disk",
        "cuda libs, nvcc version: cuDNN": "cuDNN on the disk; CUDA toolkit on the path (`nvcc`)",
        "rocm_smi, rocminfo": "AMD's cards",
        "rocm_smi, rocminfo: settings": "AMD's clocks, power limits, firmware and card number; AMD's driver",
        "rocm libs": "HIP and MIOpen that are installed",
        "tensorflow_metal": "Apple's graphics (Metal)",
        "tensorflow installation": "what TensorFlow requires (`pip show`)",
    },
    "watermark": {
        "author, email, github_username, website": "user name, e-mail address, author, account",
        "current_date, current_time, timezone, updated, iso8601": "moment, duration, time zone",
        "python": "version; implementation",
        "packages": "versions of chosen packages; version of the framework; version of Keras",
        "check_latest": "whether the index has a newer release",
        "conda": "name of the conda environment",
        "hostname": "host name",
        "machine": "compiler of the interpreter; operating system; kernel",
        "machine, hardware": "architecture; model; number of cores",
        "machine, Architecture": "32 or 64 bits",
        "githash": "commit",
        "gitrepo": "address of the repository",
        "gitbranch": "branch",
        "watermark": "version of the recording tool",
        "iversions": "which of them the program uses",
        "gpu": "names and number of the cards",
        "jupyter_env": "kind of notebook or editor",
        "python_installation": "who installed it: conda, pyenv, Homebrew, Windows Store",
        "python_installation: Docker": "whether it is a container",
    },
    "MLflow": {
        "flavors": "format; how it is loaded; version of Keras; backend of Keras; version of the framework",
        "keras_module.txt": "which Keras, `keras` or `tf_keras`",
        "python_env.yaml": "version; pip, setuptools and wheel",
        "requirements.txt, conda.yaml": "a file to install them from; which of them the program uses",
        "constraints.txt, uv.lock": "constraints, `uv.lock`, `pyproject.toml` of the project",
        "signature": "inputs and outputs: names, shapes, dtypes; parameters of inference",
        "saved_input_example_info": "example of an input",
        "code": "modules to load the model with",
        "custom_objects.cloudpickle": "custom objects",
        "model_size_bytes": "size",
        "mlflow_version": "version of the recording tool",
        "utc_time_created": "moment, duration, time zone",
        "model_uuid, run_id, model_id, artifact_path": "numbers of run, experiment, model and registry",
        "metadata, tags": "names, tags and notes that people give",
        "prompts, resources, auth_policy": "prompts, resources, authorisation policy",
        "env_vars": "names of the variables that the model reads",
        "databricks_runtime": "SLURM, CoreWeave or Databricks: cluster, job, runtime",
        "mlflow.user": "user name, e-mail address, author, account",
        "mlflow.source.name": "program or notebook that ran",
        "mlflow.source.type": "kind of notebook or editor",
        "mlflow.source.git.…": "commit; branch; address of the repository; whether files differ from it",
        "mlflow.source.git.diff": "what differs, as a patch",
        "mlflow.docker.image.…": "name of the container's image",
        "autolog": "optimizer, loss; batch size, epochs, parameters, metrics; layers, as a table or a graph",
        "log_input": "data sets and their digests",
        "system metrics": "load, temperature, power, processes, persistence mode, ECC",
        "doctor": "operating system; kernel; settings of the tool itself (`MLFLOW_…`), tracking address",
    },
    "W&B": {
        "os": "operating system; kernel; architecture; C library; release of macOS or Windows",
        "python": "version; implementation",
        "startedAt": "moment, duration, time zone",
        "docker": "name of the container's image",
        "args": "arguments of the program",
        "program, codePath, codePathLocal": "program or notebook that ran",
        "git": "commit; address of the repository",
        "email, username": "user name, e-mail address, author, account",
        "root": "folder of the repository, working folder",
        "host": "host name",
        "executable": "path of the interpreter",
        "colab": "kind of notebook or editor",
        "cpu_count, cpu_count_logical, cpu.…": "number of cores; model",
        "gpu, gpu_count, gpu_nvidia.name": "names and number of the cards",
        "gpu_nvidia.memoryTotal": "memory of each",
        "gpu_nvidia.cudaCores": "number of CUDA cores",
        "gpu_nvidia.architecture": "architecture of each",
        "gpu_nvidia.uuid": "UUID of each card",
        "gpu_nvidia.pciBusId, numaNode": "bus address, NUMA node",
        "cudaVersion": "newest CUDA that the driver serves",
        "gpu_amd": "AMD's cards; AMD's clocks, power limits, firmware and card number",
        "apple": "Apple's chip and Mac model; Apple's graphics (Metal)",
        "apple.…Cores": "sockets, cores per socket, physical cores, efficient cores",
        "apple.swapTotalBytes, disk": "swap, disks and how full they are",
        "memory": "memory",
        "slurm, coreweave": "SLURM, CoreWeave or Databricks: cluster, job, runtime",
        "trainium, tpu": "TPU, Trainium",
        "requirements.txt": "every installed distribution",
        "requirements.txt, use": "a file to install them from; wheels that bring CUDA",
        "diff.patch": "what differs, as a patch; whether files differ from it",
        "code": "source of the program or notebook",
        "artifact": "digests of its files; size; data sets and their digests",
        "telemetry": "which features of the tool are used; version of the recording tool",
        "telemetry.imports": "which of them the program uses",
        "writerId, run": "numbers of run, experiment, model and registry",
        "run: words": "names, tags and notes that people give",
        "config, summary": "batch size, epochs, parameters, metrics; layers, as a table or a graph",
        "settings": "settings of the tool itself (`MLFLOW_…`), tracking address",
        "system metrics": "load, temperature, power, processes, persistence mode, ECC",
    },
}


def test_every_fact_of_an_environment_is_listed_with_how_it_is_used():
    listed = [(path, cells[-1]) for cells in rows("The environment", "fact") for path in named(cells[0])]

    # The variables have a section of their own.
    expected = [(path, used) for path, used, is_last in ENVIRONMENT if is_last and path != "variables"]
    assert sorted(listed) == sorted(expected)


def test_every_fact_of_a_model_is_listed():
    listed = [path for cells in rows("The model", "fact") for path in named(cells[0])]

    assert sorted(listed) == sorted(path for path, _, is_last in MODEL if is_last)


def test_every_environment_variable_is_listed_with_its_kind():
    listed = {cells[0].strip("`"): cells[1] for cells in rows("Environment variables", "variable")}

    expected = dict.fromkeys(variables.GRAMMAR, "machine")
    expected |= dict.fromkeys(variables.FOLLOWS_THE_MODEL, "framework")
    expected |= dict.fromkeys(variables.ARITHMETIC, "arithmetic")
    expected |= dict.fromkeys(variables.PATHS, "folder")
    assert listed == expected


def test_every_fact_says_what_it_is_and_where_it_comes_from():
    sections = ("The environment", "fact"), ("The model", "fact"), ("Environment variables", "variable")
    empty = [cells for section in sections for cells in rows(*section) if not all(cells)]

    assert empty == []


def test_every_path_on_the_page_is_one_of_ours():
    assert [path for path in named(PAGE) if not exists(path)] == []


def test_every_fact_of_another_tool_is_ours_or_has_a_reason():
    ours = {cells[0]: cells[1] for cells in COMPARISON}

    unanswered = [fact for fact, answer in ours.items() if not re.match(r"`[a-z]|— \S+ \S+", answer)]
    strange = {
        fact: named(answer) for fact, answer in ours.items() if answer.startswith("`") and not named(answer)
    }
    assert (unanswered, strange) == ([], {})


@pytest.mark.parametrize("tool", THEIRS)
def test_everything_that_a_tool_writes_has_its_rows(tool):
    column = TOOLS.index(tool) + 2
    says = {cells[0]: cells[column] for cells in COMPARISON}

    wanted = {row for answer in THEIRS[tool].values() for row in answer.split("; ")}
    assert {row: says.get(row) for row in wanted if says.get(row) not in {"yes", "partly"}} == {}


def test_no_reason_stands_beside_a_fact_that_we_record():
    assert [cells[0] for cells in COMPARISON if cells[1].startswith("—") and named(cells[1])] == []


def test_every_row_of_the_comparison_says_which_tools_record_the_fact():
    says = [(cells[0], set(cells[2:8]) <= {"yes", "partly", "no"}, len(cells)) for cells in COMPARISON]
    nobodys = [cells[0] for cells in COMPARISON if set(cells[2:]) == {"no"}]

    assert says == [(cells[0], True, 9) for cells in COMPARISON]
    assert nobodys == []


def test_a_fact_of_another_tool_has_one_row():
    compared = [cells[0] for cells in COMPARISON]

    assert sorted(compared) == sorted(set(compared))


def test_every_tool_of_the_comparison_has_its_source():
    sources = [cells[0] for cells in rows("Sources", "column")]

    headers = re.findall(r"^\| what they record \| envlock \| (.*) \|$", PAGE, re.MULTILINE)
    assert {tuple(header.split(" | ")) for header in headers} == {TOOLS}
    assert sources == list(TOOLS)
