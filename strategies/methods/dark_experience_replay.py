"""Dark experience replay: stored examples with what the network answered when they were stored.

Buzzega, Boschini, Porrello, Abati & Calderara, "Dark Experience for General Continual Learning: a
Strong, Simple Baseline", NeurIPS 2020. The library's own stores the answers of the network as the
experience left it, of all examples at once and without task labels, and replays nothing where fewer
examples are stored than a minibatch has.
"""

from __future__ import annotations

from typing import Any

import torch
from avalanche.models.utils import avalanche_forward
from avalanche.training.templates import SupervisedTemplate
from torch import Tensor
from torch.nn import functional

from strategies.avalanche_signature import template_first
from strategies.entry import Baseline, Entry
from strategies.reservoir import Reservoir
from strategies.search_space import STORED, STORED_SPACE, Range


class DarkExperienceReplay(SupervisedTemplate):
    """Every minibatch also has stored examples, on which the network is to answer as it did.

    With `beta` a second draw has the labels to learn from, too: DER++. Examples are stored while
    they are trained on, each as likely as any other of the stream so far, augmented as they were
    seen.

    Args:
        mem_size: stored examples in all, at least 1.
        alpha: weight of the mean squared distance to the stored answers, at least 0.
        beta: weight of the loss on stored labels, at least 0; 0 draws none.
    """

    @template_first
    def __init__(
        self,
        *,
        mem_size: int = STORED,
        alpha: float = 0.5,
        beta: float = 0.0,
        **base_kwargs: Any,
    ) -> None:
        for name, weight in (("alpha", alpha), ("beta", beta)):
            if not weight >= 0:
                raise ValueError(f"{name} must be at least 0, got {weight}")
        super().__init__(**base_kwargs)
        self.alpha = alpha
        self.beta = beta
        self.stored = Reservoir(mem_size)

    def _before_backward(self, **kwargs: Any) -> None:
        super()._before_backward(**kwargs)
        if not self.stored:
            return
        x, _, tasks, answers = self.stored.draw(self.train_mb_size)
        now = avalanche_forward(self.model, x, tasks)
        self.loss += self.alpha * distance(now, answers)
        if self.beta:
            x, y, tasks, _ = self.stored.draw(self.train_mb_size)
            now = avalanche_forward(self.model, x, tasks)
            self.loss += self.beta * self._criterion(now, y)

    def _after_update(self, **kwargs: Any) -> None:
        super()._after_update(**kwargs)
        answers = self.mb_output.detach()
        if self.stored:
            self.stored.columns[-1] = widened(self.stored.columns[-1], answers.shape[1])
        self.stored.offer(self.mb_x, self.mb_y, self.mb_task_id, answers)


def distance(logits: Tensor, stored: Tensor) -> Tensor:
    """Mean squared difference of (B, C) logits; a class that was not there then, NaN, has none."""
    stored = widened(stored, logits.shape[1])
    unknown = stored.isnan()
    return functional.mse_loss(logits.masked_fill(unknown, 0), stored.masked_fill(unknown, 0))


def widened(logits: Tensor, classes: int) -> Tensor:
    """(N, C) logits as (N, classes), NaN where an output layer has grown since."""
    return functional.pad(logits, (0, classes - logits.shape[1]), value=torch.nan)


_MEMORY = "the stored examples, their labels and the network's answers to them"
_WEIGHT = Range(0.1, 2.0, log=True)

ENTRIES = {
    "der": Entry(
        factory="strategies.methods.dark_experience_replay:DarkExperienceReplay",
        family="replay",
        summary="stored examples are answered as they were when they were stored",
        paper="Buzzega et al. 2020",
        space={"mem_size": STORED_SPACE, "alpha": _WEIGHT},
        stores="examples",
        explanation=Baseline(
            does=(
                "Every minibatch also has stored examples, on which the network is to answer as "
                "it did when they were stored."
            ),
            memory=_MEMORY,
        ),
    ),
    "der++": Entry(
        factory="strategies.methods.dark_experience_replay:DarkExperienceReplay",
        family="replay",
        summary="`der` that learns from stored labels, too",
        paper="Buzzega et al. 2020",
        defaults={"beta": 0.5},
        space={"mem_size": STORED_SPACE, "alpha": _WEIGHT, "beta": _WEIGHT},
        stores="examples",
        explanation=Baseline(
            does=("As `der`, and a second draw of stored examples is learned from by its labels."),
            memory=_MEMORY,
        ),
    ),
}
