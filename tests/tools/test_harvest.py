"""What reading sources makes of the ways in which constructors and `from_config` treat keys."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from harvest.packing import packed  # noqa: E402
from harvest.release import Source, table  # noqa: E402

BASE = """
class Layer:
    def __init__(self, *, name=None, trainable=True, **kwargs):
        self.shape = kwargs.pop("input_shape", None)
        if kwargs:
            raise ValueError(f"Unrecognized arguments passed to {self.__class__.__name__}: {kwargs}")

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)
"""


def harvested(tmp_path: Path, code: str, **more: str) -> dict[str, Any]:
    """The table of a small package that looks like Keras."""
    package = tmp_path / "keras-3.0.0" / "keras"
    files = {
        "__init__.py": "from keras import src, layers",
        "layers.py": "from keras.src.layer import Thing",
        "src/__init__.py": "from keras.src import layer",
        "src/export.py": "def keras_export(path):\n    return lambda found: found",
        "src/layer.py": "from keras.src.export import keras_export\n" + BASE + textwrap.dedent(code),
        **{name.replace("__", "/") + ".py": textwrap.dedent(text) for name, text in more.items()},
    }
    for name, text in files.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return table(Source.found(tmp_path / "keras-3.0.0"))


def thing(tmp_path: Path, code: str) -> dict[str, Any]:
    found: dict[str, Any] = harvested(tmp_path, code)["classes"]["keras.src.layer.Thing"]
    return found


def keys(record: dict[str, Any]) -> set[str]:
    return set(record.get("accepts", {}))


def test_keys_are_followed_up_while_they_are_passed_on(tmp_path: Path) -> None:
    found = thing(
        tmp_path,
        """
        class Thing(Layer):
            def __init__(self, units, rate=0.5, **kwargs):
                super().__init__(**kwargs)
        """,
    )

    assert found["accepts"] == {
        "units": "\x01required",
        "rate": 0.5,
        "name": None,
        "trainable": True,
        "input_shape": None,
    }
    assert found["requires"] == ["units"]
    assert found["refusal"] == "ValueError: Unrecognized arguments passed to Thing: {key}"
    assert "open" not in found


def test_kwargs_that_nobody_is_given_swallow_everything(tmp_path: Path) -> None:
    found = thing(
        tmp_path,
        """
        class Thing(Layer):
            def __init__(self, name=None, **kwargs):
                super().__init__(name=name)
        """,
    )

    assert found["open"] == 1


def test_a_constructor_without_kwargs_is_the_end(tmp_path: Path) -> None:
    found = thing(
        tmp_path,
        """
        class Thing(Layer):
            def __init__(self, units):
                super().__init__(name="thing")
        """,
    )

    assert keys(found) == {"units"}
    assert found["refusal"] == "TypeError: Thing.__init__() got an unexpected keyword argument '{key}'"


def test_what_is_set_on_the_way_up_is_no_key(tmp_path: Path) -> None:
    found = thing(
        tmp_path,
        """
        class Base(Layer):
            def __init__(self, rank, size=1, **kwargs):
                super().__init__(**kwargs)

        class Thing(Base):
            def __init__(self, **kwargs):
                super().__init__(2, trainable=False, **kwargs)
        """,
    )

    assert keys(found) == {"size", "name", "input_shape"}


def test_values_pass_a_mixin_by_position(tmp_path: Path) -> None:
    found = thing(
        tmp_path,
        """
        class Mixin:
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)

        class Base(Layer):
            def __init__(self, cell, **kwargs):
                super().__init__(**kwargs)

        class Thing(Mixin, Base):
            def __init__(self, units, **kwargs):
                super().__init__(units, **kwargs)
        """,
    )

    assert found["mro"] == "Thing Mixin Base Layer"
    assert keys(found) == {"units", "name", "trainable", "input_shape"}


@pytest.mark.parametrize(
    ("body", "taken"),
    [
        ("kwargs.pop('a', 1)", {"a"}),
        ("kwargs.get('a')", {"a"}),
        ("if 'a' in kwargs: pass", {"a"}),
        ("kwargs['a']", {"a"}),
        ("for key in ('a', 'b'): kwargs.pop(key, None)", {"a", "b"}),
        ("self.helper(kwargs)", {"a", "b"}),
        ("outside(kwargs, 'a')", {"a"}),
        ("if 'a' in kwargs: raise ValueError", set()),
        ("if mode not in ['a', 'b']: raise ValueError", set()),
    ],
)
def test_keys_are_taken_from_kwargs_in_many_ways(tmp_path: Path, body: str, taken: set[str]) -> None:
    found = thing(
        tmp_path,
        f"""
        def outside(given, key):
            given.pop(key, None)

        class Thing(Layer):
            def __init__(self, mode="a", **kwargs):
                {body}
                super().__init__(**kwargs)

            def helper(self, given):
                given.pop("a", None)
                given.pop("b", None)
        """,
    )

    assert keys(found) == {"mode", "name", "trainable", "input_shape"} | taken


@pytest.mark.parametrize(
    "body",
    [
        "allowed_kwargs = {'a', 'b'}\n        validate(kwargs, allowed_kwargs)",
        "for key in kwargs:\n            if key not in {'a', 'b'}: raise TypeError('No ' + key)",
        "left = set(kwargs) - {'a', 'b'}\n        if left:\n            raise TypeError(f'No {left}')",
    ],
)
def test_a_list_of_what_is_allowed_closes(tmp_path: Path, body: str) -> None:
    found = thing(
        tmp_path,
        f"""
def validate(kwargs, allowed_kwargs, error_message="No"):
    for kwarg in kwargs:
        if kwarg not in allowed_kwargs:
            raise TypeError(error_message, kwarg)

class Thing(Layer):
    def __init__(self, **kwargs):
        {body}
""",
    )

    assert keys(found) == {"a", "b"}
    assert found["refusal"].startswith("TypeError: ")
    assert "No" in found["refusal"]
    assert "{key}" in found["refusal"]


def test_a_raise_that_is_not_about_kwargs_closes_nothing(tmp_path: Path) -> None:
    found = thing(
        tmp_path,
        """
        class Thing(Layer):
            def __init__(self, size=1, **kwargs):
                if size < 0 or kwargs["dtype"] != "int32":
                    raise ValueError("too small")
        """,
    )

    assert found["open"] == 1


@pytest.mark.parametrize(
    ("body", "removes", "requires"),
    [
        ("config.pop('a')", ["a"], ["a"]),
        ("config.pop('a', None)", ["a"], []),
        ("config['a'] = config['a'] + 1", [], ["a"]),
        ("if 'a' in config: del config['a']", ["a"], []),
        ("config = config.copy(); config.pop('a')", ["a"], ["a"]),
        ("cls.helper(config, 'a')", ["a"], ["a"]),
        ("if config['a']: config['b'] = config.pop('c')", ["c"], ["a"]),
        ("x = config['a'] if 'a' in config else 0", [], []),
        ("config['x'] = 1; config['x']", [], []),
    ],
)
def test_from_config_is_read(tmp_path: Path, body: str, removes: list[str], requires: list[str]) -> None:
    found = thing(
        tmp_path,
        f"""
        class Thing(Layer):
            @classmethod
            def helper(cls, config, key):
                return config.pop(key)

            @classmethod
            def from_config(cls, config):
                {body}
                return cls(**config)
        """,
    )

    assert found.get("removes", []) == removes
    assert found.get("requires", []) == requires


def test_what_both_ways_read_is_needed(tmp_path: Path) -> None:
    found = thing(
        tmp_path,
        """
        class Thing(Layer):
            @classmethod
            def from_config(cls, config):
                if config["kind"] == 1:
                    made = config["a"], config["b"]
                elif config["kind"] == 2:
                    made = config["a"]
                else:
                    raise TypeError("unknown")
                return cls(made)
        """,
    )

    assert found["requires"] == ["a", "kind"]


def test_an_older_form_with_a_return_of_its_own_makes_nothing_needed(tmp_path: Path) -> None:
    found = thing(
        tmp_path,
        """
        class Thing(Layer):
            @classmethod
            def from_config(cls, config):
                if "old" in config:
                    return cls(name=config["old"])
                return cls(name=config["new"])
        """,
    )

    assert "requires" not in found


def test_a_key_that_an_older_form_is_turned_into_is_not_needed(tmp_path: Path) -> None:
    found = thing(
        tmp_path,
        """
        class Thing(Layer):
            @classmethod
            def from_config(cls, config):
                given = config["a"]
                if isinstance(given, dict):
                    config["a"] = given["b"]
                if "old" in config:
                    config["new"] = config.pop("old")
                config["new"] = config["new"] + 1
                return cls(**config)
        """,
    )

    assert found["requires"] == ["a"]


def test_public_names_members_and_methods_are_found(tmp_path: Path) -> None:
    found = harvested(
        tmp_path,
        """
        @keras_export(["keras.layers.Thing", "keras.Thing"])
        class Thing(Layer):
            def build(self, input_shape, *, training=False, **more):
                pass

        _Hidden = Thing
        """,
    )

    assert found["public"] == {
        "keras.layers.Thing": "keras.src.layer.Thing",
        "keras.Thing": "keras.src.layer.Thing",
    }
    assert found["modules"]["keras.layers"] == {"Thing": "keras.src.layer.Thing"}
    assert found["modules"]["keras.src.layer"]["_Hidden"] == "keras.src.layer.Thing"
    assert found["classes"]["keras.src.layer.Thing"]["defines"] == ["build"]
    assert found["classes"]["keras.src.layer.Thing"]["signatures"] == {"build": "input_shape training **"}


def test_the_dictionary_of_a_loader_is_what_it_hands_on(tmp_path: Path) -> None:
    found = harvested(
        tmp_path,
        "class Thing(Layer): pass",
        src__losses="""
        import re

        from keras.src.layer import Thing

        def snake(name):
            return re.sub("([a-z])([A-Z])", r"\\\\1_\\\\2", name).lower()

        ALL = {Thing}
        NAMES = {item.__name__: item for item in ALL}
        NAMES.update({snake(item.__name__) + "_thing": item for item in ALL})

        def deserialize(config, custom_objects=None):
            return deserialize_keras_object(config, module_objects=NAMES, custom_objects=custom_objects)
        """,
    )

    assert found["lookup"]["loss"] == {
        "Thing": "keras.src.layer.Thing",
        "thing_thing": "keras.src.layer.Thing",
    }


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    code = "class Thing(Layer): pass"
    once = packed([harvested(tmp_path / "a", code)], provider="keras", date="2026-11-21")

    again = packed([harvested(tmp_path / "b", code)], provider="keras", date="2026-11-21")

    assert again == once
    assert json.loads(once.partition(b"\n")[0])["releases"] == ["3.0.0"]
