"""Trials as their records tell them: what was tried, what it reached, what it cost."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bench.config.run_config import Value
from bench.executor.messages import STOPPED
from bench.records.schema import FINISHED, RunRecord
from bench.records.weight_share import sizes
from bench.stats.score import size_score
from bench.study.study import Study

State = Literal["done", "stopped", "failed"]


@dataclass(frozen=True)
class Trial:
    """One point of the space.

    Attributes:
        number: in order of the start of its first run, from 0.
        values: of the objectives, in their order, None unless done.
        reason: why it failed.
        charged: by all its runs, in the budget's unit.
        steps: what a pruner was told, from step 1: `promise` after each experience or, of a study
            with several seeds, the final result of each seed.
    """

    number: int
    chosen: Mapping[str, Value]
    state: State
    values: tuple[float, ...] | None
    reason: str | None
    charged: float
    steps: tuple[float, ...]
    started: datetime
    ended: datetime
    records: tuple[RunRecord, ...]

    @property
    def accuracy(self) -> float:
        """Final average accuracy on held-out data, mean over seeds; NaN unless done."""
        if self.state != "done":
            return math.nan
        return _mean([accuracy(record) for record in self.records])

    @property
    def weights(self) -> float:
        """Share of the weights in use, geometric mean over seeds; NaN unless done."""
        if self.state != "done":
            return math.nan
        return 10 ** _mean([log_weights(record) for record in self.records])


def read_trials(study: Study, records: Iterable[RunRecord]) -> list[Trial]:
    """The trials that left records; records of anything else are left out."""
    attempts: dict[str, list[RunRecord]] = {}
    names = study.searched()
    for record in records:
        chosen = {n: record.config.hyperparameters.get(n) for n in names}
        if record.config in study.configs(chosen):
            attempts.setdefault(json.dumps(chosen, sort_keys=True), []).append(record)
    points = sorted(attempts.items(), key=lambda item: min(_start(r) for r in item[1]))
    trials: list[Trial] = []
    for text, own in points:
        trial = _trial(len(trials), json.loads(text), study, own)
        if trial is not None:
            trials.append(trial)
    return trials


def judge(study: Study, records: Sequence[RunRecord]) -> tuple[float, ...]:
    """Values of the objectives, mean over the records, which must be ok."""
    measured = {"weights": log_weights, "accuracy": accuracy, "score": score}
    return tuple(_mean([measured[name](record) for record in records]) for name in study.objectives)


def accuracy(record: RunRecord) -> float:
    """Final average accuracy on what was held out, a fraction."""
    assert record.outcome is not None, "asked of runs that are ok"
    assert record.outcome.validation is not None, "trials hold something out"
    final = [value for value in record.outcome.validation[-1] if value is not None]
    return _mean(final)


def score(record: RunRecord) -> float:
    """`bench.stats.score.size_score` of what was held out, between chance and 1."""
    assert record.outcome is not None, "asked of runs that are ok"
    capacity, _ = sizes(record.weights[-1], record.config, record.benchmark_version)
    return size_score(accuracy(record), capacity, chance=record.outcome.chance, joint=1.0)


def promise(study: Study, accuracy: float, weights: float) -> float:
    """What a pruner is told after an experience: as the objective, from what is known by then.

    Args:
        study: whose objective it is.
        accuracy: mean over the experiences so far, on held-out data.
        weights: share in use.
    """
    if study.objectives == ("score",):
        return size_score(accuracy, weights, chance=0.0, joint=1.0)
    return accuracy


def accuracy_path(record: RunRecord) -> list[list[float]]:
    """What a run had reached after each experience.

    Returns:
        Pairs: the share of weights in use and the mean accuracy so far, fractions.
    """
    if record.outcome is None:
        return []
    curve = [accuracy for _, accuracy in record.outcome.curve]
    shares = [counted.used / counted.total for counted in record.weights]
    return [[share, accuracy] for share, accuracy in zip(shares, curve, strict=False)]


def log_weights(record: RunRecord) -> float:
    """Decimal logarithm of the share of the weights in use at the end: the scale of the ranking."""
    last = record.weights[-1]
    return math.log10(max(1, last.used) / last.total)


def charged(record: RunRecord) -> float:
    """What a run spent; one that died without an account counts with its whole budget."""
    return record.cost.charged if record.cost is not None else record.config.budget.amount


def _trial(
    number: int, chosen: dict[str, Value], study: Study, attempts: Sequence[RunRecord]
) -> Trial | None:
    """The trial, or None if the machine cut it before anything could be said of it."""
    ordered = sorted(attempts, key=lambda r: (r.config.repetition, r.attempt))
    kept: dict[int, RunRecord] = {}
    for record in ordered:
        if record.status in FINISHED or record.reason == STOPPED:
            kept.setdefault(record.config.repetition, record)
    runs = tuple(kept[seed] for seed in sorted(kept))
    failed = next((r for r in runs if r.status != "ok" and r.reason != STOPPED), None)
    if not runs:
        return None
    done = len(runs) == study.seeds and all(r.status == "ok" for r in runs)
    state: State = "failed" if failed else "done" if done else "stopped"
    return Trial(
        number=number,
        chosen=chosen,
        state=state,
        values=judge(study, runs) if done else None,
        reason=f"{failed.status}: {failed.reason}" if failed else None,
        charged=math.fsum(charged(record) for record in ordered),
        steps=_promises(study, runs[0]) if study.seeds == 1 else _finals(study, runs),
        started=min(_start(record) for record in ordered),
        ended=max(record.environment.ended for record in ordered),
        records=runs,
    )


def _promises(study: Study, record: RunRecord) -> tuple[float, ...]:
    return tuple(promise(study, accuracy, weights) for weights, accuracy in accuracy_path(record))


def _finals(study: Study, records: Sequence[RunRecord]) -> tuple[float, ...]:
    told = score if study.objectives == ("score",) else accuracy
    return tuple(told(record) for record in records if record.status == "ok")


def _start(record: RunRecord) -> datetime:
    return record.environment.started


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
