from __future__ import annotations

import pytest
import torch

from metered import metered
from strategies.pruning.weight_count import weights_in_use
from strategies.sleep_cycle import Night
from strategies.stages.consolidate import Consolidate, hidden
from toy import StepClock, accuracy, scores, toy_benchmark, toy_strategy


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
            name,
            benchmark,
            epochs=20,
            budget_clock=StepClock(40),
            chosen={"learning_rate": 0.05, **chosen},
        )
        for experience in benchmark.train:
            strategy.train(experience)
        learned.append(strategy.model.state_dict())
    one, other = learned
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("scenario", ["task", "class", "domain"])
def test_fifty_steps_of_an_experience_are_worth_no_less_than_plain_training(scenario):
    reached = []
    for name in ("naive", "knowledge-seeding"):
        benchmark = toy_benchmark(scenario, experiences=3)
        strategy, meter = metered(name, benchmark, 150)
        for index, experience in enumerate(benchmark.train):
            with meter.experience(index):
                strategy.train(experience)
        found = scores(strategy, benchmark)
        own = found.task_aware if scenario == "task" else found.accuracy
        reached.append(sum(own) / len(own))
    naive, seeded = reached
    assert seeded >= naive
    assert scenario == "task" or seeded > naive + 0.1


def test_a_fast_network_is_believed_as_far_as_it_knows_the_label():
    stage, y = Consolidate(), torch.tensor([0, 1])
    stage._fast_network = torch.nn.Identity()
    logits = torch.tensor([[0.9, 0.1], [0.75, 0.25]]).log()
    answers = stage._answers(logits, y, torch.zeros(2, dtype=torch.long))
    expected = torch.tensor([[0.9 * 0.9 + 0.1, 0.9 * 0.1], [0.25 * 0.75, 0.25 * 0.25 + 0.75]])
    assert torch.allclose(answers, expected)


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
