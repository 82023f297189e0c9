"""How a strategy knows the time without knowing the clock.

A strategy schedules its phases by `Clock.progress`, the spent fraction of the current experience's
share. The referee of `bench` hands in a view of its meter; in anyone's own Avalanche script
`EpochClock` makes the same number from epochs and minibatches.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager


class Clock(ABC):
    """The spent fraction of the current experience's share, and the account of work at night.

    A clock that counts for itself needs only `progress`; one that is told overrides the rest.
    """

    @property
    @abstractmethod
    def progress(self) -> float:
        """Spent fraction of the experience's share: 0 at its start, at least 1 when spent."""

    def begin(self, steps: int) -> None:  # noqa: B027
        """An experience begins whose epochs hold `steps` minibatches."""

    def step(self) -> None:  # noqa: B027
        """One minibatch of training is done."""

    def tick(self) -> None:  # noqa: B027
        """One step of work at night is done: a sleep step, a rehearsed batch."""

    @contextmanager
    def night(self) -> Iterator[None]:
        """Work inside is a night's: it is charged under that name."""
        yield


class EpochClock(Clock):
    """Progress by epochs and minibatches, for a script without a referee.

    Args:
        day: the share of an experience, in (0, 1], that its minibatches fill; nights that take time
            fill the rest.
        night_steps: how many ticks fill that rest, over all nights of one experience, at least 1;
            None: as many as minibatches would, for nights whose steps cost as much.
    """

    def __init__(self, *, day: float = 1.0, night_steps: int | None = None) -> None:
        if not 0 < day <= 1:
            raise ValueError(f"day must be in (0, 1], got {day}")
        if night_steps is not None and night_steps < 1:
            raise ValueError(f"night_steps must be at least 1, got {night_steps}")
        self.day = day
        self.night_steps = night_steps
        self.begin(1)

    @property
    def progress(self) -> float:
        """The day's minibatches and the night's ticks, each as its share of the experience."""
        spent = self.day * min(1.0, self._steps / self._planned)
        if self.day < 1:
            spent += (1 - self.day) * min(1.0, self._ticks / self._ticks_planned())
        return spent

    def _ticks_planned(self) -> int:
        if self.night_steps is not None:
            return self.night_steps
        return max(1, round(self._planned * (1 - self.day) / self.day))

    def begin(self, steps: int) -> None:
        """Restart the account for an experience of `steps` minibatches."""
        self._planned = max(1, steps)
        self._steps = 0
        self._ticks = 0

    def step(self) -> None:
        """Count one minibatch."""
        self._steps += 1

    def tick(self) -> None:
        """Count one step of the night."""
        self._ticks += 1
