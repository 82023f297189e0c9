"""What a user names by import path, `my_module:name`: looked up first, imported later."""

from __future__ import annotations

import ast
import hashlib
import importlib
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from strategies.suggestions import suggest

_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)


def is_import_path(name: str) -> bool:
    """Whether `name` has the form `module:name` or `package.module:name`, in ASCII letters."""
    return _PATH.fullmatch(name) is not None


def source_file(kind: str, path: str) -> Path:
    """The Python file of an import path; the module itself is not run.

    Args:
        kind: what the path is to give, for messages: `model`, `benchmark`.
        path: `module:name`.

    Raises:
        ValueError: if there is no such module, or it is no Python source file.
    """
    module = path.partition(":")[0]
    try:
        found = find_spec(module)
    except (Exception, SystemExit) as error:  # a dotted path imports its package
        raise _not_importable(kind, path, error) from error
    if found is None:
        raise ValueError(f"{kind} {path!r} cannot be imported: there is no module {module!r}")
    if found.origin is None or not found.origin.endswith(".py"):
        raise ValueError(f"{kind} {path!r} must lie in a Python source file, got {found.origin}")
    return Path(found.origin)


def source_hash(kind: str, path: str) -> str:
    """SHA-256 of the Python file of an import path; what that file imports is not in it."""
    return hashlib.sha256(source_file(kind, path).read_bytes()).hexdigest()


def check_import_path(kind: str, path: str) -> None:
    """Refuse an import path whose module or name is not there; the module is read, not run.

    Raises:
        ValueError: names the nearest name that the module has.
    """
    file, wanted = source_file(kind, path), path.partition(":")[2]
    try:
        names = _names(ast.parse(file.read_text(encoding="utf-8")))
    except (OSError, SyntaxError, ValueError) as error:
        raise _not_importable(kind, path, error) from error
    if not {wanted, "*", "__getattr__"} & names:
        public = [name for name in names if not name.startswith("_")]
        if not public:
            raise ValueError(f"{kind} {path!r}: {file.name} must define {wanted!r}, got no name")
        raise ValueError(f"{kind} {path!r}: {suggest(f'name in {file.name}', wanted, public)}")


def imported(kind: str, path: str) -> Any:
    """What an import path names.

    Raises:
        ValueError: if it cannot be imported.
    """
    module, _, name = path.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (Exception, SystemExit) as error:  # a user's module may raise anything
        raise _not_importable(kind, path, error) from error


def _not_importable(kind: str, path: str, error: BaseException) -> ValueError:
    return ValueError(f"{kind} {path!r} cannot be imported: {type(error).__name__}: {error}")


def _names(tree: ast.Module) -> set[str]:
    """Every name that a module may bind, at its top or in a branch of it."""
    found: set[str] = set()
    queue: list[ast.AST] = list(tree.body)
    while queue:
        node = queue.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        else:
            queue += ast.iter_child_nodes(node)
    return found
