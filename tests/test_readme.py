"""Each example in the README runs as printed, and its numbers are those of the records."""

from __future__ import annotations

import csv
import re
import runpy
from pathlib import Path

import pytest

from bench import leaderboards
from bench.processes import answer
from test_execute import run

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def blocks(language: str) -> list[str]:
    return [text for found, text in BLOCKS if found == language]


def test_every_command_runs_as_printed(tmp_path, monkeypatch, every_core):
    own, _ = blocks("python")
    (tmp_path / "my_strategy.py").write_text(own)
    commands = [line for text in blocks("console") for line in text.splitlines()]
    commands = [line for line in commands if line.startswith("python -m bench ")]
    assert len(commands) >= 6
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for command in commands:
        run(*command.split()[3:])


def run_script(path: str) -> None:
    runpy.run_path(path, run_name="__main__")


def test_the_avalanche_script_runs_as_printed(tmp_path):
    _, script = blocks("python")
    path = tmp_path / "script.py"
    path.write_text(script)
    answer(run_script, [str(path)])  # in a fork: it seeds and trains as it likes


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
