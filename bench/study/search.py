"""The search: asks Optuna for points, has them run, tells it what became of them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from bench.config.run_config import RunConfig
from bench.executor.executor import Executor
from bench.executor.listener import Listener, Listeners
from bench.executor.messages import STOPPED
from bench.records.schema import FINISHED, RunRecord
from bench.records.store import Store, read_record
from bench.runner.progress import Progress
from bench.study.points import queue_grid, same_point
from bench.study.samplers import PerTrial, dominated
from bench.study.space import distributions
from bench.study.study import Study
from bench.study.trials import accuracy_path, charged, judge, promise
from bench.study.workers import Heartbeats, Worker, retried, retry

FAILURES = 5
"""As many failures in a row for the same reason end a search."""

REDRAWS, OWN_REDRAWS = 100, 5
"""As many points in a row that were tried before end a search: there is nothing else. After the
first few, on which a sampler may insist, they are drawn at random."""


@dataclass(frozen=True)
class Effort:
    """How much is searched; a study may go on with another effort.

    Attributes:
        trials: how many there shall be, those of earlier calls and other processes included.
        grid: whether points come from a grid, not from a sampler.
        prune: whether the pruner is asked.
        first: the point of the first trial; None leaves it to the sampler.
    """

    trials: int
    grid: bool = False
    prune: bool = False
    first: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Ending:
    """Why a search begins no more trials although there are not enough.

    Attributes:
        ok: whether it is as it should be; a search whose trials all fail is not.
    """

    why: str
    ok: bool = True


@dataclass
class _OpenTrial:
    """A trial that is not finished, and the runs it still needs."""

    trial: optuna.Trial
    waiting: list[RunConfig]
    running: RunConfig | None = None
    records: list[RunRecord] = field(default_factory=list)
    spent: float = 0.0
    reported: int = 0


class Search(Listener):
    """The runs of a study, one after the other as cores are free.

    Attributes:
        ended: None while trials are begun, and when there are enough.
    """

    def __init__(
        self,
        study: Study,
        index: optuna.Study,
        *,
        effort: Effort,
        store: Store,
        executor: Executor,
        worker: Worker,
        storage: BaseStorage,
        shown: Listener | None = None,
    ) -> None:
        """A search that has not begun.

        Args:
            index: the study in `storage`.
            store: the records of earlier runs; one that is there is not run again.
            worker: this process among those of the folder.
            shown: told of every run as well.
        """
        self._study, self._index, self._effort = study, index, effort
        self._store, self._executor, self._worker = store, executor, worker
        self._shown = shown or Listener()
        self._space = study.searched()
        self._sampler = index.sampler
        self._open: dict[str, _OpenTrial] = {}
        self._failures: list[str] = []
        self._storage = storage
        self._heartbeats = Heartbeats(
            storage, lambda: [opened.trial._trial_id for opened in list(self._open.values())]
        )
        self.ended: Ending | None = None

    def run(self) -> None:
        """Run trials until there are enough, or until going on makes no sense."""
        with self._heartbeats:
            told = Listeners(self._shown, self)
            self._executor.serve(self.next_run, told, threads=self._study.threads)

    def next_run(self) -> RunConfig | None:
        """The next run of an open trial, or the first of a new one; None if there is none now."""
        while True:
            opened = next((o for o in self._open.values() if o.running is None), None)
            if opened is None and self.ended is None:
                opened = self._begin()
            if opened is None:
                return None
            config = opened.running = opened.waiting.pop(0)
            if (record := self._kept(config)) is None:
                return config
            self._take(record)

    def progressed(self, config: RunConfig, progress: Progress) -> None:
        """Stop the run if its trial promises nothing."""
        opened = self._open[_key(config)]
        follows = self._effort.prune and self._study.seeds == 1
        if follows and progress.accuracy is not None and progress.experience > opened.reported:
            opened.reported = progress.experience
            if self._promises_nothing(opened, progress):
                self._executor.stop(config)

    def finished(self, record: RunRecord) -> None:
        """Tell Optuna once its trial is decided."""
        self._take(record)

    def _promises_nothing(self, opened: _OpenTrial, progress: Progress) -> bool:
        """Whether the pruner would end a run that has just finished an experience."""
        assert progress.accuracy is not None, "asked of runs that have been evaluated"
        if len(self._study.objectives) == 1:
            assert progress.weights is not None, "counted when it was evaluated"
            told = promise(self._study, progress.accuracy, progress.weights)
            opened.trial.report(told, step=progress.experience)
            return opened.trial.should_prune()
        assert progress.weights is not None, "counted when it was evaluated"
        others = self._index.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        paths = [trial.user_attrs["path"] for trial in others]
        return dominated((progress.weights, progress.accuracy), progress.experience, paths)

    def _begin(self) -> _OpenTrial | None:
        """A new trial, or None when there are enough or none can be begun now."""
        with self._worker.alone():
            self._worker.retry_stale(self._index, self._storage)
            trial = self._ask()
        if trial is None:
            return None
        self._heartbeats.beat(trial._trial_id)
        opened = _OpenTrial(trial, waiting=self._study.configs(trial.params))
        self._open[_key(opened.waiting[0])] = opened
        return opened

    def _ask(self) -> optuna.Trial | None:
        """A trial at a point that no other has."""
        for redraw in range(REDRAWS):
            before = self._index.get_trials(deepcopy=False)
            if not self._may_begin(before):
                return None
            if self._effort.first and not before:
                self._index.enqueue_trial(dict(self._effort.first))
            if self._effort.grid and not queue_grid(self._index, self._space, before):
                self.ended = Ending("every point of the grid has been tried")
                return None
            if redraw >= OWN_REDRAWS:
                self._index.sampler = PerTrial("random", self._study.base_seed)
            trial = self._index.ask(distributions(self._space))
            self._index.sampler = self._sampler
            trial.set_user_attr("worker", self._worker.name)
            twin = same_point(trial, before)
            if twin is None:
                return trial
            trial.set_user_attr("twin", twin)
            self._index.tell(trial, state=TrialState.FAIL)
        self.ended = Ending(f"{REDRAWS} points in a row had been tried before")
        return None

    def _may_begin(self, trials: list[FrozenTrial]) -> bool:
        """Whether trials are missing and another can be paid for."""
        waiting = any(t.state == TrialState.WAITING for t in trials)
        if len(counted(trials)) >= self._effort.trials and not waiting:
            return False
        one = self._study.run_budget.amount
        under_way = sum(t.state == TrialState.RUNNING for t in trials)
        spent = math.fsum(t.user_attrs.get("charged", 0.0) for t in trials)
        final = self._study.whole_budget.amount  # for a run that scores what was found
        if spent + (under_way + 1) * one * self._study.seeds + final <= self._study.most:
            return True
        if not under_way:  # else some may be left when they have ended
            most = self._study.total_budget
            self.ended = Ending(f"another trial might bring the search to more than {most}")
        return False

    def _kept(self, config: RunConfig) -> RunRecord | None:
        """The record of a run that was finished before its trial could be told."""
        for attempt in range(1, self._store.attempts(config) + 1):
            path = self._store.path(config, attempt)
            if path.exists() and (record := read_record(path)).status in FINISHED:
                return record
        return None

    def _take(self, record: RunRecord) -> None:
        """One run more of an open trial; decide the trial if it can be."""
        opened = self._open[_key(record.config)]
        opened.running = None
        opened.spent += charged(record)
        opened.records.append(record)
        if record.reason == STOPPED:
            self._tell(opened, TrialState.PRUNED)
        elif record.status != "ok":
            self._fail(opened, record)
        elif self._behind(opened, record):
            self._tell(opened, TrialState.PRUNED)
        elif not opened.waiting:
            self._failures.clear()
            self._tell(opened, TrialState.COMPLETE, judge(self._study, opened.records))

    def _behind(self, opened: _OpenTrial, record: RunRecord) -> bool:
        """Whether the pruner finds a trial worse than the best on the seeds that it has run."""
        if self._study.seeds == 1 or len(self._study.objectives) > 1:
            return False
        (reached,) = judge(self._study, [record])
        opened.trial.report(reached, step=len(opened.records))
        more = bool(opened.waiting) and self._effort.prune
        return more and opened.trial.should_prune()

    def _fail(self, opened: _OpenTrial, record: RunRecord) -> None:
        reason = f"{record.status}: {record.reason}"
        opened.trial.set_user_attr("reason", reason)
        self._tell(opened, TrialState.FAIL)
        if record.status not in FINISHED:  # the machine's fault: the same point once more
            retry(self._index, opened.trial.number)
        self._failures = [*self._failures, re.sub(r"\d+", "#", reason)][-FAILURES:]
        if len(self._failures) == FAILURES and len(set(self._failures)) == 1:
            why = f"{FAILURES} trials in a row failed for the same reason: {reason}"
            self.ended = Ending(why, ok=False)

    def _tell(
        self, opened: _OpenTrial, state: TrialState, values: tuple[float, ...] | None = None
    ) -> None:
        opened.trial.set_user_attr("charged", opened.spent)
        if state == TrialState.COMPLETE:
            opened.trial.set_user_attr("path", accuracy_path(opened.records[0]))
        self._index.tell(opened.trial, values, state)
        del self._open[_key(opened.records[0].config)]


def counted(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """The trials that count: no point tried before, no trial that is retried."""
    again = retried(trials)
    return [t for t in trials if t.number not in again and "twin" not in t.user_attrs]


def _key(config: RunConfig) -> str:
    """What the runs of one trial share."""
    return json.dumps(config.hyperparameters, sort_keys=True)
