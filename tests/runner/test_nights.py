"""Runs on a stream by day and night."""

from __future__ import annotations

import gc
import time
from contextlib import closing

import numpy as np
import pytest
import torch

import toy_tables
from bench.config.budget import Budget
from bench.config.run_config import RunConfig
from bench.config.suite import Suite
from bench.data.tables import load_table
from bench.runner.evaluation import plain
from bench.runner.examiner import Findings
from bench.runner.meter import Meter
from bench.runner.nights import Nights
from bench.runner.ready import build
from bench.runner.run import run
from bench.runner.uncharged_work import UnchargedWork
from bench.study.study import Study
from bench.study.tuning import Tuning
from memory import nothing_of_earlier_tests


@pytest.fixture
def toy(monkeypatch):
    return toy_tables.add(monkeypatch)


def config(strategy: str = "naive", budget: str = "10steps/night", **options) -> RunConfig:
    return RunConfig(
        benchmark=toy_tables.NAME, scenario="domain", model="mlp", strategy=strategy,
        budget=Budget.parse(budget, nights=toy_tables.DAYS), allocation="equal", **options,
    )  # fmt: skip


def found(tmp_path, strategy: str = "naive", **options) -> Findings:
    findings = Findings()
    run(config(strategy, **options), findings, data_root=tmp_path)
    return findings


def test_every_day_is_answered_before_its_night_and_every_month_at_the_end(toy, tmp_path):
    findings = found(tmp_path)
    days, outcome = findings.outcome.days, findings.outcome
    assert len(days.accuracy) == toy_tables.DAYS - 1
    assert sum(days.accuracy[-10:]) / 10 > 0.8 > max(days.floors.values())
    assert [row.count(None) for row in outcome.accuracy] == [2, 0]
    assert outcome.test_samples == [30, 10]
    assert len(findings.weights) == 1
    assert findings.cost.steps["train"] == 10 * toy_tables.DAYS
    assert findings.cost.charged_by_experience == [10 * toy_tables.DAYS]
    assert findings.cost.steps_by_experience == [10 * toy_tables.DAYS]


def test_the_same_seed_answers_the_same(toy, tmp_path):
    first, second, other = (found(tmp_path, repetition=seed) for seed in (0, 0, 1))
    assert first.outcome == second.outcome
    assert first.outcome.days.accuracy != other.outcome.days.accuracy
    assert first.outcome.days.floors == other.outcome.days.floors


@pytest.mark.parametrize("strategy", ["replay", "der++", "ewc", "staged-sleep", "slda"])
def test_strategies_of_every_family_live_by_day_and_night(toy, tmp_path, strategy):
    days = found(tmp_path, strategy).outcome.days
    assert len(days.accuracy) == toy_tables.DAYS - 1


def test_an_upper_bound_answers_every_day_in_hindsight(toy, tmp_path):
    findings = found(tmp_path, "joint", budget="20steps/night")
    assert min(findings.outcome.days.accuracy) > 0.5
    assert sum(findings.outcome.days.accuracy) / (toy_tables.DAYS - 1) > 0.9
    assert not findings.overrun


def test_days_are_charged_to_their_nights(toy, tmp_path):
    findings = found(tmp_path, budget="0.02s/night")
    cost = findings.cost
    assert cost.charged == pytest.approx(sum(cost.seconds_by_kind.values()))
    assert cost.wall_seconds == pytest.approx(cost.charged, rel=0.01)
    assert cost.seconds_by_kind["hooks"] > 0


def test_nothing_of_a_day_to_come_is_in_the_process_that_trains(toy, tmp_path):
    table = load_table("toy", tmp_path)
    features, labels = table.features[-1], table.labels[-50:]

    def known() -> list[torch.Tensor]:
        """Every new tensor, garbage among it, that ends as the inputs or labels of the last day."""
        tensors = [thing for thing in gc.get_objects() if type(thing) is torch.Tensor]
        return [
            thing
            for thing in tensors
            if torch.equal(thing.flatten()[-50:], labels)
            or torch.equal(thing.flatten()[-3:], features)
        ]

    with nothing_of_earlier_tests():
        ready = build(config(), tmp_path, examined=True)
        with closing(ready.room):
            assert known() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation": 0.1}, "validation must be 0 on toy-nights, which holds out a share"),
        ({"augment": ["flip"]}, "augment must be empty on toy-nights, whose rows are no images"),
        ({"allocation": "3,1"}, "allocation must be equal for a budget by the night, got 3,1"),
        ({"benchmarks": ["split-digits"]}, "a budget by the night needs a stream of nights"),
        ({"benchmarks": ["toy-nights?sigma=0.1"]}, "toy-nights has no options, .* got sigma=0.1"),
        ({"scenarios": ["class"]}, "toy-nights must be run in scenario domain, got 'class'"),
    ],
)
def test_what_cannot_be_is_refused_before_the_run(toy, options, message):
    fields = {
        "benchmarks": [toy], "scenarios": ["domain"], "strategies": ["naive"],
        "budget": "0.05s/night",
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        Suite.of(fields | options).configs()


def test_a_budget_by_the_night_is_the_same_run_as_that_of_all_nights(toy):
    fields = {"benchmarks": [toy], "scenarios": ["domain"], "strategies": ["naive"]}
    [by_night] = Suite.of({**fields, "budget": "0.05s/night"}).configs()
    [whole] = Suite.of({**fields, "budget": "2s", "allocation": "equal"}).configs()
    assert by_night == whole
    assert str(by_night.budget) == "2s"


def test_what_nights_left_cannot_be_taken_in_the_last_one():
    meter = Meter(Budget(amount=2.0), [1 / 40] * 40, by_night=True)
    for night in range(40):
        with meter.experience(night):
            time.sleep(0.5 if night == 39 else 0)
    assert meter.spent < meter.budget.amount
    assert meter.overrun


def test_a_thread_that_runs_on_is_found_within_a_month(toy, tmp_path):
    with pytest.raises(
        UnchargedWork, match="threads run on while the clock stands still: moonlight"
    ):
        run(config("rogues:Moonlight"), Findings(), data_root=tmp_path)


def test_work_while_days_are_brought_is_refused(toy, tmp_path):
    ready = build(config(), tmp_path, examined=True)
    with closing(ready.room) as room, pytest.raises(UnchargedWork, match="waiting for its days"):
        Nights(
            ready.benchmark, room.desk, ready.meter, ready.account, ready.strategy, waited=5.0
        ).pass_by()


def test_answers_leave_the_clock_without_code_of_a_strategy():
    class Busy(torch.Tensor):
        pass

    given = plain(torch.ones(2, 3).as_subclass(Busy))
    assert type(given) is np.ndarray
    assert given.dtype == np.float64


def test_a_search_on_such_a_stream_is_refused(toy):
    fields = {"benchmark": toy, "scenario": "domain", "budget": "20steps"}
    study = Study.of({**fields, "strategy": "naive"})
    for refused in (Tuning.of(fields).studies, study.resolved):
        with pytest.raises(ValueError, match="toy-nights has nothing that a search may look at"):
            refused()
