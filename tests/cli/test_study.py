"""`python -m bench study` with real runs, on the steps clock."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from typer.testing import CliRunner

from bench.cli.app import app
from bench.config.suite import Suite
from bench.executor.processes import fork_server
from bench.records.store import Store
from bench.study.folder import Folder
from bench.study.storage import open_index, open_storage
from command_line import bench, family, run, usage_error

SMALL = [
    "study", "--strategy", "iterative-prune-budgeted", "--budget", "20steps",
    "--set", "importance=magnitude", "--set", "rewind=none", "--set", "scope=layer",
]  # fmt: skip
SLOW = ["study", "--strategy", "rogues:Slow", "--space", "learning_rate=0.001:0.1:log",
        "--budget", "30steps"]  # fmt: skip


def wait_for_records(folder: Path, count: int) -> None:
    records, deadline = Store(folder / "records"), time.monotonic() + 300
    while len(list(records.paths())) < count and time.monotonic() < deadline:
        time.sleep(0.05)


def states(folder: Path) -> list[str]:
    place = Folder(folder)
    index = open_index(place.study(), open_storage(str(place.journal)))
    return [trial.state.name for trial in index.get_trials()]


def test_a_study_from_search_to_the_test_stream(tmp_path):
    out, suite = str(tmp_path / "study"), str(tmp_path / "found.toml")
    output = run(*SMALL, "--trials", "2", "--out", out, "--log", "csv")
    assert "rounds: whole numbers from 1 to 32, log scale (default 5)" in output
    assert "The search charged 40 steps in all" in output
    output = run(*SMALL, "--trials", "4", "--out", out)
    assert output.count("accuracy ") - output.count("objective") >= 2
    assert len(list(Store(tmp_path / "study" / "records").paths())) == 4
    assert states(tmp_path / "study") == ["COMPLETE"] * 4
    assert (tmp_path / "study" / "front.png").exists()
    assert len(list((tmp_path / "study" / "logs" / "csv").rglob("*.csv"))) == 2
    run("study", "export", suite, "--out", out, "--seeds", "1", "--most", "1")
    run("run", "--suite", suite, "--out", str(tmp_path / "runs"))
    default, found = sorted(
        (item.record for item in Store(tmp_path / "runs").read()[0]),
        key=lambda record: record.config.search_charged,
    )
    assert found.config.search_charged == 80
    assert None not in found.outcome.accuracy[-1]
    assert default.config.search_charged == 0
    assert len(Suite.read(Path(suite)).configs()) == 2


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc to find the process tree")
def test_kill_9_loses_at_most_the_running_trials(tmp_path):
    process = bench(*SLOW, "--trials", "4", "--out", str(tmp_path))
    wait_for_records(tmp_path, 2)
    for pid in family(process.pid):
        with suppress(ProcessLookupError):  # it may have ended since it was listed
            os.kill(pid, signal.SIGKILL)
    process.communicate()
    records = Store(tmp_path / "records")
    kept = {path: path.stat().st_mtime_ns for path in records.paths()}
    assert 2 <= len(kept) < 4
    run(*SLOW, "--trials", "4", "--out", str(tmp_path))
    after = {path: path.stat().st_mtime_ns for path in records.paths()}
    assert len(after) == 4
    assert kept.items() <= after.items()
    assert sorted(states(tmp_path)) in (["COMPLETE"] * 4, ["COMPLETE"] * 4 + ["FAIL"])


def test_two_processes_on_one_storage_make_no_trial_twice(tmp_path):
    fork_server(threads=1)  # so that this one begins while the other is at work
    command = [*SLOW, "--trials", "6", "--out", str(tmp_path)]
    other = bench(*command)
    wait_for_records(tmp_path, 1)
    outputs = [run(*command), other.communicate()[0]]
    assert other.returncode == 0, outputs
    assert states(tmp_path) == ["COMPLETE"] * 6
    records = [item.record for item in Store(tmp_path / "records").read()[0]]
    assert len({record.digest for record in records}) == len(records) == 6
    assert all(output.count("accuracy ") > 1 for output in outputs)  # both did some


def test_hyperband_stops_trials_and_their_cost_is_counted(tmp_path):
    run(
        "study", "--strategy", "rogues:Slow", "--space", "learning_rate=1e-6:0.1:log",
        "--objective", "accuracy", "--pruner", "hyperband", "--scenario", "class",
        "--budget", "25steps", "--trials", "8", "--out", str(tmp_path),
    )  # fmt: skip
    stopped = [t for t in Folder(tmp_path).trials()[0] if t.state == "stopped"]
    assert len(stopped) == states(tmp_path).count("PRUNED") > 0
    assert all(0 < trial.charged < 25 for trial in stopped)


def test_the_same_study_is_searched_on_each_benchmark_and_goes_on(tmp_path):
    digits = load_digits()
    images, out = digits.images.astype("uint8"), tmp_path / "both"
    x, y = {"x_train": images, "x_test": images[:200]}, digits.target
    np.savez(tmp_path / "own.npz", **x, y_train=y, y_test=y[:200])
    names = f"split-digits,npz:{tmp_path / 'own.npz'}"
    run(*SMALL, "--benchmarks", names, "--trials", "1", "--out", str(out))
    output = run(*SMALL, "--benchmarks", names, "--trials", "2", "--out", str(out))
    assert output.count("Trials: 2 (2 done).") == 2
    assert "finished trials are missing on split-digits, task." in output
    folders = [path.parent for path in sorted(out.glob("*/study.toml"))]
    assert [states(folder) for folder in folders] == [["COMPLETE"] * 2] * 2
    assert {Folder(folder).study().benchmark for folder in folders} == set(names.split(","))
    assert "across tasks" in (out / "README.md").read_text()
    other = ["study", "--strategy", "ewc", "--benchmarks", names, "--out", str(tmp_path / "ewc")]
    refused = CliRunner().invoke(app, other)
    assert "must search rounds over one range, got None and None" in str(refused.exception)
    assert not list((tmp_path / "ewc").rglob("*.json"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "must hold a study, got no study.toml there"),
        (["--strategy", "ewcc"], "unknown strategy 'ewcc'; did you mean 'ewc'?"),
        (["--strategy", "naive"], "naive has nothing to search; give a range"),
        (["--strategy", "ewc", "--space", "ewc_lamda=1:2"], "did you mean 'ewc_lambda'?"),
        (["--strategy", "ewc", "--space", "ewc_lambda=9:2"], "must go from low to high, got 9"),
        (
            ["--strategy", "ewc", "--sampler", "tpee"],
            "sampler must be 'tpe', 'gp', 'nsgaii', 'random' or 'grid'",
        ),
        (["--strategy", "ewc", "--pruner", "hyperband"], "needs one objective"),
        (["--strategy", "ewc", "--objective", "speed"], "objective must be"),
        (
            ["--strategy", "ewc", "--total-budget", "5s"],
            "total_budget must hold a trial or more, got 5s",
        ),
        (["--strategy", "ewc", "--study", "x.toml"], "--study declares every run: --strategy"),
        (
            ["--strategy", "ewc", "--benchmarks", "mnist"],
            "--benchmarks must be two or more, as a,b",
        ),
        (["--strategy", "ewc", "--benchmarks", "split-digits,mnits"], "did you mean 'mnist'?"),
        (
            ["--strategy", "ewc", "--benchmarks", "a,b", "--benchmark", "a"],
            "--benchmark cannot be given beside it",
        ),
        (
            ["--strategy", "ewc", "--benchmarks", "a,b", "--storage", "sqlite:///x"],
            "--storage cannot be given with --benchmarks",
        ),
        (["--strategy", "ewc", "--log", "tensorbord"], "did you mean 'tensorboard'?"),
        (["--strategy", "ewc", "--set", "x"], "--set must be name=value, got 'x'"),
        (
            ["--strategy", "packnet-frozen", "--space", "density=0.5:1.5"],
            "the space holds what cannot be built (density=1.5): density must be in (0, 1]",
        ),
    ],
)
def test_wrong_usage_is_one_line_that_says_what_must_be(
    tmp_path, monkeypatch, capsys, arguments, message
):
    out = str(tmp_path / "study")
    error = usage_error(monkeypatch, capsys, "study", "--out", out, *arguments)
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.rglob("*.json"))
    assert not (tmp_path / "study" / "study.toml").exists()


def test_a_password_is_kept_out_of_the_records(tmp_path, monkeypatch, capsys):
    from bench.study import run_study

    seen = []
    monkeypatch.setattr(
        run_study, "run_studies", lambda studies, folders, options, console: [seen.append(options)]
    )
    monkeypatch.setattr(run_study, "show", lambda folder, console: tmp_path)
    url = "postgresql://me:secret@host/db"
    command = ["study", "--strategy", "ewc", "--out", str(tmp_path), "--storage", url]
    monkeypatch.setattr(sys, "argv", ["bench", *command])
    assert CliRunner().invoke(app, command).exit_code == 0
    [options] = seen
    assert options.storage == url
    assert "secret" not in options.command
