"""Learning which weights a task needs: a score for each, straight through the choice it makes.

Bengio, Léonard & Courville 2013, "Estimating or Propagating Gradients Through Stochastic Neurons";
as masks over weights Mallya, Davis & Lazebnik, "Piggyback", ECCV 2018.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from strategies.pruning.masks import Masks, largest, masked, pack, union, unpack
from strategies.pruning.weight_count import WeightsInUse, count_weights, network_in_use
from strategies.subnetworks.task_subnetworks import Certainty, Norm, Subnetworks


class LearnedMasks(Subnetworks):
    """Part of strategies whose tasks learn a mask each, stored as a bit for each weight."""

    def begin(self, norm: Norm, infer: Certainty | None) -> None:
        """No task is trained yet; for the constructor.

        Raises:
            ValueError: for what cannot be.
        """
        super().begin(norm, infer)
        self.packed: list[dict[str, Tensor]] = []
        """The mask of each finished task, a bit for each weight."""
        self.scores: dict[str, Tensor] = {}
        """A score for each weight while the task in training learns its mask."""
        self._score_optimizer: torch.optim.Adam | None = None

    @property
    def masks(self) -> list[Masks]:
        """The weights that each finished task is answered with, in order of training."""
        w = self.weights
        return [{n: unpack(bits, w[n]) for n, bits in packed.items()} for packed in self.packed]

    def chosen(self) -> Masks:
        """The mask of the task in training as it stands; empty when it sees every weight."""
        raise NotImplementedError

    def ranking(self) -> dict[str, Tensor]:
        """What weights are chosen by, a function of the scores that their gradient goes through."""
        return self.scores

    def learn_masks(self, scores: dict[str, Tensor], learning_rate: float) -> None:
        """From now on Adam moves these scores by their gradient through the forward pass."""
        self.scores = {name: score.requires_grad_() for name, score in scores.items()}
        self._score_optimizer = torch.optim.Adam(self.scores.values(), lr=learning_rate, fused=True)

    def hold_masks(self) -> None:
        """From now on no score moves."""
        self.scores, self._score_optimizer = {}, None

    def subnetwork(self, task: int) -> dict[str, Tensor]:
        """The weights inside the mask of finished `task`, counted from 0."""
        return masked(self.weights, self.masks[task])

    def training_subnetwork(self) -> dict[str, Tensor]:
        """The weights that are chosen now; the scores learn straight through the choice."""
        weights, ranking = self.weights, self.ranking()
        return {
            name: straight_through(weights[name], mask, ranking.get(name))
            for name, mask in self.chosen().items()
        }

    def optimizer_step(self) -> None:
        """Step weights and scores; what may not move is put back."""
        super().optimizer_step()
        if self._score_optimizer is not None:
            self._score_optimizer.step()
            self._score_optimizer.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        """Everything that a new strategy of the same model needs to go on between experiences."""
        return {**super().state_dict(), "packed": self.packed}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`, which is copied."""
        super().load_state_dict(state)
        self.packed = copy.deepcopy(state["packed"])

    def _after_training_exp(self, **kwargs: Any) -> None:
        super()._after_training_exp(**kwargs)
        self.packed.append({name: pack(mask) for name, mask in self.chosen().items()})
        self.hold_masks()


def fresh_scores(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A score for each weight, drawn as linear layers draw weights, at least single precision."""
    scores = {}
    for name, weight in weights.items():
        dtype = torch.promote_types(weight.dtype, torch.float32)
        score = torch.empty(weight.shape, dtype=dtype, device=weight.device)
        scores[name] = nn.init.kaiming_uniform_(score, a=math.sqrt(5))
    return scores


def magnitudes(scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The absolute values, which the gradient goes through."""
    return {name: score.abs() for name, score in scores.items()}


def best_scored(scores: Mapping[str, Tensor], density: float) -> Masks:
    """The share `density` of each layer's entries that have the best scores."""
    masks = {}
    for name, score in scores.items():
        count = round(density * score.numel())
        masks[name] = largest(score.detach().flatten(), count).view(score.shape)
    return masks


def straight_through(weight: Tensor, mask: Tensor, score: Tensor | None) -> Tensor:
    """The weights inside `mask`, whose gradient is the score's, where there is one."""
    chosen: Tensor = _StraightThrough.apply(weight, mask, score)
    return chosen


class _StraightThrough(torch.autograd.Function):
    """A product with a mask, in which the score takes the gradient of its entry of the mask."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, mask: Tensor, score: Tensor | None) -> Tensor:
        kept = mask.to(weight)
        ctx.save_for_backward(weight, kept)
        ctx.score_type = None if score is None else score.dtype
        return weight * kept

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, None, Tensor | None]:
        weight, kept = ctx.saved_tensors
        of_weight, _, of_score = ctx.needs_input_grad
        return (
            gradient * kept if of_weight else None,
            None,
            (gradient * weight).to(ctx.score_type) if of_score else None,
        )


@network_in_use.register
def _(strategy: LearnedMasks) -> WeightsInUse:
    masks = strategy.masks
    return count_weights(
        strategy.model,
        used=union(masks, strategy.weights) if masks else None,
        active=masks[-1] if masks else None,
        bits_per_weight=len(masks),
        masks=masks,
        private=strategy.private[:-1],  # the last task's are the model's own
    )
