"""Day and night: a strategy that interrupts its training for nights, each a sequence of stages.

A `Night` says when to sleep, a `Stage` says what a night does. PackNet is one night with a prune
stage, iterative pruning is many, sleep replay is a night that replays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from avalanche.training.templates import SupervisedTemplate

from strategies.clock import Clock, EpochClock


@dataclass(frozen=True)
class Night:
    """When to sleep, in progress of the experience.

    start: the day is interrupted when progress reaches it, in [0, 1].
    end: a stage that takes time stops when progress reaches it; a prune takes none.
    index, count: which of how many nights of the experience, from 0.
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


class Stage(Protocol):
    """What a night does."""

    def sleep(self, strategy: SleepingStrategy, night: Night) -> None:
        """Change the network; stop when `strategy.progress` reaches `night.end`."""


class SleepingStrategy(SupervisedTemplate):
    """Trains by day and sleeps at night; valid wherever its clock cuts it.

    nights: in order of their start. stages: what every night does, in this order.
    sleep_clock: progress of the current experience; made from epochs when not given.
    Everything else is Avalanche's `SupervisedTemplate`.
    """

    def __init__(
        self,
        *,
        nights: Sequence[Night],
        stages: Sequence[Stage],
        sleep_clock: Clock | None = None,
        **base_kwargs: Any,
    ) -> None:
        super().__init__(**base_kwargs)
        self.nights = tuple(nights)
        self.stages = tuple(stages)
        self.sleep_clock = sleep_clock or EpochClock()
        self._slept = 0

    @property
    def progress(self) -> float:
        """Spent fraction of the current experience's share."""
        return self.sleep_clock.progress

    def _before_training_exp(self, **kwargs: Any) -> None:
        super()._before_training_exp(**kwargs)
        self._slept = 0
        self.sleep_clock.begin(self.train_epochs * len(self.dataloader))

    def _after_training_iteration(self, **kwargs: Any) -> None:
        self.sleep_clock.step()
        self._sleep_when_due(self.progress)
        super()._after_training_iteration(**kwargs)

    def _after_training_exp(self, **kwargs: Any) -> None:
        # the budget may have cut the day before its nights: what needs no time is still done
        self._sleep_when_due(1.0)
        super()._after_training_exp(**kwargs)

    def _sleep_when_due(self, progress: float) -> None:
        while self._slept < len(self.nights) and progress >= self.nights[self._slept].start:
            night = self.nights[self._slept]
            self._slept += 1
            with self.sleep_clock.night():
                for stage in self.stages:
                    stage.sleep(self, night)
            progress = max(progress, self.progress)
