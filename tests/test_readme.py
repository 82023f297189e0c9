"""Each example in the README runs as printed, and its numbers are those of the records."""

from __future__ import annotations

import csv
import re
import runpy
from pathlib import Path

import pytest

from bench.executor.processes import answer
from bench.leaderboards import build
from command_line import run

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


FACTS = {
    "split-mnist/class-60s": (
        "knowledge-seeding", "replay", "dreaming", "sleep-replay", "staged-sleep",
        "packnet-inferred", "icarl", "icarl-sleep",
    ),
    "split-mnist/class-6s": ("knowledge-seeding", "replay"),
    "split-mnist/class-20s": ("knowledge-seeding", "replay"),
    "split-mnist/task-60s": ("packnet-dreaming", "packnet-frozen", "packnet-unfrozen", "joint"),
    "permuted-mnist/task-60s": (
        "packnet-frozen", "joint", "packnet-dreaming", "ewc", "replay", "naive", "sleep-replay",
        "knowledge-seeding",
    ),
    "split-cifar10/class-60s": ("joint", "replay", "dreaming", "icarl", "packnet-inferred"),
    "split-cifar10/task-60s": (
        "replay", "packnet-frozen", "iterative-prune-budgeted", "cpg", "packnet-dreaming",
    ),
}  # fmt: skip
"""Rows whose accuracy the README tells, with its interval, by page."""


def accuracies(page: str) -> dict[str, str]:
    """Accuracy in percent and its interval, of each strategy of a committed page."""
    with (ROOT / "leaderboards" / f"{page}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    shown = {}
    for row in rows:
        mean, low, high = (100 * float(row[f"accuracy{end}"]) for end in ("", "_low", "_high"))
        shown[row["strategy"]] = f"{mean:.1f} [{low:.1f}, {high:.1f}]"
    return shown


@pytest.mark.parametrize("page", FACTS)
def test_its_accuracies_are_those_of_the_committed_pages(page):
    found = accuracies(page)
    text = README[README.index(f"(leaderboards/{page}.md)") :]
    for name in FACTS[page]:
        assert found[name] in text, name


def test_the_committed_pages_agree_with_their_records():
    assert build.verify(ROOT / "leaderboards") == []
