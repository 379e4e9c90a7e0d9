"""The smallest model and target of each breakage, as `breakages.toml` states them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from judged import (
    in_hdf5,
    make_artifact,
    make_comparison,
    make_content,
    make_custom_object,
    make_fingerprint,
    make_functional,
    make_input,
    make_layer,
)

from envlock import targets, toml
from envlock.custom import named
from envlock.facts import Artifact, Content, Device, Fingerprint, Signature, TensorSpec, Unknown
from envlock.knowledge import Comparison, Finding, judge
from envlock.knowledge.rule import release
from envlock.values import fields, is_value, replace

_READ: dict[str, Any] = toml.loads(Path(__file__).with_name("breakages.toml").read_text(encoding="utf-8"))
ROWS: list[dict[str, Any]] = _READ["breakage"]
REASONS: dict[str, str] = _READ["reasons"]

NOT_RECORDED = Unknown("it was not recorded")


def said(case: dict[str, Any], side: str) -> list[Finding]:
    """What is found on one side of the boundary, `told` or `silent`, that is about this breakage."""
    about = case.get("about", "")
    found = judge(compared(case, side))
    return [item for item in found if about in f"{item.subject}: {item.message}; {item.error}"]


def compared(case: dict[str, Any], side: str) -> Comparison:
    """The model of a case against the target of one side, whose own facts replace the case's."""
    case = case | case.get(f"when_{side}", {})
    artifact, content = _artifact(case), _content(case)
    locked = _changed(make_fingerprint(), case["locked"]) if "locked" in case else _nowhere()
    current = targets.target(_target(case[side]), locked).fingerprint
    known = named.stated(content, artifact.keras_version)
    own = tuple(make_custom_object(**{"imports": ()} | facts) for facts in case.get("own", ()))
    return make_comparison(
        locked=locked,
        current=_changed(current, case.get("here", {})),
        artifact=artifact,
        content=content,
        custom_objects=own,
        is_code_missing=case.get("is_code_missing", False),
        own_code=known.reason if isinstance(known, Unknown) and not own else "",
    )


def _nowhere() -> Fingerprint:
    """The environment of a model without a lock."""
    return Fingerprint(**dict.fromkeys((field.name for field in fields(Fingerprint)), NOT_RECORDED))


def _target(text: str) -> str:
    """A target as envlock takes it; `keras 3.5.0` stands for a TensorFlow with that Keras."""
    name, _, version = text.partition(" ")
    if not version:
        return text
    if name == "tf-keras":
        return f"tensorflow==2.21.0,tf-keras=={version},TF_USE_LEGACY_KERAS=1"
    if release(version) >= (3,):
        return f"tensorflow==2.18.1,keras=={version}"
    return f"tensorflow=={version}" + (f",keras=={version}" if release(version) >= (2, 6) else "")


def _artifact(case: dict[str, Any]) -> Artifact:
    facts = {key: case[key] for key in ("name", "stamps") if key in case}
    return make_artifact(case.get("format", "keras"), case.get("writer", "3.5.0"), **facts)


def _content(case: dict[str, Any]) -> Content:
    writer = case.get("writer", "3.5.0")
    layers = [_layer(number, *item) for number, item in enumerate(json.loads(case.get("layers", "[]")), 1)]
    first = make_input(writer, **json.loads(case.get("input", "{}")))
    facts = {"compile_config": json.loads(case.get("compile", "null"))} | _stated(case.get("content", {}))
    if case.get("is_functional"):
        content = make_functional(first, *layers, writer=writer, module=case.get("module", ""), **facts)
    else:
        content = make_content(first, *layers, **facts)
    if "model" in case:
        return replace(content, config=json.loads(case["model"]))
    return in_hdf5(content) if case.get("format") == "hdf5" else content


def _layer(number: int, class_name: str, config: dict[str, Any], *others: dict[str, Any]) -> dict[str, Any]:
    """A layer with a name of its own; `others` replace its module and the name it is registered by."""
    layer = make_layer(class_name) | {"config": {"name": f"layer_{number}"} | config}
    return {**layer, **{key: value for given in others for key, value in given.items()}}


def _stated(content: dict[str, Any]) -> dict[str, Any]:
    """Facts about what a file holds, as TOML has them."""
    facts = {key: tuple(value) if isinstance(value, list) else value for key, value in content.items()}
    if "signatures" in facts:
        facts["signatures"] = tuple(
            Signature(name=name, inputs=(), outputs=()) for name in facts["signatures"]
        )
    if "weights" in facts:
        facts["weights"] = tuple(
            TensorSpec(name=name, shape=(2,), dtype=dtype) for name, dtype in facts["weights"].items()
        )
    return facts


def _changed(found: Fingerprint, facts: dict[str, Any]) -> Fingerprint:
    """The same environment with some facts of its sections replaced; of an unknown one the usual stand."""
    usual = make_fingerprint()
    changed = {}
    for name, values in facts.items():
        before = getattr(found, name)
        known = before if is_value(before) and not isinstance(before, Unknown) else getattr(usual, name)
        changed[name] = replace(known, **_section(values)) if is_value(known) else values
    return replace(found, **changed)


def _section(values: dict[str, Any]) -> dict[str, Any]:
    found = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    if "devices" in found:
        found["devices"] = tuple(Device(**device) for device in found["devices"])
    return found
