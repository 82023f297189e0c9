"""What happens to a folder and its machine meanwhile: records go, clocks jump, files run out."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.config.budget import Budget
from bench.executor.plan import plan
from bench.records import store as records
from bench.records.store import Store
from bench.runner.meter import Meter
from command_line import SUPPORT
from factories import make_runs, write


def test_a_record_that_is_deleted_while_the_folder_is_read_is_run_again(tmp_path, monkeypatch):
    made = make_runs(seeds=3)
    store = Store(write(tmp_path, made))
    wanted = [record.config for record in made]
    gone = store.path_of(made[1])
    read = records.read_record

    def meanwhile(path: Path):
        gone.unlink(missing_ok=True)  # by somebody else, after it was listed
        return read(path)

    monkeypatch.setattr(records, "read_record", meanwhile)
    monkeypatch.setattr("bench.executor.plan.refuse_other_conditions", lambda *about: None)
    planned = plan(wanted, store)
    assert planned.missing == [wanted[1]]
    assert [record.config for record in planned.done] == [wanted[0], wanted[2]]
    assert plan(wanted, store).missing == [wanted[1]]  # also now that it is listed no more


def test_a_clock_of_the_day_that_jumps_is_not_what_is_charged(monkeypatch):
    meter = Meter(Budget.parse("100s"), [1.0])
    with meter.experience(0):
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 3600)
        meter.step("train", 1)
    assert meter.spent < 1


def test_a_process_that_was_stopped_for_20_s_is_charged_for_them_and_shows_the_step():
    seconds = [0.0]
    meter = Meter(Budget.parse("100s"), [1.0], wall=lambda: seconds[0], cpu=lambda: 0.0)
    with meter.experience(0):
        for step in (1.0, 21.0, 1.0):  # SIGSTOP in the second
            meter.begin_minibatch()
            seconds[0] += step
            meter.step("train", 1)
    assert meter.spent == pytest.approx(23.0)
    assert meter.longest_step == pytest.approx(21.0)


def test_with_40_files_open_at_most_a_run_ends_well(tmp_path):
    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))

    command = [sys.executable, "-m", "bench", "run", "--strategy", "naive", "--budget", "10steps"]
    done = subprocess.run(
        [*command, "--out", str(tmp_path)], cwd=SUPPORT.parents[1], preexec_fn=few,
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    [stored], damaged = Store(tmp_path).read()
    assert (stored.record.status, damaged) == ("ok", [])
