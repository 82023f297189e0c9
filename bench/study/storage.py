"""The index that Optuna searches by: opened, checked, repaired, and made anew from the records.

The records are the truth. What is here can be lost: `bench study rebuild` makes it again.
"""

from __future__ import annotations

import fcntl
import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import (
    BaseStorage,
    InMemoryStorage,
    JournalStorage,
    RDBStorage,
    RetryHeartbeatStaleTrialCallback,
)
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from bench.study.space import distributions
from bench.study.study import Study, differences
from bench.study.trials import Trial, accuracy_path

NAME = "sleepbench"
"""Name of the one study in a storage."""

DECLARED = "declared"
"""Attribute of the study that says what it is."""

HEARTBEAT_SECONDS, GRACE_SECONDS = 60, 300

STATES = {
    "done": TrialState.COMPLETE,
    "stopped": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
_DIRECTIONS = {
    "weights": StudyDirection.MINIMIZE,
    "accuracy": StudyDirection.MAXIMIZE,
    "score": StudyDirection.MAXIMIZE,
}


@contextmanager
def quiet() -> Iterator[None]:
    """Optuna says nothing meanwhile: what happens is told by the display."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="optuna")
            warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(level)


class JournalLock:
    """Exclusive use of a journal by `flock`, which the system gives back when a process dies.

    A line without an end is what a killed writer left; it is cut off before anything is added to
    it, since Optuna could never read past it again.
    """

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._lock = journal.with_name(f".{journal.name}.lock")

    def acquire(self) -> bool:
        """Wait for the lock and repair the end of the file."""
        self._descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        cut_torn_line(self._journal)
        return True

    def release(self) -> None:
        """Give the lock back."""
        os.close(self._descriptor)


def cut_torn_line(path: Path) -> None:
    """Shorten a file to the end of its last whole line."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        end = size = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - 4096)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            file.truncate(end)


def open_storage(url: str) -> BaseStorage:
    """A storage: `memory`, a database's URL, or the path of a journal file.

    Raises:
        ValueError: if it cannot be reached.
    """
    if url == "memory":
        return InMemoryStorage()
    if "://" in url:
        return _database(url)
    journal = Path(url)
    try:
        journal.parent.mkdir(parents=True, exist_ok=True)
        lock: Any = JournalLock(journal)
        lock.acquire()
        lock.release()
        return JournalStorage(JournalFileBackend(str(journal), lock_obj=lock))
    except (ValueError, KeyError, AttributeError) as error:
        raise ValueError(f"storage {url} is damaged ({error}); {REBUILD}") from error
    except OSError as error:
        raise ValueError(f"storage {url} cannot be reached: {error}") from error


REBUILD = "make it anew from the records: python -m bench study rebuild --out DIR"


def _database(url: str) -> RDBStorage:
    from sqlalchemy.exc import SQLAlchemyError

    wait = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {}
    try:
        return RDBStorage(
            url,
            engine_kwargs={"pool_pre_ping": True, **wait},
            heartbeat_interval=HEARTBEAT_SECONDS,
            grace_period=GRACE_SECONDS,
            heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(),
        )
    except ImportError as error:
        raise ValueError(
            f"storage {hidden(url)} needs the driver of its database: install psycopg or pymysql, "
            "or name one that is there, as in postgresql+psycopg2://"
        ) from error
    except (SQLAlchemyError, OSError, RuntimeError) as error:
        why = str(error).splitlines()[0]
        raise ValueError(f"storage {hidden(url)} cannot be reached: {why}") from error


def hidden(url: str) -> str:
    """The URL of a storage without its password."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    if "://" not in url:
        return url
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url


def open_index(study: Study, storage: BaseStorage, **options: Any) -> optuna.Study:
    """The study in its storage, made there if there is none.

    Args:
        options: `sampler` and `pruner`, as Optuna takes them.

    Raises:
        ValueError: if the storage belongs to another study.
    """
    directions = [_DIRECTIONS[name] for name in study.objectives]
    try:
        index = optuna.create_study(
            storage=storage, study_name=NAME, directions=directions, load_if_exists=True, **options
        )
        declared = index.user_attrs.get(DECLARED)
    except (KeyError, AttributeError, ValueError) as error:
        raise ValueError(f"the storage is damaged ({error!r}); {REBUILD}") from error
    if declared is None:
        index.set_user_attr(DECLARED, study.model_dump(mode="json"))
        index.set_metric_names(list(study.objectives))
    else:
        refuse_another(Study.of(declared), study, "the storage")
    return index


def refuse_another(then: Study, now: Study, where: str) -> None:
    """Accept two that are one study.

    Args:
        where: what holds the first, for the message.

    Raises:
        ValueError: if they are not; tells what differs.
    """
    if different := differences(then, now):
        told = "; ".join(different)
        raise ValueError(f"{where} belongs to another study: {told}. Choose another --out")


def make_room(url: str) -> None:
    """Take the study out of a storage that is to be made anew; a damaged file is put aside."""
    if "://" not in url:
        journal = Path(url)
        if journal.exists():
            journal.replace(journal.with_name(f"{journal.name}.damaged"))
        return
    storage = _database(url)
    if NAME in optuna.get_all_study_names(storage):
        optuna.delete_study(study_name=NAME, storage=storage)


def fill(index: optuna.Study, study: Study, trials: Iterable[Trial]) -> None:
    """Add finished trials as their records tell them."""
    known = distributions(study.searched())
    index.add_trials([_frozen(trial, known, study) for trial in trials])


def _frozen(trial: Trial, known: dict[str, Any], study: Study) -> FrozenTrial:
    frozen = optuna.trial.create_trial(
        state=STATES[trial.state],
        values=None if trial.values is None else list(trial.values),
        params=dict(trial.chosen),
        distributions=known,
        user_attrs={
            "charged": trial.charged,
            "reason": trial.reason,
            **({"path": accuracy_path(trial.records[0])} if trial.state == "done" else {}),
        },
        intermediate_values=dict(enumerate(trial.steps, 1)) if len(study.objectives) == 1 else None,
    )
    frozen.datetime_start, frozen.datetime_complete = trial.started, trial.ended
    return frozen
