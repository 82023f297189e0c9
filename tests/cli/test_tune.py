"""`python -m bench tune` with real runs, on the steps clock."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from bench.config.suite import Suite
from bench.records.store import Store
from command_line import run, usage_error

SMALL = ["tune", "--strategy", "naive,ewc", "--scenario", "class", "--budget", "20steps"]


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """A folder with two tuned strategies; the second call goes on where the first ended."""
    root = tmp_path_factory.mktemp("tuned")
    for trials in ("2", "3"):
        place = ["--out", str(root / "trials"), "--suite", str(root / "suite.toml")]
        (root / "output.txt").write_text(run(*SMALL, "--trials", trials, *place, "--log", "csv"))
    return root


def test_every_strategy_has_as_many_trials_the_first_at_its_defaults(tuned):
    for name in ("naive", "ewc"):
        stored, damaged = Store(tuned / "trials" / name / "records").read()
        assert not damaged
        assert len(stored) == 3
        first = min((item.record for item in stored), key=lambda r: r.environment.started)
        shared = {"learning_rate": 0.05, "optimizer": "sgd", "batch_size": 128}
        assert first.config.hyperparameters.items() >= shared.items()
        assert {item.record.config.base_seed for item in stored} == {1}
        assert all(item.record.config.validation_only for item in stored)


def test_each_search_logs_its_trials_beside_them(tuned):
    for name in ("naive", "ewc"):
        assert len(list((tuned / "trials" / name / "logs" / "csv").rglob("*.csv"))) == 3


def test_the_suite_has_the_best_point_of_each_and_what_its_search_charged(tuned):
    suite = Suite.read(tuned / "suite.toml")
    assert suite.tuned is not None
    assert suite.tuned.charged == pytest.approx({"naive": 60.0, "ewc": 60.0}, abs=40)
    configs = suite.configs()
    assert len(configs) == 2 * 10
    assert {config.base_seed for config in configs} == {0}
    assert {config.search_charged for config in configs} == set(suite.tuned.charged.values())


def test_the_page_says_what_was_found(tuned):
    page = (tuned / "trials" / "README.md").read_text()
    assert page.count("| naive | 3 |") == page.count("| ewc | 3 |") == 1
    assert "judged by its score on 10 % of the training data" in page
    stored, _ = Store(tuned / "trials" / "naive" / "records").read()
    times = [item.record.environment for item in stored]
    taken = sum((one.ended - one.started).total_seconds() for one in times) / 3600
    row = next(line for line in page.splitlines() if line.startswith("| naive |"))
    assert row.split(" | ")[8] == f"{taken:.3g}"
    assert "![What each search had found after each trial" in page
    svg = (tuned / "trials" / "history.svg").read_text()
    assert f"{taken:.3g} core-hours" in svg
    assert "ewc" in svg


def test_the_cost_is_told_before_a_search_begins(tuned):
    told = (tuned / "output.txt").read_text()  # of the second call, after two trials of each
    assert "6 trials: 4 done, 2 to go, which charge at most 40 steps\n" in told


def test_a_tuned_suite_with_another_budget_is_refused(tuned, monkeypatch, capsys):
    text = (tuned / "suite.toml").read_text()
    other = tuned / "other.toml"
    other.write_text(text.replace('budget = "20steps"', 'budget = "30steps"', 1))
    told = usage_error(
        monkeypatch, capsys, "run", "--suite", str(other), "--out", str(tuned / "runs")
    )
    assert "budget must be 20steps, which this suite was tuned for, got 30steps" in told


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--strategy", "packnet-frozen", "--scenario", "class"], "packnet-frozen cannot do"),
        (["--strategy", "nave"], "did you mean 'naive'"),
        (["--benchmark", "permuted-mnist", "--scenario", "class"], "permuted-mnist must be run in"),
        (["--base-seed", "0"], "base-seed must be"),
    ],
)
def test_what_cannot_be_tuned_is_refused(options, told, monkeypatch, capsys):
    assert told in usage_error(monkeypatch, capsys, "tune", *options)


def test_a_killed_tuning_goes_on_with_nothing_lost_and_no_trial_made_twice(tmp_path):
    options = [*SMALL, "--trials", "3", "--out", str(tmp_path), "--suite", str(tmp_path / "s.toml")]
    with subprocess.Popen(
        [sys.executable, "-m", "bench", *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as first:
        until = time.monotonic() + 240
        while len(records_of(tmp_path / "ewc")) < 1 and time.monotonic() < until:
            assert first.poll() is None
            time.sleep(0.02)
        first.kill()  # SIGKILL, with a trial of the second strategy done and the next one begun
    before = records_of(tmp_path / "naive") | records_of(tmp_path / "ewc")
    assert len(before) >= 4
    output = run(*options)
    assert f"6 trials: {len(before)} done, {6 - len(before)} to go, which charge at most" in output
    for name in ("naive", "ewc"):
        stored, _ = Store(tmp_path / name / "records").read()
        points = {str(sorted(item.record.config.hyperparameters.items())) for item in stored}
        assert len(stored) == len(points) == 3
    after = records_of(tmp_path / "naive") | records_of(tmp_path / "ewc")
    assert after.items() >= before.items()


def records_of(folder):
    return {path: path.read_bytes() for path in (folder / "records").rglob("*.json")}
