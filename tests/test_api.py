"""The Python API: frames from records, runs from a script, and what importing it costs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bench
from bench.ranking.run_table import TYPES
from factories import make_record, write

MATRIX = [[0.9, 0.1, 0.1, 0.1, 0.1]] + [[0.5] * 5] * 3 + [[0.2, 0.4, 0.6, 0.8, 1.0]]


@pytest.fixture
def folder(tmp_path):
    records = [make_record("naive", seed, accuracy=0.4 + seed / 100) for seed in range(3)]
    records += [make_record("replay", seed, accuracy=0.8) for seed in range(3)]
    records += [make_record("replay", 3, status="diverged", reason="weights are not finite")]
    records += [make_record("naive", 3, matrix=MATRIX)]
    write(tmp_path, records)
    return tmp_path


def test_a_frame_has_a_row_a_run_and_the_declared_types(folder):
    frame = bench.load(folder)
    assert len(frame) == 8
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == TYPES
    naive = frame[frame.strategy == "naive"].sort_values("repetition")
    assert naive.accuracy.to_list() == pytest.approx([0.4, 0.41, 0.42, 0.6])
    assert Path(naive.path.iloc[0]).is_file()


def test_a_failed_run_has_its_reason_and_no_accuracy(folder):
    frame = bench.load(folder)
    (failed,) = frame[frame.status == "diverged"].itertuples()
    assert failed.reason == "weights are not finite"
    assert np.isnan(failed.accuracy)
    assert np.isnan(failed.weights)


def test_matrices_come_on_request(folder):
    frame = bench.load(folder, matrices=True)
    row = frame[(frame.strategy == "naive") & (frame.repetition == 3)].iloc[0]
    assert row.accuracy_matrix.tolist() == MATRIX
    assert frame[frame.status == "diverged"].accuracy_matrix.iloc[0] is None


def test_a_damaged_file_is_named_in_a_warning(folder):
    path = next(folder.rglob("*.json"))
    path.write_text(path.read_text().replace("c0ffee", "c0ffef"))
    with pytest.warns(UserWarning, match=rf"1 file left out: .*{path.name}"):
        assert len(bench.load(folder)) == 7


def test_many_files_that_are_no_records_are_one_warning(folder):
    for number in range(200):
        (folder / f"{number:03}.json").write_text("{}")
    with pytest.warns(UserWarning, match="files left out") as warned:
        assert len(bench.load(folder)) == 8
    (warning,) = warned
    assert str(warning.message).startswith("200 files left out: 000.json: not a record")
    assert str(warning.message).endswith("; and 197 more")


def test_a_leaderboard_has_the_columns_of_its_csv_page_best_first(folder):
    from bench.leaderboards.build import build

    (page,) = (p for p in build(folder, folder / "pages") if p.suffix == ".csv")
    frame, written = bench.leaderboard(folder), pd.read_csv(page)
    assert list(frame) == list(written)
    assert frame.strategy.to_list() == written.strategy.to_list()
    assert frame.accuracy.to_list() == written.accuracy.to_list()


def test_strategies_and_folders_are_compared_by_seed(folder):
    frame = bench.compare("naive", "replay", folder=folder, scenario="class")
    accuracy = frame.set_index("score").loc["accuracy"]
    assert accuracy.pairs == 4
    assert accuracy["first"] == pytest.approx(np.mean([0.4, 0.41, 0.42, 0.6]))
    assert bench.compare("naive", "replay", folder, scenario="class").equals(frame)
    same = bench.compare(str(folder), folder)
    assert (same.difference.dropna() == 0).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bench.load("nowhere"), "'nowhere' must be a folder of records"),
        (lambda: bench.load(None), "folder must be the path of a folder, got NoneType"),
        (lambda: bench.leaderboard("."), "there must be records in ., found none"),
        (lambda: bench.load(""), "folder must be the path of a folder, got ''"),
        (lambda: bench.leaderboard(""), "folder must be the path of a folder, got ''"),
        (lambda: bench.leaderboard(".", budget=2), "budget must be a number above 0 with a unit"),
        (lambda: bench.compare("a", "b", folder=""), "folder must be the path of a folder, got ''"),
        (lambda: bench.compare("a", None), "second must be the name of a strategy or the path"),
        (lambda: bench.compare("", "b"), "first must be .*, got ''"),
        (lambda: bench.compare(Path.cwd(), Path("/no")), "both must be folders if one is"),
        (lambda: bench.run(None), "strategy must be the name of a strategy, got NoneType"),
        (lambda: bench.run("naive", out=None), "out must be the path of a folder, got NoneType"),
        (lambda: bench.run("naive", out=""), "out must be the path of a folder, got ''"),
        (lambda: bench.run("naive", data=""), "data must be the path of a folder, got ''"),
        (
            lambda: bench.run("naive", budget=2),
            "budget must be a number above 0 with a unit.*; got",
        ),
        (lambda: bench.run("naive", scenario="klass"), "scenario must be 'task', 'class' or"),
        (lambda: bench.run("naive", strategies="x"), "run takes one strategy, .* given twice"),
        (
            lambda: bench.run("naive", scenarios="task"),
            "run takes one scenario, .* scenario='task'",
        ),
        (lambda: bench.run_suite({"scenarios": "klass"}), "scenarios must be 'task', 'class' or"),
        (lambda: bench.run_suite({"strategies": "niave"}), "did you mean 'naive'"),
        (lambda: bench.run_suite({"strategies": "naive"}, jobs=0), "jobs must be a whole number"),
        (lambda: bench.run_suite(""), "suite must be a Suite, .*, got ''"),
        (lambda: bench.run_suite(None), "suite must be a Suite, .* a TOML file, got NoneType"),
        (lambda: bench.run("niave"), "did you mean 'naive'"),
        (lambda: bench.run("naive", benchmrak="split-digits"), "did you mean 'benchmark'"),
        (lambda: bench.run("naive", seeds=3), "these conditions make 3: take run_suite"),
        (lambda: bench.run_suite("nowhere.toml"), "nowhere.toml cannot be read"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(call, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        call()
    assert list(tmp_path.iterdir()) == []


def test_a_plain_script_runs_and_resumes(tmp_path):
    """Without `if __name__ == "__main__"`: a run never executes the caller's script again."""
    script = tmp_path / "script.py"
    script.write_text(
        "import bench\n"
        "print('once')\n"
        "row = bench.run('naive', budget='20steps', out='runs')\n"
        "print(row.status, row.charged)\n"
    )
    command = [sys.executable, str(script)]
    for _ in range(2):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert done.stdout.count("once") == 1
        assert "ok 1.0" in done.stdout
    assert len(list(tmp_path.rglob("*.json"))) == 1


def test_importing_the_package_imports_nothing_heavy():
    heavy = "torch", "avalanche", "pandas", "scipy", "numpy", "pydantic", "optuna"
    code = f"import bench, sys; print([name for name in {heavy} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_every_public_name_is_there_and_documented():
    assert dir(bench) == bench.__all__
    for name in bench.__all__:
        assert getattr(bench, name).__doc__, name
    with pytest.raises(AttributeError, match="has no attribute 'rank'"):
        _ = bench.rank


@pytest.mark.parametrize(("name", "records"), [("quickstart", 7), ("overnight", 12)])
def test_the_notebooks_run(tmp_path, name, records):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    path = Path(__file__).parents[1] / "examples" / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "commit it without outputs"
    client = nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute(env={**os.environ, "PYTHONPATH": str(path.parents[1])})
    assert len(list((tmp_path / "runs").rglob("*.json"))) == records
