"""A real Ray cluster of two nodes: records as on one machine, and nothing lost with a node."""

from __future__ import annotations

import os
import re
import signal
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.api import load_network
from bench.config.executors import Place
from bench.config.suite import Suite
from bench.executor.cores import Cores
from bench.executor.executor import Executor
from bench.executor.listener import Listener
from bench.executor.node import Facts, Order
from bench.executor.ray_cluster import RayCluster, RayNode
from bench.executor.run_suite import RunOptions, run_suite
from bench.executor.site import open_site
from bench.records.store import Store
from bench.study import run_study
from bench.study.folder import Folder
from bench.study.study import Study
from command_line import alive, bench, family, usage_error

SUPPORT = str(Path(__file__).parents[1] / "support")

PATIENCE = {
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "30000",
    "RAY_health_check_failure_threshold": "10",
}
"""A dead node is told by ten refusals, and a busy machine is none."""

SUITE = Suite(
    scenarios=("class",), strategies=("replay", "rogues:Crash", "packnet-inferred"),
    budget="60steps", seeds=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def cluster(own_claims):
    """One with a node for this machine, and one more, each with a core."""
    made_of = pytest.importorskip("ray.cluster_utils", reason="Ray is not installed")
    if "SLEEPBENCH_RAY" not in os.environ:
        pytest.skip("Ray changes how its process answers signals: set SLEEPBENCH_RAY, run it alone")
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count()))
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("two nodes need a core each")
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (SUPPORT, before)))
    os.environ.update(PATIENCE)
    made = made_of.Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    made.add_node(num_cpus=1)
    yield made
    made.shutdown()
    os.environ["PYTHONPATH"] = before
    for name in PATIENCE:
        del os.environ[name]
    os.sched_setaffinity(0, own)


@pytest.fixture
def two_nodes(cluster):
    """The cluster, with its second node anew if a test has killed it."""
    while len(cluster.list_all_nodes()) < 2:
        cluster.add_node(num_cpus=1)
    return cluster


def on_ray(cluster, **options) -> RunOptions:
    return RunOptions(place=Place(executor="ray", address=cluster.address), **options)


def results(records) -> dict:
    return {r.digest: (r.status, r.outcome, r.weights, r.cost.steps_by_experience) for r in records}


def test_a_suite_ends_on_two_nodes_as_it_does_here_and_is_not_run_again(
    two_nodes, tmp_path, own_claims, monkeypatch
):
    here, answered = run_suite(SUITE, Store(tmp_path / "here")), signal.getsignal(signal.SIGTERM)
    store = Store(tmp_path / "there")
    there = run_suite(SUITE, store, on_ray(two_nodes, command="python -m bench run", save=True))
    assert results(here) == results(there)
    assert {r.environment.fingerprint for r in here + there} == {here[0].environment.fingerprint}
    assert {r.environment.command for r in there} == {"python -m bench run"}
    assert signal.getsignal(signal.SIGTERM) == answered  # Ray would end a command in its own way
    again = run_suite(SUITE, store, on_ray(two_nodes))
    assert {r.digest: r for r in again} == {r.digest: r for r in there}
    monkeypatch.setattr(tempfile, "tempdir", str(own_claims))
    claim = Cores()
    claim.claim(1000)
    assert claim.claimed == os.sched_getaffinity(0)  # the nodes have given theirs back
    claim.release()
    names = ("replay", "rogues:Crash")
    ok, crashed = (next(r for r in there if r.config.strategy == name) for name in names)
    assert load_network(store.path_of(ok)) is not None
    assert "the third wheel came off" in store.path_of(crashed).with_suffix(".log").read_text()


def test_a_module_that_a_node_has_not_is_refused_before_any_run(two_nodes, tmp_path, monkeypatch):
    (tmp_path / "only_here.py").write_text("from rogues import Crash\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    suite = Suite(strategies=("only_here:Crash",), budget="60steps")
    with pytest.raises(ValueError, match=r"node .*: strategy 'only_here:Crash' cannot be imported"):
        run_suite(suite, Store(tmp_path / "runs"), on_ray(two_nodes))


class KillsTheSecondNode(Listener):
    """Ends a node once each of the runs under way has a checkpoint."""

    def __init__(self, cluster) -> None:
        self.cluster, self.victim = cluster, None
        self.running, self.saved = set(), set()
        self.lost_runs, self.resumed_after = [], []

    def started(self, config):
        self.running.add(config.digest)

    def finished(self, record):
        self.running.discard(record.digest)

    def kept(self, config):
        self.saved.add(config.digest)
        if self.victim is None and len(self.running) == 2 and self.running <= self.saved:
            self.victim = self.cluster.list_all_nodes()[-1]
            self.cluster.remove_node(self.victim, allow_graceful=False)

    def lost(self, config, node):
        self.lost_runs.append(config.digest)

    def resumed(self, config, experiences):
        self.resumed_after.append(experiences)


def test_what_a_dead_node_was_at_goes_on_elsewhere_and_nothing_is_run_twice(two_nodes, tmp_path):
    suite = Suite(
        scenarios=("class",), model="mlp", strategies=("replay",), budget="6000steps", seeds=3
    )
    whole = Executor(Store(tmp_path / "here"), jobs=2).run(suite.configs())
    killer = KillsTheSecondNode(two_nodes)
    store = Store(tmp_path / "there")
    records = run_suite(suite, store, on_ray(two_nodes, checkpoint=0.0), listener=killer)
    assert results(records) == results(whole)
    stored, damaged = store.read()
    assert damaged == []
    [lost] = [item.record for item in stored if item.record.status == "infra_error"]
    assert len(stored) == 4
    assert killer.lost_runs == [lost.digest]
    assert re.fullmatch(r"its node .* was lost", lost.reason)
    assert killer.resumed_after[0] >= 1
    assert [r.cuts for r in records if r.digest == lost.digest] == [1]
    assert list(store.root.rglob("*.checkpoint*")) == []


def test_a_study_searches_there(two_nodes, tmp_path, capsys):
    from rich.console import Console

    study = Study.of({
        "strategy": "replay", "budget": "60steps", "clock": "steps",
        "space": {"mem_size": "8:64"},
    })  # fmt: skip
    place = Place(executor="ray", address=two_nodes.address)
    options = run_study.SearchOptions(trials=3, place=place)
    assert run_study.run_studies([study], [Folder(tmp_path)], options, Console()) == [None]
    assert len(Folder(tmp_path).trials()[0]) == 3


def test_a_killed_command_leaves_no_run_behind(two_nodes, tmp_path):
    arguments = ("--strategy", "naive", "--budget", "100000steps", "--out", str(tmp_path))
    command = bench("run", *arguments, "--executor", "ray", "--address", two_nodes.address)
    seen = _wait_for(lambda: _servers_and_runs(two_nodes))
    os.kill(command.pid, signal.SIGKILL)
    command.wait()
    _wait_for(lambda: not any(alive(pid) for pid in seen))


def test_a_request_to_end_is_answered_as_without_ray(two_nodes, tmp_path):
    arguments = ("--strategy", "naive", "--budget", "100000steps", "--out", str(tmp_path))
    command = bench("run", *arguments, "--executor", "ray", "--address", two_nodes.address)
    seen = _wait_for(lambda: _servers_and_runs(two_nodes))
    command.send_signal(signal.SIGTERM)
    output = command.communicate(timeout=60)[0]
    assert "the same command goes on" in output, output
    assert command.returncode == 130
    _wait_for(lambda: not any(alive(pid) for pid in seen))


def _servers_and_runs(cluster) -> list[int]:
    """On the nodes of a cluster; none before a run has begun."""
    raylets = [node.all_processes["raylet"][0].process.pid for node in cluster.list_all_nodes()]
    found = [p for raylet in raylets for p in family(raylet) if "preload" in _command_of(p)]
    return found if len(found) > len(raylets) else []


def _command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def _wait_for(found, seconds: float = 180.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if value := found():
            return value
        time.sleep(0.1)
    raise AssertionError("it did not come")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--address", "127.0.0.1:1"), "--address must be given with --executor ray"),
        (
            ("--executor", "ray", "--address", "127.0.0.1:1"),
            "--address must be host:port of the head of a Ray cluster, got 127.0.0.1:1",
        ),
        (("--executor", "ray", "--address", "nonsense"), "must be host:port of the head"),
        (("--executor", "kubernetes"), "'local', 'ray'"),
    ],
)
def test_what_cannot_be_reached_is_told_at_once(monkeypatch, capsys, tmp_path, arguments, told):
    began = time.monotonic()
    said = usage_error(
        monkeypatch, capsys, "run", "--strategy", "naive", "--out", str(tmp_path), *arguments
    )
    assert told in " ".join(said.split())
    assert time.monotonic() - began < 10
    assert list(tmp_path.rglob("*.json")) == []


def test_without_ray_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with (
        pytest.raises(ValueError, match=r'pip install "sleepbench\[ray\]"'),
        open_site(Place(executor="ray"), RunOptions().order(SUITE), tmp_path),
    ):
        pass


def test_timed_runs_keep_to_one_kind_of_machine():
    ended = []
    cluster = RayCluster(Order(), None)
    cluster._ray = SimpleNamespace(kill=ended.append, exceptions=SimpleNamespace(RayError=OSError))
    for name, cpu, jobs in (("a", "old", 4), ("b", "new", 2), ("c", "new", 3)):
        node = RayNode(name, agent=name, key=name)
        node.facts = Facts(jobs, {"cpu": cpu}, {}, None, None)
        cluster._at_work.append(node)
    old = cluster._at_work[0].facts.fingerprint
    assert cluster.jobs == 9
    assert cluster.choose_kind({"unheard of"}) == cluster._at_work[0].facts.fingerprint != old
    assert ([node.name for node in cluster.nodes()], ended) == (["b", "c"], ["a"])
    assert cluster.jobs == 5


def test_timed_runs_go_where_the_records_were_made():
    cluster = RayCluster(Order(jobs=1), None)
    cluster._ray = SimpleNamespace(kill=print, exceptions=SimpleNamespace(RayError=OSError))
    for name, jobs in (("a", 4), ("b", 2)):
        node = RayNode(name, agent=name, key=name)
        node.facts = Facts(jobs, {"cpu": name}, {}, None, None)
        cluster._at_work.append(node)
    known = cluster._at_work[1].facts.fingerprint
    assert cluster.choose_kind({known}) == known
    assert [node.name for node in cluster.nodes()] == ["b"]
    assert cluster.jobs == 1
