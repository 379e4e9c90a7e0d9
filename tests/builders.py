"""Small real values, valid by default; what a test is about is what it overrides."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from envlock.facts import (
    KERAS_LOADER,
    Artifact,
    ArtifactFile,
    Canary,
    Cpu,
    CustomObject,
    Fingerprint,
    Gpu,
    Keras,
    Lock,
    Numpy,
    Package,
    Python,
    System,
    TensorFlow,
    TensorSpec,
)

DIGEST = "0123456789abcdef" * 4


def python(**overrides: Any) -> Python:
    return replace(Python(version="3.11.7", implementation="cpython"), **overrides)


def system(**overrides: Any) -> System:
    default = System(
        os="Linux", machine="x86_64", kernel="6.1.0", distribution="debian 12", libc="glibc 2.36"
    )
    return replace(default, **overrides)


def cpu(**overrides: Any) -> Cpu:
    return replace(Cpu(model="Intel Xeon", features=("avx2", "fma")), **overrides)


def gpu(**overrides: Any) -> Gpu:
    return replace(Gpu(driver=None, devices=(), cuda=None, cudnn=None), **overrides)


def tensorflow(**overrides: Any) -> TensorFlow:
    default = TensorFlow(distribution="tensorflow-cpu", version="2.15.1", cuda=None, cudnn=None)
    return replace(default, **overrides)


def keras(**overrides: Any) -> Keras:
    default = Keras(
        provider="keras",
        version="2.15.0",
        backend="tensorflow",
        floatx="float32",
        image_data_format="channels_last",
        dtype_policy="float32",
    )
    return replace(default, **overrides)


def numpy(**overrides: Any) -> Numpy:
    return replace(Numpy(version="1.26.4", blas="openblas64 0.3.23"), **overrides)


def package(name: str = "numpy", version: Any = "1.26.4", **overrides: Any) -> Package:
    return replace(Package(name=name, version=version, role="runtime"), **overrides)


def fingerprint(**overrides: Any) -> Fingerprint:
    default = Fingerprint(
        python=python(),
        system=system(),
        cpu=cpu(),
        gpu=gpu(),
        tensorflow=tensorflow(),
        keras=keras(),
        numpy=numpy(),
        variables={"TF_ENABLE_ONEDNN_OPTS": "0"},
        packages=(
            package("keras", "2.15.0", requires=("numpy",)),
            package("numpy", "1.26.4"),
            package("requests", "2.31.0", role="unrelated"),
        ),
    )
    return replace(default, **overrides)


def artifact_file(path: str = "house.keras", **overrides: Any) -> ArtifactFile:
    return replace(ArtifactFile(path=path, size=20615, sha256=DIGEST), **overrides)


def artifact(**overrides: Any) -> Artifact:
    default = Artifact(
        name="house.keras",
        format="keras",
        files=(artifact_file(),),
        keras_version="2.15.0",
        tensorflow_version=None,
    )
    return replace(default, **overrides)


def write_module(folder: Path, name: str, text: str) -> Path:
    """A module of the user's, of this dotted name, below a folder on the path."""
    path = folder / f"{name.replace('.', '/')}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    importlib.invalidate_caches()
    return path


def locked_gate(name: str = "house>Gate", **overrides: Any) -> CustomObject:
    """The class `Gate` of the module `stand_gates`, as it was locked."""
    default = {"module": "stand_gates", "qualname": "Gate", "digest": "8a" * 32, "modules": ("stand_gates",)}
    return custom_object(name, **{**default, **overrides})


def custom_object(name: str = "houses>Gate", **overrides: Any) -> CustomObject:
    default = CustomObject(
        name=name,
        kind="class",
        module="houses.gates",
        qualname="Gate",
        digest=DIGEST,
        distribution=None,
        modules=("houses", "houses.gates"),
        imports=("numpy",),
    )
    return replace(default, **overrides)


def lock(**overrides: Any) -> Lock:
    default = Lock(
        created_by="envlock 0.1.0",
        loader=KERAS_LOADER,
        artifact=artifact(),
        inputs=(TensorSpec(name="rooms", shape=(-1, 4), dtype="float32"),),
        outputs=(TensorSpec(name="price", shape=(-1, 1), dtype="float32"),),
        custom_objects=(custom_object(),),
        canary=Canary(source="seeded", rows=3, tolerance=1e-05),
        attachments=(artifact_file("architecture.json", size=812),),
        fingerprint=fingerprint(),
    )
    return replace(default, **overrides)


def install(
    site: Path,
    name: str,
    version: str = "1.0",
    *,
    requires: Iterable[str] = (),
    record: Iterable[str] = (),
) -> Path:
    """The folder of metadata that pip would leave in `site` for a distribution."""
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    head = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines = [*head, *(f"Requires-Dist: {line}" for line in requires), "", "Version: of the description"]
    (info / "METADATA").write_text("\n".join(lines), encoding="utf-8")
    (info / "RECORD").write_text("".join(f"{line},,\n" for line in record), encoding="utf-8")
    return info
