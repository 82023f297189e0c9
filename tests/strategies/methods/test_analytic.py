from __future__ import annotations

import pytest
import torch

from strategies import weights_in_use
from strategies.networks.heads import HIDDEN_LOGIT
from toy import logits, toy_benchmark, toy_model, toy_strategy


def trained(scenario: str, batch: int, *, width: int = 50, ridge: float = 0.01):
    """The strategy in double precision after a toy stream, and that stream."""
    benchmark = toy_benchmark(scenario)
    model = toy_model(benchmark).double()
    chosen = {"batch_size": batch, "width": width, "ridge": ridge}
    strategy = toy_strategy("analytic", benchmark, model=model, chosen=chosen)
    below = strategy.model.trunk if scenario == "task" else strategy.model[:-1]
    below[0].register_forward_pre_hook(lambda module, given: (given[0].double(),))
    for experience in benchmark.train:
        strategy.train(experience)
    return strategy, benchmark, below


@pytest.mark.parametrize("scenario", ["task", "class", "domain"])
@pytest.mark.parametrize("batch", [2, 7, 40])
def test_a_stream_gives_the_ridge_regression_of_all_data_at_once(scenario, batch):
    strategy, benchmark, below = trained(scenario, batch)
    samples = [
        (x, int(y) + (2 * index if scenario == "task" else 0))
        for index, experience in enumerate(benchmark.train)
        for x, y, *_ in experience.dataset
    ]
    features = below(torch.stack([x for x, _ in samples]))
    targets = torch.eye(len(strategy.known)).double()[[row for _, row in samples]]
    products = features.T @ features
    ridge = 0.01 * products.diagonal().mean() * torch.eye(50).double()
    expected = torch.linalg.solve(products + ridge, features.T @ targets).T
    found = strategy.readout.layer
    assert torch.allclose(found.weight, expected, atol=1e-6)
    assert not found.bias.any()


def test_every_example_is_seen_once_whatever_the_epochs():
    benchmark = toy_benchmark("class")
    strategy = toy_strategy("analytic", benchmark, epochs=9)
    for experience in benchmark.train:
        strategy.train(experience)
    assert strategy.clock.train_iterations == 8


def test_a_class_that_was_never_seen_is_no_answer():
    benchmark = toy_benchmark("class")
    strategy = toy_strategy("analytic", benchmark)
    strategy.train(benchmark.train[0])
    assert (logits(strategy, benchmark.test[1])[:, 2:] == HIDDEN_LOGIT).all()


def test_the_projection_and_the_solution_are_weights_and_half_the_products_memory():
    benchmark = toy_benchmark("class")
    strategy = toy_strategy("analytic", benchmark, chosen={"width": 80})
    for experience in benchmark.train:
        strategy.train(experience)
    counted = weights_in_use(strategy)
    assert counted.total == 36 * 80 + 80 + 80 * 4 + 4
    used = 36 * 80 + 80 + int(strategy.readout.layer.weight.count_nonzero())
    assert counted.used == used  # biases of the output are 0
    products = sum(80 - 10 * stripe for stripe in range(8)) * 10
    assert counted.buffer_bytes == 4 * (products + 80 * 4) + 1  # and a bit for each class


def test_a_network_that_begins_with_a_convolution_gets_random_patches():
    benchmark = toy_benchmark("class")
    image = torch.rand(2, 1, 12, 12)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3), torch.nn.Flatten(), torch.nn.Linear(300, 4)
    )
    strategy = toy_strategy("analytic", benchmark, model=model, chosen={"width": 10})
    filters = strategy.model[0]
    assert filters.weight.mean((1, 2, 3)).abs().max() < 1e-8  # blind to brightness
    patches = torch.nn.functional.unfold(image, 6, stride=2)
    maps = (filters.weight.view(2, 36) @ patches + filters.bias[:, None]).relu().view(2, 2, 4, 4)
    quarters = maps.view(2, 2, 2, 2, 2, 2).mean((3, 5)).flatten(1)
    assert torch.allclose(strategy.model[:-1](image), quarters, atol=1e-6)
    assert strategy.readout.layer.in_features == 8


def test_sums_too_coarse_for_the_ridge_are_solved_with_a_larger_one():
    benchmark = toy_benchmark("class")
    strategy = toy_strategy("analytic", benchmark, chosen={"ridge": 1e-12})
    for experience in benchmark.train:
        strategy.train(experience)
    assert strategy.readout.layer.weight.isfinite().all()


@pytest.mark.parametrize(
    ("chosen", "complaint"),
    [
        ({"width": 3}, "width must be at least 4, got 3"),
        ({"ridge": 0.0}, "ridge must be above 0, got 0.0"),
    ],
)
def test_values_that_cannot_be_are_refused(chosen, complaint):
    with pytest.raises(ValueError, match=complaint):
        toy_strategy("analytic", toy_benchmark("class"), chosen=chosen)
