from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import nn

from strategies.methods.ewc import information_root
from toy import toy_benchmark, toy_model, toy_strategy


def test_over_all_signs_the_roots_have_the_fisher_information_of_the_logits():
    logits = torch.tensor([[0.3, -1.2, 2.0]], dtype=torch.float64)
    p = logits.softmax(1)[0]
    roots = [
        information_root(logits, torch.tensor([signs], dtype=torch.float64))[0]
        for signs in product((-1, 1), repeat=3)
    ]
    mean = sum(torch.outer(root, root) for root in roots) / len(roots)
    torch.testing.assert_close(mean, torch.diag(p) - torch.outer(p, p))


def exact_information(model: nn.Module, samples: list[torch.Tensor]) -> dict[str, torch.Tensor]:
    """Squared gradients, a mean over samples and over classes by their probability."""
    names, parameters = zip(*model.named_parameters(), strict=True)
    total = [torch.zeros_like(p) for p in parameters]
    for x in samples:
        log_p = model(x[None]).log_softmax(1)[0]
        for one in log_p:
            found = torch.autograd.grad(one, parameters, retain_graph=True)
            for sum_, gradient in zip(total, found, strict=True):
                sum_ += one.exp().detach() * gradient.square()
    return {name: sum_ / len(samples) for name, sum_ in zip(names, total, strict=True)}


@pytest.mark.parametrize("model", ["linear layers", "convolution and batch normalisation"])
def test_the_importance_is_the_fisher_information_sample_by_sample(model):
    benchmark = toy_benchmark("class", samples=20)
    network = toy_model(benchmark, "mlp") if model == "linear layers" else normalised()
    strategy = toy_strategy("ewc", benchmark, model=network, epochs=1)
    strategy.train(benchmark.train[0])
    exact = exact_information(
        strategy.model.eval(), [benchmark.train[0].dataset[i][0] for i in range(20)]
    )
    strategy.train_mb_size = 5
    strategy.adapted_dataset = benchmark.train[0].dataset
    strategy.experience = benchmark.train[0]
    found = [strategy.experience_importance() for _ in range(200)]
    for name, right in exact.items():
        mean = sum(one[name] for one in found) / len(found)
        assert (mean - right).norm() < 0.1 * right.norm(), name


def normalised() -> nn.Module:
    """A convolution and batch normalisation for the toy's classes."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 4)
    )


def test_the_loss_is_that_of_plain_training_and_the_penalty_of_the_paper():
    benchmark = toy_benchmark("class")
    strategy = toy_strategy("ewc", benchmark, epochs=1, chosen={"ewc_lambda": 3.0})
    strategy.train(benchmark.train[0])
    moved = {n: p.detach().clone() for n, p in strategy.model.named_parameters()}
    with torch.no_grad():
        for parameter in strategy.model.parameters():
            parameter += 0.1
    expected = sum(3 / 2 * (strategy.importance[n] * 0.1**2).sum() for n in moved)
    torch.testing.assert_close(strategy.penalty(), expected)


def test_the_information_is_taken_from_a_network_at_rest():
    benchmark = toy_benchmark("class")
    strategy = toy_strategy("ewc", benchmark, model=normalised(), epochs=1)
    strategy.train(benchmark.train[0])
    statistics = strategy.model[1].running_mean.clone()
    strategy.adapted_dataset = benchmark.train[0].dataset
    strategy.experience = benchmark.train[0]
    strategy.experience_importance()
    assert torch.equal(strategy.model[1].running_mean, statistics)


def test_values_that_cannot_be_are_refused():
    benchmark = toy_benchmark("class")
    with pytest.raises(ValueError, match="ewc_lambda must be at least 0, got -1"):
        toy_strategy("ewc", benchmark, chosen={"ewc_lambda": -1.0})
    with pytest.raises(ValueError, match="fisher_minibatches must be at least 1, got 0"):
        toy_strategy("ewc", benchmark, chosen={"fisher_minibatches": 0})
