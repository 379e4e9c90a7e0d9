"""
Importing a package without running it.

Statements of modules are followed as Python would: imports, definitions, assignments, `if` whose condition
is known, loops over known things, calls of the package's own functions. What is not known is `UNKNOWN`;
both sides of an `if` that hangs on it are followed. Whatever another package holds is `External`.
"""

from __future__ import annotations

import ast
import contextlib
import re
from pathlib import Path
from typing import Any

from harvest.expressions import EXPORTERS, Expressions, Looked, Stopped, last
from harvest.outside import LITERALS, computed, elements, truth
from harvest.values import UNKNOWN, Class, External, Function, Module, Scope

__all__ = ["LEFT_OUT", "LITERALS", "Looked", "Package", "Stopped"]

LEFT_OUT = re.compile(
    r"(_test|(^|\.)(tests?|benchmarks?|integration_tests?|_tf_keras|_legacy|_v1|_v2|tf_export_test))(\.|$)|_pb2$"
    r"|\.backend\.(jax|torch|numpy|openvino)(\.|$)|_benchmark(_test)?$"
)


class Package(Expressions):
    """The modules of one release, imported as they are asked for."""

    def __init__(self, files: dict[str, Path]) -> None:
        self.files = files
        self.modules: dict[str, Module] = {}
        self.exports: dict[str, Any] = {}
        self.depth = 0

    def load_all(self) -> None:
        """Import every module."""
        for name in sorted(self.files):
            self.load(name)

    def load(self, name: str) -> Any:
        """The module, imported with its parents; another package's is `External`."""
        if name in self.modules:
            return self.modules[name]
        if name not in self.files:
            return External(name, is_module=True)
        parent = name.rpartition(".")[0]
        if parent in self.files:
            self.load(parent)
            if name in self.modules:
                return self.modules[name]
        path = self.files[name]
        module = self.modules[name] = Module(name, path.name == "__init__.py")
        module.namespace["__name__"] = name
        tree = ast.parse(path.read_text(encoding="utf-8"))
        self.run(tree.body, Scope(module, module.namespace))
        if parent in self.modules:
            self.modules[parent].namespace[name.rpartition(".")[2]] = module
        return module

    def run(self, body: list[ast.stmt], scope: Scope) -> None:
        """Follow statements; what is odd in the body of a module is passed over."""
        for statement in body:
            follow = getattr(self, f"_run_{type(statement).__name__.lower()}", None)
            if follow is None:
                continue
            try:
                follow(statement, scope)
            except (Stopped, Looked):
                if scope.names is not scope.module.namespace:
                    raise
            except RecursionError:
                continue

    def _run_import(self, node: ast.Import, scope: Scope) -> None:
        for alias in node.names:
            found = self.load(alias.name)
            first = alias.name.partition(".")[0]
            scope.names[alias.asname or first] = found if alias.asname else self.load(first)

    def _run_importfrom(self, node: ast.ImportFrom, scope: Scope) -> None:
        source = self.load(self._absolute(node, scope.module))
        for alias in node.names:
            if alias.name == "*":
                scope.names.update(self._starred(source))
            else:
                found = self.attribute(source, alias.name)
                if isinstance(found, External) and found.path in self.files:
                    found = self.load(found.path)
                elif isinstance(found, External) and isinstance(source, External):
                    found.is_module = True
                scope.names[alias.asname or alias.name] = found

    @staticmethod
    def _absolute(node: ast.ImportFrom, module: Module) -> str:
        if not node.level:
            return node.module or ""
        parts = module.name.split(".")
        kept = parts[: len(parts) - node.level + (1 if module.is_package else 0)]
        return ".".join([*kept, *([node.module] if node.module else [])])

    @staticmethod
    def _starred(source: Any) -> dict[str, Any]:
        if not isinstance(source, Module):
            return {}
        names = source.namespace.get("__all__")
        if not isinstance(names, (list, tuple)):
            names = [name for name in source.namespace if not name.startswith("_")]
        return {name: source.namespace.get(name, UNKNOWN) for name in names if isinstance(name, str)}

    def _run_functiondef(self, node: ast.FunctionDef, scope: Scope) -> None:
        prefix = scope.names.get("__qualname__", scope.module.name)
        found = scope.names[node.name] = Function(f"{prefix}.{node.name}", node, scope)
        self._export(node.decorator_list, found, scope)

    _run_asyncfunctiondef = _run_functiondef

    def _run_classdef(self, node: ast.ClassDef, scope: Scope) -> None:
        prefix = scope.names.get("__qualname__", scope.module.name)
        name = f"{prefix}.{node.name}"
        bases = tuple(self.value(base, scope) for base in node.bases)
        inner = Scope(scope.module, {"__qualname__": name}, scope)
        self.run(node.body, inner)
        found = scope.names[node.name] = Class(name, bases, scope, inner.names)
        self._export(node.decorator_list, found, scope)

    def _export(self, decorators: list[ast.expr], found: Any, scope: Scope) -> None:
        for decorator in decorators:
            if isinstance(decorator, ast.Call) and last(decorator.func) in EXPORTERS:
                self.exported(decorator, found, scope)

    def exported(self, call: ast.Call, found: Any, scope: Scope) -> None:
        """Note the public names that a call gives."""
        given = [self.value(item, scope) for item in call.args]
        given += [self.value(item.value, scope) for item in call.keywords if item.arg == "path"]
        for item in given:
            for path in item if isinstance(item, (list, tuple)) else [item]:
                if isinstance(path, str) and path.startswith("keras."):
                    self.exports[path] = found

    def _run_assign(self, node: ast.Assign, scope: Scope) -> None:
        value = self.value(node.value, scope)
        for target in node.targets:
            self.bind(target, value, scope)

    def _run_annassign(self, node: ast.AnnAssign, scope: Scope) -> None:
        if node.value is not None:
            self.bind(node.target, self.value(node.value, scope), scope)

    def _run_augassign(self, node: ast.AugAssign, scope: Scope) -> None:
        left, right = self.value(node.target, scope), self.value(node.value, scope)
        self.bind(node.target, computed(node.op, left, right), scope)

    def _run_delete(self, node: ast.Delete, scope: Scope) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                scope.names.pop(target.id, None)

    def _run_expr(self, node: ast.Expr, scope: Scope) -> None:
        self.value(node.value, scope)

    def _run_return(self, node: ast.Return, scope: Scope) -> None:
        raise Stopped(self.value(node.value, scope) if node.value else None, is_return=True)

    def _run_raise(self, _: ast.Raise, __: Scope) -> None:
        raise Stopped

    def _run_if(self, node: ast.If, scope: Scope) -> None:
        known = truth(self.value(node.test, scope))
        if known is not None:
            self.run(node.body if known else node.orelse, scope)
            return
        for body in (node.body, node.orelse):
            with contextlib.suppress(Stopped):
                self.run(body, scope)

    def _run_for(self, node: ast.For, scope: Scope) -> None:
        for item in elements(self.value(node.iter, scope)):
            self.bind(node.target, item, scope)
            self.run(node.body, scope)

    def _run_with(self, node: ast.With, scope: Scope) -> None:
        for item in node.items:
            if item.optional_vars is not None:
                self.bind(item.optional_vars, UNKNOWN, scope)
        self.run(node.body, scope)

    def _run_try(self, node: ast.Try, scope: Scope) -> None:
        try:
            self.run(node.body, scope)
        except Stopped as stopped:
            if stopped.is_return:
                raise
            for handler in node.handlers[:1]:
                self.run(handler.body, scope)
        self.run(node.orelse, scope)
        self.run(node.finalbody, scope)
