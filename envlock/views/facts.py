"""A lock or an environment as text for people: a fact a line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from envlock.facts import (
    ARTIFACT,
    Content,
    Cpu,
    Device,
    Fingerprint,
    Git,
    Gpu,
    Keras,
    Lock,
    Numerics,
    Numpy,
    Package,
    Python,
    System,
    TensorFlow,
    Unknown,
    find_unknowns,
)
from envlock.redact import one_line
from envlock.views.model import Row, listed, model, of, size

__all__ = ["fingerprint", "lock"]


def lock(value: Lock, content: Content) -> str:
    """What a lock says, and what is in the model."""
    rows = [
        *model(value, content),
        *_environment(value.fingerprint),
        *_sources(value.sources, has_files=bool(value.artifact.files)),
    ]
    return "\n".join([*_aligned(rows), *_unknowns(find_unknowns(value) | find_unknowns(content, "content"))])


def fingerprint(value: Fingerprint) -> str:
    """What was found of an environment."""
    return "\n".join([*_aligned(_environment(value)), *_unknowns(find_unknowns(value))])


def _environment(value: Fingerprint) -> Iterator[Row]:
    for name, section, described in (
        ("Python", value.python, _python),
        ("TensorFlow", value.tensorflow, _tensorflow),
        ("Keras", value.keras, _keras),
        ("NumPy", value.numpy, _numpy),
        ("arithmetic", value.numerics, _numerics),
        ("system", value.system, _system),
        ("GPU", value.gpu, _gpu),
        ("CPU", value.cpu, _cpu),
        ("code", value.git, _git),
        ("variables", value.variables, _variables),
        ("packages", value.packages, _packages),
    ):
        told = _told(section, described)
        if told:
            yield name, told


def _told(section: Any, described: Callable[[Any], str]) -> str:
    return "" if section is None or isinstance(section, Unknown) else described(section)


def _python(section: Python) -> str:
    threads = "free-threaded" if section.is_free_threaded is True else None
    return f"{section.version} ({listed([section.implementation, section.environment, threads])})"


def _tensorflow(section: TensorFlow) -> str:
    named = "" if isinstance(section.distribution, Unknown) else f" from {section.distribution}"
    built = [("CUDA", section.cuda), ("ROCm", section.rocm)]
    known = [f"{name} {version}" for name, version in built if isinstance(version, str)]
    if known:
        named += f", built for {' and '.join(known)}"
    elif section.cuda is None:
        named += ", built without CUDA"
    return f"{of(section.version)}{named}"


def _keras(section: Keras) -> str:
    backend = of(section.backend)
    if isinstance(section.backend_source, str) and section.backend_source != "default":
        backend += f" by {section.backend_source}"
    backend = "backend unknown" if backend == "unknown" else backend
    settings = listed([backend, section.floatx, section.image_data_format, section.dtype_policy])
    return f"{of(section.version)} from {section.provider} ({settings})"


def _numpy(section: Numpy) -> str:
    return f"{of(section.version)} with {of(section.blas)}"


def _numerics(section: Numerics) -> str:
    switches = (
        ("oneDNN", section.onednn),
        ("TF32", section.tf32),
        ("determinism", section.deterministic),
        ("XLA", section.xla),
    )
    parts = [f"{name} {'on' if state else 'off'}" for name, state in switches if isinstance(state, bool)]
    if isinstance(section.devices, tuple):
        parts.append(f"on {' and '.join(sorted(set(section.devices)))}")
    if isinstance(section.libraries, tuple):
        parts += section.libraries
    seeds = {seed for seed in (section.tensorflow_seed, section.keras_seed) if isinstance(seed, int)}
    return ", ".join([*parts, *(f"seed {seed}" for seed in sorted(seeds))])


def _system(section: System) -> str:
    container = f"in {section.container}" if isinstance(section.container, str) else None
    memory = size(section.memory) if isinstance(section.memory, int) else None
    return listed([section.distribution, section.os, section.machine, section.libc, container, memory])


def _gpu(section: Gpu) -> str:
    devices = section.devices
    cards = "unknown" if isinstance(devices, Unknown) else ", ".join(map(_card, devices)) or "none"
    libraries = (("CUDA", section.cuda), ("cuDNN", section.cudnn), ("ROCm", section.rocm))
    installed = [f"{name} {version}" for name, version in libraries if isinstance(version, str)]
    return "; ".join([cards, f"driver {of(section.driver)}", *installed])


def _card(device: Device) -> str:
    capability, memory = device.compute_capability, device.memory
    details = listed(
        [
            f"compute capability {capability}" if isinstance(capability, str) else None,
            size(memory) if isinstance(memory, int) else None,
            "MIG" if device.mig is True else None,
        ]
    )
    return f"{device.name} ({details})" if details else device.name


def _cpu(section: Cpu) -> str:
    usable = f"{section.usable} usable" if isinstance(section.usable, int) else None
    quota = f"limited to {section.quota:g}" if isinstance(section.quota, float) else None
    features = None if isinstance(section.features, Unknown) else _features(section.features)
    return listed([of(section.model), usable, quota, features])


def _features(features: Iterable[str]) -> str:
    """Instruction sets, the many parts of AVX-512 as one."""
    parts = list(features)
    wide = sum(name.startswith("avx512") for name in parts)
    rest = [name for name in parts if not name.startswith("avx512")]
    return " ".join([*rest, f"avx512 ({wide} parts)"] if wide else rest)


def _git(section: Git) -> str:
    return f"commit {section.commit[:12]}{', with changes' if section.is_dirty is True else ''}"


def _variables(variables: dict[str, str]) -> str:
    return ", ".join(f"{name}={setting}" for name, setting in sorted(variables.items()))


def _packages(packages: tuple[Package, ...]) -> str:
    roles = ("runtime", "project", "tool", "unrelated")
    counts = [(sum(package.role == role for package in packages), role) for role in roles]
    told = ", ".join(f"{count} {role}" for count, role in counts if count)
    # Roles are told when a model is saved, by what it uses.
    has_roles = any(package.role != "unrelated" for package in packages)
    return f"{len(packages)} ({told})" if has_roles else str(len(packages))


def _sources(sources: dict[str, str], *, has_files: bool) -> Iterator[Row]:
    """Where the facts come from, of a lock that was not made by a save."""
    if sources.get("custom-objects") == ARTIFACT:
        rest = "" if sources.get("python") == ARTIFACT else ", and the environment that it was locked in"
        if rest == "" and not has_files:
            rest = "; it has no lock (envlock lock writes one)"
        yield "known from", f"the model's own files{rest}"


def _unknowns(unknown: dict[str, str]) -> Iterator[str]:
    """What could not be established; what is hidden by one reason is one line."""
    by_reason: dict[str, dict[str, list[str]]] = {}
    for path, reason in sorted(unknown.items()):
        section, _, name = path.removeprefix("fingerprint.").partition(".")
        by_reason.setdefault(reason, {}).setdefault(section, []).append(name)
    for reason, sections in by_reason.items():
        told = (
            f"{section} ({', '.join(names)})" if any(names) else section
            for section, names in sections.items()
        )
        yield f"  unknown {one_line(', '.join(told))}: {one_line(reason)}"


def _aligned(rows: Iterable[Row]) -> list[str]:
    found = list(rows)
    width = max((len(name) for name, _ in found), default=0)
    return [f"{name:<{width}}  {one_line(value)}" for name, value in found]
