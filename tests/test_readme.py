"""Each example in the README runs as printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def blocks(language: str) -> list[str]:
    return [text for found, text in BLOCKS if found == language]


def run(arguments: list[str], folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        arguments, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_command_runs_as_printed(tmp_path):
    own, _ = blocks("python")
    (tmp_path / "my_strategy.py").write_text(own)
    commands = [line for text in blocks("console") for line in text.splitlines()]
    commands = [line for line in commands if line.startswith("python -m bench ")]
    assert len(commands) >= 6
    for command in commands:
        run([sys.executable, *command.split()[1:]], tmp_path)


def test_the_avalanche_script_runs_as_printed(tmp_path):
    _, script = blocks("python")
    (tmp_path / "script.py").write_text(script)
    run([sys.executable, "script.py"], tmp_path)
