"""
Write the pages of `docs/` that say what the rules and the tables know.

    python tools/write_docs.py

`docs/findings.md` has each rule, `docs/releases.md` what changed from release to release for saved models:
public classes that came or went, and keys of their configurations that a release takes or takes no longer.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from envlock import knowledge  # noqa: E402
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


if __name__ == "__main__":
    main()
