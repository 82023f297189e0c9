from __future__ import annotations

import pytest
import torch
from torch.nn.functional import linear

from metered import metered
from strategies.networks.heads import HIDDEN_LOGIT
from strategies.subnetworks.generated_inputs import dream, dream_loss
from toy import logits, toy_benchmark, toy_strategy

ROWS = torch.tensor([[3.0, 0.0, 0.0, 0.0], [0.0, 4.0, 0.0, 0.0], [0.0, 0.0, 5.0, 0.0]])


def visible(x: torch.Tensor) -> torch.Tensor:
    """Three classes, the third hidden."""
    return linear(x, ROWS).index_fill(1, torch.tensor(2), HIDDEN_LOGIT)


def test_a_dream_is_one_step_towards_a_class_that_is_not_hidden():
    torch.manual_seed(0)
    x = torch.full((200, 4), 0.5)
    x[0], x[1] = 0.0, 2.0  # room to move, in the range of the images
    moved = dream(visible, x, 0.3)
    assert (moved[2:] - x[2:]).norm(dim=1) == pytest.approx(0.3, abs=1e-5)  # their length is 1
    towards = (visible(moved) - visible(x))[2:]
    assert set(towards[:, :2].argmax(1).tolist()) == {0, 1}
    assert torch.equal(moved[:, 2:], x[:, 2:])  # neither class looks there
    assert moved.min() >= 0
    assert moved.max() <= 2


def test_without_a_step_a_dream_is_its_image():
    x = torch.rand(5, 4)
    assert torch.equal(dream(visible, x, 0.0), x)


def test_a_subnetwork_that_answers_as_before_is_not_moved():
    weight = ROWS.clone().requires_grad_()
    x = torch.rand(50, 4)
    dream_loss(lambda x: linear(x, ROWS), lambda x: linear(x, weight), x, 0.3).backward()
    assert weight.grad.abs().max() < 1e-6
    dream_loss(lambda x: linear(x, ROWS), lambda x: linear(x, 2 * weight), x, 0.3).backward()
    assert weight.grad.abs().max() > 1e-2


def after_two_tasks(name: str = "packnet-dreaming", **chosen):
    """The strategy, its weights between the tasks, and answers to the first task then and now."""
    benchmark = toy_benchmark("task")
    strategy = toy_strategy(name, benchmark, epochs=8, chosen={"density": 0.3, **chosen})
    strategy.train(benchmark.train[0])
    before = {n: w.detach().clone() for n, w in strategy.weights.items()}
    then = logits(strategy, benchmark.test[0])
    strategy.train(benchmark.train[1])
    return strategy, before, then, logits(strategy, benchmark.test[0])


def test_what_an_earlier_task_shares_with_no_later_one_is_as_it_was():
    strategy, before, _, _ = after_two_tasks()
    first, second = strategy.masks
    alone = moved = 0
    for name, weight in strategy.weights.items():
        own, both = first[name] & ~second[name], first[name] & second[name]
        assert torch.equal(weight[own], before[name][own])
        alone += int(own.sum())
        moved += int((weight[both] != before[name][both]).sum())
    assert alone > 0
    assert moved > 0


def test_a_task_that_ends_with_its_prune_leaves_earlier_ones_as_they_were():
    _, _, then, now = after_two_tasks(prune_at=0.999)
    assert torch.equal(now, then)


def test_dreams_keep_the_answers_of_an_earlier_task():
    drift = {}
    for name in ("packnet-unfrozen", "packnet-dreaming"):
        _, _, then, now = after_two_tasks(name)
        drift[name] = float((now - then).abs().mean())
    assert drift["packnet-dreaming"] < drift["packnet-unfrozen"] / 2


@pytest.mark.parametrize("steps", [38, 39, 40])
def test_a_dreamt_minibatch_is_a_step_of_the_night_and_never_one_too_many(steps):
    benchmark = toy_benchmark("task")
    strategy, meter = metered("packnet-dreaming", benchmark, steps)
    for index, experience in enumerate(benchmark.train):
        with meter.experience(index):
            strategy.train(experience)
    assert meter.spent == steps
    assert meter.steps["offline"] == {38: 4, 39: 4, 40: 5}[steps]
