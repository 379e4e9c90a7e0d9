"""
What keys a constructor takes.

The constructors are followed up the method resolution order for as long as `**kwargs` is passed on by a
call. What ends it: a constructor without `**kwargs` or one that raises on what is left (closed), or one
that does neither and swallows everything (open).
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any

from harvest.interpreter import Package
from harvest.kwargs import Handling, Handlings, mentions
from harvest.strings import own_nodes
from harvest.values import Class, External, Function, linearised


@dataclass
class Accepted:
    """The keys with their defaults, whether any other is swallowed, and what is said of another."""

    keys: dict[str, Any] = field(default_factory=dict)
    is_open: bool = False
    refusal: str = ""


class Constructors:
    """Answers for the classes of one package."""

    def __init__(self, package: Package) -> None:
        self.package = package
        self.handlings = Handlings(package)

    def accepted(self, cls: Class) -> Accepted:
        """What the constructor of a class takes."""
        found = Accepted()
        self._walk(linearised(cls), 0, found, frozenset(), 0)
        return found

    def _walk(
        self,
        order: tuple[Any, ...],
        start: int,
        found: Accepted,
        hidden: frozenset[str],
        carried: int,
    ) -> None:
        """Add what the next constructor takes; `carried` values come to it by position through `*args`."""
        place = next(
            (i for i in range(start, len(order)) if isinstance(_own(order[i]), Function)),
            None,
        )
        if place is None:
            found.refusal = f"TypeError: {order[0].bare}() takes no arguments"
            found.is_open = any(
                isinstance(item, External) and item.bare != "object" for item in order[start:]
            )
            return
        init = _own(order[place])
        arguments = init.node.args
        for name, default in self.handlings.parameters(init).items():
            if name not in hidden:
                found.keys.setdefault(name, default)
        if arguments.kwarg is None:
            found.refusal = (
                f"TypeError: {order[place].bare}.__init__() got an unexpected keyword argument '{{key}}'"
            )
            return
        handling = self.handlings.handling(init, arguments.kwarg.arg, order, {})
        for name, default in handling.taken.items():
            if name not in hidden:
                found.keys.setdefault(name, default)
        self._follow(order, place, found, hidden | handling.refused, handling, carried)

    def _follow(
        self,
        order: tuple[Any, ...],
        place: int,
        found: Accepted,
        hidden: frozenset[str],
        handling: Handling,
        carried: int,
    ) -> None:
        """Go up where the rest of the keys is passed on; else say how it ends."""
        init = _own(order[place])
        call = self._forwarding(init, order)
        if call is not None and not handling.is_complete:
            start = self._target(call, order, place, init)
            passed, carried = self._passed(call, order, start, carried)
            own = set(self.handlings.parameters(init))
            self._walk(order, start, found, hidden | passed | own, carried)
        elif handling.is_closed:
            found.refusal = handling.refusal.replace("{class}", order[0].bare)
        else:
            found.is_open = True

    def _forwarding(self, init: Function, order: tuple[Any, ...]) -> ast.Call | None:
        """The call that hands `**kwargs` to a base: to one of its own if there are several."""
        kwarg = init.node.args.kwarg
        if kwarg is None or isinstance(init.node, ast.Lambda):
            return None
        found = [
            node
            for node in own_nodes(init.node.body)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "__init__"
            and any(item.arg is None and mentions(item.value, kwarg.arg) for item in node.keywords)
        ]
        return next(
            (call for call in found if self._is_own_base(call, order, init)),
            next(iter(found), None),
        )

    def _is_own_base(self, call: ast.Call, order: tuple[Any, ...], init: Function) -> bool:
        base = call.func.value if isinstance(call.func, ast.Attribute) else None
        return isinstance(base, ast.Call) or (
            base is not None and self.package.value(base, init.scope) in order
        )

    def _target(self, call: ast.Call, order: tuple[Any, ...], place: int, init: Function) -> int:
        """From where in the order the constructor that is called is looked for."""
        match call.func:
            case ast.Attribute(value=ast.Call(func=ast.Name(id="super"), args=[named, *_])):
                owner = self.package.value(named, init.scope)
                return order.index(owner) + 1 if owner in order else place + 1
            case ast.Attribute(value=ast.Name() | ast.Attribute() as base):
                owner = self.package.value(base, init.scope)
                return order.index(owner) if owner in order else place + 1
        return place + 1

    @staticmethod
    def _passed(
        call: ast.Call, order: tuple[Any, ...], start: int, carried: int
    ) -> tuple[frozenset[str], int]:
        """Keys that the call sets, which cannot come by name as well; values left for `*args`."""
        names = {item.arg for item in call.keywords if item.arg}
        above = next(
            (own for item in order[start:] if isinstance(own := _own(item), Function)),
            None,
        )
        if above is None:
            return frozenset(names), 0
        is_bound = isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Call)
        given = len([item for item in call.args if not isinstance(item, ast.Starred)]) - (
            0 if is_bound else 1
        )
        if any(isinstance(item, ast.Starred) for item in call.args):
            given += carried
        parameters = [part.arg for part in above.node.args.args][1:]
        left = max(0, given - len(parameters)) if above.node.args.vararg else 0
        return frozenset(names | set(parameters[:given])), left


def _own(cls: Any) -> Any:
    return cls.body.get("__init__") if isinstance(cls, Class) else None
