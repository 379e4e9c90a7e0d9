"""What is not judged but seen: the bytes of the model, and what it computes."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.knowledge.rule import Case, Comparison, Severity, rule

__all__ = ["RULES", "load_failed", "outputs_differ"]

_SAVING = "https://keras.io/guides/serialization_and_saving/"


@rule(
    "EL001",
    Severity.ERROR,
    source=_SAVING,
    remedy="restore the files that were locked, or save the model again",
)
def not_the_locked_model(seen: Comparison) -> Iterator[Case]:
    """
    A file of the model is not the one that was locked.

    It was changed, replaced, cut short or only half copied after the lock was written; nothing that
    the lock says can be relied on. `load_model`, `verify` and `build` refuse it.
    """
    yield from ((name, f"{name} {problem}") for name, problem in seen.damage.items())


@rule(
    "EL002",
    Severity.ERROR,
    source=_SAVING,
    remedy="mend what else is found here; without that, use the locked environment",
)
def load_failed(_: Comparison) -> Iterator[Case]:
    """
    The model was loaded for real, and that failed.

    Only `verify` and `build` say this: it is seen, not judged.
    """
    yield from ()


@rule("EL003", Severity.ERROR, source=_SAVING, remedy="use the locked environment, or save the model again")
def outputs_differ(_: Comparison) -> Iterator[Case]:
    """
    The model gives other numbers than when it was saved.

    The stored inputs were fed to it and the outputs compared with the stored ones. Only `verify` and
    `build` say this.
    """
    yield from ()


RULES = (not_the_locked_model, load_failed, outputs_differ)
