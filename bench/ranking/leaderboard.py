"""What a leaderboard says: its rows and what each of them reached. How it comes about is in
`bench.ranking.rank`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from string import ascii_lowercase

from bench.ranking import configurations
from bench.ranking.configurations import Configuration, Missing
from bench.ranking.pools import PoolKey, Seed
from bench.ranking.scores import Bounds, Scores, round_significant
from bench.records.store import Stored
from bench.stats.intervals import Interval

LISTED_FROM = 5
"""Rows with fewer seeds are marked provisional."""
SHARES = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Shares of the weights at which the attained accuracy is shown."""
LEVELS = (0.5, 0.75, 0.9, 0.95, 0.99)
"""Shares of the way from chance to joint at which the weights that it takes are shown."""
Points = list[tuple[float, float]]
"""(share of weights used, accuracy) of the runs of one seed that did not fail."""


@dataclass(frozen=True)
class Row:
    """A configuration: what it reached, how sure that is, and the records behind it.

    Attributes:
        label: unique, with every hyper-parameter that differs from the defaults.
        name: short, for tables and figures that tell what all rows share.
        attained: accuracy at each of SHARES, NaN where no run used so few weights.
        needed: share of the weights at each of LEVELS, NaN where a seed is nowhere so accurate.
        runs: the attempt that counts, by seed.
        scores: what each of these runs scores.
        rank: None for an upper bound.
        tied: others share it.
        rank_interval: first and last of the ranks that it takes in 95 % of resamples over seeds.
        p_above: adjusted p-value against the row above; NaN for the first row.
        improvement: probability that a run of the row above has the larger hypervolume.
        non_domination_rank: 1 is the Pareto front; None if every run failed.
        on_front: probability of being on the Pareto front; NaN if every run failed.
    """

    label: str
    name: str
    configuration: Configuration
    ranked: bool
    mean: Scores
    accuracy: Interval
    hypervolume: Interval
    weights: Interval
    forgetting: Interval
    attained: tuple[float, ...]
    needed: tuple[float, ...]
    runs: Mapping[Seed, Stored]
    scores: Mapping[Seed, Scores]
    rank: int | None = None
    tied: bool = False
    rank_interval: tuple[int, int] | None = None
    p_above: float = math.nan
    improvement: float = math.nan
    non_domination_rank: int | None = None
    on_front: float = math.nan

    @property
    def rank_text(self) -> str:
        """The rank as it is shown: with = where others share it, a dash for an upper bound."""
        return "-" if self.rank is None else f"{self.rank}{'=' if self.tied else ''}"

    @property
    def hypervolumes(self) -> dict[Seed, float]:
        """The hypervolume of each run."""
        return {seed: one.hypervolume for seed, one in self.scores.items()}

    @property
    def points(self) -> dict[Seed, Points]:
        """Where each run lies; nowhere if it failed."""
        return {
            seed: [(one.weights, one.accuracy)] if self.runs[seed].record.status == "ok" else []
            for seed, one in self.scores.items()
        }

    @property
    def seconds(self) -> dict[str, float]:
        """Mean charged seconds by kind of the runs that tell; empty if none does."""
        told = [cost.seconds_by_kind for run in self.runs.values() if (cost := run.record.cost)]
        kinds = sorted({kind for one in told for kind in one})
        return {
            kind: round_significant(math.fsum(one.get(kind, 0.0) for one in told) / len(told))
            for kind in kinds
        }

    @property
    def most_charged(self) -> float:
        """The largest share of the budget that a run was charged; NaN if none tells."""
        told = [one.charged for one in self.scores.values() if not math.isnan(one.charged)]
        return max(told, default=math.nan)

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

    @property
    def name(self) -> str:
        """As tables call it."""
        return f"{self.strategy}, front of its {self.configurations} configurations"


@dataclass(frozen=True)
class Leaderboard:
    """The ranking of one pool.

    Attributes:
        rows: best first.
        upper_bounds: what saw all data at once, unranked.
        records: every attempt.
        uncounted: those that the machine cut or that repeat a finished one.
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
    def common(self) -> str:
        """The hyper-parameters that are set in every row, which their names leave out."""
        rows = (*self.rows, *self.upper_bounds)
        shared = configurations.common(row.configuration for row in rows)
        return ", ".join(f"{name}={value}" for name, value in sorted(shared.items()))

    @property
    def numbered(self) -> list[tuple[str, Row]]:
        """Each row with the number that names it in figures; upper bounds have letters."""
        ranked = [(str(number), row) for number, row in enumerate(self.rows, 1)]
        return ranked + [
            (ascii_lowercase[i % 26] * (i // 26 + 1), row)
            for i, row in enumerate(self.upper_bounds)
        ]


def levels(within: Bounds) -> list[float]:
    """The accuracies at LEVELS of the way from chance to joint."""
    return [within.chance + level * (within.joint - within.chance) for level in LEVELS]
