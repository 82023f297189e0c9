"""ER-ACE: replay in which new examples do not push earlier classes away.

Caccia, Aljundi, Asadi, Tuytelaars, Pineau & Belilovsky, "New Insights on Reducing Abrupt
Representation Change in Online Continual Learning", ICLR 2022. The library's own fills its memory
with the whole experience before that is trained on, replays nothing in the first one, and halves
the loss.
"""

from __future__ import annotations

from typing import Any

import torch
from avalanche.models.utils import avalanche_forward
from avalanche.training.templates import SupervisedTemplate
from torch import Tensor

from strategies.avalanche_signature import template_first
from strategies.entry import Baseline, Entry
from strategies.reservoir import Reservoir
from strategies.search_space import STORED, STORED_SPACE


class AsymmetricReplay(SupervisedTemplate):
    """New examples are told apart among the classes of their minibatch, stored ones among all.

    Examples are stored while they are trained on, each as likely as any other of the stream so far,
    augmented as they were seen.

    Args:
        mem_size: stored examples in all, at least 1.
    """

    @template_first
    def __init__(self, *, mem_size: int = STORED, **base_kwargs: Any) -> None:
        super().__init__(**base_kwargs)
        self.stored = Reservoir(mem_size)

    def criterion(self) -> Tensor:
        """The asymmetric loss of the minibatch; the plain one of evaluation."""
        if not self.is_training:
            return super().criterion()
        loss: Tensor = self._criterion(among(self.mb_output, self.mb_y.unique()), self.mb_y)
        if self.stored:
            x, y, tasks = self.stored.draw(self.train_mb_size)
            loss = loss + self._criterion(avalanche_forward(self.model, x, tasks), y)
        return loss

    def _after_update(self, **kwargs: Any) -> None:
        super()._after_update(**kwargs)
        self.stored.offer(self.mb_x, self.mb_y, self.mb_task_id)


def among(logits: Tensor, classes: Tensor) -> Tensor:
    """(B, C) logits in which every class but `classes` has no probability."""
    others = torch.ones(logits.shape[1], dtype=torch.bool, device=logits.device)
    others[classes] = False
    return logits.masked_fill(others, torch.finfo(logits.dtype).min)


ENTRIES = {
    "er-ace": Entry(
        factory="strategies.methods.asymmetric_replay:AsymmetricReplay",
        family="replay",
        summary="replay; new examples are told apart among their own classes only",
        paper="Caccia et al. 2022",
        space={"mem_size": STORED_SPACE},
        stores="examples",
        explanation=Baseline(
            does=(
                "Every minibatch also has stored examples, which are told apart among all "
                "classes. New ones are told apart among the classes of their minibatch, so that "
                "they do not push earlier classes away."
            ),
            memory="the stored examples and their labels",
        ),
    ),
}
