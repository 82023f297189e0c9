"""A few stored examples of each finished task, drawn one task at a time."""

from __future__ import annotations

from avalanche.training.storage_policy import ExperienceBalancedBuffer
from avalanche.training.templates import SupervisedTemplate
from torch import Tensor
from torch.utils.data import DataLoader


class TaskBuffer:
    """At most `size` examples, at least 1, shared equally by the tasks so far (reservoirs)."""

    def __init__(self, size: int) -> None:
        self._stored = ExperienceBalancedBuffer(size)

    def store(self, strategy: SupervisedTemplate) -> None:
        """Keep examples of the experience that was just trained; earlier ones make room."""
        self._stored.post_adapt(strategy, strategy.experience)

    def holds(self, task: int) -> bool:
        """Whether there was room for an example of `task`, counted from 0."""
        return len(self._stored.buffer_groups[task].buffer) > 0

    def draw(self, task: int, batch_size: int) -> tuple[Tensor, Tensor, Tensor]:
        """Random examples (B, ...), targets (B,) and task labels (B,) of `task`, without repeats.

        B is `batch_size`, or fewer where fewer are stored; from torch's generator.
        """
        data = self._stored.buffer_groups[task].buffer
        loader = DataLoader(data, batch_size, shuffle=True, collate_fn=data.collate_fn)
        x, y, *_, labels = next(iter(loader))
        return x, y, labels
