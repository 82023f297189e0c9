from __future__ import annotations

import pytest
import torch

from strategies.nights import evenly
from strategies.weights import weights_in_use
from toy import StepClock, toy_benchmark, toy_strategy


def test_rounds_are_evenly_spaced_from_the_first_prune():
    assert [night.start for night in evenly(4, first=0.2)] == pytest.approx([0.2, 0.4, 0.6, 0.8])


@pytest.mark.parametrize("scenario", ["task", "class", "domain"])
@pytest.mark.parametrize("rounds", [1, 3])
def test_every_experience_ends_at_the_density(scenario, rounds):
    benchmark = toy_benchmark(scenario)
    strategy = toy_strategy(
        "iterative-prune-budgeted", benchmark, chosen={"density": 0.1, "rounds": rounds}
    )
    total = sum(w.numel() for w in strategy.weights.values())
    for experience in benchmark.train:
        strategy.train(experience)
        assert weights_in_use(strategy).used_prunable == round(0.1 * total)


def test_each_round_removes_the_same_share_at_its_progress():
    benchmark = toy_benchmark("class", samples=100)
    strategy = toy_strategy(
        "iterative-prune-budgeted",
        benchmark,
        epochs=1,
        sleep_clock=StepClock(10),
        chosen={"density": 0.01, "rounds": 2, "prune_from": 0.4},
    )
    counts = []
    step = strategy.optimizer_step

    def counting() -> None:
        step()
        counts.append(sum(int(w.count_nonzero()) for w in strategy.weights.values()))

    strategy.optimizer_step = counting
    strategy.train(benchmark.train[0])
    total = sum(w.numel() for w in strategy.weights.values())
    assert counts == [total] * 4 + [round(0.1 * total)] * 3 + [round(0.01 * total)] * 3


def test_pruned_weights_stay_zero_under_momentum_and_weight_decay():
    benchmark = toy_benchmark("class")
    strategy = toy_strategy(
        "iterative-prune-budgeted",
        benchmark,
        epochs=6,
        chosen={"rounds": 1, "density": 0.2, "weight_decay": 0.1},
    )
    strategy.train(benchmark.train[0])
    for weight in strategy.weights.values():
        assert torch.isfinite(weight).all()
    kept = weights_in_use(strategy).used_prunable
    assert kept == round(0.2 * sum(w.numel() for w in strategy.weights.values()))


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"rounds": 0}, r"rounds must be in \[1, 1000\], got 0"),
        ({"prune_from": 1.0}, r"prune_from must be in \[0, 1\), got 1.0"),
        ({"density": 2.0}, r"density must be in \(0, 1\], got 2.0"),
    ],
)
def test_wrong_hyperparameters_are_refused_in_words(chosen, message):
    with pytest.raises(ValueError, match=message):
        toy_strategy("iterative-prune-budgeted", toy_benchmark("class"), chosen=chosen)
