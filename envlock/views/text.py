"""Text for people: grouped, the worst first, never by colour alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from envlock.facts import KERAS_LOADER, WEIGHTS_LOADER
from envlock.knowledge.rule import Finding, Rule, Severity
from envlock.redact import one_line
from envlock.report import COMPATIBLE, SAME, Inspected, Report, ways_here
from envlock.targets import UNSAID

__all__ = ["concise", "explanation", "report"]

_COLOURS = {"error": "31", "breaks": "31", "warning": "33", "drifts": "33", "same": "32", "compatible": "32"}
_NOTES_SHOWN = 12
_ALIKE_SHOWN = 4
_WIDEST = 160
_FOLDED = {
    "EL311": "unrelated package differs",
    "EL310": "package of the model's runtime differs",
}


def report(value: Report, *, colour: bool, verbose: bool = False) -> str:
    """A report: one line when nothing differs, otherwise findings by severity and the next step."""
    verdict = f"{_paint(value.verdict, colour=colour)}{_by(value)}"
    head = f"{one_line(value.subject)}: {verdict} in {one_line(value.target)}"
    lines = [f"{head}{one_line(_saved_with(value))}", *_proof(value)]
    shown = [
        item for item in value.findings if item.severity > Severity.NOTE and value.loader in item.loaders
    ]
    notes = [item for item in value.findings if item.severity is Severity.NOTE]
    lines += _findings(shown, colour=colour, verbose=verbose)
    lines += _hazards(value, colour=colour, verbose=verbose)
    lines += _notes(notes, verbose=verbose)
    lines += _gaps(value)
    lines += _loaders(value)
    lines += _unknowns(value.unknown, verbose=verbose)
    lines += _suggestions(value)
    first = [*shown, *(() if value.is_harmless else value.hazards)][:1]
    lines += [f"next: envlock explain {one_line(item.code)}" for item in first]
    return "\n".join(lines)


def inspection(found: Inspected) -> str:
    """What loading a model would do, what it asks the user for, and the digest that stands for it."""
    approved = "; you have approved it" if found.is_approved else ""
    lines = [f"{one_line(found.subject)}: {found.verdict}{approved}"]
    lines += (one_line(f"  not as it was locked: {name} {said}") for name, said in found.damage.items())
    for kind, item in zip(found.kinds, found.hazards, strict=True):
        if kind != "custom":
            lines.append(f"  {kind} {item.code}: {one_line(item.message)}")
            lines.append(f"    fix: {one_line(item.remedy)}")
    for name, module, asked_by in found.asked:
        where, by = f" of module {module}" if module else "", f", for {asked_by[0]}" if asked_by else ""
        lines.append(one_line(f"  asks for {name}{where}{by}"))
    if found.stored:
        lines.append(one_line(f'  source that trust="captured" would run: {", ".join(found.stored)}'))
    if found.digest:
        lines.append(f"  digest, for --trust: sha256:{found.digest}")
    return "\n".join(lines)


def concise(value: Report) -> str:
    """A report in one sentence, for a warning or a log."""
    worst = [
        item for item in value.findings if item.severity > Severity.NOTE and value.loader in item.loaders
    ]
    head = f"{value.subject}: {value.verdict}{_by(value)} in {value.target}"
    if not worst:
        return one_line(head)
    more = f" (and {len(worst) - 1} more)" if len(worst) > 1 else ""
    return one_line(f"{head}: [{worst[0].code}] {worst[0].message}; {worst[0].remedy}{more}")


def explanation(rule: Rule) -> str:
    """What a finding means, why, and how to mend it."""
    parts = [f"{rule.code} ({rule.severity.name.lower()}): {rule.title}", rule.explanation]
    parts += [f"What to do: {rule.remedy}.", f"Source: {rule.source}"]
    return "\n\n".join(part for part in parts if part)


def _by(value: Report) -> str:
    """The loader that the verdict is of, where it is not `keras.load_model`."""
    return "" if value.loader == KERAS_LOADER else f" for {value.loader}"


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


def _findings(found: Sequence[Finding], *, colour: bool, verbose: bool) -> Iterator[str]:
    """The findings, of one kind the first few, and after those that one thing mends, that."""
    alike: dict[tuple[str, str], list[Finding]] = {}
    for item in found:
        alike.setdefault((item.code, item.remedy), []).append(item)
    for (code, remedy), items in alike.items():
        told = items if verbose else items[:_ALIKE_SHOWN]
        for item in told:
            severity = _paint(item.severity.name.lower(), colour=colour)
            yield f"  {severity} {one_line(item.code)}: {one_line(item.message)}"
            if item.error:
                yield f"    says: {one_line(_short(item.error))}"
            yield from (f"      {one_line(line)}" for line in item.detail)
        if len(told) < len(items):
            yield f"    {code}: {len(items) - len(told)} more; -v shows them"
        yield f"    fix: {one_line(remedy)}"


def _hazards(value: Report, *, colour: bool, verbose: bool) -> Iterator[str]:
    """What loading the model would do besides, where that asks for somebody's trust."""
    if value.is_harmless:
        return
    yield f"  inspection: {_paint('error', colour=colour)}: loading it needs your trust ({value.inspection})"
    yield from _findings(value.hazards, colour=colour, verbose=verbose)


def _gaps(value: Report) -> Iterator[str]:
    if value.gaps:
        yield f"  not confined: {one_line('; '.join(value.gaps))}"


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


def _suggestions(value: Report) -> Iterator[str]:
    if value.suggestions is None:
        return
    ways = ways_here(value)
    yield from (f"  loads here with {one_line(item)}" for item in ways)
    yield from (f"  loads in: {one_line(item)}" for item in value.suggestions)
    if value.suggestions or ways:
        return
    if value.loader != WEIGHTS_LOADER and value.loaders.get(WEIGHTS_LOADER) in {SAME, COMPATIBLE}:
        yield "  loads here with load_weights alone, into a model built from its code"
    else:
        yield "  loads in: no environment that envlock knows of"


def _short(words: str) -> str:
    return words if len(words) <= _WIDEST else f"{words[: _WIDEST - 2]} …"


def _unknowns(unknown: dict[str, str], *, verbose: bool) -> Iterator[str]:
    if verbose:
        yield from (
            f"  unknown {one_line(path)}: {one_line(reason)}" for path, reason in sorted(unknown.items())
        )
        return
    # What no list can tell is no news.
    told = [path for path, reason in unknown.items() if reason != UNSAID.reason]
    if told:
        sections = one_line(", ".join(sorted({path.partition(".")[0] for path in told})))
        facts = "1 fact" if len(told) == 1 else f"{len(told)} facts"
        yield f"  unknown: {sections} ({facts}; -v says why)"


def _paint(word: str, *, colour: bool) -> str:
    return f"\x1b[{_COLOURS[word]}m{word}\x1b[0m" if colour and word in _COLOURS else one_line(word)
