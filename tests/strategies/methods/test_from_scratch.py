from __future__ import annotations

import copy

import pytest
import torch
from avalanche.models import IncrementalClassifier
from torch import nn

from strategies import weights_in_use
from toy import SHAPE, toy_benchmark, toy_model, toy_strategy


def normalised(scenario: str):
    """The toy's model with batch normalisation below its head."""
    model = toy_model(toy_benchmark(scenario))
    layers = model.trunk if scenario == "task" else model
    layers[0] = nn.Sequential(nn.BatchNorm2d(SHAPE[0]), nn.Flatten())
    return model


@pytest.mark.parametrize("scenario", ["task", "class", "domain"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_the_last_experience_is_learned_as_if_it_were_the_only_one(scenario, optimizer):
    states = []
    for first in (0, 1):
        benchmark = toy_benchmark(scenario)
        chosen = {"optimizer": optimizer}
        strategy = toy_strategy(
            "from-scratch", benchmark, model=normalised(scenario), chosen=chosen
        )
        for experience in benchmark.train[first:]:
            torch.manual_seed(3)
            strategy.train(experience)
        states.append(strategy.model.state_dict())
    assert all(torch.equal(states[1][name], value) for name, value in states[0].items())


def test_rows_of_a_head_that_has_grown_begin_again():
    benchmark = toy_benchmark("class")
    model = nn.Sequential(nn.Flatten(), IncrementalClassifier(36, initial_out_features=2))
    strategy = toy_strategy("from-scratch", benchmark, model=model, epochs=1)
    start = copy.deepcopy(model.state_dict())["1.classifier.weight"]
    strategy.train(benchmark.train[0])
    assert not torch.equal(model[1].classifier.weight[:2], start)
    strategy.train_epochs = 0
    strategy.train(benchmark.train[1])
    assert model[1].classifier.weight.shape == (4, 36)
    assert torch.equal(model[1].classifier.weight[:2], start)


def test_only_the_start_is_kept():
    benchmark = toy_benchmark("class")
    strategy = toy_strategy("from-scratch", benchmark)
    for experience in benchmark.train:
        strategy.train(experience)
    model_bytes = sum(p.numel() * 4 for p in strategy.model.parameters())
    assert weights_in_use(strategy).buffer_bytes == model_bytes
