"""What README and docs show is what the commands print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from envlock import cli, knowledge

ROOT = Path(__file__).parent.parent
SAVED = ROOT / "tests" / "examples" / "saved"


def shown() -> list[tuple[str, str]]:
    """Each command in a console block of the README, and the output that stands under it."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = []
    for block in re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        found += re.findall(r"^\$ envlock (.*?)\n(.*?)(?=^\$ |\Z)", block, re.DOTALL | re.MULTILINE)
    return found


@pytest.mark.parametrize(("command", "output"), shown())
def test_the_readme_shows_what_the_command_prints(command, output, monkeypatch, capsys):
    monkeypatch.chdir(SAVED)

    cli.main(command.split())

    assert capsys.readouterr().out == output


def test_the_readme_shows_some_commands():
    assert len(shown()) >= 3


def test_every_finding_is_documented():
    expected = ["# Findings", "", "What each code means. `envlock explain CODE` prints the same.", ""]
    for rule in knowledge.RULES:
        expected += [f"## {rule.code}: {rule.title}", ""]
        expected += [
            f"*{rule.severity.name.lower()}*, for {', '.join(f'`{name}`' for name in rule.loaders)}",
            "",
        ]
        expected += [rule.explanation, ""] if rule.explanation else []
        expected += [f"What to do: {rule.remedy}.", "", f"Source: <{rule.source}>", ""]

    assert (ROOT / "docs" / "findings.md").read_text(encoding="utf-8") == "\n".join(expected)


def test_every_link_in_readme_and_docs_leads_somewhere():
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert "://" in target or (page.parent / target).exists(), f"{page.name}: {target}"
