"""The recipes of data in `docs/how-to/` are followed to the letter, each in a folder of its own."""

from __future__ import annotations

import csv
import re
import runpy
import shlex
import shutil
from pathlib import Path

from bench.records.store import Store
from command_line import run
from recipe import ROOT, blocks, commands, follow

ENTRY = re.compile(r'^    "stripes": DataSet\(\n.*?^    \),\n', re.MULTILINE | re.DOTALL)


def texts(page: str, language: str, file: str = "") -> list[str]:
    """The blocks of a page in a language that are, or are not, a file."""
    return [b.text for b in blocks(page) if (b.language, b.file) == (language, file)]


def test_an_own_model_and_an_own_benchmark_run_as_the_page_says(tmp_path, monkeypatch):
    page = "own-model-and-benchmark.md"
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    model, benchmark = texts(page, "python")
    Path("my_model.py").write_text(model)
    Path("my_benchmark.py").write_text(benchmark)
    for command in commands(page):
        assert command.startswith("python -m bench ")
        run(*command.split()[3:])
    stored, damaged = Store(tmp_path / "runs").read()
    found = {(item.record.config.benchmark, item.record.config.model) for item in stored}
    assert found == {
        ("split-digits", "my_model:make_model"),
        ("my_benchmark:make_benchmark", "mlp"),
    }
    assert damaged == []


def test_an_own_table_runs_as_the_page_says(tmp_path, monkeypatch):
    page = "day-and-night.md"
    monkeypatch.chdir(tmp_path)
    [make] = texts(page, "python")
    Path("make.py").write_text(make)
    runpy.run_path("make.py")
    for command in [line for line in commands(page) if "csv:" in line]:
        run(*shlex.split(command)[3:])
    for out, numbers in (("runs/desk", False), ("runs/yield", True)):
        stored, damaged = Store(tmp_path / out).read()
        assert {item.record.config.strategy for item in stored} == {"naive", "der++"}
        assert {item.record.config.budget.amount for item in stored} == {2.0}
        days = [item.record.outcome.days for item in stored]
        assert all((one.losses is not None) == numbers for one in days)
        assert damaged == []


def test_a_data_set_is_added_in_one_file_as_the_page_says(tmp_path):
    """Both readers and the frozen value in one process: `own` is what `my_module` reads."""
    for package in ("bench", "strategies"):
        shutil.copytree(ROOT / package, tmp_path / package)
    page = "add-a-data-set.md"
    for name in ("make_stripes.py", "my_module.py"):
        (tmp_path / name).write_text(*texts(page, "python", name))
    make, listed, ran, joint, pages = commands(page)
    # the page says where the data lie, whatever the variable of the reader says
    elsewhere = {"SLEEPBENCH_DATA": str(tmp_path / "elsewhere")}
    (md5,) = follow([make], tmp_path, **elsewhere)
    [entry], [frozen] = texts(page, "python"), texts(page, "text")
    entry = entry.replace("MD5", md5.strip())
    own = entry.replace('"stripes"', '"own"').replace("bench.data.readers:arrays", "my_module:read")
    add(tmp_path / "bench/config/datasets.py", '\n}\n"""Every data set', f"\n{entry}{own}", ENTRY)
    add(tmp_path / "bench/config/reference_values.py", '\n}\n"""Accuracy of', f"\n{frozen}")
    (tmp_path / "asked.py").write_text(
        "from bench.config.reference_values import frozen_joint\n"
        "print(frozen_joint('split-stripes', '1.0', 'class', '1s'))\n"
    )
    lines = [
        listed,
        ran,
        joint,
        pages,
        ran.replace("split-stripes", "split-own"),
        "python asked.py",
    ]
    said = follow(lines, tmp_path, **elsewhere)
    assert "stripes in 2 experiences of 2 directions" in said[0]
    assert said[5] == "1.0\n"
    records = [item.record for item in Store(tmp_path / "runs").read()[0]]
    first, second = (
        next(r for r in records if (r.config.benchmark, r.config.strategy) == (name, "naive"))
        for name in ("split-stripes", "split-own")
    )
    assert (first.status, first.outcome.test_samples) == ("ok", [10, 10])
    assert second.environment.data_hash == first.environment.data_hash
    assert [r.config.repetition for r in records if r.config.strategy == "joint"] == [*range(5)]
    [table] = [line for line in said[3].splitlines() if line.endswith(".csv")]
    with (tmp_path / table).open(newline="") as csv_lines:
        [row] = csv.DictReader(csv_lines)
    assert (row["strategy"], row["accuracy"]) == ("joint", "1.0")


def add(file: Path, end: str, entry: str, known: re.Pattern[str] | None = None) -> None:
    """Add an entry before the end of a mapping, in which somebody may have added it before."""
    text = known.sub("", file.read_text()) if known else file.read_text()
    assert text.count(end) == 1
    file.write_text(text.replace(end, entry.rstrip("\n") + end))
