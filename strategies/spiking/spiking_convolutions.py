"""Sleep of a network with its convolutions, step by step through its own forward pass.

The rule of `strategies.spiking.spiking_layers` where places share their weights, which is ours:
Tadros et al. 2022 put no convolution to sleep. A neuron is a channel at a place. In a step a
kernel learns the mean of what those neurons of its channel that fire would learn alone; a linear
layer, whose neurons have one place each, learns as in the paper. Between the layers the network is
what it is by day: of spikes a ReLU changes nothing, and a maximum over places is a spike where any
of them is one.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from avalanche.models.utils import avalanche_forward
from torch import Tensor, nn
from torch.nn.functional import unfold

from strategies.spiking.parameters import SleepParameters
from strategies.spiking.sleeping_layers import Layer
from strategies.spiking.spiking_layers import Slept, Spikes, Watch, chunks, gate


@dataclass(frozen=True)
class ForwardPass:
    """How a network is run, and what of it sleeps.

    Attributes:
        layers: those that sleep, in the order of the forward pass.
        shown: any one input of the model and its task label, (1, ...) and (1,): they choose the
            head.
    """

    model: nn.Module
    layers: Sequence[Layer]
    shown: tuple[Tensor, Tensor]


@torch.no_grad()
def sleep_through(
    network: ForwardPass,
    scales: Sequence[float],
    mean_input: Tensor,
    parameters: SleepParameters,
    *,
    generator: torch.Generator,
    keep_going: Callable[[], bool] = lambda: True,
    tick: Callable[[], None] = lambda: None,
    watch: Watch | None = None,
) -> Slept:
    """Let layers of a network sleep, step by step through its forward pass; nothing is changed.

    Where all of them are linear this equals `strategies.spiking.spiking_layers.sleep`, which
    explains the other arguments.

    Args:
        mean_input: of the first of the layers, without a batch, (channels, height, width) for
            images.
    """
    thresholds = parameters.thresholds(len(network.layers))
    asleep = copy.deepcopy(network.model).eval()
    names = {module: name for name, module in network.model.named_modules()}
    copies = [cast(Layer, asleep.get_submodule(names[layer])) for layer in network.layers]
    neurons = [
        _Neurons(scale, threshold, parameters)
        for scale, threshold in zip(scales, thresholds, strict=True)
    ]
    drive = torch.zeros_like(mean_input)[None].to(network.shown[0].device, copies[0].weight.dtype)
    copies[0].register_forward_pre_hook(lambda layer, inputs: (drive.view_as(inputs[0]),))
    for layer, own in zip(copies, neurons, strict=True):
        if layer.bias is not None:
            layer.bias.zero_()
        layer.register_forward_hook(own)
    done = 0
    for granted, spikes in chunks(mean_input, parameters, generator, keep_going, tick):
        counts = (spikes.steps - done).bincount(minlength=granted).tolist()
        for step, inputs in enumerate(spikes.neurons.split(counts), done):
            drive.zero_().view(-1)[inputs.to(drive.device)] = 1.0
            avalanche_forward(asleep, *network.shown)
            if watch is not None:
                for number, fired in enumerate([inputs, *(own.fired for own in neurons)]):
                    watch(number, Spikes(torch.full_like(fired, step), fired))
        done += granted
    return Slept([layer.weight.detach() for layer in copies], done, [own.spikes for own in neurons])


class _Neurons:
    """A forward hook by which a layer gives out spikes and learns.

    Attributes:
        fired: neurons of the last step, as flat indices, (N,).
        spikes: how many there were in all steps.
    """

    def __init__(self, scale: float, threshold: float, parameters: SleepParameters) -> None:
        self.fired = torch.zeros(0, dtype=torch.long)
        self.spikes = 0
        self._scale, self._threshold, self._parameters = scale, threshold, parameters
        self._potential: Tensor | None = None

    def __call__(self, layer: Layer, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        """(1, out, ...) spikes in place of the output."""
        left = 0.0 if self._potential is None else self._parameters.decay * self._potential
        potential = left + self._scale * output
        fires = potential >= self._threshold
        self.fired = fires.flatten().nonzero()[:, 0]
        if len(self.fired):
            self.spikes += len(self.fired)
            self._learn(layer, inputs[0], fires[0].reshape(len(layer.weight), -1))
        self._potential = potential.masked_fill_(fires, 0.0)
        return fires.to(output.dtype)

    def _learn(self, layer: Layer, x: Tensor, fires: Tensor) -> None:
        """Move the weights of the neurons that fire: (out, places) bool, at least one."""
        rows = fires.any(1).nonzero()[:, 0]
        fires = fires[rows].to(x.dtype)
        arrived = (_arriving(layer, x) > 0).to(x.dtype)
        share = fires @ arrived.T / fires.sum(1, keepdim=True)
        weights = layer.weight.data
        inc, dec = self._parameters.inc, self._parameters.dec
        change = (inc * share - dec * (1 - share)).view_as(weights[rows])
        weights[rows] = torch.addcmul(weights[rows], change, gate(weights[rows]))


def _arriving(layer: Layer, x: Tensor) -> Tensor:
    """What each weight of a neuron is given at each place: (weights, places)."""
    if isinstance(layer, nn.Linear):
        return x.T
    assert not isinstance(layer.padding, str), "refused by check_can_sleep"
    return unfold(x, layer.kernel_size, layer.dilation, layer.padding, layer.stride)[0]
