"""Rows run again on the steps clock."""

from __future__ import annotations

import dataclasses

import pytest
from typer.testing import CliRunner

from bench.cli.app import app
from bench.config.budget import Budget
from bench.config.run_config import RunConfig
from bench.executor.executor import Executor
from bench.executor.verdict import MOST_KILLS
from bench.leaderboards import rerun
from bench.records.by_day import Days
from bench.records.store import Store
from factories import as_stored, make_record, make_runs, write


def row_of(tmp_path, strategy: str, budget: Budget, scenario: str = "class"):
    """The row of a run; of another seed where a busy machine made so short a run overdraw."""
    config = RunConfig(
        benchmark="split-digits", scenario=scenario, model="mlp", strategy=strategy, budget=budget
    )
    for seed in range(MOST_KILLS):
        own = config.model_copy(update={"repetition": seed})
        [record] = Executor(Store(tmp_path)).run([own])
        if record.status == "ok":
            break
    return rerun.choose(Store(tmp_path).read()[0], strategy)


def again(row, tmp_path):
    (found,) = rerun.rerun(row, jobs=1, data_root=tmp_path, command="")
    return found


@pytest.mark.parametrize(("strategy", "scenario"), [("packnet-frozen", "task"), ("naive", "class")])
def test_a_row_of_the_steps_clock_gives_the_same_matrix(tmp_path, strategy, scenario):
    found = again(row_of(tmp_path, strategy, Budget.parse("60steps"), scenario), tmp_path)
    assert found.most == 0
    assert found.ok
    assert found.now.outcome.accuracy == found.then.outcome.accuracy
    assert found.sentence().endswith(": the same matrix")


@pytest.mark.parametrize("strategy", ["naive", "replay", "joint"])
def test_a_timed_row_whose_strategy_never_saw_the_clock_gives_the_same_matrix(tmp_path, strategy):
    found = again(row_of(tmp_path, strategy, Budget.parse("0.4s", "cpu")), tmp_path)
    assert found.then.config.budget.clock == "cpu"
    assert found.now.cost.steps_by_experience == found.then.cost.steps_by_experience
    assert found.most == 0
    assert found.now.outcome.accuracy == found.then.outcome.accuracy


def test_a_timed_row_with_nights_by_progress_is_run_and_not_judged(tmp_path):
    found = again(row_of(tmp_path, "packnet-frozen", Budget.parse("0.4s", "cpu"), "task"), tmp_path)
    assert sum(found.now.cost.steps.values()) == sum(found.then.cost.steps.values())
    assert found.most is None
    assert "not judged" in found.sentence()


def test_a_forged_accuracy_is_found(tmp_path):
    found = again(row_of(tmp_path, "naive", Budget.parse("60steps")), tmp_path)
    outcome = found.then.outcome
    last = [value + 0.001 for value in outcome.accuracy[-1]]
    forged = outcome.model_copy(update={"accuracy": [*outcome.accuracy[:-1], last]})
    other = dataclasses.replace(found, then=found.then.model_copy(update={"outcome": forged}))
    assert not other.ok
    assert "MORE THAN 0 points" in other.sentence()


def test_forged_weights_are_found(tmp_path):
    found = again(row_of(tmp_path, "naive", Budget.parse("60steps")), tmp_path)
    *before, last = found.then.weights
    fewer = last.model_copy(update={"used": last.used // 10, "used_prunable": last.used // 20})
    then = found.then.model_copy(update={"weights": [*before, fewer]})
    other = dataclasses.replace(found, then=then)
    assert found.ok
    assert not other.ok
    assert other.sentence() == f"seed 0: weights in use {fewer.used:,} then, {last.used:,} NOW"


def test_records_without_steps_by_experience_cannot_be_repeated():
    record = make_record()
    old = record.model_copy(
        update={"cost": record.cost.model_copy(update={"steps_by_experience": None})}
    )
    assert rerun.repeats(record, sees_clock=False)
    assert not rerun.repeats(record, sees_clock=True)
    assert not rerun.repeats(old, sees_clock=False)
    assert rerun.on_steps(record, sees_clock=False).allocation == "20,20,20,20,20"
    assert rerun.on_steps(old, sees_clock=False).allocation == "samples"


def test_nights_by_the_clock_cannot_be_repeated():
    record = make_record()
    days = Days(accuracy=[0.6], floors={"majority": 0.5})
    nights = record.model_copy(update={"outcome": record.outcome.model_copy(update={"days": days})})
    assert rerun.repeats(record, sees_clock=False)
    assert not rerun.repeats(nights, sees_clock=False)
    assert rerun.repeats(nights.model_copy(update={"ranked": False}), sees_clock=False)


def test_a_row_must_be_of_one_leaderboard():
    stored = as_stored([*make_runs(), *make_runs(scenario="task")])
    with pytest.raises(ValueError, match=r"'naive' is in: .*class.*task.* choose with --benchmark"):
        rerun.choose(stored, "naive")
    with pytest.raises(ValueError, match="'nive' is in: none"):
        rerun.choose(stored, "nive")
    stored = as_stored([*make_runs(), *make_runs(cpu="other")])
    with pytest.raises(ValueError, match="machine differs: "):
        rerun.choose(stored, "naive")


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("diverged", 1)])
def test_the_command_runs_the_row_and_ends_by_what_came_out(tmp_path, monkeypatch, status, code):
    write(tmp_path / "records", [*make_runs(), *make_runs(scenario="task")])
    chosen = []

    def run(row, **_):
        chosen.append(row)
        then = make_record()
        return [rerun.Rerun(then, make_record(status=status), 0.0)]

    monkeypatch.setattr(rerun, "rerun", run)
    command = ["verify", "--rerun", "naive", "--scenario", "class", "--pages", str(tmp_path)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == code
    assert result.output.startswith("seed 0: ")
    assert [len(row.runs) for row in chosen] == [5]
