"""From the records of one pool to a ranked table: what each row says and in which order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from bench.ranking import configurations, pools, scores
from bench.ranking.configurations import Configuration
from bench.ranking.leaderboard import (
    MEASURES,
    OTHER_CAPS,
    SHARES,
    Front,
    Leaderboard,
    Measure,
    Points,
    Row,
    Sensitivity,
    levels,
)
from bench.ranking.pools import PoolKey, Seed
from bench.ranking.scores import Bounds, Scores, round_significant
from bench.records.parallel import parallel_map
from bench.records.store import Stored
from bench.stats import pareto, rank_intervals
from bench.stats.hypothesis_tests import kendall_tau
from bench.stats.intervals import Interval, generator, mean_interval
from bench.stats.score import collapsed, front_score, normalised_accuracy, size_score

DECIMALS = (4, 3)
"""Of mean weights and accuracy where rows are compared for the front: as a page prints them, so
that a fraction of one weight puts no row on it."""


def rank(stored: Sequence[Stored]) -> Leaderboard:
    """The leaderboard of one pool.

    Rows in order of mean score. A row that is no more accurate than chance has no place.

    Raises:
        PoolError: names the fields if the records are of several.
    """
    return _rank(pools.only_pool(stored), stored)


def rank_all(stored: Iterable[Stored]) -> list[Leaderboard]:
    """The leaderboard of each pool of these records; a tuned one with that of the defaults."""
    every = pools.pools(stored)
    known = [item for pool in every.values() for item in pool]
    ranked = parallel_map(
        lambda key: _rank(key, every[key]), list(every), records=len(known), known=known
    )
    found = dict(zip(every, ranked, strict=True))
    untuned = {key: board for key, board in found.items() if not key.tuned}
    return [
        replace(board, defaults=untuned.get(key.model_copy(update={"tuned": False})))
        if key.tuned
        else board
        for key, board in found.items()
    ]


def _rank(key: PoolKey, stored: Sequence[Stored]) -> Leaderboard:
    within = scores.bounds(key)
    grid = configurations.by_configuration(stored)
    rows = _rows(grid, within, tuned=key.tuned)
    entries = [row for row in rows if row.ranked]
    placed = [row for row in entries if row.accuracy.mean > within.chance]
    counting = {item.path for row in rows for item in row.runs.values()}
    every = [item for cells in grid.values() for seed in sorted(cells) for item in cells[seed]]
    tables = {measure: _table(placed, measure) for measure in MEASURES}
    return Leaderboard(
        key=key,
        bounds=within,
        rows=_ranked(placed, tables),
        unplaced=tuple(row for row in entries if not row.accuracy.mean > within.chance),
        upper_bounds=tuple(row for row in rows if not row.ranked),
        fronts=_fronts(entries, within),
        told_apart={measure: rank_intervals.told_apart(t) for measure, t in tables.items()},
        disagreements=_disagreements(placed, tables["score"]),
        tau=_tau([row.score.mean for row in placed], [row.accuracy.mean for row in placed]),
        sensitivity=_sensitivity(placed, within),
        missing=tuple(configurations.missing(grid)),
        records=tuple(every),
        uncounted=tuple(item for item in every if item.path not in counting),
    )


def _rows(
    grid: Mapping[Configuration, Mapping[Seed, list[Stored]]], within: Bounds, *, tuned: bool
) -> list[Row]:
    """A row for each configuration with a run that counts, best mean score first."""
    labels, names = configurations.labels(grid), configurations.names(grid, tuned=tuned)
    counted = {
        configuration: {s: run for s in sorted(cells) if (run := configurations.counted(cells[s]))}
        for configuration, cells in grid.items()
    }
    records = [item.record for runs in counted.values() for item in runs.values()]
    found = iter(scores.of_runs(records, within))
    rows = []
    for configuration, runs in counted.items():
        scored = {seed: next(found) for seed in runs}
        if runs:
            called = labels[configuration], names[configuration]
            rows.append(_row(configuration, called, runs, scored, within))
    return sorted(rows, key=lambda row: (-row.score.mean, row.label))


def _row(
    configuration: Configuration,
    called: tuple[str, str],
    runs: Mapping[Seed, Stored],
    scored: Mapping[Seed, Scores],
    within: Bounds,
) -> Row:
    """called: label and name."""
    every = list(scored.values())
    drops = [one.metrics["forgetting"] for one in every]
    row = Row(
        label=called[0],
        name=called[1],
        configuration=configuration,
        ranked=any(item.record.ranked for item in runs.values()),
        mean=scores.mean(every),
        accuracy=_interval([one.accuracy for one in every]),
        loss=_interval([one.loss for one in every if not math.isnan(one.loss)], most=math.inf),
        score=_interval([one.score for one in every]),
        memory_score=_interval([one.memory_score for one in every]),
        weights=_interval([one.weights for one in every], most=math.inf),
        capacity=_interval([one.capacity for one in every], most=math.inf),
        forgetting=_interval([drop for drop in drops if not math.isnan(drop)], -1.0),
        attained=(),
        needed=(),
        runs=runs,
        scores=scored,
        collapsed=_collapsed(every, within),
    )
    points = row.points
    return replace(row, attained=_attained(points, within), needed=_needed(points, within))


def _collapsed(every: Sequence[Scores], within: Bounds) -> int:
    if math.isnan(within.chance):
        return 0  # every run failed before it said what chance is
    ends = {"chance": within.chance, "joint": within.joint}
    return collapsed([normalised_accuracy(one.accuracy, **ends) for one in every])


def _table(rows: Sequence[Row], measure: Measure) -> npt.NDArray[np.float64]:
    """(seeds, rows) of one measure, NaN where a row has no run of a seed."""
    seeds = sorted({seed for row in rows for seed in row.scores})
    values = [[row.by(measure).get(seed, math.nan) for row in rows] for seed in seeds]
    return np.array(values, dtype=float).reshape(len(seeds), len(rows))


def _ranked(
    rows: Sequence[Row], tables: Mapping[Measure, npt.NDArray[np.float64]]
) -> tuple[Row, ...]:
    """The rows, which come best first, with their ranks and fronts."""
    ranks = {measure: rank_intervals.rank_intervals(t) for measure, t in tables.items()}
    alive = [i for i, row in enumerate(rows) if row.failed < len(row.runs)]
    layers = pareto.non_domination_ranks(
        [round(rows[i].mean.weights, DECIMALS[0]) for i in alive],
        [round(rows[i].mean.accuracy, DECIMALS[1]) for i in alive],
    )
    non_domination = dict(zip(alive, layers, strict=True))
    on_front = dict(zip(alive, _front_probabilities([rows[i] for i in alive]), strict=True))
    return tuple(
        replace(
            row,
            ranks={measure: found[i] for measure, found in ranks.items()},
            non_domination_rank=non_domination.get(i),
            on_front=on_front.get(i, math.nan),
        )
        for i, row in enumerate(rows)
    )


def _disagreements(
    rows: Sequence[Row], table: npt.NDArray[np.float64]
) -> tuple[tuple[str, str], ...]:
    found = rank_intervals.disagreements(table)
    return tuple((rows[one.first].name, rows[one.second].name) for one in found)


def _tau(first: Sequence[float], second: Sequence[float]) -> float:
    """Kendall's tau-b of two orders, rounded."""
    return round_significant(kendall_tau(first, second))


def _sensitivity(rows: Sequence[Row], within: Bounds) -> Sensitivity:
    """What the score says where its cap is drawn from OTHER_CAPS."""
    if not rows:
        return Sensitivity(math.nan, "")
    smallest, largest = OTHER_CAPS
    other = []
    for row in rows:
        own = [
            size_score(
                one.accuracy, one.capacity, chance=within.chance, joint=within.joint,
                smallest=smallest, largest=largest,
            ) if row.runs[seed].record.status == "ok" else 0.0
            for seed, one in row.scores.items()
        ]  # fmt: skip
        other.append(math.fsum(own) / len(own))
    first = max(range(len(rows)), key=lambda i: other[i])
    return Sensitivity(_tau([row.score.mean for row in rows], other), rows[first].name)


def _front_probabilities(rows: Sequence[Row]) -> list[float]:
    """How likely each row is on the front, its seeds drawn anew; failed runs count as worst."""
    return pareto.front_probabilities(
        [[one.weights for one in row.scores.values()] for row in rows],
        [[one.accuracy for one in row.scores.values()] for row in rows],
        decimals=DECIMALS,
        rng=generator(),
    )


def _fronts(rows: Sequence[Row], within: Bounds) -> tuple[Front, ...]:
    """The front of each strategy that has several rows, over the seeds that all of them have."""
    found = []
    for strategy in sorted({row.configuration.strategy for row in rows}):
        own = [row for row in rows if row.configuration.strategy == strategy]
        seeds = sorted(set.intersection(*(set(row.points) for row in own)))
        if len(own) < 2 or not seeds:
            continue
        points = {seed: [point for row in own for point in row.points[seed]] for seed in seeds}
        attained, needed = _attained(points, within), _needed(points, within)
        score = _interval([_front_score(own, seed, within) for seed in seeds])
        found.append(Front(strategy, len(own), score, attained, needed))
    return tuple(found)


def _front_score(rows: Sequence[Row], seed: Seed, within: Bounds) -> float:
    """Of the runs of one seed that did not fail."""
    runs = [row.scores[seed] for row in rows if row.runs[seed].record.status == "ok"]
    points = [(one.accuracy, one.capacity) for one in runs]
    return front_score(points, chance=within.chance, joint=within.joint) if points else 0.0


def _attained(points: Mapping[Seed, Points], within: Bounds) -> tuple[float, ...]:
    """Mean over seeds of the accuracy attained at each of SHARES.

    A seed with no run that small attains chance, so that failing pays at no share; with no such
    run at any seed the strategy has no operating point there: NaN. At all weights every run counts.
    """
    means = []
    for share in SHARES:
        best = [pareto.attainment(points[seed], share) for seed in sorted(points)]
        operates = share == 1 or not all(math.isnan(value) for value in best)
        filled = [within.chance if math.isnan(value) else value for value in best]
        means.append(round_significant(math.fsum(filled) / len(filled)) if operates else math.nan)
    return tuple(means)


def _needed(points: Mapping[Seed, Points], within: Bounds) -> tuple[float, ...]:
    """Mean over seeds of the weights it takes for each of `levels`; NaN unless every seed does."""
    means = []
    for accuracy in levels(within):
        least = [pareto.weights_needed(points[seed], accuracy) for seed in sorted(points)]
        means.append(round_significant(math.fsum(least) / len(least)))
    return tuple(means)


def _interval(values: Sequence[float], least: float = 0.0, most: float = 1.0) -> Interval:
    """The interval of a mean that lies between `least` and `most`, the same on every machine."""
    found = mean_interval(values, within=(least, most))
    return Interval(*map(round_significant, (found.mean, found.low, found.high)))
