from __future__ import annotations

import copy

import torch

from strategies.pruning.weight_count import weights_in_use
from toy import toy_benchmark, toy_strategy


def test_the_mean_of_networks_from_one_start_answers():
    benchmark = toy_benchmark("class", experiences=3)
    strategy = toy_strategy("weight-averaging", benchmark)
    start = copy.deepcopy(strategy.model.state_dict())
    alone = []
    for experience in benchmark.train:
        single = toy_strategy("naive", benchmark)
        single.model.load_state_dict(start)
        state = torch.random.get_rng_state()
        single.train(experience)
        torch.random.set_rng_state(state)
        strategy.train(experience)
        alone.append(copy.deepcopy(single.model.state_dict()))
    for name, value in strategy.model.state_dict().items():
        mean = torch.stack([each[name] for each in alone]).mean(0)
        assert torch.allclose(value, mean, atol=1e-6)


def test_only_the_start_is_kept():
    benchmark = toy_benchmark("class")
    strategy = toy_strategy("weight-averaging", benchmark)
    for experience in benchmark.train:
        strategy.train(experience)
    model_bytes = sum(p.numel() * 4 for p in strategy.model.parameters())
    assert weights_in_use(strategy).buffer_bytes == model_bytes
