"""`docs/how-to/add-a-strategy.md`, followed to the letter in a copy of the tree."""

from __future__ import annotations

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
COPIED = ("bench", "strategies", "tests/support", "pyproject.toml")
LEFT_OUT = ("test_contract.py", "bench docs")
"""Commands of the page that take minutes."""


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


def test_it_takes_three_files(blocks):
    assert [name for _, name, _ in blocks if name] == [
        "strategies/methods/anchor.py",
        REGISTRY,
        "tests/strategies/methods/test_anchor.py",
    ]


def test_its_commands_run(copied, blocks):
    commands = [
        line
        for language, _, text in blocks
        if language == "console"
        for line in text.splitlines()
        if not any(slow in line for slow in LEFT_OUT)
    ]
    shown, ran, tested = (run(copied, command) for command in commands)
    assert "strength" in shown
    assert "factor of the squared distance that is added to the loss, at least 0." in shown
    assert "[1/1] split-digits/class anchor seed 0: accuracy" in ran
    assert tested.split()[:2] == ["..", "[100%]"]


def test_the_new_strategy_is_listed_last(copied):
    code = "from strategies.registry import STRATEGIES; print(list(STRATEGIES)[-1])"
    assert run(copied, f"python -c {shlex.quote(code)}") == "anchor\n"
