"""The referee against cheats on processes and clocks: what each tries, and what its record says."""

from __future__ import annotations

import time

import psutil
import pytest

from bench.config.budget import Budget
from bench.config.run_config import RunConfig
from bench.executor.executor import Executor
from bench.executor.listener import Listener
from bench.executor.verdict import MOST_KILLS
from bench.records.store import Store
from bench.runner.ready import build


def config(strategy: str, budget: str = "60steps") -> RunConfig:
    return RunConfig(
        benchmark="split-digits", scenario="class", model="mlp", strategy=strategy,
        budget=Budget.parse(budget),
    )  # fmt: skip


SIGNALS = "SignalsOthers: a strategy must send signals to what it has started alone"
LOOKED_AT = "UnchargedWork: being looked at between experiences took "
UNSEEN = "what it told of itself cannot be: "


NO_FILE = ("OSError: [Errno 24] Too many open files", "FileNotFoundError: [Errno 2] No such file")


@pytest.mark.parametrize(
    ("cheat", "budget", "reason"),
    [
        ("KillsItself", "60steps", SIGNALS),
        ("KillsItsGroup", "60steps", SIGNALS),
        ("KillsItsServer", "60steps", SIGNALS),
        ("InterruptsTheCommand", "60steps", SIGNALS),
        ("AsksToBeStopped", "60steps", "it stopped as if it had been asked to, which it was not"),
        ("BlamesTheData", "60steps", "DataError: the file is damaged"),
        ("WorksByTimer", "60steps", LOOKED_AT),
        ("SwapInFile", "60steps", NO_FILE),
        ("SlowsEveryClock", "0.5s", f"{UNSEEN}a run must account for its time, told "),
        ("TellsItsOwnReport", "60steps", f"{UNSEEN}status ok needs cost, outcome and weights"),
    ],
)
def test_it_is_the_fault_of_the_strategy(tmp_path, cheat, budget, reason):
    [record] = Executor(Store(tmp_path)).run([config(f"process_cheats:{cheat}", budget)])
    assert record.status == "error"
    assert record.reason.startswith(reason)


@pytest.mark.parametrize(
    ("cheat", "reason"),
    [
        ("WorksInNewArguments", "WithArguments with __getnewargs__ of its own"),
        ("WorksWhenSaved", "Pupil with __getattribute__ of its own"),
    ],
)
def test_what_says_itself_how_it_is_saved_is_refused(cheat, reason):
    with pytest.raises(ValueError, match=reason):
        build(config(f"process_cheats:{cheat}"), None)


def test_a_report_of_other_settings_ends_its_run_and_no_command(tmp_path):
    settings = {"hyperparameters": {"learning_rate": 0.05}}
    cheat = config("process_cheats:TellsOtherSettings").model_copy(update=settings)
    told, honest = Executor(Store(tmp_path)).run([cheat, config("naive")])
    assert told.reason == f"{UNSEEN}resolved learning_rate must be 0.05, got 9.0"
    assert (told.status, told.resolved, honest.status) == ("error", {"learning_rate": 0.05}, "ok")


def test_a_server_that_is_always_killed_is_at_last_the_fault_of_the_run(tmp_path):
    cheat = config("process_cheats:ServerKilledByAnother")
    records = [Executor(Store(tmp_path)).run([cheat])[0] for _ in range(MOST_KILLS)]
    assert [r.status for r in records] == ["infra_error"] * (MOST_KILLS - 1) + ["error"]


def test_files_that_a_run_puts_among_the_records_stop_nobody(tmp_path):
    store, honest = Store(tmp_path), config("naive")
    sat_on = store.path(honest, 1)
    (sat_on / "inside").mkdir(parents=True)
    sat_on.with_name(f"{sat_on.stem.rpartition('-')[0]}-x.json").write_text("no number")
    [record] = Executor(store).run([honest])
    assert (record.status, record.attempt) == ("ok", 2)
    assert [item.record for item in store.read()[0]] == [record]


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
