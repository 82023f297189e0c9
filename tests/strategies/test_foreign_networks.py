"""Networks and loaders that this project did not make: Avalanche's own, in any Avalanche script."""

from __future__ import annotations

import signal
from contextlib import contextmanager

import pytest
import torch
from avalanche.benchmarks import nc_benchmark
from avalanche.models import MTSimpleMLP, SimpleMLP
from torch.utils.data import TensorDataset

from strategies import (
    AdaptivePrune,
    CompactingPicking,
    IterativePrune,
    KnowledgeSeeding,
    PackNet,
    StagedSleep,
    WinningSubnetworks,
)

WIDTH = 784
"""Inputs of Avalanche's networks at their default size, where sparse products pay."""


@contextmanager
def within(seconds: int):
    """A hang is an error, not a test that never ends."""

    def late(number, frame):
        raise TimeoutError(f"not back after {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def benchmark(*, samples: int, width: int, tasks: bool):
    generator = torch.Generator().manual_seed(0)
    data = TensorDataset(torch.rand(samples, width, generator=generator), torch.arange(samples) % 4)
    data.targets = data.tensors[1].tolist()
    return nc_benchmark(data, data, n_experiences=2, task_labels=tasks, seed=0)


def trained(kind, model, streams, *, batch: int = 64, options=None, **train):
    torch.manual_seed(0)
    strategy = kind(
        model=model,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9),
        train_mb_size=batch,
        train_epochs=2,
        evaluator=None,
        **(options or {}),
    )
    for experience in streams.train_stream:
        strategy.train(experience, **train)
    return strategy


@pytest.mark.parametrize(
    ("kind", "options", "tasks"),
    [
        (PackNet, {}, True),
        (PackNet, {"frozen": False}, True),
        (PackNet, {"infer": "entropy"}, False),
        (CompactingPicking, {}, True),
        (IterativePrune, {}, True),
        (IterativePrune, {}, False),
        (AdaptivePrune, {}, False),
        (StagedSleep, {"stages": "prune+dream", "density": 0.1}, False),
        (StagedSleep, {"stages": "prune+downscale", "density": 0.1, "cycles": 2}, False),
        (WinningSubnetworks, {}, True),
        (KnowledgeSeeding, {"fast": 0.1, "slice": 0.1}, False),
    ],
)
def test_activations_may_write_into_what_a_layer_gives(kind, options, tasks):
    model = MTSimpleMLP() if tasks else SimpleMLP(num_classes=4)
    streams = benchmark(samples=640, width=WIDTH, tasks=tasks)
    strategy = trained(kind, model, streams, options=options)
    assert all(parameter.isfinite().all() for parameter in strategy.model.parameters())


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (StagedSleep, {"stages": "dream"}),
        (StagedSleep, {"stages": "replay+rehearse"}),
        (StagedSleep, {"stages": "downscale+align"}),
        (KnowledgeSeeding, {}),
        (IterativePrune, {}),
        (AdaptivePrune, {}),
    ],
)
def test_an_experience_without_a_whole_minibatch_ends(kind, options):
    model = SimpleMLP(num_classes=4, input_size=8, hidden_size=16)
    streams = benchmark(samples=40, width=8, tasks=False)
    with within(20):
        trained(kind, model, streams, batch=32, options=options, drop_last=True)
