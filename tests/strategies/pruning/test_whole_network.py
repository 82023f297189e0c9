"""What one experience pruned away is there again for the next, as new."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from strategies.pruning.whole_network import draw_zeros
from toy import toy_benchmark, toy_strategy

PRUNERS = ("iterative-prune-budgeted", "iterative-prune-adaptive")


@given(
    shape=st.sampled_from([(3, 5), (4, 2, 3, 3), (1, 7)]),
    share=st.floats(0, 1),
    seed=st.integers(0, 99),
)
def test_zeros_are_drawn_as_for_a_new_layer_and_nothing_else_moves(shape, share, seed):
    generator = torch.Generator().manual_seed(seed)
    before = torch.randn(shape, generator=generator)
    pruned = torch.rand(shape, generator=generator) < share
    before[pruned] = 0.0
    after = before.clone()
    draw_zeros({"weight": after})
    assert torch.equal(after[~pruned], before[~pruned])
    bound = (after[0].numel()) ** -0.5
    assert bool((after[pruned].abs() <= bound).all())
    assert bool((after[pruned] != 0).all())


def begun(name: str, **chosen):
    """The share of weights that are zero after one experience, and when the next has begun."""
    benchmark = toy_benchmark("class")
    strategy = toy_strategy(name, benchmark, chosen={"density": 0.2, **chosen})
    strategy.train(benchmark.train[0])
    zeros = []

    def count(*_, **__):
        weights = torch.cat([weight.flatten() for weight in strategy.weights.values()])
        zeros.append(float((weights == 0).float().mean()))

    count()
    strategy._before_training_epoch = count
    strategy.train(benchmark.train[1])
    return zeros[:2]


@pytest.mark.parametrize("name", PRUNERS)
def test_the_next_experience_finds_no_zeros_or_the_ones_that_were_left(name):
    ended, began = begun(name)
    assert ended == pytest.approx(0.8, abs=0.02)
    assert began == 0.0
    ended, began = begun(name, freed="zero")
    assert began == ended


@pytest.mark.parametrize("name", PRUNERS)
def test_a_choice_that_there_is_not_is_refused(name):
    with pytest.raises(ValueError, match="freed must be 'drawn' or 'zero', got 'initial'"):
        toy_strategy(name, toy_benchmark("class"), chosen={"freed": "initial"})
