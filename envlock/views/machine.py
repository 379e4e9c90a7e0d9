"""Data for programs: JSON with stable keys."""

from __future__ import annotations

import json
from typing import Any

from envlock import codec
from envlock.changes import Change
from envlock.facts import Content, Fingerprint, Lock, Unknown
from envlock.knowledge.rule import Finding, Severity
from envlock.lockfile import SCHEMA
from envlock.report import Inspected, Proof, Report
from envlock.values import replace

__all__ = ["error", "fingerprint", "inspection", "lock", "parse_report", "report"]


def report(value: Report) -> str:
    """Verdict, loaders, findings, unknowns and changes of a report."""
    data: dict[str, Any] = {
        "schema": SCHEMA,
        "subject": value.subject,
        "loader": value.loader,
        "saved_with": value.saved_with,
        "target": value.target,
        "verdict": value.verdict,
        "loaders": value.loaders,
        "findings": [_told(finding) for finding in value.findings],
        "unknown": [{"path": path, "reason": reason} for path, reason in sorted(value.unknown.items())],
        "changes": [
            {"path": item.path, "locked": item.locked, "current": item.current} for item in value.changes
        ],
    }
    if value.inspection:
        data["inspection"] = {"class": value.inspection, "findings": [_told(item) for item in value.hazards]}
    if value.gaps is not None:
        data["gaps"] = list(value.gaps)
    if value.suggestions is not None:
        data["suggestions"] = list(value.suggestions)
    if value.proof:
        # JSON has no infinity: outputs that cannot be compared have no difference.
        far = value.proof.difference == float("inf")
        data["proof"] = {
            "rows": value.proof.rows,
            "difference": None if far else value.proof.difference,
            "tolerance": value.proof.tolerance,
            "bitwise": value.proof.bitwise,
        }
    return _dumps(data)


def _told(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": finding.severity.name.lower(),
        "subject": finding.subject,
        "message": finding.message,
        "remedy": finding.remedy,
        "error": finding.error,
        "avoided_by": finding.avoided_by,
        "detail": list(finding.detail),
        "loaders": list(finding.loaders),
    }


def inspection(found: Inspected) -> str:
    """What loading a model would run, read or allocate."""
    findings = [{"class": kind, **_told(item)} for kind, item in zip(found.kinds, found.hazards, strict=True)]
    asked = [{"name": name, "module": module, "asked-by": list(by)} for name, module, by in found.asked]
    return _dumps(
        {
            "schema": SCHEMA,
            "subject": found.subject,
            "inspection": {"class": found.verdict, "findings": findings, "asks-for": asked},
            "stored-source": list(found.stored),
            "damage": found.damage,
            "digest": found.digest,
            "approved": found.is_approved,
        }
    )


def parse_report(text: str) -> Report:
    """The report that `report` wrote; `ValueError` for anything else."""
    try:
        data = json.loads(text)
        proof = data.get("proof")
        return Report(
            subject=data["subject"],
            loader=data["loader"],
            verdict=data["verdict"],
            loaders=data["loaders"],
            findings=tuple(_finding(item) for item in data["findings"]),
            changes=tuple(
                Change(item["path"], _value(item["locked"]), _value(item["current"]))
                for item in data["changes"]
            ),
            unknown={item["path"]: item["reason"] for item in data["unknown"]},
            saved_with=data["saved_with"],
            target=data["target"],
            proof=_proof(proof) if proof else None,
            suggestions=_value(data.get("suggestions")),
            inspection=str(data.get("inspection", {}).get("class", "")),
            hazards=tuple(_finding(item) for item in data.get("inspection", {}).get("findings", ())),
            gaps=_value(data.get("gaps")),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no report: {error}") from None


def _value(item: Any) -> Any:
    return tuple(item) if isinstance(item, list) else item


def _finding(data: dict[str, Any]) -> Finding:
    severity, loaders = Severity[data["severity"].upper()], tuple(data["loaders"])
    rest = {key: data[key] for key in ("code", "subject", "message", "remedy", "error", "avoided_by")}
    detail = tuple(str(line) for line in data.get("detail", ()))
    return Finding(severity=severity, loaders=loaders, detail=detail, **rest)


def _proof(data: dict[str, Any]) -> Proof:
    difference = data["difference"]
    return Proof(
        rows=data["rows"],
        difference=float("inf") if difference is None else difference,
        tolerance=data["tolerance"],
        bitwise=data["bitwise"],
    )


def lock(value: Lock, content: Content) -> str:
    """The lock's own tables, and under `content` what is in the model."""
    data, absent, unknown = codec.encode(value)
    facts = data.pop("fingerprint")
    hoisted = {path.removeprefix("fingerprint."): reason for path, reason in unknown.items()}
    without = [path.removeprefix("fingerprint.") for path in absent]
    rest = {"absent": without, "unknown": hoisted, "content": _content(value, content)}
    return _dumps({"schema": SCHEMA} | data | facts | rest)


def _content(locked: Lock, value: Content) -> dict[str, Any]:
    """What is in a model: the classes and functions it names, and what its reader listed besides."""
    from envlock.artifacts.config import inventory  # a diff asks for no model's content

    listed = replace(value, config=None, compile_config=None, parts={})
    data: dict[str, Any]
    named: dict[str, Any]
    data, _, unknown = codec.encode(listed)
    found = inventory(value, keras_version=locked.artifact.keras_version)
    if isinstance(found, Unknown):
        return data | {"unknown": unknown | {"classes": found.reason}}
    named, _, _ = codec.encode(found)
    return data | named | {"unknown": unknown}


def fingerprint(value: Fingerprint) -> str:
    """The fingerprint of an environment."""
    data, absent, unknown = codec.encode(value)
    return _dumps({"schema": SCHEMA} | data | {"absent": list(absent), "unknown": unknown})


def error(message: str, hint: str) -> str:
    """A failure, for a program that asked for JSON."""
    return _dumps({"schema": SCHEMA, "error": message, "hint": hint})


def _dumps(data: object) -> str:
    return json.dumps(data, indent=2, allow_nan=False)
