from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from strategies.methods.superposition import signed_constant
from toy import toy_benchmark, toy_strategy


def test_weights_have_their_signs_and_the_size_of_he_initialisation():
    weight = torch.tensor([[0.5, -0.1, 0.0, 3.0]])
    size = math.sqrt(2 / 4)
    expected = torch.tensor([[size, -size, size, size]])
    torch.testing.assert_close(signed_constant(weight), expected)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_the_weights_never_move_and_the_masks_differ(optimizer):
    benchmark = toy_benchmark("task", experiences=3)
    chosen = {"density": 0.3, "optimizer": optimizer, "weight_decay": 0.1}
    strategy = toy_strategy("supsup", benchmark, chosen=chosen)
    before = {name: weight.clone() for name, weight in strategy.weights.items()}
    for experience in benchmark.train:
        strategy.train(experience)
    assert all(torch.equal(weight, before[name]) for name, weight in strategy.weights.items())
    for masks in strategy.masks:
        for mask in masks.values():
            assert int(mask.sum()) == round(0.3 * mask.numel())
    first, second, third = (masks["trunk.1.weight"] for masks in strategy.masks)
    assert not torch.equal(first, second)
    assert not torch.equal(second, third)


def test_values_that_cannot_be_are_refused():
    benchmark = toy_benchmark("task")
    with pytest.raises(ValueError, match=r"density must be in \(0, 1\), got 1"):
        toy_strategy("supsup", benchmark, chosen={"density": 1.0})
    with pytest.raises(ValueError, match="score_learning_rate must be above 0, got 0"):
        toy_strategy("supsup", benchmark, chosen={"score_learning_rate": 0.0})


def test_a_model_without_a_layer_to_mask_is_refused():
    benchmark = toy_benchmark("class")
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 4))
    with pytest.raises(ValueError, match="model must have a linear or convolutional layer to mask"):
        toy_strategy("supsup-inferred", benchmark, model=model)


def test_the_mask_takes_the_scores_of_largest_magnitude():
    strategy = toy_strategy("supsup", toy_benchmark("task"), chosen={"density": 0.5})
    strategy.scores = {"layer": torch.tensor([[-3.0, 1.0], [2.0, -0.5]])}
    assert strategy.chosen()["layer"].tolist() == [[True, False], [True, False]]
