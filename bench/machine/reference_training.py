"""The reference that a machine is calibrated with: one fixed network, fixed data, fixed steps.

Runs in a process of its own, on its own cores; the only module of the calibration with torch.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from itertools import pairwise
from multiprocessing.connection import Connection

import torch
from torch import nn

BATCH = 128
BATCHES = 32
"""Minibatches of synthetic data that the steps go round."""
BLOCK_SECONDS = 0.05
"""Length of a block: short, so that a drift of the machine hits A and B alike."""
SETTLE_SECONDS = 1.0

Rates = list[tuple[float, float]]
"""Steps per second of neighbouring blocks, the one called A and the one called B."""


def serve(cores: frozenset[int], threads: int, device: str, channel: Connection) -> None:
    """Answer each number of seconds that comes with the rates of so long, until None comes.

    The first answer, unasked, is the name of the accelerator, None on the CPU; a ValueError if
    there is no such device.
    """
    os.sched_setaffinity(0, cores)
    torch.set_num_threads(threads)
    if device == "cuda" and not torch.cuda.is_available():
        channel.send(ValueError("--device must be cpu: this machine has no CUDA"))
        return
    step, settled = training(device), time.perf_counter() + SETTLE_SECONDS
    steps = 1
    while time.perf_counter() < settled:
        steps = max(1, round(rate(step, steps, device) * BLOCK_SECONDS))
    channel.send(torch.cuda.get_device_name() if device == "cuda" else None)
    while (seconds := channel.recv()) is not None:
        channel.send(alternate(lambda: rate(step, steps, device), seconds))


def training(device: str) -> Callable[[], None]:
    """One training step of the MLP 784-300-100-10 on batches of 128, SGD with momentum."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sizes = (784, 300, 100, 10)
        layers = [nn.Sequential(nn.Linear(a, b), nn.ReLU()) for a, b in pairwise(sizes[:-1])]
        model = nn.Sequential(*layers, nn.Linear(*sizes[-2:])).to(device)
        images = torch.rand(BATCHES, BATCH, sizes[0]).to(device)
        labels = torch.randint(sizes[-1], (BATCHES, BATCH)).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    done = 0

    def step() -> None:
        nonlocal done
        batch, done = done % BATCHES, done + 1
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
        optimizer.step()

    return step


def rate(step: Callable[[], None], steps: int, device: str) -> float:
    """Steps per second of one block; the device's queue is empty at both ends."""
    synchronize = torch.cuda.synchronize if device == "cuda" else lambda: None
    synchronize()
    began = time.perf_counter()
    for _ in range(steps):
        step()
    synchronize()
    return steps / (time.perf_counter() - began)


def alternate(block: Callable[[], float], seconds: float) -> Rates:
    """Pairs of blocks, A first in one and B first in the next, for `seconds`; at least two."""
    ends = time.perf_counter() + seconds
    rates: Rates = []
    while time.perf_counter() < ends or len(rates) < 2:
        first, second = block(), block()
        rates.append((first, second) if len(rates) % 2 == 0 else (second, first))
    return rates
