"""Hostile and clean artifacts, generated. Payloads leave a marker and do nothing else."""

from __future__ import annotations

from . import (
    broken,
    clean,
    containers,
    datasets,
    functions,
    objects,
    operations,
    paths,
    places,
    serving,
    sizes,
)
from .case import Bench, Case, Clean

__all__ = ["CLEAN", "HOSTILE", "Bench", "Case", "Clean"]

FAMILIES = (places, functions, objects, operations, paths, containers, broken, datasets, sizes, serving)
HOSTILE: tuple[Case, ...] = tuple(
    case
    for family in (
        places,
        functions,
        objects,
        operations,
        paths,
        containers,
        broken,
        datasets,
        sizes,
        serving,
    )
    for case in family.cases()
)
CLEAN: tuple[Clean, ...] = clean.CASES
