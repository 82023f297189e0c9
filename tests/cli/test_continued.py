"""Going on from the saved state of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.cli.continued import further
from bench.config.budget import Budget
from bench.executor.cut import hash_of
from bench.ranking.admission import rejection_reason
from bench.records.by_day import Days
from bench.records.store import read_record
from command_line import run, usage_error
from factories import make_record

SHA = "a" * 64


def only_record(out: Path, pattern: str = "*/*/*.json") -> Path:
    [found] = out.glob(pattern)
    return found


def test_a_run_goes_on_and_can_go_on_again(tmp_path):
    out = tmp_path / "runs"
    run("run", "--benchmark", "split-digits", "--scenario", "class", "--strategy", "replay",
        "--budget", "40steps", "--save", "--out", str(out))  # fmt: skip
    first = only_record(out)
    before = read_record(first)
    assert before.saved == hash_of(first.with_suffix(".safetensors"))
    again = ["--benchmark", "split-digits?experiences=2", "--budget", "4steps"]
    run("continue", str(first), *again)
    second = only_record(out, "split-digits_*/*/*.json")
    after = read_record(second)
    assert after.config.continues == before.saved
    assert after.config.hyperparameters == before.config.hyperparameters
    assert after.status == "ok"
    assert after.outcome.accuracy[0][1] > 0.3  # of classes that it learned before, and not yet here
    assert rejection_reason(after) == "it goes on from the state of another run, and is no row"
    assert rejection_reason(before) is None
    run("continue", str(second), *again)
    assert len(list(out.glob("split-digits_*/*/*.json"))) == 2
    assert "0 runs" not in run("status", "--out", str(out))


def table(path: Path, days: int, *, changed: bool = False) -> None:
    generator = np.random.default_rng(0)
    columns = generator.normal(size=(60, 2))
    if changed:
        columns[3] += 1
    frame = pd.DataFrame(columns, columns=["a", "b"])
    frame["when"] = pd.date_range("2024-01-01", periods=60, freq="4h")
    frame["y"] = columns[:, 0] > 0
    frame[: 6 * days].to_csv(path, index=False)


def test_of_a_table_that_has_grown_the_days_that_are_new(tmp_path, monkeypatch, capsys):
    path, out = tmp_path / "desk.csv", tmp_path / "runs"
    name = f"csv:{path}?time=when&label=y"
    table(path, 6)
    run("run", "--benchmark", name, "--strategy", "naive", "--budget", "3steps/night",
        "--save", "--out", str(out))  # fmt: skip
    first = only_record(out)
    table(path, 10)
    run("continue", str(first), "--benchmark", name)
    [second] = set(out.glob("*/*/*.json")) - {first}
    record = read_record(second)
    assert record.config.first_day == 6
    assert len(record.outcome.days.accuracy) == 4  # the first new day is asked, too
    assert record.config.budget == Budget.parse("12steps")
    told = usage_error(monkeypatch, capsys, "continue", str(second), "--benchmark", name)
    assert "must have a day that the run has not seen, got 10 days, and it has seen 10" in told
    table(path, 10, changed=True)
    elsewhere = str(tmp_path / "other")
    told = usage_error(
        monkeypatch, capsys, "continue", str(first), "--benchmark", name, "--out", elsewhere
    )
    assert "the first 6 days of" in told
    assert "a row of them has changed or was added, or a label is new" in told


def saved(folder: Path, **conditions) -> tuple:
    state = folder / "run.safetensors"
    state.write_bytes(b"a state")
    record = make_record(**conditions)
    return record.model_copy(update={"saved": hash_of(state)}), state


@pytest.mark.parametrize(
    ("conditions", "name", "message"),
    [
        ({"scenario": "task"}, "split-digits", "scenario must be class or domain to go on, got ta"),
        ({"strategy": "joint", "ranked": False}, "split-digits", "got joint, which has had all da"),
        ({}, "elec2-nights", "elec2-nights"),
        ({}, "split-digit", "unknown benchmark 'split-digit'"),
        ({"scenario": "domain"}, "elec2-nights", "must have no days and nights, as split-mnist"),
    ],
)
def test_what_cannot_go_on_is_refused(tmp_path, conditions, name, message):
    before, state = saved(tmp_path, **conditions)
    with pytest.raises(ValueError, match=message):
        further(before, state, name, None)


def test_a_state_must_be_that_of_its_record(tmp_path):
    before, state = saved(tmp_path)
    state.write_bytes(b"another state")
    with pytest.raises(ValueError, match="must be the state that its record names, got SHA-256"):
        further(before, state, "split-digits", None)
    state.unlink()
    with pytest.raises(ValueError, match="must lie beside its record, got none there"):
        further(before, state, "split-digits", None)
    with pytest.raises(ValueError, match="must have been made with --save"):
        further(make_record(), state, "split-digits", None)


def test_a_budget_is_as_before_and_by_the_night_where_there_are_nights(tmp_path):
    before, state = saved(tmp_path)
    assert further(before, state, "split-digits", None).budget == before.config.budget
    assert further(before, state, "split-digits", "3s").budget == Budget.parse("3s")
    path = tmp_path / "desk.csv"
    table(path, 10)
    name = f"csv:{path}?time=when&label=y"
    record, state = saved(
        tmp_path, benchmark=name, scenario="domain", allocation="equal",
        budget=Budget.parse("0.1s/night", nights=6), matrix=[[0.5]],
    )  # fmt: skip
    days = Days(accuracy=[0.5] * 5, floors={})
    outcome = record.outcome.model_copy(update={"days": days})
    record = record.model_copy(update={"outcome": outcome})
    assert further(record, state, name, None).budget == Budget.parse("0.4s")
    assert further(record, state, name, "1s/night").budget == Budget.parse("4s")


def test_a_folder_of_records_without_states_is_told(tmp_path, monkeypatch, capsys):
    grid = ["run", "--benchmark", "split-digits", "--scenario", "class", "--strategy", "naive",
            "--budget", "5steps", "--out", str(tmp_path / "runs")]  # fmt: skip
    run(*grid)
    told = usage_error(monkeypatch, capsys, *grid, "--save")
    assert "--save is for runs to come: 1 of these have a record without a state" in told


def test_what_cannot_be_saved_is_told_before_anything_runs(tmp_path, monkeypatch, capsys):
    told = usage_error(
        monkeypatch, capsys, "run", "--benchmark", "split-digits", "--strategy",
        "avalanche-packnet", "--budget", "5steps", "--save", "--out", str(tmp_path / "runs"),
    )  # fmt: skip
    assert "--save cannot be for avalanche-packnet: what lies at" in told
    assert "must have no hooks, which are code" in told
    assert not list((tmp_path / "runs").glob("*/*/*.json"))
