from __future__ import annotations

import pytest
import torch
from torch import nn

from strategies.methods.greedy_sampler import FLOOR, annealed, draw_weights
from toy import StepClock, toy_benchmark, toy_strategy


def test_each_class_has_an_equal_share_of_the_store():
    benchmark = toy_benchmark("class", experiences=3)
    strategy = toy_strategy("gdumb", benchmark, epochs=1, chosen={"mem_size": 12})
    for count, experience in enumerate(benchmark.train, start=1):
        strategy.train(experience)
        labels = torch.tensor(list(strategy.stored.buffer.targets))
        assert torch.bincount(labels).tolist() == [12 // (2 * count)] * 2 * count


def test_it_trains_on_what_is_stored_and_on_nothing_else():
    benchmark = toy_benchmark("class")
    strategy = toy_strategy("gdumb", benchmark, epochs=2, chosen={"mem_size": 8})
    seen = []
    strategy._before_forward = lambda **kwargs: seen.append(strategy.mb_x)
    for experience in benchmark.train:
        strategy.train(experience)
    stored = torch.stack([sample[0] for sample in strategy.stored.buffer])
    last = torch.cat(seen[2:])  # two epochs of one minibatch
    assert last.shape[0] == 16
    assert all((stored == x).flatten(1).all(1).any() for x in last)


def test_nothing_of_earlier_training_is_left_but_the_store():
    benchmark = toy_benchmark("class")
    results = []
    for epochs in (1, 5):
        strategy = toy_strategy("gdumb", benchmark, epochs=epochs, chosen={"batch_size": 100})
        torch.manual_seed(3)
        strategy.train(benchmark.train[0])
        strategy.train_epochs = 2
        torch.manual_seed(4)
        strategy.train(benchmark.train[1])
        # of the first experience all is stored, whatever order it was drawn in
        results.append([p.detach() for p in strategy.model.parameters()])
    for one, other in zip(*results, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_new_weights_are_drawn_as_wide_as_the_first_and_statistics_are_forgotten():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(100, 200), nn.BatchNorm1d(200))
    starts = {"0.weight": (0.5, 0.01), "0.bias": (0.0, 0.0), "1.weight": (1.0, 0.0)}
    starts["1.bias"] = (0.0, 0.0)
    model(torch.randn(10, 100))
    draw_weights(model, starts)
    assert model[0].weight.mean().item() == pytest.approx(0.5, abs=0.001)
    assert model[0].weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert torch.equal(model[1].weight, torch.ones(200))
    assert torch.equal(model[1].running_mean, torch.zeros(200))
    assert model[1].num_batches_tracked == 0


def test_the_learning_rate_falls_with_the_progress_of_each_experience():
    assert annealed(0) == 1
    assert annealed(0.5) == pytest.approx((1 + FLOOR) / 2)
    assert annealed(1) == annealed(1.5) == pytest.approx(FLOOR)
    benchmark = toy_benchmark("class")
    strategy = toy_strategy("gdumb", benchmark, epochs=1, budget_clock=StepClock(4))
    rates = []
    strategy._after_update = lambda **kwargs: rates.append(strategy.optimizer.param_groups[0]["lr"])
    strategy.train(benchmark.train[0])
    assert rates == pytest.approx([0.05 * annealed(part / 4) for part in range(4)])


def test_a_store_without_room_is_refused():
    with pytest.raises(ValueError, match="mem_size must be at least 1, got 0"):
        toy_strategy("gdumb", toy_benchmark("class"), chosen={"mem_size": 0})
