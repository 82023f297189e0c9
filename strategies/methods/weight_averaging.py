"""Averaging the weights of networks that each learned one experience: the control for sleep.

The mean of networks from one start, as in model soups (Wortsman et al. 2022, ICML): no stored
example, no replay, and yet it undoes much of the newest experience's dominance. Without it no gain
of a night can be told from that of moving less far.
"""

from __future__ import annotations

from typing import Any

import torch
from avalanche.training.templates import SupervisedTemplate
from torch import Tensor

from strategies.avalanche_signature import template_first
from strategies.entry import Baseline, Entry


class WeightAveraging(SupervisedTemplate):
    """Trains each experience from the same first weights; the mean of the results answers.

    The start is kept throughout and the mean while an experience is trained; both are charged.
    Statistics of normalisation and whole numbers are those of the last experience. Rows that an
    output layer grew later are averaged over the experiences that had them.
    """

    @template_first
    def __init__(self, **base_kwargs: Any) -> None:
        super().__init__(**base_kwargs)
        self.start: dict[str, Tensor] = {}
        """Every parameter before it was first trained."""
        self.mean: dict[str, Tensor] = {}
        """The mean so far, while an experience is trained."""
        self.trained: dict[str, int] = {}
        """How many experiences each mean is of."""

    @torch.no_grad()
    def _before_training_exp(self, **kwargs: Any) -> None:
        super()._before_training_exp(**kwargs)
        self.optimizer.state.clear()
        for name, parameter in self.model.named_parameters():
            if name in self.start and self.start[name].shape == parameter.shape:
                self.mean[name] = parameter.detach().clone()
                parameter.copy_(self.start[name])
            else:
                self.start[name] = parameter.detach().clone()
                self.trained[name] = 0

    @torch.no_grad()
    def _after_training_exp(self, **kwargs: Any) -> None:
        for name, parameter in self.model.named_parameters():
            if name in self.mean:
                share = self.trained[name] / (self.trained[name] + 1)
                parameter.lerp_(self.mean[name], share)
            self.trained[name] += 1
        self.mean = {}
        super()._after_training_exp(**kwargs)


ENTRIES = {
    "weight-averaging": Entry(
        factory="strategies.methods.weight_averaging:WeightAveraging",
        family="regularised",
        summary="control: the mean of one network per experience, all from the same start",
        paper="Wortsman et al. 2022",
        stores="statistics",
        explanation=Baseline(
            does=(
                "Trains each experience from the same first weights; the mean of the results "
                "answers."
            ),
            memory="the first weights",
        ),
    ),
}
