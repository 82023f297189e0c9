"""Where Avalanche's hooks meet the meter: stopping, charging by kind, the strategy's clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from avalanche.core import SupervisedPlugin

from bench.runner.meter import IN_FLIGHT, Meter
from strategies.clock import Clock

UNTIL_STOPPED = 10**9
"""Epochs of a run: the budget ends it."""


class CudaQueue:
    """The steps that the GPU has not finished: a few at most, so that the clock sees their end.

    Waiting for every step would leave the GPU idle while the next one is prepared.
    """

    def __init__(self) -> None:
        self._ends: deque[torch.cuda.Event] = deque()

    def bound(self) -> None:
        """Wait until `IN_FLIGHT` steps at most are under way."""
        end = torch.cuda.Event()
        end.record()
        self._ends.append(end)
        if len(self._ends) > IN_FLIGHT:
            self._ends.popleft().synchronize()

    def drain(self) -> None:
        """Wait until all is done."""
        torch.cuda.synchronize()
        self._ends.clear()


class MeterClock(Clock):
    """A view of the meter: progress of this experience, and the account of offline work."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    @property
    def progress(self) -> float:
        """Spent fraction of what this experience may spend."""
        # shares of whole steps do not add up to a float
        return round(self._meter.progress, 9)

    def tick(self) -> None:
        """Count and charge one step of offline work: of a night, of retraining."""
        self._meter.step("offline")

    @contextmanager
    def night(self) -> Iterator[None]:
        """Charge what happens inside as offline."""
        before = self._meter.charge("offline")
        try:
            yield
        finally:
            self._meter.charge(before)


class BudgetPlugin(SupervisedPlugin):
    """Stops a strategy when its share is spent and charges its time by kind.

    Args:
        tell: called after every minibatch.
    """

    def __init__(self, meter: Meter, tell: Callable[[], None]) -> None:
        super().__init__()
        self._meter = meter
        self._tell = tell

    def before_training_epoch(self, strategy: Any, **kwargs: Any) -> None:
        """From here a minibatch is fetched, unless Avalanche is only passing by to stop."""
        if not self._meter.stopping:
            self._meter.charge("data")

    def before_training_iteration(self, strategy: Any, **kwargs: Any) -> None:
        """The minibatch is there: what follows is training."""
        self._meter.charge("train")
        self._meter.begin_minibatch()

    def after_training_iteration(self, strategy: Any, **kwargs: Any) -> None:
        """Count the minibatch and stop if the share is spent."""
        self._meter.step("train", len(strategy.mb_y))
        if self._meter.exhausted:
            strategy.stop_training()
            self._meter.charge("hooks")
            self._meter.stop()
        else:
            self._meter.charge("data")
        self._tell()

    def after_training_epoch(self, strategy: Any, **kwargs: Any) -> None:
        """No minibatch is under way; a strategy that has stopped itself begins its tail."""
        self._meter.charge("hooks")
        if strategy._stop_training:  # else another epoch would follow
            self._meter.stop()
