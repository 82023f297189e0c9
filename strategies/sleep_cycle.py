"""Day and night: a strategy that interrupts its training for nights, each a sequence of stages.

A `Night` says when to sleep, a `Stage` says what a night does. PackNet is one night with a prune
stage, iterative pruning is many, sleep replay is a night that replays.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from avalanche.training.templates import SupervisedTemplate
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from strategies.clock import Clock, EpochClock


@dataclass(frozen=True)
class Night:
    """When to sleep, in progress of the experience.

    Attributes:
        start: the day is interrupted when progress reaches it, in [0, 1].
        end: a stage that takes time stops when progress reaches it; a prune takes none.
        index: which night of the experience it is, from 0.
        count: how many nights the experience has.
    """

    start: float
    end: float
    index: int = 0
    count: int = 1


def evenly(count: int, *, first: float) -> tuple[Night, ...]:
    """`count` nights without duration, evenly spaced from progress `first` to the end."""
    step = (1 - first) / count
    starts = [first + i * step for i in range(count)]
    return tuple(Night(s, s, i, count) for i, s in enumerate(starts))


class Stage(ABC):
    """What a night does, in any strategy's night and together with any other stage.

    Attributes:
        takes_time: whether it works until its part of the night ends; the stages of a night that do
            share it equally, and the others do at once what they do.
    """

    takes_time: bool = True

    def begin(self, strategy: SleepingStrategy) -> None:  # noqa: B027
        """An experience begins; nothing of it has been learned yet."""

    def wake(self, strategy: SleepingStrategy) -> None:  # noqa: B027
        """A day begins: the experience's first, after each stage's `begin`, or the next."""

    @abstractmethod
    def sleep(self, strategy: SleepingStrategy, night: Night) -> None:
        """Change the network; stop when `strategy.progress` reaches `night.end`."""

    def end(self, strategy: SleepingStrategy) -> None:  # noqa: B027
        """The experience is over, its last night too."""


def steps_of(strategy: SleepingStrategy, night: Night) -> Iterator[None]:
    """Yields before each step of work until the night ends, and reports it to the clock after.

    A clock that does not see the night pass ends it after one step.
    """
    before = None
    while strategy.progress < night.end and strategy.progress != before:
        before = strategy.progress
        yield
        strategy.budget_clock.tick()


def minibatches(strategy: SleepingStrategy) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Inputs, targets and task labels of the current experience, epoch after epoch without end.

    None at all where an epoch has no minibatch, as of an experience smaller than one with
    `drop_last`.
    """
    served = True
    while served:
        served = False
        for x, y, *_, tasks in strategy.dataloader:
            served, device = True, strategy.device
            yield x.to(device), y.to(device), tasks.to(device)


def learn(strategy: SleepingStrategy, loss: Tensor, *, longest: float = math.inf) -> None:
    """One step of the strategy's own optimizer, which holds what the strategy holds in place.

    Args:
        longest: norm that a longer gradient, of all parameters together, is shortened to.
    """
    strategy.optimizer.zero_grad()
    loss.backward()
    if longest < math.inf:
        clip_grad_norm_(strategy.model.parameters(), longest)
    strategy.optimizer_step()


class SleepingStrategy(SupervisedTemplate):
    """Trains by day and sleeps at night; valid wherever its clock cuts it.

    Everything else is Avalanche's `SupervisedTemplate`.

    Args:
        nights: in order of their start.
        stages: what every night does, in this order.
        budget_clock: tells the progress of the current experience; None makes one from epochs.
    """

    def __init__(
        self,
        *,
        nights: Sequence[Night],
        stages: Sequence[Stage],
        budget_clock: Clock | None = None,
        **base_kwargs: Any,
    ) -> None:
        super().__init__(**base_kwargs)
        self.nights = tuple(nights)
        self.stages = tuple(stages)
        self.budget_clock = budget_clock or EpochClock()
        self._slept = 0

    @property
    def progress(self) -> float:
        """Spent fraction of the current experience's share."""
        return self.budget_clock.progress

    def _before_training_exp(self, **kwargs: Any) -> None:
        super()._before_training_exp(**kwargs)
        self._slept = 0
        self.budget_clock.begin(self.train_epochs * len(self.dataloader))
        for stage in self.stages:
            stage.begin(self)
        self._wake()

    def _after_training_iteration(self, **kwargs: Any) -> None:
        self.budget_clock.step()
        self._sleep_when_due(self.progress)
        super()._after_training_iteration(**kwargs)

    def _after_training_exp(self, **kwargs: Any) -> None:
        # the budget may have cut the day before its nights: what needs no time is still done
        self._sleep_when_due(1.0)
        for stage in self.stages:
            stage.end(self)
        super()._after_training_exp(**kwargs)

    def _sleep_when_due(self, progress: float) -> None:
        while self._slept < len(self.nights) and progress >= self.nights[self._slept].start:
            night = self.nights[self._slept]
            self._slept += 1
            if self._overtaken(night):
                continue
            with self.budget_clock.night():
                self._sleep(night)
                if self._slept < len(self.nights):
                    self._wake()
            progress = max(progress, self.progress)

    def _overtaken(self, night: Night) -> bool:
        """Whether a night is over before it began, and the next is due: that one does its work."""
        after = self.nights[self._slept :]
        return bool(after) and max(night.end, after[0].start) <= self.progress

    def _sleep(self, night: Night) -> None:
        """One stage after the other; those that take time share what is left of the night."""
        sharing = sum(stage.takes_time for stage in self.stages)
        for stage in self.stages:
            if not stage.takes_time:
                self._work(stage, night)
                continue
            now = self.progress
            end = night.end if sharing == 1 else now + (night.end - now) / sharing
            self._work(stage, replace(night, end=end))
            sharing -= 1

    def _work(self, stage: Stage, night: Night) -> None:
        stage.sleep(self, night)

    def _wake(self) -> None:
        for stage in self.stages:
            stage.wake(self)
