"""Winning SubNetworks: each task learns which weights it needs while it learns the weights.

Kang, Mina, Madjid, Yoon, Hasegawa-Johnson, Hwang & Yoo, "Forget-free Continual Learning with
Winning Subnetworks", ICML 2022.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from avalanche.training.templates import SupervisedTemplate
from torch import Tensor, nn

from strategies.masks import Masks, largest, masked, pack, union, unpack
from strategies.subnetworks import Certainty, Norm, Subnetworks
from strategies.weights import WeightsInUse, count_weights, weights_in_use


class WinningSubnetworks(Subnetworks, SupervisedTemplate):
    """A score for each weight, the best-scored of each layer as the task's mask, owned ones held.

    density: share of each layer's weights that one task is answered with, in (0, 1].
    score_learning_rate: of the scores, by Adam, above 0; the weights have the optimizer's own.
    norm, infer: see `Subnetworks`.

    The forward pass uses the weights inside the mask; the scores learn through it as if it were
    the identity (straight through). Weights inside the mask of an earlier task are reused but
    never moved, so earlier tasks stay bit-identical. Masks are a bit per weight and task.
    """

    def __init__(
        self,
        *,
        density: float = 0.05,
        score_learning_rate: float = 0.001,
        norm: Norm = "task",
        infer: Certainty | None = None,
        **base_kwargs: Any,
    ) -> None:
        if not 0 < density <= 1:
            raise ValueError(f"density must be in (0, 1], got {density}")
        if not score_learning_rate > 0:
            raise ValueError(f"score_learning_rate must be above 0, got {score_learning_rate}")
        super().__init__(**base_kwargs)
        if not self.weights:
            raise ValueError("model must have a linear or convolutional layer to prune, got none")
        self.begin(norm, infer)
        self.density = density
        self.score_learning_rate = score_learning_rate
        self.packed: list[dict[str, Tensor]] = []
        """The mask of each finished task, a bit for each weight."""
        self._scores: dict[str, Tensor] = {}
        self._score_optimizer: torch.optim.Adam | None = None

    @property
    def masks(self) -> list[Masks]:
        """The weights that each finished task is answered with, in order of training."""
        w = self.weights
        return [{n: unpack(bits, w[n]) for n, bits in packed.items()} for packed in self.packed]

    def subnetwork(self, task: int) -> dict[str, Tensor]:
        """The weights inside the mask of finished `task`, counted from 0."""
        return masked(self.weights, self.masks[task])

    def training_subnetwork(self) -> dict[str, Tensor]:
        """The best-scored weights now; the scores learn straight through the choice."""
        weights, best = self.weights, self._best()
        return {
            name: weights[name] * (best[name] + score - score.detach()).to(weights[name].dtype)
            for name, score in self._scores.items()
        }

    def optimizer_step(self) -> None:
        """Step weights and scores; owned weights are put back."""
        super().optimizer_step()
        assert self._score_optimizer is not None
        self._score_optimizer.step()
        self._score_optimizer.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        """Everything that a new strategy of the same model needs to go on between experiences."""
        return {**super().state_dict(), "packed": self.packed}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`, which is copied."""
        super().load_state_dict(state)
        self.packed = copy.deepcopy(state["packed"])

    def _best(self) -> Masks:
        """The mask of the task in training."""
        masks = {}
        for name, score in self._scores.items():
            count = round(self.density * score.numel())
            masks[name] = largest(score.detach().flatten(), count).view(score.shape)
        return masks

    def _before_training_exp(self, **kwargs: Any) -> None:
        super()._before_training_exp(**kwargs)
        self._scores = {name: _fresh_scores(weight) for name, weight in self.weights.items()}
        self._score_optimizer = torch.optim.Adam(self._scores.values(), lr=self.score_learning_rate)
        owned = union(self.masks, self.weights)
        anchors = {n: w.detach().clone() for n, w in self.weights.items()}
        self.guard({n: ~mask for n, mask in owned.items()} if self.packed else {}, anchors)

    def _after_training_exp(self, **kwargs: Any) -> None:
        super()._after_training_exp(**kwargs)
        self.packed.append({name: pack(best) for name, best in self._best().items()})
        self._scores, self._score_optimizer = {}, None


def _fresh_scores(weight: Tensor) -> Tensor:
    """Scores of one layer, drawn as linear layers draw their weights, at least single precision."""
    dtype = torch.promote_types(weight.dtype, torch.float32)
    score = torch.empty(weight.shape, dtype=dtype, device=weight.device)
    return nn.init.kaiming_uniform_(score, a=math.sqrt(5)).requires_grad_()


@weights_in_use.register
def _(strategy: WinningSubnetworks) -> WeightsInUse:
    masks = strategy.masks
    return count_weights(
        strategy.model,
        used=union(masks, strategy.weights) if masks else None,
        active=masks[-1] if masks else None,
        bits_per_weight=len(masks),
        private=strategy.private[:-1],  # the last task's are the model's own
    )
