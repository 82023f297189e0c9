"""Linear heads per task that answer a mixed batch at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from avalanche.models import IncrementalClassifier, MultiHeadClassifier, MultiTaskModule
from torch import Tensor, nn

HIDDEN_LOGIT = -1e4
"""Logit of a class that the task cannot answer: its probability is 0 in every float type."""


class TaskHead(nn.Module):
    """One linear head per task, all computed in one product, so that nothing waits for the device.

    Args:
        features: width of the input.
        tasks: for each task label 0..T-1 the class labels it answers; heads of different tasks
            never share a row, even where their class labels are the same.
    """

    rows: Tensor
    """(T, C) long: row of the linear layer that answers class c of task t; -1 where none does."""

    def __init__(self, features: int, tasks: Sequence[Sequence[int]]) -> None:
        super().__init__()
        classes = 1 + max(max(task) for task in tasks)
        rows = torch.full((len(tasks), classes), -1, dtype=torch.long)
        first = 0
        for task, answers in enumerate(tasks):
            rows[task, list(answers)] = torch.arange(first, first + len(answers))
            first += len(answers)
        self.register_buffer("rows", rows, persistent=False)
        self.every_task_has_every_class = bool((rows >= 0).all())
        self.linear = nn.Linear(features, first)

    def forward(self, features: Tensor, task_labels: Tensor) -> Tensor:
        """(B, F) features and (B,) task labels to (B, C) logits."""
        return self.select(self.linear(features), task_labels)

    def select(self, logits: Tensor, task_labels: Tensor) -> Tensor:
        """(B, rows) logits of all heads to the (B, C) logits of each sample's own head."""
        rows = self.rows[task_labels]
        if self.every_task_has_every_class:
            return logits.gather(1, rows)
        return logits.gather(1, rows.clamp(min=0)).masked_fill(rows < 0, HIDDEN_LOGIT)

    def rows_of(self, task: int) -> Tensor:
        """Indices of the rows that belong to `task`.

        Raises:
            ValueError: for a task without a head.
        """
        if not 0 <= task < len(self.rows):
            raise ValueError(f"task label must be in [0, {len(self.rows)}), got {task}")
        rows = self.rows[task]
        return rows[rows >= 0]


class MultiHeadModel(MultiTaskModule):
    """A trunk shared by all tasks and a `TaskHead`; Avalanche passes it the task labels."""

    def __init__(self, trunk: nn.Module, head: TaskHead) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = head

    def forward(self, x: Tensor, task_labels: Tensor | None) -> Tensor | dict[int, Tensor]:
        """(B, C) logits; without task labels those of every task trained so far, by label."""
        features = self.trunk(x)
        if task_labels is None:
            return {task: self._answer(features, task) for task in self.known_train_tasks_labels}
        return self.head(features, task_labels)

    def _answer(self, features: Tensor, task: int) -> Tensor:
        labels = torch.full((len(features),), task, dtype=torch.long, device=features.device)
        return self.head(features, labels)


def head_tensors(model: nn.Module) -> set[str]:
    """Names of the parameters and buffers that belong to per-task or growing heads."""
    heads = (TaskHead, MultiHeadClassifier, IncrementalClassifier)
    return {
        f"{prefix}.{name}" if prefix else name
        for prefix, module in model.named_modules()
        if isinstance(module, heads)
        for name, _ in (*module.named_parameters(), *module.named_buffers())
    }
