"""Retraining that sees earlier tasks too, as stored examples or as dreams of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from strategies.clock import Clock
from strategies.pruning.masks import Masks, unpack
from strategies.stages.rehearse import TaskBuffer
from strategies.subnetworks.generated_inputs import dream_loss
from strategies.subnetworks.task_subnetworks import Subnetworks


class EarlierTasks(Subnetworks):
    """Part of a strategy: once a task has its mask, a loss of one earlier task in every step.

    Attributes:
        buffer: stored examples of the earlier tasks; None for dreams, or for no such loss.
        dream_step: how far a dream leaves its image, over that image's length.
    """

    buffer: TaskBuffer | None
    dream_step: float
    budget_clock: Clock
    progress: float
    _active: Masks
    """The mask of the task in training; none before its first prune."""
    _before: dict[str, Tensor]
    """The weights before this task, which dreams are answered with; none without dreams."""

    def _before_backward(self, **kwargs: Any) -> None:
        super()._before_backward(**kwargs)
        if (self.buffer is not None or self._before) and self._active and self.private:
            task = int(torch.randint(len(self.private), ()))
            # the minibatch under way may be the last step of the share
            if (self.buffer is None or self.buffer.holds(task)) and self.progress < 1:
                with self.budget_clock.night():
                    self.loss += self._earlier_loss(task)
                    self.budget_clock.tick()

    def _earlier_loss(self, task: int) -> Tensor:
        """Loss of an earlier task, answered as it will be, on stored examples or on dreams."""
        if self.buffer is not None:
            x, y, labels = (t.to(self.device) for t in self.buffer.draw(task, self.train_mb_size))
            return self._criterion(self._answer_earlier(task, self.weights, labels, x), y)
        # dreaming is as dear as what it leaves out; one alone cannot be normalised
        x = self.mb_x[: max(2, (len(self.mb_x) + 1) // 2)]
        label = next((own for own, place in self.task_of.items() if place == task), 0)
        labels = torch.full_like(self.mb_task_id[: len(x)], label)
        before, now = (
            partial(self._answer_earlier, task, weights, labels)
            for weights in (self._before, self.weights)
        )
        return dream_loss(before, now, x, self.dream_step)

    def _answer_earlier(
        self, task: int, weights: Mapping[str, Tensor], labels: Tensor, x: Tensor
    ) -> Tensor:
        packed = self.packed[task]
        view = {name: w * unpack(packed[name], w) for name, w in weights.items()}
        view |= {name: t.clone() for name, t in self.private[task].items()}
        return self.answer(view, x, labels, self.classes[task])
