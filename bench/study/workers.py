"""The processes of a study: who is alive, and the trials that a dead one has left."""

from __future__ import annotations

import copy
import fcntl
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

import optuna
from optuna.storages import BaseStorage, RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.storages import fail_stale_trials as fail_without_heartbeat
from optuna.trial import FrozenTrial, TrialState

from bench.records.store import unwritable
from bench.study.storage import HEARTBEAT_SECONDS


class Worker:
    """One process among those that work in a folder.

    Alive is who holds the lock on its own file, which the system gives back when it dies.
    """

    def __init__(self, folder: Path) -> None:
        """A worker in the folder of a study, not yet alive."""
        self._folder = folder / ".workers"
        self.name = uuid.uuid4().hex[:12]

    def __enter__(self) -> Worker:
        """Raises ValueError if one cannot write in the folder."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._alive = (self._folder / self.name).open("w")
        except OSError as error:
            raise unwritable(self._folder.parent, error) from error
        fcntl.flock(self._alive, fcntl.LOCK_EX)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._alive.close()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other process of this folder begins a trial meanwhile."""
        with (self._folder / ".choosing").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def retry_stale(self, index: optuna.Study, storage: BaseStorage) -> None:
        """Put the trials of dead processes back into the queue; call it `alone`.

        Those of this folder are known by their locks, others by the heartbeats of a database. A
        trial that nobody signed is of a process that died while it was `alone`, unless a database
        lets processes of other folders begin trials.

        Args:
            index: the study.
            storage: that holds it.
        """
        fail_without_heartbeat(index)
        running = index.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        names = {trial.user_attrs.get("worker") for trial in running}
        dead = {name for name in names if name is not None and self._dead(name)}
        if not isinstance(storage, RDBStorage):
            dead.add(None)
        for trial in running:
            if trial.user_attrs.get("worker") in dead:
                with suppress(ValueError):  # another process was faster
                    index.tell(trial.number, state=TrialState.FAIL)
                    retry(index, trial.number)

    def _dead(self, name: str) -> bool:
        if name == self.name:
            return False
        try:
            with (self._folder / name).open("r+") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (FileNotFoundError, BlockingIOError):
            return False
        return True


def retry(index: optuna.Study, number: int) -> None:
    """Put the point of a trial that was lost into the queue again.

    As often as it is lost: a run that is always killed becomes a failure of its strategy.
    """
    trial = copy.deepcopy(index.get_trials(deepcopy=False)[number])
    trial.user_attrs = {}
    RetryHeartbeatStaleTrialCallback()(index, trial)


def retried(trials: Sequence[FrozenTrial]) -> set[int]:
    """Numbers of the trials whose point was put into the queue again."""
    histories = (RetryHeartbeatStaleTrialCallback.retry_history(trial) for trial in trials)
    return {number for history in histories for number in history}


class Heartbeats:
    """Tells a database once in a while which trials are alive; nothing where there is none."""

    def __init__(self, storage: BaseStorage, alive: Callable[[], list[int]]) -> None:
        """Heartbeats for a storage.

        Args:
            alive: gives the ids of the open trials.
        """
        self._storage, self._alive = storage, alive
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> None:
        if isinstance(self._storage, RDBStorage):
            self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._over.set()
        if isinstance(self._storage, RDBStorage):
            self._thread.join()

    def _beat(self) -> None:
        while not self._over.wait(HEARTBEAT_SECONDS / 2):
            for trial in self._alive():
                self.beat(trial)

    def beat(self, trial: int) -> None:
        """Say that a trial is alive."""
        if isinstance(self._storage, RDBStorage):
            self._storage.record_heartbeat(trial)
