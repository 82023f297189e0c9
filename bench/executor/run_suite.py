"""A campaign: the runs that a suite still misses, in a folder that no other call is using."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from bench.config.suite import Suite
from bench.executor.executor import Executor
from bench.executor.plan import Plan, plan
from bench.executor.processes import slots
from bench.executor.progress_bars import Display
from bench.records.schema import RunRecord
from bench.records.store import Store


def run_suite(
    suite: Suite,
    store: Store,
    *,
    console: Console,
    jobs: int,
    data_root: Path,
    download: bool,
    retry: frozenset[str],
    command: str,
) -> list[RunRecord]:
    """Run what is missing of `suite`; returns the records of all of it.

    Args:
        retry: statuses to run again.
        command: what the user typed. ValueError, before any run, for what cannot be run; with `all`
            strategies one that cannot be built is left out instead.
    """
    slots(jobs, suite.threads)
    configs = suite.configs()
    todo = plan(configs, store, retry)
    done, missing = len(todo.done), len(todo.missing)
    console.print(f"{done + missing} runs of {suite.budget}: {done} done, {missing} to go")
    executor = Executor(store, jobs=jobs, data_root=data_root, command=command)
    todo = without_refused(todo, executor, suite, console, download)
    with Display(console, todo, jobs) as display:
        records = [*todo.done, *executor.run(todo.missing, display)]
    return records


def without_refused(
    todo: Plan, executor: Executor, suite: Suite, console: Console, download: bool
) -> Plan:
    """The plan without the strategies of `all` that cannot be built.

    Raises:
        ValueError: for any other.
    """
    left_out = set()
    for refusal in executor.refusals(todo, download=download):
        if refusal.for_all or refusal.config.strategy in suite.strategies:
            raise ValueError(refusal.reason)
        left_out.add(refusal.config.strategy)
        what = f"left out: {refusal.config.strategy}: {refusal.reason}"
        console.print(what, soft_wrap=True, markup=False)
    return Plan([c for c in todo.missing if c.strategy not in left_out], todo.done)
