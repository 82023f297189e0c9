from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from strategies.methods.staged_sleep import in_turn
from strategies.pruning.weight_count import weights_in_use
from strategies.sleep_cycle import Night, Stage
from toy import StepClock, toy_benchmark, toy_strategy


class Note(Stage):
    """Notes when it sleeps and until when; a step of work at a time if it takes time."""

    def __init__(self, name, log, *, takes_time=True):
        self.name, self.log, self.takes_time = name, log, takes_time

    def sleep(self, strategy, night):
        self.log.append((self.name, round(strategy.progress, 2), round(night.end, 2)))
        while self.takes_time and strategy.progress < night.end:
            strategy.budget_clock.tick()


def staged(stages: str, *, scenario: str = "class", steps: int = 100, **chosen):
    """A strategy whose experiences are `steps` long, minibatches and work at night together."""
    benchmark = toy_benchmark(scenario)
    strategy = toy_strategy(
        "staged-sleep",
        benchmark,
        epochs=steps // 4,  # minibatches of 10 of 40 samples
        budget_clock=StepClock(steps),
        chosen={"stages": stages, **chosen},
    )
    return strategy, benchmark


def test_days_and_nights_take_turns():
    nights = in_turn(2, 0.4)
    assert [round(n.start, 6) for n in nights] == [0.3, 0.8]
    assert [round(n.end, 6) for n in nights] == [0.5, 1.0]
    assert [(n.index, n.count) for n in nights] == [(0, 2), (1, 2)]


def test_stages_sleep_in_order_and_those_that_take_time_share_the_night():
    strategy, benchmark = staged("dream", cycles=2, night=0.4)
    log: list = []
    strategy.stages = (
        Note("scale", log, takes_time=False),
        Note("replay", log),
        Note("dream", log),
    )
    strategy.train(benchmark.train[0])
    assert log == [
        ("scale", 0.3, 0.5),
        ("replay", 0.3, 0.4),
        ("dream", 0.4, 0.5),
        ("scale", 0.8, 1.0),
        ("replay", 0.8, 0.9),
        ("dream", 0.9, 1.0),
    ]


def test_a_stage_that_ends_early_leaves_its_time_to_the_next():
    strategy, benchmark = staged("dream", night=0.4)
    log: list = []

    class Short(Note):
        def sleep(self, strategy, night):
            self.log.append((self.name, round(strategy.progress, 2), round(night.end, 2)))

    strategy.stages = (Short("short", log), Note("long", log))
    strategy.train(benchmark.train[0])
    assert log == [("short", 0.6, 0.8), ("long", 0.6, 1.0)]


@pytest.mark.parametrize(
    "stages",
    [
        "prune+downscale+replay+dream",
        "dream+rehearse+downscale+prune",
        "replay+align",
        "prune+consolidate+replay",
        "rehearse+consolidate+dream+prune",
    ],
)
@pytest.mark.parametrize("scenario", ["task", "class", "domain"])
def test_any_order_of_stages_trains_and_answers(stages, scenario):
    strategy, benchmark = staged(stages, scenario=scenario, cycles=2, steps=20)
    for experience in benchmark.train:
        strategy.train(experience)
    assert all(p.isfinite().all() for p in strategy.model.parameters())
    strategy.eval(benchmark.test)


def test_only_what_is_kept_between_experiences_counts_as_stored():
    for stages, stores in [("downscale+replay", False), ("rehearse", True), ("dream", True)]:
        strategy, benchmark = staged(stages, steps=20)
        for experience in benchmark.train:
            strategy.train(experience)
        assert (weights_in_use(strategy).buffer_bytes > 0) == stores


@pytest.mark.parametrize("stages", ["prune+downscale+dream", "prune+replay"])
def test_a_prune_in_the_night_leaves_its_density_whatever_follows(stages):
    strategy, benchmark = staged(stages, density=0.3, cycles=3)
    strategy.train_epochs = 5  # no day after the last night
    for experience in benchmark.train:
        strategy.train(experience)
    kept = sum(int((w != 0).sum()) for w in strategy.weights.values())
    total = sum(w.numel() for w in strategy.weights.values())
    assert kept == pytest.approx(0.3 * total, abs=1)


def test_downscaling_multiplies_weights_and_nothing_else():
    strategy, benchmark = staged("downscale", downscale_to=0.5)
    strategy.experience = benchmark.train[0]
    before = {n: p.clone() for n, p in strategy.model.named_parameters()}
    strategy.stages[0].sleep(strategy, Night(1.0, 1.0))
    for name, parameter in strategy.model.named_parameters():
        assert torch.equal(parameter, before[name] * (0.5 if "weight" in name else 1.0))


def test_aligning_gives_new_rows_the_mean_norm_of_old_ones():
    strategy, benchmark = staged("align", steps=40)
    for experience in benchmark.train:
        strategy.train(experience)
    norms = strategy.model[-1].weight.norm(dim=1)
    assert norms[2:].mean().item() == pytest.approx(norms[:2].mean().item(), rel=1e-5)


def test_without_a_referee_a_step_of_the_night_counts_as_a_minibatch():
    benchmark = toy_benchmark("class")
    strategy = toy_strategy(
        "staged-sleep", benchmark, epochs=3, chosen={"stages": "dream", "night": 0.75}
    )
    strategy.train(benchmark.train[0])
    assert strategy.clock.train_iterations == 12
    assert strategy.budget_clock._ticks == 36
    assert strategy.progress == pytest.approx(1.0)


def test_sleep_may_begin_with_a_later_experience():
    strategy, benchmark = staged("dream", sleep_from=2, steps=20)
    log: list = []
    strategy.stages = (Note("stage", log),)
    strategy.train(benchmark.train[0])
    assert not log
    strategy.train(benchmark.train[1])
    assert len(log) == 1


def test_a_stage_that_breaks_the_weights_is_undone():
    strategy, benchmark = staged("dream", steps=20)

    class Break(Stage):
        def sleep(self, strategy, night):
            with torch.no_grad():
                strategy.model[-1].weight.mul_(math.nan)

    strategy.stages = (Break(),)
    with pytest.warns(UserWarning, match="not finite after a stage of sleep: it is undone"):
        strategy.train(benchmark.train[0])
    assert all(p.isfinite().all() for p in strategy.model.parameters())


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"stages": "dreem"}, "unknown stage 'dreem' in 'dreem'; did you mean 'dream'"),
        (
            {"stages": "dream+"},
            r"unknown stage '' in 'dream\+'\. Known: align, consolidate, downscale",
        ),
        ({"stages": "dream+dream"}, "each stage at most once, got 'dream[+]dream'"),
        ({"cycles": 0}, r"cycles must be in \[1, 1000\], got 0"),
        ({"night": 1.0}, r"night must be in \(0, 1\), got 1.0"),
        ({"night": -0.5}, r"night must be in \(0, 1\), got -0.5"),
        ({"sleep_from": 0}, "sleep_from must be at least 1, got 0"),
        ({"density": 0.0}, r"density must be in \(0, 1\], got 0.0"),
        (
            {"stages": "downscale", "downscale_to": 1.5},
            r"downscale_to must be in \(0, 1\], got 1.5",
        ),
        ({"stages": "rehearse", "buffer": 0}, "buffer must be at least 1, got 0"),
        ({"vividness": -1.0}, "vividness must be above 0, got -1.0"),
        ({"curriculum": "random"}, "curriculum must be 'uniform' or 'reinforced', got 'random'"),
    ],
)
def test_bad_input_is_refused_in_words(chosen, message):
    with pytest.raises(ValueError, match=message):
        toy_strategy("staged-sleep", toy_benchmark("class"), chosen=chosen)


def test_replay_among_the_stages_asks_for_a_network_that_can_sleep():
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(36, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 4)
    )
    with pytest.raises(ValueError, match="got BatchNorm1d"):
        toy_strategy(
            "staged-sleep", toy_benchmark("class"), model=model, chosen={"stages": "replay"}
        )


@pytest.mark.parametrize("stages", ["prune+downscale+replay+dream", "dream", "rehearse+align"])
def test_no_night_hides_that_the_day_diverged(stages):
    benchmark = toy_benchmark("class")
    chosen = {"stages": stages, "learning_rate": 1e30}
    strategy = toy_strategy("staged-sleep", benchmark, epochs=3, chosen=chosen)
    with pytest.warns(UserWarning, match="no night follows"):
        strategy.train(benchmark.train[0])
    assert not all(p.isfinite().all() for p in strategy.model.parameters())


def test_stages_that_are_neither_names_nor_objects_are_refused():
    with pytest.raises(ValueError, match=r"stages must be names joined by \+ or objects, got"):
        toy_strategy("staged-sleep", toy_benchmark("class"), chosen={"stages": ["dream"]})
