"""What WSN ranks, what its scores learn, and what it carries on."""

from __future__ import annotations

import torch

from strategies.subnetworks.learned_masks import straight_through
from toy import toy_benchmark, toy_strategy


def test_the_mask_takes_the_scores_of_largest_magnitude():
    strategy = toy_strategy("wsn", toy_benchmark("task"), chosen={"density": 0.5})
    strategy.scores = {"layer": torch.tensor([[-3.0, 1.0], [2.0, -0.5]])}
    assert strategy.chosen()["layer"].tolist() == [[True, False], [True, False]]


def test_a_weight_learns_inside_the_mask_and_a_score_everywhere():
    weight = torch.tensor([2.0, 5.0], requires_grad=True)
    score = torch.tensor([-3.0, 1.0], requires_grad=True)
    shown = straight_through(weight, torch.tensor([True, False]), score.abs())
    assert shown.tolist() == [2.0, 0.0]
    (shown * torch.tensor([10.0, 100.0])).sum().backward()
    assert weight.grad.tolist() == [10.0, 0.0]
    # the gradient of the mask is 10 * 2 and 100 * 5; of the first score's magnitude it is turned
    assert score.grad.tolist() == [-20.0, 500.0]


def test_without_a_score_only_the_weights_inside_the_mask_learn():
    weight = torch.tensor([2.0, 5.0], requires_grad=True)
    straight_through(weight, torch.tensor([True, False]), None).sum().backward()
    assert weight.grad.tolist() == [1.0, 0.0]


def test_scores_go_on_from_the_task_before():
    benchmark = toy_benchmark("task", experiences=2)
    chosen = {"density": 0.3, "score_learning_rate": 1e-9}
    strategy = toy_strategy("wsn", benchmark, chosen=chosen)
    strategy.train(benchmark.train[0])
    strategy.train(benchmark.train[1])
    first, second = strategy.masks
    # scores that hardly move choose the same weights, which a new draw would not
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_scores_go_on_after_a_resume():
    benchmark = toy_benchmark("task", experiences=2)
    chosen = {"density": 0.3, "score_learning_rate": 1e-9}
    strategy = toy_strategy("wsn", benchmark, chosen=chosen)
    strategy.train(benchmark.train[0])
    resumed = toy_strategy("wsn", benchmark, chosen=chosen)
    resumed.load_state_dict(strategy.state_dict())
    resumed.train(benchmark.train[1])
    first, second = resumed.masks
    assert all(torch.equal(first[name], second[name]) for name in first)
