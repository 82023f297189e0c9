"""The nodes of a Ray cluster, an agent on each."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.executor.agent import Agent
from bench.executor.node import Facts, Message, Needs, Node, Order, unlike
from bench.executor.parcel import Checkpointed
from bench.executor.ray_connection import connect

START_SECONDS = 60.0
"""Longest wait for the nodes that are there at the start to say what they are."""

LOOK_SECONDS = 5.0
"""Time between two looks for new nodes."""

POLL_SECONDS = 1.0
"""How long an agent waits for something to tell."""

MOST_LOSSES = 3
"""How often a node gets a new agent in place of one that was lost."""

THREADS = 8
"""Calls that an agent answers at once: one waits for news, the others are short."""


@dataclass(eq=False)
class RayNode:
    """A node and its agent.

    Attributes:
        key: what Ray calls the node.
    """

    name: str
    agent: Any
    key: str
    facts: Facts = field(init=False)

    def begin(self, config: str, records: Sequence[str], checkpoint: Checkpointed | None) -> None:
        """Begin a run as soon as a core is free."""
        self.agent.begin.remote(config, records, checkpoint)

    def stop(self, config: str) -> None:
        """Ask a run to end now."""
        self.agent.stop.remote(config)


class RayCluster:
    """The nodes of a Ray cluster that carry out an order; new ones join while it goes on.

    An agent reserves its cores with Ray, and the GPU if runs need one.
    """

    def __init__(self, order: Order, address: str | None) -> None:
        """Not yet connected.

        Args:
            order: what its agents do.
            address: host:port of its head; None for $RAY_ADDRESS or a cluster on this machine.
        """
        self._order, self._address = order, address
        self._needs = Needs()
        self._kind: str | None = None
        self._asked: dict[str, RayNode] = {}
        self._losses: Counter[str] = Counter()
        self._answers: dict[Any, RayNode] = {}
        self._at_work: list[RayNode] = []
        self._listening: dict[Any, RayNode] = {}
        self._looked, self._begun = 0.0, False
        self._why = ""

    def __enter__(self) -> RayCluster:
        """Connect, and begin an agent on each node.

        Raises:
            ValueError: if there is no Ray, no cluster, no node with enough cores, or one of other
                versions than this machine.
        """
        self._ray, self._connected_before = connect(self._address)
        try:
            self._look()
            until = time.monotonic() + START_SECONDS
            while self._answers and time.monotonic() < until:
                self._hear_answers(until - time.monotonic())
            if not self._at_work:
                raise ValueError(
                    f"the cluster must have a node with {self._order.threads} free CPU"
                    f"{' and a GPU' if self._order.gpu else ''}, found none{self._why}"
                )
        except BaseException:
            self._close()
            raise
        self._begun = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    @property
    def jobs(self) -> int:
        """How many runs at once on the nodes at work."""
        there = sum(node.facts.jobs for node in self._at_work)
        return min(there, self._order.jobs or there)

    def nodes(self) -> Sequence[RayNode]:
        """Those at work."""
        return self._at_work

    def coming(self) -> bool:
        """Whether an agent has been begun that has not said yet what it is."""
        return bool(self._answers)

    def choose_kind(self, known: Collection[str]) -> str:
        """Keep to nodes of one kind of machine; returns its fingerprint.

        Args:
            known: fingerprints that are preferred.
        """
        if self._kind is not None:
            return self._kind
        jobs: Counter[str] = Counter()
        for node in self._at_work:
            jobs[node.facts.fingerprint] += node.facts.jobs
        preferred = [kind for kind in jobs if kind in known] or list(jobs)
        self._kind = max(sorted(preferred), key=lambda kind: jobs[kind])
        for node in list(self._at_work):
            if node.facts.fingerprint != self._kind:
                self.dismiss(node)
        return self._kind

    def require(self, needs: Needs) -> None:
        """Ask every node for what runs need.

        Raises:
            ValueError: names a node that lacks something.
        """
        self._needs = self._needs.and_those_of(needs)
        for node in list(self._at_work):
            try:
                lacking = self._ray.get(node.agent.lacks.remote(needs))
            except self._ray.exceptions.RayError:
                self._lose(node)
                continue
            if lacking:
                raise ValueError(f"node {node.name}: {lacking}")

    def told(self, seconds: float) -> Sequence[tuple[RayNode, Sequence[Message] | None]]:
        """What nodes have told, after waiting for it so long at most; None of one that is gone."""
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._look()
        self._hear_answers(0.0)
        if not self._listening:
            time.sleep(seconds)
            return []
        ready, _ = self._ray.wait(list(self._listening), timeout=seconds)
        found: list[tuple[RayNode, Sequence[Message] | None]] = []
        for reference in ready:
            node = self._listening.pop(reference)
            try:
                found.append((node, self._ray.get(reference)))
                self._listen(node)
            except self._ray.exceptions.RayError:
                self._lose(node)
                found.append((node, None))
        return found

    def _lose(self, node: RayNode) -> None:
        """Give up an agent; its node gets another one, unless that happened often."""
        self.dismiss(node)
        self._losses[node.key] += 1
        if self._losses[node.key] < MOST_LOSSES:
            self._asked.pop(node.key, None)

    def _look(self) -> None:
        """Begin an agent on each node that has none yet."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self._looked = time.monotonic()
        for found in self._ray.nodes():
            key = found["NodeID"]
            if not found["Alive"] or key in self._asked:
                continue
            jobs = int(found["Resources"].get("CPU", 0)) // self._order.threads
            if self._order.gpu:
                jobs = min(jobs, 1, int(found["Resources"].get("GPU", 0)))
            jobs = min(jobs, self._order.jobs or jobs)
            if jobs == 0:
                continue
            begin = self._ray.remote(Agent).options(
                num_cpus=jobs * self._order.threads,
                num_gpus=int(self._order.gpu),
                max_concurrency=THREADS,
                scheduling_strategy=NodeAffinitySchedulingStrategy(key, soft=False),
            )
            agent = begin.remote(self._order, jobs, str(Path.cwd()))
            node = RayNode(_name(found), agent, key)
            self._asked[key] = node
            self._answers[node.agent.facts.remote()] = node

    def _hear_answers(self, seconds: float) -> None:
        """Set nodes to work that have said what they are.

        Raises:
            ValueError: if the first of them have other versions than this machine.
        """
        if not self._answers:
            return
        ready, _ = self._ray.wait(list(self._answers), timeout=max(0.0, seconds))
        for reference in ready:
            node = self._answers.pop(reference)
            try:
                node.facts = self._ray.get(reference)
                lacking = self._ray.get(node.agent.lacks.remote(self._needs))
            except self._ray.exceptions.RayError as error:
                self._why = f"; {node.name}: {str(error).strip().splitlines()[-1]}"
                self._lose(node)
                continue
            self._set_to_work(node, lacking)

    def _set_to_work(self, node: RayNode, lacking: str) -> None:
        differing = unlike(node.facts)
        if differing and not self._begun:
            raise ValueError(f"node {node.name}: {differing}")
        other_kind = self._kind is not None and node.facts.fingerprint != self._kind
        if differing or lacking or other_kind or not node.facts.jobs:
            self.dismiss(node)
        else:
            self._at_work.append(node)
            self._listen(node)

    def _listen(self, node: RayNode) -> None:
        self._listening[node.agent.told.remote(POLL_SECONDS)] = node

    def dismiss(self, node: Node) -> None:
        """End an agent that gets nothing more to do."""
        assert isinstance(node, RayNode), type(node)
        self._listening = {r: n for r, n in self._listening.items() if n is not node}
        self._at_work = [n for n in self._at_work if n is not node]
        with suppress(self._ray.exceptions.RayError):
            self._ray.kill(node.agent)

    def _close(self) -> None:
        """End all agents and their runs."""
        closing = [node.agent.leave.remote() for node in self._at_work]
        with suppress(self._ray.exceptions.RayError):
            self._ray.wait(closing, num_returns=len(closing), timeout=10.0)
        for node in self._asked.values():
            with suppress(self._ray.exceptions.RayError):
                self._ray.kill(node.agent)
        if not self._connected_before:
            self._ray.shutdown()


def _name(node: dict[str, Any]) -> str:
    """What a message calls a node."""
    return f"{node.get('NodeName') or node['NodeManagerAddress']} ({node['NodeID'][:6]})"
