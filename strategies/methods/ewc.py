"""Elastic weight consolidation: a penalty weighted by the Fisher information of each weight.

Kirkpatrick et al. 2017, "Overcoming catastrophic forgetting in neural networks" (PNAS). That the
diagonal must be that of the samples, each by itself and over all classes, and what is lost where
minibatches are taken for samples, is van de Ven 2025, "On the computation of the Fisher information
in continual learning" (arXiv 2502.11756).
"""

from __future__ import annotations

from typing import Any

import torch
from avalanche.training.templates import SupervisedTemplate
from torch import Tensor

from strategies.avalanche_signature import template_first
from strategies.entry import Baseline, Entry, Reproduction
from strategies.quadratic_penalty import QuadraticPenalty
from strategies.search_space import Range


class EWC(QuadraticPenalty, SupervisedTemplate):
    """Plain training with a pull towards earlier weights, by their Fisher information.

    Each experience has a penalty of its own, half of `ewc_lambda` times the information times the
    squared distance. All of them together take two numbers for each weight. So that plain steps do
    not overshoot, no weight is pulled by more than its distance over the learning rate.

    Args:
        ewc_lambda: strength of the penalty, at least 0.
        fisher_minibatches: minibatches of the experience that the information is taken from when
            it ends, at least 1; each costs about as much as a training step.
    """

    @template_first
    def __init__(
        self, *, ewc_lambda: float = 100.0, fisher_minibatches: int = 50, **base_kwargs: Any
    ) -> None:
        if not ewc_lambda >= 0:
            raise ValueError(f"ewc_lambda must be at least 0, got {ewc_lambda}")
        if fisher_minibatches < 1:
            raise ValueError(f"fisher_minibatches must be at least 1, got {fisher_minibatches}")
        super().__init__(**base_kwargs)
        self.begin(ewc_lambda)
        self.fisher_minibatches = fisher_minibatches

    def experience_importance(self) -> dict[str, Tensor]:
        """Diagonal of the Fisher information, a mean over samples.

        With signs drawn for every sample and class, the square of one summed gradient is the sum of
        all squares on average: the cross terms cancel (Hutchinson 1990). So a minibatch costs one
        backward pass, and any network will do.
        """
        names, parameters = zip(*self.model.named_parameters(), strict=True)
        total = [torch.zeros_like(p) for p in parameters]
        samples = 0
        for logits in self.drawn(self.fisher_minibatches, self.train_mb_size):
            signs = torch.randint_like(logits, high=2) * 2 - 1
            towards = information_root(logits.detach(), signs)
            found = torch.autograd.grad(logits, parameters, towards, allow_unused=True)
            samples += len(logits)
            for sum_, gradient in zip(total, found, strict=True):
                if gradient is not None:
                    sum_ += gradient.square()
        return {name: sum_ / samples for name, sum_ in zip(names, total, strict=True)}


def information_root(logits: Tensor, signs: Tensor) -> Tensor:
    """Vectors v whose mean of v v' over all `signs` is the Fisher information of the logits.

    That is diag(p) - p p' with the probabilities p = softmax(logits), the mean over classes drawn
    from p of the squared gradient of log p.

    Args:
        logits: (B, C).
        signs: (B, C), each 1 or -1.
    """
    p = logits.softmax(1)
    root = signs * p.sqrt()
    return root - p * root.sum(1, keepdim=True)


ENTRIES = {
    "ewc": Entry(
        factory="strategies.methods.ewc:EWC",
        family="regularised",
        summary="quadratic penalty weighted by Fisher information, sample by sample",
        paper="Kirkpatrick et al. 2017",
        reproduced=(
            Reproduction(
                on="split MNIST, task-incremental",
                published="99.06 %",
                measured="99.28 [98.40, 100.00] %; n = 3 seeds",
                verdict="yes",
                page="vandeven2022",
            ),
            Reproduction(
                on="split MNIST, domain-incremental",
                published="63.03 %",
                measured="65.22 [39.90, 90.54] %; n = 3 seeds",
                verdict="yes",
                page="vandeven2022",
            ),
            Reproduction(
                on="split MNIST, class-incremental",
                published="20.64 %",
                measured="19.22 [16.50, 21.95] %; n = 3 seeds",
                verdict="no",
                page="vandeven2022",
            ),
        ),
        # a compromise; held-out data, one seed, 1,500 steps: ten permutations of MNIST give 85.2 %
        # at 10 and 81.3 at 100, split Fashion-MNIST 94.9 at 100 and 95.3 from 10,000 on
        space={"ewc_lambda": Range(1.0, 1e7, log=True)},
        stores="statistics",
        explanation=Baseline(
            does=(
                "Pulls each weight to where earlier experiences left it, by how much they need it: "
                "the Fisher information of the samples, over all classes."
            ),
            memory="two numbers for each weight, once",
        ),
    ),
}
