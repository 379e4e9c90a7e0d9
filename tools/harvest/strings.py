"""Texts that an expression in a method stands for, by the constants that reach it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

Texts = dict[str, tuple[str, ...]]


def own_nodes(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Every node below statements, without the insides of functions and classes defined there."""
    waiting: list[ast.AST] = list(reversed(body))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            waiting.extend(reversed(_in_order(node)))


def _in_order(node: ast.AST) -> list[ast.AST]:
    """What is below a node, in the order in which it is evaluated."""
    if isinstance(node, ast.Assign):
        return [node.value, *node.targets]
    return list(ast.iter_child_nodes(node))


def texts(node: ast.AST | None, known: Texts) -> tuple[str, ...]:
    """What texts an expression may be: itself, a name that stands for some, a collection of them."""
    match node:
        case ast.Constant(value=str(text)):
            return (text,)
        case ast.Name(id=name):
            return known.get(name, ())
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            return tuple(text for part in parts for text in texts(part, known))
        case ast.Dict(keys=keys):
            return tuple(text for key in keys for text in texts(key, known))
        case ast.Call(func=ast.Name(id="set" | "list" | "tuple" | "frozenset"), args=[inner]):
            return texts(inner, known)
    return ()


def constants(body: list[ast.stmt], known: Texts) -> Texts:
    """The names bound to texts in a body, loops over them included."""
    found = dict(known)
    for node in own_nodes(body):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.For(target=ast.Name(id=name), iter=value)
            ):
                if given := texts(value, found):
                    found[name] = (*found.get(name, ()), *given)
    return found


def sentence(node: ast.AST | None, holes: dict[str, str]) -> str:
    """A message as it reads, with `{key}` for the key it is about and `{}` for what only a run knows."""
    match node:
        case ast.Constant(value=value):
            return str(value)
        case ast.JoinedStr(values=parts):
            return "".join(sentence(part, holes) for part in parts)
        case (
            ast.FormattedValue(value=inner)
            | ast.Call(func=ast.Name(id="str" | "repr" | "list" | "sorted" | "tuple"), args=[inner])
        ):
            return sentence(inner, holes)
        case ast.BinOp() | ast.Call():
            return _composed(node, holes)
        case ast.Attribute(attr="__name__"):
            return "{class}"
        case ast.Name(id=name):
            return holes.get(name, "{}")
    return "{}"


def _composed(node: ast.AST, holes: dict[str, str]) -> str:
    match node:
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return sentence(left, holes) + sentence(right, holes)
        case ast.BinOp(left=left, op=ast.Mod(), right=right):
            return _filled(sentence(left, holes), right, holes)
        case ast.Call(func=ast.Attribute(value=template, attr="format"), args=args):
            return _formatted(sentence(template, holes), args, holes)
        case ast.Call(func=ast.Attribute(value=inner, attr="keys" | "items")):
            return sentence(inner, holes)
    return "{}"


def _filled(template: str, right: ast.AST, holes: dict[str, str]) -> str:
    parts: list[Any] = list(right.elts) if isinstance(right, ast.Tuple) else [right]
    for part in parts:
        template = template.replace("%s", sentence(part, holes), 1)
    return template


def _formatted(template: str, args: list[ast.expr], holes: dict[str, str]) -> str:
    for index, part in enumerate(args):
        text = sentence(part, holes).replace("{", "\0")
        template = (
            template.replace("{}", text, 1) if "{}" in template else template.replace(f"{{{index}}}", text)
        )
    return template.replace("\0", "{")
