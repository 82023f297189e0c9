"""Sleep of a stack of linear layers: the network spikes on its mean input and its weights drift.

Sleep replay consolidation, Tadros et al. 2022 (Nat. Commun. 13:7742), as pure functions of tensors.
Spikes are rare, so `sleep` computes events instead of steps: the membranes of the first layer for
a whole chunk of steps at once, and deeper layers, weights and resets only where a neuron fires. It
is exact: the same spikes and weights, up to rounding, as stepping through every layer.
Biases take no part: a sleeping neuron is driven by spikes alone, and its bias stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

CHUNK = 64
"""Steps whose input spikes are drawn together; part of what a seed means."""

GATE_SLOPE = 1000.0
"""Per unit of weight: how sharply plasticity is confined to weights that are not positive."""


@dataclass(frozen=True, kw_only=True)
class SleepParameters:
    """How a stack of layers sleeps; the names and the defaults are the paper's.

    rate: an input of mean x spikes with probability 2 dt rate x in a step, at most 1; above 0.
    inc, dec: how much a weight at 0 gains when both its ends fire, or loses when only its
        target does; at least 0.
    beta: potential at which a neuron fires, for each layer, first layer first, or one for all;
        above 0.
    alpha_scale: gain of every layer after normalisation; only `beta / alpha_scale` matters.
    steps: length of the sleep.
    decay: fraction of a membrane's potential that is left one step later, in [0, 1].
    dt: seconds per step.
    patch: side of the square that is shown at each step, as a fraction of the image's side, in
        (0, 1]; 1 shows all of it, and an input that is no image is always shown in full.
    """

    rate: float
    inc: float
    dec: float
    beta: tuple[float, ...]
    alpha_scale: float
    steps: int = 15_000
    decay: float = 0.999
    dt: float = 0.001
    patch: float = 11 / 28

    def __post_init__(self) -> None:
        for name in ("rate", "alpha_scale", "steps", "dt"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")
        for name in ("inc", "dec"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)}")
        if not self.beta or not all(beta > 0 for beta in self.beta):
            raise ValueError(f"beta must be above 0 for each layer, got {self.beta}")
        if not 0 <= self.decay <= 1:
            raise ValueError(f"decay must be in [0, 1], got {self.decay}")
        if not 0 < self.patch <= 1:
            raise ValueError(f"patch must be in (0, 1], got {self.patch}")

    def thresholds(self, layers: int) -> list[float]:
        """Potential at which a neuron of each layer fires; ValueError if `beta` does not fit."""
        if len(self.beta) not in (1, layers):
            rule = f"one value or one for each of {layers} layers"
            raise ValueError(f"beta must be {rule}, got {self.beta}")
        return list(self.beta) * (layers // len(self.beta))


PRESETS = {
    "mnist": SleepParameters(
        rate=239.515, inc=0.032064, dec=0.003344, beta=(14.548, 44.56, 38.046), alpha_scale=55.882
    ),
    "fmnist": SleepParameters(
        rate=181.047, inc=0.041001, dec=0.003344, beta=(40.447, 27.597, 33.109), alpha_scale=31.593
    ),
    "cifar10-features": SleepParameters(
        rate=453.021, inc=0.078129, dec=0.003005, beta=(8.07, 0.908, 1.729), alpha_scale=4.131
    ),
}
"""The authors' constants for networks of three layers; each later task of (F)MNIST slept 5,000
steps longer than the one before."""


class Slept(NamedTuple):
    """What a sleep leaves: new weights, the steps it took, and the spikes of each layer."""

    weights: list[Tensor]
    steps: int
    spikes: list[int]


def layer_scales(
    weights: Sequence[Tensor], activations_max: Sequence[float], alpha_scale: float
) -> list[float]:
    """Gain of each layer in sleep, by the data-based normalisation of Diehl et al. 2015.

    weights: (out, in) of each layer; activations_max: the largest output of each layer on data.
    A layer with neither a positive weight nor a positive output gets 0: it stays silent.
    """
    scales = []
    previous = 1.0
    for weight, activation in zip(weights, activations_max, strict=True):
        factor = max(weight.max().item(), activation, 0.0) / previous
        scales.append(alpha_scale / factor if factor > 0 else 0.0)
        previous = factor if factor > 0 else previous
    return scales


def gate(weight: Tensor) -> Tensor:
    """How plastic a weight is: 2 when clearly negative, 1 at 0, 0 when clearly positive."""
    return 2 * torch.sigmoid(-GATE_SLOPE * weight)


def plasticity(rows: Tensor, inputs: Tensor, inc: float, dec: float) -> Tensor:
    """Weights of neurons that fired, after the spike.

    rows: (fired, in), their weights; inputs: (in,), bool, which inputs spiked in the same step.
    """
    return rows + torch.where(inputs, inc, -dec).to(rows.dtype) * gate(rows)


def input_spikes(
    mean_input: Tensor, parameters: SleepParameters, steps: int, generator: torch.Generator
) -> Tensor:
    """Spikes of the input in `steps` steps: (steps, inputs), bool, independent between steps.

    mean_input: (inputs,) for features, (..., height, width) for images, of which a random square
        is shown in each step. An input spikes with probability 2 dt rate x, at most 1.
    """
    probability = (2 * parameters.dt * parameters.rate * mean_input).reshape(-1)
    if mean_input.ndim == 1 or parameters.patch == 1:
        chance = torch.rand(
            (steps, probability.numel()), generator=generator, dtype=probability.dtype
        )
        return chance < probability
    places = _patches(mean_input.shape, parameters.patch, steps, generator)
    chance = torch.rand(places.shape, generator=generator, dtype=probability.dtype)
    spikes = torch.zeros((steps, probability.numel()), dtype=torch.bool)
    return spikes.scatter_(1, places, chance < probability[places])


def _patches(shape: Sequence[int], patch: float, steps: int, generator: torch.Generator) -> Tensor:
    """Flat indices of a random square of each step, over all channels: (steps, inside)."""
    height, width = shape[-2:]
    tall, wide = max(1, round(patch * height)), max(1, round(patch * width))
    room = torch.tensor([height - tall + 1, width - wide + 1])
    corner = (torch.rand((steps, 2), generator=generator, dtype=torch.float64) * room).long()
    image = torch.arange(torch.Size(shape).numel()).reshape(-1, height, width)
    origin = image[:, :tall, :wide].reshape(1, -1)
    return origin + (corner @ torch.tensor([width, 1]))[:, None]


class _Layer:
    """Weights and membranes of one layer; a column holds the weights that leave one input."""

    def __init__(
        self, weight: Tensor, scale: float, threshold: float, parameters: SleepParameters
    ) -> None:
        self.columns = weight.detach().T.clone(memory_format=torch.contiguous_format)
        self.spikes = 0
        self._scale, self._threshold, self._parameters = scale, threshold, parameters
        self._potential = self.columns.new_zeros(self.columns.shape[1])

    def _learn(self, rows: Tensor, inputs: Tensor) -> Tensor:
        """Neurons `rows` fired: count, change and reset them; their new weights (fired, in)."""
        inc, dec = self._parameters.inc, self._parameters.dec
        weight = plasticity(self.columns[:, rows].T, inputs, inc, dec)
        self.columns[:, rows] = weight.T
        self._potential[rows] = 0.0
        self.spikes += len(rows)
        return weight


class _FirstLayer(_Layer):
    """Membranes driven by input spikes, a chunk of steps ahead of time."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        decay = torch.tensor(self._parameters.decay, dtype=torch.float64)
        age = torch.arange(CHUNK)[:, None] - torch.arange(CHUNK)
        dtype = self.columns.dtype
        self._decays = torch.where(age >= 0, decay ** age.clamp(min=0), 0.0).to(dtype)
        self._fade = (decay ** torch.arange(1, CHUNK + 1)).to(dtype)[:, None]

    def advance(self, inputs: Tensor) -> None:
        """Integrate a chunk of input spikes, (steps, in), as if no neuron fired."""
        steps = len(inputs)
        counts = inputs.sum(1)
        drive = embedding_bag(
            inputs.nonzero()[:, 1], self.columns, counts.cumsum(0) - counts, mode="sum"
        )
        faded = self._fade[:steps] * self._potential
        potentials = torch.addmm(faded, self._decays[:steps, :steps], drive, alpha=self._scale)
        self._inputs = inputs
        self.due: dict[int, list[int]] = {}
        self._foresee(0, potentials, torch.arange(potentials.shape[1]))
        self._potential = potentials[-1]

    def fire(self, step: int) -> Tensor:
        """The neurons that fire in this step of the chunk learn, reset and start over."""
        rows = torch.tensor(sorted(self.due.pop(step)))
        weight = self._learn(rows, self._inputs[step])
        rest = len(self._inputs) - step - 1
        if rest:
            drive = self._inputs[step + 1 :].to(weight.dtype) @ weight.T
            potentials = self._scale * (self._decays[:rest, :rest] @ drive)
            self._foresee(step + 1, potentials, rows)
            self._potential[rows] = potentials[-1]
        return rows

    def _foresee(self, start: int, potentials: Tensor, rows: Tensor) -> None:
        """Note when each of `rows` first crosses its threshold; potentials: (steps, rows)."""
        crossing = (potentials.amax(0) >= self._threshold).nonzero()[:, 0]
        if len(crossing):
            first = (potentials[:, crossing] >= self._threshold).to(torch.uint8).argmax(0)
            for step, row in zip(first.tolist(), rows[crossing].tolist(), strict=True):
                self.due.setdefault(start + step, []).append(row)


class _DeepLayer(_Layer):
    """Membranes driven by the rare spikes of the layer below, one event at a time."""

    _time = 0

    def receive(self, time: int, sources: Tensor) -> Tensor:
        """Neurons that fire when the neurons `sources` of the layer below fire at step `time`."""
        self._potential *= self._parameters.decay ** (time - self._time)
        self._potential += self._scale * self.columns[sources].sum(0)
        self._time = time
        rows = (self._potential >= self._threshold).nonzero()[:, 0]
        if len(rows):
            inputs = torch.zeros(len(self.columns), dtype=torch.bool)
            inputs[sources] = True
            self._learn(rows, inputs)
        return rows


@torch.no_grad()
def sleep(
    weights: Sequence[Tensor],
    scales: Sequence[float],
    mean_input: Tensor,
    parameters: SleepParameters,
    *,
    generator: torch.Generator,
    keep_going: Callable[[], bool] = lambda: True,
    tick: Callable[[], None] = lambda: None,
) -> Slept:
    """Let the stack sleep for at most `parameters.steps` steps; the arguments are not changed.

    weights: (out, in) of each layer, first layer first; scales: from `layer_scales`.
    mean_input: (in,) of the first layer, or (..., height, width) that flattens to it; at least 0
        where it may spike.
    keep_going: asked before every step, ends the sleep; tick: told after every step.
    All tensors are on the CPU: events are too small to be worth a device.
    """
    thresholds = parameters.thresholds(len(weights))
    first = _FirstLayer(weights[0], scales[0], thresholds[0], parameters)
    deep = [
        _DeepLayer(weight, scale, threshold, parameters)
        for weight, scale, threshold in zip(weights[1:], scales[1:], thresholds[1:], strict=True)
    ]
    mean_input = mean_input.to(first.columns.dtype)
    done = 0
    while done < parameters.steps and keep_going():
        step = done % CHUNK
        if step == 0:
            ahead = min(CHUNK, parameters.steps - done)
            first.advance(input_spikes(mean_input, parameters, ahead, generator))
        if step in first.due:
            fired = first.fire(step)
            for layer in deep:
                fired = layer.receive(done, fired)
                if not len(fired):
                    break
        done += 1
        tick()
    layers: list[_Layer] = [first, *deep]
    new = [layer.columns.T.contiguous() for layer in layers]
    return Slept(new, done, [layer.spikes for layer in layers])
