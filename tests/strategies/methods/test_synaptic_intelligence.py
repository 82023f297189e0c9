from __future__ import annotations

import pytest
import torch

from toy import toy_benchmark, toy_strategy


def test_without_damping_plain_descent_gains_as_much_as_the_loss_falls_along_its_path():
    benchmark = toy_benchmark("class")
    chosen = {"momentum": 0.0, "learning_rate": 1e-3, "batch_size": 1000}
    strategy = toy_strategy("si", benchmark, epochs=5, chosen=chosen)
    losses = []

    class Told(type(strategy)):
        def _after_forward(self, **kwargs):
            super()._after_forward(**kwargs)
            losses.append(float(self.criterion()))

    strategy.__class__ = Told
    strategy.train(benchmark.train[0])
    gained = sum(float(one.sum()) for one in strategy.gained.values())
    # the last step's gain has no loss after it
    assert gained * 4 / 5 == pytest.approx(losses[0] - losses[-1], rel=0.02)


def test_what_a_weight_gained_is_damped_by_its_way():
    benchmark = toy_benchmark("class")
    strategy = toy_strategy("si", benchmark, epochs=1, chosen={"damping": 0.5})
    strategy.train(benchmark.train[0])
    for name, weight in strategy.model.named_parameters():
        way = (weight.detach() - strategy.start[name]).square()
        expected = (strategy.gained[name] / (way + 0.5)).clamp(min=0)
        torch.testing.assert_close(strategy.importance[name], expected)


def test_the_pull_is_not_part_of_what_a_weight_gains():
    """Without a loss of its own to lower, a weight that is pulled back gains nothing."""
    benchmark = toy_benchmark("class")
    strategy = toy_strategy("si", benchmark, epochs=1, chosen={"momentum": 0.0})
    strategy.train(benchmark.train[0])
    with torch.no_grad():
        for weight in strategy.model.parameters():
            weight += 0.1
    name, weight = next(iter(strategy.model.named_parameters()))
    strategy.before = {n: w.detach().clone() for n, w in strategy.model.named_parameters()}
    strategy.gained[name].zero_()
    strategy.model.zero_grad()
    strategy.penalty().backward()
    strategy.optimizer.step()
    strategy._after_update()
    torch.testing.assert_close(strategy.gained[name], torch.zeros_like(weight))


def test_importances_add_up_and_the_pull_is_to_the_last_weights():
    benchmark = toy_benchmark("class")
    strategy = toy_strategy("si", benchmark, epochs=1)
    strategy.train(benchmark.train[0])
    first = {name: importance.clone() for name, importance in strategy.importance.items()}
    strategy.train(benchmark.train[1])
    for name, parameter in strategy.model.named_parameters():
        assert (strategy.importance[name] >= first[name]).all()
        assert torch.equal(strategy.anchor[name], parameter)


def test_values_that_cannot_be_are_refused():
    benchmark = toy_benchmark("class")
    with pytest.raises(ValueError, match="si_lambda must be at least 0, got -1"):
        toy_strategy("si", benchmark, chosen={"si_lambda": -1.0})
    with pytest.raises(ValueError, match="damping must be above 0, got 0"):
        toy_strategy("si", benchmark, chosen={"damping": 0.0})
