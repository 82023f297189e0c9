"""The running account of what a run has spent, by kind, on the clock of its budget."""

from __future__ import annotations

import copy
import math
import os
import time
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, Protocol

import numpy as np

from bench.config.budget import KINDS, TOLERANCE, Budget, Kind

IN_FLIGHT = 2
"""Steps that a device's queue may hold when the next one is handed to it."""


def process_cpu_seconds() -> float:
    """CPU seconds of this process, its threads and the children it has waited for."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


KEPT = (
    "seconds", "uncharged", "steps", "samples", "wall_seconds", "cpu_seconds",
    "charged_by_experience", "steps_by_experience", "_closed", "_carry", "_reserve",
)  # fmt: skip
"""What an account is between two experiences, besides the times of its steps."""


class Queue(Protocol):
    """Work handed to a device that runs on while we go on."""

    def bound(self) -> None:
        """Wait until only the last few steps are under way, this one among them."""

    def drain(self) -> None:
        """Wait until all is done."""


class Meter:
    """The running account of one run.

    Time is charged between entering and leaving `experience`; inside, `charge` says to which kind
    it goes from now on. On the steps clock a minibatch is charged when it begins, so that offline
    work that follows it or falls into it knows what is left; seconds are measured all the same.
    """

    def __init__(
        self,
        budget: Budget,
        shares: Sequence[float],
        *,
        wall: Callable[[], float] = time.perf_counter,
        cpu: Callable[[], float] = process_cpu_seconds,
        queue: Queue | None = None,
        by_night: bool = False,
    ) -> None:
        """Start an account with nothing spent.

        Args:
            budget: of the whole stream.
            shares: fraction of the budget for each experience.
            wall: reads the wall clock, in seconds.
            cpu: reads the CPU seconds of this process.
            queue: the work under way on a device other than the CPU; None for the CPU.
            by_night: what an experience leaves of its share is lost, and its tail tells nothing
                of the next one's.
        """
        self.budget = budget
        self.seconds: dict[Kind, float] = dict.fromkeys(KINDS, 0.0)
        self.uncharged: dict[str, float] = {}
        self.steps: dict[Literal["train", "offline"], int] = {"train": 0, "offline": 0}
        self.samples = 0
        self.wall_seconds = 0.0
        self.cpu_seconds = 0.0
        self.step_seconds = array("d")
        self.charged_by_experience: list[float] = []
        self.steps_by_experience: list[int] = []
        self._shares = list(shares)
        self._wall, self._cpu, self._queue = wall, cpu, queue
        self._read = cpu if budget.clock == "cpu" else wall
        self._kind: Kind = "hooks"
        self._closed = 0.0
        self._mark = self._last_step = self._stopped_at = 0.0
        self._spent_before = 0.0
        self._steps_before = 0
        self._carry = 0.0
        self._by_night = by_night
        self._ahead = 0.0
        self._allowance = math.inf
        self._reserve = 0.0
        self._running = False
        self._under_way = 0

    @property
    def spent(self) -> float:
        """Charged so far, in the budget's own unit."""
        if self.budget.clock == "steps":
            return float(sum(self.steps.values()) + self._under_way)
        return self._closed + (self._read() - self._mark if self._running else 0.0)

    @property
    def progress(self) -> float:
        """Spent fraction of what the current experience may spend, its reserve set aside."""
        spendable = self._allowance - self._reserve
        spent = self.spent - self._spent_before
        return spent / spendable if spendable > 0 else 1.0 + spent

    @property
    def exhausted(self) -> bool:
        """Whether the current experience must stop now.

        Waits for the device only when what it may still hold could be what is left.
        """
        full = 1 - 1e-9  # shares of whole steps do not add up to a float
        if self._queue is not None:
            done = max(1, sum(self.steps.values()) - self._steps_before - IN_FLIGHT)
            if self.progress * (1 + IN_FLIGHT / done) >= full:
                self._queue.drain()
        return self.progress >= full

    @contextmanager
    def experience(self, index: int | None) -> Iterator[None]:
        """Run the clock while the strategy trains.

        Args:
            index: of the experience; None for the whole stream at once.
        """
        share = 1.0 if index is None else self._shares[index]
        self._allowance = share * self.budget.amount + self._carry
        self._spent_before = self.spent - self._ahead
        self._steps_before = sum(self.steps.values())
        self._stopped_at = math.nan
        try:
            with self._on_the_clock():
                yield
        finally:
            charged = self.spent - self._spent_before
            self._carry, self._ahead = self._allowance - charged, 0.0
            self.charged_by_experience.append(charged)
            self.steps_by_experience.append(sum(self.steps.values()) - self._steps_before)
            tail = self._mark - self._stopped_at if self.stopping else 0.0
            if self._by_night:  # a night that lasted too long is repaid by those that follow
                self._carry = min(0.0, self._carry)
            elif self.budget.clock != "steps":
                self._reserve = max(self._reserve, tail)

    @contextmanager
    def day(self) -> Iterator[None]:
        """Run the clock while the strategy answers by day: the night that follows has less."""
        before = self.spent
        try:
            with self._on_the_clock():
                yield
        finally:
            self._ahead += self.spent - before

    @contextmanager
    def _on_the_clock(self) -> Iterator[None]:
        """The only place where time is charged."""
        wall, cpu = self._wall(), self._cpu()
        self._kind, self._running = "hooks", True
        self._mark = self._last_step = self._read()
        try:
            yield
        finally:
            self._drain()
            self.charge("hooks")
            self._running = False
            self.wall_seconds += self._wall() - wall
            self.cpu_seconds += self._cpu() - cpu

    @contextmanager
    def off_the_clock(self, kind: str) -> Iterator[None]:
        """Measure the seconds inside under `kind` without charging them; never in an experience."""
        assert not self._running, "time inside an experience is always charged"
        start = self._wall()
        try:
            yield
        finally:
            self._drain()
            self.uncharged[kind] = self.uncharged.get(kind, 0.0) + self._wall() - start

    def kept(self) -> dict[str, Any]:
        """The account between two experiences, as JSON, without the times of its steps."""
        assert not self._running, "an experience is under way"
        return {name: copy.copy(getattr(self, name)) for name in KEPT}

    def go_on(self, kept: Mapping[str, Any], step_seconds: Iterable[float]) -> None:
        """Go on from an account that was kept; what is not charged was measured here already.

        Args:
            kept: from `kept`.
            step_seconds: times of its steps.
        """
        here = self.uncharged
        for name in KEPT:
            setattr(self, name, kept[name])
        for kind, seconds in here.items():
            self.uncharged[kind] = self.uncharged.get(kind, 0.0) + seconds
        self.step_seconds = array("d", step_seconds)

    def charge(self, kind: Kind) -> Kind:
        """From now on time goes to `kind`; returns the kind it went to until now."""
        now = self._read()
        lasted = now - self._mark
        self.seconds[self._kind] += lasted
        self._closed += lasted
        self._mark, before, self._kind = now, self._kind, kind
        return before

    def begin_minibatch(self) -> None:
        """A training minibatch is under way; `step` counts it when it is done."""
        self._under_way = 1

    def step(self, kind: Literal["train", "offline"], samples: int = 0) -> None:
        """Count one training minibatch of `samples`, or one step of offline work."""
        self.steps[kind] += 1
        if kind == "train":
            self._under_way = 0
        self.samples += samples
        if self._queue is not None:
            self._queue.bound()
        now = self._read()
        self.step_seconds.append(now - self._last_step)
        self._last_step = now

    def _drain(self) -> None:
        if self._queue is not None:
            self._queue.drain()

    def stop(self) -> None:
        """The strategy stops, told to or not: what it does from here to the end is its tail."""
        if not self.stopping:
            self._stopped_at = self._read()

    @property
    def stopping(self) -> bool:
        """Whether the strategy has stopped in this experience."""
        return not math.isnan(self._stopped_at)

    @property
    def overrun(self) -> bool:
        """Whether more was charged than the budget and its tolerance allow."""
        one_step = 1.0 if self.budget.clock == "steps" else self.median_step
        tolerated = max(one_step, TOLERANCE * self.budget.amount)
        unpaid = -self._carry if self._by_night else 0.0  # of nights that lasted too long
        return self.spent > self.budget.amount + tolerated or unpaid > tolerated

    @property
    def median_step(self) -> float:
        """Of the times from one step to the next; 0 before the first."""
        return float(np.median(self.step_seconds)) if self.step_seconds else 0.0

    @property
    def longest_step(self) -> float:
        """The longest of the times from one step to the next; 0 before the first."""
        return max(self.step_seconds, default=0.0)
