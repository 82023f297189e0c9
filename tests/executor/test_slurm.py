"""A real Slurm of one node: records as on one machine, and nothing lost with a task."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock

from bench.config.executors import Place
from bench.config.suite import Suite
from bench.executor.executor import Executor
from bench.executor.listener import Listener
from bench.executor.run_suite import RunOptions, run_suite
from bench.executor.slurm_cluster import _remove_unless_held
from bench.records.store import Store
from command_line import usage_error

needs_slurm = pytest.mark.skipif("SLURM_CONF" not in os.environ, reason="no Slurm runs here")

SUITE = Suite(scenarios=("class",), strategies=("naive", "replay"), budget="60steps", seeds=2)


def results(records) -> dict:
    return {r.digest: (r.status, r.outcome, r.weights, r.cost.steps_by_experience) for r in records}


def queue() -> str:
    command = ["squeue", "--noheader", "--states=PENDING,RUNNING"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def slurm(*command: str) -> None:
    subprocess.run(command, check=True)


@needs_slurm
def test_a_suite_ends_in_the_queue_as_it_does_here(tmp_path, own_claims):
    here = run_suite(SUITE, Store(tmp_path / "here"))
    store = Store(tmp_path / "there")
    place = Place(executor="slurm", slurm={"partition": "main", "time": "10"})
    there = run_suite(SUITE, store, RunOptions(jobs=2, place=place))
    assert results(there) == results(here)
    assert run_suite(SUITE, store, RunOptions(jobs=2, place=place)) != []
    assert [path.name for path in store.root.iterdir()] == ["split-digits-class"]


class CancelsAndRequeues(Listener):
    """Ends the task of one run, and sends that of another back into the queue.

    Each once all that is under way, at first two runs, has a checkpoint to go on from.
    """

    def __init__(self) -> None:
        self.todo = ["requeue", "cancel"]
        self.running, self.kept_runs = set(), set()
        self.lost_runs, self.resumed_runs = [], []

    def started(self, config):
        self.running.add(config.digest)

    def resumed(self, config, experiences):
        self.running.add(config.digest)
        self.resumed_runs.append(config.digest)

    def kept(self, config):
        self.kept_runs.add(config.digest)
        if len(self.running) >= len(self.todo) > 0 and self.running <= self.kept_runs:
            array, *_ = {line.split("_")[0] for line in queue().split() if "_" in line}
            what, task = self.todo.pop(), len(self.todo)
            how = ("scontrol", "requeue") if what == "requeue" else ("scancel",)
            slurm(*how, f"{array}_{task}")

    def lost(self, config, node):
        self.running.discard(config.digest)
        self.lost_runs.append(config.digest)

    def finished(self, record):
        self.running.discard(record.digest)


@needs_slurm
def test_what_a_cancelled_and_a_requeued_task_were_at_goes_on(tmp_path, own_claims, every_core):
    suite = Suite(
        scenarios=("class",), model="mlp", strategies=("replay",), budget="3000steps", seeds=4
    )
    whole = Executor(Store(tmp_path / "here"), jobs=2).run(suite.configs())
    store, listener = Store(tmp_path / "there"), CancelsAndRequeues()
    options = RunOptions(jobs=2, place=Place(executor="slurm"), checkpoint=0.0)
    records = run_suite(suite, store, options, listener=listener)
    assert results(records) == results(whole)
    assert listener.todo == []
    assert len(listener.lost_runs) == 2
    assert sorted(listener.resumed_runs) == sorted(listener.lost_runs)
    stored, damaged = store.read()
    assert damaged == []
    assert sorted(item.record.status for item in stored) == ["infra_error"] * 2 + ["ok"] * 4


@needs_slurm
def test_what_the_queue_refuses_is_told_before_any_run(tmp_path):
    place = Place(executor="slurm", slurm={"partition": "nowhere"})
    with pytest.raises(ValueError, match=r"Slurm refuses \(sbatch\): .*partition"):
        run_suite(SUITE, Store(tmp_path), RunOptions(place=place))
    assert list(tmp_path.rglob("*.json")) == []
    assert queue() == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--slurm", "time=5"), "--slurm must be given with --executor slurm"),
        (("--executor", "slurm", "--slurm", "Time=5"), "--slurm must be name=value,name=value"),
        (("--executor", "slurm", "--slurm", "clusters=a"), "got 'clusters'"),
        (("--executor", "slurm", "--slurm", "array=1"), "got 'array'"),
        (("--executor", "slurm", "--slurm", "--wrap=rm"), "got '--wrap=rm'"),
    ],
)
def test_wrong_options_are_told_at_once(monkeypatch, capsys, tmp_path, arguments, told):
    said = usage_error(
        monkeypatch, capsys, "run", "--strategy", "naive", "--out", str(tmp_path), *arguments
    )
    assert told in " ".join(said.split())


def test_without_slurm_a_sentence_says_so(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("PATH", str(Path("/nowhere")))
    arguments = ("--strategy", "naive", "--out", str(tmp_path), "--executor", "slurm")
    assert "there is no `sbatch`" in usage_error(monkeypatch, capsys, "run", *arguments)


def test_options_of_sbatch_are_read_with_commas_in_their_values():
    place = Place(executor="slurm", slurm=["partition=a,b,time=60", "exclusive"])
    assert place.slurm == {"partition": "a,b", "time": "60", "exclusive": ""}


def test_only_what_a_dead_command_has_left_is_removed(tmp_path):
    held, left = tmp_path / ".slurm-1", tmp_path / ".slurm-2"
    held.mkdir()
    left.mkdir()
    with FileLock(held / "lock", timeout=0):
        for folder in (held, left):
            _remove_unless_held(folder)
    assert [path.name for path in tmp_path.iterdir()] == [".slurm-1"]
