"""
Write the pages of `docs/` that say what the rules and the tables know.

    python tools/write_docs.py

`docs/findings.md` has each rule, `docs/releases.md` what changed from release to release for saved models:
public classes that came or went, and keys of their configurations that a release takes or takes no longer.
`docs/breakages.md` says of each breakage that is known which rule tells it, or why none does; the table of
scenarios in `docs/custom-code.md` is that of the tests.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "integration")]

from scenarios import page  # noqa: E402

from envlock import knowledge, toml  # noqa: E402
from envlock.knowledge import releases  # noqa: E402
from envlock.knowledge.releases import KerasApi  # noqa: E402
from envlock.knowledge.rule import release  # noqa: E402

LINES = (
    ("Keras inside TensorFlow, and Keras 2", (("tensorflow", 2), ("keras", 2))),
    ("tf-keras", (("tf-keras", 2),)),
    ("Keras 3", (("keras", 3),)),
)
ROOMS = re.compile(
    r"keras\.(layers|losses|metrics|optimizers|initializers|regularizers|constraints|models|dtype_policies|quantizers)"
    r"(\.(experimental|legacy|schedules|preprocessing))*\.[A-Z]\w*"
)
WIDEST = 110
PAGE = ROOT / "docs" / "custom-code.md"
BREAKAGES = ROOT / "tests" / "knowledge" / "breakages" / "breakages.toml"
SOURCES = {"table": "tables", "walk": "a walk", "rule": "a rule"}


def findings() -> str:
    """The page of the rules."""
    said = ["# Findings", "", "What each code means. `envlock explain CODE` prints the same.", ""]
    for rule in knowledge.RULES:
        said += [f"## {rule.code}: {rule.title}", ""]
        said += [f"*{rule.severity.name.lower()}*, for {', '.join(f'`{name}`' for name in rule.loaders)}", ""]
        said += [rule.explanation, ""] if rule.explanation else []
        said += [f"What to do: {rule.remedy}.", "", f"Source: <{rule.source}>", ""]
    return "\n".join(said)


def changes() -> str:
    """The page of the tables."""
    said = [
        "# What changed for saved models, release by release",
        "",
        "From the tables that envlock judges with, which `tools/harvest_api.py` reads out of the sources.",
        "Public classes that came (`+`) or went (`-`), and keys that a class began or ceased to take. A file",
        "that carries a key which its reader does not take is refused (`EL108`). A release that is not named",
        "changed none.",
        "",
    ]
    for title, parts in LINES:
        said += [f"## {title}", ""]
        tables = [releases.keras(provider, release(version)) for provider, version in known(parts)]
        for before, after in pairwise(tables):
            rows = list(differences(before, after))
            if rows:
                said += [f"### {named(after)}", "", *rows, ""]
    return "\n".join(said)


def breakages() -> str:
    """The page of what is known to break."""
    read = toml.loads(BREAKAGES.read_text(encoding="utf-8"))
    rows, reasons = read["breakage"], read["reasons"]
    told = [row for row in rows if "codes" in row]
    said = [
        "# What is known to break",
        "",
        f"Of {len(rows)} breakages of saved models, from issues and releases, {len(told)} are told by",
        "[findings](findings.md) that know them from harvested tables, from a walk through what a loader",
        "does, or from a rule; of the others it is said why not. Each that is told is proved in",
        "`tests/knowledge/breakages/`, with one target of which it is told and one of which it is not.",
        "",
        "| breakage | what happens | told by | told of | not of |",
        "|---|---|---|---|---|",
        *(_told(row) for row in told),
        "",
        "## Not told",
        "",
        "| breakage | what happens | why it is not told |",
        "|---|---|---|",
        *(_untold(row, reasons) for row in rows if "reason" in row),
        "",
    ]
    return "\n".join(said)


def custom_code() -> str:
    """The page of the user's own code, which is written by hand but for its table of scenarios."""
    before, start, rest = PAGE.read_text(encoding="utf-8").partition("<!-- scenarios -->\n")
    _, end, after = rest.partition("<!-- end -->")
    return "".join([before, start, "\n".join(["", *page.table(), "", ""]), end, after])


def _told(row: dict[str, Any]) -> str:
    case = row["case"]
    rules = [knowledge.explain(code) for code in row["codes"]]
    codes = " ".join(f"{rule.code} ({rule.severity.name.lower()})" for rule in rules)
    what = "; ".join([row["what"], *([row["note"]] if "note" in row else [])])
    silent = "the same, where the model or the machine is another" if case["told"] == case["silent"] else ""
    sides = " | ".join([_listed(case["told"]), silent or _listed(case["silent"])])
    return f"| {row['id']} | {what} | {codes}, {SOURCES[row['by']]} | {sides} |"


def _listed(target: str) -> str:
    return target.replace(",", ", ")


def _untold(row: dict[str, Any], reasons: dict[str, str]) -> str:
    why = "; ".join([reasons[row["reason"]], *([row["note"]] if "note" in row else [])])
    return f"| {row['id']} | {row['what']} | {why} |"


def known(parts: tuple) -> Iterator[tuple[str, str]]:
    """Each release that there is a table of, with its provider."""
    for provider, generation in parts:
        yield from ((provider, version) for version in releases.versions(provider, generation))


def named(api: KerasApi) -> str:
    """A release as a person would call it."""
    return {"tensorflow": "TensorFlow", "keras": "Keras", "tf-keras": "tf-keras"}[
        api.provider
    ] + f" {api.version}"


def differences(before: KerasApi, after: KerasApi) -> Iterator[str]:
    """What one release changed, a line for each kind."""
    old, new = classes(before), classes(after)
    yield from wrapped("+", sorted(new.keys() - old.keys()))
    yield from wrapped("-", sorted(old.keys() - new.keys()))
    for name in sorted(old.keys() & new.keys()):
        marks = [f"+{key}" for key in sorted(new[name] - old[name])]
        marks += [f"-{key}" for key in sorted(old[name] - new[name])]
        if marks:
            yield from wrapped(f"`{name}`:", marks)


def classes(api: KerasApi) -> dict[str, frozenset[str]]:
    """Each public class by its shortest path, with the keys that it takes."""
    found: dict[str, frozenset[str]] = {}
    met: set[str] = set()
    for path in sorted(api.paths(), key=lambda item: (item.count("."), len(item), item)):
        name = api.public(path) or ""
        described = api.cls(name) if ROOMS.fullmatch(path) and name not in met else None
        if described is not None:
            met.add(name)
            found[path.removeprefix("keras.")] = frozenset(described.accepts)
    return found


def wrapped(head: str, words: list[str]) -> Iterator[str]:
    """A list item, broken into lines."""
    line = f"- {head}"
    for number, word in enumerate(words):
        part = f"`{word}`" + ("," if number < len(words) - 1 else "")
        if len(line) + 1 + len(part) > WIDEST:
            yield line
            line = " "
        line += f" {part}"
    if words:
        yield line


def main() -> None:
    """Write the pages."""
    (ROOT / "docs" / "findings.md").write_text(findings(), encoding="utf-8")
    (ROOT / "docs" / "releases.md").write_text(changes(), encoding="utf-8")
    (ROOT / "docs" / "breakages.md").write_text(breakages(), encoding="utf-8")
    PAGE.write_text(custom_code(), encoding="utf-8")


if __name__ == "__main__":
    main()
