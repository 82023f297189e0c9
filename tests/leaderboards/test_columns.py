"""The list of columns, and the recipe for a new one, followed to the letter in a copy."""

import csv
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import recipe
from bench.leaderboards import columns_page, page
from bench.leaderboards.columns import COLUMNS, TABLES
from bench.ranking.rank import rank
from factories import as_stored, make_runs, write
from html_page import data_text

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "docs" / "how-to" / "add-a-column.md"
STEP = re.compile(
    r"^In `(?P<file>\S+)`, (?P<side>before|after) the line `(?P<line>[^\n]+)`, insert:\n\n"
    r"```python\n(?P<code>.*?)```$",
    re.DOTALL | re.MULTILINE,
)
TITLE = "worst accuracy"
METRICS_TEST = "tests/stats/test_metrics.py"


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


def test_a_column_in_percent_leaves_its_unit_to_the_title_of_its_table_and_no_other_does():
    leaderboard = rank(as_stored(make_runs("naive")))
    stability = COLUMNS["stability"]
    assert stability.heading("learning", leaderboard) == "stability"
    assert stability.heading("cost", leaderboard) == "stability, %"
    seconds = replace(stability, unit="s")
    assert seconds.heading("learning", leaderboard) == "stability, s"


def test_the_documentation_has_every_column_and_the_tables_it_is_in():
    text = columns_page.columns_markdown(page.Folders(Path("records"), Path("pages")))
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(lines) == len(COLUMNS) + 2
    (plasticity,) = [line for line in lines if line.startswith("| plasticity")]
    shown = ", ".join(name for name, names in TABLES.items() if "plasticity" in names)
    assert plasticity.endswith(f"| {shown} |")


def test_every_block_of_code_of_the_recipe_is_a_step():
    text = RECIPE.read_text(encoding="utf-8")
    assert text.count("```") == 2 * len(STEP.findall(text)) == 2 * 9


def follow(step: re.Match[str], tree: Path) -> None:
    """Do a step, unless somebody has done it in these sources before."""
    path, line = tree / step["file"], f"{step['line']}\n"
    text = path.read_text(encoding="utf-8")
    assert text.count(line) == 1, f"{step['file']} must have one line {step['line']!r}"
    before, _, after = text.partition(line)
    above = step["side"] == "before"
    if not (before.endswith(step["code"]) if above else after.startswith(step["code"])):
        code = step["code"] + line if above else line + step["code"]
        path.write_text(before + code + after, encoding="utf-8")


OWN = {
    "    *map(_seconds, KINDS),\n": """    Column(
        name="own", title="own", unit="s", value=lambda row: 7.0, form=numbers(".1f"),
        meaning="a reader's own",
    ),
""",
    '        "backward_transfer", "forward_transfer", "plasticity", "stability",\n': """\
        "own",
""",
}
"""What a reader has added where the recipe says, before its steps are done again."""


@pytest.fixture(scope="module")
def changed(tmp_path_factory) -> Path:
    """A copy of the packages in which the recipe was followed, with records beside it."""
    tree = tmp_path_factory.mktemp("tree")
    for package in ("bench", "strategies"):
        shutil.copytree(
            ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    (tree / METRICS_TEST).parent.mkdir(parents=True)
    shutil.copy2(ROOT / METRICS_TEST, tree / METRICS_TEST)
    columns = tree / "bench/leaderboards/columns.py"
    for line, code in OWN.items():
        assert columns.read_text().count(line) == 1
        columns.write_text(columns.read_text().replace(line, line + code))
    steps = list(STEP.finditer(RECIPE.read_text(encoding="utf-8")))
    files = ["bench/stats/metrics.py", METRICS_TEST, "bench/leaderboards/columns.py"]
    assert list(dict.fromkeys(sorted((s["file"] for s in steps), key=files.index))) == files
    for step in steps:
        follow(step, tree)
    worst = [[0.9] * 5] * 4 + [[0.9, 0.25, 0.8, 0.7, 0.6]]
    write(tree / "records", make_runs("naive", matrix=worst))
    recipe.follow(
        [
            "python -m bench leaderboard --out records --pages pages",
            "python -m bench report --out records --html report.html",
        ],
        tree,
    )
    return tree


def test_the_metric_passes_the_test_of_the_recipe(changed):
    """Without the rest of its file, which imports torch."""
    text = (changed / METRICS_TEST).read_text()
    (matrix,) = re.findall(r"^R = .*$", text, re.MULTILINE)
    (own,) = re.findall(r"^def (test_worst_accuracy\w+)\(\):\n((?:    .*\n)+)", text, re.MULTILINE)
    script = f"import numpy as np\nfrom bench.stats import metrics\n{matrix}\n" + "".join(
        line.removeprefix("    ") for line in own[1].splitlines(keepends=True)
    )
    (changed / "only_it.py").write_text(script)
    assert recipe.follow(["python only_it.py"], changed) == [""]


def test_the_new_column_is_in_the_markdown_page(changed):
    assert row_of(changed, "Learning and forgetting, in percent")[TITLE] == "25.0"


def test_a_column_that_is_no_metric_has_its_unit(changed):
    assert float(row_of(changed, "Cost: charged seconds by kind")["wall clock, s"]) > 0


def row_of(changed: Path, table: str) -> dict[str, str]:
    """The only row of a table of the page, by the heads of its columns."""
    text = (changed / "pages" / "split-mnist" / "class-20s.md").read_text()
    _, after = text.split(f"<summary>{table}</summary>\n\n")
    header, _, row = ([cell.strip() for cell in line.split("|")] for line in after.splitlines()[:3])
    return dict(zip(header, row, strict=True))


def test_it_is_in_the_csv_table(changed):
    (path,) = (changed / "pages").glob("*/*.csv")
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["worst_accuracy"] for row in rows] == ["0.25"]


def test_it_is_in_the_latex_table(changed):
    (text,) = [path.read_text() for path in (changed / "pages").glob("*/*.tex")]
    assert rf"& {TITLE}, \% &" in text
    assert "& 25.0 &" in text


def test_it_is_on_the_html_page_and_in_the_documentation(changed):
    assert TITLE in data_text((changed / "report.html").read_text())
    text = (changed / "pages" / "COLUMNS.md").read_text()
    assert f"| {TITLE}, % | `worst_accuracy` | least over j of `R[n, j]` | this project |" in text
