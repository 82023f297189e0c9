"""The README's examples run as printed; its numbers, and those of the results, are the records'."""

from __future__ import annotations

import csv
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from bench.leaderboards import build
from command_line import run

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
RESULTS = ROOT / "docs/results.md"
TABLE = re.compile(r"(?:^\|.*\n)+", re.MULTILINE)
PAGE = re.compile(r"\]\(((?:\.\./)?leaderboards/\S+?\.md)\)")
INTERVAL = re.compile(r"(-?[\d.]+) \[(-?[\d.]+), (-?[\d.]+)\]")


def blocks(language: str, page: Path = README) -> list[str]:
    found = re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    return [text for name, text in found if name == language]


def test_the_readme_is_short():
    assert len(README.read_text().splitlines()) <= 150


@pytest.mark.parametrize(
    ("page", "number"), [("README.md", 4), ("docs/tutorial.md", 7), ("docs/how-to/own-data.md", 1)]
)
def test_every_command_runs_as_printed(page, number, tmp_path, monkeypatch, every_core):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    after = page == "docs/tutorial.md"  # its script reads what the commands leave
    code = tmp_path / "my_strategy.py"
    code.write_text(blocks("python", ROOT / page)[0])
    if not after:
        runpy.run_path(str(code))
    lines = [line for text in blocks("console", ROOT / page) for line in text.splitlines()]
    commands = [line for line in lines if line.startswith("python -m bench ")]
    assert len(commands) == number
    for command in commands:
        run(*command.split()[3:])
    if after:
        runpy.run_path(str(code))


def test_the_avalanche_script_runs_as_printed(tmp_path):
    _, script = blocks("python")
    path = tmp_path / "script.py"
    path.write_text(script)
    done = subprocess.run(
        [sys.executable, path],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert re.fullmatch(r"accuracy on all five tasks: \d+\.\d%\n", done.stdout)
    assert [file.name for file in tmp_path.iterdir()] == ["script.py"]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split(" | ")]


def tables(path: Path) -> Iterator[tuple[Path, list[str], list[list[str]]]]:
    """Of each table the page that is linked last before it, its head and its rows."""
    text = path.read_text()
    for found in TABLE.finditer(text):
        pages = PAGE.findall(text[: found.start()])
        head, _, *rows = found[0].splitlines()
        yield path.parent / pages[-1], cells(head), [cells(row) for row in rows]


def plain(text: str) -> str:
    """Without the marks of Markdown."""
    return re.sub(r"[\\`*]", "", text)


def accuracy(row: dict[str, str]) -> str:
    mean, low, high = (100 * float(row[f"accuracy{end}"]) for end in ("", "_low", "_high"))
    return f"{mean:.1f} [{low:.1f}, {high:.1f}]"


COLUMNS = {
    "accuracy, %": accuracy,
    "capacity, %": lambda row: f"{100 * float(row['capacity']):.1f}",
    "score": lambda row: f"{float(row['score']):.3f}",
    "examples and statistics, kB": lambda row: f"{float(row['buffer_bytes']) / 1000:,.0f}",
    "file, kB": lambda row: f"{float(row['stored_bytes']) / 1000:,.0f}",
    "failed runs": lambda row: f"{row['failed']}/{row['seeds']}",
}


@cache
def rows_of(page: Path) -> dict[str, dict[str, str]]:
    with page.with_suffix(".csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["tuned"] == "False"]
    # the results compare budgets, and only ruleset 1.0 has all of them
    rows.sort(key=lambda row: row["ruleset"], reverse=True)
    return {row["strategy"]: row for row in rows}


def cell_of(name: str, title: str, source: Path) -> str:
    """What a table must say of a strategy under a title, or under a link to another page."""
    if linked := PAGE.search(title):
        return accuracy(rows_of(RESULTS.parent / linked[1])[name])
    return COLUMNS[title](rows_of(source)[name])


def test_tables_of_strategies_hold_what_the_csv_pages_say():
    checked = 0
    for source, (first, *titles), rows in tables(RESULTS):
        if first != "strategy":
            continue
        for name, *shown in rows:
            wanted = [cell_of(plain(name), title, source) for title in titles]
            assert shown == wanted, f"{source}: {name}"
            checked += len(shown)
    assert checked > 350


def accuracies_of(line: str) -> str:
    """The accuracies in percent of the errors that a line tells, with one decimal."""
    found = []
    for numbers in INTERVAL.findall(line):
        mean, high, low = (100 - float(number) for number in numbers)
        found.append(f"{mean:.1f} [{low:.1f}, {high:.1f}]")
    return " ".join(found)


@cache
def lines_of(page: Path) -> list[str]:
    lines = [plain(line) for line in page.read_text().splitlines() if line.startswith("|")]
    return [f"{line} {accuracies_of(line)}" for line in lines]


def test_other_tables_repeat_the_cells_of_one_row_of_the_page():
    checked = 0
    for source, titles, rows in tables(RESULTS):
        if titles[0] == "strategy":
            continue
        for row in rows:
            own = [plain(c) for t, c in zip(titles, row, strict=True) if t != "what"]
            assert any(all(cell in line for cell in own) for line in lines_of(source)), row
            checked += 1
    assert checked > 90


def test_each_finding_of_the_readme_has_its_numbers_on_its_page():
    text = README.read_text()
    rows = [line for line in text.splitlines() if line.startswith("|") and INTERVAL.search(line)]
    assert len(rows) == 5
    for row in rows:
        page = plain((ROOT / PAGE.search(row)[1]).read_text())
        for found in INTERVAL.finditer(row):
            assert found[0] in page, row
        for share in re.findall(r"with (\d+\.\d+) %", row):
            assert f"| {share} |" in page, row


def test_no_run_of_split_mnist_overran_its_minute():
    pages = [ROOT / f"leaderboards/split-mnist/{name}-60s.md" for name in ("task", "class")]
    rows = [row for page in pages for row in rows_of(page).values()]
    assert sum(int(row["seeds"]) for row in rows) == 215
    assert all(row["failed"] == "0" and float(row["charged_most"]) <= 1.001 for row in rows)


@pytest.mark.parametrize(
    ("name", "kilobytes"), [("packnet-frozen", "371"), ("packnet-dreaming", "258")]
)
def test_masks_are_no_weights(name, kilobytes):
    row = rows_of(ROOT / "leaderboards/split-mnist/task-60s.md")[name]
    assert COLUMNS["file, kB"](row) == kilobytes  # 1.4 times, where the weights are 3.2 times


def test_the_committed_pages_agree_with_their_records():
    assert build.verify(ROOT / "leaderboards") == []
