"""Sleep step by step, as the paper writes it: what sleep by events must equal.

Both loops draw the same input spikes from the same generator, and both are plain PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import torch
from torch import Tensor

from strategies.spiking.parameters import SleepParameters
from strategies.spiking.spiking_layers import CHUNK, Slept, gate, input_spikes


def shown(
    mean_input: Tensor, parameters: SleepParameters, generator: torch.Generator
) -> Iterator[Tensor]:
    """The input spikes of every step, (inputs,) bool."""
    for start in range(0, parameters.steps, CHUNK):
        steps = min(CHUNK, parameters.steps - start)
        dense = torch.zeros((steps, mean_input.numel()), dtype=torch.bool)
        dense[tuple(input_spikes(mean_input, parameters, steps, generator))] = True
        yield from dense


def dense_sleep(
    weights: Sequence[Tensor],
    scales: Sequence[float],
    mean_input: Tensor,
    parameters: SleepParameters,
    generator: torch.Generator,
    cut: int | None = None,
) -> Slept:
    """Every weight of every layer at every step; cut: after so many."""
    weights = [w.clone() for w in weights]
    potentials = [w.new_zeros(len(w)) for w in weights]
    thresholds = parameters.thresholds(len(weights))
    spikes = [0] * len(weights)
    inputs = shown(mean_input.to(weights[0].dtype), parameters, generator)
    for fired in islice(inputs, cut):
        for n, w in enumerate(weights):
            drive = scales[n] * (w @ fired.to(w.dtype))
            potentials[n] = parameters.decay * potentials[n] + drive
            before, fired = fired, potentials[n] >= thresholds[n]
            change = torch.where(before, parameters.inc, -parameters.dec) * gate(w)
            w += change * fired[:, None]
            potentials[n][fired] = 0.0
            spikes[n] += int(fired.sum())
    return Slept(weights, parameters.steps if cut is None else cut, spikes)


def row_sleep(
    weights: Sequence[Tensor],
    scales: Sequence[float],
    mean_input: Tensor,
    parameters: SleepParameters,
    generator: torch.Generator,
) -> Slept:
    """Every layer at every step, but only those with input, and only rows that fired learn."""
    weights = [w.clone() for w in weights]
    potentials = [w.new_zeros(len(w)) for w in weights]
    thresholds = parameters.thresholds(len(weights))
    spikes = [0] * len(weights)
    for before in shown(mean_input.to(weights[0].dtype), parameters, generator):
        fired = before.nonzero()[:, 0]
        for n, w in enumerate(weights):
            potentials[n] *= parameters.decay
            if not len(fired):
                continue
            before = torch.zeros(w.shape[1], dtype=torch.bool)
            before[fired] = True
            potentials[n] += scales[n] * (w @ before.to(w.dtype))
            fired = (potentials[n] >= thresholds[n]).nonzero()[:, 0]
            if len(fired):
                change = torch.where(before, parameters.inc, -parameters.dec)
                w[fired] += change * gate(w[fired])
                potentials[n][fired] = 0.0
            spikes[n] += len(fired)
    return Slept(weights, parameters.steps, spikes)
