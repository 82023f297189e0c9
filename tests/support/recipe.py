"""A recipe of `docs/how-to/` as its test follows it: its blocks, and its commands in a tree.

Every command that imports torch takes five seconds for that alone. So the commands of a recipe run
one after the other in one process, each as `python -m NAME` or `python FILE` would run it.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import runpy
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A block of a page: its language, the file that it is, "" for none, and its text."""

    language: str
    file: str
    text: str


def blocks(page: str) -> list[Block]:
    """Every block of a page of `docs/how-to/`, in order."""
    text = (ROOT / "docs" / "how-to" / page).read_text(encoding="utf-8")
    return [Block(*found) for found in BLOCK.findall(text)]


def commands(page: str) -> list[str]:
    """Every command of a page, in order."""
    consoles = [block.text for block in blocks(page) if block.language == "console"]
    return [line for text in consoles for line in text.splitlines()]


def follow(lines: list[str], tree: Path, **environment: str) -> list[str]:
    """What each command says, all run in one process with the packages in `tree`.

    AssertionError for the first that does not end well, with what it said.
    """
    done = subprocess.run(
        [sys.executable, __file__, json.dumps(lines)],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said: list[str] = json.loads(done.stdout.rpartition("\n")[2])
    return said


def _run(line: str) -> tuple[object, str]:
    """The exit code of a command, and what it says."""
    python, *words = shlex.split(line)
    assert python == "python", line
    module = words[0] == "-m"
    sys.argv = words[1:] if module else words
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        try:
            if module:
                runpy.run_module(words[1], run_name="__main__", alter_sys=True)
            else:
                runpy.run_path(words[0], run_name="__main__")
        except SystemExit as ended:
            return ended.code or 0, said.getvalue()
    return 0, said.getvalue()


def _main() -> None:
    sys.path[0] = str(Path.cwd())  # as `python -m` has it
    told = []
    for line in json.loads(sys.argv[1]):
        code, said = _run(line)
        if code:
            sys.exit(f"{line}\nended with {code}\n{said}")
        told.append(said)
    sys.stdout.write("\n" + json.dumps(told))


if __name__ == "__main__":
    _main()
