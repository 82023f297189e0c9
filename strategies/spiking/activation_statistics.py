"""What a network shows of itself before a night: its mean input, its largest outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from avalanche.models.utils import avalanche_forward
from avalanche.training.templates import SupervisedTemplate
from torch import Tensor, nn

from strategies.networks.uncompiled import uncompiled
from strategies.spiking.sleeping_layers import Layer, sleepers


class ActivationStatistics:
    """A forward hook that notes what layers take in and give out.

    Attributes:
        maxima: the largest output of each layer, at least 0, in the order of the forward pass.
        shown: the last input of the model, (1, ...), and its task label, (1,).
    """

    def __init__(self) -> None:
        self.maxima: dict[Layer, float] = {}
        self.shown: tuple[Tensor, Tensor] | None = None
        self._sum: Tensor | None = None
        self._samples = 0

    def __call__(self, layer: Layer, inputs: tuple[Tensor], output: Tensor) -> None:
        """Note one call of `layer`: (B, in, ...) inputs, (B, out, ...) output."""
        if layer not in self.maxima:
            self._check_follows(layer)
        if not self.maxima or layer is next(iter(self.maxima)):
            sums = inputs[0].double().sum(0)
            self._sum = sums if self._sum is None else self._sum + sums
            self._samples += len(inputs[0])
        self.maxima[layer] = max(self.maxima.get(layer, 0.0), output.max().item())

    def mean_input(self) -> Tensor:
        """Mean input of the first layer, on the CPU, in the shape of an image if it is one."""
        assert self._sum is not None
        assert self.shown is not None
        mean = (self._sum / self._samples).float().cpu()
        shape = self.shown[0].shape[1:]
        is_image = len(shape) > 1 and shape.numel() == mean.numel()
        return mean.reshape(shape) if is_image else mean

    def _check_follows(self, layer: Layer) -> None:
        before = next(reversed(self.maxima), None)
        if not isinstance(before, nn.Linear) or not isinstance(layer, nn.Linear):
            return
        if before.out_features != layer.in_features:
            raise ValueError(
                "linear layers must feed each other to sleep, "
                f"got {layer} after {before}; one task per experience, one head per task"
            )


@torch.no_grad()
def observe(
    strategy: SupervisedTemplate,
    minibatches: Iterable[Any],
    keep_going: Callable[[], bool],
    *,
    convolutions: bool = False,
) -> ActivationStatistics:
    """Show the network minibatches in evaluation mode and note what its sleeping layers see.

    Args:
        minibatches: inputs first, task labels last.
        keep_going: asked before each, ends it.
        convolutions: whether they sleep, as the linear layers do.
    """
    statistics = ActivationStatistics()
    hooks = [
        module.register_forward_hook(statistics)
        for module in strategy.model.modules()
        if isinstance(module, sleepers(convolutions))
    ]
    modes = {module: module.training for module in strategy.model.modules()}
    strategy.model.eval()
    try:
        for x, *_, tasks in minibatches:
            if not keep_going():
                break
            x, tasks = x.to(strategy.device), tasks.to(strategy.device)
            statistics.shown = x[:1], tasks[:1]
            with uncompiled(strategy.model):
                avalanche_forward(strategy.model, x, tasks)
            strategy.budget_clock.tick()
    finally:
        for module, training in modes.items():
            module.training = training
        for hook in hooks:
            hook.remove()
    return statistics
