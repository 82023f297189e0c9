"""A penalty that pulls each weight to where earlier experiences left it, by how much they need it.

What weighs a weight is said by the strategies: Fisher information in `ewc`, how far the output
moves with it in `mas`, what it did for the loss in `si`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, RandomSampler

if TYPE_CHECKING:
    from avalanche.training.templates import SupervisedTemplate as Template
else:
    # Avalanche checks each parent's arguments by itself: only one of several may be a template
    Template = object


class QuadraticPenalty(Template):
    """Part of strategies that add `strength / 2 * importance * (weight - anchor)^2` to the loss.

    Every experience has a penalty of its own, as in the papers. A sum of parabolas is a parabola,
    so two numbers for each weight hold all of them: the sum of the importances, and the anchors'
    mean weighted by them. Rows that a layer grows later are free until their experience ends.

    Attributes:
        strength: of the penalty, at least 0.
        importance: how much the experiences so far need each parameter, by name; at least 0.
        anchor: where they want it, by name.
    """

    def begin(self, strength: float) -> None:
        """Nothing is learned yet; for the constructor."""
        self.strength = strength
        self.importance: dict[str, Tensor] = {}
        self.anchor: dict[str, Tensor] = {}

    def experience_importance(self) -> dict[str, Tensor]:
        """How much the experience that just ended needs each parameter, by name; at least 0."""
        raise NotImplementedError

    def penalty(self) -> Tensor:
        """What is added to the loss now."""
        total = torch.zeros((), device=self.device)
        for name, parameter in self.model.named_parameters():
            if name in self.importance:
                away = parameter[_rows(self.anchor[name])] - self.anchor[name]
                total = total + (self._steepness(name) * away.square()).sum() / 2
        return total

    def pull(self, name: str, weight: Tensor) -> Tensor:
        """The gradient of the penalty at a weight, 0 where it has none."""
        pull = torch.zeros_like(weight)
        if name in self.importance and self.strength:
            known = _rows(self.anchor[name])
            pull[known] = self._steepness(name) * (weight[known] - self.anchor[name])
        return pull

    def _steepness(self, name: str) -> Tensor:
        # a steeper parabola would overshoot its anchor in a step, and diverge
        steepest = 1 / max(group["lr"] for group in self.optimizer.param_groups)
        return (self.strength * self.importance[name]).clamp(max=steepest)

    def keep(self, name: str, weight: Tensor, found: Tensor) -> None:
        """Add the parabola of an experience that ended with `weight`, which it needs so much."""
        importance, anchor = found.clone(), weight.clone()
        if name in self.importance:
            known = _rows(self.importance[name])
            importance[known] += self.importance[name]
            share = torch.where(importance > 0, found / importance, 1)[known]
            anchor[known] = torch.lerp(self.anchor[name], weight[known], share)
        self.importance[name], self.anchor[name] = importance, anchor

    def drawn(self, minibatches: int, size: int) -> Iterator[Tensor]:
        """The model's (B, C) logits on minibatches drawn from the experience, statistics at rest.

        Args:
            minibatches: how many, if the experience has so many.
            size: samples in each.
        """
        samples = min(minibatches * size, len(self.adapted_dataset))
        loader = DataLoader(
            self.adapted_dataset,
            batch_size=size,
            sampler=RandomSampler(self.adapted_dataset, num_samples=samples),
            collate_fn=self.adapted_dataset.collate_fn,
        )
        with at_rest(self.model):
            for self.mbatch in loader:
                self._unpack_minibatch()
                yield self.forward().float()
        self.mbatch = None

    def _before_backward(self, **kwargs: Any) -> None:
        super()._before_backward(**kwargs)
        if self.importance and self.strength:
            self.loss += self.penalty()

    def _after_training_exp(self, **kwargs: Any) -> None:
        super()._after_training_exp(**kwargs)
        found = self.experience_importance()
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                self.keep(name, parameter.detach(), found[name])


def _rows(known: Tensor) -> tuple[slice, ...]:
    """Where the entries of `known` are in a parameter that has grown since."""
    return tuple(slice(size) for size in known.shape)


@contextmanager
def at_rest(model: nn.Module) -> Iterator[None]:
    """Inside, normalisation keeps its statistics and nothing is dropped."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
