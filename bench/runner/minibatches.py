"""Minibatches that a strategy or its network cannot train on, refused before the run."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from bench.config.run_config import RunConfig
from bench.data.streams import Benchmark
from strategies.entry import Entry
from strategies.networks.uncompiled import uncompiled


def check_tasks(config: RunConfig, entry: Entry, benchmark: Benchmark, batch_size: int) -> None:
    """ValueError where minibatches have examples of every task, and more tasks than examples."""
    tasks = len(benchmark.train_samples)
    if entry.balances_tasks and config.scenario == "task" and batch_size < tasks:
        raise ValueError(
            f"batch_size must be at least {tasks} for {config.strategy}, whose minibatches have "
            f"examples of each of {tasks} tasks; got {batch_size}"
        )


def check_norms(config: RunConfig, model: nn.Module, benchmark: Benchmark, batch_size: int) -> None:
    """ValueError where an epoch ends with one example, and the network normalises over examples."""
    if not any(isinstance(module, _BatchNorm) for module in model.modules()):
        return
    alone = [n for n in benchmark.train_samples if (n % batch_size or batch_size) == 1]
    if alone and not _trains_on_one(model, benchmark.input_shape, config.scenario == "task"):
        raise ValueError(
            f"batch_size must leave no minibatch of one example, which {config.model} cannot "
            f"normalise; got {batch_size} for an experience of {alone[0]} examples"
        )


def _trains_on_one(model: nn.Module, shape: tuple[int, int, int], tasks: bool) -> bool:
    device = next(model.parameters()).device
    x, labels = torch.zeros(1, *shape, device=device), torch.zeros(1, dtype=torch.long).to(device)
    twin = copy.deepcopy(model).train()
    try:
        with torch.no_grad(), torch.random.fork_rng(), uncompiled(twin):
            twin(x, labels) if tasks else twin(x)
    except ValueError:  # torch's, of one value for each channel
        return False
    return True
