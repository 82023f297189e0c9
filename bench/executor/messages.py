"""What passes between the process that commands and the process that runs; knows no torch."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path

from bench.config.run_config import RunConfig
from strategies.import_path import is_import_path, source_hash

STOP = signal.SIGUSR1
"""Asks a run to end now and to leave its record."""

STOPPED = "stopped by the search that it was a trial of"
"""Reason of a run that was asked to end; its status is `killed`."""


@dataclass(frozen=True)
class Job:
    """What a child process needs to know.

    Attributes:
        config: what to run.
        attempt: how often this configuration has been begun, from 1.
        store: root of the records.
        data_root: where the data sets lie; None for the default.
        folder: for temporary files of the run.
        log: where the run's output goes.
        cores: what the run is pinned to.
        command: what the user typed.
    """

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
        config: what cannot be built.
        reason: why, in a sentence.
        for_all: no other run could start either.
    """

    config: RunConfig
    reason: str
    for_all: bool


def model_source(config: RunConfig) -> str | None:
    """SHA-256 of the source file of a user's own model; None for a model of the catalogue."""
    own = is_import_path(config.model)
    return source_hash("model", config.model) if own else None
