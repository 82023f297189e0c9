"""How much each weight matters: its magnitude, or what the loss of a few minibatches says.

magnitude: |w|, Han et al. 2015. snip: |w * mean gradient|, Lee, Ajanthan & Torr 2019, eq. 6.
taylor: mean of (w * gradient)^2 over minibatches, Molchanov et al. 2019, eq. 7 weight by weight.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from avalanche.training.templates import SupervisedTemplate
from torch import Tensor, nn

from strategies.clock import Clock

Importance = Literal["magnitude", "snip", "taylor"]

SENSITIVITY_MINIBATCHES = 20
"""Minibatches of the current experience that a sensitivity is measured on, at the most."""


def scores(
    importance: Importance,
    strategy: SupervisedTemplate,
    weights: dict[str, nn.Parameter],
    clock: Clock,
) -> dict[str, Tensor]:
    """A score of at least 0 for every entry; the larger, the more it matters.

    A sensitivity ticks the clock for every minibatch and stops when the share is spent; where
    there was no time for a single one, magnitude answers instead.
    """
    if importance == "magnitude":
        return {name: w.detach().abs() for name, w in weights.items()}
    total = {name: torch.zeros_like(w) for name, w in weights.items()}
    minibatches = 0
    for gradients in _gradients(strategy, list(weights.values()), clock):
        minibatches += 1
        for (name, weight), gradient in zip(weights.items(), gradients, strict=True):
            if gradient is not None:
                effect = weight.detach() * gradient
                total[name] += effect if importance == "snip" else effect**2
    if not minibatches:
        return scores("magnitude", strategy, weights, clock)
    return {name: t.abs_().div_(minibatches) for name, t in total.items()}


def _gradients(
    strategy: SupervisedTemplate, weights: list[nn.Parameter], clock: Clock
) -> Iterator[tuple[Tensor | None, ...]]:
    for count, minibatch in enumerate(strategy.dataloader):
        if count == SENSITIVITY_MINIBATCHES or clock.progress >= 1:
            return
        with _in_training_on(strategy, minibatch):
            strategy.mb_output = strategy.forward()
            loss = strategy.criterion()
            gradients = torch.autograd.grad(loss, weights, allow_unused=True)
        clock.tick()
        yield gradients


@contextmanager
def _in_training_on(strategy: SupervisedTemplate, minibatch: list[Tensor]) -> Iterator[None]:
    """The strategy looks at this minibatch, with statistics at rest; afterwards at its own."""
    before = strategy.mbatch, strategy.mb_output
    modes = [(module, module.training) for module in strategy.model.modules()]
    strategy.model.eval()
    strategy.mbatch = minibatch
    strategy._unpack_minibatch()
    try:
        yield
    finally:
        strategy.mbatch, strategy.mb_output = before
        for module, training in modes:
            module.training = training
