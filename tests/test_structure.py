"""The house rules, measured from the source: floors, sizes, documentation, tests that mirror."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TESTS = Path(__file__).parent
SOURCES = sorted(
    path.relative_to(ROOT)
    for package in ("bench", "strategies")
    for path in (ROOT / package).rglob("*.py")
)
ROOMS = sorted({path.parent for path in SOURCES})

FLOORS = (
    ("cli",),
    ("papers", "study", "machine", "strategy_docs"),
    ("leaderboards",),
    ("executor",),
    ("runner", "ranking", "loggers"),
    ("data", "records"),
    ("formatting",),
    ("config", "stats"),
)
"""Folders of `bench/` from top to bottom: a folder imports only what lies below it."""

MOST_LINES, MOST_FUNCTION_LINES, MOST_PARAMETERS = 300, 50, 8
FREE_OF_TORCH = ("bench.records.store", "bench.ranking.rank", "bench.leaderboards.build")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def imported(path: Path) -> set[str]:
    """The modules of this project that a file imports, function bodies included."""
    names = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name for name in names if name.split(".")[0] in ("bench", "strategies")}


def module_name(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def functions(path: Path):
    """Every function of a file with the class that it is in, if any."""
    for parent in ast.walk(tree(path)):
        body = getattr(parent, "body", ())
        for node in body if isinstance(body, list) else ():
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node, parent if isinstance(parent, ast.ClassDef) else None


def test_folders_stand_on_floors_and_every_import_goes_down():
    floor = {folder: i for i, folders in enumerate(FLOORS) for folder in folders}
    assert {
        path.parts[1] for path in SOURCES if path.parts[0] == "bench" and len(path.parts) > 2
    } == set(floor)
    assert len(FLOORS) <= 9
    wrong = [
        f"{path} imports {name}"
        for path in SOURCES
        if path.parts[0] == "bench" and len(path.parts) > 2
        for name in imported(path)
        if name.startswith("bench.")
        and name.split(".")[1] in floor
        and name.split(".")[1] != path.parts[1]
        and floor[name.split(".")[1]] <= floor[path.parts[1]]
    ]
    assert wrong == []


def test_no_modules_import_each_other_in_a_circle():
    known = {module_name(path): path for path in SOURCES}
    needs = {
        name: {n for n in imported(path) if n in known} - {name} for name, path in known.items()
    }
    while free := [name for name, wanted in needs.items() if not wanted & needs.keys()]:
        for name in free:
            del needs[name]
    # packages whose __init__ names a public face lazily are no circle
    assert sorted(needs) == []


def test_strategies_never_import_the_referee():
    wrong = [
        str(p)
        for p in SOURCES
        if p.parts[0] == "strategies" and any(n.startswith("bench") for n in imported(p))
    ]
    assert wrong == []


@pytest.mark.parametrize("module", FREE_OF_TORCH)
def test_reading_records_and_making_pages_imports_no_torch(module):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules or 'avalanche' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def lines_of_code(path: Path) -> int:
    """Lines of a module without the values that it assigns: a registry, a list of texts."""
    literals = sum(
        node.end_lineno - node.lineno + 1
        for node in tree(path).body
        if isinstance(node, ast.Assign | ast.AnnAssign)
    )
    return len((ROOT / path).read_text(encoding="utf-8").splitlines()) - literals


def test_no_module_is_long_but_for_literals():
    lengths = {str(path): lines_of_code(path) for path in SOURCES}
    assert {name: n for name, n in lengths.items() if n > MOST_LINES} == {}


def is_constructor(path: Path, node: ast.FunctionDef, parent: ast.ClassDef | None) -> bool:
    """Of a strategy or a stage: its hyper-parameters are its parameters."""
    return path.parts[:2] in (("strategies", "methods"), ("strategies", "stages")) and (
        node.name == "__init__" or parent is None
    )


def is_command(node: ast.FunctionDef) -> bool:
    """Of the command line: its options are its parameters."""
    return any("app.command" in ast.unparse(one) for one in node.decorator_list)


def test_no_function_is_long_and_none_has_many_parameters():
    long, many = [], []
    for path in SOURCES:
        for node, parent in functions(path):
            if is_constructor(path, node, parent):
                continue
            arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
            own = [a for a in arguments if a.arg not in ("self", "cls")]
            if node.end_lineno - node.lineno + 1 > MOST_FUNCTION_LINES:
                long.append(f"{path}:{node.name}")
            if len(own) > MOST_PARAMETERS and not is_command(node):
                many.append(f"{path}:{node.name}")
    assert (long, many) == ([], [])


def public(path: Path):
    """Every public definition of a file by name."""
    for node in tree(path).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name, node
            if isinstance(node, ast.ClassDef):
                for inner in node.body:
                    if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_"):
                        yield f"{node.name}.{inner.name}", inner


def test_every_module_and_public_name_is_documented():
    missing = [str(path) for path in SOURCES if not ast.get_docstring(tree(path))]
    missing += [
        f"{path}:{name}"
        for path in SOURCES
        for name, node in public(path)
        if not ast.get_docstring(node)
        and not any(
            "overload" in ast.dump(d) or "override" in ast.dump(d) for d in node.decorator_list
        )
    ]
    assert missing == []


SECTION = re.compile(r"^(Args|Attributes|Returns|Yields|Raises|Example|Examples|Note|References):$")


def names_of(node: ast.AST) -> set[str]:
    """Parameters of a function, or fields and constructor's parameters of a class."""
    if isinstance(node, ast.FunctionDef):
        arguments = node.args
        return {a.arg for a in arguments.posonlyargs + arguments.args + arguments.kwonlyargs}
    names = {
        n.target.id
        for n in node.body
        if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)
    }
    for inner in node.body:
        if isinstance(inner, ast.FunctionDef) and inner.name == "__init__":
            names |= names_of(inner)
    return names


def outside_of_sections(text: str) -> list[str]:
    """The lines of a docstring that stand in no section of Google's style."""
    found, inside = [], False
    for line in text.splitlines():
        if SECTION.match(line):
            inside = True
        elif line and not line.startswith(" "):
            inside = False
        if not inside:
            found.append(line)
    return found


def test_parameters_and_fields_are_described_in_sections_of_googles_style():
    """So that documentation tools show them: `Args:`, and an indented `name: meaning.` each."""
    wrong = []
    for path in SOURCES:
        for name, node in public(path):
            known = names_of(node)
            for line in outside_of_sections(ast.get_docstring(node) or ""):
                for said in re.findall(r"(?:^|[.;] )(\w+(?:, \w+)*): ", line):
                    if known & set(said.split(", ")):
                        wrong.append(f"{path}:{name}: {line}")
    assert wrong == []


def test_a_rooms_init_says_in_one_sentence_what_it_is_for():
    for room in ROOMS:
        doc = ast.get_docstring(tree(room / "__init__.py"))
        assert doc, room
        if room.parts not in (("bench",), ("strategies",)):
            assert len(tree(room / "__init__.py").body) == 1, f"{room}/__init__.py holds code"


def test_tests_mirror_the_folders_and_import_no_other_test():
    for path in TESTS.rglob("test_*.py"):
        folder = path.relative_to(TESTS).parent
        if folder.parts and folder.parts[0] != "benchmarks":
            top = folder if folder.parts[0] == "strategies" else Path("bench") / folder
            assert (ROOT / top).is_dir(), f"{path} mirrors no folder"
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom | ast.Import):
                names = (
                    [node.module or ""]
                    if isinstance(node, ast.ImportFrom)
                    else [a.name for a in node.names]
                )
                assert not any(n.split(".")[-1].startswith("test_") for n in names), path
