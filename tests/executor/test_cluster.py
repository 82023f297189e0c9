"""Runs given to nodes that begin, end, die and come back as they like: nothing lost or twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.config.run_config import RunConfig
from bench.config.suite import Suite
from bench.executor import cluster as clusters
from bench.executor.cluster import ClusterExecutor
from bench.executor.listener import Listener
from bench.executor.node import Began, Broken, Ended, Facts, Order
from bench.executor.plan import plan
from bench.executor.verdict import MOST_KILLS
from bench.records import environment
from bench.records.schema import FINISHED, RunRecord
from bench.records.store import Store
from factories import make_record

CONFIGS = Suite(strategies=("naive", "replay"), budget="20steps", seeds=3).configs()


def facts(jobs: int) -> Facts:
    return Facts(jobs, environment.machine(), environment.versions(), None, None)


class FakeNode:
    """Does what `events` say, one after the other, each time that it is asked."""

    def __init__(self, name: str, jobs: int, events: list[str]) -> None:
        self.name, self.facts, self.events = name, facts(jobs), events
        self.given: list[tuple[RunConfig, int]] = []
        self.most = 0
        self.stopped: list[str] = []

    def begin(self, config, records, checkpoint):
        earlier = [RunRecord.model_validate_json(record) for record in records]
        assert all(record.status not in FINISHED for record in earlier)
        self.given.append((RunConfig.model_validate_json(config), len(earlier) + 1))
        self.most = max(self.most, len(self.given))

    def stop(self, config):
        self.stopped.append(RunConfig.model_validate_json(config).digest)

    def told(self):
        event = self.events.pop(0) if self.events else "end"
        if event == "die":
            return None
        if not self.given or event == "nothing":
            return []
        if event == "begin":
            return [Began(self.given[0][0].digest)]
        config, attempt = self.given.pop(0)
        record = make_record(config.strategy).model_copy(
            update={"config": config, "digest": config.digest, "attempt": attempt}
        )
        return [Ended(config.digest, record.model_dump_json(), {".log": b"said"}, False)]


class FakeCluster:
    """One node after the other is there: as many as `there` at once, from all there will be."""

    def __init__(self, nodes: list[FakeNode], there: int) -> None:
        self.here, self.to_come = nodes[:there], nodes[there:]

    def nodes(self):
        return list(self.here)

    def coming(self):
        return False

    def dismiss(self, node):
        self.here.remove(node)

    def told(self, seconds):
        found = [(node, node.told()) for node in self.here]
        for node, messages in found:
            if messages is None:
                self.here.remove(node)
                self.here += [self.to_come.pop(0)] if self.to_come else []
        return found


EVENTS = st.lists(st.sampled_from(["begin", "end", "nothing", "die"]), max_size=12)


@settings(deadline=None, max_examples=60)
@given(
    lives=st.lists(st.tuples(st.integers(1, 3), EVENTS), min_size=1, max_size=5),
    there=st.integers(1, 3),
    most=st.none() | st.integers(1, 4),
)
def test_whatever_nodes_do_every_run_ends_once_and_each_loss_has_a_record(lives, there, most):
    nodes = [FakeNode(f"n{i}", jobs, events) for i, (jobs, events) in enumerate(lives)]
    nodes.append(FakeNode("last", 2, []))  # one that never dies
    with TemporaryDirectory() as folder:
        store = Store(Path(folder))
        waiting = iter(CONFIGS)
        executor = ClusterExecutor(store, FakeCluster(nodes, there), Order(jobs=most))
        records = executor.serve(lambda: next(waiting, None), threads=1)
        stored, damaged = store.read()
        left = plan(CONFIGS, store).missing
    assert damaged == []
    assert left == []
    assert Counter(r.digest for r in records) == Counter(c.digest for c in CONFIGS)
    ended = [item.record for item in stored if item.record.status in FINISHED]
    assert sorted(r.digest for r in ended) == sorted(c.digest for c in CONFIGS)
    lost = [item.record for item in stored if "was lost" in (item.record.reason or "")]
    assert len(lost) == sum(len(node.given) for node in nodes)
    assert all(node.most <= min(node.facts.jobs, most or 3) for node in nodes)


def test_a_run_that_takes_every_node_with_it_is_an_error_in_the_end(tmp_path):
    nodes = [FakeNode(f"n{i}", 1, ["begin", "die"]) for i in range(MOST_KILLS)]
    told = []

    class Told(Listener):
        def lost(self, config, node):
            told.append(node)

    executor = ClusterExecutor(
        Store(tmp_path), FakeCluster([*nodes, FakeNode("x", 1, [])], 1), Order()
    )
    [record] = executor.run(CONFIGS[:1], Told())
    assert (record.status, record.attempt) == ("error", MOST_KILLS)
    assert record.reason == f"its node n4 was lost, as at each of {MOST_KILLS} attempts"
    assert told == ["n0", "n1", "n2", "n3"]


def test_without_any_node_a_command_waits_and_then_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(clusters, "WITHOUT_NODES_SECONDS", 0.0)
    executor = ClusterExecutor(
        Store(tmp_path), FakeCluster([FakeNode("n", 1, ["die"])], 1), Order()
    )
    with pytest.raises(ConnectionError, match="no node of the cluster is left"):
        executor.run(CONFIGS[:1])


def test_what_a_node_cannot_go_on_with_is_run_on_another(tmp_path):
    full, sound = FakeNode("n7", 1, []), FakeNode("n8", 1, [])
    full.told = lambda: [Broken("OSError: no space left on device")]
    store = Store(tmp_path)
    [record] = ClusterExecutor(store, FakeCluster([full, sound], 2), Order()).run(CONFIGS[:1])
    assert (record.status, record.attempt) == ("ok", 2)
    [lost] = [r.record for r in store.read()[0] if r.record.status == "infra_error"]
    assert lost.reason == "its node n7 could not go on (OSError: no space left on device)"


def test_nothing_to_run_waits_for_no_node(tmp_path):
    assert (
        ClusterExecutor(Store(tmp_path), FakeCluster([], 0), Order()).serve(lambda: None, threads=1)
        == []
    )


def test_attempts_of_earlier_calls_count_and_those_before_a_checkpoint_do_not(tmp_path):
    store, [config] = Store(tmp_path), CONFIGS[:1]
    lost = make_record(config.strategy, status="infra_error", reason="its node n was lost")
    for attempt in range(1, MOST_KILLS):
        store.write(
            lost.model_copy(update={"config": config, "digest": config.digest, "attempt": attempt})
        )
    dying = FakeCluster([FakeNode("n", 1, ["die"]), FakeNode("m", 1, [])], 1)
    [record] = ClusterExecutor(store, dying, Order()).run([config])
    assert (record.status, record.attempt) == ("error", MOST_KILLS)


def test_a_run_is_stopped_where_it_runs(tmp_path):
    node = FakeNode("n", 1, ["begin", "end"])
    executor = ClusterExecutor(Store(tmp_path), FakeCluster([node], 1), Order())

    class Stops(Listener):
        def started(self, config):
            executor.stop(config)

    executor.run(CONFIGS[:1], Stops())
    executor.stop(CONFIGS[0])  # it has ended: nobody is asked
    assert node.stopped == [CONFIGS[0].digest]
