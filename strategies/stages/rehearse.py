"""A few stored examples of each finished task: drawn one task at a time, or rehearsed at night."""

from __future__ import annotations

from avalanche.benchmarks.utils import AvalancheDataset
from avalanche.models.utils import avalanche_forward
from avalanche.training.storage_policy import ExperienceBalancedBuffer
from avalanche.training.templates import SupervisedTemplate
from torch import Tensor, randint
from torch.utils.data import DataLoader

from strategies.sleep_cycle import Night, SleepingStrategy, Stage, learn, minibatches, steps_of


class TaskBuffer:
    """At most `size` examples, at least 1, shared equally by the tasks so far (reservoirs)."""

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"buffer must be at least 1, got {size}")
        self._stored = ExperienceBalancedBuffer(size)

    def store(self, strategy: SupervisedTemplate) -> None:
        """Keep examples of the experience that was just trained; earlier ones make room."""
        self._stored.post_adapt(strategy, strategy.experience)

    @property
    def tasks(self) -> int:
        """How many tasks were stored so far."""
        return len(self._stored.buffer_groups)

    def holds(self, task: int) -> bool:
        """Whether there was room for an example of `task`, counted from 0."""
        return len(self._stored.buffer_groups[task].buffer) > 0

    def draw(self, task: int, batch_size: int) -> tuple[Tensor, Tensor, Tensor]:
        """Random examples (B, ...), targets (B,) and task labels (B,) of `task`, without repeats.

        B is `batch_size`, or fewer where fewer are stored; from torch's generator.
        """
        return _read(self._stored.buffer_groups[task].buffer, batch_size)

    def everything(self) -> tuple[Tensor, Tensor, Tensor] | None:
        """All examples, targets and task labels in random order; None while nothing is stored."""
        return _read(self._stored.buffer, len(self._stored.buffer)) if self.tasks else None


def _read(data: AvalancheDataset, count: int) -> tuple[Tensor, Tensor, Tensor]:
    loader = DataLoader(data, count, shuffle=True, collate_fn=data.collate_fn)
    x, y, *_, labels = next(iter(loader))
    return x, y, labels


class Rehearse(Stage):
    """Trains at night on stored examples of earlier experiences and on those of the current one.

    Each step takes a minibatch of either; they weigh as the number of experiences that each stands
    for. Plain experience replay (Chaudhry et al. 2019, "On tiny episodic memories in continual
    learning"), confined to the night; NREM sleep of Robinson et al. 2022 replays stored examples
    too.

    Args:
        size: stored examples in all, at least 1.
    """

    def __init__(self, size: int) -> None:
        self.buffer = TaskBuffer(size)

    def sleep(self, strategy: SleepingStrategy, night: Night) -> None:
        """Rehearse until the night ends; in the first experience there is nothing to rehearse."""
        stored = self.buffer.everything()
        if stored is None:
            return
        earlier = self.buffer.tasks
        for _, (x, y, tasks) in zip(steps_of(strategy, night), minibatches(strategy), strict=False):
            drawn = randint(len(stored[1]), (strategy.train_mb_size,))
            old_x, old_y, old_tasks = (each[drawn].to(strategy.device) for each in stored)
            new = strategy._criterion(avalanche_forward(strategy.model, x, tasks), y)
            old = strategy._criterion(avalanche_forward(strategy.model, old_x, old_tasks), old_y)
            learn(strategy, (new + earlier * old) / (1 + earlier))

    def end(self, strategy: SleepingStrategy) -> None:
        """Keep examples of this experience; earlier ones make room."""
        self.buffer.store(strategy)
