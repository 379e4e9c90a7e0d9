"""
Frozen values: what `@dataclass(frozen=True, slots=True)` makes, without what it costs.

The module `dataclasses` brings `inspect` along and compiles the methods of each class from source: with
the fifty classes that a diff loads, a quarter of all that one cost. Here every class has the same few
methods. `dataclasses.fields`, `replace`, `asdict` and `is_dataclass` take these values for their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, overload

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:  # since Python 3.11 in typing; only type checkers look at it

    def dataclass_transform(**_: object) -> Callable[[Any], Any]:
        return lambda decorator: decorator


__all__ = ["MISSING", "Field", "field", "fields", "frozen", "is_value", "replace"]

T = TypeVar("T")


class _Missing:
    """No default."""


MISSING = _Missing()


class Field:
    """One field of a value: its name, the default or what makes it (else `MISSING`), and its marks."""

    __slots__ = ("default", "default_factory", "metadata", "name", "type")

    def __init__(self, default: Any, default_factory: Any, metadata: Mapping[str, Any]) -> None:
        self.name = ""
        self.type: Any = None
        self.default = default
        self.default_factory = default_factory
        self.metadata = metadata


def field(
    *, default: Any = MISSING, default_factory: Any = MISSING, metadata: Mapping[str, Any] | None = None
) -> Any:
    """A field that has more to it than a type and a default."""
    return Field(default, default_factory, metadata or {})


def fields(value: Any) -> tuple[Field, ...]:
    """The fields of a value, or of its class, in their order."""
    found: tuple[Field, ...] = value.__value_fields__
    return found


def is_value(value: object) -> bool:
    """Whether it is a frozen value, or the class of one."""
    return hasattr(value, "__value_fields__")


def replace(value: T, **changes: Any) -> T:
    """The same but for `changes`."""
    return type(value)(**{item.name: getattr(value, item.name) for item in fields(value)} | changes)


@overload
def frozen(kind: type[T], /) -> type[T]: ...
@overload
def frozen(*, kw_only: bool) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(kind: Any = None, /, *, kw_only: bool = False) -> Any:
    """Make a class of frozen values, which with `kw_only` take their fields by name alone."""

    def decorate(kind: Any) -> Any:
        found = tuple(_field(kind, name, hint) for name, hint in kind.__annotations__.items())
        names = tuple(item.name for item in found)
        # Slots must be there when a class is made, so it is made once more.
        left_out = {*names, "__dict__", "__weakref__"}
        own = {key: item for key, item in vars(kind).items() if key not in left_out}
        own = _METHODS | own  # what the class defines itself stays
        own |= {"__slots__": names, "__value_fields__": found, "__qualname__": kind.__qualname__}
        own["__match_args__"] = () if kw_only else names
        return type(kind)(kind.__name__, kind.__bases__, own)

    return decorate if kind is None else decorate(kind)


def _field(kind: Any, name: str, hint: Any) -> Field:
    given = vars(kind).get(name, MISSING)
    found = given if isinstance(given, Field) else Field(given, MISSING, {})
    found.name, found.type = name, hint
    return found


def _init(self: Any, /, *given: object, **named: object) -> None:
    kind = type(self)
    if len(given) > len(kind.__match_args__):
        most = len(kind.__match_args__)
        raise TypeError(f"{kind.__name__} takes {most} values by position, not {len(given)}")
    for name, found in zip(kind.__match_args__, given, strict=False):
        if name in named:
            raise TypeError(f"{kind.__name__} takes {name!r} once")
        named[name] = found
    for item in kind.__value_fields__:
        object.__setattr__(self, item.name, named.pop(item.name) if item.name in named else _made(kind, item))
    if named:
        raise TypeError(f"{kind.__name__} has no field {next(iter(named))!r}")


def _made(kind: Any, item: Field) -> Any:
    if item.default is not MISSING:
        return item.default
    if item.default_factory is not MISSING:
        return item.default_factory()
    raise TypeError(f"{kind.__name__} needs a value for {item.name!r}")


def _held(self: Any) -> tuple[object, ...]:
    return tuple(getattr(self, item.name) for item in self.__value_fields__)


def _repr(self: Any) -> str:
    shown = (f"{item.name}={getattr(self, item.name)!r}" for item in self.__value_fields__)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _eq(self: Any, other: object) -> bool:
    return _held(self) == _held(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_held(self))


def _setattr(self: Any, name: str, _: object) -> NoReturn:
    raise _frozen(f"cannot assign to field {name!r} of {type(self).__name__}")


def _delattr(self: Any, name: str) -> NoReturn:
    raise _frozen(f"cannot delete field {name!r} of {type(self).__name__}")


def _frozen(message: str) -> AttributeError:
    from dataclasses import FrozenInstanceError

    return FrozenInstanceError(message)


def _reduce(self: Any) -> tuple[Any, ...]:
    """How it is copied and pickled: made anew from its fields."""
    return _remade, (type(self), {item.name: getattr(self, item.name) for item in self.__value_fields__})


def _remade(kind: Any, held: dict[str, Any]) -> Any:
    return kind(**held)


class _DataclassFields:
    """What the functions of `dataclasses` look for, made when one of them first does."""

    def __get__(self, _: object, kind: Any) -> Any:
        import dataclasses

        parts = kind.__value_fields__
        listed = [(item.name, item.type, _dataclass_field(dataclasses, item)) for item in parts]
        made: Any = dataclasses.make_dataclass(kind.__name__, listed, kw_only=True)
        found = made.__dataclass_fields__
        type.__setattr__(kind, "__dataclass_fields__", found)
        return found


def _dataclass_field(dataclasses: Any, item: Field) -> Any:
    given = {"default": item.default, "default_factory": item.default_factory}
    known = {key: value for key, value in given.items() if value is not MISSING}
    return dataclasses.field(metadata=item.metadata, **known)


_METHODS: dict[str, Any] = {
    "__init__": _init,
    "__repr__": _repr,
    "__eq__": _eq,
    "__hash__": _hash,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
    "__reduce__": _reduce,
    "__replace__": replace,
    "__dataclass_fields__": _DataclassFields(),
}
