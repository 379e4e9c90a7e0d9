"""What README and docs show is what the commands print."""

from __future__ import annotations

import importlib
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


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("findings", "findings"),
        ("releases", "changes"),
        ("breakages", "breakages"),
        ("custom-code", "custom_code"),
    ],
)
def test_a_generated_page_is_what_the_rules_and_tables_say(name, written, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    pages = importlib.import_module("write_docs")

    text = getattr(pages, written)()

    hint = "run: python tools/write_docs.py"
    assert (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") == text, hint


def test_every_finding_is_documented():
    page = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")

    assert re.findall(r"^## (EL\d+):", page, re.MULTILINE) == [rule.code for rule in knowledge.RULES]


def test_every_link_in_readme_and_docs_leads_somewhere():
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert "://" in target or (page.parent / target).exists(), f"{page.name}: {target}"
