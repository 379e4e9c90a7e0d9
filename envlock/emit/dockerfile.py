"""An image plan as a Dockerfile that the classic builder accepts."""

from __future__ import annotations

import json
from string import Template

from envlock import resources
from envlock.emit.image_plan import USER, ImagePlan

__all__ = ["dockerfile"]


def dockerfile(plan: ImagePlan) -> str:
    """The same plan gives the same text; every value in it comes from a fixed grammar."""
    return Template(resources.template("Dockerfile")).substitute(
        base=plan.base,
        labels=_pairs(plan.labels),
        variables="".join(f'ENV {name}="{value}"\n' for name, value in plan.variables),
        install=_exec([*_INSTALL, *plan.requirements]),
        user=USER,
    )


_INSTALL = (
    "python",
    "-m",
    "pip",
    "install",
    "--no-cache-dir",
    "--no-deps",
    "--only-binary=:all:",
    "--disable-pip-version-check",
    "--root-user-action=ignore",
)


def _exec(words: list[str]) -> str:
    """The exec form, which no shell reads, a word a line."""
    return "[ \\\n" + ", \\\n".join(f"    {json.dumps(word)}" for word in words) + " \\\n]"


def _pairs(items: tuple[tuple[str, str], ...]) -> str:
    return " \\\n      ".join(f'{name}="{value}"' for name, value in items)
