"""Work that goes on while the clock stands still, or takes too long there, and a slowed clock."""

from __future__ import annotations

import _thread
import os
import sys
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress

import psutil

from bench.runner.meter import Meter

NAMELESS = "one without a name"
"""What a thread is called that `threading` does not know."""

LEAST_GAP = 0.25
"""Seconds that the meter may miss: what passes between two of its measurements."""

GAP = 0.05
"""The same as a share of the time that has passed."""


LEAST_EXCUSED = 1.0
"""CPU seconds that building or examining a strategy may take, whatever the network takes."""

MOST_TIMES = 30
"""How often as long as the bare network it may take besides."""


MOST_TIMES_LOOKED_AT = 3
"""The same for saving a strategy and looking at what it keeps, against that before its training."""


class UnchargedWork(RuntimeError):
    """The strategy worked while the clock stood still."""


def check_excused(what: str, worked: float, bare: float, times: float = MOST_TIMES) -> None:
    """Refuse work off the clock that the network alone does not explain.

    Args:
        what: subject of the message.
        worked: CPU seconds that it took.
        bare: CPU seconds that the network as the benchmark builds it takes for the same.
        times: how often as long it may take, besides what is excused in any case.

    Raises:
        UnchargedWork: says how long it was.
    """
    excused = LEAST_EXCUSED + times * bare
    if worked > excused:
        raise UnchargedWork(
            f"{what} took {worked:.1f} CPU s while the clock stood still, of which {excused:.1f} "
            "are excused"
        )


class Watch:
    """What ran before the first experience, and what time it was by a clock of its own."""

    def __init__(
        self,
        meter: Meter,
        referee: Collection[int | None] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin to watch.

        Args:
            meter: the account that is compared with the clock.
            referee: ids of the referee's own processes; their children come and go.
            clock: reads seconds; bound when this module is imported, before a strategy is.
        """
        self._meter, self._referee, self._clock = meter, frozenset(referee) - {None}, clock
        self._threads, self._count = set(sys._current_frames()), _thread._count()
        self._processes = self._running_processes()
        self._began = clock() - self._measured

    def check(self) -> None:
        """Refuse what runs on between experiences, and a meter that missed some of the time.

        Raises:
            UnchargedWork: says what.
        """
        passed = self._clock() - self._began  # before looking, which takes its time as well
        missed = passed - self._measured
        if missed > LEAST_GAP + GAP * passed:
            raise UnchargedWork(f"the meter missed {missed:.1f} of {passed:.1f} s: it was slowed")
        self.check_beside()

    def check_beside(self) -> None:
        """Refuse threads and processes that run on between experiences.

        Raises:
            UnchargedWork: names them.
        """
        left = set(sys._current_frames()) - self._threads
        if left or _thread._count() > self._count:  # what runs no line of Python has no frame
            known = {thread.ident: thread.name for thread in threading.enumerate()}
            names = ", ".join(sorted(known.get(one, NAMELESS) for one in left)) or NAMELESS
            raise UnchargedWork(f"threads run on while the clock stands still: {names}")
        running = self._running_processes()
        if born := running.keys() - self._processes.keys():
            names = ", ".join(sorted(running[one] for one in born))
            raise UnchargedWork(f"processes run on while the clock stands still: {names}")

    @property
    def _measured(self) -> float:
        """Seconds that the meter has seen, charged or not."""
        return self._meter.wall_seconds + sum(self._meter.uncharged.values())

    def _running_processes(self) -> dict[int, str]:
        """Id and name of what this process and its children have started and what still runs."""
        found = {}
        for pid in _descendants():
            try:
                process = psutil.Process(pid)
                with process.oneshot():
                    ended = process.status() == psutil.STATUS_ZOMBIE
                    referee = self._referee & {process.pid, process.ppid()}
                    helper = any("resource_tracker" in part for part in process.cmdline())
                    if not (ended or referee or helper):
                        found[process.pid] = process.name()
            except psutil.NoSuchProcess:
                continue  # it ended meanwhile
        return found


def _descendants() -> set[int]:
    """Processes that this one began, orphans among them where it leads a session of its own."""
    found = {process.pid for process in psutil.Process().children(recursive=True)}
    if os.getsid(0) == os.getpid():
        for pid in psutil.pids():
            with suppress(OSError):
                if os.getsid(pid) == os.getpid():
                    found.add(pid)
    return found - {os.getpid()}
