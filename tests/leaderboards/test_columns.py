"""The list of columns, and the recipe for a new one, followed to the letter in a copy."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.leaderboards import columns_page, page
from bench.leaderboards.columns import COLUMNS, TABLES
from bench.ranking.rank import rank
from factories import as_stored, make_runs, write

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "docs" / "how-to" / "add-a-column.md"
STEP = re.compile(
    r"^In `(?P<file>\S+)`, (?P<side>before|after) the line `(?P<line>[^\n]+)`, insert:\n\n"
    r"```python\n(?P<code>.*?)```$",
    re.DOTALL | re.MULTILINE,
)
TITLE = "worst accuracy"


def test_the_value_of_a_column_fills_exactly_its_csv_columns():
    (row,) = rank(as_stored(make_runs("naive"))).rows
    filled = [name for column in COLUMNS.values() for name in column.csv_cells(row)]
    assert filled == [f"{name}{end}" for name, column in COLUMNS.items() for end in column.csv]
    assert len(filled) == len(set(filled))


def test_an_upper_bound_has_an_empty_cell_for_each_of_them():
    leaderboard = rank(as_stored([*make_runs("naive"), *make_runs("joint", ranked=False)]))
    (upper,) = leaderboard.upper_bounds
    cells = COLUMNS["rank"].csv_cells(upper)
    assert list(cells.values()) == [None, None]


def test_a_column_stands_where_its_table_lists_it():
    leaderboard = rank(as_stored(make_runs("naive")))
    accuracy = COLUMNS["accuracy"]
    assert accuracy.heading("ranking", leaderboard) == "accuracy, %"
    assert accuracy.heading("learning", leaderboard) == "final average accuracy"
    assert accuracy.text("ranking", leaderboard.rows[0]) == "50.2 [50.0, 50.4]"


def test_the_documentation_has_every_column_and_the_tables_it_is_in():
    text = columns_page.columns_markdown(page.Folders(Path("records"), Path("pages")))
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(lines) == len(COLUMNS) + 2
    (plasticity,) = [line for line in lines if line.startswith("| plasticity")]
    shown = ", ".join(name for name, names in TABLES.items() if "plasticity" in names)
    assert plasticity.endswith(f"| {shown} |")


@pytest.fixture(scope="module")
def changed(tmp_path_factory) -> Path:
    """A copy of the packages in which the recipe was followed, with records beside it."""
    tree = tmp_path_factory.mktemp("tree")
    for package in ("bench", "strategies"):
        shutil.copytree(
            ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    steps = list(STEP.finditer(RECIPE.read_text(encoding="utf-8")))
    assert {step["file"] for step in steps} == {
        "bench/stats/metrics.py", "bench/leaderboards/columns.py"
    }  # fmt: skip
    for step in steps:
        path, line = tree / step["file"], f"{step['line']}\n"
        text = path.read_text(encoding="utf-8")
        assert text.count(line) == 1, f"{step['file']} must have one line {step['line']!r}"
        code = step["code"] + line if step["side"] == "before" else line + step["code"]
        path.write_text(text.replace(line, code), encoding="utf-8")
    worst = [[0.9] * 5] * 4 + [[0.9, 0.25, 0.8, 0.7, 0.6]]
    write(tree / "records", make_runs("naive", matrix=worst))
    for command in (
        ["leaderboard", "--out", "records", "--pages", "pages"],
        ["report", "--out", "records", "--html", "report.html"],
    ):
        subprocess.run(
            [sys.executable, "-m", "bench", *command], cwd=tree, check=True, timeout=120,
            env={**os.environ, "PYTHONPATH": str(tree)}, capture_output=True,
        )  # fmt: skip
    return tree


def test_every_block_of_code_of_the_recipe_is_a_step():
    text = RECIPE.read_text(encoding="utf-8")
    assert text.count("```python") == len(STEP.findall(text)) == 5


def test_the_new_column_is_in_the_markdown_page(changed):
    text = (changed / "pages" / "split-mnist" / "class-20s.md").read_text()
    _, after = text.split("<summary>Learning and forgetting, in percent</summary>\n\n")
    header, _, row = after.splitlines()[:3]
    assert header.endswith(f"| {TITLE} |")
    assert row.endswith("| 25.0 |")


def test_it_is_in_the_csv_table(changed):
    (path,) = (changed / "pages").glob("*/*.csv")
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["worst_accuracy"] for row in rows] == ["0.25"]


def test_it_is_in_the_latex_table(changed):
    (text,) = [path.read_text() for path in (changed / "pages").glob("*/*.tex")]
    assert rf"capacity, \% & {TITLE}, \% &" in text
    assert "& 25.0 &" in text


def test_it_is_on_the_html_page_and_in_the_documentation(changed):
    assert TITLE in (changed / "report.html").read_text()
    text = (changed / "pages" / "COLUMNS.md").read_text()
    assert f"| {TITLE}, % | `worst_accuracy` | least over j of `R[n, j]` | this project |" in text
