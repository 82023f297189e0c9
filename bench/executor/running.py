"""A run under way as the process that commands sees it, and what it died of."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from bench.config.run_config import RunConfig
from bench.executor.processes import UNWRITABLE
from bench.records import environment
from bench.records.schema import Status

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
    channel: Connection
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
    timed_out: str = ""

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


def cause_of_death(ended: Running) -> tuple[Status, str]:
    """Status and reason of a run that ended without a record."""
    code = ended.process.exitcode
    if ended.timed_out:
        return "timeout", ended.timed_out
    if ended.lost:
        return "infra_error", "the server that runs are forked from was killed"
    if code == -signal.SIGKILL and environment.out_of_memory_kills() > ended.memory_kills:
        return "oom", "killed by the system for lack of memory"
    if code == -signal.SIGKILL or code == -signal.SIGTERM:
        return "killed", f"ended from outside by signal {-code}"
    if code < 0:
        return "error", f"crashed with signal {-code} ({signal.Signals(-code).name})"
    if code == UNWRITABLE:
        return "infra_error", "its record could not be written"
    return "error", f"ended its process with exit code {code} and left no record"
