from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sleep_loops import dense_sleep, row_sleep, shown
from strategies.spiking.parameters import PRESETS, SUITE, SleepParameters, constants
from strategies.spiking.spiking_layers import Spikes, gate, input_spikes, layer_scales, sleep

PARAMETERS = SleepParameters(
    rate=300.0, inc=0.03, dec=0.01, beta=(1.0,), alpha_scale=1.0, steps=150
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def preset(name: str) -> SleepParameters:
    values = PRESETS[name]
    own = ("rate", "inc", "dec", "alpha_scale", "patch")
    return SleepParameters(
        **{key: values[key] for key in own}, beta=tuple(values["beta"]), steps=values["sleep_steps"]
    )


def weights_of(widths, seed: int = 0) -> list[torch.Tensor]:
    rng = generator(seed)
    return [
        torch.randn(after, before, generator=rng, dtype=torch.float64) * 0.3
        for before, after in pairwise(widths)
    ]


@settings(max_examples=60, deadline=None)
@given(
    widths=st.lists(st.integers(1, 7), min_size=1, max_size=4),
    image=st.booleans(),
    decay=st.sampled_from([0.0, 0.3, 0.9, 0.999, 1.0]),
    beta=st.sampled_from([0.05, 0.3, 1.0, 5.0]),
    inc=st.floats(0, 0.3),
    dec=st.floats(0, 0.1),
    rate=st.floats(0, 1000),
    patch=st.floats(0.1, 1),
    cut=st.integers(0, 150),
    seed=st.integers(0, 1000),
)
def test_events_equal_the_dense_loop_wherever_it_is_cut(
    widths, image, decay, beta, inc, dec, rate, patch, cut, seed
):
    weights = weights_of([20, *widths], seed)
    scales = layer_scales(weights, [0.5] * len(weights), 1.0)
    mean = torch.rand(20, generator=generator(seed), dtype=torch.float64)
    mean = mean.reshape(1, 4, 5) if image else mean
    parameters = SleepParameters(
        rate=rate, inc=inc, dec=dec, beta=(beta,), alpha_scale=1.0, steps=150, decay=decay,
        patch=patch,
    )  # fmt: skip
    ticks = []
    slept = sleep(
        weights,
        scales,
        mean,
        parameters,
        generator=generator(seed),
        keep_going=lambda: len(ticks) < cut,
        tick=lambda: ticks.append(1),
    )
    expected = dense_sleep(weights, scales, mean, parameters, generator(seed), cut)
    assert slept.steps == len(ticks) == cut
    assert slept.spikes == expected.spikes
    for mine, theirs in zip(slept.weights, expected.weights, strict=True):
        assert torch.allclose(mine, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", sorted(PRESETS.keys() - {SUITE}))
def test_the_papers_networks_sleep_as_in_both_loops(name):
    parameters = replace(preset(name), steps=500)
    widths = [784, 120, 120, 10] if parameters.patch < 1 else [200, 60, 30, 10]
    weights = weights_of(widths)
    scales = layer_scales(weights, [1.0, 1.0, 1.0], parameters.alpha_scale)
    mean = 0.5 * torch.rand(widths[0], generator=generator(), dtype=torch.float64)
    mean = mean.reshape(28, 28) if parameters.patch < 1 else mean
    slept = sleep(weights, scales, mean, parameters, generator=generator())
    assert min(slept.spikes[:2]) > 10
    for loop in (dense_sleep, row_sleep):
        expected = loop(weights, scales, mean, parameters, generator())
        assert slept.spikes == expected.spikes
        for mine, theirs in zip(slept.weights, expected.weights, strict=True):
            assert torch.allclose(mine, theirs, rtol=0, atol=1e-10)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), rate=st.sampled_from([0.0, 300.0]), still=st.booleans())
def test_without_spikes_or_without_a_rule_no_weight_moves(seed, rate, still):
    inc, dec = (0.0, 0.0) if still else (0.03, 0.01)
    weights = weights_of([20, 6, 3], seed)
    parameters = replace(PARAMETERS, rate=rate, inc=inc, dec=dec)
    slept = sleep(weights, [5.0, 5.0], torch.ones(20), parameters, generator=generator(seed))
    moved = not all(torch.equal(a, b) for a, b in zip(weights, slept.weights, strict=True))
    assert (sum(slept.spikes) > 0) == (rate > 0)
    assert moved == (rate > 0 and not still)


def test_two_neurons_by_hand():
    # input 0 spikes in every step, input 1 never; 0.6, then 1.2 >= 1: neuron 0 fires and resets
    weight = torch.tensor([[0.6, 0.0], [-0.6, 0.0]], dtype=torch.float64)
    parameters = replace(PARAMETERS, rate=1000.0, decay=1.0, steps=2)
    slept = sleep([weight], [1.0], torch.tensor([1.0, 0.0]), parameters, generator=generator())
    assert slept.spikes == [1]
    # its established weight does not move, its silent zero weight loses dec, neuron 1 stays
    expected = [[0.6, -0.01], [-0.6, 0.0]]
    assert torch.allclose(slept.weights[0], torch.tensor(expected, dtype=torch.float64))


def test_a_negative_weight_between_firing_neurons_gains_twice_inc():
    weight = torch.tensor([[2.0, -0.5]], dtype=torch.float64)
    parameters = replace(PARAMETERS, rate=1000.0, steps=1)
    slept = sleep([weight], [1.0], torch.ones(2), parameters, generator=generator())
    assert slept.weights[0][0].tolist() == pytest.approx([2.0, -0.44])


def test_the_gate_is_open_below_zero_and_closed_above():
    assert gate(torch.tensor([-0.1, 0.0, 0.1])).tolist() == pytest.approx([2.0, 1.0, 0.0])


def test_scales_carry_the_factor_of_the_layer_before():
    # s = 0.5, 2, 1 -> factors 0.5, 4, 0.25 -> gains 1/factor
    weights = [torch.tensor([[0.5, -3.0]]), torch.tensor([[1.0]]), torch.tensor([[1.0]])]
    assert layer_scales(weights, [0.1, 2.0, 0.2], 1.0) == [2.0, 0.25, 4.0]


def test_a_dead_layer_stays_silent():
    weights = [-torch.ones(3, 4), torch.ones(2, 3)]
    scales = layer_scales(weights, [0.0, 0.0], 1.0)
    assert scales == [0.0, 1.0]
    slept = sleep(weights, scales, torch.ones(4), PARAMETERS, generator=generator())
    assert slept.spikes == [0, 0]


def test_a_patch_is_one_square_over_all_channels_at_every_place():
    parameters = replace(PARAMETERS, rate=1000.0, patch=0.5)
    parameters = replace(parameters, steps=500)
    spikes = torch.stack(list(shown(torch.ones(2, 4, 6), parameters, generator())))
    spikes = spikes.reshape(500, 2, 4, 6)
    assert (spikes.sum((2, 3)) == 2 * 3).all()
    assert torch.equal(spikes[:, 0], spikes[:, 1])
    assert len(spikes.flatten(1).unique(dim=0)) == 3 * 4


def test_inputs_spike_with_probability_twice_dt_rate_x():
    parameters = replace(PARAMETERS, rate=250.0)
    mean = torch.tensor([-1.0, 0.0, 0.5, 9.0])
    spikes = input_spikes(mean, parameters, 20_000, generator())
    share = spikes.neurons.bincount(minlength=4) / 20_000
    assert share.tolist() == pytest.approx([0.0, 0.0, 0.25, 1.0], abs=0.01)
    assert (spikes.steps.diff() >= 0).all()


def test_who_watches_sees_every_spike_once_and_disturbs_nobody():
    weights, mean = weights_of((12, 9, 7, 5)), torch.full((12,), 0.8)
    parameters = SleepParameters(
        rate=400.0, inc=0.01, dec=0.001, beta=(0.5,), alpha_scale=1.0, steps=300
    )
    seen: dict[int, list[Spikes]] = {}

    def asleep(**watching):
        generator = torch.Generator().manual_seed(0)
        return sleep(weights, [1.0] * 3, mean, parameters, generator=generator, **watching)

    watched = asleep(watch=lambda layer, spikes: seen.setdefault(layer, []).append(spikes))
    alone = asleep()
    assert all(torch.equal(a, b) for a, b in zip(watched.weights, alone.weights, strict=True))
    counts = {layer: sum(len(s.steps) for s in spikes) for layer, spikes in seen.items()}
    assert [counts[layer] for layer in (1, 2, 3)] == watched.spikes
    assert counts[1] > 0
    steps = torch.cat([spikes.steps for spikes in seen[0]])
    assert steps.max() < 300
    assert (steps.diff() >= 0).all()


def test_arguments_stay_as_they_are_and_a_seed_repeats():
    weights = weights_of([20, 6, 3])
    before = [w.clone() for w in weights]
    first, again, other = (
        sleep(weights, [5.0, 5.0], torch.ones(20), PARAMETERS, generator=generator(seed))
        for seed in (1, 1, 2)
    )
    assert all(torch.equal(a, b) for a, b in zip(weights, before, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(first.weights, again.weights, strict=True))
    assert not torch.equal(first.weights[0], other.weights[0])


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("rate", -1, "rate must be at least 0, got -1"),
        ("steps", 0, "steps must be at least 1, got 0"),
        ("dec", -0.1, "dec must be at least 0, got -0.1"),
        ("beta", (1.0, 0.0), r"beta must be above 0 for each layer, got \(1.0, 0.0\)"),
        ("decay", 1.5, r"decay must be in \[0, 1\], got 1.5"),
        ("patch", 0, r"patch must be in \(0, 1\], got 0"),
        ("inc", float("nan"), "inc must be at least 0, got nan"),
    ],
)
def test_values_out_of_range_are_refused(field, value, message):
    with pytest.raises(ValueError, match=message):
        replace(PARAMETERS, **{field: value})


def test_thresholds_for_another_number_of_layers_are_refused():
    with pytest.raises(ValueError, match="one value or one for each of 3 layers"):
        replace(PARAMETERS, beta=(1.0, 2.0)).thresholds(3)
    assert PARAMETERS.thresholds(3) == [1.0, 1.0, 1.0]


def test_presets_give_way_to_what_is_chosen():
    assert constants("mnist", {"rate": None})["rate"] == 239.515
    assert constants("mnist", {"rate": 1.0})["rate"] == 1.0
    with pytest.raises(ValueError, match=r"preset must be one of suite, mnist, .*, got 'minst'"):
        constants("minst", {})
