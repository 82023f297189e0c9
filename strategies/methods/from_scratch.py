"""A new network for each experience, which knows nothing of the earlier ones.

Avalanche 0.6 resets named parameters of an unchanged shape alone: statistics of normalisation and
the rows of a head that has grown stay trained. Here both begin again, too.
"""

from __future__ import annotations

from typing import Any

import torch
from avalanche.training.templates import SupervisedTemplate
from torch import Tensor

from strategies.avalanche_signature import template_first
from strategies.entry import Baseline, Entry


class FromScratch(SupervisedTemplate):
    """Plain training that begins each experience from the first weights, the optimizer's too.

    The first weights are kept, since only they are drawn as the model was, and are charged as
    memory. Rows that an output layer grows later begin as they were drawn then. A head of an
    earlier task is as new as the network below it.
    """

    @template_first
    def __init__(self, **base_kwargs: Any) -> None:
        super().__init__(**base_kwargs)
        self.start: dict[str, Tensor] = {}
        """Every parameter and buffer before it was first trained."""

    @torch.no_grad()
    def _before_training_exp(self, **kwargs: Any) -> None:
        super()._before_training_exp(**kwargs)
        self.optimizer.state.clear()
        for name, tensor in self.model.state_dict().items():
            if name in self.start:
                first = self.start[name]
                tensor[tuple(slice(size) for size in first.shape)] = first
            self.start[name] = tensor.clone()


ENTRIES = {
    "from-scratch": Entry(
        factory="strategies.methods.from_scratch:FromScratch",
        summary="control: a new network for each experience, trained on that alone",
        paper="-",
        stores="statistics",
        explanation=Baseline(
            does=(
                "Begins each experience from the first weights again: what the earlier ones are "
                "worth for the last."
            ),
            memory="the first weights",
        ),
    ),
}
