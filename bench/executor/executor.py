"""Running configurations: one fresh process per run, pinned, watched, resumable.

The parent imports no torch: a fork server imports it once, and every run is a fork of that server.
A run tells a report; the parent ends it, and writes the record from the report and from what it has
seen of the run itself.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from bench.config.run_config import RunConfig
from bench.executor.confinement import kill
from bench.executor.cut import find_cut, forget_cut
from bench.executor.keeping import LOST, keep, keep_checkpoint, keep_logs, keep_state
from bench.executor.listener import Listener
from bench.executor.messages import STOP, Inbox, Job, Refusal, Report, States, may_change
from bench.executor.plan import Plan
from bench.executor.processes import check, fork_server, run_child, server_id, slots, start
from bench.executor.running import Running
from bench.executor.scratch import remove_abandoned, scratch
from bench.executor.stack_dump import stuck_at
from bench.executor.verdict import record_of
from bench.records import environment
from bench.records.schema import FINISHED, RunRecord
from bench.records.store import Store
from bench.runner.progress import Checkpoint

WATCHDOG_FACTOR = 3
WATCHDOG_ALLOWANCE = 300.0
"""Seconds on top of three budgets for what is not charged: start, data, evaluation."""

SILENT_SECONDS = 3600.0
"""Longest time without a minibatch under a budget of steps, which no clock ends."""

STOP_SECONDS = 60.0
"""Longest time that a run may take to write its record when it is asked to end."""

CHECK_SECONDS = 600.0
"""Longest time for building every cell once, downloads and conversions included."""


def _cell(config: RunConfig) -> str:
    """What repetitions of one configuration share."""
    return config.model_copy(update={"repetition": 0}).digest


class Executor:
    """Runs configurations, `jobs` at a time, each on its own cores."""

    def __init__(
        self,
        store: Store,
        *,
        jobs: int = 1,
        data_root: Path | None = None,
        timeout: float | None = None,
        command: str = "",
        child: Callable[[Job, Connection], None] = run_child,
        states: States | None = None,
        gpus: Sequence[int] = (),
    ) -> None:
        """Make an executor; nothing is started yet.

        Args:
            store: where the records go.
            jobs: how many runs at once.
            data_root: where the data sets lie; None for the default.
            timeout: seconds after which a run is killed; None for three budgets and an allowance.
            command: what the user typed, for the records.
            child: what the process of a run does.
            states: what runs begin from and leave behind; nothing if it is left out.
            gpus: numbers of those that runs have, one for each at once; none for the first.
        """
        self._store = Store(store.root.resolve())  # a run works in a folder of its own
        self._jobs, self._data_root = jobs, data_root
        self._listener = Listener()
        self._timeout, self._command, self._child = timeout, command, child
        self._states = states or States()
        self._gpus, self._gpu_beside = tuple(gpus), dict[frozenset[int], int]()
        self._running: list[Running] = []
        remove_abandoned()  # also where nothing is left to run

    def refusals(self, todo: Plan, *, download: bool = False) -> list[Refusal]:
        """The cells that cannot be built, and the records of what has changed, and why.

        Built in the fork server, which has to import everything anyway; nothing is trained.

        Args:
            todo: what is to be run, and the records that are kept.
            download: fetch missing data sets.

        Raises:
            ValueError: if building takes too long.
        """
        cells = list({_cell(c): c for c in todo.missing}.values())
        own = [record.config for record in todo.done if may_change(record.config)]
        if not cells + own:
            return []
        context = fork_server(max(c.threads for c in cells + own))
        receiver, sender = context.Pipe(duplex=False)
        with tempfile.TemporaryDirectory(prefix="check-", dir=scratch()) as folder:
            log = Path(folder) / "check.log"
            log.touch()
            process = context.Process(
                target=check,
                args=(
                    cells,
                    todo.done,
                    self._data_root,
                    download,
                    self._states,
                    self._gpus,
                    log,
                    sender,
                ),
            )
            start(process)
            sender.close()
            try:
                if receiver.poll(CHECK_SECONDS):
                    return receiver.recv()
                where = stuck_at(process.pid, log)
                raise ValueError(
                    f"a strategy must be built within {CHECK_SECONDS:.0f} s, took longer{where}"
                )
            except EOFError:
                return []  # what kills a process here will be the row of a run
            finally:
                process.kill()
                process.join()

    def run(
        self, configs: Sequence[RunConfig], listener: Listener | None = None
    ) -> list[RunRecord]:
        """Run all of `configs`; a run that fails is a record like any other."""
        if not configs:
            return []
        waiting = iter(configs)
        return self.serve(
            lambda: next(waiting, None), listener, threads=max(c.threads for c in configs)
        )

    def serve(
        self,
        next_run: Callable[[], RunConfig | None],
        listener: Listener | None = None,
        *,
        threads: int,
    ) -> list[RunRecord]:
        """Run what `next_run` gives whenever cores are free, until nothing runs and it gives None.

        Args:
            next_run: the next configuration; None, while something runs, for nothing yet.
            listener: told what happens.
            threads: the most that any run has.
        """
        self._listener = listener or Listener()
        free = slots(self._jobs, threads)
        self._gpu_beside = dict(zip(free, self._gpus, strict=False))
        records = []
        try:
            while True:
                while free and (config := next_run()) is not None:
                    context = fork_server(threads)
                    self._running.append(self._start(context, config, free.pop(0)))
                if not self._running:
                    break
                for ended in self._watch():
                    records.append(self._collect(ended))
                    free.append(ended.cores)
        finally:
            for running in self._running:  # interrupted: what was cut is run again next time
                kill(running.process)
                self._clean(running)
        return records

    def stop(self, config: RunConfig) -> None:
        """Ask a run to end now; its record says what it reached and spent until then."""
        for running in self._running:
            if running.config == config:
                running.stopped = True
                with suppress(ProcessLookupError):  # it has ended by itself
                    os.kill(running.process.pid, STOP)
                running.patience = 0.0
                running.deadline = min(running.deadline, time.monotonic() + STOP_SECONDS)

    def _start(self, context: Any, config: RunConfig, cores: frozenset[int]) -> Running:
        receiver, sender = context.Pipe(duplex=False)
        attempt = self._store.attempts(config) + 1
        folder = Path(tempfile.mkdtemp(prefix="run-", dir=scratch()))
        cut = find_cut(self._store, config) if self._states.every is not None else None
        gpu = self._gpu_beside.get(cores)
        job = Job(config, self._data_root, folder, cores, self._states, cut and cut[0], gpu)
        job.log.touch()  # where no file can be made, no run begins
        process = context.Process(target=self._child, args=(job, sender))
        running = Running(
            config, attempt, process, Inbox(receiver), folder, cores,
            float("inf"), datetime.now(UTC),
            environment.out_of_memory_kills(), job.log, server_id(), self._patience(config),
            cut=cut and cut[1], killed=cut[1].killed if cut else 0,
        )  # fmt: skip
        start(process)
        running.began = time.monotonic()  # the server is up by now
        running.deadline = running.began + self._limit(config)
        sender.close()
        self._listener.started(config)
        if running.cut is not None:
            self._listener.resumed(config, running.cut.experiences)
        return running

    def _limit(self, config: RunConfig) -> float:
        if self._timeout is not None:
            return self._timeout
        if config.budget.clock == "steps":
            return SILENT_SECONDS
        return WATCHDOG_FACTOR * config.budget.amount + WATCHDOG_ALLOWANCE

    def _patience(self, config: RunConfig) -> float:
        return SILENT_SECONDS if self._timeout is None and config.budget.clock == "steps" else 0.0

    def _watch(self) -> list[Running]:
        """Pass on what runs tell, kill what is late, and return the runs that have ended."""
        handles = {r.process.sentinel: r for r in self._running}
        handles |= {r.inbox.channel: r for r in self._running if not r.inbox.channel.closed}
        for ready in wait(list(handles), timeout=0.5):
            running = handles[ready]
            if ready is running.inbox.channel:
                self._listen(running)
        for running in self._running:
            if time.monotonic() > running.deadline and not running.timed_out:
                running.timed_out = self._late(running)
                kill(running.process)
        ended = [r for r in self._running if not r.process.is_alive()]
        self._running = [r for r in self._running if r not in ended]
        return ended

    def _late(self, running: Running) -> str:
        """Why a run is killed, and where it is."""
        patience = running.patience
        why = f"no minibatch for {patience:.0f} s" if patience else "it did not end in time"
        return f"killed by the watchdog: {why}{stuck_at(running.process.pid, running.log)}"

    def _listen(self, running: Running) -> None:
        """Pass on the progress of a run that has told something; end one that has reported."""
        for told in running.inbox.read():
            if isinstance(told, Report):
                running.keep(told)
                continue
            if isinstance(told, Checkpoint):
                keep_checkpoint(self._store, running, told)
                self._listener.kept(running.config)
                continue
            if running.patience:
                running.deadline = time.monotonic() + running.patience
            self._listener.progressed(running.config, told)
        if running.report is not None or running.inbox.damage:
            kill(running.process)

    def _collect(self, ended: Running) -> RunRecord:
        if ended.report is None:
            kill(ended.process)  # what it has left behind
        while ended.inbox.ready:  # what it told in its last moment
            self._listen(ended)
        killed = self._store.count(ended.config, *LOST)
        saved = keep_state(self._store, ended)
        record = record_of(ended, command=self._command, killed=killed, saved=saved)
        keep(self._store, record)
        if record.status in FINISHED:
            forget_cut(self._store, record.config)
        keep_logs(self._store, ended)
        self._clean(ended)
        self._listener.finished(record)
        return record

    def _clean(self, running: Running) -> None:
        running.inbox.channel.close()
        shutil.rmtree(running.folder, ignore_errors=True)
