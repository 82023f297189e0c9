"""What runs tell goes to loggers, in threads of their own: none can hold up or fail a run."""

from __future__ import annotations

import queue
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.config.run_config import RunConfig
from bench.executor.listener import Listener, Listeners
from bench.loggers.logger import LoggedRun, Logger
from bench.loggers.registry import open_loggers
from bench.records.schema import Matrix, RunRecord
from bench.records.store import LOGS, write_atomically
from bench.records.weight_share import shares_used
from bench.runner.progress import Progress

POINTS = 100
"""How often a run is logged, besides after each experience: loggers share its machine."""

PATIENCE_SECONDS = 60.0
"""How long loggers may go on without writing anything when there is no run any more."""

INTERRUPTED_SECONDS = 5.0
"""How long they may go on in all after an interruption."""

HOME = "id"
"""The file that holds the name of a folder of records, beside what loggers write."""

Work = Callable[[Logger], None]
Values = Mapping[str, float | None]


@contextmanager
def logged(names: Sequence[str], out: Path, listener: Listener) -> Iterator[Listener]:
    """A listener that tells another one, and loggers.

    Args:
        names: of the loggers.
        out: folder of the records; what loggers write lies in it.
        listener: told as well, and warned of loggers that fail.

    Raises:
        ValueError: for a logger that cannot be used.
    """
    if not names:
        yield listener
        return
    folder = out / LOGS
    log = Log(open_loggers(names, folder), listener.warned, home=_home(folder))
    try:
        yield Listeners(listener, log)
    except BaseException:
        log.close(INTERRUPTED_SECONDS, go_on=False)
        raise
    log.close(PATIENCE_SECONDS)


def _home(folder: Path) -> str:
    """A name for this folder of records, made once."""
    path = folder / HOME
    if not path.is_file():
        write_atomically(path, uuid.uuid4().hex[:8])
    return path.read_text(encoding="utf-8").strip()


class _Writer:
    """One logger in a thread of its own; after its first error it writes no more."""

    def __init__(self, name: str, logger: Logger, warn: Callable[[str], None]) -> None:
        self.name, self._logger, self._warn = name, logger, warn
        self._waiting: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    @property
    def left(self) -> int:
        """What is still to be written."""
        return self._waiting.qsize()

    @property
    def ended(self) -> bool:
        """Whether it writes nothing any more."""
        return not self._thread.is_alive()

    def put(self, work: Work | None) -> None:
        """Have something written; None is the end."""
        self._waiting.put(work)

    def _write(self) -> None:
        try:
            while (work := self._waiting.get()) is not None:
                work(self._logger)
            self._logger.close()
        except (Exception, SystemExit) as error:  # whatever others' code may raise
            what = f"{type(error).__name__}: {error}"
            self._warn(f"--log {self.name} has failed and writes no more; the runs go on. {what}")
            with suppress(Exception):
                self._logger.close()


@dataclass
class _Told:
    """What was told of a run since it has started.

    Attributes:
        run: which it is.
        resumed: whether it goes on from a checkpoint.
        begun: whether the loggers know of it.
        points: how many hundredths of its budget it had spent.
        rows: numbers, from 1, of the experiences whose evaluation was told.
    """

    run: LoggedRun
    resumed: bool = False
    begun: bool = False
    points: int = -1
    rows: set[int] = field(default_factory=set)


class Log(Listener):
    """Tells loggers how far runs are, what they reach, and how they end."""

    def __init__(
        self, loggers: Mapping[str, Logger], warn: Callable[[str], None], *, home: str
    ) -> None:
        """A listener for these loggers.

        Args:
            warn: told when one of them fails.
            home: see `LoggedRun`.
        """
        self._writers = [_Writer(name, logger, warn) for name, logger in loggers.items()]
        self._told: dict[str, _Told] = {}
        self._warn, self._home = warn, home

    def started(self, config: RunConfig) -> None:
        """Wait for what it tells first: it may go on from a checkpoint."""
        self._told[config.digest] = _Told(LoggedRun(config, self._home))

    def resumed(self, config: RunConfig, experiences: int) -> None:
        """What it told before its last evaluation stands; that one it tells once more."""
        told = self._told[config.digest]
        told.resumed, told.rows = True, set(range(1, experiences))

    def progressed(self, config: RunConfig, progress: Progress) -> None:
        """Log a point at each hundredth of the budget, and after each experience."""
        told = self._told[config.digest]
        charged, point = progress.spent * config.budget.amount, int(progress.spent * POINTS)
        self._begin(told, charged)
        examined = bool(progress.accuracies) and progress.experience not in told.rows
        if examined or point > told.points:
            row = _row(progress.accuracies) if examined else {}
            told.rows |= {progress.experience} if examined else set()
            told.points = point
            reached = {"accuracy": progress.accuracy, "weights": progress.weights}
            self._log(told, charged, {**row, **reached, "experience": progress.experience})

    def lost(self, config: RunConfig, node: str) -> None:
        """The run ends here; another one will begin."""
        self._end(config.digest, "lost")

    def finished(self, record: RunRecord) -> None:
        """Log what was not told while it ran, and end the run.

        One that goes on from a checkpoint and dies before it tells anything leaves what is there.
        """
        told = self._told.get(record.digest)
        if told is not None and (told.begun or not told.resumed):
            self._begin(told, 0.0)
            for charged, values in _rows_of(record, told.rows):
                self._log(told, charged, values)
        self._end(record.digest, record.status)

    def close(self, patience: float, *, go_on: bool = True) -> None:
        """End what still runs, and wait for the loggers.

        Args:
            patience: seconds.
            go_on: wait as long as they write something, and only then so long.
        """
        for digest in list(self._told):
            self._end(digest, "killed")
        for writer in self._writers:
            writer.put(None)
        left, deadline = self._left(), time.monotonic() + patience
        while not all(writer.ended for writer in self._writers) and time.monotonic() < deadline:
            time.sleep(0.05)
            if go_on and self._left() != left:
                left, deadline = self._left(), time.monotonic() + patience
        for writer in self._writers:
            if not writer.ended:
                self._warn(
                    f"--log {writer.name} has not ended, and is left: {writer.left} to write"
                )

    def _left(self) -> int:
        return sum(writer.left for writer in self._writers)

    def _begin(self, told: _Told, charged: float) -> None:
        if not told.begun:
            told.begun = True
            run, since = told.run, charged if told.resumed else 0.0
            self._put(lambda logger: logger.begin(run, since))

    def _log(self, told: _Told, charged: float, values: Values) -> None:
        run, known = told.run, {name: v for name, v in values.items() if v is not None}
        self._put(lambda logger: logger.log(run, charged, known))

    def _end(self, digest: str, status: str) -> None:
        told = self._told.pop(digest, None)
        if told is not None and told.begun:
            run = told.run
            self._put(lambda logger: logger.end(run, status))

    def _put(self, work: Work) -> None:
        for writer in self._writers:
            if not writer.ended:
                writer.put(work)


def _row(accuracies: Sequence[float | None]) -> dict[str, float | None]:
    """One row of the accuracy matrix, by the number of the experience that is tested on."""
    return {f"accuracy_on/{i}": value for i, value in enumerate(accuracies, start=1)}


def _rows_of(record: RunRecord, told: set[int]) -> Iterator[tuple[float, Values]]:
    """(charged, what was reached) for each evaluation that was not told while the run went on."""
    outcome, cost = record.outcome, record.cost
    if outcome is None or cost is None:
        return
    matrix: Matrix | None = outcome.accuracy
    if record.config.validation_only:
        matrix = outcome.validation
    rows = [i for i, row in enumerate(matrix or []) if any(v is not None for v in row)]
    whole = len(outcome.curve) == len(rows) == len(record.weights)
    for place, i in enumerate(rows):
        if matrix is None or i + 1 in told:
            continue
        charged = outcome.curve[place][0] if whole else cost.charged
        weights = record.weights[place if whole else -1]
        used, _ = shares_used(weights, record.config, record.benchmark_version)
        seen = [value for value in matrix[i][: i + 1] if value is not None]
        mean = sum(seen) / len(seen) if outcome.days is None else outcome.days.mean
        yield charged, {**_row(matrix[i]), "accuracy": mean, "weights": used, "experience": i + 1}
