from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from builders import custom_object

from envlock.artifacts.config import Custom
from envlock.custom.find import Asked
from envlock.custom.problems import _not_rebuilt, problems
from envlock.facts import Content, CustomObject, Unknown

PYTHON = ".".join(map(str, sys.version_info[:2]))


class Layer:
    """As much of a layer of Keras as rebuilding one takes."""

    def __init__(self, name: str = "layer", *, trainable: bool = True) -> None:
        self.name = name
        self.trainable = trainable

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "trainable": self.trainable}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Layer:
        return cls(**config)


class Fine(Layer):
    def __init__(self, units: int = 1, **more: Any) -> None:
        super().__init__(**more)
        self.units = units

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


class Needs(Layer):
    """Its configuration lacks an argument that it cannot be made without."""

    def __init__(self, units: int, **more: Any) -> None:
        super().__init__(**more)
        self.units = units


class Forgets(Layer):
    """Its configuration lacks arguments that it can be made without, to another effect."""

    def __init__(self, units: int = 1, kind: str = "a", rate: float | None = None, **more: Any) -> None:
        super().__init__(**more)
        self.units = units
        self.kind = kind
        self.rate = rate


class Derives(Layer):
    """What its configuration lacks it finds by itself."""

    def __init__(self, units: int | None = None, **more: Any) -> None:
        super().__init__(**more)
        self.units = units or 4


class Odd(Layer):
    def get_config(self) -> dict[str, Any]:
        raise NotImplementedError


class Refuses(Layer):
    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Layer:
        raise RuntimeError("never\n   again, " + "a" * 500)


class Changes(Layer):
    """It takes its configuration apart while it is made."""

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Layer:
        config.clear()
        return cls()


def loss(a: float, b: float) -> float:
    return a - b


def _wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def inner(*values: Any) -> Any:
        return function(*values)

    return inner


@_wrapped
def wrapped(a: float) -> float:
    return a


def _closure() -> Callable[..., Any]:
    scale, shift = 2.0, 1.0

    def inner(a: float) -> float:
        return a * scale + shift

    return inner


def _local() -> type:
    class Local(Layer):
        pass

    return Local


def _item(kind: Any, **overrides: Any) -> CustomObject:
    default = {
        "kind": "class" if isinstance(kind, type) else "function",
        "module": kind.__module__,
        "qualname": kind.__qualname__,
        "modules": (kind.__module__,),
    }
    return custom_object(kind.__name__, **{**default, **overrides})


def _said(
    *held: Any, content: Content | None = None, lost: tuple[Custom, ...] = (), **overrides: Any
) -> list[str]:
    """What is said of a model that holds these objects."""
    kinds = {kind.__name__: kind for kind in (item if callable(item) else type(item) for item in held)}

    @contextmanager
    def scope(objects: Mapping[str, Any]) -> Iterator[None]:
        assert objects == kinds
        yield

    objects = [_item(kind, **overrides) for kind in kinds.values()]
    content = content or Content(config={})
    model = SimpleNamespace(metrics=list(held))
    return list(problems(model, content, Asked(kinds, lost, {}), objects, scope=scope))


@pytest.mark.parametrize("held", [Fine(3, name="x"), Layer(trainable=False), loss, wrapped, Derives(), Odd()])
def test_of_what_comes_back_nothing_is_said(held: Any) -> None:
    assert _said(held) == []


def test_of_a_model_without_objects_nothing_is_said() -> None:
    assert _said() == []


# What no other program can import


def test_a_closure_is_said_with_what_it_uses() -> None:
    assert _said(_closure()) == [
        "function _closure.<locals>.inner uses scale, shift of the function around it, which no source holds"
    ]


def test_a_class_that_is_made_inside_a_function_is_said() -> None:
    assert _said(_local()()) == [
        "class _local.<locals>.Local is made inside a function, so that no other program can import it"
    ]


def test_an_object_of_the_program_itself_is_said_with_what_to_do() -> None:
    assert _said(loss, module="__main__") == [
        (
            "function loss is defined in the program itself: its source was stored; elsewhere it loads with "
            'trust="captured" or custom_objects='
        )
    ]


def test_an_object_whose_source_was_not_stored_is_said_with_the_reason() -> None:
    refused = Unknown("line 3 of keys.py holds what looks like a secret")

    assert _said(loss, modules=refused) == [f"function loss: {refused.reason}"]
    assert _said(loss, module="__main__", modules=refused) == [
        f"function loss is defined in the program itself: {refused.reason}"
    ]


def test_an_object_of_an_installed_package_is_not_said() -> None:
    assert _said(loss, modules=(), distribution="addons") == []


@pytest.mark.parametrize(
    ("owners", "said"),
    [(("layer a",), "layer a"), (("a", "b", "c", "d"), "a, b, c"), ((), "the model")],
)
def test_what_was_not_found_is_said_with_those_that_ask_for_it(owners: tuple[str, ...], said: str) -> None:
    lost = Custom(name="house>Gate", kind="layer", module=None, is_function=False, asked_by=owners)

    assert _said(lost=(lost,)) == [
        f"{said} asks for house>Gate, which this program neither registered nor defines by that name"
    ]


def test_objects_that_the_file_calls_the_same_are_said() -> None:
    asked = Asked({}, (), {"Gate": ("doors.Gate", "gates.Gate")})

    said = list(problems(SimpleNamespace(), Content(config={}), asked, [], scope=lambda _: _nothing()))

    assert said == [
        (
            "doors.Gate and gates.Gate are all called Gate in it, and none can be had by that name; "
            "register them under names of their own"
        )
    ]


# Lambdas


def _layers(*functions: Any) -> Content:
    layers = [
        {"class_name": "Lambda", "config": {"name": f"lambda_{number}", "function": function}}
        for number, function in enumerate(functions)
    ]
    return Content(config={"class_name": "Sequential", "config": {"name": "house", "layers": layers}})


LAMBDA = {"class_name": "__lambda__", "config": {"code": "4wAAAA==", "defaults": None, "closure": None}}


@pytest.mark.parametrize(("count", "said"), [(1, "a lambda is"), (2, "2 lambdas are")])
def test_lambdas_that_are_stored_as_bytecode_are_counted(count: int, said: str) -> None:
    assert _said(content=_layers(*[LAMBDA] * count)) == [
        (
            f"{said} stored as bytecode of Python {PYTHON}, which another Python cannot run and Keras 3 "
            "refuses; use a layer of your own, or under Keras 3 a named function"
        )
    ]


def test_a_lambda_that_is_stored_by_its_name_is_said() -> None:
    expected = [
        "a lambda is stored by the name <lambda>, by which nothing is found again; use a named function"
    ]
    content = Content(config={"class_name": "Sequential", "config": {"name": "x", "layers": []}})

    assert _said(lambda x: x, content=content) != expected
    assert _said(content=Content(config=content.config, compile_config={"loss": "<lambda>"})) == expected


# What get_config does not give back


def test_a_class_that_needs_what_its_configuration_lacks_is_said() -> None:
    (said,) = _said(Needs(3))

    assert said.startswith("Needs cannot be made again from its get_config(): TypeError: ")
    assert "units" in said


def test_what_a_configuration_leaves_out_is_said_with_both_values() -> None:
    assert _said(Forgets(5, kind="b", rate=0.5)) == [
        (
            "get_config() of Forgets leaves out units (here 5, and 1 when it comes back), "
            "kind (here 'b', and 'a' when it comes back), rate (here 0.5, and None when it comes back)"
        )
    ]


def test_what_is_left_out_at_its_default_does_no_harm() -> None:
    assert _said(Forgets()) == []


def test_of_several_objects_of_a_class_one_that_does_not_come_back_is_said() -> None:
    assert _said(Forgets(), Forgets(6), Forgets(6), Forgets()) == [
        "get_config() of Forgets leaves out units (here 6, and 1 when it comes back)"
    ]


def test_what_a_class_says_is_put_on_one_short_line() -> None:
    (said,) = _said(Refuses())

    assert said.startswith(
        "Refuses cannot be made again from its get_config(): RuntimeError: never again, aaa"
    )
    assert len(said) < 200


def test_the_configuration_of_the_live_object_is_not_touched() -> None:
    config = {"name": "x", "trainable": True}
    layer = Changes()
    layer.get_config = lambda: config  # type: ignore[method-assign]

    assert _said(layer) == []
    assert config == {"name": "x", "trainable": True}


def test_an_object_that_another_holds_is_made_again_too() -> None:
    outer = Fine()
    outer.inner = {"head": [Needs(1)]}  # type: ignore[attr-defined]
    content = Content(config={})

    said = list(
        problems(SimpleNamespace(metrics=[outer]), content, Asked({}, (), {}), [], scope=lambda _: _nothing())
    )

    assert len(said) == 1
    assert said[0].startswith("Needs cannot")


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def test_classes_are_made_again_where_the_objects_are_known() -> None:
    log: list[str] = []

    class Watched(Layer):
        @classmethod
        def from_config(cls, config: dict[str, Any]) -> Layer:
            log.append("made")
            return cls()

    @contextmanager
    def scope(objects: Mapping[str, Any]) -> Iterator[None]:
        log.append(f"in {sorted(objects)}")
        yield
        log.append("out")

    model = SimpleNamespace(metrics=[Watched()])
    list(problems(model, Content(config={}), Asked({"Watched": Watched}, (), {}), [], scope=scope))

    assert log == ["in ['Watched']", "made", "out"]


def test_not_without_end() -> None:
    made: list[int] = []
    asked: list[int] = []

    class Many(Layer):
        def get_config(self) -> dict[str, Any]:
            asked.append(1)
            return super().get_config()

        @classmethod
        def from_config(cls, config: dict[str, Any]) -> Layer:
            made.append(1)
            return cls()

    model = SimpleNamespace(metrics=[Many() for _ in range(5000)])
    list(problems(model, Content(config={}), Asked({}, (), {}), [], scope=lambda _: _nothing()))

    assert (len(asked), len(made)) == (1000, 1)


def test_a_class_is_made_again_once_for_each_set_of_keys_and_a_model_once() -> None:
    made: list[str] = []

    class Varies(Layer):
        def get_config(self) -> dict[str, Any]:
            return {"name": self.name} if self.trainable else super().get_config()

        @classmethod
        def from_config(cls, config: dict[str, Any]) -> Layer:
            made.append(f"{cls.__name__} {len(config)}")
            return cls()

    class Model(Varies):
        pass

    class House(Model):
        pass

    held = [kind(trainable=flag) for kind in (Varies, House) for flag in (True, False) * 3]
    model = SimpleNamespace(metrics=held)
    list(problems(model, Content(config={}), Asked({}, (), {}), [], scope=lambda _: _nothing()))

    assert sorted(item.partition(" ")[0] for item in made) == ["House", "Varies", "Varies"]
    assert {"Varies 1", "Varies 2"} < set(made)


# What code of the user's raises


@pytest.mark.parametrize("raised", [RuntimeError("lost"), OSError("gone"), SystemExit(3)])
def test_a_property_that_raises_ends_nothing(raised: BaseException) -> None:
    class Guarded(Forgets):
        @property
        def units(self) -> int:
            raise raised

        @units.setter
        def units(self, value: int) -> None:
            pass

    model = SimpleNamespace(metrics=[Guarded(3, kind="b")])
    said = problems(model, Content(config={}), Asked({}, (), {}), [], scope=lambda _: _nothing())

    assert [line.partition(" leaves out ")[2] for line in said] == [
        "kind (here 'b', and 'a' when it comes back)"
    ]


def test_what_the_scope_raises_is_said() -> None:
    @contextmanager
    def scope(_: Mapping[str, Any]) -> Iterator[None]:
        raise ValueError("no   scope")
        yield

    said = list(problems(SimpleNamespace(), Content(config={}), Asked({}, (), {}), [], scope=scope))

    assert said == ["whether its classes can be made again cannot be told: ValueError: no scope"]


def test_a_value_that_is_kept_under_another_name_than_its_argument_is_missed() -> None:
    class Scaled(Layer):
        def __init__(self, by: int = 1) -> None:
            self.factor = by

        def get_config(self) -> dict[str, object]:
            return {}

        @classmethod
        def from_config(cls, config: dict[str, object]) -> Scaled:
            return cls(**config)

    assert list(_not_rebuilt(Scaled())) == []
    assert list(_not_rebuilt(Scaled(3))) == [
        f"get_config() of {Scaled.__qualname__} leaves out factor (here 3, and 1 when it comes back)"
    ]
