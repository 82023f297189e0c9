"""Runs that never look at the test stream, and runs that are asked to end."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from bench import bookkeeping
from bench.bookkeeping import Findings
from bench.budgets import Budget
from bench.config import RunConfig
from bench.execute import Executor, Listener
from bench.leaderboards import read
from bench.messages import STOPPED
from bench.records import Store
from bench.run import run
from factories import make_record


def config(strategy: str = "naive", budget: str = "20steps", **options) -> RunConfig:
    fields = {"validation": 0.2, "blind": True, **options}
    return RunConfig(
        benchmark="split-digits", scenario="class", model="mlp", strategy=strategy,
        budget=Budget.parse(budget), **fields,
    )  # fmt: skip


def test_a_blind_run_is_judged_on_what_was_held_out_and_tests_nothing(monkeypatch):
    evaluated = []

    def evaluate(strategy, stream):
        evaluated.append(stream[0].origin_stream.name)
        return original(strategy, stream)

    original = bookkeeping.evaluate
    monkeypatch.setattr(bookkeeping, "evaluate", evaluate)
    findings = Findings()
    run(config(), findings)
    assert set(evaluated) == {"valid"}
    outcome = findings.outcome
    assert {value for row in outcome.accuracy for value in row} == {None}
    assert outcome.accuracy_task_aware is None
    assert None not in outcome.validation[-1]
    last = sum(outcome.validation[-1]) / 5
    assert outcome.curve[-1][1] == pytest.approx(last)


def test_a_blind_run_needs_something_to_look_at():
    with pytest.raises(ValidationError, match="validation must be above 0 for a blind run, got 0"):
        config(validation=0.0)


def test_what_is_not_blind_keeps_the_digest_that_it_had():
    assert config(blind=False, validation=0.0).digest == (
        RunConfig.model_validate(
            config(blind=False, validation=0.0).model_dump(exclude={"blind", "search_charged"})
        ).digest
    )
    assert config().digest != config(blind=False).digest


@pytest.mark.parametrize("status", ["ok", "error"])
def test_no_blind_run_is_ever_ranked(tmp_path, status):
    store = Store(tmp_path)
    store.write(make_record(status=status, blind=True, validation=0.1))
    evidence = read(tmp_path)
    assert not evidence.stored
    [why] = evidence.damaged.values()
    assert "never looked at the test stream" in why


def test_a_run_that_is_asked_to_end_tells_what_it_reached_and_spent(tmp_path):
    executor = Executor(Store(tmp_path))
    asked = config("rogues:Slow", "200steps")

    class StopAfterOne(Listener):
        def progressed(self, config, progress):
            if progress.experience:
                executor.stop(config)

    [record] = executor.run([asked], StopAfterOne())
    assert (record.status, record.reason) == ("killed", STOPPED)
    assert 40 < record.cost.charged < 200
    assert None not in record.outcome.validation[0]
