"""The parameters of a factory, read from its source: refusing a name must not import torch."""

from __future__ import annotations

import ast
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path


@lru_cache(maxsize=256)
def read_parameters(factory: str) -> frozenset[str] | None:
    """Names of the parameters of a function, or of a class's own `__init__`; imports nothing.

    Args:
        factory: `module:name`; packages on the way to the name may import it from a module.

    Returns:
        None where the source does not tell: no such file, or a class that inherits `__init__`.
    """
    module, _, name = factory.partition(":")
    file = _source(module)
    return None if file is None else _parameters(file, name)


def _source(module: str) -> Path | None:
    """The file of a module, found below its top-level package, which is not run."""
    top, *rest = module.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    origin = Path(spec.origin)
    return _module(origin.parent, rest) if rest else origin


def _module(folder: Path, names: list[str]) -> Path | None:
    """The file of a dotted name below a folder."""
    base = folder.joinpath(*names)
    found = (base.with_suffix(".py"), base / "__init__.py")
    return next((file for file in found if names and file.is_file()), None)


def _parameters(file: Path, name: str) -> frozenset[str] | None:
    """Those of `name` in a module, or in the module of the same package it is imported from."""
    for statement in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.FunctionDef) and statement.name == name:
            return _names(statement)
        if isinstance(statement, ast.ClassDef) and statement.name == name:
            own = (one for one in statement.body if isinstance(one, ast.FunctionDef))
            return next((_names(one) for one in own if one.name == "__init__"), None)
        if isinstance(statement, ast.ImportFrom) and statement.level == 1 and statement.module:
            if not {name, "*"} & {alias.asname or alias.name for alias in statement.names}:
                continue
            source = _module(file.parent, statement.module.split("."))
            found = None if source is None else _parameters(source, name)
            if found is not None:
                return found
    return None


def _names(function: ast.FunctionDef) -> frozenset[str]:
    given = function.args
    return frozenset(one.arg for one in [*given.posonlyargs, *given.args, *given.kwonlyargs])
