"""A profile: every run of a suite under the sampler, and the report of where its time went."""

from __future__ import annotations

import tempfile
from pathlib import Path

from rich.console import Console

from bench.config.budget import Budget
from bench.config.suite import Suite
from bench.executor.executor import Executor
from bench.executor.progress_bars import Display
from bench.executor.run_suite import RunOptions, prepare, without_refused
from bench.executor.site import LocalSite
from bench.machine import profile_page
from bench.machine.stack_sampler import run_child_sampled
from bench.records import environment
from bench.records.schema import RunRecord
from bench.records.store import Store, Stored, write_atomically

PAIRS = 5
"""Runs without and with the sampler that tell what it costs."""


def profile_suite(
    suite: Suite,
    out: Path,
    options: RunOptions,
    *,
    console: Console,
) -> list[RunRecord]:
    """Run all of `suite` under the sampler, write profile.md and profile.csv into `out`.

    Sampling disturbs the clock: the records, which are returned, enter no store and no ranking.

    Raises:
        ValueError: for what cannot be run.
    """
    if options.place.executor != "local":
        raise ValueError(f"executor must be local for a profile, got {options.place.executor}")
    site, data_root = LocalSite(options.order(suite)), options.data_root
    jobs = site.jobs
    with tempfile.TemporaryDirectory(prefix="sleepbench-") as folder:
        store = Store(Path(folder))
        plain = Executor(store, jobs=jobs, data_root=data_root, gpus=suite.gpus)
        sampled = Executor(
            store, jobs=jobs, data_root=data_root, child=run_child_sampled, gpus=suite.gpus
        )
        todo = prepare(suite, store, options, site)
        with Display(console) as display:
            todo = without_refused(todo, plain, suite, options, display)
            display.planned(todo, jobs)
            records = sampled.run(todo.missing, display)
        stored = [Stored(store.path_of(r), r) for r in records]
        found = profile_page.profiles(stored)
        console.print("measuring what sampling costs")
        cost = profile_page.disturbance(_pairs(plain, sampled, records))
    facts = environment.machine()
    machine = f"{facts['cpu']}, {facts['cores']} cores, {jobs} of them at work"
    page = profile_page.page_markdown(found, command=options.command, machine=machine, cost=cost)
    write_atomically(out / "profile.md", page)
    write_atomically(out / "profile.csv", profile_page.page_csv(found))
    console.print(page, soft_wrap=True, markup=False)
    return records


def _pairs(
    plain: Executor, sampled: Executor, records: list[RunRecord]
) -> list[tuple[RunRecord, RunRecord]]:
    """The same steps of about two seconds without and with the sampler, in turn."""
    done = next((r for r in records if r.status == "ok"), None)
    if done is None or done.cost is None:
        return []
    speed = sum(done.cost.steps.values()) / done.cost.wall_seconds
    budget = Budget(amount=max(50, round(2 * speed)), clock="steps")
    config = done.config.model_copy(update={"budget": budget})
    return [(plain.run([config])[0], sampled.run([config])[0]) for _ in range(PAIRS)]
