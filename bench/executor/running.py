"""A run under way as the process that commands sees it, and what it died of."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench.config.run_config import RunConfig
from bench.executor.processes import UNWRITABLE
from bench.records import environment
from bench.records.schema import Status


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
    patience: float
    """Seconds from a minibatch to the deadline; 0 where minibatches do not move it."""
    timed_out: str = ""


def cause_of_death(ended: Running) -> tuple[Status, str]:
    """Status and reason of a run that ended without a record."""
    code = ended.process.exitcode
    if ended.timed_out:
        return "timeout", ended.timed_out
    if code == -signal.SIGKILL and environment.out_of_memory_kills() > ended.memory_kills:
        return "oom", "killed by the system for lack of memory"
    if code == -signal.SIGKILL or code == -signal.SIGTERM:
        return "killed", f"ended from outside by signal {-code}"
    if code < 0:
        return "error", f"crashed with signal {-code} ({signal.Signals(-code).name})"
    if code == UNWRITABLE:
        return "infra_error", "its record could not be written"
    return "error", f"ended its process with exit code {code} and left no record"
