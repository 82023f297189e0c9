from __future__ import annotations

import torch
from torch import nn

from strategies.quadratic_penalty import QuadraticPenalty


class Counted(QuadraticPenalty):
    """Two experiences whose importances are given; no training."""

    device = "cpu"

    def __init__(self, weight: torch.Tensor, rate: float) -> None:
        self.model = nn.Module()
        self.model.weight = nn.Parameter(weight.clone())
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=rate)
        self.begin(2.0)

    def learned(self, weight: torch.Tensor, importance: torch.Tensor) -> None:
        """An experience ends with this weight, which it needs so much."""
        self.model.weight = nn.Parameter(weight.clone())
        self.keep("weight", weight, importance)


def gradient_at(strategy: Counted, weight: torch.Tensor) -> torch.Tensor:
    strategy.model.weight = nn.Parameter(weight.clone())
    return torch.autograd.grad(strategy.penalty(), strategy.model.weight)[0]


def test_one_parabola_pulls_as_the_penalties_of_all_experiences_do():
    first, second = torch.tensor([1.0, -2.0, 0.5]), torch.tensor([0.0, 3.0, 0.5])
    needed, too = torch.tensor([4.0, 0.0, 1.0]), torch.tensor([1.0, 2.0, 0.0])
    strategy = Counted(first, rate=1e-3)
    strategy.learned(first, needed)
    strategy.learned(second, too)
    weight = torch.tensor([7.0, 8.0, 9.0])
    expected = 2 * (needed * (weight - first) + too * (weight - second))
    torch.testing.assert_close(gradient_at(strategy, weight), expected)


def test_no_pull_is_longer_than_a_plain_step_to_the_anchor():
    weight = torch.tensor([1.0, 1.0])
    strategy = Counted(weight, rate=0.1)
    strategy.learned(weight, torch.tensor([1e9, 1.0]))
    pull = gradient_at(strategy, torch.tensor([3.0, 3.0]))
    torch.testing.assert_close(0.1 * pull, torch.tensor([2.0, 0.4]))


def test_rows_that_grew_later_are_free_until_their_experience_ends():
    strategy = Counted(torch.ones(2, 3), rate=1e-3)
    strategy.learned(torch.ones(2, 3), torch.ones(2, 3))
    pull = gradient_at(strategy, torch.full((4, 3), 2.0))
    assert torch.equal(pull[:2], torch.full((2, 3), 2.0))
    assert torch.equal(pull[2:], torch.zeros(2, 3))
    strategy.learned(torch.full((4, 3), 2.0), torch.ones(4, 3))
    assert torch.equal(strategy.anchor["weight"][:, 0], torch.tensor([1.5, 1.5, 2.0, 2.0]))
