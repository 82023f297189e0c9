"""What passes between the process that commands and the process that runs; knows no torch.

A run tells lines of JSON. They are read without waiting for the rest of one, and nothing that a run
writes is unpickled.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.config.catalogue import find_benchmark
from bench.config.datasets import published
from bench.config.run_config import RunConfig, Value
from bench.records.cost import Cost
from bench.records.schema import Outcome, Status, WeightsInUse
from bench.runner.progress import Checkpoint, Progress
from strategies.import_path import is_import_path, source_hash

STOP = signal.SIGUSR1
"""Asks a run to end now and to leave its record."""

READ_BYTES = 2**16
"""Bytes that are read at once."""

MOST_BYTES = 4 * 2**20
"""Bytes of one line at most; a report of 50 experiences has 0.1 MB."""

STATE = ".safetensors"
"""Suffix of a saved state, which lies beside its record."""

STOPPED = "stopped by the search that it was a trial of"
"""Reason of a run that was asked to end; its status is `killed`."""


@dataclass(frozen=True)
class States:
    """What runs begin from and leave behind.

    Attributes:
        begin: a saved state to go on from; None to begin anew.
        keep: whether the state at the end is saved beside the record.
        every: seconds of training between two checkpoints of a run; None for none.
    """

    begin: Path | None = None
    keep: bool = False
    every: float | None = None


@dataclass(frozen=True)
class Job:
    """What a child process needs to know.

    Attributes:
        config: what to run.
        data_root: where the data sets lie; None for the default.
        folder: for temporary files of the run.
        cores: what the run is pinned to.
        states: what it begins from and leaves behind.
        cut: its own checkpoint to go on from; None to begin anew.
        gpu: number of the only one that the run may see; None for all.
    """

    config: RunConfig
    data_root: Path | None
    folder: Path
    cores: frozenset[int]
    states: States = States()
    cut: Path | None = None
    gpu: int | None = None

    @property
    def log(self) -> Path:
        """Where the run's output goes."""
        return self.folder / "run.log"

    @property
    def state(self) -> Path | None:
        """Where the run saves its state; None where it does not."""
        return self.log.with_suffix(STATE) if self.states.keep else None


class Report(BaseModel):
    """What a run says of itself when it has ended; its fields are those of the record."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Status
    reason: str | None
    benchmark_version: str | None = None
    data_hash: str | None = None
    accelerator: str | None = None
    resolved: dict[str, Value | list[Value]] = Field(default_factory=dict)
    cost: Cost | None = None
    outcome: Outcome | None = None
    weights: list[WeightsInUse] = Field(default_factory=list)


class _Line(BaseModel):
    """One line of what a run tells: the one or the other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    progress: Progress | None = None
    checkpoint: Checkpoint | None = None
    report: Report | None = None


Told = Progress | Checkpoint | Report


def tell(channel: Connection, told: Told) -> None:
    """Write one line.

    Raises:
        OSError: if nobody reads any more.
    """
    name = type(told).__name__.lower()
    line = _Line.model_validate({name: told}).model_dump_json(exclude_unset=True)
    left = memoryview(line.encode() + b"\n")
    while left:
        left = left[os.write(channel.fileno(), left) :]


def wait_for_reader(channel: Connection) -> None:
    """Return when nobody reads any more what is told."""
    gone = select.poll()
    gone.register(channel.fileno(), 0)
    gone.poll()


@dataclass
class Inbox:
    """What a run tells, as it comes.

    Attributes:
        channel: the end to read from.
        damage: why the rest is not read; "" while it is.
    """

    channel: Connection
    damage: str = ""
    _unread: bytearray = field(default_factory=bytearray)

    @property
    def ready(self) -> bool:
        """Whether `read` does not wait."""
        return not self.channel.closed and self.channel.poll(0)

    def read(self) -> Iterator[Told]:
        """The messages that are there whole; closes the channel at its end."""
        came = os.read(self.channel.fileno(), READ_BYTES)
        self._unread += came
        *lines, rest = self._unread.split(b"\n")
        self._unread = rest
        if len(rest) > MOST_BYTES:
            self.damage = f"a line of it must have at most {MOST_BYTES} bytes"
        try:
            for line in lines:
                told = _Line.model_validate_json(line)
                message = told.report or told.checkpoint or told.progress
                if message is not None:
                    yield message
        except ValidationError as error:
            self.damage = str(error.errors()[0]["msg"])
        if self.damage or not came:
            self.channel.close()


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


def sources(config: RunConfig) -> dict[str, str | None]:
    """SHA-256 of the files that a user's own model and strategy lie in; None for known ones."""
    return {
        "model_source": _source("model", config.model),
        "strategy_source": _source("strategy", config.strategy),
    }


def may_change(config: RunConfig) -> bool:
    """Whether anything that a run is made of lies in files of the user's own."""
    spec = find_benchmark(config.benchmark)
    own_data = spec.data is None or published(spec.data) is None
    return own_data or is_import_path(config.model) or is_import_path(config.strategy)


def _source(kind: str, path: str) -> str | None:
    return source_hash(kind, path) if is_import_path(path) else None
