"""Somebody beside the bed: a stage of a night that is watched while it works."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from strategies.sleep_cycle import Night, SleepingStrategy, Stage

Beside = Callable[[Stage, SleepingStrategy], AbstractContextManager[None]]
"""Entered before a stage of a strategy works, left after."""


class Watched(Stage):
    """A stage with somebody beside it; in all else it is that stage."""

    def __init__(self, stage: Stage, beside: Beside) -> None:
        self.stage = stage
        self.takes_time = stage.takes_time
        self._beside = beside

    def begin(self, strategy: SleepingStrategy) -> None:
        """As the stage does."""
        self.stage.begin(strategy)

    def wake(self, strategy: SleepingStrategy) -> None:
        """As the stage does."""
        self.stage.wake(strategy)

    def sleep(self, strategy: SleepingStrategy, night: Night) -> None:
        """As the stage does, watched."""
        with self._beside(self.stage, strategy):
            self.stage.sleep(strategy, night)

    def end(self, strategy: SleepingStrategy) -> None:
        """As the stage does."""
        self.stage.end(strategy)


def watch(strategy: SleepingStrategy, beside: Beside) -> None:
    """From now on every stage of every night of `strategy` is watched."""
    strategy.stages = tuple(Watched(stage, beside) for stage in strategy.stages)
