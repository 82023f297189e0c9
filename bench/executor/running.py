"""A run under way as the process that commands sees it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil

from bench.config.run_config import RunConfig
from bench.executor.confinement import cpu_seconds
from bench.executor.cut import Cut
from bench.executor.messages import Inbox, Report
from bench.records.cost import Outside

DYING_SECONDS = 2.0
"""Longest time that a killed server may take to be gone."""

NOBODY_TELLS = 255
"""Exit code of a process whose server cannot tell one."""


@dataclass
class Running:
    """One run under way."""

    config: RunConfig
    attempt: int
    process: Any
    inbox: Inbox
    folder: Path
    cores: frozenset[int]
    deadline: float
    started: datetime
    memory_kills: int
    log: Path
    server: int | None
    """Process id of what forked it, and tells how it ended."""
    patience: float
    """Seconds from a minibatch to the deadline; 0 where minibatches do not move it."""
    began: float = 0.0
    """When it was forked, on the monotonic clock."""
    report: Report | None = None
    outside: Outside | None = None
    timed_out: str = ""
    stopped: bool = False
    """Whether it was asked to end."""
    cut: Cut | None = None
    """What it went on from."""
    killed: int = 0
    """How many attempts at it had been killed before its last checkpoint."""

    def keep(self, report: Report) -> None:
        """Keep the report of a run that waits to be ended, and what the run took; the first counts.

        A process that has ended already does not tell its CPU seconds any more.
        """
        if self.report is None:
            self.report, self.outside = report, self.took()

    def took(self) -> Outside:
        """What the run has taken until now, with all before it was cut."""
        before = Outside(wall_seconds=0, cpu_seconds=0) if self.cut is None else self.cut.outside
        wall = before.wall_seconds + time.monotonic() - self.began
        cpu, earlier = cpu_seconds(self.process.pid), before.cpu_seconds
        return Outside(
            wall_seconds=wall, cpu_seconds=None if cpu is None or earlier is None else cpu + earlier
        )

    @property
    def cuts(self) -> int:
        """How often the run was cut and went on."""
        return 0 if self.cut is None else self.cut.cuts + 1

    @cached_property
    def lost(self) -> bool:
        """Whether its server has died, so that it seems to have ended and may still run.

        A server that was killed takes a moment to be gone.
        """
        if self.process.exitcode != NOBODY_TELLS:
            return False
        until = time.monotonic() + DYING_SECONDS
        while alive := _is_alive(self.server):
            if time.monotonic() > until:
                break
            time.sleep(0.01)
        return not alive


def _is_alive(pid: int | None) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE if pid else False
    except psutil.NoSuchProcess:
        return False
