"""Bias correction: the newest classes answer no louder than the earlier ones.

Zhao et al. 2020, "Maintaining discrimination and fairness in class incremental learning" (CVPR),
section 4.2, weight aligning. The paper aligns a network that also rehearses and distils, and
keeps its weights positive; here the rule stands alone, as the control without which no gain of a
night can be told from the removal of the newest classes' bias, and scales their biases too.
"""

from __future__ import annotations

import torch
from torch import nn

from strategies.networks.layers import shared_head
from strategies.sleep_cycle import Night, SleepingStrategy, Stage


class Align(Stage):
    """Rescales the output rows of the experience's classes to the mean norm of earlier classes'.

    It does nothing for the first experience, where each task has its own head, and where no class
    is new. An output layer that grows keeps its rows in Avalanche's order, by class.
    """

    takes_time: bool = False

    def __init__(self) -> None:
        self._known: set[int] = set()

    @torch.no_grad()
    def sleep(self, strategy: SleepingStrategy, night: Night) -> None:
        """Scale at once, weights and biases of the new rows alike."""
        name = shared_head(strategy.model)
        new = sorted(_classes(strategy) - self._known)
        if name is None or not new or not self._known:
            return
        head = strategy.model.get_submodule(name)
        layer = head if isinstance(head, nn.Linear) else head.classifier
        norms = layer.weight.norm(dim=1)
        loudness = norms[new].mean()
        if loudness > 0:
            scale = norms[sorted(self._known)].mean() / loudness
            for parameter in layer.parameters():
                parameter[new] *= scale

    def end(self, strategy: SleepingStrategy) -> None:
        """The experience's classes are earlier ones from here on."""
        self._known |= _classes(strategy)


def _classes(strategy: SleepingStrategy) -> set[int]:
    return {int(target) for target in strategy.experience.dataset.targets}
