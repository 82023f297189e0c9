"""From the records of one pool to a ranked table: what each row says and in which order."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TypeVar

from bench.ranking import configurations, pools, scores
from bench.ranking.configurations import Configuration
from bench.ranking.leaderboard import SHARES, Front, Leaderboard, Points, Row, levels
from bench.ranking.pools import Seed
from bench.ranking.scores import Bounds, round_significant
from bench.records.store import Stored
from bench.stats import hypothesis_tests, pareto
from bench.stats.hypothesis_tests import ALPHA
from bench.stats.intervals import Interval, generator, mean_interval

DECIMALS = (4, 3)
"""Of mean weights and accuracy where rows are compared for the front: as a page prints them, so
that a fraction of one weight puts no row on it."""


Key = TypeVar("Key")


def rank(stored: Sequence[Stored]) -> Leaderboard:
    """The leaderboard of one pool.

    Rows in order of mean hypervolume. A row shares the rank of the one above unless the paired
    test, Holm-adjusted over all neighbours, separates the two.

    Raises:
        PoolError: names the fields if the records are of several.
    """
    key = pools.only_pool(stored)
    within = scores.bounds(key)
    grid = configurations.by_configuration(stored)
    labels, names = configurations.labels(grid), configurations.names(grid)
    rows = []
    for configuration, cells in grid.items():
        runs = {seed: run for seed in sorted(cells) if (run := configurations.counted(cells[seed]))}
        if runs:
            rows.append(
                _row(configuration, (labels[configuration], names[configuration]), runs, within)
            )
    rows.sort(key=lambda row: (-row.hypervolume.mean, row.label))
    entries = [row for row in rows if row.ranked]
    counting = {item.path for row in rows for item in row.runs.values()}
    every = [item for cells in grid.values() for seed in sorted(cells) for item in cells[seed]]
    return Leaderboard(
        key=key,
        bounds=within,
        rows=_ranked(entries),
        upper_bounds=tuple(row for row in rows if not row.ranked),
        fronts=_fronts(entries, within),
        missing=tuple(configurations.missing(grid)),
        records=tuple(every),
        uncounted=tuple(item for item in every if item.path not in counting),
    )


def _row(
    configuration: Configuration,
    called: tuple[str, str],
    runs: Mapping[Seed, Stored],
    within: Bounds,
) -> Row:
    """called: label and name."""
    scored = {seed: scores.of_run(item.record, within) for seed, item in runs.items()}
    drops = [one.metrics["forgetting"] for one in scored.values()]
    row = Row(
        label=called[0],
        name=called[1],
        configuration=configuration,
        ranked=any(item.record.ranked for item in runs.values()),
        mean=scores.mean(list(scored.values())),
        accuracy=_interval([one.accuracy for one in scored.values()]),
        hypervolume=_interval(
            [one.hypervolume for one in scored.values()], pareto.WORST_HYPERVOLUME
        ),
        weights=_interval([one.weights for one in scored.values()], most=math.inf),
        forgetting=_interval([drop for drop in drops if not math.isnan(drop)], -1.0),
        attained=(),
        needed=(),
        runs=runs,
        scores=scored,
    )
    points = row.points
    return replace(row, attained=_attained(points, within), needed=_needed(points, within))


def _ranked(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows, which come best first, with rank, p-value against the row above, and front."""
    adjusted = hypothesis_tests.holm(
        [p_ahead(above.hypervolumes, row.hypervolumes) for above, row in pairwise(rows)]
    )
    alive = [i for i, row in enumerate(rows) if row.failed < len(row.runs)]
    layers = pareto.non_domination_ranks(
        [round(rows[i].mean.weights, DECIMALS[0]) for i in alive],
        [round(rows[i].mean.accuracy, DECIMALS[1]) for i in alive],
    )
    non_domination = dict(zip(alive, layers, strict=True))
    on_front = dict(zip(alive, _front_probabilities([rows[i] for i in alive]), strict=True))
    rank_intervals = pareto.rank_intervals(
        [list(row.hypervolumes.values()) for row in rows],
        rng=generator(),
    )
    result: list[Row] = []
    current = 1
    for i, row in enumerate(rows):
        p = round_significant(adjusted[i - 1]) if i else math.nan
        current = i + 1 if p <= ALPHA else current
        result.append(
            replace(
                row,
                rank=current,
                rank_interval=rank_intervals[i],
                p_above=p,
                improvement=_improvement(rows[i - 1], row) if i else math.nan,
                non_domination_rank=non_domination.get(i),
                on_front=on_front.get(i, math.nan),
            )
        )
    ranks = Counter(row.rank for row in result)
    return tuple(replace(row, tied=ranks[row.rank] > 1) for row in result)


def p_ahead(one: Mapping[Key, float], other: Mapping[Key, float]) -> float:
    """The paired test over the keys that both have; 1 where `one` is not ahead over these.

    Means over keys that the other lacks may put `one` first, which separates nothing.
    """
    keys = [key for key in one if key in other]
    if math.fsum(one[key] - other[key] for key in keys) <= 0:
        return 1.0
    return hypothesis_tests.paired_sign_flip(
        [one[key] for key in keys],
        [other[key] for key in keys],
        rng=generator(),
    )


def _improvement(one: Row, other: Row) -> float:
    scores = (list(row.hypervolumes.values()) for row in (one, other))
    return round_significant(hypothesis_tests.probability_of_improvement(*scores))


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
        volumes = [
            pareto.hypervolume(some, chance=within.chance, joint=within.joint)
            if some
            else pareto.WORST_HYPERVOLUME
            for some in points.values()
        ]
        attained, needed = _attained(points, within), _needed(points, within)
        area = _interval(volumes, pareto.WORST_HYPERVOLUME)
        found.append(Front(strategy, len(own), area, attained, needed))
    return tuple(found)


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


def rank_all(stored: Iterable[Stored]) -> list[Leaderboard]:
    """The leaderboard of each pool of these records."""
    return [rank(pool) for pool in pools.pools(stored).values()]
