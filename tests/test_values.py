from __future__ import annotations

import copy
import dataclasses
import pickle
import sys

import pytest

from envlock import process
from envlock.values import field, frozen


@frozen
class Room:
    """One with a default of each kind."""

    name: str
    size: float = 1.0
    doors: tuple[str, ...] = ()
    notes: dict[str, str] = field(default_factory=dict)


@frozen(kw_only=True)
class House:
    """One that takes its fields by name alone."""

    rooms: tuple[Room, ...]
    front: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Plain:
    """What the standard library makes of the same fields."""

    name: str
    size: float = 1.0
    doors: tuple[str, ...] = ()
    notes: dict[str, str] = dataclasses.field(default_factory=dict)


def test_it_is_shown_and_taken_apart_as_a_dataclass_is() -> None:
    room, plain = Room("hall", 2.5, notes={"a": "b"}), Plain("hall", 2.5, notes={"a": "b"})

    assert repr(room) == repr(plain).replace("Plain", "Room")
    assert dataclasses.asdict(room) == dataclasses.asdict(plain)
    assert [item.name for item in dataclasses.fields(room)] == [
        item.name for item in dataclasses.fields(plain)
    ]


def test_equal_fields_make_equal_values_of_one_hash() -> None:
    assert House(rooms=(), front="red") == House(rooms=(), front="red")
    assert hash(House(rooms=(), front="red")) == hash(House(rooms=(), front="red"))
    assert House(rooms=(), front="red") != House(rooms=())


def test_a_value_of_another_class_is_never_equal() -> None:
    assert Room("hall") != Plain("hall")


def test_the_same_but_is_another_value() -> None:
    room = Room("hall")

    other = dataclasses.replace(room, size=3.0)

    assert (room, other) == (Room("hall", 1.0), Room("hall", 3.0))


def test_a_default_that_is_made_is_made_each_time() -> None:
    assert Room("hall").notes is not Room("hall").notes


@pytest.mark.parametrize("name", ["name", "size", "colour"])
def test_nothing_can_be_set_or_deleted(name: str) -> None:
    room = Room("hall")

    with pytest.raises(dataclasses.FrozenInstanceError, match=name):
        setattr(room, name, "kitchen")
    with pytest.raises(dataclasses.FrozenInstanceError, match=name):
        delattr(room, name)


def test_it_holds_its_fields_in_slots() -> None:
    assert not hasattr(Room("hall"), "__dict__")


def test_a_missing_value_is_an_error_that_names_it() -> None:
    with pytest.raises(TypeError, match="Room needs a value for 'name'"):
        Room()  # type: ignore[call-arg]


def test_an_unknown_field_is_an_error_that_names_it() -> None:
    with pytest.raises(TypeError, match="Room has no field 'colour'"):
        Room("hall", colour="red")  # type: ignore[call-arg]


def test_too_many_values_by_position_are_an_error() -> None:
    with pytest.raises(TypeError, match="House takes 0 values by position, not 1"):
        House(())  # type: ignore[misc]


def test_a_value_given_twice_is_an_error() -> None:
    with pytest.raises(TypeError, match="Room takes 'name' once"):
        Room("hall", name="kitchen")  # type: ignore[misc]


def test_a_copy_and_what_comes_back_from_a_pickle_are_equal() -> None:
    room = Room("hall", notes={"a": "b"})

    assert copy.deepcopy(room) == room
    assert pickle.loads(pickle.dumps(room)) == room


def test_it_can_be_matched_by_place_and_by_name() -> None:
    match Room("hall", 2.0):
        case Room("hall", size):
            assert size == 2.0


def test_a_class_of_values_may_have_methods_and_properties_of_its_own() -> None:
    @frozen
    class Square:
        side: float

        @property
        def area(self) -> float:
            return self.side**2

    assert (Square(3.0).area, repr(Square(3.0))[-16:]) == (9.0, "Square(side=3.0)")


def test_importing_it_brings_none_of_what_it_stands_in_for() -> None:
    program = "import sys, envlock.facts, envlock.codec; print({'dataclasses', 'inspect'} & set(sys.modules))"

    assert process.run([sys.executable, "-S", "-c", program]) == "set()\n"


def test_a_class_may_show_itself_as_it_likes() -> None:
    @frozen
    class Quiet:
        name: str

        def __repr__(self) -> str:
            return f"<{self.name}>"

    assert repr(Quiet("a")) == "<a>"
    assert Quiet("a") == Quiet("a")
