"""The entries of a module, read from its source: listing strategies must not import torch."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from strategies.entry import Entry

NAME = "ENTRIES"


def read_entries(module: str) -> Mapping[str, Entry]:
    """`ENTRIES` of a module by id, without running the rest of the module.

    Run are the assignment and what it names: imports and assignments at the top level of the
    module. So a module whose `ENTRIES` names nothing of torch is read without importing it.

    Raises:
        ValueError: if the module does not exist or does not assign `ENTRIES`.
    """
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ValueError(f"module must exist, got {module!r}")
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    needed = _needed(tree, NAME)
    if not needed:
        raise ValueError(f"module must assign {NAME} at its top level, got {module!r}")
    code = compile(ast.Module(needed, type_ignores=[]), spec.origin, "exec", dont_inherit=True)
    namespace: dict[str, Any] = {"__name__": module}
    exec(code, namespace)
    entries: Mapping[str, Entry] = namespace[NAME]
    return entries


def _needed(tree: ast.Module, name: str) -> list[ast.stmt]:
    """The statements that `name` is made of, in the order of the source."""
    wanted, statements = {name}, []
    for statement in reversed(tree.body):
        if wanted & _binds(statement):
            statements.append(statement)
            wanted |= {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
    return statements[::-1]


def _binds(statement: ast.stmt) -> set[str]:
    """The names that an import or an assignment gives a value to."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.partition(".")[0] for alias in statement.names}
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets += statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets.append(statement.target)
    return {target.id for target in targets if isinstance(target, ast.Name)}
