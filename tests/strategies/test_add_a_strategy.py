"""`docs/how-to/add-a-strategy.md`, followed to the letter in a copy of the tree."""

from __future__ import annotations

import filecmp
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "add-a-strategy.md"
BLOCK = re.compile(r'```(\w+)(?: title="([^"]+)")?\n(.*?)```', re.DOTALL)
REGISTRY = "strategies/registry.py"
TESTS = ("tests/strategies/test_contract.py", "tests/strategies/test_registry.py")
COPIED = ("bench", "strategies", "tests/support", *TESTS, "pyproject.toml", "docs/strategies.md")
WRITTEN = (
    "strategies/methods/anchor.py",
    REGISTRY,
    "tests/strategies/methods/test_anchor.py",
)
"""By hand; `bench docs` writes one more."""


@pytest.fixture(scope="module")
def blocks() -> list[tuple[str, str, str]]:
    """Language, file and text of each block of the page."""
    return BLOCK.findall(PAGE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def copied(tmp_path_factory, blocks) -> Path:
    """A copy of the tree with the files of the page."""
    tree = tmp_path_factory.mktemp("tree")
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, tree / name)
    for _, name, text in blocks:
        if name == REGISTRY:
            registry = tree / name
            source = registry.read_text(encoding="utf-8")
            before, modules, after = source.partition("MODULES = (\n")
            inside, end, after = after.partition("\n)\n")
            text = f"{before}{modules}{inside}\n{text.rstrip()}{end}{after}"
            registry.write_text(text, encoding="utf-8")
        elif name:
            assert not (tree / name).exists(), name
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(text, encoding="utf-8")
    return tree


def run(tree: Path, command: str) -> str:
    """What a command of the page says that ends well."""
    python, *arguments = shlex.split(command)
    assert python == "python"
    told = subprocess.run(
        [sys.executable, *arguments],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


def test_its_commands_run(copied, blocks):
    listed = [text.splitlines() for language, _, text in blocks if language == "console"]
    shown, ran, *tested, pages = (run(copied, line) for lines in listed for line in lines)
    assert "strength" in shown
    assert "factor of the squared distance that is added to the loss, at least 0." in shown
    assert "[1/1] split-digits/class anchor seed 0: accuracy" in ran
    assert len(tested) == 3
    assert all("[100%]" in each for each in tested)
    assert pages == "[1/1] docs/strategies.md\n"


def test_it_takes_three_files_and_a_page_that_is_generated(copied, blocks):
    assert [name for _, name, _ in blocks if name] == list(WRITTEN)
    run(copied, "python -m bench docs anchor --out docs")
    found = (
        path
        for name in ("bench", "strategies", "tests", "docs")
        for path in (copied / name).rglob("*")
    )
    files = {path.relative_to(copied) for path in found if path.is_file()}
    changed = {
        name.as_posix()
        for name in files
        if "__pycache__" not in name.parts
        and not ((ROOT / name).is_file() and filecmp.cmp(copied / name, ROOT / name, shallow=False))
    }
    assert changed == {*WRITTEN, "docs/strategies.md"}
    assert "| `anchor` | `strength` | `0.01` |" in (copied / "docs/strategies.md").read_text()


def test_it_can_be_imported_from_the_package(copied):
    code = "from strategies import Anchor; print(Anchor.__module__)"
    module = run(copied, f"python -c {shlex.quote(code)}")
    assert module.split() == [".".join(["strategies", "methods", "anchor"])]


def test_the_new_strategy_is_listed_last(copied):
    code = "from strategies.registry import STRATEGIES; print(list(STRATEGIES)[-1])"
    assert run(copied, f"python -c {shlex.quote(code)}") == "anchor\n"
