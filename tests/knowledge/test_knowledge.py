from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest
from judged import (
    make_artifact,
    make_comparison,
    make_content,
    make_dense,
    make_fingerprint,
    make_layer,
    make_packages,
    make_reading,
)

from envlock.errors import UsageError
from envlock.knowledge import MODULES, RULES, explain, formats, judge
from envlock.knowledge.rule import ALL_LOADERS, Rule
from envlock.values import replace

each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)


def test_codes_are_unique_and_sorted() -> None:
    codes = [rule.code for rule in RULES]

    assert codes == sorted(set(codes))


@pytest.mark.parametrize("module", MODULES)
def test_every_rule_of_a_module_is_listed_there(module: ModuleType) -> None:
    written = [value for value in vars(module).values() if isinstance(value, Rule)]

    assert list(module.RULES) == written


def test_every_rule_of_the_modules_is_known() -> None:
    written = {rule for module in MODULES for rule in module.RULES}

    assert set(RULES) == written


@each_rule
def test_a_rule_has_a_code_of_its_own_form(rule: Rule) -> None:
    assert re.fullmatch(r"EL\d{3}", rule.code)


@each_rule
def test_a_rule_has_a_title_that_is_a_sentence(rule: Rule) -> None:
    assert re.fullmatch(r"\S.*\.", rule.title)


@each_rule
def test_a_rule_has_a_source(rule: Rule) -> None:
    assert rule.source.startswith("https://")


@each_rule
def test_a_rule_has_a_remedy_that_a_sentence_can_go_on_with(rule: Rule) -> None:
    assert re.fullmatch(r"[^\s].*[^.\s]", rule.remedy)


@each_rule
def test_a_rule_speaks_of_loaders_that_there_are(rule: Rule) -> None:
    assert rule.loaders
    assert set(rule.loaders) <= set(ALL_LOADERS)


def codes_in(folder: Path, pattern: str) -> set[str]:
    """The codes that the sources in a folder write down after such words."""
    sources = "".join(path.read_text("utf-8") for path in sorted(folder.glob("*.py")))
    return set(re.findall(pattern, sources))


KNOWLEDGE = Path(formats.__file__).parent
TOLD = codes_in(KNOWLEDGE / "loading", r'"(EL\d{3})"')
PASSED_ON = codes_in(KNOWLEDGE, r'seen\.found\("(EL\d{3})"\)')


def test_every_problem_that_a_walk_tells_has_a_rule_that_passes_it_on() -> None:
    assert TOLD
    assert sorted(TOLD - PASSED_ON) == []


def test_every_rule_that_passes_problems_on_has_a_walk_that_tells_them() -> None:
    assert sorted(PASSED_ON - TOLD) == []


def test_an_environment_has_nothing_against_its_own_model() -> None:
    assert judge(make_comparison()) == ()


def test_the_worst_findings_come_first_then_codes_then_subjects() -> None:
    seen = make_comparison(
        locked=make_fingerprint(variables={"TF_ENABLE_ONEDNN_OPTS": "0"}),
        artifact=make_artifact(),
        damage={"b": "is missing", "a": "is missing"},
        **make_reading("2.15.0", packages=make_packages(flask="3.1.0")),
    )

    found = [(item.severity.name, item.code, item.subject) for item in judge(seen)]

    assert found == [
        ("ERROR", "EL001", "a"),
        ("ERROR", "EL001", "b"),
        ("ERROR", "EL108", "InputLayer 'features'"),
        ("ERROR", "EL112", "Dense 'dense'"),
        ("ERROR", "EL324", "keras"),
        ("WARNING", "EL304", "TF_ENABLE_ONEDNN_OPTS"),
        ("NOTE", "EL311", "flask"),
        ("NOTE", "EL312", "keras.version"),
    ]


@pytest.mark.parametrize("asked", ["EL102", "el102"])
def test_a_rule_is_found_by_its_code_in_any_case(asked: str) -> None:
    assert explain(asked) is formats.archive_before_2_12


def test_a_code_that_there_is_not_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        explain("EL999")

    assert str(caught.value) == ("there is no finding 'EL999'; envlock explain without a code lists them all")


def test_the_objects_of_another_architecture_are_its_own() -> None:
    seen = make_comparison(content=make_content(make_dense()))
    before = seen.nodes()

    other = replace(seen, content=make_content(make_layer("LSTM")))

    assert {node.class_name for node in other.nodes()} & {"Dense", "LSTM"} == {"LSTM"}
    assert seen.nodes() == before
