"""From the records of one pool to a ranked table: what each row says and in which order."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from string import ascii_lowercase

import numpy as np

from bench import measures, pools, stats
from bench.measures import Bounds, Measures, stable
from bench.pools import Entrant, Missing, PoolKey, Seed
from bench.stats import Interval
from bench.store import Stored

ALPHA = 0.05
"""Two rows are separated when the adjusted p-value is at most this."""
LISTED_FROM = 5
"""Rows with fewer seeds are marked provisional."""
SHARES = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Shares of the weights at which the attained accuracy is shown."""
LEVELS = (0.5, 0.75, 0.9, 0.95, 0.99)
"""Shares of the way from chance to joint at which the weights that it takes are shown."""
RESAMPLING_SEED = 20_200_605
"""Seed of every interval and test, so that a page is the same wherever it is made."""

Points = list[tuple[float, float]]
"""(share of weights used, accuracy) of the runs of one seed that did not fail."""


@dataclass(frozen=True)
class Row:
    """One entrant: what it reached, how sure that is, and the records behind it.

    attained: accuracy at each of SHARES, NaN where no run used so few weights.
    needed: share of the weights at each of LEVELS, NaN where a seed is nowhere so accurate.
    runs: the attempt that counts, by seed; measured: its numbers.
    rank: None for an upper bound; tied: others share it. places: between which ones it stands in
    95 % of resamples over seeds. p_above: adjusted p-value against the row above; below_above:
    probability that a run of that one has the larger hypervolume.
    layer: non-domination rank, 1 is the Pareto front; on_front: probability of being on it. None
    and NaN without a run that did not fail.
    """

    label: str
    entrant: Entrant
    ranked: bool
    mean: Measures
    accuracy: Interval
    hypervolume: Interval
    forgetting: Interval
    attained: tuple[float, ...]
    needed: tuple[float, ...]
    runs: Mapping[Seed, Stored]
    measured: Mapping[Seed, Measures]
    rank: int | None = None
    tied: bool = False
    places: tuple[int, int] | None = None
    p_above: float = math.nan
    below_above: float = math.nan
    layer: int | None = None
    on_front: float = math.nan

    @property
    def place(self) -> str:
        """The rank as it is shown: with = where others share it, a dash for an upper bound."""
        return "-" if self.rank is None else f"{self.rank}{'=' if self.tied else ''}"

    @property
    def scores(self) -> dict[Seed, float]:
        """The hypervolume of each run."""
        return {seed: one.hypervolume for seed, one in self.measured.items()}

    @property
    def points(self) -> dict[Seed, Points]:
        """Where each run lies; nowhere if it failed."""
        return {
            seed: [(one.weights, one.accuracy)] if self.runs[seed].record.status == "ok" else []
            for seed, one in self.measured.items()
        }

    @property
    def seconds(self) -> dict[str, float]:
        """Mean charged seconds by kind of the runs that tell; empty if none does."""
        told = [cost.seconds_by_kind for run in self.runs.values() if (cost := run.record.cost)]
        kinds = sorted({kind for one in told for kind in one})
        return {
            kind: stable(math.fsum(one.get(kind, 0.0) for one in told) / len(told))
            for kind in kinds
        }

    @property
    def failed(self) -> int:
        """How many of the runs the strategy failed."""
        return sum(item.record.status != "ok" for item in self.runs.values())

    @property
    def provisional(self) -> bool:
        """Whether there are too few seeds to be listed."""
        return len(self.runs) < LISTED_FROM


@dataclass(frozen=True)
class Front:
    """A strategy with several configurations: the front of all of them, seed by seed.

    Unranked: at each share it is the best of several runs on the test stream, which flatters.
    """

    strategy: str
    configurations: int
    hypervolume: Interval
    attained: tuple[float, ...]
    needed: tuple[float, ...]


@dataclass(frozen=True)
class Leaderboard:
    """The ranking of one pool.

    rows: best first; upper_bounds: what saw all data at once, unranked.
    records: every attempt; uncounted: those that the machine cut or that repeat a finished one.
    """

    key: PoolKey
    bounds: Bounds
    rows: tuple[Row, ...]
    upper_bounds: tuple[Row, ...]
    fronts: tuple[Front, ...]
    missing: tuple[Missing, ...]
    records: tuple[Stored, ...]
    uncounted: tuple[Stored, ...]

    @property
    def numbered(self) -> list[tuple[str, Row]]:
        """Each row with its place, 1, 2, …, by which figures name it; upper bounds have letters."""
        ranked = [(str(place), row) for place, row in enumerate(self.rows, 1)]
        return ranked + [
            (ascii_lowercase[i % 26] * (i // 26 + 1), row)
            for i, row in enumerate(self.upper_bounds)
        ]


def rank(stored: Sequence[Stored]) -> Leaderboard:
    """The leaderboard of one pool; PoolError names the fields if the records are of several.

    Rows in order of mean hypervolume. A row shares the rank of the one above unless the paired
    test, Holm-adjusted over all neighbours, separates the two.
    """
    key = pools.only_pool(stored)
    within = measures.bounds(key)
    grid = pools.entrants(stored)
    names = pools.labels(grid)
    rows = []
    for entrant, cells in grid.items():
        runs = {seed: run for seed in sorted(cells) if (run := pools.counted(cells[seed]))}
        if runs:
            rows.append(_row(entrant, names[entrant], runs, within))
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
        missing=tuple(pools.missing(grid)),
        records=tuple(every),
        uncounted=tuple(item for item in every if item.path not in counting),
    )


def _row(entrant: Entrant, label: str, runs: Mapping[Seed, Stored], within: Bounds) -> Row:
    measured = {seed: measures.measure(item.record, within) for seed, item in runs.items()}
    row = Row(
        label=label,
        entrant=entrant,
        ranked=any(item.record.ranked for item in runs.values()),
        mean=measures.mean(list(measured.values())),
        accuracy=_interval([one.accuracy for one in measured.values()]),
        hypervolume=_interval([one.hypervolume for one in measured.values()]),
        forgetting=_interval(
            [one.forgetting for one in measured.values() if not math.isnan(one.forgetting)],
            least=-1.0,
        ),
        attained=(),
        needed=(),
        runs=runs,
        measured=measured,
    )
    points = row.points
    return replace(row, attained=_attained(points, within), needed=_needed(points, within))


def _ranked(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows, which come best first, with rank, p-value against the row above, and layer."""
    adjusted = stats.holm([_p_value(above, row) for above, row in pairwise(rows)])
    alive = [i for i, row in enumerate(rows) if row.failed < len(row.runs)]
    layers = stats.non_domination_ranks(
        [rows[i].mean.weights for i in alive], [rows[i].mean.accuracy for i in alive]
    )
    layer = dict(zip(alive, layers, strict=True))
    on_front = dict(zip(alive, _front_probabilities([rows[i] for i in alive]), strict=True))
    places = stats.place_intervals(
        [list(row.scores.values()) for row in rows], rng=np.random.default_rng(RESAMPLING_SEED)
    )
    result: list[Row] = []
    current = 1
    for i, row in enumerate(rows):
        p = stable(adjusted[i - 1]) if i else math.nan
        current = i + 1 if p <= ALPHA else current
        result.append(
            replace(
                row,
                rank=current,
                places=places[i],
                p_above=p,
                below_above=_improvement(rows[i - 1], row) if i else math.nan,
                layer=layer.get(i),
                on_front=on_front.get(i, math.nan),
            )
        )
    ranks = Counter(row.rank for row in result)
    return tuple(replace(row, tied=ranks[row.rank] > 1) for row in result)


def _p_value(one: Row, other: Row) -> float:
    """The paired test over the seeds that both rows have."""
    seeds = sorted(one.scores.keys() & other.scores.keys())
    return stats.paired_sign_flip(
        [one.scores[seed] for seed in seeds],
        [other.scores[seed] for seed in seeds],
        rng=np.random.default_rng(RESAMPLING_SEED),
    )


def _improvement(one: Row, other: Row) -> float:
    scores = (list(row.scores.values()) for row in (one, other))
    return stable(stats.probability_of_improvement(*scores))


def _front_probabilities(rows: Sequence[Row]) -> list[float]:
    """How likely each row is on the front, its seeds drawn anew; failed runs count as worst."""
    return stats.front_probabilities(
        [[one.weights for one in row.measured.values()] for row in rows],
        [[one.accuracy for one in row.measured.values()] for row in rows],
        rng=np.random.default_rng(RESAMPLING_SEED),
    )


def _fronts(rows: Sequence[Row], within: Bounds) -> tuple[Front, ...]:
    """The front of each strategy that has several rows, over the seeds that all of them have."""
    found = []
    for strategy in sorted({row.entrant.strategy for row in rows}):
        own = [row for row in rows if row.entrant.strategy == strategy]
        seeds = sorted(set.intersection(*(set(row.points) for row in own)))
        if len(own) < 2 or not seeds:
            continue
        points = {seed: [point for row in own for point in row.points[seed]] for seed in seeds}
        volumes = [
            stats.hypervolume(some, chance=within.chance, joint=within.joint)
            if some
            else stats.WORST_HYPERVOLUME
            for some in points.values()
        ]
        attained, needed = _attained(points, within), _needed(points, within)
        found.append(Front(strategy, len(own), _interval(volumes), attained, needed))
    return tuple(found)


def _attained(points: Mapping[Seed, Points], within: Bounds) -> tuple[float, ...]:
    """Mean over seeds of the accuracy attained at each of SHARES.

    A seed with no run that small attains chance, so that failing pays at no share; with no such
    run at any seed the strategy has no operating point there: NaN. At all weights every run counts.
    """
    means = []
    for share in SHARES:
        best = [stats.attainment(points[seed], share) for seed in sorted(points)]
        operates = share == 1 or not all(math.isnan(value) for value in best)
        filled = [within.chance if math.isnan(value) else value for value in best]
        means.append(stable(math.fsum(filled) / len(filled)) if operates else math.nan)
    return tuple(means)


def levels(within: Bounds) -> list[float]:
    """The accuracies at LEVELS of the way from chance to joint."""
    return [within.chance + level * (within.joint - within.chance) for level in LEVELS]


def _needed(points: Mapping[Seed, Points], within: Bounds) -> tuple[float, ...]:
    """Mean over seeds of the weights it takes for each of `levels`; NaN unless every seed does."""
    means = []
    for accuracy in levels(within):
        least = [stats.weights_needed(points[seed], accuracy) for seed in sorted(points)]
        means.append(stable(math.fsum(least) / len(least)))
    return tuple(means)


def _interval(values: Sequence[float], least: float = 0.0) -> Interval:
    """The interval of a mean, cut to [least, 1], which loses no coverage of what cannot be."""
    found = stats.mean_interval(values, rng=np.random.default_rng(RESAMPLING_SEED))
    low, high = np.clip([found.low, found.high], least, 1.0)  # NaN stays
    return Interval(stable(found.mean), stable(low), stable(high))
