"""What an inspection has found so far."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.inspection.values import KINDS, Asked, Hazard, Inspection
from envlock.knowledge import hazards
from envlock.knowledge.rule import Rule

__all__ = ["Found", "Refused", "shown"]

_MOST = 200
_MOST_MET = 5000
_LONG = 120
_RULES = {item.code: item for item in hazards.RULES}


class Refused(Exception):
    """The file is not read any further; `code` is the rule that says why."""

    def __init__(self, message: str, *, subject: str = "", code: str = "EL601") -> None:
        super().__init__(message)
        self.message = message
        self.subject = subject
        self.code = code


class Found:
    """The hazards and the names met so far, each once; the worst verdict is kept where there are too many."""

    def __init__(self) -> None:
        self._hazards: dict[tuple[str, str, str], Hazard] = {}
        self._names: dict[tuple[str, str | None], dict[str, None]] = {}
        self._spelt: dict[tuple[str, str | None], dict[str, None]] = {}
        self._classes: set[tuple[str, str | None]] = set()
        # What the compile settings alone ask for.
        self.settings: frozenset[str] = frozenset()
        self._worst = 0
        self._met = 0

    def hazard(self, code: str, subject: str, message: str) -> None:
        """Note a hazard by the code of its rule."""
        kind = hazards.KINDS[code]
        self._worst = max(self._worst, KINDS.index(kind))
        self._count()
        key = (code, subject, message)
        if len(self._hazards) < _MOST:
            rule: Rule = _RULES[code]
            self._hazards.setdefault(
                key, Hazard(code=code, kind=kind, subject=subject, message=message, remedy=rule.remedy)
            )

    def _count(self) -> None:
        """Each costs a look into the tables of all releases, so there is an end to it."""
        self._met += 1
        if self._met == _MOST_MET:
            raise Refused(f"more than {_MOST_MET} hazards and names that are not Keras' own", code="EL602")

    def refused(self, error: Refused, subject: str) -> None:
        """Note why a file was not read any further."""
        self.hazard(error.code, error.subject or subject, error.message)

    @property
    def asked(self) -> frozenset[str]:
        """The names that were asked for so far."""
        return frozenset(name for name, _ in self._names)

    def ask(
        self,
        name: str,
        module: str | None,
        owners: Iterable[str],
        *,
        is_class: bool,
        spelt: Iterable[str] = (),
    ) -> None:
        """Note that somebody asks for what is not Keras' own."""
        key = (shown(name), shown(module) if module else None)
        self._names.setdefault(key, {}).update(dict.fromkeys(owners))
        self._spelt.setdefault(key, {name: None}).update(dict.fromkeys(spelt))
        if is_class:
            self._classes.add(key)
        self._count()

    def inspection(self) -> Inspection:
        """All of it, the worst first."""
        for (name, module), owners in self._names.items():
            where = f" of {module}" if module else ""
            first = next(iter(owners), "the model")
            self.hazard("EL616", name, f"{first} asks for {name}{where}, which is not Keras' own")
        names = tuple(
            Asked(
                name=key[0],
                module=key[1],
                asked_by=tuple(owners),
                spelt=tuple(self._spelt[key]),
                is_class=key in self._classes,
                is_setting=key[0] in self.settings,
            )
            for key, owners in sorted(self._names.items(), key=lambda item: (item[0][0], str(item[0][1])))
        )
        order = sorted(
            self._hazards.values(), key=lambda item: (-KINDS.index(item.kind), item.code, item.subject)
        )
        return Inspection(verdict=KINDS[self._worst], hazards=tuple(order), names=names)


def shown(value: object) -> str:
    """What a file says, short enough and without what a terminal would take for an order."""
    text = value if isinstance(value, str) else repr(value)[:200]
    if len(text) <= _LONG and text.isprintable():
        return text
    plain = "".join(sign if sign.isprintable() else "?" for sign in text[:_LONG])
    return plain if len(text) <= _LONG else f"{plain} …"
