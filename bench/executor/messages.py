"""What passes between the process that commands and the process that runs; knows no torch."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path

from bench.config.run_config import RunConfig

STOP = signal.SIGUSR1
"""Asks a run to end now and to leave its record."""

STOPPED = "stopped by the search that it was a trial of"
"""Reason of a run that was asked to end; its status is `killed`."""


@dataclass(frozen=True)
class Job:
    """What a child process needs to know."""

    config: RunConfig
    attempt: int
    store: Path
    data_root: Path | None
    folder: Path
    log: Path
    cores: frozenset[int]
    command: str


@dataclass(frozen=True)
class Refusal:
    """A configuration that cannot be built and why.

    Attributes:
        for_all: no other run could start either.
    """

    config: RunConfig
    reason: str
    for_all: bool
