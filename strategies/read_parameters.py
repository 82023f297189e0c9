"""The parameters of a factory, read from its source: refusing a name must not import torch."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

Definition = ast.ClassDef | ast.FunctionDef


@dataclass(frozen=True)
class Parameter:
    """One parameter of a factory.

    Attributes:
        required: whether it has no default.
        annotation: the source of its annotation, "" without one.
    """

    required: bool
    annotation: str


@lru_cache(maxsize=256)
def read_definition(factory: str) -> Definition | None:
    """The class or function that `module:name` names, in its source; imports nothing.

    Args:
        factory: `module:name`; packages on the way to the name may import it from a module.

    Returns:
        None where the source does not tell: no such file, or a name that is decorated or assigned.
    """
    module, _, name = factory.partition(":")
    file = _source(module)
    return None if file is None else _definition(file, name)


@lru_cache(maxsize=256)
def read_parameters(factory: str) -> Mapping[str, Parameter] | None:
    """Parameters of a function, or of a class's own `__init__`, by name; imports nothing.

    Returns:
        None where the source does not tell: see `read_definition`; or a class that inherits
        `__init__`.
    """
    node = read_definition(factory)
    if isinstance(node, ast.ClassDef):
        own = (one for one in node.body if isinstance(one, ast.FunctionDef))
        node = next((one for one in own if one.name == "__init__"), None)
    return None if node is None else _parameters(node)


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


def _definition(file: Path, name: str) -> Definition | None:
    """That of `name` in a module, or in the module of the same package it is imported from."""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return None  # importing it will say why
    for statement in tree.body:
        if isinstance(statement, Definition) and statement.name == name:
            return None if statement.decorator_list else statement
        if isinstance(statement, ast.ImportFrom) and statement.level == 1 and statement.module:
            if not {name, "*"} & {alias.asname or alias.name for alias in statement.names}:
                continue
            source = _module(file.parent, statement.module.split("."))
            found = None if source is None else _definition(source, name)
            if found is not None:
                return found
    return None


def _parameters(function: ast.FunctionDef) -> dict[str, Parameter]:
    given = function.args
    by_position = [*given.posonlyargs, *given.args]
    without = len(by_position) - len(given.defaults)
    required = [index < without for index in range(len(by_position))]
    required += [default is None for default in given.kw_defaults]
    return {
        one.arg: Parameter(needed, ast.unparse(one.annotation) if one.annotation else "")
        for one, needed in zip([*by_position, *given.kwonlyargs], required, strict=True)
    }
