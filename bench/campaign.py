"""A campaign: the runs that a suite still misses, in a folder that no other call is using."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from bench.display import Display, show_leaderboards
from bench.execute import Executor
from bench.planning import Plan, plan
from bench.processes import slots
from bench.records import RunRecord
from bench.store import LOCK, Store
from bench.suites import Suite


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a folder of records for this process; ValueError if it is taken or not writable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / LOCK).open("w")
    except OSError as error:
        raise ValueError(f"--out must be a folder one can write to: {error}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"another run is at work in {folder}; choose another --out") from None
        yield


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
    """Run what is missing of `suite`, show the leaderboard and the failures; returns all records.

    retry: statuses to run again. command: what the user typed. ValueError, before any run, for
    what cannot be run; with `all` strategies one that cannot be built is left out instead.
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
    show_leaderboards(console, records, store)
    for record in records:
        if record.status != "ok":
            what = f"{record.config.strategy} seed {record.config.repetition}: {record.reason}"
            where = store.path(record.config, record.attempt)
            console.print(f"[red]{record.status}[/] {escape(f'{what} ({where})')}", soft_wrap=True)
    return records


def without_refused(
    todo: Plan, executor: Executor, suite: Suite, console: Console, download: bool
) -> Plan:
    """The plan without the strategies of `all` that cannot be built; ValueError for any other."""
    left_out = set()
    for refusal in executor.refusals(todo, download=download):
        if refusal.for_all or refusal.config.strategy in suite.strategies:
            raise ValueError(refusal.reason)
        left_out.add(refusal.config.strategy)
        what = f"left out: {refusal.config.strategy}: {refusal.reason}"
        console.print(what, soft_wrap=True, markup=False)
    return Plan([c for c in todo.missing if c.strategy not in left_out], todo.done)
