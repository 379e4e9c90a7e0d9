"""How Keras 2 finds an object of an archive by its module."""

from __future__ import annotations

from typing import Any

from envlock.knowledge.loading.common import label, missing_code, shown, text_of
from envlock.knowledge.loading.keras2_load import Load
from envlock.knowledge.problem import Problem

__all__ = ["by_module"]

_BUILTIN = ("activations", "constraints", "initializers", "losses", "metrics", "optimizers", "regularizers")


def by_module(
    load: Load, item: dict[str, Any], *, owner: str, avoided_by: str = ""
) -> tuple[str | None, Problem | None]:
    """
    The qualified name of what stands for `item` here, or what the loader says.

    Neither for the user's own code, when that is to be had.
    """
    kind = "function" if item.get("class_name") == "function" else "class"
    name = item.get("config") if kind == "function" else item.get("class_name")
    module = text_of(item, "module")
    if not isinstance(name, str):
        return None, None
    is_registered = ">" in (text_of(item, "registered_name") or "")
    if kind == "function" and module == "builtins" and load.reader < (2, 13) and not is_registered:
        return None, _function_of_2_13(load, name, owner, avoided_by)
    if not load.is_own(item, None) and not (kind == "function" and load.is_own_name(name, None)):
        if not load.is_code_missing:
            return None, None
        error = _not_found(kind, name, module)
        return None, missing_code(name, owner, avoided_by=avoided_by, error=error)
    found = _found(load, module or "", name, kind)
    if found:
        return found, None
    return None, _problem(load, item, kind, avoided_by)


def _function_of_2_13(load: Load, name: str, owner: str, avoided_by: str) -> Problem:
    return Problem(
        code="EL121",
        subject=shown(name),
        message=f"{owner} ask for the function {shown(name)} in the form of Keras 2.13, "
        f"in which {load.reader_name} does not find it",
        error=f"Could not locate function {shown(name)!r}",
        avoided_by=avoided_by,
    )


def _found(load: Load, module: str, name: str, kind: str) -> str | None:
    api = load.api
    heads = ("keras", "tf_keras") if load.is_tf_keras else ("keras",)
    if module.partition(".")[0] in heads and (found := api.public(f"{module}.{name}")):
        return found
    if module == "builtins" and kind == "function":
        paths = (f"keras.{place}.{name}" for place in _BUILTIN)
        return next((found for path in paths if (found := api.public(path))), None)
    if load.is_tf_keras and module.startswith("keras"):
        module = f"tf_{module}"
    return api.member(module, name) if api.has_module(module) else None


def _problem(load: Load, item: dict[str, Any], kind: str, avoided_by: str) -> Problem:
    name, module = shown(item.get("class_name")), text_of(item, "module") or ""
    imported = f"tf_{module}" if load.is_tf_keras and module.startswith("keras") else module
    has_module = load.api.has_module(imported)
    if has_module:
        message = f"{label(item)} of {shown(module)} is not in {load.reader_name}"
        error = f"Could not locate {kind} {name!r}"
    else:
        message = (
            f"{label(item)} is written as of the module {shown(module)}, "
            f"which {load.reader_name} does not have"
        )
        error = (
            f"Could not deserialize {kind} {name!r} because its parent module "
            f"{shown(imported)} cannot be imported"
        )
    return Problem(
        code="EL123" if has_module else "EL106",
        subject=label(item),
        message=message,
        error=error,
        avoided_by=avoided_by,
    )


def _not_found(kind: str, name: str, module: str | None) -> str:
    if module and module != "builtins":
        return (
            f"Could not deserialize {kind} {shown(name)!r} because its parent module "
            f"{shown(module)} cannot be imported"
        )
    return f"Could not locate {kind} {shown(name)!r}"
