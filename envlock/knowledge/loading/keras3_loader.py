"""The loaders of Keras 3 as the walks see them: the release, the container, what is asked of which table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envlock.artifacts import names
from envlock.artifacts.reading import Node
from envlock.knowledge.loading.common import is_own, missing_code, shown, text_of
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import Comparison, Release, release
from envlock.values import frozen

if TYPE_CHECKING:
    from envlock.knowledge.releases import KerasApi, KerasClass

__all__ = ["TENSORFLOW_FUNCTIONS", "Loader", "Located", "Task", "loader_of"]


# Functions of TensorFlow that stand in models as activations or in a Lambda, by the names written down.
TENSORFLOW_FUNCTIONS = frozenset(
    [
        "abs",
        "acos",
        "acosh",
        "add",
        "argmax",
        "asin",
        "asinh",
        "atan",
        "ceil",
        "cos",
        "cosh",
        "crelu",
        "crelu_v2",
        "cross",
        "cumsum",
        "digamma",
        "divide",
        "elu",
        "erf",
        "erfc",
        "erfinv",
        "exp",
        "expand_dims",
        "expand_dims_v2",
        "expm1",
        "floor",
        "gelu",
        "l2_normalize",
        "l2_normalize_v2",
        "leaky_relu",
        "lgamma",
        "log",
        "log1p",
        "log_sigmoid",
        "log_softmax",
        "log_softmax_v2",
        "maximum",
        "minimum",
        "multiply",
        "negative",
        "norm",
        "norm_v2",
        "reciprocal",
        "reduce_max",
        "reduce_mean",
        "reduce_min",
        "reduce_prod",
        "reduce_sum",
        "relu",
        "relu6",
        "relu_layer",
        "rsqrt",
        "selu",
        "sigmoid",
        "sign",
        "sin",
        "sinh",
        "softmax",
        "softmax_v2",
        "softplus",
        "softsign",
        "sqrt",
        "square",
        "squeeze",
        "squeeze_v2",
        "stop_gradient",
        "swish",
        "tan",
        "tanh",
        "transpose_v2",
        "zeros_like_v2",
        "ones_like_v2",
        "reverse_v2",
    ]
)

# Functions that load, save, fetch or register, which no configuration may name, and a few of them since 3.11.
_LOADING = frozenset(
    [
        "keras.config.enable_unsafe_deserialization",
        "keras.models.load_model",
        "keras.preprocessing.image.load_img",
        "keras.saving.load_model",
        "keras.saving.load_weights",
        "keras.utils.get_file",
        "keras.utils.load_img",
    ]
)
# What stands in the place of the optimizers of Keras 2, and cannot be made from a configuration.
_NO_OPTIMIZER = "LegacyOptimizerWarning"
# What a class has to be, from 3.11 on, that is found by its module.
_SAVEABLE = "KerasSaveable"

_REFUSED = "ValueError: Cannot deserialize"

_PACKAGES = {"keras", "keras_hub", "keras_cv", "keras_nlp"}
_BUILTIN_MODULES = (
    "activations", "constraints", "initializers", "losses", "metrics", "optimizers", "regularizers",
)  # fmt: skip


@frozen(kw_only=True)
class Task:
    """
    A value that the loader makes an object of.

    `role` is the function of Keras that does it: `object` its general deserializer, `layer` the older one
    that `.h5` files go through, else the `get` of that kind (`activation`, `initializer`, `policy`, …).
    """

    item: Any
    role: str
    owner: str
    avoided_by: str = ""


@frozen(kw_only=True)
class Located:
    """What a name stands for: a class of the reader, the user's own code, or nothing."""

    found: KerasClass | None = None
    is_custom: bool = False
    problem: Problem | None = None


@frozen(kw_only=True)
class Loader:
    """
    One release of Keras 3 that reads one file.

    `is_legacy` tells that the file is an `.h5`; `generation` is that of its writer, `2` or `3`; `nodes` are
    the objects of the architecture.
    """

    seen: Comparison
    api: KerasApi
    release: Release
    name: str
    generation: str | None
    is_legacy: bool
    nodes: tuple[Node, ...]

    @property
    def is_code_missing(self) -> bool:
        """Whether the user's own code cannot be had."""
        return self.seen.is_code_missing

    @property
    def is_safe(self) -> bool:
        """Whether bytecode is refused unless the caller asks for it."""
        return not self.is_legacy or self.release >= (3, 11, 3)

    @property
    def ends_loops(self) -> bool:
        """Whether nodes that cannot be resolved end in an error, not in a loop without end."""
        return (3, 12, 2) <= self.release < (3, 13) or self.release >= (3, 14, 1)

    def owns(self, item: object, kind: str | None) -> bool:
        """Whether an object is Keras' own in the generation that wrote it."""
        return is_own(item, kind, self.generation)

    def is_builtin(self, name: str) -> bool:
        """Whether a function is found by its name alone; only the first of its public names counts."""
        paths = (self.api.public(f"keras.{part}.{name}") for part in _BUILTIN_MODULES)
        return any(path is not None and path.rpartition(".")[2] == name for path in paths)

    def lookup(self, kind: str, name: str) -> str | None:
        """The dictionary in which a `get` or the older deserializer finds a bare name."""
        return self.api.lookup(kind, name.lower() if kind == "optimizer" else name)

    def locate(self, item: dict[str, Any], *, owner: str, avoided_by: str = "") -> Located:
        """The class of an object that states its module."""
        name, module = text_of(item, "class_name") or "", text_of(item, "module")
        if not self.owns(item, None):
            asked = text_of(item, "registered_name") or name
            return self._users_own(asked, owner, avoided_by, is_left=self._is_left(item))
        qualified, said = self._imported(module, name, "class")
        if qualified is None:
            return Located(problem=self._not_located(item, module, said, owner, avoided_by))
        registered = text_of(item, "registered_name")
        if registered and registered != name and self.release >= (3, 15):
            return Located(problem=self._registered(item, registered, avoided_by))
        return Located(found=self.api.cls(qualified))

    def locate_function(self, item: dict[str, Any], *, owner: str, avoided_by: str = "") -> Located:
        """The function that an object names."""
        name, module = text_of(item, "config") or "", text_of(item, "module")
        registered = text_of(item, "registered_name") or ""
        is_builtin = module in {None, "builtins"}
        is_mine = (
            names.is_own(name, None, self.generation) if is_builtin else names.is_keras_module(module or "")
        )
        if ">" in registered or not (is_mine or name in TENSORFLOW_FUNCTIONS):
            is_left = is_builtin and ">" not in name and self._is_between((3, 7), (3, 9))
            return self._users_own(
                registered if ">" in registered else name, owner, avoided_by, is_left=is_left
            )
        if module == "builtins" and self.is_builtin(name):
            return Located()
        qualified, said = self._imported(module, name, "function")
        if qualified is not None and not said:
            return Located()
        return Located(problem=self._not_located(item, module, said, owner, avoided_by))

    def _imported(self, module: str | None, name: str, what: str) -> tuple[str | None, str]:
        """Where the general deserializer finds a name of a module, and what it says where it does not."""
        lost = f"TypeError: Could not locate {what} '{shown(name)}'. Make sure custom classes are decorated"
        if not module:
            return None, lost
        public, said = self._public(module, name)
        if said or (public is not None and not self._is_alias(module, name, public)):
            return public, said
        if module.partition(".")[0] not in _PACKAGES and self.release >= (3, 9):
            return None, lost
        if public is None and not self.api.has_module(module):
            return None, (
                f"TypeError: Could not deserialize {what} '{shown(name)}' because its parent module "
                f"{shown(module)} cannot be imported"
            )
        found = public or self.api.member(module, name)
        if self.release < (3, 11):
            return found, "" if found else lost
        return (found, "") if self._is_saveable(found) else (None, _unsaveable(f"{module}.{name}"))

    def _public(self, module: str, name: str) -> tuple[str | None, str]:
        """What a public path stands for, and what is said of one that nothing is made of."""
        path = f"{module}.{name}"
        if not path.startswith("keras."):
            return None, ""
        if path in _LOADING and self.release >= (3, 11):
            return None, f"{_REFUSED} `{path}`"
        found = self.api.public(path)
        if found is None or not found.endswith(f".{_NO_OPTIMIZER}"):
            return found, ""
        if self.release >= (3, 11):
            return None, _unsaveable(path)
        return (
            None,
            f"TypeError: Unable to reconstruct an instance of '{name}' because the class is missing a",
        )

    def _is_alias(self, module: str, name: str, qualified: str) -> bool:
        """Whether it is another name of a class, which from 3.11 on counts as found by its module."""
        own = qualified.rpartition(".")[2]
        if own == name or self.release < (3, 11) or self.api.cls(qualified) is None:
            return False
        return self.api.public(f"{module}.{own}") == qualified

    def _is_saveable(self, qualified: str | None) -> bool:
        found = self.api.cls(qualified) if qualified else None
        return found is not None and _SAVEABLE in found.mro

    def _not_located(
        self, item: dict[str, Any], module: str | None, said: str, owner: str, avoided_by: str
    ) -> Problem:
        is_function = text_of(item, "class_name") == "function"
        name = shown(text_of(item, "config" if is_function else "class_name") or "an object")
        is_module = bool(module) and not self.api.has_module(module or "")
        if said.startswith(_REFUSED):
            told = f"{owner} names {name} of {shown(module)}, which {self.name} does not call while it loads"
        elif is_module:
            told = f"{name} is recorded in {shown(module)}, which {self.name} does not have"
        elif module:
            told = f"{owner} asks for {name} of {shown(module)}, which {self.name} does not have there"
        else:
            told = f"{owner} names {name} without its module, and {self.name} does not look for it elsewhere"
        code = "EL106" if is_module else "EL121" if is_function else "EL123"
        return Problem(code=code, subject=name, message=told, error=said, avoided_by=avoided_by)

    def _registered(self, item: dict[str, Any], registered: str, avoided_by: str) -> Problem:
        name = shown(text_of(item, "class_name") or "")
        return Problem(
            code="EL123",
            subject=name,
            message=f"{name} is registered as {shown(registered)}, which {self.name} refuses",
            error=f"ValueError: `registered_name='{shown(registered)}'` was provided in the config, but",
            avoided_by=avoided_by,
        )

    def _is_between(self, first: Release, after: Release) -> bool:
        """Whether the reader is one of these releases and the writer came before them."""
        return () < self.seen.writer < first <= self.release < after

    def _is_left(self, item: dict[str, Any]) -> bool:
        """Whether a class was found by its module alone, which from 3.9 on is not imported."""
        module = text_of(item, "module")
        is_registered = ">" in (text_of(item, "registered_name") or "")
        is_named = module not in {None, "builtins"} and not is_registered
        return is_named and self._is_between((3, 9), (99,))

    def _users_own(self, asked: str, owner: str, avoided_by: str, *, is_left: bool) -> Located:
        if not self.is_code_missing and is_left:
            told = f"{shown(asked)} is the user's own, and {self.name} does not find it by itself"
            return Located(is_custom=True, problem=Problem(code="EL206", subject=shown(asked), message=told))
        if not self.is_code_missing:
            return Located(is_custom=True)
        return Located(is_custom=True, problem=missing_code(asked, owner, avoided_by=avoided_by))


def _unsaveable(path: str) -> str:
    return f"ValueError: Could not deserialize '{shown(path)}' because it is not a KerasSaveable subclass"


def loader_of(seen: Comparison, api: KerasApi, *, is_legacy: bool) -> Loader:
    """The loader of the target's Keras for the file at hand."""
    known = seen.reader if len(seen.reader) > 1 else release(api.version)
    return Loader(
        seen=seen,
        api=api,
        release=known,
        name=f"Keras {'.'.join(map(str, known))}",
        generation=str(seen.writer[0]) if seen.writer else None,
        is_legacy=is_legacy,
        nodes=seen.nodes(),
    )
