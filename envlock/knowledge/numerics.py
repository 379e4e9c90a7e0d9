"""Rules about arithmetic: what moves numbers, and what moves them by no more than rounding does."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.facts import Device, Fingerprint, Gpu, Numerics, Numpy, System, TensorFlow
from envlock.knowledge.rule import Case, Comparison, Release, Severity, release, rule

__all__ = ["RULES"]

_ONEDNN = "https://blog.tensorflow.org/2023/01/leveraging-amx-oneDNN-tensorflow.html"
_TF32 = "https://www.tensorflow.org/api_docs/python/tf/config/experimental/enable_tensor_float_32_execution"
_SWITCH = "TF_ENABLE_ONEDNN_OPTS"
_SINCE = (2, 9)
_AMPERE = (8, 0)
_PROMOTES = (2,)


@rule(
    "EL340", Severity.NOTE, source=_ONEDNN, remedy=f"nothing to do, or set {_SWITCH}=0 for the old rounding"
)
def onednn_by_default(seen: Comparison) -> Iterator[Case]:
    """
    TensorFlow computes with oneDNN on x86 Linux from 2.9 on.

    Sums are taken in another order. Over all models that were measured the numbers moved by 4e-7 at most,
    relative to 1 or the output.
    """
    system, before = seen.current.system, seen.locked.tensorflow
    known = (
        release(before.version) if isinstance(before, TensorFlow) and isinstance(before.version, str) else ()
    )
    is_meant = isinstance(system, System) and (system.os.lower(), system.machine.lower()) == (
        "linux",
        "x86_64",
    )
    if not is_meant or not known or not seen.tensorflow or (known < _SINCE) == (seen.tensorflow < _SINCE):
        return
    if not any(_SWITCH in side.variables for side in _sides(seen) if isinstance(side.variables, dict)):
        yield _SWITCH, "one of the two TensorFlows computes with oneDNN by default and the other does not"


@rule(
    "EL341", Severity.WARNING, source=_TF32, remedy="set NVIDIA_TF32_OVERRIDE=0, or run envlock verify there"
)
def tf32_on_one_side(seen: Comparison) -> Iterator[Case]:
    """
    One side computes in TensorFloat-32 and the other does not.

    From Ampere on TensorFlow rounds the inputs of float32 products and convolutions to ten bits: numbers move
    by about 1e-3 of their size.
    """
    before, after = (_rounds(side) for side in _sides(seen))
    if before is not None and after is not None and before != after:
        sides = ("the model was saved", "the target computes")
        which, other = sides if before else sides[::-1]
        yield "gpu", f"{which} on a card with TensorFloat-32, {other} on one without"


@rule(
    "EL342",
    Severity.NOTE,
    source="https://numpy.org/neps/nep-0050-scalar-promotion.html",
    remedy="give arrays and numbers in own code their dtype, or run envlock verify there",
)
def numpy_promotes_otherwise(seen: Comparison) -> Iterator[Case]:
    """
    NumPy 2 promotes numbers otherwise than NumPy 1, and the model's own code uses NumPy.

    A Python number no longer makes a float32 array a float64 one, and a number that a type cannot hold is
    an error: "Python integer 256 out of bounds for uint8". What tensors alone compute stays the same.
    """
    before, after = (_numpy(side) for side in _sides(seen))
    users = [item.qualname for item in seen.custom_objects if "numpy" in item.imports]
    if before and after and users and (before < _PROMOTES) != (after < _PROMOTES):
        yield "numpy", f"{users[0]} uses NumPy, and one side has NumPy 1 and the other NumPy 2"


def _numpy(side: Fingerprint) -> Release:
    found = side.numpy
    return release(found.version) if isinstance(found, Numpy) and isinstance(found.version, str) else ()


@rule(
    "EL343",
    Severity.NOTE,
    source="https://uxlfoundation.github.io/oneDNN/dev_guide_cpu_dispatcher_control.html",
    remedy="nothing to do, or set ONEDNN_MAX_CPU_ISA to what both processors have",
)
def processor_with_other_instructions(seen: Comparison) -> Iterator[Case]:
    """
    The processor has other vector instructions than the one that the model was saved on.

    Kernels are chosen by them, and sums are taken in another order. With oneDNN held to AVX2 and to SSE4.1 on
    a processor with AVX-512 the numbers of a convolutional and a recurrent model moved by 1.2e-7 at most.
    """
    change = seen.change("cpu.features")
    if change and isinstance(change.locked, tuple) and isinstance(change.current, tuple):
        gone, new = (
            sorted(set(one) - set(other))
            for one, other in ((change.locked, change.current), (change.current, change.locked))
        )
        parts = [f"{word} {', '.join(names)}" for word, names in (("lacks", gone), ("has", new)) if names]
        yield "cpu", f"the target's processor {' and '.join(parts)}, unlike the one the model was saved on"


def _rounds(side: Fingerprint) -> bool | None:
    """Whether float32 is rounded to TensorFloat-32 here; `None` where there is no card or it is not known."""
    if not isinstance(side.gpu, Gpu) or not isinstance(side.gpu.devices, tuple) or not side.gpu.devices:
        return None
    told = side.numerics.tf32 if isinstance(side.numerics, Numerics) else None
    override = side.variables.get("NVIDIA_TF32_OVERRIDE") if isinstance(side.variables, dict) else None
    capable = [_is_ampere(device) for device in side.gpu.devices]
    if (
        None in capable
        or not isinstance(side.tensorflow, TensorFlow)
        or not isinstance(side.tensorflow.cuda, str)
    ):
        return None
    return any(capable) and told is not False and override != "0"


def _is_ampere(device: Device) -> bool | None:
    known = device.compute_capability
    return release(known) >= _AMPERE if isinstance(known, str) and release(known) else None


def _sides(seen: Comparison) -> tuple[Fingerprint, Fingerprint]:
    return seen.locked, seen.current


RULES = (
    onednn_by_default,
    tf32_on_one_side,
    numpy_promotes_otherwise,
    processor_with_other_instructions,
)
