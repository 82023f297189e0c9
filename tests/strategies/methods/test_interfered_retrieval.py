from __future__ import annotations

import copy

import pytest
import torch
from torch.nn import functional

from toy import toy_benchmark, toy_strategy


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_interference_is_what_the_optimizers_step_would_add_to_each_loss(momentum):
    benchmark = toy_benchmark("class")
    chosen = {"batch_size": 20, "learning_rate": 0.2, "momentum": momentum}
    strategy = toy_strategy("mir", benchmark, chosen=chosen)
    strategy.train(benchmark.train[0])
    strategy.earlier.begin(strategy)
    x, y, tasks = strategy.earlier.draw(30)
    new_x = torch.stack([sample[0] for sample in benchmark.train[1].dataset])
    new_y = torch.tensor(list(benchmark.train[1].dataset.targets))
    strategy.loss = functional.cross_entropy(strategy.model(new_x), new_y)
    found = strategy._interference(x, y, tasks)

    moved = copy.deepcopy(strategy.model)
    functional.cross_entropy(moved(new_x), new_y).backward()
    state = strategy.optimizer.state
    with torch.no_grad():
        for weight, own in zip(moved.parameters(), strategy.model.parameters(), strict=True):
            step = weight.grad
            if momentum:
                step = step + momentum * state[own]["momentum_buffer"]
            weight -= 0.2 * step
    with torch.no_grad():
        losses = [
            functional.cross_entropy(model(x), y, reduction="none")
            for model in (strategy.model, moved)
        ]
    assert torch.allclose(found, losses[1] - losses[0], atol=1e-5)
    before = {weight: part["momentum_buffer"].clone() for weight, part in state.items() if momentum}
    strategy._interference(x, y, tasks)
    assert all(torch.equal(state[w]["momentum_buffer"], was) for w, was in before.items())
    strategy.loss.backward()  # what was tried leaves the graph of the step as it was


def test_new_and_replayed_examples_weigh_alike_in_one_mean():
    benchmark = toy_benchmark("class")
    strategy = toy_strategy("mir", benchmark, epochs=1, chosen={"mem_size": 5, "batch_size": 20})
    strategy.train(benchmark.train[0])
    x, y, _ = strategy.earlier._buffer.everything()
    seen = []
    model = copy.deepcopy(strategy.model)

    def expected(**kwargs):
        both, labels = torch.cat([strategy.mb_x, x]), torch.cat([strategy.mb_y, y])
        model.load_state_dict(strategy.model.state_dict())
        seen.append((strategy.loss.item(), functional.cross_entropy(model(both), labels).item()))

    strategy._after_backward = expected
    strategy.train(benchmark.train[1])
    assert seen
    for loss, mean in seen:
        assert loss == pytest.approx(mean, rel=1e-5)


@pytest.mark.parametrize("scenario", ["task", "class", "domain"])
def test_the_experience_before_is_replayed_in_every_scenario(scenario):
    benchmark = toy_benchmark(scenario)
    weights = []
    for name in ("mir", "naive"):
        strategy = toy_strategy(name, benchmark)
        for experience in benchmark.train:
            torch.manual_seed(1)
            strategy.train(experience)
        weights.append([p.detach() for p in strategy.model.parameters()])
    assert not all(map(torch.equal, *weights))


def test_no_more_is_replayed_than_a_minibatch_has_and_the_worst_of_it(monkeypatch):
    benchmark = toy_benchmark("class")
    strategy = toy_strategy("mir", benchmark, epochs=1, chosen={"candidates": 3})
    strategy.train(benchmark.train[0])
    asked = []
    answers = type(strategy)._answers

    def spy(self, weights, x, tasks):
        asked.append(x)
        return answers(self, weights, x, tasks)

    def by_brightness(self, x, y, tasks):
        assert len(x) == 30
        return x.mean((1, 2, 3))

    monkeypatch.setattr(type(strategy), "_answers", spy)
    monkeypatch.setattr(type(strategy), "_interference", by_brightness)
    strategy.train(benchmark.train[1])
    assert [len(x) for x in asked] == [10] * 4


@pytest.mark.parametrize("name", ["candidates", "mem_size"])
def test_a_number_below_one_is_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        toy_strategy("mir", toy_benchmark("class"), chosen={name: 0})
