"""Agents that Slurm begins as the tasks of a job array.

They are spoken to through files beside the records, in a folder that all machines share.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from bench.executor.node import Facts, Message, Needs, Node, Order, unlike
from bench.executor.parcel import Checkpointed
from bench.executor.slurm_queue import AT_WORK, JobArray
from bench.executor.spool import (
    ALIVE,
    Asked,
    Begin,
    Hello,
    Mailbox,
    Standing,
    Stop,
    Told,
    boxes,
    write_standing,
)

PREFIX = ".slurm-"
"""Of the folder beside the records; one that a killed command has left is removed by the next."""

LOCK = "lock"
"""File that the process that commands holds while it lives."""

ALIVE_SECONDS = 5.0
"""Time between two signs of life of that process."""

END_SECONDS = 10.0
"""Longest wait for cancelled tasks to end, before the folder is removed that they write to."""

MOST_FAILURES = 3
"""How many tasks may end without a word before the command does."""


@dataclass(eq=False)
class SlurmNode:
    """One life of a task of the job array, and its agent."""

    name: str
    task: str
    facts: Facts
    asked: Mailbox[Asked]

    def begin(self, config: str, records: Sequence[str], checkpoint: Checkpointed | None) -> None:
        """Begin a run as soon as a core is free."""
        self.asked.put(Begin(config, records, checkpoint))

    def stop(self, config: str) -> None:
        """Ask a run to end now."""
        self.asked.put(Stop(config))


class SlurmCluster:
    """The tasks of a job array, one run each at a time, as long as there is something to run."""

    def __init__(self, order: Order, options: Mapping[str, str], shared: Path) -> None:
        """Nothing is in the queue yet.

        Args:
            order: what the agents do; its jobs are the tasks.
            options: of `sbatch`, such as partition and time, without their dashes.
            shared: a folder that the nodes see under the same path.

        Raises:
            ValueError: for an option that is none, or ours.
        """
        self._order, self._shared = order, shared
        self._folder = (shared / f"{PREFIX}{time.time_ns()}").resolve()
        self._lock = FileLock(self._folder / LOCK, timeout=0)
        self._array = JobArray(order, options)
        self._kind: str | None = None
        self._told: dict[str, Mailbox[Told]] = {}
        self._nodes: dict[str, SlurmNode] = {}
        self._dismissed: set[str] = set()
        self._over = threading.Event()
        self._needs = Needs()
        self._welcomed = False

    def __enter__(self) -> SlurmCluster:
        """Raises ValueError if there is no Slurm here, or none that answers."""
        self._array.check()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._array.cancel()
        until = time.monotonic() + END_SECONDS
        while self._array.states(now=True) and time.monotonic() < until:
            time.sleep(0.2)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._lock.release()

    @property
    def jobs(self) -> int:
        """How many runs at once when all tasks have begun."""
        return self._array.tasks

    def choose_kind(self, known: Collection[str]) -> str:
        """Keep to a kind of machine that is known, or to that of the first task which begins."""
        if not self._kind:
            self._kind = min(known, default="")
        return self._kind

    def require(self, needs: Needs) -> None:
        """Note what runs need; the tasks say what they lack of it when they begin."""
        self._needs = self._needs.and_those_of(needs)

    def _begin(self) -> None:
        """Put the tasks into the queue."""
        self._shared.mkdir(parents=True, exist_ok=True)
        for left in self._shared.glob(f"{PREFIX}*"):
            _remove_unless_held(left)
        write_standing(self._folder, Standing(self._order, self._needs, str(Path.cwd()), jobs=1))
        self._lock.acquire()
        threading.Thread(target=self._live, daemon=True).start()
        self._array.submit(self._folder)

    def _live(self) -> None:
        """Show the agents that this process lives, until the folder is removed."""
        with suppress(FileNotFoundError):
            while not self._over.wait(ALIVE_SECONDS):
                (self._folder / ALIVE).write_text(str(time.time_ns()))

    def nodes(self) -> Sequence[SlurmNode]:
        """Those whose tasks have begun."""
        return list(self._nodes.values())

    def coming(self) -> bool:
        """Whether a task waits in the queue, or has begun and not said yet what it is."""
        if self._array.number is None:
            self._begin()
        here = {node.task for node in self._nodes.values()}
        return bool(self._look().keys() - here - self._dismissed)

    def told(self, seconds: float) -> Sequence[tuple[SlurmNode, Sequence[Message] | None]]:
        """What nodes have told, after waiting for it so long at most; None of one that is gone."""
        until = time.monotonic() + seconds
        while not (found := self._read()) and time.monotonic() < until:
            time.sleep(min(0.1, seconds))
        return found

    def _read(self) -> list[tuple[SlurmNode, Sequence[Message] | None]]:
        self._look()
        found: list[tuple[SlurmNode, Sequence[Message] | None]] = []
        for agent in sorted(p.parent.name for p in self._folder.glob("*/told")):
            box = self._told.setdefault(agent, boxes(self._folder, agent)[1])
            messages = list(box.take())
            for hello in (m for m in messages if isinstance(m, Hello)):
                self._welcome(agent, hello)
            if (node := self._nodes.get(agent)) is None:
                continue
            rest: list[Message] = [m for m in messages if not isinstance(m, Hello)]  # type: ignore[misc]
            if rest:
                found.append((node, rest))
        return found + self._gone()

    def _welcome(self, agent: str, hello: Hello) -> None:
        """Take a node to work, or end its task if it is not like the others.

        Raises:
            ValueError: if the first one cannot do what is needed.
        """
        task = _task(agent)
        name = f"{hello.name} (task {task})"
        lacking = hello.lacks or unlike(hello.facts)
        if not hello.facts.jobs:
            lacking = f"a run needs {self._order.threads} cores that nobody else has claimed"
        if lacking and not self._welcomed:
            raise ValueError(f"node {name}: {lacking}")
        if self._kind == "" and not lacking:
            self._kind = hello.facts.fingerprint
        if lacking or (self._kind is not None and hello.facts.fingerprint != self._kind):
            self._cancel(task)
            return
        self._welcomed = True
        self._array.runs(task)
        self._nodes[agent] = SlurmNode(name, task, hello.facts, boxes(self._folder, agent)[0])

    def dismiss(self, node: Node) -> None:
        """End the task of a node that gets nothing more to do."""
        self._nodes = {agent: n for agent, n in self._nodes.items() if n is not node}
        assert isinstance(node, SlurmNode), type(node)
        self._cancel(node.task)

    def _cancel(self, task: str) -> None:
        self._dismissed.add(task)
        self._array.cancel(task)

    def _gone(self) -> list[tuple[SlurmNode, None]]:
        """The nodes whose task is over, or has been begun anew."""
        there, latest = self._array.states(), dict[str, int]()
        for agent in self._nodes:
            latest[_task(agent)] = max(latest.get(_task(agent), 0), _life(agent))
        gone = [
            agent
            for agent, node in self._nodes.items()
            if there.get(node.task) not in AT_WORK or _life(agent) < latest[node.task]
        ]
        return [(self._nodes.pop(agent), None) for agent in gone]

    def _look(self) -> dict[str, str]:
        """What the queue says of the tasks.

        Raises:
            ValueError: if tasks end without a word.
        """
        there = self._array.states()
        spoke = {_task(path.parent.name) for path in self._folder.glob("*/told")}
        silent = {str(n) for n in range(self.jobs)} - there.keys() - spoke
        if len(silent) >= min(MOST_FAILURES, self.jobs):
            words = self._last_words(silent)
            raise ValueError(f"tasks of job {self._array.number} must begin, ended: {words}")
        return there

    def _last_words(self, tasks: Collection[str]) -> str:
        for task in sorted(tasks):
            with suppress(OSError):
                lines = (self._folder / f"{task}.log").read_text(errors="replace").split("\n")
                if words := [line.strip() for line in lines if line.strip()]:
                    return words[-1][:300]
        return "without a word"


def _remove_unless_held(folder: Path) -> None:
    """Remove what a killed command has left, and nothing of one that lives."""
    with suppress(Timeout, OSError), FileLock(folder / LOCK, timeout=0):
        shutil.rmtree(folder, ignore_errors=True)


def _task(agent: str) -> str:
    """The number of the task whose agent has this name."""
    return agent.rpartition("-")[0]


def _life(agent: str) -> int:
    """How often the queue had begun that task anew."""
    return int(agent.rpartition("-")[2])
