"""The referee against cheats on processes and clocks: what each tries, and what its record says."""

from __future__ import annotations

import time

import psutil
import pytest

from bench.config.budget import Budget
from bench.config.run_config import RunConfig
from bench.executor.executor import Executor, Listener
from bench.executor.verdict import MOST_KILLS
from bench.records.store import Store


def config(strategy: str, budget: str = "60steps") -> RunConfig:
    return RunConfig(
        benchmark="split-digits", scenario="class", model="mlp", strategy=strategy,
        budget=Budget.parse(budget),
    )  # fmt: skip


UNSEEN = "what it told of itself cannot be: "


@pytest.mark.parametrize(
    ("cheat", "budget", "reason"),
    [
        ("KillsItself", "60steps", "EndsItself: a strategy must not end its own process"),
        ("KillsItsGroup", "60steps", "EndsItself: a strategy must not end its own process"),
        ("KillsItsServer", "60steps", "EndsItself: a strategy must not end its own process or one"),
        ("SlowsEveryClock", "0.5s", f"{UNSEEN}a run must account for its time, told "),
        ("TellsItsOwnReport", "60steps", f"{UNSEEN}status ok needs cost, outcome and weights"),
    ],
)
def test_it_is_the_fault_of_the_strategy(tmp_path, cheat, budget, reason):
    [record] = Executor(Store(tmp_path)).run([config(f"process_cheats:{cheat}", budget)])
    assert record.status == "error"
    assert record.reason.startswith(reason)


def test_what_always_ends_as_if_it_was_killed_is_at_last_its_own_fault(tmp_path):
    executor, cheat = Executor(Store(tmp_path)), config("process_cheats:KillsItselfInC")
    records = [executor.run([cheat])[0] for _ in range(MOST_KILLS)]
    assert [record.status for record in records] == ["killed"] * (MOST_KILLS - 1) + ["error"]
    assert records[-1].reason == "ended from outside by signal 9, as at each of 5 attempts"


def test_what_a_run_leaves_behind_ends_with_it(tmp_path):
    [record] = Executor(Store(tmp_path)).run([config("process_cheats:LeavesADaemon")])
    assert record.reason == "RuntimeError: it has left something"
    running = [process.info["cmdline"] for process in psutil.process_iter(["cmdline"])]
    assert ["sleep", "4321"] not in running


def test_a_record_tells_what_the_run_took_from_outside(tmp_path):
    began = time.monotonic()
    [record] = Executor(Store(tmp_path)).run([config("naive")], Listener())
    took = time.monotonic() - began
    assert record.cost.accounted_seconds < record.outside.wall_seconds < took
    assert record.cost.cpu_seconds < record.outside.cpu_seconds
