"""Runs in processes of their own: failures become rows, and what was finished is kept."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from bench.config.budget import Budget
from bench.config.run_config import RunConfig
from bench.config.suite import Suite
from bench.executor.executor import Executor
from bench.executor.listener import Listener
from bench.executor.plan import plan
from bench.executor.processes import server_id
from bench.records.store import Store
from command_line import alive, bench, family, run, usage_error


def config(strategy: str, budget: str = "20steps", **options) -> RunConfig:
    return RunConfig(
        benchmark="split-digits",
        scenario="task",
        model="mlp",
        strategy=strategy,
        budget=Budget.parse(budget),
        **options,
    )


@pytest.mark.parametrize(
    ("strategy", "status", "reason"),
    [
        ("rogues:Crash", "error", "RuntimeError: the third wheel came off"),
        ("rogues:RunOut", "oom", "MemoryError: cannot allocate 1 TiB"),
        ("rogues:Diverge", "diverged", "weights are not finite after experience 0"),
        (
            "rogues:DivergeAndFail",
            "diverged",
            "weights are not finite, on which ValueError: inputs must be finite",
        ),
        (
            "rogues:Overflow",
            "diverged",
            "outputs are not finite, on which ValueError: outputs must be finite",
        ),
        ("rogues:Segfault", "error", "crashed with signal 11 (SIGSEGV)"),
        ("rogues:Exit", "error", "SystemExit: 0"),
        ("rogues:Vanish", "error", "ended its process with exit code 0 and left no report"),
        (
            "rogues:Moonlight",
            "error",
            "UnchargedWork: threads run on while the clock stands still: moonlight",
        ),
    ],
)
def test_a_failing_run_is_a_row_with_its_reason(tmp_path, strategy, status, reason):
    [record] = Executor(Store(tmp_path)).run([config(strategy)])
    assert (record.status, record.reason) == (status, reason)
    [stored], damaged = Store(tmp_path).read()
    assert stored.record == record
    assert not damaged


def test_the_traceback_of_a_failure_lies_beside_its_record(tmp_path):
    store = Store(tmp_path)
    Executor(store).run([config("rogues:Crash")])
    log = store.path(config("rogues:Crash"), 1).with_suffix(".log")
    assert "the third wheel came off" in log.read_text()


def test_what_cannot_be_built_is_refused_with_its_place(tmp_path):
    store = Store(tmp_path)
    todo = plan([config("rogues:CrashAtStart")], store)
    [refusal] = Executor(store).refusals(todo)
    assert re.fullmatch(r"RuntimeError: no wheel at all \(rogues.py, line \d+\)", refusal.reason)


def test_others_go_on_beside_a_failure(tmp_path):
    records = Executor(Store(tmp_path)).run([config("rogues:Crash"), config("naive")])
    assert sorted(record.status for record in records) == ["error", "ok"]


def test_the_watchdog_ends_a_run_that_hangs_and_says_where(tmp_path):
    [record] = Executor(Store(tmp_path), timeout=8.0).run([config("rogues:Hang")])
    assert record.status == "timeout"
    assert re.fullmatch(
        "killed by the watchdog: it did not end in time; it was stuck in "
        r"tests/support/rogues.py, line \d+, in _after_training_iteration",
        record.reason,
    )


def test_without_a_minibatch_a_budget_of_steps_ends(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.executor.executor.SILENT_SECONDS", 8.0)
    [record] = Executor(Store(tmp_path)).run([config("rogues:HangBefore")])
    assert record.status == "timeout"
    assert "no minibatch for 8 s; it was stuck in tests/support/rogues.py" in record.reason


def test_minibatches_keep_a_budget_of_steps_alive(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.executor.executor.SILENT_SECONDS", 10.0)
    [record] = Executor(Store(tmp_path)).run([config("rogues:Dawdle", "25steps")])
    assert record.status == "ok"


def test_a_strategy_that_is_never_built_is_refused_with_the_line_it_was_at(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.executor.executor.CHECK_SECONDS", 5.0)
    todo = plan([config("rogues:HangWhenMade")], Store(tmp_path))
    place = r"stuck in tests/support/rogues.py, line \d+, in __init__"
    with pytest.raises(ValueError, match=f"must be built within 5 s, took longer; it was {place}"):
        Executor(Store(tmp_path)).refusals(todo)


def test_a_run_that_charges_more_than_its_tolerance_is_an_overrun(tmp_path):
    [record] = Executor(Store(tmp_path)).run([config("rogues:Overdraw", "1s")])
    assert record.status in ("overrun", "infra_error")  # the machine may be busy
    assert record.cost.charged > 1.01


def test_work_in_hooks_after_training_is_charged_and_shown(tmp_path):
    [record] = Executor(Store(tmp_path)).run([config("rogues:WorkAfterwards", "2s")])
    assert record.cost.seconds_by_kind["hooks"] >= 0.5  # 5 experiences of 0.1 s
    assert record.cost.charged == pytest.approx(2.0, rel=0.1)  # the machine may be busy


def test_equal_configurations_give_equal_records_on_the_steps_clock(tmp_path):
    first, second = (
        Executor(Store(tmp_path / name)).run([config("packnet-frozen", "60steps")])[0]
        for name in ("a", "b")
    )
    assert first.outcome == second.outcome
    assert first.weights == second.weights
    assert first.cost.steps == second.cost.steps == {"train": 60, "offline": 0}


def test_a_record_says_where_the_time_went_and_with_what(tmp_path):
    [record] = Executor(Store(tmp_path)).run([config("ewc", "100steps")])
    cost = record.cost
    assert record.status == "ok"
    assert sum(cost.seconds_by_kind.values()) == pytest.approx(cost.wall_seconds, rel=0.05)
    assert 0 < cost.median_step <= cost.longest_step
    assert sum(cost.charged_by_experience) == pytest.approx(cost.charged)
    assert cost.seconds_by_kind["train"] > 0
    assert cost.seconds_by_kind["data"] > 0
    assert set(cost.uncharged_seconds) == {"data", "model", "warm_up", "evaluation"}
    assert record.environment.versions.keys() >= {"python", "torch", "avalanche-lib"}
    assert record.environment.data_hash
    assert record.resolved["ewc_lambda"] == 100.0


def test_an_overrun_on_cores_that_others_used_is_the_machines_fault():
    from bench.executor.child import overdrawn  # imports torch

    wall, cpu = Budget.parse("10s"), Budget.parse("10s", "cpu")
    assert overdrawn(0.05, 10.5, wall)[0] == "overrun"
    assert overdrawn(0.5, 10.5, wall) == (
        "infra_error", "charged 105% of the budget, while others used its cores for 50% of its time"
    )  # fmt: skip
    # half of the time on its own cores would not have been enough
    assert overdrawn(0.5, 30.0, wall)[0] == "overrun"
    assert overdrawn(0.5, 12.0, cpu)[0] == "infra_error"
    assert overdrawn(0.5, 15.0, cpu) == ("overrun", "charged 150% of the budget")
    assert overdrawn(0.0, 9.0, wall) == (
        "overrun",
        "charged 90% of the budget, and nights were longer than those after them could repay",
    )  # fmt: skip


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="needs /proc/self/schedstat")
def test_a_process_knows_how_long_it_waited_for_its_core():
    from bench.records.environment import waited_seconds

    work = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\nwhile True: pass"
    rival = subprocess.Popen([sys.executable, "-c", work])
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(mine)})
    try:
        before, until = waited_seconds(), time.monotonic() + 1.0
        while time.monotonic() < until:
            pass
        assert waited_seconds() - before > 0.1
    finally:
        os.sched_setaffinity(0, mine)
        rival.kill()
        rival.wait()


def test_resume_does_only_what_is_missing(tmp_path):
    store = Store(tmp_path)
    configs = [config("naive"), config("naive", repetition=1)]
    Executor(store).run(configs[:1])
    todo = plan(configs, store)
    assert todo.missing == configs[1:]
    assert [record.config for record in todo.done] == configs[:1]


def test_a_failed_run_is_kept_unless_a_retry_is_asked_for(tmp_path):
    store = Store(tmp_path)
    Executor(store).run([config("rogues:Crash")])
    assert plan([config("rogues:Crash")], store).missing == []
    assert plan([config("rogues:Crash")], store, frozenset({"error"})).missing != []
    [again] = Executor(store).run([config("rogues:Crash")])
    assert again.attempt == 2


def test_a_changed_ruleset_is_refused_by_name(tmp_path, monkeypatch):
    store = Store(tmp_path)
    Executor(store).run([config("naive")])
    monkeypatch.setattr("bench.executor.plan.RULESET", "99")
    with pytest.raises(ValueError, match=r"ruleset differs .* 2.0 there, 99 here"):
        plan([config("naive")], store)


def test_too_many_jobs_are_refused_with_the_number_of_cores(tmp_path):
    with pytest.raises(ValueError, match="jobs x threads must be at most"):
        Executor(Store(tmp_path), jobs=1000).run([config("naive")])


def test_seeds_come_before_strategies_and_strategies_are_shuffled():
    suite = Suite(scenarios=("task",), seeds=3)
    order = plan(suite.configs(), Store(Path("nowhere"))).missing
    assert [c.repetition for c in order] == sorted(c.repetition for c in order)
    by_seed = [[c.strategy for c in order if c.repetition == r] for r in range(3)]
    assert len({tuple(names) for names in by_seed}) > 1
    assert len({frozenset(names) for names in by_seed}) == 1


def mapped(pid: int) -> str:
    """The files that a process has in its memory; none if it has ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/maps").read_text()
    return ""


def outcomes(folder: Path) -> dict[str, object]:
    return {
        item.record.digest: (item.record.outcome, item.record.weights)
        for item in Store(folder).read()[0]
    }


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc to find the process tree")
def test_kill_9_of_the_whole_tree_loses_nothing_that_was_finished(tmp_path):
    command = ["run", "--strategy", "naive,rogues:Slow", "--budget", "40steps", "--seeds", "2"]
    process = bench(*command, "--out", str(tmp_path / "cut"))
    deadline = time.monotonic() + 300
    while len(outcomes(tmp_path / "cut")) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in family(process.pid):
        with suppress(ProcessLookupError):  # it may have ended since it was listed
            os.kill(pid, signal.SIGKILL)
    process.communicate()
    finished = outcomes(tmp_path / "cut")
    assert 2 <= len(finished) < 4
    for item in Store(tmp_path / "cut").read()[0]:
        command_line = item.record.environment.command
        assert command_line.startswith("python -m bench run --strategy naive,rogues:Slow --budget")
    assert f"{len(finished)} done" in run(*command, "--out", str(tmp_path / "cut"))
    run(*command, "--out", str(tmp_path / "whole"))
    assert outcomes(tmp_path / "cut") == outcomes(tmp_path / "whole")


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc to find the process tree")
def test_a_killed_server_is_the_machines_fault_and_its_run_is_made_again(tmp_path):
    killed: list[int] = []

    class KillTheServer(Listener):
        def progressed(self, config: RunConfig, progress: object) -> None:
            if not killed:
                killed.append(server_id())
                os.kill(killed[0], signal.SIGKILL)

    wanted = [config("rogues:Slow"), config("naive")]
    lost, after = Executor(Store(tmp_path)).run(wanted, KillTheServer())
    assert (lost.status, lost.reason) == (
        "infra_error", "the server that runs are forked from was killed"
    )  # fmt: skip
    assert after.status == "ok"  # by another server
    assert server_id() != killed[0]
    assert plan(wanted, Store(tmp_path)).missing == [wanted[0]]
    (again,) = Executor(Store(tmp_path)).run([wanted[0]])
    assert (again.status, again.attempt) == ("ok", 2)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc to find the process tree")
def test_a_folder_is_one_calls_and_interrupting_it_keeps_what_is_finished(
    tmp_path, monkeypatch, capsys
):
    process = bench(
        "run", "--strategy", "naive", "--budget", "1000000steps", "--out", str(tmp_path)
    )
    assert any("0 done, 1 to go" in line for line in process.stdout)
    error = usage_error(
        monkeypatch, capsys,
        "run", "--strategy", "naive", "--budget", "10steps", "--out", str(tmp_path),
    )  # fmt: skip
    assert "another run is at work" in error
    tree = family(process.pid)
    holding_torch = [pid for pid in tree if "libtorch" in mapped(pid)]
    assert holding_torch  # the server of the runs and the run
    assert process.pid not in holding_torch
    os.kill(process.pid, signal.SIGINT)
    output = process.communicate()[0]
    assert process.returncode == 130
    assert "the same command goes on" in output
    assert Store(tmp_path).read() == ([], [])
    deadline = time.monotonic() + 20
    while any(alive(pid) for pid in tree) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in tree if alive(pid)]
