"""A-GEM: a step that would undo what stored examples need is turned until it no longer does.

Chaudhry, Ranzato, Rohrbach & Elhoseiny, "Efficient Lifelong Learning with A-GEM", ICLR 2019. The
library's own stores a fixed number of examples of each experience, so that its memory has no limit,
and leaves weights alone that stored examples move and the minibatch does not.
"""

from __future__ import annotations

from typing import Any

import torch
from avalanche.models.utils import avalanche_forward
from avalanche.training.templates import SupervisedTemplate
from torch import Tensor

from strategies.avalanche_signature import template_first
from strategies.earlier_examples import EarlierExamples
from strategies.entry import Baseline, Entry, Reproduction
from strategies.search_space import STORED, STORED_SPACE


class AGEM(SupervisedTemplate):
    """Plain training; the gradient keeps only what does not raise the loss of earlier examples.

    That loss is of as many stored examples as a minibatch has, drawn anew for each step.

    Args:
        mem_size: stored examples in all, at least 1.
    """

    @template_first
    def __init__(self, *, mem_size: int = STORED, **base_kwargs: Any) -> None:
        super().__init__(**base_kwargs)
        self.earlier = EarlierExamples(mem_size)

    def _before_training_exp(self, **kwargs: Any) -> None:
        super()._before_training_exp(**kwargs)
        self.earlier.begin(self)

    def _after_backward(self, **kwargs: Any) -> None:
        super()._after_backward(**kwargs)
        drawn = self.earlier.draw(self.train_mb_size)
        if drawn is None:
            return
        x, y, tasks = drawn
        loss = self._criterion(avalanche_forward(self.model, x, tasks), y)
        weights = [weight for weight in self.model.parameters() if weight.requires_grad]
        reference = torch.autograd.grad(loss, weights, allow_unused=True, materialize_grads=True)
        current = [torch.zeros_like(w) if w.grad is None else w.grad for w in weights]
        for weight, gradient in zip(weights, projected(current, reference), strict=True):
            weight.grad = gradient

    def _after_training_exp(self, **kwargs: Any) -> None:
        super()._after_training_exp(**kwargs)
        self.earlier.end(self)


def projected(current: list[Tensor], reference: tuple[Tensor, ...]) -> list[Tensor]:
    """`current` without its part against `reference`, each the gradients of all weights; eq. 11."""
    agreement = torch.stack([(c * r).sum() for c, r in zip(current, reference, strict=True)]).sum()
    length = torch.stack([r.square().sum() for r in reference]).sum()
    # 0 where they agree, and where there is no reference: nothing waits for a device to say so
    share = agreement.clamp(max=0) / length.clamp(min=torch.finfo(length.dtype).tiny)
    return [c - share * r for c, r in zip(current, reference, strict=True)]


ENTRIES = {
    "agem": Entry(
        factory="strategies.methods.averaged_gem:AGEM",
        family="replay",
        summary="gradients lose what would raise the loss of stored examples",
        paper="Chaudhry et al. 2019",
        reproduced=(
            Reproduction(
                on="split MNIST, task-incremental",
                published="98.58 %",
                measured="98.61 [97.63, 99.58] %; n = 3 seeds",
                verdict="yes",
                page="vandeven2022",
            ),
            Reproduction(
                on="split MNIST, domain-incremental",
                published="87.67 %",
                measured="85.53 [74.42, 96.63] %; n = 3 seeds",
                verdict="yes",
                page="vandeven2022",
            ),
            Reproduction(
                on="split MNIST, class-incremental",
                published="65.10 %",
                measured="55.70 [14.93, 96.47] %; n = 3 seeds",
                verdict="no",
                page="vandeven2022",
            ),
        ),
        space={"mem_size": STORED_SPACE},
        stores="examples",
        explanation=Baseline(
            does=(
                "Compares each gradient with that of stored examples of earlier experiences. "
                "Where they disagree, the gradient loses its part against the other. Stored "
                "examples are never trained on."
            ),
            memory="the stored examples",
        ),
    ),
}
