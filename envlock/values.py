"""
Frozen dataclasses, made without compiling code.

`dataclasses` writes the methods of each class as source and compiles it: half a millisecond for each
of the forty that a diff loads, a quarter of all that one costs. Here every class has the same few methods.
They keep the promises of `@dataclass(frozen=True, slots=True)`, and `fields`, `replace` and `is_dataclass` of
that module know these classes too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, overload

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:  # since Python 3.11 in typing; only type checkers look at it

    def dataclass_transform(**_: object) -> Callable[[Any], Any]:
        return lambda decorator: decorator


__all__ = ["frozen"]

T = TypeVar("T")


@overload
def frozen(kind: type[T], /) -> type[T]: ...
@overload
def frozen(*, kw_only: bool) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(kind: Any = None, /, *, kw_only: bool = False) -> Any:
    """Make a frozen dataclass with slots of a class; with `kw_only` it takes its fields by name alone."""

    def decorate(kind: Any) -> Any:
        # Its own methods are left out: they are what is compiled.
        made: Any = dataclass(init=False, repr=False, eq=False, kw_only=kw_only, slots=True)(kind)
        made.__parts__ = tuple((item.name, item.default, item.default_factory) for item in _fields(made))
        made.__positional__ = () if kw_only else tuple(item.name for item in _fields(made))
        for name, method in _METHODS.items():
            setattr(made, name, method)
        return made

    return decorate if kind is None else decorate(kind)


def _fields(kind: Any) -> Any:
    return kind.__dataclass_fields__.values()


def _init(self: Any, /, *given: object, **named: object) -> None:
    kind = type(self)
    if len(given) > len(kind.__positional__):
        raise TypeError(
            f"{kind.__name__} takes {len(kind.__positional__)} values by position, not {len(given)}"
        )
    for name, found in zip(kind.__positional__, given, strict=False):
        if name in named:
            raise TypeError(f"{kind.__name__} takes {name!r} once")
        named[name] = found
    for name, default, factory in kind.__parts__:
        if name in named:
            found = named.pop(name)
        elif default is not MISSING:
            found = default
        elif factory is not MISSING:
            found = factory()
        else:
            raise TypeError(f"{kind.__name__} needs a value for {name!r}")
        object.__setattr__(self, name, found)
    if named:
        raise TypeError(f"{kind.__name__} has no field {next(iter(named))!r}")


def _held(self: Any) -> tuple[object, ...]:
    return tuple(getattr(self, name) for name, _, _ in type(self).__parts__)


def _repr(self: Any) -> str:
    shown = (f"{name}={getattr(self, name)!r}" for name, _, _ in type(self).__parts__)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _eq(self: Any, other: object) -> bool:
    return _held(self) == _held(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_held(self))


def _setattr(self: Any, name: str, _: object) -> NoReturn:
    raise FrozenInstanceError(f"cannot assign to field {name!r} of {type(self).__name__}")


def _delattr(self: Any, name: str) -> NoReturn:
    raise FrozenInstanceError(f"cannot delete field {name!r} of {type(self).__name__}")


_METHODS: dict[str, Callable[..., Any]] = {
    "__init__": _init,
    "__repr__": _repr,
    "__eq__": _eq,
    "__hash__": _hash,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
}
