from __future__ import annotations

import copy
import math

import pytest
import torch

from strategies.networks.layers import prunable
from strategies.sleep_cycle import Stage
from strategies.stages.consolidate import Consolidate, hidden
from toy import StepClock, toy_benchmark, toy_strategy


class Look(Stage):
    """Notes hidden weights and what of them may move, as it finds them."""

    takes_time = False

    def __init__(self):
        self.begun, self.seen, self.trainable = [], [], []

    def begin(self, strategy):
        self.begun.append(slices(strategy))

    def sleep(self, strategy, night):
        self.seen.append(slices(strategy))
        self.trainable.append(copy.deepcopy(strategy.trainable(hidden(strategy.model))))


class Break(Stage):
    takes_time = False

    @torch.no_grad()
    def sleep(self, strategy, night):
        next(strategy.model.parameters()).fill_(math.nan)


def consolidating(stages: str, *, steps: int = 40, experiences: int = 3, **chosen):
    benchmark = toy_benchmark("class", experiences=experiences)
    strategy = toy_strategy(
        "staged-sleep",
        benchmark,
        epochs=steps // 5,  # all that the day has room for
        budget_clock=StepClock(steps),
        chosen={"stages": stages, "batch_size": 40, **chosen},
    )
    return strategy, benchmark.train


def slices(strategy) -> dict[str, torch.Tensor]:
    return {name: w.detach().clone() for name, w in hidden(strategy.model).items()}


def share(*networks) -> float:
    """Entries that are not zero in any of the networks, over all."""
    layers = zip(*(network.values() for network in networks), strict=True)
    both = [torch.stack(weights).all(0) for weights in layers]
    return sum(int(b.sum()) for b in both) / sum(b.numel() for b in both)


def same(one, other, where=None) -> bool:
    """Whether two networks are equal to the bit, or so much of them as is not zero in `where`."""
    parts = {n: ... if where is None else where[n] != 0 for n in one}
    return all(torch.equal(one[n][part], other[n][part]) for n, part in parts.items())


def test_stages_before_it_find_the_fast_network_and_those_after_it_the_slow_one():
    strategy, stream = consolidating("consolidate")
    before, after = Look(), Look()
    strategy.stages = (before, *strategy.stages, after)
    awake = [slices(strategy)]
    for experience in stream:
        strategy.train(experience)
        awake.append(slices(strategy))
    for number in range(3):
        assert same(after.begun[number], awake[number])  # the day's network comes after `begin`
        assert same(after.seen[number], awake[number + 1])
        assert share(before.seen[number]) == pytest.approx(0.3, abs=0.03)
        assert share(before.seen[number], before.trainable[number]) == share(before.seen[number])
        assert number == 0 or share(after.trainable[number], awake[number]) == 0


def test_a_prune_before_it_is_of_the_fast_network():
    strategy, stream = consolidating("prune+consolidate", density=0.1)
    before, between = Look(), Look()
    prune, consolidate = strategy.stages
    strategy.stages = (before, prune, between, consolidate)
    for number, experience in enumerate(stream):
        strategy.train(experience)
        day = before.seen[number], between.seen[number]
        assert share(day[1]) == pytest.approx(0.1, abs=0.02)
        assert same(*day, where=day[1])
        assert share(between.trainable[number], before.trainable[number]) == share(
            between.trainable[number]
        )
    assert share(slices(strategy)) > 0.6  # three slices


def test_a_prune_after_it_leaves_its_density_and_moves_no_earlier_slice():
    strategy, stream = consolidating("consolidate+prune+rehearse", density=0.4)
    before = {name: torch.zeros_like(w) for name, w in slices(strategy).items()}
    for experience in stream:
        strategy.train(experience)
        now = slices(strategy)
        kept = {n: before[n] * (now[n] != 0) for n in now}
        assert same(before, now, where=kept)
        before = now
    weights = prunable(strategy.model)
    kept = sum(int((w != 0).sum()) for w in weights.values())
    assert kept / sum(w.numel() for w in weights.values()) == pytest.approx(0.4, abs=0.01)


@pytest.mark.parametrize("last", ["replay", "downscale", "dream", "rehearse", "align"])
def test_what_follows_it_in_the_night_moves_the_new_slice_alone(last):
    strategy, stream = consolidating(f"consolidate+{last}")
    before = {name: torch.zeros_like(w) for name, w in slices(strategy).items()}
    for number, experience in enumerate(stream):
        strategy.train(experience)
        now = slices(strategy)
        assert same(before, now, where=before)
        assert share(now) <= 1 - 0.5 ** (number + 1) + 0.02
        before = now


def test_each_cycle_has_a_fast_network_and_a_slice_of_its_own():
    strategy, stream = consolidating("consolidate", cycles=2, steps=80)
    before, after = Look(), Look()
    strategy.stages = (before, *strategy.stages, after)
    strategy.train(stream[0])
    assert [share(day) for day in before.seen] == pytest.approx([0.3, 0.3], abs=0.03)
    assert share(*before.seen) == pytest.approx(0.09, abs=0.02)
    first, second = after.seen
    assert share(first) == pytest.approx(0.5, abs=0.02)
    assert 0.55 < share(second) < 0.77
    assert same(first, second, where=first)
    assert same(second, slices(strategy))


@pytest.mark.parametrize("stages", ["replay+consolidate", "consolidate+replay"])
def test_beside_replay_neither_network_has_biases(stages):
    strategy, stream = consolidating(stages, cycles=2)
    biases = []

    class Note(Stage):
        takes_time = False

        def sleep(self, strategy, night):
            biases.extend(p for n, p in strategy.model.named_parameters() if "bias" in n)

    strategy.stages = (Note(), *strategy.stages, Note())
    for experience in stream:
        strategy.train(experience)
    assert len(biases) == 3 * 4 * 3
    assert not any(bias.any() for bias in biases)


@pytest.mark.parametrize("finished", [0, 1])
@pytest.mark.parametrize("cycles", [1, 2])
def test_undone_it_leaves_the_slow_network_and_its_moments(monkeypatch, finished, cycles):
    strategy, stream = consolidating("consolidate", cycles=cycles)
    stage = strategy.stages[0]
    for experience in stream[:finished]:
        strategy.train(experience)
    before, dreamt, means = slices(strategy), list(stage.dreamt), stage.moments.means()

    def rehearse(stage, strategy, night):
        rehearsed(stage, strategy, night)
        next(strategy.model.parameters()).data.fill_(math.nan)

    rehearsed = Consolidate._rehearse
    with monkeypatch.context() as broken:
        broken.setattr(Consolidate, "_rehearse", rehearse)
        with pytest.warns(UserWarning, match="not finite after a stage of sleep: it is undone"):
            strategy.train(stream[finished])
    assert same(before, slices(strategy))
    assert stage.dreamt == dreamt
    assert torch.equal(stage.moments.means(), means)
    strategy.train(stream[finished])  # and the next night is as if it had not been
    if finished == 0:
        assert share(slices(strategy)) == pytest.approx(0.5 if cycles == 1 else 0.66, abs=0.1)
    else:
        assert same(before, slices(strategy), where=before)


def test_what_breaks_after_it_does_not_undo_it():
    strategy, stream = consolidating("consolidate")
    strategy.stages = (*strategy.stages, Break())
    with pytest.warns(UserWarning, match="it is undone"):
        strategy.train(stream[0])
    assert share(slices(strategy)) == pytest.approx(0.5, abs=0.03)
    assert all(p.isfinite().all() for p in strategy.model.parameters())


def test_a_fast_network_that_diverges_teaches_nothing():
    strategy, stream = consolidating("consolidate")
    strategy.train(stream[0])
    before = copy.deepcopy(strategy.model.state_dict())
    strategy.optimizer.param_groups[0]["lr"] = 1e30
    with pytest.warns(UserWarning, match="no night follows"):
        strategy.train(stream[1])
    assert all(torch.equal(before[n], t) for n, t in strategy.model.state_dict().items())


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"stages": "dream+consolidate"}, "dream must come after consolidate"),
        ({"stages": "consolidate", "sleep_from": 2}, "sleep_from must be 1 .* got 2"),
    ],
)
def test_what_it_cannot_go_with_is_refused_in_words(chosen, message):
    with pytest.raises(ValueError, match=message):
        toy_strategy("staged-sleep", toy_benchmark("class"), chosen=chosen)


def test_a_network_with_convolutions_is_refused():
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(64, 4)
    )
    with pytest.raises(ValueError, match="must have linear layers only"):
        toy_strategy(
            "staged-sleep", toy_benchmark("class"), model=model, chosen={"stages": "consolidate"}
        )
