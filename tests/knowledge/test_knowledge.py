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

from envlock import knowledge
from envlock.errors import UsageError
from envlock.knowledge import MODULES, RULES, explain, formats, judge
from envlock.knowledge.problem import Problem
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


def test_the_worst_findings_come_first_and_the_surroundings_before_the_model() -> None:
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
        ("ERROR", "EL324", "keras"),
        ("ERROR", "EL108", "InputLayer 'features'"),
        ("ERROR", "EL112", "Dense 'dense'"),
        ("WARNING", "EL304", "TF_ENABLE_ONEDNN_OPTS"),
        ("NOTE", "EL311", "flask"),
        ("NOTE", "EL312", "keras.version"),
    ]


def of(*problems: tuple[str, str], kind: str) -> list[str]:
    """The codes of findings in their order, from problems with what avoids them, as a walk yielded these."""
    told = tuple(
        Problem(code=code, subject=code, message=code, avoided_by=avoided_by) for code, avoided_by in problems
    )
    seen = make_comparison(artifact=make_artifact(kind))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(knowledge.loading, "problems", lambda _: told)
        return [item.code for item in judge(seen)]


def test_what_one_walk_found_stays_in_its_order() -> None:
    assert of(("EL123", ""), ("EL108", ""), ("EL112", ""), kind="hdf5") == ["EL123", "EL108", "EL112"]


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        ("hdf5", ["EL108", "EL126", "EL128", "EL111", "EL129"]),
        ("keras", ["EL108", "EL126", "EL111", "EL128", "EL129"]),
    ],
)
def test_what_a_loader_comes_to_later_is_told_later(kind: str, codes: list[str]) -> None:
    later = (("EL129", ""), ("EL111", "compile=False"), ("EL128", ""), ("EL126", ""), ("EL108", ""))

    assert of(*later, kind=kind) == codes


@pytest.mark.parametrize("asked", ["EL102", "el102", "102"])
def test_a_rule_is_found_by_its_code_in_any_form(asked: str) -> None:
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
