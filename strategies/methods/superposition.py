"""Supermasks in superposition: one random network, and for each task a mask that is learned.

Wortsman, Ramanujan, Liu, Kembhavi, Rastegari, Yosinski & Farhadi, "Supermasks in Superposition",
NeurIPS 2020. Masks are learned by edge-popup: Ramanujan et al., "What's Hidden in a Randomly
Weighted Neural Network?", CVPR 2020.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from avalanche.training.templates import SupervisedTemplate
from torch import Tensor, nn

from strategies.avalanche_signature import template_first
from strategies.entry import Entry, Explanation
from strategies.pruning.masks import Masks
from strategies.search_space import Range, Space
from strategies.subnetworks.learned_masks import (
    LearnedMasks,
    best_scored,
    fresh_scores,
    magnitudes,
)
from strategies.subnetworks.task_subnetworks import Certainty, Norm


class SupSup(LearnedMasks, SupervisedTemplate):
    """Weights that are drawn once and never move; a task learns which of them answer it.

    Each weight has a score, and those of each layer whose scores are largest in magnitude are the
    mask. The scores learn through it as if it were the identity (straight through). Masks are a bit
    per weight and task.

    Args:
        density: share of each layer's weights that one task is answered with, in (0, 1).
        score_learning_rate: of the scores, by Adam, above 0; the optimizer trains heads, biases and
            normalisation.
        norm: see `Subnetworks`.
        infer: see `Subnetworks`.
    """

    @template_first
    def __init__(
        self,
        *,
        density: float = 0.5,
        score_learning_rate: float = 0.001,
        norm: Norm = "task",
        infer: Certainty | None = None,
        **base_kwargs: Any,
    ) -> None:
        if not 0 < density < 1:
            raise ValueError(f"density must be in (0, 1), got {density}")
        if not score_learning_rate > 0:
            raise ValueError(f"score_learning_rate must be above 0, got {score_learning_rate}")
        super().__init__(**base_kwargs)
        if not self.weights:
            raise ValueError("model must have a linear or convolutional layer to mask, got none")
        self.begin(norm, infer)
        self.density = density
        self.score_learning_rate = score_learning_rate
        for weight in self.weights.values():
            weight.requires_grad_(False)
            weight.copy_(signed_constant(weight))

    def chosen(self) -> Masks:
        """The weights of each layer whose scores are largest in magnitude."""
        return best_scored(self.ranking(), self.density)

    def ranking(self) -> dict[str, Tensor]:
        """The magnitudes of the scores."""
        return magnitudes(self.scores)

    def _before_training_exp(self, **kwargs: Any) -> None:
        super()._before_training_exp(**kwargs)
        self.learn_masks(fresh_scores(self.weights), self.score_learning_rate)
        self.train_only({}, {})


def signed_constant(weight: Tensor) -> Tensor:
    """The signs of a layer's weights, times the deviation that keeps a signal's size under ReLU.

    He et al. 2015, eq. 10, as in both papers.
    """
    fan_in, _ = nn.init._calculate_fan_in_and_fan_out(weight)
    sign = torch.where(weight.detach() < 0, -1.0, 1.0)
    return (sign * math.sqrt(2 / fan_in)).to(weight)


SPACE: Space = {
    "density": Range(0.05, 0.9),
    "score_learning_rate": Range(1e-4, 0.1, log=True),
}

WHOSE = (
    "The paper's: weights of one size with random signs that never move, masks by edge-popup over "
    "magnitudes of scores, as its authors' code has where a mask has a density. "
    "Ours: heads, biases and normalisation are trained and kept for each task, where the paper has "
    "random heads and no biases, and masks are stored plainly."
)

ENTRIES = {
    "supsup": Entry(
        factory="strategies.methods.superposition:SupSup",
        family="sparse",
        summary="a random network whose weights never move, a learned mask per task",
        paper="Wortsman et al. 2020",
        scenarios=("task",),
        stores="weights",
        space=SPACE,
        explanation=Explanation(
            does=(
                "The weights of the network are random and stay so. Each has a score, and those of "
                "each layer whose scores are largest in magnitude answer the task. Only the scores "
                "are learned, so nothing is forgotten, and there is room for any number of tasks."
            ),
            whose=WHOSE,
            memory=(
                "Used: the union of the masks, and the heads, biases and normalisation of all "
                "tasks. Beside them a bit for each weight and task. Random weights count as any "
                "others, although a seed would make them again."
            ),
            use="Many tasks that are told, and no need to be small.",
        ),
    ),
    "supsup-inferred": Entry(
        factory="strategies.methods.superposition:SupSup",
        family="sparse",
        summary="the same, the task not told but inferred: the most certain mask answers",
        paper="Wortsman et al. 2020",
        scenarios=("class",),
        new_classes=True,
        defaults={"infer": "entropy"},
        stores="weights",
        space=SPACE,
        explanation=Explanation(
            does=(
                "As `supsup`, for streams in which nobody tells the task: all classes share one "
                "output layer, each experience is a task, and a sample is answered by the task "
                "whose mask is most certain of it, by the least entropy."
            ),
            whose=(
                WHOSE + " The paper also infers the task by one gradient over a mixture of all "
                "masks, which saves passes where there are thousands; here each mask is tried."
            ),
            memory="As `supsup`. Every answer takes one pass through the network for each task.",
            use="As `packnet-inferred`, where there are more tasks than one network has room for.",
        ),
    ),
}
