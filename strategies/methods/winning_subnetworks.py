"""Winning SubNetworks: each task learns which weights it needs while it learns the weights.

Kang, Mina, Madjid, Yoon, Hasegawa-Johnson, Hwang & Yoo, "Forget-free Continual Learning with
Winning Subnetworks", ICML 2022.
"""

from __future__ import annotations

import copy
from typing import Any

from avalanche.training.templates import SupervisedTemplate
from torch import Tensor

from strategies.avalanche_signature import template_first
from strategies.entry import Entry, Explanation, Reproduction
from strategies.pruning.masks import Masks, union
from strategies.search_space import DENSITY, Range
from strategies.subnetworks.learned_masks import (
    LearnedMasks,
    best_scored,
    fresh_scores,
    magnitudes,
)
from strategies.subnetworks.task_subnetworks import Certainty, Norm


class WinningSubnetworks(LearnedMasks, SupervisedTemplate):
    """A score for each weight, the best-scored of each layer as the task's mask, owned ones held.

    Scores are ranked by magnitude, and those of a task go on from the task before. The forward pass
    uses the weights inside the mask; the scores learn through it as if it were the identity
    (straight through). Weights inside the mask of an earlier task are reused but never moved, so
    earlier tasks stay bit-identical. Masks are a bit per weight and task.

    Args:
        density: share of each layer's weights that one task is answered with, in (0, 1].
        score_learning_rate: of the scores, by Adam, above 0; the weights have the optimizer's own.
        norm: see `Subnetworks`.
        infer: see `Subnetworks`.
    """

    @template_first
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
        self.last_scores: dict[str, Tensor] = {}
        """The scores of the last finished task, from which the next one's go on."""
        self.density = density
        self.score_learning_rate = score_learning_rate

    def chosen(self) -> Masks:
        """The weights of each layer whose scores are largest in magnitude."""
        return best_scored(self.ranking(), self.density)

    def ranking(self) -> dict[str, Tensor]:
        """The magnitudes of the scores."""
        return magnitudes(self.scores)

    def state_dict(self) -> dict[str, Any]:
        """Everything that a new strategy of the same model needs to go on between experiences."""
        return {**super().state_dict(), "last_scores": self.last_scores}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`, which is copied."""
        super().load_state_dict(state)
        self.last_scores = copy.deepcopy(state["last_scores"])

    def _before_training_exp(self, **kwargs: Any) -> None:
        super()._before_training_exp(**kwargs)
        self.learn_masks(self.last_scores or fresh_scores(self.weights), self.score_learning_rate)
        owned = union(self.masks, self.weights)
        anchors = {n: w.detach().clone() for n, w in self.weights.items()}
        self.train_only({n: ~mask for n, mask in owned.items()} if self.packed else {}, anchors)

    def _after_training_exp(self, **kwargs: Any) -> None:
        self.last_scores = {name: score.detach() for name, score in self.scores.items()}
        super()._after_training_exp(**kwargs)


ENTRIES = {
    "wsn": Entry(
        factory="strategies.methods.winning_subnetworks:WinningSubnetworks",
        family="sparse",
        reproduced=(
            Reproduction(
                on="permuted MNIST, density 0.1",
                published="96.14 %",
                measured="96.09 [95.93, 96.33] %; n = 5 seeds",
                verdict="yes",
                page="kang2022",
            ),
        ),
        summary="a learned mask per task, weights reused by later tasks and never moved",
        paper="Kang et al. 2022",
        scenarios=("task",),
        stores="statistics",
        space={"density": DENSITY, "score_learning_rate": Range(1e-4, 0.1, log=True)},
        explanation=Explanation(
            does=(
                "Each weight has a score, and those of each layer whose scores are largest in "
                "magnitude answer the task. "
                "Scores and weights are learned together from the first step, so there is no "
                "night. A task may choose weights of earlier tasks, which it uses and never "
                "moves: those are not counted twice. Scores go on from the task before, which is "
                "why tasks choose much the same weights."
            ),
            whose=(
                "The paper's and its authors' code: scores drawn as layers draw weights, ranked by "
                "magnitude, learned straight through the choice by an Adam that starts anew with "
                "each task, and carried on; reuse without change. Ours: heads, biases and "
                "normalisation kept for each task, where the authors' digits have no biases; the "
                "last step answers, where theirs keep the epoch with the least loss on images "
                "held out; masks stored plainly, where the paper compresses them."
            ),
            memory=(
                "Used: the union of the masks, and the heads, biases and normalisation of all "
                "tasks. Beside them a bit for each weight and task. Between tasks the scores are "
                "kept."
            ),
            use=(
                "The task is told, nothing may be forgotten, and tasks are alike enough to "
                "share weights."
            ),
        ),
    ),
}
