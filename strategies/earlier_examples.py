"""Examples of finished experiences, drawn from while a later one is trained."""

from __future__ import annotations

from avalanche.training.templates import SupervisedTemplate
from torch import Tensor, randperm

from strategies.stages.rehearse import TaskBuffer


class EarlierExamples:
    """At most `mem_size` examples, shared equally by the experiences that are over.

    Args:
        mem_size: examples in all, at least 1.
    """

    def __init__(self, mem_size: int) -> None:
        if mem_size < 1:
            raise ValueError(f"mem_size must be at least 1, got {mem_size}")
        self._buffer = TaskBuffer(mem_size)
        self._read: tuple[Tensor, ...] | None = None

    def begin(self, strategy: SupervisedTemplate) -> None:
        """An experience begins: read what is stored of earlier ones, once."""
        stored = self._buffer.everything()
        self._read = stored and tuple(column.to(strategy.device) for column in stored)

    def draw(self, count: int) -> tuple[Tensor, ...] | None:
        """Inputs (B, ...), labels (B,) and task labels (B,) without repeats; None in the first.

        B is `count`, or fewer where fewer are stored.
        """
        if self._read is None:
            return None
        rows = randperm(len(self._read[1]))[:count].to(self._read[1].device)
        return tuple(column[rows] for column in self._read)

    def end(self, strategy: SupervisedTemplate) -> None:
        """The experience is over: keep examples of it, for which earlier ones make room."""
        self._read = None
        self._buffer.store(strategy)
