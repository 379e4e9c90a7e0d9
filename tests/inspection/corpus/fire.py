"""A program for the interpreter under test: loads each artifact bare, in a fork, and says what it did.

It reads one JSON object a line (`name`, `path`, `markers`, `secret`), from a file or from where it is asked,
and writes one a line (`name`, `fired`, `loaded`, `error`). `fired` is empty, or names what happened.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

SECONDS = 15
DATA = 5 << 30
GROWN = 700  # MiB
MEMORY = (
    "OOM",
    "MemoryError",
    "Unable to allocate",
    "allocat",
    "ResourceExhausted",
    "Array too large",
    "too big",
)


def state(keras: Any) -> tuple[Any, ...]:
    """What a model must not change in the process."""
    policy = keras.mixed_precision.global_policy if hasattr(keras.mixed_precision, "global_policy") else None
    policy = policy or keras.mixed_precision.dtype_policy
    backend = keras.backend
    flags: list[Any] = [policy().name, backend.floatx(), backend.image_data_format(), repr(backend.epsilon())]
    if hasattr(keras, "config"):
        flags.append(keras.config.is_interactive_logging_enabled())
        common = importlib.import_module("keras.src.backend.common.global_state")
        flags.append(common.get_global_attribute("safe_mode_saving"))
    return tuple(flags)


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def load(keras: Any, path: str, *, safe: bool) -> Any:
    """The model: by Keras, or by TensorFlow where Keras reads no SavedModels."""
    import tensorflow

    exported = Path(path).is_dir() and not Path(path, "config.json").exists()
    if not exported:
        return keras.models.load_model(path, safe_mode=safe)
    if Path(path, "keras_metadata.pb").exists() and keras.__version__.startswith("2."):
        return keras.models.load_model(path)
    try:
        return tensorflow.saved_model.load(path)
    except ValueError as error:
        if "tags" not in str(error):
            raise
        return tensorflow.saved_model.load(path, tags=["train"])


def example(shape: Any, dtype: Any) -> Any:
    import numpy
    import tensorflow

    sizes = [size or 1 for size in shape]
    if "string" in str(dtype):
        return tensorflow.constant(numpy.full(sizes, "a").tolist(), shape=sizes)
    return tensorflow.zeros(sizes, dtype)


def called(model: Any) -> Any:
    """What one call gives."""
    signatures = getattr(model, "signatures", None)
    if signatures:
        function = next(iter(signatures.values()))
        said = function.structured_input_signature[1]
        return function(**{name: example(item.shape, item.dtype.name) for name, item in said.items()})
    values = [example(item.shape, getattr(item.dtype, "name", item.dtype)) for item in model.inputs]
    return model(values[0] if len(values) == 1 else values)


def known(model: Any, output: Any, secret: str) -> bool:
    """Whether the model holds or says what stands in the secret file."""
    import tensorflow

    layers = list(model._flatten_layers()) if hasattr(model, "_flatten_layers") else []
    for layer in layers:
        if hasattr(layer, "get_vocabulary") and secret in str(layer.get_vocabulary()):
            return True
    weights = [weight.numpy().tobytes() for weight in getattr(model, "weights", [])]
    outputs = [
        bytes(str(item.numpy()), "utf-8")
        for item in tensorflow.nest.flatten(output)
        if hasattr(item, "numpy")
    ]
    return any(secret[:32].encode() in item for item in weights + outputs)


def unread(artifact: Path) -> Path | None:
    """The file that no model may read, with the time of its last reading set back."""
    secret = artifact.parent / "outside" / "secret.txt"
    if not secret.exists():
        return None
    os.utime(secret, (1, secret.stat().st_mtime))
    return secret


def attempt(keras: Any, job: dict[str, str], *, safe: bool) -> dict[str, Any]:
    """Load and call once, and look at the marks."""
    os.chdir(Path(job["path"]).parent)
    signal.alarm(SECONDS)
    resource.setrlimit(resource.RLIMIT_DATA, (DATA, DATA))
    before, start = state(keras), peak()
    watched = unread(Path(job["path"]))
    said: dict[str, Any] = {"fired": [], "loaded": False, "error": ""}
    model, output = None, None
    try:
        model = load(keras, job["path"], safe=safe)
        said["loaded"] = True
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the result
        said["error"] = f"{type(error).__name__}: {error}"[-300:]
    if any(Path(job["markers"]).iterdir()):
        said["fired"].append("load")
    if state(keras) != before:
        said["fired"].append("state")
    try:
        output = called(model) if model is not None else None
    except BaseException as error:  # noqa: BLE001 - the same
        said["error"] = said["error"] or f"{type(error).__name__}: {error}"[-300:]
    if any(Path(job["markers"]).iterdir()) and "load" not in said["fired"]:
        said["fired"].append("call")
    if model is not None and known(model, output, job["secret"]):
        said["fired"].append("secret")
    elif watched is not None and watched.stat().st_atime != 1:
        said["fired"].append("read")
    if peak() - start > GROWN or any(word in said["error"] for word in MEMORY):
        said["fired"].append("memory")
    return said


def forked(keras: Any, job: dict[str, str], *, safe: bool) -> dict[str, Any]:
    """The attempt in a process of its own, which may die of it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.dup2(os.open(os.devnull, os.O_RDWR), 1)
        try:
            said = attempt(keras, job, safe=safe)
        except BaseException as error:  # noqa: BLE001 - the child must end here
            said = {"fired": [], "loaded": False, "error": f"in the control: {error!r}"[:300]}
        os.write(writing, json.dumps(said).encode("utf-8"))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        data = stream.read()
    status = os.waitpid(child, 0)[1]
    if data:
        return dict(json.loads(data))
    ended = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    how = {signal.SIGALRM: "time", signal.SIGABRT: "memory", signal.SIGKILL: "memory"}.get(ended, "died")
    return {"fired": [how], "loaded": False, "error": f"ended by signal {ended}"}


def main() -> None:
    import keras
    import numpy
    import tensorflow

    versions = {module.__name__: module.__version__ for module in (keras, tensorflow, numpy)}
    print(json.dumps({**versions, "python": sys.version.split()[0]}), flush=True)
    lines = Path(sys.argv[1]).open(encoding="utf-8") if sys.argv[1:] else sys.stdin  # noqa: SIM115 - ends with it
    for line in lines:
        job = json.loads(line)
        said = forked(keras, job, safe=True)
        if not said["fired"] and any(word in said["error"] for word in ("unsafe", "safe_mode", "ambda")):
            unsafe = forked(keras, job, safe=False)
            said["fired"] = [f"{word} (unsafe)" for word in unsafe["fired"]]
        print(json.dumps({"name": job["name"], **said}), flush=True)


if __name__ == "__main__":
    main()
