"""What a leaderboard says: its rows and what each of them reached. How it comes about is in
`bench.ranking.rank`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Literal

from bench.ranking import configurations
from bench.ranking.configurations import Configuration, Missing
from bench.ranking.pools import PoolKey, Seed
from bench.ranking.scores import Bounds, Scores, round_significant
from bench.records.by_day import Days
from bench.records.store import Stored
from bench.stats.intervals import Interval
from strategies.entry import Family
from strategies.registry import STRATEGIES

LISTED_FROM = 10
"""Rows with fewer seeds are marked provisional."""
Measure = Literal["score", "accuracy", "memory_score"]
MEASURES: tuple[Measure, ...] = ("score", "accuracy", "memory_score")
"""What rows are ranked by: how good for its size, how good, how good for all it keeps."""
OTHER_CAPS = (0.001, 1.0)
"""The other range of the cap, for the line on sensitivity: the protocol's tenfold lower."""
Ranks = tuple[int, int]
"""First and last rank that a row may have."""
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
        ranks: by each of MEASURES, intervals that hold for all rows at once; empty for an upper
            bound and for a row that is no more accurate than chance.
        collapsed: runs that gained less than half of what the row's median run gained.
        non_domination_rank: 1 is the Pareto front; None if every run failed.
        on_front: probability of being on the Pareto front; NaN if every run failed.
    """

    label: str
    name: str
    configuration: Configuration
    ranked: bool
    mean: Scores
    accuracy: Interval
    loss: Interval
    score: Interval
    memory_score: Interval
    weights: Interval
    capacity: Interval
    forgetting: Interval
    attained: tuple[float, ...]
    needed: tuple[float, ...]
    runs: Mapping[Seed, Stored]
    scores: Mapping[Seed, Scores]
    collapsed: int
    ranks: Mapping[Measure, Ranks] = field(default_factory=dict)
    non_domination_rank: int | None = None
    on_front: float = math.nan

    @property
    def family(self) -> Family:
        """By what the strategy keeps what it knows; plain for a user's own."""
        entry = STRATEGIES.get(self.configuration.strategy)
        return entry.family if entry else "plain"

    @property
    def reproduced(self) -> str:
        """Whether figures of its source were reached; empty where nobody has compared them."""
        entry = STRATEGIES.get(self.configuration.strategy)
        found = entry.reproduced if entry else ()
        return "; ".join(
            f"{one.verdict} on {one.on}: published {one.published}, measured {one.measured} "
            f"({one.page})"
            for one in found
        )

    def by(self, measure: Measure) -> dict[Seed, float]:
        """One of MEASURES of each run."""
        return {seed: getattr(one, measure) for seed, one in self.scores.items()}

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
    score: Interval
    attained: tuple[float, ...]
    needed: tuple[float, ...]

    @property
    def name(self) -> str:
        """As tables call it."""
        return f"{self.strategy}, front of its {self.configurations} configurations"


@dataclass(frozen=True)
class Sensitivity:
    """The order by score under another range of the cap.

    Attributes:
        tau: Kendall's, between the two orders; NaN below two rows.
        first: the name of the row that would lead; empty without rows.
    """

    tau: float
    first: str


@dataclass(frozen=True)
class Leaderboard:
    """The ranking of one pool.

    Attributes:
        rows: with a place, best score first.
        unplaced: rows that are no more accurate than chance, by name.
        upper_bounds: what saw all data at once, unranked.
        told_apart: by each of MEASURES, pairs of rows that the test separates, and all pairs.
        disagreements: pairs of names by score that only one of the two tests separates.
        tau: Kendall's, between the order by score and that by accuracy; NaN below two rows.
        sensitivity: how the order by score changes with the range of the cap.
        records: every attempt.
        uncounted: those that the machine cut or that repeat a finished one.
        defaults: of a tuned leaderboard, that of the same conditions at the defaults; None for any
            other, or where there is none.
    """

    key: PoolKey
    bounds: Bounds
    rows: tuple[Row, ...]
    unplaced: tuple[Row, ...]
    upper_bounds: tuple[Row, ...]
    fronts: tuple[Front, ...]
    told_apart: Mapping[Measure, tuple[int, int]]
    disagreements: tuple[tuple[str, str], ...]
    tau: float
    sensitivity: Sensitivity
    missing: tuple[Missing, ...]
    records: tuple[Stored, ...]
    uncounted: tuple[Stored, ...]
    defaults: Leaderboard | None = None

    @property
    def floors(self) -> Mapping[str, float]:
        """What rules reach that see labels and no inputs; empty where they are not asked.

        By day on a stream by day and night, and on the next experience where experiences pass into
        each other.
        """
        outcomes = [item.record.outcome for item in self.records if item.record.outcome is not None]
        followed = [one.following.floors for one in outcomes if one.following is not None]
        return _means([one.days.rules for one in outcomes if one.days is not None] or followed)

    @property
    def losses_of_rules(self) -> Mapping[str, float]:
        """What such rules miss numbers by that are to be estimated; empty where none are."""
        outcomes = (item.record.outcome for item in self.records)
        days = [one.days for one in outcomes if one is not None and one.days is not None]
        return _means([one.losses.floors for one in days if one.losses is not None])

    @property
    def nights(self) -> int:
        """Of such a stream; 0 for any other."""
        return 0 if self._days is None else len(self._days.accuracy) + 1  # the first is not asked

    @property
    def _days(self) -> Days | None:
        outcomes = (item.record.outcome for item in self.records)
        found = (outcome.days for outcome in outcomes if outcome is not None)
        return next((days for days in found if days is not None), None)

    @property
    def every_row(self) -> tuple[Row, ...]:
        """All rows: those with a place, those without, upper bounds."""
        return (*self.rows, *self.unplaced, *self.upper_bounds)

    @property
    def common(self) -> str:
        """The hyper-parameters that are set in every row, which their names leave out.

        None of a tuned leaderboard, of which a table has all that the search chose.
        """
        if self.key.tuned:
            return ""
        shared = configurations.common(row.configuration for row in self.every_row)
        return ", ".join(f"{name}={value}" for name, value in sorted(shared.items()))


def _means(every: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of what runs say alike: by seed, as classes differ in their order."""
    names = [name for name in (every[0] if every else ()) if all(name in one for one in every)]
    return {name: fmean(one[name] for one in every) for name in names}


def levels(within: Bounds) -> list[float]:
    """The accuracies at LEVELS of the way from chance to joint."""
    return [within.chance + level * (within.joint - within.chance) for level in LEVELS]
