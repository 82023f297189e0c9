"""What one run scores: every number of a leaderboard row, from one record."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from bench.config.reference_values import FROZEN_JOINT
from bench.ranking.pools import PoolKey
from bench.records.schema import FINISHED, RunRecord
from bench.records.weight_share import shares_used
from bench.stats import metrics, pareto


@dataclass(frozen=True)
class Bounds:
    """Accuracies between which the hypervolume is measured.

    Attributes:
        chance: NaN when no run of the pool got as far as to say it.
        frozen: whether `joint` stands in FROZEN_JOINT; else it is 1.
    """

    chance: float
    joint: float
    frozen: bool


@dataclass(frozen=True)
class Scores:
    """Numbers of one run, or their means over the runs of a row; NaN where not measured.

    accuracy, weights (used, as a share of the model's, above 1 for several networks),
    weights_prunable (the same over weight matrices and kernels only) and hypervolume rank; a failed
    run has the worst of them: the accuracy of chance with all weights. The others describe the runs
    that measured them; charged is a share of the budget.
    """

    accuracy: float
    weights: float
    weights_prunable: float
    hypervolume: float
    average_incremental_accuracy: float
    forgetting: float
    backward_transfer: float
    forward_transfer: float
    plasticity: float
    stability: float
    anytime_accuracy: float
    charged: float
    cpu_share: float
    weights_total: float
    buffer_bytes: float
    artifact_bytes: float


def bounds(key: PoolKey) -> Bounds:
    """The bounds of a pool; a joint accuracy that is not above chance does not hold for it."""
    joint = FROZEN_JOINT.get((key.benchmark, key.benchmark_version or "", key.scenario))
    chance = math.nan if key.chance is None else key.chance
    if joint is None or joint <= chance:
        return Bounds(chance, 1.0, False)
    return Bounds(chance, joint, True)


def of_run(record: RunRecord, within: Bounds) -> Scores:
    """The numbers of one run that counts."""
    assert record.status in FINISHED, "a run that the machine cut is missing, not bad"
    numbers = dict.fromkeys((f.name for f in fields(Scores)), math.nan)
    numbers |= _cost(record) | _size(record)
    numbers |= _success(record, within) if record.status == "ok" else _failure(within)
    return Scores(**{name: round_significant(value) for name, value in numbers.items()})


def mean(measured: Sequence[Scores]) -> Scores:
    """Each number's mean over the runs that measured it; NaN if none did."""
    numbers = {}
    for field in fields(Scores):
        values = [getattr(one, field.name) for one in measured]
        known = [value for value in values if not math.isnan(value)]
        numbers[field.name] = (
            round_significant(math.fsum(known) / len(known)) if known else math.nan
        )
    return Scores(**numbers)


def round_significant(value: float) -> float:
    """`value` to 12 significant digits: the last bits differ between machines, pages must not."""
    return float(f"{value:.12g}")


def _cost(record: RunRecord) -> dict[str, float]:
    if record.cost is None:
        return {}
    return {
        "charged": record.cost.charged / record.config.budget.amount,
        "cpu_share": math.nan if record.cost.cpu_share is None else record.cost.cpu_share,
    }


def _size(record: RunRecord) -> dict[str, float]:
    if not record.weights:
        return {}
    last = record.weights[-1]
    return {
        "weights_total": float(last.total),
        "buffer_bytes": float(last.buffer_bytes),
        "artifact_bytes": float(last.artifact_bytes),
    }


def _failure(within: Bounds) -> dict[str, float]:
    return {
        "accuracy": within.chance,
        "weights": 1.0,
        "weights_prunable": 1.0,
        "hypervolume": pareto.WORST_HYPERVOLUME,
    }


def _success(record: RunRecord, within: Bounds) -> dict[str, float]:
    assert record.outcome is not None, "admission refuses a run that is ok without an outcome"
    R = np.array(record.outcome.accuracy, dtype=float)
    accuracy = metrics.average_accuracy(R)
    share, prunable = shares_used(record.weights[-1], record.config, record.benchmark_version)
    return {
        "accuracy": accuracy,
        "weights": share,
        "weights_prunable": prunable,
        "hypervolume": pareto.hypervolume(
            [(share, accuracy)], chance=within.chance, joint=within.joint
        ),
        "average_incremental_accuracy": metrics.average_incremental_accuracy(R),
        "forgetting": metrics.forgetting(R),
        "backward_transfer": metrics.backward_transfer(R),
        "forward_transfer": metrics.forward_transfer(R, chance=within.chance),
        "plasticity": metrics.plasticity(R),
        "stability": metrics.stability(R),
        "anytime_accuracy": metrics.anytime_accuracy(
            record.outcome.curve, budget=record.config.budget.amount, chance=within.chance
        ),
    }
