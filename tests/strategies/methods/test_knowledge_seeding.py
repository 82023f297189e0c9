from __future__ import annotations

import pytest
import torch

from strategies.pruning.weight_count import weights_in_use
from strategies.sleep_cycle import Night
from strategies.stages.consolidate import hidden
from toy import StepClock, accuracy, toy_benchmark, toy_strategy


def seeding(scenario: str = "class", *, steps: int = 200, experiences: int = 2, **chosen):
    benchmark = toy_benchmark(scenario, experiences=experiences)
    strategy = toy_strategy(
        "knowledge-seeding",
        benchmark,
        epochs=steps,
        budget_clock=StepClock(steps),
        chosen={"batch_size": 40, **chosen},
    )
    return strategy, benchmark


def slices(strategy) -> dict[str, torch.Tensor]:
    return {name: w.detach().clone() for name, w in hidden(strategy.model).items()}


def test_the_slow_network_knows_earlier_classes_and_the_present_ones():
    strategy, benchmark = seeding(learning_rate=0.05)
    for experience in benchmark.train:
        strategy.train(experience)
    assert all(accuracy(strategy, experience) > 0.8 for experience in benchmark.test)


def test_each_night_unmasks_a_share_of_what_is_masked_and_moves_nothing_else():
    strategy, benchmark = seeding(experiences=3, steps=40, slice=0.5)
    before = {name: torch.zeros_like(w) for name, w in slices(strategy).items()}
    for index, experience in enumerate(benchmark.train):
        strategy.train(experience)
        now = slices(strategy)
        for name, weight in now.items():
            assert torch.equal(weight[before[name] != 0], before[name][before[name] != 0])
        share = sum(int((w != 0).sum()) for w in now.values())
        share /= sum(w.numel() for w in now.values())
        assert share <= 1 - 0.5 ** (index + 1) + 0.02
        assert index > 0 or share > 0.48  # dead units give their new weights no gradient
        before = now


def test_it_is_nights_of_one_stage():
    learned = []
    for name, chosen in (("knowledge-seeding", {}), ("staged-sleep", {"stages": "consolidate"})):
        benchmark = toy_benchmark("class")
        strategy = toy_strategy(
            name, benchmark, epochs=20, budget_clock=StepClock(40), chosen=chosen
        )
        for experience in benchmark.train:
            strategy.train(experience)
        learned.append(strategy.model.state_dict())
    one, other = learned
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_day_that_was_cut_before_its_night_leaves_the_slow_network():
    strategy, benchmark = seeding(steps=40)
    strategy.train(benchmark.train[0])
    before = slices(strategy)
    strategy.nights = (Night(0.99, 1.0),)
    strategy.budget_clock, strategy.train_epochs = StepClock(4), 4
    strategy.train(benchmark.train[1])
    for name, weight in slices(strategy).items():
        assert torch.equal(weight, before[name])


def test_only_the_slow_network_and_moments_are_kept():
    strategy, benchmark = seeding(steps=20)
    strategy.train(benchmark.train[0])
    weights = weights_in_use(strategy)
    assert weights.total == sum(p.numel() for p in strategy.model.parameters())
    assert weights.buffer_bytes == 4 * (2 * 101 + 100 * 100)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"fast": 0.0}, r"fast must be in \(0, 1\], got 0.0"),
        ({"slice": 1.5}, r"slice must be in \(0, 1\], got 1.5"),
        ({"night": 1.0}, r"night must be in \(0, 1\), got 1.0"),
        ({"rollouts": -0.1}, r"rollouts must be in \[0, 1\], got -0.1"),
        ({"vividness": 0.0}, "vividness must be above 0, got 0.0"),
    ],
)
def test_bad_input_is_refused_in_words(chosen, message):
    with pytest.raises(ValueError, match=message):
        toy_strategy("knowledge-seeding", toy_benchmark("class"), chosen=chosen)
