from __future__ import annotations

from itertools import pairwise
from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from strategies.networks.heads import TaskHead
from strategies.networks.layers import prunable
from strategies.pruning.masks import (
    SCHEDULES,
    FrozenEntries,
    Scope,
    geometric,
    keep_largest,
    largest,
    union,
)

scores = st.lists(st.integers(0, 5), min_size=1, max_size=60).map(
    lambda values: torch.tensor(values, dtype=torch.float)
)


@given(scores, st.integers(0, 70))
def test_exactly_count_are_kept_and_none_smaller_than_one_left_out(values, count):
    mask = largest(values, count)
    assert int(mask.sum()) == min(count, len(values))
    if mask.any() and not mask.all():
        assert values[mask].min() >= values[~mask].max()


def test_ties_go_to_the_lower_index():
    assert largest(torch.tensor([1.0, 2.0, 2.0, 2.0]), 2).tolist() == [False, True, True, False]


@given(st.floats(0.01, 1), st.sampled_from(get_args(Scope)), st.integers(0, 2**16))
def test_only_eligible_entries_are_kept_at_the_density(density, scope, seed):
    generator = torch.Generator().manual_seed(seed)
    weights = {
        "a": torch.randn(7, 5, generator=generator),
        "b": torch.randn(40, generator=generator),
    }
    eligible = {n: torch.rand(w.shape, generator=generator) < 0.5 for n, w in weights.items()}
    kept = keep_largest(weights, eligible, density, scope)
    assert all((kept[n] & ~eligible[n]).sum() == 0 for n in kept)
    free = {n: int(e.sum()) for n, e in eligible.items()}
    if scope == "layer":
        for name, weight in weights.items():
            assert int(kept[name].sum()) == min(round(density * weight.numel()), free[name])
    else:
        wanted = min(round(density * 75), sum(free.values()))
        assert sum(int(mask.sum()) for mask in kept.values()) == wanted


def test_global_scope_ranks_over_all_layers():
    weights = {"small": torch.tensor([0.1, 0.2]), "large": torch.tensor([1.0, 2.0])}
    everything = {n: torch.ones_like(w, dtype=torch.bool) for n, w in weights.items()}
    kept = keep_largest(weights, everything, 0.5, "global")
    assert kept["small"].tolist() == [False, False]
    assert kept["large"].tolist() == [True, True]


def test_layer_adaptive_scope_ranks_by_what_is_left_of_a_layer():
    """Shares by hand: 16/16, 9/25 and 1/26 of the one layer; 4/4, 1/5 and 1/6 of the other."""
    weights = {"a": torch.tensor([3.0, -4.0, 1.0]), "b": torch.tensor([0.01, -0.01, 0.02])}
    everything = {n: torch.ones_like(w, dtype=torch.bool) for n, w in weights.items()}
    for count, (a, b) in {
        2: ([1], [2]), 3: ([0, 1], [2]), 4: ([0, 1], [0, 2]), 5: ([0, 1], [0, 1, 2])
    }.items():  # fmt: skip
        kept = keep_largest(weights, everything, count / 6, "layer-adaptive")
        assert kept["a"].nonzero().flatten().tolist() == a
        assert kept["b"].nonzero().flatten().tolist() == b


@given(st.floats(1e-6, 1e6), st.integers(2, 12), st.integers(0, 99))
def test_layer_adaptive_scope_empties_no_layer_and_knows_no_scale(scale, count, seed):
    torch.manual_seed(seed)
    weights = {"a": torch.randn(9), "b": torch.randn(3)}
    everything = {n: torch.ones_like(w, dtype=torch.bool) for n, w in weights.items()}
    kept = keep_largest(weights, everything, count / 12, "layer-adaptive")
    scaled = keep_largest(
        {**weights, "b": weights["b"].double() * scale}, everything, count / 12, "layer-adaptive"
    )
    assert all(mask.any() for mask in kept.values())
    assert all(torch.equal(kept[n], scaled[n]) for n in kept)


@given(st.floats(0.001, 1), st.integers(1, 40))
def test_each_geometric_round_removes_the_same_share(density, rounds):
    densities = [1.0, *geometric(density, rounds)]
    ratios = [b / a for a, b in pairwise(densities)]
    assert densities[-1] == pytest.approx(density)
    assert ratios == pytest.approx([ratios[0]] * rounds)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_masks_fit_kernels_in_any_memory_format(memory_format):
    kernel = torch.randn(8, 4, 3, 3).to(memory_format=memory_format)
    kept = keep_largest(
        {"k": kernel}, {"k": torch.ones_like(kernel, dtype=torch.bool)}, 0.5, "layer"
    )
    assert int(kept["k"].sum()) == kernel.numel() // 2
    assert kernel[kept["k"]].abs().min() >= kernel[~kept["k"]].abs().max()


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_frozen_entries_are_restored_bit_for_bit(memory_format):
    parameter = nn.Parameter(torch.randn(4, 3, 3, 3).to(memory_format=memory_format))
    before = parameter.detach().clone()
    trainable = torch.rand(4, 3, 3, 3) < 0.5
    frozen = FrozenEntries(parameter, trainable, before.clone())
    with torch.no_grad():
        parameter.add_(1)
    frozen.restore()
    assert torch.equal(parameter[~trainable], before[~trainable])
    assert torch.equal(parameter[trainable], before[trainable] + 1)


def test_union_holds_entries_of_any_mask():
    like = {"w": torch.zeros(3)}
    first, second = {"w": torch.tensor([True, False, False])}, {"w": torch.tensor([0, 1, 0]).bool()}
    assert union([first, second], like)["w"].tolist() == [True, True, False]
    assert union([], like)["w"].tolist() == [False, False, False]


def test_prunable_are_matrices_and_kernels_but_no_heads_biases_or_norms():
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3, groups=1, bias=False), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 3)
    )
    assert list(prunable(model)) == ["0.weight", "3.weight"]
    assert list(prunable(nn.Sequential(nn.Linear(3, 4), TaskHead(4, [[0, 1]])))) == ["0.weight"]


@given(
    st.sampled_from(list(SCHEDULES)), st.floats(0.001, 1), st.integers(1, 40), st.floats(0.001, 1)
)
def test_every_schedule_falls_from_the_start_to_exactly_the_density(kind, density, rounds, start):
    start = max(start, density)
    densities = SCHEDULES[kind](density, rounds, start)
    assert len(densities) == rounds
    assert densities[-1] == density
    assert all(b <= a * (1 + 1e-12) for a, b in pairwise([start, *densities]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_precision_is_ranked(dtype):
    weights = {"w": torch.tensor([0.5, -2.0, 1.0, 0.25], dtype=dtype)}
    kept = keep_largest(weights, {"w": torch.ones(4, dtype=torch.bool)}, 0.5, "layer")
    assert kept["w"].tolist() == [False, True, True, False]
