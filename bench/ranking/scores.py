"""What one run scores: every number of a leaderboard row, from one record."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from bench.config.reference_values import frozen_joint
from bench.ranking.pools import PoolKey
from bench.records.schema import FINISHED, Outcome, RunRecord
from bench.records.weight_share import shares_used, sizes
from bench.stats.metrics import METRICS, Learned, average_accuracy
from bench.stats.score import size_score


@dataclass(frozen=True)
class Bounds:
    """Accuracies between which the score measures.

    Attributes:
        chance: NaN when no run of the pool got as far as to say it.
        frozen: whether `joint` is frozen for the pool; else it is 1.
    """

    chance: float
    joint: float
    frozen: bool


@dataclass(frozen=True)
class Scores:
    """Numbers of one run, or their means over the runs of a row; NaN where not measured.

    A failed run has the accuracy of chance, all weights and a score of 0. What does not rank
    describes the runs that measured it.

    Attributes:
        accuracy: final average accuracy; on a stream by day and night that of the days.
        loss: mean absolute error by day, where numbers are to be estimated.
        weights: used, as a share of the model's, above 1 for several networks.
        weights_prunable: the same over weight matrices and kernels only.
        capacity: bits that it takes to answer, as a share of the model's 32 a parameter.
        score: see `bench.stats.score.size_score`, of accuracy and capacity.
        memory_score: the same of accuracy and memory.
        memory: what is kept to go on learning and answering, as a share of the model's bytes.
        metrics: those of `bench.stats.metrics.METRICS`, by name.
        charged: share of the budget.
        cpu_share: CPU seconds over wall seconds times threads.
        unaccounted: seconds that runs took, seen from outside, and do not account for themselves;
            NaN where the record does not tell.
        total_parameters: parameters of all networks of the strategy.
        memory_bytes: what `memory` is a share of the model's of.
        buffer_bytes: what the strategy stores beside its weights.
        stored_bytes: what must be saved to answer for all experiences, compressed.
        stored_examples: training examples that it keeps; NaN where the record does not tell.
    """

    accuracy: float = math.nan
    loss: float = math.nan
    weights: float = math.nan
    weights_prunable: float = math.nan
    capacity: float = math.nan
    score: float = math.nan
    memory_score: float = math.nan
    memory: float = math.nan
    metrics: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(METRICS, math.nan))
    charged: float = math.nan
    cpu_share: float = math.nan
    unaccounted: float = math.nan
    total_parameters: float = math.nan
    memory_bytes: float = math.nan
    buffer_bytes: float = math.nan
    stored_bytes: float = math.nan
    stored_examples: float = math.nan


def bounds(key: PoolKey) -> Bounds:
    """The bounds of a pool; a joint accuracy that is not above chance does not hold for it."""
    joint = frozen_joint(key.benchmark, key.benchmark_version, key.scenario, key.budget)
    chance = math.nan if key.chance is None else key.chance
    if joint is None or joint <= chance:
        return Bounds(chance, 1.0, False)
    return Bounds(chance, joint, True)


def of_runs(records: Sequence[RunRecord], within: Bounds) -> list[Scores]:
    """The numbers of runs of one pool that count."""
    told = _told(records, within)
    return [_of_run(record, within, told.get(i, {})) for i, record in enumerate(records)]


def _of_run(record: RunRecord, within: Bounds, told: Mapping[str, float]) -> Scores:
    """told: what METRICS say of it, and its final average accuracy as `accuracy`."""
    assert record.status in FINISHED, "a run that the machine cut is missing, not bad"
    numbers = _cost(record) | _size(record)
    if record.status != "ok":
        return _scores(numbers | _failure(within), {})
    return _scores(numbers | _success(record, told["accuracy"], within), told)


def _told(records: Sequence[RunRecord], within: Bounds) -> dict[int, dict[str, float]]:
    """What the matrices and curves of the runs that did not fail say, by place in `records`.

    All matrices of one size at once: ten thousand records have many small ones.
    """
    told: dict[int, dict[str, float]] = {}
    by_size: dict[int, list[int]] = {}
    for i, record in enumerate(records):
        if record.status == "ok":
            by_size.setdefault(len(_outcome(record).accuracy), []).append(i)
    for places in by_size.values():
        learned = _learned([records[i] for i in places], within)
        values = {name: metric(learned) for name, metric in METRICS.items()}
        values["accuracy"] = _accuracy([records[i] for i in places], learned)
        columns = [np.asarray(value).tolist() for value in values.values()]
        for i, row in zip(places, zip(*columns, strict=True), strict=True):
            told[i] = dict(zip(values, row, strict=True))
    return told


def _accuracy(records: Sequence[RunRecord], learned: Learned) -> list[float]:
    """What ranks each: by day, where a stream has days, else after its last experience."""
    final = np.asarray(average_accuracy(learned.accuracy)).tolist()
    days = [_outcome(record).days for record in records]
    return [end if of is None else of.mean for of, end in zip(days, final, strict=True)]


def mean(scores: Sequence[Scores]) -> Scores:
    """Each number's mean over the runs that measured it; NaN if none did."""
    names = [one.name for one in fields(Scores) if one.name != "metrics"]
    numbers = {name: _mean([getattr(one, name) for one in scores]) for name in names}
    return _scores(
        numbers, {name: _mean([one.metrics[name] for one in scores]) for name in METRICS}
    )


def _scores(numbers: Mapping[str, float], told: Mapping[str, float]) -> Scores:
    rounded = {name: round_significant(value) for name, value in numbers.items()}
    metrics = {name: round_significant(told.get(name, math.nan)) for name in METRICS}
    return Scores(**rounded, metrics=metrics)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return math.fsum(known) / len(known) if known else math.nan


def round_significant(value: float) -> float:
    """`value` to 12 significant digits: the last bits differ between machines, pages must not."""
    return float(f"{value:.12g}")


def _cost(record: RunRecord) -> dict[str, float]:
    if record.cost is None:
        return {}
    return {
        "charged": record.cost.charged / record.config.budget.amount,
        "cpu_share": math.nan if record.cost.cpu_share is None else record.cost.cpu_share,
        "unaccounted": math.nan
        if record.outside is None
        else record.outside.wall_seconds - record.cost.accounted_seconds,
    }


def _size(record: RunRecord) -> dict[str, float]:
    if not record.weights:
        return {}
    last = record.weights[-1]
    return {
        "total_parameters": float(last.total),
        "memory_bytes": float(last.memory_bytes),
        "buffer_bytes": float(last.buffer_bytes),
        "stored_bytes": float(last.artifact_bytes),
        "stored_examples": math.nan
        if last.stored_examples is None
        else float(last.stored_examples),
    }


def _failure(within: Bounds) -> dict[str, float]:
    return {
        "accuracy": within.chance,
        "weights": 1.0,
        "weights_prunable": 1.0,
        "capacity": 1.0,
        "score": 0.0,
        "memory_score": 0.0,
    }


def _outcome(record: RunRecord) -> Outcome:
    assert record.outcome is not None, "admission refuses a run that is ok without an outcome"
    return record.outcome


def _learned(records: Sequence[RunRecord], within: Bounds) -> Learned:
    outcomes = [_outcome(record) for record in records]
    return Learned(
        accuracy=np.array([outcome.accuracy for outcome in outcomes], dtype=float),
        # examined once, after all nights, a run has no curve
        curves=[[] if outcome.days else outcome.curve for outcome in outcomes],
        budget=records[0].config.budget.amount,
        chance=within.chance,
        changes=[[] if (one := outcome.following) is None else one.changes for outcome in outcomes],
    )


def _success(record: RunRecord, accuracy: float, within: Bounds) -> dict[str, float]:
    last = record.weights[-1]
    share, prunable = shares_used(last, record.config, record.benchmark_version)
    capacity, memory = sizes(last, record.config, record.benchmark_version)
    ends = {"chance": within.chance, "joint": within.joint}
    losses = None if (days := _outcome(record).days) is None else days.losses
    return {
        "accuracy": accuracy,
        "loss": math.nan if losses is None else losses.mean,
        "weights": share,
        "weights_prunable": prunable,
        "capacity": capacity,
        "score": size_score(accuracy, capacity, **ends),
        "memory_score": size_score(accuracy, memory, **ends),
        "memory": memory,
    }
