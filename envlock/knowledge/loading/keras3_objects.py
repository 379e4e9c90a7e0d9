"""How Keras 3 makes objects of what is written down: which class, with which keys, holding what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from envlock.artifacts import names
from envlock.knowledge.loading.common import (
    config_of,
    key_problems,
    kind_of,
    label,
    missing_code,
    shown,
    text_of,
)
from envlock.knowledge.loading.constructors import hands_on, not_made
from envlock.knowledge.loading.keras2_load import came_later
from envlock.knowledge.loading.keras3_base import base_keys, base_values
from envlock.knowledge.loading.keras3_lambda import lambda_problems
from envlock.knowledge.loading.keras3_legacy import (
    lost_axis,
    spoilt_by_functions,
    taken_for_functions,
    translated,
)
from envlock.knowledge.loading.keras3_loader import TENSORFLOW_FUNCTIONS, Loader, Task
from envlock.knowledge.loading.keras3_models import graph_problems, held_layers, is_graph
from envlock.knowledge.loading.keras3_values import value_problems
from envlock.knowledge.problem import COMPILE, SAFE_MODE, Problem
from envlock.values import replace

if TYPE_CHECKING:
    from envlock.knowledge.releases import KerasClass

__all__ = ["walk"]

_Step = Iterator["Problem | Task"]

# Values that are no objects of Keras', by the release that first reads them.
_SPECIAL = {
    "__keras_tensor__": (3, 0), "__tensor__": (3, 0), "__numpy__": (3, 0), "__bytes__": (3, 0),
    "__slice__": (3, 0), "__typespec__": (3, 0), "__ellipsis__": (3, 3),
}  # fmt: skip

# Kinds that a `get` of Keras takes as a name or as an object.
_SLOTS = {"activation", "initializer", "regularizer", "constraint"}

# What every optimizer takes, as it is written where nobody set it.
_OF_OPTIMIZERS: dict[str, object] = {
    "weight_decay": None, "clipnorm": None, "global_clipnorm": None, "clipvalue": None, "use_ema": False,
    "ema_momentum": 0.99, "ema_overwrite_frequency": None, "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
}  # fmt: skip

_TWO_SHAPES = {"MultiHeadAttention", "GroupQueryAttention", "GroupedQueryAttention"}


def walk(loader: Loader, first: Task) -> Iterator[Problem]:
    """Everything that stands between the loader and a value, whatever that holds included."""
    waiting = [first]
    while waiting:
        task = waiting.pop()
        held: list[Task] = []
        for step in _made(loader, task):
            if isinstance(step, Task):
                held.append(step)
            else:
                yield step
        waiting.extend(reversed(held))


def _made(loader: Loader, task: Task) -> _Step:
    if isinstance(task.item, list):
        yield from (replace(task, item=item) for item in task.item if isinstance(item, (dict, list, str)))
    elif task.role == "layer":
        yield from _layer(loader, task)
    elif task.role in _SLOTS or task.role == "policy":
        yield from _slot(loader, task)
    elif isinstance(task.item, dict):
        yield from _object(loader, task)


def _object(loader: Loader, task: Task) -> _Step:
    """What `keras.saving.deserialize_keras_object` does."""
    item = task.item
    if "class_name" not in item or "config" not in item:
        yield from (replace(task, item=held) for held in item.values() if isinstance(held, (dict, list)))
        return
    name = text_of(item, "class_name")
    if name == "__lambda__":
        yield from _plain_lambda(loader, task)
    elif name in _SPECIAL:
        if loader.release < _SPECIAL[name]:
            yield _not_yet(loader, task, name)
    elif name == "function":
        located = loader.locate_function(item, owner=task.owner, avoided_by=task.avoided_by)
        if located.problem:
            yield located.problem
    elif name is not None:
        located = loader.locate(item, owner=task.owner, avoided_by=task.avoided_by)
        if located.problem:
            yield located.problem
        yield from _instance(loader, task, located.found, config_of(item))


def _not_yet(loader: Loader, task: Task, name: str) -> Problem:
    return Problem(
        code="EL123",
        subject=task.owner,
        message=f"{task.owner} holds a value written as {name}, which {loader.name} does not know",
        error=f"TypeError: Could not locate class '{name}'. Make sure custom classes are decorated with",
        avoided_by=task.avoided_by,
    )


def _plain_lambda(loader: Loader, task: Task) -> _Step:
    """Bytecode outside of a Lambda layer, which is refused unless the loader was told otherwise."""
    passes_on = not loader.is_legacy or (loader.release >= (3, 11, 3) and not task.avoided_by)
    yield Problem(
        code="EL109",
        subject=task.owner,
        message=f"{task.owner}: {loader.name} refuses in safe mode the bytecode that stands there",
        error="ValueError: Requested the deserialization of a Python lambda. This carries a potential risk",
        avoided_by=task.avoided_by or (SAFE_MODE if passes_on else ""),
    )


def _layer(loader: Loader, task: Task) -> _Step:
    """What the loader of `.h5` files does with a layer, which it finds by its bare name."""
    item = task.item
    name = text_of(item, "class_name")
    if name is None:
        return
    qualified = loader.api.lookup("layer", name)
    config = translated(loader, item, config_of(item))
    yield from spoilt_by_functions(loader, item, config)
    if qualified is not None:
        yield from lost_axis(loader, item, loader.api.cls(qualified))
        yield from taken_for_functions(loader, item, config)
        yield from _instance(loader, task, loader.api.cls(qualified), config)
        return
    error = f"ValueError: Unknown layer: '{shown(name)}'. Please ensure you are using a"
    if loader.owns(item, "layer"):
        yield Problem(
            code="EL123",
            subject=label(item),
            message=f"{label(item)} is a class that {loader.name} does not find in an .h5 file",
            error=error,
            avoided_by=task.avoided_by,
        )
    elif loader.is_code_missing:
        yield missing_code(name, task.owner, error=error)
    yield from _instance(loader, task, None, config)


def _slot(loader: Loader, task: Task) -> _Step:
    """What the `get` of a kind does with a name or an object: its own dictionary decides."""
    kind, item = task.role, task.item
    if isinstance(item, str):
        if kind != "policy" and loader.lookup(kind, item) is None:
            yield from _unknown_name(loader, task, item)
        return
    name = text_of(item, "class_name")
    if name is None or (name == "__lambda__" and loader.release < (3, 11)):
        yield _no_identifier(loader, task)
        return
    if name == "function":
        yield from _named_function(loader, task)
        return
    if kind == "activation" and loader.release >= (3, 11):
        yield from _object(loader, task)
        return
    qualified = loader.lookup(kind, name)
    found = loader.api.cls(qualified) if qualified else None
    if qualified is None:
        problem = _not_in_dictionary(loader, task, name)
        if problem:
            yield problem
    yield from _instance(loader, task, found, config_of(item))


def _no_identifier(loader: Loader, task: Task) -> Problem:
    """A function in a form that no `get` takes, such as the bytecode of Keras 2."""
    return Problem(
        code="EL121",
        subject=task.owner,
        message=f"{task.owner} holds an {task.role} in a form that {loader.name} does not read",
        error=f"ValueError: Could not interpret {_spelt(task.role)} identifier",
        avoided_by=task.avoided_by,
    )


def _named_function(loader: Loader, task: Task) -> _Step:
    module, name = text_of(task.item, "module"), text_of(task.item, "config") or ""
    if task.role == "activation" and loader.release >= (3, 11):
        yield from _object(loader, task)
        return
    asked = name if module == "builtins" else text_of(task.item, "registered_name") or name
    if loader.lookup(task.role, asked) is None and loader.lookup(task.role, name) is None:
        yield from _unknown_name(loader, task, asked)
    elif module == "builtins" and not loader.is_builtin(name):
        yield Problem(
            code="EL121",
            subject=task.owner,
            message=f"{task.owner} names the {task.role} {shown(name)} by an alias unknown to {loader.name}",
            error=f"TypeError: Could not locate function '{shown(name)}'. Make sure custom classes are",
            avoided_by=task.avoided_by,
        )


def _unknown_name(loader: Loader, task: Task, name: str) -> _Step:
    kind = task.role
    error = f"ValueError: Could not interpret {_spelt(kind)} identifier: {shown(name)}"
    is_nameless = not name.replace(">", "").isidentifier()  # such as "<lambda>"
    is_own = names.is_own(name, kind, loader.generation, is_text=True) or name in TENSORFLOW_FUNCTIONS
    if is_nameless or (is_own and not came_later(loader.seen.writer, kind, name)):
        yield Problem(
            code="EL121",
            subject=task.owner,
            message=f"{task.owner} names the {kind} {shown(name)}, which {loader.name} does not have",
            error=error,
            avoided_by=task.avoided_by,
        )
    elif loader.is_code_missing:
        yield missing_code(name, task.owner, avoided_by=task.avoided_by, error=error)
    elif kind in {"regularizer", "constraint"} and loader.release < (3, 15):
        yield Problem(
            code="EL125",
            subject=task.owner,
            message=f"{task.owner} has a function as {kind}, {shown(name)}, which {loader.name} refuses",
            error=f"ValueError: Invalid value for attribute `{kind}`. Expected an instance of",
            avoided_by=task.avoided_by,
        )


def _not_in_dictionary(loader: Loader, task: Task, name: str) -> Problem | None:
    kind = task.role
    if kind == "policy":
        return _foreign_policy(loader, task, name)
    error = f"ValueError: Could not interpret {_spelt(kind)} identifier: {{'class_name': '{shown(name)}'"
    if loader.owns(task.item, kind) or (kind == "activation" and loader.owns(task.item, "layer")):
        return Problem(
            code="EL123",
            subject=task.owner,
            message=f"{task.owner} holds the {kind} {shown(name)}, which {loader.name} does not look up",
            error=error,
            avoided_by=task.avoided_by,
        )
    if loader.is_code_missing:
        return missing_code(name, task.owner, avoided_by=task.avoided_by, error=error)
    return None


def _foreign_policy(loader: Loader, task: Task, name: str) -> Problem | None:
    if (
        not loader.owns(task.item, "policy")
        and name not in {"Policy", "PolicyV1"}
        and not loader.is_code_missing
    ):
        return None
    attribute = "quantization_mode" if loader.release >= (3, 4) else "convert_input"
    return Problem(
        code="EL112",
        subject=task.owner,
        message=f"{task.owner} carries the dtype policy {shown(name)}, which {loader.name} does not know",
        error=f"AttributeError: 'str' object has no attribute '{attribute}'",
        avoided_by=task.avoided_by,
    )


def _spelt(kind: str) -> str:
    return "activation function" if kind == "activation" else kind


def _instance(loader: Loader, task: Task, found: KerasClass | None, config: dict[str, Any]) -> _Step:
    """What the class makes of its configuration, and what that holds."""
    item, what = task.item, label(task.item)
    if is_graph(config) and (found is None or {"Functional", "Sequential", "Model"} & set(found.mro)):
        if found is None:
            yield from not_made(loader.seen, item, config)
        yield from held_layers(config, what)
        yield from graph_problems(loader, config, what)
        yield from _settings(task, what)
        return
    if found is not None and found.mro[0] == "Lambda":
        yield from lambda_problems(loader, item, config, what)
    if found is not None:
        told = _without_defaults(found, config)
        yield from key_problems(found, item, told, reader=loader.name, avoided_by=task.avoided_by)
        yield from _shapes(loader, task, found)
    else:
        yield from _users_made(loader, task, config)
        yield from base_values(loader, task)
    if found is not None:
        yield from _foreign_model(loader, found.mro[0], what)
    yield from value_problems(loader, found, item, config, avoided_by=task.avoided_by)
    yield from _held(task, found, config, what)
    yield from _settings(task, what)


def _users_made(loader: Loader, task: Task, config: dict[str, Any]) -> _Step:
    """What a class of the user's is made with; where no lock tells, what Keras writes is told by."""
    yield from not_made(loader.seen, task.item, config, avoided_by=task.avoided_by)
    takes_any = hands_on(loader.seen, task.item)
    if takes_any is not False:
        yield from base_keys(loader, task, config, takes_any=takes_any is True)


def _without_defaults(found: KerasClass, config: dict[str, Any]) -> dict[str, Any]:
    """A configuration without what LossScaleOptimizer has written until it did not take it any more."""
    if found.mro[0] != "LossScaleOptimizer":
        return config
    return {
        key: value
        for key, value in config.items()
        if key in found.accepts or key not in _OF_OPTIMIZERS or value != _OF_OPTIMIZERS[key]
    }


def _foreign_model(loader: Loader, class_name: str, what: str) -> _Step:
    is_later = (3, 12, 1) <= loader.release < (3, 13) or loader.release >= (3, 13, 2)
    if class_name == "TFSMLayer" and is_later:
        held, named = "runs a SavedModel beside the file", "`TFSMLayer`"
    elif class_name == "TorchModuleWrapper" and loader.release >= (3, 11, 3):
        held, named = "holds a pickled module of PyTorch's", "`torch.nn.Module` object via `torch.load()`"
    else:
        return
    yield Problem(
        code="EL109",
        subject=what,
        message=f"{what} {held}, which {loader.name} refuses",
        error=f"ValueError: Requested the deserialization of a {named}",
        avoided_by=SAFE_MODE,
    )


def _held(task: Task, found: KerasClass | None, config: dict[str, Any], what: str) -> _Step:
    for key, value in config.items():
        kind = kind_of(key)
        if found is not None and found.mro[0] == "Lambda" and key in {"function", "output_shape", "mask"}:
            if text_of(value, "class_name") not in {None, "__lambda__"}:
                yield Task(item=value, role="object", owner=what, avoided_by=task.avoided_by)
        elif kind in _SLOTS and isinstance(value, (str, dict)):
            if found is not None or isinstance(value, dict):
                yield Task(item=value, role=kind, owner=what, avoided_by=task.avoided_by)
        elif key == "dtype" and isinstance(value, dict):
            yield Task(item=value, role="policy", owner=what, avoided_by=task.avoided_by)
        elif isinstance(value, (dict, list)) and key != "dtype":
            yield Task(item=value, role="object", owner=what, avoided_by=task.avoided_by)


def _settings(task: Task, what: str) -> _Step:
    """The compile settings of a model inside another one, which no argument leaves out."""
    settings = task.item.get("compile_config")
    if isinstance(settings, dict) and task.avoided_by != COMPILE and task.owner:
        yield Task(item=settings, role="object", owner=what, avoided_by=task.avoided_by)


def _shapes(loader: Loader, task: Task, found: KerasClass) -> _Step:
    """Whether a layer can be built from the shapes that were written down."""
    shapes = task.item.get("build_config")
    parameters = found.signatures.get("build")
    if task.role == "layer" or not isinstance(shapes, dict) or parameters is None:
        return
    if "Model" in found.mro or "build_from_config" in found.defines:
        return
    named = shapes.get("shapes_dict")
    error = ""
    if "input_shape" in shapes and found.mro[0] in _TWO_SHAPES:
        error = f"TypeError: {found.mro[0]}.build() missing 1 required positional argument: 'value_shape'"
    elif "input_shape" not in shapes and isinstance(named, dict) and not {"*", "**"} & set(parameters):
        unknown = [key for key in named if key not in parameters]
        if unknown:
            error = (
                f"TypeError: {found.mro[0]}.build() got an unexpected keyword argument '{shown(unknown[0])}'"
            )
    if error:
        what = label(task.item)
        yield Problem(
            code="EL120",
            subject=what,
            message=f"{what} does not record the shapes that {loader.name} builds it from",
            error=error,
            avoided_by=task.avoided_by,
        )
