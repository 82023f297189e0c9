from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from strategies.pruning.masks import masked, pack, union, unpack
from strategies.pruning.task_ownership import claim, owned, release, unowned, visible

seeds = st.integers(0, 2**16)
shapes = st.lists(st.integers(1, 7), min_size=1, max_size=4)


def random_masks(weights, generator):
    return {n: torch.rand(w.shape, generator=generator) < 0.4 for n, w in weights.items()}


@given(seeds, st.integers(1, 6), st.lists(shapes, min_size=1, max_size=3))
def test_ownership_is_a_partition_and_counts_add_up(seed, tasks, layers):
    generator = torch.Generator().manual_seed(seed)
    weights = {str(i): torch.randn(shape, generator=generator) for i, shape in enumerate(layers)}
    owners, kept = unowned(weights), []
    for task in range(1, tasks + 1):
        free = owned(owners, 0)
        earlier = [owned(owners, k) for k in range(1, task)]
        owners = claim(owners, task)
        assert all(torch.equal(owned(owners, task)[n], free[n]) for n in weights)
        chosen = random_masks(weights, generator)
        owners = release(owners, task, chosen)
        kept.append({n: free[n] & chosen[n] for n in weights})
        for k, before in enumerate(earlier, start=1):
            assert all(torch.equal(owned(owners, k)[n], before[n]) for n in weights)
    for name, weight in weights.items():
        count = [int(owned(owners, k)[name].sum()) for k in range(tasks + 1)]
        assert sum(count) == weight.numel()
        assert count[1:] == [int(mask[name].sum()) for mask in kept]
        seen = [visible(owners, k)[name] for k in range(1, tasks + 1)]
        for k, mask in enumerate(seen, start=1):
            assert int(mask.sum()) == sum(count[1 : k + 1])
        assert torch.equal(seen[-1], union(kept, weights)[name])


def test_an_owner_is_one_byte():
    owners = claim(unowned({"w": torch.zeros(3, 4)}), 255)
    assert owners["w"].dtype == torch.uint8
    assert (owners["w"] == 255).all()


@given(seeds, shapes)
def test_packed_masks_unpack_to_themselves_at_a_bit_for_each_entry(seed, shape):
    generator = torch.Generator().manual_seed(seed)
    mask = torch.rand(shape, generator=generator) < 0.5
    packed = pack(mask)
    assert packed.numel() == -(-mask.numel() // 8)
    assert torch.equal(unpack(packed, mask), mask)


def test_masked_weights_are_zero_outside_whatever_was_there():
    weights = {"w": torch.tensor([1.0, float("nan"), float("inf"), -2.0])}
    inside = masked(weights, {"w": torch.tensor([True, False, False, True])})
    assert inside["w"].tolist() == [1.0, 0.0, 0.0, -2.0]
