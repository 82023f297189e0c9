"""What makes the network of every strategy faster alike; part of a run's identity.

channels-last: kernels and activations of convolutions in NHWC order.
bf16: matrix products and convolutions in bfloat16 under torch's autocast, weights in float32.
compile: the network through `torch.compile`.
cuda-graphs: compiled, and replayed as CUDA graphs; needs device cuda.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

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
