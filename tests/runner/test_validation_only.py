"""Runs that never look at the test stream, and runs that are asked to end."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from bench.config.budget import Budget
from bench.config.run_config import RunConfig
from bench.executor.executor import Executor
from bench.executor.listener import Listener
from bench.executor.messages import STOPPED
from bench.ranking.admission import read
from bench.records.store import Store
from bench.runner import room
from bench.runner.examiner import Findings
from bench.runner.run import run
from factories import make_record


def config(strategy: str = "naive", budget: str = "20steps", **options) -> RunConfig:
    fields = {"validation": 0.2, "validation_only": True, **options}
    return RunConfig(
        benchmark="split-digits", scenario="class", model="mlp", strategy=strategy,
        budget=Budget.parse(budget), **fields,
    )  # fmt: skip


def test_a_run_on_validation_only_is_judged_on_what_was_held_out_and_tests_nothing(monkeypatch):
    asked = []

    def questions(stream, *args, **options):
        asked.append(stream[0].origin_stream.name)
        return original(stream, *args, **options)

    original = room.questions
    monkeypatch.setattr(room, "questions", questions)
    findings = Findings()
    run(config(), findings)
    assert set(asked) == {"valid"}
    outcome = findings.outcome
    assert {value for row in outcome.accuracy for value in row} == {None}
    assert outcome.accuracy_task_aware is None
    assert None not in outcome.validation[-1]
    last = sum(outcome.validation[-1]) / 5
    assert outcome.curve[-1][1] == pytest.approx(last)


def test_a_run_on_validation_only_needs_something_to_look_at():
    with pytest.raises(
        ValidationError, match="validation must be above 0 for a run on validation only, got 0"
    ):
        config(validation=0.0)


def test_a_run_may_see_the_first_experiences_alone_and_they_are_those_of_the_whole_stream():
    part, whole = Findings(), Findings()
    # 8 steps for two are as many for each as 20 for five
    run(config(budget="8steps", experiences=2, allocation="equal"), part)
    run(config(allocation="equal"), whole)
    assert len(part.outcome.validation) == len(part.weights) == 2
    assert part.outcome.test_samples == whole.outcome.test_samples[:2]
    assert part.cost.charged_by_experience == whole.cost.charged_by_experience[:2]
    seen = [row[:2] for row in whole.outcome.validation[:2]]
    assert part.outcome.validation[0][0] == seen[0][0]
    assert part.outcome.validation[1] == seen[1]


def test_a_part_of_the_stream_is_for_runs_on_validation_only_and_within_it():
    with pytest.raises(ValidationError, match="experiences are for runs on validation only"):
        config(experiences=2, validation_only=False)
    with pytest.raises(ValueError, match=r"experiences of split-digits must be in \[1, 5\], got 6"):
        run(config(experiences=6), Findings())
    assert config(experiences=2).digest != config().digest


def test_what_looks_at_the_test_stream_keeps_the_digest_that_it_had():
    assert config(validation_only=False, validation=0.0).digest == (
        RunConfig.model_validate(
            config(validation_only=False, validation=0.0).model_dump(
                exclude={"validation_only", "search_charged", "experiences"}
            )
        ).digest
    )
    assert config().digest != config(validation_only=False).digest


@pytest.mark.parametrize("status", ["ok", "error"])
def test_no_run_on_validation_only_is_ever_ranked(tmp_path, status):
    store = Store(tmp_path)
    store.write(make_record(status=status, validation_only=True, validation=0.1))
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
