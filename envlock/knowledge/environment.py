"""Rules about what surrounds the model: frameworks, arithmetic, hardware, packages."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.facts import (
    KERAS_LOADER,
    NOT_RECORDED,
    TENSORFLOW_DISTRIBUTIONS,
    WEIGHTS_LOADER,
    Fingerprint,
    Gpu,
    Package,
    Unknown,
)
from envlock.knowledge.rule import Case, Comparison, Severity, rule
from envlock.variables import ARITHMETIC

__all__ = ["RULES"]

_DEFAULTS = ("floatx", "image-data-format", "epsilon")
_TENSORFLOW = "https://www.tensorflow.org/install/source#tested_build_configurations"


@rule(
    "EL301",
    Severity.ERROR,
    source=_TENSORFLOW,
    remedy="install a TensorFlow and Keras that load it (diff --suggest names them)",
)
def tensorflow_missing(seen: Comparison) -> Iterator[Case]:
    """
    The target has no TensorFlow, or no Keras.

    The model cannot be loaded there at all.
    """
    backend = getattr(seen.current.keras, "backend", "tensorflow")
    if seen.current.tensorflow is None and (backend == "tensorflow" or seen.artifact.format == "saved-model"):
        yield "tensorflow", f"TensorFlow is not installed in the target{_named_instead(seen.current)}"
    if (
        seen.current.keras is None
        and seen.current.tensorflow is not None
        and seen.artifact.format != "saved-model"
    ):
        yield "keras", "Keras is not installed in the target"


def _named_instead(current: Fingerprint) -> str:
    """What a list names in place of TensorFlow and Keras, and which of them that may be a slip of."""
    packages = current.packages if isinstance(current.packages, tuple) else ()
    named = [item.name for item in packages if item.wheel == NOT_RECORDED and isinstance(item.version, str)]
    if current.keras is not None or not named:
        return ""
    from difflib import get_close_matches  # most targets have what they are asked for

    known = {*TENSORFLOW_DISTRIBUTIONS, "keras", "tf-keras"}
    if known & set(named):
        return ""
    for name in named:
        near = get_close_matches(name, known, n=1, cutoff=_ALIKE)
        if near:
            return f", nor Keras; it names {name}: did you mean {near[0]}?"
    more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    return f", nor Keras; it names {', '.join(named[:_MOST_NAMED])}{more}"


_ALIKE = 0.75
_MOST_NAMED = 4


@rule(
    "EL302",
    Severity.WARNING,
    source="https://keras.io/getting_started/#configuring-your-backend",
    remedy="set KERAS_BACKEND to what it was",
    loaders=(KERAS_LOADER, WEIGHTS_LOADER),
)
def backend_changed(seen: Comparison) -> Iterator[Case]:
    """
    Keras runs on another backend.

    Weights cross, arithmetic differs in the last digits, and layers that call TensorFlow themselves
    fail.
    """
    change = seen.change("keras.backend")
    if change and change.locked and change.current:
        yield (
            "keras.backend",
            f"the model was saved on {change.locked}, the target runs Keras on {change.current}",
        )


@rule(
    "EL303",
    Severity.WARNING,
    source="https://keras.io/api/utils/config_utils/",
    remedy="set it as it was, in keras.json or in the program",
    loaders=(KERAS_LOADER, WEIGHTS_LOADER),
)
def default_changed(seen: Comparison) -> Iterator[Case]:
    """
    A default of Keras differs: float type, image format or epsilon.

    Built-in layers carry their own settings in the file; custom code that asks for the default does
    not, and neither does code that prepares the inputs.
    """
    for key in _DEFAULTS:
        change = seen.change(f"keras.{key}")
        if change and change.locked and change.current:
            yield f"keras.{key}", f"{key} was {change.locked}, the target has {change.current}"


@rule(
    "EL304",
    Severity.WARNING,
    source="https://www.tensorflow.org/api_docs/python/tf/config/experimental/enable_op_determinism",
    remedy="set the variable as it was",
)
def arithmetic_switch_changed(seen: Comparison) -> Iterator[Case]:
    """
    A variable that changes arithmetic differs.

    It selects other kernels, so that results move in the last digits and more under reduced
    precision.
    """
    for name in ARITHMETIC:
        change = seen.change(f"variables.{name}")
        if change:
            was, now = (
                value if value is not None else "not set" for value in (change.locked, change.current)
            )
            yield name, f"{name} was {was}, in the target it is {now}"


@rule(
    "EL305",
    Severity.WARNING,
    source="https://www.tensorflow.org/guide/gpu",
    remedy="run envlock verify there: the canaries show how far the numbers move",
)
def gpu_changed(seen: Comparison) -> Iterator[Case]:
    """
    The model was saved on a machine with a graphics card and the target has none, or the other way round.

    Sums are taken in another order, and on newer cards in reduced precision (TF32).
    """
    before, after = (_cards(side) for side in (seen.locked, seen.current))
    if before is not None and after is not None and bool(before) != bool(after):
        yield "gpu", f"the model was saved with {before or 'no GPU'}, the target has {after or 'none'}"


@rule("EL306", Severity.WARNING, source=_TENSORFLOW, remedy="uninstall all of them and install one")
def several_tensorflows(seen: Comparison) -> Iterator[Case]:
    """
    Several distributions of TensorFlow are installed over each other.

    They share one folder; which files won depends on the order of installation, and uninstalling
    one breaks the other. Of one and the same release, as where tf-keras brings `tensorflow` beside
    `tensorflow-cpu`, either does.
    """
    if isinstance(seen.current.packages, Unknown):
        return
    found = {
        package.name: package.version
        for package in seen.current.packages
        if package.name in TENSORFLOW_DISTRIBUTIONS
    }
    if "tensorflow" in found:  # it depends on one of these where it has no files of its own
        found = {
            name: version
            for name, version in found.items()
            if name not in {"tensorflow-intel", "tensorflow-macos"}
        }
    if len(set(found.values())) > 1:
        yield "tensorflow", f"the target has {' and '.join(found)} installed over each other"


@rule("EL310", Severity.NOTE, source=_TENSORFLOW, remedy="nothing to do")
def runtime_package_differs(seen: Comparison) -> Iterator[Case]:
    """A package that the model runs on has another version, which is not known to touch this model."""
    yield from _packages(seen, related=True)


@rule("EL311", Severity.NOTE, source=_TENSORFLOW, remedy="nothing to do")
def unrelated_package_differs(seen: Comparison) -> Iterator[Case]:
    """A package that the model does not use differs."""
    yield from _packages(seen, related=False)


@rule("EL312", Severity.NOTE, source=_TENSORFLOW, remedy="nothing to do")
def surroundings_differ(seen: Comparison) -> Iterator[Case]:
    """Python, the operating system, the processor or a setting differs in a way not known to matter."""
    judged = {"keras.backend", "cpu.features", *(f"keras.{key}" for key in _DEFAULTS)}
    for change in seen.changes:
        section, _, name = change.path.partition(".")
        if section == "packages" or change.path in judged or name in ARITHMETIC:
            continue
        was, now = (_shown(value) for value in (change.locked, change.current))
        yield change.path, f"{change.path} was {was}, the target has {now}"


def _packages(seen: Comparison, *, related: bool) -> Iterator[Case]:
    for change in seen.changes:
        section, _, name = change.path.partition(".")
        if section != "packages" or _is_runtime(seen.locked, name) != related:
            continue
        if change.current is None:
            yield name, f"{name} was {change.locked}, the target does not have it"
        elif change.locked is None:
            yield name, f"{name} was not there, the target has {change.current}"
        else:
            yield name, f"{name} was {change.locked}, the target has {change.current}"


def _is_runtime(fingerprint: Fingerprint, name: str) -> bool:
    found = fingerprint.package(name)
    return isinstance(found, Package) and found.role in {"runtime", "project"}


def _cards(fingerprint: Fingerprint) -> str | None:
    """The graphics cards as text, empty for none, `None` when it is not known."""
    if isinstance(fingerprint.gpu, Gpu) and isinstance(fingerprint.gpu.devices, tuple):
        names = [device.name for device in fingerprint.gpu.devices]
        amd = fingerprint.gpu.rocm
        return ", ".join([*names, f"ROCm {amd}"] if isinstance(amd, str) else names)
    return None


def _shown(value: object) -> str:
    if value is None:
        return "none"
    return ", ".join(value) or "none" if isinstance(value, tuple) else str(value)


RULES = (
    tensorflow_missing,
    backend_changed,
    default_changed,
    arithmetic_switch_changed,
    gpu_changed,
    several_tensorflows,
    runtime_package_differs,
    unrelated_package_differs,
    surroundings_differ,
)
