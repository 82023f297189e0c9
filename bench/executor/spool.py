"""An agent that is spoken to through a folder, which its machine shares with the one that commands.

For clusters whose nodes are begun by a queue and cannot be called. What is written there is JSON;
nothing is unpickled.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from bench.executor.agent import Agent
from bench.executor.node import Began, Broken, Ended, Facts, Kept, Moved, Needs, Order
from bench.executor.parcel import Checkpointed

ORDER = "order"
"""File that says how runs are carried out."""

ALIVE = "alive"
"""File that the process that commands writes anew while it lives."""

ALONE_SECONDS = 120.0
"""How long an agent goes on when that file does not change any more."""

POLL_SECONDS = 0.25
"""Time between two looks into a folder."""


@dataclass(frozen=True)
class Standing:
    """What all agents of a command are told at their start.

    Attributes:
        folder: the current one of the command.
        jobs: runs at once of each agent.
    """

    order: Order
    needs: Needs
    folder: str
    jobs: int


@dataclass(frozen=True)
class Hello:
    """What a node is, and what it lacks; "" for nothing."""

    name: str
    facts: Facts
    lacks: str


@dataclass(frozen=True)
class Begin:
    """Begin a run; see `bench.executor.agent.Agent.begin`."""

    config: str
    records: Sequence[str]
    checkpoint: Checkpointed | None


@dataclass(frozen=True)
class Stop:
    """Ask a run to end now."""

    config: str


class Told(BaseModel):
    """One line of what an agent tells: one of these."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hello: Hello | None = None
    began: Began | None = None
    moved: Moved | None = None
    kept: Kept | None = None
    ended: Ended | None = None
    broken: Broken | None = None


class Asked(BaseModel):
    """One line of what an agent is asked: one of these."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    begin: Begin | None = None
    stop: Stop | None = None


L = TypeVar("L", bound=BaseModel)


class Mailbox(Generic[L]):
    """Letters in a folder, in the order in which they were written; one process reads them."""

    def __init__(self, folder: Path, kind: type[L]) -> None:
        """A box whose folder is there when somebody writes.

        Args:
            kind: of the letters.
        """
        self._folder, self._kind = folder, kind
        self._written = 0

    def put(self, content: object) -> None:
        """Write a letter, which is there whole or not at all.

        Raises:
            FileNotFoundError: if the folder was removed, as it is when a command ends.
        """
        letter = self._kind.model_validate({type(content).__name__.lower(): content})
        self._written += 1
        half = self._folder / f".{self._written:09d}"
        half.write_text(letter.model_dump_json(exclude_unset=True), encoding="utf-8")
        half.rename(self._folder / f"{self._written:09d}")

    def make(self) -> None:
        """Make the folder."""
        self._folder.mkdir(parents=True, exist_ok=True)

    def take(self) -> Iterator[object]:
        """What the letters hold that have come, which are removed."""
        with suppress(FileNotFoundError):
            for path in sorted(p for p in self._folder.iterdir() if not p.name.startswith(".")):
                letter = self._kind.model_validate_json(path.read_bytes())
                path.unlink()
                yield from (v for _, v in letter if v is not None)


def standing(folder: Path) -> Standing:
    """What the agents of a folder are told.

    Raises:
        ValueError: if it cannot be read.
    """
    try:
        return TypeAdapter(Standing).validate_json((folder / ORDER).read_bytes())
    except (OSError, ValidationError) as error:
        raise ValueError(f"{folder / ORDER} must say what is to be done: {error}") from None


def write_standing(folder: Path, told: Standing) -> None:
    """Write what the agents of a folder are told."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ORDER).write_bytes(TypeAdapter(Standing).dump_json(told))


def boxes(folder: Path, agent: str) -> tuple[Mailbox[Asked], Mailbox[Told]]:
    """What an agent is asked, and what it tells."""
    return Mailbox(folder / agent / "asked", Asked), Mailbox(folder / agent / "told", Told)


def serve(folder: Path, name: str) -> None:
    """Be an agent until the process that commands is gone, or ends this one.

    Args:
        folder: that both machines share.
        name: of this agent, which no other one has.
    """
    wanted = standing(folder)
    asked, told = boxes(folder, name)
    for box in (asked, told):
        box.make()
    agent = Agent(wanted.order, wanted.jobs, wanted.folder)
    told.put(Hello(os.uname().nodename, agent.facts(), agent.lacks(wanted.needs)))
    alive = _Pulse(folder / ALIVE)
    try:
        while alive.beats():
            for command in asked.take():
                if isinstance(command, Begin):
                    agent.begin(command.config, command.records, command.checkpoint)
                elif isinstance(command, Stop):
                    agent.stop(command.config)
            for message in agent.told(POLL_SECONDS):
                told.put(message)
    except FileNotFoundError:
        return  # the folder was removed: the command has ended
    finally:
        agent.close()


class _Pulse:
    """Whether a file still changes; the clocks of two machines are not compared."""

    def __init__(self, file: Path) -> None:
        self._file, self._content, self._changed = file, b"", time.monotonic()

    def beats(self) -> bool:
        content = b""
        with suppress(OSError):
            content = self._file.read_bytes()
        if content != self._content:
            self._content, self._changed = content, time.monotonic()
        return time.monotonic() - self._changed < ALONE_SECONDS


if __name__ == "__main__":
    _, where, task = sys.argv
    # a task that the queue begins anew is another agent: what its first life was at is lost
    serve(Path(where), f"{task}-{os.environ.get('SLURM_RESTART_COUNT', '0')}")
