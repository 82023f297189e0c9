from __future__ import annotations

import pytest
import torch

from strategies.pruning.weight_count import weights_in_use
from strategies.sleep_cycle import evenly
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
        budget_clock=StepClock(10),
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


def rates(rewind: str) -> list[float]:
    """The learning rate, over the optimizer's own, at each of 8 steps with rounds from 4 and 6."""
    benchmark = toy_benchmark("class", samples=80)
    strategy = toy_strategy(
        "iterative-prune-budgeted",
        benchmark,
        epochs=1,
        budget_clock=StepClock(8),
        chosen={"rounds": 2, "prune_from": 0.5, "rewind": rewind, "learning_rate": 0.1},
    )
    seen = []
    step = strategy.optimizer.step

    def noting() -> None:
        seen.append(strategy.optimizer.param_groups[0]["lr"] / 0.1)
        step()

    strategy.optimizer.step = noting
    strategy.train(benchmark.train[0])
    assert strategy.optimizer.param_groups[0]["lr"] == 0.1
    return seen


def test_the_learning_rate_falls_linearly_to_zero_within_each_round():
    assert rates("learning-rate") == pytest.approx([1] * 4 + [1, 0.5] * 2)
    assert rates("none") == pytest.approx([1] * 8)


def test_rewinding_weights_puts_the_survivors_back_to_what_they_were_early_in_the_day():
    benchmark = toy_benchmark("class", samples=100)
    strategy = toy_strategy(
        "iterative-prune-budgeted",
        benchmark,
        epochs=1,
        budget_clock=StepClock(10),
        chosen={"rounds": 1, "prune_from": 0.5, "rewind": "weights", "density": 0.3},
    )
    early = []
    step, keep = strategy.optimizer_step, strategy.keep

    def noting() -> None:
        step()
        if strategy.clock.train_exp_iterations == 1:  # a tenth of the day of 5 steps is over
            early.append({n: w.detach().clone() for n, w in strategy.weights.items()})

    def checking(kept) -> None:
        keep(kept)
        for name, weight in strategy.weights.items():
            assert torch.equal(weight, early[0][name] * kept[name])
        early.append("checked")

    strategy.optimizer_step, strategy.keep = noting, checking
    strategy.train(benchmark.train[0])
    assert early[-1] == "checked"


@pytest.mark.parametrize("importance", ["snip", "taylor"])
def test_a_sensitivity_keeps_weights_that_reach_the_loss_and_is_charged(importance):
    benchmark = toy_benchmark("class", samples=100)
    clock = StepClock(100)
    strategy = toy_strategy(
        "iterative-prune-budgeted",
        benchmark,
        epochs=3,
        budget_clock=clock,
        chosen={"rounds": 1, "prune_from": 0.05, "importance": importance, "density": 0.2},
    )
    with torch.no_grad():
        strategy.model[1].weight[0] = 10.0  # large, but the unit reaches nothing
        strategy.model[3].weight[:, 0] = 0.0
    strategy.optimizer.param_groups[0]["lr"] = 0.0
    strategy.train(benchmark.train[0])
    assert clock.spent == 30 + 10  # one night over the ten minibatches of the experience
    assert not strategy.model[1].weight[0].any()
    assert weights_in_use(strategy).used_prunable <= round(
        0.2 * sum(w.numel() for w in strategy.weights.values())
    )


def test_moments_outlive_a_prune_and_end_with_the_experience():
    benchmark = toy_benchmark("class", samples=100)
    strategy = toy_strategy(
        "iterative-prune-budgeted",
        benchmark,
        epochs=1,
        budget_clock=StepClock(10),
        chosen={"optimizer": "adam", "rounds": 3},
    )
    for experience in benchmark.train[:2]:
        strategy.train(experience)
        moments = [strategy.optimizer.state[w] for w in strategy.weights.values()]
        assert [int(m["step"]) for m in moments] == [10] * len(moments)


def test_rewinding_the_weights_forgets_the_moments():
    benchmark = toy_benchmark("class", samples=100)
    strategy = toy_strategy(
        "iterative-prune-budgeted",
        benchmark,
        epochs=1,
        budget_clock=StepClock(10),
        chosen={"optimizer": "adam", "rounds": 1, "prune_from": 0.4, "rewind": "weights"},
    )
    strategy.train(benchmark.train[0])
    moments = [strategy.optimizer.state[w] for w in strategy.weights.values()]
    assert [int(m["step"]) for m in moments] == [6] * len(moments)
