"""Loggers are told what runs tell; one that fails, or hangs, changes nothing else."""

from __future__ import annotations

import inspect
import tempfile
import threading
import time
from pathlib import Path

import pandas as pd
import pytest

from bench.config.budget import Budget
from bench.config.run_config import RunConfig
from bench.config.suite import Suite
from bench.executor import logged
from bench.executor.listener import Listener, Listeners
from bench.executor.logged import POINTS, Log
from bench.executor.run_suite import RunOptions, run_suite
from bench.loggers.logger import Logger
from bench.records.store import LOGS, Store
from bench.runner.progress import Progress
from command_line import usage_error
from factories import make_record

SUITE = Suite(scenarios=("class",), model="mlp", strategies=("replay",), budget="300steps")
CONFIG = RunConfig(
    benchmark="split-digits", scenario="class", strategy="replay", model="mlp",
    budget=Budget.parse("2s"),
)  # fmt: skip


class Notes(Logger):
    """Keeps what it is told."""

    def __init__(self):
        self.told = []

    def begin(self, run, charged):
        self.told.append(("begin", charged))

    def log(self, run, charged, values):
        self.told.append(("log", charged, dict(values)))

    def end(self, run, status):
        self.told.append(("end", status))

    def close(self):
        self.told.append("close")


class Fails(Notes):
    def __init__(self, when):
        super().__init__()
        setattr(self, when, self.fail)

    def fail(self, *_):
        raise OSError("no space left")


class Hangs(Notes):
    """Until the test lets it go."""

    def __init__(self):
        super().__init__()
        self.gone = threading.Event()

    def log(self, run, charged, values):
        self.gone.wait(60)


class Warned(Listener):
    def __init__(self):
        self.warnings = []

    def warned(self, what):
        self.warnings.append(what)


def notes_of(events) -> list:
    """What one logger is told when these things happen to runs of `CONFIG`."""
    notes, warned = Notes(), Warned()
    log = Log({"notes": notes}, warned.warned, home="f00d")
    for event, *what in events:
        getattr(log, event)(*what)
    log.close(60)
    assert warned.warnings == []
    return notes.told


def test_a_point_is_logged_at_each_hundredth_and_the_matrix_after_each_experience():
    many = [("progressed", CONFIG, Progress(0, 2, i / 1000, None)) for i in range(500)]
    after = Progress(1, 2, 0.5, 0.8, 0.25, (0.8, 0.1))
    told = notes_of([("started", CONFIG), *many, ("progressed", CONFIG, after)])
    assert told[0] == ("begin", 0.0)
    assert len(told) == 1 + POINTS // 2 + 1 + 2
    assert told[-3] == ("log", 1.0, {
        "accuracy_on/1": 0.8, "accuracy_on/2": 0.1, "accuracy": 0.8, "weights": 0.25,
        "experience": 1,
    })  # fmt: skip
    assert told[-2:] == [("end", "killed"), "close"]


def test_a_resumed_run_tells_its_last_evaluation_again_and_a_lost_one_begins_again():
    told = notes_of([
        ("started", CONFIG),
        ("resumed", CONFIG, 1),
        ("progressed", CONFIG, Progress(1, 2, 0.5, 0.8, 0.25, (0.8, 0.1))),
        ("lost", CONFIG, "node"),
        ("started", CONFIG),
        ("progressed", CONFIG, Progress(0, 2, 0.0, None)),
    ])  # fmt: skip
    assert told[1][2]["accuracy_on/2"] == 0.1
    assert [one[:2] for one in told] == [
        ("begin", 1.0), ("log", 1.0), ("end", "lost"),
        ("begin", 0.0), ("log", 0.0), ("end", "killed"), "cl",
    ]  # fmt: skip


def test_what_a_run_did_not_tell_comes_from_its_record():
    record = make_record("replay", benchmark="split-digits", matrix=[[0.9, 0.5], [0.8, 0.7]])
    outcome = record.outcome.model_copy(update={"curve": [(10.0, 0.9), (20.0, 0.75)]})
    record = record.model_copy(update={"outcome": outcome})
    first = Progress(1, 2, 0.5, 0.9, 1.0, (0.9, 0.5))
    told = notes_of([
        ("started", record.config), ("progressed", record.config, first), ("finished", record)
    ])  # fmt: skip
    rows = [one[1:] for one in told if one[0] == "log"]
    assert [(at, row["accuracy_on/1"], row["accuracy_on/2"]) for at, row in rows] == [
        (10.0, 0.9, 0.5), (20.0, 0.8, 0.7)
    ]  # fmt: skip
    assert told[-2] == ("end", "ok")


def test_a_run_that_ends_before_it_tells_anything_is_logged():
    failed = make_record("replay", status="error", reason="it broke", benchmark="split-digits")
    told = notes_of([("started", failed.config), ("finished", failed)])
    assert told == [("begin", 0.0), ("end", "error"), "close"]


def test_a_resumed_run_that_dies_before_it_tells_anything_leaves_what_was_logged():
    killed = make_record("replay", status="killed", reason="-9", benchmark="split-digits")
    told = notes_of([
        ("started", killed.config), ("resumed", killed.config, 1), ("finished", killed)
    ])  # fmt: skip
    assert told == ["close"]


def test_of_two_evaluations_between_two_messages_both_are_logged():
    matrix = [[0.9, 0.5, 0.1], [0.8, 0.7, 0.1], [0.8, 0.6, 0.9]]
    record = make_record("replay", benchmark="own:three", matrix=matrix)
    third = Progress(3, 3, 0.99, 0.8, 1.0, (0.8, 0.6, 0.9))
    told = notes_of([
        ("started", record.config), ("progressed", record.config, third), ("finished", record)
    ])  # fmt: skip
    rows = [one[2] for one in told if one[0] == "log"]
    assert [row["experience"] for row in rows] == [3, 1, 2]
    assert rows[2]["accuracy"] == pytest.approx(0.75)


def test_a_stream_of_days_logs_its_accuracy_at_the_end(tmp_path):
    rows = [
        f"2026-01-{day:02} {hour:02}:00,{(day * hour) % 7},{(day + hour) % 2}"
        for day in range(1, 11)
        for hour in range(6)
    ]
    file = tmp_path / "table.csv"
    file.write_text("\n".join(["when,x,up", *rows]))
    suite = Suite.of({
        "benchmarks": [f"csv:{file}?time=when&label=up"], "strategies": ["naive"],
        "budget": "2steps/night",
    })  # fmt: skip
    [record] = run_suite(suite, Store(tmp_path / "runs"), RunOptions(log=("csv",)))
    [file] = (tmp_path / "runs" / LOGS / "csv").iterdir()
    table = pd.read_csv(file)
    assert table[table.quantity == "accuracy"].value.iloc[-1] == record.outcome.days.mean


@pytest.mark.parametrize("when", ["begin", "log", "end", "close"])
def test_loggers_that_fail_or_hang_are_named_and_the_others_go_on(when):
    notes, warned, stuck = Notes(), Warned(), Hangs()
    loggers = {"full": Fails(when), "stuck": stuck, "notes": notes}
    log = Log(loggers, warned.warned, home="f00d")
    log.started(CONFIG)
    log.progressed(CONFIG, Progress(0, 2, 0.0, None))
    log.close(0.3)
    assert [one[0] for one in notes.told] == ["begin", "log", "end", "c"]
    assert sorted(warned.warnings) == [
        "--log full has failed and writes no more; the runs go on. OSError: no space left",
        "--log stuck has not ended, and is left: 2 to write",
    ]
    stuck.gone.set()


def test_a_logger_that_still_writes_is_waited_for():
    class Slow(Notes):
        def log(self, run, charged, values):
            time.sleep(0.1)
            super().log(run, charged, values)

    notes, warned = Slow(), Warned()
    log = Log({"slow": notes}, warned.warned, home="f00d")
    log.started(CONFIG)
    for i in range(10):
        log.progressed(CONFIG, Progress(0, 2, i / 10, None))
    log.close(0.8)
    assert notes.told[-1] == "close"
    assert warned.warnings == []


def test_a_folder_of_records_has_one_name():
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        names = [logged._home(Path(folder)) for folder in (first, second, first)]
    assert names[0] == names[2] != names[1]


def test_results_are_the_same_with_a_logger_that_fails(tmp_path, monkeypatch):
    plain = run_suite(SUITE, Store(tmp_path / "plain"))
    monkeypatch.setattr(logged, "open_loggers", lambda names, folder: {"csv": Fails("log")})
    told = Warned()
    records = run_suite(SUITE, Store(tmp_path / "logged"), RunOptions(log=("csv",)), listener=told)
    assert [(r.status, r.outcome) for r in records] == [(r.status, r.outcome) for r in plain]
    assert len(told.warnings) == 1


def test_files_of_loggers_lie_apart_from_the_records(tmp_path):
    store = Store(tmp_path)
    [record] = run_suite(SUITE, store, RunOptions(log=("csv", "tensorboard")))
    table = pd.read_csv(next((tmp_path / LOGS / "csv").iterdir()))
    last = table[table.charged == table.charged.max()].set_index("quantity").value
    n = len(record.outcome.accuracy)
    assert [last[f"accuracy_on/{i + 1}"] for i in range(n)] == record.outcome.accuracy[-1]
    firsts = table[table.quantity == "accuracy_on/1"].value.tolist()
    assert sorted(firsts) == sorted(row[0] for row in record.outcome.accuracy)
    (tmp_path / LOGS / "other.json").write_text("{}")
    assert [one.record for one in store.read()[0]] == [record]
    assert store.read()[1] == []


@pytest.mark.parametrize("event", [name for name in vars(Listener) if not name.startswith("_")])
def test_every_event_is_told_to_every_listener(event):
    heard = []
    first, second = Listener(), Listener()
    setattr(first, event, lambda *what: heard.append(("first", what)))
    setattr(second, event, lambda *what: heard.append(("second", what)))
    what = tuple(inspect.signature(vars(Listener)[event]).parameters)
    getattr(Listeners(first, second), event)(*what[1:])
    assert heard == [("first", what[1:]), ("second", what[1:])]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--log", "tensorbord"), "did you mean 'tensorboard'"),
        (("--log", "csv", "--profile"), "give none with --profile"),
    ],
)
def test_wrong_options_are_told_at_once(monkeypatch, capsys, tmp_path, arguments, told):
    where = ("--strategy", "naive", "--out", str(tmp_path))
    assert told in usage_error(monkeypatch, capsys, "run", *where, *arguments)
