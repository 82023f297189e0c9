"""What a user names by import path, `my_module:name`: looked up first, imported later."""

from __future__ import annotations

import ast
import hashlib
import importlib
import re
import sys
import sysconfig
import traceback
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from strategies.suggestions import suggest

INSTALLED = {Path(path).resolve() for path in sysconfig.get_paths().values()}
"""Where installed modules lie."""

OURS = ("bench", "strategies")
"""Packages of this project."""

_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)


def is_import_path(name: str) -> bool:
    """Whether `name` has the form `module:name` or `package.module:name`, in ASCII letters."""
    return _PATH.fullmatch(name) is not None and not _names_file(name)


def unknown_name(kind: str, name: str, known: Iterable[str], forms: Sequence[str]) -> ValueError:
    """The error for a name that is neither known nor an import path.

    Args:
        kind: what it should name: `model`, `benchmark`, `strategy`.
        name: what was given.
        known: those that have an id.
        forms: what else may be written: `module:name`.
    """
    if _names_file(name):
        file, _, wanted = name.partition(":")
        path = f"{Path(file).stem}:{wanted}"
        return ValueError(
            f"{kind} must be module:name, without .py or a folder, got {name!r}; "
            f"did you mean {path!r}?"
        )
    return ValueError(suggest(kind, name, known, forms=forms))


def source_file(kind: str, path: str) -> Path:
    """The Python file of an import path; the module itself is not run.

    Args:
        kind: what the path is to give, for messages: `model`, `benchmark`, `strategy`.
        path: `module:name`.

    Raises:
        ValueError: if there is no such module, or it is no Python source file.
    """
    origin = _origin(kind, path)
    if origin is None or not origin.endswith(".py"):
        raise ValueError(f"{kind} {path!r} must lie in a Python source file, got {origin}")
    return Path(origin)


def source_hash(kind: str, path: str) -> str:
    """SHA-256 of the Python file of an import path; what that file imports is not in it."""
    return hashlib.sha256(source_file(kind, path).read_bytes()).hexdigest()


def definition(kind: str, path: str) -> ast.ClassDef | ast.FunctionDef | None:
    """The class or function that an import path names; the module is read, not run.

    Returns:
        None where only running the module tells: what is decorated, assigned or imported there,
        or a module without Python source.

    Raises:
        ValueError: if the module or the name is not there; names the nearest that is.
    """
    wanted, origin = path.partition(":")[2], _origin(kind, path)
    if origin is None or not origin.endswith(".py"):
        return None
    try:
        tree = ast.parse(Path(origin).read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError) as error:
        raise _not_importable(kind, path, error) from error
    defined, imports = _names(tree)
    if not {wanted, "*", "__getattr__"} & (defined | imports):
        public = [
            [name for name in names if not name.startswith("_")] for names in (defined, imports)
        ]
        raise _no_such_name(kind, path, Path(origin).name, public[0] or public[1])
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == wanted:
            return None if node.decorator_list else node
    return None


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


def called(kind: str, path: str, rule: str, **arguments: Any) -> Any:
    """What the function at an import path returns.

    Args:
        kind: what it makes, for messages.
        path: `module:name`.
        rule: how it must be made, for one that does not take these arguments.
        arguments: what it is given.

    Raises:
        ValueError: if it cannot be called, with the rule; or names what it raised, and where.
    """
    make = imported(kind, path)
    if not callable(make):
        raise ValueError(f"{kind} {path} must be callable, got {type(make).__name__}")
    try:
        return make(**arguments)
    except (Exception, SystemExit) as error:  # a user's function may raise anything
        if len(list(traceback.walk_tb(error.__traceback__))) == 1:  # it was never entered
            raise ValueError(f"{kind} {path} {rule}: {_told(error)}") from error
        where = place_of(error, source_file(kind, path))
        raise ValueError(f"{kind} {path} raised {_told(error)}{where}") from error


def _names_file(name: str) -> bool:
    return name.partition(":")[0].endswith(".py") and ":" in name


def _origin(kind: str, path: str) -> str | None:
    """The file of a module, or what stands for one; None for a folder without `__init__`."""
    module = path.partition(":")[0]
    try:
        found = find_spec(module)
    except (Exception, SystemExit) as error:  # a dotted path imports its package
        raise _not_importable(kind, path, error) from error
    if found is None:
        raise ValueError(f"{kind} {path!r} cannot be imported: there is no module {module!r}")
    return found.origin


def _no_such_name(kind: str, path: str, file: str, there: Sequence[str]) -> ValueError:
    wanted = path.partition(":")[2]
    if not there:
        return ValueError(f"{kind} {path!r}: {file} must define {wanted!r}, got no name")
    return ValueError(f"{kind} {path!r}: {suggest(f'name in {file}', wanted, there)}")


def _not_importable(kind: str, path: str, error: BaseException) -> ValueError:
    return ValueError(f"{kind} {path!r} cannot be imported: {_told(error)}")


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def place_of(error: BaseException, file: Path) -> str:
    """The last line of a user's file that an error came through; "" if it came through none."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename) == file
    ]
    return f" ({file.name}, line {lines[-1]})" if lines else ""


def _names(tree: ast.Module) -> tuple[set[str], set[str]]:
    """Every name that a module may define, and that it may import, at its top or in a branch."""
    defined: set[str] = set()
    imports: set[str] = set()
    queue: list[ast.AST] = list(tree.body)
    while queue:
        node = queue.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            imports |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            defined.add(node.id)
        else:
            queue += ast.iter_child_nodes(node)
    return defined, imports


HEAP_TYPE = 1 << 9
"""Flag of the classes that Python code has made, among others."""


def is_there(kind: type) -> bool:
    """Whether a class lies in the module that it names: the name alone anybody can write.

    A class of C's is believed.
    """
    if not kind.__flags__ & HEAP_TYPE:
        return True
    found: Any = sys.modules.get(kind.__module__)
    for part in kind.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is kind


def is_own_module(name: str) -> bool:
    """Whether a module came with a strategy: neither installed nor of this project."""
    file = getattr(sys.modules.get(name), "__file__", None)
    if name.partition(".")[0] in OURS or not file:
        return False
    return not INSTALLED & set(Path(file).resolve().parents)
