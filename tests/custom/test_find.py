from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from builders import install

from envlock.capture import packages
from envlock.custom import find
from envlock.custom.meaning import Sources, meaning
from envlock.custom.source import Module
from envlock.facts import Constructor, Content, CustomObject, Unknown

GATES = '''
import os
import maths_extra
from stand_factors import TWO


class Gate:
    """A layer of the user."""

    def __init__(self, **held):
        self.__dict__.update(held)

    def get_config(self):
        return {}


class Model(Gate):
    pass


class Helper:
    pass


def loss(a, b):
    return a - b
'''

Import = Callable[[str, str], ModuleType]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Import:
    """Writes a module of the user, imports it, and forgets it after the test."""
    monkeypatch.syspath_prepend(tmp_path)

    def imported(name: str, text: str) -> ModuleType:
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        importlib.invalidate_caches()
        monkeypatch.delitem(sys.modules, name, raising=False)
        found = importlib.import_module(name)
        monkeypatch.setitem(sys.modules, name, found)
        return found

    return imported


@pytest.fixture
def gates(module: Import) -> ModuleType:
    module("maths_extra", "")
    module("stand_factors", "TWO = 2")
    return module("stand_gates", GATES)


def _asked(model: Any, content: Content, **given: Any) -> Any:
    options: dict[str, Any] = {
        "name_of": lambda kind: f"house>{kind.__name__}",
        "known": lambda name: None,
        "passed": {},
    }
    return find.asked_for(model, content, **{**options, **given})


def _content(*asked: str, **given: Any) -> Content:
    return Content(config={"class_name": "Functional", "config": {"layers": list(asked)}}, **given)


def _found(
    model: Any, *asked: str, distributions: Any = None, sources: Sources | None = None, **given: Any
) -> Any:
    found = _asked(model, _content(*asked), **given)
    return find.described(found.kinds, sources or Sources(), distributions or {})


def _names(model: Any, *asked: str, **given: Any) -> list[str]:
    return [item.name for item in _found(model, *asked, **given)]


def test_a_class_of_the_user_is_described(gates: ModuleType) -> None:
    model = gates.Model(layers=[gates.Gate()])

    found = _found(model, "house>Gate")

    assert found == (
        CustomObject(
            name="house>Gate",
            kind="class",
            module="stand_gates",
            qualname="Gate",
            digest=meaning(Sources(), "stand_gates", "Gate"),
            distribution=None,
            modules=("maths_extra", "stand_factors", "stand_gates"),
            imports=(),
            constructor=found[0].constructor,
        ),
    )


def test_a_function_of_the_user_is_found_where_the_model_holds_it(gates: ModuleType) -> None:
    (found,) = _found(gates.Model(loss=gates.loss), "loss")

    assert (found.name, found.kind, found.qualname) == ("house>loss", "function", "loss")


def test_objects_are_sorted_by_name_and_told_once(gates: ModuleType) -> None:
    model = gates.Model(layers=[gates.Gate(), gates.Gate()], loss=gates.loss)

    assert _names(model, "loss", "Model", "Gate", "Gate") == ["house>Gate", "house>Model", "house>loss"]


def test_what_the_architecture_does_not_ask_for_is_not_told(gates: ModuleType) -> None:
    assert _names(gates.Model(layers=[gates.Gate()]), "Dense") == []


def test_what_the_compile_settings_ask_for_is_told(gates: ModuleType) -> None:
    content = Content(config={"class_name": "Functional"}, compile_config={"loss": "loss"})

    found = _asked(gates.Model(loss=gates.loss), content, name_of=lambda kind: kind.__name__)

    assert found.kinds == {"loss": gates.loss}


def test_an_object_is_found_inside_lists_tables_and_other_layers(gates: ModuleType) -> None:
    outer = gates.Model(inner={"head": [({"x": gates.Gate()},)]})

    assert _names(SimpleNamespace(optimizer=outer), "Gate") == ["house>Gate"]


def test_an_object_inside_a_class_of_keras_is_found(gates: ModuleType) -> None:
    kind = type("Dense", (), {"__module__": "keras.src.layers"})
    dense = kind()
    dense.kernel_initializer = gates.Gate()

    assert _names(gates.Model(layers=[dense]), "Gate", "Dense") == ["house>Gate"]


def test_what_holds_itself_comes_to_an_end(gates: ModuleType) -> None:
    model = gates.Model()
    model.owner = [model]

    assert _names(model, "Model") == ["house>Model"]


def test_a_class_that_keras_cannot_write_down_is_not_told(gates: ModuleType) -> None:
    assert _names(gates.Model(helper=gates.Helper()), "Helper") == []


def test_a_lambda_has_no_name_to_be_asked_for_by(module: Import) -> None:
    lambdas = module("stand_lambdas", "function = lambda x: x")

    assert _names(SimpleNamespace(loss=lambdas.function), "<lambda>") == []


def test_an_object_that_the_caller_named_is_told_under_that_name(gates: ModuleType) -> None:
    found = _found(SimpleNamespace(), "Tor", passed={"Tor": gates.Gate, "Unused": gates.Helper})

    assert [(item.name, item.qualname) for item in found] == [("Tor", "Gate")]


def test_where_the_architecture_is_unknown_so_are_the_objects(gates: ModuleType) -> None:
    unknown = Unknown("h5py is not installed")

    assert _asked(gates.Model(), Content(config=unknown)) == unknown


def test_a_model_without_an_architecture_asks_for_nothing(gates: ModuleType) -> None:
    found = _asked(gates.Model(), Content(config=None, compile_config=None))

    assert (found.kinds, found.lost) == ({}, ())


def test_the_distributions_that_the_users_modules_import_are_told_in_order(
    tmp_path: Path, module: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site-packages"
    names = [f"stand-{letter}" for letter in "abcdef"]
    for name in names:
        top = name.replace("-", "_")
        install(site, f"py-{name}", "1.0", record=[f"{top}/__init__.py"])
        (site / top).mkdir()
        (site / top / "__init__.py").touch()
    monkeypatch.syspath_prepend(site)
    wanted = ", ".join(name.replace("-", "_") for name in names)
    using = module("stand_using", f"def loss(a):\n    import os, {wanted}, numpy, no_such_module\n")

    (found,) = _found(SimpleNamespace(loss=using.loss), "loss", distributions=packages.installed([str(site)]))

    assert (found.modules, found.imports) == (("stand_using",), tuple(f"py-{name}" for name in names))


def test_an_import_that_cannot_be_found_is_owned_by_the_distribution_that_lists_it(
    tmp_path: Path, module: Import
) -> None:
    install(tmp_path / "elsewhere", "stand-away", "1.0", record=["stand_away.py"])
    using = module("stand_using", "def loss(a):\n    import stand_away\n")

    (found,) = _found(
        SimpleNamespace(loss=using.loss),
        "loss",
        distributions=packages.installed([str(tmp_path / "elsewhere")]),
    )

    assert found.imports == ("stand-away",)


def test_an_object_of_an_installed_package_names_its_distribution_and_no_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site-packages"
    install(site, "stand-addons", "1.0", record=["stand_addons.py"])
    (site / "stand_addons.py").write_text("def loss(a): ...\n", encoding="utf-8")
    monkeypatch.syspath_prepend(site)
    addons = importlib.import_module("stand_addons")
    monkeypatch.delitem(sys.modules, "stand_addons")

    (found,) = _found(
        SimpleNamespace(loss=addons.loss), "loss", distributions=packages.installed([str(site)])
    )

    assert (found.distribution, found.modules, found.imports) == ("stand-addons", (), ())


def test_a_distribution_of_another_name_is_found_by_its_list_of_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site-packages"
    install(site, "stand-b", "1.0", record=["stand_c.py", "stand_addons_more/__init__.py"])
    install(site, "python-stand", "1.0", record=["stand_addons/__init__.py"])
    (site / "stand_addons").mkdir()
    (site / "stand_addons" / "__init__.py").write_text("def loss(a): ...\n", encoding="utf-8")
    monkeypatch.syspath_prepend(site)
    addons = importlib.import_module("stand_addons")
    monkeypatch.delitem(sys.modules, "stand_addons")

    (found,) = _found(
        SimpleNamespace(loss=addons.loss), "loss", distributions=packages.installed([str(site)])
    )

    assert found.distribution == "python-stand"


def test_an_old_list_of_files_is_read_where_there_is_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site-packages"
    info = install(site, "stand-old", "1.0")
    (info / "RECORD").rename(info / "installed-files.txt")
    (info / "installed-files.txt").write_text("stand_older.py\n", encoding="utf-8")
    (site / "stand_older.py").write_text("def loss(a): ...\n", encoding="utf-8")
    monkeypatch.syspath_prepend(site)
    older = importlib.import_module("stand_older")
    monkeypatch.delitem(sys.modules, "stand_older")

    (found,) = _found(SimpleNamespace(loss=older.loss), "loss", distributions=packages.installed([str(site)]))

    assert found.distribution == "stand-old"


def _program(text: str) -> tuple[dict[str, Any], Sources]:
    """The names of a program that was run, and where its source is found."""
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, "train.py", "exec", dont_inherit=True), names)
    return names, Sources(program=Module("__main__", None, text.encode()))


def test_an_object_of_the_program_itself_needs_the_program(module: Import) -> None:
    module("stand_factors", "TWO = 2")
    module("stand_unused", "")
    names, sources = _program(
        "import stand_unused\nfrom stand_factors import TWO\ndef loss(a): return a * TWO\n"
    )

    found = _found(SimpleNamespace(loss=names["loss"]), "loss", sources=sources)

    assert found == (
        CustomObject(
            name="house>loss",
            kind="function",
            module="__main__",
            qualname="loss",
            digest=meaning(sources, "__main__", "loss"),
            distribution=None,
            modules=("__main__", "stand_factors"),
            imports=(),
            constructor=None,
        ),
    )
    assert isinstance(found[0].digest, str)


def test_an_object_of_a_program_without_source_needs_nothing_that_is_known() -> None:
    names, _ = _program("def loss(a): ...\n")

    (found,) = _found(SimpleNamespace(loss=names["loss"]), "loss", sources=Sources())

    assert (found.digest, found.distribution, found.modules) == (
        Unknown("its source is in no file"),
        None,
        (),
    )


def test_an_object_whose_source_is_in_no_file_has_an_unknown_digest() -> None:
    namespace: dict[str, Any] = {"__name__": "stand_typed"}
    exec("def loss(a): ...", namespace)  # as in an interactive session

    (found,) = _found(SimpleNamespace(loss=namespace["loss"]), "loss")

    assert (found.module, found.digest, found.modules) == (
        "stand_typed",
        Unknown("its source is in no file"),
        (),
    )


def test_an_object_that_its_file_does_not_define_has_an_unknown_digest(module: Import) -> None:
    made = module(
        "stand_made", "def make():\n    def loss(a): ...\n    loss.__qualname__ = 'lost'\n    return loss\n"
    )

    (found,) = _found(SimpleNamespace(loss=made.make()), "loss")

    assert found.digest == Unknown("stand_made.py does not define it by that name")


def test_every_text_in_an_architecture_may_be_a_name() -> None:
    data = {"class_name": "Dense", "config": [{"name": "a", "units": 3}, ("b", None, ["c"])]}

    assert sorted(find.referenced(data)) == ["Dense", "a", "b", "c"]


# What the live model does not hold


def _layer(class_name: str, **more: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": {"name": "gate"}, **more}


def _architecture(*layers: dict[str, Any]) -> Content:
    return Content(config={"class_name": "Sequential", "config": {"name": "house", "layers": list(layers)}})


def test_what_is_registered_is_found_though_the_model_does_not_hold_it(gates: ModuleType) -> None:
    layer = _layer("Gate", module="stand_gates", registered_name="house>Gate")
    registry = {"house>Gate": gates.Gate}

    found = _asked(SimpleNamespace(), _architecture(layer), known=registry.get)

    assert (found.kinds, found.lost) == (registry, ())


def test_what_the_configuration_names_a_module_for_is_looked_up_there(gates: ModuleType) -> None:
    layer = _layer("Gate", module="stand_gates", registered_name="Gate")

    found = _asked(SimpleNamespace(), _architecture(layer))

    assert (found.kinds, found.lost) == ({"Gate": gates.Gate}, ())


@pytest.mark.parametrize("module_name", ["stand_away", "stand_gates", "os", "json.decoder", None])
def test_what_is_nowhere_is_told_with_those_that_ask_for_it(
    gates: ModuleType, module_name: str | None
) -> None:
    layer = _layer("Missing", module=module_name, registered_name="Missing")

    found = _asked(SimpleNamespace(), _architecture(layer))

    assert found.kinds == {}
    assert [item.name for item in found.lost] == ["Missing"]
    assert found.lost[0].asked_by == ("Missing 'gate'",)


@pytest.mark.parametrize("name", ["os", "Gate", "loss"])
def test_a_module_is_asked_for_what_keras_could_have_written_alone(module: Import, name: str) -> None:
    module("stand_gates", "import os\nclass Gate: ...\nloss = len\n")
    layer = _layer(name, module="stand_gates", registered_name=name)

    found = _asked(SimpleNamespace(), _architecture(layer))

    assert [item.name for item in found.lost] == [name]


def test_what_the_model_holds_is_not_lost_by_its_longer_name(gates: ModuleType) -> None:
    layer = _layer("Gate", module="stand_gates", registered_name="Custom>Gate")

    found = _asked(gates.Model(layers=[gates.Gate()]), _architecture(layer))

    assert list(found.kinds) == ["house>Gate"]
    assert found.lost == ()


def test_objects_that_the_file_calls_the_same_are_told_apart_from_the_rest(
    module: Import, gates: ModuleType
) -> None:
    other = module("stand_other", GATES)
    model = gates.Model(layers=[gates.Gate(), other.Gate()])

    found = _asked(model, _content("Gate", "Model"))

    assert found.kinds == {"house>Model": gates.Model}
    assert found.alike == {"house>Gate": ("stand_gates.Gate", "stand_other.Gate")}
    assert found.lost == ()


def test_a_file_that_tells_modules_says_which_it_means(module: Import, gates: ModuleType) -> None:
    other = module("stand_other", GATES)
    layer = _layer("Gate", module="stand_other", registered_name="Gate")
    model = gates.Model(layers=[gates.Gate(), other.Gate()])

    found = _asked(model, _architecture(layer), name_of=lambda kind: kind.__name__)

    assert found.alike == {}
    assert found.kinds["Gate"] is other.Gate


def test_a_deep_architecture_comes_to_an_end() -> None:
    data: Any = "Gate"
    for _ in range(5000):
        data = {"config": [data]}

    assert list(find.referenced(data)) == ["Gate"]


# What the live model holds


def test_the_objects_of_the_users_classes_are_told_each_once(gates: ModuleType) -> None:
    first, second = gates.Gate(), gates.Gate()
    model = gates.Model(layers=[first, second, first], loss=gates.loss, helper=gates.Helper())

    assert set(map(id, find.users_objects(model, instances=True))) == {
        id(item) for item in (model, first, second, gates.loss)
    }
    assert set(find.users_objects(model)) == {gates.Model, gates.Gate, gates.loss}


class Layer:
    """Stands for that of Keras."""

    __module__ = "keras.src.layers.layer"

    def __init__(self, **kwargs: Any) -> None: ...

    @classmethod
    def from_config(cls, config: Any) -> Any: ...


class Wrapper(Layer):
    __module__ = "keras.src.layers.core.wrapper"

    @classmethod
    def from_config(cls, config: Any) -> Any: ...


def _constructor(text: str, base: type = Layer) -> Constructor | None:
    names: dict[str, Any] = {"Base": base, "__name__": "shop"}
    exec(f"class Mine(Base):\n    {text}", names)
    (found,) = find.described({"Mine": names["Mine"]}, Sources(), {})
    assert not isinstance(found.constructor, Unknown)
    return found.constructor


@pytest.mark.parametrize(
    ("given", "takes", "needs", "takes_any", "takes_tensors", "is_functional"),
    [
        ("self, units, rate=0.1, **kwargs", ("units", "rate"), ("units",), True, False, False),
        ("self", (), (), False, False, False),
        ("self, *, name, width=1", ("name", "width"), ("name",), False, False, False),
        ("self, *args, **kwargs", (), (), True, True, True),
        ("self, *a, **kw", (), (), True, True, False),
        (
            "self, inputs, outputs, name=None",
            ("inputs", "outputs", "name"),
            ("inputs", "outputs"),
            False,
            True,
            True,
        ),
        (
            "self, inputs, outputs, scale=1",
            ("inputs", "outputs", "scale"),
            ("inputs", "outputs"),
            False,
            True,
            False,
        ),
    ],
)
def test_what_a_constructor_takes_is_recorded(
    given: str,
    takes: tuple[str, ...],
    needs: tuple[str, ...],
    takes_any: bool,
    takes_tensors: bool,
    is_functional: bool,
) -> None:
    assert _constructor(f"def __init__({given}): ...") == Constructor(
        takes=takes,
        needs=needs,
        takes_any=takes_any,
        takes_tensors=takes_tensors,
        is_functional=is_functional,
    )


def test_a_class_that_is_made_otherwise_has_no_constructor_to_go_by() -> None:
    assert _constructor("pass") is None
    assert (
        _constructor("def __init__(self, a): ...\n    @classmethod\n    def from_config(cls, config): ...")
        is None
    )
    assert _constructor("def __init__(self, layer): ...", Wrapper) is None
