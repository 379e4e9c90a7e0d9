"""What the walks of all loaders share: how an object is called, whose it is, which keys are refused."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from envlock.artifacts import names
from envlock.artifacts.places import kind_of
from envlock.knowledge.checks import refusals
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import THREE, Release

if TYPE_CHECKING:
    from envlock.facts import Content, Maybe
    from envlock.knowledge.releases import KerasClass

__all__ = [
    "SHAPES_DIFFER",
    "config_of",
    "is_counted_once",
    "is_own",
    "is_put_together",
    "key_problems",
    "kind_of",
    "label",
    "listed",
    "missing_code",
    "not_loaded",
    "not_revived",
    "own_text_functions",
    "policy_of",
    "shown",
    "snake",
    "text_of",
]

_MOST_SHOWN = 80
_MOST_LISTED = 4
_MOST_DIGITS = 9


def config_of(item: object) -> dict[str, Any]:
    """The configuration of a serialised object, empty where there is none."""
    config = item.get("config") if isinstance(item, dict) else None
    return config if isinstance(config, dict) else {}


def snake(name: str) -> str:
    """The name that Keras makes of that of a class, as of `Conv2D` or `MultiHeadAttention`."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name[:_MOST_SHOWN])
    name = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
    return f"private{name}" if name.startswith("_") else name


def text_of(item: object, key: str) -> str | None:
    """The text under a key of a serialised object."""
    value = item.get(key) if isinstance(item, dict) else None
    return value if isinstance(value, str) else None


def policy_of(config: dict[str, Any]) -> str:
    """The type that a layer computes in, or the policy that says it; empty where the layer does not tell."""
    dtype = config.get("dtype")
    return (dtype if isinstance(dtype, str) else text_of(config_of(dtype), "name")) or ""


def label(item: object) -> str:
    """How a person would point at a serialised object: its class and, where it has one, its name."""
    name = text_of(config_of(item), "name") or text_of(item, "name")
    class_name = shown(text_of(item, "class_name") or "object")
    return f"{class_name} {shown(name)!r}" if name else class_name


def shown(value: object) -> str:
    """A value as a message quotes it, cut where it is long."""
    text = value if isinstance(value, str) else repr(value) if _is_short(value) else "…"
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 2]} …"


def _is_short(value: object) -> bool:
    """Whether a value is plain, or a short list of such."""
    if isinstance(value, list):
        return len(value) <= _MOST_LISTED and not any(isinstance(item, (dict, list)) for item in value)
    return not isinstance(value, dict)


def listed(values: Iterable[str], *, mark: str = "`") -> str:
    """Some names in a sentence."""
    found = [f"{mark}{shown(value)}{mark}" for value in values]
    more = [f"{len(found) - _MOST_LISTED} more"] if len(found) > _MOST_LISTED else []
    *rest, last = [*found[:_MOST_LISTED], *more] or [""]
    return f"{', '.join(rest)} and {last}" if rest else last


def is_own(item: object, kind: str | None, generation: str | None) -> bool:
    """
    Whether a serialised object is Keras' own in the release that wrote it, not the user's.

    `generation` is that of the writer, `2` or `3`. A name found in no release is the user's.
    """
    class_name, module = text_of(item, "class_name"), text_of(item, "module")
    registered = text_of(item, "registered_name")
    full = registered if registered and ">" in registered else class_name or ""
    if ">" in full:
        return names.is_own(full, None)
    if module and module != "builtins":
        return names.is_keras_module(module)
    kind = names.kind_among_layers(kind, config_of(item))
    return not registered and names.is_own(full, kind, generation)


def is_put_together(
    writer: Release, config: dict[str, Any], held: tuple[str, ...], *, is_archive: bool
) -> bool:
    """
    Whether a model without a list of layers was made of inputs and outputs, by a class with a constructor.

    Since 2.12 such a class records its own arguments in place of its layers, and never what it was called
    on; one with arguments of its own is supposed to make its layers itself. HDF5 files of Keras 2 hold no
    other models. In archives it shows by where the weights lie, or by a name without a dtype.
    """
    found = config.get("config")
    if not (2, 12) <= writer < THREE or not isinstance(found, dict):
        return False
    if not set(found) <= {"name", "trainable"}:
        return False
    if not is_archive:
        return any(name.startswith("model_weights/") for name in held)
    return "trainable" in found or any(name.startswith("_layer_checkpoint_dependencies/") for name in held)


def not_revived(
    content: Content, writer: Release, reader: str, *, is_known: bool = False
) -> Iterator[Problem]:
    """
    What keeps a model of the user's own class from being made and filled again, by how its weights lie.

    `is_known` tells that what its constructor takes is known from elsewhere.
    """
    config = content.config
    if not isinstance(config, dict) or "layers" in config_of(config) or is_own(config, None, None):
        return
    held = [spec.name for spec in content.weights] if isinstance(content.weights, tuple) else []
    what = label(config)
    if not is_known and _is_made_of_models(config, writer, held, content.functional):
        yield Problem(
            code="EL124",
            subject=what,
            message=f"{what} was made from other models and does not carry them, so {reader} cannot make one",
            error="TypeError: Unable to revive model from config. When overriding the `get_config()` method, "
            "make sure that the returned config contains all items used as arguments",
        )
    elif (
        (2, 12) <= writer < THREE
        and "build_config" not in config
        and any(map(_AT_THE_TOP.match, held))
        and not _models_inside(held)
    ):
        name = shown(config_of(config).get("name", snake(text_of(config, "class_name") or "")))
        yield Problem(
            code="EL128",
            subject=what,
            message=f"{what} has variables that its own build() makes, which {reader} does not call",
            error=f"ValueError: Layer '{name}' expected 0 variables, but received",
        )


def _is_made_of_models(
    config: dict[str, Any], writer: Release, held: list[str], functional: Maybe[tuple[str, ...]]
) -> bool:
    """
    Whether a model was made from other models, which its configuration leaves out, most likely.

    Keras 2 records the arguments of a constructor as long as all of them are plain values, and nothing if
    one is an object; Keras 3 never records those of a model. One that consists of several models, of which
    some are functional or which it has optimizers of its own for, was most often given them.
    """
    stated = set(config_of(config))
    if (2, 12) <= writer < THREE:
        is_bare = config.get("config") == {}
    else:
        is_bare = writer >= THREE and stated == {"name", "trainable", "dtype"}
    if not is_bare or len(_models_inside(held)) < _SEVERAL:
        return False
    is_functional = bool(functional) and isinstance(functional, tuple)
    return is_functional or any(map(_OPTIMIZER.match, held))


def _models_inside(held: list[str]) -> set[str]:
    """Where the weights of models lie that a model holds."""
    return {match[0] for match in map(_MODEL_INSIDE.match, held) if match}


_SEVERAL = 2
_AT_THE_TOP = re.compile(r"vars/\d")
_MODEL_INSIDE = re.compile(r"(?!layers/)\w+/(?:layers|_layer_checkpoint_dependencies)/|layers/\w+/layers/")
_OPTIMIZER = re.compile(r"(?!optimizer/)\w*optimizer\w*/vars/")


def is_counted_once(name: str, names: Collection[str]) -> bool:
    """Whether the number before that of a name was used too: `dense` before `dense_1`."""
    base, _, number = name.rpartition("_")
    if not (base and number.isascii() and number.isdigit() and len(number) < _MOST_DIGITS):
        return True
    before = int(number) - 1
    return (f"{base}_{before}" if before > 0 else base) in names


# What Keras 3 says where an array and the variable that it is for are of different shapes.
SHAPES_DIFFER = (
    "The shape of the target variable and the shape of the target value in "
    "`variable.assign(value)` must match."
)


def not_loaded(what: str, *, count: int = 1) -> str:
    """What Keras 3 says of objects whose state it could not load; `what` is the first, and why."""
    return (
        f"ValueError: A total of {count} objects could not be loaded. Example error message for object {what}"
    )


# What layers of text know by name; another name is that of a function of the user's.
_OF_TEXTS = {
    "split": {"character", "whitespace"},
    "standardize": {"lower", "lower_and_strip_punctuation", "strip_punctuation"},
}


def own_text_functions(config: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The functions of the user's that a `TextVectorization` names, each with the key that holds it."""
    for key, known in _OF_TEXTS.items():
        value = config.get(key)
        if isinstance(value, str) and value not in known:
            yield key, value


def missing_code(asked: str, owner: str, *, avoided_by: str = "", error: str = "") -> Problem:
    """The user's own class or function that cannot be had."""
    return Problem(
        code="EL201",
        subject=shown(asked),
        message=f"{owner} asks for {shown(asked)}, which is the user's own code and not to be had",
        error=error or f"Could not locate class '{shown(asked)}'",
        avoided_by=avoided_by,
    )


def key_problems(
    found: KerasClass, item: object, config: dict[str, Any], *, reader: str, avoided_by: str = ""
) -> Iterator[Problem]:
    """The keys that a class refuses, those that it needs and does not get, and the values that it refuses."""
    what = label(item)
    refused = [
        key for key in config if not found.is_open and key not in found.accepts and key not in found.removes
    ]
    if refused:
        said = _filled(found.refusal, found.mro[0], refused, config)
        yield Problem(
            code="EL108",
            subject=what,
            message=f"{what} carries {listed(refused)}, which {reader} does not accept",
            error=said,
            avoided_by=avoided_by,
        )
    needed = sorted(key for key in found.requires if key not in config)
    if needed:
        yield Problem(
            code="EL124",
            subject=what,
            message=f"{what} does not carry {listed(needed)}, which {reader} needs",
            error=f"KeyError: {needed[0]!r}",
            avoided_by=avoided_by,
        )
    yield from _value_problems(found, what, config, reader=reader, avoided_by=avoided_by)


def _value_problems(
    found: KerasClass, what: str, config: dict[str, Any], *, reader: str, avoided_by: str
) -> Iterator[Problem]:
    """The values that the constructor of a class refuses, by the checks that were harvested from it."""
    for keys, error in refusals(found.checks, config):
        held = listed(f"{key}={shown(config[key])}" for key in keys if key in config)
        yield Problem(
            code="EL125",
            subject=what,
            message=f"{what} has {held or 'no ' + listed(keys)}, which {reader} does not take",
            error=error,
            avoided_by=avoided_by,
        )


def _filled(refusal: str, class_name: str, refused: list[str], config: dict[str, Any]) -> str:
    """The loader's own words about keys that it does not know."""
    given = "{" + ", ".join(f"{key!r}: {shown(config[key])}" for key in refused[:_MOST_LISTED]) + "}"
    text = re.sub(r"\{(?:name|class_name|cls)\}", class_name, refusal)
    text = text.replace("'{key}'", f"'{shown(refused[0])}'")
    return (
        re.sub(r"\{(?:key|keys|kwargs)\}", lambda _: given, text)
        or f"Unrecognized keyword arguments: {given}"
    )
