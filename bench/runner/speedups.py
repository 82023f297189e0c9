"""What makes the network of every strategy faster alike; part of a run's identity.

channels-last: kernels and activations of convolutions in NHWC order.
bf16: matrix products and convolutions in bfloat16 under torch's autocast, weights in float32.
compile: the network through `torch.compile`.
cuda-graphs: compiled, and replayed as CUDA graphs; needs device cuda.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Sequence
from itertools import product

import torch
from torch import nn

from bench.config.conditions import Speedup


def prepare(model: nn.Module, speedups: Sequence[Speedup]) -> None:
    """Lay out and compile `model` in place; its parameters keep their names and values."""
    if "channels-last" in speedups:
        model.to(memory_format=torch.channels_last)
    if "cuda-graphs" in speedups:
        model.compile(mode="reduce-overhead")
    elif "compile" in speedups:
        model.compile()


@contextlib.contextmanager
def precision(speedups: Sequence[Speedup], device: str) -> Iterator[None]:
    """The arithmetic of everything that a strategy computes inside."""
    if "bf16" not in speedups:
        yield
        return
    # torch would keep cast weights until the context ends, which is after many steps
    with torch.autocast(device, dtype=torch.bfloat16, cache_enabled=False):
        yield


def warm_up(
    model: nn.Module, input_shape: tuple[int, int, int], *, batch_size: int, tasks: bool
) -> None:
    """Let kernels, memory and compiler settle on dummy data; model and generators are untouched.

    Args:
        model: on its device; no strategy has it yet, so that none works here uncharged.
        input_shape: (C, H, W).
        batch_size: of the training.
        tasks: whether the model takes task labels.
    """
    device = next(model.parameters()).device
    before = copy.deepcopy(model.state_dict())
    training = {module: module.training for module in model.modules()}

    def outputs(size: int) -> torch.Tensor:
        x = torch.zeros(size, *input_shape, device=device)
        labels = torch.zeros(size, dtype=torch.long, device=device)
        return model(x, labels) if tasks else model(x)

    with torch.random.fork_rng():
        # two sizes: the last minibatch of an epoch is smaller, and a compiler learns from both
        sizes = batch_size, max(2, batch_size // 2)
        for size, train, grad in product(sizes, (True, False), (True, False)):
            model.train(train)
            with torch.set_grad_enabled(grad):
                total = outputs(size).sum()
            if total.requires_grad:
                total.backward()
    for module, mode in training.items():
        module.training = mode
    model.zero_grad(set_to_none=True)
    model.load_state_dict(before)
