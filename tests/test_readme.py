"""Each example in the README runs as printed, and its numbers are those of the records."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench import leaderboards

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def blocks(language: str) -> list[str]:
    return [text for found, text in BLOCKS if found == language]


def run_well(arguments: list[str], folder: Path) -> None:
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
        run_well([sys.executable, *command.split()[1:]], tmp_path)


def test_the_avalanche_script_runs_as_printed(tmp_path):
    _, script = blocks("python")
    (tmp_path / "script.py").write_text(script)
    run_well([sys.executable, "script.py"], tmp_path)


def table(page: Path) -> str:
    """The README's form of a committed leaderboard page, from its CSV."""
    with page.open(newline="") as file:
        rows = list(csv.DictReader(file))
    head = (
        "strategy",
        "accuracy, %",
        "forgetting, %",
        "weights used, %",
        "hypervolume",
        "charged, %",
    )
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for row in rows:
        low, high = (100 * float(row[f"accuracy_{end}"]) for end in ("low", "high"))
        cells = (
            row["label"] if row["ranked"] == "True" else f"*{row['label']}*",
            f"{100 * float(row['accuracy']):.1f} [{low:.1f}, {high:.1f}]",
            f"{100 * float(row['forgetting']):.1f}" if row["forgetting"] else "-",
            f"{100 * float(row['weights']):.1f}",
            f"{float(row['hypervolume']):.3f}",
            f"{100 * float(row['charged']):.1f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


@pytest.mark.parametrize("page", ["split-mnist/class-20s.csv", "split-mnist/task-20s.csv"])
def test_the_tables_are_those_of_the_committed_pages(page):
    assert table(ROOT / "leaderboards" / page) in README


def test_the_committed_pages_agree_with_their_records():
    assert leaderboards.verify(ROOT / "leaderboards") == []
