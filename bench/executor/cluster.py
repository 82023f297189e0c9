"""Running configurations on the nodes of a cluster; what a dead node was at is run again."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from bench.config.run_config import RunConfig
from bench.executor import parcel
from bench.executor.cut import forget_cut
from bench.executor.executor import Executor
from bench.executor.keeping import keep
from bench.executor.listener import Listener
from bench.executor.node import Began, Broken, Cluster, Ended, Kept, Message, Moved, Node, Order
from bench.executor.verdict import MOST_KILLS, record_of_lost
from bench.records.schema import RunRecord
from bench.records.store import Store

TOLD_SECONDS = 0.5
"""Longest wait for what nodes tell."""

WITHOUT_NODES_SECONDS = 60.0
"""How long a command waits for a node when all are gone."""


@dataclass
class _UnderWay:
    """A run that a node has been given."""

    config: RunConfig
    node: Node
    given: datetime


class ClusterExecutor(Executor):
    """Runs configurations on the nodes of a cluster, as many at a time as they have cores for.

    What is to be run, in which order, and what is written is as on one machine: this process plans
    and keeps the records, and checks here what cannot be built.
    """

    def __init__(self, store: Store, cluster: Cluster, order: Order) -> None:
        """Make an executor; nothing is started yet.

        Args:
            store: where the records go.
            cluster: whose nodes carry out `order` already.
            order: how.
        """
        super().__init__(
            store, data_root=order.data_root, command=order.command, states=order.states
        )
        self._cluster, self._order = cluster, order
        self._under_way: dict[str, _UnderWay] = {}
        self._waiting: deque[RunConfig] = deque()
        self._records: list[RunRecord] = []

    def serve(
        self,
        next_run: Callable[[], RunConfig | None],
        listener: Listener | None = None,
        *,
        threads: int,
    ) -> list[RunRecord]:
        """Run what `next_run` gives whenever a node is free; see `Executor.serve`.

        Raises:
            ConnectionError: if no node is left.
        """
        self._listener, self._records = listener or Listener(), []
        alone_since: float | None = None
        while self._under_way or self._waiting or self._take_next(next_run):
            self._deal(next_run)
            if self._cluster.nodes():
                alone_since = None
            elif self._cluster.coming():
                self._listener.waiting()
                alone_since = None
            else:
                alone_since = alone_since or time.monotonic()
                if time.monotonic() - alone_since > WITHOUT_NODES_SECONDS:
                    raise ConnectionError(
                        "no node of the cluster is left; the same command goes on"
                    )
            for node, messages in self._cluster.told(TOLD_SECONDS):
                if messages is None:
                    self._lose(node, "was lost")
                for message in messages or ():
                    self._take(node, message)
        return self._records

    def _take_next(self, next_run: Callable[[], RunConfig | None]) -> bool:
        """Whether there is another run, which then waits for a node."""
        if (config := next_run()) is not None:
            self._waiting.append(config)
        return bool(self._waiting)

    def stop(self, config: RunConfig) -> None:
        """Ask a run to end now; its record says what it reached and spent until then."""
        if found := self._under_way.get(config.digest):
            found.node.stop(config.model_dump_json())

    def _deal(self, next_run: Callable[[], RunConfig | None]) -> None:
        """Give runs to the nodes, first to those with the most free cores."""
        while (node := self._freest()) is not None:
            config = self._waiting.popleft() if self._waiting else next_run()
            if config is None:
                return
            sent = None
            if self._states.every is not None:
                sent = parcel.packed_checkpoint(self._store, config)
            self._under_way[config.digest] = _UnderWay(config, node, datetime.now(UTC))
            node.begin(config.model_dump_json(), parcel.earlier_records(self._store, config), sent)

    def _freest(self) -> Node | None:
        if self._order.jobs is not None and len(self._under_way) >= self._order.jobs:
            return None
        busy = Counter(run.node.name for run in self._under_way.values())
        free = {n.name: n.facts.jobs - busy[n.name] for n in self._cluster.nodes()}
        found = max(self._cluster.nodes(), key=lambda node: free[node.name], default=None)
        return found if found is not None and free[found.name] > 0 else None

    def _take(self, node: Node, message: Message) -> None:
        if isinstance(message, Broken):
            self._cluster.dismiss(node)
            self._lose(node, f"could not go on ({message.why})"[:200])
            return
        run = self._under_way.get(message.digest)
        if run is None or run.node is not node:
            return  # of a run that was given to another node since
        if isinstance(message, Began):
            if message.experiences is None:
                self._listener.started(run.config)
            else:
                self._listener.resumed(run.config, message.experiences)
        elif isinstance(message, Moved):
            self._listener.progressed(run.config, message.progress)
        elif isinstance(message, Kept):
            parcel.unpack_checkpoint(self._store, run.config, message.checkpoint)
            self._listener.kept(run.config)
        elif isinstance(message, Ended):
            del self._under_way[message.digest]
            if not message.goes_on:
                forget_cut(self._store, run.config)
            record = RunRecord.model_validate_json(message.record)
            self._finish(parcel.unpack(self._store, record, message.files))

    def _finish(self, record: RunRecord) -> None:
        self._records.append(record)
        self._listener.finished(record)

    def _lose(self, node: Node, why: str) -> None:
        """Write down what a node was at that is gone, and put it before all that waits."""
        for digest, run in list(self._under_way.items()):
            if run.node is not node:
                continue
            del self._under_way[digest]
            last = parcel.killed_in_vain(self._store, run.config) + 1 >= MOST_KILLS
            record = record_of_lost(
                run.config,
                node,
                why,
                attempt=self._store.attempts(run.config) + 1,
                began=run.given,
                command=self._command,
                last=last,
            )
            keep(self._store, record)
            if last:
                forget_cut(self._store, run.config)
                self._finish(record)
            else:
                self._waiting.append(run.config)
                self._listener.lost(run.config, node.name)
