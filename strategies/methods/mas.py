"""Memory aware synapses: a penalty weighted by how far the network's output moves with a weight.

Aljundi, Babiloni, Elhoseiny, Rohrbach & Tuytelaars 2018, "Memory Aware Synapses: Learning what
(not) to forget" (ECCV). Avalanche's takes the gradient of a whole minibatch, in which samples that
pull apart cancel, lets earlier importances decay, and moves the statistics of normalisation while
it measures; here each sample counts by itself, importances add up and the network is at rest.
"""

from __future__ import annotations

from typing import Any

import torch
from avalanche.training.templates import SupervisedTemplate
from torch import Tensor

from strategies.avalanche_signature import template_first
from strategies.entry import Baseline, Entry
from strategies.quadratic_penalty import QuadraticPenalty
from strategies.search_space import Range


class MAS(QuadraticPenalty, SupervisedTemplate):
    """Plain training with a pull towards the last weights, by how much earlier answers need them.

    The penalty is `mas_lambda` times the importance times the squared distance. So that plain steps
    do not overshoot, no weight is pulled by more than its distance over the learning rate.

    Args:
        mas_lambda: strength of the penalty, at least 0.
        samples: of the experience that importances are taken from when it ends, at least 1; each
            costs a pass of its own.
    """

    @template_first
    def __init__(self, *, mas_lambda: float = 0.1, samples: int = 200, **base_kwargs: Any) -> None:
        if not mas_lambda >= 0:
            raise ValueError(f"mas_lambda must be at least 0, got {mas_lambda}")
        if samples < 1:
            raise ValueError(f"samples must be at least 1, got {samples}")
        super().__init__(**base_kwargs)
        self.begin(2 * mas_lambda)
        self.samples = samples

    def experience_importance(self) -> dict[str, Tensor]:
        """Mean over samples of the size of the gradient of the squared length of the output."""
        names, parameters = zip(*self.model.named_parameters(), strict=True)
        total = [torch.zeros_like(p) for p in parameters]
        count = 0
        for logits in self.drawn(self.samples, 1):
            found = torch.autograd.grad(logits.square().sum(), parameters, allow_unused=True)
            count += 1
            for sum_, gradient in zip(total, found, strict=True):
                if gradient is not None:
                    sum_ += gradient.abs()
        return {name: sum_ / count for name, sum_ in zip(names, total, strict=True)}

    def keep(self, name: str, weight: Tensor, found: Tensor) -> None:
        """Importances add up; the pull is to the last weights alone."""
        super().keep(name, weight, found)
        self.anchor[name] = weight.clone()


ENTRIES = {
    "mas": Entry(
        factory="strategies.methods.mas:MAS",
        family="regularised",
        summary="quadratic penalty weighted by how far the output moves with a weight",
        paper="Aljundi et al. 2018",
        # a compromise; held-out data, one seed, 1,500 steps: ten permutations of MNIST give 88.1 %
        # at 0.01 and 81.5 at 0.1, split Fashion-MNIST 93.0 at 0.01, 94.7 at 0.1 and 95.3 at 1
        space={"mas_lambda": Range(1e-3, 1e3, log=True)},
        stores="statistics",
        explanation=Baseline(
            does=(
                "As `ewc`, by how far the output moves with a weight: no label is looked at to "
                "tell what matters."
            ),
            memory="two numbers for each weight, once",
        ),
    ),
}
