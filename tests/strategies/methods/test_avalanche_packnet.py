from __future__ import annotations

import pytest
import torch
from torch import nn

from strategies.pruning.weight_count import weights_in_use
from toy import logits, toy_benchmark, toy_model, toy_strategy


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_it_claims_its_density_and_keeps_earlier_tasks_in_any_memory_format(layout):
    benchmark = toy_benchmark("task", experiences=3)
    model = toy_model(benchmark)
    model.trunk = nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 3, padding=1), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(4 * 36, 16), nn.ReLU()),
    )
    model.head.linear = nn.Linear(16, model.head.linear.out_features)
    model.to(memory_format=layout)
    strategy = toy_strategy("avalanche-packnet", benchmark, model=model, chosen={"density": 0.2})
    answers = {}
    for index, experience in enumerate(benchmark.train):
        strategy.train(experience)
        answers[index] = logits(strategy, benchmark.test[index])
        for earlier, before in answers.items():
            now = logits(strategy, benchmark.test[earlier])[:, : before.shape[1]]
            assert torch.equal(now, before)
    used = weights_in_use(strategy)
    assert used.used_prunable == pytest.approx(3 * 0.2 * used.prunable, rel=0.02)
