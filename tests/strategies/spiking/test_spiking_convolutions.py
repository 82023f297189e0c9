"""Convolutions asleep: by hand, beside the linear sleep, and in a strategy."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from strategies.spiking.parameters import SleepParameters
from strategies.spiking.sleeping_layers import check_can_sleep, sleeping_layers
from strategies.spiking.spiking_convolutions import ForwardPass, sleep_through
from strategies.spiking.spiking_layers import Slept, Spikes, layer_scales, sleep
from toy import toy_benchmark, toy_strategy

PARAMETERS = SleepParameters(
    rate=300.0, inc=0.03, dec=0.01, beta=(1.0,), alpha_scale=1.0, steps=150
)
SURE = SleepParameters(
    rate=1000.0, inc=0.03, dec=0.01, beta=(1.0,), alpha_scale=1.0, steps=1, patch=1.0
)
"""An input of 1 spikes in every step."""


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def through(model: nn.Module, mean: torch.Tensor, parameters: SleepParameters, **rest) -> Slept:
    layers = [m for m in model.modules() if isinstance(m, (nn.Linear, nn.Conv2d))]
    weights = [layer.weight.detach() for layer in layers]
    scales = layer_scales(weights, [0.5] * len(layers), parameters.alpha_scale)
    shown = torch.zeros(1, *mean.shape, dtype=mean.dtype), torch.zeros(1, dtype=torch.long)
    network = ForwardPass(model, layers, shown)
    return sleep_through(network, scales, mean, parameters, generator=generator(), **rest)


@settings(max_examples=25, deadline=None)
@given(
    decay=st.sampled_from([0.0, 0.9, 1.0]),
    beta=st.sampled_from([0.05, 0.3, 1.0]),
    cut=st.integers(0, 150),
    seed=st.integers(0, 1000),
)
def test_linear_layers_and_kernels_as_large_as_their_input_sleep_as_events_do(
    decay, beta, cut, seed
):
    torch.manual_seed(seed)
    linear = nn.Sequential(nn.Flatten(), nn.Linear(32, 7), nn.ReLU(), nn.Linear(7, 3)).double()
    kernel = nn.Sequential(nn.Conv2d(2, 7, 4), nn.ReLU(), nn.Conv2d(7, 3, 1), nn.Flatten()).double()
    kernel[0].weight.data = linear[1].weight.data.view(7, 2, 4, 4).clone()
    kernel[2].weight.data = linear[3].weight.data.view(3, 7, 1, 1).clone()
    mean = torch.rand(2, 4, 4, generator=generator(seed), dtype=torch.float64)
    parameters = SleepParameters(
        rate=300.0, inc=2**-5, dec=2**-7, beta=(beta,), alpha_scale=1.0, steps=150, decay=decay
    )
    weights = [linear[1].weight.detach(), linear[3].weight.detach()]
    scales = layer_scales(weights, [0.5, 0.5], 1.0)
    ticks: list[int] = []
    expected = sleep(
        weights, scales, mean, parameters, generator=generator(),
        keep_going=lambda: len(ticks) < cut, tick=lambda: ticks.append(1),
    )  # fmt: skip
    for model in (linear, kernel):
        ticks.clear()
        slept = through(
            model, mean, parameters,
            keep_going=lambda: len(ticks) < cut, tick=lambda: ticks.append(1),
        )  # fmt: skip
        assert slept.steps == cut
        assert slept.spikes == expected.spikes
        for mine, theirs in zip(slept.weights, expected.weights, strict=True):
            assert torch.allclose(mine.flatten(1), theirs, rtol=0, atol=1e-12)


def test_a_kernel_learns_the_mean_of_its_neurons_that_fire_by_hand():
    # three places of a kernel of two, without padding two neurons: inputs 1 1 | 1 0
    model = nn.Sequential(nn.Conv2d(1, 1, (1, 2), bias=False)).double()
    model[0].weight.data = torch.tensor([[[[1.5, -0.25]]]], dtype=torch.float64)
    mean = torch.tensor([[[1.0, 1.0, 0.0]]], dtype=torch.float64)
    shown = torch.zeros(1, 1, 1, 3, dtype=torch.float64), torch.zeros(1, dtype=torch.long)
    network = ForwardPass(model, [model[0]], shown)
    slept = sleep_through(network, [1.0], mean, SURE, generator=generator())
    # potentials 1.25 and 1.5 both fire; the second weight saw one spike and one silence, and a
    # weight below 0 moves by twice the mean of inc and -dec
    assert slept.spikes == [2]
    expected = [1.5, -0.25 + 2 * (0.03 - 0.01) / 2]
    assert slept.weights[0].flatten().tolist() == pytest.approx(expected)


def test_a_maximum_over_places_passes_a_spike_on():
    model = nn.Sequential(
        nn.Conv2d(1, 1, 1, bias=False), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1, 1, bias=False)
    ).double()
    for layer in (model[0], model[3]):
        nn.init.ones_(layer.weight)
    for shown, spikes in ((1.0, [1, 1]), (0.0, [0, 0])):
        mean = torch.zeros(1, 2, 2, dtype=torch.float64)
        mean[0, 1, 0] = shown
        assert through(model, mean, SURE).spikes == spikes


def test_biases_drive_nobody_the_model_stays_and_who_watches_sees_every_spike():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 5)
    )
    nn.init.constant_(model[0].bias, 100.0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    seen: dict[int, list[Spikes]] = {}
    slept = through(
        model, torch.rand(1, 6, 6, generator=generator()), PARAMETERS,
        watch=lambda layer, spikes: seen.setdefault(layer, []).append(spikes),
    )  # fmt: skip
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    counts = {layer: sum(len(s.steps) for s in spikes) for layer, spikes in seen.items()}
    assert [counts[1], counts[2]] == slept.spikes
    assert 0 < counts[1] < PARAMETERS.steps * 4 * 36
    assert not torch.equal(slept.weights[0], before["0.weight"])


@pytest.mark.parametrize("scenario", ["class", "task"])
def test_a_strategy_puts_them_to_sleep_and_takes_their_biases(scenario, monkeypatch):
    from strategies.stages import replay

    nights = []
    real = replay.sleep_through

    def spy(*args, **kwargs):
        nights.append(real(*args, **kwargs))
        return nights[-1]

    monkeypatch.setattr(replay, "sleep_through", spy)
    benchmark = toy_benchmark(scenario)
    trunk = [nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    if scenario == "task":
        from strategies.networks.heads import MultiHeadModel, TaskHead

        model: nn.Module = MultiHeadModel(nn.Sequential(*trunk), TaskHead(16, [[0, 1], [2, 3]]))
    else:
        model = nn.Sequential(*trunk, nn.Linear(16, 4))
    kernel = trunk[0]
    chosen = {"convolutions": True, "sleep_steps": 200}
    strategy = toy_strategy("sleep-replay", benchmark, model=model, chosen=chosen)
    for experience in benchmark.train:
        strategy.train(experience)
    assert [slept.steps for slept in nights] == [200, 200]
    assert all(slept.spikes[0] > 0 for slept in nights)
    assert torch.equal(kernel.weight, nights[-1].weights[0])
    assert not kernel.bias.any()


def test_what_cannot_sleep_wholly_is_refused_by_name():
    normed = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 2))
    rule = "with convolutions asleep only they and linear layers may learn, got BatchNorm2d '1'"
    with pytest.raises(ValueError, match=rule):
        check_can_sleep(normed, convolutions=True)
    for options in ({"groups": 2}, {"padding_mode": "circular"}, {"padding": "same"}):
        model = nn.Sequential(nn.Conv2d(2, 2, 3, **options), nn.Flatten(), nn.Linear(8, 2))
        with pytest.raises(ValueError, match="a convolution must have one group and a number of"):
            check_can_sleep(model, convolutions=True)
    plain = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 2))
    assert sleeping_layers(plain, convolutions=True) == 2
    assert sleeping_layers(plain) == 1
    with pytest.raises(ValueError, match="frozen_trunk must be false where convolutions sleep"):
        toy_strategy(
            "sleep-replay", toy_benchmark("class"), model=plain,
            chosen={"convolutions": True, "frozen_trunk": True},
        )  # fmt: skip
    for name in ("convolutions", "frozen_trunk"):
        with pytest.raises(ValueError, match=f"{name} must be false for a model that learns in"):
            toy_strategy("sleep-replay", toy_benchmark("class"), chosen={name: True})
