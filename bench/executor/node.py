"""What a command and the nodes of a cluster say to each other."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import Base64Bytes

from bench.executor.messages import States
from bench.executor.parcel import Checkpointed
from bench.records import environment
from bench.runner.progress import Progress

NO_STATES = States()
"""Runs that begin anew and leave nothing but their records."""


@dataclass(frozen=True)
class Order:
    """How the runs of a command are carried out, wherever that is.

    Attributes:
        jobs: runs at once; None for one, one for each of `gpus`, or all cores of a Ray cluster.
        threads: cores of each run.
        data_root: where the data sets lie, on every machine.
        command: what the user typed, for the records.
        states: what runs leave behind.
        gpu: whether a run needs a GPU.
        gpus: of this machine, by number, one for each run at once; none for the first.
    """

    jobs: int | None = None
    threads: int = 1
    data_root: Path | None = None
    command: str = ""
    states: States = NO_STATES
    gpu: bool = False
    gpus: tuple[int, ...] = ()


@dataclass(frozen=True)
class Facts:
    """What a node says of itself.

    Attributes:
        jobs: runs at once, each on cores of its own.
        machine: as a record has it.
        versions: of Python and of the packages that make a result.
        commit: of the code; None outside of a repository.
        dirty: whether files of the code differ from it.
    """

    jobs: int
    machine: dict[str, str | int | None]
    versions: dict[str, str]
    commit: str | None
    dirty: bool | None

    @property
    def fingerprint(self) -> str:
        """Equal for equal machines."""
        return environment.fingerprint(self.machine)


@dataclass(frozen=True)
class Began:
    """A run has begun, or goes on after so many experiences."""

    digest: str
    experiences: int | None = None


@dataclass(frozen=True)
class Moved:
    """How far a run is."""

    digest: str
    progress: Progress


@dataclass(frozen=True)
class Kept:
    """A run has a new checkpoint."""

    digest: str
    checkpoint: Checkpointed


@dataclass(frozen=True)
class Ended:
    """A run has left its record, files beside it, and a checkpoint to go on from, if it does."""

    digest: str
    record: str
    files: dict[str, Base64Bytes]
    goes_on: bool


@dataclass(frozen=True)
class Broken:
    """The node cannot go on, and why."""

    why: str


Message = Began | Moved | Kept | Ended | Broken
"""What a node tells of its runs."""


@dataclass(frozen=True)
class Needs:
    """What runs need of a node.

    Attributes:
        benchmarks: whose data must be there.
        models: that must be there.
        sources: kind, import path and SHA-256 of the file of each model and strategy of the user's.
    """

    benchmarks: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    sources: tuple[tuple[str, str, str], ...] = ()

    def and_those_of(self, others: Needs) -> Needs:
        """What either needs."""
        return Needs(
            tuple(sorted({*self.benchmarks, *others.benchmarks})),
            tuple(sorted({*self.models, *others.models})),
            tuple(sorted({*self.sources, *others.sources})),
        )


class Node(Protocol):
    """A machine with an agent at work."""

    name: str
    facts: Facts

    def begin(self, config: str, records: Sequence[str], checkpoint: Checkpointed | None) -> None:
        """Begin a run as soon as a core is free; see `bench.executor.agent.Agent.begin`."""

    def stop(self, config: str) -> None:
        """Ask a run to end now."""


class Cluster(Protocol):
    """The nodes that a command may use."""

    @property
    def jobs(self) -> int:
        """How many runs at once, as far as it is known."""

    def choose_kind(self, known: Collection[str]) -> str:
        """Keep to nodes of one kind of machine, for runs that are timed; returns its fingerprint.

        Args:
            known: fingerprints of the machines of the records there are, which are preferred.
        """

    def require(self, needs: Needs) -> None:
        """Refuse nodes that lack what runs need, with a ValueError where they are known already."""

    def nodes(self) -> Sequence[Node]:
        """Those that are there now and have what runs need."""

    def coming(self) -> bool:
        """Whether a node may come that is not there yet, so that one must wait for it."""

    def dismiss(self, node: Node) -> None:
        """Give a node nothing more to do."""

    def told(self, seconds: float) -> Sequence[tuple[Node, Sequence[Message] | None]]:
        """What nodes have told, after waiting for it so long at most; None of one that is gone."""


def unlike(facts: Facts) -> str:
    """What differs between a node and this machine, in a sentence; "" for nothing that matters."""
    here = environment.versions()
    differing = [
        f"{name} {facts.versions.get(name, 'none')} there, {here.get(name, 'none')} here"
        for name in sorted(here.keys() | facts.versions.keys())
        if facts.versions.get(name) != here.get(name)
    ]
    head, _ = environment.commit()
    if not differing and facts.commit != head:
        differing.append(f"commit {facts.commit} there, {head} here")
    if not differing:
        return ""
    return f"it must have the versions of this machine: {'; '.join(differing)}"
