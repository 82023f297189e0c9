"""What one run scores: every number of a leaderboard row, from one record."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np

from bench import metrics, stats
from bench.catalogue import find_benchmark, find_model
from bench.config import RunConfig
from bench.environment import fingerprint
from bench.pools import PoolKey
from bench.records import FINISHED, RunRecord, WeightsInUse
from strategies.registry import STRATEGIES

FROZEN_JOINT: dict[tuple[str, str, str], float] = {
    ("split-digits", "1.0", "task"): 0.995,
    ("split-digits", "1.0", "class"): 0.972,
    ("split-mnist", "1.0", "task"): 0.996,
    ("split-mnist", "1.0", "class"): 0.983,
    ("permuted-mnist", "1.0", "task"): 0.972,
    ("split-cifar10", "1.0", "task"): 0.887,
    ("split-cifar10", "1.0", "class"): 0.598,
}
"""Accuracy of joint training by (benchmark, version, scenario): the upper bound of the
hypervolume. Mean over five seeds of the committed rows of 60 s, of the digits 20 s. An entry is
never changed within a benchmark version; where there is none it is 1."""

FROZEN_WEIGHTS: dict[tuple[str, str, str, str], tuple[int, int]] = {
    ("split-digits", "1.0", "task", "mlp"): (50_610, 49_200),
    ("split-digits", "1.0", "class", "mlp"): (50_610, 50_200),
    ("split-mnist", "1.0", "task", "mlp"): (266_610, 265_200),
    ("split-mnist", "1.0", "class", "mlp"): (266_610, 266_200),
    ("permuted-mnist", "1.0", "task", "mlp"): (275_700, 265_200),
    ("split-cifar10", "1.0", "task", "vgg-small"): (814_122, 810_848),
    ("split-cifar10", "1.0", "class", "vgg-small"): (814_122, 813_408),
    ("mnist", "1.0", "class", "mlp"): (266_610, 266_200),
    ("mnist", "1.0", "class", "lenet5"): (61_706, 61_470),
    ("cifar10", "1.0", "class", "vgg-small"): (814_122, 813_408),
    ("cifar10", "1.0", "class", "resnet18-slim"): (1_094_750, 1_091_740),
}
"""Parameters, and those in weight matrices and kernels, of the model as it is built for all
experiences, by (benchmark, version, scenario, model): what every strategy's weights are a share of,
so that one that adds its own cannot hide them. Where there is none it is the run's own count."""


@dataclass(frozen=True)
class Bounds:
    """Accuracies between which the hypervolume is measured.

    chance: NaN when no run of the pool got as far as to say it.
    frozen: whether `joint` stands in FROZEN_JOINT; else it is 1.
    """

    chance: float
    joint: float
    frozen: bool


@dataclass(frozen=True)
class Measures:
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


def frozen_weights(
    benchmark: str, version: str | None, scenario: str, model: str
) -> tuple[int, int] | None:
    """What FROZEN_WEIGHTS has for these; None if it has nothing."""
    return FROZEN_WEIGHTS.get((benchmark, version or "", scenario, model))


def shares_used(used: WeightsInUse, config: RunConfig, version: str | None) -> tuple[float, float]:
    """The weights in use as shares of the model's parameters, and of its matrices and kernels.

    version: of the benchmark. The second is NaN for a model without such weights.
    """
    frozen = frozen_weights(config.benchmark, version, config.scenario, config.model)
    total, prunable = frozen or (used.total, used.prunable)
    return used.used / total, used.used_prunable / prunable if prunable else math.nan


def fault(record: RunRecord) -> str | None:
    """Why a record cannot be ranked although it did not fail, or whatever became of it if blind.

    None if it can, or is a failure.
    """
    config = record.config
    try:
        stream = find_benchmark(config.benchmark)  # its name is that of a folder of pages
        stream.check_scenario(config.benchmark, config.scenario)
        find_model(config.model)
    except ValueError as error:
        return str(error)
    if config.blind:
        return "a trial of a search, which never looked at the test stream"
    identity = _identity(json.dumps(record.environment.machine))
    if record.environment.fingerprint != identity:
        return f"fingerprint must be that of its machine, {identity}"
    if reason := _strategy_fault(record):
        return reason
    return _result_fault(record, stream.experiences) if record.status == "ok" else None


@lru_cache(maxsize=256)
def _identity(facts: str) -> str:
    """The fingerprint of a machine as JSON; most records are of few machines."""
    return fingerprint(json.loads(facts))


def _strategy_fault(record: RunRecord) -> str | None:
    name = record.config.strategy
    entry = STRATEGIES.get(name)
    if entry is not None and record.ranked != entry.ranked:
        return f"ranked must be {entry.ranked} for {name}, got {record.ranked}"
    if not name.isascii():  # letters of other scripts look like those of a name
        return f"strategy must be of ASCII letters, got {name!a}"
    if name != name.strip() or not name:
        return f"strategy must be a name with no space around it, got {name!r}"
    return None


def _result_fault(record: RunRecord, experiences: int | None) -> str | None:
    """experiences: of the stream; None where its data tell."""
    if record.cost is None:
        return "status is ok, but there is no cost"
    if record.outcome is None or not record.outcome.accuracy:
        return "status is ok, but there is no outcome"
    if experiences not in (None, len(record.outcome.accuracy)):
        return f"the stream has {experiences} experiences, got {len(record.outcome.accuracy)}"
    if None in record.outcome.accuracy[-1]:
        return "status is ok, but the final accuracy has gaps"
    if not record.weights or record.weights[-1].total < 1:
        return "status is ok, but the weights were not counted"
    return None


def measure(record: RunRecord, within: Bounds) -> Measures:
    """The numbers of one run that counts."""
    assert record.status in FINISHED, "a run that the machine cut is missing, not bad"
    numbers = dict.fromkeys((f.name for f in fields(Measures)), math.nan)
    numbers |= _cost(record) | _size(record)
    numbers |= _success(record, within) if record.status == "ok" else _failure(within)
    return Measures(**{name: stable(value) for name, value in numbers.items()})


def mean(measured: Sequence[Measures]) -> Measures:
    """Each number's mean over the runs that measured it; NaN if none did."""
    numbers = {}
    for field in fields(Measures):
        values = [getattr(one, field.name) for one in measured]
        known = [value for value in values if not math.isnan(value)]
        numbers[field.name] = stable(math.fsum(known) / len(known)) if known else math.nan
    return Measures(**numbers)


def stable(value: float) -> float:
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
        "hypervolume": stats.WORST_HYPERVOLUME,
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
        "hypervolume": stats.hypervolume(
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
