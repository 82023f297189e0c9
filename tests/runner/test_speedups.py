"""What makes every network faster alike: its effect, its place in a run's identity, no trace."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from bench.config.run_config import RunConfig
from bench.config.suite import Suite
from bench.ranking import configurations, pools
from bench.runner.examiner import Findings
from bench.runner.models import make_model
from bench.runner.run import run
from bench.runner.speedups import precision, prepare, warm_up
from factories import make_record
from toy import SHAPE, toy_benchmark, toy_model


def test_channels_last_moves_no_value():
    model = nn.Conv2d(3, 4, 3)
    before = model.weight.detach().clone()
    prepare(model, ("channels-last",))
    assert model.weight.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(model.weight, before)


def test_bf16_is_the_arithmetic_inside_and_no_weight_is_remembered():
    layer, x = nn.Linear(4, 4), torch.ones(2, 4)
    with precision(("bf16",), "cpu"):
        first = layer(x)
        with torch.no_grad():
            layer.weight.add_(1)
        second = layer(x)
    assert first.dtype == torch.bfloat16
    assert torch.allclose(second.float(), first.float() + 4, atol=0.1)
    assert layer(x).dtype == torch.float32
    with precision((), "cpu"):
        assert layer(x).dtype == torch.float32


@pytest.mark.parametrize(
    ("speedup", "mode"), [("compile", None), ("cuda-graphs", "reduce-overhead")]
)
def test_compiling_keeps_the_names_of_the_parameters(monkeypatch, speedup, mode):
    asked = []
    monkeypatch.setattr(nn.Module, "compile", lambda self, mode=None: asked.append(mode))
    model = nn.Sequential(nn.Linear(2, 2))
    prepare(model, (speedup,))
    assert asked == [mode]
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias"]


def test_speedups_are_part_of_what_a_run_is():
    plain, fast = (
        RunConfig(
            benchmark="split-digits",
            scenario="class",
            model="mlp",
            strategy="naive",
            budget={"amount": 1},
            speedups=speedups,
        )
        for speedups in ((), ("compile", "bf16", "compile"))
    )
    assert fast.speedups == ("bf16", "compile")
    assert plain.digest != fast.digest
    records = [make_record(), make_record(speedups=("bf16",))]
    keys = [pools.pool_key(record) for record in records]
    assert pools.differing_fields(keys) == ["speedups"]
    assert "--speedups bf16,compile" in configurations.run_command(fast)


def test_what_cannot_be_is_refused_in_words():
    with pytest.raises(ValueError, match="cuda-graphs needs device cuda, got cpu"):
        Suite(speedups=("cuda-graphs",)).configs()


def test_warming_up_leaves_no_trace():
    benchmark = toy_benchmark("class")
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(36), nn.Dropout(), toy_model(benchmark))
    model[3].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    warm_up(model, SHAPE, batch_size=8, tasks=False)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.equal(state, torch.get_rng_state())
    assert [module.training for module in model] == [True, True, True, False]


def matrix(strategy: str, model: str, *speedups: str) -> np.ndarray:
    findings = Findings()
    config = RunConfig(
        benchmark="split-digits",
        scenario="task",
        model=model,
        strategy=strategy,
        budget={"amount": 200, "clock": "steps"},
        speedups=speedups,
    )
    run(config, findings)
    assert findings.outcome is not None
    return np.array(findings.outcome.accuracy, dtype=float)


@pytest.mark.parametrize("strategy", ["naive", "sleep-replay", "packnet-frozen", "ewc"])
def test_every_family_learns_in_bf16(strategy):
    assert matrix(strategy, "mlp", "bf16").diagonal().min() > 0.8


@pytest.mark.parametrize("name", ["vgg-small", "resnet18-slim"])
def test_channels_last_changes_rounding_alone(name):
    torch.manual_seed(0)
    plain = make_model(name, (1, 32, 32), classes=4, tasks=None).double()
    fast = copy.deepcopy(plain)
    prepare(fast, ("channels-last",))
    x = torch.rand(8, 1, 32, 32, dtype=torch.double)
    outputs = [model(x) for model in (plain, fast)]
    for output in outputs:
        output.square().sum().backward()
    assert torch.allclose(*outputs, atol=1e-9)
    for one, other in zip(plain.parameters(), fast.parameters(), strict=True):
        assert torch.allclose(one.grad, other.grad, atol=1e-9)
