from __future__ import annotations

import numpy as np
import torch
from torch import nn

from strategies.pruning.held import held
from strategies.pruning.weight_count import compressed_bytes, count_weights
from toy import toy_benchmark, toy_strategy


def test_a_network_without_masks_uses_all_its_nonzero_weights():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1.0)
        model[0].weight[0] = 0.0
    counted = count_weights(model)
    assert (counted.total, counted.used) == (26, 23)
    assert (counted.prunable, counted.used_prunable) == (20, 17)
    assert (counted.active, counted.mask_bits, counted.buffer_bytes) == (17, 0, 0)


def test_masks_and_private_tensors_are_counted():
    model = nn.Sequential(nn.Linear(3, 4))
    with torch.no_grad():
        model[0].weight.fill_(1.0)
        model[0].bias.fill_(1.0)
    used = {"0.weight": torch.zeros(4, 3, dtype=torch.bool)}
    used["0.weight"][:2] = True
    private = [{"0.bias": torch.tensor([1.0, 0.0, 0.0, 2.0])}]
    counted = count_weights(model, used=used, bits_per_weight=2, private=private)
    assert counted.used_prunable == 6
    assert counted.used == 6 + 4 + 2
    assert counted.total == 16 + 4
    assert counted.mask_bits == 24


def test_sparse_weights_compress_to_fewer_bytes():
    dense, sparse = torch.randn(100, 100), torch.zeros(100, 100)
    sparse[0] = 1.0
    assert compressed_bytes([sparse]) < compressed_bytes([dense]) / 20


def test_a_buffer_counts_its_examples_and_not_the_stream_behind_them():
    benchmark = toy_benchmark("class")
    strategy = toy_strategy("replay", benchmark, chosen={"mem_size": 10})
    strategy.train(benchmark.train[0])
    # 10 images of 36 bytes, label and task label of 8 each, and the places in the reservoir, which
    # are a view of those that were drawn for all 40
    assert held(strategy).bytes == 10 * (36 + 16) + 40 * 4


def test_what_lies_behind_a_view_is_held():
    strategy = toy_strategy("naive", toy_benchmark("class"))
    everything = torch.arange(100.0)
    strategy.first, strategy.third = everything[10:20], everything[40:50]
    assert held(strategy).bytes == 400
    strategy.all = everything.view(10, 10)
    assert held(strategy).bytes == 400 + 80  # a view of all of it beside two views of parts


def test_teachers_importances_and_arrays_are_held():
    benchmark = toy_benchmark("class")
    strategy = toy_strategy("naive", benchmark)
    assert held(strategy).bytes == 0
    strategy.teacher = nn.Linear(10, 10, bias=False)
    strategy.statistics = {"mean": np.zeros(5), "seen": [torch.zeros(3, dtype=torch.float64)]}
    assert held(strategy).bytes == 400 + 40 + 24
