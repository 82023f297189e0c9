from __future__ import annotations

import pytest
import torch

from toy import toy_benchmark, toy_strategy


def test_the_importance_is_the_mean_size_of_each_samples_gradient():
    benchmark = toy_benchmark("class", samples=10)
    strategy = toy_strategy("mas", benchmark, epochs=1)
    strategy.train(benchmark.train[0])
    model = strategy.model.eval()
    names, parameters = zip(*model.named_parameters(), strict=True)
    samples = [benchmark.train[0].dataset[i][0] for i in range(10)]
    by_sample = [torch.autograd.grad(model(x[None]).square().sum(), parameters) for x in samples]
    for name, gradients in zip(names, zip(*by_sample, strict=True), strict=True):
        expected = sum(gradient.abs() for gradient in gradients) / 10
        torch.testing.assert_close(strategy.importance[name], expected)


def test_importances_add_up_and_the_pull_is_to_the_last_weights():
    benchmark = toy_benchmark("class")
    strategy = toy_strategy("mas", benchmark, epochs=1)
    strategy.train(benchmark.train[0])
    first = {name: importance.clone() for name, importance in strategy.importance.items()}
    strategy.train(benchmark.train[1])
    for name, parameter in strategy.model.named_parameters():
        assert (strategy.importance[name] >= first[name]).all()
        assert torch.equal(strategy.anchor[name], parameter)


def test_the_penalty_is_that_of_the_paper():
    benchmark = toy_benchmark("class")
    strategy = toy_strategy("mas", benchmark, epochs=1, chosen={"mas_lambda": 0.01})
    strategy.train(benchmark.train[0])
    with torch.no_grad():
        for parameter in strategy.model.parameters():
            parameter += 0.1
    expected = sum(0.01 * (one * 0.1**2).sum() for one in strategy.importance.values())
    torch.testing.assert_close(strategy.penalty(), expected)


def test_values_that_cannot_be_are_refused():
    benchmark = toy_benchmark("class")
    with pytest.raises(ValueError, match="mas_lambda must be at least 0, got -1"):
        toy_strategy("mas", benchmark, chosen={"mas_lambda": -1.0})
    with pytest.raises(ValueError, match="samples must be at least 1, got 0"):
        toy_strategy("mas", benchmark, chosen={"samples": 0})
