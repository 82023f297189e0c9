"""Minibatches that cannot be trained on are refused before the run, in a sentence."""

from __future__ import annotations

import pytest

from bench.config.budget import Budget
from bench.config.run_config import RunConfig
from bench.runner.ready import build

BALANCED = ("joint", "cumulative", "gdumb", "avalanche.training.supervised:Cumulative")


def config(strategy: str, batch_size: int, *, scenario="task", model="mlp") -> RunConfig:
    return RunConfig(
        benchmark="split-digits", scenario=scenario, model=model, strategy=strategy,
        budget=Budget.parse("10steps"), hyperparameters={"batch_size": batch_size},
    )  # fmt: skip


@pytest.mark.parametrize("strategy", BALANCED)
def test_minibatches_of_every_task_are_as_large_as_there_are_tasks(strategy):
    with pytest.raises(ValueError, match=r"batch_size must be at least 5 for .* got 4"):
        build(config(strategy, 4), None)
    assert build(config(strategy, 5), None).strategy.train_mb_size == 5
    assert build(config(strategy, 4, scenario="class"), None).strategy.train_mb_size == 4


@pytest.mark.parametrize("model", ["own:normalised_model", "resnet18-slim"])
@pytest.mark.parametrize("scenario", ["task", "class"])
def test_one_example_at_the_end_of_an_epoch_is_refused_where_it_is_normalised(model, scenario):
    with pytest.raises(ValueError, match=r"must leave no minibatch of one example, which .* got 1"):
        build(config("naive", 1, scenario=scenario, model=model), None)
    build(config("naive", 64, scenario=scenario, model=model), None)
    build(config("naive", 1, scenario=scenario), None)  # nothing is normalised
