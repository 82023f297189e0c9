"""A run that is killed goes on from its last checkpoint, and one that cannot begins anew."""

from __future__ import annotations

import hashlib
import os
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from bench.config.budget import Budget
from bench.config.run_config import RunConfig
from bench.executor.cut import find_cut
from bench.executor.executor import Executor
from bench.executor.listener import Listener
from bench.executor.messages import States
from bench.records.store import Store
from command_line import run, usage_error
from spoilt import negate_weights


def config(strategy: str = "replay", **options) -> RunConfig:
    return RunConfig(
        benchmark="split-digits", scenario="class", model="mlp", strategy=strategy,
        budget=Budget.parse("2000steps"), **options,
    )  # fmt: skip


class Killer(Listener):
    """Kills the run, or interrupts the command, once it trains on an experience."""

    def __init__(self, experience: int, *, command: bool = False) -> None:
        self.experience, self.command, self.done = experience, command, False
        self.executor: Executor | None = None

    def resumed(self, config, experiences):
        self.resumed_after = experiences

    def progressed(self, config, progress):
        if progress.experience < self.experience or self.done:
            return
        self.done = True
        if self.command:
            raise KeyboardInterrupt
        os.kill(self.executor._running[0].process.pid, signal.SIGKILL)


def once(folder: Path, killer: Killer | None = None, every: float | None = 0.0, keep: bool = False):
    """The record of one call; none where it was interrupted."""
    executor = Executor(Store(folder), states=States(every=every, keep=keep))
    if killer is not None:
        killer.executor = executor
    try:
        [record] = executor.run([config()], killer)
    except KeyboardInterrupt:
        return None
    return record


def left(folder: Path) -> list[str]:
    """What lies there besides records and logs."""
    return [p.name for p in folder.rglob("*") if p.is_file() and p.suffix not in (".json", ".log")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return once(tmp_path_factory.mktemp("whole"), every=None)


def same(record, whole) -> bool:
    return (record.status, record.outcome, record.weights, record.cost.steps_by_experience) == (
        "ok", whole.outcome, whole.weights, whole.cost.steps_by_experience
    )  # fmt: skip


def test_a_killed_run_goes_on_and_its_record_says_how_often_it_was_cut(tmp_path, whole):
    first = once(tmp_path, Killer(2))
    assert first.status == "killed"
    assert len(left(tmp_path)) == 2
    second = once(tmp_path, Killer(4))
    assert (second.status, second.cuts) == ("killed", 1)
    third = once(tmp_path)
    assert same(third, whole)
    assert third.cuts == 2
    assert third.outside.wall_seconds > third.cost.wall_seconds
    assert third.cost.uncharged_seconds["checkpoint"] > 0
    assert left(tmp_path) == []
    assert Store(tmp_path).read()[1] == []


def test_an_interrupted_command_goes_on_in_the_middle_of_its_run(tmp_path, whole):
    assert once(tmp_path, Killer(3, command=True)) is None
    assert sorted(left(tmp_path))[0].endswith(".checkpoint")
    assert "1 run with a checkpoint: the command that began it goes on" in run(
        "status", "--out", str(tmp_path)
    )
    told = Killer(99)
    record = once(tmp_path, told)
    assert told.resumed_after == 3
    assert same(record, whole)
    assert record.cuts == 1
    assert left(tmp_path) == []


def test_the_state_at_the_end_of_a_cut_run_is_that_of_an_uncut_one(tmp_path):
    once(tmp_path / "cut", Killer(3), keep=True)
    cut, whole = once(tmp_path / "cut", keep=True), once(tmp_path / "whole", keep=True)
    assert cut.cuts == 1
    first, second = (
        load_file(Store(folder).path_of(record).with_suffix(".safetensors"))
        for folder, record in ((tmp_path / "cut", cut), (tmp_path / "whole", whole))
    )
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_without_checkpoints_a_run_begins_anew(tmp_path, whole):
    once(tmp_path, Killer(2), every=None)
    assert left(tmp_path) == []
    once(tmp_path, Killer(2))
    record = once(tmp_path, every=None)
    assert same(record, whole)
    assert record.cuts is None
    assert left(tmp_path) == []


def damage(state: Path, page: Path) -> None:
    state.write_bytes(state.read_bytes()[:-1])


def lose(state: Path, page: Path) -> None:
    state.unlink()


def garble(state: Path, page: Path) -> None:
    page.write_text("{")


def garbage(state: Path, page: Path) -> None:
    page.write_bytes(b"\xff\xfe\x00")


def name_nothing(state: Path, page: Path) -> None:
    page.write_text(page.read_text().replace(f'"state":"{state.name}"', '"state":""'))


def a_pipe(state: Path, page: Path) -> None:
    page.unlink()
    os.mkfifo(page)


def folders(state: Path, page: Path) -> None:
    for path in (state, page):
        path.unlink()
        path.mkdir()


def made_elsewhere(state: Path, page: Path) -> None:
    text = page.read_text()
    page.write_text(text.replace('"made_with":"', '"made_with":"0'))


@pytest.mark.parametrize(
    "harm", [damage, lose, garble, garbage, name_nothing, a_pipe, folders, made_elsewhere]
)
def test_what_cannot_be_gone_on_from_is_left_alone(tmp_path, whole, harm):
    once(tmp_path, Killer(2))
    state, _ = find_cut(Store(tmp_path), config())
    [page] = tmp_path.rglob("*.checkpoint")
    harm(state, page)
    record = once(tmp_path)
    assert same(record, whole)
    assert record.cuts is None
    assert left(tmp_path) == []


def test_a_state_that_answers_otherwise_is_the_machines_fault_and_goes(tmp_path, whole):
    once(tmp_path, Killer(2))
    state, cut = find_cut(Store(tmp_path), config())
    negate_weights(state)
    [page] = tmp_path.rglob("*.checkpoint")
    digest = hashlib.sha256(state.read_bytes()).hexdigest()
    page.write_text(page.read_text().replace(cut.sha256, digest))
    record = once(tmp_path)
    assert record.status == "infra_error"
    assert "could not go on from its checkpoint: a checkpoint must answer as it" in record.reason
    assert same(once(tmp_path), whole)


def test_a_run_that_gets_further_each_time_may_be_killed_any_number_of_times(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.executor.verdict.MOST_KILLS", 2)
    assert [once(tmp_path, Killer(n)).status for n in (1, 2, 3)] == ["killed"] * 3
    assert once(tmp_path, Killer(3)).status == "error"  # it was at no further checkpoint


def test_the_command_line_takes_a_time(tmp_path, monkeypatch, capsys):
    chosen = ["run", "--strategy", "naive", "--budget", "20steps", "--out", str(tmp_path)]
    assert "1 done" not in run(*chosen, "--checkpoint", "1s")
    assert left(tmp_path) == [".lock"]
    for wrong in ("soon", "5steps", "0s", "-1s"):
        said = usage_error(monkeypatch, capsys, *chosen, f"--checkpoint={wrong}")
        assert f"checkpoint must be a time of training such as 10m, got '{wrong}'" in said
    said = usage_error(monkeypatch, capsys, *chosen, "--checkpoint", "1s", "--profile")
    assert "--checkpoint and --log are about records" in said


def test_who_cannot_be_saved_is_refused_before_anything_runs(tmp_path, monkeypatch, capsys):
    said = usage_error(
        monkeypatch, capsys, "run", "--strategy", "avalanche-packnet", "--budget", "20steps",
        "--checkpoint", "1s", "--out", str(tmp_path),
    )  # fmt: skip
    assert "--checkpoint cannot be for avalanche-packnet: what lies at" in said


def test_a_stream_by_day_and_night_has_no_moment_for_it(tmp_path, monkeypatch, capsys):
    table = tmp_path / "desk.csv"
    rows = [
        f"2024-01-{day:02d} {hour:02d}:00,{hour},{hour % 2}"
        for day in (1, 2, 3)
        for hour in range(9)
    ]
    table.write_text("\n".join(["when,load,up", *rows]))
    said = usage_error(
        monkeypatch, capsys, "run", "--benchmark", f"csv:{table}?time=when&label=up",
        "--scenario", "domain", "--strategy", "naive", "--budget", "1s", "--checkpoint", "1s",
        "--out", str(tmp_path / "out"),
    )  # fmt: skip
    assert "--checkpoint must be for a stream of experiences, between which a run is saved" in said


def test_half_a_page_goes_with_the_checkpoint(tmp_path, whole):
    once(tmp_path, Killer(2))
    [page] = tmp_path.rglob("*.checkpoint")
    gone = 2**22 + 1  # no process has such a number
    half = page.with_name(f".{page.name}.{gone}")
    half.write_text("{")
    assert same(once(tmp_path), whole)
    assert left(tmp_path) == []
    assert not half.exists()
