"""An experiment of a paper, and its records as the arrays that analyses take."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.config.run_config import RunConfig, Value
from bench.config.suite import Suite
from bench.ranking import configurations, pools, scores
from bench.ranking.pools import PoolError, PoolKey, Seed
from bench.ranking.scores import Bounds, Scores
from bench.records.store import Stored
from bench.stats.intervals import Array


@dataclass(frozen=True)
class Experiment:
    """One suite, `suites/<name>.toml` in the paper's folder.

    Attributes:
        title: in words.
        differs: how its protocol differs from the paper's.
    """

    name: str
    title: str
    differs: str


@dataclass(frozen=True)
class Cell:
    """One strategy with its hyper-parameters: the runs of the suite, and those there are.

    Attributes:
        chosen: the hyper-parameters that the suite sets.
        varied: those of them in which the cells of the strategy differ.
        runs: the attempt that counts, by seed.
        measured: the scores of these runs, by seed; a failed run has the worst.
        missing: seeds without a run that counts.
    """

    strategy: str
    chosen: dict[str, Value]
    varied: dict[str, Value]
    runs: dict[Seed, Stored]
    measured: dict[Seed, Scores]
    missing: tuple[Seed, ...]

    @property
    def label(self) -> str:
        """`name`, or `name, rounds 4` with what varies."""
        return ", ".join([self.strategy, *(f"{n} {v}" for n, v in sorted(self.varied.items()))])

    @property
    def failed(self) -> int:
        """How many of the runs the strategy failed."""
        return sum(item.record.status != "ok" for item in self.runs.values())

    def errors(self) -> list[float]:
        """1 - final average accuracy of each run."""
        return [1 - one.accuracy for one in self.measured.values()]

    def weights(self, count: str = "used_prunable") -> dict[Seed, int]:
        """Weights of matrices and kernels in use at the end, of the runs that did not fail.

        Args:
            count: `used_prunable` counts those of all experiences, snapshots included; `active`
                counts those of the last.
        """
        return {
            seed: getattr(item.record.weights[-1], count)
            for seed, item in self.runs.items()
            if item.record.status == "ok"
        }


@dataclass(frozen=True)
class Result:
    """What there is of one experiment.

    Attributes:
        cells: in the order of the suite.
        key: the conditions of its records; None if there are none.
    """

    experiment: Experiment
    suite: Suite
    cells: tuple[Cell, ...]
    key: PoolKey | None

    @property
    def total(self) -> int:
        """How many runs the suite asks for."""
        return sum(len(cell.runs) + len(cell.missing) for cell in self.cells)

    @property
    def missing(self) -> int:
        """How many of them have no record that counts."""
        return sum(len(cell.missing) for cell in self.cells)

    def of(self, strategy: str) -> list[Cell]:
        """The cells of a strategy that have runs, in the order of the suite."""
        return [cell for cell in self.cells if cell.strategy == strategy and cell.runs]


def read_result(experiment: Experiment, suite: Suite, stored: Iterable[Stored]) -> Result:
    """The runs that `suite` asks for, among these records.

    Raises:
        PoolError: if they were not made under one condition; names the field that differs.
    """
    configs = suite.configs()
    digests = {config.digest for config in configs}
    own = [item for item in stored if item.record.digest in digests]
    key = pools.only_pool(own) if own else None
    within = scores.bounds(key) if key else None
    attempts: dict[str, list[Stored]] = {}
    for item in sorted(own, key=lambda item: item.record.attempt):
        attempts.setdefault(item.record.digest, []).append(item)
    groups: dict[str, list[RunConfig]] = {}
    for config in configs:
        groups.setdefault(json.dumps([config.strategy, config.hyperparameters]), []).append(config)
    cells = [
        _cell(group, _varied(group[0], configs), attempts, within) for group in groups.values()
    ]
    return Result(experiment, suite, tuple(cells), key)


def paired_errors(cells: Sequence[Cell]) -> Array:
    """Errors of the seeds that all cells have, (seeds, cells)."""
    seeds = sorted(set.intersection(*(set(cell.measured) for cell in cells))) if cells else []
    table = [[1 - cell.measured[seed].accuracy for cell in cells] for seed in seeds]
    return np.array(table, dtype=float).reshape(len(seeds), len(cells))


def curves(cells: Sequence[Cell], count: str) -> dict[Seed, list[tuple[float, float]]]:
    """Points (weights, accuracy) of each seed, one for each cell; failed runs are left out.

    Args:
        cells: of one strategy at several densities.
        count: which weights count, see `Cell.weights`.
    """
    found: dict[Seed, list[tuple[float, float]]] = {}
    for cell in cells:
        for seed, weights in cell.weights(count).items():
            found.setdefault(seed, []).append((float(weights), cell.measured[seed].accuracy))
    return found


def steps_per_second(cell: Cell) -> dict[Seed, float]:
    """Training minibatches per charged second of wall clock, of each run that counted them."""
    return {
        seed: cost.steps["train"] / cost.wall_seconds
        for seed, item in cell.runs.items()
        if (cost := item.record.cost) is not None and cost.wall_seconds > 0
    }


def most_forgetting(cells: Iterable[Cell]) -> list[float]:
    """Of each run, the largest change of any experience's accuracy after it was learned."""
    found = []
    for cell in cells:
        for item in cell.runs.values():
            if item.record.outcome is None or item.record.status != "ok":
                continue
            R = np.array(item.record.outcome.accuracy, dtype=float)
            lower = np.tril(np.ones_like(R, dtype=bool))
            changes = np.where(lower, np.abs(R - np.diag(R)), 0.0)
            found.append(float(changes.max()) if not np.isnan(changes).any() else math.nan)
    return found


def _cell(
    group: Sequence[RunConfig],
    varied: dict[str, Value],
    attempts: dict[str, list[Stored]],
    within: Bounds | None,
) -> Cell:
    runs, missing = {}, []
    for config in group:
        run = configurations.counted(attempts.get(config.digest, []))
        if run is None:
            missing.append((config.base_seed, config.repetition))
        else:
            runs[config.base_seed, config.repetition] = run
    resolved = {
        json.dumps(i.record.resolved, sort_keys=True) for i in runs.values() if i.record.resolved
    }
    if len(resolved) > 1:
        raise PoolError(f"runs of {group[0].strategy} must have the same defaults, found several")
    scored = scores.of_runs([run.record for run in runs.values()], within) if within else []
    measured = dict(zip(runs, scored, strict=bool(scored)))
    return Cell(group[0].strategy, group[0].hyperparameters, varied, runs, measured, tuple(missing))


def _varied(config: RunConfig, configs: Sequence[RunConfig]) -> dict[str, Value]:
    """The hyper-parameters of a configuration in which others of its strategy differ."""
    twins = [c.hyperparameters for c in configs if c.strategy == config.strategy]
    return {
        name: value
        for name, value in config.hyperparameters.items()
        if len({json.dumps(twin.get(name)) for twin in twins}) > 1
    }
