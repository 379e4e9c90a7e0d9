"""Values of the upper floors, valid and small unless a test says otherwise: "the same but"."""

from __future__ import annotations

import base64
import json
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from envlock import lockfile, store
from envlock.changes import changes
from envlock.emit.image_plan import ImagePlan
from envlock.facts import (
    KERAS_LOADER,
    WEIGHTS_LOADER,
    Artifact,
    ArtifactFile,
    Canary,
    Content,
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
from envlock.knowledge import Comparison, Finding, Severity, judge
from envlock.knowledge.rule import release
from envlock.report import Report

DIGEST = "0123456789abcdef" * 4

PACKAGES = (
    Package(name="absl-py", version="2.1.0", role="runtime"),
    Package(name="envlock-tf", version="0.1.0", role="tool"),
    Package(name="flask", version="3.0.3", role="unrelated"),
    Package(name="keras", version="3.5.0", role="runtime", requires=("absl-py", "numpy")),
    Package(name="numpy", version="1.26.4", role="runtime"),
    Package(name="tensorflow-cpu", version="2.17.0", role="runtime", requires=("absl-py", "keras", "numpy")),
)


def make_keras(version: Any = "3.5.0", **facts: Any) -> Keras:
    given: dict[str, Any] = {
        "provider": "keras",
        "backend": "tensorflow",
        "floatx": "float32",
        "image_data_format": "channels_last",
        "dtype_policy": "float32",
    }
    return Keras(version=version, **given | facts)


def make_tensorflow(version: Any = "2.17.0", **facts: Any) -> TensorFlow:
    given: dict[str, Any] = {"distribution": "tensorflow-cpu", "cuda": None, "cudnn": None}
    return TensorFlow(version=version, **given | facts)


def make_fingerprint(**facts: Any) -> Fingerprint:
    """TensorFlow 2.17.0 for CPUs with Keras 3.5.0 under Python 3.11.7 on Debian 12."""
    given: dict[str, Any] = {
        "python": Python(version="3.11.7", implementation="cpython"),
        "system": System(
            os="linux", machine="x86_64", kernel="6.1.0", distribution="debian 12", libc="glibc 2.36"
        ),
        "cpu": Cpu(model="Xeon", features=("avx2", "fma")),
        "gpu": Gpu(driver=None, devices=(), cuda=None, cudnn=None),
        "tensorflow": make_tensorflow(),
        "keras": make_keras(),
        "numpy": Numpy(version="1.26.4", blas="openblas 0.3.27"),
        "variables": {},
        "packages": PACKAGES,
    }
    return Fingerprint(**given | facts)


def make_packages(**versions: str | None) -> tuple[Package, ...]:
    """The packages of `make_fingerprint` with other versions; `None` takes one away."""
    named = {name.replace("_", "-"): version for name, version in versions.items()}
    kept = [package for package in PACKAGES if named.get(package.name, "kept") is not None]
    found = {
        package.name: replace(package, version=named.get(package.name, package.version)) for package in kept
    }
    for name, version in named.items():
        if version is not None and name not in found:
            found[name] = Package(name=name, version=version)
    return tuple(found[name] for name in sorted(found))


def make_artifact(kind: str = "keras", keras_version: Any = "3.5.0", **facts: Any) -> Artifact:
    """A saved model of this format, as the Keras of that version would write it."""
    name = {"keras": "house.keras", "hdf5": "house.h5", "saved-model": "house"}[kind]
    path = {"saved-model": "saved_model.pb"}.get(kind, name)
    given: dict[str, Any] = {
        "name": name,
        "files": (ArtifactFile(path=path, size=1234, sha256=DIGEST),),
        "tensorflow_version": None,
    }
    return Artifact(format=kind, keras_version=keras_version, **given | facts)


def make_layer(class_name: str, module: str = "keras.layers", **config: Any) -> dict[str, Any]:
    """A layer as it stands in an architecture."""
    return {"class_name": class_name, "module": module, "registered_name": None, "config": config}


def make_input(writer: str = "3.5.0", **config: Any) -> dict[str, Any]:
    """The layer that stands for the inputs, with the keys that this Keras writes."""
    given: dict[str, Any] = {"name": "features", "dtype": "float32", "sparse": False}
    given["batch_shape" if release(writer) >= (3,) else "batch_input_shape"] = [None, 4]
    if release(writer) < (3,) or release(writer) >= (3, 9):
        given["ragged"] = False
    if release(writer) >= (3, 13):
        given["optional"] = False
    return make_layer("InputLayer", **given | config)


def make_dense(writer: str = "3.5.0", **config: Any) -> dict[str, Any]:
    """A Dense layer, with the keys that this Keras writes."""
    given: dict[str, Any] = {"name": "dense", "trainable": True, "dtype": "float32", "units": 2}
    given |= {"activation": "linear", "use_bias": True}
    if release(writer) < (3,):
        given["activity_regularizer"] = None
    if release(writer) >= (3, 2):
        given["dtype"] = make_layer("DTypePolicy", "keras", name="float32")
    if release(writer) >= (3, 13):
        given["quantization_config"] = None
    return make_layer("Dense", **given | config)


def make_content(*layers: dict[str, Any], module: str = "keras", **facts: Any) -> Content:
    """A Sequential model of these layers."""
    model = make_layer("Sequential", module=module, name="sequential", layers=list(layers))
    return Content(**{"config": model, "compile_config": None} | facts)


def make_functional(
    *layers: dict[str, Any], writer: str = "3.5.0", module: str = "", **facts: Any
) -> Content:
    """A functional model of these layers, one behind the other, as that Keras writes it."""
    is_three, is_flat = release(writer) >= (3,), release(writer) >= (3, 4)
    names = [layer["config"]["name"] for layer in layers]
    connected = []
    for layer, before in zip(layers, [None, *names], strict=False):
        calls = [] if before is None else [_call(before, is_three=is_three)]
        connected.append(layer | {"name": layer["config"]["name"], "inbound_nodes": calls})
    ends = [[name, 0, 0] for name in (names[0], names[-1])]
    config = {
        "name": "model",
        "trainable": True,
        "layers": connected,
        "input_layers": ends[0] if is_flat else ends[:1],
        "output_layers": ends[1] if is_flat else ends[1:],
    }
    model = {
        "module": module or functional_module(writer),
        "class_name": "Functional",
        "config": config,
        "registered_name": "Functional",
    }
    return Content(**{"config": model, "compile_config": None} | facts)


def functional_module(writer: str) -> str:
    """The private module that `keras` of that release writes down for a functional model."""
    if release(writer) >= (3,):
        return "keras.src.models.functional"
    return "keras.src.engine.functional" if release(writer) >= (2, 13) else "keras.engine.functional"


def _call(layer: str, *, is_three: bool) -> Any:
    """A layer called on what another one gives."""
    if not is_three:
        return [[layer, 0, 0, {}]]
    tensor = {"shape": [None, 4], "dtype": "float32", "keras_history": [layer, 0, 0]}
    return {"args": [{"class_name": "__keras_tensor__", "config": tensor}], "kwargs": {}}


def in_hdf5(content: Content) -> Content:
    """The same content as an HDF5 file has it: models and layers without their modules."""
    config = content.config
    if not isinstance(config, dict):
        return content
    layers = [_without_module(layer) for layer in config["config"]["layers"]]
    inside = config["config"] | {"layers": layers}
    return replace(content, config=_without_module(config) | {"config": inside})


def _without_module(item: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key not in {"module", "registered_name"}}


def make_custom_object(**facts: Any) -> CustomObject:
    """A layer of the user's own, which imports SciPy."""
    given: dict[str, Any] = {
        "name": "shop>Gate",
        "kind": "layer",
        "module": "shop.gates",
        "qualname": "Gate",
        "digest": DIGEST,
        "distribution": None,
        "modules": ("shop.gates",),
        "imports": ("scipy",),
    }
    return CustomObject(**given | facts)


def make_comparison(**facts: Any) -> Comparison:
    """A `.keras` file of Keras 3.5.0 with itself; `changes` follow from the two sides."""
    given: dict[str, Any] = {
        "locked": make_fingerprint(),
        "current": make_fingerprint(),
        "artifact": make_artifact(),
        "content": make_content(make_input(), make_dense()),
    }
    given |= facts
    return Comparison(**{"changes": changes(given["locked"], given["current"])} | given)


def make_reading(keras: Any = "3.5.0", tensorflow: Any = "2.17.0", **facts: Any) -> dict[str, Fingerprint]:
    """The target's side of a comparison: these facts, or the facts for these versions."""
    given: dict[str, Any] = {
        "keras": make_keras(keras) if isinstance(keras, str) else keras,
        "tensorflow": make_tensorflow(tensorflow) if isinstance(tensorflow, str) else tensorflow,
    }
    return {"current": make_fingerprint(**given | facts)}


def say(code: str, seen: Comparison) -> list[tuple[str, str]]:
    """What one rule has to say: subjects and sentences."""
    return [(finding.subject, finding.message) for finding in judge(seen) if finding.code == code]


def make_finding(severity: Severity = Severity.ERROR, **facts: Any) -> Finding:
    code = {Severity.ERROR: "EL101", Severity.WARNING: "EL113", Severity.NOTE: "EL312"}[severity]
    given: dict[str, Any] = {
        "code": code,
        "subject": "house.keras",
        "message": "it cannot be read",
        "remedy": "read another",
    }
    return Finding(severity=severity, **given | facts)


def make_report(**facts: Any) -> Report:
    """A report of nothing: the same environment."""
    given: dict[str, Any] = {
        "subject": "house.keras",
        "loader": KERAS_LOADER,
        "verdict": "same",
        "loaders": {KERAS_LOADER: "same", WEIGHTS_LOADER: "same"},
        "findings": (),
        "changes": (),
        "unknown": {},
        "saved_with": "TensorFlow 2.17.0, Keras 3.5.0",
        "target": "requirements.txt",
    }
    return Report(**given | facts)


def make_lock(**facts: Any) -> Lock:
    given: dict[str, Any] = {
        "created_by": "envlock 0.1.0",
        "loader": KERAS_LOADER,
        "artifact": make_artifact(),
        "inputs": (TensorSpec(name="x", shape=(-1, 4), dtype="float32"),),
        "outputs": (TensorSpec(name="dense", shape=(-1, 1), dtype="float32"),),
        "custom_objects": (),
        "canary": Canary(source="seeded", rows=3, tolerance=1e-5),
        "attachments": (),
        "fingerprint": make_fingerprint(),
    }
    return Lock(**given | facts)


def make_plan(**facts: Any) -> ImagePlan:
    given: dict[str, Any] = {
        "base": "python:3.11-slim",
        "requirements": ("keras==3.5.0", "numpy==1.26.4"),
        "variables": (("KERAS_BACKEND", "tensorflow"), ("TF_ENABLE_ONEDNN_OPTS", "0")),
        "labels": (("dev.envlock.lock.digest", f"sha256:{DIGEST}"), ("dev.envlock.model.format", "keras")),
        "files": {"app/model.json": "{}\n", "app/keras/keras.json": "{}\n"},
    }
    return ImagePlan(**given | facts)


# A file of weights as h5py writes it: one array of zeros, of shape (2, 2).
_WEIGHTS = zlib.decompress(
    base64.b85decode(
        "c-rgqaB<`1lHy_j0S*oZ76t(ZWbhvf76_v9Ve$!3nh{EOK<O1sFmXn(oCH){5NbZUx{x4OSCH!eXaHu<16Byl!7v"
        "I&BJgl^3;@v)P(Cb`o?t>%my=kTT2zckj~*1-i!1$lFhlqmti+|?7o4N%cQpNCrr!=$RCOt-dBv#=)Jwm?e*P|?6"
        "bwsu3e2eGHF`Q81*DY&0qhWd0Vi?gzz5#Za$vL^z$^zQaH6U!O9a(ov?~WR*ip*?^mIH5NGk^-xFP%sUgF9D4}sB"
        "gV6+^-EC*)rqN+1M>t9j395CQUH6J}4j{;of04pTS7-4)32+af$fOSi7(agXS1f)_>K_1xW2Di)@#5owm>!I?jz!"
        "(C_GciF7<bakq%#0HRQBw>IR19c%pr<Pf{?Rl-4FCXbgL}^"
    )
)


def write_archive(path: Path, *layers: dict[str, Any], keras_version: str = "3.5.0") -> Path:
    """
    A `.keras` archive as far as it is read without Keras; the same arguments give the same bytes.

    Without layers it is a model of Keras 3.
    """
    content = make_content(*(layers or (make_input(), make_dense())))
    members = {
        "metadata.json": json.dumps({"keras_version": keras_version}),
        "config.json": json.dumps(content.config),
        "model.weights.h5": _WEIGHTS,
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return path


def write_locked(path: Path, *layers: dict[str, Any], **facts: Any) -> Path:
    """The same with a lock beside it."""
    write_archive(path, *layers)
    artifact = make_artifact(name=path.name, files=store.describe(path))
    text = lockfile.dumps(make_lock(artifact=artifact, **facts))
    lockfile.place(path).lock.write_text(text, encoding="utf-8")
    return path
