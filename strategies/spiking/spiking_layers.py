"""Sleep of a stack of linear layers: the network spikes on its mean input and its weights drift.

Sleep replay consolidation, Tadros et al. 2022 (Nat. Commun. 13:7742), as pure functions of tensors.
Spikes are rare and run one way, from the input to the output, so a whole chunk of steps passes
through one layer before the next: potentials only where a spike comes in, weights only where a
neuron fires, all neurons of a layer at once. It is exact: the same spikes and weights, up to
rounding, as stepping through every layer.
Biases take no part: a sleeping neuron is driven by spikes alone, and its bias stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from strategies.spiking.parameters import SleepParameters

CHUNK = 64
"""Steps whose input spikes are drawn together; part of what a seed means."""

GATE_SLOPE = 1000.0
"""Per unit of weight: how sharply plasticity is confined to weights that are not positive."""


class Spikes(NamedTuple):
    """Who spiked when, in the order of time: steps (N,) and neurons (N,), both long."""

    steps: Tensor
    neurons: Tensor

    def to(self, device: torch.device) -> Spikes:
        """The same on `device`."""
        return Spikes(self.steps.to(device), self.neurons.to(device))


Watch = Callable[[int, Spikes], None]
"""Told of spikes of a layer, by its number."""


class Slept(NamedTuple):
    """What a sleep leaves: new weights, the steps it took, and the spikes of each layer."""

    weights: list[Tensor]
    steps: int
    spikes: list[int]


def layer_scales(
    weights: Sequence[Tensor], activations_max: Sequence[float], alpha_scale: float
) -> list[float]:
    """Gain of each layer in sleep, by the data-based normalisation of Diehl et al. 2015.

    A layer with neither a positive weight nor a positive output gets 0: it stays silent.

    Args:
        weights: (out, in) of each layer.
        activations_max: the largest output of each layer on data.
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
    return torch.sigmoid(weight * -GATE_SLOPE).mul_(2)


def plasticity(weights: Tensor, inputs: Tensor, inc: float, dec: float) -> Tensor:
    """Weights of neurons that fired, after the spike.

    Args:
        weights: of those neurons, (fired, in).
        inputs: bool, which inputs spiked in the same step, (fired, in).
        inc: what a weight at 0 gains where its input spiked, at least 0.
        dec: what a weight at 0 loses where its input was silent, at least 0.
    """
    return torch.addcmul(weights, torch.where(inputs, inc, -dec).to(weights.dtype), gate(weights))


def input_spikes(
    mean_input: Tensor, parameters: SleepParameters, steps: int, generator: torch.Generator
) -> Spikes:
    """Spikes of the input in steps 0 to `steps` - 1, independent between steps.

    Args:
        mean_input: (inputs,) for features, (..., height, width) for images, of which a random
            square is shown in each step. An input spikes with probability 2 dt rate x, at most 1.
    """
    probability = (2 * parameters.dt * parameters.rate * mean_input).reshape(-1)
    if mean_input.ndim == 1 or parameters.patch == 1:
        places = torch.arange(len(probability)).expand(steps, -1)
    else:
        places = _patches(mean_input.shape, parameters.patch, steps, generator)
    chance = torch.rand(places.shape, generator=generator, dtype=probability.dtype)
    when, which = (chance < probability[places]).nonzero(as_tuple=True)
    return Spikes(when, places[when, which])


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
    """Weights and potentials of one layer; a column holds the weights that leave one input."""

    def __init__(
        self, weight: Tensor, scale: float, threshold: float, parameters: SleepParameters
    ) -> None:
        self.columns = weight.detach().T.clone(memory_format=torch.contiguous_format)
        self.spikes = 0
        self._scale, self._threshold, self._parameters = scale, threshold, parameters
        self._potential = self.columns.new_zeros(self.columns.shape[1])
        self._step = 0

    def advance(self, spikes: Spikes) -> Spikes:
        """Take in a chunk of spikes, at least one: learn, reset, and pass on the layer's own.

        Potentials only shrink between incoming spikes, so a neuron fires when one comes in.
        """
        steps, events, counts = spikes.steps.unique_consecutive(
            return_inverse=True, return_counts=True
        )
        drive = embedding_bag(spikes.neurons, self.columns, counts.cumsum(0) - counts, mode="sum")
        decays = self._decays(steps[:, None] - steps).tril()
        left = self._decays(steps - self._step)[:, None] * self._potential
        potentials = torch.addmm(left, decays, drive, alpha=self._scale)
        self._potential, self._step = potentials[-1].clone(), int(steps[-1])
        inputs = torch.zeros((len(steps), len(self.columns)), dtype=torch.bool, device=steps.device)
        inputs[events, spikes.neurons] = True
        fired = self._fire(inputs, potentials, decays)
        self.spikes += len(fired)
        events, rows = fired // len(self._potential), fired % len(self._potential)
        return Spikes(steps[events], rows)

    def _fire(self, inputs: Tensor, potentials: Tensor, decays: Tensor) -> Tensor:
        """Let neurons fire where the potentials foreseen for them, (events, out), cross.

        Returns event * out + neuron of each spike, sorted.
        """
        events, out = potentials.shape
        rows, fired = torch.arange(out, device=inputs.device), []
        while len(crossing := (potentials.amax(0) >= self._threshold).nonzero()[:, 0]):
            rows = rows[crossing]
            over = potentials.index_select(1, crossing) >= self._threshold
            first = over.to(torch.uint8).argmax(0)
            fired.append(first * out + rows)
            # up to its first spike a neuron is as foreseen, from there it starts anew
            drive = inputs.to(potentials.dtype) @ self._learn(rows, inputs[first]).T
            past = torch.arange(events, device=inputs.device)[:, None] <= first
            potentials = self._scale * (decays @ drive.masked_fill_(past, 0.0))
            self._potential[rows] = potentials[-1]
        return torch.cat(fired).sort().values if fired else rows[:0]

    def _decays(self, ages: Tensor) -> Tensor:
        """What is left of a potential after `ages` steps; 1 where they are negative."""
        base = torch.tensor(self._parameters.decay, dtype=torch.float64, device=ages.device)
        return (base ** ages.clamp(min=0)).to(self.columns.dtype)

    def _learn(self, rows: Tensor, inputs: Tensor) -> Tensor:
        """Neurons `rows` fired on `inputs`, (fired, in): their new weights, (fired, in)."""
        inc, dec = self._parameters.inc, self._parameters.dec
        weight = self.columns.T
        learned = plasticity(weight.index_select(0, rows), inputs, inc, dec)
        weight.index_copy_(0, rows, learned)
        return learned


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
    watch: Watch | None = None,
) -> Slept:
    """Let the stack sleep for at most `parameters.steps` steps; the arguments are not changed.

    Args:
        weights: (out, in) of each layer, first layer first, on any one device.
        scales: from `layer_scales`.
        mean_input: (in,) of the first layer, or (..., height, width) that flattens to it; at least
            0 where it may spike; on the CPU, as the generator.
        keep_going: asked before every step, ends the sleep.
        tick: told of every step. A chunk of steps is granted before it is slept.
        watch: told of the spikes of a chunk, layer after layer, those of the input as layer 0.
    """
    thresholds = parameters.thresholds(len(weights))
    layers = [
        _Layer(weight, scale, threshold, parameters)
        for weight, scale, threshold in zip(weights, scales, thresholds, strict=True)
    ]
    mean_input = mean_input.to(layers[0].columns.dtype)
    done = 0
    for granted, shown in chunks(mean_input, parameters, generator, keep_going, tick):
        spikes = shown.to(layers[0].columns.device)
        if watch is not None:
            watch(0, spikes)
        for number, layer in enumerate(layers, 1):
            if not len(spikes.steps):
                break
            spikes = layer.advance(spikes)
            if watch is not None:
                watch(number, spikes)
        done += granted
    new = [layer.columns.T.contiguous() for layer in layers]
    return Slept(new, done, [layer.spikes for layer in layers])


def chunks(
    mean_input: Tensor,
    parameters: SleepParameters,
    generator: torch.Generator,
    keep_going: Callable[[], bool],
    tick: Callable[[], None],
) -> Iterator[tuple[int, Spikes]]:
    """Of each chunk of a sleep how many steps were granted, and the input's spikes in them."""
    done, granted = 0, CHUNK
    while granted == CHUNK and done < parameters.steps:
        ahead = min(CHUNK, parameters.steps - done)
        granted = 0
        while granted < ahead and keep_going():
            tick()
            granted += 1
        steps, neurons = input_spikes(mean_input, parameters, ahead, generator)
        inside = steps < granted
        yield granted, Spikes(steps[inside] + done, neurons[inside])
        done += granted
