"""A stage of a night that is observed while it works."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from strategies.sleep_cycle import Night, SleepingStrategy, Stage

Observer = Callable[[Stage, SleepingStrategy], AbstractContextManager[None]]
"""Entered before a stage of a strategy works, left after."""


class ObservedStage(Stage):
    """A stage with an observer; in all else it is that stage."""

    def __init__(self, stage: Stage, observer: Observer) -> None:
        self.stage = stage
        self.takes_time = stage.takes_time
        self._observer = observer

    def begin(self, strategy: SleepingStrategy) -> None:
        """As the stage does."""
        self.stage.begin(strategy)

    def wake(self, strategy: SleepingStrategy) -> None:
        """As the stage does."""
        self.stage.wake(strategy)

    def sleep(self, strategy: SleepingStrategy, night: Night) -> None:
        """As the stage does, observed."""
        with self._observer(self.stage, strategy):
            self.stage.sleep(strategy, night)

    def end(self, strategy: SleepingStrategy) -> None:
        """As the stage does."""
        self.stage.end(strategy)


def observe_stages(strategy: SleepingStrategy, observer: Observer) -> None:
    """From now on every stage of every night of `strategy` is observed."""
    strategy.stages = tuple(ObservedStage(stage, observer) for stage in strategy.stages)
