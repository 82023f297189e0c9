from __future__ import annotations

import pytest
import torch

from strategies.methods import adaptive_pruning
from strategies.methods.adaptive_pruning import MOST_ROUNDS, Recovery
from strategies.pruning.weight_count import weights_in_use
from toy import StepClock, toy_benchmark, toy_strategy


def prunes(steps: int, chosen) -> tuple[list[float], float]:
    """Densities after each prune of an experience of 400 steps cut at `steps`, and the last."""
    benchmark = toy_benchmark("class", samples=4000 * steps // 400)
    strategy = toy_strategy(
        "iterative-prune-adaptive",
        benchmark,
        epochs=1,
        budget_clock=StepClock(400),
        chosen={"density": 0.01, "prune_from": 0.25, **chosen},
    )
    densities: list[float] = []
    keep = strategy.keep

    def noting(kept) -> None:
        keep(kept)
        total = sum(mask.numel() for mask in kept.values())
        densities.append(sum(int(mask.sum()) for mask in kept.values()) / total)

    strategy.keep = noting
    strategy.train(benchmark.train[0])
    used = weights_in_use(strategy)
    return densities, used.used_prunable / used.prunable


@pytest.mark.parametrize("half_lives", [0.01, 4.0, 1e6])
@pytest.mark.parametrize("steps", [50, 150, 400])
def test_it_ends_at_the_density_wherever_it_is_cut_and_never_in_too_many_rounds(half_lives, steps):
    densities, last = prunes(steps, {"half_lives": half_lives})
    assert densities == sorted(densities, reverse=True)
    assert densities[-1] == pytest.approx(0.01, abs=1e-4)
    assert last == pytest.approx(0.01, abs=1e-4)
    assert len(densities) <= MOST_ROUNDS + 2


def test_a_half_life_is_the_progress_until_half_of_the_damage_is_gone():
    recovery = Recovery()
    for step in range(50):
        recovery.see(torch.tensor(1.0), step / 100)
    recovery.pruned(0.5)
    assert recovery.half_life(0.52) == pytest.approx(0.02)  # not yet recovered: all that passed
    recovery.see(torch.tensor(3.0), 0.51)
    for step in range(52, 80):
        recovery.see(torch.tensor(1.0), step / 100)
    # a running mean of 0.9 halves what it remembers in seven minibatches
    assert recovery.half_life(0.8) == pytest.approx(0.08)


def test_seeing_a_loss_does_not_wait_for_the_device():
    recovery = Recovery()
    recovery.see(torch.empty((), device="meta"), 0.1)  # a value that cannot be had at all
    with pytest.raises(NotImplementedError, match="meta"):
        recovery.pruned(0.2)


def test_when_losses_are_read_changes_nothing(monkeypatch):
    found = []
    for most in (1, 7, 1000):
        monkeypatch.setattr(adaptive_pruning, "MOST_UNREAD", most)
        recovery, generator = Recovery(), torch.Generator().manual_seed(0)
        for step in range(400):
            if step % 100 == 50:
                recovery.pruned(step / 400)
            damage = 4.0 * 0.9 ** ((step - 50) % 100) * (step >= 50)
            recovery.see(torch.rand((), generator=generator) + damage, step / 400)
        found.append(recovery.half_life(1.0))
    assert found[0] == found[1] == found[2]
    assert 0 < found[0] < 0.25


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"density": 0.0}, r"density must be in \(0, 1\], got 0.0"),
        ({"prune_from": 1.0}, r"prune_from must be in \[0, 1\), got 1.0"),
        ({"half_lives": 0.0}, "half_lives must be above 0, got 0.0"),
        ({"rewind": "all"}, "rewind must be 'none', 'learning-rate' or 'weights', got 'all'"),
    ],
)
def test_wrong_hyperparameters_are_refused_in_words(chosen, message):
    with pytest.raises(ValueError, match=message):
        toy_strategy("iterative-prune-adaptive", toy_benchmark("class"), chosen=chosen)


def test_the_network_stays_finite():
    benchmark = toy_benchmark("domain")
    strategy = toy_strategy("iterative-prune-adaptive", benchmark)
    for experience in benchmark.train:
        strategy.train(experience)
    assert all(torch.isfinite(p).all() for p in strategy.model.parameters())
