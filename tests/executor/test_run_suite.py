"""A suite from Python: records come back, a listener is told, own models and benchmarks run."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from rich.console import Console

import own
from bench.config.suite import Suite
from bench.executor.listener import Listener
from bench.executor.progress_bars import Display
from bench.executor.run_suite import RunOptions, run_suite
from bench.ranking.pools import pools
from bench.records.store import Store

SOURCE = hashlib.sha256(Path(own.__file__).read_bytes()).hexdigest()


class Told(Listener):
    def __init__(self):
        self.events = []

    def checking(self, plan):
        self.events.append("checking")

    def planned(self, plan, jobs):
        self.events.append(f"planned {len(plan.missing)}, done {len(plan.done)}")

    def started(self, config):
        self.events.append(f"started {config.strategy}")

    def finished(self, record):
        self.events.append(f"finished {record.config.strategy}")


def suite(**fields) -> Suite:
    return Suite(**{"budget": "12steps", "strategies": ("naive",), **fields})


def test_a_listener_is_told_and_what_is_done_is_not_run_again(tmp_path):
    store, told = Store(tmp_path), Told()
    first = run_suite(suite(), store, listener=told)
    assert told.events == ["checking", "planned 1, done 0", "started naive", "finished naive"]
    told.events.clear()
    assert run_suite(suite(), store, RunOptions(), listener=told) == first
    assert told.events == ["planned 0, done 1"]


def test_an_own_model_and_an_own_benchmark_run_and_are_told_apart_by_their_source(tmp_path):
    store = Store(tmp_path)
    for scenario, name in (("task", "of_tasks"), ("class", "of_classes")):
        grid = suite(
            benchmarks=(f"own:{name}",),
            scenarios=(scenario,),
            model="own:small_model",
            strategies=("naive", "packnet-frozen") if scenario == "task" else ("replay",),
        )
        for record in run_suite(grid, store):
            assert (record.status, record.reason) == ("ok", None)
            assert record.model_source == SOURCE
            assert record.benchmark_version == f"sha256:{SOURCE}"
            assert record.cost.steps["train"] <= 12
    stored, damaged = store.read()
    assert (len(stored), damaged) == (3, [])
    changed = stored[0].record.model_copy(update={"model_source": "0" * 64})
    store.write(changed.model_copy(update={"attempt": 2}))
    assert len(pools(store.read()[0])) == len(pools(stored)) + 1
    with pytest.raises(ValueError, match="the source of model own:small_model has changed"):
        _rerun_with_another_seed(store, changed)


def _rerun_with_another_seed(store: Store, changed) -> None:
    store.write(changed)  # in the place of the first attempt
    config = changed.config
    run_suite(
        suite(
            benchmarks=(config.benchmark,),
            scenarios=(config.scenario,),
            model=config.model,
            strategies=(config.strategy,),
            seeds=2,
        ),
        store,
    )


def test_an_own_model_that_cannot_be_run_is_refused_before_any_run(tmp_path):
    told = Told()
    with pytest.raises(ValueError, match=r"model own:narrow_model must give logits"):
        run_suite(suite(model="own:narrow_model"), Store(tmp_path), listener=told)
    assert told.events == ["checking"]


def test_the_display_says_at_once_that_it_checks_and_counts_one_run(tmp_path):
    console = Console(file=io.StringIO(), width=120)
    with Display(console) as display:
        run_suite(suite(), Store(tmp_path), listener=display)
        run_suite(suite(), Store(tmp_path), listener=display)
    lines = console.file.getvalue().splitlines()
    assert lines[:2] == ["checking what is to be run", "1 run of 12steps: 0 done, 1 to go"]
    assert lines[3:] == ["1 run of 12steps: 1 done, 0 to go"]


@pytest.mark.parametrize("jobs", [0, -1, "2"])
def test_jobs_are_a_whole_number(jobs):
    with pytest.raises(ValueError, match="jobs must be a whole number, at least 1, got"):
        RunOptions(jobs=jobs)
