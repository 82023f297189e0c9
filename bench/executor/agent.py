"""Carries out runs on a node of a cluster for an executor that commands from another machine.

A node shares no folder with the machine that commands: what a run goes on from comes with it, and
what it leaves behind is told.
"""

from __future__ import annotations

import os
import queue
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bench.config.run_config import RunConfig
from bench.data.presence import check_inputs
from bench.executor import parcel
from bench.executor.cores import Cores
from bench.executor.executor import Executor
from bench.executor.listener import Listener
from bench.executor.node import Began, Broken, Ended, Facts, Kept, Message, Moved, Needs, Order
from bench.executor.scratch import scratch
from bench.records import environment
from bench.records.schema import RunRecord
from bench.records.store import Store
from bench.runner.progress import Progress
from strategies.import_path import source_hash

PROGRESS_SECONDS = 1.0
"""Time between two messages on how far a run is, which are made on its cores."""

NEXT_SECONDS = 0.05
"""How long a free core waits for its next run before the others are looked after."""


class _Closed(Exception):
    """The agent is to end its runs now."""


class _Teller(Listener):
    """Tells all that a run does."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._last: dict[str, tuple[int, float]] = {}

    def started(self, config: RunConfig) -> None:
        self._agent.tell(Began(config.digest))

    def resumed(self, config: RunConfig, experiences: int) -> None:
        self._agent.tell(Began(config.digest, experiences))

    def progressed(self, config: RunConfig, progress: Progress) -> None:
        experience, when = self._last.get(config.digest, (-1, 0.0))
        now = time.monotonic()
        if progress.experience != experience or now - when > PROGRESS_SECONDS:
            self._last[config.digest] = progress.experience, now
            self._agent.tell(Moved(config.digest, progress))

    def kept(self, config: RunConfig) -> None:
        if found := parcel.packed_checkpoint(self._agent.store, config):
            self._agent.tell(Kept(config.digest, found))

    def finished(self, record: RunRecord) -> None:
        store = self._agent.store
        files = parcel.packed_files(store, record)
        goes_on = parcel.packed_checkpoint(store, record.config) is not None
        self._agent.tell(Ended(record.digest, record.model_dump_json(), files, goes_on))
        parcel.forget(store, record.config)


class Agent:
    """Takes runs, one for each of its jobs, and tells what becomes of them.

    Its methods are called from several threads.
    """

    def __init__(self, order: Order, jobs: int, folder: str) -> None:
        """Claim cores and begin to wait for runs.

        Args:
            order: how they are carried out.
            jobs: the most at once.
            folder: the current one of the command, which modules of the user's own lie in.
        """
        if Path(folder).is_dir():
            os.chdir(folder)
            if folder not in sys.path:
                sys.path.insert(0, folder)
        self._cores = Cores()
        self._cores.claim(jobs * order.threads)
        self._jobs = len(self._cores.claimed) // order.threads
        self._order = order
        self._waiting: queue.SimpleQueue[RunConfig | None] = queue.SimpleQueue()
        self._told: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._first: RunConfig | None = None
        self._closed = threading.Event()
        self.store = Store(Path(tempfile.mkdtemp(prefix="records-", dir=scratch())))
        if self._jobs:
            os.sched_setaffinity(0, self._cores.claimed)
            self._executor = Executor(
                self.store, jobs=self._jobs, data_root=order.data_root, command=order.command,
                states=order.states,
            )  # fmt: skip
            self._worker = threading.Thread(target=self._work, daemon=True)
            self._worker.start()

    def facts(self) -> Facts:
        """What this node is."""
        head, dirty = environment.commit()
        return Facts(self._jobs, environment.machine(), environment.versions(), head, dirty)

    def lacks(self, needs: Needs) -> str:
        """What runs need and this node has not, in a sentence; "" for nothing."""
        try:
            check_inputs(needs.benchmarks, needs.models, self._order.data_root)
            for kind, path, expected in needs.sources:
                if source_hash(kind, path) != expected:
                    return f"{kind} {path} must be the same file everywhere, this is another"
        except ValueError as error:
            return str(error)
        return ""

    def begin(
        self, config: str, records: Sequence[str], checkpoint: parcel.Checkpointed | None
    ) -> None:
        """Begin a run as soon as a core is free.

        Args:
            config: of the run, as JSON.
            records: of earlier attempts at it, as JSON.
            checkpoint: to go on from.
        """
        try:
            wanted = RunConfig.model_validate_json(config)
            for record in records:
                self.store.write(RunRecord.model_validate_json(record))
            if checkpoint is not None:
                parcel.unpack_checkpoint(self.store, wanted, checkpoint)
            self._waiting.put(wanted)
        except Exception as error:  # a full disk, say
            self._told.put(Broken(f"{type(error).__name__}: {error}"))

    def stop(self, config: str) -> None:
        """Ask a run to end now; its record says what it reached until then."""
        self._executor.stop(RunConfig.model_validate_json(config))

    def tell(self, message: Message) -> None:
        """Say something to who asks next; ends the runs of an agent that is closed."""
        if self._closed.is_set():
            raise _Closed
        self._told.put(message)

    def told(self, seconds: float) -> list[Message]:
        """What is new, after so long at most; how far runs are is no reason to answer earlier."""
        found: list[Message] = []
        until = time.monotonic() + seconds
        with suppress(queue.Empty):
            while not found or isinstance(found[-1], Moved):
                found.append(self._told.get(timeout=max(0.0, until - time.monotonic())))
            while True:
                found.append(self._told.get_nowait())
        return found

    def close(self, seconds: float = 5.0) -> None:
        """End all runs; what they would have left is lost."""
        self._closed.set()
        self._waiting.put(None)
        if self._jobs:
            self._worker.join(seconds)
        self._cores.release()

    def leave(self) -> None:
        """End all runs, and remove the temporary files of this process, which is killed next."""
        self.close()
        shutil.rmtree(scratch(), ignore_errors=True)

    def _work(self) -> None:
        try:
            while (config := self._waiting.get()) is not None:
                self._first = config
                self._executor.serve(self._next, _Teller(self), threads=self._order.threads)
        except _Closed:
            return
        except BaseException as error:
            self._told.put(Broken(f"{type(error).__name__}: {error}"))
            raise

    def _next(self) -> RunConfig | None:
        """The next run, if it is there already or comes at once."""
        if (first := self._first) is not None:
            self._first = None
            return first
        with suppress(queue.Empty):
            if (config := self._waiting.get(timeout=NEXT_SECONDS)) is not None:
                return config
            raise _Closed
        return None
