"""The walk through a configuration: every object in it, at any depth, and every value in these."""

from __future__ import annotations

import base64
import re
from typing import Any, NamedTuple

from envlock.artifacts.walk import OF_ITS_CLASS
from envlock.inspection import sizes
from envlock.inspection.found import Found, shown
from envlock.inspection.objects import CUSTOM, OWN, PLAIN, VALUES, function, kind_of_class
from envlock.inspection.own import Tables, is_library
from envlock.inspection.paths import is_bad_name, is_path, names_files, reads_any
from envlock.values import frozen

__all__ = ["Model", "walk"]

_TYPE = re.compile(
    r"(?:bfloat16|bool|string|u?int(?:2|4|8|16|32|64)|float(?:8_\w{1,20}|16|32|64)"
    r"|complex(?:64|128)|resource|variant)\Z"
)
# A type, or the name of a policy: what it computes in, how it is quantised.
_POLICY = re.compile(
    r"(?:_?infer\w{0,30}|mixed_\w{1,20}|\w{1,20}_from_\w{1,30}|(?:gptq|awq|int4)/[\w/-]{1,60}|_\w{1,60})\Z"
)
_SPECS = frozenset(["tf.TensorSpec", "tf.RaggedTensorSpec", "tf.SparseTensorSpec"])
_SPEC_NAMES = frozenset(["TensorSpec", "RaggedTensorSpec", "SparseTensorSpec"])
_CODE = ("function", "output_shape", "mask", "arguments")
_VALUE_TYPE = "value dtype"
# Lists of words, which may look like anything.
_ENTRIES = frozenset(["vocabulary", "input_vocabulary"])
# Texts that are patterns and separators, not paths.
_NO_PATHS = frozenset(
    ["equation", "subscripts", "split", "separator", "standardize", "name", "keras_version", "backend",
     "value"]
)  # fmt: skip


@frozen(kw_only=True)
class Model:
    """
    What is known of the model that a configuration is of.

    `own` are the tables of the Keras that wrote it, `assets` the names of the files it carries, `stored` the
    bytes of its weights.
    """

    own: Tables
    assets: frozenset[str]
    stored: int


class _At(NamedTuple):
    """
    Where a value stands: in what object, of what kind that is, under which key.

    `call` is the class whose call it is an argument of. `in_call` is told of an object among such arguments,
    at any depth: functions are out of place in it, and everything else means what it means anywhere.
    """

    owner: str
    kind: str
    name: str
    key: str
    call: str | None = None
    is_shape: bool = False
    in_call: bool = False


def walk(data: object, model: Model, found: Found, *, owner: str = "the model") -> None:
    """Note what the objects in `data` would run, read or allocate."""
    _Walk(model, found).all(data, owner)


class _Walk:
    def __init__(self, model: Model, found: Found) -> None:
        self._model, self._found = model, found
        self._budget = sizes.Budget(model.stored)
        self._waiting: list[tuple[Any, _At]] = []

    def all(self, data: object, owner: str) -> None:
        """Everything in `data`, owners before what they hold."""
        self._waiting.append((data, _At(owner=owner, kind=PLAIN, name="", key="")))
        while self._waiting:
            item, at = self._waiting.pop()
            if isinstance(item, dict):
                self._dict(item, at)
            elif isinstance(item, list):
                self._list(item, at)
            elif isinstance(item, str):
                self._text(item, at)
            elif isinstance(item, (int, float)) and not isinstance(item, bool):
                self._number(item, at)

    def _dict(self, item: dict[str, Any], at: _At) -> None:
        if "class_name" in item:
            self._object(item, at)
            return
        self._hold(item, at)

    def _hold(self, item: dict[str, Any], at: _At) -> None:
        """All values under their keys but those that can do no harm."""
        for key, value in item.items():
            if value is not None and value is not True and value is not False:
                self._waiting.append((value, self._inside(at, key)))

    def _inside(self, at: _At, key: str) -> _At:
        if key == at.key:
            return at
        is_shape = at.is_shape or "shape" in key
        call = at.call
        if key == "inbound_nodes":
            call = call or at.name or "a layer"
        return _At(at.owner, at.kind, at.name, key, call, is_shape, at.in_call)

    def _list(self, item: list[Any], at: _At) -> None:
        if at.key == "layers":
            self._functions_as_layers(item, at)
        if len(item) == _CODE_PARTS and _is_bytecode(item[0]):
            self._found.hazard("EL604", at.owner, f"{at.owner} holds a function as bytecode")
        whole = [part for part in item if type(part) is int]
        if len(whole) > 1 and (at.kind != CUSTOM or at.is_shape) and self._is_too_much(whole, at):
            self._large(f"{at.key} = {whole[:8]}", at)
        is_vocabulary = at.key in _ENTRIES
        for part in item:
            if isinstance(part, (dict, list)) or not (
                is_vocabulary or part is None or isinstance(part, bool)
            ):
                self._waiting.append((part, at))

    def _is_too_much(self, whole: list[Any], at: _At) -> bool:
        if at.call is not None and not at.is_shape:
            return not _is_value(at) and len(whole) <= 32 and sizes.product(whole) > sizes.MOST_PRODUCT
        return len(whole) <= 32 and self._budget.is_too_much(at.key, whole, is_shape=at.is_shape)

    def _functions_as_layers(self, item: list[Any], at: _At) -> None:
        for part in item:
            if isinstance(part, dict) and part.get("class_name") in ("function", "__lambda__"):
                self._found.hazard(
                    "EL608", at.owner, f"{at.owner} has the function {shown(part.get('config'))} as a layer"
                )

    def _object(self, item: dict[str, Any], at: _At) -> None:
        name, config = item["class_name"], item.get("config")
        if not isinstance(name, str):
            self._found.hazard("EL601", at.owner, f"{at.owner} holds an object whose class is no text")
            return
        label = _label(name, config, at)
        if name == "__lambda__":
            self._found.hazard("EL604", label, f"{at.owner} holds a function as bytecode")
        elif name in VALUES:
            self._value(name, item, at)
        elif name == "function":
            self._function(item, at)
        else:
            self._instance(item, label, at)

    def _function(self, item: dict[str, Any], at: _At) -> None:
        what = shown(item.get("config"))
        if "inbound_nodes" in item:
            self._found.hazard("EL608", what, f"{at.owner} has the function {what} as a layer")
        elif at.call is not None or at.in_call:
            self._found.hazard("EL608", what, f"{at.owner} is called with the function {what} as an argument")
        function(item, at.owner, self._model.own, self._found)
        self._rest(item, at, {"config"})

    def _instance(self, item: dict[str, Any], label: str, at: _At) -> None:
        kind = kind_of_class(item, label, self._model.own, self._found, among=at.key)
        name, config = item["class_name"], item.get("config")
        # An .h5 is loaded by bare names: what is called like a layer of Keras' may become one.
        kind = OWN if self._model.own.has_bare(name, "layer") else kind
        if kind == OWN and _says_nothing(item, config):
            return
        self._names(item, label)
        in_call = at.in_call or at.call is not None
        inside = _At(owner=label, kind=kind, name=_called(name, config), key="", in_call=in_call)
        if isinstance(config, dict):
            if kind == OWN:
                self._own(name, config, item, inside)
            self._hold(config, inside)
        elif config is not None:
            self._waiting.append((config, inside._replace(key="layers")))
        self._rest(item, inside, {"config", "class_name", "module", "registered_name", "name"})

    def _rest(self, item: dict[str, Any], at: _At, done: set[str]) -> None:
        for key, value in item.items():
            if key not in done and isinstance(value, (dict, list)):
                self._waiting.append((value, self._inside(at, key)))

    def _own(self, name: str, config: dict[str, Any], item: dict[str, Any], at: _At) -> None:
        """What only objects of Keras' are asked: their code, and the memory that they take."""
        if name == "Lambda":
            self._lambda(config, at)
        build = [item.get("build_config"), item.get("build_input_shape"), config.get("batch_input_shape")]
        elements = sizes.asked(name, config, build)
        if elements > 1 and not self._budget.takes(elements):
            self._large(f"arrays of {elements} numbers", at)

    def _lambda(self, config: dict[str, Any], at: _At) -> None:
        for key in _CODE:
            value = config.get(key)
            is_code = config.get(f"{key}_type") == "lambda" and value is not None
            if key == "function":
                is_code = is_code or not isinstance(value, (str, dict))
                is_code = is_code or (isinstance(value, dict) and "class_name" not in value)
                is_code = is_code or (isinstance(value, dict) and value.get("class_name") == "__tuple__")
                is_code = is_code or config.get("function_type") not in (None, "function")
            module = config.get("module" if key == "function" else f"{key}_module")
            if isinstance(module, str) and isinstance(value, str) and is_library(module):
                self._found.hazard("EL607", at.owner, f"{at.owner} calls {shown(value)} of {shown(module)}")
            if is_code:
                self._found.hazard("EL604", at.owner, f"{at.owner} holds a function as bytecode")

    def _names(self, item: dict[str, Any], label: str) -> None:
        config = item.get("config")
        inner = config.get("name") if isinstance(config, dict) else None
        for name in (item.get("name"), inner):
            if isinstance(name, str) and is_bad_name(name):
                self._found.hazard(
                    "EL603", label, f"{label} is named {shown(name)!r}, which leads out of a folder"
                )

    def _value(self, name: str, item: dict[str, Any], at: _At) -> None:
        """What is no object: tensors, slices, shapes and their like."""
        config = item.get("config", item.get("items", item.get("serialized")))
        if name in {"TypeSpec", "CompositeTensor"} and item.get("type_spec") not in (None, *_SPECS):
            self._found.hazard("EL607", at.owner, f"{at.owner} holds a {shown(item.get('type_spec'))}")
        if name == "__typespec__" and not _is_spec(item):
            self._found.hazard("EL607", at.owner, f"{at.owner} holds a {shown(item.get('spec_name'))}")
        key = (
            "shape"
            if name == "TensorShape"
            else "value"
            if name in {"__slice__", "__numpy__", "__tensor__"}
            else at.key
        )
        inside = at._replace(key=key, kind=OWN, is_shape=name == "TensorShape")
        if isinstance(config, dict):
            for inner, value in config.items():
                under = _VALUE_TYPE if inner == "dtype" and name != "InputSpec" else inner
                self._waiting.append((value, self._inside(inside, under)))
        else:
            self._waiting.append((config, inside))
        self._rest(item, inside, {"config", "items", "serialized"})

    def _text(self, text: str, at: _At) -> None:
        key = at.key
        is_type = key.endswith("dtype") and at.kind == OWN
        if is_type and not _TYPE.match(text) and (key == _VALUE_TYPE or not _POLICY.match(text)):
            told = f"{at.owner} has the type {shown(text)!r}, which is no plain one"
            self._found.hazard("EL614", at.owner, told)
        if at.call is not None or key in _NO_PATHS:
            return
        if text in self._model.assets:
            return
        if (reads_any(key) and text) or ((at.kind == OWN or names_files(key)) and is_path(text)):
            self._reads(text, at)

    def _reads(self, text: str, at: _At) -> None:
        self._found.hazard("EL611", at.owner, f"{at.owner} reads {shown(text)} ({shown(at.key)})")

    def _number(self, number: float, at: _At) -> None:
        if at.call is not None:
            if at.kind != CUSTOM and not _is_value(at) and self._budget.is_too_large_in_call(at.call, number):
                self._large(f"{number} in a call", at)
        elif self._budget.is_too_large(at.key, number, is_own=at.kind == OWN, is_shape=at.is_shape):
            self._large(f"{at.key} = {number}", at)

    def _large(self, what: str, at: _At) -> None:
        self._found.hazard(
            "EL614",
            at.owner,
            f"{at.owner} asks for {shown(what)}, with {self._model.stored} bytes of weights stored",
        )


def _says_nothing(item: dict[str, Any], config: object) -> bool:
    """Whether an object is of its class and no more, as most initializers are."""
    is_empty = isinstance(config, dict) and not any(value is not None for value in config.values())
    return is_empty and item.keys() <= OF_ITS_CLASS


def _is_value(at: _At) -> bool:
    return at.key == "value"


def _is_spec(item: dict[str, Any]) -> bool:
    module = item.get("module")
    name = item.get("spec_name")
    return isinstance(module, str) and module.partition(".")[0] == "tensorflow" and name in tuple(_SPEC_NAMES)


def _called(name: str, config: object) -> str:
    """What a layer computes with: the function in it, where it is one that calls."""
    held = config.get("function") if isinstance(config, dict) and name.endswith("OpLambda") else None
    return held if isinstance(held, str) else name


def _label(name: str, config: object, at: _At) -> str:
    own = config.get("name") if isinstance(config, dict) else None
    if isinstance(own, str) and own:
        return f"{shown(name)} {shown(own)!r}"
    return f"{shown(name)} in {at.owner}" if at.owner and len(at.owner) < 100 else shown(name)


# How Keras writes a lambda down: its marshalled code as base64, its defaults, its closure.
_CODE_PARTS = 3
_MARSHALLED = frozenset({0x63, 0xE3})  # the mark of a code object, with and without a reference
_SHORTEST = 60


def _is_bytecode(value: object) -> bool:
    if not isinstance(value, str) or len(value) < _SHORTEST:
        return False
    try:
        return base64.b64decode(value[:8], validate=True)[0] in _MARSHALLED
    except ValueError:
        return False
