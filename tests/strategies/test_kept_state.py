"""The state of a strategy in a file: whoever goes on from it goes on as if nothing had been."""

from __future__ import annotations

import pytest
import torch

from bench.data.stored_samples import StoredSamples
from patched import patched
from strategies.kept_state import read, write
from strategies.registry import STRATEGIES
from toy import logits, toy_benchmark, toy_strategy

CELLS = [(n, s) for n, e in STRATEGIES.items() if e.ranked for s in e.scenarios]


@pytest.fixture(scope="module", autouse=True)
def as_the_referee_runs():
    with patched():
        yield


def trained(name, scenario, experiences=2):
    benchmark = toy_benchmark(scenario, experiences=experiences)
    strategy = toy_strategy(name, benchmark, epochs=2)
    strategy.train(benchmark.train[0])
    return strategy, benchmark


def through_a_file(strategy, folder, **options):
    path = folder / "state.safetensors"
    how = {"lent": {"evaluator": strategy.evaluator}, "samples": StoredSamples()} | options
    write(strategy, path, **how)
    return read(path, **how)


@pytest.mark.parametrize(("name", "scenario"), CELLS)
def test_it_goes_on_bit_for_bit(name, scenario, tmp_path):
    strategy, benchmark = trained(name, scenario)
    torch.manual_seed(1)
    loaded = through_a_file(strategy, tmp_path)
    for one in (strategy, loaded):
        torch.manual_seed(1)
        one.train(benchmark.train[1])
    for experience in benchmark.test:
        told = []
        for one in (strategy, loaded):
            torch.manual_seed(0)
            told.append(logits(one, experience))
        assert torch.equal(*told)
