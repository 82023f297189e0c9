"""The runs that a suite still misses, from Python: no terminal is needed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from bench.config.catalogue import find_benchmark
from bench.config.executors import HERE, Place
from bench.config.suite import Suite
from bench.executor.cut import forget_cut
from bench.executor.executor import Executor
from bench.executor.listener import Listener
from bench.executor.logged import logged
from bench.executor.messages import States
from bench.executor.node import Order
from bench.executor.plan import Plan, plan
from bench.executor.site import Site, open_site
from bench.loggers.registry import check_loggers
from bench.records.schema import RunRecord
from bench.records.store import Store
from bench.runner.avalanche_patches import check_version


@dataclass(frozen=True)
class RunOptions:
    """How the runs of a suite are carried out; none of it changes a result.

    Attributes:
        jobs: runs at once, each on its own cores; None for one, one for each GPU that is named, or
            all cores of a Ray cluster.
        data_root: where the data sets lie; None for $SLEEPBENCH_DATA or `data`.
        download: fetch missing data sets first.
        retry: finished statuses to run again.
        command: what the user typed, for the records.
        save: the state of each run at its end is saved beside its record.
        checkpoint: seconds of training between two checkpoints of a run, which goes on from the
            last one if it is cut; None for none.
        place: where they are carried out.
        log: names of the loggers that are told how they go.
    """

    jobs: int | None = None
    data_root: Path | None = None
    download: bool = False
    retry: frozenset[str] = frozenset()
    command: str = ""
    save: bool = False
    checkpoint: float | None = None
    place: Place = HERE
    log: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a number of jobs, a time, and a logger, that is none."""
        check_loggers(self.log)
        if self.jobs is not None and (not isinstance(self.jobs, int) or self.jobs < 1):
            raise ValueError(f"jobs must be a whole number, at least 1, got {self.jobs!r}")
        every = self.checkpoint
        if every is not None and not (isinstance(every, (int, float)) and 0 <= every < math.inf):
            raise ValueError(f"checkpoint must be seconds, at least 0, got {every!r}")

    def order(self, suite: Suite) -> Order:
        """How the runs of a suite are carried out, wherever that is."""
        return Order(
            jobs=self.jobs,
            threads=suite.threads,
            data_root=self.data_root,
            command=self.command,
            states=States(keep=self.save, every=self.checkpoint),
            gpu=suite.device != "cpu",
            gpus=suite.gpus,
        )


def run_suite(
    suite: Suite,
    store: Store,
    options: RunOptions | None = None,
    *,
    listener: Listener | None = None,
) -> list[RunRecord]:
    """The records of all of `suite`; what has no record in `store` yet is run.

    A strategy of `all` that cannot be built is left out.

    Args:
        suite: what to run.
        store: where the records lie; hold it with `bench.records.store.alone_in`.
        options: how to run it.
        listener: told what happens.

    Raises:
        ValueError: for what cannot be run, before any run is started.
    """
    options, listener = options or RunOptions(), listener or Listener()
    with open_site(options.place, options.order(suite), store.root) as site:
        todo = prepare(suite, store, options, site)
        executor = site.executor(store)
        todo = without_refused(todo, executor, suite, options, listener)
        if options.checkpoint is not None:
            for record in todo.done:  # killed between writing its record and this
                forget_cut(store, record.config)
        with logged(options.log if todo.missing else (), store.root, listener) as told:
            told.planned(todo, site.jobs)
            return [*todo.done, *executor.run(todo.missing, told)]


def prepare(suite: Suite, store: Store, options: RunOptions, site: Site) -> Plan:
    """What a call has to run; refuses what cannot be run, as far as that shows without torch.

    Args:
        site: where it will be run.

    Raises:
        ValueError: for too many jobs, missing data, a module that is not there, an Avalanche that
            is not known, or records made elsewhere.
    """
    check_version()
    todo = plan(suite.configs(), store, options.retry, site.machine)
    if options.save and (unsaved := [r for r in todo.done if r.status == "ok" and not r.saved]):
        raise ValueError(
            f"--save is for runs to come: {len(unsaved)} of these have a record without a state "
            f"in {store.root}. Choose another --out"
        )
    by_night = [c.benchmark for c in todo.missing if find_benchmark(c.benchmark).by_night]
    if options.checkpoint is not None and by_night:
        raise ValueError(
            "--checkpoint must be for a stream of experiences, between which a run is saved, got "
            f"{by_night[0]}, which is one of days and nights"
        )
    site.check(todo.missing, download=options.download)
    return todo


def without_refused(
    todo: Plan, executor: Executor, suite: Suite, options: RunOptions, listener: Listener
) -> Plan:
    """The plan without the strategies of `all` that cannot be built.

    Raises:
        ValueError: for any other that cannot be built.
    """
    if todo.missing:
        listener.checking(todo)
    left_out = set()
    for refusal in executor.refusals(todo, download=options.download):
        if refusal.for_all or refusal.config.strategy in suite.strategies:
            raise ValueError(refusal.reason)
        left_out.add(refusal.config.strategy)
        listener.left_out(refusal)
    return Plan([c for c in todo.missing if c.strategy not in left_out], todo.done)
