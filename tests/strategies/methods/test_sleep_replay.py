from __future__ import annotations

import math

import pytest
import torch
from avalanche.models import MTSimpleMLP
from torch import nn

from strategies import building
from strategies.pruning.weight_count import weights_in_use
from strategies.spiking.activation_statistics import observe
from strategies.spiking.sleeping_layers import check_can_sleep, sleeping_layers
from strategies.stages import replay
from toy import StepClock, toy_benchmark, toy_model, toy_strategy

SHORT = {"sleep_steps": 200}


def trained(scenario: str = "class", *, experiences: int = 2, **options):
    benchmark = toy_benchmark(scenario, experiences=experiences)
    strategy = toy_strategy(
        "sleep-replay", benchmark, chosen={**SHORT, **options.pop("chosen", {})}, **options
    )
    for experience in benchmark.train:
        strategy.train(experience)
    return strategy, benchmark


def state(strategy) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in strategy.model.parameters()])


@pytest.fixture
def nights(monkeypatch):
    """What each night was given: mean input and outcome."""

    seen = []
    real = replay.sleep

    def spy(weights, scales, mean_input, *args, **kwargs):
        slept = real(weights, scales, mean_input, *args, **kwargs)
        seen.append((mean_input, slept))
        return slept

    monkeypatch.setattr(replay, "sleep", spy)
    return seen


def test_each_experience_ends_with_one_night_on_its_own_mean_input(nights):
    _, benchmark = trained()
    for experience, (mean, slept) in zip(benchmark.train, nights, strict=True):
        images = torch.stack([experience.dataset[i][0] for i in range(len(experience.dataset))])
        expected = images.mean(0) / images.mean(0).max()
        assert mean.shape == (1, 6, 6)
        assert torch.allclose(mean, expected, atol=1e-6)
        assert slept.spikes[0] > 0


def test_the_day_ends_after_its_minibatches_and_the_night_ends_the_experience(nights):
    strategy, _ = trained(epochs=50, chosen={"day_steps": 7}, experiences=3)
    assert strategy.clock.train_iterations == 3 * 7
    assert [slept.steps for _, slept in nights] == [200] * 3


def test_the_day_ends_at_its_progress_and_the_night_when_the_share_is_spent(nights):
    clock = StepClock(50)
    strategy, _ = trained(epochs=50, chosen={"day": 0.2}, budget_clock=clock)
    assert strategy.clock.train_iterations == 2 * 10
    # four minibatches of ten samples are observed before the sleep
    assert [slept.steps for _, slept in nights] == [50 - 10 - 4] * 2


def test_noise_has_the_mean_rate_of_the_mean_input_and_nothing_else_of_it(nights):
    trained()
    trained(chosen={"sleep_input": "noise"})
    (mean, _), *_ = nights
    noise = nights[2][0]
    assert noise.shape == mean.shape
    assert noise.unique().numel() == 1
    assert noise.mean().item() == pytest.approx(mean.mean().item())


def test_sleep_may_begin_with_a_later_experience_and_the_days_stay_as_long(nights):
    strategy, _ = trained(epochs=50, chosen={"day_steps": 7, "sleep_from": 3}, experiences=3)
    assert strategy.clock.train_iterations == 3 * 7
    assert len(nights) == 1


def test_without_potentiation_no_night_lets_a_weight_grow(monkeypatch):

    changes = []
    real = replay.sleep

    def spy(weights, *args, **kwargs):
        before = [weight.clone() for weight in weights]
        slept = real(weights, *args, **kwargs)
        changes.extend((a - b).flatten() for a, b in zip(slept.weights, before, strict=True))
        return slept

    monkeypatch.setattr(replay, "sleep", spy)
    for name, grows in {"sleep-replay": True, "sleep-replay-depression": False}.items():
        changes.clear()
        benchmark = toy_benchmark("class")
        toy_strategy(name, benchmark).train(benchmark.train[0])
        assert torch.cat(changes).min() < 0
        assert bool(torch.cat(changes).max() > 0) == grows


def test_an_experience_cut_by_day_is_not_slept_on(nights):
    benchmark = toy_benchmark("class")
    strategy = toy_strategy("sleep-replay", benchmark, budget_clock=StepClock(1))
    strategy.train(benchmark.train[0])
    assert not nights


@pytest.mark.parametrize("scenario", ["task", "class", "domain"])
def test_sleeping_layers_have_no_bias_and_learn(scenario):
    strategy, _ = trained(scenario)
    layers = [m for m in strategy.model.modules() if isinstance(m, nn.Linear)]
    assert len(layers) == 3
    assert all((layer.bias == 0).all() for layer in layers)


def test_the_seed_decides_and_the_global_generator_gives_it():
    first, again, other = (state(trained(chosen={"seed": seed})[0]) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(state(trained(seed=7)[0]), state(trained(seed=7)[0]))


def test_nights_of_a_stream_trained_in_one_call_are_the_same():
    one, benchmark = trained()
    whole = toy_strategy("sleep-replay", toy_benchmark("class"), chosen=SHORT)
    whole.train(benchmark.train)
    assert torch.equal(state(one), state(whole))


def test_a_network_of_convolutions_sleeps_in_its_linear_layers_only(nights):
    benchmark = toy_benchmark("class")
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 4)
    )
    strategy = toy_strategy("sleep-replay", benchmark, model=model, chosen=SHORT)
    strategy.train(benchmark.train[0])
    mean, slept = nights[0]
    assert mean.shape == (64,)
    assert [w.shape for w in slept.weights] == [(8, 64), (4, 8)]
    assert model[0].bias.requires_grad
    assert torch.equal(model[3].weight, slept.weights[0])


def test_avalanches_own_heads_sleep_one_at_a_time(nights):
    benchmark = toy_benchmark("task")
    model = MTSimpleMLP(input_size=36, hidden_size=8)
    strategy = toy_strategy("sleep-replay", benchmark, model=model, chosen=SHORT)
    for experience in benchmark.train:
        strategy.train(experience)
    heads = [head.classifier.weight for head in model.classifier.classifiers.values()]
    for head, (_, slept) in zip(heads, nights, strict=True):
        assert torch.equal(head, slept.weights[-1])


def test_observing_leaves_no_hook_and_the_mode_of_training():
    benchmark = toy_benchmark("class")
    strategy = toy_strategy("sleep-replay", benchmark)
    minibatches = [(torch.rand(5, 1, 6, 6), torch.zeros(5), torch.zeros(5))]
    strategy.model.train()
    strategy.model[1].eval()
    statistics = observe(strategy, minibatches, lambda: True)
    assert [module.training for module in strategy.model[:3]] == [True, False, True]
    assert not any(m._forward_hooks for m in strategy.model.modules())
    assert [layer.out_features for layer in statistics.maxima] == [300, 100, 4]


def test_weights_that_are_not_finite_undo_the_night(monkeypatch):
    from strategies.spiking.spiking_layers import Slept

    def broken(weights, *args, **kwargs):
        return Slept([torch.full_like(w, math.nan) for w in weights], 1, [1])

    monkeypatch.setattr(replay, "sleep", broken)
    with pytest.warns(UserWarning, match="the night is undone"):
        strategy, _ = trained()
    assert state(strategy).isfinite().all()


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"rate": -1}, "rate must be at least 0, got -1"),
        ({"day": 1.0}, r"day must be in \(0, 1\), got 1.0"),
        ({"day_steps": 0}, "day_steps must be at least 1, got 0"),
        ({"sleep_from": 0}, "sleep_from must be at least 1, got 0"),
        ({"sleep_input": "white"}, "sleep_input must be .mean. or .noise., got .white."),
        ({"sleep_steps": 0}, "steps must be at least 1, got 0"),
        ({"more_steps": -1}, "more_steps must be at least 0, got -1"),
        ({"observed": -1}, "observed must be at least 0, got -1"),
        ({"data": "past"}, "data must be 'current', 'first' or 'seen', got 'past'"),
        ({"buffer": -1}, "buffer must be at least 0, got -1"),
        ({"preset": "minst"}, "preset must be one of suite, mnist"),
        (
            {"beta": [1.0, 2.0]},
            "preset 'suite' does not fit the network: beta must be one value or",
        ),
        ({"beta": [1.0, -1.0]}, r"beta must be above 0 for each layer, got \(1.0, -1.0\)"),
    ],
)
def test_hyperparameters_out_of_range_are_refused(chosen, message):
    with pytest.raises(ValueError, match=message):
        toy_strategy("sleep-replay", toy_benchmark("class"), chosen=chosen)


def test_a_module_that_cannot_sleep_is_refused_by_name():
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    with pytest.raises(ValueError, match="got BatchNorm1d '1'"):
        check_can_sleep(model)
    with pytest.raises(ValueError, match="must have a linear layer to put to sleep, got none"):
        check_can_sleep(nn.Conv2d(1, 1, 1))
    for scenario in ("task", "class"):
        model = toy_model(toy_benchmark(scenario))
        check_can_sleep(model)
        assert sleeping_layers(model) == 3
    assert sleeping_layers(MTSimpleMLP()) == 2


def images_of(experience) -> torch.Tensor:
    return torch.stack([experience.dataset[i][0] for i in range(len(experience.dataset))])


def test_a_preset_is_what_the_paper_slept_by(nights):
    entry = building.find("sleep-replay")
    resolved = building.resolve("sleep-replay", entry, {"preset": "mnist", "dec": 0.5})
    assert [resolved[key] for key in ("rate", "inc", "dec")] == [239.515, 0.032064, 0.5]
    assert resolved["beta"] == [14.548, 44.56, 38.046]
    assert building.resolve("sleep-replay", entry, {})["rate"] == 240.0
    chosen = {"preset": "mnist", "sleep_steps": 100, "more_steps": 50}
    strategy, benchmark = trained(experiences=3, chosen=chosen)
    # without a referee no step is cut, after a day that was spent and a look at all data
    assert [slept.steps for _, slept in nights] == [100, 150, 200]
    assert strategy.progress == 1
    for experience, (mean, _) in zip(benchmark.train, nights, strict=True):
        assert torch.allclose(mean, images_of(experience).mean(0), atol=1e-6)
    assert strategy.replay.parameters.beta == (14.548, 44.56, 38.046)
    assert weights_in_use(strategy).buffer_bytes == 0


def test_all_data_seen_so_far_are_stored_and_counted(nights):
    chosen = {"preset": "mnist", "data": "seen", "sleep_steps": 100, "more_steps": 0}
    strategy, benchmark = trained(experiences=3, chosen=chosen)
    seen = torch.cat([images_of(experience) for experience in benchmark.train])
    for count, (mean, slept) in enumerate(nights, 1):
        assert torch.allclose(mean, seen[: 40 * count].mean(0), atol=1e-6)
        assert slept.steps == 100
    assert weights_in_use(strategy).buffer_bytes == 3 * 40 * (36 + 16)
    with pytest.raises(ValueError, match="data 'seen' needs one head for all tasks"):
        toy_strategy("sleep-replay", toy_benchmark("task"), chosen=chosen)


def test_every_night_may_be_on_the_first_experience_which_alone_is_stored(nights):
    chosen = {"preset": "cifar10", "data": "first", "sleep_steps": 100}
    strategy, benchmark = trained(experiences=3, chosen=chosen)
    first = images_of(benchmark.train[0]).mean(0)
    assert all(torch.allclose(mean, first, atol=1e-6) for mean, _ in nights)
    assert [slept.steps for _, slept in nights] == [100] * 3
    assert weights_in_use(strategy).buffer_bytes == 40 * (36 + 16)
    with pytest.raises(ValueError, match="data 'first' needs one head for all tasks"):
        toy_strategy("sleep-replay", toy_benchmark("task"), chosen=chosen)


def test_a_buffer_puts_stored_examples_beside_new_ones_by_day_only(nights):
    from avalanche.core import SupervisedPlugin

    class Count(SupervisedPlugin):
        def __init__(self):
            super().__init__()
            self.old = []

        def after_training_iteration(self, strategy, **kwargs):
            new = strategy.experience.classes_in_this_experience
            self.old.append(int((~torch.isin(strategy.mb_y, torch.tensor(new))).sum()))

    count = Count()
    chosen = {"day_steps": 7, "buffer": 20}
    strategy, benchmark = trained(epochs=50, experiences=2, chosen=chosen, plugins=[count])
    assert count.old == [0] * 7 + [10] * 7
    # of each its image, target and task label, and what was drawn for all 40 of two experiences
    assert weights_in_use(strategy).buffer_bytes == 20 * (36 + 16) + 2 * 40 * 4
    for experience, (mean, _) in zip(benchmark.train, nights, strict=True):
        expected = images_of(experience).mean(0)
        assert torch.allclose(mean, expected / expected.max(), atol=1e-6)


def test_a_preset_for_more_layers_than_there_are_is_refused():
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.ReLU(), nn.Linear(8, 4))
    message = "preset 'mnist' does not fit the network: beta .* one for each of 2 layers"
    with pytest.raises(ValueError, match=message):
        toy_strategy(
            "sleep-replay", toy_benchmark("class"), model=model, chosen={"preset": "mnist"}
        )


def test_biases_learn_by_day_and_neither_drive_nor_change_at_night(nights):
    after = []
    for rate in (0.0, 240.0):
        benchmark = toy_benchmark("class")
        strategy = toy_strategy(
            "sleep-replay", benchmark, chosen={**SHORT, "biases": True, "rate": rate}
        )
        strategy.train(benchmark.train[0])
        after.append(dict(strategy.model.named_parameters()))
    assert [sum(slept.spikes) > 0 for _, slept in nights] == [False, True]
    quiet, lively = after
    for name, value in quiet.items():
        assert value.any()
        if name.endswith("bias"):
            assert torch.equal(value, lively[name])
    assert not torch.equal(quiet["1.weight"], lively["1.weight"])


def test_a_frozen_trunk_learns_in_the_first_experience_only():
    benchmark = toy_benchmark("class", experiences=3)
    model = nn.Sequential(
        *(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten()),
        *(nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 6)),
    )
    start = {name: value.clone() for name, value in model.state_dict().items()}
    chosen = {**SHORT, "frozen_trunk": True, "weight_decay": 0.1}
    with pytest.warns(UserWarning, match="normalisation stays awake: .* no night moves it: 1"):
        strategy = toy_strategy("sleep-replay", benchmark, model=model, chosen=chosen)
    seen = []
    for experience in benchmark.train:
        strategy.train(experience)
        seen.append({name: value.clone() for name, value in model.state_dict().items()})
    for name in start:
        trunk = name.startswith(("0.", "1."))
        assert torch.equal(seen[0][name], seen[2][name]) == (trunk or name.endswith("bias"))
        assert not (trunk and torch.equal(start[name], seen[0][name]))
