"""Learning without gradients: one pass over the data adds up sums, from which the output is solved.

Whatever the budget leaves of the pass is a pass over fewer examples, as minibatches are shuffled.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from avalanche.training.templates import SupervisedTemplate
from torch import Tensor

from strategies.clock import Clock, EpochClock
from strategies.networks.readout import Readout


class OnePass(SupervisedTemplate, ABC):
    """Sees each example of an experience once, then solves its output layer and stops.

    What is below the output layer stays as it is, normalisation and dropout as in evaluation. What
    the budget of an experience has left after the pass is carried over.

    Args:
        budget_clock: tells the progress of the current experience; None makes one from epochs.
    """

    def __init__(self, *, budget_clock: Clock | None = None, **base_kwargs: Any) -> None:
        super().__init__(**base_kwargs)
        self.readout = Readout(self.model)
        self.budget_clock = budget_clock or EpochClock()
        self.solution: float | None = None
        """What it takes to solve, as a share of the first experience; None before it was tried.
        From the second experience on whoever keeps the budget has seen it."""
        self.added = False
        """Whether the sums have gained something since the output was solved."""

    @abstractmethod
    def add(self, features: Tensor, rows: Tensor) -> None:
        """Add (B, F) features of single precision or more, with the (B,) rows that answer them."""

    @abstractmethod
    def solve(self) -> None:
        """Set the output layer to what the sums say."""

    @property
    def adds_up(self) -> bool:
        """Whether a minibatch is added to the sums; otherwise it is one of plain training."""
        return True

    def training_epoch(self, **kwargs: Any) -> None:
        """The pass."""
        self.model.eval()
        super().training_epoch(**kwargs)
        self.stop_training()

    def forward(self) -> Tensor:
        """(B, C) logits of the minibatch, which is added to the sums in the pass."""
        if not (self.is_training and self.adds_up):
            logits: Tensor = super().forward()
            return logits
        with torch.no_grad(), self.readout.given(self.model) as features:
            logits = super().forward()
            rows = self.readout.rows(self.mb_y, self.mb_task_id)
            with torch.autocast(self.device.type, enabled=False):
                self.add(precise(features[0]), rows)
        self.added = True
        return logits

    def backward(self) -> None:
        """Plain training alone has gradients."""
        if not self.adds_up:
            super().backward()

    def optimizer_step(self) -> None:
        """Plain training alone has steps."""
        if not self.adds_up:
            super().optimizer_step()

    def _before_training_exp(self, **kwargs: Any) -> None:
        super()._before_training_exp(**kwargs)
        self.budget_clock.begin(self.train_epochs * len(self.dataloader))

    def _after_training_iteration(self, **kwargs: Any) -> None:
        if self.adds_up and self.solution is None:
            self.solution = self._tried_solution()
        self.budget_clock.step()
        super()._after_training_iteration(**kwargs)
        if self.adds_up and self.solution and self.budget_clock.progress + self.solution >= 1:
            self.stop_training()

    @torch.no_grad()
    def _tried_solution(self) -> float:
        before = self.budget_clock.progress
        self.solve()
        return self.budget_clock.progress - before

    @torch.no_grad()
    def _after_training_exp(self, **kwargs: Any) -> None:
        if self.added:
            self.solve()
            self.added, self.solution = False, 0.0
        super()._after_training_exp(**kwargs)


def precise(tensor: Tensor) -> Tensor:
    """The same in single precision, or in double if it is."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))
