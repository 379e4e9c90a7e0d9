"""Text for people: grouped, the worst first, never by colour alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from envlock.facts import (
    Cpu,
    CustomObject,
    Fingerprint,
    Gpu,
    Keras,
    Lock,
    Maybe,
    Numpy,
    Package,
    Python,
    System,
    TensorFlow,
    TensorSpec,
    Unknown,
    find_unknowns,
)
from envlock.knowledge.rule import Finding, Rule, Severity
from envlock.redact import one_line, visible
from envlock.report import Report

__all__ = ["concise", "explanation", "fingerprint", "lock", "report"]

_COLOURS = {"error": "31", "breaks": "31", "warning": "33", "drifts": "33", "same": "32", "compatible": "32"}
_NOTES_SHOWN = 12
_FOLDED = {
    "EL311": "unrelated package differs",
    "EL310": "package of the model's runtime differs",
}


def report(value: Report, *, colour: bool, verbose: bool = False) -> str:
    """A report: one line when nothing differs, otherwise findings by severity and the next step."""
    head = f"{one_line(value.subject)}: {_paint(value.verdict, colour=colour)} in {one_line(value.target)}"
    lines = [f"{head}{one_line(_saved_with(value))}", *_proof(value)]
    shown = [
        item for item in value.findings if item.severity > Severity.NOTE and value.loader in item.loaders
    ]
    notes = [item for item in value.findings if item.severity is Severity.NOTE]
    lines += _findings(shown, colour=colour)
    lines += _notes(notes, verbose=verbose)
    lines += _loaders(value)
    lines += _unknowns(value.unknown, verbose=verbose)
    if shown:
        lines.append(f"next: envlock explain {one_line(shown[0].code)}")
    return "\n".join(lines)


def concise(value: Report) -> str:
    """A report in one sentence, for a warning or a log."""
    worst = [
        item for item in value.findings if item.severity > Severity.NOTE and value.loader in item.loaders
    ]
    head = f"{value.subject}: {value.verdict} in {value.target}"
    if not worst:
        return one_line(head)
    more = f" (and {len(worst) - 1} more)" if len(worst) > 1 else ""
    return one_line(f"{head}: [{worst[0].code}] {worst[0].message}; {worst[0].remedy}{more}")


def lock(value: Lock) -> str:
    """What a lock says, a fact a line."""
    artifact = value.artifact
    size = sum(file.size for file in artifact.files)
    files = f"{len(artifact.files)} files" if len(artifact.files) > 1 else "1 file"
    rows = [
        ("model", f"{artifact.name} ({artifact.format}, {files}, {_bytes(size)})"),
        ("loads with", value.loader),
        ("inputs", _tensors(value.inputs)),
        ("outputs", _tensors(value.outputs)),
        ("custom code", _code(value.custom_objects)),
        ("canary", _canary(value)),
    ]
    body = [*rows, *_fingerprint(value.fingerprint)]
    return visible("\n".join([*_aligned(body), *_unknowns(find_unknowns(value), verbose=True)]))


def fingerprint(value: Fingerprint) -> str:
    """What was found of an environment, a fact a line."""
    return visible(
        "\n".join([*_aligned(_fingerprint(value)), *_unknowns(find_unknowns(value), verbose=True)])
    )


def explanation(rule: Rule) -> str:
    """What a finding means, why, and how to mend it."""
    parts = [f"{rule.code} ({rule.severity.name.lower()}): {rule.title}", rule.explanation]
    parts += [f"What to do: {rule.remedy}.", f"Source: {rule.source}"]
    return "\n\n".join(part for part in parts if part)


def _saved_with(value: Report) -> str:
    return f" (saved with {value.saved_with})" if value.saved_with else ""


def _proof(value: Report) -> Iterator[str]:
    if "canary" in value.unknown:
        yield f"  canary: nothing was replayed: {one_line(value.unknown['canary'])}"
    if value.proof:
        rows = f"{value.proof.rows} rows replayed"
        if value.proof.bitwise:
            yield f"  canary: {rows}, every number equal to the last bit"
        else:
            distance, accepted = f"{value.proof.difference:.2g}", f"{value.proof.tolerance:.0e}"
            yield f"  canary: {rows}, difference {distance}, accepted {accepted}"


def _findings(found: Sequence[Finding], *, colour: bool) -> Iterator[str]:
    """Each finding, and after those that one thing mends, that."""
    for remedy, group in groupby(found, key=lambda item: item.remedy):
        for item in group:
            severity = _paint(item.severity.name.lower(), colour=colour)
            yield f"  {severity} {one_line(item.code)}: {one_line(item.message)}"
        yield f"    fix: {one_line(remedy)}"


def _notes(notes: Sequence[Finding], *, verbose: bool) -> Iterator[str]:
    told = [item for item in notes if verbose or item.code not in _FOLDED]
    for item in told if verbose else told[:_NOTES_SHOWN]:
        yield f"  note {one_line(item.code)}: {one_line(item.message)}"
    if not verbose and len(told) > _NOTES_SHOWN:
        yield f"  note: {len(told) - _NOTES_SHOWN} more; -v shows them"
    for code, what in {} if verbose else _FOLDED.items():
        count = sum(item.code == code for item in notes)
        if count:
            yield f"  note {code}: {count} {_plural(what, count)}"


def _plural(what: str, count: int) -> str:
    return what if count == 1 else what.replace("package", "packages", 1).replace("differs", "differ", 1)


def _loaders(value: Report) -> Iterator[str]:
    if len(set(value.loaders.values())) > 1:
        yield "  by loader: " + one_line(
            ", ".join(f"{name} {verdict}" for name, verdict in value.loaders.items())
        )


def _unknowns(unknown: dict[str, str], *, verbose: bool) -> Iterator[str]:
    if verbose:
        yield from (
            f"  unknown {one_line(path)}: {one_line(reason)}" for path, reason in sorted(unknown.items())
        )
    elif unknown:
        sections = one_line(", ".join(sorted({path.partition(".")[0] for path in unknown})))
        facts = "1 fact" if len(unknown) == 1 else f"{len(unknown)} facts"
        yield f"  unknown: {sections} ({facts}; -v says why)"


def _fingerprint(value: Fingerprint) -> Iterator[tuple[str, str]]:
    sections = (value.python, value.tensorflow, value.keras, value.numpy, value.system, value.gpu, value.cpu)
    for section in sections:
        if section is not None and not isinstance(section, Unknown):
            yield _section(section)
    if isinstance(value.variables, dict) and value.variables:
        yield "variables", ", ".join(f"{name}={setting}" for name, setting in sorted(value.variables.items()))
    if isinstance(value.packages, tuple):
        yield "packages", _packages(value.packages)


def _section(section: Python | TensorFlow | Keras | Numpy | System | Gpu | Cpu) -> tuple[str, str]:
    match section:
        case Python():
            return "Python", f"{_of(section.version)} ({_of(section.implementation)})"
        case TensorFlow():
            built = f"built for CUDA {_of(section.cuda)}" if section.cuda else "built without CUDA"
            return "TensorFlow", f"{_of(section.version)} from {section.distribution}, {built}"
        case Keras():
            settings = [section.backend, section.floatx, section.image_data_format, section.dtype_policy]
            return (
                "Keras",
                f"{_of(section.version)} from {section.provider} ({', '.join(map(_of, settings))})",
            )
        case Numpy():
            return "NumPy", f"{_of(section.version)} with {_of(section.blas)}"
        case System():
            parts = [section.distribution, section.os, section.machine, section.libc]
            return "system", ", ".join(_of(part) for part in parts if part)
        case Gpu():
            return "GPU", f"{_list(section.devices, ', ') or 'none'}; driver {_of(section.driver)}"
        case Cpu():
            return "CPU", f"{_of(section.model)} ({_list(section.features, ' ')})"


def _list(items: Maybe[tuple[str, ...]], joiner: str) -> str:
    return "unknown" if isinstance(items, Unknown) else joiner.join(items)


def _packages(packages: tuple[Package, ...]) -> str:
    roles = ("runtime", "project", "tool", "unrelated")
    counts = [(sum(package.role == role for package in packages), role) for role in roles]
    told = ", ".join(f"{count} {role}" for count, role in counts if count)
    # Roles are told when a model is saved, by what it uses.
    return (
        f"{len(packages)} ({told})"
        if any(package.role != "unrelated" for package in packages)
        else str(len(packages))
    )


def _tensors(specs: Maybe[tuple[TensorSpec, ...]]) -> str:
    if isinstance(specs, Unknown):
        return "unknown"
    shapes = [", ".join("any" if size < 0 else str(size) for size in spec.shape) for spec in specs]
    return "; ".join(f"{spec.name} ({shape}) {spec.dtype}" for spec, shape in zip(specs, shapes, strict=True))


def _code(objects: Maybe[tuple[CustomObject, ...]]) -> str:
    if isinstance(objects, Unknown):
        return "unknown"
    return "; ".join(f"{item.name} from {item.module}:{item.qualname}" for item in objects) or "none"


def _canary(value: Lock) -> str:
    canary = value.canary
    if canary is None or isinstance(canary, Unknown):
        return "none" if canary is None else "unknown"
    return f"{canary.rows} rows ({canary.source}), accepted difference {canary.tolerance:.0e}"


def _of(value: Maybe[str | None]) -> str:
    if isinstance(value, Unknown):
        return "unknown"
    return "none" if value is None else value


def _aligned(rows: Sequence[tuple[str, str]] | Iterator[tuple[str, str]]) -> list[str]:
    listed = list(rows)
    width = max((len(name) for name, _ in listed), default=0)
    return [f"{name:<{width}}  {one_line(value)}" for name, value in listed]


def _bytes(size: int) -> str:
    amount, unit = float(size), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


def _paint(word: str, *, colour: bool) -> str:
    return f"\x1b[{_COLOURS[word]}m{word}\x1b[0m" if colour and word in _COLOURS else one_line(word)
