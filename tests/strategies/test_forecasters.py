"""Forecasters: their sums by hand, and the span that they tell."""

from __future__ import annotations

import math

import pytest
import torch

from strategies.forecasters import FEWEST, MOST_INPUTS, SPANS, Forecasters


def test_the_sums_fade_at_the_pace_of_each():
    found = Forecasters()
    first, second = torch.tensor([[2.0], [0.0]]), torch.tensor([[1.0]])
    found.begin()
    found.learn(first, torch.tensor([0, 1]))
    found.begin()
    found.learn(second, torch.tensor([1]))
    for span, (products, answers) in zip(SPANS, found.sums, strict=True):
        left = math.exp(-1 / span)
        assert torch.allclose(products, left * torch.tensor([[4.0, 2], [2, 2]]) + 1)
        expected = left * torch.tensor([[2.0, 0], [1, 1]]) + torch.tensor([[0.0, 1], [0, 1]])
        assert torch.allclose(answers, expected)


def test_a_class_that_comes_later_has_a_column_of_its_own():
    found = Forecasters()
    x = torch.eye(3)
    found.learn(x, torch.tensor([0, 1, 0]))
    found.learn(x, torch.tensor([2, 1, 0]))
    assert found.sums[0][1].shape == (4, 3)
    assert torch.equal(found.sums[0][1][:3], torch.tensor([[1.0, 0, 1], [0, 2, 0], [2, 0, 0]]))


def told(days: int, angle: float, rows: int = 40) -> list[float]:
    """The span after each day, where the direction that tells the label turns by an angle."""
    generator, found, spans = torch.Generator().manual_seed(0), Forecasters(), []
    for day in range(days):
        x = torch.randn(rows, 2, generator=generator)
        turned = torch.tensor([math.cos(angle * day), math.sin(angle * day)])
        y = (x @ turned > 0).long()
        found.judge(x, y)
        found.begin()
        found.learn(x, y)
        spans.append(found.span)
    return spans


def test_what_stays_as_it_is_counts_for_ever():
    spans = told(100, angle=0.0)
    assert spans.count(math.inf) > 60  # by chance one that forgets seems better, now and then
    assert min(spans) >= 10


def test_what_turns_counts_the_shorter_the_faster():
    spans = [told(60, angle)[-1] for angle in (0.01, 0.05, 0.4)]
    assert spans == sorted(spans, reverse=True)
    assert spans[0] > spans[-1] == SPANS[0]


def test_before_there_are_enough_forecasts_all_of_the_past_counts():
    spans = told(FEWEST + 1, angle=1.0)
    assert set(spans[:FEWEST]) == {math.inf}


@pytest.mark.parametrize("width", [MOST_INPUTS, MOST_INPUTS + 1, 784])
def test_no_forecaster_is_wider_than_it_may_be(width):
    found = Forecasters()
    x, y = torch.randn(20, width), torch.arange(20) % 2
    found.learn(x, y)
    found.judge(x, y)
    assert found.sums[0][0].shape == (MOST_INPUTS + 1, MOST_INPUTS + 1)
